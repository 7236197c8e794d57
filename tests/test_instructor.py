"""The instructor's room through its command line, on courses of tiny notebooks."""

import base64
import html
import io
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import types
from html.parser import HTMLParser
from pathlib import Path

import nbformat
import psutil
import pytest
import yaml
from bs4 import BeautifulSoup
from click.testing import CliRunner
from docutils import nodes
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from rich.console import Console

from course_utils import runtime
from course_utils.__main__ import course
from course_utils.data import load_digits, save_digits
from course_utils.instructor import files, live, outputs, pool, run, sphinx_parts, stall
from course_utils.instructor.manifest import NOTEBOOKS, WrongUse, choose, read_course
from course_utils.instructor.parameters import TYPES, known_parameters
from course_utils.instructor.render import source_sha256, write_cover, write_outputs
from course_utils.instructor.report import write_page
from course_utils.instructor.run import check_bands

PARAMETERS = 'source: str = "digits"  # what to read\nepochs: int = 2  # passes over it'
RECORD = """
from IPython.display import display
def record(**figures):
    display({"application/vnd.course.record+json": figures, "text/plain": "recorded"}, raw=True)
"""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
PICTURE = f"""
display({{"image/png": "{PIXEL}", "text/plain": "<Figure>"}}, raw=True,
        metadata={{"image/png": {{"alt": "Loss curves: falls from 2 to 1."}}}})
"""
GOOD = [
    PARAMETERS,
    RECORD,
    "record(dataset=source, loss=[2.0, 1.0 / epochs])",
    PICTURE,
    "record(accuracy=0.5 * epochs)",
]
LESSON = {
    "title": "A lesson",
    "question": "Does it run?",
    "prerequisites": [],
    "profiles": {"smoke": {"epochs": 1}, "class": {}, "full": {}},
    "bands": {"smoke": {"digits": {"accuracy": [0.4, 0.6], "loss": [0, 3]}}},
}
NETWORK = {"lesson": "00_good", "prefix": "net_"}
README = "# A course\n\n<!-- results -->\nold\n<!-- /results -->\n\nThe end.\n"


def write_notebook(path, sources):
    cells = [new_markdown_cell("# A lesson\n\nThe loss is $-\\ln p$, and\n\n$$\\frac{1}{2}$$")]
    cells += [new_code_cell(source.strip()) for source in sources]
    cells[1].metadata["tags"] = ["parameters"]
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
    nbformat.write(new_notebook(cells=cells, metadata=metadata), path)


def write_course(folder, lessons, networks=None):
    """A course in `folder`/notebooks; `lessons` maps each name to (sources of its cells, changes to LESSON)."""
    notebooks = folder / "notebooks"
    notebooks.mkdir(parents=True)
    for name, (sources, _) in lessons.items():
        write_notebook(notebooks / f"{name}.ipynb", sources)
    content = {"lessons": {name: LESSON | changes for name, (_, changes) in lessons.items()}}
    (notebooks / "course.yaml").write_text(yaml.safe_dump(content | {"networks": networks or {}}, sort_keys=False))
    (folder / "README.md").write_text(README)
    return notebooks


