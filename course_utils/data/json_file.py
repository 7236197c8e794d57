"""The one-file container: a gzipped JSON list [train, validation, test], each [images, labels]."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from .splits import DataError, Digits, Split, check_labels
from .zipped import readable


def read(path: Path) -> tuple[Split, Split, Split]:
    if not path.exists():
        raise DataError(f"{path}: missing. Check the name; course data convert mnist {path.name} makes such a file.")
    with readable(path), gzip.open(path, "rb") as file:
        text = file.read()
    try:
        content = json.loads(text)
    except ValueError as error:
        raise DataError(f"{path}: not JSON ({error}). Convert it again: course data convert.") from error
    del text
    parts = ("train", "validation", "test")
    if not isinstance(content, list) or len(content) != 3 or not all(_is_pair(part) for part in content):
        raise DataError(f"{path}: not of the shape [train, validation, test], each [images, labels].")
    arrays = []
    for name in parts:
        images, labels = content.pop(0)
        arrays.append((_json_array(images, path, name, "images"), _json_array(labels, path, name, "labels")))
    low = min(images.min() for images, _ in arrays)
    high = max(images.max() for images, _ in arrays)
    to_uint8 = _pixel_range(low, high, arrays[0][0], path)
    splits = []
    for name, (images, labels) in zip(parts, arrays, strict=True):
        if (labels % 1 != 0).any():
            raise DataError(
                f"{path}: a label of {labels[labels % 1 != 0][0]} in {name}, but a label is a whole number."
            )
        labels = torch.from_numpy(labels).long()
        check_labels(labels, len(images), path)
        splits.append(Split(torch.from_numpy(to_uint8(images)).reshape(-1, 1, 28, 28), labels))
    return tuple(splits)


def _is_pair(part) -> bool:
    return isinstance(part, list) and len(part) == 2 and all(isinstance(half, list) for half in part)


def _json_array(values: list, path: Path, part: str, kind: str) -> np.ndarray:
    """Images as float32 [N, 784] or labels as float32 [N]."""
    if not values:
        raise DataError(f"{path}: the {part} split is empty. Every split needs at least one digit.")
    try:
        array = np.asarray(values, dtype=None if isinstance(values[0], str) else np.float32)
    except (ValueError, TypeError) as error:
        raise DataError(f"{path}: the {kind} of {part} are not all numbers, or not all of one size.") from error
    if array.dtype != np.float32:
        raise DataError(f"{path}: the {kind} of {part} are texts, not numbers.")
    array = array.reshape(len(array), -1) if kind == "images" else array
    if kind == "images" and array.shape[1] != 784:
        raise DataError(f"{path}: images of {array.shape[1]} numbers in {part}, not 784 = 28×28.")
    if kind == "labels" and array.ndim != 1:
        raise DataError(f"{path}: labels of shape {array.shape} in {part}, not one number a digit.")
    if not np.isfinite(array).all():
        raise DataError(f"{path}: NaN or infinite {'pixels' if kind == 'images' else 'labels'} in {part}.")
    return array


def _pixel_range(low: float, high: float, sample: np.ndarray, path: Path) -> Callable[[np.ndarray], np.ndarray]:
    """What turns this file's pixels into uint8: they lie in [-1, 1], [0, 1] or 0..255.

    Files made from the older `mnist.pkl.gz` hold k/256, so their white is 255/256 and not 1; only the right one of
    255 and 256 brings their pixels to whole numbers.
    """
    if low < -1 or high > 255 or (low < 0 and high > 1):
        raise DataError(f"{path}: pixels from {low:g} to {high:g}, but 0..255, [0, 1] or [-1, 1] was expected.")
    if high > 1:
        return lambda pixels: pixels.round().astype(np.uint8)
    shift, width = (1.0, 2.0) if low < 0 else (0.0, 1.0)

    def misses_whole_numbers(levels: int) -> float:
        scaled = (sample[:1000] + shift) / width * levels
        return float(np.abs(scaled - scaled.round()).max())

    levels = min((255, 256), key=misses_whole_numbers) if high < 1 else 255
    return lambda pixels: ((pixels + shift) / width * levels).round().astype(np.uint8)


def write(digits: Digits, path: Path) -> None:
    if 0 in (len(digits.train.labels), len(digits.validation.labels)):
        raise DataError("JSON holds three splits, none of them empty. Load the digits with validation=… first.")
    with gzip.open(path, "wt", compresslevel=6) as file:
        content = [
            [images.flatten(1).tolist(), labels.tolist()]
            for images, labels in (digits.train, digits.validation, digits.test)
        ]
        file.write(json.dumps(content, separators=(",", ":")))
