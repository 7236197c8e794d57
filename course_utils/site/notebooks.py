"""What pages take from a notebook: its pictures, and its cells made ready to be read where nothing runs."""

import base64
import re
from collections.abc import Iterator
from importlib import resources

import jinja2
import nbformat
from nbformat import NotebookNode

CHECK = re.compile(r'^check\("(\d+\.\d+)"', re.MULTILINE)
MOVING = re.compile(r"^from course_utils\.widgets import", re.MULTILINE)


def pictures(notebook: NotebookNode) -> Iterator[tuple[bytes, str]]:
    """Each PNG that the notebook's cells put out, with its alternative text ("" where it has none)."""
    for cell in notebook.cells:
        yield from pictures_of(cell)


def pictures_of(cell: NotebookNode) -> Iterator[tuple[bytes, str]]:
    """Each PNG that one cell put out, with its alternative text."""
    for output in cell.get("outputs", []):
        if picture := output.get("data", {}).get("image/png"):
            yield base64.b64decode(picture), output.metadata.get("image/png", {}).get("alt", "")


def fold_set_up(notebook: NotebookNode) -> None:
    """Fold the code before a notebook's parameters."""
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if "parameters" in tags:
            break
        if cell.cell_type == "code" and "hide-input" not in tags:
            cell.metadata["tags"] = [*tags, "hide-input"]


def say_what_can_be_done_here(notebook: NotebookNode) -> None:
    """Under an open exercise, ask it here or offer its hints; under a figure with sliders, say where they move."""
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        number = CHECK.search(cell.source)
        if number and any(_is_open(output) for output in cell.outputs):
            cell.outputs = [_exercise(number.group(1))]
        elif MOVING.search(cell.source):
            cell.outputs.append(_shown('<p class="still">A still picture. In the notebook it has sliders.</p>'))


def _exercise(number: str) -> NotebookNode:
    """An exercise as a page has it: answered here, where its answer is numbers or a choice; else with its hints."""
    from ..exercises.desk import all_exercises  # which brings torch: who only asks for pictures needs none
    from ..exercises.page import page_markup

    exercise = all_exercises().get(number)
    if exercise and (asked := page_markup(number)):
        return _shown(asked)
    return _shown(template("exercise.md.jinja").render(exercise=exercise), "text/markdown")


def _is_open(output: NotebookNode) -> bool:
    return output.get("data", {}).get("text/plain", "").startswith("○")


def _shown(text: str, kind: str = "text/html") -> NotebookNode:
    return nbformat.v4.new_output("display_data", {kind: text})


def template(name: str, **settings) -> jinja2.Template:
    """A template of this folder."""
    return jinja2.Template((resources.files(__package__) / name).read_text("utf-8"), **settings)
