"""What trained networks make of digits: drawn by hand, turned into others, seen through a filter, moved aside."""

import itertools
import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor, nn
from torch.nn import functional as F

from ..data import Split, to_inputs
from ..networks import as_float32, to_layers
from ..plotting import describe, new_figure
from ..recipes import RECIPES
from ..training import predict, to_digits
from .stage import show

SMALL = 10_000  # parameters of a network that a page can take along
STRONG, PALE, VALUE = "#0072B2", "#A9CDE3", "#D55E00"
INK = {"cmap": "gray_r", "vmin": 0}


class Reader(NamedTuple):
    """A trained network, what its pixels are normalised with (see `to_inputs`), and its scores' temperature."""

    network: nn.Module
    normalise: tuple[float, float] = (0.0, 1.0)
    temperature: float = 1.0

    def answer(self, images: Tensor) -> Tensor:
        """What it says to images uint8 [N, 1, 28, 28]: probabilities [N, 10], or values [N, 1]."""
        outputs = predict(self.network, to_inputs(images, self.normalise))
        return outputs if outputs.shape[1] == 1 else (outputs / self.temperature).softmax(dim=1)

    def layers(self) -> dict:
        """The network as a browser takes it."""
        return {"normalise": list(self.normalise), "layers": to_layers(self.network)}


Networks = Mapping[str, nn.Module | Reader]


def drawing_pad(networks: Networks, example: Tensor) -> None:
    """A pad to draw a digit on, the digit as networks see it, and what each of them answers while it is drawn.

    Each network is one of torch's, or a `Reader`; one that has a recipe's name is normalised as its recipe says. On a
    page the course's trained networks stand for those of their name, and large others are left out. The pad opens
    with `example`, uint8 [1, 28, 28].
    """
    readers = _as_readers(networks)
    image = {"example": _bytes(example)}
    given = image | {"readers": _in_notebook(readers)}
    page = image | {"readers": _on_page(readers)}
    show("pad", given, _draw_answers(example, readers, "as drawn"), page=page)


def morph_a_digit(digits: Split, networks: Networks, first: int = 3, last: int = 7) -> None:
    """A slider that turns one digit into another, and what each network answers on the way.

    Networks as for `drawing_pad`. Of each digit the first in `digits` is taken that all of them read right.
    """
    readers = _as_readers(networks)
    images = _read_right(digits, readers)
    rest = {"images": _bytes(images), "from": first, "to": last}
    given = rest | {"readers": _in_notebook(readers)}
    page = rest | {"readers": _on_page(readers)}
    show("morph", given, _draw_morph(images[first], images[last], (first, last), readers), page=page)


def slide_a_filter(image: Tensor, network: nn.Module | Reader, filters: Mapping[str, Tensor]) -> None:
    """A window on a digit, the maps that go into a convolution, one that comes out, and the numbers that make it.

    Image uint8 [1, 28, 28]. `network` holds the convolutions to choose from; on a page it is the course's `CNN`.
    `filters` are further ones to try on the digit itself, each [k, k] or [1, k, k].
    """
    reader = _as_readers({"CNN": network})["CNN"]
    filters = {name: weights.detach().cpu().float().reshape(weights.shape[-2:]) for name, weights in filters.items()}
    rest = {
        "image": _bytes(image),
        "filters": [{"name": name, "weight": as_float32(weights)} for name, weights in filters.items()],
    }
    name, weights = next(iter(filters.items()))
    given, page = rest | {"network": reader.layers()}, rest | {"network": "CNN"}
    show("filter", given, _draw_filter(image, weights, name), page=page)


def shift_a_digit(image: Tensor, networks: Networks) -> None:
    """A digit to move about its frame, and what each network answers there and everywhere else.

    Image uint8 [1, 28, 28]; networks as for `drawing_pad`.
    """
    readers = _as_readers(networks)
    given = {"image": _bytes(image), "readers": _in_notebook(readers)}
    page = {"image": _bytes(image), "readers": _on_page(readers)}
    show("shift", given, _draw_answers(image, readers, "in its place"), page=page)


# How networks and images travel


def _as_readers(networks: Networks) -> dict[str, Reader]:
    readers = {}
    for name, network in networks.items():
        normalise = RECIPES[name].normalise if name in RECIPES else (0.0, 1.0)
        readers[name] = network if isinstance(network, Reader) else Reader(network, normalise)
    return readers


