"""The device, the environment report, the records that a runner reads back, and the progress of long work."""

import json
import re
from importlib import metadata
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from IPython.utils.capture import capture_output

from course_utils import runtime
from course_utils.runtime import RECORD_MIME, Progress, environment_report, pick_device, record
from course_utils.training import History


@pytest.mark.parametrize(
    ("cuda", "mps", "device"),
    [(True, True, "cuda"), (True, False, "cuda"), (False, True, "mps"), (False, False, "cpu")],
)
def test_the_device_is_cuda_else_mps_else_cpu(monkeypatch, cuda, mps, device):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)
    assert pick_device() == torch.device(device)


def test_the_environment_report_names_what_is_there_and_refuses_what_lessons_lack(monkeypatch):
    monkeypatch.setattr(runtime, "INSTRUCTORS_PACKAGES", "papermill not-there")
    report = environment_report()
    assert report["torch"] == metadata.version("torch") and report["device"] == str(pick_device())
    assert re.fullmatch(r"\d+ / \d+", report["CPU cores / torch threads"])
    assert "papermill" in report and "not-there" not in report
    monkeypatch.setattr(runtime, "PACKAGES", "torch not-there-1 matplotlib not-there-2")
    with pytest.raises(RuntimeError, match=r"not-there-1, not-there-2.*pip install -r requirements\.txt"):
        environment_report()


@pytest.fixture
def screen(monkeypatch):
    """What `display` shows: a list of outputs, each the list of contents that it held in turn."""
    outputs = []

    def display(content, *, raw, display_id=None):
        assert raw
        outputs.append([content])
        return SimpleNamespace(update=lambda content, raw, shown=outputs[-1]: shown.append(content))

    monkeypatch.setattr(runtime, "display", display)
    return outputs


@pytest.mark.parametrize(
    ("figure", "kept"),
    [
        (3, 3), ("CNN", "CNN"), (True, True), ((1, 2.5), [1, 2.5]), ([], []), (np.float32(0.25), 0.25),
        (np.bool_(True), True), (np.arange(3), [0, 1, 2]), ([torch.tensor(0.5), np.float32(1)], [0.5, 1.0]),
        (torch.ones(1, requires_grad=True), [1.0]), (float("nan"), "nan"), (-float("inf"), "-inf"),
        ((1.0, float("inf")), [1.0, "inf"]), (torch.tensor([float("nan")]), ["nan"]),
    ],
    ids=repr,
)  # fmt: skip
def test_a_recorded_figure_is_plain_json(screen, figure, kept):
    record(loss=figure)
    figures = screen[-1][-1][RECORD_MIME]
    assert figures == {"loss": kept}
    assert type(figures["loss"]) is type(kept)
    assert json.loads(json.dumps(figures, allow_nan=False)) == figures


def test_a_record_is_read_by_people_too_and_one_of_something_else_is_refused(screen):
    record(accuracy=0.98765, losses=[2.5, 1.0, 0.25], epochs=3)
    assert screen[-1][-1]["text/plain"] == "recorded: accuracy = 0.9877, losses = [2.5 … 0.25], epochs = 3"
    with pytest.raises(TypeError):
        record(model=object())
    assert len(screen) == 1


@pytest.fixture
def clock(monkeypatch):
    """A clock that goes on by a second whenever it is asked, and began long ago."""
    ticks = iter(range(5_000, 15_000))
    monkeypatch.setattr(runtime.time, "perf_counter", lambda: float(next(ticks)))


def train(progress, epochs, *, validation=False):
    """What `fit` does as far as a progress sees it: the loss of batch k is k, and 10 more each epoch."""
    history = History()
    for epoch in range(epochs):
        history.batch_losses += [10.0 * epoch + batch for batch in progress]
        history.train_loss.append(10.0 + epoch)
        if validation:
            history.validation_loss.append(20.0 + epoch)
            history.validation_accuracy.append(0.5)
        progress.report(history)


def test_progress_ends_as_a_table_with_a_row_an_epoch(screen, clock):
    train(Progress(range(5), epochs=2, every=2), 2, validation=True)
    header, *rows = screen[-1][-1]["text/plain"].splitlines()
    names = ["epoch", "batch 0", "batch 2", "batch 4", "mean training loss", "validation loss", "validation accuracy"]
    assert re.split(r"\s{2,}", header.strip()) == names
    assert [row.split() for row in rows] == [
        ["1", "0.0000", "2.0000", "4.0000", "10.0000", "20.0000", "0.5000"],
        ["2", "10.0000", "12.0000", "14.0000", "11.0000", "21.0000", "0.5000"],
    ]
    page = screen[-1][-1]["text/html"]
    assert page.count("<tr>") == 3
    assert page.count("<th>") == len(names)
    assert "<progress" not in page


def test_progress_shows_a_bar_with_the_time_left_while_it_lasts_and_only_what_was_measured(screen, clock):
    train(Progress(range(4), epochs=2), 2)
    (contents,) = screen
    bars = [re.search(r'value="(\d+)" max="8"', content["text/html"]) for content in contents]
    done = [int(bar[1]) for bar in bars if bar]
    assert done == sorted(done) and {1, 4, 7} <= set(done)
    assert bars[-1] is None
    assert "epoch 1 of 2, 14 s left" in contents[0]["text/html"]  # 1 batch of 8 was read and drawn in 2 ticks
    assert screen[-1][-1]["text/plain"].split() == ["epoch", "mean", "training", "loss", "1", "10.0000", "2", "11.0000"]


def test_progress_on_a_quick_training_draws_once_an_epoch(screen, monkeypatch):
    monkeypatch.setattr(runtime.time, "perf_counter", lambda: 0.25)
    train(Progress(range(100), epochs=3), 3)
    assert len(screen[0]) == 3


def test_progress_yields_the_batches_again_and_again_and_counts_the_seconds_to_the_last_report(screen, clock):
    progress, seconds, history = Progress("abc", epochs=3), [0], History(train_loss=[1.0])
    assert (len(progress), progress.seconds) == (3, 0)
    for _ in range(3):
        assert list(progress) == list("abc")
        progress.report(history)
        seconds.append(progress.seconds)
    assert seconds == sorted({*seconds}) and seconds[-1] < 5_000


def test_a_record_and_a_progress_are_one_output_each_in_a_notebook(shell):
    code = """
from course_utils.runtime import Progress, record
from course_utils.training import History
record(accuracy=0.5)
progress, history = Progress(range(3), epochs=2), History()
for epoch in range(2):
    history.train_loss.append(float(sum(progress)))
    progress.report(history)
"""
    with capture_output() as captured:
        assert shell.run_cell(code).success
    recorded, first, *others = captured.outputs
    assert recorded.data == {"text/plain": "recorded: accuracy = 0.5", RECORD_MIME: {"accuracy": 0.5}}
    assert all(other.update for other in others) and "mean training loss" in others[-1].data["text/plain"]
    assert {other.transient["display_id"] for other in others} == {first.transient["display_id"]}
