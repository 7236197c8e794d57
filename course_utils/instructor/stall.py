"""Tells a cell that works, however slowly, from one that has stalled: by its signs of life, not by a clock."""

from contextlib import suppress

import psutil

LOOK = 10.0  # seconds from one look at a kernel to the next
IDLE = 0.01  # of a core: a kernel that only waits uses less, and one that works gets more on any machine
STILL = 300.0  # seconds that a cell may do nothing at all
SILENT = 3600.0  # seconds that a cell may compute without a word
GRACE = 30.0  # seconds in which an interrupted cell may still say where it was


class Stalled(Exception):
    """A cell shows no sign of life any more: what was seen, and what to do."""


class Pulse:
    """A cell's signs of life: messages, and processor time.

    Only looks are counted, so that neither a busy machine nor one that slept makes a cell's time run out: on the one a
    cell computes less between two looks, and on the other nobody looks.
    """

    def __init__(self):
        self.used = self.still = self.silent = 0.0

    def message(self) -> None:
        """The cell said something."""
        self.still = self.silent = 0.0

    def look(self, used: float) -> None:
        """Look again; `used` are the kernel's processor seconds since its start. Raises Stalled."""
        worked = min(max(used - self.used, 0.0), LOOK)  # no more than one core: threads may only be waiting
        self.used = used
        self.silent += worked
        self.still = 0.0 if worked > IDLE * LOOK else self.still + LOOK
        if self.still >= STILL:
            raise Stalled(
                f"the cell stalled: for {STILL:g} s it neither computed nor said anything. It waits for what does not "
                "come, such as a lock, another process or the network. Let it ask for less, or give up by itself"
            )
        if self.silent >= SILENT:
            raise Stalled(
                f"the cell stalled: it computed for {SILENT:g} s without a word. If its loop does come to an end, "
                "let it print how far it is"
            )


def processor_seconds(pid: int) -> float:
    """What a process, its children, and those of them that have ended, have used of all processors."""
    seconds = 0.0
    with suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with suppress(psutil.NoSuchProcess):
                seconds += sum(one.cpu_times())
    return seconds
