"""What an answer can do behind the walls of the sandbox, and make the judge believe: tested by what happens."""

import inspect
import json
import os
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
from course_utils.instructor.sandbox import PACKAGE, Sandbox

RIGHT = "def my_log_softmax(logits):\n    return logits.log_softmax(dim=1)"
WRONG = "def my_log_softmax(logits):\n    return logits.softmax(dim=1)"
RAISES = "def my_log_softmax(logits):\n    raise ValueError"
LOOP = inspect.getsource(all_exercises()["0.6"].mistakes[next(iter(all_exercises()["0.6"].mistakes))])
CELL = "import gc, math, os, socket, sys\nimport torch\nfrom course_utils.exercises import *"

needs_walls = pytest.mark.skipif(bool(walls.unlimited()), reason="this system has not all of the walls")


@pytest.fixture(scope="module")
def sandbox():
    with Sandbox(allowed=600) as started:
        started.ask("start", answers=["my_log_softmax", "my_ink"])
        assert started.ask("run", code=CELL, name="<lesson>") == [[], ""]
        yield started


@pytest.fixture(scope="module")
def outside(tmp_path_factory):
    folder = tmp_path_factory.mktemp("outside")
    (folder / "precious").write_text("precious")
    return folder


def graded(sandbox, code, number="3.2", seconds=20):
    """The row that an answer gets."""
    row = grading.Row(number, grading.COURSE, Verdict("open", ""))
    returned = grading.Returned("a", "a", answers={number: code}, rows=[row])
    grading.judge_answer(sandbox, grading.Wanted("smoke", seconds), all_exercises()[number], {}, returned)
    return row


def fingerprint(*folders):
    """Every file below, by its content, rights and time."""
    return {
        str(path): (path.is_file() and hash(path.read_bytes()), path.stat().st_mode, path.stat().st_mtime_ns)
        for folder in folders
        for path in [folder, *folder.rglob("*")]
        if "__pycache__" not in path.parts
    }  # fmt: skip


# Each sets `got` where it comes through; only then is the answer a right one.
ALLOWED = {
    "own_file": "open('a', 'w').write('1')\ngot = open('a').read()",
    "library": "got = open(torch.__file__).read()",
    "lazy_import": "import sklearn.cluster\ngot = True",
    "picture": "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('a.png')\ngot = True",
}
ATTEMPTS = {
    "solutions": "got = open('{package}/exercises/lesson_3.py').read()",
    "list": "got = os.listdir('{package}/exercises')",
    "answers": "got = open('{package}/../tests/exercise_answers.py').read()",
    "notebooks": "got = os.listdir('{package}/../notebooks')",
    "others": "got = open('{outside}/precious').read()",
    "own_link": "os.symlink('{outside}', 'a')\ngot = open('a/precious').read()",
    "imports": "import course_utils.exercises.lesson_3\ngot = True",
    "hidden_import": "got = __import__('course_utils.exercises.desk').exercises.desk.all_exercises()",
    "asks": "got = solution('3.2') or mine_or_reference('3.2', None)",
    "modules": "got = [name for name in sys.modules if 'exercises.lesson_' in name]",
    "collector": "got = [one for one in gc.get_objects() if type(one).__name__ == 'Exercise']",
    "codes": "got = [one for one in gc.get_objects() if 'lesson_' in getattr(getattr(one, '__code__', None),"
             " 'co_filename', '')]",
    "writes": "open('{outside}/precious', 'w')\ngot = True",
    "creates": "open('{outside}/new', 'w')\ngot = True",
    "saves": "torch.save(1, '{outside}/saved')\ngot = True",
    "removes": "os.remove('{outside}/precious')\ngot = True",
    "renames": "os.rename('{outside}/precious', 'mine')\ngot = True",
    "links": "os.link('{outside}/precious', 'mine')\ngot = True",
    "truncates": "os.truncate('{outside}/precious', 0)\ngot = True",
    "rights": "os.chmod('{outside}/precious', 0)\ngot = True",
    "times": "os.utime('{outside}/precious', (0, 0))\ngot = True",
    "folders": "os.mkdir('a')\ngot = True",
    "network": "socket.create_connection(('127.0.0.1', {port}))\ngot = True",
    "datagram": "got = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "local_socket": "got = socket.socket(socket.AF_UNIX)",
    "program": "got = os.system('true') == 0",
    "forks": "while True:\n    os.fork()\n    got = True",
    "threads": "import threading\nthreading.Thread(target=print).start()\ngot = True",
    "kills": "os.kill(os.getppid(), 0)\ngot = True",
    "limits": "import resource\nresource.setrlimit(resource.RLIMIT_AS, (-1, -1))\ngot = True",
    "others_limits": "import resource\nresource.prlimit(os.getppid(), resource.RLIMIT_CPU)\ngot = True",
    "others_memory": "got = open(f'/proc/{os.getppid()}/mem', 'rb')",
    "others_pipes": "got = open(f'/proc/{os.getppid()}/fd/1', 'wb')",
    "native_read": "import ctypes\ngot = ctypes.CDLL(None).open(b'{outside}/precious', 0) >= 0",
    "native_socket": "import ctypes\ngot = ctypes.CDLL(None).socket(2, 1, 0) >= 0",
    "native_fork": "import ctypes\ngot = ctypes.CDLL(None).fork() >= 0",
    "native_kill": "import ctypes\ngot = ctypes.CDLL(None).kill(os.getppid(), 0) == 0",
    "native_rights": "import ctypes\ngot = ctypes.CDLL(None).chmod(b'{outside}/precious', 0) == 0",
    "user": "got = os.getuid() == 0 and not os.setuid(1)",
}  # fmt: skip


