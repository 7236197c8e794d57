"""Lesson 6, the clinic: name the cause of a curve, repair the code, find a rate, choose honestly, diagnose a ward."""

import math
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

from ..data import batches, load_digits, to_inputs
from ..training import fit, squared_error
from .exercise import Code, Exercise, NotRight, drawn
from .judging import number_of, tensor_of
from .lesson_0 import INPUTS
from .lesson_3 import STEP
from .running import in_words

# The list of causes, as in the lesson, and what each of them looks like ---------------------------------------------

CAUSES = {
    "A": ("a learning rate too large", "it starts at ln 10, leaps far above it, and stays at or above ln 10"),
    "B": ("two softmaxes", "it starts at ln 10 and sinks slowly, and nothing gets it below 1.4612"),
    "C": ("sorted digits", "each digit's loss dives towards 0, and leaps up at the next digit, like a saw's teeth"),
    "D": ("[N, 1] against [N]", "a squared error, which starts near the mean square and settles at the variance"),
    "E": ("softmax over the batch axis", "it starts at the logarithm of the batch size, whatever the number of classes"),
    "F": ("a learning rate too small", "it starts at ln 10, and hardly leaves it, without any leap"),
    "G": ("gradients never zeroed", "it starts at ln 10, falls at first, turns, and swings ever higher"),
    "H": ("a softmax where `NLLLoss` wants its logarithm", "it is negative, from −0.1 towards −1"),
    "I": ("pixels left at 0..255", "its very first loss lies far above ln 10, before any step was taken"),
    "J": ("chosen with the test digits", "no training curve shows it: the score is too good, and fresh digits tell"),
}  # fmt: skip
LIST = "The letters stand in the list of causes, near the top of the lesson. "
NO_WAY_BACK = (
    "The numbers are right, but they have lost their way back to the network, so `backward()` finds nothing to change. Compute "
    "with tensors from end to end: without `.item()`, `.detach()`, NumPy or lists."
)


def _letter(value, what="your answer"):
    """A cause's letter, small or large, with or without spaces."""
    if not isinstance(value, str):
        raise NotRight(f'A letter from the list of causes is wanted, such as "A", and {what} is {in_words(value)}.')
    letter = value.strip(" .():").upper()
    if letter not in CAUSES:
        raise NotRight(f"The list of causes goes from A to J, and {what} is `{value.strip()[:20]}`.")
    return letter


def _told(letter, words):
    name, looks = CAUSES[letter]
    return f"{letter}, {name}: {looks}. {words}"


def _cause(number, patient, right, against, hints, why, **besides):
    """An exercise that asks for a patient's cause: what a wrong one does not fit, and other words for some letters."""
    words = {letter: _told(letter, besides.get(letter, against)) for letter in CAUSES if letter != right}

    def judge_cause(outcomes):
        letter = _letter(outcomes[0].value)
        if letter != right:
            raise NotRight(words[letter])

    return Exercise(
        number,
        f"the cause of patient {patient}",
        f'my_cause_{patient} = "{right}"',
        judge=judge_cause,
        mistakes={text: letter for letter, text in words.items()},
        hints=(LIST + hints[0], hints[1], f"Of one cause this is true: {CAUSES[right][1]}."),
        why=why,
    )


