"""Reading gzipped files, with clear words for what can be wrong with them."""

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from .splits import DataError


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what goes wrong while reading a file into a DataError."""
    try:
        yield
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        with open(path, "rb") as file:
            start = file.read(40).lstrip()
        page = ": it is a web page, saved under this name" if start.startswith(b"<") else ""
        wrong = "a truncated or damaged gzip file" if start.startswith(b"\x1f\x8b") else f"not a gzip file{page}"
        raise DataError(f"{path}: {wrong}. Check the name; course data fetch mends MNIST's own.") from error
    except OSError as error:
        raise DataError(
            f"{error.filename or path}: cannot be read ({error.strerror or error}). Check the name and the rights."
        ) from error
