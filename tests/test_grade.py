"""`course grade` through its command line, on a course of one short lesson: honest notebooks and hostile ones."""

import csv
import hashlib
from dataclasses import replace
from pathlib import Path

import nbformat
import pytest
import yaml
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from course_utils.__main__ import course
from course_utils.exercises import grading as judging
from course_utils.exercises import guard, landlock
from course_utils.exercises.desk import all_exercises
from course_utils.exercises.grading import needed_before, read_checks
from course_utils.exercises.running import encode
from course_utils.instructor import grade as grading
from course_utils.instructor import grades
from course_utils.instructor import returned as reading
from course_utils.instructor.manifest import NOTEBOOKS, read_course

PACKAGE = Path(guard.PACKAGE)
STUBS = {
    "3.1": "my_gradients = ..., ...",
    "3.2": "def my_log_softmax(logits):\n    return ...",
    "3.3": "my_loss = ...",
    "3.6": "def my_step(model, images, labels, loss_fn, optimizer):\n    return ...",
    "5.8": "my_angle = ...",
    "0.6": "def my_ink(images):\n    return ...",
}
LOG_SOFTMAX = "def my_log_softmax(logits):\n    return logits.log_softmax(dim=1)"
RIGHT = {
    "3.1": "my_gradients = [4, 12]",
    "3.2": LOG_SOFTMAX,
    "3.3": "my_loss = (math.log(2) + math.log(8)) / 2",
    "3.6": all_exercises()["3.6"].code,
    "5.8": "my_angle = 45",
    "0.6": "def my_ink(images):\n    return images.sum(dim=(1, 2, 3))",
}
LOOP = """def my_ink(images):
    totals = []
    for image in images.tolist():
        total = 0
        for row in image[0]:
            for pixel in row:
                total += pixel
        totals.append(total)
    return torch.tensor(totals)"""
ARGUMENTS = {"5.8": ", angles=angles, accuracies=accuracies"}
SET_UP = [
    "import math\nimport torch\nfrom course_utils.exercises import *\nfrom course_utils.exercises import check",
    "size: int = 5  # how many",
    "start_exercises(3)\nangles = [60 // size * step for step in range(5)]\naccuracies = [0.98, 0.96, 0.9, 0.5, 0.4]",
]


def exercise_cell(number, code):
    name = all_exercises()[number].name
    source = (
        f'{code}\n\ncheck("{number}", {name}{ARGUMENTS.get(number, "")})\n# hint("{number}")\n# solution("{number}")'
    )
    return new_code_cell(source, metadata={"tags": ["exercise"]})


def lesson(answers=None, first="# A lesson"):
    """The lesson as the course gives it, or with a student's answers."""
    cells = [new_markdown_cell(first), *map(new_code_cell, SET_UP)]
    cells[2].metadata["tags"] = ["parameters"]
    cells += [exercise_cell(number, code) for number, code in (STUBS | (answers or {})).items()]
    return new_notebook(cells=[*cells, new_code_cell("show_progress(3)")])


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    folder = tmp_path_factory.mktemp("course") / "notebooks"
    folder.mkdir()
    nbformat.write(lesson(), folder / "00_short.ipynb")
    entry = {"title": "A short lesson", "question": "?", "prerequisites": [], "bands": {},
             "profiles": {"smoke": {"size": 4}, "class": {}, "full": {}}}  # fmt: skip
    (folder / "course.yaml").write_text(yaml.safe_dump({"lessons": {"00_short": entry}, "networks": {}}))
    return folder


def hand_in(folder, **notebooks_by_name):
    folder.mkdir(exist_ok=True)
    for name, notebook in notebooks_by_name.items():
        nbformat.write(notebook, folder / f"{name}.ipynb")
    return folder


def call(*arguments):
    return CliRunner().invoke(course, [str(argument) for argument in arguments])


def graded(out):
    """What grades.csv says: (file's stem, exercise, check) → row."""
    with open(out / "grades.csv", encoding="utf-8", newline="") as file:
        return {(Path(row["file"]).stem, row["exercise"], row["check"]): row for row in csv.DictReader(file)}


def states(rows, stem, check=grades.COURSE):
    return {number: row["state"] for (file, number, by), row in rows.items() if file == stem and by == check}


def fingerprint(*folders):
    """Every file below, by its content and time, and every folder."""
    return {
        str(path): (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns) if path.is_file() else None
        for folder in folders
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts
    }


