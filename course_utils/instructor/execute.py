"""Runs one notebook with papermill, whatever happens in it; here, in a thread, or on a worker of a cluster."""

import asyncio
import os
import platform
import re
import subprocess
import tempfile
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import version
from pathlib import Path

import click
import nbformat
import papermill
import psutil
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError
from nbformat import NotebookNode
from papermill.engines import Engine, papermill_engines
from papermill.exceptions import PapermillExecutionError

RECORD_MIME = "application/vnd.course.record+json"
PATIENCE = 600  # seconds for a kernel to start, and for an output to arrive: only a wedge takes them
LOOK = 10.0  # seconds from one look at a kernel to the next
IDLE = 0.01  # of a core: a kernel that only waits uses less, and one that works gets more on any machine
STILL = 300.0  # seconds that a cell may do nothing at all
SILENT = 3600.0  # seconds that a cell may compute without a word
GRACE = 30.0  # seconds in which an interrupted cell may still say where it was


def data_folder() -> str:
    """`$COURSE_DATA`, absolute where it leads somewhere: a kernel works in another folder than its caller."""
    named = os.environ.get("COURSE_DATA", "")
    folder = Path(named).expanduser()
    return str(folder.absolute()) if named and folder.exists() else named


@dataclass(frozen=True)
class Task:
    """A notebook to run, with all it takes to run it elsewhere.

    `threads` is how many torch uses (None: its own choice), and `data` where the digits are, unless the machine's own
    `$COURSE_DATA` says so. The kernel works in `folder`; where that is None, in a temporary one. `bands` are what the
    figures must lie in: data set → figure → [low, high]. `expected` are the seconds it may take.
    """

    name: str
    notebook: NotebookNode
    parameters: Mapping
    profile: str
    threads: int | None = None
    data: str = field(default_factory=data_folder)
    folder: Path | None = None
    bands: Mapping[str, Mapping] = field(default_factory=dict)
    expected: float = 0.0

    @property
    def environment(self) -> dict[str, str]:
        """The variables of its kernel."""
        threads = {"OMP_NUM_THREADS": str(self.threads)} if self.threads else {}
        data = data_folder() or self.data
        return os.environ | threads | ({"COURSE_DATA": data} if data else {})


def recorded(notebook: NotebookNode) -> dict:
    """All figures that the notebook's cells recorded, each record's in the alphabet's order, as files keep them."""
    figures = {}
    for record in records(notebook).values():
        figures |= dict(sorted(record.items()))
    return figures


def records(notebook: NotebookNode) -> dict[int, dict]:
    """What each cell that records recorded, by its place in the notebook. What was nan or infinite is so again."""
    found = {}
    for place, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if record := output.get("data", {}).get(RECORD_MIME):
                found[place] = found.get(place, {}) | {name: _number(value) for name, value in record.items()}
    return found


def _number(value):
    """A recorded value, in which a notebook's JSON keeps nan and the infinities as texts."""
    if isinstance(value, list):
        return [_number(one) for one in value]
    return float(value) if value in ("nan", "inf", "-inf") else value


@cache
def origin() -> dict:
    """What a run came from: the course's commit, the versions that matter, the machine. No name and no path."""
    course = Path(__file__).resolve().parents[2]

    def git(*words: str) -> str:
        done = subprocess.run(["git", "-C", course, *words], capture_output=True, text=True)
        return done.stdout.strip() if done.returncode == 0 else ""

    commit = ""
    with suppress(OSError):  # where there is no git
        commit = git("rev-parse", "--short=10", "HEAD") if (course / ".git").exists() else ""
        commit += " with changes" if commit and git("status", "--porcelain", "--", "course_utils", "notebooks") else ""
    versions = {name: version(name) for name in ("torch", "torchvision", "numpy", "papermill")}
    return {"commit": commit, "versions": {"Python": platform.python_version()} | versions, **describe_machine()}


def describe_machine() -> dict:
    """Cores, processor and torch's version; no name and no path."""
    about = Path("/proc/cpuinfo")
    model = re.search(r"^model name\s*:\s*(.+)$", about.read_text(), re.MULTILINE) if about.exists() else None
    processor = model[1] if model else platform.processor() or platform.machine()
    return {"cores": os.cpu_count(), "processor": processor, "torch": version("torch").split("+")[0]}


def origin_in_words(about: Mapping) -> str:
    """A run's origin in one line; "" where none was kept."""
    if not about:
        return ""
    versions = ", ".join(f"{name} {number}" for name, number in about["versions"].items())
    commit = f"commit {about['commit']}" if about["commit"] else "no commit known"
    return f"{commit}; {versions}; {about['cores']} cores, {about['processor']}"


def execute(
    task: Task, watch: Callable[[str, int, int, dict], None] = lambda *given: None
) -> tuple[NotebookNode, float, dict | None]:
    """Run a task: the notebook as far as it ran, the seconds it took, and its failure or None.

    `watch` is told, as each cell begins: task, number of the cell, cells in all, figures so far.
    """
    notebook, failure, begun = task.notebook, None, time.perf_counter()

    def on_cell(running: NotebookNode, index: int) -> None:
        nonlocal notebook
        notebook = running
        watch(task.name, index + 1, len(running.cells), recorded(running))

    with tempfile.TemporaryDirectory() as temporary:
        try:
            papermill.execute_notebook(
                task.notebook, None, dict(task.parameters), kernel_name="python3", language="python",
                progress_bar=False, engine_name="course", on_cell=on_cell, environment=task.environment,
                folder=(task.folder or Path(temporary)).absolute(),
            )  # fmt: skip
        except Exception as error:  # whatever stops a lesson must not stop the others
            failure = _describe(error, notebook)
    for name in ("input_path", "output_path"):
        notebook.metadata.get("papermill", {}).pop(name, None)
    notebook.metadata["origin"] = origin()
    return notebook, time.perf_counter() - begun, failure


