"""What all parts share: a clock that treats everyone alike, medians with their spread, the machine's description."""

import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from course_utils.files import write_whole
from course_utils.instructor.run import usable_cores
from course_utils.maintain import describe_machine


def side_by_side(cases: Mapping[str, Callable], rounds: int) -> dict[str, list[float]]:
    """The seconds of each case in each round. A round runs all of them in turn, so that a slow minute meets all."""
    seconds = {name: [] for name in cases}
    for _ in range(rounds):
        for name, run in cases.items():
            started = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - started)
    return seconds


def spread(values: Sequence[float]) -> dict[str, float]:
    """The median of several measurements, the lowest and the highest."""
    return {"median": statistics.median(values), "lowest": min(values), "highest": max(values)}


def ratio(above: Sequence[float], below: Sequence[float]) -> dict[str, float]:
    """The spread of the ratios of two cases, each taken within one round."""
    return spread([one / other for one, other in zip(above, below, strict=True)])


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def count_flops(run: Callable) -> int:
    """The floating-point operations of the matrix products and convolutions in one call."""
    with FlopCounterMode(display=False) as counter:
        run()
    return counter.get_total_flops()


def matrix_product_flops_per_second(*, size: int, rounds: int) -> list[float]:
    """What a product of two square matrices reaches: the machine's speed limit for the layers of a network."""
    one, other = torch.rand(size, size), torch.rand(size, size)
    seconds = side_by_side({"product": lambda: one @ other}, rounds + 1)["product"][1:]
    return [2 * size**3 / value for value in seconds]


def machine() -> dict:
    return describe_machine() | {
        "python": platform.python_version(),
        "system": platform.system(),
        "usable_cores": usable_cores(),
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def save_part(folder: Path, part: str, content: Mapping) -> None:
    """Keep a part's result, whole, as soon as it is measured; an interrupted run keeps the parts before it."""
    write_whole(folder / f"{part}.json", json.dumps({"machine": machine(), **content}, indent=1) + "\n")


def read_parts(folder: Path) -> dict[str, dict]:
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