CAUSE_1 = _cause(
    "6.2", 1, "H",
    "This curve starts at −0.1. Which network hands the loss a number between 0 and 1?",
    hints=("Which of them makes a loss negative?",
           "A log-probability is at most 0, so its negative is at least 0. What would make `NLLLoss` negative, then?"),
    why="The network answers with probabilities, and `NLLLoss` expects their logarithms. No true loss of this kind can be negative.",
)  # fmt: skip
CAUSE_2 = _cause(
    "6.4", 2, "E",
    "This curve starts at 4.16, and e to the power of 4.16 is 64. What is there 64 of?",
    hints=("The start gives it away: of what number is 4.16 the logarithm?", "ln 64 = 4.159, and a batch holds 64 digits."),
    why="Each column was made to sum to 1, so every digit got 1/64 of a class instead of each class 1/10 of a digit.",
    H="This one is positive, so the logarithm is there. Look at the softmax itself, and at its `dim`.",
)  # fmt: skip
CAUSE_3 = _cause(
    "6.7", 3, "B",
    "This curve starts at ln 10, sinks steadily, and stays above 1.46. Count the softmaxes between logits and loss.",
    hints=("Which of them has a floor that no training can pass?",
           "Lesson 3 met this floor: the best loss that a perfect *probability* can have, if it is taken for a logit."),
    why="The network ends in a softmax, and `CrossEntropyLoss` brings another. The landmark 1.4612 tells.",
    H="Here the loss brings a logarithm along, and so it is positive. What else does this loss bring along?",
    F="This one does fall, for a while as fast as you like. It is a floor that stops it, at 1.4612.",
)  # fmt: skip
CAUSE_4 = _cause(
    "6.9", 4, "G",
    "This curve starts at ln 10 and falls at first, so inputs, outputs and rate can't be far off. Then it turns. Look at the step, "
    "line by line, and count to five.",
    hints=("Network, loss, inputs, order and rate are the healthy patient's. So it is the step.",
           "Say the five steps aloud: forward, loss, backward, step, zero the gradients."),
    why="`backward()` adds to `.grad`. Never emptied, it holds the sum of all gradients since the beginning.",
    A="The healthy patient has the same rate, and does well with it. Compare the two step functions.",
)  # fmt: skip
CAUSE_5 = _cause(
    "6.11", 5, "I",
    "This curve's first loss is many times ln 10, and no step had been taken then. So neither the rate nor the gradients nor the "
    "order can have done it: look at what goes in.",
    hints=("Look at the first loss alone: which causes can act before the first step?",
           "A network that is unsure starts at ln 10. One that starts far above is sure of wrong things: its logits are huge."),
    why="Inputs 255 times as large make logits far too large, so the untrained network is sure, and wrong.",
    A="The leaps are there, but look at the very first loss: many times ln 10, before any step was taken. No rate can do that.",
)  # fmt: skip
CAUSE_6 = _cause(
    "6.13", 6, "D",
    "This is a squared error that settles at the variance of the labels: the network gives one and the same answer to everything. "
    "Compare the shapes that meet in the loss.",
    hints=("Lesson 2 had a landmark for a network that always gives the same answer.",
           "The warning names two sizes. Which of them is the answers', and which the labels'?"),
    why="Every answer was compared with every label, so the best that any answer can do is the mean of all labels.",
    F="This one falls fast, and then settles at the variance: it has learned the mean, and nothing else.",
)  # fmt: skip
CAUSE_7 = _cause(
    "6.15", 7, "C",
    "This curve falls and leaps up again, each time after as many batches as there are of one digit. In what order do the digits come?",
    hints=("The teeth are as long as there are batches of one digit.",
           "Lesson 0 warned: pictures come folder by folder, first the zeros, then the ones."),
    why="Within one digit the cheapest thing to learn is to name that digit, whatever the picture. The last one taught wins.",
    A="The leaps here come at regular places: wherever one digit ends and the next begins.",
)  # fmt: skip

# Patients 1 to 3 ------------------------------------------------------------------------------------------------------

LANDMARKS = Exercise(
    "6.1",
    "landmarks before the run",
    "my_landmarks = [-0.1, -1]",
    rtol=5e-3,
    mistakes={
        "That is where a healthy patient starts and ends. This loss takes no logarithm anywhere.": [math.log(10), 0],
        "Those belong to a cross entropy. This loss takes no logarithm at all.": [math.log(10), 1.4612],
        "The right two numbers, and `NLLLoss` is a *negative* log-likelihood: it puts a minus in front.": [0.1, 1],
        "The right two numbers in the wrong order: first where it starts, then where it cannot pass.": [-1, -0.1],
        "The start is right. Now say what a perfect answer gives the true digit, and put a minus in front.": [-0.1, 0],
        "No logarithm is taken here: the number at the true digit's place is itself a probability.": [-math.log(10), 0],
    },
    hints=(
        "`NLLLoss` picks the number at the true digit's place, averages, and puts a minus in front. It takes no logarithm.",
        "Ten equal probabilities: what stands at the true digit's place? And in a perfect answer?",
        "Untrained, the true digit gets one tenth; in a perfect answer it gets everything. Mind the minus.",
    ),
    why="Untrained, the true digit gets about one tenth, so the loss starts at −0.1. A probability is at most 1, so the loss cannot "
    "pass −1.",
)


def my_outputs(logits):
    return torch.log_softmax(logits, dim=1)


