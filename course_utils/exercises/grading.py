"""Judges students' answers inside a pristine lesson: `course grade` starts it as a process of its own.

A job comes on stdin as JSON, and each verdict leaves on stdout as a line of JSON. This process runs the course's cells
and none of a student's. At each exercise it forks for each student in turn: the child runs that student's answer in
the lesson as it stands, writes what it gave to a pipe that only these two know, and ends. This process reads that as
plain values, whatever it is, and judges it. What an answer does to Python or to the lesson ends with its child.
"""

import ast
import copy
import errno
import json
import linecache
import os
import random
import secrets
import selectors
import shutil
import signal
import sys
import tempfile
import time
import traceback
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy
import psutil
import torch

from . import guard
from .desk import SIGNS, all_exercises
from .exercise import Exercise
from .judging import judge
from .running import decode, encode, run

NOTEBOOK_SHARE = 5  # a notebook's answers together may take so many times what one may
LONGEST = 2000  # characters of a verdict's words
NO_MEMORY = (
    "raised MemoryError",
    "with MemoryError",
    "can't allocate memory",
    "not enough memory",
    "Cannot allocate memory",
)
OVER_MEMORY = "needed more memory than it may have"
UNREADABLE = "gave back what nobody can judge"


@dataclass
class Student:
    """A returned notebook: its answers by number, the sound ones among those judged so far, and the seconds used."""

    file: str
    answers: Mapping[str, str]
    sound: dict[str, str] = field(default_factory=dict)
    seconds: float = 0.0


def grade(job: Mapping, tell: Callable[[dict], None]) -> None:
    """Run the lesson, and `tell` what came of each answer."""
    try:
        hidden = read_checks(job["checks"])
    except ValueError as fault:
        tell({"fault": str(fault)})
        return
    checks = {number: [check.__name__ for check in found] for number, found in hidden.items()}
    tell({"unlimited": guard.unlimited(), "checks": checks})
    students = [Student(student["file"], student["answers"]) for student in job["students"]]
    limits = guard.Limits(job["seconds"])
    readable = guard.readable_paths()
    main = sys.modules["__main__"] = types.ModuleType("__main__")
    for index, cell in enumerate(job["cells"], start=1):
        if cell["exercise"]:
            exercise = all_exercises()[cell["exercise"]]
            given = {name: eval(value, main.__dict__) for name, value in _given(cell["source"]).items()}
            question = Question(exercise, exercise.name, given, hidden.get(exercise.number, []))
            question.prepare()
            for student in students:
                if exercise.number in student.answers:
                    verdict = _verdict(student, question, main.__dict__, limits, readable)
                    tell({"file": student.file, "exercise": exercise.number, **verdict})
        try:
            run_code(cell["source"], f"<lesson cell {index}>", main.__dict__)
        except Exception as error:
            tell({"failure": f"the lesson itself failed in code cell {index}: {type(error).__name__}: {error}"})
            return
        if "matplotlib.pyplot" in sys.modules:
            sys.modules["matplotlib.pyplot"].close("all")
    tell({"done": True})


def read_checks(source: str | None) -> dict[str, list[Callable]]:
    """The instructor's own checks, by exercise. Raises ValueError where the file does not hold them as it should."""
    if source is None:
        return {}
    namespace = {"__name__": "checks"}
    try:
        run_code(source, "<checks>", namespace)
        checks = {str(number): list(found) for number, found in namespace["CHECKS"].items()}
    except KeyError:
        raise ValueError('it sets no CHECKS, such as CHECKS = {"3.4": [my_check]}') from None
    except Exception as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    for number, found in checks.items():
        if number not in all_exercises():
            raise ValueError(f"there is no exercise {number}")
        if not all(hasattr(check, "__name__") for check in found):
            raise ValueError(f"CHECKS[{number!r}] is to be a list of functions")
    return checks


