"""Grades returned notebooks: reads their answers, has a sandbox run them, judges what they gave, writes the tables."""

import ast
import csv
import hashlib
import io
import json
import re
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from importlib import resources
from pathlib import Path

import jinja2
import nbformat
import nbformat.reader

from course_utils.exercises.desk import all_exercises
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.judging import Verdict, judge
from course_utils.exercises.running import decode, encode

from ..files import write_whole
from .gradebook import harmless
from .manifest import Course, Lesson, WrongUse
from .run import CHECK, work_through
from .sandbox import PACKAGE, Sandbox, SandboxLost, names_in

SIGNS = {"right": "✓", "wrong": "✗", "open": "○", "error": "!"}
COURSE = "course"  # the check that students know, beside the instructor's own
WHO = ("student", "file", "lesson")
LONGEST, MOST_PARTS = 2000, 100_000  # characters of a verdict's words, parts of what an answer gave
OWN_RUN = "depends on what the student's own run measured; look at it, or grade with --profile class"
OVER_MEMORY = "needed more memory than it may have"
NO_MEMORY = re.compile("MemoryError|n't allocate memory|enough memory")
UNREADABLE = "gave back what nobody can judge"


@dataclass(frozen=True)
class Wanted:
    """How to grade: the lessons' profile, seconds an answer, and the instructor's checks (their text, their names)."""

    profile: str
    seconds: float
    checks: str = ""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)


@dataclass
class Row:
    """What one check says of one answer, and what an instructor should know of that."""

    exercise: str
    check: str
    verdict: Verdict
    note: str = ""


@dataclass
class Returned:
    """A returned notebook and what came of it: a row for each check of each exercise of its lesson.

    `fault` says why it cannot be graded, `ungraded` why some rows hold nothing; `notes` are for the instructor. The
    file `kept` holds the rows; its name changes with all they depend on. While it is graded, `earlier` is the code that
    an answer may build on, in the lesson's order, and `seconds` what its answers have taken.
    """

    file: str
    student: str
    path: str = ""  # below the folder of returned notebooks, as the system has it
    came: float = 0.0  # when the file was last written, in seconds since 1970
    lesson: str = ""
    answers: dict[str, str] = field(default_factory=dict)
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
        return {state: counts[state] for state in SIGNS}

    @property
    def incidents(self) -> list[str]:
        """What an instructor should know of it."""
        noted = [f"{row.exercise} {row.note}" for row in self.rows if row.note]
        return [text for text in (self.fault, self.ungraded, *self.notes, *noted) if text]

    def __str__(self) -> str:
        counts = ", ".join(f"{number} {state}" for state, number in self.totals.items() if number)
        return f"{self.file}: {'; '.join([counts or 'not graded', *self.incidents])}"


def read_wanted(profile: str, seconds: float, checks: Path | None) -> Wanted:
    """Read the instructor's checks. Raises WrongUse where these are none."""
    if checks is None:
        return Wanted(profile, seconds)
    try:
        text, namespace = checks.read_text(encoding="utf-8"), {"__name__": "checks"}
        exec(compile(text, "<checks>", "exec", dont_inherit=True), namespace)
        names = {str(number): [check.__name__ for check in found] for number, found in namespace["CHECKS"].items()}
    except Exception as error:
        raise WrongUse(f'{checks}: no CHECKS = {{"3.4": [my_check]}} ({type(error).__name__}: {error})') from error
    for number in names.keys() - all_exercises().keys():
        raise WrongUse(f"{checks}: there is no exercise {number}")
    return Wanted(profile, seconds, text, names)


