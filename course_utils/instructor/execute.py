"""Runs one notebook with papermill, whatever happens in it; here, in a thread, or on a worker of a cluster."""

import asyncio
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
from jupyter_core.utils import ensure_async, ensure_event_loop, run_sync
from nbformat import NotebookNode
from papermill.clientwrap import PapermillNotebookClient
from papermill.engines import NBClientEngine, papermill_engines
from papermill.exceptions import PapermillExecutionError

from . import stall
from .outputs import recorded

PATIENCE = 600  # seconds for a kernel to start, and for an output to arrive: only a wedge takes them


@dataclass(frozen=True)
class Task:
    """A notebook to run, with all it takes to run it elsewhere.

    `notebook` is its JSON, `threads` how many torch uses (None: its own choice), and `data` where digits lie, unless
    the machine's own `$COURSE_DATA` says so. The kernel works in `folder`; where that is None, in a temporary one that
    holds `companions` (file name → content). Of several tasks the one with the most `expected_seconds` begins first.
    """

    name: str
    notebook: str
    parameters: Mapping
    threads: int | None = None
    data: str | None = None
    folder: Path | None = None
    companions: Mapping[str, bytes] = field(default_factory=dict)
    expected_seconds: float = 0.0


@dataclass(frozen=True)
class Outcome:
    """What became of a task: the notebook as far as it ran, its recorded figures, and its failure or None."""

    notebook: NotebookNode
    seconds: float
    figures: dict
    failure: dict | None


class _Client(PapermillNotebookClient):
    """papermill's own client, which also ends a cell that has stalled."""

    def process_message(self, *message, **options):
        self.pulse.message()
        return super().process_message(*message, **options)

    async def async_execute_cell(self, *cell, **options):
        self.pulse = stall.Pulse()
        running = asyncio.ensure_future(super().async_execute_cell(*cell, **options))
        while not (await asyncio.wait([running], timeout=stall.LOOK))[0]:
            try:
                self.pulse.look(stall.processor_seconds(self.km.provisioner.pid))
            except stall.Stalled:
                await self._end(running)
                raise
        return running.result()

    execute_cell = run_sync(async_execute_cell)

    async def _end(self, running: asyncio.Future) -> None:
        """Interrupt a cell, so that it says where it is; kill the kernel of one that does not hear."""
        await ensure_async(self.km.interrupt_kernel())
        if not (await asyncio.wait([running], timeout=stall.GRACE))[0]:
            await ensure_async(self.km.shutdown_kernel(now=True))
        await asyncio.wait([running])


class _Engine(NBClientEngine):
    """papermill's own engine, with an environment and a folder for the kernel that leave this process as it is."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, environment, folder, on_cell, **_):
        client = _Client(
            nb_man,
            kernel_name=kernel_name,
            startup_timeout=PATIENCE,
            iopub_timeout=PATIENCE,
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
            engine_name="course", environment=_environment(task), folder=folder.absolute(), on_cell=on_cell,
        )  # fmt: skip
    except Exception as error:  # whatever stops a lesson must not stop the others
        failure = error
    if target.exists():
        notebook = nbformat.read(target, as_version=4)
    for name in ("input_path", "output_path"):
        notebook.metadata.get("papermill", {}).pop(name, None)
    seconds = time.perf_counter() - begun
    return Outcome(notebook, seconds, recorded(notebook), failure and _describe(failure, notebook))


def _environment(task: Task) -> dict[str, str]:
    threads = {"OMP_NUM_THREADS": str(task.threads)} if task.threads else {}
    data = {"COURSE_DATA": task.data} if task.data else {}
    return {**data, **os.environ, **threads}


def _describe(error: Exception, executed: NotebookNode) -> dict:
    """Where a lesson failed, and why: the last cell that began, and what it raised."""
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    begun = [index for index, cell in enumerate(cells) if cell.metadata.get("papermill", {}).get("start_time")]
    number = begun[-1] + 1 if begun else 0
    cell = cells[number - 1] if number else nbformat.v4.new_code_cell()
    if isinstance(error, PapermillExecutionError):
        cause = f"{error.ename}: {error.evalue}"
    elif isinstance(error, stall.Stalled):
        cause = str(error)
    else:
        cause = f"{type(error).__name__}: {error}"
    lines = [line for output in cell.outputs if output.output_type == "error" for line in output.traceback]
    traceback = click.unstyle("\n".join(lines))
    return {"cell": number, "cells": len(cells), "source": cell.source, "cause": cause, "traceback": traceback}
