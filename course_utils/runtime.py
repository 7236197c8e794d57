"""The machine a lesson runs on: its device, its packages, the progress of long work, the figures it records."""

import html
import json
import math
import os
import platform
import textwrap
import time
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import torch
from IPython.display import display

RECORD_MIME = "application/vnd.course.record+json"
RESULTS = Path(__file__).resolve().parent.parent / "notebooks" / "results.json"
PACKAGES = "torch torchvision jupyterlab matplotlib scikit-learn ipywidgets"
INSTRUCTORS_PACKAGES = "papermill nbval"


def pick_device() -> torch.device:
    """The fastest device at hand: cuda, else mps (Apple), else cpu."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def environment_report() -> dict[str, str]:
    """Versions of Python and the course's packages, the device, the cores.

    Raises RuntimeError for what is missing and what lessons need. What instructors need is named where it is installed.
    """
    report = {"Python": platform.python_version()}
    missing = []
    for package in f"{PACKAGES} {INSTRUCTORS_PACKAGES}".split():
        try:
            report[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            missing += [package] if package in PACKAGES.split() else []
    if missing:
        raise RuntimeError(
            f"not installed: {', '.join(missing)}. In the course's folder run: pip install -r requirements.txt"
        )
    report["device"] = str(pick_device())
    report["CPU cores / torch threads"] = f"{os.cpu_count()} / {torch.get_num_threads()}"
    return report


def record(**figures: float | int | str | list) -> None:
    """Print figures and keep them in the notebook as JSON, where a runner reads them back.

    A figure is a number, a text, or a list of numbers, also torch's or NumPy's own. JSON has no NaN and no infinity:
    they are kept as texts.
    """
    figures = {name: _plain(value) for name, value in figures.items()}
    text = ", ".join(f"{name} = {_short(value)}" for name, value in figures.items())
    display({"text/plain": textwrap.fill(f"recorded: {text}", 88), RECORD_MIME: figures}, raw=True)


def measured_results(lesson: str) -> dict:
    """The figures that a lesson's whole recipe gave on MNIST when the course was last rendered."""
    return json.loads(RESULTS.read_text(encoding="utf-8"))["lessons"][lesson]["figures"]


def _short(value) -> str:
    if isinstance(value, list):
        return f"[{_short(value[0])} … {_short(value[-1])}]" if value else "[]"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _plain(value):
    if hasattr(value, "tolist"):  # a number or an array of torch's or NumPy's
        value = value.tolist()
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    return json.loads(json.dumps(value))


class Progress:
    """Batches that show how far a training is: a live bar with the time left, and a table with a row an epoch.

    Wrap the training batches, and pass `report` to `fit` as `on_epoch_end`. The bar goes when the last epoch is
    done; the table stays. With `every`, each row also shows the loss of batch 0, `every`, 2·`every`, …

    `seconds` is the time from the first batch to the last report.
    """

    def __init__(self, batches, *, epochs: int, every: int | None = None):
        self.batches, self.epochs, self.every = batches, epochs, every
        self.seconds = 0.0
        self._rows, self._started, self._drawn, self._handle = [], None, 0.0, None

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator:
        self._started = self._started or time.perf_counter()
        for index, batch in enumerate(self.batches):
            yield batch
            if time.perf_counter() - self._drawn > 0.3:
                self._draw(len(self._rows) * len(self) + index + 1)

    def report(self, history) -> None:
        """Add the row of the epoch that just ended."""
        losses = history.batch_losses[-len(self) :] if self.every else []
        cells = [*losses[:: self.every], history.train_loss[-1]]
        if history.validation_loss:
            cells += [history.validation_loss[-1], history.validation_accuracy[-1]]
        self._rows.append([str(len(self._rows) + 1), *(f"{cell:.4f}" for cell in cells)])
        self.seconds = time.perf_counter() - self._started
        self._draw(len(self._rows) * len(self))

    def _draw(self, done: int) -> None:
        self._drawn = time.perf_counter()
        total = self.epochs * len(self)
        bar = ""
        if done < total:
            elapsed = self._drawn - self._started
            left = f"epoch {len(self._rows) + 1} of {self.epochs}, {elapsed * (total - done) / done:.0f} s left"
            bar = f'<progress value="{done}" max="{total}" style="width: 20em"></progress> {left}'
        rows = [self._header(), *self._rows] if self._rows else []
        content = {"text/html": bar + _html_table(rows), "text/plain": _text_table(rows)}
        if self._handle is None:
            self._handle = display(content, raw=True, display_id=True)
        else:
            self._handle.update(content, raw=True)

    def _header(self) -> list[str]:
        batches = [f"batch {index}" for index in range(0, len(self), self.every)] if self.every else []
        names = ["epoch", *batches, "mean training loss", "validation loss", "validation accuracy"]
        return names[: len(self._rows[-1])]


def _html_table(rows: list[list[str]]) -> str:
    if not rows:
        return ""
    lines = [
        "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row) + "</tr>"
        for tag, row in zip(["th"] + ["td"] * len(rows), rows, strict=False)
    ]
    return f"<table>{''.join(lines)}</table>"


def _text_table(rows: list[list[str]]) -> str:
    if not rows:
        return "…"
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)
