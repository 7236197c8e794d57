"""The container of pictures: train/<digit>/*.png and test/<digit>/*.png, as torchvision's ImageFolder reads them."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torchvision import datasets

from .splits import DataError, Digits, Split, empty, join


def read(path: Path) -> tuple[Split, Split, Split]:
    for part in ("train", "test"):
        if not (path / part).is_dir():
            raise DataError(f"{path}: no folder {part}/ in it. Pictures lie in train/<digit>/ and test/<digit>/.")
    train = _read_tree(path / "train")
    return train, empty(train), _read_tree(path / "test")


def _read_tree(folder: Path) -> Split:
    classes = sorted(child for child in folder.iterdir() if child.is_dir() and not child.name.startswith("."))
    if not classes:
        raise DataError(f"{folder}: an empty split. Put a folder for each digit in it: 0, 1, … 9.")
    for child in classes:
        if child.name not in set("0123456789"):
            raise DataError(f"{child}: not a digit's folder. Folders are named 0, 1, … 9; rename or remove it.")
        if not any(datasets.folder.is_image_file(str(file)) for file in child.rglob("*")):
            raise DataError(f"{child}: an empty class folder. Put pictures of the digit in it, or remove it.")
    samples = datasets.ImageFolder(folder).samples
    images = torch.empty(len(samples), 1, 28, 28, dtype=torch.uint8)
    labels = torch.empty(len(samples), dtype=torch.int64)
    for index, (file, position) in enumerate(samples):
        images[index, 0] = torch.from_numpy(_read_picture(Path(file)))
        labels[index] = int(classes[position].name)
    return Split(images, labels)


def _read_picture(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as picture:
            pixels = np.array(picture.convert("L"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(f"{path}: an unreadable picture ({error}). Replace or remove it.") from error
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