def call(*arguments):
    return CliRunner().invoke(course, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A course in which one lesson goes well, one fails, one dies and one lies outside its bands, and its run."""
    folder = tmp_path_factory.mktemp("course")
    outside = {"bands": {"smoke": {"digits": {"accuracy": [0.9, 1], "loss": [0, 1], "never": [0, 1]}}}}
    notebooks = write_course(
        folder,
        {
            "00_good": (GOOD, {}),
            "01_failing": ([PARAMETERS, "first = 1", "first / 0", "never = 1"], {"bands": {}}),
            "02_dying": ([PARAMETERS, "import os", "os._exit(1)"], {}),
            "03_outside": (GOOD, outside),
        },
    )
    result = call("run", "--profile", "smoke", "--notebooks", notebooks)
    results = {path.stem: json.loads(path.read_text()) for path in (folder / "build/runs/smoke").glob("*.json")}
    return folder, result, results


def test_run_keeps_notebook_and_figures(ran):
    folder, result, results = ran
    good = results["00_good"]
    assert good["figures"] == {"dataset": "digits", "loss": [2.0, 1.0], "accuracy": 0.5}
    assert good["parameters"] == {"epochs": 1} and good["failure"] is None and good["seconds"] > 0
    assert {check["verdict"] for check in good["bands"].values()} == {"inside"}
    assert "00_good: done" in result.output and "2 of 2 bands kept" in result.output
    notebook = nbformat.read(folder / "build/runs/smoke/00_good.ipynb", as_version=4)
    assert [cell.execution_count for cell in notebook.cells if cell.cell_type == "code"] == [1, 2, 3, 4, 5, 6]
    assert sorted(path.suffix for path in (folder / "build/runs/smoke").iterdir()) == [".ipynb"] * 4 + [".json"] * 4


def test_a_failing_lesson_is_reported_and_kept_and_the_others_go_on(ran):
    folder, result, results = ran
    assert result.exit_code == 1 and "1 of 4 lessons went well" in result.output
    failure = results["01_failing"]["failure"]
    assert failure["cause"] == "ZeroDivisionError: division by zero" and failure["source"] == "first / 0"
    assert (failure["cell"], failure["cells"]) == (4, 5)  # with the cell that papermill injects
    assert "01_failing: FAILED" in result.output and "first / 0" in result.output
    notebook = nbformat.read(folder / "build/runs/smoke/01_failing.ipynb", as_version=4)
    assert any(output.output_type == "error" for cell in notebook.cells for output in cell.get("outputs", []))


def test_a_kernel_that_dies_is_reported_with_its_cell(ran):
    failure = ran[2]["02_dying"]["failure"]
    assert failure["cause"] == "DeadKernelError: Kernel died" and failure["source"] == "os._exit(1)"


WAITING = "import threading; lock = threading.Lock(); lock.acquire()\nmarker.touch()\nlock.acquire()"
DEAF = f"import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n{WAITING}"


@pytest.mark.parametrize(
    ("cell", "before", "limits", "words", "traceback"),
    [
        (WAITING, time.monotonic, {"STILL": 1, "GRACE": 600}, "neither computed nor said", "KeyboardInterrupt"),
        (DEAF, time.monotonic, {"STILL": 1, "GRACE": 0.1}, "neither computed nor said", ""),
        ("marker.touch()\nwhile True: pass", lambda: 0, {"SILENT": 1, "GRACE": 600}, "without a word", "while True"),
    ],
    ids=["waits", "waits and hears nothing", "computes for ever"],
)
def test_a_stalled_cell_is_ended_and_named(tmp_path, monkeypatch, cell, before, limits, words, traceback):
    marker, measured = tmp_path / "marker", stall.processor_seconds
    for name, value in {"LOOK": 0.25, **limits}.items():
        monkeypatch.setattr(stall, name, value)
    # until the cell is where it stalls, a kernel that is slow to get there meets no limit
    monkeypatch.setattr(stall, "processor_seconds", lambda pid: measured(pid) if marker.exists() else before())
    begin = f"from pathlib import Path; marker = Path({str(marker)!r})"
    notebooks = write_course(tmp_path / "course", {"00_stalls": ([PARAMETERS, begin, cell, "never = 1"], {})})
    result = call("run", "--notebooks", notebooks)
    failure = json.loads((tmp_path / "course/build/runs/class/00_stalls.json").read_text())["failure"]
    assert result.exit_code == 1 and "the cell stalled: " in result.output
    assert (failure["cell"], failure["source"]) == (3, cell) and words in failure["cause"]
    assert (traceback in failure["traceback"]) if traceback else not failure["traceback"]


def test_messages_and_processor_time_of_a_cell_are_its_signs_of_life(tmp_path, monkeypatch):
    seen = []

    class Watched(stall.Pulse):
        def message(self):
            seen.append("message")

        def look(self, used):
            seen.append(used)
            (tmp_path / f"look-{len(seen)}").touch()

    monkeypatch.setattr(stall, "LOOK", 0.1)
    monkeypatch.setattr(stall, "Pulse", Watched)
    computes = f"""
import pathlib, subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "while True: pass"])
while len(list(pathlib.Path({str(tmp_path)!r}).glob("look-*"))) < 20:
    print("here", flush=True)
