"""The figures of the course: one Axes in, that Axes out; grids return a Figure.

Every function also writes an alternative text, computed from what it draws, for readers who cannot see the figure;
`use_course_style` makes notebooks keep it with the picture.
"""

import base64
import html
import io
import math
import os
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

import matplotlib.pyplot as plt
import torch
from IPython import get_ipython
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from .progress import somebody_is_there

STYLE = Path(__file__).with_name("course.mplstyle")
RIGHT, WRONG = "#006B4F", "#B03A00"
MARKERS = "os^D"


# A figure in JupyterLab: its paper is dimmed on a dark theme; one that stands in for a widget shows where that is gone.
LIVE_STYLE = """<style>
.course-figure { background: #fff; border-radius: 6px; width: fit-content; max-width: 100%; overflow-x: auto }
.course-figure img { display: block; max-width: 100%; height: auto; mix-blend-mode: multiply }
:is([data-jp-theme-light="false"], .vscode-dark) .course-figure { background: #dde2e8 }
.jp-OutputArea-child:has(.lm-Panel.jp-OutputArea-output):not(:has(.jp-OutputArea-output > *)) { display: none }
.jp-OutputArea-child:has(.jupyter-widgets > *) + :has(.course-figure.still) { display: none }
</style>"""


def use_course_style() -> None:
    """Set the course's style and, in a notebook, keep each figure's alternative text with its picture.

    Where another backend than the notebook's was chosen with `MPLBACKEND`, figures are left to that.
    """
    shell = get_ipython()
    if shell and "inline" in os.environ.get("MPLBACKEND", "inline"):
        shell.run_line_magic("matplotlib", "inline")  # first, since it sets formatters of its own
        formatters = shell.display_formatter.formatters
        formatters["image/png"].for_type(Figure, lambda figure: None if somebody_is_there() else _png_with_text(figure))
        formatters["text/html"].for_type(Figure, lambda figure: _live(figure) if somebody_is_there() else None)
    plt.style.use(STYLE)


def new_figure(width: float, height: float) -> Figure:
    """A figure of this size in hundreds of pixels, without the layout engine that would take most of the time."""
    return Figure(figsize=(width, height), dpi=100, layout="none")


def quick_png(figure: Figure) -> bytes:
    """The figure as it is, without the layout engine that `savefig` would call."""
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer)
    return buffer.getvalue()


def still_output(figure: Figure) -> tuple[dict, dict]:
    """A figure that stands in for what moves, as an output's data and metadata.

    JupyterLab gives no PNG a text, so someone who sits at a notebook is given HTML. A run that nobody sits at keeps
    the PNG, with the text in its metadata, for GitHub and for the pages that are made from it.
    """
    png, text = quick_png(figure), alternative_text(figure)
    if somebody_is_there():
        return {"text/html": figure_html(png, text, "course-figure still"), "text/plain": text}, {}
    return {"image/png": base64.b64encode(png).decode(), "text/plain": text}, {"image/png": {"alt": text}}


def figure_html(png: bytes, text: str, kind: str = "course-figure") -> str:
    """A picture with its text and its size, as HTML that holds it."""
    width, height = Image.open(io.BytesIO(png)).size
    address = f"data:image/png;base64,{base64.b64encode(png).decode()}"
    picture = f'<img alt="{html.escape(text)}" width="{width}" height="{height}" src="{address}">'
    return f'{LIVE_STYLE}<div class="{kind}">{picture}</div>'


def describe(target: Axes | Figure, text: str) -> None:
    """Give an Axes or a Figure its alternative text."""
    target.alternative_text = text


def alternative_text(figure: Figure) -> str:
    """The figure's own text and those of its Axes, in their order."""
    parts = [getattr(target, "alternative_text", "") for target in (figure, *figure.axes)]
    return " ".join(part for part in parts if part)


def _png_with_text(figure: Figure) -> tuple[bytes, dict]:
    """The figure in 256 colours, which it hardly exceeds and which more than halves its size, and its text."""
    drawn, small = io.BytesIO(), io.BytesIO()
    figure.savefig(drawn, format="png", bbox_inches="tight", dpi=figure.dpi)
    picture = Image.open(drawn).convert("RGB").quantize(256, dither=Image.Dither.NONE)
    picture.save(small, format="png")
    return small.getvalue(), {"alt": alternative_text(figure)}


