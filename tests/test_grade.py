"""`course grade` through its command line, on a course of one short lesson."""

import csv

import nbformat
import pytest
import yaml
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils.__main__ import course
from course_utils.exercises.desk import all_exercises
from course_utils.exercises.judging import Verdict
from course_utils.instructor import cli
from course_utils.instructor import grade as grading
from course_utils.instructor.manifest import NOTEBOOKS, read_course
from course_utils.instructor.returned import COURSE, read_lesson

STATES = ("right", "wrong", "open", "error")

STUBS = {
    "3.1": "my_gradients = ..., ...",
    "3.2": "def my_log_softmax(logits):\n    return ...",
    "3.3": "my_loss = ...",
    "3.6": "def my_step(model, images, labels, loss_fn, optimizer):\n    return ...",
    "6.8": "my_angle = ...",
}
RIGHT = {number: all_exercises()[number].code for number in STUBS} | {
    "3.2": "def my_log_softmax(logits):\n    return logits.log_softmax(dim=1)",
    "6.8": "my_angle = angles[3]",
}
EVERY, OPEN = dict.fromkeys(STUBS, "right"), dict.fromkeys(STUBS, "open")
SET_UP = [
    "import math\nimport torch\nfrom course_utils.exercises import *\nfrom course_utils.exercises import check",
    "size: int = 5  # how many",
    "start_exercises(3)\nangles = [60 // size * step for step in range(5)]\naccuracies = [0.98, 0.96, 0.9, 0.5, 0.4]",
]
GOES_ON = (
    "log_softmax = mine_or_reference('3.2', my_log_softmax)\nlosses = log_softmax(torch.zeros(1, 2))\nprint(losses)"
)


def exercise_cell(number, code):
    given = ", angles=angles, accuracies=accuracies" if number == "6.8" else ""
    source = f'{code}\n\ncheck("{number}", {all_exercises()[number].name}{given})\n# hint("{number}")'
    return new_code_cell(source, metadata={"tags": ["exercise"]})


def lesson(answers=None, first="# A lesson"):
    """The lesson as the course gives it, or with a student's answers."""
    cells = [new_markdown_cell(first), *map(new_code_cell, SET_UP)]
    cells[2].metadata["tags"] = ["parameters"]
    cells += [exercise_cell(number, code) for number, code in (STUBS | (answers or {})).items()]
    cells.insert(6, new_code_cell(GOES_ON))
    return new_notebook(cells=[*cells, new_code_cell("show_progress(3)")])


def write_course(folder, pristine):
    folder.mkdir()
    nbformat.write(pristine, folder / "00_short.ipynb")
    entry = {"title": "A short lesson", "question": "?", "prerequisites": [], "bands": {},
             "profiles": {"smoke": {"size": 4}, "class": {}, "full": {}}}  # fmt: skip
    (folder / "course.yaml").write_text(yaml.safe_dump({"lessons": {"00_short": entry}, "networks": {}}))
    return folder


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    return write_course(tmp_path_factory.mktemp("course") / "notebooks", lesson())


def hand_in(folder, **notebooks_by_name):
    folder.mkdir(exist_ok=True)
    for name, notebook in notebooks_by_name.items():
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


def call(*arguments):
    return CliRunner().invoke(course, [str(argument) for argument in ("grade", *arguments)])


