"""Part 5: the whole course, `smoke` and `class`: seconds of each lesson and its slowest cells, and of all at once."""

import os
import tempfile
import time
from datetime import datetime
from pathlib import Path

import nbformat

from course_utils.data import Digits
from course_utils.instructor.manifest import NOTEBOOKS, read_course
from course_utils.instructor.run import room_for_kernels, run_lessons

SLOWEST = 5  # cells named of each lesson


def measure(digits: Digits, *, quick: bool) -> dict:
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")
    lessons = read_course(NOTEBOOKS).lessons
    profiles = {"smoke": lessons[:1]} if quick else {"smoke": lessons, "class": lessons}
    result = {"dataset": digits.name, "profiles": {}, "together_seconds": {}}
    with tempfile.TemporaryDirectory() as folder:
        for profile, chosen in profiles.items():
            result["profiles"][profile] = [_run(lesson, profile, Path(folder)) for lesson in chosen]
            started = time.perf_counter()
            list(run_lessons(chosen, profile, {}, Path(folder), jobs=room_for_kernels()))
            result["together_seconds"][profile] = time.perf_counter() - started
    return result


def _run(lesson, profile: str, folder: Path) -> dict:
    (ran,) = run_lessons([lesson], profile, {}, folder)
    executed = nbformat.read(folder / f"{lesson.name}.ipynb", as_version=4)
    cells = [(_seconds(cell), cell.source.strip().splitlines()[0]) for cell in executed.cells if _seconds(cell)]
    slowest = sorted(cells, reverse=True)[:SLOWEST]
    return {
        "lesson": lesson.name,
        "seconds": ran["seconds"],
        "failure": ran["failure"],
        "slowest_cells": [{"seconds": seconds, "first_line": line} for seconds, line in slowest],
    }


def _seconds(cell) -> float:
    times = cell.metadata.get("papermill", {})
    if not times.get("start_time") or not times.get("end_time"):
        return 0.0
    return (datetime.fromisoformat(times["end_time"]) - datetime.fromisoformat(times["start_time"])).total_seconds()