child.kill()
"""
    notebooks = write_course(tmp_path / "course", {"00_slow": ([PARAMETERS, computes], {"bands": {}})})
    assert call("run", "--notebooks", notebooks).exit_code == 0
    looks = [entry for entry in seen if entry != "message"]
    assert looks == sorted(looks) and looks[-1] > looks[0] > 0
    assert seen[seen.index(looks[0]) : seen.index(looks[-1])].count("message") > 0


def looked_at(used_each, looks, messages=False):
    """Whether a cell that uses so many processor seconds between two looks stalls within so many looks."""
    pulse = stall.Pulse()
    try:
        for number in range(1, looks + 1):
            if messages:
                pulse.message()
            pulse.look(used_each * number)
    except stall.Stalled as stalled:
        return str(stalled)
    return ""


def test_a_cell_stalls_after_so_much_stillness_or_silent_work_and_not_by_the_clock():
    still, silent = round(stall.STILL / stall.LOOK), round(stall.SILENT / stall.LOOK)
    assert "neither computed" in looked_at(0, still) and not looked_at(0, still - 1)
    assert not looked_at(0, 100 * silent, messages=True)
    assert "without a word" in looked_at(stall.LOOK, silent) and not looked_at(stall.LOOK, silent - 1)
    assert not looked_at(64 * stall.LOOK, silent - 1), "64 threads that wait for each other are no loop without end"
    assert not looked_at(0.02 * stall.LOOK, 10 * silent), "a busy machine gives little"
    assert not looked_at(64 * stall.LOOK, 100 * silent, messages=True)


def test_processor_time_counts_children_and_a_process_that_is_gone_has_none():
    loop = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    process = psutil.Popen([sys.executable, "-c", loop])
    try:
        while sum(sum(child.cpu_times()) for child in process.children()) < 0.5:
            time.sleep(0.05)
        assert stall.processor_seconds(process.pid) >= 0.5 + sum(process.cpu_times())
    finally:
        for one in (*process.children(recursive=True), process):
            one.kill()
        process.wait()
    assert stall.processor_seconds(process.pid) == 0


def test_figures_outside_their_bands_fail_a_run(ran):
    _, result, results = ran
    verdicts = {figure: check["verdict"] for figure, check in results["03_outside"]["bands"].items()}
    assert verdicts == {"accuracy": "outside", "loss": "outside", "never": "missing"}
    assert "accuracy: 0.5 recorded, [0.9, 1] expected" in result.output


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.5, "inside"), (1, "inside"), (1.1, "outside"), ([0, 1], "inside"), ([0, 2], "outside"), ([], "outside"),
     ("nan", "outside"), (None, "missing")],
)  # fmt: skip
def test_bands(value, verdict):
    figures = {"dataset": "digits", "loss": value}
    checks = check_bands(
        {name: item for name, item in figures.items() if item is not None}, {"digits": {"loss": [0, 1]}}
    )
    assert checks["loss"]["verdict"] == verdict


def test_bands_need_a_recorded_data_set():
    assert check_bands({"loss": 1}, {"digits": {"loss": [0, 1]}})["dataset"]["verdict"] == "missing"
    assert check_bands({"loss": 1, "dataset": "mnist"}, {"digits": {"loss": [0, 1]}}) == {}
    assert check_bands({"loss": 1}, {}) == {}


def test_the_core_records_what_the_runner_reads():
    assert outputs.RECORD_MIME == runtime.RECORD_MIME


def test_parameters_win_over_the_profile(tmp_path):
    notebooks = write_course(tmp_path, {"00_good": (GOOD, {})})
    (tmp_path / "more.yaml").write_text("epochs: 7")
    common = ["run", "--notebooks", notebooks, "--profile", "smoke", "--out", tmp_path / "out"]
    result = call(*common, "-f", tmp_path / "more.yaml", "-y", "epochs: 5", "-p", "epochs", "3")
    assert result.exit_code == 0, result.output
    kept = json.loads((tmp_path / "out/00_good.json").read_text())
    assert kept["parameters"] == {"epochs": 3} and kept["figures"]["accuracy"] == 1.5
    assert kept["bands"] == {} and "no bands to check" in result.output  # epochs is not the profile's
    result = call(*common, "-p", "source", "digits")
    assert "2 of 2 bands kept" in result.output


def test_unknown_parameters_are_refused_before_anything_runs(tmp_path):
    wrong = {"profiles": LESSON["profiles"] | {"smoke": {"epoch": 1}}}
    notebooks = write_course(tmp_path, {"00_good": (GOOD, {}), "01_wrong": (GOOD, wrong)})
    result = call("run", "--notebooks", notebooks, "-p", "sourse", "mnist")
    assert result.exit_code == 2 and "00_good has no parameter sourse; did you mean source?" in result.output
    result = call("run", "--notebooks", notebooks, "--profile", "smoke")
    assert result.exit_code == 2 and "01_wrong has no parameter epoch; did you mean epochs?" in result.output
    result = call("run", "--notebooks", notebooks, "-y", "[1, 2]")
    assert result.exit_code == 2 and "no mapping" in result.output
    assert not (tmp_path / "build").exists()


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["-p", "epochs", "0"], "epochs cannot be 0; it must be bigger than or equal to 1"),
        (["-p", "epochs", "two"], "epochs cannot be 'two'; it takes an int, and this is str"),
        (["-p", "epochs", "true"], "epochs cannot be True; it takes an int, and this is bool"),
        (["-p", "rate", "-0.1"], "rate cannot be -0.1; it must be bigger than 0"),
        (["-y", "rate: .nan"], "rate cannot be nan; it takes a finite number"),
        (["-p", "solved", "1"], "solved cannot be 1; it takes a bool"),
        (["-p", "source", "minst"], "source cannot be 'minst'; did you mean mnist?"),
        (["-p", "source", "/no/such/file"], "or a path, and there is none of that name"),
    ],
)
def test_impossible_parameters_are_refused_before_anything_runs(tmp_path, option, words):
    result = call("run", "--notebooks", write_bounded_course(tmp_path), *option)
    assert result.exit_code == 2 and words in result.output and not (tmp_path / "build").exists()


def test_parameters_at_their_bounds_are_run(tmp_path):
    options = ["-p", "rate", "1", "-p", "solved", "true", "-p", "epochs", "1"]
    result = call("run", "--notebooks", write_bounded_course(tmp_path), *options)
    assert result.exit_code == 0, result.output


def write_bounded_course(folder):
    more = f"{PARAMETERS}\nrate: float = 0.1\nsolved: bool = False"
    notebooks = write_course(folder, {"00_good": ([more, *GOOD[1:]], {"bands": {}})})
    with open(notebooks / "course.yaml", "a") as manifest:
        manifest.write("parameters:\n  epochs: {minimum: 1}\n  rate: {exclusiveMinimum: 0}\n")
    return notebooks


def test_a_path_given_as_source_is_named_absolutely(tmp_path, monkeypatch):
    notebooks = write_course(tmp_path, {"00_good": (GOOD, {})})
    (tmp_path / "mine.json.gz").touch()
    monkeypatch.chdir(tmp_path)
    assert call("run", "--notebooks", notebooks, "-p", "source", "mine.json.gz").exit_code == 0
    kept = json.loads((tmp_path / "build/runs/class/00_good.json").read_text())
    assert kept["parameters"]["source"] == str(tmp_path / "mine.json.gz")


def test_every_number_that_a_lesson_takes_has_limits():
    content = read_course(NOTEBOOKS)
    for lesson in content.lessons:
        for name, parameter in known_parameters(lesson).items():
            assert parameter["inferred_type_name"] in TYPES
            assert name in content.limits or parameter["inferred_type_name"] not in ("int", "float"), name


def test_lessons_run_side_by_side_with_one_torch_thread_each(tmp_path):
    sources = [
        PARAMETERS, RECORD,
        f"""
