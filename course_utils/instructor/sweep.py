"""Runs one lesson over many settings of its parameters, here or on a Dask cluster, into tidy tables and a page."""

import csv
import hashlib
import io
import itertools
import math
import random
import re
import statistics
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import NamedTuple

import matplotlib
import numpy as np
import pyarrow
import pyarrow.csv
import pyarrow.parquet
import yaml
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..files import write_whole
from ..site.build import site, write_first_page, write_page, write_picture
from ..site.notebooks import pictures_of
from .execute import Task, origin_in_words, recorded, records
from .manifest import Course, Lesson, WrongUse, check_parameters, nearest, read_notebook, value_of
from .pages import first_page
from .run import expected_seconds, run_tasks, without_outputs

RANGE = re.compile(r"(log:)?(-?[\d.]+(?:e-?\d+)?)\.\.(-?[\d.]+(?:e-?\d+)?)")
PREFERRED = ("validation_accuracy", "accuracy", "validation_loss", "loss")
SMALLER_IS_BETTER = ("loss", "error", "seconds")
DASHES = ("-", "--", ":", "-.")
STYLE = resources.files("course_utils") / "course.mplstyle"
LARGE = {"font.size": 13, "axes.labelsize": 13, "axes.titlesize": 14}  # to be read on a phone


# What to run: a grid, a sample of it, or a list -----------------------------------------------------------------------


class Range(NamedTuple):
    """Numbers between two ends, to be drawn evenly, or evenly in their logarithm."""

    low: float
    high: float
    logarithmic: bool


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
    """One of the values, or a number of four digits from the range."""
    if not isinstance(values, Range):
        return generator.choice(values)
    low, high, logarithmic = values
    number = math.exp(generator.uniform(math.log(low), math.log(high))) if logarithmic else generator.uniform(low, high)
    return float(f"{number:.4g}")


def listed(path: Path) -> list[dict]:
    """The settings of a CSV file (a header, and a row for each) or of a YAML file (a list of mappings)."""
    try:
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".csv":
            rows = [{name: value_of(value) for name, value in row.items()} for row in csv.DictReader(io.StringIO(text))]
        else:
            rows = yaml.safe_load(text)
    except (OSError, UnicodeDecodeError, yaml.YAMLError, csv.Error) as error:
        raise WrongUse(f"{path}: cannot be read ({error})") from error
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


def plan(
    course: Course,
    lesson: Lesson,
    profile: str,
    fixed: Mapping,
    settings: Sequence[Mapping],
    measure: str | None = None,
) -> Sweep:
    """A sweep whose every setting was checked, and the figure that is to rank the runs. Raises WrongUse."""
    if not settings or not settings[0]:
        raise WrongUse("a sweep needs parameters to sweep: -g learning_rate 0.001,0.003 -g seed 0..4")
    settings = [dict(pairs) for pairs in dict.fromkeys(tuple(setting.items()) for setting in settings)]
    if double := set(fixed) & set(settings[0]):
        raise WrongUse(f"{double.pop()} is both swept and fixed")
    check_parameters(course, [lesson], profile, *({**fixed, **setting} for setting in settings))
    known = recordable(lesson)
    if measure and known and measure not in known:
        remedy = nearest(measure, known) or f"there are {', '.join(sorted(known))}"
        raise WrongUse(f"{lesson.name} records no number named {measure}; {remedy}")
    return Sweep(lesson, profile, fixed, settings)


def recordable(lesson: Lesson) -> set[str]:
    """The single figures that a lesson is known to record, by its bands and by the outputs it was committed with."""
    shown = recorded(read_notebook(lesson.notebook))
    banded = {name for sets in lesson.bands.values() for bands in sets.values() for name in bands}
    return {name for name in banded | set(shown) if _is_number(shown.get(name, 0))}


# The runs and their tables --------------------------------------------------------------------------------------------


def run_sweep(
    sweep: Sweep, folder: Path, *, jobs: int = 1, scheduler: str | None = None, resume: bool = False
) -> list[dict]:
    """Run a sweep, write each run's notebook and result into `folder`/runs; the results in the settings' order.

    Every kernel has one torch thread, so that the figures do not depend on where and beside what they were measured.
    """
    lesson, profile = sweep.lesson, sweep.profile
    notebook = without_outputs(read_notebook(lesson.notebook))
    place = {"threads": 1, "folder": None if scheduler else lesson.notebook.parent}
    place["expected"] = expected_seconds(lesson, profile)
    tasks = [
        Task(sweep.named(setting), notebook, {**lesson.profiles[profile], **sweep.fixed, **setting}, profile, **place)
        for setting in sweep.settings
    ]
    title = f"{lesson.name}, profile {profile}"
    results = run_tasks(tasks, folder / "runs", title, jobs=jobs, scheduler=scheduler, resume=resume)
    by_name = {result["name"]: result for result in results}
    return [by_name[task.name] for task in tasks]


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


