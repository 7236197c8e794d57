"""Grades returned notebooks: each student's answers in the pristine lesson, judged in processes of their own."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import ceil
from pathlib import Path

from ..files import write_whole
from .grades import rows_of, write_results
from .manifest import Course, WrongUse
from .pool import Lost, work_through
from .returned import Pristine, Returned, read_lessons, read_returned

MOST_TOGETHER = 16  # notebooks in one run of their lesson
NOTEBOOK_SHARE = 5  # a notebook may take so many times what one answer may
START_SECONDS = 300  # for a grading process to import torch
LESSON_SECONDS = 4 * 3600  # for a lesson's own cells, on a busy machine too
PACKAGE = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class Wanted:
    """How to grade: the lessons' profile, seconds an answer, and the instructor's checks (their text, their names)."""

    profile: str
    seconds: float
    checks: str | None
    names: Mapping[str, Sequence[str]]


def read_wanted(profile: str, seconds: float, checks: Path | None) -> Wanted:
    """Read the instructor's checks. Raises WrongUse where these are none."""
    if not hasattr(os, "fork"):
        raise WrongUse("this system cannot wall students' code in (no fork); use a container: see docs/instructors.md")
    if checks is None:
        return Wanted(profile, seconds, None, {})
    try:
        text = checks.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"{checks}: cannot be read ({error})") from error
    job = {"cells": [], "students": [], "seconds": seconds, "checks": text}
    messages, reason = _grading_process(job, START_SECONDS)
    first = messages[0] if messages else {"fault": reason}
    if "fault" in first:
        raise WrongUse(f"{checks}: {first['fault']}")
    return Wanted(profile, seconds, text, first["checks"])


def grade(
    course: Course, folder: Path, out: Path, wanted: Wanted, *, jobs: int, scheduler: str | None, resume: bool
) -> Iterator[dict]:
    """Grade the notebooks in `folder`; keep each one's result beneath `out`, write the tables and the page at the end.

    Yields each result as it comes. With `resume` those kept are not graded anew where nothing has changed.
    """
    lessons = read_lessons(course, wanted.profile)
    returned = read_returned(folder, lessons, without=out)
    kept = [out / "notebooks" / f"{_sha256(one.file)[:16]}.json" for one in returned]
    code = _sha256(*(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))))
    results: dict[int, dict] = {}
    keys: dict[int, str] = {}
    for index, one in enumerate(returned):
        if one.fault:
            results[index] = asdict(one) | {"rows": [], "ungraded": None, "unlimited": []}
        else:
            keys[index] = _sha256(code, json.dumps(_task({0: one}, lessons, wanted)))
            if resume and (before := _read_kept(kept[index], keys[index])):
                results[index] = asdict(one) | before | {"ungraded": None}
    yield from results.values()
    tasks = list(_tasks({index: returned[index] for index in keys if index not in results}, lessons, wanted, jobs))
    for number, outcome in work_through(grade_notebooks, tasks, jobs=jobs, scheduler=scheduler):
        for student in tasks[number]["students"]:
            index = int(student["file"])
            result = results[index] = _result(returned[index], student["file"], lessons, wanted, outcome)
            if not result["ungraded"]:
                content = {"key": keys[index], "rows": result["rows"], "unlimited": result["unlimited"]}
                write_whole(kept[index], json.dumps(content, indent=1, ensure_ascii=False) + "\n")
            yield result
    write_results([results[index] for index in range(len(returned))], lessons, out)


def _read_kept(path: Path, key: str) -> dict | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return content if content.pop("key") == key else None


def _sha256(*texts: str) -> str:
    return hashlib.sha256("\0".join(texts).encode()).hexdigest()


