"""Figures to play with: sliders that redraw, a training bench, a drawing pad.

Every function displays one output and returns nothing. In a notebook with a running kernel the output is the widget;
everywhere else (a rendered page, a run without a browser) it is a picture of the widget as it opens.
"""

import asyncio
import base64
import html
import io
import itertools
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anywidget
import ipywidgets
import torch
import traitlets
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from .data import to_inputs, to_mnist_frame
from .plotting import alternative_text, describe, plot_decision
from .training import to_digits

WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
SLIDER = {"style": {"description_width": "9em"}, "layout": {"width": "min(100%, 34em)"}}
STRONG, PALE = "#0072B2", "#A9CDE3"


# What all of them share


def _show(widget: ipywidgets.Widget, figure: Figure) -> None:
    """Display the widget, and beside it the figure for wherever widgets do not run."""
    text = alternative_text(figure)
    bundle = {
        WIDGET_VIEW: widget._repr_mimebundle_()[WIDGET_VIEW],
        "image/png": _base64_png(figure),
        "text/plain": text,
    }
    display(bundle, raw=True, metadata={"image/png": {"alt": text}})


def _figure(width: float, height: float) -> Figure:
    """A figure of this size in hundreds of pixels, without the layout engine that would take most of the time."""
    return Figure(figsize=(width, height), dpi=100, layout="none")


def _base64_png(picture: Figure | Image.Image) -> str:
    buffer = io.BytesIO()
    if isinstance(picture, Figure):
        FigureCanvasAgg(picture).print_png(buffer)  # savefig would call the layout engine after all
    else:
        picture.save(buffer, format="png")
    return base64.b64encode(buffer.getvalue()).decode()


def _img(figure: Figure) -> str:
    """The figure as an HTML image of fixed proportions; a narrow page shrinks it by a fifth, then scrolls it."""
    width, height = (round(side * figure.dpi) for side in figure.get_size_inches())
    return (
        f'<div style="overflow-x: auto"><img alt="{html.escape(alternative_text(figure))}" decoding="sync" '
        f'width="{width}" height="{height}" style="max-width: max(100%, {0.8 * width:.0f}px); height: auto" '
        f'src="data:image/png;base64,{_base64_png(figure)}"></div>'
    )


def _explore(draw: Callable[..., Figure], **controls: ipywidgets.Widget) -> None:
    """Display controls above the figure that `draw` makes of their values, and draw again whenever one moves."""
    picture = ipywidgets.HTML()

    def redraw(_=None) -> Figure:
        figure = draw(**{name: control.value for name, control in controls.items()})
        picture.value = _img(figure)
        return figure

    for control in controls.values():
        control.observe(redraw, "value")
    _show(ipywidgets.VBox([*controls.values(), picture]), redraw())


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")  # + 0.0 makes −0.0 a plain 0


def _frame_only(ax: Axes) -> None:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color="#888888")


# Lesson 1: neurons and their borders


def turn_a_neuron(points: Tensor, labels: Tensor) -> None:
    """Sliders for the weights and the bias of one neuron, above the decision surface that it makes.

    Points [N, 2], labels [N] of 0 and 1. The neuron answers sigmoid(w₁ x₁ + w₂ x₂ + b).
    """

    def draw(weight_1: float, weight_2: float, bias: float) -> Figure:
        weights = torch.tensor([weight_1, weight_2])
        title = f"sigmoid({weight_1:g} x₁ + {weight_2:g} x₂ + {bias:g})".replace("+ -", "− ").replace("-", "−")
        return _draw_surface(lambda places: torch.sigmoid(places @ weights + bias), points, labels, title)

    weight_1, weight_2, bias = (
        ipywidgets.FloatSlider(value, min=-5, max=5, step=0.25, description=name, **SLIDER)
        for name, value in (("weight w₁", 1), ("weight w₂", 2), ("bias b", 0.5))
    )
    _explore(draw, weight_1=weight_1, weight_2=weight_2, bias=bias)