# The page: the runs compared ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Group:
    """The runs of one setting, over its seeds; `numbers` are the measure of those that have it."""

    setting: dict
    runs: Sequence[Mapping]
    numbers: Sequence[float]

    @property
    def mean(self) -> float:
        """The mean of the measure; nan where no run has it, or where one run gave nan."""
        return statistics.fmean(self.numbers) if self.numbers else math.nan

    @property
    def spread(self) -> float | None:
        """The standard deviation."""
        return statistics.stdev(self.numbers) if len(self.numbers) > 1 else None

    @property
    def told(self) -> str:
        return told(self.setting)

    def shown(self) -> str:
        """Mean and spread as they are printed."""
        if not self.numbers:
            return "–"
        return f"{self.mean:.4g}" + ("" if self.spread is None else f" ± {self.spread:.2g}")


def compare(sweep: Sweep, results: Sequence[Mapping], wanted: str | None) -> tuple[str, list[Group]]:
    """The measure ("" where there is none), and the runs by setting: best mean first, last those without one.

    The measure is the one wanted, else the first accuracy, else loss, else number that differs between the settings.
    Raises WrongUse where runs recorded numbers and none of that name.
    """
    swept = [name for name in sweep.names if name != "seed"] or sweep.names
    by_setting = {}
    for result in results:
        by_setting.setdefault(tuple(result["parameters"][name] for name in swept), []).append(result)
    numbers = {name for result in results for name, value in result["figures"].items() if _is_number(value)}
    moved = [name for name in moved_figures(by_setting.values()) if name in numbers]
    if wanted and numbers and wanted not in numbers:
        raise WrongUse(f"no run recorded a number named {wanted}; there are {', '.join(moved) or 'none'}")
    liked = [name for word in PREFERRED for name in moved if word in name]
    measure = wanted or next(iter([*liked, *moved]), "")
    groups = []
    for values, runs in by_setting.items():
        measured = [run["figures"].get(measure) for run in runs]
        groups.append(Group(dict(zip(swept, values, strict=True)), runs, list(filter(_is_number, measured))))
    sign = 1 if falls(measure) else -1
    return measure, sorted(groups, key=lambda group: math.inf if math.isnan(group.mean) else sign * group.mean)


def moved_figures(settings: Iterable[Sequence[Mapping]]) -> list[str]:
    """The figures in which the settings' first runs, which have the same seed, differ; all where none do."""
    seen = {}
    for name, value in [pair for runs in settings for pair in runs[0]["figures"].items()]:
        if name != "dataset" and not name.endswith("seconds"):
            seen.setdefault(name, set()).add(str(value))
    return [name for name, values in seen.items() if len(values) > 1] or list(seen)


def falls(measure: str) -> bool:
    """Whether a smaller number is a better one."""
    return any(word in measure for word in SMALLER_IS_BETTER)


def told_apart(one: Group, other: Group) -> bool:
    """Whether two means differ by more than twice the standard error of their difference."""
    if one.spread is None or other.spread is None:
        return False
    error = math.sqrt(one.spread**2 / len(one.numbers) + other.spread**2 / len(other.numbers))
    return abs(one.mean - other.mean) > 2 * error


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_curve(value) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(_is_number(number) for number in value)


def told(setting: Mapping) -> str:
    """A setting in words."""
    return ", ".join(f"{name} {value}" for name, value in setting.items())


def build_page(sweep: Sweep, results: Sequence[Mapping], wanted: str | None, folder: Path) -> Path:
    """Build the page that compares the runs in `folder`, and beside it a run of the best and of the worst setting."""
    measure, groups = compare(sweep, results, wanted)
    ranked = [group for group in groups if not math.isnan(group.mean)]
    shown = dict(zip(("best", "worst"), ranked[:1] + ranked[1:][-1:], strict=False))
    description = f"A sweep of the lesson {sweep.lesson.title}: its runs compared."
    with site(folder / "page", description=description) as source, matplotlib.rc_context(LARGE, STYLE):
        for word, group in shown.items():
            write_page(folder / "runs" / f"{group.runs[0]['name']}.ipynb", source / f"{word}.ipynb")
        body = first_page(
            "sweep.html.jinja", sweep=sweep, results=results, measure=measure, falls=falls(measure), groups=groups,
            shown=shown, ranked=ranked, apart=len(ranked) > 1 and told_apart(*ranked[:2]),
            figures=list(_draw_figures(measure, groups, source / "static")),
            grids=list(_grids(measure, groups, folder / "runs", source / "static")),
            datasets=sorted({str(result["figures"].get("dataset")) for result in results}),
            origins=sorted({origin_in_words(result.get("origin", {})) for result in results} - {""}),
        )  # fmt: skip
        pages = {word: f"The {word} setting: {group.told}" for word, group in shown.items()}
        write_first_page(source, body, pages)
    return folder / "page" / "index.html"


