"""The table and the figure of whatever parts were measured."""

from pathlib import Path

import matplotlib.pyplot as plt

from course_utils.files import write_whole
from course_utils.plotting import STYLE

from .measure import read_parts

PIPELINES = ("files", "image by image", "course", "alone")
BOUNDS = {
    "files_over_course": ("≥ 12", lambda value: value >= 12),
    "course_over_alone": ("≤ 1.15", lambda value: value <= 1.15),
    "convolutions_over_course": ("≥ 0.75", lambda value: value >= 0.75),
    "course_over_one_thread": ("≤ 1.3", lambda value: value <= 1.3),
}


def write(folder: Path) -> None:
    parts = read_parts(folder)
    tables = [write_table(parts[name]) for name, write_table in TABLES if name in parts]
    if _draw(parts, folder / "results.png"):
        tables.insert(0, "![An epoch of each network, the race, and how the cost grows: the tables below](results.png)")
    write_whole(folder / "results.md", "\n\n".join(["# Where the seconds go", _machines(parts), *tables]) + "\n")


def _machines(parts: dict) -> str:
    told = dict.fromkeys(
        "{usable_cores} cores, {processor}, {system}, Python {python}, torch {torch}".format(**part["machine"])
        for part in parts.values()
    )
    data = dict.fromkeys(part["dataset"] for part in parts.values())
    missing = "" if "mnist" in data else " **MNIST was not at hand: these are the embedded digits.**"
    return (
        f"Measured on {'; '.join(told)}. Data: {', '.join(data)}.{missing} Each figure is a median, with the lowest "
        "and the highest in brackets; a ratio is taken within one round. A bound is the aim on two quiet cores."
    )


