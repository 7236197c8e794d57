"""Runs one lesson over many settings of its parameters, here or on a Dask cluster, into tidy tables."""

import csv
import hashlib
import io
import itertools
import math
import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import nbformat
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import yaml

from ..files import write_whole
from .execute import Task, data_folder
from .manifest import Course, Lesson, WrongUse, check_parameters, value_of
from .run import run_tasks, without_outputs

RANGE = re.compile(r"(log:)?(-?[\d.]+(?:e-?\d+)?)\.\.(-?[\d.]+(?:e-?\d+)?)")
HIDDEN_FILES = (".ipynb", ".yaml", ".png")  # what a kernel on another machine does not need of the lessons' folder


# What to run: a grid, a sample of it, or a list -----------------------------------------------------------------------


@dataclass(frozen=True)
class Range:
    """Numbers between two ends, to be drawn evenly, or evenly in their logarithm."""

    low: float
    high: float
    logarithmic: bool

    def draw(self, generator: random.Random) -> float:
        """A number of four digits."""
        if self.logarithmic:
            number = math.exp(generator.uniform(math.log(self.low), math.log(self.high)))
        else:
            number = generator.uniform(self.low, self.high)
        return float(f"{number:.4g}")


def values_of(text: str) -> list | Range:
    """The values that a text stands for.

    `0.001,0.003` lists them, `0..4` counts, and `0.1..0.9` and `log:0.001..0.1` are ranges to draw from.
    """
    match = RANGE.fullmatch(text)
    if not match:
        values = [value_of(part.strip()) for part in text.split(",")]
        if "" in values:
            raise WrongUse(f"{text}: a value is missing between two commas")
        return list(dict.fromkeys(values))
    logarithmic, low, high = bool(match[1]), value_of(match[2]), value_of(match[3])
    if not low < high or (logarithmic and low <= 0):
        raise WrongUse(f"{text}: a range begins below its end{', and above 0 for log:' if logarithmic else ''}")
    if isinstance(low, int) and isinstance(high, int) and not logarithmic:
        return list(range(low, high + 1))
    return Range(low, high, logarithmic)


def settings_of(grid: Mapping[str, list | Range], sample: int | None, sample_seed: int) -> list[dict]:
    """Every combination of a grid's values; with `sample`, so many drawn at random, each with every seed given."""
    ranges = [name for name, values in grid.items() if isinstance(values, Range)]
    if sample is None:
        if ranges:
            raise WrongUse(f"{ranges[0]} is a range, from which values are drawn: say how many with --sample")
        return [dict(zip(grid, values, strict=True)) for values in itertools.product(*grid.values())]
    if "seed" in ranges:
        raise WrongUse("seed takes whole numbers, as in 0..4")
    others = {name: values for name, values in grid.items() if name != "seed"}
    generator = random.Random(sample_seed)
    if ranges:
        drawn = [{name: _draw(values, generator) for name, values in others.items()} for _ in range(sample)]
    else:
        every = settings_of(others, None, 0)
        drawn = generator.sample(every, min(sample, len(every)))
    seeds = [{"seed": seed} for seed in grid.get("seed", [])] or [{}]
    return [setting | seed for setting in drawn for seed in seeds]


def _draw(values: list | Range, generator: random.Random):
    return values.draw(generator) if isinstance(values, Range) else generator.choice(values)


