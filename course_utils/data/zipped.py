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
    except gzip.BadGzipFile as error:
        start = path.read_bytes()[:40].lstrip()
        page = ": it is a web page, saved under this name" if start[:1] == b"<" else ""
        raise DataError(f"{path}: not a gzip file{page}. Remove it and fetch it again.") from error
    except (EOFError, zlib.error) as error:
        raise DataError(f"{path}: a truncated or damaged gzip file. Remove it and fetch it again.") from error
    except OSError as error:
        raise DataError(
            f"{path}: cannot be read ({error.strerror or error}). Check the name and the rights."
        ) from error