def run_code(source: str, filename: str, namespace: dict) -> None:
    """Run a cell so that errors can show its lines."""
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    exec(compile(source, filename, "exec", dont_inherit=True), namespace)


def _given(source: str) -> dict[str, str]:
    """The keywords of the lesson's own check line, each with the code of its value."""
    for statement in ast.parse(source).body:
        call = getattr(statement, "value", None)
        if isinstance(call, ast.Call) and getattr(call.func, "id", None) == "check":
            return {keyword.arg: ast.unparse(keyword.value) for keyword in call.keywords}
    return {}


def needed_before(code: str, earlier: Mapping[str, str]) -> list[str]:
    """The earlier answers that set a name which this one uses, or which one of those uses, in the lesson's order."""
    needed, before = _names(code, ast.Load), []
    for other in reversed(earlier.values()):
        if needed & _names(other, ast.Store):
            before.insert(0, other)
            needed |= _names(other, ast.Load)
    return before


def _names(code: str, context: type) -> set[str]:
    try:
        nodes = list(ast.walk(ast.parse(code)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, context)}
    if context is ast.Store:
        names |= {node.name for node in nodes if isinstance(node, ast.FunctionDef | ast.ClassDef)}
        names |= {(node.asname or node.name).split(".")[0] for node in nodes if isinstance(node, ast.alias)}
    return names


# One answer: run in a child, judged here ------------------------------------------------------------------------------


@dataclass(frozen=True)
class Question:
    """An exercise as the lesson asks it: its answer's name, what its check is given, and the hidden checks."""

    exercise: Exercise
    name: str
    given: Mapping[str, object]
    hidden: list[Callable]

    def prepare(self) -> None:
        """Make what a child can no longer read, and let Python import here, once, what an answer of its kind needs."""
        _ = self.exercise.expected

    def ask(self, code: str, before: list[str], namespace: dict, changed: Callable[[], list[str]], report) -> dict:
        """In a child: run an answer, after the earlier ones that it needs, and say what it gave."""
        given = copy.deepcopy(self.given)
        if stopped := self._run(code, before, namespace, report):
            return stopped
        _seed()
        answer = namespace[self.name]
        outcomes = run(answer, self.exercise.inputs_of(given), self.exercise.use)
        hidden = [_hidden_verdict(check, answer) for check in self.hidden]
        for name in changed():
            report(f"changed {name}")
        return {"outcomes": encode(outcomes), "hidden": hidden}

    def _run(self, code: str, before: list[str], namespace: dict, report) -> dict | None:
        """Run the answer's cell; say why where that is as far as it goes."""
        filename = f"<answer to {self.exercise.number}>"
        namespace.pop(self.name, None)
        try:
            for note in guard.suspicions(code):
                report(note)
            for earlier in before:
                run_code(earlier, "<earlier answer>", namespace)
            _seed()
            run_code(code, filename, namespace)
        except SyntaxError as error:
            return _stopped("error", f"Python cannot read line {error.lineno}: {error.msg}.")
        except BaseException as error:
            if isinstance(error, OSError) and error.errno == errno.EFBIG:
                report(guard.TOO_LARGE)
            lines = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename == filename]
            place = f" in line {lines[-1].lineno}: `{lines[-1].line}`" if lines else ""
            what = f"Its cell raised {type(error).__name__}{place}."
            return _stopped("error", f"{what} It says: {' '.join(str(error).split())[:200] or 'nothing more.'}")
        if self.name not in namespace:
            return _stopped("open", f"Its cell sets no `{self.name}`.")
        return None

    def judge(self, said: Mapping) -> dict:
        """The verdict on what a child said: state, words, hidden checks. Raises anything where nobody can judge it."""
        if "outcomes" in said:
            verdict = judge(self.exercise, decode(said["outcomes"]), **self.given)
            state, words = verdict.state, verdict.words
        else:
            state, words = said["state"], said["words"]
            if state == "right":
                raise ValueError("no answer finds itself right")
        hidden = zip(self.hidden, said["hidden"], strict=True) if state == "right" else []
        hidden = [{"check": check.__name__, **_told(*one)} for check, one in hidden]
        return _told(state, words) | {"hidden": hidden}


