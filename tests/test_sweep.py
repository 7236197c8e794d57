"""Sweeps through their command line, on tiny lessons: here, on a Dask cluster, killed and resumed."""

import base64
import csv
import json
import math
import random
import signal
import socket
import subprocess
import sys
import time
from urllib.parse import unquote

import nbformat
import psutil
import pyarrow.parquet
import pytest
from distributed import LocalCluster
from nbformat.v4 import new_code_cell, new_notebook, new_output
from test_instructor import LESSON, PICTURE, RECORD, call, page_of, read, write_course

from course_utils.instructor import run, sweep
from course_utils.instructor.execute import RECORD_MIME
from course_utils.instructor.manifest import WrongUse
from course_utils.instructor.sweep import Range, listed, settings_of, values_of

SOURCES = [
    'rate: float = 0.1\nunits: int = 4\nseed: int = 0\nlog: str = ""  # where to say that this ran\npause: float = 0.0',
    RECORD,
    """
import time
if rate > 10:
    raise ValueError("the rate is too large")
time.sleep(pause)
if log:
    with open(log, "a") as file:
        print(rate, units, seed, file=file)
""",
    "loss = [1 / (epoch + rate * 10) + seed / 100 for epoch in range(3)]",
    'record(dataset="digits", train_loss=loss, test_accuracy=rate * units / 10 + seed / 100)',
    "record(train_seconds=time.perf_counter(), word='fine')",
    PICTURE.replace("Loss curves: falls from 2 to 1.", "Four digits: 3 of 4 digits read right."),
]
BANDS = {"class": {"mnist": {"test_accuracy": [0, 1], "train_seconds": [0, 1]}}}
TINY = {"00_tiny": (SOURCES, LESSON | {"profiles": {"smoke": {}, "class": {}, "full": {}}, "bands": BANDS})}
GRID = ["-g", "rate", "0.1,0.5,20", "-g", "units", "4,8", "-g", "seed", "0..1"]


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    return write_course(tmp_path_factory.mktemp("course"), TINY)


@pytest.fixture(scope="module")
def swept(notebooks, tmp_path_factory):
    """A sweep of two parameters and two seeds, one of whose settings fails; and its folder."""
    folder = tmp_path_factory.mktemp("sweep")
    return call("sweep", "0", *GRID, "--jobs", "3", "--notebooks", notebooks, "--out", folder), folder


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_sweep_leaves_tidy_tables_in_the_order_of_the_grid_and_every_notebook(swept):
    result, folder = swept
    assert result.exit_code == 1 and "8 of 12 runs went well" in result.output
    rows, curves, times = (rows_of(folder / f"{name}.csv") for name in ("results", "curves", "times"))
    assert [(row["rate"], row["units"], row["seed"]) for row in rows] == [
        (rate, units, seed) for rate in ("0.1", "0.5", "20") for units in "48" for seed in "01"
    ]
    assert [float(row["test_accuracy"]) for row in rows[:4]] == pytest.approx([0.04, 0.05, 0.08, 0.09])
    assert "too large" in rows[-1]["failure"] and rows[-1]["test_accuracy"] == "" and rows[0]["failure"] == ""
    assert not any("seconds" in name for name in rows[0])
    table = pyarrow.parquet.read_table(folder / "results.parquet")
    assert table.column_names == list(rows[0]) and table["rate"].to_pylist()[0] == 0.1
    assert len(curves) == 8 * 3 and {row["figure"] for row in curves} == {"train_loss"}
    assert [row["index"] for row in curves[:3]] == ["0", "1", "2"] and float(curves[0]["value"]) == pytest.approx(1.0)
    assert len(times) == 12 and float(times[0]["seconds"]) > 0 and float(times[0]["train_seconds"]) > 0
    assert len(list((folder / "runs").glob("*.ipynb"))) == 12
    good = read(folder / "runs" / "rate=0.1_units=4_seed=1.ipynb")
    assert "seed = 1" in "".join(cell.source for cell in good.cells)