def _draw_figures(measure: str, groups: Sequence[Group], static: Path) -> Iterator[dict]:
    """Draw the page's figures into `static`."""
    drawn = {"spread": draw_spread(measure, groups)} if measure else {}
    for name in moved_figures(group.runs for group in groups):
        if any(_is_curve(run["figures"].get(name)) for group in groups for run in group.runs):
            drawn[f"curve-{name}"] = draw_curves(name, groups)
    for name, (axes, text) in drawn.items():
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), fontsize=12, ncols=2)
        picture = io.BytesIO()
        axes.figure.savefig(picture, format="png", bbox_inches="tight", dpi=140)
        yield write_picture(static, name, picture.getvalue(), text)


def draw_curves(name: str, groups: Sequence[Group]) -> tuple[Axes, str]:
    """One recorded list over its index: the mean of a setting's seeds bold, each seed pale; and its text."""
    axes, ends = Figure(figsize=(6.4, 4)).subplots(), []
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, len(groups)))
    for group, shade, dash in zip(groups, shades, itertools.cycle(DASHES), strict=False):
        curves = [run["figures"][name] for run in group.runs if _is_curve(run["figures"].get(name))]
        for curve in curves if len(curves) > 1 else []:
            axes.plot(range(1, len(curve) + 1), curve, color=shade, linestyle=dash, linewidth=0.8, alpha=0.4)
        if curves:
            mean = np.mean(list(zip(*curves, strict=False)), axis=1)  # as far as the shortest goes
            axes.plot(range(1, len(mean) + 1), mean, color=shade, linestyle=dash, label=group.told)
            ends.append(f"{group.told} ends at {mean[-1]:.4g}")
    axes.set(title=name, xlabel="entry of the recorded list", ylabel=name)
    axes.xaxis.get_major_locator().set_params(integer=True)
    return axes, f"{name}, the mean of the seeds of each setting: {'; '.join(ends)}."


def draw_spread(measure: str, groups: Sequence[Group]) -> tuple[Axes, str]:
    """The measure of each run over the first swept parameter, with mean and standard deviation; and its text."""
    axes, lines, texts = Figure(figsize=(6.4, 4)).subplots(), {}, []
    (first, *others), measured = groups[0].setting, [group for group in groups if group.numbers]
    places = [group.setting[first] for group in measured]
    numeric = all(map(_is_number, places))
    for group, place in zip(measured, places if numeric else map(str, places), strict=True):
        axes.plot([place] * len(group.numbers), group.numbers, "o", color="#8A8A8A", markersize=4, alpha=0.7)
        line = lines.setdefault(told({name: group.setting[name] for name in others}) or "mean and spread", [])
        line.append((place, group.mean, group.spread or 0.0))
        texts.append(f"{group.told}: {group.shown()}")
    for (label, points), dash in zip(lines.items(), itertools.cycle(DASHES), strict=False):
        axes.errorbar(*zip(*sorted(points), strict=True), linestyle=dash, marker="s", capsize=4, label=label)
    if numeric and places and min(places) > 0 and max(places) / min(places) >= 10:
        axes.set_xscale("log")
    axes.set(title=f"{measure}: each run, mean ± standard deviation", xlabel=first, ylabel=measure)
    return axes, f"{measure}, mean and standard deviation over seeds: {'; '.join(texts)}."


def _grids(measure: str, groups: Sequence[Group], runs: Path, static: Path) -> Iterator[dict]:
    """One picture of each setting's first run, all from the same place of the notebook, written into `static`.

    It is one that the settings change, since a notebook may show networks that were not swept; rather one of digits
    that were read; and the nearest to where the measure was recorded.
    """
    notebooks = [read_notebook(runs / f"{group.runs[0]['name']}.ipynb") for group in groups]
    drawn = [{place: one for place, cell in enumerate(notebook.cells) for one in pictures_of(cell)}
             for notebook in notebooks]  # fmt: skip
    places = {place for pictures in drawn for place in pictures}
    different = {place: len({pictures[place] for pictures in drawn if place in pictures}) for place in places}
    home = next((place for one in notebooks for place, record in records(one).items() if measure in record), 0)

    def rank(place: int) -> tuple:
        read = any("read right" in pictures[place][1] for pictures in drawn if place in pictures)
        return different[place] == 1, not read, abs(place - home)

    for number, (group, pictures) in enumerate(zip(groups, drawn, strict=True)):
        if (best := min(places, key=rank)) in pictures:
            yield write_picture(static, f"grid-{number}", *pictures[best]) | {
                "caption": f"{group.told}: {group.shown()}"
            }
