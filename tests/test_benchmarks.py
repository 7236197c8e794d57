"""What the benchmark computes and writes, on a few digits of noise: nothing is trained, and no lesson is run."""

import io
import json
from contextlib import nullcontext, redirect_stdout
from types import SimpleNamespace

import matplotlib
import nbformat
import pytest
import torch
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from samples import noise
from torch import nn

import benchmarks.__main__ as command
from benchmarks import busy, epochs, growth, lessons, measure, race, report, same, start
from benchmarks.__main__ import PARTS, main
from benchmarks.pipelines import course_batches, has_convolutions, usual_pipeline
from course_utils.data import Digits, Split
from course_utils.recipes import RECIPES

FEW = Digits(noise(40, seed=1), noise(20, seed=2), noise(30, seed=3), "digits", "made here")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Every part, with the trainings, the lessons and the processes replaced by what costs nothing."""
    with pytest.MonkeyPatch.context() as patch, matplotlib.rc_context():
        patch.setattr(command, "load_digits", lambda *_, **__: FEW)
        for module in (busy, epochs, growth, race, same):
            patch.setattr(module, "train_epoch", read_a_batch)
        for module in (busy, epochs):
            patch.setattr(module, "side_by_side", a_slow_second_round)
        patch.setattr(busy, "five_steps", read_a_batch)
        patch.setattr(busy, "_beside", lambda others: nullcontext())
        patch.setattr(race, "race", lambda *_, **__: nn.Sequential(nn.Flatten(), nn.Linear(784, 10)))
        patch.setattr(lessons, "run_lessons", run_nothing)
        patch.setattr(start, "subprocess", SimpleNamespace(run=run_here))
        found = tmp_path_factory.mktemp("bench")
        ran = CliRunner().invoke(main, ["--quick", "--out", str(found)], catch_exceptions=False)
        assert ran.exit_code == 0, ran.output
        return found


def a_slow_second_round(cases, rounds):
    """Run each case once, and give the seconds below; all of a second round take twice as long."""
    assert rounds == 2
    for run in cases.values():
        run()
    seconds = {"files": 24.0, "image by image": 6.0, "course": 2.0, "alone": 1.0, "convolutions": 1.5,
               "one thread": 4.0, "all threads": 8.0}  # fmt: skip
    return {name: [seconds.get(name, 3.0), 2 * seconds.get(name, 3.0)] for name in cases}


def read_a_batch(model, train, loss_fn, optimizer):
    """Where a network would be trained, one batch is read and its loss computed."""
    images, labels = next(iter(train))
    loss_fn(model(images), labels)
    optimizer.step()


def run_here(command, **_):
    """Run the code of `python -c` in this process."""
    with redirect_stdout(io.StringIO()) as printed:
        exec(command[2], {})
    return SimpleNamespace(stdout=printed.getvalue())


def run_nothing(chosen, profile, changes, folder, jobs=1):
    """Notebooks as if they had run: a second for the first cell of code, three for the next, none for the last."""
    for lesson in chosen:
        cells = [new_markdown_cell("# A lesson"), *map(new_code_cell, ("\nimport torch", "train()\nshow()", "never()"))]
        for cell, first, last in zip(cells[1:], "01", "14", strict=False):
            seconds = {"start_time": first, "end_time": last}
            cell.metadata["papermill"] = {name: f"2026-01-01T00:00:0{at}.000000" for name, at in seconds.items()}
        nbformat.write(new_notebook(cells=cells), folder / f"{lesson.name}.ipynb")
        yield {"seconds": 5.0, "failure": None}


def kept(folder, part):
    return json.loads((folder / f"{part}.json").read_text())


@pytest.mark.parametrize("name", RECIPES)
def test_every_network_is_measured_in_four_ways_and_convolutions_also_alone(folder, name):
    ways = {"files", "image by image", "course", "alone"}
    ways |= {"convolutions", "channels first"} if has_convolutions(RECIPES[name]) else set()
    ways.add("optimiser not fused" if name == "ThreeLayerNetwork" else "fused optimiser")
    assert set(kept(folder, "epochs")["networks"][name]["seconds"]) == ways


def test_seconds_are_those_of_60000_digits_and_ratios_those_of_their_names(folder):
    found = kept(folder, "epochs")["networks"]["CNN"]
    assert found["seconds"]["course"] == pytest.approx({"median": 4500, "lowest": 3000, "highest": 6000})
    names = ("files_over_course", "image_by_image_over_course", "course_over_alone", "convolutions_over_course")
    assert [set(found[name].values()) for name in names] == [{12}, {3}, {2}, {0.75}]


def test_a_batch_beside_other_programs_is_told_in_milliseconds_and_compared(folder):
    networks = kept(folder, "busy")["networks"]
    assert all([found["others"] for found in network] == [0, 1, 2] for network in networks.values())
    found = networks["BPNetwork"][1]  # its 40 digits are one batch
    assert found["milliseconds_a_batch"]["course"] == {"median": 3000, "lowest": 2000, "highest": 4000}
    assert set(found["course_over_one_thread"].values()) == {0.5}
    assert set(found["course_over_all_threads"].values()) == {0.25}


def test_the_table_and_the_figure_show_what_was_measured(folder):
    assert all(kept(folder, part)["dataset"] == "digits" and kept(folder, part)["machine"]["cores"] for part in PARTS)
    table = (folder / "results.md").read_text()
    assert "MNIST was not at hand" in table
    assert all(f"| {name} |" in table for name in RECIPES)
    assert all(f"## {number}." in table for number in (1, 2, 3, 4, 6)) and "## How the cost grows" in table
    assert "| 00_start_here | 5 | 3 s `train()`; 1 s `import torch` |" in table
    assert (folder / "results.png").read_bytes().startswith(b"\x89PNG")


def test_a_report_alone_holds_the_parts_that_are_there_and_reads_no_digits(folder, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    (tmp_path / "growth.json").write_text((folder / "growth.json").read_text())
    ran = CliRunner().invoke(main, ["report", "--out", str(tmp_path)], catch_exceptions=False)
    assert ran.exit_code == 0 and not ran.stderr
    table = (tmp_path / "results.md").read_text()
    assert "How the cost grows" in table and "Seconds to 99 %" not in table


def test_all_that_a_student_waits_for_can_be_run(monkeypatch):
    monkeypatch.setattr(start, "subprocess", SimpleNamespace(run=run_here))
    measure_case = start._measure_case
    monkeypatch.setattr(start, "_measure_case", lambda imports, code, rounds: measure_case(imports, code, rounds=1))
    with matplotlib.rc_context():
        cases = start.measure(FEW, quick=False)["cases"]
    loaded = ["MNIST's files, 90 digits", ".json.gz, 90 digits", "pictures, 70 digits", "the embedded digits"]
    assert list(cases) == [*start.CASES, *(f"load {name}" for name in loaded)]


def test_a_case_is_timed_in_a_process_of_its_own():
    found = start._measure_case("import sys", "assert 'torch' not in sys.modules", rounds=1)
    assert found["seconds"]["lowest"] > 0


def test_missing_mnist_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    measured = {}
    monkeypatch.setattr(PARTS["growth"], "measure", lambda digits, quick: measured.setdefault("digits", digits) and {})
    monkeypatch.setattr(report, "write", lambda folder: None)
    ran = CliRunner().invoke(main, ["growth", "--out", str(tmp_path)])
    assert ran.exit_code == 0 and "MNIST IS MISSING" in ran.stderr
    assert measured["digits"].name == "digits"


def test_cases_run_in_turn_and_a_ratio_is_taken_within_a_round():
    order = []
    seconds = measure.side_by_side({name: lambda name=name: order.append(name) for name in "ab"}, 2)
    assert order == ["a", "b", "a", "b"] and [len(found) for found in seconds.values()] == [2, 2]
    assert measure.ratio([4, 9, 1], [2, 3, 1]) == {"median": 2, "lowest": 1, "highest": 3}


def test_operations_are_counted_forward_and_backward():
    layer, inputs = nn.Linear(4, 3), torch.zeros(2, 4)
    assert measure.count_flops(lambda: layer(inputs)) == 2 * 2 * 4 * 3
    assert measure.count_flops(lambda: layer(inputs).sum().backward()) == 2 * (2 * 2 * 4 * 3)


@pytest.mark.parametrize("name", RECIPES)
def test_both_pipelines_give_the_same_digits_and_both_ways_start_equal(name, digits):
    recipe, split = RECIPES[name], Split(digits.train.images[:8], torch.arange(8))
    ((images, labels),), ((other_images, other_labels),) = (
        pipeline(split, 8, recipe.normalise) for pipeline in (course_batches, usual_pipeline)
    )
    assert torch.allclose(images[labels.argsort()], other_images[other_labels.argsort()], atol=1e-6)
    if name in same.EPOCHS:
        course, default = (
            same._held_out_loss(recipe, FEW.train, FEW.validation, 0, 0, way) for way in ("course", same.DEFAULT)
        )
        assert course == pytest.approx(default, rel=1e-6)


def test_a_difference_is_told_beside_the_scatter_over_seeds():
    found = same._difference({"course": [1.0, 2.0, 6.0], same.DEFAULT: [1.0, 2.0, 3.0]})
    assert found == pytest.approx({"means": 1.0, "seeds": 1.0})
    losses = {"course": measure.spread([1.0]), same.DEFAULT: measure.spread([2.0])}
    networks = {name: {"epochs": 1, "losses": losses, "difference": {"means": means, "seeds": 1.0}}
                for name, means in (("near", 0.9), ("far", 1.1))}  # fmt: skip
    part = {"seeds": [0, 1, 2], "images": 9, "networks": networks}
    table = report._same(part)
    assert "0.9000 ✓" in table and "1.1000 ✗" in table


def test_nothing_in_the_race_reads_the_test_digits_before_the_end(digits, monkeypatch):
    read = []
    monkeypatch.setattr(race, "accuracy", lambda model, split, *more: read.append(split) or 0.5)
    monkeypatch.setattr(race, "train_epoch", lambda model, train, loss_fn, optimizer: optimizer.step())
    race.run_example(digits, seed=0, most=3)
    assert [split is digits.test for split in read] == [False, False, False, True]
    assert all(split is digits.validation for split in read[:3])
