"""Writes the copies that students get: lessons without outputs, exercises without readable solutions."""

import base64
import re
import shutil
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

import nbformat

from ..exercises.packed import mixed
from ..files import written_whole
from .manifest import Course, Lesson, WrongUse, read_notebook
from .run import without_outputs

PARTS = (
    "README.md", "LICENSE", "LICENSE-text", "CITATION.cff", "pyproject.toml", "install.py", "data/README.md",
    "course_utils",
)  # fmt: skip
BESIDE = ("course.yaml", "results.json", "cover.png", "networks")  # what is beside the lessons
NOT_FOR_STUDENTS = ("__pycache__", "instructor", "site", "maintain.py")
REQUIREMENTS = "# What the lessons need, and course_utils importable from any folder. pyproject.toml lists it.\n-e .\n"
MAKEFILE = """.PHONY: lab

lab: .venv/.installed  ## open the lessons in JupyterLab
\tcd notebooks && ../.venv/bin/jupyter lab

.venv/.installed: requirements.txt pyproject.toml install.py
\tpython3 install.py
"""
NAME = "\n\n**Name:** …"  # which `returned` reads
SOLUTION = re.compile(r"\n# solution\(.*\)$", re.MULTILINE)
LINK = re.compile(r"(?<!!)\[([^][]+)\]\(([^):#]+)[^):]*\)")  # to a file, and not a picture
INSTRUCTORS = re.compile(r"^.*(?:make course|course run|course report).*\n", re.MULTILINE)
MARK = ".handout"
PACKED = '''"""Exercises, packed: read the lesson instead."""

from .packed import unpack

unpack(globals(), {text!r})
'''


def write_handout(course: Course, lessons: Sequence[Lesson], out: Path) -> None:
    """Write a folder with all that a student needs for these lessons, and no more; whole or not at all.

    Raises WrongUse where `out` holds anything but an earlier handout.
    """
    if out.exists() and any(out.iterdir()) and not (out / MARK).exists():
        raise WrongUse(f"{out}: holds something other than a handout; name another folder: --out")
    with written_whole(out) as folder:
        (folder / "notebooks").mkdir(parents=True)
        (folder / "data").mkdir()
        parts = {name: course.folder.parent / name for name in PARTS}
        for name, source in (parts | {f"notebooks/{name}": course.folder / name for name in BESIDE}).items():
            if source.is_dir():
                shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns(*NOT_FOR_STUDENTS))
            elif source.exists():
                shutil.copy(source, folder / name)
        (folder / "requirements.txt").write_text(REQUIREMENTS, encoding="utf-8")
        (folder / "Makefile").write_text(MAKEFILE, encoding="utf-8")
        for path in (folder / "course_utils" / "exercises").glob("lesson_*.py"):
            path.write_text(packed(path.read_text(encoding="utf-8")), encoding="utf-8")
        for lesson in lessons:
            (folder / "notebooks" / lesson.notebook.name).write_text(for_students(lesson.notebook), encoding="utf-8")
        readme = folder / "README.md"
        if readme.exists():
            text = INSTRUCTORS.sub("", readme.read_text(encoding="utf-8"))
            readme.write_text(without_dead_links(text, folder), encoding="utf-8")
        (folder / MARK).touch()


def zip_handout(folder: Path) -> Path:
    """Write a handout as one file beside it, and return that."""
    target = folder.with_name(f"{folder.name}.zip")
    with written_whole(target) as whole, zipfile.ZipFile(whole, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, Path("digit-course", path.relative_to(folder)))
    return target


def packed(source: str) -> str:
    """A module that does what `source` does, and does not show it."""
    return PACKED.format(text=base64.b85encode(mixed(zlib.compress(source.encode(), 9))).decode())


def for_students(path: Path) -> str:
    """A lesson that asks for a name, without outputs, and without the lines that would show a solution."""
    notebook = read_notebook(path)
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("tags", []):
            cell.source = SOLUTION.sub("", cell.source)
    notebook.cells[0].source += NAME
    return nbformat.writes(without_outputs(notebook)) + "\n"


def without_dead_links(text: str, folder: Path) -> str:
    """The text without its paragraphs that link to what `folder` lacks; in a table, such links become plain words."""
    paragraphs = []
    for paragraph in text.split("\n\n"):
        plain = LINK.sub(lambda link: link[0] if (folder / link[2]).exists() else link[1], paragraph)
        if plain == paragraph or paragraph.startswith("|"):
            paragraphs.append(plain)
    return "\n\n".join(paragraphs)
