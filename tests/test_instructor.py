"""The instructor's room through its command line, on courses of tiny notebooks."""

import json
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import nbformat
import papermill
import psutil
import pytest
import yaml
from bs4 import BeautifulSoup
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from course_utils import files, runtime
from course_utils.__main__ import course
from course_utils.data import load_digits
from course_utils.instructor import execute, manifest, run
from course_utils.instructor.manifest import NOTEBOOKS, WrongUse, choose, read_course
from course_utils.maintain import write_outputs

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
    "import os; record(accuracy=0.5 * epochs, threads=os.environ.get('OMP_NUM_THREADS', 'all'), folder=os.getcwd())",
]
LESSON = {
    "title": "A lesson",
    "question": "Does it run?",
    "prerequisites": [],
    "profiles": {"smoke": {"epochs": 1}, "class": {}, "full": {}},
    "bands": {"smoke": {"digits": {"accuracy": [0.4, 0.6], "loss": [0, 3]}}},
}


def write_course(folder, lessons, networks=None):
    """A course in `folder`/notebooks; `lessons` maps each name to (sources of its cells, changes to LESSON)."""
    notebooks = folder / "notebooks"
    notebooks.mkdir(parents=True)
    for name, (sources, _) in lessons.items():
        cells = [new_markdown_cell("# A lesson\n\nThe loss is $-\\ln p$, and\n\n$$\\frac{1}{2}$$")]
        cells += [new_code_cell(source.strip()) for source in sources]
        cells[1].metadata["tags"] = ["parameters"]
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}, "language_info": {"name": "python"}}
        nbformat.write(new_notebook(cells=cells, metadata=kernel), notebooks / f"{name}.ipynb")
    content = {"lessons": {name: LESSON | changes for name, (_, changes) in lessons.items()}}
    (notebooks / "course.yaml").write_text(yaml.safe_dump(content | {"networks": networks or {}}, sort_keys=False))
    return notebooks


def call(*arguments):
    return CliRunner().invoke(course, [str(argument) for argument in arguments])


def read(path):
    return nbformat.read(path, as_version=4)


def code_cells(path):
    return [cell for cell in read(path).cells if cell.cell_type == "code"]


# Running --------------------------------------------------------------------------------------------------------------

