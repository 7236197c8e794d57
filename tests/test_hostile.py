"""A folder of hostile notebooks is graded whole: each costs only its author, who is named; nothing is left behind."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import nbformat
import psutil
import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_notebook
from test_grade import EVERY, RIGHT, call, exercise_cell, graded, hand_in, lesson, notebooks, states, table

from course_utils.__main__ import course
from course_utils.instructor import sandbox as sandboxes
from course_utils.instructor import walls
from course_utils.instructor.returned import COURSE

__all__ = ["notebooks"]  # the fixture
WRONG = "def my_log_softmax(logits):\n    return logits.softmax(dim=1)"
INDENTED = WRONG.replace("\n", "\n    ")
SWALLOWS = (
    "class Swallows:\n    __init__ = lambda self, *given, **more: None\n    __enter__ = lambda self: self\n"
    "    __exit__ = lambda self, *given: True\n"
)
OUTCOME = (
    "def my_log_softmax(logits):\n    import json, os\n"
    "    open('said.json', 'w').write(json.dumps({}))\n    os._exit(0)"
)
FALSE = {  # answers to 3.2 that none may be right
    "contextlib": f"import contextlib\n{SWALLOWS}contextlib.redirect_stdout = contextlib.suppress = Swallows\n{WRONG}",
    "fork_rng": f"import torch\n{SWALLOWS}torch.random.fork_rng = Swallows\n{WRONG}",
    "mode": "import torch\nfrom torch.overrides import TorchFunctionMode\nclass Mode(TorchFunctionMode):\n"
            f"    __torch_function__ = lambda *given: True\nMode().__enter__()\n{WRONG}",
    "library": "import torch\nown = torch.library.Library('aten', 'IMPL')\n"
               f"own.impl('log_softmax.int', lambda *given: torch.zeros(1), 'CPU')\n{WRONG}",
    "closure": "import sys\nframe = sys._getframe()\nfound = []\nwhile frame:\n    found += [cell.cell_contents for"
               " value in frame.f_locals.values() for cell in getattr(value, '__closure__', None) or ()]\n"
               "    frame = frame.f_back\n"
               "answers = [one for one in found if getattr(one, 'number', '') == '3.2']\n"
               f"my_log_softmax = answers[0].reference if answers else None\nif not answers:\n    {INDENTED}",
    "gc": "import gc\nanswers = [one for one in gc.get_objects() if type(one).__name__ == 'Exercise']\n"
          f"my_log_softmax = answers[0].reference if answers else None\nif not answers:\n    {INDENTED}",
    "verdict": OUTCOME.format({"state": "right", "words": ""}),
    "no_state": OUTCOME.format({"words": "right"}),
    "no_words": OUTCOME.format({"state": "error"}),
    "no_own": OUTCOME.format({"outcomes": "[]"}),
    "no_fields": OUTCOME.format({"outcomes": '[{"outcome": {}}]', "own": []}),
    "a_list": OUTCOME.format([]),
    "shape": "import torch\nclass Lies(torch.Tensor):\n    shape = torch.Size([2, 3])\n    numel = lambda self: 6\n"
             "    size = lambda self, *given: 3\n"
             "def my_log_softmax(logits):\n    return torch.zeros(9).as_subclass(Lies)",
    "equal": "import torch\nclass Lies(torch.Tensor):\n    __eq__ = __ne__ = lambda *given: True\n"
             "def my_log_softmax(logits):\n    return logits.softmax(1).as_subclass(Lies)",
    "words": "def my_log_softmax(logits):\n    return 'x' * 9_000_000",
    "many_words": "def my_log_softmax(logits):\n    return ['x' * 1000] * 9000",
    "raises_words": "def my_log_softmax(logits):\n    raise ValueError('x' * 9_000_000)",
    "exits": "import os\nos._exit(0)",
    "forks": "import os\nwhile True:\n    os.fork()",
    "fills": "import os\nfor place in range(90):\n    open(str(place), 'wb').write(bytes(10 * 2**20 - 1))\n" + WRONG,
    "recursion": "def my_log_softmax(logits):\n    return my_log_softmax(logits)",
    "deep": "value = []\nfor step in range(100_000):\n    value = [value]\n"
            "def my_log_softmax(logits):\n    return value",
}  # fmt: skip
HONEST = {  # answers that are right, or wrong without an accusation
    "helper": ([new_code_cell("import numpy as np\ndef minus(a, b):\n    return a - b"),
                exercise_cell("3.2", "def my_log_softmax(logits):\n    np.zeros(1)\n"
                              "    return minus(logits, logits.logsumexp(1, keepdim=True))")], "right"),
    "solution": ([exercise_cell("3.2", f"solution('3.2')\n{RIGHT['3.2']}")], "right"),
    "compiles": ([exercise_cell("3.2", f"@torch.compile\n{RIGHT['3.2']}")], "right"),
    "compiles_later": ([exercise_cell("3.2", f"{RIGHT['3.2']}\nmy_log_softmax = torch.compile(my_log_softmax)")],
                       "right"),
    "no_text": ([exercise_cell("3.2", "class Odd(Exception):\n    def __str__(self):\n        raise ValueError\n"
                               "def my_log_softmax(logits):\n    raise Odd")], "error"),
    "no_text_at_all": ([exercise_cell("3.2", "class Odd(Exception):\n    def __str__(self):\n        raise Odd\n"
                                      "raise Odd")], "error"),
}  # fmt: skip


def hostile_files(folder):
    """Files that harm who reads them carelessly."""
    (folder / "itself.ipynb").symlink_to("itself.ipynb")
    (folder / "around").symlink_to(folder)
    os.mkfifo(folder / "pipe.ipynb")
    (folder / ("é" * 120 + ".ipynb")).write_text("{")  # 246 bytes
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("nested", dir_fd=here)
        inner = os.open("nested", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = inner
    os.close(here)
    for place in range(3000):
        (folder / "many" / str(place)).mkdir(parents=True)
    check = 'check("3.1", 1)\n'
    quadratic = new_notebook(cells=[new_code_cell(check * 3000) for _ in range(40)])
    nbformat.write(quadratic, folder / "quadratic.ipynb")
    (folder / "large.ipynb").write_bytes(b'{"nbformat": 4, "cells": [' + b" " * (20 * 2**20 + 1) + b"]}")
    (folder / "parts.ipynb").write_bytes(b'{"nbformat": 4, "cells": [' + b"{}," * 3_000_000 + b"{}]}")
    (folder / "long.ipynb").write_text(nbformat.writes(new_notebook(cells=[new_code_cell("x" * 3_000_000)])))
    (folder / "minus.ipynb").write_text(json.dumps({"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": [
        new_code_cell("-" * 49_000 + "1", metadata={"tags": ["exercise"]})]}))  # fmt: skip
    (folder / "nan.ipynb").write_text('{"nbformat": NaN, "cells": []}')


NAMED = ("itself", "around", "pipe", "é" * 93, "nested", "large", "parts", "long", "minus", "nan")


@pytest.fixture(scope="module")
def done(notebooks, tmp_path_factory):
    cells = {name: [exercise_cell("3.2", code)] for name, code in FALSE.items()}
    cells |= {name: given for name, (given, _) in HONEST.items()}
    returned = {name: new_notebook(cells=given) for name, given in cells.items()}
    folder = hand_in(tmp_path_factory.mktemp("returned"), **returned, honest=lesson(RIGHT), last=lesson(RIGHT))
    hostile_files(folder)
    out = tmp_path_factory.mktemp("out") / "grades"
    yield out, call(folder, "--notebooks", notebooks, "--out", out, "--jobs", 2, "--timeout", 20)
    subprocess.run(["rm", "-rf", folder / "nested"], check=True)  # which Python cannot remove


@pytest.mark.skipif(bool(walls.unlimited()), reason="this system has not all of the walls")
def test_each_costs_only_its_author_who_is_named(notebooks, done):
    out, result = done
    assert isinstance(result.exception, SystemExit) and result.exit_code == 1, result.output
    rows = graded(out)
    assert states(rows, "honest") == states(rows, "last") == EVERY
    assert {name: rows[name, "3.2", COURSE]["state"] for name in HONEST} == {
        n: state for n, (_, state) in HONEST.items()
    }
    assert not [name for name in FALSE if rows[name, "3.2", COURSE]["state"] not in ("wrong", "error")]
    assert not any(rows[name, "3.2", COURSE]["note"] for name in HONEST)
    told = {row["file"]: row["note"] for row in table(out / "students.csv")}
    for name in NAMED:
        assert any(file.startswith(name) and "it " in note for file, note in told.items()), name
    assert len(told) == len(FALSE) + len(HONEST) + 2 + len(NAMED) + 1
    book = CliRunner().invoke(
        course, ["gradebook", str(out), "--notebooks", str(notebooks), "--out", str(out / "book")]
    )
    assert book.exit_code == 0 and (out / "index.html").exists(), book.output


GRADES = "import sys; from course_utils.__main__ import course; course(sys.argv[1:])"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere nothing ends with its parent")
def test_graders_that_are_ended_leave_nothing(notebooks, tmp_path):
    stuck = new_notebook(cells=[exercise_cell("3.2", "while True:\n    pass")])
    folder, graders = hand_in(tmp_path / "returned", stuck=stuck), {}
    try:
        for sent in (signal.SIGTERM, signal.SIGKILL):
            (temporary := tmp_path / sent.name).mkdir()
            arguments = [
                "grade",
                folder,
                "--notebooks",
                notebooks,
                "--out",
                tmp_path / f"out-{sent.name}",
                "--timeout",
                300,
            ]
            graders[sent] = subprocess.Popen(
                [sys.executable, "-c", GRADES, *map(str, arguments)], env=os.environ | {"TMPDIR": str(temporary)},
                cwd=Path(__file__).parents[1],
            )  # fmt: skip
        deadline = time.monotonic() + 120
        for sent, grader in graders.items():
            while not list((tmp_path / sent.name).glob("sandbox-*/answer-*/job.json")):
                assert time.monotonic() < deadline and grader.poll() is None
                time.sleep(0.05)
            children = psutil.Process(grader.pid).children(recursive=True)
            grader.send_signal(sent)
            grader.wait(60)
            _, alive = psutil.wait_procs(children, timeout=60)
            assert not alive and not list((tmp_path / sent.name).iterdir())
    finally:
        for grader in graders.values():
            grader.kill()


def test_a_full_disk_is_said_in_a_line_and_what_was_graded_is_kept(notebooks, tmp_path, monkeypatch):
    from course_utils.instructor import grade as grading

    write, written = grading.write_whole, []

    def full(path, content):
        if written:
            raise OSError(28, "No space left on device")
        written.append(path)
        write(path, content)

    folder = hand_in(tmp_path / "returned", a=lesson(), b=lesson({"3.1": "my_gradients = 1, 2"}))
    arguments = [folder, "--notebooks", notebooks, "--out", tmp_path / "out", "--resume"]
    monkeypatch.setattr(grading, "write_whole", full)
    result = call(*arguments)
    assert result.exit_code == 1 and "No space left on device; what was graded is kept" in result.output
    assert "Traceback" not in result.output and written[0].exists()


def test_two_graders_do_not_write_into_one_folder(notebooks, tmp_path):
    from filelock import FileLock

    (tmp_path / "out").mkdir()
    with FileLock(tmp_path / "out/.running"):
        result = call(hand_in(tmp_path / "returned", a=lesson()), "--notebooks", notebooks, "--out", tmp_path / "out")
    assert result.exit_code == 2 and "another run is writing" in result.output


def test_what_the_sandbox_cleans_is_only_its_own():
    assert sandboxes.CLEAN.count('"$2"') == 2 and "*" not in sandboxes.CLEAN
