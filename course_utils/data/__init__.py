"""Handwritten digits: from any container to tensors, splits and batches.

Three containers are read and written: MNIST's IDX files (`MNIST/raw/`, gzipped or not), one JSON file
(`.json.gz`: `[train, validation, test]`, each `[images, labels]`), and a tree of pictures (`train/<digit>/*.png`,
`test/<digit>/*.png`). Whatever they hold, a lesson gets the same tensors, and a damaged container gets a `DataError`.
"""

from .bending import move_each
from .embedded import to_mnist_frame
from .load import fetch_mnist, load_digits, save_digits
from .one_by_one import OneByOne
from .splits import Batches, DataError, Digits, Split, batches, to_inputs

__all__ = [
    "Batches", "DataError", "Digits", "OneByOne", "Split", "batches", "fetch_mnist", "load_digits", "move_each",
    "save_digits", "to_inputs", "to_mnist_frame",
]  # fmt: skip
