"""The copies that students get."""

import json
import os
import re
import subprocess
import sys

import pytest
from test_instructor import call, code_cells

from course_utils.exercises.desk import all_exercises


@pytest.fixture(scope="module")
def handout(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course") / "handout"
    result = call("handout", "1", "3", "--out", folder)
    assert result.exit_code == 0, result.output
    return folder


def inside(handout, code):
    """Run code with the handout's own package."""
    environment = os.environ | {"PYTHONPATH": str(handout)}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, capture_output=True, text=True, cwd=handout, env=environment, check=False)


def test_a_handout_holds_the_lessons_asked_for_without_outputs_and_all_it_takes_to_run_them(handout):
    assert sorted(path.name[:2] for path in (handout / "notebooks").glob("*.ipynb")) == ["01", "03"]
    for path in (handout / "notebooks").glob("*.ipynb"):
        assert all(not cell.outputs and cell.execution_count is None for cell in code_cells(path))
        exercises = [cell.source for cell in code_cells(path) if "exercise" in cell.metadata.get("tags", [])]
        assert exercises and all("# hint(" in source and "solution(" not in source for source in exercises)
    needed = {"LICENSE", "LICENSE-text", "CITATION.cff", "requirements.txt", "pyproject.toml", "install.py", "Makefile"}
    assert needed <= {path.name for path in handout.iterdir()} and not list(handout.rglob("__pycache__"))
    readme = (handout / "README.md").read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", readme) if "://" not in link]
    assert "notebooks/cover.png" in links and not [link for link in links if not (handout / link).exists()]
    assert "| 4 · Convolutions |" in readme and "](LICENSE)" in readme and "docs/" not in readme


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
from course_utils.instructor.run import read_solutions
read_solutions()
"""
    done = inside(handout, code)
    assert "✓ 3.2 is right." in done.stdout and "✗ 3.2 is not right yet." in done.stdout and "hints." in done.stdout
    assert "holds no solutions" in done.stdout and "True" in done.stdout and "def my_" not in done.stdout
    assert done.returncode and "this copy of the course has no solutions to show" in done.stderr


def test_a_lesson_of_it_runs(handout, tmp_path):
    arguments = ["run", "1", "--profile", "smoke", "--out", str(tmp_path)]
    done = inside(handout, f"from course_utils.__main__ import course; course({arguments})")
    assert "1 of 1 lessons went well" in done.stdout, done.stdout + done.stderr
    assert json.loads(next(tmp_path.glob("*.json")).read_text())["failure"] is None


def test_a_handout_replaces_an_earlier_one_and_nothing_else(handout, tmp_path):
    (handout / "old").touch()
    assert call("handout", "1", "3", "--out", handout).exit_code == 0 and not (handout / "old").exists()
    (tmp_path / "precious").write_text("mine")
    result = call("handout", "--out", tmp_path)
    assert result.exit_code == 2 and "something other than a handout" in result.output
    assert [path.name for path in tmp_path.iterdir()] == ["precious"]
