"""Reads the lessons as the course gives them, and what came back, whatever else is in it."""

import ast
import os
import re
import zipfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from pathlib import Path

import nbformat
import nbformat.reader
from nbformat import NotebookNode

from course_utils.exercises.desk import all_exercises
from course_utils.exercises.judging import Verdict

from .manifest import Lesson, WrongUse
from .run import CHECK
from .sandbox import names_in

COURSE = "course"  # the check that students know, beside the instructor's own
MOST_BYTES, LONGEST_CELL, MOST_SIGNS = 20 * 2**20, 50_000, 2_000_000  # of a file; characters of a cell, of all cells
MOST_PARTS = 200_000  # objects and lists of a file
MOST_ENTRIES, DEEPEST = 100, 30  # files in a student's zip file; folders in one another
CHECK_LINE = re.compile(r"""^check\(\s*["']([\w.]+)["'].*$""", re.MULTILINE)
FIELD = re.compile(
    r"^[^\w\n]*((?:student )?(?:name|id)|student|author)\b[ \t\"'*_]*[:=][ \t\"'*_]*(\S.*)$", re.I | re.M
)
MAGIC = re.compile(r"^[ \t]*[%!].*$", re.MULTILINE)  # taken out where a cell is no Python with it
BROUGHT = ast.Import | ast.ImportFrom | ast.FunctionDef | ast.ClassDef | ast.Assign | ast.AnnAssign


@dataclass(frozen=True)
class Pristine:
    """A lesson as the course gives it: its code cells, up to the last exercise's, with each exercise's number or None.

    `stubs` maps each number to what stands above its check line, `given` to what the check is given beside the answer;
    `names` maps each answer's name to its number. `known` is the code of all cells, as words.
    """

    lesson: Lesson
    cells: list[tuple[str, str | None]]
    stubs: dict[str, str]
    given: dict[str, dict[str, str]]
    names: dict[str, str]
    known: frozenset[str]


def read_lesson(lesson: Lesson, profile: str) -> Pristine:
    """A lesson of the course with the parameters of a profile."""
    parameters = "\n".join(f"{name} = {value!r}" for name, value in lesson.profiles[profile].items())
    cells, stubs, given, known, last = [], {}, {}, set(), 0
    for cell in nbformat.read(lesson.notebook, as_version=4).cells:
        if cell.cell_type != "code":
            continue
        tags = cell.metadata.get("tags", [])
        check = CHECK.search(cell.source) if "exercise" in tags else None
        cells.append((cell.source, check and check[1]))
        known.add(" ".join(cell.source.split()))
        if check:
            last = len(cells)
            stubs[check[1]] = cell.source[: check.start()].strip()
            call = ast.parse(cell.source[check.start() :]).body[0].value
            given[check[1]] = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
        if "parameters" in tags and parameters:
            cells.append((parameters, None))
    names = {all_exercises()[number].name: number for number in stubs}
    return Pristine(lesson, cells[:last], stubs, given, names, frozenset(known))


# What came back -------------------------------------------------------------------------------------------------------


@dataclass
class Row:
    """What one check says of one answer, and what an instructor should know of that."""

    exercise: str
    check: str
    verdict: Verdict
    note: str = ""


@dataclass(frozen=True)
class Place:
    """Where a returned file lies, its name in tables; `entry` is its name in a zip file."""

    path: Path
    name: str
    entry: str = ""

    def read(self) -> NotebookNode:
        """Its notebook, of whatever format. Raises anything for a damaged one, OSError with words for a large one."""
        if self.entry:
            with _archive(self.path).open(self.entry) as file:
                content = file.read(MOST_BYTES + 1)
        else:
            if self.path.is_symlink() or not self.path.is_file():
                raise OSError("it is no file of its own")
            with open(self.path, "rb") as file:
                content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            raise OSError(f"it is larger than {MOST_BYTES // 2**20} MB")
        if content.count(b"{") + content.count(b"[") > MOST_PARTS:
            raise OSError(f"it holds more than {MOST_PARTS:,} parts")
        return nbformat.reader.reads(content.decode("utf-8-sig"))

    @property
    def came(self) -> float:
        """When it was last written, in seconds since 1970, as its folder or its zip file says."""
        try:
            if self.entry:
                return datetime(*_archive(self.path).getinfo(self.entry).date_time).timestamp()
            return self.path.lstat().st_mtime
        except (OSError, ValueError, OverflowError):
            return 0.0