def attempt(sandbox, outside, statements):
    with socket.create_server(("127.0.0.1", 0)) as server:
        words = {"package": PACKAGE, "outside": outside, "port": server.getsockname()[1]}
        for word, value in words.items():
            statements = statements.replace(f"{{{word}}}", str(value))
        tried = "got = False\ntry:\n" + "".join(f"    {line}\n" for line in statements.splitlines())
        code = f"{tried}except BaseException:\n    pass\nif got:\n    {RIGHT.replace(chr(10), chr(10) + '    ')}\n"
        return graded(sandbox, f"{code}else:\n    {WRONG.replace(chr(10), chr(10) + '    ')}")


@pytest.mark.parametrize("name", ALLOWED)
def test_what_an_answer_may_do_comes_through(sandbox, outside, name):
    row = attempt(sandbox, outside, ALLOWED[name])
    assert row.verdict.state == "right" and not row.note, row


@needs_walls
@pytest.mark.parametrize("name", ATTEMPTS)
def test_what_it_may_not_do_does_not(sandbox, outside, name):
    around = PACKAGE, outside
    before = fingerprint(*around)
    assert attempt(sandbox, outside, ATTEMPTS[name]).verdict.state == "wrong"
    assert fingerprint(*around) == before
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
if found:
    {right}
