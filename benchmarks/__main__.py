"""`python -m benchmarks` measures everything; name parts to measure only them."""

from pathlib import Path

import click

from course_utils.data import DataError, load_digits
from course_utils.machine import keep_freed_memory

from . import busy, epochs, growth, lessons, race, report, same, start
from .measure import save_part

PARTS = {
    "epochs": epochs, "race": race, "start": start, "growth": growth, "same": same, "busy": busy, "lessons": lessons,
}  # fmt: skip


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice([*PARTS, "report"]))
@click.option("--quick", is_flag=True, help="A few seconds on few digits: that it runs, not how fast.")
@click.option("--seeds", help="The racer's seeds, with commas between.  [default: ten]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), default=Path("build/bench"), show_default=True)
def main(parts, quick, seeds, out):
    """Measure where the seconds go, and write a table and a figure. Each part is kept as soon as it is measured."""
    chosen = parts or tuple(PARTS)
    keep_freed_memory()
    digits = _digits(quick) if set(chosen) != {"report"} else None
    for name in chosen:
        if name != "report":
            click.echo(name)
            options = {"seeds": [int(seed) for seed in seeds.split(",")]} if seeds and name == "race" else {}
            save_part(out, name, PARTS[name].measure(digits, quick=quick, **options))
        report.write(out)
    click.echo(f"the table: {out / 'results.md'}   the figure: {out / 'results.png'}")


def _digits(quick: bool):
    if quick:
        return load_digits("digits", train_size=600, validation=200)
    try:
        return load_digits("mnist", validation=10_000)
    except DataError as error:
        click.echo(f"MNIST IS MISSING: everything is measured on the embedded digits instead. {error}", err=True)
        return load_digits("digits", validation=10_000)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
