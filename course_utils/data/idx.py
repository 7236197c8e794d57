"""MNIST's own container: four IDX files in MNIST/raw, gzipped or not; reading, writing, fetching."""

import gzip
import hashlib
import math
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from .splits import DataError, Digits, Split, check_labels, empty, join
from .zipped import readable

IMAGES_MAGIC, LABELS_MAGIC = 2051, 2049
FETCH = "Remove the file and fetch MNIST again: course data fetch."

# SHA-256 of the four IDX files of MNIST, uncompressed.
MNIST_SHA256 = {
    "train-images-idx3-ubyte": "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    "train-labels-idx1-ubyte": "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    "t10k-images-idx3-ubyte": "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    "t10k-labels-idx1-ubyte": "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}


def found_in(root: Path) -> bool:
    """Whether any of the four files is there, whole or not."""
    raw = root / "MNIST" / "raw"
    return any((raw / f"{name}{ending}").exists() for name in MNIST_SHA256 for ending in ("", ".gz"))


def read(root: Path) -> tuple[Split, Split, Split]:
    raw = root / "MNIST" / "raw"
    train = _read_pair(raw, "train")
    return train, empty(train), _read_pair(raw, "t10k")


def _read_pair(raw: Path, part: str) -> Split:
    images_path = _existing(raw / f"{part}-images-idx3-ubyte")
    labels_path = _existing(raw / f"{part}-labels-idx1-ubyte")
    images, labels = _read_file(images_path, IMAGES_MAGIC), _read_file(labels_path, LABELS_MAGIC)
    if tuple(images.shape[1:]) != (28, 28):
        raise DataError(f"{images_path}: images of {images.shape[1]}×{images.shape[2]} pixels, not 28×28. {FETCH}")
    check_labels(labels, len(images), labels_path)
    return Split(images.unsqueeze(1), labels.long())


def _existing(path: Path) -> Path:
    zipped = path.with_name(path.name + ".gz")
    if not path.exists() and not zipped.exists():
        raise DataError(
            f"{path}: missing, and no {zipped.name} beside it. Fetch MNIST (course data fetch), or set COURSE_DATA to "
            "the folder that holds MNIST/raw."
        )
    return path if path.exists() else zipped


def _opened(path: Path):
    return gzip.open(path) if path.suffix == ".gz" else open(path, "rb")


def _read_file(path: Path, magic: int) -> Tensor:
    """One IDX file as uint8, read straight into the array that the tensor keeps."""
    dimensions = 3 if magic == IMAGES_MAGIC else 1
    with readable(path), _opened(path) as file:
        header = file.read(4 + 4 * dimensions)
        found = int.from_bytes(header[:4], "big")
        if len(header) < 4 + 4 * dimensions:
            raise DataError(f"{path}: {len(header)} bytes, too few for an IDX file's header. {FETCH}")
        if found != magic:
            raise DataError(f"{path}: begins with {found}, not with the magic number {magic} of its kind. {FETCH}")
        shape = tuple(int(size) for size in np.frombuffer(header[4:], ">u4"))
        if 0 in shape:
            raise DataError(f"{path}: an empty split, shape {shape}. {FETCH}")
        content = _read_exactly(file, path, shape)
    return torch.from_numpy(content)


def _read_exactly(file, path: Path, shape: tuple[int, ...]) -> np.ndarray:
    content = bytearray()
    wanted = math.prod(shape)
    while len(content) <= wanted and (part := file.read(min(1 << 20, wanted + 1 - len(content)))):
        content += part
    if len(content) != wanted:
        raise DataError(f"{path}: its content does not fit the shape {shape} in its header. {FETCH}")
    return np.frombuffer(content, np.uint8).reshape(shape)


def write(digits: Digits, folder: Path) -> None:
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, (images, labels) in (("train", join(digits.train, digits.validation)), ("t10k", digits.test)):
        for kind, magic, array in (
            ("images-idx3", IMAGES_MAGIC, images.squeeze(1).numpy()),
            ("labels-idx1", LABELS_MAGIC, labels.to(torch.uint8).numpy()),
        ):
            header = np.array([magic, *array.shape], ">u4").tobytes()
            (raw / f"{part}-{kind}-ubyte").write_bytes(header + array.tobytes())


def fetch(root: Path, timeout: float) -> Path:
    """Fetch what is missing or wrong, all of it or nothing."""
    folder = root / "MNIST" / "raw"
    folder.mkdir(parents=True, exist_ok=True)
    wrong = [name for name in MNIST_SHA256 if not _is_genuine(folder / name)]
    if wrong:
        with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=folder, ignore_cleanup_errors=True) as temporary:
            for name in wrong:
                _fetch_file(name, Path(temporary), timeout)
            for name in wrong:
                os.replace(Path(temporary, name), folder / name)
    return folder


def _is_genuine(path: Path) -> bool:
    """Whether what `read` would take for this file, gzipped or not, holds MNIST's own bytes."""
    try:
        path = _existing(path)
        with readable(path), _opened(path) as file:
            return hashlib.file_digest(file, "sha256").hexdigest() == MNIST_SHA256[path.name.removesuffix(".gz")]
    except DataError:
        return False


def _fetch_file(name: str, folder: Path, timeout: float) -> None:
    """Fetch one file from the first mirror that gives its genuine content, uncompressed, into `folder`."""
    from torchvision.datasets import MNIST, utils  # takes longer than torch itself, and only fetching needs it

    failures = []
    for mirror in MNIST.mirrors:
        print(f"{mirror}{name}.gz")
        zipped = folder / f"{name}.gz"
        zipped.unlink(missing_ok=True)
        try:
            with _socket_timeout(timeout):
                utils.download_url(f"{mirror}{name}.gz", folder)
            with readable(zipped), gzip.open(zipped, "rb") as source, open(folder / name, "wb") as target:
                shutil.copyfileobj(source, target)
        except (OSError, RuntimeError, HTTPException, DataError) as error:
            failures.append(f"{mirror} ({error})")
        else:
            if _is_genuine(folder / name):
                return
            failures.append(f"{mirror} (its content is not MNIST's)")
    raise DataError(
        f"{name}: could not be fetched from {' nor from '.join(failures)}. Try again later, or copy MNIST's four files "
        "into data/MNIST/raw by hand."
    )


@contextmanager
def _socket_timeout(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)
