"""Works through tasks, several at once: in threads of this process, or on a Dask cluster."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager
from dataclasses import dataclass

import click
import psutil

CONNECT_TIMEOUT = 60  # seconds to reach a scheduler, on a busy machine too
KERNEL_MEMORY = 1 << 30  # bytes that a lesson's kernel takes at most


@dataclass(frozen=True)
class Lost:
    """What a task gave that never came back: why."""

    reason: str


def usable_cores() -> int:
    """How many cores this process may use."""
    return len(psutil.Process().cpu_affinity()) if hasattr(psutil.Process, "cpu_affinity") else psutil.cpu_count() or 1


def room_for_kernels() -> int:
    """How many kernels that train may run at once: one for each core, as far as the free memory reaches."""
    return max(1, min(usable_cores(), psutil.virtual_memory().available // KERNEL_MEMORY))


def work_through(
    function: Callable, tasks: Sequence, *, jobs: int = 1, scheduler: str | None = None
) -> Iterator[tuple[int, object]]:
    """Call `function` on each task, `jobs` at once, and yield each task's index and result as it comes.

    With `scheduler` (tcp://host:port) the calls run on that Dask cluster, which needs the package and nothing else; a
    task whose worker dies is begun again on another. A task that is given up yields `Lost`. `function` leaves its heavy
    work to processes of its own. When the caller stops early, or is interrupted, these are ended.

    Raises ClickException where no scheduler answers.
    """
    children = set(psutil.Process().children())
    with _cluster(scheduler) if scheduler else ThreadPoolExecutor(jobs) as executor:
        futures = {executor.submit(function, task): index for index, task in enumerate(tasks)}
        try:
            for future in as_completed(futures):
                error = future.exception()
                yield futures[future], Lost(f"{type(error).__name__}: {error}") if error else future.result()
        finally:
            for future in futures:
                future.cancel()
            while not all(future.done() for future in futures):
                for child in set(psutil.Process().children()) - children:
                    child.kill()
                wait(futures, timeout=0.1)


@contextmanager
def _cluster(scheduler: str) -> Iterator[Executor]:
    from distributed import Client

    try:
        client = Client(scheduler, timeout=CONNECT_TIMEOUT, set_as_default=False)
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise click.ClickException(f"no Dask scheduler answers at {scheduler} ({reason})") from error
    with client:
        yield client.get_executor(pure=False)