# Honest notebooks, scored by hand -------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def honest(notebooks, tmp_path_factory):
    """A dozen honest notebooks and their grades."""
    folder = tmp_path_factory.mktemp("honest")
    helper = "def lse(z):\n    return z.logsumexp(dim=1, keepdim=True)\n\n"
    helper += "def my_log_softmax(logits):\n    return logits - lse(logits)"
    edited = lesson({"3.1": "my_gradients = [4, 4]"})
    for cell in edited.cells:
        cell.source = cell.source.replace("check(", 'print("✓ is right."); (')
    edited.cells[4].source = 'my_gradients = [4, 4]\ncheck("3.1", [4, 12])'
    edited.cells[-1].source = 'print("Lesson 3: 5 of 5 answered, 5 right.")'
    deleted = lesson(RIGHT)
    del deleted.cells[5]
    twice = lesson(RIGHT | {"3.1": "my_gradients = [12, 4]"})
    twice.cells.append(exercise_cell("3.1", RIGHT["3.1"]))
    untagged = lesson(RIGHT)
    for cell in untagged.cells:
        cell.metadata.pop("tags", None)
    unchecked = lesson()
    unchecked.cells[5].source = RIGHT["3.2"]
    merged = lesson()
    merged.cells[4].source = "\n".join(f'{RIGHT[number]}\ncheck("{number}", x)' for number in ("3.1", "3.3"))
    del merged.cells[6]
    hand_in(
        folder,
        all_right=lesson(RIGHT, first="# A lesson\n\nname: Ada Lovelace\nstudent id: 1815"),
        all_open=lesson(),
        mixed=lesson({"3.1": "my_gradients = [2, 6]", "3.2": f"{STUBS['3.2'][:-3]}logits / 0 + nothing",
                      "3.3": "my_loss = 1.3863", "5.8": "my_angle =", "0.6": LOOP}),
        helped=lesson({"3.2": helper, "3.3": "my_loss = -float(lse(torch.zeros(1, 2)) * -2)"}),
        overwriting=lesson(RIGHT | {"3.1": "check = lambda *given: print('right')\nmy_gradients = [12, 4]"}),
        magic=lesson({"3.1": "%%time\n" + RIGHT["3.1"]}),
        draws=lesson({"3.1": f"import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('a.png')\n{RIGHT['3.1']}",
                      "3.3": "import collections, warnings\nP = collections.namedtuple('P', 'x')\nwarnings.warn('!')\n"
                             "import sklearn.cluster\nmy_loss = P(1.3863).x"}),
        edited=edited, deleted=deleted, twice=twice, untagged=untagged, unchecked=unchecked, merged=merged,
    )  # fmt: skip
    out = tmp_path_factory.mktemp("out") / "grades"
    result = call("grade", folder, "--notebooks", notebooks, "--out", out)
    return folder, out, result


def test_honest_notebooks_are_scored_as_by_hand(honest):
    _, out, result = honest
    assert result.exit_code == 0, result.output
    rows = graded(out)
    every = dict.fromkeys(STUBS, "right")
    open_ = dict.fromkeys(STUBS, "open")
    expected = {
        "all_right": every,
        "all_open": open_,
        "mixed": {"3.1": "wrong", "3.2": "error", "3.3": "right", "3.6": "open", "5.8": "error", "0.6": "wrong"},
        "helped": open_ | {"3.2": "right", "3.3": "right"},
        "overwriting": every | {"3.1": "wrong"},
        "magic": open_ | {"3.1": "right"},
        "draws": open_ | {"3.1": "right", "3.3": "right"},
        "edited": open_ | {"3.1": "wrong"},
        "deleted": every | {"3.2": "open"},
        "twice": every,
        "untagged": every,
        "unchecked": open_ | {"3.2": "right"},
        "merged": open_ | {"3.1": "right", "3.3": "right"},
    }
    assert {stem: states(rows, stem) for stem in expected} == expected
    assert not [row["note"] for row in rows.values() if row["note"]]
    assert "Both are half" in rows["mixed", "3.1", grades.COURSE]["words"]
    assert "nothing" in rows["mixed", "3.2", grades.COURSE]["words"]
    assert "one by one" in rows["mixed", "0.6", grades.COURSE]["words"]
    assert rows["all_right", "3.1", grades.COURSE]["student"] == "Ada Lovelace, 1815"
    assert rows["all_open", "3.1", grades.COURSE]["student"] == "all_open"


