"""Compares the runs of a sweep on one page: curves, means with their spread, a heat map, prediction grids."""

import io
import statistics
import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import jinja2
import matplotlib
import nbformat
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from .manifest import WrongUse
from .outputs import pictures
from .report import part, site, write_first_page, write_page
from .sweep import Sweep

PREFERRED = ("validation_accuracy", "accuracy", "validation_loss", "loss")
SMALLER_IS_BETTER = ("loss", "error", "seconds")
DASHES = ("-", "--", ":", "-.")
STYLE = resources.files("course_utils") / "course.mplstyle"


@dataclass(frozen=True)
class Comparison:
    """A sweep's results in order, grouped by setting (without the seed), and the figure they are ranked by."""

    sweep: Sweep
    results: Sequence[Mapping]
    measure: str

    @property
    def swept(self) -> list[str]:
        """The parameters that make a setting: all that are swept, but for the seed where there are others."""
        return [name for name in self.sweep.names if name != "seed"] or self.sweep.names

    @property
    def groups(self) -> dict[tuple, list[Mapping]]:
        """Setting → the results of its seeds."""
        groups = {}
        for result in self.results:
            groups.setdefault(tuple(result["parameters"][name] for name in self.swept), []).append(result)
        return groups

    @property
    def falls(self) -> bool:
        """Whether a smaller measure is a better one."""
        return any(word in self.measure for word in SMALLER_IS_BETTER)

    def ranked(self) -> list[Mapping]:
        """The runs that have the measure, best first."""
        having = [result for result in self.results if _is_number(result["figures"].get(self.measure))]
        return sorted(having, key=lambda result: result["figures"][self.measure], reverse=not self.falls)

    def told(self, setting: tuple) -> str:
        return ", ".join(f"{name} {value}" for name, value in zip(self.swept, setting, strict=True))

    def numbers(self, runs: Sequence[Mapping]) -> list[float]:
        """The measure of each run that has it."""
        return [run["figures"][self.measure] for run in runs if _is_number(run["figures"].get(self.measure))]


def _is_number(value) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def compare(sweep: Sweep, results: Mapping[str, Mapping], measure: str | None) -> Comparison:
    """The results, ranked by `measure`, else by the first accuracy, else loss, that the swept parameters move.

    Raises WrongUse for a measure that no run recorded as a number.
    """
    ordered = [results[sweep.named(setting)] for setting in sweep.settings]
    moved = moved_figures(sweep, ordered)
    numbers = [name for name in moved if any(_is_number(result["figures"].get(name)) for result in ordered)]
    if measure is None:
        liked = [name for word in PREFERRED for name in numbers if word in name]
        measure = next(iter([*liked, *numbers]), "")
    elif not any(_is_number(result["figures"].get(measure)) for result in ordered):
        raise WrongUse(f"no run recorded a number named {measure}; there are {', '.join(numbers) or 'none'}")
    return Comparison(sweep, ordered, measure)


def moved_figures(sweep: Sweep, results: Sequence[Mapping]) -> list[str]:
    """The figures that differ between settings of the same seed; where only seeds are swept, between seeds."""
    only_seeds = sweep.names == ["seed"]
    seen = {}
    for result in results:
        seed = None if only_seeds else result["parameters"].get("seed")
        for name, value in result["figures"].items():
            if not name.endswith("seconds"):
                seen.setdefault(name, {}).setdefault(seed, set()).add(str(value))
    moved = [name for name, by_seed in seen.items() if any(len(values) > 1 for values in by_seed.values())]
    return moved or [name for name in seen if name != "dataset"]


def build_page(comparison: Comparison, folder: Path, out: Path) -> Path:
    """Build the page, with the best and the worst run beside it, from the runs in `folder`; return it."""
    ranked = comparison.ranked()
    shown = {"best": ranked[0], "worst": ranked[-1]} if len(ranked) > 1 else {"best": ranked[0]} if ranked else {}
    with site(out) as source, matplotlib.rc_context(fname=str(STYLE)):
        figures = _figures(comparison)
        for name, (figure, _) in figures.items():
            (source / "static" / f"{name}.png").write_bytes(_png(figure))
        pages = []
        for word, result in shown.items():
            write_page(folder / "runs" / f"{result['name']}.ipynb", source / f"{word}.ipynb")
            pages.append(f"The {word} run: {_setting(result, comparison.sweep.names)} <{word}>")
        template = jinja2.Template(part("sweep.html.jinja"), autoescape=True)
        body = template.render(
            comparison=comparison, figures={name: text for name, (_, text) in figures.items()},
            shown=shown, rows=_rows(comparison),
            grids=_grids(comparison, folder, source / "static"), names=comparison.sweep.names,
            datasets=sorted({str(result["figures"].get("dataset")) for result in comparison.results}),
        )  # fmt: skip
        write_first_page(source, f"Sweep of {comparison.sweep.lesson.title}", body, pages)
    return out / "index.html"


