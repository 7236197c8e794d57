"""Sweeps through their command line, on tiny lessons: here, on a Dask cluster, killed and resumed."""

import csv
import json
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
from bs4 import BeautifulSoup
from test_instructor import PICTURE, RECORD, call, write_course

from course_utils.instructor import sweep_page
from course_utils.instructor.manifest import WrongUse
from course_utils.instructor.outputs import pictures
from course_utils.instructor.sweep import Range, listed, settings_of, values_of

PARAMETERS = """
rate: float = 0.1  # a step
units: int = 4  # a size
seed: int = 0  # a start
log: str = ""  # where to say that this ran
pause: float = 0.0  # seconds to wait
"""
GRID = PICTURE.replace(
    "Loss curves: falls from 2 to 1.", "Four digits: 3 of 4 digits read right; wrong: a 4 read as 9."
)
SOURCES = [
    PARAMETERS,
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
    'record(dataset="digits", train_loss=loss, test_accuracy=rate * units / 10 + seed / 100, unmoved=1.5 + seed)',
    "record(train_seconds=time.perf_counter(), word='fine')",
    GRID,
]
LESSON = {"profiles": {"smoke": {}, "class": {}, "full": {}}, "bands": {}}


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    return write_course(tmp_path_factory.mktemp("course"), {"00_tiny": (SOURCES, LESSON)})


@pytest.fixture(scope="module")
def swept(notebooks, tmp_path_factory):
    """A sweep of two parameters and two seeds, one of whose settings fails; and its folder."""
    folder = tmp_path_factory.mktemp("sweep")
    grid = ["-g", "rate", "0.1,0.5,20", "-g", "units", "4,8", "-g", "seed", "0..1"]
    result = call("sweep", "0", *grid, "--jobs", "3", "--notebooks", notebooks, "--out", folder)
    return result, folder