def test_the_table_of_students_counts(honest):
    with open(honest[1] / "students.csv", encoding="utf-8", newline="") as file:
        rows = {row["file"]: row for row in csv.DictReader(file)}
    mixed = rows["mixed.ipynb"]
    assert [mixed[state] for state in grades.SIGNS] == ["1", "2", "1", "2"]
    assert rows["twice.ipynb"]["note"] == "holds 3.1 more than once; the last counts"


def test_the_page_says_who_failed_on_what(honest):
    page = (honest[1] / "index.html").read_text()
    assert "13 of 13 returned notebooks were graded" in page and "Ada Lovelace" in page
    assert "failed 3 of 13" in page and "1 × Both are half" in page
    assert "http" not in page.replace("http-equiv", "")


def test_resume_runs_only_what_is_missing_or_changed(notebooks, tmp_path, monkeypatch):
    folder = hand_in(tmp_path / "returned", one=lesson(RIGHT), two=lesson(), three=lesson())
    ran = []
    verdict = {"state": "right", "words": "", "hidden": [], "notes": []}

    def noted(job, allowed):
        ran.extend(student["answers"] for student in job["students"])
        found = [
            {"file": student["file"], "exercise": number, **verdict}
            for student in job["students"] for number in student["answers"]
        ]  # fmt: skip
        return [{"unlimited": []}, *found, {"done": True}], ""

    monkeypatch.setattr(grading, "_grading_process", noted)
    arguments = ["grade", folder, "--notebooks", notebooks, "--out", tmp_path / "out", "--resume"]
    assert call(*arguments).exit_code == 0 and len(ran) == 3
    before = (tmp_path / "out/grades.csv").read_bytes()
    assert call(*arguments).exit_code == 0 and len(ran) == 3
    assert (tmp_path / "out/grades.csv").read_bytes() == before
    nbformat.write(lesson({"3.1": "my_gradients = 1, 2"}), folder / "two.ipynb")
    next((tmp_path / "out/notebooks").iterdir()).write_text("{")
    assert call(*arguments).exit_code == 0 and len(ran) in (4, 5)  # the spoilt one may be the changed one
    assert {"3.1": "my_gradients = 1, 2"} in ran[3:]
    count = len(ran)
    assert call(*arguments, "--timeout", 20).exit_code == 0 and len(ran) == count + 3


# Hostile notebooks ----------------------------------------------------------------------------------------------------

