"""Runs lessons, several at once, here or on a Dask cluster; shows how far they are, and keeps what came of them."""

import asyncio
import hashlib
import json
import re
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import nbformat
import psutil
from filelock import FileLock, Timeout
from nbformat import NotebookNode
from rich.console import Console
from rich.progress import MofNCompleteColumn, Progress, TimeElapsedColumn

from ..files import write_whole
from .execute import Task, execute, recorded
from .manifest import Lesson, WrongUse, read_notebook

HARMLESS = ("source", "solutions")  # parameters that leave the bands as they are
PACKAGE = Path(__file__).resolve().parents[1]
CHECK = re.compile(r'^check\("([\d.]+)"', re.MULTILINE)
CONNECT_TIMEOUT = 60  # seconds to reach a scheduler, on a busy machine too
KERNEL_MEMORY = 1 << 30  # bytes that a lesson's kernel takes at most
ROOM = 8 << 20  # bytes that must fit into a folder before anything runs
SMOKE_SECONDS = 15  # that a lesson takes in small, about
NEWS = 1.0  # seconds from one look at a cluster's workers to the next


def run_lessons(
    lessons: Sequence[Lesson], profile: str, changes: Mapping, folder: Path,
    solutions: Mapping[str, str] | None = None, *, jobs: int = 1, resume: bool = False,
) -> Iterator[dict]:  # fmt: skip
    """Run lessons, `jobs` at once, write `<lesson>.ipynb` and `<lesson>.json` into `folder`, and yield each result.

    Lessons that share the cores have one torch thread each, and the longest begins first, so that none is left alone.

    `changes` are parameters beyond the profile's. Bands hold for the profile's own parameters on any data set: where
    another parameter is changed, none is checked. With `solutions` (exercise number → code) the exercises are filled.
    With `resume`, a lesson that has run to its end from the same sources with the same parameters is not run again.
    """
    threads = 1 if min(jobs, len(lessons)) > 1 else None
    tasks = []
    for lesson in lessons:
        own = lesson.profiles[profile]
        changed = [name for name, value in changes.items() if name not in HARMLESS and own.get(name) != value]
        notebook = without_outputs(fill(read_notebook(lesson.notebook), solutions or {}))
        bands = {} if changed else lesson.bands.get(profile, {})
        place = {"threads": threads, "folder": lesson.notebook.parent, "expected": expected_seconds(lesson, profile)}
        tasks.append(Task(lesson.name, notebook, own | dict(changes), profile, bands=bands, **place))
    return run_tasks(tasks, folder, f"profile {profile}", jobs=jobs, resume=resume)


def expected_seconds(lesson: Lesson, profile: str) -> float:
    """What a lesson took with this profile when it was rendered, or about so much; 0 where nobody knows."""
    seconds = read_notebook(lesson.notebook).metadata.get("course", {}).get("seconds", 0.0)
    stored = lesson.notebook.with_name("results.json")
    if profile == "full" and stored.exists():
        result = json.loads(stored.read_text(encoding="utf-8"))["lessons"].get(lesson.name, {})
        return result.get("seconds", seconds)
    return min(seconds, SMOKE_SECONDS) if profile == "smoke" else seconds


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Keep a folder for one run. Raises WrongUse where little or nothing can be written, or another run is at it."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(bytes(ROOM))
    except OSError as error:
        raise WrongUse(f"{folder}: cannot be written into ({error.strerror}); name another folder: --out") from error
    lock = FileLock(folder / ".running")
    try:
        lock.acquire(timeout=0)
    except Timeout as error:
        words = "another run is writing into it. Wait until it is done, or name another folder: --out"
        raise WrongUse(f"{folder}: {words}") from error
    try:
        yield
    finally:
        lock.release()


def run_tasks(
    tasks: Sequence[Task], folder: Path, title: str, *, jobs: int, scheduler: str | None = None, resume: bool = False
) -> Iterator[dict]:
    """Run tasks, here or on a cluster, write each notebook and result into `folder`, and yield each result.

    Raises WrongUse as `held` does, before anything runs, and ClickException where the disk fills later.
    """
    with held(folder):
        kept = 0
        try:
            for result in _results(tasks, folder, title, jobs, scheduler, resume):
                kept += 1
                yield result
        except OSError as error:
            words = f"{folder}: {error.strerror}. The {kept} results before are kept; --resume goes on from there"
            raise click.ClickException(words) from error