def test_the_page_compares_the_runs(swept):
    page = page_of(swept[1] / "page/index.html")
    text = " ".join(page.get_text(" ").split())
    assert "rate 0.5, units 8 has the best mean of test_accuracy : 0.405 ± 0.0071 , over 2 runs" in text
    assert "Next comes rate 0.5, units 4 with 0.205 ± 0.0071" in text and "not told apart" not in text
    assert "stands the standard deviation" in text and "Run from commit " in text and ", papermill " in text
    assert "12 runs of 00_tiny , profile" in text and "Ranked by the mean of test_accuracy , largest first" in text
    for word, rate in (("best", "0.5"), ("worst", "0.1")):
        link = page.find("a", string=f"run of the {word} setting")
        assert f"rate = {rate}" in page_of(swept[1] / "page" / link["href"]).get_text()
    images = {image["src"].split("/")[-1].split(".")[0]: image["alt"] for image in page.find_all("img") if image["alt"]}
    assert "rate 0.5, units 8: 0.405 ± 0.0071" in images["spread"]
    assert "ends at 0.3383" in images["curve-train_loss"]
    assert images["grid-0"].startswith("Four digits") and "grid-4" not in images
    rows = [[cell.get_text() for cell in row.find_all("td")][:4] for row in page.find("table").find_all("tr")[1:]]
    assert [row[2] for row in rows] == ["0.405", "0.205", "0.085", "0.045", "–", "–"] and rows[0][:2] == ["0.5", "8"]
    for link in page.find_all("a", string="seed\xa00"):
        assert (swept[1] / "page" / unquote(link["href"])).resolve().exists()
    assert "ValueError: the rate is too large" in text


def test_the_figures_hold_what_was_measured(swept):
    results = [json.loads(path.read_text()) for path in sorted((swept[1] / "runs").glob("*units=8*.json"))]
    settings = [{"rate": result["parameters"]["rate"], "seed": 0} for result in results]
    planned = sweep.Sweep(None, "class", {}, settings)
    measure, groups = sweep.compare(planned, results, None)
    assert measure == "test_accuracy" and [group.setting["rate"] for group in groups] == [0.5, 0.1, 20]
    (bars,) = sweep.draw_spread(measure, groups)[0].containers
    assert bars.lines[0].get_xydata().ravel().tolist() == pytest.approx([0.1, 0.085, 0.5, 0.405])
    lines = sweep.draw_curves("train_loss", groups)[0].lines
    means = [line for line in lines if not line.get_label().startswith("_")]
    assert [line.get_label() for line in means] == ["rate 0.5", "rate 0.1"] and len(lines) == 2 + 4
    assert means[1].get_ydata()[0] == pytest.approx(1.005)
    means = [group.mean for group in sweep.compare(planned, results, "train_seconds")[1]]
    assert means[0] < means[1] and math.isnan(means[2])


def test_what_the_swept_parameters_do_not_move_ranks_no_run():
    runs = [{"figures": {"dataset": "digits", "accuracy": seed, "loss": rate, "seconds": rate}, "parameters":
             {"rate": rate, "seed": seed}} for rate in (1, 2) for seed in (3, 4)]  # fmt: skip
    for names, measure in ((["rate", "seed"], "loss"), (["seed"], "accuracy")):
        settings = [{name: run["parameters"][name] for name in names} for run in runs]
        assert sweep.compare(sweep.Sweep(None, "class", {}, settings), runs, None)[0] == measure


def started(*arguments):
    command = [sys.executable, "-m", "course_utils", *[str(argument) for argument in arguments]]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("verb", ["sweep", "run"])