import os, pathlib, time
place = pathlib.Path({str(tmp_path)!r})
(place / f"begun-{{os.getpid()}}").touch()
while len(list(place.glob("begun-*"))) < 2:
    time.sleep(0.05)
record(dataset=source, threads=int(os.environ["OMP_NUM_THREADS"]), folder=os.getcwd())
""",
    ]  # fmt: skip
    notebooks = write_course(tmp_path / "course", {"00_one": (sources, {}), "01_two": (sources, {})})
    result = call("run", "--profile", "class", "--jobs", "2", "--notebooks", notebooks)
    assert result.exit_code == 0, result.output
    kept = json.loads((tmp_path / "course/build/runs/class/01_two.json").read_text())
    assert kept["figures"]["threads"] == 1 and kept["figures"]["folder"] == str(notebooks)


def test_as_many_lessons_run_at_once_as_cores_and_memory_allow(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(run, "run_lessons", lambda *given, jobs, **more: seen.append(jobs) or [])
    monkeypatch.setattr(pool, "usable_cores", lambda: 6)
    for kernels, options in ((9, ["--profile", "smoke"]), (9, []), (4, []), (0, []), (9, ["--jobs", "1"])):
        memory = types.SimpleNamespace(available=kernels * pool.KERNEL_MEMORY)
        monkeypatch.setattr(psutil, "virtual_memory", lambda memory=memory: memory)
        CliRunner().invoke(course, ["run", "--out", str(tmp_path), *options], catch_exceptions=False)
    assert seen == [6, 6, 4, 1, 1]


def test_a_lesson_alone_leaves_the_threads_to_torch(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    sources = [PARAMETERS, RECORD, 'import os; record(dataset=source, alone="OMP_NUM_THREADS" not in os.environ)']
    notebooks = write_course(tmp_path, {"00_one": (sources, {})})
    assert call("run", "--jobs", "2", "--notebooks", notebooks).exit_code == 0
    assert json.loads((tmp_path / "build/runs/class/00_one.json").read_text())["figures"]["alone"]


def test_the_longest_lesson_begins_first(tmp_path):
    notebooks = write_course(tmp_path, {name: (GOOD, {}) for name in ("00_short", "01_new", "02_long")})
    for name, seconds in (("00_short", 3.0), ("02_long", 40.0)):
        notebook = nbformat.read(notebooks / f"{name}.ipynb", as_version=4)
        notebook.metadata.course = {"seconds": seconds}
        nbformat.write(notebook, notebooks / f"{name}.ipynb")
    result = call("run", "--jobs", "1", "--notebooks", notebooks)
    assert re.findall(r"(\w+): running", result.output) == ["02_long", "00_short", "01_new"]


def test_ctrl_c_ends_the_kernels_and_keeps_what_was_finished(tmp_path):
    begun = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))"
    hanging = [PARAMETERS, begun, "time.sleep(600)"]
    notebooks = write_course(tmp_path, {"00_good": (GOOD, {}), "01_hanging": (hanging, {})})
    command = [sys.executable, "-m", "course_utils", "run", "--jobs", "1", "--notebooks", notebooks]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a child inherits it where it is ignored
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    signal.signal(signal.SIGINT, before)
    while process.poll() is None and not (tmp_path / "pid").exists():
        time.sleep(0.05)
    try:
        kernel = psutil.Process(int((tmp_path / "pid").read_text()))
        process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=300)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 1 and "course: interrupted" in output and "Traceback" not in output
    assert not kernel.is_running() or kernel.status() == psutil.STATUS_ZOMBIE
    assert sorted(path.name for path in (tmp_path / "build/runs/class").iterdir()) == ["00_good.ipynb", "00_good.json"]


def test_the_live_table_shows_cell_time_and_figures(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    board = live.Board(["00_good", "01_bad"], "profile smoke")
    board.begin("00_good")
    board.watch("00_good", 3, 9, {"dataset": "digits", "loss": 0.25})
    board.end("01_bad", "FAILED", "01_bad: FAILED", 12.0, {})
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(board.table())
    text = console.export_text()
    assert re.search(r"00_good .*running .*3 of 9 .*s .*2, loss 0.25", text)
    assert re.search(r"01_bad .*FAILED .*12 s", text) and "1 running, 1 FAILED" in text


def test_the_live_table_of_many_notebooks_shows_those_that_run():
    board = live.Board([f"run-{number}" for number in range(50)], "a sweep")
    board.begin("run-7")
    table = board.table()
    assert table.row_count == 1 and table.caption == "49 waiting, 1 running"


def test_the_data_folder_is_named_absolutely_to_the_kernels(tmp_path, monkeypatch):
    sources = [PARAMETERS, RECORD, 'import os; record(dataset="digits", folder=os.environ["COURSE_DATA"])']
    notebooks = write_course(tmp_path, {"00_data": (sources, {"bands": {}})})
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COURSE_DATA", "digits")
    assert call("run", "--notebooks", notebooks).exit_code == 0
    kept = json.loads((tmp_path / "build/runs/class/00_data.json").read_text())
    assert kept["figures"]["folder"] == str(tmp_path / "digits")


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (["lessons"], {}, "lessons must contain at least 1"),
        (["lessons", "00_good", "timeout"], 60, "timeout"),
        (["lessons", "00_good", "qestion"], "What?", "qestion"),
        (["lessons", "00_good", "profiles"], {"smoke": {}}, "class"),
        (["lessons", "00_good", "profiles", "class"], None, "class must be object"),
        (["lessons", "00_good", "bands", "smoke", "digits", "loss"], [1], "loss must contain at least 2"),
        (["lessons", "00_good", "bands", "smoke", "digits", "loss"], [2, 1], r"loss: \[2, 1\] begins above its end"),
        (["lessons", "00_good", "bands", "quick"], {}, "quick"),
        (["lessons", "00_good", "prerequisites"], ["05_later"], "05_later is no lesson that comes before"),
        (["networks", "CNN", "lesson"], "07_none", "networks.CNN: there is no lesson 07_none"),
        (["networks"], None, "networks must be object"),
    ],
)
def test_faults_of_a_manifest_are_named(tmp_path, place, value, words):
    notebooks = write_course(tmp_path, {"00_good": (GOOD, {})}, {"CNN": NETWORK})
    path = notebooks / "course.yaml"
    content = yaml.safe_load(path.read_text())
    *before, last = place
    entry = content
    for key in before:
        entry = entry[key]
    entry[last] = value
    path.write_text(yaml.safe_dump(content))
    with pytest.raises(WrongUse, match=words):
        read_course(notebooks)


def test_a_manifest_that_is_none(tmp_path):
    with pytest.raises(WrongUse, match="cannot be read"):
        read_course(tmp_path)
    (tmp_path / "course.yaml").write_text("lessons: [")
    with pytest.raises(WrongUse, match="not YAML"):
        read_course(tmp_path)


def test_lessons_are_chosen_by_number_name_or_file(ran):
    manifest = read_course(ran[0] / "notebooks")
    names = [lesson.name for lesson in choose(manifest, ["3", "notebooks/00_good.ipynb", "01", "01_failing"])]
    assert names == ["00_good", "01_failing", "03_outside"]
    assert len(choose(manifest, [])) == 4
    with pytest.raises(WrongUse, match="there is no lesson 9; there are 00_good"):
        choose(manifest, ["9"])
    (manifest.folder / "02_dying.ipynb").rename(manifest.folder / "hidden")
    with pytest.raises(WrongUse, match=r"02_dying.ipynb: missing"):
        choose(manifest, ["2"])
    (manifest.folder / "hidden").rename(manifest.folder / "02_dying.ipynb")


def test_files_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "result.json"
    files.write_whole(path, "old")

    def broken(*_):
        raise OSError("no space left")

    monkeypatch.setattr(os, "replace", broken)
    with pytest.raises(OSError, match="no space"):
        files.write_whole(path, "new")
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


@pytest.fixture(scope="module")
def mnist(tmp_path_factory):
    """A folder that holds a few digits in MNIST's own container."""
    folder = tmp_path_factory.mktemp("data") / "root"
    save_digits(load_digits("digits", train_size=20), folder, container="mnist")
    return folder


