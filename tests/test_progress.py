"""Progress: what is kept, by several kernels at once, and never of a run that nobody sits at."""

import json
import subprocess
import sys
from types import SimpleNamespace

import IPython
import nbformat
import papermill
import pytest
from click.testing import CliRunner
from IPython.utils.capture import capture_output
from jupyter_client.manager import start_new_kernel

from course_utils import progress
from course_utils.__main__ import course
from course_utils.exercises import check, show_map, show_progress, start_exercises
from course_utils.exercises.desk import LESSONS

NOTE = "from course_utils import progress\nprogress.note('answers', '9.1', {'right': True, 'tries': 1})"


@pytest.fixture(autouse=True)
def file(tmp_path, monkeypatch):
    """Where progress is kept in this test."""
    path = tmp_path / "data" / "progress.json"
    monkeypatch.setenv("COURSE_PROGRESS", str(path))
    return path


@pytest.fixture
def somebody(monkeypatch):
    """Somebody sits at the notebook."""
    monkeypatch.setattr(progress, "somebody_is_there", lambda: True)


# Who is there --------------------------------------------------------------------------------------------------------


def asked(**request):
    return SimpleNamespace(kernel=SimpleNamespace(get_parent=lambda: request))


@pytest.mark.parametrize(("shell", "there"), [
    (None, False),  # no IPython: a script, grading
    (SimpleNamespace(), False),  # IPython in a terminal
    (asked(), False),
    (asked(header={"msg_type": "execute_request"}, content={"allow_stdin": True}), True),
    (asked(header={"msg_type": "execute_request"}, content={"allow_stdin": False}), False),
    (asked(header={"msg_type": "comm_msg"}, content={}), True),
])  # fmt: skip
def test_who_could_answer_a_question_is_there(monkeypatch, shell, there):
    monkeypatch.setattr(IPython, "get_ipython", lambda: shell)
    assert progress.somebody_is_there() is there


def test_a_notebooks_kernel_keeps_progress(file):
    manager, client = start_new_kernel()
    try:
        reply = client.execute_interactive(NOTE, allow_stdin=True, timeout=600)
        assert reply["content"]["status"] == "ok" and progress.everything()["answers"] == {
            "9.1": {"right": True, "tries": 1}
        }
        file.unlink()
        client.execute_interactive(NOTE, allow_stdin=False, timeout=600)
        assert not file.exists()
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


def test_papermill_nbval_and_grading_keep_none(file, tmp_path):
    notebook = tmp_path / "one.ipynb"
    metadata = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    ran = f"{NOTE}\nprint('ran')"
    printed = nbformat.v4.new_output("stream", name="stdout", text="ran\n")
    cell = nbformat.v4.new_code_cell(ran, execution_count=1, outputs=[printed])
    nbformat.write(nbformat.v4.new_notebook(cells=[cell], metadata=metadata), notebook)
    papermill.execute_notebook(notebook, tmp_path / "out.ipynb", progress_bar=False)
    command = [sys.executable, "-m", "pytest", "-q", "--nbval", "-p", "no:cacheprovider", str(notebook)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout
    subprocess.run([sys.executable, "-c", NOTE], check=True)
    assert not file.exists()


# What is kept --------------------------------------------------------------------------------------------------------

WRITE = """
import sys
from course_utils import progress

progress.somebody_is_there = lambda: True
for number in range(1000):
    progress.note("answers", f"{sys.argv[1]}.{number}", {"right": True, "tries": number})
"""


def test_two_kernels_that_write_at_once_lose_nothing(file):
    writers = [subprocess.Popen([sys.executable, "-c", WRITE, name]) for name in "12"]
    assert [writer.wait() for writer in writers] == [0, 0]
    assert len(progress.everything()["answers"]) == 2000


def test_nothing_is_read_or_written_where_nobody_is(file, somebody, monkeypatch):
    progress.note("guesses", "1.line", {"answer": 3, "sure": 80})
    assert progress.noted("guesses") == {"1.line": {"answer": 3, "sure": 80}}
    monkeypatch.setattr(progress, "somebody_is_there", lambda: False)
    progress.note("guesses", "1.line", {"answer": 4, "sure": 50})
    assert progress.noted("guesses") == {} and progress.everything()["guesses"]["1.line"]["answer"] == 3


@pytest.mark.parametrize("content", ["{", "[]", '{"answers": 1}', '{"answers": {"1.1": 3}}', "\xff", ""])
def test_a_damaged_file_is_set_aside_and_said_so(file, somebody, capsys, content):
    file.parent.mkdir()
    for number in (1, 2):
        file.write_bytes(content.encode("latin-1"))
        progress.note("answers", "1.1", {"right": True, "tries": 1})
        said = capsys.readouterr().out
        assert said.count("\n") == 1 and f"kept as progress-damaged-{number}.json" in said
        assert (file.parent / f"progress-damaged-{number}.json").read_bytes() == content.encode("latin-1")
        assert progress.everything()["answers"] == {"1.1": {"right": True, "tries": 1}}


def test_what_another_version_kept_is_not_lost(file, somebody):
    file.parent.mkdir()
    file.write_text('{"answers": {}, "songs": {"a": {}}}')
    progress.note("digits", "pad", {"read": 7})
    assert json.loads(file.read_text())["songs"] == {"a": {}}


def test_a_folder_that_cannot_be_written_stops_no_lesson(file, somebody, capsys):
    file.parent.write_text("a file where the folder should be")
    progress.note("answers", "1.1", {"right": True})
    assert "could not be kept" in capsys.readouterr().out


# What a student sees of it -------------------------------------------------------------------------------------------


@pytest.fixture
def no_buttons(monkeypatch):
    monkeypatch.setattr("course_utils.explorables.exercise_buttons", lambda *_, **__: None)


def test_a_check_is_noted_and_what_was_right_stays_so(file, somebody, no_buttons, capsys):
    start_exercises(0)
    for answer in (..., 300, 44, 300):
        check("0.1", answer)
    assert progress.everything()["answers"] == {"0.1": {"right": True, "tries": 2}}
    start_exercises(0)  # as after a restart
    show_progress(0)
    assert "1 of 8 answered, 1 right" in capsys.readouterr().out


def test_what_the_course_answers_is_not_noted(file, somebody, no_buttons, capsys):
    start_exercises(0, solutions=True)
    check("0.1", ...)
    assert not file.exists()


def test_the_map_shows_each_lesson_and_how_far_one_came(file, somebody, shell):
    for number in ("0.1", "0.2"):
        progress.note("answers", number, {"right": True, "tries": 1})
    progress.note("answers", "0.3", {"right": False, "tries": 4})
    progress.note("guesses", "1.line", {"answer": 60, "sure": 70})
    with capture_output() as captured:
        show_map()
    (shown,) = captured.outputs
    words = shown.data["text/plain"].splitlines()
    assert len(words) == len(LESSONS) == shown.data["text/html"].count("<li")
    assert "2 of 8 exercises right" in words[0] and words[1].endswith("0 of 7 exercises right, 1 guess made")
    assert all(line.partition(": ")[2] in shown.data["text/html"] for line in words)
    assert shown.data["text/html"].count("■") == 2


def test_course_progress_prints_and_forgets(file, somebody):
    progress.note("answers", "0.1", {"right": True, "tries": 1})
    printed = CliRunner().invoke(course, ["progress"]).output
    assert "1 of 8 exercises right" in printed and str(file) in printed
    assert "was deleted" in CliRunner().invoke(course, ["progress", "--forget"]).output and not file.exists()
    assert "no progress" in CliRunner().invoke(course, ["progress", "--forget"]).output
