"""The verbs of `course` that work on lessons. Each gives its exit code, and imports what it needs when it is called."""

import os
import re
import sys
from pathlib import Path

import click

from .manifest import NOTEBOOKS, PROFILES, WrongUse, check_parameters, choose, gathered, read_course

FOLDER = click.Path(file_okay=False, path_type=Path)
LESSONS = click.argument("lessons", nargs=-1, metavar="[LESSONS]...")
COURSE = click.option(
    "--notebooks", "course", type=FOLDER, default=NOTEBOOKS, callback=lambda context, option, path: read_course(path),
    help="The lessons' folder, if not the course's.",
)  # fmt: skip
SOLUTIONS = click.option("--solutions", is_flag=True, help="Fill the exercises with the course's own answers.")
PROFILE = click.option(
    "--profile", type=click.Choice(PROFILES), default="class", show_default=True,
    help="Parameters to run with: a few seconds' work, what the notebooks say, or the whole recipes.",
)  # fmt: skip
SCHEDULER = click.option(
    "--scheduler", metavar="TCP://HOST:PORT", callback=lambda context, option, text: _address(text),
    help="Run on this Dask cluster instead of here.",
)  # fmt: skip
RESUME = click.option("--resume", is_flag=True, help="Run only what is missing, has failed, or has changed.")


def _address(text: str | None) -> str | None:
    """A scheduler's address. Raises WrongUse for what is none."""
    if text is not None and not re.fullmatch(r"(tcp|tls)://[^\s/]+:\d{1,5}", text):
        raise WrongUse(f"{text!r} is no scheduler's address; one looks like tcp://10.0.0.5:8786")
    return text


def out(default: str):
    """Where a verb writes: by default into that folder of build/, beside the lessons' folder."""
    words = f"The folder to write.  [default: build/{default} beside the lessons' folder]"
    return click.option("--out", type=FOLDER, help=words)


def parameters(function):
    """papermill's three ways to give parameters: -p, -y, -f."""
    pair = {"nargs": 2, "multiple": True, "metavar": "NAME VALUE", "help": "A parameter and its value."}
    text = {"multiple": True, "metavar": "YAML", "help": "Parameters as YAML text."}
    file = {"multiple": True, "type": click.File(), "help": "A YAML file of parameters."}
    function = click.option("-f", "--parameters_file", "files", **file)(function)
    function = click.option("-y", "--parameters_yaml", "texts", **text)(function)
    return click.option("-p", "--parameters", "pairs", **pair)(function)


def near(path: Path) -> Path:
    """The path as seen from the working directory, where it is in it."""
    path = path.absolute()
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


@click.command(epilog="\b\nExamples:\n  course run --resume\n  course run 3 --profile full -p seed 1")
@LESSONS
@PROFILE
@parameters
@click.option(
    "--jobs", type=click.IntRange(min=1), show_default="one for each core, as far as memory reaches",
    help="How many lessons run at once; with more than one, each on a single torch thread.",
)  # fmt: skip
@RESUME
@SOLUTIONS
@out("runs/PROFILE")
@COURSE
def run(lessons, profile, pairs, texts, files, jobs, resume, solutions, out, course):
    """Run lessons and keep what they recorded.

    LESSONS are numbers or names; without any, all lessons are run. Parameters given here win over the profile's,
    and -p over -y over -f. A cell may take as long as it works; one that stalls ends its lesson. Ctrl-C keeps what was
    finished.
    """
    from .run import read_solutions, room_for_kernels, run_lessons, succeeded

    chosen, changes = choose(course, lessons), gathered(pairs, texts, files)
    check_parameters(course, chosen, profile, changes)
    folder = out or course.build / "runs" / profile
    answers = read_solutions() if solutions else None
    results = run_lessons(chosen, profile, changes, folder, answers, jobs=jobs or room_for_kernels(), resume=resume)
    well = [succeeded(result) for result in results]
    click.echo(f"{sum(well)} of {len(well)} lessons went well; their notebooks and figures are in {near(folder)}")
    return 0 if all(well) else 1


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
def sweep(
    lesson, grid, file, sample, sample_seed, measure, profile, pairs, texts, files, jobs, scheduler, resume, out, course
):
    """Run one lesson over a grid, a list or a random sample of parameters and seeds, and compare the runs.

    It leaves results.csv and results.parquet (a row for each run), curves.csv, times.csv, every executed notebook, and
    page/index.html. Each run has one torch thread.
    """
    from .sweep import build_page, listed, plan, run_sweep, settings_of, values_of, write_tables

    if file and (grid or sample):
        raise WrongUse("a sweep takes a grid (-g) or a list (-l), not both")
    values = {name: values_of(text) for name, text in grid}
    if len(values) < len(grid):
        raise WrongUse("-g names a parameter twice; give all its values at once: -g seed 1,2,3")
    (chosen,) = choose(course, [lesson])
    settings = listed(file) if file else settings_of(values, sample, sample_seed)
    planned = plan(course, chosen, profile, gathered(pairs, texts, files), settings, measure)
    folder = out or course.build / "sweeps" / chosen.name
    results = run_sweep(planned, folder, jobs=jobs, scheduler=scheduler, resume=resume)
    write_tables(results, folder)
    page = build_page(planned, results, measure, folder)
    well = [result["failure"] is None for result in results]
    click.echo(f"{sum(well)} of {len(well)} runs went well; the tables are in {near(folder)}, the comparison is")
    click.echo(near(page))
    return 0 if all(well) else 1