def test_render_writes_outputs_results_and_table(tmp_path, mnist, monkeypatch):
    figures = (
        'record(dataset="mnist", net_parameters=7850, net_test_loss=0.1, net_test_accuracy=0.97, net_seconds=epochs)'
    )
    notebooks = write_course(
        tmp_path,
        {
            "00_good": ([*GOOD[:2], figures, PICTURE, 'import os; print(os.getcwd())'],
                        {"profiles": {"smoke": {}, "class": {"epochs": 3}, "full": {"epochs": 8}}}),
            "01_failing": ([PARAMETERS, "1 / 0"], {}),
        },
        {"CNN": NETWORK},
    )  # fmt: skip
    before = (notebooks / "01_failing.ipynb").read_text()
    monkeypatch.setenv("COURSE_DATA", str(mnist))
    result = call("render", "--notebooks", notebooks)
    assert result.exit_code == 1 and "01_failing: FAILED" in result.output
    assert (notebooks / "01_failing.ipynb").read_text() == before

    text = (notebooks / "00_good.ipynb").read_text()
    notebook = nbformat.reads(text, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == [1, 2, 3, 4, 5] and cells[0].metadata.tags == ["parameters"]
    assert "papermill" not in text and "injected" not in text and str(tmp_path) not in text
    assert next(outputs.pictures(notebook))[1] == "Loss curves: falls from 2 to 1."
    assert outputs.recorded(notebook)["net_seconds"] == 3  # the class profile's
    assert notebook.metadata.course.source_sha256 == source_sha256(notebook) and notebook.metadata.course.seconds > 0
    assert notebook.metadata.kernelspec.name == "python3" and notebook.metadata.language_info == {"name": "python"}

    results = json.loads((notebooks / "results.json").read_text())["lessons"]
    assert list(results) == ["00_good"] and results["00_good"]["figures"]["net_seconds"] == 8  # the full profile's
    assert results["00_good"]["machine"]["cores"] == os.cpu_count()
    readme = (tmp_path / "README.md").read_text()
    command = "papermill notebooks/00_good.ipynb out.ipynb -p epochs 8"
    recipe = "four 5×5 convolutions to 64, one linear layer; cross entropy; Adam, lr 0.001; batch 64; 8 epochs"
    assert f"| `CNN` | {recipe} | 7,850 | 0.1000 | 97.00 % | 8 s | `{command}` |" in readme
    assert readme.startswith("# A course\n\n<!-- results -->\n|") and readme.endswith(
        "\n<!-- /results -->\n\nThe end.\n"
    )
    assert "old" not in readme

    (tmp_path / "README.md").write_text("no markers")
    result = call("render", "0", "--notebooks", notebooks)
    assert result.exit_code == 2 and "<!-- results -->" in result.output


def test_render_keeps_the_picture_of_the_cell_tagged_cover(tmp_path):
    executed = new_notebook(cells=[new_code_cell("plain"), new_code_cell("cover", metadata={"tags": ["cover"]})])
    for cell, content in zip(executed.cells, (b"other", b"picture"), strict=True):
        data = {"image/png": base64.b64encode(content).decode()}
        cell.outputs = [nbformat.v4.new_output("display_data", data)]
    write_cover(tmp_path / "cover.png", executed)
    assert (tmp_path / "cover.png").read_bytes() == b"picture"


def test_rendering_one_lesson_keeps_the_results_of_the_others(tmp_path, mnist, monkeypatch):
    notebooks = write_course(tmp_path, {"00_good": (GOOD, {}), "01_good": (GOOD, {})}, {"CNN": NETWORK})
    (notebooks / "results.json").write_text('{"lessons": {"01_good": {"figures": {"kept": 1}}}}')
    monkeypatch.setenv("COURSE_DATA", str(mnist))
    assert call("render", "0", "--notebooks", notebooks).exit_code == 0
    results = json.loads((notebooks / "results.json").read_text())["lessons"]
    assert results["01_good"] == {"figures": {"kept": 1}} and results["00_good"]["figures"]["accuracy"] == 1.0


def test_render_needs_mnist(tmp_path, monkeypatch):
    notebooks = write_course(tmp_path, {"00_good": (GOOD, {})})
    (tmp_path / "empty").mkdir()
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "empty"))
    result = call("render", "--notebooks", notebooks)
    assert result.exit_code == 1 and "rendered on MNIST" in result.output and "course data fetch" in result.output