TRY = "try:\n    {}\nexcept BaseException:\n    pass"
HOSTILE = {
    "loop": ("while True:\n    pass", "took longer than"),
    "exit": ("import os\nos._exit(0)", "ended its own process"),
    "memory": ("bomb = []\nwhile True:\n    bomb.append(bytes(10**8))", "more memory"),
    "tensor": ("bomb = torch.zeros(10**11)", "more memory"),
    "output": ("while True:\n    print('x' * 10**6)", "printed more than"),
    "large_file": ("with open('a', 'wb') as file:\n    while True:\n        file.write(bytes(10**6))", guard.TOO_LARGE),
    "many_files": ("for index in range(10**6):\n    open(str(index), 'w').close()", guard.FILES),
    "crash": ("import os\nos.abort()", "was ended by SIGABRT"),
    "solutions": (TRY.format("open('{package}/exercises/lesson_3.py').read()"), guard.SOLUTIONS),
    "imports": (TRY.format("from course_utils.exercises.lesson_3 import my_log_softmax"), guard.SOLUTIONS),
    "hidden_import": (TRY.format("__import__('course_utils.' + 'exercises')"), guard.SOLUTIONS),
    "asks": (TRY.format("solution('3.2')"), guard.SOLUTIONS),
    "asks_reference": (TRY.format("my_log_softmax = mine_or_reference('3.2', 0)"), guard.SOLUTIONS),
    "modules": (TRY.format("__import__('sys').modules['course_utils.exercises.desk']"), guard.SOLUTIONS),
    "source": (TRY.format("import inspect\n    inspect.getsource(start_exercises)"), guard.SOLUTIONS),
    "collector": (TRY.format("import gc\n    gc.get_objects()"), guard.INSIDES),
    "globals": ("my_globals = check.__globals__", guard.INSIDES),
    "frames": (TRY.format("import sys\n    sys._getframe(1)"), guard.INSIDES),
    "writes": (TRY.format("open('{outside}/precious', 'w')"), guard.WRITING),
    "removes": (TRY.format("import shutil\n    shutil.rmtree('{outside}')"), guard.WRITING),
    "saves": (TRY.format("torch.save(1, '{outside}/saved')"), ""),
    "links": (TRY.format("import os\n    os.symlink('{outside}', 'a')\n    open('a/b', 'w')"), guard.WRITING),
    "reads": (TRY.format("open('{returned}/exit.ipynb').read()"), guard.READING),
    "network": (TRY.format("import socket\n    socket.create_connection(('127.0.0.1', {port}))"), guard.NETWORK),
    "address": (TRY.format("import urllib.request as web\n    web.urlopen('http://127.0.0.1:{port}')"), guard.NETWORK),
    "program": (TRY.format("import os\n    os.system('touch {outside}/touched')"), guard.PROGRAMS),
    "process": (TRY.format("import subprocess\n    subprocess.run(['touch', '{outside}/run'])"), guard.PROGRAMS),
    "forks": (TRY.format("import os\n    os.fork()"), guard.PROGRAMS),
    "kills": (TRY.format("import os\n    os.kill(os.getppid(), 9)"), guard.SIGNALS),
    "library": (TRY.format("import ctypes\n    ctypes.CDLL(None).kill(-1, 9)"), guard.INSIDES),
    "forges": ("import os\nfor pipe in range(3, 9):\n    try:\n        os.write(pipe, b\"{{'state': 'right'}}\\n\")\n"
               "    except OSError:\n        pass", "a verdict of its own"),
    "patches": ("torch.allclose = torch.equal = lambda *given, **more: True", "changed torch.allclose"),
    "quietly": ("class Same(torch.Tensor):\n    __torch_function__ = None", guard.INSIDES),
    "half": ("raise ValueError('\\ud800 <b>')", ""),
    "chatters": ("import os\nos.write(3, b'x')", "a verdict of its own"),
    "raises": ("class Out(BaseException):\n    pass\nraise Out", ""),
}  # fmt: skip
WRONG = "def my_log_softmax(logits):\n    return logits.softmax(dim=1)"
SWALLOWS = "import contextlib\nclass Swallows:\n    def __init__(self, *given, **more):\n        pass\n"
SWALLOWS += "    def __enter__(self):\n        return self\n    def __exit__(self, *given):\n        return True\n"
RAISES = "def my_log_softmax(logits):\n    raise ValueError"
FORGED = """'[{"state": "right", "words": ""}]'"""
FALSE = {  # wrong answers that change what runs them, or say something else than they hold
    "redirects": f"import contextlib\ncontextlib.redirect_stdout.__exit__ = lambda *given: True\n{RAISES}",
    "swallows": f"{SWALLOWS}torch.random.fork_rng = Swallows\n{RAISES}",
    "swallows_all": f"{SWALLOWS}torch.random.fork_rng = contextlib.redirect_stdout.__exit__ = Swallows\n{RAISES}",
    "exits": "import os\ndef my_log_softmax(logits):\n    os._exit(0)",
    "dumps": f"import json\njson.dumps = lambda *given, **more: {FORGED}\n{WRONG}",
    "dumps_nothing": f"import json\njson.dumps = lambda *given, **more: '[]'\n{WRONG}",
    "dumps_no_text": f"import json\njson.dumps = lambda *given, **more: torch\n{WRONG}",
    "dumps_lines": "import json\nclass Text(str):\n    def __repr__(self):\n        return '1\\n(\\n' * 5\n"
                   f"json.dumps = lambda *given, **more: Text()\n{WRONG}",
    "dumps_deep": f"import json\njson.dumps = lambda *given, **more: '[' * 10**6\n{WRONG}",
    "base64": f"import base64\nbase64.b64encode = lambda *given: b''\n{WRONG}",
    "numpy": f"torch.Tensor.numpy = lambda self, **more: None\n{WRONG}",
    "numel": f"torch.Tensor.numel = lambda self: 0\n{WRONG}",
    "flatten": "torch.Tensor.numel = lambda self: 1\ntorch.Tensor.flatten = lambda self: torch.zeros(1)\n" + WRONG,
    "equal": f"torch.Tensor.__eq__ = torch.Tensor.__ne__ = lambda *given: True\n{WRONG}",
    "isinstance": f"import builtins\nbuiltins.isinstance = lambda *given: True\n{WRONG}",
    "line": "import os\ndef my_log_softmax(logits):\n"
            "    os.write(3, b'\\n{\"outcomes\": \"[]\"}\\n')\n    return logits",
    "shape": "class Lies(torch.Tensor):\n    shape = torch.Size([2, 3])\n    numel = lambda self: 6\n"
             "def my_log_softmax(logits):\n    return torch.zeros(9).as_subclass(Lies)",
    "array": "class Lies:\n    shape, size, ndim = (2, 3), 6, 2\n    __array__ = lambda *given, **more: 3\n"
             "def my_log_softmax(logits):\n    return Lies()",
    "list": "class Lies(list):\n    __len__ = lambda self: 2\n    __iter__ = lambda self: iter([0, 0])\n"
            "    __getitem__ = lambda self, place: 0\ndef my_log_softmax(logits):\n    return Lies([Lies([1])])",
    "class": "class Lies:\n    __class__ = torch.Tensor\n    def __getattr__(self, name):\n        return self\n"
             "def my_log_softmax(logits):\n    return Lies()",
    "text": "def my_log_softmax(logits):\n    return ['x' * 1000] * 9000",
    "raises_text": "def my_log_softmax(logits):\n    raise ValueError('\\ud800' + 'x' * 9_000_000)",
    "numbers": "def my_log_softmax(logits):\n    return torch.zeros(2_000_000)",
    "deep": "def my_log_softmax(logits):\n    deep = []\n    for _ in range(900):\n        deep = [deep]\n"
            "    return deep",
}  # fmt: skip
FALSE_LOOP = f"import sys\nsys.settrace = lambda trace: None\n{LOOP}"
PATCHING = "def my_log_softmax(logits):\n    torch.allclose = lambda *given, **more: True\n    return logits"
BROKEN = {
    "no_json.ipynb": ('{"cells": [', "no JSON"),
    "empty.ipynb": ("", "no JSON"),
    "deep.ipynb": ("[" * 200_000, "no JSON"),
    "text.txt": ("my answers", "no JSON"),
    "list.ipynb": ("[1, 2]", "no notebook"),
    "no_cells.ipynb": ('{"nbformat": 4, "cells": 3}', "without cells"),
    "odd_cells.ipynb": (
        '{"nbformat": 4, "cells": [3, null, {"source": 4}, {"source": "1", "metadata": 2}]}',
        "no lesson",
    ),
    "foreign.ipynb": (nbformat.writes(new_notebook(cells=[new_code_cell("1 + 1")])), "no lesson of this course"),
    "future.ipynb": ('{"nbformat": 9, "nbformat_minor": 0, "metadata": {}, "cells": []}', "format 9"),
}


