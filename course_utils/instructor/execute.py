"""Runs one notebook with papermill, whatever happens in it; here, in a thread, or on a worker of a cluster."""

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import click
import nbformat
import papermill
from jupyter_core.utils import ensure_event_loop
from nbclient.exceptions import CellTimeoutError
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

from .outputs import recorded

START_TIMEOUT = 120  # seconds for a kernel to start


@dataclass(frozen=True)
class Task:
    """A notebook to run, with all it takes to run it elsewhere.

    `notebook` is its JSON, `timeout` the seconds a single cell may take, `threads` how many torch uses (None: its own
    choice), and `data` where digits lie, unless the machine's own `$COURSE_DATA` says so. The kernel works in `folder`;
    where that is None, in a temporary one that holds `companions` (file name → content).
    """

    name: str
    notebook: str
    parameters: Mapping
    timeout: float
    threads: int | None = None
    data: str | None = None
    folder: Path | None = None
    companions: Mapping[str, bytes] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """What became of a task: the notebook as far as it ran, its recorded figures, and its failure or None."""

    notebook: NotebookNode
    seconds: float
    figures: dict
    failure: dict | None


class _Engine(NBClientEngine):
    """papermill's own engine, with an environment and a folder for the kernel that leave this process as it is."""

    @classmethod
    def execute_managed_notebook(
        cls, nb_man, kernel_name, *, environment, folder, start_timeout, execution_timeout, on_cell, **_
    ):
        client = PapermillNotebookClient(
            nb_man,
            kernel_name=kernel_name,
            timeout=execution_timeout,
            startup_timeout=start_timeout,
            shutdown_kernel="immediate",  # a kernel that tidies up after torch takes two seconds
            extra_arguments=["--log-level=ERROR"],
            on_cell_start=lambda cell, cell_index: on_cell(nb_man.nb, cell_index),
        )
        nb_man.output_path, target = None, nb_man.output_path  # or papermill writes the whole notebook twice a cell
        try:
            return client.execute(cwd=str(folder), env=environment, stderr=subprocess.DEVNULL)
        finally:
            nb_man.output_path = target


papermill_engines.register("course", _Engine)


def execute(task: Task, watch: Callable[[str, int, int, dict], None] | None = None) -> Outcome:
    """Run a task. `watch` is told, as each cell begins: task, number of the cell, cells in all, figures so far."""
    try:
        with tempfile.TemporaryDirectory() as folder:
            for name, content in task.companions.items():
                Path(folder, name).write_bytes(content)
            return _execute(task, Path(folder, "executed.ipynb"), task.folder or Path(folder), watch)
    finally:
        ensure_event_loop().close()  # the one that nbclient made for this thread


def _execute(task: Task, target: Path, folder: Path, watch: Callable | None) -> Outcome:
    notebook = nbformat.reads(task.notebook, as_version=4)
    begun = time.perf_counter()
    failure = None

    def on_cell(running: NotebookNode, index: int) -> None:
        if watch is not None:
            watch(task.name, index + 1, len(running.cells), recorded(running))

    try:
        notebook = papermill.execute_notebook(
            notebook, target, dict(task.parameters), kernel_name="python3", language="python", progress_bar=False,
            engine_name="course", start_timeout=START_TIMEOUT, execution_timeout=task.timeout,
            environment=_environment(task), folder=folder.absolute(), on_cell=on_cell,
        )  # fmt: skip
    except Exception as error:  # whatever stops a lesson must not stop the others
        failure = error
    if target.exists():
        notebook = nbformat.read(target, as_version=4)
    for name in ("input_path", "output_path"):
        notebook.metadata.get("papermill", {}).pop(name, None)
    seconds = time.perf_counter() - begun
    return Outcome(notebook, seconds, recorded(notebook), failure and _describe(failure, notebook, task.timeout))


def _environment(task: Task) -> dict[str, str]:
    threads = {"OMP_NUM_THREADS": str(task.threads)} if task.threads else {}
    data = {"COURSE_DATA": task.data} if task.data else {}
    return {**data, **os.environ, **threads}


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
