"""The verbs of `course` that work on lessons. What they need is imported when they are called: --help stays fast."""

from pathlib import Path

import click

from .manifest import NOTEBOOKS, PROFILES, WrongUse, check_parameters, choose, gathered, read_course

LESSONS = click.argument("lessons", nargs=-1, metavar="[LESSONS]...")
FOLDER = click.Path(file_okay=False, path_type=Path)
COURSE = click.option("--notebooks", type=FOLDER, default=NOTEBOOKS, help="The lessons' folder, if not the course's.")
SOLUTIONS = click.option("--solutions", is_flag=True, help="Fill the exercises with the course's own answers.")
PROFILE = click.option(
    "--profile", type=click.Choice(PROFILES), default="class", show_default=True,
    help="Parameters to run with: a few seconds' work, what the notebooks say, or the whole recipes.",
)  # fmt: skip
SCHEDULER = click.option("--scheduler", metavar="TCP://HOST:PORT", help="Run on this Dask cluster instead of here.")
RESUME = click.option("--resume", is_flag=True, help="Run only what is missing, has failed, or has changed.")


def parameters(function):
    """papermill's three ways to give parameters: -p, -y, -f."""
    pair = {"nargs": 2, "multiple": True, "metavar": "NAME VALUE", "help": "A parameter and its value."}
    text = {"multiple": True, "metavar": "YAML", "help": "Parameters as YAML text."}
    file = {"multiple": True, "type": click.File(), "help": "A YAML file of parameters."}
    function = click.option("-f", "--parameters_file", "files", **file)(function)
    function = click.option("-y", "--parameters_yaml", "texts", **text)(function)
    return click.option("-p", "--parameters", "pairs", **pair)(function)


def out(default: str):
    """Where a verb writes: by default into that folder of build/, beside the lessons' folder."""
    words = f"The folder to write.  [default: build/{default} beside the lessons' folder]"
    return click.option("--out", type=FOLDER, help=words)