def table(path):
    with open(path, encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def graded(out):
    """What grades.csv says: (file, exercise, check) → row."""
    return {
        (row["file"].removesuffix(".ipynb"), row["exercise"], row["check"]): row for row in table(out / "grades.csv")
    }


def states(rows, file):
    return {number: row["state"] for (name, number, by), row in rows.items() if (name, by) == (file, COURSE)}


# A class --------------------------------------------------------------------------------------------------------------

BROKEN = {"no_json.ipynb": '{"cells": [', "deep.ipynb": "[" * 200_000, "text.txt": "my answers", "list.ipynb": "[1]",
          "no_cells.ipynb": '{"nbformat": 4, "cells": 3}', "odd.ipynb": '{"nbformat": 4, "cells": [{"source": 4}]}',
          "foreign.ipynb": nbformat.writes(new_notebook(cells=[new_code_cell("1 + 1")])),
          "future.ipynb": '{"nbformat": 9, "nbformat_minor": 0, "metadata": {}, "cells": []}'}  # fmt: skip


DOUBLE = "two = 2\ndef double(x):\n    return two * x\nmy_gradients = [4, 12]"
GOES_ON_WITH = {"3.3": "my_loss = -2 * float(losses[0, 0])"}
CLASS = {  # what was returned, and how it is scored by hand
    "all_right": (lesson(RIGHT, first="# A lesson\n\nname: Ada Lovelace\nstudent id: 1815"), EVERY),
    "all_open": (lesson(first="The name of it: none\nnames: Ada"), {}),
    "mixed": (lesson({"3.1": "my_gradients = [2, 6]", "3.2": "def my_log_softmax(logits):\n    return logits + nothing",
                      "3.3": "my_loss = 1.3863", "3.6": "import os\nos._exit(0)", "6.8": "my_angle = 30"}),
              {"3.1": "wrong", "3.2": "error", "3.3": "right", "3.6": "error", "6.8": "wrong"}),
    "helped": (lesson({"3.1": DOUBLE, "3.3": "my_loss = double(math.log(2))"}, first="**Name:** *Ada*"),
               {"3.1": "right", "3.3": "right"}),
    "goes_on": (lesson(GOES_ON_WITH | {"3.2": RIGHT["3.2"]}), {"3.2": "right", "3.3": "right"}),
    "no_way_on": (lesson(GOES_ON_WITH), {"3.3": "error"}),
    "magic": (lesson({"3.1": f"%%time\n{RIGHT['3.1']}"}), {"3.1": "right"}),
    "twice": (new_notebook(cells=[exercise_cell("3.1", "my_gradients = 1"), *lesson(RIGHT).cells]), EVERY),
    "untagged": (new_notebook(cells=[new_code_cell(cell.source) for cell in lesson(RIGHT).cells]), EVERY),
    "painted": (new_notebook(cells=[exercise_cell("3.1", 'my_gradients = 1\ncheck("3.1", [4])')]), {"3.1": "wrong"}),
    "unchecked": (new_notebook(cells=[new_code_cell(RIGHT["3.2"], metadata={"tags": ["exercise"]})]), {"3.2": "right"}),
    "formula": (lesson({"3.1": "check = print\nmy_gradients = 12, 4"}, first="name: =1<script>"), {"3.1": "wrong"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def done(notebooks, tmp_path_factory):
    folder = hand_in(tmp_path_factory.mktemp("returned"), **{name: notebook for name, (notebook, _) in CLASS.items()})
    for name, content in BROKEN.items():
        (folder / name).write_text(content)
    (folder / "link.ipynb").symlink_to("all_right.ipynb")
    nbformat.write(nbformat.v3.downgrade(lesson(RIGHT)), folder / "old.ipynb", version=3)
    hand_in(folder / "other", all_right=lesson(RIGHT))
    out = tmp_path_factory.mktemp("out") / "grades"
    return out, call(folder, "--notebooks", notebooks, "--out", out, "--jobs", 2)


def test_a_class_is_scored_as_by_hand(done):
    out, result = done
    assert result.exit_code == 1 and "23 notebooks, 9 not graded" in result.output, result.output
    rows = graded(out)
    expected = {name: OPEN | scores for name, (_, scores) in CLASS.items()} | {"old": EVERY, "other/all_right": EVERY}
    assert {name: states(rows, name) for name in expected} == expected
    assert "Both are half" in rows["mixed", "3.1", COURSE]["words"]
    assert "nothing" in rows["mixed", "3.2", COURSE]["words"]
    notes = [(name, number, row["note"]) for (name, number, _), row in rows.items() if row["note"]]
    assert notes == [("mixed", "3.6", "ended its own process"), ("mixed", "6.8", grading.OWN_RUN)]
    rows = {row["file"].removesuffix(".ipynb"): row for row in table(out / "students.csv")}
    assert list(rows["mixed"]) == ["student", "file", "lesson", "right", "wrong", "open", "error", "note"]
    assert [rows["mixed"][state] for state in STATES] == ["1", "2", "0", "2"]
    assert rows["twice"]["note"] == "holds 3.1 more than once; the last counts"
    named = {name: row["student"] for name, row in rows.items() if row["student"] != name}
    assert named == {"all_right": "Ada Lovelace, 1815", "helped": "Ada", "formula": "'=1<script>"}
    assert not any(f"\n{name}: not graded; it is " not in f"\n{result.output}" for name in (*BROKEN, "link.ipynb"))
    assert not any(rows[name.removesuffix(".ipynb")]["right"] for name in BROKEN)
    assert "\nold.ipynb: 5 right; is of notebook format 3, and was converted\n" in result.output
    page = (out / "index.html").read_text()
    assert "14 of 23 returned notebooks were graded" in page and "1 × Both are half" in page
    assert page.count("<script") == 1 and "=1&lt;script&gt;" in page and "http" not in page.replace("http-equiv", "")


def test_resume_runs_only_what_is_missing_or_changed(notebooks, tmp_path, monkeypatch):
    folder = hand_in(tmp_path / "returned", one=lesson(RIGHT), two=lesson({"3.1": "my_gradients = 1"}), three=lesson())
    ran, judge_answer = [], grading.judge_answer

    def noted(*given):
        ran.append(given[-1].file)
        judge_answer(*given)

    monkeypatch.setattr(grading, "judge_answer", noted)
    arguments = [folder, "--notebooks", notebooks, "--out", tmp_path / "out", "--resume"]
    first = call(*arguments).output
    tables = [path.read_bytes() for path in sorted(tmp_path.glob("out/*.*"))]
    assert sorted(call(*arguments).output.splitlines()) == sorted(first.splitlines()) and len(ran) == 6
    assert tables == [path.read_bytes() for path in sorted(tmp_path.glob("out/*.*"))]
    nbformat.write(lesson({"3.1": "my_gradients = 1, 2"}), folder / "two.ipynb")
    assert call(*arguments).exit_code == 0 and ran[6:] == ["two.ipynb"]
    for kept in (tmp_path / "out/notebooks").iterdir():
        kept.write_text("{")
    assert call(*arguments, "--timeout", 20).exit_code == 0 and len(ran) == 13


OWN_CHECKS = """
def is_double(answer):
    import torch
    assert answer(torch.zeros(2, 3, dtype=torch.float64)).dtype == torch.float64, "float64 in, float64 out"

def is_list(answer):
    if not isinstance(answer, list):
        raise ValueError("a list, please")

CHECKS = {"3.1": [is_list, len], 3.2: [is_double]}
"""


def test_checks_of_the_instructors_own(notebooks, tmp_path):
    single = "def my_log_softmax(logits):\n    return logits.float().log_softmax(dim=1)"
    wrong = {"3.1": "my_gradients = [12, 4]"}
    mixed = {"3.1": "import torch\nmy_gradients = map(int, [4, 12])", "3.2": single}
    folder = hand_in(tmp_path / "returned", a=lesson(RIGHT), b=lesson(mixed), c=lesson(wrong))
    (tmp_path / "own.py").write_text(OWN_CHECKS)
    result = call(folder, "--notebooks", notebooks, "--out", tmp_path / "out", "--checks", tmp_path / "own.py")
    assert result.exit_code == 0, result.output
    rows = graded(tmp_path / "out")
    for check, expected in (
        (("3.1", "is_list"), ["right", "wrong", "open"]),
        (("3.1", "len"), ["right", "error", "open"]),
        (("3.2", "is_double"), ["right", "wrong", "open"]),
    ):
        assert [rows[one, *check]["state"] for one in "abc"] == expected
    assert rows["b", "3.2", "is_double"]["words"] == "float64 in, float64 out"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["nowhere"], "no such folder"), (["empty"], "no returned notebooks"), (["full", "--out", "."], "another folder"),
     (["full", "--timeout", "0"], "timeout"), (["full", "--checks", "nowhere.py"], "FileNotFoundError"),
     *[(["full", "--checks", "own.py", text], words) for text, words in [
         ("CHECKS = {", "SyntaxError"), ("import nothing_such", "No module"), ("a = 1", "KeyError: 'CHECKS'"),
         ("CHECKS = 3", "int"), ("CHECKS = {'9.99': []}", "no exercise 9.99"), ("CHECKS = {'3.1': [1]}", "__name__")]]],
)  # fmt: skip
def test_wrong_use_is_one_line_and_exit_code_2(notebooks, tmp_path, monkeypatch, arguments, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    hand_in(tmp_path / "full", one=lesson())
    if "own.py" in arguments:
        (tmp_path / "own.py").write_text(arguments.pop())
    result = call("--notebooks", notebooks, "--out", tmp_path / "out", *arguments)
    assert result.exit_code == 2 and words in result.output and len(result.output.splitlines()) == 1, result.output
    assert not (tmp_path / "out").exists()


def test_without_walls_only_who_trusts_can_grade(notebooks, tmp_path, monkeypatch):
    monkeypatch.setattr(cli.sys, "platform", "darwin")
    arguments = [hand_in(tmp_path / "returned", one=lesson()), "--notebooks", notebooks, "--out", tmp_path / "out"]
    assert call(*arguments).exit_code == 2 and "--trust" in call(*arguments).output
    assert call(*arguments, "--trust").exit_code == 0


def test_a_cluster_grades_the_same(done, notebooks, tmp_path):
    distributed = pytest.importorskip("distributed")
    some = {name: CLASS[name][0] for name in ("mixed", "helped")}
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None, host="127.0.0.1") as dask:
        arguments = ["--notebooks", notebooks, "--out", tmp_path / "out", "--jobs", 2]
        result = call(hand_in(tmp_path / "some", **some), *arguments, "--scheduler", dask.scheduler_address)
    assert result.exit_code == 0, result.output
    assert graded(tmp_path / "out") == {key: row for key, row in graded(done[0]).items() if key[0] in some}


def test_a_lost_process_costs_no_other_notebook(notebooks, tmp_path, monkeypatch):
    def dies(sandbox, wanted, exercise, given, one):
        if one.file == "b.ipynb":
            sandbox._process.kill()
            sandbox.ask("values", expressions={})
        one.rows[0].verdict = Verdict("right", "")

    monkeypatch.setattr(grading, "judge_answer", dies)
    folder = hand_in(tmp_path / "returned", **{name: lesson({"3.1": f"my_gradients = '{name}'"}) for name in "abc"})
    result = call(folder, "--notebooks", notebooks, "--out", tmp_path / "out")
    assert result.exit_code == 1 and "b.ipynb: 4 open, 1 error; its grading process was lost: exit" in result.output
    assert result.output.count("1 right, 4 open\n") == 2 and "3 notebooks, 1 not graded" in result.output
    assert len(list((tmp_path / "out/notebooks").iterdir())) == 2


def test_a_lesson_that_fails_is_said_and_can_be_resumed(tmp_path):
    broken = lesson()
    broken.cells.insert(5, new_code_cell("1 / 0"))
    folder = write_course(tmp_path / "notebooks", broken)
    result = call(hand_in(tmp_path / "returned", one=lesson(RIGHT)), "--notebooks", folder)
    out = tmp_path / "build/grades"
    assert result.exit_code == 1 and "the lesson itself failed in code cell 6: ZeroDivisionError" in result.output
    assert states(graded(out), "one")["3.1"] == "right" and states(graded(out), "one")["3.2"] == "error"
    assert not list(out.glob("notebooks/*"))


def test_lessons_of_the_course_are_read_with_all_their_exercises():
    lessons = [read_lesson(lesson, "smoke") for lesson in read_course(NOTEBOOKS).lessons]
    assert sorted(number for one in lessons for number in one.stubs) == sorted(all_exercises())
    given = {number: list(given) for one in lessons for number, given in one.given.items() if given}
    assert given == {"6.8": ["angles", "accuracies", "count"]}
