"""Compares the runs of a sweep on one page: curves, means with their spread, a heat map, prediction grids."""

import io
import itertools
import statistics
import struct
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib import resources
from pathlib import Path

import matplotlib
import nbformat
import numpy as np
from matplotlib.figure import Figure

from ..site.build import site, write_first_page, write_page, write_picture
from ..site.notebooks import pictures
from .manifest import WrongUse
from .pages import first_page
from .sweep import Sweep

PREFERRED = ("validation_accuracy", "accuracy", "validation_loss", "loss")
SMALLER_IS_BETTER = ("loss", "error", "seconds")
DASHES = ("-", "--", ":", "-.")
STYLE = resources.files("course_utils") / "course.mplstyle"


@dataclass(frozen=True)
class Group:
    """The runs of one setting, over its seeds; `numbers` are the measure of each that has it."""

    setting: tuple
    label: str
    runs: Sequence[Mapping]
    numbers: Sequence[float]

    @property
    def mean(self) -> float | None:
        return statistics.fmean(self.numbers) if self.numbers else None

    @property
    def spread(self) -> float | None:
        """The standard deviation."""
        return statistics.stdev(self.numbers) if len(self.numbers) > 1 else None


@dataclass(frozen=True)
class Comparison:
    """A sweep's results in the settings' order, and the figure they are ranked by ("" where there is none)."""

    sweep: Sweep
    results: Sequence[Mapping]
    measure: str

    @property
    def swept(self) -> list[str]:
        """The parameters that make a setting: all that are swept, but for the seed where there are others."""
        return [name for name in self.sweep.names if name != "seed"] or self.sweep.names

    @property
    def falls(self) -> bool:
        """Whether a smaller measure is a better one."""
        return any(word in self.measure for word in SMALLER_IS_BETTER)

    @cached_property
    def groups(self) -> list[Group]:
        """The runs by setting, in the settings' order."""
        by_setting = {}
        for result in self.results:
            by_setting.setdefault(tuple(result["parameters"][name] for name in self.swept), []).append(result)
        return [
            Group(
                setting, told(self.swept, setting), runs, [run["figures"][self.measure] for run in self._having(runs)]
            )
            for setting, runs in by_setting.items()
        ]

    def values(self, axis: int) -> list:
        """What the swept parameter number `axis` takes, in the settings' order."""
        return list(dict.fromkeys(group.setting[axis] for group in self.groups))

    def ranked_groups(self) -> list[Group]:
        """The groups, best mean first, and last those without the measure."""
        having = [group for group in self.groups if group.numbers]
        having.sort(key=lambda group: group.mean, reverse=not self.falls)
        return having + [group for group in self.groups if not group.numbers]

    def ranked(self) -> list[Mapping]:
        """The runs that have the measure, best first."""
        having = self._having(self.results)
        return sorted(having, key=lambda result: result["figures"][self.measure], reverse=not self.falls)

    def _having(self, results: Sequence[Mapping]) -> list[Mapping]:
        return [result for result in results if _is_number(result["figures"].get(self.measure))]


def told(names: Sequence[str], values: Sequence) -> str:
    """A setting in words."""
    return ", ".join(f"{name} {value}" for name, value in zip(names, values, strict=True))


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_curve(value) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(_is_number(number) for number in value)


def compare(sweep: Sweep, results: Sequence[Mapping], measure: str | None) -> Comparison:
    """The results, ranked by `measure`, else by the first accuracy, else loss, that the swept parameters move.

    Raises WrongUse for a measure that no run recorded as a number.
    """
    numbers = {name for result in results for name, value in result["figures"].items() if _is_number(value)}
    moved = [name for name in moved_figures(sweep, results) if name in numbers]
    if measure is None:
        liked = [name for word in PREFERRED for name in moved if word in name]
        measure = next(iter([*liked, *moved]), "")
    elif measure not in numbers:
        raise WrongUse(f"no run recorded a number named {measure}; there are {', '.join(moved) or 'none'}")
    return Comparison(sweep, results, measure)


def moved_figures(sweep: Sweep, results: Sequence[Mapping]) -> list[str]:
    """The figures that differ between settings of the same seed; where only seeds are swept, between seeds."""
    seen = {}
    for result in results:
        seed = None if sweep.names == ["seed"] else result["parameters"].get("seed")
        for name, value in result["figures"].items():
            if not name.endswith("seconds"):
                seen.setdefault(name, {}).setdefault(seed, set()).add(str(value))
    moved = [name for name, by_seed in seen.items() if any(len(values) > 1 for values in by_seed.values())]
    return moved or [name for name in seen if name != "dataset"]


def build_page(comparison: Comparison, folder: Path, out: Path) -> Path:
    """Build the page, with the best and the worst run beside it, from the runs in `folder`; return it."""
    ranked, names = comparison.ranked(), comparison.sweep.names
    shown = dict(zip(("best", "worst"), ranked if len(ranked) < 2 else (ranked[0], ranked[-1]), strict=False))
    description = f"A sweep of the lesson {comparison.sweep.lesson.title}: its runs compared."
    with site(out, description=description) as source, matplotlib.rc_context(fname=str(STYLE)):
        pages = {}
        for word, result in shown.items():
            write_page(folder / "runs" / f"{result['name']}.ipynb", source / f"{word}.ipynb")
            setting = told(names, [result["parameters"][name] for name in names])
            pages[word] = f"The {word} run: {setting}"
        body = first_page(
            "sweep.html.jinja",
            comparison=comparison, sweep=comparison.sweep, shown=shown, heat=heat_map(comparison),
            figures=list(_figures(comparison, source / "static")),
            grids=list(_grids(comparison, folder, source / "static")),
            datasets=sorted({str(result["figures"].get("dataset")) for result in comparison.results}),
        )  # fmt: skip
        write_first_page(source, body, pages)
    return out / "index.html"