def test_what_was_finished_before_a_kill_is_not_run_again(verb, tmp_path):
    notebooks = write_course(tmp_path, {f"0{i}_tiny": TINY["00_tiny"] for i in range(1 if verb == "sweep" else 5)})
    log, folder = tmp_path / "log", tmp_path / "out"
    fixed = ["-p", "log", log, "-p", "pause", "0.3", "--notebooks", notebooks, "--out", folder, "--jobs", "2"]
    what = ["0", "-g", "seed", "0..4"] if verb == "sweep" else []
    process = started(verb, *what, *fixed)
    kept = folder / "runs" if verb == "sweep" else folder
    while process.poll() is None and len(list(kept.glob("*.json"))) < 1:
        time.sleep(0.02)
    time.sleep(random.uniform(0, 2))
    kernels = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not psutil.wait_procs(kernels, timeout=120)[1], "a kernel ends with the process that began it"
    done = {path: path.stat().st_mtime_ns for path in kept.glob("*.json")}
    assert done and all(path.stat().st_size for path in kept.glob("*.ipynb"))
    before = len(log.read_text().splitlines())

    result = call(verb, *what, *fixed, "--resume")
    assert result.exit_code == 0, result.output
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert len(list(kept.glob("*.json"))) == 5 and result.output.count("kept from an earlier run") == len(done)
    assert len(log.read_text().splitlines()) == before + 5 - len(done)


def test_resume_runs_again_what_changed_and_what_failed(tmp_path, monkeypatch):
    def fails(task, watch):
        failure = {"cell": 1, "cells": 1, "source": "", "cause": "", "traceback": ""}
        return task.notebook, 0.0, failure if task.parameters["rate"] > 10 else None

    monkeypatch.setattr("course_utils.instructor.run.execute", fails)
    path = write_course(tmp_path, TINY) / "00_tiny.ipynb"

    def kept(rate):
        options = ["--notebooks", path.parent, "--out", tmp_path / "out", "--resume", "-p", "rate", rate]
        return "kept from" in call("run", *options).output

    assert [kept("20"), kept("20"), kept("1"), kept("1"), kept("0.2")] == [False, False, False, True, False]
    path.write_text(path.read_text().replace("3 of 4", "4 of 4"))
    assert [kept("0.2"), kept("0.2")] == [False, True]
    (tmp_path / "out/00_tiny.json").write_text("{")
    assert not kept("0.2")
    (tmp_path / "out/00_tiny.ipynb").unlink()
    assert not kept("0.2")


def test_a_cluster_that_loses_a_worker_gives_the_same_tables(tmp_path):
    grid = ["-g", "rate", "0.1,0.5", "-g", "seed", "0..2", "-p", "pause", "0.5"]
    common = ["sweep", "0", *grid, "--notebooks", write_course(tmp_path, TINY)]
    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None, host="127.0.0.1") as dask:
        process = started(*common, "--scheduler", dask.scheduler_address, "--out", tmp_path / "far")
        while process.poll() is None and not list((tmp_path / "far/runs").glob("*.json")):
            time.sleep(0.05)
        dask.workers[0].auto_restart = False  # or another is there before the loss is seen
        psutil.Process(dask.workers[0].pid).kill()
        output, _ = process.communicate(timeout=300)
    assert process.returncode == 0 and "6 of 6 runs went well" in output, output
    assert "here, 2 in all" in output and "lost, 1 left, which take over what it ran" in output
    assert call(*common, "--out", tmp_path / "near", "--jobs", "2").exit_code == 0
    for name in ("results.csv", "curves.csv"):
        assert (tmp_path / "far" / name).read_bytes() == (tmp_path / "near" / name).read_bytes()
    assert "Four digits" in (tmp_path / "far/runs/rate=0.5_seed=2.ipynb").read_text()


def test_a_folder_is_held_by_one_run_and_one_that_is_full_or_cannot_be_is_refused(tmp_path, notebooks, monkeypatch):
    common = ["sweep", "0", "-g", "seed", "0", "--notebooks", notebooks, "--out"]
    with run.held(tmp_path / "out/runs"):
        result = call(*common, tmp_path / "out")
    assert result.exit_code == 2 and "another run is writing into it" in result.output
    (tmp_path / "file").touch()
    result = call(*common, tmp_path / "file/out")
    assert result.exit_code == 2 and "cannot be written into (Not a directory)" in result.output
    monkeypatch.setattr(run.tempfile, "TemporaryFile", lambda dir: open("/dev/full", "wb"))  # noqa: SIM115
    assert "cannot be written into (No space left on device)" in call(*common, tmp_path / "out").output
    assert not list(tmp_path.rglob("*.ipynb"))


