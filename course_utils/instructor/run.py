"""Runs lessons, keeps what they recorded, and holds it against their bands."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import nbformat
import papermill
from nbformat import NotebookNode

from .execute import Outcome, Task, execute
from .files import write_whole
from .live import Board
from .manifest import Lesson
from .pool import Lost, work_through
from .solutions import fill

HARMLESS = ("source", "solutions")  # parameters that leave the bands as they are
PACKAGE = Path(__file__).resolve().parents[1]


def run_lessons(
    lessons: Sequence[Lesson],
    profile: str,
    changes: Mapping,
    folder: Path,
    solutions: Mapping[str, str] | None = None,
    *,
    jobs: int = 1,
    resume: bool = False,
) -> Iterator[dict]:
    """Run lessons, `jobs` at once, write `<lesson>.ipynb` and `<lesson>.json` into `folder`, and yield each result.

    Lessons that share the cores have one torch thread each, and the longest begins first, so that none is left alone.

    `changes` are parameters beyond the profile's. Bands hold for the profile's own parameters on any data set: where
    another parameter is changed, none is checked. With `solutions` (exercise number → code) the exercises are filled.
    With `resume`, a lesson that has run to its end from the same sources with the same parameters is not run again.
    """
    share_data_folder()

    def complete(result: dict) -> dict:
        lesson = next(lesson for lesson in lessons if lesson.name == result["name"])
        return judged(result | {"profile": profile}, lesson, changes)

    jobs = min(jobs, len(lessons))
    tasks = [_task(lesson, profile, changes, solutions, jobs) for lesson in lessons]
    return run_tasks(tasks, folder, f"profile {profile}", complete, jobs=jobs, resume=resume)


def _task(lesson: Lesson, profile: str, changes: Mapping, solutions: Mapping | None, jobs: int) -> Task:
    parameters = lesson.profiles[profile] | dict(changes)
    notebook = fill(nbformat.read(lesson.notebook, as_version=4), solutions or {})
    return Task(
        lesson.name, as_text(notebook), parameters, threads=1 if jobs > 1 else None, folder=lesson.notebook.parent,
        expected_seconds=notebook.metadata.get("course", {}).get("seconds", 0.0),  # as rendered
    )  # fmt: skip


def run_tasks(
    tasks: Sequence[Task],
    folder: Path,
    title: str,
    complete: Callable[[dict], dict],
    *,
    jobs: int = 1,
    scheduler: str | None = None,
    resume: bool = False,
) -> Iterator[dict]:
    """Run tasks, here or on a cluster, write each notebook and result into `folder`, and yield each result.

    `complete` adds the bands to a result.
    """
    keys = {task.name: fingerprint(task) for task in tasks}
    with Board([task.name for task in tasks], title) as board:
        waiting = []
        for task in tasks:
            kept = finished(folder / task.name, keys[task.name]) if resume else None
            if kept is None:
                waiting.append(task)
                continue
            board.end(task.name, "kept", f"{task.name}: kept from an earlier run", kept["seconds"], kept["figures"])
            yield complete(kept)
        waiting.sort(key=lambda task: task.expected_seconds, reverse=True)

        def here(task: Task) -> Outcome:
            board.begin(task.name)
            return execute(task, board.watch)

        for index, outcome in work_through(execute if scheduler else here, waiting, jobs=jobs, scheduler=scheduler):
            task = waiting[index]
            if isinstance(outcome, Lost):
                outcome = _lost(task, outcome.reason)
            result = {
                "name": task.name,
                "parameters": dict(task.parameters),
                "key": keys[task.name],
                "seconds": outcome.seconds,
                "figures": outcome.figures,
                "failure": outcome.failure,
            }
            result = complete(result)
            _write(folder / task.name, outcome.notebook, result)
            word = "done" if succeeded(result) else "FAILED"
            board.end(task.name, word, summary(result), outcome.seconds, outcome.figures)
            yield result


def _lost(task: Task, reason: str) -> Outcome:
    failure = {"cell": 0, "cells": 0, "source": "", "cause": f"lost on the cluster ({reason})", "traceback": ""}
    return Outcome(nbformat.reads(task.notebook, as_version=4), 0.0, {}, failure)


def as_text(notebook: NotebookNode) -> str:
    """The notebook as JSON, without the outputs that it has no use for any more."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return nbformat.writes(notebook)