OUTPUTS = Exercise(
    "6.3",
    "outputs that suit NLLLoss",
    my_outputs,
    inputs=[
        (torch.tensor([[1.0, 0.0]]),),
        (drawn(2, 3, seed=1),),
        (drawn(4, 4, seed=2),),
        (drawn(5, 10, seed=3, dtype=torch.float64),),
        (torch.tensor([[200.0, 0.0, -200.0]]),),
    ],
    use="reaches",
    parts=("the result", "its way back"),
    mistakes={
        "These are the probabilities. `NLLLoss` puts a minus in front and takes no logarithm: that is the fault itself. Give it the "
        "logarithms.": lambda logits: logits.softmax(dim=1),
        "The softmax ran down the columns, over the batch. Each row is a digit of its own: `dim=1`.": lambda logits: logits.log_softmax(dim=0),
        "These are the bare logits. They are no log-probabilities yet: in no row do their exponentials sum to 1.": lambda logits: logits,
        "The sign is turned round. `NLLLoss` puts the minus in front itself.": lambda logits: -logits.log_softmax(dim=1),
        "Right for small logits. For `[200, 0, -200]` a probability was rounded to 0, and its logarithm is minus infinity. "
        "`torch.log_softmax` does both at once, and stays finite.": lambda logits: logits.softmax(dim=1).log(),
        "Right for small logits. For `[200, 0, -200]` an exponential grew beyond the largest number. `torch.log_softmax` guards "
        "against that.": lambda logits: logits - logits.exp().sum(dim=1, keepdim=True).log(),
        NO_WAY_BACK: lambda logits: logits.log_softmax(dim=1).detach(),
    },
    hints=(
        "`NLLLoss` wants log-probabilities. Lesson 3 built them from the formula.",
        "The softmax along each row, and its logarithm. torch does both in one call, which stays finite where two calls do not.",
        "Its name says both, the logarithm first. As for `softmax`, `dim` says along which axis the probabilities sum to 1.",
    ),
    why="The logarithm is what turns 'the true digit got 0.01' into a cost of 4.6, where the bare probability makes it 0.99 better "
    "to be right than wrong, and no more.",
)  # fmt: skip

START = Exercise(
    "6.5",
    "its start in batches of 100",
    "my_start = math.log(100)  # 4.605",
    rtol=5e-3,
    mistakes={
        "That is where a healthy patient starts, with batches of any size.": math.log(10),
        "That is the start with batches of 64. Now there are 100 digits in a batch.": math.log(64),
        "That is the number of digits. The loss is the logarithm of it.": 100,
        "That is the logarithm to base 10. The loss takes the natural one, `math.log`.": 2,
        "The sign is turned round: 1/100 has a negative logarithm, and the loss turns it.": -math.log(100),
    },
    hints=(
        "In batches of 64 it started at ln 64. What would share its 1 among more digits?",
        "Each column shares 1 among 100 digits, so each gets about 1/100.",
        "The loss is minus the natural logarithm of that share.",
    ),
    why="−ln(1/100) = ln 100 = 4.605. A loss at the start that depends on the batch size is the mark of this fault.",
)


def my_examination(outputs):
    sums = outputs.exp().sum(dim=1)
    return torch.allclose(sums, torch.ones_like(sums), atol=1e-4)


def _sums_to_1(sums, within=1e-3):
    return bool(((sums - 1).abs() < within).all())