def near(path: Path) -> Path:
    """The path as seen from the working directory, where it is in it."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@click.command(epilog="\b\nExamples:\n  course run --resume\n  course run 3 --profile full -p seed 1")
@LESSONS
@PROFILE
@parameters
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    show_default="one for each core, as far as memory reaches",
    help="How many lessons run at once; with more than one, each on a single torch thread.",
)
@RESUME
@SOLUTIONS
@out("runs/PROFILE")
@COURSE
@click.pass_context
def run(context, lessons, profile, pairs, texts, files, jobs, resume, solutions, out, notebooks):
    """Run lessons and keep what they recorded.

    LESSONS are numbers or names; without any, all lessons are run. Parameters given here win over the profile's,
    and -p over -y over -f. A cell may take as long as it works; one that stalls ends its lesson. Ctrl-C keeps what was
    finished.
    """
    from .pool import room_for_kernels
    from .run import read_solutions, run_lessons, succeeded

    course = read_course(notebooks)
    chosen = choose(course, lessons)
    changes = gathered(pairs, texts, files)
    check_parameters(course, chosen, profile, changes)
    folder = out or notebooks.parent / "build" / "runs" / profile
    answers = read_solutions() if solutions else None
    results = run_lessons(chosen, profile, changes, folder, answers, jobs=jobs or room_for_kernels(), resume=resume)
    well = [succeeded(result) for result in results]
    click.echo(f"{sum(well)} of {len(well)} lessons went well; their notebooks and figures are in {near(folder)}")
    context.exit(0 if all(well) else 1)


@click.command(
    epilog="\b\nExamples:\n  course sweep 3 -g learning_rate 0.001,0.003,0.01 -g seed 0..4\n"
    "  course sweep 3 -g learning_rate log:0.0003..0.03 -g seed 0..2 --sample 8 --jobs 2"
)
@click.argument("lesson")
@click.option(
    "-g", "--grid", nargs=2, multiple=True, metavar="NAME VALUES",
    help="Values of a parameter: 0.1,0.2 or 0..4; to be drawn with --sample, also 0.1..0.9 or log:0.001..0.1.",
)  # fmt: skip
@click.option("-l", "--list", "file", type=click.Path(exists=True, dir_okay=False, path_type=Path),
              help="A CSV or YAML file of settings, instead of a grid.")  # fmt: skip
@click.option("--sample", type=click.IntRange(min=1), help="Draw so many settings of the grid; each has every seed.")
@click.option("--sample-seed", default=0, show_default=True, help="Draws the sample.")
@click.option("--by", "measure", metavar="FIGURE", help="The recorded figure that ranks the runs.")
@PROFILE
@parameters
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="How many runs go on at once.")
@SCHEDULER
@RESUME
@out("sweeps/LESSON")
@COURSE
@click.pass_context
def sweep(
    context, lesson, grid, file, sample, sample_seed, measure, profile, pairs, texts, files, jobs, scheduler, resume,
    out, notebooks,
):  # fmt: skip
    """Run one lesson over a grid, a list or a random sample of parameters and seeds, and compare the runs.

    It leaves results.csv and results.parquet (a row for each run), curves.csv, times.csv, every executed notebook, and
    page/index.html. Each run has one torch thread.
    """
    from .sweep import listed, plan, run_sweep, settings_of, values_of, write_tables
    from .sweep_page import build_page, compare

    if file and (grid or sample):
        raise WrongUse("a sweep takes a grid (-g) or a list (-l), not both")
    values = {name: values_of(text) for name, text in grid}
    if len(values) < len(grid):
        raise WrongUse("-g names a parameter twice; give all its values at once: -g seed 1,2,3")
    course = read_course(notebooks)
    (chosen,) = choose(course, [lesson])
    settings = listed(file) if file else settings_of(values, sample, sample_seed)
    planned = plan(course, chosen, profile, gathered(pairs, texts, files), settings)
    folder = out or notebooks.parent / "build" / "sweeps" / chosen.name
    results = run_sweep(planned, folder, jobs=jobs, scheduler=scheduler, resume=resume)
    write_tables(results, folder)
    page = build_page(compare(planned, results, measure), folder, folder / "page")
    well = [result["failure"] is None for result in results]
    click.echo(f"{sum(well)} of {len(well)} runs went well; the tables are in {near(folder)}, the comparison is")
    click.echo(near(page))
    context.exit(0 if all(well) else 1)


@click.command(
    epilog="\b\nExamples:\n  course report build/runs/class\n  course report build/runs/full --out /tmp/pages"
)
@click.argument("folder", type=FOLDER)
@out("course")
@COURSE
def report(folder, out, notebooks):
    """Build the pages that show a run.

    FOLDER holds executed lessons, as course run leaves them. The pages need no network.
    """
    from .pages import build_report

    click.echo(near(build_report(read_course(notebooks), folder, out or notebooks.parent / "build" / "course")))


@click.command(epilog="\b\nExamples:\n  course prepare --profile smoke\n  course prepare 3 --out /tmp/small")
@LESSONS
@PROFILE
@SOLUTIONS
@out("nbval")
@COURSE
def prepare(lessons, profile, solutions, out, notebooks):
    """Prepare lessons for nbval, without running them.

    The copies have a profile's parameters, and the committed outputs to compare with.
    """
    from .run import prepare_lessons, read_solutions

    course = read_course(notebooks)
    chosen = choose(course, lessons)
    check_parameters(course, chosen, profile)
    answers = read_solutions() if solutions else None
    prepare_lessons(chosen, profile, out or notebooks.parent / "build" / "nbval", answers)


@click.command(epilog="\b\nExamples:\n  course handout\n  course handout 1 2 3 --out /tmp/week-1")
@LESSONS
@out("handout")
@COURSE
def handout(lessons, out, notebooks):
    """Write the folder that students get, ready to zip.

    Its lessons hold no outputs, and its exercises check and give hints, but show no solutions.
    """
    from .handout import write_handout

    course = read_course(notebooks)
    folder = out or notebooks.parent / "build" / "handout"
    write_handout(course, choose(course, lessons), folder)
    click.echo(near(folder))