"""


@pytest.mark.skipif(not Path("/proc/self/mem").exists(), reason="there is no such file to search the memory with")
def test_no_solution_and_nothing_of_another_student_is_in_its_memory(sandbox):
    assert graded(sandbox, f"# the other one's secret 47110815\n{RIGHT}").verdict.state == "right"
    why, known = all_exercises()["3.2"].why[:40], "It knows no solution and no verdict"
    for text, state in ((known, "right"), (why, "open"), ("other one's secret 47110815", "open")):
        pattern = f"[{text[0]}]{re.escape(text[1:])}"  # which does not find itself
        code = SCAN.replace("{pattern}", pattern).replace("{right}", RIGHT.replace("\n", "\n    "))
        assert graded(sandbox, code).verdict.state == state, text


STOPPED = {
    "loop": ("while True:\n    pass", "took longer than 3 s"),
    "output": ("while True:\n    print('x' * 10**6)", "took longer than 3 s"),
    "exit": ("os._exit(0)", "ended its own process"),
    "raises": ("class Out(BaseException):\n    pass\nraise Out", "raised Out in line 3"),
    "no_python": ("def my_log_softmax(logits)\n    return 1", "Python cannot read line 1"),
    "memory": ("bomb = []\nwhile True:\n    bomb.append(bytes(10**8))", "needed more memory"),
    "tensor": ("bomb = torch.zeros(10**11)", "needed more memory"),
    "crash": ("import ctypes\nctypes.string_at(0)", "was ended by SIGSEGV"),
    "large_file": ("file = open('a', 'wb')\nwhile True:\n    file.write(bytes(10**6))", "File too large"),
    "many_files": ("for index in range(10**6):\n    open(str(index), 'w').close()", "wrote too many files"),
    "half": ("raise ValueError('\\ud800 <b>')", "? <b>"),
    "exits_later": ("def my_log_softmax(logits):\n    os._exit(0)", "ended its own process"),
    "many_words": ("def my_log_softmax(logits):\n    return ['x' * 1000] * 9000", "gave back more than 2 MB"),
    "long_words": ("def my_log_softmax(logits):\n    raise ValueError('\\ud800' + 'x' * 10**7)", "raised ValueError"),
    "numbers": ("def my_log_softmax(logits):\n    return torch.zeros(2_000_000)", "gave back more than 2 MB"),
}  # fmt: skip


@pytest.mark.parametrize("name", STOPPED)
def test_what_is_too_much_is_stopped_and_named(sandbox, name):
    code, words = STOPPED[name]
    row = graded(sandbox, code, seconds=3 if "3 s" in words else 20)
    assert row.verdict.state == "error" and words in f"{row.verdict.words} {row.note}" and len(row.verdict.words) < 2001


SWALLOWS = """import contextlib
class Swallows:
    __init__ = lambda self, *given, **more: None
    __enter__ = lambda self: self
    __exit__ = lambda self, *given: True
