"""A guess before the truth, committed with how sure one is, and laid over the truth where that is measured."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from .. import progress
from ..plotting import describe
from .stage import show

_asked: dict[str, dict] = {}  # what each guess is about
_kept: dict[str, dict] = {}  # what was guessed since the kernel was started, or is kept from before
_truths: dict[str, object] = {}
MOST = 60  # points of a true curve that are drawn


def guess(
    name: str,
    question: str,
    *,
    choices: Sequence[str] = (),
    between: tuple[float, float] | None = None,
    within: float | None = None,
    unit: str = "",
    across: tuple[float, float, str] | None = None,
    up: tuple[float, float, str] | None = None,
) -> None:
    """Ask for a guess and how sure one is, from 50 to 100 %; `reveal` shows later what is true.

    `name` begins with the lesson's number. A guess is one of `choices`, a number `between` two, right where it is
    `within` so much of the truth (a twentieth of the range), or a curve over the axes `across` and `up`, each
    (low, high, name). What was guessed is kept (see `progress`).

    >>> guess("1.line", "What share of the points can a line put on the right side?", between=(0, 100), unit="%")
    >>> reveal("1.line", 100 * line_accuracy)
    """
    given = {"id": name, "question": question, "unit": unit}
    if choices:
        given |= {"kind": "choice", "choices": list(choices)}
    elif between:
        size = between[1] - between[0]
        given |= {"kind": "number", "range": list(between), "within": within or size / 20, "step": _round_step(size)}
    else:
        given |= {"kind": "curve", "across": list(across), "up": list(up), "within": within or (up[1] - up[0]) / 10}
    _asked[name] = given
    _kept[name] = _kept.get(name) or progress.noted("guesses").get(name, {})
    widget = show("guess", given, _picture(given), name=f"guess {name}", kept=_kept[name])

    def keep(change) -> None:
        _kept[name] = change.new
        _note(name)

    widget.observe(keep, "kept")


def reveal(name: str, truth: object) -> None:
    """Show what is true beside what was guessed.

    `truth` is one of the choices, a number, or a curve: pairs (x, y), or heights that are spread evenly over the axis.
    """
    if name not in _asked:
        print(f'Nothing was asked under the name "{name}". Run the cell with guess("{name}", …) first.')
        return
    given = _asked[name]
    if given["kind"] == "curve":
        truth = _curve(truth, given["across"])
    elif given["kind"] == "number":
        truth = round(float(truth), 6)
    _truths[name] = truth
    _note(name)
    given = given | {"truth": truth, "reveals": True}
    show("guess", given, _picture(given), name=f"guess {name}", kept=_kept[name])


def _note(name: str) -> None:
    """Keep a guess, and where the truth is known, whether it was right."""
    entry = {"question": _asked[name]["question"], **_kept[name]}
    if _kept[name] and name in _truths:
        entry["right"] = is_right(_asked[name], _kept[name]["answer"], _truths[name])
    if _kept[name] or name in progress.noted("guesses"):
        progress.note("guesses", name, entry)


def is_right(given: dict, answer: object, truth: object) -> bool:
    """Whether a guess is near enough, as guess.js judges it."""
    if given["kind"] == "choice":
        return answer == truth
    if given["kind"] == "number":
        return abs(answer - truth) <= given["within"] + 1e-9
    x, y = np.array(truth).T
    gaps = np.abs(np.interp(x, *np.array(answer).T) - y.clip(*given["up"][:2]))
    return bool(gaps.mean() <= given["within"])


def _round_step(size: float) -> float:
    """A hundredth of a range, or a little less: 1, 2 or 5 with as many zeros as it takes."""
    power = 10 ** np.floor(np.log10(size / 100))
    return float(max(step * power for step in (1, 2, 5) if step * power <= size / 100 * 1.0001))


def _curve(truth: Sequence, across: list) -> list[list[float]]:
    values = np.array(truth, dtype=float)
    if values.ndim == 1:
        values = np.stack([np.linspace(*across[:2], len(values)), values], axis=1)
    chosen = np.unique(np.linspace(0, len(values) - 1, min(MOST, len(values))).round().astype(int))
    return values[chosen].round(4).tolist()


def _picture(given: dict) -> Figure:
    """The question with its choices, its line or its axes; and the truth, where it is known."""
    kind, truth, question = given["kind"], given.get("truth"), given["question"]
    heights = {"choice": 0.7 + 0.3 * len(given.get("choices", ())), "number": 1.3, "curve": 3.2}
    figure = Figure(figsize=(6.4, heights[kind]), dpi=100, layout="constrained")
    ax = figure.add_subplot()
    ax.set_title(question if truth is not None else f"Predict first: {question}", fontsize=10, wrap=True)
    told = (
        ""
        if truth is None
        else " The truth is drawn."
        if kind == "curve"
        else f" It is {truth}{given['unit'] and ' '}{given['unit']}."
    )
    if kind == "curve":
        ax.set(xlim=given["across"][:2], ylim=given["up"][:2], xlabel=given["across"][2], ylabel=given["up"][2])
        if truth is not None:
            ax.plot(*np.array(truth).T, color="C1")
        text = f"Axes for a sketch: {given['up'][2]} over {given['across'][2]}."
    elif kind == "number":
        ax.set(xlim=given["range"], ylim=(0, 1), yticks=[], xlabel=given["unit"])
        ax.spines["left"].set_visible(False)
        if truth is not None:
            ax.plot(truth, 0.15, "v", color="C1", ms=12)
        text = f"A number from {given['range'][0]:g} to {given['range'][1]:g} {given['unit']}".strip() + "."
    else:
        ax.set_axis_off()
        ax.set(xlim=(0, 1), ylim=(len(given["choices"]), 0))
        for place, words in enumerate(given["choices"]):
            ax.text(0.02, place + 0.5, f"{'✓' if words == truth else '○'}  {words}", va="center", fontsize=10)
        text = f"Choices: {'; '.join(given['choices'])}."
    describe(ax, f"Predict first: {question} {text}{told}")
    return figure
