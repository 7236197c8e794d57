"""What maintainers do with the lessons: `python -m course_utils.maintain render`, `prepare`, `site`, and `docs`.

`render` writes outputs into the committed notebooks, and what they measured into results.json and the README's table.
`prepare` makes the small copies that nbval runs. `site` builds the public pages. `docs` writes what an instructor has
to know of each lesson. They stand apart from `course`, whose verbs are an instructor's.
"""

import hashlib
import json
import re
import shlex
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import click
import nbformat
import papermill
from nbformat import NotebookNode

from .data import DataError, load_digits
from .exercises.desk import all_exercises
from .files import write_whole
from .instructor.cli import COURSE, LESSONS, PROFILE, near, out
from .instructor.execute import describe_machine
from .instructor.manifest import PROFILES, Course, Lesson, WrongUse, check_parameters, choose, read_notebook
from .instructor.run import run_lessons, succeeded
from .recipes import RECIPES
from .site.landing import build_site
from .site.notebooks import pictures

BEGIN, END = "<!-- results -->", "<!-- /results -->"
COLUMNS = {"parameters": "{:,.0f}", "test_loss": "{:.4f}", "test_accuracy": "{:.2%}", "seconds": "{:.0f} s"}
HEADING = "| network | recipe | parameters | test loss | test accuracy | training | command |"
KERNEL = {"kernelspec": {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"},
          "language_info": {"name": "python"}}  # fmt: skip

WORDS_A_MINUTE, CELL_MINUTES, EXERCISE_MINUTES = 150, 0.5, 5  # reading with thought; a cell of code; an exercise
SESSIONS = """# What each session holds

Written by `python -m course_utils.maintain docs` out of the lessons and their exercises: change those, and run it
again. [instructors.md](instructors.md) has the plan of the ten sessions.

The minutes are what a student takes who works alone: 150 words a minute, half a minute for a cell of code that is not
folded, 5 minutes for an exercise. A misconception stands here in the words that the check says to whoever has it.
"""

maintain = click.Group(help="Render the lessons as committed, prepare them for tests, write docs, and build the site.")


@maintain.command()
@LESSONS
@PROFILE
@out("nbval")
@COURSE
def prepare(lessons, profile, out, course):
    """Prepare lessons for nbval, without running them: with a profile's parameters, and outputs to compare with.

    Their figures are built and not drawn, since nbval compares no pictures.
    """
    chosen = choose(course, lessons)
    check_parameters(course, chosen, profile)
    prepare_lessons(chosen, profile, out or course.build / "nbval", first="%env MPLBACKEND=agg")


def prepare_lessons(lessons: Sequence[Lesson], profile: str, folder: Path, first: str = "") -> None:
    """Write lessons with their profile's parameters and their committed outputs, not run; `first` runs before all."""
    for lesson in lessons:
        source, parameters = nbformat.read(lesson.notebook, as_version=4), lesson.profiles[profile]
        prepared = papermill.execute_notebook(source, None, parameters, language="python", prepare_only=True)
        if first:
            prepared.cells.insert(0, nbformat.v4.new_code_cell(first))
        write_whole(folder / lesson.notebook.name, nbformat.writes(prepared) + "\n")


@maintain.command()
@click.option("--address", default="", help="Where the site will be: the picture to share needs its whole address.")
@click.option("--repository", default="", help="Where the course's files are, for links to them.")
@out("site")
@COURSE
def site(address, repository, out, course):
    """Build the course's public pages from the committed notebooks."""
    click.echo(near(build_site(course, out or course.build / "site", address=address, repository=repository)))


@maintain.command()
@COURSE
def docs(course):
    """Write docs/sessions.md: each lesson's sections with their minutes, and its exercises' likely misconceptions."""
    path = course.folder.parent / "docs" / "sessions.md"
    write_whole(path, sessions(course))
    click.echo(near(path))


def sessions(course: Course) -> str:
    """What an instructor has to know of each lesson, as Markdown."""
    parts, exercises = [SESSIONS], all_exercises()
    for lesson in course.lessons:
        number, timed = int(lesson.name.split("_")[0]), minutes_of(read_notebook(lesson.notebook))
        parts.append(f"## Lesson {number}\n\n**{lesson.title}.** *{lesson.question}*\n")
        rows = [f"| {section} | {minutes:.0f} |" for section, minutes in timed.items()]
        rows.append(f"| together | {sum(timed.values()):.0f} |")
        parts.append("\n".join(["| section | minutes |", "|---|--:|", *rows]) + "\n")
        for one in (one for key, one in exercises.items() if key.split(".")[0] == str(number)):
            parts.append(f"**{one.number}** {one.title}\n")
            words = [" ".join(each.replace("{part}", "one part").split()) for each in one.mistakes]
            parts.append("".join(f"- {each}\n" for each in words) or "- None is named: its check shows what differs.\n")
    return "\n".join(parts)


def minutes_of(notebook: NotebookNode) -> dict[str, float]:
    """How many minutes a student takes for each section of a lesson, about, and at least one."""
    minutes, section = {}, "Opening"
    for cell in notebook.cells:
        tags = cell.metadata.get("tags", [])
        if cell.cell_type == "code":
            spent = EXERCISE_MINUTES if "exercise" in tags else 0 if "hide-input" in tags else CELL_MINUTES
            minutes[section] = minutes.get(section, 0) + spent
            continue
        for part in re.split(r"^(?=## )", cell.source, flags=re.MULTILINE):
            if part.startswith("## "):
                section = part.splitlines()[0].removeprefix("## ")
            minutes[section] = minutes.get(section, 0) + len(part.split()) / WORDS_A_MINUTE
    return {section: max(1, spent) for section, spent in minutes.items()}


@maintain.command()
@LESSONS
@COURSE
@click.pass_context
def render(context, lessons, course):
    """Render lessons on MNIST, as committed.

    Their outputs go into the notebooks, what they recorded into results.json and the README's table. The whole recipe
    runs first, since a notebook may show what it gave. A run that fails changes nothing.
    """
    try:
        load_digits("mnist")
    except DataError as error:
        raise click.ClickException(f"lessons are rendered on MNIST. {error}") from error
    chosen, well = choose(course, lessons), True
    for profile in PROFILES:
        check_parameters(course, chosen, profile)
    _around_the_table(course.folder.parent / "README.md")  # which must have a place, before hours are spent on it
    for lesson in chosen:
        whole = "class" if lesson.profiles["full"] == lesson.profiles["class"] else "full"
        for profile in dict.fromkeys([whole, "class"]):
            folder = course.build / "runs" / profile
            (result,) = run_lessons([lesson], profile, {}, folder)
            well = well and succeeded(result)
            if result["failure"] is None and profile == whole:
                write_results(course, lesson, result)
            if result["failure"] is None and profile == "class":
                executed = nbformat.read(folder / lesson.notebook.name, as_version=4)
                write_outputs(lesson.notebook, executed, result["seconds"])
    context.exit(0 if well else 1)


def write_results(course: Course, lesson: Lesson, result: Mapping) -> None:
    """Put a lesson's result into results.json, beside those of the other lessons, and into the README's table."""
    path = course.folder / "results.json"
    results = json.loads(path.read_text(encoding="utf-8"))["lessons"] if path.exists() else {}
    kept = {name: result[name] for name in ("profile", "parameters", "figures")}
    results[lesson.name] = kept | {"seconds": round(result["seconds"], 1), "machine": describe_machine()}
    write_whole(path, json.dumps({"lessons": results}, indent=1, ensure_ascii=False, sort_keys=True) + "\n")
    before, after = _around_the_table(course.folder.parent / "README.md")
    write_whole(course.folder.parent / "README.md", f"{before}{table(course, results)}\n{after}")


def _around_the_table(readme: Path) -> Sequence[str]:
    """What stands in the README before and after its table. Raises WrongUse where there is no place for one."""
    text = readme.read_text(encoding="utf-8") if readme.exists() else ""
    if match := re.fullmatch(f"(.*{BEGIN}\n).*({END}.*)", text, re.DOTALL):
        return match.groups()
    raise WrongUse(f"{readme}: holds no lines {BEGIN} and {END}, between which the results go")


def table(course: Course, results: Mapping[str, dict]) -> str:
    """A row for each network measured: its recipe, what came of it, and the command that does it again."""
    rows, machines = [HEADING, "|---|---|--:|--:|--:|--:|---|"], []
    for name, network in course.networks.items():
        lesson, prefix = network["lesson"], network["prefix"]
        if "machine" in (result := results.get(lesson, {})):
            values = [(style, result["figures"].get(prefix + column)) for column, style in COLUMNS.items()]
            numbers = [style.format(value) if isinstance(value, int | float) else "–" for style, value in values]
            options = [f" -p {name} {shlex.quote(str(value))}" for name, value in result["parameters"].items()]
            command = f"`papermill notebooks/{lesson}.ipynb out.ipynb{''.join(options)}`"
            recipe = f"{RECIPES[name].layers}; {RECIPES[name].training}"
            rows.append(f"| {' | '.join([f'`{name}`', recipe, *numbers, command])} |".replace("%", " %"))
            machines.append("{cores} cores, {processor}, torch {torch}".format(**result["machine"]))
    return "\n".join([*rows, "", f"Measured on {'; '.join(dict.fromkeys(machines))}."])


def write_outputs(path: Path, executed: NotebookNode, seconds: float) -> None:
    """Write the outputs of a copy executed in `seconds` into the notebook at `path`, and nothing else of it.

    A picture of the cell tagged `cover` becomes cover.png beside it, with which the README opens.
    """
    notebook = nbformat.read(path, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    injected = [cell for cell in executed.cells if "injected-parameters" in cell.metadata.get("tags", [])]
    copies = [cell for cell in executed.cells if cell.cell_type == "code" and cell not in injected]
    if [cell.source for cell in cells] != [copy.source for copy in copies]:
        raise click.ClickException(f"{path}: edited while it ran; its outputs were not written. Render it again.")
    for count, (cell, copy) in enumerate(zip(cells, copies, strict=True), start=1):
        cell.execution_count = count
        cell.outputs = [_cleaned(output, count, path.parent.parent) for output in copy.outputs]
    about = {"source_sha256": source_sha256(notebook), "seconds": round(seconds, 1)}
    notebook.metadata = nbformat.from_dict(KERNEL | {"course": about})
    nbformat.validate(notebook)
    write_whole(path, nbformat.writes(notebook) + "\n")
    covers = [cell for cell in copies if "cover" in cell.metadata.get("tags", [])]
    for picture, _ in pictures(nbformat.v4.new_notebook(cells=covers)):
        write_whole(path.parent / "cover.png", picture)


def source_sha256(notebook: NotebookNode) -> str:
    """A hash of what was run: the sources of all code cells. Prose may change without a new rendering."""
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
    return hashlib.sha256(json.dumps(sources).encode()).hexdigest()


def _cleaned(output: NotebookNode, count: int, root: Path) -> NotebookNode:
    """An output without widget views and the machine's own paths."""
    cell_file = re.escape(tempfile.gettempdir()) + r"/ipykernel_\d+/\d+\.py"
    text = re.sub(cell_file, "this cell", json.dumps(output, ensure_ascii=False)).replace(f"{root.absolute()}/", "")
    if Path.home() != Path("/"):
        text = text.replace(f"{Path.home()}/", "~/")
    output = nbformat.from_dict(json.loads(text))
    output.get("data", {}).pop("application/vnd.jupyter.widget-view+json", None)
    if "execution_count" in output:
        output.execution_count = count
    return output


if __name__ == "__main__":
    maintain(prog_name="python -m course_utils.maintain")
