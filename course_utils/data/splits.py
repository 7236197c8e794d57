"""Splits of a data set, and the batches they are cut into."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor


class DataError(ValueError):
    """Digits that cannot be used; the message names the file, what is wrong with it, and what to do."""


class Split(NamedTuple):
    """Images uint8 [N, 1, 28, 28], 0 for paper to 255 for ink, and labels int64 [N] from 0 to 9."""

    images: Tensor
    labels: Tensor


@dataclass(frozen=True, eq=False, repr=False)
class Digits:
    """Three splits of one data set, its name (`mnist`, `digits`, or the file's), and where it came from."""

    train: Split
    validation: Split
    test: Split
    name: str
    origin: str

    def __repr__(self) -> str:
        sizes = ", ".join(f"{len(getattr(self, part).labels):,} {part}" for part in ("train", "validation", "test"))
        return f"{self.name}: {sizes} ({self.origin})"


def to_inputs(images: Tensor, normalise: tuple[float, float] = (0.0, 1.0)) -> Tensor:
    """Pixels uint8 0..255 as float32 in [0, 1], then minus a mean and over a standard deviation (`normalise`)."""
    mean, std = normalise
    inputs = images / 255
    return inputs if normalise == (0.0, 1.0) else inputs.sub_(mean).div_(std)


@dataclass(frozen=True, eq=False)
class Batches:
    """What `batches` returns: each pass over it yields every sample once, and `len` counts the batches."""

    split: Split
    batch_size: int
    generator: torch.Generator | None
    normalise: tuple[float, float]

    def __len__(self) -> int:
        return math.ceil(len(self.split.labels) / self.batch_size)

    def __iter__(self) -> Iterator[tuple[Tensor, Tensor]]:
        images, labels = self.split
        if self.generator is not None:
            order = torch.randperm(len(labels), generator=self.generator).to(labels.device)
            images, labels = images.index_select(0, order), labels.index_select(0, order)
        parts = zip(images.split(self.batch_size), labels.split(self.batch_size), strict=True)
        for batch_images, batch_labels in parts:
            yield to_inputs(batch_images, self.normalise), batch_labels


def batches(
    split: Split,
    batch_size: int,
    *,
    shuffle: bool,
    generator: torch.Generator | None = None,
    normalise: tuple[float, float] = (0.0, 1.0),
    device: torch.device | str = "cpu",
) -> Batches:
    """Cut a split into batches of inputs float32 [B, 1, 28, 28] and labels int64 [B]; the last may be short.

    With `shuffle`, every pass draws a new order from `generator`, a torch.Generator on the CPU that the caller owns.
    Raises ValueError for a batch size below 1, a shuffle without a generator, and a split without samples.
    """
    if batch_size < 1:
        raise ValueError(f"batch_size is {batch_size}, but a batch holds at least 1 sample")
    if shuffle and generator is None:
        raise ValueError("shuffle=True draws random numbers: pass generator=torch.Generator().manual_seed(seed)")
    if len(split.labels) == 0:
        raise ValueError("an empty split has no batches: hold samples out with load_digits(…, validation=…)")
    split = Split(split.images.to(device), split.labels.to(device))
    return Batches(split, batch_size, generator if shuffle else None, normalise)


def empty(like: Split) -> Split:
    return Split(like.images[:0].clone(), like.labels[:0].clone())


def join(first: Split, second: Split) -> Split:
    return Split(*(torch.cat(pair) for pair in zip(first, second, strict=True)))


def hold_out(split: Split, size: int, seed: int) -> tuple[Split, Split]:
    """Split off `size` samples drawn with `seed`; both parts keep the order they had."""
    order = torch.randperm(len(split.labels), generator=torch.Generator().manual_seed(seed))
    held, kept = order[:size].sort().values, order[size:].sort().values
    return Split(split.images[kept], split.labels[kept]), Split(split.images[held], split.labels[held])


def check_labels(labels: Tensor, images: int, path: Path) -> None:
    if len(labels) != images:
        raise DataError(f"{path}: {len(labels):,} labels for {images:,} images. Use files that belong together.")
    if len(wrong := labels[(labels < 0) | (labels > 9) | (labels % 1 != 0)]):
        raise DataError(
            f"{path}: a label of {wrong[0].item():g}, but digits are whole, from 0 to 9. Correct or replace the file."
        )