def _results(
    tasks: Sequence[Task], folder: Path, title: str, jobs: int, scheduler: str | None, resume: bool
) -> Iterator[dict]:
    keys = {task.name: fingerprint(task) for task in tasks}
    board = Board(tasks, title, jobs)

    def here(task: Task) -> tuple:
        board.begin(task.name)
        return execute(task, board.watch)

    with board.progress:
        waiting = []
        for task in tasks:
            if resume and (kept := finished(folder / task.name, keys[task.name])):
                board.end(task.name, f"{task.name}: kept from an earlier run")
                yield kept | {"bands": check_bands(kept["figures"], task.bands)}
            else:
                waiting.append(task)
        waiting.sort(key=lambda task: task.expected, reverse=True)
        for task, outcome, lost in work_through(execute if scheduler else here, waiting, jobs, scheduler):
            cause = f"lost ({lost})"
            failure = {"cell": 0, "cells": 0, "source": "", "cause": cause, "traceback": ""}
            notebook, seconds, failure = outcome or (task.notebook, 0.0, failure)
            figures = recorded(notebook)
            result = {
                "name": task.name, "parameters": dict(task.parameters), "key": keys[task.name], "seconds": seconds,
                "figures": figures, "failure": failure, "profile": task.profile,
                "bands": check_bands(figures, task.bands), "origin": notebook.metadata.get("origin", {}),
            }  # fmt: skip
            write_whole(folder / f"{task.name}.ipynb", nbformat.writes(notebook) + "\n")
            # the result comes last, so that it vouches for both
            write_whole(folder / f"{task.name}.json", json.dumps(result, indent=1, ensure_ascii=False) + "\n")
            board.end(task.name, summary(result), seconds)
            yield result


def fingerprint(task: Task) -> str:
    """A hash of what decides a task's result: the lesson's code, its parameters, and the package's own sources."""
    cells = [cell.source for cell in task.notebook.cells if cell.cell_type == "code"]
    sources = [path for path in sorted(PACKAGE.rglob("*.py")) if not path.is_relative_to(PACKAGE / "instructor")]
    content = json.dumps([cells, dict(task.parameters)], sort_keys=True, default=str).encode()
    return hashlib.sha256(content + b"".join(path.read_bytes() for path in sources)).hexdigest()


def finished(path: Path, key: str) -> dict | None:
    """The result of a run that went to its end under this key, or None."""
    try:
        result = json.loads(path.with_name(f"{path.name}.json").read_text(encoding="utf-8"))
        done = result["key"] == key and result["failure"] is None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return result if done and path.with_name(f"{path.name}.ipynb").exists() else None


# What a run came to ---------------------------------------------------------------------------------------------------


def check_bands(figures: Mapping, bands: Mapping[str, Mapping]) -> dict[str, dict]:
    """For each figure that has a band on the data set recorded: the band, and inside, outside or missing.

    A list is inside its band where all its numbers are.
    """
    if bands and "dataset" not in figures:
        return {"dataset": {"band": sorted(bands), "verdict": "missing"}}
    checked = bands.get(figures.get("dataset"), {})
    return {name: {"band": band, "verdict": _verdict(figures.get(name), *band)} for name, band in checked.items()}


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
    figures, bands = result["figures"], result["bands"]
    out = {figure: check["band"] for figure, check in bands.items() if check["verdict"] != "inside"}
    kept = f"{len(bands) - len(out)} of {len(bands)} bands kept" if bands else "no bands to check"
    word = "done" if succeeded(result) else "FAILED"
    lines = [f"{result['name']}: {word} after {result['seconds']:.0f} s, {len(figures)} figures, {kept}"]
    if failure := result["failure"]:
        lines.append(f"  in cell {failure['cell']} of {failure['cells']}: {failure['cause']}")
        lines += [f"    {line}" for line in (failure["traceback"] or failure["source"]).splitlines()]
    else:
        lines += [f"  {name}: {figures.get(name, 'nothing')} recorded, {band} expected" for name, band in out.items()]
    return "\n".join(lines)


class Board:
    """Lines for what begins and ends, and in a terminal a live table of what runs. Any thread may call it."""

    def __init__(self, tasks: Sequence[Task], title: str, jobs: int):
        console = Console()
        columns = ("{task.description}", MofNCompleteColumn(), TimeElapsedColumn(), "{task.fields[figures]}")
        self.progress = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        self.jobs, self.open, self.begun = jobs, {task.name: task.expected for task in tasks}, {}
        self.expected = self.took = 0.0  # seconds of the notebooks that have ended
        self.whole = self.progress.add_task(title, total=len(tasks), figures=self.left())
        self.rows = {}
        console.print(f"{title}: 0 of {len(tasks)} done{self.left()}", highlight=False)

    def left(self) -> str:
        """The time left in words, as far as it is known from what was expected, and from how that has turned out."""
        pace, now = (self.took / self.expected if self.expected else 1.0), time.monotonic()
        if not self.open or not all(self.open.values()):
            return ""
        each = [max(0.0, pace * seconds - (now - self.begun.get(name, now))) for name, seconds in self.open.items()]
        seconds = max(sum(each) / self.jobs, *each)
        return f", about {seconds:.0f} s left" if seconds < 100 else f", about {seconds / 60:.0f} minutes left"

    def begin(self, name: str) -> None:
        """A notebook begins."""
        self.begun[name] = time.monotonic()
        self.rows[name] = self.progress.add_task(name, total=None, figures="")
        if self.progress.disable:
            click.echo(f"{name}: running")

    def watch(self, name: str, cell: int, cells: int, figures: Mapping) -> None:
        """A cell of it begins, with these figures recorded so far."""
        numbers = [f", {figure} {value:.4g}" for figure, value in figures.items() if isinstance(value, float)]
        words = f"{len(figures)} figures{''.join(numbers[-1:])}"
        self.progress.update(self.rows[name], completed=cell - 1, total=cells, figures=words)
        self.progress.update(self.whole, figures=self.left().removeprefix(", "))

    def end(self, name: str, text: str, seconds: float = 0.0) -> None:
        """A notebook ended: what became of it, and how long it ran."""
        if name in self.rows:
            self.progress.remove_task(self.rows.pop(name))
        expected = self.open.pop(name)
        if seconds:
            self.expected, self.took = self.expected + expected, self.took + seconds
        self.progress.update(self.whole, advance=1, figures=self.left().removeprefix(", "))
        whole = self.progress.tasks[0]
        count = f"{whole.completed:.0f} of {whole.total:.0f} done{self.left()}"
        self.progress.console.print(text, f"  {count}", sep="\n", markup=False, highlight=False, soft_wrap=True)


