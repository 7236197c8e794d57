"""What a student has done, kept across restarts: answers, guesses and drawn digits, in data/progress.json.

Nothing is kept of a run that nobody sits at. Jupyter says with each cell whether someone could answer an `input()`:
JupyterLab always says yes; papermill, nbval, nbconvert and the course's own runner always say no. A widget's message
comes from someone's hand. Where there is no kernel, as in grading, nobody is there either.
"""

import json
import os
from collections.abc import Mapping
from contextlib import contextmanager
from pathlib import Path

from .files import write_whole

KINDS = ("answers", "guesses", "digits")
PROJECT = Path(__file__).resolve().parent.parent


def progress_file() -> Path:
    """Where progress is kept: `$COURSE_PROGRESS`, else data/progress.json beside the lessons."""
    return Path(os.environ.get("COURSE_PROGRESS") or PROJECT / "data" / "progress.json").expanduser()


def somebody_is_there() -> bool:
    """Whether what runs now was asked for by someone who sits at a notebook."""
    from IPython import get_ipython

    if (kernel := getattr(get_ipython(), "kernel", None)) is None:
        return False
    request = kernel.get_parent()
    if request.get("header", {}).get("msg_type") == "comm_msg":
        return True
    return bool(request.get("content", {}).get("allow_stdin"))


def note(kind: str, name: str, entry: Mapping) -> None:
    """Keep an entry, plain JSON, in the place of an earlier one of that name; nothing where nobody is there.

    Where the file cannot be written, that is said in one line, and the lesson goes on.
    """
    if not somebody_is_there():
        return
    path = progress_file()
    try:
        with _locked(path):
            content = _read(path)
            content[kind][name] = entry
            write_whole(path, json.dumps(content, ensure_ascii=False))
    except (OSError, TimeoutError) as error:
        print(f"Your progress could not be kept in {_name(path)}: {error}. You can go on without it.")


def noted(kind: str) -> dict[str, dict]:
    """What was kept of a kind, by name; nothing where nobody is there, so that every run without a reader is alike."""
    return everything()[kind] if somebody_is_there() else {}


def everything() -> dict[str, dict[str, dict]]:
    """All that was kept: kind → name → entry. A damaged file is set aside, and said so in one line."""
    path = progress_file()
    if not path.exists():
        return {kind: {} for kind in KINDS}
    try:
        return _checked(path.read_bytes())
    except ValueError:
        with _locked(path):
            return _read(path)


def forget() -> bool:
    """Delete what was kept. Returns whether there was anything."""
    path = progress_file()
    if not path.exists():
        return False
    with _locked(path):
        path.unlink()
    return True


@contextmanager
def _locked(path: Path):
    """Nobody else reads or writes meanwhile. The system gives the lock back when its holder ends, however it ends."""
    from filelock import FileLock

    path.parent.mkdir(parents=True, exist_ok=True)
    with FileLock(path.with_suffix(".lock"), timeout=60, poll_interval=0.005):
        yield


def _read(path: Path) -> dict[str, dict[str, dict]]:
    """The content of a file that is locked; one that is damaged is set aside first."""
    if not path.exists():
        return {kind: {} for kind in KINDS}
    try:
        return _checked(path.read_bytes())
    except ValueError:
        number = 1
        while (aside := path.with_name(f"{path.stem}-damaged-{number}.json")).exists():
            number += 1
        path.rename(aside)
        print(f"{_name(path)} was damaged. It is kept as {aside.name}, and your progress begins anew.")
        return {kind: {} for kind in KINDS}


def _checked(text: bytes) -> dict[str, dict[str, dict]]:
    """Raises ValueError where this is no file of progress."""
    content = json.loads(text)
    entries = [content.get(kind, {}) for kind in KINDS] if isinstance(content, dict) else [None]
    if not all(isinstance(names, dict) and all(isinstance(one, dict) for one in names.values()) for names in entries):
        raise ValueError("a file of progress holds objects by kind and name")
    return {**content, **dict(zip(KINDS, entries, strict=True))}


def _name(path: Path) -> str:
    return str(path.relative_to(PROJECT)) if path.is_relative_to(PROJECT) else path.name
