"""Runs students' answers behind walls: a process that knows the lesson, and a copy of it for each answer.

A `Sandbox` starts this module as a process of its own. It runs the lesson's cells, holds no exercise and no solution,
and reads nothing of a student's. For each answer it forks: the copy reads the answer from a folder, runs it behind
walls, and leaves plain values there as JSON. They are judged where the sandbox is not.
"""

import ast
import contextlib
import json
import linecache
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
import types
from collections.abc import Mapping, Sequence
from functools import lru_cache
from pathlib import Path

import numpy
import torch

from course_utils import exercises
from course_utils.exercises.running import decode, encode, plain, run, text_of
from course_utils.instructor.walls import PACKAGE, build_walls, end_with_parent, readable_paths, unlimited

ENVIRONMENT = {"PYTHONDONTWRITEBYTECODE": "1", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg",
               "OPENBLAS_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}  # fmt: skip
CLEAN = 'read -r line && exit; kill -9 "$1"; rm -rf "$2"; sleep 0.2; rm -rf "$2"'
ERRORS, JOB, SAID = "errors", "job.json", "said.json"  # files: of the process, and in the folder of an answer
DEFINES = ("def ", "class ", "import ", "from ", "@")  # what of a student's own cells wins over the lesson's names
FILES, WRITTEN, GIVEN_BACK = 100, 100 * 2**20, 2 * 2**20  # what an answer may write, and say for itself


class SandboxLost(Exception):
    """The sandbox's own process ended; why."""


# Outside of it --------------------------------------------------------------------------------------------------------


class Sandbox(contextlib.ExitStack):
    """A lesson in a process of its own, to be used in a `with` statement; `allowed` are the seconds it may last."""

    def __init__(self, allowed: float):
        super().__init__()
        self._folder = self.enter_context(tempfile.TemporaryDirectory(prefix="sandbox-", ignore_cleanup_errors=True))
        kept = {name: os.environ[name] for name in ("COURSE_DATA", "HOME", "LANG", "PATH") if name in os.environ}
        environment = ENVIRONMENT | kept | {"PYTHONPATH": str(PACKAGE.parent), "TMPDIR": self._folder}
        with open(Path(self._folder, ERRORS), "wb") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", __name__], cwd=self._folder, env=environment,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors,
            )  # fmt: skip
        # ends when this process does, whatever ended that: `read` comes back when nobody holds its input any more
        janitor = subprocess.Popen(
            ["/bin/sh", "-c", CLEAN, "sh", str(self._process.pid), self._folder], stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )  # fmt: skip
        alarm = threading.Timer(allowed, self._process.kill)
        alarm.daemon = True
        alarm.start()
        # the last of them is called first
        for close in (
            lambda: janitor.communicate(b"done\n"),
            self._process.communicate,
            self._process.kill,
            alarm.cancel,
        ):
            self.callback(close)

    def ask(self, verb: str, **arguments: object) -> object:
        """Have the process do what the verb of `_Lesson` says. Raises SandboxLost where it does not reply."""
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps([verb, arguments]).encode() + b"\n")
            self._process.stdin.flush()
        if reply := self._process.stdout.readline():
            return json.loads(reply)
        code = self._process.wait()
        lines = Path(self._folder, ERRORS).read_text(errors="replace").strip().splitlines()
        raise SandboxLost(lines[-1] if lines else f"exit code {code}")

    def answer(self, job: Mapping, seconds: float) -> tuple[object, str]:
        """What an answer says for itself, whatever that is; and why it was stopped, empty where it was not."""
        folder = Path(tempfile.mkdtemp(prefix="answer-", dir=self._folder))
        try:
            (folder / JOB).write_text(json.dumps(job), encoding="utf-8")
            if stopped := self.ask("answer", folder=str(folder), seconds=seconds):
                return None, stopped
            said = folder / SAID  # nothing in it can be trusted, and it may be no file
            if said.is_symlink() or not said.is_file():
                return None, "ended its own process"
            if said.stat().st_size > GIVEN_BACK:
                return None, f"gave back more than {GIVEN_BACK // 2**20} MB"
            with contextlib.suppress(ValueError, RecursionError):
                return json.loads(said.read_bytes()), ""
            return None, ""
        finally:
            shutil.rmtree(folder, ignore_errors=True)