def test_rendered_outputs_name_no_folder_of_the_machine(tmp_path):
    path = write_course(tmp_path, {"00_good": (GOOD, {})}) / "00_good.ipynb"
    executed = nbformat.read(path, as_version=4)
    warning = f"{tempfile.gettempdir()}/ipykernel_12/345.py:3: UserWarning, {tmp_path}/data and {Path.home()}/data"
    picture = {"image/png": "A" * 300_000}  # long enough to show a slow search
    executed.cells[1].outputs = [
        nbformat.v4.new_output("stream", text=warning),
        nbformat.v4.new_output("display_data", data=picture | {"application/vnd.jupyter.widget-view+json": {}}),
    ]
    write_outputs(path, executed, 1.0)
    stream, display = nbformat.read(path, as_version=4).cells[1].outputs
    assert stream.text == "this cell:3: UserWarning, data and ~/data" and display.data == picture


def test_outputs_go_into_no_notebook_that_was_edited_meanwhile(tmp_path):
    notebooks = write_course(tmp_path, {"00_good": (GOOD, {})})
    path = notebooks / "00_good.ipynb"
    executed = nbformat.read(path, as_version=4)
    executed.cells[-1].source += "  # as it was"
    with pytest.raises(Exception, match="edited while it ran"):
        write_outputs(path, executed, 1.0)


