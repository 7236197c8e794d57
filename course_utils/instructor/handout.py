"""Writes the copies that students get: lessons without outputs, exercises without readable solutions."""

import base64
import re
import shutil
import zlib
from collections.abc import Sequence
from pathlib import Path

import nbformat

from ..files import written_whole
from .manifest import Course, Lesson, WrongUse
from .run import without_outputs

PARTS = (
    "README.md", "LICENSE", "LICENSE-text", "CITATION.cff", "requirements.txt", "pyproject.toml", "install.py",
    "Makefile", "data/README.md", "course_utils",
)  # fmt: skip
BESIDE = ("course.yaml", "results.json", "cover.png")  # what is beside the lessons
SOLUTION = re.compile(r"\n# solution\(.*\)$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[([^][]+)\]\(([^):#]+)[^):]*\)")  # to a file, and not a picture
MARK = ".handout"
PACKED = '''"""Exercises, packed: read the lesson instead."""

from .packed import unpack

unpack(globals(), {text!r})
'''


def write_handout(course: Course, lessons: Sequence[Lesson], out: Path) -> None:
    """Write a folder, ready to zip, with all that a student needs for these lessons; whole or not at all.

    Raises WrongUse where `out` holds anything but an earlier handout.
    """
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise WrongUse(f"{out}: holds something other than a handout; name another folder: --out")
    with written_whole(out) as folder:
        _copy(course.folder.parent, PARTS, folder)
        _copy(course.folder, BESIDE, folder / "notebooks")
        for path in (folder / "course_utils" / "exercises").glob("lesson_*.py"):
            path.write_text(packed(path.read_text(encoding="utf-8")), encoding="utf-8")
        for lesson in lessons:
            (folder / "notebooks" / lesson.notebook.name).write_text(for_students(lesson.notebook), encoding="utf-8")
        readme = folder / "README.md"
        if readme.exists():
            readme.write_text(without_dead_links(readme.read_text(encoding="utf-8"), folder), encoding="utf-8")
        (folder / MARK).touch()


def _copy(source: Path, names: Sequence[str], target: Path) -> None:
    """Copy those files and folders that are there."""
    for name in names:
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        if (source / name).is_dir():
            shutil.copytree(source / name, target / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (source / name).exists():
            shutil.copy(source / name, target / name)


def packed(source: str) -> str:
    """A module that does what `source` does, and does not show it."""
    return PACKED.format(text=base64.b85encode(zlib.compress(source.encode(), 9)).decode())


def for_students(path: Path) -> str:
    """A lesson without outputs, and without the lines that would show a solution."""
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("tags", []):
            cell.source = SOLUTION.sub("", cell.source)
    return nbformat.writes(without_outputs(notebook)) + "\n"


def without_dead_links(text: str, folder: Path) -> str:
    """The text without its paragraphs that link to what `folder` lacks; in a table, such links become plain words."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        plain = LINK.sub(lambda link: link[0] if (folder / link[2]).exists() else link[1], paragraph)
        if plain == paragraph or paragraph.startswith("|"):
            paragraphs.append(plain)
    return "\n\n".join(paragraphs)
