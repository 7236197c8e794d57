"""What an answer can do behind the walls of the sandbox, and make the judge believe: tested by what happens."""

import json
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest

from course_utils.exercises.desk import all_exercises
from course_utils.exercises.judging import Verdict
from course_utils.exercises.running import encode
from course_utils.instructor import grade as grading
from course_utils.instructor import sandbox as walls
from course_utils.instructor.returned import COURSE, Place, Returned, Row
from course_utils.instructor.sandbox import Sandbox
from course_utils.instructor.walls import PACKAGE

RIGHT = "def my_log_softmax(logits):\n    return logits.log_softmax(dim=1)"
WRONG = "def my_log_softmax(logits):\n    return logits.softmax(dim=1)"
RAISES = "def my_log_softmax(logits):\n    raise ValueError"
CELL = "import ctypes, gc, os, resource, socket, sys\nimport torch\nfrom course_utils.exercises import *"


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(allowed=600) as started:
        started.ask("start", answers=["my_log_softmax"])
        assert started.ask("run", code=CELL, name="<lesson>") == [[], ""]
        yield started


def graded(sandbox, code, seconds=20):
    """The row that an answer gets."""
    row = Row("3.2", COURSE, Verdict("open", ""))
    returned = Returned("a", "a", Place(Path("a"), "a"), answers={"3.2": code}, rows=[row])
    grading.judge_answer(sandbox, grading.Wanted("smoke", seconds), all_exercises()["3.2"], {}, returned)
    return row


def fingerprint(*folders):
    """Every file below, by its content, rights and time."""
    paths = [path for folder in folders for path in [folder, *folder.rglob("*")] if "__pycache__" not in path.parts]
    found = [(path, path.stat(), path.is_file() and path.read_bytes()) for path in paths]
    return {(path, about.st_mode, about.st_mtime_ns, content) for path, about, content in found}


ATTEMPTS = {  # each sets `got` where it comes through; only then is the answer a right one
    "own_file": "open('a', 'w').write('1')\ngot = open('a').read()",
    "library": "import sklearn.cluster\ngot = open(torch.__file__).read()",
    "picture": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('a.png')\ngot = True",
    "solutions": "got = open('{package}/exercises/lesson_3.py').read()",
    "answers": "got = open('{package}/../tests/exercise_answers.py').read()",
    "others": "got = open('{outside}/precious').read()",
    "imports": "import course_utils.exercises.lesson_3\ngot = True",
    "asks": "got = solution('3.2') or mine_or_reference('3.2', None)",
    "modules": "got = [name for name in sys.modules if 'exercises.lesson_' in name]",
    "collector": "got = [one for one in gc.get_objects() if type(one).__name__ == 'Exercise' or 'lesson_' in"
                 " getattr(getattr(one, '__code__', None), 'co_filename', '')]",
    "frames": "frame = sys._getframe()\nwhile frame and not got:\n    got = [one for one in frame.f_locals.values()"
              " if type(one).__name__ == 'Exercise']\n    frame = frame.f_back",
    "writes": "open('{outside}/new', 'w')\ngot = True",
    "saves": "torch.save(1, '{outside}/saved')\ngot = True",
    "removes": "os.remove('{outside}/precious')\ngot = True",
    "truncates": "os.truncate('{outside}/precious', 0)\ngot = True",
    "rights": "os.chmod('{outside}/precious', 0)\ngot = True",
    "times": "os.utime('{outside}/precious', (0, 0))\ngot = True",
    "network": "socket.create_connection(('127.0.0.1', {port}))\ngot = True",
    "program": "got = os.system('true') == 0",
    "forks": "while True:\n    os.fork()\n    got = True",
    "threads": "import threading\nthreading.Thread(target=print).start()\ngot = True",
    "kills": "os.kill(os.getppid(), 0)\ngot = True",
    "signals": "import fcntl\nfcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, os.getppid())\ngot = True",
    "user": "os.setuid(1)\ngot = True",
    "limits": "resource.setrlimit(resource.RLIMIT_AS, (-1, -1))\ngot = True",
    "others_limits": "got = resource.prlimit(os.getppid(), resource.RLIMIT_CPU)",
    "others_memory": "got = open(f'/proc/{os.getppid()}/mem', 'rb')",
    "native_read": "got = ctypes.CDLL(None).open(b'{outside}/precious', 0) >= 0",
    "native_socket": "got = ctypes.CDLL(None).socket(2, 1, 0) >= 0",
    "native_fork": "got = ctypes.CDLL(None).fork() >= 0",
}  # fmt: skip