TOGETHER = """
import os, pathlib, time
place = pathlib.Path("..")
(place / f"begun-{os.getpid()}").touch()
while len(list(place.glob("begun-*"))) < 2:
    time.sleep(0.05)
"""


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A course in which one lesson goes well, one fails, one dies and one is outside its bands, two running at once."""
    folder = tmp_path_factory.mktemp("course")
    outside = {"bands": {"smoke": {"digits": {"accuracy": [0.9, 1], "loss": [0, 1], "never": [0, 1]}}}}
    lessons = {
        "00_good": ([*GOOD, TOGETHER], {}),
        "01_failing": ([PARAMETERS, TOGETHER, "1 / 0", "never = 1"], {"bands": {}}),
        "02_dying": ([PARAMETERS, "import os", "os._exit(1)"], {}),
        "03_outside": (GOOD, outside),
    }
    result = call("run", "--profile", "smoke", "--jobs", "2", "--notebooks", write_course(folder, lessons))
    results = {path.stem: json.loads(path.read_text()) for path in (folder / "build/runs/smoke").glob("*.json")}
    return folder, result, results


def test_run_keeps_notebook_and_figures(ran):
    folder, result, results = ran
    good, runs = results["00_good"], folder / "build/runs/smoke"
    assert good["figures"] == {
        "dataset": "digits", "loss": [2.0, 1.0], "accuracy": 0.5, "threads": "1", "folder": str(folder / "notebooks")
    }  # fmt: skip
    assert good["parameters"] == {"epochs": 1} and good["failure"] is None and good["seconds"] > 0
    assert {check["verdict"] for check in good["bands"].values()} == {"inside"}
    assert "00_good: running" in result.output and "00_good: done" in result.output
    assert "2 of 2 bands kept" in result.output and result.exit_code == 1 and "1 of 4 lessons went" in result.output
    assert [cell.execution_count for cell in code_cells(runs / "00_good.ipynb")] == [1, 2, 3, 4, 5, 6, 7]
    assert sorted(path.suffix for path in runs.iterdir()) == [""] + [".ipynb"] * 4 + [".json"] * 4
    origin = good["origin"]
    assert origin["versions"].keys() >= {"Python", "torch", "papermill"} and origin["cores"] and "commit" in origin
    assert origin == read(runs / "00_good.ipynb").metadata.origin
    notebook = read(runs / "00_good.ipynb")
    assert notebook.metadata.papermill.parameters == {"epochs": 1} and notebook.metadata.papermill.duration > 0
    assert {cell.metadata.papermill.status for cell in notebook.cells} == {"completed"}
    assert all(cell.metadata.papermill.start_time for cell in notebook.cells)


def test_lessons_that_fail_die_or_leave_their_bands_are_reported_and_kept(ran):
    folder, result, results = ran
    failure, dead = results["01_failing"]["failure"], results["02_dying"]["failure"]
    assert failure["cause"] == "ZeroDivisionError: division by zero" and failure["source"] == "1 / 0"
    assert (failure["cell"], failure["cells"]) == (4, 5)  # with the cell that papermill injects
    assert "01_failing: FAILED" in result.output and "1 / 0" in result.output
    cells = code_cells(folder / "build/runs/smoke/01_failing.ipynb")
    assert cells[3].outputs[-1].output_type == "error" and not cells[4].execution_count
    assert dead["cause"] == "DeadKernelError: Kernel died" and dead["source"] == "os._exit(1)"
    verdicts = {figure: check["verdict"] for figure, check in results["03_outside"]["bands"].items()}
    assert verdicts == {"accuracy": "outside", "loss": "outside", "never": "missing"}
    assert "accuracy: 0.5 recorded, [0.9, 1] expected" in result.output


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.5, "inside"), (1, "inside"), (1.1, "outside"), ([0, 1], "inside"), ([0, 2], "outside"), ([], "outside"),
     ("nan", "outside"), (float("nan"), "outside"), (None, "missing")],
)  # fmt: skip
def test_bands_hold_on_the_data_set_recorded(value, verdict):
    bands = {"digits": {"loss": [0, 1]}}
    assert run.check_bands({"dataset": "digits", "loss": value}, bands)["loss"]["verdict"] == verdict
    assert run.check_bands({"loss": value}, bands)["dataset"]["verdict"] == "missing"
    assert run.check_bands({"loss": value, "dataset": "mnist"}, bands) == run.check_bands({"loss": value}, {}) == {}


def test_parameters_win_over_the_profile_and_a_lesson_alone_leaves_the_threads_to_torch(tmp_path, monkeypatch):
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    notebooks = write_course(tmp_path, {"00_good": (GOOD, {})})
    (tmp_path / "more.yaml").write_text("epochs: 7")
    common = ["run", "--notebooks", notebooks, "--profile", "smoke", "--out", tmp_path / "out", "--jobs", "2"]
    result = call(*common, "-f", tmp_path / "more.yaml", "-y", "epochs: 5", "-p", "epochs", "3")
    kept = json.loads((tmp_path / "out/00_good.json").read_text())
    assert kept["parameters"] == {"epochs": 3} and kept["figures"]["accuracy"] == 1.5
    assert kept["bands"] == {} and "no bands to check" in result.output  # epochs is not the profile's
    assert kept["figures"]["threads"] == "all"
    assert "2 of 2 bands kept" in call(*common, "-p", "source", "digits").output


@pytest.mark.parametrize(
    ("option", "words"),
    [
        (["-p", "sourse", "mnist"], "00_good has no parameter sourse; did you mean source?"),
        (["--profile", "smoke"], "00_good has no parameter epoch; did you mean epochs?"),
        (["-y", "[1, 2]"], "no mapping"),
        (["-y", "a: ["], "not YAML"),
        (["-p", "epochs", "0"], "epochs cannot be 0; it must be bigger than or equal to 1"),
        (["-p", "epochs", "two"], "epochs cannot be 'two'; it takes an int, and this is str"),
        (["-p", "epochs", "true"], "epochs cannot be True; it takes an int, and this is bool"),
        (["-y", "rate: .nan"], "rate cannot be nan; it takes a finite number"),
        (["-p", "solved", "1"], "solved cannot be 1; it takes a bool"),
        (["-p", "source", "minst"], "source cannot be 'minst'; did you mean mnist?"),
        (["-p", "source", "/no/such/file"], "or a path that exists"),
    ],
)
def test_impossible_parameters_are_refused_before_anything_runs(tmp_path, option, words):
    more = f"{PARAMETERS}\nrate: float = 0.1\nsolved: bool = False"
    profiles = {"smoke": {"epoch": 1}, "class": {}, "full": {}}
    notebooks = write_course(tmp_path, {"00_good": ([more, *GOOD[1:]], {"bands": {}, "profiles": profiles})})
    with open(notebooks / "course.yaml", "a") as file:
        file.write("parameters:\n  epochs: {minimum: 1}\n  rate: {exclusiveMinimum: 0}\n")
    result = call("run", "--notebooks", notebooks, *option)
    assert result.exit_code == 2 and words in result.output and not (tmp_path / "build").exists()
    content = read_course(notebooks)
    at_bounds = {"rate": 1, "solved": True, "epochs": 1, "source": str(tmp_path)}
    assert manifest.check_parameters(content, content.lessons, "class", at_bounds) is None


def test_paths_are_named_absolutely_to_the_kernels(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").mkdir()
    assert manifest.gathered([("source", "mine")], [], []) == {"source": str(tmp_path / "mine")}
    assert manifest.gathered([("source", "digits")], [], []) == {"source": "digits"}
    task = execute.Task("a", new_notebook(), {}, "class", data="elsewhere")
    for named, expected in (("mine", str(tmp_path / "mine")), ("none", "none"), ("", "elsewhere")):
        monkeypatch.setenv("COURSE_DATA", named)
        assert task.environment["COURSE_DATA"] == expected


def test_the_courses_own_manifest_agrees_with_itself():
    content, before = read_course(NOTEBOOKS), set()
    for lesson in content.lessons:
        for name, parameter in papermill.inspect_notebook(lesson.notebook).items():
            assert parameter["inferred_type_name"] in manifest.TYPES
            assert name in content.limits or parameter["inferred_type_name"] not in ("int", "float"), name
        sets = [bands for by_dataset in lesson.bands.values() for bands in by_dataset.values()]
        assert all(low <= high for bands in sets for low, high in bands.values())
        assert set(lesson.prerequisites) <= before
        before.add(lesson.name)
    assert {network["lesson"] for network in content.networks.values()} <= before


def test_as_many_lessons_run_at_once_as_cores_and_memory_allow(tmp_path, monkeypatch):
    seen = []
    monkeypatch.setattr(run, "run_lessons", lambda *given, jobs, **more: seen.append(jobs) or [])
    monkeypatch.setattr(run, "usable_cores", lambda: 6)
    for kernels, options in ((9, []), (4, []), (0, []), (9, ["--jobs", "1"])):
        memory = types.SimpleNamespace(available=kernels * run.KERNEL_MEMORY)
        monkeypatch.setattr(psutil, "virtual_memory", lambda memory=memory: memory)
        call("run", "--out", tmp_path, *options)
    assert seen == [6, 4, 1, 1]


def test_records_are_read_back_under_the_name_they_are_written_under():
    assert execute.RECORD_MIME == runtime.RECORD_MIME


def test_the_longest_lesson_begins_first(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "execute", lambda task, watch: (task.notebook, 0.0, None))
    notebooks = write_course(tmp_path, {name: (GOOD, {}) for name in ("00_short", "01_new", "02_long")})
    for name, seconds in (("00_short", 3.0), ("02_long", 40.0)):
        notebook = read(notebooks / f"{name}.ipynb")
        notebook.metadata.course = {"seconds": seconds}
        nbformat.write(notebook, notebooks / f"{name}.ipynb")
    result = call("run", "--jobs", "1", "--notebooks", notebooks)
    assert re.findall(r"(\w+): running", result.output) == ["02_long", "00_short", "01_new"]


def test_ctrl_c_ends_the_kernels_and_keeps_what_was_finished(tmp_path):
    begun = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    notebooks = write_course(tmp_path, {"00_good": (GOOD[:1], {}), "01_hanging": ([PARAMETERS, begun], {})})
    command = [sys.executable, "-m", "course_utils", "run", "--jobs", "1", "--notebooks", notebooks]
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a child inherits it where it is ignored
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    signal.signal(signal.SIGINT, before)
    while process.poll() is None and not ((tmp_path / "pid").exists() and (tmp_path / "pid").read_text()):
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
    assert sorted(path.stem for path in (tmp_path / "build/runs/class").glob("*")) == [".running", *["00_good"] * 2]


def test_the_live_table_shows_cell_and_figures_of_what_runs(monkeypatch, capsys):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "120")
    tasks = [execute.Task(name, None, {}, "smoke", expected=60.0) for name in ("00_good", "01_bad", "02_next")]
    board = run.Board(tasks, "profile smoke", 2)
    assert "profile smoke: 0 of 3 done, about 90 s left" in capsys.readouterr().out
    with board.progress:
        board.begin("00_good")
        board.begin("01_bad")
        board.watch("00_good", 3, 9, {"dataset": "digits", "loss": 0.25})
        board.end("01_bad", "01_bad: FAILED\n  [in cell 2]", 600.0)
        assert "1 of 3 done, about 10 minutes left" in capsys.readouterr().out, "the first took ten times as long"
        board.progress.refresh()
        shown = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", capsys.readouterr().out)
    assert re.search(r"profile smoke +1/3", shown) and re.search(r"00_good +2/9 .*2 figures, loss 0.25", shown)
    assert "01_bad" not in shown


# A cell that stalls ---------------------------------------------------------------------------------------------------

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
    marker, measured = tmp_path / "marker", execute.processor_seconds
    for name, value in {"LOOK": 0.25, **limits}.items():
        monkeypatch.setattr(execute, name, value)
    # until the cell is where it stalls, a kernel that is slow to get there meets no limit
    monkeypatch.setattr(execute, "processor_seconds", lambda pid: measured(pid) if marker.exists() else before())
    begin = f"from pathlib import Path; marker = Path({str(marker)!r})"
    notebooks = write_course(tmp_path / "course", {"00_stalls": ([PARAMETERS, begin, cell, "never = 1"], {})})
    result = call("run", "--notebooks", notebooks)
    failure = json.loads((tmp_path / "course/build/runs/class/00_stalls.json").read_text())["failure"]
    assert result.exit_code == 1 and "the cell stalled: " in result.output
    assert (failure["cell"], failure["source"]) == (3, cell) and words in failure["cause"]
    assert (traceback in failure["traceback"]) if traceback else not failure["traceback"]


def test_a_cell_that_says_something_has_not_stalled(tmp_path, monkeypatch):
    for name, value in {"LOOK": 0.5, "STILL": 1.5, "processor_seconds": lambda pid: 0.0}.items():
        monkeypatch.setattr(execute, name, value)
    talks = "import time\nfor _ in range(40):\n    print('here', flush=True)\n    time.sleep(0.1)"
    assert call("run", "--notebooks", write_course(tmp_path, {"00_slow": ([PARAMETERS, talks], {})})).exit_code == 0


def test_a_cell_stalls_after_so_much_stillness_or_silent_work_and_not_by_the_clock():
    def looked_at(used_each, looks, spoke=False):
        """What is wrong with a cell that uses so many processor seconds between two of so many looks."""
        pulse = execute.Pulse()
        return next(filter(None, (pulse.look(used_each * number, spoke) for number in range(1, looks + 1))), "")

    look = execute.LOOK
    still, silent = round(execute.STILL / look), round(execute.SILENT / look)
    assert "neither computed" in looked_at(0, still) and not looked_at(0, still - 1)
    assert not looked_at(0, 100 * silent, spoke=True)
    assert "without a word" in looked_at(look, silent) and not looked_at(look, silent - 1)
    assert not looked_at(64 * look, silent - 1), "64 threads that wait for each other are no loop without end"
    assert not looked_at(0.02 * look, 10 * silent), "a busy machine gives little"
    assert not looked_at(64 * look, 100 * silent, spoke=True)


def test_processor_time_counts_children_and_a_process_that_is_gone_has_none():
    loop = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'while True: pass'])"
    process = psutil.Popen([sys.executable, "-c", loop])
    try:
        while sum(sum(child.cpu_times()) for child in process.children()) < 0.5:
            time.sleep(0.05)
        assert execute.processor_seconds(process.pid) >= 0.5 + sum(process.cpu_times())
    finally:
        for one in (*process.children(recursive=True), process):
            one.kill()
        process.wait()
    assert execute.processor_seconds(process.pid) == 0


# The manifest, and what is written ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("place", "value", "words"),
    [
        (["lessons"], {}, "lessons must contain at least 1"),
        (["lessons", "00_good", "timeout"], 60, "timeout"),
        (["lessons", "00_good", "profiles", "class"], None, "class must be object"),
        (["lessons", "00_good", "bands", "quick"], {}, "quick"),
        (["parameters"], {"epochs": {"minimun": 1}}, "minimun"),
    ],
)
def test_faults_of_a_manifest_are_named(tmp_path, place, value, words):
    path = write_course(tmp_path, {"00_good": (GOOD, {})}) / "course.yaml"
    content = entry = yaml.safe_load(path.read_text())
    for key in place[:-1]:
        entry = entry[key]
    entry[place[-1]] = value
    for text, fault in ((yaml.safe_dump(content), words), ("lessons: [", "not YAML")):
        path.write_text(text)
        with pytest.raises(WrongUse, match=fault):
            read_course(path.parent)
    with pytest.raises(WrongUse, match="cannot be read"):
        read_course(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b'{"cells": 3}', b"\xff\xfe", b"[]"])
def test_a_corrupt_notebook_is_named_in_one_line(tmp_path, content):
    path = write_course(tmp_path, {"00_good": (GOOD, {})}) / "00_good.ipynb"
    path.write_bytes(content)
    for arguments in (["run"], ["sweep", "0", "-g", "epochs", "1"], ["handout"], ["slides", "0"]):
        result = call(*arguments, "--notebooks", path.parent)
        assert result.exit_code == 2 and f"{path}: not a notebook that can be read" in result.output
    result = call("report", path.parent, "--notebooks", path.parent)
    assert result.exit_code == 2 and f"{path}: not a notebook that can be read" in result.output


def test_what_is_not_finite_is_a_number_again_when_it_is_read_back():
    record = {"a": "nan", "b": [1.0, "-inf"], "word": "fine"}
    cell = new_code_cell(outputs=[new_output("display_data", {execute.RECORD_MIME: record})])
    figures = execute.recorded(new_notebook(cells=[cell]))
    assert str(figures) == "{'a': nan, 'b': [1.0, -inf], 'word': 'fine'}"


def test_lessons_are_chosen_by_number_name_or_file(tmp_path):
    content = read_course(write_course(tmp_path, {name: (GOOD, {}) for name in ("00_good", "01_next", "03_last")}))
    names = [lesson.name for lesson in choose(content, ["3", "notebooks/00_good.ipynb", "01", "01_next"])]
    assert names == ["00_good", "01_next", "03_last"] and len(choose(content, [])) == 3
    with pytest.raises(WrongUse, match="there is no lesson 9; there are 00_good"):
        choose(content, ["9"])
    (content.folder / "03_last.ipynb").unlink()
    with pytest.raises(WrongUse, match=r"03_last.ipynb: missing"):
        choose(content, ["3"])


def test_files_and_folders_are_written_whole_or_not_at_all(tmp_path, monkeypatch):
    path, folder = tmp_path / "result.json", tmp_path / "pages"
    files.write_whole(path, "old")
    for name in ("old", "new"):
        with files.written_whole(folder) as whole:
            whole.mkdir()
            (whole / name).touch()
    with pytest.raises(ZeroDivisionError), files.written_whole(folder) as whole:
        whole.mkdir()
        raise ZeroDivisionError
    monkeypatch.setattr(Path, "write_bytes", lambda self, content: self.touch() or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        files.write_whole(path, "new")
    assert path.read_text() == "old" and [one.name for one in folder.iterdir()] == ["new"]
    assert sorted(tmp_path.iterdir()) == [folder, path]


# Pages ----------------------------------------------------------------------------------------------------------------


def page_of(path):
    return BeautifulSoup(path.read_text(), "html.parser")


@pytest.fixture(scope="module")
def built(ran):
    folder = ran[0]
    result = call("report", folder / "build/runs/smoke", "--notebooks", folder / "notebooks")
    assert result.exit_code == 0 and result.output.splitlines()[-1].endswith("index.html"), result.output
    return folder / "build/course"


def test_a_report_shows_every_lesson_with_its_formulas_and_alternative_texts(built):
    index = (built / "index.html").read_text()
    for words in ("Does it run?", "✓ done", "✗ failed", "✗ out of its bands", "✗ outside", "✗ missing", "set: digits",
                  "In cell 4 of 5: <code>ZeroDivisionError: division by zero</code>"):  # fmt: skip
        assert words in index
    assert index.count('href="00_good.html"') >= 2 and (built / "01_failing.html").exists()
    for name in ("index.html", "00_good.html"):
        texts = {image.get("alt") for image in page_of(built / name).select("main img")}
        assert texts == {"Loss curves: falls from 2 to 1."}
    assert "<mfrac>" in (built / "00_good.html").read_text()


def test_rendered_lessons_make_a_site_with_their_figures_and_bands(tmp_path):
    bands = {"bands": {"class": {"digits": {"accuracy": [0.9, 1]}}}}
    notebooks = write_course(tmp_path, {"00_good": (GOOD, bands), "01_bare": (GOOD, {})})
    executed = read(notebooks / "00_good.ipynb")
    figures = {"dataset": "digits", "accuracy": 0.95}
    executed.cells[2].outputs = [new_output("display_data", {execute.RECORD_MIME: figures, "text/plain": "recorded"})]
    write_outputs(notebooks / "00_good.ipynb", executed, 12.4)
    common = ["report", notebooks, "--notebooks", notebooks, "--out"]
    assert call(*common, tmp_path / "site").exit_code == 0
    (tmp_path / "site/stale.html").write_text("of an older site")
    assert call(*common, tmp_path / "site").exit_code == 0 and not (tmp_path / "site/stale.html").exists()
    text = " ".join(page_of(tmp_path / "site/index.html").get_text(" ").split())
    assert "✓ done in 12 s · data set: digits · profile class" in text and "accuracy 0.95 0.9 to 1 ✓" in text
    assert text.count("profile class") == 1 and "Does it run?" in text
    result = call(*common, tmp_path)
    assert result.exit_code == 2 and "other than a report" in result.output and notebooks.exists()
    result = call("report", tmp_path, "--notebooks", notebooks)
    assert result.exit_code == 2 and "no executed lessons" in result.output


# The command line -----------------------------------------------------------------------------------------------------

STUB = 'my_sum = ...\n\ncheck("0.1", my_sum)\n# hint("0.1")'


def test_a_run_fills_the_exercises_where_asked(tmp_path, monkeypatch):
    ran = []
    monkeypatch.setattr(run, "execute", lambda task, watch: ran.append(task) or (task.notebook, 0.0, None))
    path = write_course(tmp_path, {"00_good": ([PARAMETERS, STUB], {})}) / "00_good.ipynb"
    notebook = read(path)
    notebook.cells[-1].metadata["tags"] = ["exercise"]
    nbformat.write(notebook, path)
    for options in ([], ["--solutions"]):
        call("run", "--notebooks", path.parent, *options)
    assert ["= 200" in task.notebook.cells[-1].source for task in ran] == [False, True]


def test_alone_it_shows_its_help_and_it_knows_its_version():
    for arguments, words in (([], "sweep"), (["data"], "convert"), (["--version"], "course, version 0.1.0")):
        result = call(*arguments)
        assert result.exit_code == 0 and words in result.output


@pytest.mark.parametrize("arguments", ["run 99", "rnu", "run --profile quick", "sweep 3 --scheduler http://there"])
def test_errors_are_one_line_on_stderr(arguments):
    command = [sys.executable, "-m", "course_utils", *arguments.split()]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 2 and result.stdout == "" and re.fullmatch("course: .*\n", result.stderr)


def test_convert_holds_out_a_sixth_for_json(tmp_path):
    target = tmp_path / "digits.json.gz"
    result = call("data", "convert", "digits", target, "--container", "json", "--train-size", "50")
    assert result.exit_code == 0, result.output
    digits = load_digits(target)
    assert [len(part.labels) for part in (digits.train, digits.validation, digits.test)] == [50, 10, 300]
    result = call("data", "convert", target, target, "--container", "json")
    assert result.exit_code == 1 and "exists already" in result.output
    assert call("data", "convert", target, tmp_path / "tree", "--container", "images").exit_code == 0
    assert len(list((tmp_path / "tree/train").rglob("*.png"))) == 60


def test_fetch_reports_what_it_could_not_fetch(tmp_path, monkeypatch):
    monkeypatch.setattr("torchvision.datasets.MNIST.mirrors", [f"file://{tmp_path}/nowhere/"])
    result = call("data", "fetch", "--root", tmp_path)
    assert result.exit_code == 1 and "could not be fetched" in result.output
