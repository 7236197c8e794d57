"""Hints and the course's answer as buttons, under an exercise."""

from collections.abc import Callable, Sequence

from IPython.display import display

from .stage import WIDGET_VIEW, Explorable


def exercise_buttons(
    number: str,
    hints: Sequence[str],
    *,
    given: int = 0,
    on_hint: Callable[[int], None],
    solution: str = "",
    why: str = "",
) -> None:
    """Display a button that gives one more hint each time, and one for the solution, which asks once.

    `given` hints were given already; `on_hint` is told how many are.
    """
    shown = {"number": number, "hints": list(hints), "solution": solution, "why": why}
    widget = Explorable("exercise", shown, {"hints": given})
    widget.observe(lambda change: on_hint(change.new["hints"]), "kept")
    view = {"version_major": 2, "version_minor": 0, "model_id": widget.model_id}
    display({WIDGET_VIEW: view, "text/plain": f'hint("{number}") and solution("{number}") help.'}, raw=True)
