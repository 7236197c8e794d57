"""Part 7: an epoch beside other programs: the course's way, one thread, and as many as torch takes by default."""

import itertools
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from course_utils.data import Digits, Split
from course_utils.machine import share_the_machine
from course_utils.recipes import RECIPES, Recipe
from course_utils.training import train_epoch

from .epochs import five_steps
from .measure import ratio, side_by_side, spread, threads, usable_cores
from .pipelines import course_batches, has_convolutions

OTHERS = (0, 1, 2)  # programs that compute without pause
FEW = 20  # batches on all threads: beside other programs each may take a hundred times as long
COUNTING = "import time\nend = time.time() + 600\nwhile time.time() < end: pass"


def measure(digits: Digits, *, quick: bool) -> dict:
    rounds = 2 if quick else 5
    share_the_machine()
    networks = {}
    for name, recipe in RECIPES.items():
        print(f"  {name}", flush=True)
        most = 5 if quick else 300 if has_convolutions(recipe) else 938
        split = Split(*(part[: most * recipe.batch_size] for part in digits.train))
        networks[name] = [_measure(recipe, split, others, rounds) for others in OTHERS]
    return {"dataset": digits.name, "rounds": rounds, "threads": usable_cores(), "networks": networks}


def _measure(recipe: Recipe, split: Split, others: int, rounds: int) -> dict:
    model = recipe.new_network()
    optimizer = recipe.new_optimizer(model)
    batches = course_batches(split, recipe.batch_size, recipe.normalise)
    few = list(itertools.islice(batches, FEW))

    def on_all_threads():
        with threads(usable_cores()):
            five_steps(model, few, recipe.loss_fn, optimizer)

    cases = {
        "course": lambda: train_epoch(model, batches, recipe.loss_fn, optimizer),
        "one thread": lambda: five_steps(model, batches, recipe.loss_fn, optimizer),
        "all threads": on_all_threads,
    }
    with _beside(others):
        seconds = side_by_side(cases, rounds)
    counts = {"course": len(batches), "one thread": len(batches), "all threads": len(few)}
    milliseconds = {case: [1000 * value / counts[case] for value in found] for case, found in seconds.items()}
    return {
        "others": others,
        "batches": len(batches),
        "milliseconds_a_batch": {case: spread(found) for case, found in milliseconds.items()},
        "course_over_one_thread": ratio(milliseconds["course"], milliseconds["one thread"]),
        "course_over_all_threads": ratio(milliseconds["course"], milliseconds["all threads"]),
    }


@contextmanager
def _beside(others: int) -> Iterator[None]:
    programs = [subprocess.Popen([sys.executable, "-c", COUNTING]) for _ in range(others)]
    try:
        yield
    finally:
        for program in programs:
            program.kill()
            program.wait()
