"""The one-file container: a gzipped JSON list [train, validation, test], each [images, labels]."""

import gzip
import json
from pathlib import Path

import numpy as np
import torch

from .splits import DataError, Digits, Split, check_labels
from .zipped import readable

SHAPE = "[train, validation, test], each [images, labels]"
AGAIN = "Make such a file with course data convert."


def read(path: Path) -> tuple[Split, Split, Split]:
    if not path.exists():
        raise DataError(
            f"{path}: missing. Check the name, or make it: course data convert mnist {path.name} --container json."
        )
    with readable(path), gzip.open(path, "rb") as file:
        text = file.read()
    try:
        content = json.loads(text.decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: not JSON ({error}). {AGAIN}") from error
    if not isinstance(content, list) or len(content) != 3 or not all(_is_pair(part) for part in content):
        raise DataError(f"{path}: not of the shape {SHAPE}. {AGAIN}")
    for word in ('"', "true", "false", "null"):
        if word.encode() in text:
            raise DataError(f"{path}: holds {word} among its pixels and labels, which are all numbers. {AGAIN}")
    del text
    splits = []
    for part in ("train", "validation", "test"):
        images, labels = content.pop(0)
        pixels = _to_uint8(_json_array(images, path, part, "images"), path, part)
        labels = torch.from_numpy(_json_array(labels, path, part, "labels"))
        check_labels(labels, len(pixels), path)
        splits.append(Split(torch.from_numpy(pixels).reshape(-1, 1, 28, 28), labels.long()))
    return tuple(splits)


def _is_pair(part) -> bool:
    return isinstance(part, list) and len(part) == 2 and all(isinstance(half, list) for half in part)


def _json_array(values: list, path: Path, part: str, kind: str) -> np.ndarray:
    """Images as float32 [N, 784] or labels as float32 [N]."""
    if not values:
        raise DataError(f"{path}: the {part} split is empty, but each needs at least one digit. {AGAIN}")
    try:
        array = np.asarray(values, dtype=np.float32)
    except (ValueError, TypeError, OverflowError) as error:
        raise DataError(f"{path}: the {kind} of {part} are not all numbers, or not all of one size. {AGAIN}") from error
    array = array.reshape(len(array), -1) if kind == "images" else array
    if kind == "images" and array.shape[1] != 784:
        raise DataError(f"{path}: images of {array.shape[1]} numbers in {part}, not 784 = 28×28. {AGAIN}")
    if kind == "labels" and array.ndim != 1:
        raise DataError(f"{path}: labels of shape {array.shape} in {part}, not one number a digit. {AGAIN}")
    if not np.isfinite(array).all():
        raise DataError(f"{path}: NaN or infinite {'pixels' if kind == 'images' else 'labels'} in {part}. {AGAIN}")
    return array


def _to_uint8(pixels: np.ndarray, path: Path, part: str) -> np.ndarray:
    """Pixels in 0..255, [0, 1] or [-1, 1], whichever range theirs is, as uint8.

    Files made from the older `mnist.pkl.gz` hold k/256, so their white is 255/256 and not 1; only the right one of
    255 and 256 brings their pixels to whole numbers.
    """
    low, high = (round(float(end), 3) for end in (pixels.min(), pixels.max()))
    if low >= 0 and 2 <= high <= 255:
        return pixels.round().astype(np.uint8)
    if high > 1 or low < -1 or -0.9 < low < 0:
        raise DataError(
            f"{path}: pixels from {low:g} to {high:g} in {part}, but 0..255, [0, 1] or [-1, 1] was expected. {AGAIN}"
        )
    pixels = pixels if low >= 0 else (pixels + 1) / 2

    def misses_whole_numbers(levels: int) -> float:
        scaled = pixels[:1000] * levels
        return float(np.abs(scaled - scaled.round()).max())

    older = pixels.max() * 256 < 255.5 and misses_whole_numbers(256) < misses_whole_numbers(255)
    return (pixels * (256 if older else 255)).round().astype(np.uint8)


def write(digits: Digits, path: Path) -> None:
    if 0 in (len(digits.train.labels), len(digits.validation.labels)):
        raise DataError("JSON holds three splits, none of them empty. Load the digits with validation=… first.")
    with gzip.open(path, "wt", compresslevel=6) as file:
        content = [
            [images.flatten(1).tolist(), labels.tolist()]
            for images, labels in (digits.train, digits.validation, digits.test)
        ]
        file.write(json.dumps(content, separators=(",", ":")))