def _in_notebook(readers: Mapping[str, Reader]) -> list[dict]:
    """Each reader with its own network, whatever the student made of it."""
    return [
        {"name": name, "network": reader.layers(), "temperature": reader.temperature}
        for name, reader in readers.items()
    ]  # fmt: skip


def _on_page(readers: Mapping[str, Reader]) -> list[dict]:
    """Each reader with the course's trained network of its name; others only where they are small."""
    return [
        {"name": name, "network": name if name in RECIPES else reader.layers(), "temperature": reader.temperature}
        for name, reader in readers.items()
        if name in RECIPES or sum(part.numel() for part in reader.network.parameters()) <= SMALL
    ]


def _bytes(images: Tensor) -> bytes:
    return images.cpu().numpy().tobytes()


def _read_right(digits: Split, readers: Mapping[str, Reader]) -> Tensor:
    """For each digit, its first image that all readers read right, or just its first: [10, 1, 28, 28]."""
    images, labels = (part[:1000] for part in digits)
    right = torch.stack([to_digits(reader.answer(images)) == labels for reader in readers.values()]).all(dim=0)
    chosen = [(right + 1).mul(labels == digit).argmax() for digit in range(10)]
    return images[torch.stack(chosen)]


# The pictures that stand for them


def _draw_answers(image: Tensor, readers: Mapping[str, Reader], title: str) -> Figure:
    """Draw an image uint8 [1, 28, 28] and each answer: ten bars, or one value's place between 0 and 9."""
    answers = {name: reader.answer(image.reshape(1, 1, 28, 28))[0] for name, reader in readers.items()}
    rows = math.ceil((1 + len(answers)) / 3)
    figure = new_figure(6.8, 2.4 * rows)
    figure.subplots_adjust(0.01, 0.32 / (2.4 * rows), 0.99, 1 - 0.5 / (2.4 * rows), wspace=0.1, hspace=0.5)
    image_ax, *axes = figure.subplots(rows, 3, squeeze=False).flat
    image_ax.imshow(image.reshape(28, 28).numpy(), **INK, vmax=255)
    _frame_only(image_ax)
    image_ax.set_title(title, fontsize=10.5, loc="center")
    for ax in axes[len(answers) :]:
        ax.set_axis_off()
    for ax, (name, answer) in zip(axes, answers.items(), strict=False):
        _draw_answer(ax, answer)
        ax.set_title(f"{name}\n{_in_words(answer)}", fontsize=10.5)
    listed = "; ".join(f"{name} reads {_in_words(answer)}" for name, answer in answers.items())
    describe(figure, f"A digit, {title}. {listed}.")
    return figure


def _draw_answer(ax: Axes, answer: Tensor) -> None:
    digit = _read(answer)
    if len(answer) == 1:
        at = min(max(answer.item(), -0.4), 9.4)
        ax.plot([at, at], [0, 0.7], color=VALUE, lw=2)
        ax.plot(at, 0.7, "v", color=VALUE, ms=11)
    else:
        ax.bar(range(10), answer.tolist(), color=[STRONG if place == digit else PALE for place in range(10)])
        ax.text(digit, answer[digit] + 0.02, f"{answer[digit]:.0%}", ha="center", fontsize=9.5, fontweight="bold")
    ax.set(xlim=(-0.7, 9.7), ylim=(0, 1.15), xticks=range(10), yticks=[])
    ax.spines["left"].set_visible(False)
    ax.grid(False)
    ax.get_xticklabels()[digit].set_fontweight("bold")


def _read(answer: Tensor) -> int:
    return int(to_digits(answer[None]))


def _in_words(answer: Tensor) -> str:
    if len(answer) == 1:
        return f"{_number(answer.item())}, rounds to {_read(answer)}"
    return f"{_read(answer)} ({answer.max():.0%})"