def add_hidden_neurons(points: Tensor, labels: Tensor) -> None:
    """A slider for the number of hidden neurons, above the decision surface of a network trained on the spot.

    Points [N, 2], labels [N] of 0 and 1. Dashed lines are the neurons' creases. No hidden neuron makes a straight line.
    """

    def draw(neurons: int) -> Figure:
        model = _trained_on(points, labels, neurons)
        title = "1 hidden neuron" if neurons == 1 else f"{neurons or 'no'} hidden neurons"
        figure = _draw_surface(lambda places: model(places).softmax(dim=1)[:, 1], points, labels, title)
        if neurons:
            _draw_creases(figure.axes[0], model[0])
        return figure

    slider = ipywidgets.IntSlider(3, min=0, max=12, description="hidden neurons", **SLIDER)
    _explore(draw, neurons=slider)


def _draw_surface(probability: Callable[[Tensor], Tensor], points: Tensor, labels: Tensor, title: str) -> Figure:
    figure = _figure(4.8, 4.7)
    ax = plot_decision(probability, points, labels, ax=figure.add_axes((0.13, 0.12, 0.84, 0.79)))
    with torch.no_grad():
        right = ((probability(points) > 0.5) == labels.bool()).float().mean().item()
    ax.set_title(f"{title}: {right:.0%} right")
    describe(figure, f"{title[0].upper()}{title[1:]}.")
    return figure


def _trained_on(points: Tensor, labels: Tensor, neurons: int) -> nn.Sequential:
    """A network 2-`neurons`-2. Its neurons start evenly spread over all directions, so no luck is in it."""
    with torch.random.fork_rng(devices=[]):  # building layers draws weights, which are then replaced
        hidden = [nn.Linear(2, neurons), nn.ReLU()] if neurons else []
        model = nn.Sequential(*hidden, nn.Linear(neurons or 2, 2))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        if neurons:
            angle = torch.arange(neurons) * 2 * math.pi / neurons
            model[0].weight.copy_(torch.stack([angle.cos(), angle.sin()], dim=1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.1)
    for _ in range(150):
        F.cross_entropy(model(points), labels.long()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


def _draw_creases(ax: Axes, layer: nn.Linear) -> None:
    """Draw where each neuron's w · x + b is 0."""
    for weight, bias in zip(layer.weight.detach(), layer.bias.detach(), strict=True):
        nearest = -bias * weight / weight.dot(weight)
        along = torch.stack([-weight[1], weight[0]])
        ax.axline(nearest.tolist(), (nearest + along).tolist(), color="black", ls="--", lw=1)


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
        picture.value = _img(figure)
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
    figure = _figure(6.6, 4.8)
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


# Lesson 4: a filter at work, and a digit that moves


def slide_a_filter(image: Tensor, filters: Mapping[str, Tensor]) -> None:
    """A choice of filters and a slider for the window's place, above the sum at that place and the map so far.

    Image uint8 [1, 28, 28]; each filter [k, k] or [1, k, k]. There is no padding, so the map has 29 − k places a side.
    """
    ink = to_inputs(image).reshape(1, 1, 28, 28)
    filters = {name: weights.detach().cpu().float().reshape(weights.shape[-2:]) for name, weights in filters.items()}
    maps = {name: F.conv2d(ink, weights[None, None])[0, 0] for name, weights in filters.items()}

    def draw(name: str, place: int) -> Figure:
        return _draw_filter(ink[0, 0], filters[name], maps[name], name, place)

    names = ipywidgets.Dropdown(options=list(filters), description="filter", **SLIDER)
    first = maps[names.value]
    slider = ipywidgets.IntSlider(
        int(first.abs().argmax()), min=0, max=first.numel() - 1, description="place", **SLIDER
    )
    names.observe(lambda change: setattr(slider, "max", maps[change.new].numel() - 1), "value")
    _explore(draw, name=names, place=slider)


def _draw_filter(ink: Tensor, weights: Tensor, feature_map: Tensor, name: str, place: int) -> Figure:
    size, width = weights.shape[-1], feature_map.shape[1]
    row, column = divmod(place, width)
    window = ink[row : row + size, column : column + size]
    so_far = feature_map.flatten().clone()
    so_far[place + 1 :] = math.nan
    reach = max(feature_map.abs().max().item(), 1e-9)
    figure = _figure(6.4, 5.6)
    digit_ax, map_ax = (figure.add_axes((left, 0.44, 0.46, 0.5)) for left in (0.02, 0.52))
    digit_ax.imshow(ink.numpy(), vmin=0, vmax=1)
    map_ax.imshow(so_far.reshape(feature_map.shape).numpy(), cmap="RdBu_r", vmin=-reach, vmax=reach)
    map_ax.set_facecolor("#E3E3E3")
    for ax, side in ((digit_ax, size), (map_ax, 1)):
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), side, side, fill=False, ec="#D55E00", lw=2.5))
        _frame_only(ax)
    digit_ax.set_title(f"window at row {row}, column {column}")
    map_ax.set_title("feature map so far")
    total = _number(feature_map[row, column].item())
    grids = ((window, "pixels", 1.0), (weights, "filter", None), (window * weights, f"products: sum {total}", None))
    for left, sign, (values, title, top) in zip((0.02, 0.355, 0.69), " ×=", grids, strict=True):
        _draw_numbers(figure.add_axes((left, 0.02, 0.29, 0.33)), values, title, top)
        figure.text(left - 0.022, 0.185, sign, ha="center", va="center", fontsize=16)
    describe(
        figure,
        f"Filter {name} on the window at row {row}, column {column}: the products sum to {total}. "
        f"{place + 1} of {feature_map.numel()} places of the feature map are filled; blue is negative, red positive.",
    )
    return figure