EXAMINATION = Exercise(
    "6.6",
    "an examination for log-probabilities",
    my_examination,
    inputs=[
        (Code("torch.tensor([[0.2, 0.3, 0.5]]).log()"),),
        (Code("torch.tensor([[1.0, -2.0, 0.5]])"),),
        (Code("torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])"),),
        (Code("torch.tensor([[0.9, 0.7], [0.1, 0.3]]).log()"),),  # the whole sum is right, and so is each column's
        (Code("torch.tensor([[0.9, 0.8], [0.05, 0.1], [0.05, 0.1]]).log()"),),
        (Code("torch.tensor([[0.2, 0.8], [0.2, 0.1]]).log()"),),
        (Code("torch.tensor([[0.2, 0.8], [0.5, 0.45]]).log()"),),
        (Code("torch.tensor([[0.2, 0.85], [0.5, 0.5]]).log()"),),
        (Code("torch.randn(64, 10).mul(3).log_softmax(dim=1)"),),
        (Code("torch.randn(7, 10).log_softmax(dim=1)"),),
        (Code("torch.randn(64, 10).log_softmax(dim=0)"),),
    ],
    mistakes={
        "Your examination says True to a softmax over the batch, the very fault it is to find. Sum the probabilities along each row: "
        "`dim=1`.": lambda outputs: _sums_to_1(outputs.exp().sum(dim=0)),
        "Your examination takes in the whole sum. Where the digits of a batch share 1 for each class, that comes out right too. Every "
        "row by itself must sum to 1.": lambda outputs: _sums_to_1(outputs.exp().sum() / len(outputs)),
        "Your examination says True to plain probabilities. It is to tell *log*-probabilities: take `outputs.exp()` before you "
        "sum.": lambda outputs: _sums_to_1(outputs.sum(dim=1)),
        "That no log-probability is above 0 is true, and not enough: a softmax over the batch passes too. Each row's probabilities must "
        "sum to 1.": lambda outputs: bool((outputs <= 0).all()),
        "Your examination says True where only some of the rows are sound. Every single row must sum to 1: "
        "`.all()`.": lambda outputs: any(_sums_to_1(row.exp().sum()) for row in outputs),
        "Your examination asks for exactly 1, and so it says False to sound outputs: computers round. Compare with a tolerance "
        "(`torch.allclose`), never with `==`.": lambda outputs: bool((outputs.exp().sum(dim=1) == 1).all()),
        "Your tolerance is so wide that rows which sum to 0.95 and 1.05 pass. Rounding alone is about a millionth: 0.001 is "
        "wide enough.": lambda outputs: _sums_to_1(outputs.exp().sum(dim=1), within=0.1),
        "These are verdicts on each row. One verdict on all of them is wanted: `.all()`, or `torch.allclose`.": lambda outputs: (outputs.exp().sum(dim=1) - 1).abs() < 1e-3,
    },
    hints=(
        "Turn log-probabilities back into probabilities, and sum them. Along which axis must it give 1?",
        "`outputs.exp()` are the probabilities; `sum(dim=1)` then gives one sum for each digit.",
        "Compare all sums with 1 at once, and with a tolerance: `help(torch.allclose)`.",
    ),
    why="Whatever else a network says, its ten probabilities for one digit must sum to 1. It takes one line to check.",
)  # fmt: skip


def my_loss(probabilities, labels):
    return nn.functional.nll_loss(probabilities.log(), labels)


def _true(probabilities, labels):
    """The probability of each true digit."""
    return probabilities[range(len(labels)), labels]


LOSS = Exercise(
    "6.8",
    "a loss for a network that answers probabilities",
    my_loss,
    inputs=[
        (torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.7, 0.2]]), torch.tensor([0, 2])),
        (torch.tensor([[0.25, 0.75]]), torch.tensor([0])),
        (torch.tensor([[0.6, 0.4], [0.9, 0.1]]), torch.tensor([1, 1])),
        (Code("torch.randn(10, 10).softmax(dim=1)"), torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])),
        (Code("torch.randn(4, 10).double().softmax(dim=1)"), torch.tensor([7, 0, 9, 1])),
    ],
    use="reaches",
    parts=("the loss", "its way back"),
    mistakes={
        "This is the fault itself: cross entropy takes the probabilities for logits, and runs a softmax over them once more. Take the "
        "logarithm of the probability that is there.": F.cross_entropy,
        "This is minus the mean probability, patient 1's loss: the logarithm is missing.": F.nll_loss,
        "This is the sum over the digits of a batch. The loss is their mean.": lambda p, labels: -_true(p, labels).log().sum(),
        "The sign is turned round: a loss grows as things get worse.": lambda p, labels: _true(p, labels).log().mean(),
        "This is the logarithm of the mean probability. First the logarithms, then their mean.": lambda p, labels: -_true(p, labels).mean().log(),
        "This takes in the probabilities of the wrong digits too. Only the true digit's counts: pick it with "
        "`probabilities[range(len(labels)), labels]`, or let `nll_loss` do it.": lambda p, labels: -p.log().mean(),
        NO_WAY_BACK: lambda p, labels: my_loss(p, labels).item(),
    },
    hints=(
        "Minus the logarithm of the probability of the true digit, averaged. The probabilities are there already.",
        "`probabilities[range(len(labels)), labels]` picks the true digit's in each row.",
        "`nll_loss` picks and averages too, and puts the minus in front. It wants logarithms; a tensor has `.log()`.",
    ),
    why="One softmax is in the network, so the loss must bring none. Better still is to take the network's softmax off: the logarithm "
    "of a probability that was rounded to 0 is minus infinity.",
)  # fmt: skip

# Patients 4 to 7: two repairs have been asked for in earlier lessons --------------------------------------------------