def _table(header: list[str], rows: list[list[str]]) -> str:
    lines = [header, ["---"] + ["--:"] * (len(header) - 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _shown(found: dict[str, float], style: str = ".2f") -> str:
    return f"{found['median']:{style}} ({found['lowest']:{style}}–{found['highest']:{style}})"


def _judged(name: str, found: dict[str, float]) -> str:
    bound, kept = BOUNDS[name]
    return f"{_shown(found)} {'✓' if kept(found['median']) else '✗'} {bound}"


def _epochs(part: dict) -> str:
    rows, ways = [], []
    for name, found in part["networks"].items():
        seconds = found["seconds"]
        small = "convolutions" not in seconds
        over_files = found["files_over_course"]
        over_alone = found["course_over_alone"]
        rows.append([
            name, str(found["threads"]), *(_shown(seconds[pipeline]) for pipeline in PIPELINES),
            _judged("files_over_course", over_files) if small else _shown(over_files),
            _shown(found["image_by_image_over_course"]),
            _judged("course_over_alone", over_alone) if small else _shown(over_alone),
        ])  # fmt: skip
        others = [way for way in seconds if way not in (*PIPELINES, "convolutions")]
        ways += [[name, way, _shown(seconds[way])] for way in ("course", *others)]
    ratios = ["files / course", "image by image / course", "course / alone"]
    header = ["network", "threads", "files", "image by image", "the course", "alone", *ratios]
    return "\n\n".join([
        f"## 1. An epoch of 60,000 digits, in seconds\n\n(Measured on {part['images']:,} digits, {part['rounds']} "
        "times. *Files*: picture files opened, transformed (`ToTensor`, `Normalize`) and collated one by one. "
        "*Image by image*: the same from memory. *Alone*: forward, backward and step on batches that lie ready.)",
        _table(header, rows),
        "Other ways to run the same recipe, in seconds:",
        _table(["network", "way", "seconds"], ways),
    ])  # fmt: skip


def _limits(part: dict) -> str:
    rows = []
    for name, found in part["networks"].items():
        gigaflops, share = found["gigaflops"], found.get("convolutions_over_course")
        rows.append([
            name, _shown(gigaflops["course"], ".1f"), _shown(gigaflops["matrix"], ".0f"),
            _shown(found["course_over_matrix"]), _judged("convolutions_over_course", share) if share else "–",
        ])  # fmt: skip
    return "\n\n".join([
        "## 3. What the machine could do\n\n(GFLOP/s: thousands of millions of operations a second. *Convolutions*: "
        "the share of the epoch that its convolutions take when measured alone.)",
        _table(["network", "GFLOP/s", "matrix product", "share of it", "convolutions"], rows),
    ])  # fmt: skip


def _race(part: dict) -> str:
    racer, example = part["racer"], part["example"]
    last = example["epochs"][-1]
    rows = [[f"racer, seed {one['seed']}", f"{one['seconds']:.1f}", f"{one['validation_accuracy']:.2%}",
             f"{one['test_accuracy']:.2%}"] for one in part["racers"]]  # fmt: skip
    rows += [[f"example, epoch {index}", f"{one['seconds']:.0f}", f"{one['validation_accuracy']:.2%}", ""]
             for index, one in enumerate(example["epochs"], start=1)]  # fmt: skip
    rows[-1][-1] = f"{example['test_accuracy']:.2%}"
    verdict = "reached" if last["validation_accuracy"] >= part["goal"] else "did not reach"
    return "\n\n".join([
        "## 2. Seconds to 99 %",
        f"Trained on {part['training_digits']:,} digits. The racer's mean over {len(rows) - len(example['epochs'])} "
        f"seeds: {racer['mean_validation_accuracy']:.2%} of the held-out digits ({racer['reached']} of "
        f"{len(part['racers'])} reached 99 %), {racer['mean_test_accuracy']:.2%} of the test digits, in "
        f"{_shown(racer['seconds'], '.1f')} s. The example {verdict} 99 % after {last['seconds']:.0f} s: "
        f"{_shown(part['example_over_racer'], '.1f')} times as long.",
        _table(["run", "seconds", "held-out digits", "test digits"], rows),
    ])  # fmt: skip


def _start(part: dict) -> str:
    rows = [
        [name, _shown(found["seconds"]), f"{found['peak_megabytes']:,.0f}" if found["peak_megabytes"] else "–"]
        for name, found in part["cases"].items()
    ]
    told = "(Digits are loaded, and the figure is drawn, when all is imported. Memory is the whole process's.)"
    return f"## 4. Before the first epoch\n\n{told}\n\n" + _table(["what", "seconds", "peak memory, MB"], rows)


def _lessons(part: dict) -> str:
    texts = ["## 5. The whole course"]
    for profile, ran in part["profiles"].items():
        rows = [
            [one["lesson"], f"{one['seconds']:.0f}" + (" (failed)" if one["failure"] else ""),
             "; ".join(f"{cell['seconds']:.0f} s `{cell['first_line'][:40]}`" for cell in one["slowest_cells"][:3])]
            for one in ran
        ]  # fmt: skip
        rows.append(["**all**", f"**{sum(one['seconds'] for one in ran):.0f}**", ""])
        texts.append(_table([f"`{profile}`", "seconds", "slowest cells"], rows))
    together = ", ".join(f"`{profile}` {seconds:.0f} s" for profile, seconds in part["together_seconds"].items())
    texts.append(f"All lessons, as many at once as there are cores: {together}.")
    return "\n\n".join(texts)


def _growth(part: dict) -> str:
    rows = []
    for line in part["lines"]:
        name = f"{line['network']}, {line['pipeline']}"
        rows.append([name, *(_shown(found) for found in line["by_images"])])
    by_images = _table(["digits", *(f"{size:,}" for size in part["images"])], rows)
    rows = [[line["network"], *(_shown(found) for found in line["by_batch_size"])]
            for line in part["lines"] if "by_batch_size" in line]  # fmt: skip
    by_size = _table(["batch size", *map(str, part["batch_sizes"])], rows)
    return "\n\n".join([
        "## How the cost grows\n\nSeconds of an epoch, by the number of digits:", by_images,
        f"And by the batch size ({part['images_of_batch_sizes']:,} digits):", by_size,
    ])  # fmt: skip


def _same(part: dict) -> str:
    rows = []
    for name, found in part["networks"].items():
        losses = [_shown(losses, ".4f") for losses in found["losses"].values()]
        difference = found["difference"]
        kept = "✓" if difference["means"] <= difference["seeds"] else "✗"
        rows.append(
            [name, str(found["epochs"]), *losses, f"{difference['means']:.4f} {kept}", f"{difference['seeds']:.4f}"]
        )
    header = ["network", "epochs", "the course", "torch's default", "difference", "scatter over seeds"]
    return "\n\n".join([
        f"## 6. The same results\n\n(Loss on held-out digits over {len(part['seeds'])} seeds, trained on "
        f"{part['images']:,} digits, in the course's way (`channels_last`, fused Adam) and in torch's default. "
        "*Difference*: between the two means. *Scatter*: the standard deviation over the default's seeds.)",
        _table(header, rows),
    ])  # fmt: skip


def _busy(part: dict) -> str:
    rows = [
        [name, str(found["others"]), *(_shown(one) for one in found["milliseconds_a_batch"].values()),
         _judged("course_over_one_thread", found["course_over_one_thread"]), _shown(found["course_over_all_threads"])]
        for name, ways in part["networks"].items()
        for found in ways
    ]  # fmt: skip
    header = ["network", "other programs", "the course", "one thread", f"{part['threads']} threads"]
    return "\n\n".join([
        f"## 7. Beside other programs\n\n(Milliseconds a batch, {part['rounds']} times, while so many other programs "
        "compute without pause. *The course*: a whole `train_epoch`, which chooses its threads as it goes.)",
        _table([*header, "course / one thread", f"course / {part['threads']} threads"], rows),
    ])  # fmt: skip


TABLES = (
    ("epochs", _epochs), ("race", _race), ("epochs", _limits), ("start", _start), ("lessons", _lessons),
    ("same", _same), ("busy", _busy), ("growth", _growth),
)  # fmt: skip


def _draw(parts: dict, path: Path) -> bool:
    """Draw what there is to draw; whether there was anything."""
    drawings = [(draw, parts[name]) for name, draw in DRAWINGS if name in parts]
    if not drawings:
        return False
    with plt.style.context(STYLE):
        rows = -(-len(drawings) // 2)
        figure, axes = plt.subplots(rows, 2, figsize=(12.5, 4.4 * rows), squeeze=False)
        for ax in axes.flat[len(drawings) :]:
            ax.set_axis_off()
        for ax, (draw, part) in zip(axes.flat, drawings, strict=False):
            draw(ax, part)
        temporary = path.with_name(f".{path.name}")
        figure.savefig(temporary, format="png", dpi=110)
        plt.close(figure)
        temporary.replace(path)
    return True


def _draw_epochs(ax, part: dict) -> None:
    names = list(part["networks"])
    for index, pipeline in enumerate(PIPELINES):
        found = [part["networks"][name]["seconds"][pipeline] for name in names]
        middles = [one["median"] for one in found]
        errors = [[one["median"] - one["lowest"] for one in found], [one["highest"] - one["median"] for one in found]]
        places = [place + (index - 1.5) * 0.21 for place in range(len(names))]
        hatch = ("", "//", "..", "xx")[index]
        ax.bar(places, middles, 0.2, yerr=errors, hatch=hatch, edgecolor="white", label=pipeline, capsize=2)
    highest = max(one["highest"] for name in names for one in part["networks"][name]["seconds"].values())
    ax.set(yscale="log", ylabel="seconds", xticks=range(len(names)), ylim=(None, 6 * highest))
    ax.set_xticklabels(names, rotation=15)
    ax.set_title("An epoch of 60,000 digits")
    ax.legend(loc="upper left", ncols=2)


def _draw_race(ax, part: dict) -> None:
    racers, example = part["racers"], part["example"]["epochs"]
    ax.plot([one["seconds"] for one in racers], [one["validation_accuracy"] for one in racers], "^", label="racer")
    ax.plot(
        [one["seconds"] for one in example], [one["validation_accuracy"] for one in example], "o--", label="example"
    )
    ax.axhline(part["goal"], color="#444444", ls=":", lw=1.5)
    ax.set(xscale="log", xlabel="seconds of training", ylabel="accuracy, held-out digits")
    ax.set_title("The race to 99 %")
    ax.legend()


def _draw_growth(sizes_name: str, key: str, label: str):
    def draw(ax, part: dict) -> None:
        for line, style in zip(part["lines"], ("o-", "s--", "^:"), strict=True):
            if key in line:
                medians = [found["median"] for found in line[key]]
                ax.plot(part[sizes_name], medians, style, label=f"{line['network']}, {line['pipeline']}")
        ax.set(xscale="log", yscale="log", xlabel=label, ylabel="seconds of an epoch")
        ax.set_title(f"Cost by {label}")
        ax.legend()

    return draw


DRAWINGS = (
    ("epochs", _draw_epochs),
    ("race", _draw_race),
    ("growth", _draw_growth("images", "by_images", "number of digits")),
    ("growth", _draw_growth("batch_sizes", "by_batch_size", "batch size")),
)