def grade(
    course: Course, folder: Path, out: Path, wanted: Wanted, *, jobs: int, scheduler: str | None, resume: bool
) -> Iterator[Returned]:
    """Grade the notebooks in `folder`; keep each one's result beneath `out`, write the tables and the page at the end.

    Yields each notebook as it comes. With `resume` those kept are not graded anew where nothing has changed.
    """
    lessons = {one.name: read_lesson(one, wanted.profile) for one in course.lessons if one.notebook.exists()}
    returned = read_returned(folder, lessons, without=out.resolve())
    code = [path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))]
    for one in returned:
        key = hashlib.sha256(repr((code, lessons.get(one.lesson), one.answers, wanted)).encode()).hexdigest()
        one.kept = out / "notebooks" / f"{key[:32]}.json"
        if resume and not one.fault:
            with suppress(OSError, ValueError):
                before = json.loads(one.kept.read_text(encoding="utf-8"))
                one.rows = [Row(**row | {"verdict": Verdict(**row["verdict"])}) for row in before["rows"]]
                one.unlimited = before["unlimited"]
        if one.fault or one.rows:
            yield one
    waiting = [one for one in returned if not one.fault and not one.rows]
    tasks = list(_tasks(waiting, lessons, wanted, jobs))
    _prepare(waiting)
    for (_, together, _), outcome, lost in work_through(grade_together, tasks, jobs, scheduler):
        for one, judged in zip(together, outcome or together, strict=True):
            vars(one).update(vars(judged))
            if lost:
                one.ungraded = f"no worker brought it back: {lost}"
            if not one.ungraded:
                content = {"rows": [asdict(row) for row in one.rows], "unlimited": one.unlimited}
                write_whole(one.kept, json.dumps(content, indent=1, ensure_ascii=False) + "\n")
            yield one
    write_results(returned, lessons, out)
    kept = [
        {
            name: getattr(one, name)
            for name in ("file", "path", "came", "student", "lesson", "answers", "fault", "ungraded")
        }
        | {"rows": [asdict(row) for row in one.rows]}
        for one in returned
    ]
    content = {"returned": str(folder.resolve()), "notebooks": kept}
    write_whole(out / "grades.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")


# Judging: what a worker does, with the package and nothing else -------------------------------------------------------

MOST_TOGETHER = 16  # notebooks in one run of their lesson
NOTEBOOK_SHARE = 5  # a notebook may take so many times what one answer may
LESSON_SECONDS = 4 * 3600  # for a lesson's own cells, on a busy machine too
ONE_AT_A_TIME = threading.Lock()