def _setting(result: Mapping, names: Sequence[str]) -> str:
    return ", ".join(f"{name} {result['parameters'][name]}" for name in names)


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()


def _figures(comparison: Comparison) -> dict[str, tuple[Figure, str]]:
    """Each figure of the page with its alternative text, by its file's name."""
    figures = {}
    if comparison.measure:
        figures["spread"] = draw_spread(comparison)
        if len(comparison.swept) == 2:
            figures["heat"] = draw_heat_map(comparison)
    for name in moved_figures(comparison.sweep, comparison.results):
        if any(_is_curve(result["figures"].get(name)) for result in comparison.results):
            figures[f"curve-{name}"] = draw_curves(comparison, name)
    return figures


def _is_curve(value) -> bool:
    return isinstance(value, list) and len(value) > 1 and all(_is_number(number) for number in value)


def _looks(comparison: Comparison) -> dict[tuple, dict]:
    """A colour for each value of the first swept parameter, and a dash for each combination of the others."""
    firsts = list(dict.fromkeys(setting[0] for setting in comparison.groups))
    others = list(dict.fromkeys(setting[1:] for setting in comparison.groups))
    shades = matplotlib.colormaps["viridis"](np.linspace(0, 0.85, len(firsts)))
    return {
        setting: {
            "color": shades[firsts.index(setting[0])],
            "linestyle": DASHES[others.index(setting[1:]) % len(DASHES)],
        }
        for setting in comparison.groups
    }


def _legend_beside(axes: Axes, entries: int) -> None:
    if entries > 1:
        axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5), fontsize=8, ncols=1 + (entries - 1) // 16)


def draw_curves(comparison: Comparison, name: str) -> tuple[Figure, str]:
    """One recorded list over its index: the mean of a setting's seeds bold, each seed pale; and its text."""
    figure = Figure(figsize=(8.4, 4.2))
    axes = figure.subplots()
    ends = {}
    for setting, look in _looks(comparison).items():
        curves = [run["figures"].get(name) for run in comparison.groups[setting]]
        curves = [curve for curve in curves if _is_curve(curve)]
        for curve in curves if len(curves) > 1 else []:
            axes.plot(range(1, len(curve) + 1), curve, **look, linewidth=0.8, alpha=0.4)
        if curves:
            length = min(len(curve) for curve in curves)
            mean = np.mean([curve[:length] for curve in curves], axis=0)
            axes.plot(range(1, length + 1), mean, **look, marker="o" if length < 30 else "", markersize=3,
                      label=comparison.told(setting))  # fmt: skip
            ends[comparison.told(setting)] = mean[-1]
    axes.set(title=name, xlabel="entry of the recorded list", ylabel=name)
    _legend_beside(axes, len(ends))
    text = "; ".join(f"{setting} ends at {end:.4g}" for setting, end in ends.items())
    return figure, f"{name}, the mean of the seeds of each setting: {text}."