def listed(path: Path) -> list[dict]:
    """The settings of a CSV file (a header, and a row for each) or of a YAML file (a list of mappings)."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            rows = [{name: value_of(value) for name, value in row.items()} for row in csv.DictReader(io.StringIO(text))]
        else:
            rows = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, csv.Error) as error:
        raise WrongUse(f"{path}: cannot be read ({' '.join(str(error).split())})") from error
    if not isinstance(rows, list) or not rows or not all(isinstance(row, dict) and row for row in rows):
        raise WrongUse(f"{path}: not a list of settings; write a CSV table, or YAML such as - {{learning_rate: 0.1}}")
    if len({frozenset(row) for row in rows}) > 1:
        raise WrongUse(f"{path}: not every setting names the same parameters")
    return rows


@dataclass(frozen=True)
class Sweep:
    """A lesson, the settings to run it with, and what is the same for all of them."""

    lesson: Lesson
    profile: str
    fixed: Mapping
    settings: Sequence[Mapping]

    @property
    def names(self) -> list[str]:
        """What is swept, `seed` last."""
        return sorted(self.settings[0], key=lambda name: name == "seed")

    def named(self, setting: Mapping) -> str:
        """A run's name, from its setting; it is a file's name too."""
        name = "_".join(f"{name}={setting[name]}" for name in self.names)
        plain = re.sub(r"[^\w.=+-]", "-", name)
        if plain == name and len(plain) < 120:
            return name
        return f"{plain[:100]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"


def plan(course: Course, lesson: Lesson, profile: str, fixed: Mapping, settings: Sequence[Mapping]) -> Sweep:
    """A sweep whose every setting was checked. Raises WrongUse where one cannot be, or where there is none."""
    if not settings or not settings[0]:
        raise WrongUse("a sweep needs parameters to sweep: -g learning_rate 0.001,0.003 -g seed 0..4")
    settings = [dict(pairs) for pairs in dict.fromkeys(tuple(setting.items()) for setting in settings)]
    if double := set(fixed) & set(settings[0]):
        raise WrongUse(f"{double.pop()} is both swept and fixed")
    check_parameters(course, [lesson], profile, *({**fixed, **setting} for setting in settings))
    return Sweep(lesson, profile, fixed, settings)


# The runs and their tables --------------------------------------------------------------------------------------------


def run_sweep(
    sweep: Sweep, folder: Path, *, jobs: int = 1, scheduler: str | None = None, resume: bool = False
) -> list[dict]:
    """Run a sweep, write each run's notebook and result into `folder`/runs; the results in the settings' order.

    Every kernel has one torch thread, so that the figures do not depend on where and beside what they were measured.
    """
    beside = sweep.lesson.notebook.parent
    place = {"companions": _companions(beside)} if scheduler else {"folder": beside}
    notebook = without_outputs(nbformat.read(sweep.lesson.notebook, as_version=4))
    own = sweep.lesson.profiles[sweep.profile]
    tasks = [
        Task(
            sweep.named(setting), notebook, {**own, **sweep.fixed, **setting}, sweep.profile,
            threads=1, data=data_folder(), **place,
        )
        for setting in sweep.settings
    ]  # fmt: skip
    title = f"{sweep.lesson.name}, profile {sweep.profile}"
    results = run_tasks(tasks, folder / "runs", title, jobs=jobs, scheduler=scheduler, resume=resume)
    by_name = {result["name"]: result for result in results}
    return [by_name[task.name] for task in tasks]


def _companions(folder: Path) -> dict[str, bytes]:
    """The plain files beside the lessons that a lesson may read."""
    paths = [path for path in folder.iterdir() if path.is_file() and path.suffix not in HIDDEN_FILES]
    return {path.name: path.read_bytes() for path in paths}


def write_tables(results: Sequence[Mapping], folder: Path) -> None:
    """Write results.csv and results.parquet: a row for each run, its parameters, its single figures, its failure.

    What differs from one machine to the next goes into files of its own: seconds into times.csv. Figures that are
    lists, such as a loss for each epoch, go into curves.csv: a row for each number.
    """
    rows, times, curves = [], [], []
    for result in results:
        run = {"run": result["name"]}
        single = {name: value for name, value in result["figures"].items() if not isinstance(value, list)}
        seconds = {name: value for name, value in single.items() if name.endswith("seconds")}
        steady = {name: value for name, value in single.items() if name not in seconds}
        cause = result["failure"]["cause"] if result["failure"] else None
        rows.append({**run, **result["parameters"], **steady, "failure": cause})
        times.append({**run, "seconds": result["seconds"], **seconds})
        for name, values in result["figures"].items():
            for index, value in enumerate(values if isinstance(values, list) else []):
                curves.append({**run, "figure": name, "index": index, "value": value})
    for name, table in (("results", _table(rows)), ("times", _table(times)), ("curves", _table(curves))):
        text = io.BytesIO()
        pyarrow.csv.write_csv(table, text)
        write_whole(folder / f"{name}.csv", text.getvalue())
    parquet = io.BytesIO()
    pyarrow.parquet.write_table(_table(rows), parquet)
    write_whole(folder / "results.parquet", parquet.getvalue())


def _table(rows: Sequence[Mapping]) -> pyarrow.Table:
    """The rows as a table with every column that any row has, `failure` last."""
    names = sorted(dict.fromkeys(name for row in rows for name in row), key=lambda name: name == "failure")
    return pyarrow.table({name: _column([row.get(name) for row in rows]) for name in names})


def _column(values: list) -> pyarrow.Array:
    """Values of one kind as they are, and of several kinds as text."""
    try:
        column = pyarrow.array(values)
        if not pyarrow.types.is_nested(column.type) and not pyarrow.types.is_null(column.type):
            return column
    except (pyarrow.ArrowInvalid, pyarrow.ArrowTypeError):
        pass
    return pyarrow.array([None if value is None else str(value) for value in values], pyarrow.string())