def test_a_disk_that_fills_keeps_what_was_done(tmp_path, notebooks, monkeypatch):
    written = []

    def fills(path, content):
        written.append(path)
        if len(written) > 2:
            raise OSError(28, "No space left on device")
        write_whole(path, content)

    write_whole = run.write_whole
    monkeypatch.setattr(run, "write_whole", fills)
    monkeypatch.setattr(run, "execute", lambda task, watch: (task.notebook, 1.0, None))
    options = ["-g", "seed", "0..3", "--notebooks", notebooks, "--out", tmp_path]
    result = call("sweep", "0", *options)
    assert result.exit_code == 1 and "No space left on device. The 1 results before are kept; --res" in result.output
    assert len(list((tmp_path / "runs").glob("*.json"))) == 1


def test_a_scheduler_that_does_not_answer_is_one_line(tmp_path, notebooks, monkeypatch):
    monkeypatch.setattr("course_utils.instructor.run.CONNECT_TIMEOUT", 1)
    with socket.create_server(("127.0.0.1", 0)) as silent:  # it takes connections, and is no scheduler
        for port in (1, silent.getsockname()[1]):
            address = f"tcp://127.0.0.1:{port}"
            options = ["-g", "seed", "0", "--scheduler", address, "--notebooks", notebooks, "--out", tmp_path]
            result = call("sweep", "0", *options)
            assert result.exit_code == 1 and f"no Dask scheduler answers at {address} (" in result.output


@pytest.mark.parametrize(
    ("text", "values"),
    [("0.001,0.003", [0.001, 0.003]), ("0..3", [0, 1, 2, 3]), ("-1..1", [-1, 0, 1]), ("5", [5]), ("5,5", [5]),
     ("mnist, digits", ["mnist", "digits"]), ("True,False", [True, False]), ("0.1..0.5", Range(0.1, 0.5, False)),
     ("log:1e-3..1", Range(0.001, 1, True)), ("3..1", None), ("log:0..1", None), ("1,,2", None), ("log:-1..1", None)],
)  # fmt: skip
def test_values(text, values):
    if values is None:
        with pytest.raises(WrongUse):
            values_of(text)
    else:
        assert values_of(text) == values


def test_a_sample_draws_settings_and_gives_each_every_seed():
    grid = {"rate": Range(0.001, 0.1, True), "units": [4, 8], "seed": [0, 1]}
    settings = settings_of(grid, 5, 0)
    assert len(settings) == 10 and settings == settings_of(grid, 5, 0) != settings_of(grid, 5, 1)
    assert all(0.001 <= setting["rate"] <= 0.1 and setting["units"] in (4, 8) for setting in settings)
    assert [setting["seed"] for setting in settings] == [0, 1] * 5
    assert [settings[0]["rate"]] * 2 == [setting["rate"] for setting in settings[:2]]
    drawn = settings_of({"units": [1, 2, 3], "seed": [0]}, 2, 0)
    assert len(drawn) == 2 and drawn[0]["units"] != drawn[1]["units"]
    logs = [setting["rate"] for setting in settings_of({"rate": Range(0.001, 0.1, True)}, 400, 0)]
    assert 150 < sum(rate < 0.01 for rate in logs) < 250


