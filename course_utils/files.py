"""Files and folders that are written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a path to write a file or a folder to; it takes the place of `path` once all is written, after no error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=path.parent, ignore_cleanup_errors=True) as folder:
        whole = Path(folder, "whole")
        yield whole
        if path.is_dir():  # which no system replaces in one step
            os.replace(path, Path(folder, "before"))
        os.replace(whole, path)


def write_whole(path: Path, content: str | bytes) -> None:
    """Write a file whole or not at all."""
    with written_whole(path) as whole:
        whole.write_bytes(content.encode() if isinstance(content, str) else content)