@pytest.fixture(scope="module")
def hostile(notebooks, tmp_path_factory):
    """Every hostile and broken notebook beside honest ones; what lay around them before and after; their grades."""
    place = tmp_path_factory.mktemp("place")
    outside, folder, out = place / "outside", place / "returned", place / "out"
    outside.mkdir()
    (outside / "precious").write_text("precious")
    words = {"package": PACKAGE, "outside": outside, "returned": folder, "port": 9}
    for name, (attack, _) in HOSTILE.items():
        for word, value in words.items():
            attack = attack.replace(f"{{{word}}}", str(value))
        attack = attack.replace("{{", "{").replace("}}", "}")
        hand_in(folder, **{name: lesson({"3.2": f"{attack}\n{LOG_SOFTMAX}", "3.3": RIGHT["3.3"]})})
    hand_in(folder, patching=lesson(RIGHT | {"3.2": PATCHING}), false_loop=lesson({"0.6": FALSE_LOOP}))
    hand_in(folder, **{f"false_{name}": lesson({"3.2": attack, "3.3": RIGHT["3.3"]}) for name, attack in FALSE.items()})
    honest = lesson(RIGHT, first='<script>alert("name")</script>')
    honest.metadata["authors"] = [{"name": "=SUM(1)<b>"}]
    hand_in(folder, honest=honest)
    for name, (content, _) in BROKEN.items():
        (folder / name).write_text(content)
    (folder / "link.ipynb").symlink_to(outside / "precious")
    nbformat.write(nbformat.v3.downgrade(lesson(RIGHT)), folder / "old.ipynb", version=3)
    (folder / "other").mkdir()
    hand_in(folder / "other", honest=honest)
    around = [place, PACKAGE, NOTEBOOKS]
    before = fingerprint(*around)
    result = call("grade", folder, "--notebooks", notebooks, "--out", out, "--timeout", 20, "--jobs", 2)
    after = {path: state for path, state in fingerprint(*around).items() if not Path(path).is_relative_to(out)}
    return before, after, result, graded(out), out