def _result(
    returned: Returned, file: str, lessons: Mapping[str, Pristine], wanted: Wanted, outcome: Mapping | Lost
) -> dict:
    """A notebook's result: what was returned, a row for each check of each exercise, and why some are missing."""
    if isinstance(outcome, Lost):
        return asdict(returned) | {
            "rows": [], "ungraded": f"no worker brought it back: {outcome.reason}", "unlimited": []
        }  # fmt: skip
    rows = rows_of(lessons[returned.lesson], returned.answers, outcome["verdicts"][file], wanted.names)
    return asdict(returned) | {"rows": rows, "ungraded": outcome["lost"][file], "unlimited": outcome["unlimited"]}


# Tasks: what a worker does, with the package and nothing else ---------------------------------------------------------


def _tasks(
    returned: Mapping[int, Returned], lessons: Mapping[str, Pristine], wanted: Wanted, jobs: int
) -> Iterator[dict]:
    """A lesson's notebooks are graded some at a time, since they share one run of the lesson."""
    for name in lessons:
        indices = [index for index, one in returned.items() if one.lesson == name]
        size = max(1, min(MOST_TOGETHER, ceil(len(indices) / jobs)))
        for start in range(0, len(indices), size):
            yield _task({index: returned[index] for index in indices[start : start + size]}, lessons, wanted)


def _task(returned: Mapping[int, Returned], lessons: Mapping[str, Pristine], wanted: Wanted) -> dict:
    pristine = lessons[next(iter(returned.values())).lesson]
    return {
        "cells": pristine.cells,
        "students": [{"file": str(index), "answers": one.answers} for index, one in returned.items()],
        "checks": wanted.checks,
        "seconds": wanted.seconds,
    }


def grade_notebooks(task: Mapping) -> dict:
    """Grade notebooks of one lesson in one run of it: their verdicts, and why some are missing, or None.

    Where that run is lost, each notebook has a run of its own, so that one can lose only itself.
    """
    students = task["students"]
    answers = len(students) * (NOTEBOOK_SHARE + 1) * task["seconds"]
    messages, reason = _grading_process(task, START_SECONDS + LESSON_SECONDS + answers)
    last = messages[-1] if messages else {}
    if not {"done", "failure"} & last.keys() and len(students) > 1:
        first, *others = [grade_notebooks({**task, "students": [student]}) for student in students]
        for other in others:
            first["verdicts"] |= other["verdicts"]
            first["lost"] |= other["lost"]
        return first
    verdicts = {student["file"]: {} for student in students}
    for message in messages:
        if "file" in message:
            verdicts[message["file"]][message["exercise"]] = message
    why = None if "done" in last else last.get("failure") or f"its grading process was lost: {reason}"
    unlimited = messages[0].get("unlimited", []) if messages else []
    return {"verdicts": verdicts, "lost": dict.fromkeys(verdicts, why), "unlimited": unlimited}


def _grading_process(job: Mapping, allowed: float) -> tuple[list[dict], str]:
    """Run a job: what the process said, line by line, and the last line of its errors."""
    with tempfile.TemporaryDirectory(prefix="grading-") as folder:
        kept = {name: os.environ[name] for name in ("COURSE_DATA", "HOME", "LANG", "PATH") if name in os.environ}
        environment = kept | {
            "PYTHONPATH": str(PACKAGE.parent), "PYTHONHASHSEED": "0", "TMPDIR": folder, "MPLBACKEND": "agg",
            "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "",
        }  # fmt: skip
        command = [sys.executable, "-P", "-m", f"{PACKAGE.name}.exercises.grading"]
        try:
            done = subprocess.run(
                command, input=json.dumps(job).encode(), capture_output=True, cwd=folder, env=environment,
                timeout=allowed, check=False,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return [], f"it took longer than {allowed:g} s"
        except OSError as error:
            return [], f"it could not be started ({error.strerror})"
    lines = done.stdout.decode().split("\n")[:-1]  # what follows the last end of a line was not written whole
    errors = done.stderr.decode(errors="replace").strip().splitlines()
    return [json.loads(line) for line in lines], errors[-1] if errors else f"exit code {done.returncode}"
