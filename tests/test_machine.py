"""The threads that torch takes while others compute beside it, on a clock that the tests themselves turn."""

import platform
import subprocess
import sys

import pytest
import torch

from course_utils import machine
from course_utils.machine import share_the_machine, tune_threads


class Clock:
    """A clock that a batch turns on, by what it costs on as many threads as torch has at that moment."""

    def __init__(self, cost):
        self.cost, self.now, self.threads = cost, 0.0, []

    def __call__(self) -> float:
        return self.now

    def epoch(self, batches: int, most: int = 2) -> float:
        """The seconds of an epoch. `threads` then holds how many each batch had."""
        self.threads = []
        started = self.now
        for number in tune_threads(range(batches), most=most, clock=self):
            self.threads.append(torch.get_num_threads())
            self.now += self.cost(number, self.threads[-1])
        return self.now - started


def quiet(number: int, threads: int) -> float:
    return 0.040 / threads


def busy(number: int, threads: int) -> float:
    """Beside a busy process: now and then a batch gets through, and most wait for the other thread."""
    if threads == 1:
        return 0.040
    return 0.025 if number % 3 == 0 else 0.400


def busy_for_a_while(number: int, threads: int) -> float:
    return (busy if 100 <= number < 200 else quiet)(number, threads)


def half_of_them_help(number: int, threads: int) -> float:
    return 0.1 / threads if threads <= 4 else 0.2


@pytest.mark.parametrize(("cost", "batches", "most"), [(quiet, 300, 1.1 * 300 * 0.020), (busy, 100, 1.3 * 100 * 0.040)])
def test_an_epoch_costs_little_more_than_on_the_best_number_of_threads(cost, batches, most):
    assert Clock(cost).epoch(batches) <= most


ALL = slice(3, None)


@pytest.mark.parametrize(
    ("cost", "part", "usual", "others"),
    [
        (busy_for_a_while, slice(3, 100), 2, 0),
        (busy_for_a_while, slice(100, 200), 1, 6),  # given up when others begin to compute
        (busy_for_a_while, slice(400, 500), 2, 0),  # and taken again when they stop
        (lambda number, threads: 0.070 if number == 50 else quiet(number, threads), ALL, 2, 0),  # a single slow batch
        (lambda number, threads: 0.0009 if threads == 1 else 0.05, ALL, 1, 0),  # batches of a millisecond
        (lambda number, threads: (0.02 if number % 3 else 0.0009) if threads == 1 else 0.05, ALL, 1, 0),  # interrupted
    ],
)
def test_the_number_of_threads_follows_what_lasts_and_short_batches_stay_on_one(cost, part, usual, others):
    clock = Clock(cost)
    clock.epoch(500)
    assert sum(threads != usual for threads in clock.threads[part]) <= others


@pytest.mark.parametrize(
    ("cost", "most", "counts", "stays"),
    [
        (quiet, 1, {1}, 1),
        (quiet, 6, {1, 2, 4, 6}, 6),
        (quiet, 8, {1, 2, 4, 8}, 8),
        (half_of_them_help, 8, {1, 2, 4, 8}, 4),
    ],
)
def test_the_number_of_threads_doubles_up_to_the_most_that_help(cost, most, counts, stays):
    clock = Clock(cost)
    clock.epoch(300, most=most)
    assert set(clock.threads) == counts and clock.threads.count(stays) > 280


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def test_the_batches_come_through_in_their_order_and_torch_gets_its_threads_back(three_threads):
    assert list(tune_threads(range(9), most=2)) == list(range(9))
    assert torch.get_num_threads() == 3
    with pytest.raises(ZeroDivisionError):
        for number in tune_threads([1, 0], most=2):
            _ = 1 / number
    assert torch.get_num_threads() == 3


def test_without_a_word_there_are_no_more_threads_than_torch_began_with_and_sharing_leaves_one(
    monkeypatch, three_threads
):
    monkeypatch.setattr(machine, "MOST_THREADS", 4)
    clock = Clock(quiet)
    clock.epoch(20, most=None)
    assert max(clock.threads) == 4
    share_the_machine()
    assert torch.get_num_threads() == 1


@pytest.mark.skipif(sys.platform != "linux" or platform.libc_ver()[0] != "glibc", reason="only glibc can be told so")
def test_memory_that_a_batch_frees_is_kept_for_the_next():
    code = """
import resource, torch
from course_utils.machine import keep_freed_memory
keep_freed_memory()
faults = []
for _ in range(3):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    maps = [torch.ones(2_500_000) for _ in range(8)]
    del maps
    faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
print(sum(faults[1:]))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert int(ran.stdout) < 30_000  # pages; where memory is given back, the two times eight tensors take over 36,000
