"""How training shares a machine with other programs: how many threads torch takes, and what becomes of freed memory.

torch's threads wait for each other many times a batch, and they wait by spinning. As long as each has a core to itself
that is the fastest way. Where another program needs a core, too, a batch on two threads may take ten times as long as
on one. Lesson 8 measures it.
"""

import ctypes
import statistics
import sys
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator

import torch

MOST_THREADS = torch.get_num_threads()  # torch's own choice: a thread a core, or what OMP_NUM_THREADS says
WORTH_SHARING = 0.005  # seconds: a shorter batch gains less from a second thread than it risks
TRIED = 3  # batches on a number of threads before the next number is tried
PATIENCE = 32  # batches before a number of threads that was too slow is tried again, at first

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of mallopt


def share_the_machine() -> None:
    """Have torch work on one thread, so that programs beside it cannot slow it down.

    Training takes more threads while they help: see `tune_threads`.
    """
    torch.set_num_threads(1)


def tune_threads(
    batches: Iterable, *, most: int | None = None, clock: Callable[[], float] = time.perf_counter
) -> Iterator:
    """Yield batches, and have torch work through each on as many threads as are quickest at the moment.

    It begins with one thread, and takes twice as many as long as that makes a batch quicker, up to `most` (by default
    `MOST_THREADS`). Where more threads lose more time than two batches take on fewer, it goes back, and waits longer
    each time before it tries again. What counts is the time from one batch to the next, on the `clock`, in seconds.
    Afterwards torch has as many threads as before.
    """
    before = torch.get_num_threads()
    counts = _thread_counts(MOST_THREADS if most is None else most)
    seconds = [deque(maxlen=TRIED) for _ in counts]
    level, held, wait, patience, lost = 0, 0, TRIED, PATIENCE, 0.0
    try:
        for batch in batches:
            torch.set_num_threads(counts[level])
            started = clock()
            yield batch
            seconds[level].append(clock() - started)
            held, wait = held + 1, wait - 1
            if level > 0:
                on_fewer = statistics.median(seconds[level - 1])
                lost = max(0.0, lost + seconds[level][-1] - on_fewer)
                if lost > 2 * on_fewer:
                    wait = PATIENCE if held > PATIENCE else patience
                    level, held, patience, lost = level - 1, 0, 2 * wait, 0.0
            if wait <= 0 and level + 1 < len(counts) and min(seconds[level]) > WORTH_SHARING:
                level, held, wait, lost = level + 1, 0, TRIED, 0.0
    finally:
        torch.set_num_threads(before)


def _thread_counts(most: int) -> list[int]:
    """1, 2, 4, … and `most` itself."""
    powers = [2**power for power in range(most.bit_length())]
    return sorted({*powers, most})


def keep_freed_memory() -> None:
    """Have the C library keep the memory that a batch frees for the next batch, instead of giving it back.

    A convolution's maps take several megabytes a batch, and to fetch them anew from the system each time costs up to a
    seventh of `CNN`'s time on one thread. Only Linux's C library can be told so; elsewhere this does nothing:
    https://man7.org/linux/man-pages/man3/mallopt.3.html
    """
    if sys.platform == "linux" and hasattr(library := ctypes.CDLL(None), "mallopt"):
        library.mallopt(M_TRIM_THRESHOLD, 2**30)
        library.mallopt(M_MMAP_THRESHOLD, 2**25)  # the highest that glibc takes
