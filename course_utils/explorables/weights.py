"""Weights to play with: a ball on a loss, a neuron's border, the fold of a hidden layer."""

import math
from collections.abc import Sequence

import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.nn import functional as F

from ..plotting import describe, plot_decision
from .stage import show

POINTS = ((0.5, 1.0), (1.0, 1.1), (1.5, 2.2), (2.0, 2.1), (2.5, 3.2))  # about a line of slope 1.1 and bias 0.3
MOST = 240  # points that a page is given


def ball(points: Sequence[tuple[float, float]] = POINTS, *, rate: float = 0.05, momentum: float = 0.0) -> None:
    """A ball on the loss of a line through `points` (x, y): one weight and a curve, then two and contours.

    The loss is the mean squared distance in y. Steps are those of `torch.optim.SGD`; `rate` and `momentum` are where
    its sliders start.

    >>> ball()
    """
    figure = Figure(figsize=(6.4, 3.8), dpi=100, layout="constrained")
    ax = figure.add_subplot()
    x, y = torch.tensor(points, dtype=torch.float64).T
    best = (x @ y / (x @ x)).item()
    path = [torch.tensor(best - 1.8, dtype=torch.float64)]
    for _ in range(12):
        path.append(path[-1] - rate * 2 * ((path[-1] * x - y) * x).mean())
    weights, path = torch.linspace(best - 2.3, best + 2.3, 121, dtype=torch.float64), torch.stack(path)
    loss = ((weights[:, None] * x - y) ** 2).mean(dim=1)
    at = ((path[:, None] * x - y) ** 2).mean(dim=1)
    ax.plot(weights, loss, color="C0")
    ax.plot(path, at, "o-", color="C1", ms=5, lw=1)
    ax.set(xlabel="weight w", ylabel="loss", title=f"A ball on the loss: 12 steps with the rate {rate:g}")
    describe(
        ax, f"The loss of one weight is a valley. A ball rolls down in 12 steps, from {at[0]:.2f} to {at[-1]:.2f}."
    )
    show("ball", {"points": [list(point) for point in points], "rate": rate, "momentum": momentum}, figure)


def border(points: Tensor, labels: Tensor, weights: Sequence[float] = (1, 2, 0.5)) -> None:
    """A neuron's border sigmoid(w₁ x₁ + w₂ x₂ + b) = 0.5 on the plane, to be dragged and turned.

    Points [N, 2], labels [N] of 0 and 1; `weights` are w₁, w₂ and b at the start.

    >>> border(points, sides)
    """
    *pair, bias = weights
    neuron = torch.tensor(pair, dtype=points.dtype)
    figure = Figure(figsize=(4.8, 4.7), dpi=100, layout="constrained")
    ax = plot_decision(lambda places: torch.sigmoid(places @ neuron + bias), points, labels, ax=figure.add_subplot())
    right = ((points @ neuron + bias > 0) == labels.bool()).float().mean().item()
    title = f"σ({pair[0]:g} x₁ + {pair[1]:g} x₂ + {bias:g}): {right:.0%} right".replace("+ -", "− ").replace("-", "−")
    ax.set_title(title)
    describe(ax, f"A neuron's border on the plane. {title}.")
    show("border", _points(points, labels, most=600) | {"weights": list(weights)}, figure)


def fold(points: Tensor | None = None, labels: Tensor | None = None, *, neurons: int = 2) -> None:
    """A network 2-`neurons`-1 of ReLUs, trained in view: its creases, and the points as its output layer sees them.

    Points [N, 2], labels [N] of 0 and 1; without them, only four heaps as in XOR.

    >>> fold(points, sides, neurons=3)
    """
    sets = {} if points is None else {"two rings": (points, labels)}
    sets["XOR"] = _xor()
    shown, its_labels = next(iter(sets.values()))
    model = _trained_on(shown, its_labels, neurons)
    figure = Figure(figsize=(8.4, 4.2), dpi=100, layout="constrained")
    left, right = figure.subplots(1, 2)
    plot_decision(lambda places: model(places).sigmoid()[:, 0], shown, its_labels, ax=left)
    _draw_creases(left, model[0])
    with torch.no_grad():
        hidden, answers = model[:2](shown), model(shown)[:, 0]
    share = ((answers > 0) == its_labels.bool()).float().mean().item()
    for label, marker in ((0, "o"), (1, "s")):
        across, up = hidden[its_labels == label][:, [0, min(1, neurons - 1)]].T
        right.plot(across, up, marker, ms=4, color=f"C{label}", label=f"class {label}")
    left.set_title(f"{neurons} hidden neurons: {share:.0%} right")
    right.set(xlabel="h₁", ylabel="h₂", title="As the output sees them")
    right.legend()
    describe(
        figure,
        f"{neurons} creases on the plane, and the points at the values of two hidden neurons. {share:.0%} are right.",
    )
    show("fold", {"sets": {name: _points(*one) for name, one in sets.items()}, "neurons": neurons}, figure)


def _points(points: Tensor, labels: Tensor, most: int = MOST) -> dict:
    rounded = [[round(value, 2) for value in point] for point in points[:most].tolist()]
    return {"points": rounded, "labels": labels[:most].int().tolist()}


def _xor() -> tuple[Tensor, Tensor]:
    """Four heaps of 15 points each around (±1, ±1): class 0 where both signs are equal."""
    corners = torch.tensor([[1.0, 1.0], [1.0, -1.0], [-1.0, -1.0], [-1.0, 1.0]]).repeat(15, 1)
    noise = 0.22 * torch.randn(60, 2, generator=torch.Generator().manual_seed(0))
    return corners + noise, torch.arange(60) % 2


def _trained_on(points: Tensor, labels: Tensor, neurons: int) -> nn.Sequential:
    """A network 2-`neurons`-1. Its neurons start evenly spread over all directions, so no luck is in it."""
    with torch.random.fork_rng(devices=[]):  # building layers draws weights, which are then replaced
        model = nn.Sequential(nn.Linear(2, neurons), nn.ReLU(), nn.Linear(neurons, 1))
    angle = 2 * math.pi * (torch.arange(neurons) + 0.1) / neurons
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model[0].weight.copy_(torch.stack([angle.cos(), angle.sin()], dim=1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
    for _ in range(400):
        F.binary_cross_entropy_with_logits(model(points)[:, 0], labels.float()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model


def _draw_creases(ax: Axes, layer: nn.Linear) -> None:
    """Draw where each neuron's w · x + b is 0."""
    for weight, bias in zip(layer.weight.detach(), layer.bias.detach(), strict=True):
        nearest = -bias * weight / weight.dot(weight)
        along = torch.stack([-weight[1], weight[0]])
        ax.axline(nearest.tolist(), (nearest + along).tolist(), color="black", ls="--", lw=1)