def _live(figure: Figure) -> str:
    png, about = _png_with_text(figure)
    return figure_html(png, about["alt"])


def plot_loss(
    *histories,
    labels: Sequence[str] = (),
    landmarks: Mapping[str, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw the losses of one or more `History` against epochs, with named landmarks as dotted lines.

    A training loss is a mean over its epoch and stands at the epoch's middle; a validation loss, dashed and hollow, was
    measured at the epoch's end and stands there. With one history, the losses of single batches are drawn pale behind;
    of very many, the lowest and the highest of each stretch.
    """
    ax = ax or plt.subplots()[1]
    texts = []
    for index, history in enumerate(histories):
        name = f"{labels[index]}, " if labels else ""
        epochs = len(history.train_loss)
        if len(histories) == 1:
            shown = _every_leap(history.batch_losses)
            batches = [epochs * (i + 0.5) / len(history.batch_losses) for i in shown]
            losses = [history.batch_losses[i] for i in shown]
            ax.plot(batches, losses, color="C0", alpha=0.4, lw=0.8, label="single batches")
        drawn = {"color": f"C{index}", "marker": MARKERS[index % len(MARKERS)], "ms": 5}
        middles = [epoch + 0.5 for epoch in range(epochs)]
        ax.plot(middles, history.train_loss, **drawn, label=f"{name}training")
        texts.append(f"{name}training loss {_course_of(history.train_loss)}")
        if history.validation_loss:
            ends = range(1, epochs + 1)
            drawn |= {"color": "C1"} if len(histories) == 1 else {}
            ax.plot(ends, history.validation_loss, **drawn, ls="--", mfc="white", label=f"{name}validation")
            texts.append(f"{name}validation loss {_course_of(history.validation_loss)}")
    for name, height in (landmarks or {}).items():
        ax.axhline(height, color="#444444", ls=":", lw=1.5)
        ax.annotate(
            f"{name} ({height:.4g})", (1, height), (-4, 3), xycoords=("axes fraction", "data"), ha="right",
            textcoords="offset points", fontsize=9.5, color="#444444",
        )  # fmt: skip
        texts.append(f"landmark {name} at {height:.4g}")
    ax.set(xlabel="epoch", ylabel="loss")
    ax.legend()
    describe(ax, f"Loss curves: {'; '.join(texts)}.")
    return ax


def _every_leap(losses: Sequence[float], stretches: int = 300) -> list[int]:
    """Places of the losses to draw: of each stretch its lowest and its highest, so that no leap is lost."""
    size = max(1, len(losses) // stretches)
    if size < 3:
        return list(range(len(losses)))
    places = []
    for start in range(0, len(losses), size):
        stretch = sorted(range(start, min(start + size, len(losses))), key=losses.__getitem__)
        places += sorted({stretch[0], stretch[-1]})
    return places


def _course_of(losses: Sequence[float]) -> str:
    first, last = losses[0], losses[-1]
    if len(losses) == 1:
        return f"is {first:.3g} in the only epoch"
    verb = "falls" if last < first else "rises" if last > first else "goes"
    text = f"{verb} from {first:.3g} to {last:.3g} over {len(losses)} epochs"
    finite = [loss for loss in losses if math.isfinite(loss)]
    if finite:
        text += f", lowest ({min(finite):.3g}) in epoch {losses.index(min(finite)) + 1}"
    lost = len(losses) - len(finite)
    return f"{text}, not a finite number in {lost} of them" if lost else text


def mark_lowest(losses: Sequence[float], *, ax: Axes, colour: str = "C1") -> Axes:
    """Mark the lowest of the losses measured at the ends of epochs 1, 2, …, with its height and its epoch."""
    lowest = min(losses)
    epoch = losses.index(lowest) + 1
    side = "left" if epoch < len(losses) / 5 else "right" if epoch > len(losses) * 4 / 5 else "center"
    ax.plot(epoch, lowest, marker="v", ms=10, color=colour, mec="black", ls="none")
    ax.annotate(
        f"{lowest:.4f}, epoch {epoch}", (epoch, lowest), (0, 12), textcoords="offset points", ha=side, color=colour,
    )  # fmt: skip
    return ax


def plot_graph(
    nodes: Mapping[str, tuple[float, float]],
    edges: Mapping[tuple[str, str], str],
    *,
    values: Mapping[str, object] | None = None,
    slopes: Mapping[object, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Draw a network as a graph: nodes at their places (x, y), and between two of them an edge with its label.

    `values` go forward, and stand below their nodes. `slopes` come back: a node's is that of the loss there, and stands
    above it; an edge's is what a slope is multiplied by on its way back, and stands below the edge's label.
    """
    values, slopes = values or {}, slopes or {}
    across, up = zip(*nodes.values(), strict=True)
    wide, tall = max(across) - min(across), max(up) - min(up)
    ax = ax or plt.subplots(figsize=(1.45 * wide + 1.2, 1.2 * tall + 1.5))[1]
    for (start, end), label in edges.items():
        arrow = {"arrowstyle": "-|>", "color": "#666666", "lw": 1.5, "shrinkA": 17, "shrinkB": 17}
        ax.annotate("", nodes[end], nodes[start], arrowprops=arrow)
        middle = [(one + other) / 2 for one, other in zip(nodes[start], nodes[end], strict=True)]
        text = {"xytext": (0, 4), "textcoords": "offset points", "ha": "center", "va": "bottom", "fontsize": 10.5}
        text["bbox"] = {"facecolor": ax.get_facecolor(), "edgecolor": "none", "pad": 0.5}
        ax.annotate(label, middle, **text)
        if (start, end) in slopes:
            text |= {"xytext": (0, -4), "va": "top", "color": "C1", "fontweight": "bold"}
            ax.annotate(f"← × {_number(slopes[start, end])}", middle, **text)
    for name, place in nodes.items():
        ax.plot(*place, "o", ms=27, mfc="white", mec="#444444", mew=1.5)
        ax.annotate(name, place, ha="center", va="center", fontsize=12)
        around = {"textcoords": "offset points", "ha": "center", "fontsize": 11}
        if name in values:
            ax.annotate(_number(values[name]), place, (0, -18), va="top", color="C0", **around)
        if name in slopes:
            ax.annotate(_number(slopes[name]), place, (0, 18), va="bottom", color="C1", fontweight="bold", **around)
    ax.set(xlim=(min(across) - 0.35, max(across) + 0.35), ylim=(min(up) - 0.55, max(up) + 0.55))
    ax.set_axis_off()
    drawn = [f"{start} to {end}{f' ({label})' if label else ''}" for (start, end), label in edges.items()]
    texts = [f"Graph with edges {', '.join(drawn)}"]
    texts += [f"forward: {', '.join(f'{name} {_number(value)}' for name, value in values.items())}"] if values else []
    back = [
        f"{name if isinstance(name, str) else ' to '.join(name)} {_number(slope)}" for name, slope in slopes.items()
    ]
    texts += [f"slopes back: {', '.join(back)}"] if back else []
    describe(ax, f"{'; '.join(texts)}.")
    return ax


def _number(value: object) -> str:
    return (value if isinstance(value, str) else f"{value:.3g}").replace("-", "−")


def plot_images(
    images: Tensor,
    titles: Sequence[str] = (),
    *,
    columns: int = 8,
    signed: bool = False,
    colours: Sequence[str] = (),
    heading: str = "",
) -> Figure:
    """Draw images [N, H, W] or [N, 1, H, W] as a grid, each with its title.

    Pixels share one scale: from 0, or with `signed` from minus to plus the largest absolute value (blue is negative,
    red positive). `colours` gives each title its colour.
    """
    images = images.detach().cpu().float().reshape(-1, *images.shape[-2:])
    finite = images[images.isfinite()].abs()
    top = (finite.max().item() if len(finite) else 0.0) or 1.0
    scale = {"cmap": "RdBu_r", "vmin": -top, "vmax": top} if signed else {"vmin": 0, "vmax": top}
    columns = max(1, min(columns, len(images)))
    rows = max(1, -(-len(images) // columns))
    tall, wide = images.shape[-2:]
    lines = max((str(title).count("\n") + 1 for title in titles), default=0)
    band = 0.25 * lines  # above each image, as a share of its width
    step_x, step_y = wide * 1.06, tall + wide * (band + 0.06)
    figure = plt.figure(figsize=(columns * 1.05, rows * 1.05 * step_y / step_x + (0.45 if heading else 0.1)))
    ax = figure.add_subplot()  # one for all: a hundred would take seconds to lay out
    ax.set_axis_off()
    for index, image in enumerate(images):
        left, top_edge = index % columns * step_x, index // columns * step_y + wide * band
        ax.imshow(image.numpy(), **scale, extent=(left, left + wide, top_edge + tall, top_edge))
        if index < len(titles):
            colour = colours[index] if len(colours) else "black"
            ax.text(left + wide / 2, top_edge - wide * 0.04, titles[index], fontsize=11, color=colour, ha="center")
    ax.set(xlim=(0, columns * step_x), ylim=(rows * step_y, 0))
    if heading:
        figure.suptitle(heading, x=0.01, ha="left", fontsize=12, fontweight="bold")
    listed = (
        f", titled in reading order: {', '.join(str(title).replace(chr(10), ' ') for title in titles)}"
        if len(titles)
        else ""
    )
    describe(figure, f"{heading + ': ' if heading else ''}{rows} by {columns} grid of {len(images)} images{listed}.")
    return figure


def plot_predictions(
    images: Tensor,
    labels: Tensor,
    predictions: Tensor,
    *,
    confidence: Tensor | None = None,
    columns: int = 8,
    heading: str = "",
) -> Figure:
    """Draw digits titled with their predictions: `7 ✓`, or `7 ✗ (1)` in another colour where a 1 was read as a 7.

    `confidence` [N] holds the probability given to each prediction, which is written below it.
    """
    pairs = list(zip(labels.tolist(), predictions.tolist(), strict=True))
    titles = [f"{read} ✓" if read == true else f"{read} ✗ ({true})" for true, read in pairs]
    sure = [f"{share:.2%}".replace("%", " %") for share in ([] if confidence is None else confidence.tolist())]
    titles = [f"{title}\n{share}" for title, share in zip(titles, sure, strict=True)] if sure else titles
    colours = [RIGHT if read == true else WRONG for true, read in pairs]
    figure = plot_images(images, titles, columns=columns, colours=colours, heading=heading)
    wrong = [
        f"a {true} read as {read}{f' with {sure[index]}' if sure else ''}"
        for index, (true, read) in enumerate(pairs)
        if read != true
    ]
    right = f"{len(pairs) - len(wrong)} of {len(pairs)} digits read right"
    describe(figure, f"{heading + ': ' if heading else ''}{right}; wrong: {', '.join(wrong) or 'none'}.")
    return figure


def plot_probabilities(images: Tensor, labels: Tensor, probabilities: Tensor, *, heading: str = "") -> Figure:
    """Draw digits [N, 1, 28, 28], and below each a bar for each of its ten probabilities [N, 10].

    The bar of the true digit is hatched.
    """
    figure, axes = plt.subplots(2, len(images), figsize=(1.75 * len(images), 3.4), sharey="row", squeeze=False)
    texts = []
    for above, below, image, true, shares in zip(*axes, images, labels.tolist(), probabilities, strict=True):
        above.imshow(image[0].numpy())
        above.set_axis_off()
        bars = below.bar(range(10), shares.tolist(), color="C0")
        bars[true].set(hatch="////", facecolor="white", edgecolor="C1", lw=1.5)
        below.set(xticks=range(10), ylim=(0, 1), yticks=(0, 0.5, 1))
        below.tick_params(labelsize=9, length=0)
        below.grid(axis="x", visible=False)
        first, second = shares.topk(2).indices.tolist()
        texts.append(f"a {true}: {first} with {shares[first]:.0%}, {second} with {shares[second]:.0%}")
    if heading:
        figure.suptitle(heading, x=0.01, ha="left", fontsize=12, fontweight="bold")
    describe(figure, f"{heading + ': ' if heading else ''}{'; '.join(texts)}.")
    return figure


def plot_confusion(counts: Tensor, *, ax: Axes | None = None) -> Axes:
    """Draw a confusion matrix [10, 10]: row = true digit, column = prediction. Colour shows the errors alone."""
    ax = ax or plt.subplots(figsize=(5.6, 5.2))[1]
    errors = counts.float().clone().fill_diagonal_(0)
    ax.imshow(errors.numpy(), cmap="Oranges", vmin=0, vmax=errors.max().item() * 1.6 or 1)
    for true in range(10):
        for read in range(10):
            count = int(counts[true, read])
            weight = "bold" if true == read else "normal"
            ax.text(read, true, count or "·", ha="center", va="center", fontsize=9, fontweight=weight)
    ax.set(xlabel="prediction", ylabel="true digit", xticks=range(10), yticks=range(10))
    ax.grid(False)
    true, read = divmod(int(errors.argmax()), 10)
    total = int(counts.sum())
    worst = (
        f"the most frequent error is a {true} read as {read}, {int(errors.max())} times"
        if errors.any()
        else "no errors"
    )
    describe(ax, f"Confusion matrix of {total} digits: {int(counts.trace())} on the diagonal; {worst}.")
    return ax


def plot_spread(labels: Tensor, values: Tensor, *, ax: Axes | None = None) -> Axes:
    """Draw how predicted values [N] spread around each true digit, as boxes, with the line where both are equal."""
    ax = ax or plt.subplots()[1]
    groups = [values[labels == digit].tolist() for digit in range(10)]
    ax.boxplot(groups, positions=range(10), widths=0.6, showfliers=False, whis=(5, 95), patch_artist=True,
               boxprops={"facecolor": "#BBD9EC"}, medianprops={"color": "black"})  # fmt: skip
    ax.plot([-0.5, 9.5], [-0.5, 9.5], ls=":", color="#444444", label="prediction = digit")
    ax.set(xlabel="true digit", ylabel="predicted value", xlim=(-0.7, 9.7))
    ax.legend()
    medians = ", ".join(
        f"{digit}: {torch.tensor(group).quantile(0.5):.1f}" for digit, group in enumerate(groups) if group
    )
    describe(
        ax, f"Box plot of predicted values by true digit (boxes: half of them; whiskers: 90 %); medians {medians}."
    )
    return ax


def plot_decision(
    probability: Callable[[Tensor], Tensor], points: Tensor, labels: Tensor, *, ax: Axes | None = None
) -> Axes:
    """Draw two classes of points [N, 2] on the surface of `probability`, which maps points [M, 2] to [M] in [0, 1]."""
    ax = ax or plt.subplots(figsize=(4.2, 4.0))[1]
    reach = points.abs().max().item() * 1.15
    line = torch.linspace(-reach, reach, 121)
    grid = torch.cartesian_prod(line, line)
    with torch.no_grad():
        surface = probability(grid).reshape(121, 121).T
        right = ((probability(points) > 0.5) == labels.bool()).float().mean().item()
    ax.contourf(line, line, surface, levels=torch.linspace(0, 1, 11).tolist(), cmap="PuOr_r", alpha=0.5)
    if surface.min() < 0.5 < surface.max():
        ax.contour(line, line, surface, levels=[0.5], colors="black", linewidths=2)
    for value, marker, colour in ((0, "o", "#3B2A6B"), (1, "^", "#A34B00")):
        chosen = points[labels == value]
        ax.scatter(*chosen.T, marker=marker, s=16, color=colour, edgecolor="white", lw=0.4)
    ax.set(xlabel="x₁", ylabel="x₂", xlim=(-reach, reach), ylim=(-reach, reach), aspect="equal")
    ax.grid(False)
    describe(ax, f"Two classes of points on a decision surface; {right:.0%} lie on their own side of the boundary.")
    return ax


def plot_network(sizes: Sequence[int], names: Sequence[str], *, shown: int = 10, ax: Axes | None = None) -> Axes:
    """Draw a network of linear layers: a column of neurons for each size, a line for each weight.

    `names` says what each column is. A column of more than `shown` neurons has a gap in its middle. Between two
    columns stands the shape of their weights, [outputs, inputs].
    """
    ax = ax or plt.subplots(figsize=(7.2, 4.6))[1]
    columns = [_heights(size, shown) for size in sizes]
    for place, (left, right) in enumerate(pairwise(columns)):
        for low in left:
            for high in right:
                ax.plot([place, place + 1], [low, high], color="#9A9A9A", lw=0.5, zorder=1)
        shape = f"W [{sizes[place + 1]}, {sizes[place]}]"
        ax.text(place + 0.5, -0.62 * shown, shape, ha="center", va="top", fontsize=10)
    for place, (heights, size, name) in enumerate(zip(columns, sizes, names, strict=True)):
        ax.scatter([place] * len(heights), heights, s=110, color=f"C{place > 0:d}", edgecolor="white", zorder=2)
        if len(heights) < size:
            ax.text(place, 0, "⋮", ha="center", va="center", fontsize=16)
        ax.text(place, 0.56 * shown, f"{size:,} {name}", ha="center", va="bottom")
    ax.set(xlim=(-0.5, len(sizes) - 0.5), ylim=(-0.75 * shown, 0.8 * shown))
    ax.set_axis_off()
    listed = ", ".join(f"{size:,} {' '.join(name.split())}" for size, name in zip(sizes, names, strict=True))
    describe(ax, f"A network, column by column, each neuron joined to all of the column before: {listed}.")
    return ax


def _heights(size: int, shown: int) -> list[float]:
    """Where a column's neurons stand, around 0; with a gap in the middle where there are more than `shown`."""
    count = min(size, shown)
    heights = [(count - 1) / 2 - index for index in range(count)]
    if size <= shown:
        return heights
    return [height + math.copysign(0.5, height) for height in heights if abs(height) > 0.5]


def plot_slabs(
    stages: Sequence[tuple[int, int]], layers: Sequence[str], *, shown: int = 8, ax: Axes | None = None
) -> Axes:
    """Draw a convolutional network from top to bottom: for each stage its maps as slabs, between two what is done.

    A stage is (maps, side) for maps of side × side, or (numbers, 0) for plain numbers. At most `shown` slabs of a
    stage are drawn. `layers` has one text fewer than `stages`, or as many: then the last one says what comes out.
    """
    ax = ax or plt.subplots(figsize=(4.6, 0.95 * len(stages) + 0.2))[1]
    largest = max(side for _, side in stages)
    texts = []
    for row, (count, side) in enumerate(stages):
        size = 0.62 * side / largest if side else 0.16
        for index in reversed(range(min(count, shown))):
            left, low = 0.13 * index, -row + 0.05 * index * bool(side)
            box = [(left, low), (left + size, low), (left + size, low + size), (left, low + size)]
            ax.fill(*zip(*box, strict=True), facecolor="#CFE4F2" if side else "#F6D5BD", edgecolor="#444444", lw=1)
        several = "s" if count > 1 else ""
        name = f"{count:,} map{several} of {side} × {side}" if side else f"{count:,} number{several}"
        ax.text(2.05, -row + 0.2, name, va="center", fontweight="bold")
        texts.append(name)
        if row < len(layers):
            arrow = {"arrowstyle": "-|>", "color": "#666666"}
            ax.annotate("", (0.2, -row - 0.33), (0.2, -row - 0.04), arrowprops=arrow)
            ax.text(0.42, -row - 0.19, layers[row], va="center", fontsize=10.5)
            texts.append(layers[row])
    ax.set(xlim=(-0.05, 4.3), ylim=(-len(stages) + 0.5, 1.1))
    ax.set_axis_off()
    describe(ax, f"A network from top to bottom: {'; '.join(texts)}.")
    return ax
