"""The command line of the course: `course`, or `python -m course_utils`."""

import sys
from pathlib import Path

import click

try:
    from .instructor.cli import grade, gradebook, handout, report, run, slides, sweep
except ModuleNotFoundError as error:
    if error.name != f"{__package__}.instructor":
        raise
    VERBS = ()  # a student's copy has none of them
else:
    VERBS = (run, sweep, report, slides, handout, grade, gradebook)


class OneLineErrors(click.Group):
    """A group of commands whose errors are one line on stderr.

    Exit codes, which a command may give back: 0 done, 1 something failed, 2 wrong use.
    """

    def main(self, *args, standalone_mode: bool = True, **extra):
        try:
            sys.exit(super().main(*args, standalone_mode=False, **extra))
        except click.ClickException as error:
            click.echo(f"course: {' '.join(error.format_message().split())}", err=True)
            sys.exit(error.exit_code)
        except ModuleNotFoundError as error:
            package = (error.name or "").split(".")[0]
            if package == "course_utils":
                raise
            remedy = "in the course's folder run: pip install -e '.[instructor]'"
            click.echo(f"course: this needs {package}, which is not installed; {remedy}", err=True)
            sys.exit(1)
        except OSError as error:
            where = f"{error.filename}: " if error.filename and ".unfinished-" not in str(error.filename) else ""
            click.echo(f"course: {where}{error.strerror or error}", err=True)
            sys.exit(1)
        except click.Abort:
            click.echo("course: interrupted; what was finished is kept, and --resume goes on from there", err=True)
            sys.exit(1)


def help_alone(context: click.Context) -> None:
    """Show a group's help where no verb is named."""
    if context.invoked_subcommand is None:
        click.echo(context.get_help())


@click.group(
    cls=OneLineErrors, invoke_without_command=True, epilog="\b\nExamples:\n  course data fetch\n  course progress"
)
@click.version_option(package_name="digit-course", prog_name="course")
@click.pass_context
def course(context):
    """Run the lessons of the digit-recognition course, show what came of them, and fetch and convert its digits."""
    help_alone(context)


for verb in VERBS:
    course.add_command(verb)


@course.command(epilog="\b\nExamples:\n  course progress\n  course progress --forget")
@click.option("--forget", is_flag=True, help="Delete it.")
def progress(forget):
    """Print what you have done: exercises that are right, guesses, drawn digits.

    It is kept on this machine alone, in data/progress.json.
    """
    from . import progress as kept

    if forget:
        click.echo("Your progress was deleted." if kept.forget() else "There was no progress to delete.")
    else:
        from .exercises.course_map import progress_in_words

        click.echo(progress_in_words())


@course.command(epilog="\b\nExamples:\n  course page\n  course page BPNetwork --out mine.html --bits 8")
@click.argument("network", default="CNN")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="The file.  [default: NETWORK.html]")
@click.option("--bits", type=click.Choice(["32", "8"]), default="32", show_default=True, help="Bits a weight.")
def page(network, out, bits):
    """Write one HTML file with a network and a pad to draw on, which opens anywhere and needs no network.

    NETWORK is one of the course's five: yours from data/networks, else the course's own.
    """
    from .data import DataError, load_digits
    from .explorables import Reader
    from .networks import load_network, own_network
    from .recipes import RECIPES
    from .take_along import write_page

    if network not in RECIPES:
        raise click.UsageError(f"there is no network {network}; there are {', '.join(RECIPES)}")
    try:
        own = own_network(network)
        digits = load_digits("auto")
        recipe = RECIPES[network]
        card = {
            "name": f"{'My' if own else 'The course’s'} {network}",
            "layers": recipe.layers,
            "recipe": recipe.training,
        }
        reader = Reader(own or load_network(network), recipe.normalise)
        file = write_page(out or Path(f"{network}.html"), reader, card, digits.test.images[:100], bits=int(bits))
    except (DataError, OSError, ValueError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{file}: {file.stat().st_size:,} bytes")


@course.group(
    invoke_without_command=True,
    epilog="\b\nExamples:\n  course data fetch\n  course data convert mnist mnist.json.gz --container json",
)
@click.pass_context
def data(context):
    """Fetch and convert digits."""
    help_alone(context)


@data.command(epilog="\b\nExamples:\n  course data fetch\n  course data fetch --root /srv/digits")
@click.option(
    "--root",
    type=click.Path(file_okay=False, path_type=Path),
    help="Where MNIST/raw goes.  [default: $COURSE_DATA, else data/]",
)
def fetch(root):
    """Fetch MNIST.

    A file is kept only if its content is genuine, and not fetched again where it is there already.
    """
    from .data import DataError, fetch_mnist

    try:
        click.echo(f"MNIST is in {fetch_mnist(root)}")
    except (DataError, OSError) as error:
        raise click.ClickException(str(error)) from error


@data.command(
    epilog="\b\nExamples:\n  course data convert mnist mnist.json.gz --container json\n"
    "  course data convert digits pictures --container images --train-size 1000"
)
@click.argument("source")
@click.argument("target", type=click.Path(path_type=Path))
@click.option("--container", type=click.Choice(["json", "mnist", "images"]), required=True, help="What to write.")
@click.option(
    "--validation",
    type=click.IntRange(min=0),
    help="Training digits to hold out.  [default: for json a sixth, where the source holds out none itself]",
)
@click.option("--train-size", type=click.IntRange(min=1), help="Training digits to keep.  [default: all]")
@click.option("--seed", default=0, show_default=True, help="Draws which digits are held out and kept.")
def convert(source, target, container, validation, train_size, seed):
    """Convert digits into another container.

    SOURCE is mnist, digits, a .json.gz file or a folder of pictures; TARGET must not exist.
    """
    from .data import DataError, load_digits, save_digits

    try:
        sizes = {"train_size": train_size, "seed": seed}
        digits = load_digits(source, validation=validation or 0, **sizes)
        if container == "json" and validation is None and not len(digits.validation.labels):
            held_out = train_size // 5 if train_size else len(digits.train.labels) // 6
            digits = load_digits(source, validation=max(1, held_out), **sizes)
        save_digits(digits, target, container=container)
    except (DataError, OSError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{target}: {digits!r}")


if __name__ == "__main__":
    course(prog_name="course")
