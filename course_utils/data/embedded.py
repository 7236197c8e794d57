"""The embedded digits: scikit-learn's, brought to 28×28 in MNIST's manner and multiplied."""

from functools import cache
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from .bending import move_and_bend
from .splits import DataError, Digits, Split, empty, hold_out

TEST_SIZE, TRAIN_SIZE = 300, 60_000


def to_mnist_frame(ink: Tensor) -> Tensor:
    """Bring ink [H, W] in [0, 1] of any size to uint8 [28, 28] in MNIST's manner.

    The ink's bounding box is scaled to fit 20×20, and its centre of mass set to the middle of pixel (14, 14), as near
    as whole pixels allow: http://yann.lecun.com/exdb/mnist/. A page without ink gives an empty frame.
    """
    frame = torch.zeros(28, 28)
    rows, columns = (ink > 0.1).nonzero(as_tuple=True)
    if len(rows) == 0:
        return frame.to(torch.uint8)
    box = ink[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
    height, width = (max(1, round(20 * side / max(box.shape))) for side in box.shape)
    box = _resized(box[None], height, width)[0]
    mass = box / box.sum()
    top = 14.5 - (mass.sum(1) @ (torch.arange(height) + 0.5)).item()
    left = 14.5 - (mass.sum(0) @ (torch.arange(width) + 0.5)).item()
    # rounded twice, so that a tie is a tie in any arithmetic: a page's scripts frame a drawing as this does
    top, left = (min(max(round(round(start, 3)), 0), 28 - side) for start, side in ((top, height), (left, width)))
    frame[top : top + height, left : left + width] = box
    return (frame * 255).round().to(torch.uint8)


def _resized(ink: Tensor, height: int, width: int) -> Tensor:
    """Ink [N, H, W] in [0, 1] as [N, height, width], smoothly."""
    return F.interpolate(ink[:, None], (height, width), mode="bicubic", antialias=True)[:, 0].clamp(0, 1)


@cache
def _framed_digits() -> tuple[Split, Split]:
    """scikit-learn's 1,797 digits at 28×28, in an order drawn once and for all: those to train on, those to test."""
    ink, labels = _sklearn_digits()
    fine = _resized(F.pad(ink, (1, 1, 1, 1)), 40, 40)
    images = torch.stack([to_mnist_frame(page) for page in fine]).unsqueeze(1)
    return hold_out(Split(images, labels), TEST_SIZE, seed=0)


def _sklearn_digits() -> tuple[Tensor, Tensor]:
    """scikit-learn's digits, ink [1797, 8, 8] in [0, 1] and labels, from the table it ships: its import takes long."""
    package = find_spec("sklearn")
    table = package and Path(package.origin).parent / "datasets" / "data" / "digits.csv.gz"
    if table and table.exists():
        rows = np.loadtxt(table, delimiter=",", dtype=np.float32)
        images, labels = rows[:, :-1].reshape(-1, 8, 8), rows[:, -1]
    else:
        from sklearn.datasets import load_digits

        bunch = load_digits()
        images, labels = bunch.images, bunch.target
    return torch.from_numpy(images).float() / 16, torch.from_numpy(labels).long()


def read(validation: int, train_size: int | None, seed: int) -> Digits:
    """300 digits to test on; the others multiplied, to as many training digits as MNIST has where no size is given.

    No training digit is made from an original that a validation digit is made from.
    """
    originals, test = _framed_digits()
    rest = TRAIN_SIZE - validation
    if not 0 <= validation < TRAIN_SIZE:
        raise DataError(f"digits: {validation:,} digits for validation, but 0 to {TRAIN_SIZE - 1:,} can be held out.")
    if train_size is not None and not 1 <= train_size <= rest:
        raise DataError(f"digits: train_size is {train_size:,}, but 1 to {rest:,} can be kept. Change train_size.")
    train_size = train_size or rest
    share = round(len(originals.labels) * validation / (validation + train_size))
    held = min(validation, max(1, share), len(originals.labels) - 1)
    originals, held_out = hold_out(originals, held, seed)
    generator = torch.Generator().manual_seed(seed)
    train = _multiply(originals, train_size, generator)
    test = Split(test.images.clone(), test.labels.clone())
    return Digits(train, _multiply(held_out, validation, generator), test, "digits", "scikit-learn's, embedded")


def _multiply(originals: Split, size: int, generator: torch.Generator) -> Split:
    """`size` digits: the originals in a drawn order, then as often as needed again, each time moved and bent."""
    if size == 0:
        return empty(originals)
    total = len(originals.labels)
    order = torch.cat([torch.randperm(total, generator=generator) for _ in range(-(-size // total))])[:size]
    images, labels = originals.images[order], originals.labels[order]
    bending = torch.Generator().manual_seed(int(torch.randint(2**31, (), generator=generator)))
    for start in range(total, size, 128):
        images[start : start + 128] = move_and_bend(images[start : start + 128], bending)
    return Split(images, labels)