"""
SAYS = "def my_log_softmax(logits):\n    open('said.json', 'w').write({})\n    os._exit(0)"
FALSE = {  # wrong answers that change what runs them, or say something else than they hold
    "redirect": f"import contextlib\ncontextlib.redirect_stdout.__exit__ = lambda *given: True\n{RAISES}",
    "fork_rng": f"{SWALLOWS}torch.random.fork_rng = Swallows\n{RAISES}",
    "both": f"{SWALLOWS}torch.random.fork_rng = contextlib.redirect_stdout = Swallows\n{RAISES}",
    "allclose": f"torch.allclose = torch.equal = lambda *given, **more: True\n{WRONG}",
    "equal": f"torch.Tensor.__eq__ = torch.Tensor.__ne__ = lambda *given: True\n{WRONG}",
    "mode": "from torch.overrides import TorchFunctionMode\nclass Mode(TorchFunctionMode):\n"
            "    def __torch_function__(self, function, types, given=(), more=None):\n        return True\n"
            f"Mode().__enter__()\n{WRONG}",
    "library": "own = torch.library.Library('aten', 'IMPL')\n"
               f"own.impl('softmax.int', lambda *given: torch.zeros(1), 'CPU')\n{WRONG}",
    "run": f"from course_utils.exercises import running\nrunning.run = lambda *given: []\n{WRONG}",
    "judge": "from course_utils.exercises import judging\n"
             f"judging.judge = lambda *given, **more: judging.Verdict('right', '')\n{WRONG}",
    "dumps": f"import json\njson.dumps = lambda *given, **more: '[{{\"state\": \"right\", \"words\": \"\"}}]'\n{WRONG}",
    "base64": f"import base64\nbase64.b64encode = lambda *given: b''\n{WRONG}",
    "numel": f"torch.Tensor.numel = lambda self: 0\n{WRONG}",
    "isinstance": f"import builtins\nbuiltins.isinstance = lambda *given: True\n{WRONG}",
    "shape": "class Lies(torch.Tensor):\n    shape = torch.Size([2, 3])\n    numel = lambda self: 6\n"
             "def my_log_softmax(logits):\n    return torch.zeros(9).as_subclass(Lies)",
    "array": "class Lies:\n    shape, size, ndim = (2, 3), 6, 2\n    __array__ = lambda *given, **more: 3\n"
             "def my_log_softmax(logits):\n    return Lies()",
    "list": "class Lies(list):\n    __len__ = lambda self: 2\n    __iter__ = lambda self: iter([0, 0])\n"
            "def my_log_softmax(logits):\n    return Lies([Lies([1])])",
    "class": "class Lies:\n    __class__ = torch.Tensor\n    def __getattr__(self, name):\n        return self\n"
             "def my_log_softmax(logits):\n    return Lies()",
    "deep": "deep = []\nfor _ in range(900):\n    deep = [deep]\ndef my_log_softmax(logits):\n    return deep",
    "says_right": SAYS.format("""'{"state": "right", "words": ""}'"""),
    "says_nothing": SAYS.format("''"),
    "says_deep": SAYS.format("'[' * 10**6"),
    "says_much": SAYS.format("'[' + '1,' * 10**6 + '1]'"),
    "link": "os.symlink('/etc/passwd', 'said.json')\nos._exit(0)",
    "pipe": "os.mkfifo('said.json')\nos._exit(0)",
}  # fmt: skip


@pytest.mark.parametrize("name", FALSE)
def test_a_wrong_answer_cannot_find_itself_right(sandbox, name):
    assert graded(sandbox, FALSE[name]).verdict.state in ("wrong", "error")
    assert graded(sandbox, RIGHT).verdict.state == "right"


EXPECTED = all_exercises()["3.2"].expected
OUTCOMES = ["", "{", "{}", "3", "[]", "[1]", "null", "[" * 10**5, '[{"outcome": {}}]', '[{"outcome": []}]']
OUTCOMES += [encode(EXPECTED[0]), encode(EXPECTED[:3]), encode(EXPECTED * 2), encode([1] * len(EXPECTED))]
OUTCOMES += [encode([replace(outcome, changed=[99, "a"]) for outcome in EXPECTED])]
OUTCOMES += [
    encode([replace(outcome, value={kind: content}) for outcome in EXPECTED])
    for kind, content in [
        ("tensor", 3), ("tensor", ["float32", [-1], ""]), ("tensor", ["float32", [1e99], "AAAA"]),
        ("tensor", ["float32", [10**20], ""]), ("tensor", ["object", [1], "AAAAAAAAAAA="]),
        ("tensor", ["float32", [2], "AAAA"]), ("outcome", 3),
    ]
]  # fmt: skip
OUTCOMES += [encode([replace(outcome, value=7) for outcome in EXPECTED]).replace("7", "[" * 900 + "]" * 900)]
SAID = [None, 3, {}, {"state": "right", "words": ""}, {"state": "best", "words": ""}, {"state": "error", "words": 3}]
SAID += [{"state": ["right"], "words": ""}, {"outcomes": 3, "own": []}, {"outcomes": encode(EXPECTED)}]
SAID += [{"outcomes": outcomes, "own": []} for outcomes in OUTCOMES]
SAID += [{"outcomes": encode(EXPECTED), "own": own} for own in (3, [["right", ""]], [["best", ""]], [[]], "")]


@pytest.mark.parametrize("said", SAID, ids=range(len(SAID)))
def test_what_is_no_outcome_gets_no_point(said):
    class Says:
        def answer(self, job, seconds):
            return json.loads(json.dumps(said)), ""

    row = graded(Says(), RIGHT)
    assert row.verdict.state == "error" and row.note == grading.UNREADABLE


def test_who_changes_the_count_of_work_still_has_to_be_right(sandbox):
    assert graded(sandbox, LOOP.replace("_looped_ink", "my_ink"), "0.6").verdict.state == "wrong"


def test_its_processes_and_folders_end_with_it(tmp_path, monkeypatch):
    monkeypatch.setattr(walls.tempfile, "tempdir", str(tmp_path))
    with Sandbox(allowed=60) as started:
        started.ask("start", answers=[])
        process = started._process
        os.kill(process.pid, 9)
        with pytest.raises(walls.SandboxLost):
            started.ask("run", code="1", name="")
    assert process.returncode and not list(tmp_path.iterdir())