REPAIRED_STEP = replace(
    STEP,
    number="6.10",
    title="repair the step",
    hints=(
        "Four of the five steps are there. Which is missing, and where may it stand?",
        "Gradients are to be empty when `backward()` adds to them, and full when `step()` reads them.",
        "The optimizer has a method that empties them. After `step()` or before `backward()`, but never between the two.",
    ),
    why="Each batch now starts with empty gradients. Before `backward()` would do as well; between `backward()` and `step()` would "
    "throw away what was just computed.",
)

SCALED_INPUTS = replace(
    INPUTS,
    number="6.12",
    title="inputs from 0 to 1",
    why="0 is paper and 1 is ink, in every batch alike. Weights and learning rates are made for numbers of about this size.",
)


def my_squared_error(answers, labels):
    targets = labels.float().unsqueeze(1)  # [N] becomes [N, 1]
    return ((answers - targets) ** 2).mean()


SQUARED_ERROR = Exercise(
    "6.14",
    "a squared error of matching shapes",
    my_squared_error,
    inputs=[
        (torch.tensor([[1.5], [5.0]]), torch.tensor([2, 3])),
        (torch.tensor([[4.0]]), torch.tensor([7])),
        (drawn(6, 1, seed=1, size=4), torch.tensor([3, 1, 4, 1, 5, 9])),
        (Code("4 + 3 * torch.randn(64, 1)"), Code("torch.randint(10, (64,))")),
    ],
    use="reaches",
    parts=("the loss", "its way back"),
    mistakes={
        "This is the fault itself: every answer met every label. Bring both to one shape before you subtract: `labels.unsqueeze(1)`, or "
        "`answers[:, 0]`.": lambda answers, labels: ((answers - labels) ** 2).mean(),
        "This is the sum of the squared errors. The loss is their mean.": lambda answers, labels: ((answers[:, 0] - labels) ** 2).sum(),
        "These are the errors without their sign, averaged. Square them first.": lambda answers, labels: (answers[:, 0] - labels).abs().mean(),
        "First the mean and then the square lets errors up and down cancel. Square first.": lambda answers, labels: (answers[:, 0] - labels).mean() ** 2,
        "This is the square root of it. The loss is the mean squared error itself.": lambda answers, labels: my_squared_error(answers, labels).sqrt(),
        NO_WAY_BACK: lambda answers, labels: my_squared_error(answers, labels).item(),
    },
    hints=(
        "Print both shapes. `[64, 1]` minus `[64]` is `[64, 64]`.",
        "`labels.unsqueeze(1)` makes `[N, 1]` of `[N]`. Or take `answers[:, 0]`, which is `[N]`.",
        "With equal shapes the rest is as its name says, from the end: the error, its square, the mean.",
    ),
    why="Both sides now have the shape `[N, 1]`, so each answer meets its own label, and nobody else's.",
)  # fmt: skip


def my_order(labels, generator):
    return torch.randperm(len(labels), generator=generator)


LABELS = torch.arange(10).repeat_interleave(torch.tensor([90, 30, 60, 45, 75, 50, 30, 20, 80, 40]))
FRESH = Code("torch.Generator().manual_seed(3)")
USED = Code("[(torch.rand(9, generator=g), g)[1] for g in [torch.Generator().manual_seed(3)]][0]")  # an epoch later
EPOCHS_ASKED = [(torch.tensor([7, 7, 3]), FRESH), (LABELS, FRESH), (LABELS, FRESH), (LABELS, USED)]


def judge_order(outcomes):
    """Every position once, mixed, and drawn from the generator: the same for the same seed, and another the next time."""
    orders = [tensor_of(outcome.value, "the order") for outcome in outcomes]
    for order, (labels, _) in zip(orders, EPOCHS_ASKED, strict=True):
        size, shape = len(labels), list(order.shape)
        if torch.equal(order.flatten().sort().values, labels.sort().values.double()):
            raise NotRight(
                "These are the labels, shuffled. Positions are wanted, 0 to N − 1, for images and labels alike."
            )
        if shape != [size]:
            raise NotRight(f"One position for each of {size} digits is wanted, and yours has the shape `{shape}`.")
        if not torch.equal(order.sort().values, torch.arange(size).double()):
            different = f"{order.unique().numel()} different numbers, {order.min():g} to {order.max():g}"
            raise NotRight(
                f"Each position from 0 to {size - 1} is wanted once, and yours has {different}. (`torch.randint` puts back "
                "what it drew; a permutation deals each card once.)"
            )
    kinds = min(LABELS[batch.long()].unique().numel() for batch in orders[1].split(64)[:-1])
    if kinds < 6:
        raise NotRight(
            f"A batch of 64 holds only {kinds} different digits: the order still goes digit by digit. Shuffle all "
            "positions together."
        )
    if not torch.equal(orders[1], orders[2]):
        raise NotRight("Two generators with the same seed gave two orders: draw from `generator` and nothing else.")
    if torch.equal(orders[1], orders[3]):
        raise NotRight(
            "The second epoch has the order of the first: draw it from `generator` (`generator=generator`), without "
            "starting it again."
        )


