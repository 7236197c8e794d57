"""Grades returned notebooks: each student's answers in the pristine lesson, judged in processes of their own."""

import csv
import hashlib
import io
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import resources
from math import ceil
from pathlib import Path

import jinja2

from .files import write_whole
from .manifest import Course, WrongUse
from .pool import Lost, work_through
from .returned import Pristine, Returned, read_lessons, read_returned

STATES = ("right", "wrong", "open", "error")
SIGNS = {"right": "✓", "wrong": "✗", "open": "○", "error": "!"}
MOST_TOGETHER = 8  # notebooks in one run of their lesson
LESSON_SECONDS = 1800
NOTEBOOK_SHARE = 5  # as many times as one answer, a notebook may take
PACKAGE = Path(__file__).resolve().parents[1]
OWN = "the course's"  # check, beside the instructor's own


@dataclass(frozen=True)
class Wanted:
    """What to grade by: the instructor's checks (their file's text, and their names by exercise), seconds an answer."""

    checks: str | None
    names: Mapping[str, Sequence[str]]
    seconds: float


def read_wanted(checks: Path | None, seconds: float) -> Wanted:
    """Read the instructor's checks. Raises WrongUse where these are none."""
    if not hasattr(os, "fork"):
        raise WrongUse(
            "this system cannot keep a student's code to itself (no fork); grade in a container: see README.md"
        )
    if checks is None:
        return Wanted(None, {}, seconds)
    try:
        text = checks.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{checks}: cannot be read ({error})") from error
    messages, reason = _grading_process(
        {"checks": text, "cells": [], "students": [], "seconds": seconds}, LESSON_SECONDS
    )
    first = messages[0] if messages else {"fault": reason}
    if "fault" in first:
        raise WrongUse(f"{checks}: {first['fault']}")
    return Wanted(text, first["checks"], seconds)


def grade(
    course: Course, folder: Path, out: Path, wanted: Wanted, *, jobs: int, scheduler: str | None, resume: bool
) -> Iterator[dict]:
    """Grade the notebooks in `folder`; keep each one's result beneath `out`, write the tables and the page at the end.

    Yields each result as it comes. With `resume` those kept are not graded anew where nothing has changed.
    """
    lessons = read_lessons(course)
    returned = read_returned(folder, lessons, without=out)
    kept = [out / "notebooks" / f"{_sha256(one.file)[:16]}.json" for one in returned]
    code = _sha256(*(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))))
    keys = [_sha256(code, json.dumps(_task([one], lessons, wanted, [0]))) if not one.fault else "" for one in returned]
    results: dict[int, dict] = {}
    for index, one in enumerate(returned):
        before = _read_kept(kept[index], keys[index]) if resume and keys[index] else None
        if before or one.fault:
            results[index] = {**asdict(one), "rows": before["rows"] if before else [], "ungraded": None}
            results[index]["unlimited"] = before["unlimited"] if before else []
            yield results[index]
    tasks = list(
        _tasks(returned, lessons, wanted, [index for index in range(len(returned)) if index not in results], jobs)
    )
    for number, outcome in work_through(grade_notebooks, tasks, jobs=jobs, scheduler=scheduler):
        for place, student in enumerate(tasks[number]["students"]):
            index = int(student["file"])
            results[index] = _result(returned[index], lessons[returned[index].lesson], wanted, outcome, place)
            if not results[index]["ungraded"]:
                content = {"key": keys[index]} | {name: results[index][name] for name in ("rows", "unlimited")}
                write_whole(kept[index], json.dumps(content, indent=1, ensure_ascii=False) + "\n")
            yield results[index]
    write_results([results[index] for index in range(len(returned))], lessons, out)


def _read_kept(path: Path, key: str) -> dict | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if content["key"] == key else None


