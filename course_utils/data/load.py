"""One call for every source of digits, and one to write them into any container."""

import os
from pathlib import Path

from ..files import written_whole
from . import embedded, idx, json_file, pictures
from .splits import DataError, Digits, hold_out, join
from .zipped import readable

PROJECT = Path(__file__).resolve().parents[2]


def load_digits(
    source: str | Path = "auto",
    *,
    root: str | Path | None = None,
    validation: int = 0,
    train_size: int | None = None,
    seed: int = 0,
) -> Digits:
    """Load digits from one source, split into train, validation and test.

    `source` is "mnist" (IDX files in `root`/MNIST/raw), "digits" (scikit-learn's, embedded), the path of a
    `.json.gz` file or of a folder of pictures, or "auto": MNIST where it is on disk, else the embedded digits, said
    in one line. `root` is `$COURSE_DATA`, else the project's `data/`, where it is not given.

    `validation` training digits are held out, drawn with `seed`; a JSON file brings its own validation split, which
    is kept where `validation` is 0 or just its size. `train_size` keeps that many of the others, drawn likewise.

    Raises DataError, naming the file and the remedy, for anything that is missing, damaged or too small.
    """
    source, folder = str(source), _data_folder(root)
    if source == "auto":
        source = _source_at_hand(folder)
    if source == "digits":
        return embedded.read(validation, train_size, seed)
    path = folder if source == "mnist" else _expanded(source)
    with readable(path):
        reader = idx.read if source == "mnist" else pictures.read if path.is_dir() else json_file.read
        train, held_out, test = reader(path)
    if source == "mnist":
        name, origin = "mnist", f"IDX files in {_name(folder)}"
    else:
        name, origin = path.name, f"read from {path.name}"
    if validation not in (0, len(held_out.labels)):
        train, held_out = join(train, held_out), None
    train_size = _checked_sizes(source, train, held_out, validation, train_size)
    if held_out is None:
        train, held_out = hold_out(train, validation, seed)
    if train_size < len(train.labels):
        _, train = hold_out(train, train_size, seed)
    return Digits(train, held_out, test, name, origin)


def save_digits(digits: Digits, path: str | Path, *, container: str) -> None:
    """Write digits as "json" (one file), "mnist" (IDX files) or "images" (PNG files), whole or not at all.

    IDX files and pictures have no validation split: it goes to the end of the training digits. Raises DataError
    where `path` exists already, and for JSON with an empty split.
    """
    path = Path(path)
    if path.exists():
        raise DataError(f"{path}: exists already. Choose another name.")
    writer = {"json": json_file.write, "mnist": idx.write, "images": pictures.write}[container]
    with written_whole(path) as whole:
        writer(digits, whole)


def fetch_mnist(root: str | Path | None = None, *, timeout: float = 30.0) -> Path:
    """Fetch MNIST through torchvision into `root`/MNIST/raw and return that folder; `root` as in `load_digits`.

    Each of torchvision's mirrors is tried in turn, waiting at most `timeout` seconds for an answer; a file is kept
    only if its content has the right SHA-256, and one that is there and right is not fetched again. Raises DataError
    where every mirror failed; then nothing was changed.
    """
    return idx.fetch(_data_folder(root), timeout)


def _data_folder(root: str | Path | None) -> Path:
    """`root`, else `$COURSE_DATA`, else `data/`; a relative `$COURSE_DATA` may also start at the project's folder."""
    if root is not None:
        return _expanded(root)
    folder = _expanded(os.environ.get("COURSE_DATA") or "data")
    return folder if os.environ.get("COURSE_DATA") and os.path.exists(folder) else PROJECT / folder


def _expanded(path: str | Path) -> Path:
    return Path(os.path.expanduser(path))


def _name(folder: Path) -> str:
    """The folder's name as a lesson prints it: without the machine's own paths."""
    named = os.environ.get("COURSE_DATA")
    return "$COURSE_DATA" if named and folder == _data_folder(None) else f"{folder.name}/"


def _source_at_hand(folder: Path) -> str:
    with readable(folder):
        found = idx.found_in(folder)
    if found:
        print(f"Digits: MNIST, found in {_name(folder)}.")
        return "mnist"
    print(f"Digits: the embedded ones of scikit-learn, since MNIST was not found in {_name(folder)}.")
    return "digits"


def _checked_sizes(source, train, held_out, validation: int, train_size: int | None) -> int:
    """The number of training digits to keep. Raises DataError where the sizes asked for do not fit."""
    left = len(train.labels) - (validation if held_out is None else 0)
    if validation < 0 or left < 1:
        raise DataError(
            f"{source}: {validation:,} digits for validation cannot be taken from {len(train.labels):,}. Ask for fewer."
        )
    if train_size is not None and not 1 <= train_size <= left:
        raise DataError(f"{source}: train_size is {train_size:,}, but 1 to {left:,} can be kept. Change train_size.")
    return left if train_size is None else train_size