def _told(state: str, words: str) -> dict:
    """A state and its words, as every file can hold them. Raises ValueError where these are none."""
    if state not in SIGNS or not isinstance(words, str):
        raise ValueError("no state and words")
    return {"state": state, "words": _printable(words[:LONGEST])}


def _stopped(state: str, words: str) -> dict:
    return _told(state, words) | {"hidden": []}


def _seed() -> None:
    random.seed(0)
    numpy.random.seed(0)
    torch.manual_seed(0)


def _hidden_verdict(check: Callable, answer) -> tuple[str, str]:
    _seed()
    try:
        check(answer)
    except (AssertionError, ValueError) as wrong:
        state, words = "wrong", str(wrong) or "It says nothing more."
    except (Exception, SystemExit) as error:
        state, words = "error", f"It raised {type(error).__name__}: {error}"
    else:
        state, words = "right", ""
    return state, words[:LONGEST]


def _verdict(student: Student, question: Question, namespace: dict, limits: guard.Limits, readable: list[Path]) -> dict:
    """Judge a student's answer in a child, and remember what that took."""
    if student.seconds > NOTEBOOK_SHARE * limits.seconds:
        note = f"used up the {NOTEBOOK_SHARE * limits.seconds:g} s that a notebook has"
        return _stopped("error", f"It was not run: the notebook {note}.") | {"notes": [note]}
    code = student.answers[question.exercise.number]
    before = needed_before(code, student.sound)
    begun = time.monotonic()
    said, notes = _in_a_child(partial(question.ask, code, before, namespace), namespace, limits, readable)
    verdict = _stopped("error", f"It was stopped, since it {' and '.join(notes)}.")
    if said is not None:
        try:
            verdict = question.judge(said)
        except Exception:  # a child can say anything
            notes.append(UNREADABLE)
            verdict = _stopped("error", f"It does not count, since it {UNREADABLE}.")
    student.seconds += time.monotonic() - begun
    if verdict["state"] == "error" and any(words in verdict["words"] for words in NO_MEMORY):
        notes.append(OVER_MEMORY)
    if notes and verdict["state"] == "right":
        verdict = _stopped("error", f"It does not count, since it {' and '.join(notes)}.")
    if verdict["state"] in ("right", "wrong") and not notes:
        student.sound[question.exercise.number] = code
    return verdict | {"notes": notes}


def _in_a_child(
    ask: Callable, namespace: dict, limits: guard.Limits, readable: list[Path]
) -> tuple[dict | None, list[str]]:
    """What a child said of an answer, None where it could not, and notes of what it tried and why it was ended."""
    token = secrets.token_hex(16).encode()
    verdicts, prints = os.pipe(), os.pipe()
    scratch = Path(tempfile.mkdtemp(prefix="answer-")).resolve()
    child = os.fork()
    if child == 0:
        _child(ask, namespace, limits, readable, scratch, token, verdicts[1], prints[1])
    try:
        os.close(verdicts[1])
        os.close(prints[1])
        return _listen(child, token, verdicts[0], prints[0], limits)
    finally:
        os.close(verdicts[0])
        os.close(prints[0])
        _end_children()
        shutil.rmtree(scratch, ignore_errors=True)


