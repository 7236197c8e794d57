"""Small networks as graphs: numbers forward, slopes back, a step."""

import re

import torch
from matplotlib.figure import Figure
from torch import Tensor

from ..plotting import describe
from .stage import show


def _node(name: str, kind: str, at: tuple[float, float], *sources: str) -> dict:
    """A node; each source is a node's name, or "node weight"."""
    return {"name": name, "kind": kind, "at": list(at), "from": [(*source.split(), None)[:2] for source in sources]}


NETWORKS = {  # nodes in the order in which they are computed, at [column, row]; and the numbers to start with
    "two layers": {
        "nodes": [
            *(_node(f"x{i}", "input", (0, i - 1)) for i in (1, 2, 3, 4)),
            _node("z1", "sum", (1, 0.5), "x1 a1", "x2 a2"),
            _node("z2", "sum", (1, 2.5), "x3 a3", "x4 a4"),
            _node("y", "sum", (2, 1.5), "z1 b1", "z2 b2"),
        ],
        "numbers": {"x1": 3, "x2": 1, "x3": 2, "x4": 5, "a1": 1, "a2": -1, "a3": 1, "a4": 1, "b1": 1, "b2": 1},
    },
    "one hidden neuron": {
        "nodes": [
            _node("x", "input", (0, 0)),
            _node("a", "sum", (1, 0), "x w1"),
            _node("h", "relu", (2, 0), "a"),
            _node("y", "sum", (3, 0), "h w2"),
            _node("t", "input", (3, 1)),
            _node("L", "loss", (4, 0), "y", "t"),
        ],
        "numbers": {"x": 2, "w1": 0.5, "w2": -1, "t": 1},
    },
    "two paths": {
        "nodes": [
            _node("x", "input", (0, 0.5)),
            _node("a", "sum", (1, 0.5), "x u"),
            _node("h", "relu", (2, 0.5), "a"),
            _node("a1", "sum", (3, 0), "h w1"),
            _node("a2", "sum", (3, 1), "h w2"),
            _node("k1", "relu", (4, 0), "a1"),
            _node("k2", "relu", (4, 1), "a2"),
            _node("y", "sum", (5, 0.5), "k1 v1", "k2 v2"),
            _node("t", "input", (6, 1.2)),
            _node("L", "loss", (6, 0.5), "y", "t"),
        ],
        "numbers": {"x": 2, "u": 1, "w1": 1, "w2": 0.5, "v1": 1, "v2": -1, "t": 3},
    },
}


def graph(*names: str, rate: float = 0.05) -> None:
    """Networks drawn as graphs, of which a student computes each value and each slope, and takes a step.

    `names` are of NETWORKS: "two layers" of lesson 1, "one hidden neuron" and "two paths" of lesson 3. `rate` is the
    learning rate at the start. Raises KeyError for other names.

    >>> graph("one hidden neuron", "two paths")
    """
    chosen = {name: NETWORKS[name] for name in names}
    show("graph", {"networks": chosen, "rate": rate}, _picture(names[0], chosen[names[0]]))


def values_and_slopes(network: dict) -> tuple[dict[str, float], dict[str, float]]:
    """What each node holds, and how fast the last node grows with each node and each weight, by autograd."""
    numbers = {name: torch.tensor(float(value), requires_grad=True) for name, value in network["numbers"].items()}
    values: dict[str, Tensor] = {}
    for node in network["nodes"]:
        parts = [values[source] * (numbers[weight] if weight else 1) for source, weight in node["from"]]
        match node["kind"]:
            case "input":
                value = numbers[node["name"]]
            case "sum":
                value = sum(parts)
            case "relu":
                value = parts[0].relu()
            case "loss":
                value = (parts[0] - parts[1]) ** 2
        values[node["name"]] = value
    wanted = numbers | values
    slopes = torch.autograd.grad(list(values.values())[-1], list(wanted.values()))
    slopes = {name: slope.item() for name, slope in zip(wanted, slopes, strict=True)}
    return {name: value.item() for name, value in values.items()}, slopes


def _picture(title: str, network: dict) -> Figure:
    values, slopes = values_and_slopes(network)
    places = {node["name"]: node["at"] for node in network["nodes"]}
    rows = max(row for _, row in places.values())
    figure = Figure(figsize=(7.2, 1.7 + 1.1 * rows), dpi=100, layout="constrained")
    ax = figure.add_subplot()
    for node in network["nodes"]:
        x, y = node["at"]
        for source, weight in node["from"]:
            from_x, from_y = places[source]
            ax.annotate(
                "",
                (x, -y),
                (from_x, -from_y),
                arrowprops={"arrowstyle": "-|>", "color": "#666666", "shrinkA": 21, "shrinkB": 21},
            )
            words = f"{_subscript(weight)} = {network['numbers'][weight]:g}\n∂ {slopes[weight]:g}" if weight else ""
            ax.text(
                (x + from_x) / 2,
                -(y + from_y) / 2,
                words,
                ha="center",
                va="center",
                fontsize=9,
                backgroundcolor="white",
            )
        ax.plot(x, -y, "o", ms=38, mfc="white", mec="C0", mew=1.5)
        ax.text(x, -y, f"{_subscript(node['name'])}\n{values[node['name']]:g}", ha="center", va="center", fontsize=10)
        if node["kind"] != "input" and node is not network["nodes"][-1]:
            ax.text(x, -y - 0.36, f"∂ {slopes[node['name']]:g}", ha="center", va="top", fontsize=9, color="C1")
    ax.set_axis_off()
    ax.set(xlim=(-0.4, max(x for x, _ in places.values()) + 0.4), ylim=(-rows - 0.7, 0.5), title=title)
    held = ", ".join(f"{name} = {value:g}" for name, value in values.items())
    steep = ", ".join(f"∂{name} = {slope:g}" for name, slope in slopes.items() if name not in places)
    describe(
        ax,
        f"The network “{title}” as a graph. Its nodes hold {held}. The slopes at its weights are {steep}.".replace(
            "-", "−"
        ),
    )
    return figure


def _subscript(name: str) -> str:
    return re.sub(r"\d", lambda digit: "₀₁₂₃₄₅₆₇₈₉"[int(digit[0])], name)
