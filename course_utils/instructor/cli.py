"""The verbs of `course` that work on lessons. What they need is imported when they are called: --help stays fast."""

import ast
from pathlib import Path

import click

from .manifest import NOTEBOOKS, PROFILES, WrongUse, choose, read_course

LESSONS = click.argument("lessons", nargs=-1, metavar="[LESSONS]...")
FOLDER = click.Path(file_okay=False, path_type=Path)
COURSE = click.option("--notebooks", type=FOLDER, default=NOTEBOOKS, help="The lessons' folder, if not the course's.")
SOLUTIONS = click.option("--solutions", is_flag=True, help="Fill the exercises with the course's own answers.")
PROFILE = click.option(
    "--profile", type=click.Choice(PROFILES), default="class", show_default=True,
    help="Parameters to run with: a few seconds' work, what the notebooks say, or the whole recipes.",
)  # fmt: skip


@click.command(epilog="\b\nExamples:\n  course run\n  course run 3 --profile full -p seed 1")
@LESSONS
@PROFILE
@click.option("-p", "--parameters", nargs=2, multiple=True, metavar="NAME VALUE", help="A parameter and its value.")
@click.option("-y", "--parameters_yaml", multiple=True, metavar="YAML", help="Parameters as YAML text.")
@click.option("-f", "--parameters_file", multiple=True, type=click.File(), help="A YAML file of parameters.")
@SOLUTIONS
@click.option("--out", type=FOLDER, help="Where results go.  [default: build/runs/PROFILE beside the lessons' folder]")
@COURSE
@click.pass_context
def run(context, lessons, profile, parameters, parameters_yaml, parameters_file, solutions, out, notebooks):
    """Run lessons and keep what they recorded.

    LESSONS are numbers or names; without any, all lessons are run. Parameters given here win over the profile's,
    and -p over -y over -f.
    """
    from .run import check_parameters, run_lessons, succeeded
    from .solutions import read_solutions

    course = read_course(notebooks)
    chosen = choose(course, lessons)
    changes = {}
    for text in [*(file.read() for file in parameters_file), *parameters_yaml]:
        changes |= _mapping(text)
    changes |= {name: _value(text) for name, text in parameters}
    check_parameters(chosen, profile, changes)
    folder = out or notebooks.parent / "build" / "runs" / profile
    answers = read_solutions() if solutions else None
    results = [succeeded(result) for result in run_lessons(chosen, profile, changes, folder, answers)]
    click.echo(f"{sum(results)} of {len(results)} lessons went well; they lie in {_near(folder)}")
    context.exit(0 if all(results) else 1)


def _mapping(text: str) -> dict:
    import yaml

    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WrongUse(f"parameters are not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise WrongUse(f"parameters are no mapping of names to values: {text.strip()[:60]}")
    return content


def _value(text: str):
    """A Python literal (3, 0.1, True, None, [1, 2]) as what it says; any other text as itself."""
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _near(path: Path) -> Path:
    """The path as seen from the working directory, where it lies in it."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@click.command(
    epilog="\b\nExamples:\n  course report build/runs/class\n  course report build/runs/full --out /tmp/pages"
)
@click.argument("folder", type=FOLDER)
@click.option("--out", type=FOLDER, help="Where the pages go.  [default: build/course beside the lessons' folder]")
@COURSE
def report(folder, out, notebooks):
    """Build the pages that show a run.

    FOLDER holds executed lessons, as course run leaves them. The pages need no network.
    """
    from .report import build_report

    page = build_report(read_course(notebooks), folder, out or notebooks.parent / "build" / "course")
    click.echo(_near(page))


@click.command(epilog="\b\nExamples:\n  course prepare --profile smoke\n  course prepare 3 --out /tmp/small")
@LESSONS
@PROFILE
@SOLUTIONS
@click.option("--out", type=FOLDER, help="Where the copies go.  [default: build/nbval beside the lessons' folder]")
@COURSE
def prepare(lessons, profile, solutions, out, notebooks):
    """Prepare lessons for nbval, without running them.

    The copies have a profile's parameters, and the committed outputs to compare with.
    """
    from .run import check_parameters, prepare_lessons
    from .solutions import read_solutions

    chosen = choose(read_course(notebooks), lessons)
    check_parameters(chosen, profile, {})
    answers = read_solutions() if solutions else None
    prepare_lessons(chosen, profile, out or notebooks.parent / "build" / "nbval", answers)