def fingerprint(task: Task) -> str:
    """A hash of what decides a task's result: the lesson's code, its parameters, and the package's own sources."""
    cells = [cell.source for cell in nbformat.reads(task.notebook, as_version=4).cells if cell.cell_type == "code"]
    sources = [path for path in sorted(PACKAGE.rglob("*.py")) if "instructor" not in path.parts]
    content = json.dumps([cells, dict(task.parameters)], sort_keys=True, default=str).encode()
    return hashlib.sha256(content + b"".join(path.read_bytes() for path in sources)).hexdigest()


def _write(path: Path, notebook: NotebookNode, result: Mapping) -> None:
    """Write a run's notebook and its result beside it; the result comes last, so that it vouches for both."""
    write_whole(path.with_name(f"{path.name}.ipynb"), nbformat.writes(notebook) + "\n")
    write_whole(path.with_name(f"{path.name}.json"), json.dumps(result, indent=1, ensure_ascii=False) + "\n")


def finished(path: Path, key: str) -> dict | None:
    """The result of a run that went to its end under this key, or None."""
    try:
        result = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
        done = result["key"] == key and result["failure"] is None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return result if done and path.with_name(f"{path.name}.ipynb").exists() else None


def judged(result: dict, lesson: Lesson, changes: Mapping) -> dict:
    """The result with its bands, which hold where no parameter that matters differs from the profile's."""
    own = lesson.profiles[result["profile"]]
    changed = [name for name, value in changes.items() if name not in HARMLESS and own.get(name) != value]
    bands = {} if changed else check_bands(result["figures"], lesson.bands.get(result["profile"], {}))
    return result | {"bands": bands}


def check_bands(figures: Mapping, bands: Mapping[str, Mapping]) -> dict[str, dict]:
    """For each figure that has a band on the data set recorded: the band, and inside, outside or missing.

    A list lies inside its band where all its numbers do.
    """
    if not bands:
        return {}
    dataset = figures.get("dataset")
    if dataset is None:
        return {"dataset": {"band": sorted(bands), "verdict": "missing"}}
    return {
        figure: {"band": band, "verdict": _verdict(figures.get(figure), *band)}
        for figure, band in bands.get(dataset, {}).items()
    }


def _verdict(value, low: float, high: float) -> str:
    if value is None:
        return "missing"
    numbers = value if isinstance(value, list) else [value]
    inside = numbers and all(isinstance(number, int | float) and low <= number <= high for number in numbers)
    return "inside" if inside else "outside"


def succeeded(result: Mapping) -> bool:
    """Whether a lesson ran to its end with every checked figure inside its band."""
    return result["failure"] is None and all(check["verdict"] == "inside" for check in result["bands"].values())


def summary(result: Mapping) -> str:
    """What became of a lesson: one line, and more for its failure or for the figures out of their bands."""
    verdicts = [check["verdict"] for check in result["bands"].values()]
    kept = f"{verdicts.count('inside')} of {len(verdicts)} bands kept" if verdicts else "no bands to check"
    word = "done" if succeeded(result) else "FAILED"
    lines = [f"{result['name']}: {word} after {result['seconds']:.0f} s, {len(result['figures'])} figures, {kept}"]
    if failure := result["failure"]:
        lines.append(f"  in cell {failure['cell']} of {failure['cells']}: {failure['cause']}")
        lines += [f"    {line}" for line in (failure["traceback"] or failure["source"]).splitlines()]
    else:
        lines += [
            f"  {figure}: {result['figures'].get(figure, 'nothing')} recorded, {check['band']} expected"
            for figure, check in result["bands"].items()
            if check["verdict"] != "inside"
        ]
    return "\n".join(lines)


def prepare_lessons(
    lessons: Sequence[Lesson], profile: str, folder: Path, solutions: Mapping[str, str] | None = None
) -> None:
    """Write lessons with their profile's parameters and their committed outputs, not run, as nbval wants them."""
    folder.mkdir(parents=True, exist_ok=True)
    for lesson in lessons:
        source = nbformat.read(lesson.notebook, as_version=4)
        prepared = papermill.execute_notebook(
            fill(source, solutions or {}), None, lesson.profiles[profile], language="python", prepare_only=True
        )
        write_whole(folder / lesson.notebook.name, nbformat.writes(prepared) + "\n")


def share_data_folder() -> None:
    """Make `$COURSE_DATA` absolute where it leads somewhere: the kernels work in another folder than the caller."""
    folder = os.environ.get("COURSE_DATA")
    if folder and Path(folder).expanduser().exists():
        os.environ["COURSE_DATA"] = str(Path(folder).expanduser().absolute())