def _describe(error: Exception, executed: NotebookNode) -> dict:
    """Where a lesson failed, and why: the last cell that began, and what it raised."""
    cells = [cell for cell in executed.cells if cell.cell_type == "code"]
    begun = [index for index, cell in enumerate(cells) if cell.metadata.get("papermill", {}).get("start_time")]
    number = begun[-1] + 1 if begun else 0
    cell = cells[number - 1] if number else nbformat.v4.new_code_cell()
    cause = str(error) if isinstance(error, Stalled) else f"{type(error).__name__}: {error}"
    if isinstance(error, PapermillExecutionError):
        cause = f"{error.ename}: {error.evalue}"
    lines = [line for output in cell.outputs if output.output_type == "error" for line in output.traceback]
    traceback = click.unstyle("\n".join(lines))
    return {"cell": number, "cells": len(cells), "source": cell.source, "cause": cause, "traceback": traceback}


# How papermill runs a notebook here -----------------------------------------------------------------------------------


class CourseEngine(Engine):
    """An engine for papermill: each kernel has an environment and a folder of its own, and a stalled cell is ended."""

    @classmethod
    def execute_managed_notebook(cls, nb_man, kernel_name, *, on_cell, environment, folder, **_):
        """Run all cells, or those before the first that fails. Raises Stalled."""
        client = _Client(
            nb_man.nb, kernel_name=kernel_name, startup_timeout=PATIENCE, iopub_timeout=PATIENCE,
            raise_on_iopub_timeout=True, extra_arguments=["--log-level=ERROR"],
            shutdown_kernel="immediate",  # a kernel that tidies up after torch takes two seconds
        )  # fmt: skip
        client.manager, client.on_cell = nb_man, on_cell
        kernel = {"cwd": str(folder), "env": environment, "stderr": subprocess.DEVNULL}
        loop = asyncio.SelectorEventLoop  # the one that zmq needs on Windows
        with asyncio.Runner(loop_factory=loop) as runner, suppress(CellExecutionError):  # which papermill raises itself
            runner.run(client.async_execute(**kernel))
        client.set_widgets_metadata()


papermill_engines.register("course", CourseEngine)


class _Client(NotebookClient):
    """nbclient's client, which tells papermill's manager of each cell, and ends one that stalls."""

    spoke = False

    def process_message(self, *message, **options):
        self.spoke = True
        return super().process_message(*message, **options)

    async def async_execute_cell(self, cell, cell_index, **options):
        self.manager.cell_start(cell, cell_index)
        self.on_cell(self.manager.nb, cell_index)
        try:
            return await self._unless_stalled(super().async_execute_cell(cell, cell_index, **options))
        except CellExecutionError as error:
            self.manager.cell_exception(cell, cell_index, exception=error)
            raise
        finally:
            self.manager.cell_complete(cell, cell_index)

    async def _unless_stalled(self, cell: Awaitable) -> NotebookNode:
        """Wait for a cell; end one that has stalled, so that it says where it is. Raises Stalled."""
        running, pulse = asyncio.ensure_future(cell), Pulse()
        while not (await asyncio.wait([running], timeout=LOOK))[0]:
            spoke, self.spoke = self.spoke, False
            if fault := pulse.look(processor_seconds(self.km.provisioner.pid), spoke):
                await self.km.interrupt_kernel()
                if not (await asyncio.wait([running], timeout=GRACE))[0]:
                    await self.km.shutdown_kernel(now=True)
                await asyncio.gather(running, return_exceptions=True)
                raise Stalled(f"the cell stalled: {fault}")
        return running.result()


class Stalled(Exception):
    """A cell shows no sign of life any more: what was seen, and what to do."""


class Pulse:
    """A cell's signs of life: messages, and processor time.

    Only looks are counted, so that neither a busy machine nor one that slept makes a cell's time run out: on the one a
    cell computes less between two looks, and on the other nobody looks.
    """

    def __init__(self):
        self.used = self.still = self.silent = 0.0

    def look(self, used: float, spoke: bool) -> str:
        """Look again: what is wrong, or "". `used` are the kernel's processor seconds since its start."""
        worked = min(max(used - self.used, 0.0), LOOK)  # no more than one core: threads may only be waiting
        self.used = used
        self.silent = 0.0 if spoke else self.silent + worked
        self.still = 0.0 if spoke or worked > IDLE * LOOK else self.still + LOOK
        if self.still >= STILL:
            still = f"for {STILL:g} s it neither computed nor said anything. It waits for what does not come, such as a"
            return f"{still} lock, another process or the network. Let it ask for less, or give up by itself"
        if self.silent >= SILENT:
            silent = f"it computed for {SILENT:g} s without a word."
            return f"{silent} If its loop does come to an end, let it print how far it is"
        return ""


def processor_seconds(pid: int) -> float:
    """What a process, its children, and those of them that have ended, have used of all processors."""
    seconds = 0.0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                seconds += sum(one.cpu_times())
    return seconds
