"""Grades returned notebooks: has a sandbox run their answers, judges what they gave, and keeps that."""

import hashlib
import json
import re
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from pathlib import Path

import click

from course_utils.exercises.desk import all_exercises
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.judging import Verdict, judge
from course_utils.exercises.running import decode, encode

from ..files import write_whole
from .manifest import Course, WrongUse
from .returned import COURSE, Pristine, Returned, Row, read_lesson, read_returned
from .run import held, work_through
from .sandbox import Sandbox, SandboxLost, names_in
from .tables import write_results
from .walls import PACKAGE

LONGEST, MOST_PARTS = 2000, 100_000  # characters of a verdict's words, parts of what an answer gave
OWN_RUN = "depends on what the student's own run measured; look at it, or grade with --profile class"
OWN_CELLS = "builds on cells of the student's own; look at it"
OWN_CHECK = "your own check stopped with an error here; look at it"
OVER_MEMORY = "needed more memory than it may have"
NO_MEMORY = re.compile("MemoryError|n't allocate memory|enough memory")
STATES = ("right", "wrong", "open", "error")
UNREADABLE = "gave back what nobody can judge"


@dataclass(frozen=True)
class Wanted:
    """How to grade: the lessons' profile, seconds an answer, and the instructor's checks (their text, their names)."""

    profile: str
    seconds: float
    checks: str = ""
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)


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
    for number, found in namespace["CHECKS"].items():
        for check in found:
            try:
                check(all_exercises()[str(number)].reference)
            except Exception as error:
                fault = f"refuses the course's own answer to {number} ({type(error).__name__}: {error})"
                raise WrongUse(f"{checks}: your check {check.__name__} {fault}") from error
    return Wanted(profile, seconds, text, names)


def grade(
    course: Course, source: Path, out: Path, wanted: Wanted, *, jobs: int, scheduler: str | None, resume: bool
) -> Iterator[Returned]:
    """Grade the notebooks in a folder or a zip file; keep each result beneath `out`, and write tables and pages last.

    Yields each notebook as it comes. With `resume` those kept are not graded anew where nothing has changed. Raises
    ClickException where `out` cannot be written; what was graded before that is kept.
    """
    lessons = {one.name: read_lesson(one, wanted.profile) for one in course.lessons if one.notebook.exists()}
    returned = read_returned(source, lessons, without=out)
    with _writing(out):
        for one in returned:
            find_kept(one, lessons, wanted, out, resume)
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
        write_results(returned, lessons, source, out)


@contextmanager
def _writing(out: Path) -> Iterator[None]:
    """Keep other graders out of the folder, and say in a line where it cannot be written."""
    try:
        with held(out):
            yield
    except OSError as error:
        reason = f"{error.strerror or error}; what was graded is kept: make room, then go on with --resume"
        raise click.ClickException(f"{out}: cannot be written: {reason}") from error


def find_kept(one: Returned, lessons: Mapping[str, Pristine], wanted: Wanted, out: Path, resume: bool) -> None:
    """Say where a notebook's result is kept, and with `resume` read it, if it is there."""
    lesson = lessons.get(one.lesson)
    key = hashlib.sha256(
        repr((_code(), lesson and lesson.cells, one.answers, one.helpers, wanted)).encode()
    ).hexdigest()
    one.kept = out / "notebooks" / f"{key[:32]}.json"
    if resume and not one.fault:
        with suppress(OSError, ValueError, TypeError, KeyError):
            before = json.loads(one.kept.read_text(encoding="utf-8"))
            one.rows = [Row(**row | {"verdict": Verdict(**row["verdict"])}) for row in before["rows"]]
            one.unlimited = before["unlimited"]


@cache
def _code() -> str:
    """A hash of the package, on which every verdict depends."""
    content = b"".join(path.read_bytes() for path in sorted(PACKAGE.rglob("*.py")))
    return hashlib.sha256(content).hexdigest()


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
    needed = needed_before(code, [*one.helpers, *one.earlier])
    job = {
        "number": exercise.number, "name": exercise.name, "use": exercise.use, "code": code,
        "before": [piece for piece in needed if piece in one.earlier],
        "helpers": [piece for piece in needed if piece not in one.earlier], "inputs": encode(exercise.inputs_of(given)),
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
            other.note = OWN_CHECK if verdict.state == "error" else ""
    if row.verdict.state in ("right", "wrong"):
        one.earlier.append(code)
    if row.verdict.state in ("wrong", "error") and job["helpers"] and not row.note:
        row.note = OWN_CELLS
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
    if any(verdict.state not in STATES for verdict in verdicts):
        raise ValueError("there is no such state")
    return [replace(one, words=one.words[:LONGEST].encode("utf-8", "replace").decode()) for one in verdicts]


def needed_before(code: str, pieces: Sequence[str]) -> list[str]:
    """The pieces of code that set a name which this one uses, or which one of those uses, in their order."""
    needed, chosen = names_in(code)[0], set()
    while new := {piece for piece in pieces if piece not in chosen and names_in(piece)[1] & needed}:
        chosen |= new
        needed = needed.union(*(names_in(piece)[0] for piece in new))
    return [piece for piece in pieces if piece in chosen]
