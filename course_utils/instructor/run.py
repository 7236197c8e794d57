"""Runs lessons with papermill, reads back the figures they recorded, and holds them against their bands."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import click
import nbformat
import papermill
from nbclient.exceptions import CellTimeoutError
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError

from .files import write_whole
from .manifest import Lesson, WrongUse
from .outputs import recorded
from .solutions import fill

START_TIMEOUT = 120  # seconds for a kernel to start
HARMLESS = ("source", "solutions")  # parameters that leave the bands as they are


def check_parameters(lessons: Sequence[Lesson], profile: str, changes: Mapping) -> None:
    """Raise WrongUse where a lesson does not have a parameter that its profile or `changes` would set."""
    for lesson in lessons:
        try:
            known = papermill.inspect_notebook(lesson.notebook)
        except ValueError as error:
            raise WrongUse(f"{lesson.notebook}: not a notebook that papermill reads ({error})") from error
        for name in lesson.profiles[profile] | dict(changes):
            if name not in known:
                near = get_close_matches(name, known, n=1)
                remedy = f"did you mean {near[0]}?" if near else f"it has {', '.join(known) or 'none'}"
                raise WrongUse(f"{lesson.name} has no parameter {name}; {remedy}")


def run_lessons(
    lessons: Sequence[Lesson], profile: str, changes: Mapping, folder: Path, solutions: Mapping[str, str] | None = None
) -> Iterator[dict]:
    """Run lessons one after the other into `folder`, saying so, and yield each one's result."""
    _share_data_folder()
    for index, lesson in enumerate(lessons, start=1):
        click.echo(f"{lesson.name}: running ({index} of {len(lessons)}, profile {profile})")
        result = run_lesson(lesson, profile, changes, folder, solutions)
        click.echo(summary(result))
        yield result


def run_lesson(
    lesson: Lesson, profile: str, changes: Mapping, folder: Path, solutions: Mapping[str, str] | None = None
) -> dict:
    """Run one lesson, whatever happens in it; write `<lesson>.ipynb` and its result, `<lesson>.json`, into `folder`.

    `changes` are parameters beyond the profile's. Bands hold for the profile's own parameters on any data set: where
    another parameter is changed, none is checked. With `solutions` (exercise number → code) the exercises are filled.
    """
    own = lesson.profiles[profile]
    bar = {"desc": lesson.name} if sys.stderr.isatty() else False
    executed, failure = execute(
        lesson.notebook, own | dict(changes), timeout=lesson.timeout, progress_bar=bar, solutions=solutions
    )
    figures = recorded(executed)
    changed = [name for name, value in changes.items() if name not in HARMLESS and own.get(name) != value]
    result = {
        "lesson": lesson.name,
        "profile": profile,
        "parameters": own | dict(changes),
        "seconds": executed.metadata.papermill.get("duration") or 0.0,
        "figures": figures,
        "bands": {} if changed else check_bands(figures, lesson.bands.get(profile, {})),
        "failure": failure,
    }
    write_whole(folder / f"{lesson.name}.ipynb", nbformat.writes(executed) + "\n")
    write_whole(folder / f"{lesson.name}.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")
    return result


def execute(
    notebook: Path,
    parameters: dict,
    *,
    timeout: float,
    progress_bar=False,
    solutions: Mapping[str, str] | None = None,
) -> tuple[NotebookNode, dict | None]:
    """Run a notebook in its own folder: what became of it, and where and why it failed, or None.

    `timeout` is the seconds a single cell may take.
    """
    failure = None
    source = fill(nbformat.read(notebook, as_version=4), solutions) if solutions else notebook
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder, notebook.name)
        try:
            papermill.execute_notebook(
                source, target, parameters, kernel_name="python3", language="python", cwd=notebook.parent.absolute(),
                start_timeout=START_TIMEOUT, execution_timeout=timeout, progress_bar=progress_bar,
                extra_arguments=["--log-level=ERROR"],
            )  # fmt: skip
        except Exception as error:  # whatever stops a lesson must not stop the others
            failure = error
        executed = nbformat.read(target, as_version=4)
    for name in ("input_path", "output_path"):
        executed.metadata.papermill.pop(name, None)
    return executed, failure and _describe(failure, executed, timeout)


def _describe(error: Exception, executed: NotebookNode, timeout: float) -> dict:
    """Where a lesson failed, and why: the last cell that began, and what it raised."""
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    begun = [index for index, cell in enumerate(cells) if cell.metadata.get("papermill", {}).get("start_time")]
    number = begun[-1] + 1 if begun else 0
    traceback = ""
    if isinstance(error, PapermillExecutionError):
        cause = f"{error.ename}: {error.evalue}"
        traceback = click.unstyle("\n".join(error.traceback))
    elif isinstance(error, CellTimeoutError):
        cause = f"the cell took longer than {timeout:g} s"
    else:
        cause = f"{type(error).__name__}: {error}"
    source = cells[number - 1].source if number else ""
    return {"cell": number, "cells": len(cells), "source": source, "cause": cause, "traceback": traceback}


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
    lines = [f"{result['lesson']}: {word} after {result['seconds']:.0f} s, {len(result['figures'])} figures, {kept}"]
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


def _share_data_folder() -> None:
    """Make `$COURSE_DATA` absolute where it leads somewhere: the kernels work in another folder than the caller."""
    folder = os.environ.get("COURSE_DATA")
    if folder and Path(folder).expanduser().exists():
        os.environ["COURSE_DATA"] = str(Path(folder).expanduser().absolute())