class References(HTMLParser):
    """What a page loads (`resources`), and the alternative texts of its pictures (`texts`)."""

    def __init__(self, text):
        super().__init__()
        self.resources, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag != "a":
            names = ("src", "srcset", "poster", "data", "href", "action")
            self.resources += [attributes[name] for name in names if attributes.get(name)]
        if tag == "img":
            self.texts.append(attributes.get("alt", ""))


@pytest.fixture(scope="module")
def pages(ran):
    folder = ran[0]
    result = call("report", folder / "build/runs/smoke", "--notebooks", folder / "notebooks")
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1].endswith("index.html")
    return folder / "build/course"


def test_no_page_of_a_report_asks_the_network_for_anything(pages):
    for path in pages.rglob("*.html"):
        resources = References(path.read_text()).resources
        assert resources and not [name for name in resources if re.match(r"(https?:)?//", name)], path
    for path in pages.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", path.read_text()), path


def test_every_page_of_a_report_names_the_licences_in_its_foot(pages):
    for path in pages.glob("*.html"):
        foot = BeautifulSoup(path.read_text(), "html.parser").find("footer", class_="bd-footer-content")
        assert "Code: MIT licence. Text and figures: CC BY 4.0." in foot.get_text(), path


def test_a_report_shows_every_lesson(pages):
    index = (pages / "index.html").read_text()
    for words in (
        "Does it run?",
        "✓ done",
        "✗ failed",
        "✗ out of its bands",
        "✗ outside",
        "✗ missing",
        "data set: digits",
    ):
        assert words in index
    assert "In cell 4 of 5: <code>ZeroDivisionError: division by zero</code>" in index
    assert index.count('href="00_good.html"') >= 2
    assert (pages / "01_failing.html").exists()


def test_alternative_texts_arrive_in_the_pages(pages):
    for name in ("index.html", "00_good.html"):
        texts = References((pages / name).read_text()).texts
        assert texts and set(texts) == {"Loss curves: falls from 2 to 1."}


def test_formulas_are_mathml(pages):
    page = (pages / "00_good.html").read_text()
    assert (
        "<math" in page
        and "<mfrac>" in page
        and not [name for name in References(page).resources if "math" in name.lower()]
    )


@pytest.mark.parametrize("formula", [r"a_", r"\begin{aligned} a &= b \end{aligned}", r"\nonesuch x < y"])
def test_a_formula_that_is_not_understood_is_shown_as_written(formula):
    shown = sphinx_parts._mathml(nodes.math(formula, formula), "inline")
    assert shown == f"<code>{html.escape(formula)}</code>"


def test_the_set_up_of_a_lesson_is_folded_and_its_parameters_are_not(tmp_path):
    path = tmp_path / "a.ipynb"
    write_notebook(path, [PARAMETERS, "1 + 1"])
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(1, new_code_cell("import torch"))
    nbformat.write(notebook, path)
    write_page(path, tmp_path / "page.ipynb")
    cells = nbformat.read(tmp_path / "page.ipynb", as_version=4).cells
    assert [cell.metadata.get("tags", []) for cell in cells] == [[], ["hide-input"], ["parameters"], []]


def test_rendered_lessons_make_a_site_with_their_figures_and_bands(tmp_path):
    bands = {"bands": {"class": {"digits": {"accuracy": [0.9, 1]}}}}
    notebooks = write_course(tmp_path, {"00_good": (GOOD, bands), "01_bare": (GOOD, {})})
    executed = nbformat.read(notebooks / "00_good.ipynb", as_version=4)
    figures = {"dataset": "digits", "accuracy": 0.95}
    output = nbformat.v4.new_output("display_data", data={outputs.RECORD_MIME: figures, "text/plain": "recorded"})
    executed.cells[2].outputs = [output]
    write_outputs(notebooks / "00_good.ipynb", executed, 12.4)
    assert call("report", notebooks, "--out", tmp_path / "site", "--notebooks", notebooks).exit_code == 0
    text = " ".join(BeautifulSoup((tmp_path / "site/index.html").read_text(), "html.parser").get_text(" ").split())
    assert "✓ done in 12 s · data set: digits · profile class" in text and "accuracy 0.95 0.9 to 1 ✓" in text
    assert text.count("profile class") == 1 and "Does it run?" in text


