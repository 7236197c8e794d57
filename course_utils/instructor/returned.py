"""Reads what students returned: of each notebook its student, its lesson and its answers, whatever else is in it."""

import ast
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import nbformat

from .manifest import Course, Lesson, WrongUse
from .run import CHECK

MOST_BYTES = 20 * 2**20
LONGEST_CELL = 50_000  # characters
CHECK_LINE = re.compile(r"""^check\(\s*["']([\w.]+)["'].*$""", re.MULTILINE)
FIELD = re.compile(
    r"^[^\w\n]*(name|student|student name|author|id|student id)\b[\s\"'*_]*[:=][\s\"'*_]*(.+)$", re.I | re.M
)
MAGIC = re.compile(r"^[ \t]*[%!].*$", re.MULTILINE)


@dataclass(frozen=True)
class Pristine:
    """A lesson as the course gives it: its code cells, up to the last exercise's, with each exercise's number or None.

    `stubs` maps each number to what stands above its check line, `names` each answer's name to its number; `measured`
    are the numbers whose check is given what the lesson measured.
    """

    lesson: Lesson
    cells: list[dict]
    stubs: dict[str, str]
    names: dict[str, str]
    measured: set[str]


@dataclass
class Returned:
    """A returned notebook. `fault` says why it cannot be graded, or is None; `notes` what an instructor should know."""

    file: str
    student: str
    lesson: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    fault: str | None = None


class _Damaged(Exception):
    """Why a file is no notebook of the course."""


def read_lessons(course: Course, profile: str) -> dict[str, Pristine]:
    """The course's lessons by name, with the parameters of a profile."""
    return {lesson.name: _pristine(lesson, profile) for lesson in course.lessons if lesson.notebook.exists()}