def _sha256(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


# Tasks: what a worker does, with the package and nothing else ---------------------------------------------------------


def _tasks(
    returned: Sequence[Returned], lessons: Mapping[str, Pristine], wanted: Wanted, indices: Sequence[int], jobs: int
) -> Iterator[dict]:
    """A lesson's notebooks are graded some at a time, since they share one run of the lesson."""
    for name in lessons:
        of_lesson = [index for index in indices if returned[index].lesson == name]
        size = max(1, min(MOST_TOGETHER, ceil(len(of_lesson) / jobs)))
        for start in range(0, len(of_lesson), size):
            chosen = of_lesson[start : start + size]
            yield _task([returned[index] for index in chosen], lessons, wanted, chosen)


def _task(
    returned: Sequence[Returned], lessons: Mapping[str, Pristine], wanted: Wanted, indices: Sequence[int]
) -> dict:
    students = [{"file": str(index), "answers": one.answers} for index, one in zip(indices, returned, strict=True)]
    cells = lessons[returned[0].lesson].cells
    return {"cells": cells, "students": students, "checks": wanted.checks, "seconds": wanted.seconds}


def grade_notebooks(task: Mapping) -> dict:
    """Grade notebooks of one lesson in one run of it: their verdicts, and why some are missing, or None.

    Where that run is lost, each notebook has a run of its own, so that one can lose only itself.
    """
    students = task["students"]
    allowed = LESSON_SECONDS + len(students) * (NOTEBOOK_SHARE + 1) * task["seconds"]
    messages, reason = _grading_process(task, allowed)
    last = messages[-1] if messages else {}
    unlimited = messages[0].get("unlimited", []) if messages else []
    verdicts = {student["file"]: {} for student in students}
    if "done" not in last and "failure" not in last and len(students) > 1:
        parts = [grade_notebooks({**task, "students": [student]}) for student in students]
        verdicts = {file: found for part in parts for file, found in part["verdicts"].items()}
        lost = {file: why for part in parts for file, why in part["lost"].items()}
        return {"verdicts": verdicts, "lost": lost, "unlimited": parts[0]["unlimited"]}
    for message in messages:
        if "file" in message:
            verdicts[message["file"]][message["exercise"]] = message
    why = None if "done" in last else last.get("failure") or f"its grading process was lost: {reason}"
    return {"verdicts": verdicts, "lost": dict.fromkeys(verdicts, why), "unlimited": unlimited}


def _grading_process(job: Mapping, allowed: float) -> tuple[list[dict], str]:
    """Run a job: what the process said, line by line, and the last line of its errors."""
    with tempfile.TemporaryDirectory(prefix="grading-") as home:
        kept = {name: os.environ[name] for name in ("COURSE_DATA", "HOME", "LANG", "PATH") if name in os.environ}
        environment = kept | {
            "PYTHONPATH": str(PACKAGE.parent), "PYTHONHASHSEED": "0", "TMPDIR": home, "MPLBACKEND": "agg",
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
        }  # fmt: skip
        command = [sys.executable, "-P", "-m", f"{PACKAGE.name}.exercises.grading"]
        try:
            done = subprocess.run(
                command, input=json.dumps(job).encode(), capture_output=True, cwd=home, env=environment,
                timeout=allowed, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return [], f"it took longer than {allowed:g} s"
    lines = done.stdout.decode().split("\n")[:-1]  # what follows the last end of a line was not written whole
    errors = done.stderr.decode(errors="replace").strip().splitlines()
    return [json.loads(line) for line in lines], errors[-1] if errors else f"exit code {done.returncode}"


# Results --------------------------------------------------------------------------------------------------------------


def _result(returned: Returned, pristine: Pristine, wanted: Wanted, outcome: Mapping | Lost, place: int) -> dict:
    """A notebook's result: what was returned, and a row for each check of each exercise."""
    if isinstance(outcome, Lost):
        return {
            **asdict(returned),
            "rows": [],
            "ungraded": f"no worker brought it back: {outcome.reason}",
            "unlimited": [],
        }
    file = list(outcome["verdicts"])[place]
    verdicts = outcome["verdicts"][file]
    rows = [
        row
        for number in pristine.stubs
        for row in _rows(number, number in returned.answers, verdicts.get(number), wanted.names.get(number, []))
    ]
    return {**asdict(returned), "rows": rows, "ungraded": outcome["lost"][file], "unlimited": outcome["unlimited"]}


def _rows(number: str, answered: bool, verdict: Mapping | None, names: Sequence[str]) -> Iterator[dict]:
    """The rows of one exercise: the course's check, then the instructor's."""
    if not answered:
        verdict = {"state": "open", "words": "", "notes": [], "hidden": []}
    elif verdict is None:
        verdict = {"state": "error", "words": "It was not graded.", "notes": [], "hidden": []}
    note = "; ".join(verdict["notes"])
    yield {"exercise": number, "check": OWN, "state": verdict["state"], "words": verdict["words"], "note": note}
    found = {one["check"]: one for one in verdict["hidden"]}
    for name in names:
        unasked = {"state": "open", "words": "Not asked: the course's check did not find it right."}
        yield {"exercise": number, "check": name, "note": ""} | found.get(name, unasked)


def totals(result: Mapping) -> dict[str, int]:
    """How many of a notebook's exercises are in each state."""
    counts = Counter(row["state"] for row in result["rows"] if row["check"] == OWN)
    return {state: counts[state] for state in STATES}


def incidents(result: Mapping) -> list[str]:
    """What an instructor should know of a notebook."""
    noted = [f"{row['exercise']} {row['note']}" for row in result["rows"] if row["note"]]
    return [text for text in (result["fault"], result["ungraded"], *result["notes"], *noted) if text]


def summary(result: Mapping) -> str:
    """A line for the terminal."""
    counts = ", ".join(f"{number} {state}" for state, number in totals(result).items() if number)
    told = "; ".join(incidents(result))
    return f"{result['file']}: {counts or 'not graded'}{' — ' if told else ''}{told}"


def write_results(results: Sequence[Mapping], lessons: Mapping[str, Pristine], out: Path) -> None:
    """Write grades.csv (a row for each check), students.csv (one for each notebook) and index.html."""
    grades, students = [], []
    for result in results:
        who = {name: result[name] for name in ("student", "file", "lesson")}
        grades += [who | row for row in result["rows"]]
        counts = totals(result) if result["rows"] else dict.fromkeys(STATES, "")
        students.append(who | counts | {"note": "; ".join(incidents(result))})
    names = ("student", "file", "lesson", "exercise", "check", "state", "words", "note")
    write_whole(out / "grades.csv", _table(names, grades))
    write_whole(out / "students.csv", _table(("student", "file", "lesson", *STATES, "note"), students))
    write_whole(out / "index.html", _page(results, lessons))


def _table(names: Sequence[str], rows: Sequence[Mapping]) -> str:
    """CSV in which no cell is a formula to a spreadsheet."""
    file = io.StringIO()
    writer = csv.DictWriter(file, names, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        texts = {name: " ".join(str(row[name]).split()) for name in names}
        writer.writerow(
            {name: f"'{text}" if text.startswith(("=", "+", "-", "@")) else text for name, text in texts.items()}
        )
    return file.getvalue()


def _page(results: Sequence[Mapping], lessons: Mapping[str, Pristine]) -> str:
    template = jinja2.Template((resources.files(__package__) / "grades.html.jinja").read_text("utf-8"), autoescape=True)
    parts = [_part(pristine, [one for one in results if one["lesson"] == name]) for name, pristine in lessons.items()]
    told = [
        {"file": one["file"], "student": one["student"], "told": incidents(one)} for one in results if incidents(one)
    ]
    unlimited = sorted({words for result in results for words in result["unlimited"]})
    return template.render(
        parts=[part for part in parts if part["students"]], told=told, unlimited=unlimited, signs=SIGNS,
        count=len(results), graded=sum(bool(result["rows"]) for result in results),
    )  # fmt: skip


def _part(pristine: Pristine, results: Sequence[Mapping]) -> dict:
    """What the page shows of one lesson: its students, and the messages on which its exercises failed."""
    graded = [result for result in results if result["rows"]]
    columns = [(row["exercise"], row["check"]) for row in graded[0]["rows"]] if graded else []
    messages = {column: Counter() for column in columns}
    for result in graded:
        for row in result["rows"]:
            if row["state"] in ("wrong", "error"):
                messages[row["exercise"], row["check"]][row["words"]] += 1
    failures = [
        {
            "exercise": number,
            "check": "" if check == OWN else check,
            "failed": found.total(),
            "messages": found.most_common(),
        }
        for (number, check), found in messages.items()
    ]
    names = [number if check == OWN else f"{number} {check}" for number, check in columns]
    students = [
        {**result, "totals": totals(result)} for result in sorted(graded, key=lambda one: one["student"].casefold())
    ]
    return {"title": pristine.lesson.title, "columns": names, "students": students, "failures": failures}
