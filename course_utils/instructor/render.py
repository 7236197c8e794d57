"""Renders the course: outputs into the committed notebooks, measured results into results.json and the README."""

import hashlib
import json
import os
import platform
import re
import shlex
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from importlib import metadata
from pathlib import Path

import click
import nbformat
from nbformat import NotebookNode

from ..files import write_whole
from ..recipes import RECIPES
from .execute import pictures
from .manifest import PROFILES, Course, Lesson, WrongUse, check_parameters
from .run import run_lessons, succeeded

BEGIN, END = "<!-- results -->", "<!-- /results -->"
COLUMNS = {"parameters": "{:,.0f}", "test_loss": "{:.4f}", "test_accuracy": "{:.2%}", "seconds": "{:.0f} s"}
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def render(course: Course, lessons: Sequence[Lesson], build: Path, readme: Path) -> Iterator[bool]:
    """Measure lessons' full recipes, render their notebooks as they stand, and yield whether each lesson went well.

    The recipes come first, since a notebook may show what they gave. A run that fails changes nothing.
    """
    _split_at_markers(readme)
    for profile in PROFILES:
        check_parameters(course, lessons, profile)
    for lesson in lessons:
        full = "class" if lesson.profiles["full"] == lesson.profiles["class"] else "full"
        well = True
        for profile in dict.fromkeys([full, "class"]):
            folder = build / "runs" / profile
            result = next(run_lessons([lesson], profile, {}, folder))
            if result["failure"] is None and profile == full:
                write_results(course, lesson, result, readme)
            if result["failure"] is None and profile == "class":
                executed = nbformat.read(folder / lesson.notebook.name, as_version=4)
                write_outputs(lesson.notebook, executed, result["seconds"])
                write_cover(course.folder / "cover.png", executed)
            well = well and succeeded(result)
        yield well


def write_results(course: Course, lesson: Lesson, result: Mapping, readme: Path) -> None:
    """Put a lesson's result into results.json, beside those of the other lessons, and into the README's table."""
    path = course.folder / "results.json"
    results = json.loads(path.read_text(encoding="utf-8"))["lessons"] if path.exists() else {}
    results[lesson.name] = {
        "profile": result["profile"],
        "parameters": result["parameters"],
        "seconds": round(result["seconds"], 1),
        "figures": result["figures"],
        "machine": describe_machine(),
    }
    write_whole(path, json.dumps({"lessons": results}, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    before, after = _split_at_markers(readme)
    write_whole(readme, f"{before}{BEGIN}\n{table(course, results)}\n{END}{after}")


def source_sha256(notebook: NotebookNode) -> str:
    """A hash of what was run: the sources of all code cells. Prose may change without a new rendering."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def write_outputs(path: Path, executed: NotebookNode, seconds: float) -> None:
    """Write the outputs of a copy executed in `seconds` into the notebook at `path`; nothing else of it is taken."""
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    copies = [
        cell for cell in executed.cells
        if cell.cell_type == "code" and "injected-parameters" not in cell.metadata.get("tags", [])
    ]  # fmt: skip
    if [cell.source for cell in cells] != [copy.source for copy in copies]:
        raise click.ClickException(f"{path}: edited while it ran; its outputs were not written. Render it again.")
    for count, (cell, copy) in enumerate(zip(cells, copies, strict=True), start=1):
        cell.execution_count = count
        cell.outputs = [_cleaned(output, count, path.parent.parent) for output in copy.outputs]
    notebook.metadata = nbformat.from_dict({
        "kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
        "course": {"source_sha256": source_sha256(notebook), "seconds": round(seconds, 1)},
    })  # fmt: skip
    nbformat.validate(notebook)
    write_whole(path, nbformat.writes(notebook) + "\n")


def write_cover(path: Path, executed: NotebookNode) -> None:
    """Keep the picture of the cell tagged `cover`, where the lesson has one: the README opens with it."""
    cells = [cell for cell in executed.cells if "cover" in cell.metadata.get("tags", [])]
    for picture, _ in pictures(nbformat.v4.new_notebook(cells=cells)):
        write_whole(path, picture)


def _cleaned(output: NotebookNode, count: int, root: Path) -> NotebookNode:
    """An output without widget views and the machine's own paths."""
    cell_file = re.escape(tempfile.gettempdir()) + r"/ipykernel_\d+/\d+\.py"
    text = re.sub(cell_file, "this cell", json.dumps(output, ensure_ascii=False))
    text = text.replace(f"{root.absolute()}/", "")
    if Path.home() != Path("/"):
        text = text.replace(f"{Path.home()}/", "~/")
    output = nbformat.from_dict(json.loads(text))
    if "data" in output:
        output.data.pop(WIDGET_VIEW, None)
    if "execution_count" in output:
        output.execution_count = count
    return output


def describe_machine() -> dict:
    """Cores, processor and torch's version; no name and no path."""
    information = Path("/proc/cpuinfo")
    text = information.read_text() if information.exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    processor = model.group(1) if model else platform.processor() or platform.machine()
    return {"cores": os.cpu_count(), "processor": processor, "torch": metadata.version("torch").split("+")[0]}


def _split_at_markers(readme: Path) -> tuple[str, str]:
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    match = re.fullmatch(f"(.*){BEGIN}.*{END}(.*)", text, re.DOTALL)
    if not match:
        raise WrongUse(f"{readme}: holds no lines {BEGIN} and {END}, between which the results go")
    return match.group(1), match.group(2)


def table(course: Course, results: Mapping[str, dict]) -> str:
    """A row for each network measured: its recipe, what came of it, and the command that does it again."""
    rows = [
        "| network | recipe | parameters | test loss | test accuracy | training | command |",
        "|---|---|--:|--:|--:|--:|---|",
    ]
    machines = []
    for network in course.networks:
        result = results.get(network.lesson, {})
        if "machine" in result:
            recipe = f"{RECIPES[network.name].layers}; {RECIPES[network.name].training}"
            shown = [_shown(result["figures"].get(network.prefix + name), style) for name, style in COLUMNS.items()]
            command = f"`{_command(network.lesson, result['parameters'])}`"
            rows.append(f"| {' | '.join([f'`{network.name}`', recipe, *shown, command])} |")
            machines.append("{cores} cores, {processor}, torch {torch}".format(**result["machine"]))
    return "\n".join([*rows, "", f"Measured on {'; '.join(dict.fromkeys(machines))}."])


def _shown(value, style: str) -> str:
    return style.format(value).replace("%", " %") if isinstance(value, int | float) else "–"


def _command(lesson: str, parameters: Mapping) -> str:
    """The papermill command that runs a lesson with these parameters."""
    options = [f"-p {name} {shlex.quote(str(value))}" for name, value in parameters.items()]
    return " ".join([f"papermill notebooks/{lesson}.ipynb out.ipynb", *options])