def test_nothing_outside_is_changed(hostile):
    before, after, *_ = hostile
    assert after == before


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_costs_itself_and_is_named(hostile, name):
    rows = hostile[3]
    row = rows[name, "3.2", grades.COURSE]
    if name == "saves" and not landlock.version():
        pytest.skip("compiled code is held back by Landlock alone")
    assert HOSTILE[name][1] in row["note"]
    assert row["state"] == ("right" if name == "saves" else "error"), row
    assert states(rows, name) == dict.fromkeys(STUBS, "open") | {"3.2": row["state"], "3.3": "right"}


def test_a_function_that_changes_the_tools_while_it_is_checked_does_not_count(hostile):
    row = hostile[3]["patching", "3.2", grades.COURSE]
    assert row["state"] == "wrong" and "changed torch.allclose" in row["note"]


@pytest.mark.parametrize("name", FALSE)
def test_a_wrong_answer_cannot_find_itself_right(hostile, name):
    found = states(hostile[3], f"false_{name}")
    assert found.pop("3.2") in ("wrong", "error")
    assert found == dict.fromkeys(STUBS.keys() - {"3.2"}, "open") | {"3.3": "right"}


def test_who_changes_the_count_of_work_is_named(hostile):
    row = hostile[3]["false_loop", "0.6", grades.COURSE]
    assert row["state"] == "error" and "changed sys.settrace" in row["note"]


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_file_is_named(hostile, name):
    output = hostile[2].output
    (line,) = [line for line in output.splitlines() if line.startswith(f"{name}: ")]
    assert BROKEN[name][1] in line


def test_others_are_graded_all_the_same(hostile):
    *_, result, rows, out = hostile
    assert result.exit_code == 0, result.output
    every = dict.fromkeys(STUBS, "right")
    assert states(rows, "honest") == every and states(rows, "old") == every
    assert "old.ipynb: 6 right; is of notebook format 3, and was converted" in result.output
    assert "link.ipynb: not graded; it is no file of its own" in result.output
    page = (out / "index.html").read_text()
    assert "<script" not in page and "=SUM(1)&lt;b&gt;" in page and "other/honest.ipynb" in page
    assert rows["honest", "3.1", grades.COURSE]["student"] == "'=SUM(1)<b>"


EXPECTED = all_exercises()["3.2"].expected
NO_OUTCOMES = [3, "", "{", "{}", "3", "[]", "[1]", "null", "[" * 10**5, '[{"outcome": {}}]', '[{"outcome": []}]']
NO_OUTCOMES += [encode(EXPECTED[0]), encode(EXPECTED[:3]), encode(EXPECTED * 2), encode([1] * len(EXPECTED))]
NO_OUTCOMES += [encode([replace(outcome, changed=[99, "a"]) for outcome in EXPECTED])]
NO_OUTCOMES += [
    encode([replace(outcome, value={kind: content}) for outcome in EXPECTED])
    for kind, content in [
        ("tensor", 3), ("tensor", ["float32", [-1], ""]), ("tensor", ["float32", [1e99], "AAAA"]),
        ("tensor", ["float32", [10**20], ""]), ("tensor", ["object", [1], "AAAAAAAAAAA="]),
        ("tensor", ["float32", [2], "AAAA"]), ("outcome", 3),
    ]
]  # fmt: skip
NO_OUTCOMES += [encode([replace(outcome, value=7) for outcome in EXPECTED]).replace("7", "[" * 900 + "]" * 900)]


@pytest.mark.parametrize(
    "said",
    [{}, {"state": "right", "words": "", "hidden": []}, {"state": "best", "words": "", "hidden": []},
     {"state": "error", "words": 3, "hidden": []}, {"state": ["right"], "words": "", "hidden": []},
     *[{"outcomes": outcomes, "hidden": []} for outcomes in NO_OUTCOMES],
     {"outcomes": encode(EXPECTED), "hidden": 3}, {"outcomes": encode(EXPECTED), "hidden": [("right", "")]}],
    ids=range(5 + len(NO_OUTCOMES) + 2),
)  # fmt: skip
def test_what_a_child_says_that_is_no_outcome_gets_no_point(monkeypatch, said):
    question = judging.Question(all_exercises()["3.2"], "my_log_softmax", {}, [])
    monkeypatch.setattr(judging, "_in_a_child", lambda *given: (said, []))
    student = judging.Student("a", {"3.2": LOG_SOFTMAX})
    verdict = judging._verdict(student, question, {}, guard.Limits(30), [])
    assert verdict["state"] == "error" and verdict["notes"] == [judging.UNREADABLE] and not student.sound


