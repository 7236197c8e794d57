"""The benchmark runs in small on the embedded digits: its numbers are of the right kind. No test looks at the clock."""

import json

import pytest
import torch
from click.testing import CliRunner
from torch import nn

from benchmarks import measure, race, report, same
from benchmarks.__main__ import PARTS, main
from benchmarks.recipes import RECIPES, course_batches, usual_pipeline
from course_utils.data import Split


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """All parts but the lessons, measured in small; a lesson takes longer, and has a test of its own."""
    folder = tmp_path_factory.mktemp("bench")
    for part in PARTS:
        if part != "lessons":
            ran = CliRunner().invoke(main, [part, "--quick", "--out", str(folder)], catch_exceptions=False)
            assert ran.exit_code == 0, ran.output
    return folder


def spreads(content):
    """Every median with its spread, wherever in a result."""
    if isinstance(content, dict):
        if "median" in content:
            yield content
        else:
            for value in content.values():
                yield from spreads(value)
    elif isinstance(content, list):
        for value in content:
            yield from spreads(value)


@pytest.mark.parametrize("part", [part for part in PARTS if part != "lessons"])
def test_a_part_is_kept_with_its_machine_and_with_numbers_in_order(folder, part):
    content = json.loads((folder / f"{part}.json").read_text())
    assert content["dataset"] == "digits" and content["machine"]["cores"] >= 1
    found = list(spreads(content))
    assert found
    assert all(0 < one["lowest"] <= one["median"] <= one["highest"] for one in found)


def test_every_network_is_measured_in_four_ways_and_convolutions_also_alone(folder):
    networks = json.loads((folder / "epochs.json").read_text())["networks"]
    assert set(networks) == set(RECIPES)
    for name, recipe in RECIPES.items():
        ways = {"files", "image by image", "course", "alone"}
        ways |= {"convolutions", "channels first"} if recipe.convolutions else set()
        ways.add("optimiser not fused" if name == "ThreeLayerNetwork" else "fused optimiser")
        assert set(networks[name]["seconds"]) == ways


def test_the_table_and_the_figure_show_what_was_measured(folder):
    table = (folder / "results.md").read_text()
    assert "MNIST was not at hand" in table
    assert all(f"| {name} |" in table for name in RECIPES)
    assert all(f"## {number}." in table for number in (1, 2, 3, 4, 6)) and "## How the cost grows" in table
    assert (folder / "results.png").read_bytes().startswith(b"\x89PNG")


def test_a_report_holds_the_parts_that_are_there(folder, tmp_path):
    (tmp_path / "growth.json").write_text((folder / "growth.json").read_text())
    report.write(tmp_path)
    table = (tmp_path / "results.md").read_text()
    assert "How the cost grows" in table and "Seconds to 99 %" not in table


def test_lessons_are_timed_with_their_slowest_cells(tmp_path):
    ran = CliRunner().invoke(main, ["lessons", "--quick", "--out", str(tmp_path)], catch_exceptions=False)
    assert ran.exit_code == 0, ran.output
    (lesson,) = json.loads((tmp_path / "lessons.json").read_text())["profiles"]["smoke"]
    assert lesson["failure"] is None and 0 < lesson["slowest_cells"][0]["seconds"] <= lesson["seconds"]
    assert "00_start_here" in (tmp_path / "results.md").read_text()


def test_missing_mnist_is_said(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    measured = {}
    monkeypatch.setattr(PARTS["growth"], "measure", lambda digits, quick: measured.setdefault("digits", digits) and {})
    monkeypatch.setattr(report, "write", lambda folder: None)
    ran = CliRunner().invoke(main, ["growth", "--out", str(tmp_path)])
    assert ran.exit_code == 0 and "MNIST IS MISSING" in ran.stderr
    assert measured["digits"].name == "digits"


def test_side_by_side_runs_the_cases_in_turn():
    order = []
    cases = {name: lambda name=name: order.append(name) for name in "ab"}
    seconds = measure.side_by_side(cases, 2)
    assert order == ["a", "b", "a", "b"] and [len(found) for found in seconds.values()] == [2, 2]


def test_a_ratio_is_taken_within_a_round():
    assert measure.ratio([4, 9, 1], [2, 3, 1]) == {"median": 2, "lowest": 1, "highest": 3}


def test_operations_are_counted_forward_and_backward():
    layer, inputs = nn.Linear(4, 3), torch.zeros(2, 4)
    assert measure.count_flops(lambda: layer(inputs)) == 2 * 2 * 4 * 3
    assert measure.count_flops(lambda: layer(inputs).sum().backward()) == 2 * (2 * 2 * 4 * 3)


@pytest.mark.parametrize("name", RECIPES)
def test_both_pipelines_give_the_same_digits(name, digits):
    recipe = RECIPES[name]
    split = Split(digits.train.images[:8], torch.arange(8))
    (ours,) = course_batches(split, 8, recipe.normalise)
    (theirs,) = usual_pipeline(split, 8, recipe.normalise)
    for (images, labels), (other_images, other_labels) in [(ours, theirs)]:
        assert torch.allclose(images[labels.argsort()], other_images[other_labels.argsort()], atol=1e-6)


@pytest.mark.parametrize("name", ["ThreeLayerNetwork", "RegressionCNN", "CNN"])
def test_the_course_and_torchs_default_start_equal_and_learn_the_same(name, digits):
    train, held_out = (Split(*(part[place] for part in digits.train)) for place in (slice(200), slice(200, 400)))
    for epochs, tolerance in ((0, 1e-6), (1, 0.01)):
        course, default = (
            same._held_out_loss(RECIPES[name], train, held_out, 0, epochs, way) for way in ("course", same.DEFAULT)
        )
        assert course == pytest.approx(default, rel=tolerance)


def test_a_difference_is_told_beside_the_scatter_over_seeds():
    found = same._difference({"course": [1.0, 2.0, 6.0], same.DEFAULT: [1.0, 2.0, 3.0]})
    assert found == pytest.approx({"means": 1.0, "seeds": 1.0})
    part = {"seeds": [0, 1, 2], "images": 9, "networks": {}}
    for name, means in (("near", 0.9), ("far", 1.1)):
        losses = {"course": measure.spread([1.0]), same.DEFAULT: measure.spread([2.0])}
        part["networks"][name] = {"epochs": 1, "losses": losses, "difference": {"means": means, "seeds": 1.0}}
    table = report._same(part)
    assert "0.9000 ✓" in table and "1.1000 ✗" in table


def test_nothing_in_the_race_reads_the_test_digits_before_the_end(digits, monkeypatch):
    read = []
    monkeypatch.setattr(race, "accuracy", lambda model, split, *more: read.append(split) or 0.5)
    monkeypatch.setattr(race, "train_epoch", lambda model, train, loss_fn, optimizer: optimizer.step())
    race.run_example(digits, seed=0, most=3)
    assert [split is digits.test for split in read] == [False, False, False, True]
    assert all(split is digits.validation for split in read[:3])


def test_the_racer_is_the_lessons_own():
    lesson = race.racer_of_the_lesson()
    torch.manual_seed(0)
    racer = lesson["build_racer"]()
    assert racer(torch.zeros(2, 1, 28, 28)).shape == (2, 10)
    assert callable(lesson["race"]) and lesson["racer_width"] == 16


def test_a_report_alone_reads_no_digits(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    ran = CliRunner().invoke(main, ["report", "--out", str(tmp_path)], catch_exceptions=False)
    assert ran.exit_code == 0 and not ran.stderr
    assert (tmp_path / "results.md").exists()