@lru_cache(maxsize=4)
def _archive(path: Path) -> zipfile.ZipFile:
    return zipfile.ZipFile(path)


@dataclass
class Returned:
    """A returned notebook and what came of it: a row for each check of each exercise of its lesson.

    `fault` says why it cannot be graded, `ungraded` why some rows hold nothing; `notes` are for the instructor.
    `named` is what it says of its student, and `student` the name in tables. `helpers` are statements of the student's
    own cells. The file `kept` holds the rows; its name changes with all they depend on. While it is graded,
    `earlier` is the code that an answer may build on, in the lesson's order, and `seconds` what its answers have taken.
    """

    file: str
    student: str
    place: Place
    came: float = 0.0
    named: list[str] = field(default_factory=list)
    lesson: str = ""
    answers: dict[str, str] = field(default_factory=dict)
    helpers: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    fault: str | None = None
    rows: list[Row] = field(default_factory=list)
    ungraded: str | None = None
    unlimited: list[str] = field(default_factory=list)
    kept: Path | None = None
    earlier: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def totals(self) -> dict[str, int]:
        """How many of its exercises are in each state."""
        counts = Counter(row.verdict.state for row in self.rows if row.check == COURSE)
        return {state: counts[state] for state in ("right", "wrong", "open", "error")}

    @property
    def incidents(self) -> list[str]:
        """What an instructor should know of it."""
        noted = [f"{row.exercise} {row.note}" for row in self.rows if row.note]
        return [text for text in (self.fault, self.ungraded, *self.notes, *noted) if text]

    def __str__(self) -> str:
        counts = ", ".join(f"{number} {state}" for state, number in self.totals.items() if number)
        return f"{self.file}: {'; '.join([counts or 'not graded', *self.incidents])}"


def read_returned(source: Path, lessons: Mapping[str, Pristine], without: Path) -> list[Returned]:
    """Every file of a folder or a zip file, but those below `without`, by name. Raises WrongUse where there is none."""
    if source.is_file():
        try:
            places = [Place(source.resolve(), clean(name), name) for name in _entries(source)]
        except (OSError, ValueError, zipfile.BadZipFile) as error:
            raise WrongUse(f"{source}: no zip file of returned notebooks ({error})") from error
    elif source.is_dir():
        places = [place for place in _places(source.resolve(), without.resolve()) if not _hidden(place.name)]
    else:
        raise WrongUse(f"{source}: no such folder of returned notebooks")
    if not places:
        raise WrongUse(f"{source}: no returned notebooks in it")
    return [_read(place, lessons) for place in sorted(places, key=lambda place: place.name)]


def _hidden(name: str) -> bool:
    return any(part.startswith((".", "__MACOSX")) and part != ".." for part in name.split("/"))


def _entries(path: Path) -> list[str]:
    names = dict.fromkeys(entry.filename for entry in _archive(path).infolist() if not entry.is_dir())
    return [name for name in names if not _hidden(name)]


def _places(folder: Path, without: Path) -> Iterator[Place]:
    """Each file below, link or not, and each folder that cannot be read. No link is followed."""
    waiting = [(folder, 0)]
    while waiting:
        here, depth = waiting.pop()
        try:
            entries = list(os.scandir(here)) if depth <= DEEPEST else []
        except OSError:
            entries = []
        if not entries and depth and (depth > DEEPEST or not os.access(here, os.R_OK)):
            yield Place(here, clean(here.relative_to(folder).as_posix()))
        for entry in entries:
            path = Path(entry.path)
            if path == without:
                continue
            if entry.is_dir(follow_symlinks=False):
                waiting.append((path, depth + 1))
                continue
            name = clean(path.relative_to(folder).as_posix())
            inside = []
            if path.suffix == ".zip" and entry.is_file(follow_symlinks=False):
                try:
                    inside = _entries(path)[:MOST_ENTRIES]
                except Exception:  # a damaged one leads to whatever it leads to
                    inside = []
            yield from [Place(path, clean(f"{name}/{one}"), one) for one in inside] or [Place(path, name)]