def test_what_a_child_writes_is_read_whatever_it_is():
    token = b"12"
    for line in (b"(", b"3", b"b'a'", b"\xff", b"[" * 10**5, b"-" * 10**5 + b"1", b"{[]: 3}", b"{{}}"):
        assert judging._read(b"\n12" + line + b"\n", token, [], None) == (None, [judging.UNREADABLE])


# Beside the ways of students ------------------------------------------------------------------------------------------

OWN_CHECKS = """
import torch

def is_double(answer):
    assert answer(torch.zeros(2, 3, dtype=torch.float64)).dtype == torch.float64, "float64 in, float64 out"

def is_list(answer):
    if not isinstance(answer, list):
        raise ValueError("a list, please")

CHECKS = {"3.1": [is_list], "3.2": [is_double]}
"""


def test_checks_of_the_instructors_own(notebooks, tmp_path):
    single = "def my_log_softmax(logits):\n    return logits.float().log_softmax(dim=1)"
    folder = hand_in(
        tmp_path / "returned", a=lesson(RIGHT), b=lesson({"3.1": "my_gradients = 4, 12", "3.2": single}),
        c=lesson({"3.1": "my_gradients = [12, 4]"}),
    )  # fmt: skip
    (tmp_path / "own.py").write_text(OWN_CHECKS)
    out = tmp_path / "out"
    result = call("grade", folder, "--notebooks", notebooks, "--out", out, "--checks", tmp_path / "own.py")
    assert result.exit_code == 0, result.output
    rows = graded(out)
    assert [rows[one, "3.1", "is_list"]["state"] for one in "abc"] == ["right", "wrong", "open"]
    assert [rows[one, "3.2", "is_double"]["state"] for one in "abc"] == ["right", "wrong", "open"]
    assert rows["b", "3.1", "is_list"]["words"] == "a list, please"
    assert rows["b", "3.2", "is_double"]["words"] == "float64 in, float64 out"
    assert states(rows, "b") == dict.fromkeys(STUBS, "open") | {"3.1": "right", "3.2": "right"}
    assert "1 × float64 in, float64 out" in (out / "index.html").read_text()


@pytest.mark.parametrize(
    ("text", "words"),
    [("CHECKS = {", "SyntaxError"), ("import nothing_such", "No module"), ("a = 1", "sets no CHECKS"),
     ("CHECKS = 3", "int"), ("CHECKS = {'9.99': []}", "no exercise 9.99"),
     ("CHECKS = {'3.1': [1]}", "list of functions")],
)  # fmt: skip
def test_checks_that_are_none(text, words):
    with pytest.raises(ValueError, match=words):
        read_checks(text)


def test_wrong_use_is_one_line_and_exit_code_2(notebooks, tmp_path):
    folder = hand_in(tmp_path / "returned", one=lesson())
    (tmp_path / "empty").mkdir()
    (tmp_path / "own.py").write_text("CHECKS = {'9.99': []}")
    common = ["--notebooks", notebooks, "--out", tmp_path / "out"]
    for arguments, words in (
        ([tmp_path / "nowhere"], "no such folder"),
        ([tmp_path / "empty"], "no returned notebooks"),
        ([folder, "--checks", tmp_path / "own.py"], "there is no exercise 9.99"),
        ([folder, "--checks", tmp_path / "nowhere.py"], "cannot be read"),
        ([folder, "--out", tmp_path], "name another folder"),
        ([folder, "--timeout", "0"], "timeout"),
    ):
        result = call("grade", *common, *arguments)
        assert result.exit_code == 2 and words in result.output and len(result.output.splitlines()) == 1, result.output
    assert not (tmp_path / "out").exists()


def test_help_ends_with_two_examples():
    heading, *examples = call("grade", "--help").output.rstrip().splitlines()[-3:]
    assert heading.strip() == "Examples:" and all(example.strip().startswith("course grade ") for example in examples)


def test_a_wrong_answer_about_the_students_own_run_is_to_be_looked_at(notebooks):
    (pristine,) = reading.read_lessons(read_course(notebooks), "smoke").values()
    verdict = {"state": "wrong", "words": "", "notes": [], "hidden": []}
    rows = grades.rows_of(pristine, {"3.1": "a", "5.8": "b"}, {"3.1": verdict, "5.8": verdict}, {})
    assert [row["exercise"] for row in rows if "own run" in row["note"]] == ["5.8"]