def _draw_numbers(ax: Axes, values: Tensor, title: str, top: float | None) -> None:
    """Draw a grid of numbers, each on its colour: grey up to `top`, or blue to red around 0."""
    reach = top or max(values.abs().max().item(), 1e-9)
    scale = {"vmin": 0, "vmax": reach} if top else {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach}
    ax.imshow(values.numpy(), alpha=0.75, **scale)
    for (row, column), value in zip(itertools.product(*map(range, values.shape)), values.flatten(), strict=True):
        colour = "white" if abs(value) > 0.75 * reach else "black"
        ax.text(column, row, _number(value.item()), ha="center", va="center", color=colour,
                fontsize=11 if len(values) < 4 else 8)  # fmt: skip
    _frame_only(ax)
    ax.set_title(title, fontsize=11)


def shift_a_digit(image: Tensor, networks: Mapping[str, Callable[[Tensor], Tensor]]) -> None:
    """Two sliders that shift a digit by up to 6 pixels, above what each network answers.

    Image uint8 [1, 28, 28]. Each network maps images uint8 [1, 1, 28, 28] to ten probabilities or one value.
    """

    def draw(right: int, down: int) -> Figure:
        shifted = F.pad(image.reshape(1, 1, 28, 28), (right, -right, down, -down))  # what enters is paper
        title = f"{abs(right)} {'left' if right < 0 else 'right'}, {abs(down)} {'up' if down < 0 else 'down'}"
        return _draw_answers(shifted[0, 0], _ask(networks, shifted), title)

    right, down = (
        ipywidgets.IntSlider(0, min=-6, max=6, description=f"pixels {way}", **SLIDER) for way in ("right", "down")
    )
    _explore(draw, right=right, down=down)


# What networks answer


def _ask(networks: Mapping[str, Callable[[Tensor], Tensor]], images: Tensor) -> dict[str, Tensor]:
    """Each network's ten probabilities [10], or its one value [1]."""
    with torch.no_grad():
        return {name: network(images).detach().cpu().float().flatten() for name, network in networks.items()}


def _read(output: Tensor) -> int:
    return int(to_digits(output[None]))


def _in_words(output: Tensor) -> str:
    if len(output) == 1:
        return f"{_number(output.item())}, rounds to {_read(output)}"
    return f"{_read(output)} ({output.max():.0%})"


def _draw_answers(image: Tensor, outputs: Mapping[str, Tensor], title: str) -> Figure:
    """Draw an image [28, 28] and each output: ten bars, or one value's place between 0 and 9."""
    rows = math.ceil((1 + len(outputs)) / 3)
    figure = _figure(6.8, 2.4 * rows)
    figure.subplots_adjust(0.01, 0.32 / (2.4 * rows), 0.99, 1 - 0.5 / (2.4 * rows), wspace=0.1, hspace=0.5)
    image_ax, *axes = figure.subplots(rows, 3, squeeze=False).flat
    image_ax.imshow(image.numpy(), vmin=0, vmax=255)
    _frame_only(image_ax)
    image_ax.set_title(title, fontsize=10.5, loc="center")
    for ax in axes[len(outputs) :]:
        ax.set_axis_off()
    for ax, (name, output) in zip(axes, outputs.items(), strict=False):
        _draw_answer(ax, output)
        ax.set_title(f"{name}\n{_in_words(output)}", fontsize=10.5)
    listed = "; ".join(f"{name} reads {_in_words(output)}" for name, output in outputs.items())
    describe(figure, f"A digit, {title}. {listed}.")
    return figure