ORDER = Exercise(
    "6.16",
    "a new order for every epoch",
    my_order,
    inputs=EPOCHS_ASKED,
    judge=judge_order,
    mistakes={
        "digit by digit": lambda labels, generator: labels.argsort(stable=True),
        "puts back": lambda labels, generator: torch.randint(len(labels), (len(labels),), generator=generator),
        "The second epoch has the order": lambda labels, generator: torch.randperm(len(labels)),
        "labels, shuffled": lambda labels, generator: labels[torch.randperm(len(labels), generator=generator)],
        "One position for each": lambda labels, generator: torch.randperm(len(labels) - 1, generator=generator),
    },
    hints=(
        "Each position from 0 to N − 1 once, in random order: torch has a function for it.",
        "Such an order is called a *permutation*, and the function `torch.randperm`.",
        "Whoever draws random numbers says from where: the function takes a `generator=`.",
    ),
    why="Every batch is now a fair sample of all digits, each digit comes once an epoch, and the generator makes it repeatable.",
)  # fmt: skip

# Patient 8 and its twin, patient 9 ------------------------------------------------------------------------------------


CURVE_P = "Curve p starts at ln 10, so inputs, outputs and loss are sound. Its first few steps throw it far up."
CURVE_Q = "Curve q starts at ln 10 and stays there, smooth and level: nothing leaps, and nothing is learned."


def judge_causes_8(outcomes):
    answer = outcomes[0].value
    letters = answer.replace(",", " ").split() if isinstance(answer, str) else answer
    if not isinstance(letters, list | tuple) or len(letters) != 2:
        raise NotRight(f'Two letters are wanted, as in ["C", "D"]: first p, then q. This is {in_words(answer)}.')
    p, q = (_letter(letter, "one of yours") for letter in letters)
    if (p, q) == ("F", "A"):
        raise NotRight("The right two, in the wrong order. Curve p leaps up; curve q hardly moves.")
    if (p, q) != ("A", "F"):
        raise NotRight(_told(p, CURVE_P) if p != "A" else _told(q, CURVE_Q))


CAUSES_8 = Exercise(
    "6.17",
    "the causes of patient 8",
    'my_causes_8 = ["A", "F"]',
    judge=judge_causes_8,
    mistakes={
        "wrong order": ["F", "A"],
        CURVE_P: ["G", "F"],
        CURVE_Q: ["A", "B"],
        "Two letters": "A",
        "A to J": ["A", "Z"],
    },
    hints=(
        LIST + "Both patients differ from the healthy one in a single number.",
        "One of them leaps and never recovers. The other hardly moves. Which number does both?",
        "How far does a step go? Too far for one of them, and not far enough for the other.",
    ),
    why="Curve p has a far larger rate than the healthy patient, and curve q a far smaller one. Nothing else differs.",
)

GOAL, EPOCHS = 6.0, 10