@click.command(
    epilog="\b\nExamples:\n  course report build/runs/class\n  course report build/runs/full --out /tmp/pages"
)
@click.argument("folder", type=FOLDER)
@out("course")
@COURSE
def report(folder, out, course):
    """Build the pages that show a run.

    FOLDER holds executed lessons, as course run leaves them. The pages need no network.
    """
    from .pages import build_report

    click.echo(near(build_report(course, folder, out or course.build / "course")))


@click.command(epilog="\b\nExamples:\n  course handout --zip\n  course handout 1 2 3 --out /tmp/week-1")
@LESSONS
@click.option("--zip", "zipped", is_flag=True, help="Write a zip file beside the folder, too.")
@out("handout")
@COURSE
def handout(lessons, zipped, out, course):
    """Write the folder that students get.

    Its lessons hold no outputs, and its exercises check and give hints, but show no solutions. Nothing of the
    instructor's is in it.
    """
    from .handout import write_handout, zip_handout

    folder = out or course.build / "handout"
    write_handout(course, choose(course, lessons), folder)
    click.echo(near(zip_handout(folder) if zipped else folder))


@click.command(epilog="\b\nExamples:\n  course slides 3\n  course slides 3 --out /tmp/monday.html")
@click.argument("lesson")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path),
              help="The file to write.  [default: build/slides/LESSON.html beside the lessons' folder]")  # fmt: skip
@COURSE
def slides(lesson, out, course):
    """Write a lesson's slides: one HTML file, which needs no network.

    They show its sections, predictions, figures and exercises, as they were last rendered; the arrow keys turn them,
    s opens the speaker's notes, o an overview.
    """
    from ..site.slides import write_slides
    from .manifest import read_notebook

    (chosen,) = choose(course, [lesson])
    target = out or course.build / "slides" / f"{chosen.name}.html"
    write_slides(read_notebook(chosen.notebook), chosen.title, target)
    click.echo(near(target))


@click.command(
    epilog="\b\nExamples:\n  course grade returned.zip --resume\n"
    "  course grade returned --checks own_checks.py --jobs 4"
)
@click.argument("returned", type=click.Path(path_type=Path))
@click.option("--checks", type=click.Path(path_type=Path), help="A Python file with checks that students never see.")
@click.option("--profile", type=click.Choice(PROFILES), default="smoke", show_default=True,
              help="The lessons' parameters; class gives what students measured, and takes as long.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=30, show_default=True,
              help="Seconds that one answer may take.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="How many lessons run at once.")
@SCHEDULER
@click.option("--resume", is_flag=True, help="Grade only what is missing or has changed.")
@click.option("--trust", is_flag=True, help="Grade also where the system cannot wall students' code in, as on macOS.")
@out("grades")
@COURSE
def grade(returned, checks, profile, timeout, jobs, scheduler, resume, trust, out, course):
    """Grade returned notebooks.

    RETURNED is a folder or a zip file that holds them under any names. Their answers are taken, and judged
    in the course's own lessons; students' code
    runs behind limits, as docs/instructors.md says. A broken notebook costs only itself and is named. Exit code 1
    means that something was not graded; --resume tries it again.
    """
    if sys.platform != "linux" and not (trust and hasattr(os, "fork")):
        raise WrongUse("this system cannot wall students' code in: grade in a container, or on macOS with --trust")
    from .grade import grade, read_wanted

    out = out or course.build / "grades"
    if returned.resolve().is_relative_to(out.resolve()):
        raise WrongUse(f"{returned}: the results would lie around the returned notebooks; name another folder: --out")
    wanted = read_wanted(profile, timeout, checks)
    graded = []
    for one in grade(course, returned, out, wanted, jobs=jobs, scheduler=scheduler, resume=resume):
        if one.unlimited and not any(other.unlimited for other in graded):
            click.echo(f"Not limited on this system: {'; '.join(one.unlimited)}")
        click.echo(str(one))
        graded.append(one)
    lost = sum(bool(one.ungraded or one.fault) for one in graded)
    click.echo(f"{len(graded)} notebooks{f', {lost} not graded' if lost else ''}: {near(out / 'index.html')}")
    return 1 if lost else 0


@click.command(
    epilog="\b\nExamples:\n  course gradebook\n"
    "  course gradebook --roster class.csv --points points.yaml --overrides overrides.csv"
)
@click.argument("grades", type=FOLDER, required=False)
@click.option("--roster", type=click.Path(path_type=Path), help="CSV: name, and if you like id and email.")
@click.option("--points", "points_file", type=click.Path(path_type=Path), help="YAML: points, weights, deadlines.")
@click.option("--overrides", type=click.Path(path_type=Path), help="CSV: student, exercise, points, comment.")
@out("gradebook")
@COURSE
def gradebook(grades, roster, points_file, overrides, out, course):
    """Make a class's gradebook from what `grade` left in the folder GRADES [default: build/grades].

    Writes gradebook.csv with a row for each student, canvas.csv and moodle.csv to import there, a page with an
    overview, and feedback to hand back: a folder for each student, and all of them in feedback.zip. No code runs.
    """
    from . import gradebook as books
    from .class_page import write_class_page
    from .feedback import write_feedback

    found, points = books.read_graded(grades or course.build / "grades"), books.read_points(points_file, course)
    rows = books.read_table(roster, ["name"])
    students = books.join(
        found["notebooks"], rows, points, books.read_table(overrides, ["student", "exercise", "points", "comment"])
    )
    out = out or course.build / "gradebook"
    books.write_tables(students, course, points, out)
    count = write_feedback(students, course, Path(found["returned"]), out)
    write_class_page(found["notebooks"], students, course, points, out)
    nothing = sum(not student.works for student in students)
    click.echo(
        f"{len(students)} students, {nothing} of them without a graded lesson, feedback for {count}: {near(out)}"
    )
    return 0