def _draw_answer(ax: Axes, output: Tensor) -> None:
    digit = _read(output)
    if len(output) == 1:
        at = min(max(output.item(), -0.4), 9.4)
        ax.plot([at, at], [0, 0.7], color=STRONG, lw=2)
        ax.plot(at, 0.7, "v", color=STRONG, ms=11)
    else:
        ax.bar(range(10), output.tolist(), color=[STRONG if place == digit else PALE for place in range(10)])
        ax.text(digit, output[digit] + 0.02, f"{output[digit]:.0%}", ha="center", fontsize=9.5, fontweight="bold")
    ax.set(xlim=(-0.7, 9.7), ylim=(0, 1.15), xticks=range(10), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.grid(False)
    ax.get_xticklabels()[digit].set_fontweight("bold")


# Lesson 5: the drawing pad

SIDE = 112
WAYS = (
    "slant it", "make it small, in a corner", "take a thinner pen", "leave the strokes open", "cross the seven",
    "turn it a little", "make it as wide as the pad", "draw it as a child would",
)  # fmt: skip
ANSWERS_STYLE = f"""<style>
.answers {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(148px, 1fr)); gap: 14px 20px;
            line-height: 1.35 }}
.answers .plot, .answers .digits {{ display: grid; grid-template-columns: repeat(10, 1fr); text-align: center }}
.answers .plot {{ position: relative; height: 56px; align-items: end; column-gap: 2px; border-bottom: 1px solid }}
.answers .plot i {{ background: {PALE} }}
.answers .plot i.largest {{ background: {STRONG}; outline: 1px solid }}
.answers .plot b {{ position: absolute; bottom: 0; transform: translateX(-50%); line-height: 1.1 }}
.answers .read {{ font-weight: bold; text-decoration: underline }}
.earlier {{ display: flex; flex-wrap: wrap; gap: 12px 20px; line-height: 1.35 }}
.earlier figure {{ margin: 0; display: flex; gap: 8px }}
.digit {{ image-rendering: pixelated; border: 1px solid #888888 }}
</style>"""


class DrawingPad(anywidget.AnyWidget):
    """A canvas whose ink is held in `pixels`, row by row: 112×112 bytes, 0 for paper to 255 for ink."""

    _esm = Path(__file__).with_name("drawing_pad.js").read_text(encoding="utf-8")
    pixels = traitlets.CBytes(bytes(SIDE * SIDE)).tag(sync=True, echo_update=False)
    pen = traitlets.Int(3).tag(sync=True)  # gives a 7 as much ink as the mean 7 of MNIST
    status = traitlets.Unicode().tag(sync=True)

    @traitlets.validate("pixels")
    def _whole_page(self, proposal) -> bytes:
        if len(proposal.value) != SIDE * SIDE:
            raise traitlets.TraitError(f"a page has {SIDE}×{SIDE} = {SIDE**2} bytes, not {len(proposal.value)}")
        return proposal.value


def drawing_pad(networks: Mapping[str, Callable[[Tensor], Tensor]], example: Tensor) -> None:
    """A pad to draw a digit on, the digit as networks see it, and what each of them answers while it is drawn.

    Each network maps images uint8 [1, 1, 28, 28] to ten probabilities or one value. The picture that stands for the
    widget where there is none shows `example`, a digit uint8 [28, 28] or [1, 28, 28].
    """
    pad = DrawingPad()
    pen = ipywidgets.IntSlider(pad.pen, min=1, max=4, description="pen", style={"description_width": "initial"})
    clear, another = ipywidgets.Button(description="Clear"), ipywidgets.Button(description="Try another way")
    seen, answers, earlier = (ipywidgets.HTML(layout={"max_width": "860px"}) for _ in range(3))
    suggestion = ipywidgets.HTML("Draw a digit with mouse, pen or finger.")
    ways, kept = itertools.cycle(WAYS), []

    def answer(_=None) -> None:
        frame = _frame(pad.pixels)
        outputs = _ask(networks, frame[None, None]) if frame.any() else {}
        seen.value = f"As the networks see it:<br>{_digit_img(frame, 140)}"
        answers.value = ANSWERS_STYLE + _answers_html(networks, outputs)
        pad.status = _agreement(outputs)

    def wipe(_=None) -> None:
        pad.pixels = bytes(SIDE * SIDE)

    def keep(_) -> None:
        frame = _frame(pad.pixels)
        if not frame.any():
            pad.status = "The pad is empty. Draw a digit first."
            return
        kept.insert(0, _earlier_html(frame, _ask(networks, frame[None, None])))
        earlier.value = f'Earlier tries:<div class="earlier">{"".join(kept[:6])}</div>'
        suggestion.value = f"Once more, the same digit: {next(ways)}."
        wipe()

    ipywidgets.jslink((pen, "value"), (pad, "pen"))
    pad.observe(answer, "pixels")
    clear.on_click(wipe)
    another.on_click(keep)
    answer()
    beside = ipywidgets.VBox([pen, ipywidgets.HBox([clear, another]), suggestion, seen])
    desk = ipywidgets.HBox([pad, beside], layout={"flex_flow": "row wrap"})
    outputs = _ask(networks, example.reshape(1, 1, 28, 28))
    _show(ipywidgets.VBox([desk, answers, earlier]), _draw_answers(example.reshape(28, 28), outputs, "as drawn"))


def _frame(pixels: bytes) -> Tensor:
    """The page as networks see it, uint8 [28, 28]."""
    page = torch.frombuffer(bytearray(pixels), dtype=torch.uint8)
    return to_mnist_frame(page.reshape(SIDE, SIDE) / 255)


def _agreement(outputs: Mapping[str, Tensor]) -> str:
    if not outputs:
        return "The pad is empty. Draw a digit."
    digits = [_read(output) for output in outputs.values()]
    counted = sorted(((digits.count(digit), digit) for digit in set(digits)), reverse=True)
    read = ", ".join(f"{count} read{'s' * (count == 1)} {digit}" for count, digit in counted)
    return f"Of {len(digits)} networks, {read}."


def _digit_img(frame: Tensor, side: int) -> str:
    source = _base64_png(Image.fromarray(255 - frame.numpy()))
    text = "the digit in 28 by 28 pixels" if frame.any() else "an empty frame of 28 by 28 pixels"
    return f'<img class="digit" alt="{text}" width="{side}" height="{side}" src="data:image/png;base64,{source}">'


def _answers_html(networks: Mapping[str, Callable], outputs: Mapping[str, Tensor]) -> str:
    return f'<div class="answers">{"".join(_answer_html(name, outputs.get(name)) for name in networks)}</div>'


def _answer_html(name: str, output: Tensor | None) -> str:
    """One network's answer: ten bars, or a mark at its value's place between 0 and 9."""
    words, digit, marks = ("…", None, "") if output is None else (_in_words(output), _read(output), "")
    if output is not None and len(output) == 1:
        at = min(max(output.item(), -0.4), 9.4)
        marks = f'<b style="left: {10 * at + 5:.1f}%">▼<br>┃</b>'
    elif output is not None:
        marks = "".join(
            f'<i style="height: {share:.0%}"{" class=largest" * (place == digit)}></i>'
            for place, share in enumerate(output.tolist())
        )
    digits = "".join(f"<span{' class=read' * (place == digit)}>{place}</span>" for place in range(10))
    label = html.escape(f"{name}: {words}")
    return (
        f'<div role="img" aria-label="{label}"><b>{html.escape(name)}</b><br>{words}'
        f'<div class="plot">{marks}</div><div class="digits">{digits}</div></div>'
    )


def _earlier_html(frame: Tensor, outputs: Mapping[str, Tensor]) -> str:
    lines = "<br>".join(f"{html.escape(name)}: {_in_words(output)}" for name, output in outputs.items())
    return f"<figure>{_digit_img(frame, 56)}<figcaption>{lines}</figcaption></figure>"
