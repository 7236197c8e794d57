"""The training loop of lesson 3, and what it measured."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from .machine import tune_threads


class Trained(NamedTuple):
    """What an epoch of training measured: the mean loss per sample, and the mean loss of each batch in turn."""

    loss: float
    batch_losses: list[float]


class Evaluated(NamedTuple):
    """What a pass of evaluation measured: the mean loss per sample, and the fraction of digits read right."""

    loss: float
    accuracy: float


@dataclass
class History:
    """What `fit` measured. It holds no clock, so two equal runs compare equal.

    `train_loss`, `validation_loss` and `validation_accuracy` hold one number an epoch, `batch_losses` one number a
    training batch. A training loss is a mean over an epoch during which the weights were still moving; a validation
    loss is measured at the epoch's end.
    """

    train_loss: list[float] = field(default_factory=list)
    validation_loss: list[float] = field(default_factory=list)
    validation_accuracy: list[float] = field(default_factory=list)
    batch_losses: list[float] = field(default_factory=list)


def to_digits(outputs: Tensor) -> Tensor:
    """The digit each output stands for, int64 [N].

    Outputs [N, 1] are numbers: the nearest digit from 0 to 9. Outputs [N, 10] are scores: the position of the largest.
    """
    if outputs.shape[1] == 1:
        return outputs[:, 0].round().clamp(0, 9).long()
    return outputs.argmax(dim=1)


def squared_error(outputs: Tensor, labels: Tensor) -> Tensor:
    """The mean squared error between values [N, 1] and labels [N], the labels brought to the outputs' shape."""
    return F.mse_loss(outputs, labels.float().unsqueeze(1))


def train_epoch(
    model: nn.Module,
    batches: Iterable,
    loss_fn: Callable,
    optimizer: torch.optim.Optimizer,
) -> Trained:
    """Train once over all batches, in the five steps of lesson 3."""
    losses, sizes = [], []
    model.train()
    for images, labels in tune_threads(batches):
        outputs = model(images)  # 1. forward
        loss = loss_fn(outputs, labels)  # 2. loss
        loss.backward()  # 3. backward
        optimizer.step()  # 4. step
        optimizer.zero_grad()  # 5. zero the gradients
        losses.append(loss.detach())
        sizes.append(len(labels))
    losses = _to_numbers(losses)
    return Trained(_weighted_mean(losses, sizes), losses)


def _to_numbers(losses: list[Tensor]) -> list[float]:
    """The losses off their device in one go. Raises ValueError where there are none."""
    if not losses:
        raise ValueError("no batches: there is no sample, or they come from a generator that is already spent")
    return torch.stack(losses).cpu().tolist()


def _weighted_mean(losses: list[float], sizes: list[int]) -> float:
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / sum(sizes)


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Switch to `eval()` and no gradients; on leaving, each module is again in the mode it was found in."""
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        for module, training in modes:
            module.training = training


def evaluate(model: nn.Module, batches: Iterable, loss_fn: Callable) -> Evaluated:
    """The mean loss and the accuracy over all batches. The model is left as it was found."""
    losses, sizes, correct = [], [], 0
    with evaluating(model):
        for images, labels in tune_threads(batches):
            outputs = model(images)
            losses.append(loss_fn(outputs, labels))
            sizes.append(len(labels))
            correct += (to_digits(outputs) == labels).sum()
    return Evaluated(_weighted_mean(_to_numbers(losses), sizes), int(correct) / sum(sizes))


def fit(
    model: nn.Module,
    train: Iterable,
    validation: Iterable | None,
    loss_fn: Callable,
    optimizer: torch.optim.Optimizer,
    *,
    epochs: int,
    on_epoch_end: Callable[[History], None] | None = None,
) -> History:
    """Train for some epochs, evaluating after each on `validation` where there is one.

    `on_epoch_end` is called with the history so far. Raises ValueError where `epochs` is not
    positive.
    """
    if epochs < 1:
        raise ValueError(f"epochs is {epochs}, but training takes at least 1")
    history = History()
    for _ in range(epochs):
        trained = train_epoch(model, train, loss_fn, optimizer)
        history.train_loss.append(trained.loss)
        history.batch_losses += trained.batch_losses
        if validation is not None:
            validated = evaluate(model, validation, loss_fn)
            history.validation_loss.append(validated.loss)
            history.validation_accuracy.append(validated.accuracy)
        if on_epoch_end is not None:
            on_epoch_end(history)
    return history


def predict(model: nn.Module, inputs: Tensor, *, batch_size: int = 1000) -> Tensor:
    """The model's outputs for inputs [N, 1, 28, 28], on the CPU: [N, 1] or [N, 10]. The model is left as found."""
    device = next(model.parameters()).device
    with evaluating(model):
        return torch.cat([model(part.to(device)).cpu() for part in tune_threads(inputs.split(batch_size))])


def confusion_matrix(labels: Tensor, predictions: Tensor) -> Tensor:
    """Counts int64 [10, 10]: how often each true digit (row) was read as each (column)."""
    return torch.bincount(labels * 10 + predictions, minlength=100).reshape(10, 10)
