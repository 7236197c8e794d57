"""Things to play with: one ES module each, at home in a notebook (through anywidget) and on a page (through mount.js).

Each function displays two outputs and returns nothing: the explorable, and its picture for wherever nothing runs.
`docs/explorables.md` shows how one is written.
"""

from .buttons import exercise_buttons
from .digits import Reader, drawing_pad, morph_a_digit, shift_a_digit, slide_a_filter
from .graphs import graph
from .guesses import guess, reveal
from .stage import PAGE_SCRIPT, Explorable, module_source, page_script, show
from .weights import ball, border, fold

__all__ = [
    "PAGE_SCRIPT", "Explorable", "Reader", "ball", "border", "drawing_pad", "exercise_buttons", "fold", "graph",
    "guess", "module_source", "morph_a_digit", "page_script", "reveal", "shift_a_digit", "show", "slide_a_filter",
]  # fmt: skip