def heat_map(comparison: Comparison) -> list[list[dict]]:
    """Where two parameters are swept: the mean of each pair of values, and its place from worst 0 to best 100."""
    if len(comparison.swept) != 2:
        return []
    means = {group.setting: group.mean for group in comparison.groups if group.numbers}
    low, high = min(means.values(), default=0), max(means.values(), default=0)

    def cell(pair: tuple) -> dict:
        if pair not in means:
            return {}
        share = (means[pair] - low) / ((high - low) or 1)
        return {"mean": means[pair], "place": round(100 * (1 - share if comparison.falls else share))}

    return [[cell((first, second)) for second in comparison.values(1)] for first in comparison.values(0)]


def _figures(comparison: Comparison, static: Path) -> Iterator[dict]:
    """Draw the page's figures into `static`."""
    drawn = {"spread": draw_spread(comparison)} if comparison.measure else {}
    for name in moved_figures(comparison.sweep, comparison.results):
        if any(_is_curve(result["figures"].get(name)) for result in comparison.results):
            drawn[f"curve-{name}"] = draw_curves(comparison, name)
    for name, (figure, text) in drawn.items():
        picture = io.BytesIO()
        figure.savefig(picture, format="png")
        yield write_picture(static, name, picture.getvalue(), text)


def _legend_beside(axes, entries: int) -> None:
    if entries > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, ncols=1 + (entries - 1) // 16)


def draw_curves(comparison: Comparison, name: str) -> tuple[Figure, str]:
    """One recorded list over its index: the mean of a setting's seeds bold, each seed pale; and its text.

    A colour for each value of the first swept parameter, and a dash for each combination of the others.
    """
    figure = Figure(figsize=(8.4, 4.2))
    axes = figure.subplots()
    firsts, others, ends = comparison.values(0), list(dict.fromkeys(one.setting[1:] for one in comparison.groups)), []
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, len(firsts)))
    for group in comparison.groups:
        dash = DASHES[others.index(group.setting[1:]) % len(DASHES)]
        look = {"color": shades[firsts.index(group.setting[0])], "linestyle": dash}
        curves = [run["figures"][name] for run in group.runs if _is_curve(run["figures"].get(name))]
        for curve in curves if len(curves) > 1 else []:
            axes.plot(range(1, len(curve) + 1), curve, **look, linewidth=0.8, alpha=0.4)
        if curves:
            mean = np.mean(list(zip(*curves, strict=False)), axis=1)  # as far as the shortest goes
            marker = "o" if len(mean) < 30 else ""
            axes.plot(range(1, len(mean) + 1), mean, **look, marker=marker, markersize=3, label=group.label)
            ends.append(f"{group.label} ends at {mean[-1]:.4g}")
    axes.set(title=name, xlabel="entry of the recorded list", ylabel=name)
    _legend_beside(axes, len(ends))
    return figure, f"{name}, the mean of the seeds of each setting: {'; '.join(ends)}."


def draw_spread(comparison: Comparison) -> tuple[Figure, str]:
    """The measure of each run over the first swept parameter, with mean and standard deviation; and its text."""
    figure = Figure(figsize=(8.4, 4.2))
    axes = figure.subplots()
    firsts, lines, texts = comparison.values(0), {}, []
    numeric = all(_is_number(value) for value in firsts)
    for group in comparison.groups:
        if group.numbers:
            place = group.setting[0] if numeric else firsts.index(group.setting[0])
            axes.plot([place] * len(group.numbers), group.numbers, "o", color="#8A8A8A", markersize=4, alpha=0.7)
            lines.setdefault(group.setting[1:], []).append((place, group.mean, group.spread or 0.0))
            texts.append(f"{group.label}: {group.mean:.4g} ± {group.spread or 0:.2g}")
    for (others, points), dash in zip(lines.items(), itertools.cycle(DASHES), strict=False):
        label = told(comparison.swept[1:], others)
        axes.errorbar(
            *zip(*sorted(points), strict=True), linestyle=dash, marker="s", markersize=6, capsize=4, label=label
        )
    if not numeric:
        axes.set_xticks(range(len(firsts)), [str(value) for value in firsts])
    elif min(firsts) > 0 and max(firsts) / min(firsts) >= 10:
        axes.set_xscale("log")
    measure = comparison.measure
    axes.set(title=f"{measure}: each run, mean and spread", xlabel=comparison.swept[0], ylabel=measure)
    _legend_beside(axes, len(lines))
    return figure, f"{measure}, mean and standard deviation over seeds: {'; '.join(texts)}."


def _grids(comparison: Comparison, folder: Path, static: Path) -> Iterator[dict]:
    """The largest prediction grid of each setting's first run, written into `static`."""
    names = comparison.sweep.names
    for number, group in enumerate(comparison.groups):
        first = group.runs[0]
        notebook = nbformat.read(folder / "runs" / f"{first['name']}.ipynb", as_version=4)
        grids = [one for one in pictures(notebook) if "read right" in one[1]]
        if grids:
            picture, text = max(grids, key=lambda one: _area(one[0]))
            caption = told(names, [first["parameters"][name] for name in names])
            yield write_picture(static, f"grid-{number}", picture, text) | {"caption": caption}


def _area(png: bytes) -> int:
    """Width times height, which stand at bytes 16 to 24 of a PNG (its IHDR chunk)."""
    width, height = struct.unpack(">II", png[16:24])
    return width * height