def _pristine(lesson: Lesson, profile: str) -> Pristine:
    parameters = "\n".join(f"{name} = {value!r}" for name, value in lesson.profiles[profile].items())
    cells, stubs, names, measured, length = [], {}, {}, set(), 0
    for cell in nbformat.read(lesson.notebook, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.get("tags", [])
        check = CHECK.search(cell.source) if "exercise" in tags else None
        cells.append({"source": cell.source, "exercise": check and check[1]})
        if check:
            stubs[check[1]] = cell.source[: check.start()].strip()
            names |= dict.fromkeys(_names_set(stubs[check[1]]), check[1])
            measured |= {check[1]} if "=" in cell.source[check.start() :].partition("\n")[0] else set()
            length = len(cells)
        if "parameters" in tags and parameters:
            cells.append({"source": parameters, "exercise": None})
    return Pristine(lesson, cells[:length], stubs, names, measured)


def _names_set(code: str) -> list[str]:
    """The names that code sets at its outermost level; none where it is no Python."""
    try:
        statements = ast.parse(code).body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return []
    names = [getattr(statement, "name", None) for statement in statements]
    names += [target.id for one in statements for target in getattr(one, "targets", []) if isinstance(target, ast.Name)]
    return [name for name in names if name]


def read_returned(folder: Path, lessons: Mapping[str, Pristine], without: Path) -> list[Returned]:
    """Every file below `folder` but those below `without`, by name. Raises WrongUse where there is none."""
    if not folder.is_dir():
        raise WrongUse(f"{folder}: no such folder of returned notebooks")
    paths = [path for path in sorted(folder.rglob("*")) if _counts(path, folder, without.resolve())]
    if not paths:
        raise WrongUse(f"{folder}: no returned notebooks in it")
    return [_read(path, _clean(path.relative_to(folder).as_posix()), lessons) for path in paths]


def _counts(path: Path, folder: Path, without: Path) -> bool:
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
    return not hidden and (path.is_symlink() or not path.is_dir()) and not path.resolve().is_relative_to(without)


def _read(path: Path, file: str, lessons: Mapping[str, Pristine]) -> Returned:
    returned = Returned(file, file.removesuffix(".ipynb"))
    try:
        notebook = _notebook(path, returned.notes)
        cells = list(_cells(notebook, returned.notes))
        returned.student = _student(notebook, cells) or returned.student
        pristine = _lesson_of(cells, lessons)
        returned.lesson = pristine.lesson.name
        returned.answers = _answers(cells, pristine, returned.notes)
    except _Damaged as fault:
        returned.fault = str(fault)
    return returned


def _notebook(path: Path, notes: list[str]) -> dict:
    """What the file holds, as format 4."""
    if path.is_symlink() or not path.is_file():
        raise _Damaged("it is no file of its own")
    try:
        if path.stat().st_size > MOST_BYTES:
            raise _Damaged(f"it is larger than {MOST_BYTES // 2**20} MB")
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise _Damaged(f"it cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise _Damaged(f"it is broken: no JSON ({str(error)[:100]})") from error
    if not isinstance(content, dict) or not isinstance(content.get("nbformat"), int):
        raise _Damaged("it is JSON, and no notebook")
    version = content["nbformat"]
    if version == 4:
        return content
    try:
        content = nbformat.reads(json.dumps(content), as_version=4)
    except Exception as error:  # nbformat raises whatever a damaged notebook leads to
        raise _Damaged(f"it is of notebook format {version}, and cannot be converted") from error
    notes.append(f"is of notebook format {version}, and was converted")
    return content


def _cells(notebook: Mapping, notes: list[str]) -> Iterable[dict]:
    """Its cells that can be read: each one's type, source and tags."""
    cells = notebook.get("cells")
    if not isinstance(cells, list):
        raise _Damaged("it is a notebook without cells")
    damaged = 0
    for cell in cells:
        source = cell.get("source") if isinstance(cell, dict) else None
        if isinstance(source, list) and all(isinstance(line, str) for line in source):
            source = "".join(source)
        if not isinstance(source, str) or len(source) > LONGEST_CELL:
            damaged += 1
            continue
        metadata = cell.get("metadata")
        tags = metadata.get("tags") if isinstance(metadata, dict) else None
        source = source.replace("\r\n", "\n").encode("utf-8", "replace").decode()
        yield {"type": cell.get("cell_type"), "source": source, "tags": tags if isinstance(tags, list) else []}
    if damaged:
        notes.append(f"has {damaged} cells that are damaged or too long")


def _student(notebook: Mapping, cells: list[dict]) -> str:
    """The name and id in the first cells or in the notebook's metadata; empty where there are none."""
    found = dict.fromkeys(_clean(match[2]) for cell in cells[:2] for match in FIELD.finditer(cell["source"]))
    metadata = notebook.get("metadata")
    if not found and isinstance(metadata, dict):
        authors = metadata.get("authors")
        entries = [metadata, *(authors if isinstance(authors, list) else [])]
        given = [entry.get(key) for entry in entries if isinstance(entry, dict) for key in ("student", "name", "id")]
        found = dict.fromkeys(_clean(name) for name in given if isinstance(name, str))
    return ", ".join(name for name in found if name)


def _clean(text: str) -> str:
    """A line of at most 100 characters that every file and page can hold."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text.encode("utf-8", "replace").decode())
    return " ".join(printable.split()).strip(" \"'*_`")[:100]


def _lesson_of(cells: list[dict], lessons: Mapping[str, Pristine]) -> Pristine:
    """The lesson that most of the exercises in these cells belong to."""
    found = {number for cell in cells if cell["type"] == "code" for number in CHECK_LINE.findall(cell["source"])}
    best = max(lessons.values(), key=lambda pristine: len(found & pristine.stubs.keys()))
    if found & best.stubs.keys():
        return best
    tagged = {name for cell in cells if "exercise" in cell["tags"] for name in _names_set(cell["source"])}
    best = max(lessons.values(), key=lambda pristine: len(tagged & pristine.names.keys()))
    if not tagged & best.names.keys():
        raise _Damaged("it is no lesson of this course: no exercise of the course is in it")
    return best


def _answers(cells: list[dict], pristine: Pristine, notes: list[str]) -> dict[str, str]:
    """The code above each check line, by number; of an exercise that stands twice, the last. Stubs are left out."""
    answers = {}
    for cell in cells:
        for number, code in _answers_in(cell, pristine) if cell["type"] == "code" else ():
            if number in answers:
                notes.append(f"holds {number} more than once; the last counts")
            answers[number] = code
    notes[:] = dict.fromkeys(notes)
    return {number: code for number, code in answers.items() if code and code.split() != pristine.stubs[number].split()}


def _answers_in(cell: dict, pristine: Pristine) -> Iterable[tuple[str, str]]:
    checks = [match for match in CHECK_LINE.finditer(cell["source"]) if match[1] in pristine.stubs]
    for check in checks:
        yield check[1], _plain(CHECK_LINE.sub("", cell["source"][: check.start()]))
    if not checks and "exercise" in cell["tags"]:
        code = _plain(cell["source"])
        numbers = [pristine.names[name] for name in _names_set(code) if name in pristine.names]
        if numbers:
            yield numbers[-1], code


def _plain(code: str) -> str:
    """Code without IPython's own lines, where these keep it from being Python."""
    try:
        ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return MAGIC.sub("", code).strip("\n")
    return code.strip("\n")