def _child(ask, namespace, limits, readable, scratch, token, verdicts, prints) -> None:
    """Run an answer behind walls, write what came of it, and end."""
    write, spell, leave = os.write, ascii, os._exit

    def report(message: str | dict) -> None:
        write(3, b"\n" + token + spell(message).encode() + b"\n")

    try:
        os.setsid()
        for pipe, stream in ((prints, 1), (prints, 2), (verdicts, 3)):
            os.dup2(pipe, stream)
        os.closerange(4, 4096)
        os.chdir(scratch)
        os.environ |= dict.fromkeys(("HOME", "TMPDIR", "MPLCONFIGDIR"), str(scratch))
        tempfile.tempdir = str(scratch)
        guard.set_limits(limits)
        guard.build_walls(readable, scratch)
        changed = guard.remember_tools()
        guard.hide_exercises(namespace, report)
        guard.start_watch(scratch, readable, limits, report)
        report(ask(changed, report))
    except BaseException as error:
        report(_stopped("error", f"It ended with {type(error).__name__}: {error}"))
    finally:
        leave(0)


def _end_children() -> None:
    """End what an answer left running; Linux hands such processes to this one."""
    for process in psutil.Process().children(recursive=True):
        process.kill()
    try:
        while True:
            os.waitpid(-1, 0)
    except ChildProcessError:
        return


# What comes of a child ------------------------------------------------------------------------------------------------


def _listen(
    child: int, token: bytes, verdicts: int, prints: int, limits: guard.Limits
) -> tuple[dict | None, list[str]]:
    """Wait for a child, up to its limits, and read what it wrote."""
    notes, received, printed = [], b"", 0
    deadline = time.monotonic() + limits.seconds
    with selectors.DefaultSelector() as selector:
        for pipe in (verdicts, prints):
            os.set_blocking(pipe, False)
            selector.register(pipe, selectors.EVENT_READ)
        status = None
        while status is None or selector.get_map():
            status = _ended(child) if status is None else status
            ready = selector.select(0.01)
            for key, _ in ready:
                text = os.read(key.fd, 65536)
                if not text:
                    selector.unregister(key.fd)
                elif key.fd == verdicts:
                    received += text
                else:
                    printed += len(text)
            if printed > limits.printed:
                notes.append(f"printed more than {limits.printed // 2**20} MB")
                break
            if len(received) > limits.given_back:
                notes.append(f"gave back more than {limits.given_back // 2**20} MB")
                break
            if time.monotonic() > deadline:
                notes.append(f"took longer than {limits.seconds:g} s")
                break
            if status is not None and not ready:
                break
    if status is None:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
    return _read(received, token, notes, status)


def _ended(child: int) -> int | None:
    process, status = os.waitpid(child, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if process else None


def _read(received: bytes, token: bytes, notes: list[str], status: int | None) -> tuple[dict | None, list[str]]:
    *lines, rest = received.split(b"\n")
    lines += [] if rest.startswith(token) else [rest]  # a message that was not written whole is none
    lines = [line for line in lines if line]
    messages = [_message(line.removeprefix(token)) for line in lines if line.startswith(token)]
    tried = [message for message in messages if isinstance(message, str)]
    said = next((message for message in messages if isinstance(message, dict)), None)
    if not all(line.startswith(token) for line in lines):
        tried.append("tried to write a verdict of its own")
    if status is not None and said is None:
        notes = [*notes, f"was ended by {signal.Signals(-status).name}" if status < 0 else "ended its own process"]
    return said, list(dict.fromkeys([*tried, *notes]))


def _message(line: bytes) -> str | dict:
    """A note, or what came of an answer."""
    try:
        message = ast.literal_eval(line.decode())
    except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError):
        return UNREADABLE
    if isinstance(message, str):
        return _printable(message[:LONGEST])
    return message if isinstance(message, dict) else UNREADABLE


def _printable(text: str) -> str:
    """A text without halves of characters, which no file can hold."""
    return text.encode("utf-8", "replace").decode()


def main() -> None:
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")

    def tell(message: dict) -> None:
        out.write(json.dumps(message) + "\n")
        out.flush()

    job = json.load(sys.stdin.buffer)
    nothing = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1):
        os.dup2(nothing, stream)
    sys.dont_write_bytecode = True
    torch.set_num_threads(1)
    guard.adopt_orphans()
    grade(job, tell)


if __name__ == "__main__":
    main()