def draw_spread(comparison: Comparison) -> tuple[Figure, str]:
    """The measure of each run over the first swept parameter, with mean and standard deviation; and its text."""
    figure = Figure(figsize=(8.4, 4.2))
    axes = figure.subplots()
    firsts = list(dict.fromkeys(setting[0] for setting in comparison.groups))
    numeric = all(_is_number(value) for value in firsts)
    firsts = sorted(firsts) if numeric else firsts
    places = {value: value if numeric else index for index, value in enumerate(firsts)}
    looks = _looks(comparison)
    lines, texts = {}, []
    for setting, runs in comparison.groups.items():
        numbers = comparison.numbers(runs)
        if numbers:
            mean, spread = statistics.fmean(numbers), statistics.stdev(numbers) if len(numbers) > 1 else 0.0
            axes.plot([places[setting[0]]] * len(numbers), numbers, "o", color="#8A8A8A", markersize=4, alpha=0.7)
            lines.setdefault(setting[1:], []).append((places[setting[0]], mean, spread, looks[setting]["linestyle"]))
            texts.append(f"{comparison.told(setting)}: {mean:.4g} ± {spread:.2g}")
    for others, points in lines.items():
        at, means, spreads, dashes = zip(*sorted(points), strict=True)
        names = ", ".join(f"{name} {value}" for name, value in zip(comparison.swept[1:], others, strict=True))
        axes.errorbar(at, means, spreads, linestyle=dashes[0], marker="s", markersize=6, capsize=4, label=names)
    if not numeric:
        axes.set_xticks(range(len(firsts)), [str(value) for value in firsts])
    elif min(firsts) > 0 and max(firsts) / min(firsts) >= 10:
        axes.set_xscale("log")
    axes.set(title=f"{comparison.measure}: each run, mean and spread", xlabel=comparison.swept[0],
             ylabel=comparison.measure)  # fmt: skip
    _legend_beside(axes, len(lines))
    return figure, f"{comparison.measure}, mean and standard deviation over seeds: {'; '.join(texts)}."


def draw_heat_map(comparison: Comparison) -> tuple[Figure, str]:
    """The mean measure for each pair of values of two swept parameters; and its text."""
    rows, columns = (list(dict.fromkeys(setting[axis] for setting in comparison.groups)) for axis in (0, 1))
    means = np.full((len(rows), len(columns)), np.nan)
    for setting, runs in comparison.groups.items():
        if numbers := comparison.numbers(runs):
            means[rows.index(setting[0]), columns.index(setting[1])] = statistics.fmean(numbers)
    figure = Figure(figsize=(2.5 + 1.1 * len(columns), 1.6 + 0.6 * len(rows)))
    axes = figure.subplots()
    image = axes.imshow(means, cmap="viridis_r" if comparison.falls else "viridis", aspect="auto")
    axes.grid(visible=False)
    for (row, column), mean in np.ndenumerate(means):
        if np.isfinite(mean):
            colour = "white" if sum(image.cmap(image.norm(mean))[:3]) < 1.6 else "black"
            axes.text(column, row, f"{mean:.4g}", ha="center", va="center", color=colour, fontsize=9)
    axes.set_xticks(range(len(columns)), [str(value) for value in columns])
    axes.set_yticks(range(len(rows)), [str(value) for value in rows])
    axes.set(title=f"mean {comparison.measure}", xlabel=comparison.swept[1], ylabel=comparison.swept[0])
    texts = [
        f"{comparison.swept[0]} {rows[row]}, {comparison.swept[1]} {columns[column]}: {mean:.4g}"
        for (row, column), mean in np.ndenumerate(means)
        if np.isfinite(mean)
    ]
    return figure, f"The mean of {comparison.measure} for each pair: {'; '.join(texts)}."


def _rows(comparison: Comparison) -> list[dict]:
    """A row for each setting: its runs, and mean and spread of the measure; best first."""
    rows = []
    for setting, runs in comparison.groups.items():
        numbers = comparison.numbers(runs)
        mean = statistics.fmean(numbers) if numbers else None
        spread = statistics.stdev(numbers) if len(numbers) > 1 else None
        rows.append({"setting": setting, "runs": runs, "mean": mean, "spread": spread, "number": len(numbers)})
    known = [row for row in rows if row["mean"] is not None]
    known.sort(key=lambda row: row["mean"], reverse=not comparison.falls)
    return known + [row for row in rows if row["mean"] is None]


def _grids(comparison: Comparison, folder: Path, static: Path) -> list[dict]:
    """The largest prediction grid of each setting's first run, written into `static`."""
    grids = []
    for number, runs in enumerate(comparison.groups.values()):
        notebook = nbformat.read(folder / "runs" / f"{runs[0]['name']}.ipynb", as_version=4)
        predicted = [(picture, text) for picture, text in pictures(notebook) if "read right" in text]
        if predicted:
            picture, text = max(predicted, key=lambda pair: _area(pair[0]))
            (static / f"grid-{number}.png").write_bytes(picture)
            caption = _setting(runs[0], comparison.sweep.names)
            grids.append({"name": f"grid-{number}", "caption": caption, "text": text})
    return grids


def _area(png: bytes) -> int:
    """Width times height, which stand at bytes 16 to 24 of a PNG (its IHDR chunk)."""
    width, height = struct.unpack(">II", png[16:24])
    return width * height
