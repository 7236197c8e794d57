"""The verb `course grade`."""

import os
import sys
from pathlib import Path

import click

from .cli import COURSE, FOLDER, SCHEDULER, near
from .manifest import PROFILES, WrongUse, read_course


@click.command(
    epilog="\b\nExamples:\n  course grade returned\n  course grade returned --checks own_checks.py --jobs 4 --resume"
)
@click.argument("folder", type=FOLDER)
@click.option("--checks", type=click.Path(path_type=Path), help="A Python file with checks that students never see.")
@click.option("--profile", type=click.Choice(PROFILES), default="smoke", show_default=True,
              help="The lessons' parameters; class gives what students measured, and takes as long.")  # fmt: skip
@click.option("--timeout", type=click.FloatRange(min=0, min_open=True), default=30, show_default=True,
              help="Seconds that one answer may take.")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="How many lessons run at once.")
@SCHEDULER
@click.option("--resume", is_flag=True, help="Grade only what is missing or has changed.")
@click.option("--trust", is_flag=True, help="Grade also where the system cannot wall students' code in, as on macOS.")
@click.option("--out", type=FOLDER, help="Where results go.  [default: build/grades beside the lessons' folder]")
@COURSE
@click.pass_context
def grade(context, folder, checks, profile, timeout, jobs, scheduler, resume, trust, out, notebooks):
    """Grade returned notebooks.

    FOLDER holds them under any names. Their answers are taken, and judged in the course's own lessons; students' code
    runs behind limits, as docs/instructors.md says. A broken notebook costs only itself and is named. Exit code 1
    means that something was not graded; --resume tries it again.
    """
    if sys.platform != "linux" and not (trust and hasattr(os, "fork")):
        raise WrongUse("this system cannot wall students' code in: grade in a container, or on macOS with --trust")
    from .grade import grade, read_wanted

    out = out or notebooks.parent / "build" / "grades"
    course = read_course(notebooks)
    if folder.resolve().is_relative_to(out.resolve()):
        raise WrongUse(f"{folder}: the results would lie around the returned notebooks; name another folder: --out")
    wanted = read_wanted(profile, timeout, checks)
    graded = []
    for one in grade(course, folder, out, wanted, jobs=jobs, scheduler=scheduler, resume=resume):
        if one.unlimited and not any(other.unlimited for other in graded):
            click.echo(f"Not limited on this system: {'; '.join(one.unlimited)}")
        click.echo(str(one))
        graded.append(one)
    lost = sum(bool(one.ungraded) for one in graded)
    click.echo(f"{len(graded)} notebooks{f', {lost} not graded' if lost else ''}: {near(out / 'index.html')}")
    context.exit(1 if lost else 0)