def test_a_cluster_grades_the_same(honest, notebooks, tmp_path):
    distributed = pytest.importorskip("distributed")
    folder, out, _ = honest
    some = ("mixed", "helped", "deleted")
    hand_in(tmp_path / "some", **{name: nbformat.read(folder / f"{name}.ipynb", as_version=4) for name in some})
    with distributed.LocalCluster(n_workers=1, threads_per_worker=2, dashboard_address=None, host="127.0.0.1") as dask:
        arguments = ["--notebooks", notebooks, "--out", tmp_path / "out", "--jobs", "2"]
        result = call("grade", tmp_path / "some", *arguments, "--scheduler", dask.scheduler_address)
    assert result.exit_code == 0, result.output
    assert graded(tmp_path / "out") == {key: row for key, row in graded(out).items() if key[0] in some}


def test_a_lost_process_costs_no_other_notebook(monkeypatch):
    verdict = {"exercise": "3.1", "state": "right", "words": "", "hidden": [], "notes": []}

    def dying(job, allowed):
        files = [student["file"] for student in job["students"]]
        found = [{"unlimited": []}, {"file": "0", **verdict}] if "0" in files else [{"unlimited": []}]
        return (found, "Killed") if "1" in files else ([*found, {"done": True}], "")

    monkeypatch.setattr(grading, "_grading_process", dying)
    students = [{"file": str(index), "answers": {"3.1": "1"}} for index in range(3)]
    outcome = grading.grade_notebooks({"students": students, "seconds": 1})
    assert outcome["lost"] == {"0": None, "1": "its grading process was lost: Killed", "2": None}
    assert outcome["verdicts"]["0"]["3.1"]["state"] == "right"


def test_a_lesson_that_fails_is_said_and_can_be_resumed(tmp_path):
    folder = tmp_path / "notebooks"
    folder.mkdir()
    broken = lesson()
    broken.cells.insert(5, new_code_cell("1 / 0"))
    nbformat.write(broken, folder / "00_short.ipynb")
    entry = {"title": "A lesson", "question": "?", "prerequisites": [], "bands": {},
             "profiles": {"smoke": {}, "class": {}, "full": {}}}  # fmt: skip
    (folder / "course.yaml").write_text(yaml.safe_dump({"lessons": {"00_short": entry}, "networks": {}}))
    result = call("grade", hand_in(tmp_path / "returned", one=lesson(RIGHT)), "--notebooks", folder)
    out = tmp_path / "build/grades"
    assert result.exit_code == 1 and "the lesson itself failed in code cell 5: ZeroDivisionError" in result.output
    assert states(graded(out), "one")["3.1"] == "right" and states(graded(out), "one")["3.2"] == "error"
    assert not list(out.glob("notebooks/*"))


def test_only_the_earlier_answers_that_are_used_run_again():
    earlier = {"1": "def helper(x):\n    return base + x", "2": "torch.allclose = None\nunused = 1", "3": "base = 3"}
    assert needed_before("my_sum = helper(1)", earlier) == [earlier["1"]]
    earlier = {"3": earlier["3"], "1": earlier["1"], "2": earlier["2"]}
    assert needed_before("my_sum = helper(1)", earlier) == [earlier["3"], earlier["1"]]
    assert needed_before("my_sum = (", earlier) == []


@pytest.mark.parametrize(
    ("text", "name"),
    [("name: Ada Lovelace", "Ada Lovelace"), ("# Student: Ada\n# id = 18", "Ada, 18"), ("**Name:** *Ada*", "Ada"),
     ('name = "Ada"', "Ada"), ("- Student ID : a-7", "a-7"), ("The name of it: none", ""), ("names: Ada", ""),
     ("Name:\u202e\x00 Ada\ud800", "Ada?")],
)  # fmt: skip
def test_a_name_is_found_in_the_first_cells(text, name):
    assert reading._student({}, [{"source": text}]) == name


def test_lessons_of_the_course_are_read_with_all_their_exercises():
    lessons = reading.read_lessons(read_course(NOTEBOOKS), "smoke")
    found = [number for pristine in lessons.values() for number in pristine.stubs]
    assert found == list(all_exercises())
    for pristine in lessons.values():
        assert {number: name for name, number in pristine.names.items()} == {
            number: all_exercises()[number].name for number in pristine.stubs
        }
        assert not reading._student({}, [{"source": cell["source"]} for cell in pristine.cells[:2]])