# The process of the lesson --------------------------------------------------------------------------------------------


class _Lesson:
    """The lesson's names, and the verbs that a `Sandbox` asks for."""

    def __init__(self):
        sys.modules["__main__"] = types.ModuleType("__main__")
        self.names = vars(sys.modules["__main__"])
        self.readable = readable_paths()
        for verb in exercises.__all__:  # which say nothing here
            setattr(exercises, verb, lambda *arguments, **keywords: None)
        exercises.mine_or_reference = _nobodys

    def start(self, answers: Sequence[str]) -> list[str]:
        """Begin a lesson in which these names are set by answers; what the system does not limit, in words."""
        self.absent, self.whole = {"mine_or_reference", *answers}, True
        return unlimited()

    def run(self, code: str, name: str) -> tuple[list[str], str]:
        """Run a cell: the statements left out, since they need what only an answer gives; and what failed, if anything.

        After the first that was left out, others may fail in its wake, and are left out too.
        """
        linecache.cache[name] = (len(code), None, code.splitlines(keepends=True), name)
        left_out = []
        for statement in ast.parse(code).body:
            try:
                exec(compile(ast.Module([statement], []), name, "exec", dont_inherit=True), self.names)
            except Exception as error:
                if self.whole and getattr(error, "name", None) not in self.absent:
                    return left_out, f"{type(error).__name__}: {error}"
                self.whole = False
                left_out.append(ast.unparse(statement))
                for stored in names_in(statement)[1]:
                    self.names.pop(stored, None)
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
        return left_out, ""

    def values(self, expressions: Mapping[str, str]) -> str:
        """What expressions give in the lesson as it stands, encoded."""
        return encode({name: plain(eval(value, self.names)) for name, value in expressions.items()})

    def answer(self, folder: str, seconds: float) -> str:
        """Have a copy of this process run the answer in that folder; why it was stopped, empty where it was not."""
        deadline = time.monotonic() + seconds
        here = os.getpid()
        if (child := os.fork()) == 0:
            end_with_parent(here)
            _run_and_leave(Path(folder), seconds, self)
        while not (ended := os.waitpid(child, os.WNOHANG))[0]:
            late, full = time.monotonic() > deadline, _holds_much(folder)
            if late or full:
                os.kill(child, signal.SIGKILL)
                os.waitpid(child, 0)
                return f"took longer than {seconds:g} s" if late else "wrote too many files"
            time.sleep(0.005)
        code = os.waitstatus_to_exitcode(ended[1])
        return f"was ended by {signal.Signals(-code).name}" if code < 0 else ""


def _holds_much(folder: str) -> bool:
    sizes = []
    with contextlib.suppress(OSError):  # a file that is gone meanwhile
        sizes += (entry.stat(follow_symlinks=False).st_size for entry in os.scandir(folder))
    return len(sizes) > FILES or sum(sizes) > WRITTEN


def _nobodys(number: str, mine: object) -> None:
    raise NameError("nobody's answer is here", name="mine_or_reference")


@lru_cache(maxsize=4096)
def names_in(code: str | ast.AST) -> tuple[frozenset[str], frozenset[str]]:
    """The names that code uses and does not set, and those that it sets; none where it is no Python."""
    try:
        nodes = list(ast.walk(ast.parse(code) if isinstance(code, str) else code))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return frozenset(), frozenset()
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    stored = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    stored |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
    stored |= {(node.asname or node.name).split(".")[0] for node in nodes if isinstance(node, ast.alias)}
    return frozenset(used - stored), frozenset(stored)


# One answer, in a process of its own ----------------------------------------------------------------------------------


