"""A figure to play with that needs torch in motion: the training bench.

It returns nothing. In a notebook with a running kernel it shows the widget; everywhere else (a rendered page, a run
without a browser) a picture of the widget as it opens.
"""

import asyncio
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import ipywidgets
import torch
from IPython.display import display
from matplotlib.figure import Figure
from torch import Tensor, nn

from .plotting import alternative_text, describe, figure_html, new_figure, quick_png, still_output

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SLIDER = {"style": {"description_width": "9em"}, "layout": {"width": "min(100%, 34em)"}}


def _show(widget: ipywidgets.Widget, figure: Figure) -> None:
    """Display the widget, and as an output of its own the figure for wherever widgets do not run."""
    still, about = still_output(figure)
    display({WIDGET_VIEW: widget._repr_mimebundle_()[WIDGET_VIEW], "text/plain": still["text/plain"]}, raw=True)
    display(still, raw=True, metadata=about)


# Lessons 2 and 3: the training bench

STEPS_PER_POINT, BATCH_SIZE, TRIES_SHOWN = 5, 50, 4


@dataclass
class _Try:
    """One training: its settings in words, and the mean loss over all inputs after every few steps."""

    settings: str
    losses: list[float] = field(default_factory=list)

    def result(self) -> str:
        step = (len(self.losses) - 1) * STEPS_PER_POINT
        if not math.isfinite(self.losses[-1]):
            return f"diverged at step {step}: no finite loss"
        return f"loss {self.losses[-1]:.3g} at step {step}"


def training_bench(
    inputs: Tensor,
    labels: Tensor,
    build: Callable[[int], nn.Module],
    loss_fn: Callable[[Tensor, Tensor], Tensor],
    landmarks: Mapping[str, float],
    *,
    learning_rate: float,
    momentum: float = 0.0,
    hidden_units: int = 10,
    steps: int = 500,
) -> None:
    """Sliders for learning rate, momentum and hidden units, and a button that trains again while the curve is drawn.

    `build` makes a network for inputs [N, 1, 28, 28] from a number of hidden units. The first try is trained before
    anything is shown. Every try takes `steps` steps of SGD on 50 inputs each and starts from the same random numbers,
    which are its own. The loss axis ends at 1.5 times the highest landmark, which must be above 0.
    """
    rate = ipywidgets.FloatLogSlider(
        learning_rate, min=-4, max=1, step=0.25, readout_format=".2g", description="learning rate", **SLIDER
    )
    inertia = ipywidgets.FloatSlider(momentum, min=0, max=0.95, step=0.05, description="momentum", **SLIDER)
    sizes = sorted({1, 2, 5, 10, 20, 50, 100, 200, hidden_units})
    hidden = ipywidgets.SelectionSlider(options=sizes, value=hidden_units, description="hidden units", **SLIDER)
    train, stop = ipywidgets.Button(description="Train"), ipywidgets.Button(description="Stop", disabled=True)
    picture = ipywidgets.HTML()
    tries: list[_Try] = []
    running = None

    def training() -> Iterator[None]:
        """Begin a try with the sliders' values, and add a point to it before each yield."""
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(0)
            model = build(hidden.value)
        optimizer = torch.optim.SGD(model.parameters(), lr=rate.value, momentum=inertia.value)
        units = f"{hidden.value} hidden unit{'s' * (hidden.value > 1)}"
        latest = _Try(f"learning rate {rate.value:.2g}, momentum {inertia.value:.2g}, {units}")
        tries.append(latest)
        for loss in _losses(model, inputs, labels, loss_fn, optimizer, steps):
            latest.losses.append(loss)
            yield

    def redraw() -> Figure:
        figure = _draw_tries(tries, landmarks, steps)
        picture.value = figure_html(quick_png(figure), alternative_text(figure))
        return figure

    async def train_in_view() -> None:
        drawn = time.perf_counter()
        for _ in training():
            if time.perf_counter() - drawn > 0.15:
                redraw()
                drawn = time.perf_counter()
            await asyncio.sleep(0)  # lets the kernel hear the Stop button

    def end(_) -> None:
        redraw()
        train.disabled, stop.disabled = False, True

    def start(_) -> None:
        nonlocal running
        if not train.disabled:  # a second click may be on its way already
            train.disabled, stop.disabled = True, False
            running = asyncio.get_running_loop().create_task(train_in_view())
            running.add_done_callback(end)

    train.on_click(start)
    stop.on_click(lambda _: running.cancel())
    for _ in training():
        pass
    _show(ipywidgets.VBox([rate, inertia, hidden, ipywidgets.HBox([train, stop]), picture]), redraw())


def _losses(
    model: nn.Module, inputs: Tensor, labels: Tensor, loss_fn: Callable, optimizer: torch.optim.Optimizer, steps: int
) -> Iterator[float]:
    """Train, and yield the mean loss over all inputs at the start and after every few steps, until it is not finite."""
    generator = torch.Generator().manual_seed(0)
    for step in range(steps + 1):
        if step % STEPS_PER_POINT == 0:
            with torch.no_grad():
                loss = loss_fn(model(inputs), labels).item()
            yield loss
            if not math.isfinite(loss):
                return
        chosen = torch.randperm(len(labels), generator=generator)[:BATCH_SIZE]
        loss_fn(model(inputs[chosen]), labels[chosen]).backward()
        optimizer.step()
        optimizer.zero_grad()


def _draw_tries(tries: list[_Try], landmarks: Mapping[str, float], steps: int) -> Figure:
    figure = new_figure(6.6, 4.8)
    ax = figure.add_axes((0.09, 0.36, 0.87, 0.56))
    top = 1.5 * max(landmarks.values())
    shown = list(enumerate(tries, start=1))[-TRIES_SHOWN:]
    for number, attempt in shown:
        latest = attempt is tries[-1]
        drawn = {"color": "C0", "lw": 2.5} if latest else {"alpha": 0.6, "lw": 1.8, "color": f"C{number % 4 + 1}"}
        finite = [min(loss, 10 * top) for loss in attempt.losses if math.isfinite(loss)]
        at = [index * STEPS_PER_POINT for index in range(len(finite))]
        style = "-" if latest else ("--", "-.", ":", (0, (6, 1, 1, 1)))[number % 4]
        ax.plot(at, finite, ls=style, **drawn, label=f"{number}: {attempt.settings}: {attempt.result()}")
        if len(finite) < len(attempt.losses):
            ax.plot(at[-1], 0.96 * top, "X", ms=9, color=drawn["color"], alpha=drawn.get("alpha"))
    for name, height in landmarks.items():
        ax.axhline(height, color="#444444", ls=":", lw=1.5)
        text = ax.text(0.99 * steps, height + 0.02 * top, f"{name} ({height:.4g})", ha="right", fontsize=9.5)
        text.set_bbox({"color": "white", "alpha": 0.8, "pad": 0.5})
    ax.set(xlabel="training step", ylabel="mean loss", xlim=(0, steps), ylim=(-0.04 * top, top))
    ax.set_title(f"Try {len(tries)}: {tries[-1].result()}")
    figure.legend(loc="upper left", bbox_to_anchor=(0.02, 0.25), fontsize=9.5)
    listed = "; ".join(f"try {number}, {attempt.settings}: {attempt.result()}" for number, attempt in shown)
    marks = ", ".join(f"{name} at {height:.4g}" for name, height in landmarks.items())
    describe(figure, f"Loss curves. {listed[0].upper()}{listed[1:]}. Landmarks: {marks}.")
    return figure