def test_a_report_replaces_an_older_one_and_nothing_else(ran, pages, tmp_path):
    runs, notebooks = ran[0] / "build/runs/smoke", ran[0] / "notebooks"
    (pages / "stale.html").write_text("of an older run")
    assert call("report", runs, "--notebooks", notebooks).exit_code == 0
    assert not (pages / "stale.html").exists() and (pages / "index.html").exists()
    (tmp_path / "thesis.txt").write_text("precious")
    result = call("report", runs, "--notebooks", notebooks, "--out", tmp_path)
    assert result.exit_code == 2 and "other than a report" in result.output and (tmp_path / "thesis.txt").exists()
    result = call("report", tmp_path, "--notebooks", notebooks)
    assert result.exit_code == 2 and "no executed lessons" in result.output


def test_prepared_copies_have_the_profiles_parameters_and_the_outputs(tmp_path):
    notebooks = write_course(tmp_path, {"00_good": (GOOD, {})})
    path = notebooks / "00_good.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[3].outputs = [nbformat.v4.new_output("stream", text="kept")]
    nbformat.write(notebook, path)
    assert call("prepare", "--profile", "smoke", "--notebooks", notebooks).exit_code == 0
    prepared = nbformat.read(tmp_path / "build/nbval/00_good.ipynb", as_version=4)
    assert "epochs = 1" in prepared.cells[2].source and prepared.cells[4].outputs[0].text == "kept"


STUB = 'my_sum = ...\n\ncheck("0.1", my_sum)\n# hint("0.1")'


def test_solutions_fill_the_exercises_of_a_run_and_of_prepared_copies(tmp_path):
    verbs = "def check(number, answer):\n    assert answer == 44, answer"
    notebooks = write_course(tmp_path, {"00_good": ([*GOOD, verbs, STUB, "my_sum = ..."], {})})
    path = notebooks / "00_good.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[-2].metadata["tags"] = ["exercise"]
    nbformat.write(notebook, path)
    assert call("run", "--profile", "smoke", "--notebooks", notebooks).exit_code == 1
    assert call("run", "--profile", "smoke", "--solutions", "--notebooks", notebooks).exit_code == 0
    assert call("prepare", "--profile", "smoke", "--solutions", "--notebooks", notebooks).exit_code == 0
    for folder in ("runs/smoke", "nbval"):
        *_, exercise, other = nbformat.read(tmp_path / "build" / folder / path.name, as_version=4).cells
        assert exercise.source.startswith("my_sum = 200 + 100 - 256") and exercise.source.endswith('# hint("0.1")')
        assert other.source == "my_sum = ...", "only cells tagged exercise are filled"
    assert nbformat.read(path, as_version=4) == notebook, "the lesson itself stays open"


def test_solutions_that_cannot_be_read_are_one_line(monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    result = call("prepare", "3", "--solutions")
    assert (
        result.exit_code == 1 and "solutions cannot be read" in result.output and len(result.output.splitlines()) == 1
    )


COMMANDS = ["", "run", "sweep", "handout", "render", "report", "prepare", "data", "data fetch", "data convert"]


@pytest.mark.parametrize("command", COMMANDS)
def test_help_ends_with_two_examples(command):
    result = call(*command.split(), "--help")
    assert result.exit_code == 0
    heading, *examples = result.output.rstrip().splitlines()[-3:]
    assert heading.strip() == "Examples:" and all(example.strip().startswith("course ") for example in examples)


@pytest.mark.parametrize("command", COMMANDS)
def test_help_imports_nothing_heavy(command):
    heavy = {"torch", "numpy", "matplotlib", "papermill", "nbformat", "IPython", "rich", "distributed", "pyarrow"}
    code = f"""
import atexit, sys
from course_utils.__main__ import course
atexit.register(lambda: print("imported:", *{heavy} & set(sys.modules)))
course({[*command.split(), "--help"]})
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0 and result.stdout.splitlines()[-1].split() == ["imported:"], result.stdout


@pytest.mark.parametrize(("arguments", "code"), [("run 99", 2), ("rnu", 2), ("run --profile quick", 2), ("", 2)])
def test_errors_are_one_line_on_stderr(arguments, code):
    command = [sys.executable, "-m", "course_utils", *arguments.split()]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == code and result.stdout == ""
    assert len(result.stderr.splitlines()) == 1 and result.stderr.startswith("course: ")


def test_convert_holds_out_a_sixth_for_json(tmp_path, mnist):
    target = tmp_path / "digits.json.gz"
    result = call("data", "convert", "digits", target, "--container", "json", "--train-size", "50")
    assert result.exit_code == 0, result.output
    digits = load_digits(target)
    assert [len(part.labels) for part in (digits.train, digits.validation, digits.test)] == [50, 10, 300]
    result = call("data", "convert", target, target, "--container", "json")
    assert result.exit_code == 1 and "exists already" in result.output
    tree = tmp_path / "tree"
    assert call("data", "convert", target, tree, "--container", "images").exit_code == 0
    assert len(list((tree / "train").rglob("*.png"))) == 60


def test_fetch_reports_what_it_could_not_fetch(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [f"file://{tmp_path}/nowhere/"])
    result = call("data", "fetch", "--root", tmp_path)
    assert result.exit_code == 1 and "could not be fetched" in result.output
