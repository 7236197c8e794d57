"""The container of pictures: train/<digit>/*.png and test/<digit>/*.png, as torchvision's ImageFolder reads them."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from .splits import DataError, Digits, Split, empty, join

ENDINGS = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")


def read(path: Path) -> tuple[Split, Split, Split]:
    for part in ("train", "test"):
        if not (path / part).is_dir():
            raise DataError(f"{path}: no folder {part}/ in it. Put pictures into train/<digit>/ and test/<digit>/.")
    train = _read_tree(path / "train")
    return train, empty(train), _read_tree(path / "test")


def _read_tree(folder: Path) -> Split:
    classes = sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    if not classes:
        raise DataError(f"{folder}: an empty split. Put a folder for each digit in it: 0, 1, … 9.")
    for child in classes:
        if child.name not in set("0123456789"):
            raise DataError(f"{child}: not a digit's folder. Folders are named 0, 1, … 9; move it elsewhere.")
        if not any(_pictures(child)):
            raise DataError(f"{child}: an empty class folder. Put pictures of the digit in it, or move it elsewhere.")
    samples = [(file, int(child.name)) for child in classes for file in _pictures(child)]
    images = torch.empty(len(samples), 1, 28, 28, dtype=torch.uint8)
    labels = torch.empty(len(samples), dtype=torch.int64)
    for index, (file, label) in enumerate(samples):
        images[index, 0] = torch.from_numpy(_read_picture(file))
        labels[index] = label
    return Split(images, labels)


def _pictures(folder: Path) -> Iterator[Path]:
    for parent, _, names in sorted(os.walk(folder, followlinks=True)):
        yield from (Path(parent, name) for name in sorted(names) if name.lower().endswith(ENDINGS))


def _read_picture(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as picture:
            mode, pixels = picture.mode, np.array(picture.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: an unreadable picture ({error}). Replace it, or move it elsewhere.") from error
    if mode.startswith(("I", "F")):
        raise DataError(f"{path}: a picture of more than 8 bits a pixel ({mode}). Save it with 8 bits first.")
    if pixels.shape != (28, 28):
        raise DataError(f"{path}: a picture of {pixels.shape[1]}×{pixels.shape[0]} pixels, not 28×28. Scale it first.")
    return pixels


def write(digits: Digits, folder: Path) -> None:
    for part, split in (("train", join(digits.train, digits.validation)), ("test", digits.test)):
        for digit in range(10):
            (folder / part / str(digit)).mkdir(parents=True)
        for index, (image, label) in enumerate(zip(split.images.numpy(), split.labels.tolist(), strict=True)):
            Image.fromarray(image[0]).save(folder / part / str(label) / f"{index:05}.png")
        for digit in range(10):
            if not any((folder / part / str(digit)).iterdir()):
                (folder / part / str(digit)).rmdir()