@pytest.mark.skipif(bool(walls.unlimited()), reason="this system has not all of the walls")
@pytest.mark.parametrize("name", ATTEMPTS)
def test_an_answer_does_what_it_may_and_nothing_else(sandbox, tmp_path, name):
    (tmp_path / "precious").write_text("precious")
    before = fingerprint(PACKAGE, tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = {"{package}": PACKAGE, "{outside}": tmp_path, "{port}": server.getsockname()[1]}
        tried = re.sub("{[a-z]+}", lambda word: str(words.get(word[0], word[0])), ATTEMPTS[name]).replace(
            "\n", "\n    "
        )
        code = f"{WRONG}\ngot = False\ntry:\n    {tried}\nexcept BaseException:\n    pass\nif got:\n"
        row = graded(sandbox, code + "    my_log_softmax = lambda logits: logits.log_softmax(dim=1)")
    assert row.verdict.state == ("right" if name in ("own_file", "library", "picture") else "wrong")
    assert fingerprint(PACKAGE, tmp_path) == before
    assert graded(sandbox, RIGHT).verdict.state == "right"


SCAN = r"""
import re
found = []
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for line in maps:
        start, end = (int(place, 16) for place in line.split()[0].split("-"))
        for place in range(start, end if " r" in line and "[v" not in line else start, 2**22):
            memory.seek(place)
            found += re.findall(rb"{pattern}", memory.read(min(2**22 + 100, end - place)))
my_log_softmax = torch.nn.LogSoftmax(dim=1) if found else torch.nn.Softmax(dim=1)
"""


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no such file to search the memory with")
def test_no_solution_and_nothing_of_another_student_is_in_its_memory(sandbox):
    assert graded(sandbox, f"# the other one's secret 47110815\n{RIGHT}").verdict.state == "right"
    known, why = "It knows no solution and no verdict", all_exercises()["3.2"].why[:40]
    for text, state in ((known, "right"), (why, "wrong"), ("other one's secret 47110815", "wrong")):
        pattern = f"[{text[0]}]{re.escape(text[1:])}"  # which does not find itself
        assert graded(sandbox, SCAN.replace("{pattern}", pattern), seconds=120).verdict.state == state, text


SWALLOWS = """import contextlib
class Swallows:
    __init__ = lambda self, *given, **more: None
    __enter__ = lambda self: self
    __exit__ = lambda self, *given: True
"""
SAYS = "def my_log_softmax(logits):\n    open('said.json', 'w').write({})\n    os._exit(0)"
FALSE = {  # what takes too much, changes what runs it, or says something else than it holds; and a piece of the words
    "loop": ("while True:\n    print('x' * 10**6)", "took longer than 3 s"),
    "exit": ("os._exit(0)", "ended its own process"),
    "exits_later": ("def my_log_softmax(logits):\n    os._exit(0)", "ended its own process"),
    "raises": ("class Out(BaseException):\n    pass\nraise Out", "raised Out in line 3"),
    "no_python": ("def my_log_softmax(logits)\n    return 1", "Python cannot read line 1"),
    "memory": ("bomb = []\nwhile True:\n    bomb.append(bytes(10**8))", grading.OVER_MEMORY),
    "tensor": ("bomb = torch.zeros(10**11)", grading.OVER_MEMORY),
    "crash": ("ctypes.string_at(0)", "was ended by SIGSEGV"),
    "large_file": ("file = open('a', 'wb')\nwhile True:\n    file.write(bytes(10**6))", "File too large"),
    "many_files": ("for index in range(10**6):\n    open(str(index), 'w').close()", "wrote too many files"),
    "half": ("raise ValueError('\\ud800 <b>')", "? <b>"),
    "many_words": ("def my_log_softmax(logits):\n    return ['x' * 1000] * 9000", "gave back more than 2 MB"),
    "long_words": ("def my_log_softmax(logits):\n    raise ValueError('\\ud800' + 'x' * 10**7)", "raised ValueError"),
    "numbers": ("def my_log_softmax(logits):\n    return torch.zeros(2_000_000)", "gave back more than 2 MB"),
    "redirect": (f"import contextlib\ncontextlib.redirect_stdout.__exit__ = lambda *given: True\n{RAISES}", ""),
    "fork_rng": (f"{SWALLOWS}torch.random.fork_rng = Swallows\n{RAISES}", ""),
    "allclose": (f"torch.allclose = torch.equal = lambda *given, **more: True\n{WRONG}", "the probabilities"),
    "equal": (f"torch.Tensor.__eq__ = torch.Tensor.__ne__ = lambda *given: True\n{WRONG}", ""),
    "mode": ("from torch.overrides import TorchFunctionMode\nclass Mode(TorchFunctionMode):\n"
             f"    __torch_function__ = lambda *given: True\nMode().__enter__()\n{WRONG}", ""),
    "library": ("own = torch.library.Library('aten', 'IMPL')\n"
                f"own.impl('softmax.int', lambda *given: torch.zeros(1), 'CPU')\n{WRONG}", ""),
    "dumps": (f"import json\njson.dumps = lambda *given, **more: '{{\"state\": \"right\"}}'\n{WRONG}", ""),
    "shape": ("class Lies(torch.Tensor):\n    shape = torch.Size([2, 3])\n    numel = lambda self: 6\n"
              "def my_log_softmax(logits):\n    return torch.zeros(9).as_subclass(Lies)", ""),
    "array": ("class Lies:\n    shape, size, ndim = (2, 3), 6, 2\n    __array__ = lambda *given, **more: 3\n"
              "def my_log_softmax(logits):\n    return Lies()", ""),
    "says_right": (SAYS.format("""'{"state": "right", "words": ""}'"""), grading.UNREADABLE),
    "says_nothing": (SAYS.format("''"), grading.UNREADABLE),
    "says_deep": (SAYS.format("'[' * 10**6"), grading.UNREADABLE),
    "says_much": (SAYS.format("'1,' * 2 * 10**6"), "gave back more than"),
    "link": ("os.symlink('/etc/passwd', 'said.json')\nos._exit(0)", "ended its own process"),
    "pipe": ("os.mkfifo('said.json')\nos._exit(0)", "ended its own process"),
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
def test_a_wrong_answer_cannot_find_itself_right(sandbox, name):
    code, words = FALSE[name]
    row = graded(sandbox, code, seconds=3 if "3 s" in words else 20)
    assert row.verdict.state in ("wrong", "error") and words in f"{row.verdict.words} {row.note}"
    assert len(row.verdict.words) <= grading.LONGEST
    assert graded(sandbox, RIGHT).verdict.state == "right"


def every_value(value):
    return encode([replace(outcome, value=value) for outcome in EXPECTED])


EXPECTED = all_exercises()["3.2"].expected
LIES = [3, ["float32", [-1], ""], ["float32", [10**20], ""], ["float32", [2], "AAAA"], ["object", [1], "AAAAAAAAAAA="]]
OUTCOMES = ["", "{", "3", "[]", "[1]", "null", "[" * 10**5, '[{"outcome": {}}]']
OUTCOMES += [encode(EXPECTED[:3]), encode(EXPECTED * 2)]
OUTCOMES += [encode([replace(outcome, changed=[99, "a"]) for outcome in EXPECTED]), every_value({"outcome": 3})]
OUTCOMES += [every_value([1] * 20_000), every_value(7).replace("7", "[" * 10**5 + "]" * 10**5)]
OUTCOMES += [every_value({"tensor": lie}) for lie in LIES]
SAID = [None, 3, {}, {"state": "right", "words": ""}, {"state": "best", "words": ""}, {"state": "error", "words": 3}]
SAID += [{"outcomes": 3, "own": []}, *[{"outcomes": outcomes, "own": []} for outcomes in OUTCOMES]]
SAID += [{"outcomes": encode(EXPECTED), "own": own} for own in (3, [["right", ""]], [[]], "")]


@pytest.mark.parametrize("said", SAID, ids=range(len(SAID)))
def test_what_is_no_outcome_gets_no_point(said):
    class Says:
        def answer(self, job, seconds):
            return json.loads(json.dumps(said)), ""

    row = graded(Says(), RIGHT)
    assert row.verdict.state == "error" and row.note == grading.UNREADABLE


def test_its_processes_and_folders_end_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(walls.tempfile, "tempdir", str(tmp_path))
    with Sandbox(allowed=1) as started, pytest.raises(walls.SandboxLost):
        started.ask("start", answers=[])
        started.ask("run", code="while True:\n    pass", name="")
    assert started._process.returncode and not list(tmp_path.iterdir())