def _tasks(waiting: Sequence[Returned], lessons: Mapping, wanted: Wanted, jobs: int) -> Iterator[tuple]:
    """A lesson's notebooks are graded some at a time, since they share one run of the lesson."""
    for name, lesson in lessons.items():
        alike = [one for one in waiting if one.lesson == name]
        size = max(1, min(MOST_TOGETHER, -(-len(alike) // jobs)))
        yield from ((lesson, alike[start : start + size], wanted) for start in range(0, len(alike), size))


def grade_together(task: tuple["Pristine", Sequence[Returned], Wanted]) -> Sequence[Returned]:
    """Grade notebooks in one run of their lesson; where that is lost, each in a run of its own, to lose only one."""
    lesson, returned, wanted = task
    _prepare(returned)
    for one in returned:
        one.rows, one.earlier, one.seconds = list(_blank_rows(lesson, one.answers, wanted)), [], 0.0
    try:
        with Sandbox(LESSON_SECONDS + len(returned) * (NOTEBOOK_SHARE + 1) * wanted.seconds) as sandbox:
            unlimited, ungraded = sandbox.ask("start", answers=list(lesson.names)), _grade_in(sandbox, *task)
    except (SandboxLost, OSError) as lost:
        if len(returned) > 1:
            return [one for alone in returned for one in grade_together((lesson, [alone], wanted))]
        unlimited, ungraded = [], f"its grading process was lost: {lost}"
    for one in returned:
        one.unlimited, one.ungraded = unlimited, ungraded
    return returned


def _prepare(returned: Sequence[Returned]) -> None:
    """Run solutions and mistakes before threads judge with them, since that takes the process's output and seed."""
    with ONE_AT_A_TIME:
        for number in {number for one in returned for number in one.answers}:
            exercise = all_exercises()[number]
            _ = exercise.expected, exercise.also_expected, exercise.mistaken


def _blank_rows(lesson: "Pristine", answers: Mapping[str, str], wanted: Wanted) -> Iterator[Row]:
    """A row for each check of each exercise, as it stands before anything was asked."""
    for number in lesson.stubs:
        yield Row(number, COURSE, Verdict("error", "It was not graded.") if number in answers else Verdict("open", ""))
        for name in wanted.names.get(number, ()):
            yield Row(number, name, Verdict("open", "Not asked, since the course's check did not find it right."))


def _grade_in(sandbox: Sandbox, lesson: "Pristine", returned: Sequence[Returned], wanted: Wanted) -> str | None:
    """Go through the lesson, and judge each answer where its exercise stands; why that came to no end, if so."""
    for index, (source, number) in enumerate(lesson.cells, start=1):
        if number:
            given = decode(sandbox.ask("values", expressions=lesson.given[number]))
            for one in returned:
                if number in one.answers:
                    judge_answer(sandbox, wanted, all_exercises()[number], given, one)
            continue
        left_out, failure = sandbox.ask("run", code=source, name=f"<lesson cell {index}>")
        if failure:
            return f"the lesson itself failed in code cell {index}: {failure}"
        for one in returned:
            one.earlier += left_out
    return None


def judge_answer(sandbox: Sandbox, wanted: Wanted, exercise: Exercise, given: Mapping, one: Returned) -> None:
    """Have the sandbox run an answer, judge what it gave, and fill in its rows."""
    row, *own = [row for row in one.rows if row.exercise == exercise.number]
    code = one.answers[exercise.number]
    job = {
        "number": exercise.number, "name": exercise.name, "use": exercise.use, "code": code,
        "before": needed_before(code, one.earlier), "inputs": encode(exercise.inputs_of(given)),
        "withheld": [name for name in given if name not in exercise.arguments],
        "checks": wanted.checks, "own": len(own),
    }  # fmt: skip
    begun, share = time.monotonic(), NOTEBOOK_SHARE * wanted.seconds
    said, row.note = None, f"is in a notebook that used up its {share:g} s"
    if one.seconds < share:
        said, row.note = sandbox.answer(job, wanted.seconds)
    try:
        row.verdict, *others = judge_said(exercise, said, row.note, given, len(own))
    except Exception:  # an answer can say anything
        row.note, others = UNREADABLE, []
        row.verdict = Verdict("error", f"It does not count, since it {UNREADABLE}.")
    one.seconds += time.monotonic() - begun
    if row.verdict.state == "right":
        for other, verdict in zip(own, others, strict=True):
            other.verdict = verdict
    if row.verdict.state in ("right", "wrong"):
        one.earlier.append(code)
    if row.verdict.state == "wrong" and given:
        row.note = OWN_RUN
    if row.verdict.state == "error" and NO_MEMORY.search(row.verdict.words):
        row.note = OVER_MEMORY


def judge_said(exercise: Exercise, said: object, stopped: str, given: Mapping, own: int) -> list[Verdict]:
    """The verdicts on what an answer said: the course's, then so many of the instructor's own. Raises anything."""
    match said:
        case _ if stopped:
            verdicts = [Verdict("error", f"It was stopped, since it {stopped}.")]
        case {"state": "error" | "open" as state, "words": str(words)}:
            verdicts = [Verdict(state, words)]
        case {"outcomes": str(outcomes), "own": [*others]} if len(others) == own and outcomes.count(",") < MOST_PARTS:
            verdicts = [judge(exercise, decode(outcomes), **given), *(Verdict(*other) for other in others)]
    if any(verdict.state not in SIGNS for verdict in verdicts):
        raise ValueError("there is no such state")
    return [replace(one, words=one.words[:LONGEST].encode("utf-8", "replace").decode()) for one in verdicts]


def needed_before(code: str, earlier: Sequence[str]) -> list[str]:
    """The earlier pieces of code that set a name which this one uses, or which one of those uses, in their order."""
    needed, before = names_in(code)[0], []
    for other in reversed(earlier):
        used, stored = names_in(other)
        if needed & stored:
            before.insert(0, other)
            needed |= used
    return before


# Reading lessons and what came back, whatever else is in it -----------------------------------------------------------

MOST_BYTES, LONGEST_CELL = 20 * 2**20, 50_000  # of a file; characters of a cell
CHECK_LINE = re.compile(r"""^check\(\s*["']([\w.]+)["'].*$""", re.MULTILINE)
FIELD = re.compile(r"^[^\w\n]*((student )?(name|id)|student|author)\b[\s\"'*_]*[:=][\s\"'*_]*(.+)$", re.I | re.M)
MAGIC = re.compile(r"^[ \t]*[%!].*$", re.MULTILINE)  # taken out where a cell is no Python with it


@dataclass(frozen=True)
class Pristine:
    """A lesson as the course gives it: its code cells, up to the last exercise's, with each exercise's number or None.

    `stubs` maps each number to what stands above its check line, `given` to what the check is given beside the answer;
    `names` maps each answer's name to its number.
    """

    lesson: Lesson
    cells: list[tuple[str, str | None]]
    stubs: dict[str, str]
    given: dict[str, dict[str, str]]
    names: dict[str, str]


def read_lesson(lesson: Lesson, profile: str) -> Pristine:
    """A lesson of the course with the parameters of a profile."""
    parameters = "\n".join(f"{name} = {value!r}" for name, value in lesson.profiles[profile].items())
    cells, stubs, given, last = [], {}, {}, 0
    for cell in nbformat.read(lesson.notebook, as_version=4).cells:
        if cell.cell_type == "code":
            tags = cell.metadata.get("tags", [])
            check = CHECK.search(cell.source) if "exercise" in tags else None
            cells.append((cell.source, check and check[1]))
            if check:
                last = len(cells)
                stubs[check[1]] = cell.source[: check.start()].strip()
                call = ast.parse(cell.source[check.start() :]).body[0].value
                given[check[1]] = {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
            if "parameters" in tags and parameters:
                cells.append((parameters, None))
    return Pristine(lesson, cells[:last], stubs, given, {all_exercises()[number].name: number for number in stubs})


def read_returned(folder: Path, lessons: Mapping[str, Pristine], without: Path) -> list[Returned]:
    """Every file below `folder` but those below `without`, by name. Raises WrongUse where there is none."""
    if not folder.is_dir():
        raise WrongUse(f"{folder}: no such folder of returned notebooks")
    paths = []
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith((".", "__MACOSX")) for part in path.relative_to(folder).parts)
        if not hidden and (path.is_symlink() or not path.is_dir()) and not path.resolve().is_relative_to(without):
            paths.append(path)
    if not paths:
        raise WrongUse(f"{folder}: no returned notebooks in it")
    found = [_read(path, _clean(path.relative_to(folder).as_posix()), lessons) for path in paths]
    for path, one in zip(paths, found, strict=True):
        one.path = path.relative_to(folder).as_posix().encode("utf-8", "replace").decode()
    return found


def _read(path: Path, file: str, lessons: Mapping[str, Pristine]) -> Returned:
    """What a file holds: its student, its lesson and its answers, or why it holds none."""
    one = Returned(file, file.removesuffix(".ipynb"))
    if path.is_symlink() or not path.is_file():
        return replace(one, fault="it is no file of its own")
    one.came = path.stat().st_mtime
    if path.stat().st_size > MOST_BYTES:
        return replace(one, fault=f"it is larger than {MOST_BYTES // 2**20} MB")
    try:
        notebook = nbformat.reader.reads(path.read_text(encoding="utf-8-sig"))
        version = notebook.nbformat
        cells = [cell for cell in nbformat.convert(notebook, 4).cells if len(cell.source) <= LONGEST_CELL]
        for cell in cells:
            cell.source = cell.source.replace("\r\n", "\n").encode("utf-8", "replace").decode()
        found = {name: list(_answers_in(cells, lesson)) for name, lesson in lessons.items()}
    except Exception as error:  # a damaged notebook leads to whatever it leads to
        return replace(one, fault=_clean(f"it is broken, or no notebook ({type(error).__name__}: {error})"))
    one.lesson = max(found, key=lambda name: len(found[name]))
    if not found[one.lesson]:
        return replace(one, lesson="", fault="it is no lesson of this course: no exercise of the course is in it")
    names = dict.fromkeys(_clean(match[4]) for cell in cells[:2] for match in FIELD.finditer(cell.source))
    one.student = ", ".join(name for name in names if name) or one.student
    counts = Counter(number for number, _ in found[one.lesson])
    one.notes += [f"holds {number} more than once; the last counts" for number in counts if counts[number] > 1]
    if version != 4:
        one.notes.append(f"is of notebook format {version}, and was converted")
    stubs = lessons[one.lesson].stubs
    for number, code in found[one.lesson]:
        one.answers[number] = (code if any(names_in(code)) else MAGIC.sub("", code)).strip("\n")
        if code.split() in ([], stubs[number].split()):
            del one.answers[number]
    return one


def _answers_in(cells: Iterable[Mapping], lesson: Pristine) -> Iterator[tuple[str, str]]:
    """The code above each check line, by number; in an exercise's cell without one, the code that sets its name."""
    for cell in cells:
        if cell.cell_type != "code":
            continue
        checks = [match for match in CHECK_LINE.finditer(cell.source) if match[1] in lesson.stubs]
        for check in checks:
            yield check[1], CHECK_LINE.sub("", cell.source[: check.start()])
        if not checks and "exercise" in cell.metadata.get("tags", []):
            yield from ((lesson.names[name], cell.source) for name in names_in(cell.source)[1] if name in lesson.names)


def _clean(text: str) -> str:
    """A line of at most 100 characters that every file and page can hold."""
    printable = "".join(sign if sign.isprintable() else " " for sign in text.encode("utf-8", "replace").decode())
    return " ".join(printable.split()).strip(" \"'*_`")[:100]


# Tables and the page --------------------------------------------------------------------------------------------------


def write_results(returned: Sequence[Returned], lessons: Mapping[str, Pristine], out: Path) -> None:
    """Write grades.csv (a row for each check), students.csv (one for each notebook) and index.html."""
    grades = [[*WHO, "exercise", "check", "state", "words", "note"]]
    students = [[*WHO, *SIGNS, "note"]]
    for one in returned:
        who = [getattr(one, name) for name in WHO]
        grades += [[*who, row.exercise, row.check, row.verdict.state, row.verdict.words, row.note] for row in one.rows]
        counts = one.totals.values() if one.rows else [""] * len(SIGNS)
        students.append([*who, *counts, "; ".join(one.incidents)])
    for name, rows in (("grades", grades), ("students", students)):
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([harmless(str(value)) for value in row] for row in rows)
        write_whole(out / f"{name}.csv", file.getvalue())
    template = jinja2.Template((resources.files(__package__) / "grades.html.jinja").read_text("utf-8"), autoescape=True)
    unlimited = sorted({words for one in returned for words in one.unlimited})
    parts = [_part(lessons[name].lesson.title, [one for one in returned if one.lesson == name]) for name in lessons]
    page = template.render(parts=parts, returned=returned, unlimited=unlimited, signs=SIGNS, course=COURSE)
    write_whole(out / "index.html", page)


def _part(title: str, returned: Sequence[Returned]) -> tuple[str, list[Returned], dict[tuple[str, str], Counter]]:
    """Of a lesson: its title, its students by name, and for each check how often it failed with which words."""
    students = sorted((one for one in returned if one.rows), key=lambda one: one.student.casefold())
    failed = {}
    for row in (row for one in students for row in one.rows):
        words = [row.verdict.words] if row.verdict.state in ("wrong", "error") else []
        failed.setdefault((row.exercise, row.check), Counter()).update(words)
    return title, students, failed