def trained_regression(rate: float) -> tuple[float, int]:
    """The last mean loss and the number of dead neurons of 784-64-1, ReLU, on 2,000 embedded digits, ten epochs of SGD."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 1))
    split = load_digits("digits", train_size=2000).train
    train = batches(split, 64, shuffle=True, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    loss = fit(model, train, None, squared_error, optimizer, epochs=EPOCHS).train_loss[-1]
    with torch.no_grad():
        dead = ~(model[:3](to_inputs(split.images)) > 0).any(dim=0)
    return loss, int(dead.sum())


def judge_rate(outcomes):
    rate = number_of(outcomes[0].value)
    if not 0 < rate < 1e6:
        raise NotRight(f"A learning rate is a small positive number, and {rate:g} is none. Try 0.1 first.")
    with torch.random.fork_rng(devices=[]):
        loss, dead = trained_regression(rate)
    if loss < GOAL:
        return
    if not math.isfinite(loss):
        words = "Each step overshot by more than the one before, until the numbers ran over. Try a hundredth."
    elif dead > 50:
        words = f"The steps are too long: {dead} of the 64 hidden neurons are dead. Try a tenth."
    elif loss > 20:
        words = "It started near 28, and has hardly moved: the steps are far too short. Try a hundred times."
    else:
        words = "It falls, but it creeps: nearly all neurons live, and the steps are too short. Try three times."
    raise NotRight(
        f"With {rate:g} the mean loss of epoch {EPOCHS} is {loss:,.2f}, and the goal is below {GOAL:g}. {words}"
    )


RATE = Exercise(
    "6.18",
    "a rate for the network of numbers, by experiment",
    "my_rate = 0.01",
    judge=judge_rate,
    mistakes={"dead": 0.2, "ran over": 10, "creeps": 0.0003, "far too short": 0.00001, "small positive number": 0},
    hints=(
        "Try rates a factor of ten apart, and read the reply: does it creep, or have its neurons died?",
        "The healthy classifier's rate is too large here: an error of 5 pulls ten times as hard as any probability can.",
        "Look between 0.002 and 0.02.",
    ),
    why="The rate that heals one network kills another. Between creeping and dying lies a wide range, and only trying finds it.",
)


def my_choice(validation_accuracies, test_accuracies):
    best = int(validation_accuracies.argmax())
    return best, test_accuracies[best]


CHOICE = Exercise(
    "6.19",
    "choose, then report",
    my_choice,
    inputs=[
        (torch.tensor([0.81, 0.9, 0.84, 0.88]), torch.tensor([0.83, 0.86, 0.79, 0.91])),
        (torch.tensor([0.95, 0.6, 0.7]), torch.tensor([0.9, 0.93, 0.5])),
        (torch.tensor([0.5, 0.61, 0.72, 0.7, 0.69]), torch.tensor([0.66, 0.55, 0.64, 0.75, 0.52])),
        (torch.tensor([0.7]), torch.tensor([0.6])),
    ],
    parts=("the position", "the reported accuracy"),
    mistakes={
        "You chose the network with the best test result. That is the fault itself: its luck is part of what you would report. Choose by "
        "the validation digits.": lambda validation, test: (test.argmax(), test.max()),
        "The right network. But its validation accuracy was what it was chosen for, so that is too good now. Report what it scores on the "
        "test digits.": lambda validation, test: (validation.argmax(), validation.max()),
        "The right network, and the wrong number: this is the best test accuracy of all, another "
        "network's.": lambda validation, test: (validation.argmax(), test.max()),
        "The position is one too high: Python counts from 0.": lambda validation, test: (validation.argmax() + 1, test[validation.argmax()]),
        "The test accuracies had a say in your choice. Look at them only when the choice is "
        "made.": lambda validation, test: ((validation + test).argmax(), test[(validation + test).argmax()]),
        "The two things stand in the wrong order: first the position, then the accuracy.": lambda validation, test: (test[validation.argmax()], validation.argmax()),
    },
    hints=(
        "Two jobs, two sets of digits: one to choose by, the other to report.",
        "The position of the largest number in a tensor is its `argmax()`.",
        "What is reported stands at that same position, in the other tensor.",
    ),
    why="The test digits had no say in the choice, so its luck cannot be in the report.",
)  # fmt: skip

# The ward -------------------------------------------------------------------------------------------------------------

SUREST_FIRST = "HEIDCAFGB"
EXAMPLE = {
    "P": [2.3, 2.31, 2.3, 2.28, 2.25, 2.2, 2.05, 1.9, 1.8, 1.72, 1.68, 1.63],
    "Q": [2.3, 1.6, 0.6, 0.9, 1.8, 4.5, 2.9, 3.4, 6.0, 2.8, 3.1, 3.9],
    "R": [25.7, 11.0, 9.1, 8.8, 8.2, 8.5, 8.6, 8.1, 8.4, 8.3, 8.5, 8.2],
    "S": [-0.1, -0.12, -0.2, -0.35, -0.5, -0.6, -0.66, -0.7, -0.75, -0.8, -0.79, -0.81],
    "T": [2.3, 0.01, 9.8, 0.2, 6.0, 0.05, 4.5, 0.01, 7.5, 0.1, 3.9, 0.02],
    "U": [2.3, 2.31, 2.29, 2.3, 2.3, 2.29, 2.31, 2.28, 2.29, 2.28, 2.27, 2.27],
    "V": [4.15, 3.2, 2.9, 2.7, 2.6, 2.5, 2.45, 2.4, 2.35, 2.3, 2.28, 2.25],
    "W": [2.3, 790.0, 41.0, 2.6, 2.4, 2.38, 2.41, 2.37, 2.4, 2.36, 2.39, 2.38],
    "X": [24.8, 3.7e8, 9000.0, 2.31, 2.3, 2.3, 2.29, 2.31, 2.3, 2.3, 2.29, 2.3],
}
EXAMPLE_TRUTH = dict(zip("PQRSTUVWX", "BGDHCFEAI", strict=True))


def my_diagnoses(curves):
    found, left = {}, dict(curves)  # curves: letter of a patient → its losses, batch by batch

    def diagnose(cause, feature, choose=max):
        patient = choose(left, key=lambda letter: feature(left[letter]))
        found[patient] = cause
        return left.pop(patient)

    diagnose("H", min, min)  # the only one below zero
    diagnose("E", lambda losses: abs(losses[0] - math.log(64)), min)
    two = sorted(left, key=lambda letter: left[letter][0])[-2:]  # they start far too high
    settled = {letter: sum(left[letter][-5:]) for letter in two}
    for letter in two:  # one comes down to ln 10, the other to the variance of the labels
        found[letter] = "I" if settled[letter] == min(settled.values()) else "D"
        del left[letter]
    diagnose("C", min, min)  # nearest to zero, in between its leaps
    diagnose("A", max)  # the highest leap
    diagnose("F", lambda losses: max(losses) - min(losses), min)  # moves the least
    diagnose("G", max)  # climbs again
    diagnose("B", max)  # the one that is left
    return found


def judge_diagnoses(outcomes, truth=EXAMPLE_TRUTH, curves=EXAMPLE):
    answer = outcomes[0].value
    if not isinstance(answer, dict) or not answer:
        raise NotRight(f'A dictionary is wanted, {{"P": "A", "Q": "B"}} and so on, and this is {in_words(answer)}.')
    named = {str(patient).strip().upper(): cause for patient, cause in answer.items()}
    if unknown := [patient for patient in named if patient not in truth]:
        raise NotRight(f"There is no patient {unknown[0][:20]}. They are {', '.join(truth)}.")
    if missing := [patient for patient in truth if patient not in named]:
        raise NotRight(f"Patient {', '.join(missing)} has no cause yet.")
    named = {patient: _letter(cause, f"the cause of {patient}") for patient, cause in named.items()}
    if "J" in named.values():
        raise NotRight("J leaves no trace in a training curve, so nobody in this ward has it.")
    found = [cause for patient, cause in truth.items() if named[patient] == cause]
    if len(found) == len(truth):
        return
    doubled = sorted(cause for cause in CAUSES if list(named.values()).count(cause) > 1)
    twice = f" You gave {doubled[0]} more than once, and each patient has a cause of its own." if doubled else ""
    _, looks = next(CAUSES[cause] for cause in SUREST_FIRST if cause not in found)
    raise NotRight(f"{len(found)} of {len(truth)} are right.{twice} A clue, true of one patient: {looks}.")


WARD = Exercise(
    "6.20",
    "the ward",
    my_diagnoses,
    inputs=[(EXAMPLE,)],
    use="rule",
    judge=judge_diagnoses,
    mistakes={
        "7 of 9 are right": EXAMPLE_TRUTH | {"P": "G", "Q": "B"},
        "8 of 9 are right. You gave B more than once": EXAMPLE_TRUTH | {"S": "B"},
        "leaves no trace": EXAMPLE_TRUTH | {"P": "J"},
        "no patient Z": EXAMPLE_TRUTH | {"Z": "A"},
        "goes from A to J": EXAMPLE_TRUTH | {"P": "two"},
        "has no cause yet": {"P": "B"},
        "dictionary": "BGDHCFEAI",
    },
    hints=(
        "Begin with the starts. Three patients do not start at ln 10 = 2.30, nor at the variance's height: which three?",
        "Then the floors and the resting places: −1, 1.4612, ln 10, the variance of the labels. Who rests where?",
        "Those left start at ln 10. One touches zero, one never moves, one leaps at once and lies flat, one climbs again.",
    ),
    why="The letters change with the seed, so the course's answer is a rule instead of a list: it takes the surest signs first, as you "
    "would. A dictionary by eye is just as right.",
)

EXERCISES = [
    LANDMARKS, CAUSE_1, OUTPUTS, CAUSE_2, START, EXAMINATION, CAUSE_3, LOSS, CAUSE_4, REPAIRED_STEP, CAUSE_5, SCALED_INPUTS,
    CAUSE_6, SQUARED_ERROR, CAUSE_7, ORDER, CAUSES_8, RATE, CHOICE, WARD,
]  # fmt: skip
