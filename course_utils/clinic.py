"""The clinic of lesson 7: patients whose training has a hidden fault, instruments at a price, and the code at the end.

The lesson builds the healthy training and every instrument in view. Here they are for patients whose code is not seen
before a diagnosis is right.
"""

import inspect
import math
import random
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import torch
from IPython.display import Markdown, display
from torch import Tensor, nn
from torch.nn import functional as F

from .data import Digits, to_inputs
from .plotting import plot_loss
from .training import History, squared_error, to_digits

BATCH, EPOCHS, WRONG_PRICE = 64, 5, 5
SECTIONS = re.findall(
    r"## (\w) · ([^\n]+)\n\n(.*?)\n(?=\n#|$)", Path(__file__).with_suffix(".md").read_text("utf-8"), re.DOTALL
)
CAUSES = {letter: name for letter, name, _ in SECTIONS}
EXPLAINED = {letter: text for letter, _, text in SECTIONS}
AT_THE_END = "KL"  # these faults leave the training as it was, so another fault may come with them


def five_steps(model, images, labels, loss_fn, optimizer):
    outputs = model(images)
    loss = loss_fn(outputs, labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def shuffled(labels, generator):
    return torch.randperm(len(labels), generator=generator)


@dataclass(frozen=True)
class Training:
    """All that can be wrong in a training. As it stands here, it is the healthy one."""

    inputs: Callable = to_inputs  # pixels, for training
    inputs_asked: Callable | None = None  # and when it is asked; None for the same
    hidden: tuple = ()  # layers behind the ReLU
    ending: tuple = ()  # layers behind the logits
    outputs: int = 10
    loss_fn: Callable = F.cross_entropy
    step: Callable = five_steps
    order: Callable = shuffled
    rate: float = 0.2
    digits: int = 0  # training digits; 0 takes them all
    mode: str = "eval"  # when it is asked


# A fault, and the same training without it ----------------------------------------------------------------------------


def fault_a(sick):
    return {"rate": 10.0 if sick else 0.2}


def fault_b(sick):
    return {"ending": (nn.Softmax(dim=1),) if sick else (), "loss_fn": nn.CrossEntropyLoss()}


def fault_c(sick):
    def one_digit_after_the_other(labels, generator):
        return labels.argsort(stable=True)

    return {"order": one_digit_after_the_other if sick else shuffled}


def fault_d(sick):
    def mean_square(answers, labels):
        return ((answers - labels) ** 2).mean()  # [N, 1] − [N]

    return {"outputs": 1, "rate": 0.01, "loss_fn": mean_square if sick else squared_error}


def fault_e(sick):
    return {"ending": (nn.LogSoftmax(dim=0 if sick else 1),), "loss_fn": nn.NLLLoss()}


def fault_f(sick):
    return {"rate": 0.0002 if sick else 0.2}


def fault_g(sick):
    def four_steps(model, images, labels, loss_fn, optimizer):
        loss = loss_fn(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return {"step": four_steps if sick else five_steps}


def fault_h(sick):
    return {"ending": (nn.Softmax(dim=1) if sick else nn.LogSoftmax(dim=1),), "loss_fn": nn.NLLLoss()}


def fault_i(sick):
    def as_they_come(images):
        return images.float()  # 0 to 255

    return {"inputs": as_they_come if sick else to_inputs}


def fault_j(sick):
    return {"digits": 200 if sick else 0}  # the number of steps stays the same


def fault_k(sick):
    return {"hidden": (nn.Dropout(0.8),), "mode": "train" if sick else "eval"}


def fault_l(sick):
    def from_minus_1_to_1(images):
        return to_inputs(images, normalise=(0.5, 0.5))

    return {"inputs_asked": from_minus_1_to_1 if sick else None}


FAULTS = dict(
    zip(
        "ABCDEFGHIJKL",
        (fault_a, fault_b, fault_c, fault_d, fault_e, fault_f, fault_g, fault_h, fault_i, fault_j, fault_k, fault_l),
        strict=True,
    )
)


# A patient ------------------------------------------------------------------------------------------------------------


def admit(digits: Digits, number: int | None = None, *, seed: int | None = None) -> "Patient":
    """A patient: one of the twelve by its number, or a fresh one from a seed, with one fault or two.

    `digits` are those that it learns from and is examined on: the training and the validation digits.
    Raises ValueError for neither or both, and for a number that is not one of 1 to 12.
    """
    if (number is None) == (seed is None):
        raise ValueError("give the number of a patient, 1 to 12, or a seed for a fresh one")
    if number is not None:
        if number not in range(1, 13):
            raise ValueError(f"there are patients 1 to 12, and no {number}")
        return Patient(f"Patient {number}", random.Random(21).sample(sorted(CAUSES), 12)[number - 1], 0, digits)
    drawn = random.Random(f"fresh {seed}")
    faults = drawn.choice(sorted(CAUSES))
    if drawn.random() < 0.3 and faults not in AT_THE_END + "DE":
        faults += drawn.choice(AT_THE_END)
    return Patient(f"Fresh patient {seed}", faults, seed, digits)


class Patient:
    """A training with hidden faults: `symptom` is free, `order` costs, `diagnose` commits, `open` shows the code."""

    def __init__(self, name: str, faults: str, seed: int, digits: Digits):
        self.name, self._faults, self._seed, self._digits = name, faults, seed, digits
        self.bill: dict[str, int] = {}  # what was ordered, at what price
        self._wrong, self._found = 0, False

    def __repr__(self) -> str:
        return f"{self.name}: {len(self.bill)} instruments ordered, {self.cost} paid"

    @property
    def cost(self) -> int:
        """What was paid: for instruments, and 5 for each wrong diagnosis."""
        return sum(self.bill.values()) + WRONG_PRICE * self._wrong

    def symptom(self) -> None:
        """What everybody sees, for nothing: the training curve, and how many validation digits it reads right."""
        ax = plot_loss(self._trained[1])
        losses = self._trained[1].batch_losses
        ax.set_title(f"{self.name}: {self._right(self._sick):.1%} right")
        finite = [loss for loss in losses if math.isfinite(loss)]
        low, high = min(finite), sorted(finite)[int(0.995 * len(finite))]
        if high > 50:
            ax.set_yscale("log")
        else:
            ax.set_ylim(min(0, 1.1 * low), max(3.0, 1.1 * high))
        print(
            f"first batch {losses[0]:.3f}, highest {max(finite):.4g}, last epoch {self._trained[1].train_loss[-1]:.3f}"
        )

    def order(self, instrument: str) -> None:
        """Put a price on the bill and print what the instrument shows. Raises KeyError for one that does not exist."""
        if instrument not in INSTRUMENTS:
            raise KeyError(f"there is no instrument {instrument!r}; there are {', '.join(INSTRUMENTS)}")
        price, look = INSTRUMENTS[instrument]
        self.bill.setdefault(instrument, price)
        print(f"{self.name}, {instrument} ({price}):")
        for line in look(self):
            print(f"   {line}")

    def diagnose(self, causes: str) -> bool:
        """Commit to a cause, such as "A", or to two, "AL". Says whether it is right; a wrong one costs 5."""
        named = "".join(sorted(set(causes.upper()) & set(CAUSES)))
        self._found = named == "".join(sorted(self._faults))
        if self._found:
            print(f"{self.name}: right. You paid {self.cost}.")
            return True
        self._wrong += 1
        part = set(named) & set(self._faults)
        said = "that is part of it" if part and set(named) <= set(self._faults) else "it is something else"
        print(f"{self.name}: no, {said}. {WRONG_PRICE} more on your bill, which is {self.cost} now.")
        return False

    def open(self) -> None:
        """Show the code of the fault, and the healed curve beside the sick one. Only after a right diagnosis."""
        if not self._found:
            print(f"{self.name} stays closed until the diagnosis is right. (To give it up: reveal().)")
            return
        for letter in self._faults:
            code = inspect.getsource(FAULTS[letter])
            display(Markdown(f"**{letter} · {CAUSES[letter]}**\n\n```python\n{code}```\n\n{EXPLAINED[letter]}"))
        model, history = _train(self._healed, self._digits, self._seed)
        same = self._healed.loss_fn.__class__ is self._sick.loss_fn.__class__
        ax = plot_loss(self._trained[1], history, labels=("sick", "healed"))
        top = max(3.0, 1.2 * history.batch_losses[0]) if same else None
        ax.set_title(
            f"{self.name}: {self._right(self._sick):.1%}, healed {_right(model, self._healed, self._digits):.1%}"
        )
        ax.set_ylim(min(0.0, 1.1 * min(self._trained[1].train_loss)), top)

    def reveal(self) -> None:
        """Give the patient up: its letters are told, and opening it is free."""
        print(f"{self.name}: {self._faults}. Given up after {self.cost}.")
        self._found = True

    @cached_property
    def chart(self) -> dict[str, float]:
        """All readings, by the names that the instruments print: for a doctor who is a program."""
        return {name: float(f"{value:.4g}") for name, value in _readings(self).items()}

    # What only the instruments see

    @property
    def _sick(self) -> Training:
        return self._with(True)

    @property
    def _healed(self) -> Training:
        return self._with(False)

    def _with(self, sick: bool) -> Training:
        changes = [FAULTS[letter](sick) for letter in self._faults]
        return replace(Training(), **{name: value for change in changes for name, value in change.items()})

    @cached_property
    def _trained(self) -> tuple[nn.Sequential, History]:
        return _train(self._sick, self._digits, self._seed)

    def _right(self, training: Training) -> float:
        return _right(self._trained[0], training, self._digits)


def _network(training: Training, seed: int) -> nn.Sequential:
    torch.manual_seed(seed)
    last = nn.Linear(64, training.outputs)
    first = nn.Linear(28 * 28, 64)
    return nn.Sequential(nn.Flatten(), first, nn.ReLU(), *training.hidden, last, *training.ending)


def _train(training: Training, digits: Digits, seed: int) -> tuple[nn.Sequential, History]:
    model, (images, labels) = _network(training, seed), digits.train
    steps = EPOCHS * math.ceil(len(labels) / BATCH)
    images, labels = (part[: training.digits or None] for part in (images, labels))
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(model.parameters(), lr=training.rate)
    history, losses = History(), []
    while len(losses) < steps:
        for chosen in training.order(labels, generator).split(BATCH):
            batch = training.inputs(images[chosen]), labels[chosen]
            losses.append(float(training.step(model, *batch, training.loss_fn, optimizer)))
    history.batch_losses = losses[:steps]
    each = steps // EPOCHS
    history.train_loss = [sum(losses[k * each : (k + 1) * each]) / each for k in range(EPOCHS)]
    return model, history


def _ask(model: nn.Sequential, training: Training, images: Tensor, size: int = 1000) -> Tensor:
    model.train(training.mode == "train")
    inputs = (training.inputs_asked or training.inputs)(images)
    with torch.no_grad():
        return torch.cat([model(part) for part in inputs.split(size)])


def _right(model: nn.Sequential, training: Training, digits: Digits) -> float:
    read = to_digits(_ask(model, training, digits.validation.images))
    return (read == digits.validation.labels).double().mean().item()


# Instruments ----------------------------------------------------------------------------------------------------------


def _batch(patient: Patient) -> tuple[Training, Tensor, Tensor]:
    training, (images, labels) = patient._sick, patient._digits.train
    labels_in = labels[: training.digits or None]
    chosen = training.order(labels_in, torch.Generator().manual_seed(patient._seed))[:BATCH]
    return training, training.inputs(images[chosen]), labels[chosen]


def _readings(patient: Patient) -> dict[str, float]:
    training, inputs, labels = _batch(patient)
    model, history = patient._trained
    fresh = _network(training, patient._seed).eval()
    before = [weight.detach().clone() for weight in fresh.parameters()]
    optimizer = torch.optim.SGD(fresh.parameters(), lr=training.rate)
    with torch.no_grad():
        outputs = fresh(inputs)
    training.step(fresh, inputs, labels, training.loss_fn, optimizer)
    moved = sum((one - other).norm() ** 2 for one, other in zip(fresh.parameters(), before, strict=True)) ** 0.5
    left = sum(weight.grad.abs().sum().item() for weight in fresh.parameters() if weight.grad is not None)
    by_heart = _network(training, patient._seed).train()
    optimizer = torch.optim.SGD(by_heart.parameters(), lr=training.rate)
    for _ in range(200):
        last = float(training.step(by_heart, inputs, labels, training.loss_fn, optimizer))
    asked = (training.inputs_asked or training.inputs)(patient._digits.validation.images)
    some = patient._digits.validation.images[:200]
    answers, again = (to_digits(_ask(model, training, some)) for _ in range(2))
    alone = to_digits(_ask(model, training, some, size=1))
    taught = training.digits or len(patient._digits.train.labels)
    images, truth = (part[: min(1000, taught)] for part in patient._digits.train)
    with torch.no_grad():
        hidden = model.eval()[:3](training.inputs(images))
        seen = to_digits(torch.cat([model(part) for part in training.inputs(images).split(1000)]))
    right = (seen == truth).double().mean().item()
    right_alone = (alone == patient._digits.validation.labels[:200]).double().mean().item()
    return {
        "smallest input": inputs.min().item(), "largest input": inputs.max().item(),
        "kinds of digits in a batch": len(labels.unique()), "training digits": taught,
        "numbers in an answer": outputs.shape[1], "sum of a row": outputs.sum(dim=1).mean().item(),
        "sum of exp of a row": outputs.exp().sum(dim=1).mean().item(),
        "smallest when asked": asked.min().item(), "largest when asked": asked.max().item(),
        "step over weights": (moved / sum(one.norm() ** 2 for one in before) ** 0.5).item(), "gradients left": left,
        "dead neurons": int((hidden == 0).all(dim=0).sum()), "one batch, 200 steps": last,
        "right one by one": right_alone, "same answer twice": (answers == again).double().mean().item(),
        "right on training digits": right, "right on validation": patient._right(training),
        "first loss": history.batch_losses[0], "lowest loss": min(history.batch_losses),
        "last loss": history.train_loss[-1],
    }  # fmt: skip


def _lines(*names: str) -> Callable[[Patient], list[str]]:
    return lambda patient: [f"{name}: {patient.chart[name]:g}" for name in names]


INSTRUMENTS = {
    "inputs": (1, _lines("smallest input", "largest input")),
    "labels": (1, _lines("kinds of digits in a batch", "training digits")),
    "answer": (1, _lines("numbers in an answer", "sum of a row", "sum of exp of a row")),
    "inputs when asked": (1, _lines("smallest when asked", "largest when asked")),
    "step": (2, _lines("step over weights", "gradients left")),
    "neurons": (2, _lines("dead neurons")),
    "one batch": (3, _lines("one batch, 200 steps")),
    "asked again": (3, _lines("right one by one", "same answer twice")),
    "training digits": (3, _lines("right on training digits", "right on validation")),
}