def _read(place: Place, lessons: Mapping[str, Pristine]) -> Returned:
    """What a file holds: its student, its lesson and its answers, or why it holds none."""
    one = Returned(place.name, place.name.removesuffix(".ipynb"), place, place.came)
    try:
        notebook = place.read()
        version = notebook.nbformat
        cells = nbformat.convert(notebook, 4).cells
        if sum(len(cell.source) for cell in cells) > MOST_SIGNS:
            raise OSError(f"it holds more than {MOST_SIGNS:,} characters of text and code")
        cells = [cell for cell in cells if len(cell.source) <= LONGEST_CELL]
        for cell in cells:
            cell.source = cell.source.replace("\r\n", "\n").encode("utf-8", "replace").decode()
        code = [cell for cell in cells if cell.cell_type == "code"]
        found = _answers_in(code, lessons)
        _fill(one, cells, code, found, lessons)
    except OSError as error:
        one.fault = clean(str(error))
    except Exception as error:  # a damaged notebook leads to whatever it leads to
        one.fault = clean(f"it is broken, or no notebook ({type(error).__name__}: {error})")
    else:
        if version != 4:
            one.notes.append(f"is of notebook format {version}, and was converted")
    return one


def _fill(
    one: Returned, cells: Sequence, code: Sequence, found: Sequence[tuple[str, str]], lessons: Mapping[str, Pristine]
) -> None:
    counts = Counter(number for number, _ in found)
    fits = {name: sum(counts[number] for number in lesson.stubs) for name, lesson in lessons.items()}
    if not (name := max(fits, key=fits.get, default="")) or not fits[name]:
        one.fault = "it is no lesson of this course: no exercise of the course is in it"
        return
    one.lesson, lesson = name, lessons[name]
    fields = (match[2] for cell in cells[:3] for match in FIELD.finditer(cell.source))
    one.named = list(dict.fromkeys(text for text in map(clean, fields) if text and text != "…"))
    one.student = ", ".join(one.named) or one.student
    twice = [number for number in lesson.stubs if counts[number] > 1]
    one.notes += [f"holds {number} more than once; the last counts" for number in twice]
    for number, text in found:
        if number in lesson.stubs:
            one.answers[number] = (text if any(names_in(text)) else MAGIC.sub("", text)).strip("\n")
            if text.split() in ([], lesson.stubs[number].split()):
                del one.answers[number]
    for cell in code:
        own = " ".join(cell.source.split()) not in lesson.known and "exercise" not in cell.metadata.get("tags", [])
        if own and not CHECK_LINE.search(cell.source):
            one.helpers += _statements(cell.source)


def _answers_in(cells: Sequence, lessons: Mapping[str, Pristine]) -> list[tuple[str, str]]:
    """The code above each check line, by number; in an exercise's cell without one, the code that sets its name."""
    numbers = {number for lesson in lessons.values() for number in lesson.stubs}
    names = {name: number for lesson in lessons.values() for name, number in lesson.names.items()}
    found = []
    for cell in cells:
        checks = [match for match in CHECK_LINE.finditer(cell.source) if match[1] in numbers]
        last = {check[1]: check.start() for check in checks}
        found += [(number, CHECK_LINE.sub("", cell.source[:end])) for number, end in last.items()]
        if not checks and "exercise" in cell.metadata.get("tags", []):
            found += [(names[name], cell.source) for name in names_in(cell.source)[1] if name in names]
    return found


def _statements(code: str) -> list[str]:
    """The imports, definitions and assignments of a cell, one by one; none where it is no Python."""
    for text in (code, MAGIC.sub("", code)):
        try:
            return [ast.unparse(part) for part in ast.parse(text).body if isinstance(part, BROUGHT)]
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            continue
    return []


def clean(text: str) -> str:
    """A line of at most 100 characters that every file and page can hold."""
    text = text[:2000].encode("utf-8", "replace").decode()
    printable = "".join(sign if sign.isprintable() else " " for sign in text)
    return " ".join(printable.split()).strip(" \"'*_`")[:100]
