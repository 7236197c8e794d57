"""The copies that students get."""

import os
import re
import subprocess
import sys
import zipfile

import nbformat
import pytest
from test_instructor import call, code_cells

from course_utils.exercises.desk import all_exercises
from course_utils.instructor.execute import Task, execute
from course_utils.instructor.manifest import NOTEBOOKS, read_course


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course") / "handout"
    result = call("handout", "1", "3", "--out", folder)
    assert result.exit_code == 0, result.output
    return folder


def inside(handout, code):
    """Run code with the handout's own package, and nothing of the course that is installed here."""
    alone = "import sys; sys.meta_path = [one for one in sys.meta_path if 'editable' not in repr(one)]\n"
    environment = os.environ | {"PYTHONPATH": str(handout)}
    command = [sys.executable, "-c", alone + code]
    return subprocess.run(command, capture_output=True, text=True, cwd=handout, env=environment, check=False)


def test_a_handout_holds_the_lessons_asked_for_without_outputs_and_all_it_takes_to_run_them(handout):
    assert sorted(path.name[:2] for path in (handout / "notebooks").glob("*.ipynb")) == ["01", "03"]
    for path in (handout / "notebooks").glob("*.ipynb"):
        assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(path))
        exercises = [cell.source for cell in code_cells(path) if "exercise" in cell.metadata.get("tags", [])]
        assert exercises and all("# hint(" in source and "solution(" not in source for source in exercises)
    needed = {"LICENSE", "LICENSE-text", "CITATION.cff", "pyproject.toml", "install.py", "requirements.txt"}
    assert (
        (handout / "notebooks/networks/CNN.json").exists()
        and needed <= {path.name for path in handout.iterdir()}
        and not list(handout.rglob("__pycache__"))
    )
    readme = (handout / "README.md").read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", readme) if "://" not in link]
    assert "notebooks/cover.png" in links and not [link for link in links if not (handout / link).exists()]
    assert "| 4 · Convolutions |" in readme and "](LICENSE)" in readme and "docs/" not in readme


def test_nothing_of_the_grader_or_the_instructors_pages_is_in_it(handout):
    room = handout / "course_utils"
    assert not [name for name in ("instructor", "site", "maintain.py") if (room / name).exists()]
    text = (handout / "README.md").read_text() + (handout / "Makefile").read_text()
    assert "course run" not in text and "make lab" in text and "make course" not in text
    assert "instructor" not in (handout / "requirements.txt").read_text()
    done = inside(handout, "from course_utils.__main__ import course; course([])")
    assert "progress" in done.stdout and "grade" not in done.stdout and done.returncode == 0, done.stderr


def test_no_solution_is_one_line_away(handout):
    code = """
import base64, inspect, re, zlib
from course_utils.exercises import desk, lesson_3
def one_line(tried):
    try:
        return str(tried())
    except Exception as error:
        return type(error).__name__
for exercise in desk.all_exercises().values():
    print(one_line(lambda: exercise.code), one_line(lambda: inspect.getsource(exercise.solution)), exercise.solution)
print(one_line(lambda: inspect.getsource(lesson_3)))
packed = re.search("'(.*)'", open(lesson_3.__file__).read())[1]
print(one_line(lambda: zlib.decompress(base64.b85decode(packed))))
"""
    done = inside(handout, code)
    lines = {line for exercise in all_exercises().values() for line in exercise.code.splitlines()[1:]}
    shown = [line for line in lines if len(line) > 12 and line in done.stdout]
    assert done.returncode == 0 and not shown, (shown, done.stderr)


def test_no_solution_and_no_reason_can_be_read_in_it(handout):
    text = "".join(path.read_text() for path in handout.rglob("*") if path.is_file() and path.suffix != ".png")
    for exercise in all_exercises().values():
        assert exercise.why not in text and exercise.code not in text


def test_its_exercises_check_and_hint_and_show_no_solution(handout):
    code = """
from course_utils.exercises import check, desk, hint, mine_or_reference, solution, start_exercises
desk.display = lambda bundle, raw: print(bundle["text/plain"])
start_exercises(3)
check("3.2", lambda logits: logits.log_softmax(dim=1))
check("3.2", lambda logits: logits.log_softmax(dim=0))
hint("3.2"); solution("3.2"); print(callable(mine_or_reference("3.2", ...)))
"""
    done = inside(handout, code)
    assert "✓ 3.2 is right." in done.stdout and "✗ 3.2 is not right yet." in done.stdout and "hints." in done.stdout
    assert "holds no solutions" in done.stdout and "True" in done.stdout and "def my_" not in done.stdout


def test_a_handout_of_all_lessons_is_one_zip_from_which_a_lesson_runs(tmp_path):
    result = call("handout", "--zip", "--out", tmp_path / "handout")
    assert result.exit_code == 0 and result.output.strip().endswith("handout.zip")
    zipfile.ZipFile(tmp_path / "handout.zip").extractall(tmp_path)
    folder = tmp_path / "digit-course"
    names = [lesson.notebook.name for lesson in read_course(NOTEBOOKS).lessons]
    assert sorted(path.name for path in (folder / "notebooks").glob("*.ipynb")) == names
    notebook = nbformat.read(folder / "notebooks" / names[1], as_version=4)
    parameters = read_course(NOTEBOOKS).lessons[1].profiles["smoke"]
    environment = os.environ | {"PYTHONPATH": str(folder)}
    task = Task("1", notebook, parameters, "smoke", threads=1, folder=folder / "notebooks")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "environ", environment)
        executed, _, failure = execute(task)
    assert failure is None, failure
    shown = str(executed.cells)
    assert "○ 1.1 is open." in shown and "goes on with the course's own answer." in shown
    done = inside(folder, "import course_utils; print(course_utils.__file__)")
    assert str(folder) in done.stdout


def test_a_handout_replaces_an_earlier_one_and_nothing_else(handout, tmp_path):
    (handout / "old").touch()
    assert call("handout", "1", "3", "--out", handout).exit_code == 0 and not (handout / "old").exists()
    (tmp_path / "precious").write_text("mine")
    result = call("handout", "--out", tmp_path)
    assert result.exit_code == 2 and "something other than a handout" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