def rows_of(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_sweep_leaves_a_row_for_each_run_in_the_order_of_the_grid(swept):
    result, folder = swept
    assert result.exit_code == 1 and "8 of 12 runs went well" in result.output
    rows = rows_of(folder / "results.csv")
    assert [(row["rate"], row["units"], row["seed"]) for row in rows] == [
        (rate, units, seed) for rate in ("0.1", "0.5", "20") for units in "48" for seed in "01"
    ]
    assert [float(row["test_accuracy"]) for row in rows[:4]] == pytest.approx([0.04, 0.05, 0.08, 0.09])
    assert "too large" in rows[-1]["failure"] and rows[-1]["test_accuracy"] == "" and rows[0]["failure"] == ""
    assert not any("seconds" in name for name in rows[0])
    table = pyarrow.parquet.read_table(folder / "results.parquet")
    assert table.column_names == list(rows[0]) and table["rate"].to_pylist()[0] == 0.1


def test_lists_and_times_have_tables_of_their_own(swept):
    folder = swept[1]
    curves = rows_of(folder / "curves.csv")
    assert len(curves) == 8 * 3 and {row["figure"] for row in curves} == {"train_loss"}
    assert [row["index"] for row in curves[:3]] == ["0", "1", "2"] and float(curves[0]["value"]) == pytest.approx(1.0)
    times = rows_of(folder / "times.csv")
    assert len(times) == 12 and float(times[0]["seconds"]) > 0 and float(times[0]["train_seconds"]) > 0


def test_every_executed_notebook_is_kept_the_failing_one_too(swept):
    folder = swept[1]
    assert len(list((folder / "runs").glob("*.ipynb"))) == 12
    failing = nbformat.read(folder / "runs" / "rate=20_units=4_seed=0.ipynb", as_version=4)
    assert any(output.output_type == "error" for cell in failing.cells for output in cell.get("outputs", []))
    good = nbformat.read(folder / "runs" / "rate=0.1_units=4_seed=1.ipynb", as_version=4)
    assert "seed = 1" in "".join(cell.source for cell in good.cells)


def test_the_page_compares_the_runs(swept):
    page = BeautifulSoup((swept[1] / "page/index.html").read_text(), "html.parser")
    text = " ".join(page.get_text().split())
    assert "12 runs of 00_tiny" in text and "Ranked by test_accuracy, largest first" in text
    best, worst = (page.find("a", string=f"{word} run") for word in ("best", "worst"))
    for link, rate in ((best, "0.5"), (worst, "0.1")):
        notebook = (swept[1] / "page" / link["href"]).read_text()
        assert f"rate = {rate}" in BeautifulSoup(notebook, "html.parser").get_text()
    images = {image["src"].split("/")[-1].split(".")[0]: image["alt"] for image in page.find_all("img") if image["alt"]}
    assert "rate 0.5, units 8: 0.405 ± 0.0071" in images["spread"]
    assert "rate 0.1, units 4: 0.045" in images["heat"]
    assert "ends at 0.3383" in images["curve-train_loss"] and "curve-unmoved" not in images
    assert images["grid-0"].startswith("Four digits") and "grid-4" not in images
    for link in page.find_all("a", string="seed 0"):
        assert (swept[1] / "page" / unquote(link["href"])).resolve().exists()
    assert "ValueError: the rate is too large" in text


def test_the_figures_hold_what_was_measured(swept, notebooks):
    results = [json.loads(path.read_text()) for path in sorted((swept[1] / "runs").glob("*units=8*.json"))]
    results = [result for result in results if not result["failure"]]
    sweep = sweep_page.Sweep(
        None, "class", {}, [{"rate": result["parameters"]["rate"], "seed": 0} for result in results]
    )
    comparison = sweep_page.Comparison(sweep, results, "test_accuracy")
    axes = sweep_page.draw_spread(comparison)[0].axes[0]
    (bars,) = axes.containers
    assert bars.lines[0].get_xydata().ravel().tolist() == pytest.approx([0.1, 0.085, 0.5, 0.405])
    axes = sweep_page.draw_curves(comparison, "train_loss")[0].axes[0]
    mean = [line for line in axes.lines if not line.get_label().startswith("_")]
    assert [line.get_label() for line in mean] == ["rate 0.1", "rate 0.5"]
    assert mean[0].get_ydata()[0] == pytest.approx(1.005) and len(axes.lines) == 2 + 4


def test_ranking_by_a_loss_puts_the_smallest_first_and_an_unknown_figure_is_refused(swept, notebooks):
    grid = ["-g", "rate", "0.1,0.5,20", "-g", "units", "4,8", "-g", "seed", "0..1"]
    common = ["sweep", "0", *grid, "--notebooks", notebooks, "--out", swept[1], "--resume"]
    result = call(*common, "--by", "train_loss")
    assert (
        result.exit_code == 2 and "no run recorded a number named train_loss; there are test_accuracy" in result.output
    )


def started(*arguments):
    command = [sys.executable, "-m", "course_utils", *[str(argument) for argument in arguments]]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.mark.parametrize("verb", ["sweep", "run"])
def test_what_was_finished_before_a_kill_is_not_run_again(verb, tmp_path):
    lessons = {f"0{number}_tiny": (SOURCES, LESSON) for number in range(1 if verb == "sweep" else 5)}
    notebooks = write_course(tmp_path, lessons)
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
    assert done and not [path for path in kept.iterdir() if path.suffix == ".ipynb" and path.stat().st_size == 0]
    before = len(log.read_text().splitlines())

    result = call(verb, *what, *fixed, "--resume")
    assert result.exit_code == 0, result.output
    assert {path: path.stat().st_mtime_ns for path in done} == done
    assert len(list(kept.glob("*.json"))) == 5 and result.output.count("kept from an earlier run") == len(done)
    assert len(log.read_text().splitlines()) == before + 5 - len(done)


def test_resume_runs_again_what_changed_and_what_failed(tmp_path):
    notebooks = write_course(tmp_path, {"00_tiny": (SOURCES, LESSON)})
    common = ["run", "--notebooks", notebooks, "--out", tmp_path / "out", "--resume"]
    assert call(*common, "-p", "rate", "20").exit_code == 1
    assert "kept" not in call(*common, "-p", "rate", "20").output
    assert call(*common).exit_code == 0 and "kept" in call(*common).output
    assert "kept" not in call(*common, "-p", "rate", "0.2").output
    path = notebooks / "00_tiny.ipynb"
    path.write_text(path.read_text().replace("3 of 4", "4 of 4"))
    assert "kept" not in call(*common, "-p", "rate", "0.2").output
    (tmp_path / "out/00_tiny.json").write_text("{")
    assert "kept" not in call(*common, "-p", "rate", "0.2").output


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@pytest.fixture
def cluster(tmp_path):
    """A scheduler on 127.0.0.1 and two worker processes: its address, and the workers."""
    address = f"tcp://127.0.0.1:{free_port()}"
    common = {"cwd": tmp_path, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    port = address.rsplit(":", 1)[1]
    scheduler = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", port]
    worker = [sys.executable, "-m", "distributed.cli.dask_worker", address, "--host", "127.0.0.1", "--nthreads", "1",
              "--no-nanny", "--no-dashboard", "--local-directory", str(tmp_path / "workers")]  # fmt: skip
    started = [subprocess.Popen([*scheduler, "--no-dashboard"], **common)]
    started += [subprocess.Popen(worker, **common) for _ in range(2)]
    yield address, started[1:]
    for process in started:
        process.kill()
        process.wait()


def test_a_cluster_that_loses_a_worker_gives_the_same_tables(tmp_path, cluster):
    address, workers = cluster
    notebooks = write_course(tmp_path, {"00_tiny": (SOURCES, LESSON)})
    common = [
        "sweep",
        "0",
        "-g",
        "rate",
        "0.1,0.5",
        "-g",
        "seed",
        "0..2",
        "-p",
        "pause",
        "0.5",
        "--notebooks",
        notebooks,
    ]
    process = started(*common, "--scheduler", address, "--out", tmp_path / "far")
    while process.poll() is None and not list((tmp_path / "far/runs").glob("*.json")):
        time.sleep(0.05)
    workers[0].kill()
    output, _ = process.communicate(timeout=300)
    assert process.returncode == 0 and "6 of 6 runs went well" in output, output
    assert call(*common, "--out", tmp_path / "near", "--jobs", "2").exit_code == 0
    for name in ("results.csv", "curves.csv"):
        assert (tmp_path / "far" / name).read_text() == (tmp_path / "near" / name).read_text()
    notebook = nbformat.read(tmp_path / "far/runs/rate=0.5_seed=2.ipynb", as_version=4)
    assert next(pictures(notebook))[1].startswith("Four digits")


def test_a_scheduler_that_does_not_answer_is_one_line(tmp_path, notebooks, monkeypatch):
    monkeypatch.setattr("course_utils.instructor.pool.CONNECT_TIMEOUT", 1)
    address = f"tcp://127.0.0.1:{free_port()}"
    result = call("sweep", "0", "-g", "seed", "0", "--scheduler", address, "--notebooks", notebooks, "--out", tmp_path)
    assert result.exit_code == 1 and f"no Dask scheduler answers at {address}" in result.output


@pytest.mark.parametrize(
    ("text", "values"),
    [("0.001,0.003", [0.001, 0.003]), ("0..3", [0, 1, 2, 3]), ("-1..1", [-1, 0, 1]), ("5", [5]), ("5,5", [5]),
     ("mnist, digits", ["mnist", "digits"]), ("True,False", [True, False]), ("0.1..0.5", Range(0.1, 0.5, False)),
     ("log:1e-3..1", Range(0.001, 1, True))],
)  # fmt: skip
def test_values(text, values):
    assert values_of(text) == values


@pytest.mark.parametrize("text", ["3..1", "log:0..1", "1,,2", "log:-1..1"])
def test_values_that_are_none(text):
    with pytest.raises(WrongUse):
        values_of(text)


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
    with pytest.raises(WrongUse, match="--sample"):
        settings_of(grid, None, 0)


def test_lists_of_settings(tmp_path):
    (tmp_path / "a.csv").write_text("rate,seed\n0.1,0\n0.5,1\n")
    (tmp_path / "a.yaml").write_text("- {rate: 0.1, seed: 0}\n- {rate: 0.5, seed: 1}\n")
    assert (
        listed(tmp_path / "a.csv")
        == listed(tmp_path / "a.yaml")
        == [{"rate": 0.1, "seed": 0}, {"rate": 0.5, "seed": 1}]
    )
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
        (["-g", "rate", "1", "-g", "rate", "2"], "-g names rate twice"),
        ([], "needs parameters to sweep"),
        (["-g", "rate", "0.1..0.5"], "say how many with --sample"),
    ],
)
def test_a_sweep_that_cannot_be_is_refused_before_anything_runs(tmp_path, notebooks, options, words):
    result = call("sweep", "0", *options, "--notebooks", notebooks, "--out", tmp_path / "out")
    assert result.exit_code == 2 and words in result.output and not (tmp_path / "out").exists()