def test_lists_of_settings(tmp_path):
    (tmp_path / "a.csv").write_text("rate,seed\n0.1,0\n0.5,1\n")
    (tmp_path / "a.yaml").write_text("- {rate: 0.1, seed: 0}\n- {rate: 0.5, seed: 1}\n")
    for name in ("a.csv", "a.yaml"):
        assert listed(tmp_path / name) == [{"rate": 0.1, "seed": 0}, {"rate": 0.5, "seed": 1}]
    for text in ("rate: 3", "- 3", "- {rate: 1}\n- {units: 2}", "", "[", "- {}"):
        (tmp_path / "wrong.yaml").write_text(text)
        with pytest.raises(WrongUse, match=r"wrong\.yaml"):
            listed(tmp_path / "wrong.yaml")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-g", "rat", "1,2"], "no parameter rat; did you mean rate"),
        (["-g", "units", "1,two"], "units cannot be 'two'; it takes an int"),
        (["-g", "rate", "1", "-p", "rate", "2"], "rate is both swept and fixed"),
        (["-g", "rate", "1", "-g", "rate", "2"], "-g names a parameter twice"),
        ([], "needs parameters to sweep"),
        (["-g", "rate", "0.1..0.5"], "say how many with --sample"),
        (["-g", "rate", "1,2", "--by", "test_acuracy"], "no number named test_acuracy; did you mean test_accuracy?"),
        (["-g", "rate", "1,2", "--scheduler", "10.0.0.5"], "one looks like tcp://10.0.0.5:8786"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_before_anything_runs(tmp_path, notebooks, options, words):
    result = call("sweep", "0", *options, "--notebooks", notebooks, "--out", tmp_path / "out")
    assert result.exit_code == 2 and words in result.output and not (tmp_path / "out").exists()


def sweep_of(notes):
    """A sweep of one parameter and its runs; `notes` maps each value to the accuracies of its seeds."""
    runs = [{"figures": {"accuracy": one}, "parameters": {"rate": rate, "seed": seed}}
            for rate, many in notes.items() for seed, one in enumerate(many)]  # fmt: skip
    return sweep.Sweep(None, "class", {}, [run["parameters"] for run in runs]), runs


def test_the_best_mean_leads_and_nan_comes_last_as_a_number():
    nan = float("nan")
    _, groups = sweep.compare(*sweep_of({1: [0.99, 0.1], 2: [0.6, 0.7], 3: [nan, 0.9]}), None)
    assert [group.setting["rate"] for group in groups] == [2, 1, 3] and math.isnan(groups[-1].mean)
    assert groups[0].shown() == "0.65 ± 0.071" and not sweep.told_apart(*groups[:2])
    _, groups = sweep.compare(*sweep_of({1: [0.9, 0.91], 2: [0.6, 0.61]}), None)
    assert sweep.told_apart(*groups)
    column = sweep._table([{"loss": nan}, {"loss": 0.5}])["loss"]
    assert str(column.type) == "double" and math.isnan(column.to_pylist()[0])


def test_the_pictures_are_of_the_network_that_was_swept(tmp_path):
    shown, runs = sweep_of({1: [0.5], 2: [0.6]})
    _, groups = sweep.compare(shown, runs, None)
    for group, swept_pixel in zip(groups, (b"one", b"two"), strict=True):
        pictures = [b"same", swept_pixel, b"curve of " + swept_pixel, b"later " + swept_pixel]
        texts = ["9 of 9 digits read right", "8 of 9 digits read right", "Loss curves", "8 of 9 digits read right"]
        cells = []
        for picture, text in zip(pictures, texts, strict=True):
            data, alt = {"image/png": base64.b64encode(picture).decode()}, {"image/png": {"alt": text}}
            cells.append(new_code_cell(outputs=[new_output("display_data", data, metadata=alt)]))
        cells[0].outputs.append(new_output("display_data", {RECORD_MIME: {"accuracy": 1}}))
        group.runs[0]["name"] = f"rate={group.setting['rate']}"
        nbformat.write(new_notebook(cells=cells), tmp_path / f"{group.runs[0]['name']}.ipynb")
    grids = list(sweep._grids("accuracy", groups, tmp_path, tmp_path))
    assert [(tmp_path / grid["name"]).read_bytes() for grid in grids] == [b"one", b"two"]