def _draw_morph(first: Tensor, last: Tensor, digits: tuple[int, int], readers: Mapping[str, Reader]) -> Figure:
    """Draw five digits on the way from `first` to `last`, and beneath them what each reader answers along it."""
    way = torch.linspace(0, 1, 41).reshape(-1, 1, 1, 1)
    images = (first + (last.float() - first) * way).round().to(torch.uint8)
    figure = new_figure(6.6, 4.6)
    for column, at in enumerate(range(0, 41, 10)):
        ax = figure.add_axes((0.065 + column * 0.186, 0.76, 0.17, 0.22))
        ax.imshow(images[at, 0].numpy(), **INK, vmax=255)
        _frame_only(ax)
    ax = figure.add_axes((0.07, 0.2, 0.91, 0.52))
    texts = []
    for name, reader in readers.items():
        answers = reader.answer(images)
        if answers.shape[1] == 1:
            ax.plot(way.flatten(), answers[:, 0].clamp(-0.4, 9.4), color=VALUE, lw=2.5, label=f"{name}: its one number")
            texts.append(f"{name}'s number goes from {_number(answers[0].item())} to {_number(answers[-1].item())}")
        else:
            steps, places = torch.meshgrid(way.flatten(), torch.arange(10.0), indexing="ij")
            label = f"{name}: a dot's area is that digit's probability"
            ax.scatter(steps, places, s=90 * answers, color=STRONG, lw=0, label=label)
            read = dict.fromkeys(map(str, to_digits(answers).tolist()))
            texts.append(f"{name} reads {', then '.join(read)}")
    ax.set(xlim=(-0.02, 1.02), ylim=(-0.6, 9.6), yticks=range(10), xticks=[0, 0.5, 1])
    ax.set_xticklabels([f"a {digits[0]}", "half of each", f"a {digits[1]}"])
    figure.legend(loc="lower left", bbox_to_anchor=(0.05, 0), fontsize=9.5)
    describe(figure, f"A {digits[0]} turns into a {digits[1]}. {'; '.join(texts)}.")
    return figure


def _draw_filter(image: Tensor, weights: Tensor, name: str) -> Figure:
    """Draw a filter [k, k] at work where it finds most: digit, map, and the numbers of the window."""
    ink = to_inputs(image).reshape(1, 1, 28, 28)
    feature_map = F.conv2d(ink, weights[None, None])[0, 0]
    row, column = divmod(int(feature_map.abs().argmax()), feature_map.shape[1])
    size = len(weights)
    window = ink[0, 0, row : row + size, column : column + size]
    reach = max(feature_map.abs().max().item(), 1e-9)
    figure = new_figure(6.4, 5.6)
    digit_ax, map_ax = (figure.add_axes((left, 0.44, 0.46, 0.5)) for left in (0.02, 0.52))
    digit_ax.imshow(ink[0, 0].numpy(), **INK, vmax=1)
    map_ax.imshow(feature_map.numpy(), cmap="RdBu_r", vmin=-reach, vmax=reach)
    for ax, side in ((digit_ax, size), (map_ax, 1)):
        ax.add_patch(Rectangle((column - 0.5, row - 0.5), side, side, fill=False, ec=VALUE, lw=2.5))
        _frame_only(ax)
    digit_ax.set_title(f"window at row {row}, column {column}")
    map_ax.set_title("feature map")
    products = (window * weights).round(decimals=2)  # as printed, so that what is printed adds up
    total = _number(products.sum().item())
    grids = ((window, "pixels", 1.0), (weights, "filter", None), (products, f"products: sum {total}", None))
    for left, sign, (values, title, top) in zip((0.02, 0.355, 0.69), " ×=", grids, strict=True):
        _draw_numbers(figure.add_axes((left, 0.02, 0.29, 0.33)), values, title, top)
        figure.text(left - 0.022, 0.185, sign, ha="center", va="center", fontsize=16)
    describe(
        figure,
        f"Filter {name} on the window at row {row}, column {column}: the products sum to {total}. "
        "In the feature map blue is negative, red positive.",
    )
    return figure


def _draw_numbers(ax: Axes, values: Tensor, title: str, top: float | None) -> None:
    """Draw a grid of numbers, each on its colour: grey up to `top`, or blue to red around 0."""
    reach = top or max(values.abs().max().item(), 1e-9)
    scale = {**INK, "vmax": reach} if top else {"cmap": "RdBu_r", "vmin": -reach, "vmax": reach}
    ax.imshow(values.numpy(), alpha=0.75, **scale)
    for (row, column), value in zip(itertools.product(*map(range, values.shape)), values.flatten(), strict=True):
        colour = "white" if abs(value) > 0.75 * reach else "black"
        ax.text(column, row, _number(value.item()), ha="center", va="center", color=colour,
                fontsize=11 if len(values) < 4 else 8)  # fmt: skip
    _frame_only(ax)
    ax.set_title(title, fontsize=11)


def _number(value: float) -> str:
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")  # + 0.0 makes −0.0 a plain 0


def _frame_only(ax: Axes) -> None:
    ax.set(xticks=[], yticks=[])
    ax.spines[:].set(visible=True, color="#888888")