def _run_and_leave(folder: Path, seconds: float, lesson: _Lesson) -> None:
    """Build the walls, run the answer in that folder, leave there what it says for itself, and end this process."""
    try:
        os.setsid()
        os.dup2(0, 2)  # nothing, like standard input and output
        os.closerange(3, 4096)
        os.chdir(folder)
        job = json.loads(Path(JOB).read_text(encoding="utf-8"))
        os.environ |= dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR", "TORCHINDUCTOR_CACHE_DIR"), str(folder))
        tempfile.tempdir = str(folder)
        build_walls(seconds, lesson.readable, folder)
        said = _respond(job, lesson.names)
    except BaseException as error:
        said = {"state": "error", "words": f"It ended with {type(error).__name__}: {text_of(error)}"}
    try:
        Path(SAID).write_text(json.dumps(said), encoding="utf-8")
    finally:
        os._exit(0)


def _respond(job: Mapping, namespace: dict) -> dict:
    """Run an answer after the code that it needs, on its inputs, and put the instructor's own checks to it."""
    for name in (job["name"], *job["withheld"]):
        namespace.pop(name, None)
    namespace["mine_or_reference"] = lambda number, mine: mine
    for place, code in enumerate(job["helpers"]):
        sets = names_in(code)[1]
        if job["name"] not in sets and (code.startswith(DEFINES) or not sets <= namespace.keys()):
            with contextlib.suppress(Exception):
                _run(code, f"<helper {place}>", namespace)
    for place, code in enumerate(job["before"]):
        with contextlib.suppress(Exception):
            _run(code, f"<earlier {place}>", namespace)
    try:
        _run(job["code"], "<answer>", namespace)
    except SyntaxError as error:
        return {"state": "error", "words": f"Python cannot read line {error.lineno}: {error.msg}."}
    except BaseException as error:
        lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == "<answer>"]
        place = f" in line {lines[-1].lineno}: `{lines[-1].line}`" if lines else ""
        says = " ".join(text_of(error).split())[:200] or "nothing more."
        return {"state": "error", "words": f"Its cell raised {type(error).__name__}{place}. It says: {says}"}
    if job["name"] not in namespace:
        return {"state": "open", "words": f"Its cell sets no `{job['name']}`."}
    answer = namespace[job["name"]]
    _seed()
    outcomes = run(answer, decode(job["inputs"]), job["use"])
    return {"outcomes": encode(outcomes), "own": [_own_check(job, place, answer) for place in range(job["own"])]}


def _own_check(job: Mapping, place: int, answer: object) -> tuple[str, str]:
    """State and words from one of the instructor's own checks."""
    namespace = {"__name__": "checks"}
    try:
        _run(job["checks"], "<checks>", namespace)
        {str(number): checks for number, checks in namespace["CHECKS"].items()}[job["number"]][place](answer)
    except (AssertionError, ValueError) as wrong:
        return "wrong", text_of(wrong) or "It says nothing more."
    except (Exception, SystemExit) as error:
        return "error", f"It raised {type(error).__name__}: {text_of(error)}"
    return "right", ""


def _run(code: str, filename: str, namespace: dict) -> None:
    """Run code, whose lines a traceback can then show, from the same random numbers on each time."""
    linecache.cache[filename] = (len(code), None, code.splitlines(keepends=True), filename)
    _seed()
    exec(compile(code, filename, "exec", dont_inherit=True), namespace)


def _seed() -> None:
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)


def _import_what_comes_late() -> None:
    """Have torch and matplotlib import what they import at first use: it starts threads or makes folders."""
    import matplotlib.pyplot  # noqa: F401

    weight = torch.zeros(1, requires_grad=True)
    weight.sum().backward()
    torch.optim.SGD([weight], lr=1).step()


def main() -> None:
    """Do what a `Sandbox` asks on standard input, a line of JSON each, and reply on standard output."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDWR), 0)
    os.dup2(0, 1)
    end_with_parent()
    _import_what_comes_late()
    torch.compile = lambda model=None, **settings: model or (lambda model: model)  # a compiler is a program
    lesson = _Lesson()
    for line in requests:
        verb, arguments = json.loads(line)
        replies.write(json.dumps(getattr(lesson, verb)(**arguments)).encode() + b"\n")
        replies.flush()


if __name__ == "__main__":
    main()