# Several at once ------------------------------------------------------------------------------------------------------


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else psutil.cpu_count() or 1


def room_for_kernels() -> int:
    """How many kernels that train may run at once: one for each core, as far as the free memory reaches."""
    return max(1, min(usable_cores(), psutil.virtual_memory().available // KERNEL_MEMORY))


def work_through(
    function: Callable, tasks: Sequence, jobs: int = 1, scheduler: str | None = None
) -> Iterator[tuple[object, object, str]]:
    """Call `function` on each task, `jobs` at once; yield each task as it comes, its result, and why that was lost.

    With `scheduler` (tcp://host:port) the calls run on that Dask cluster, which needs the package and nothing else; a
    task whose worker dies is begun again on another, and workers that come and go are named. A task that is given up
    has no result. `function` leaves its heavy work to processes of its own. When the caller stops early, or is
    interrupted, these are ended.

    Raises ClickException where no scheduler answers.
    """
    children = set(psutil.Process().children())
    with _cluster(scheduler) if scheduler else ThreadPoolExecutor(jobs) as executor:
        futures = {executor.submit(function, task): task for task in tasks}
        waiting, workers = set(futures), set()
        try:
            while waiting:
                workers = _tell_of_workers(executor, workers) if scheduler else workers
                done, waiting = wait(waiting, timeout=NEWS if scheduler else None, return_when=FIRST_COMPLETED)
                for future in done:
                    yield futures[future], *_outcome(future)
        finally:
            for future in futures:
                future.cancel()
            while not all(future.done() for future in futures):
                for child in set(psutil.Process().children()) - children:
                    child.kill()
                wait(futures, timeout=0.1)


def _outcome(future) -> tuple[object, str]:
    """What a call gave, and why it gave nothing."""
    try:
        return future.result(), ""
    except (Exception, CancelledError) as error:
        return None, f"{type(error).__name__}: {error}"


@contextmanager
def _cluster(scheduler: str) -> Iterator[Executor]:
    from distributed import Client
    from distributed.core import rpc

    async def asked() -> None:  # for a Client waits for ever where something else answers
        async with rpc(scheduler) as there:
            await there.identity()

    try:
        asyncio.run(asyncio.wait_for(asked(), CONNECT_TIMEOUT))
        client = Client(scheduler, timeout=CONNECT_TIMEOUT, set_as_default=False)
    except Exception as error:  # whatever it is that answers there, or does not
        reason = str(error) or f"nothing for {CONNECT_TIMEOUT} s"
        raise click.ClickException(f"no Dask scheduler answers at {scheduler} ({reason})") from error
    with client:
        executor = client.get_executor(pure=False)
        executor.workers = lambda: set(client.nthreads())
        yield executor


def _tell_of_workers(executor: Executor, known: Iterable[str]) -> set[str]:
    """The cluster's workers now; those that came or went since are named."""
    workers = set(known)
    with suppress(OSError, TimeoutError):  # a scheduler that is gone loses the tasks, each by its name
        workers = executor.workers()
    for name in sorted(workers - known):
        click.echo(f"worker {name}: here, {len(workers)} in all")
    for name in sorted(known - workers):
        others = f"{len(workers)} left, which take over what it ran" if workers else "none left; waiting for one"
        click.echo(f"worker {name}: lost, {others}")
    return workers


# Notebooks made ready -------------------------------------------------------------------------------------------------


def without_outputs(notebook: NotebookNode) -> NotebookNode:
    """The notebook without the outputs that it has no use for any more."""
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook


def read_solutions() -> dict[str, str]:
    """The code that answers each exercise, by number. Raises ClickException in a copy that shows no solutions."""
    from ..exercises import packed
    from ..exercises.desk import all_exercises

    exercises = all_exercises()
    if packed.closed:
        raise click.ClickException("this copy of the course has no solutions to show")
    return {number: exercise.code for number, exercise in exercises.items()}


def fill(notebook: NotebookNode, solutions: Mapping[str, str]) -> NotebookNode:
    """The notebook with the stub of each exercise that has a solution replaced by it; what follows the stub stays."""
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("tags", []):
            check = CHECK.search(cell.source)
            if answer := solutions.get(check[1]):
                gap = "\n\n\n" if answer.startswith("def ") else "\n\n"
                cell.source = f"{answer}{gap}{cell.source[check.start() :]}"
    return notebook
