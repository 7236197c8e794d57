"""Shows how far several notebooks are: a live table in a terminal, and plain lines where there is none."""

import threading
import time
from collections import Counter
from collections.abc import Sequence

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

MOST_ROWS = 20  # that a terminal shows at once


class Board:
    """A table with a row for each name. Its methods may be called from any thread."""

    def __init__(self, names: Sequence[str], title: str):
        self.rows = {name: ["waiting", "", None, None, ""] for name in names}
        self.title = title
        self.lock = threading.Lock()
        console = Console(stderr=False)
        self.live = (
            Live(get_renderable=self.table, console=console, refresh_per_second=4) if console.is_terminal else None
        )

    def __enter__(self):
        if self.live:
            self.live.start()
        return self

    def __exit__(self, *_):
        if self.live:
            self.live.stop()

    def begin(self, name: str) -> None:
        """A notebook begins."""
        self._put(name, "running", "", time.monotonic(), None, "")
        if not self.live:
            click.echo(f"{name}: running")

    def watch(self, name: str, cell: int, cells: int, figures: dict) -> None:
        """A cell of it begins, with these figures recorded so far."""
        begun = self.rows[name][2] or time.monotonic()
        self._put(name, "running", f"{cell} of {cells}", begun, None, _latest(figures))

    def end(self, name: str, word: str, text: str, seconds: float, figures: dict) -> None:
        """A notebook ended: `word` for the table, `text` to be printed."""
        self._put(name, word, self.rows[name][1], None, seconds, _latest(figures))
        if not self.live:
            click.echo(text)
        elif "\n" in text:
            self.live.console.print(text, markup=False, highlight=False)

    def _put(self, name: str, *row) -> None:
        with self.lock:
            self.rows[name] = list(row)

    def table(self) -> Table:
        """The table as it stands; of many notebooks, those that run and those that failed."""
        with self.lock:
            rows = dict(self.rows)
        counts = Counter(row[0] for row in rows.values())
        if len(rows) > MOST_ROWS:
            rows = {name: row for name, row in rows.items() if row[0] in ("running", "FAILED")}
        caption = ", ".join(f"{count} {word}" for word, count in counts.items())
        table = Table("notebook", "", "cell", "time", "figures so far", title=self.title, caption=caption)
        for name, (word, cell, begun, seconds, figures) in rows.items():
            seconds = time.monotonic() - begun if begun else seconds
            table.add_row(name, word, cell, "" if seconds is None else f"{seconds:.0f} s", figures)
        return table


def _latest(figures: dict) -> str:
    """How many figures there are, and the newest single number."""
    numbers = [f"{name} {value:.4g}" for name, value in figures.items() if isinstance(value, float)]
    return f"{len(figures)}{f', {numbers[-1]}' if numbers else ''}" if figures else ""
