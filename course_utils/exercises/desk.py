"""The verbs of a lesson's exercises: check, hint, solution, show_progress; and what they remember of this run."""

import html
import io
import linecache
import re
import textwrap
import traceback
from collections.abc import Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from functools import cache
from importlib import import_module

import torch
from IPython.display import display

from . import asking, packed
from .exercise import Exercise, Open, Wrong

LESSONS = range(8)
SIGNS = {"right": "✓", "wrong": "✗", "error": "✗", "open": "○"}
VERDICTS = {"right": "is right.", "wrong": "is not right yet.", "error": "stopped with an error.", "open": "is open."}
COLOURS = {"right": "#1A8A67", "wrong": "#C24A0A", "error": "#C24A0A", "open": "#808080"}


@dataclass(frozen=True)
class Reply:
    """What came of a check: `state` is right, wrong, error or open."""

    state: str
    words: str


@dataclass
class _Run:
    """What this run of a notebook remembers."""

    solutions: bool
    replies: dict[str, Reply]
    answers: dict[str, object]  # those found right
    hints: dict[str, int]


_run = _Run(False, {}, {}, {})


@cache
def all_exercises() -> Mapping[str, Exercise]:
    """Every exercise of the course, by its number."""
    lessons = [import_module(f"{__package__}.lesson_{number}").EXERCISES for number in LESSONS]
    return {exercise.number: exercise for exercises in lessons for exercise in exercises}


def start_exercises(lesson: int, *, solutions: bool = False) -> None:
    """Begin a lesson's exercises anew. With `solutions`, the course answers those that are still open."""
    global _run
    _run = _Run(solutions, {}, {}, {})
    words = "Those left open are answered by the course." if solutions else "Answer them in any order, or none."
    print(f"{len(_of_lesson(lesson))} exercises in this lesson. {words}")


def check(number: str, answer, **given) -> None:
    """Check an answer and say what came of it. `given` hands on what the lesson measured, where a check needs it."""
    exercise = _find(number)
    if exercise is None:
        return
    reply = judge(exercise, answer, given)
    _run.answers.pop(exercise.number, None)
    if reply.state == "right":
        _run.answers[exercise.number] = answer
    if reply.state == "open" and _run.solutions:
        reply = judge(exercise, exercise.reference, given, by_course=True)
        solution(number)
    _run.replies[exercise.number] = reply
    _show(f"{SIGNS[reply.state]} {exercise.number} {VERDICTS[reply.state]}", reply.words, reply.state)


def judge(exercise: Exercise, answer, given: Mapping | None = None, *, by_course: bool = False) -> Reply:
    """Check an answer without saying or remembering anything. torch's random numbers go on as if nothing had run."""
    if callable(answer) and answer is exercise.reference and not by_course:
        return Reply("open", "This is the course's own answer. Run the cell with yours, then check again.")
    printed = _Printed()
    try:
        with torch.random.fork_rng(devices=[]), redirect_stdout(printed):
            exercise.check(answer, **(given or {}))
    except Open as stub:
        reply = Reply("open", f"{stub} Replace the `...` and run the cell again.".strip())
    except Wrong as wrong:
        reply = Reply("wrong", str(wrong))
        if str(wrong) == asking.NOTHING and printed.getvalue():
            reply = Reply(
                "wrong", "Your function prints its result and gives back nothing. Write `return` for `print`."
            )
    except KeyboardInterrupt as error:
        words = f"You stopped it{_place(error)}. If it took more than a moment, look for a loop that never ends."
        reply = Reply("error", words)
    except (Exception, SystemExit) as error:
        if "ellipsis" in str(error):
            reply = Reply("open", f"There is still a `...`{_place(error)}.")
        else:
            reply = Reply("error", f"Your code raised {type(error).__name__}{_place(error)}. It says: {_first(error)}")
    else:
        reply = Reply("right", f"Answered by the course. {exercise.why}" if by_course else exercise.why)
    if printed.getvalue():
        reply = Reply(reply.state, f"{reply.words} (It also printed: {_shortened(printed.getvalue())})")
    return reply


class _Printed(io.StringIO):
    """What a student's function prints, up to a thousand characters."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, 1000 - self.tell())])
        return len(text)


def _shortened(text: str) -> str:
    return textwrap.shorten(text, 120, placeholder=" …")


def _first(error: BaseException) -> str:
    return _shortened(str(error)) or "nothing more."


def _place(error: BaseException) -> str:
    """The line of the student's code where an error arose, and what stands there."""
    frames = traceback.extract_tb(error.__traceback__)
    asked = [index for index, frame in enumerate(frames) if frame.filename == asking.__file__]
    own = [frame for frame in frames[asked[-1] + 1 :] if "site-packages" not in frame.filename] if asked else []
    own = [frame for frame in own if frame.filename == own[0].filename]
    if not own or not linecache.getline(own[-1].filename, own[-1].lineno):
        return ""
    return f" in line {own[-1].lineno}: `{own[-1].line}`"


def hint(number: str) -> None:
    """Show one more hint each time."""
    exercise = _find(number)
    if exercise is None:
        return
    given = min(_run.hints.get(exercise.number, 0) + 1, len(exercise.hints))
    _run.hints[exercise.number] = given
    last = " That was the last one." if given == len(exercise.hints) else " Run it again for the next."
    words = " ".join(f"({index}) {text}" for index, text in enumerate(exercise.hints[:given], start=1))
    _show(f"{exercise.number}, {given} of {len(exercise.hints)} hints.", words + last, "open")


def solution(number: str) -> None:
    """Show the course's own answer, and why it is right."""
    exercise = _find(number)
    if exercise is not None and packed.closed:
        _show(f"{number}:", "this copy of the course holds no solutions to show. Your instructor has them.", "open")
    elif exercise is not None:
        text = f"**{exercise.number}, the course's answer**\n\n```python\n{exercise.code}\n```\n\n{exercise.why}"
        plain = f"{exercise.number}, the course's answer:\n\n{exercise.code}\n\n{textwrap.fill(exercise.why, 88)}"
        display({"text/markdown": text, "text/plain": plain}, raw=True)


def mine_or_reference(number: str, mine):
    """A student's answer where its check found it right in this run, else the course's; it says which."""
    exercise = _find(number)
    if number in _run.answers and _run.answers[number] is mine and mine is not ...:
        _show(f"{number}:", f"the lesson goes on with your `{exercise.name}`.", "right")
        return mine
    shown = "." if packed.closed else f', which `solution("{number}")` shows.'
    words = f"the lesson goes on with the course's own answer{shown}"
    _show(f"{number}:", words, "open")
    return exercise.reference


def show_progress(lesson: int) -> None:
    """What was checked in this run: each exercise of the lesson, and how it stands."""
    exercises = _of_lesson(lesson)
    replies = {exercise.number: _run.replies.get(exercise.number, Reply("open", "")) for exercise in exercises}
    states = [reply.state for reply in replies.values()]
    answered = len(states) - states.count("open")
    headline = f"Lesson {lesson}: {answered} of {len(states)} answered, {states.count('right')} right."
    helped = sum(reply.words.startswith("Answered by the course") for reply in replies.values())
    headline += f" {helped} answered by the course." if helped else ""
    rows = [f"{SIGNS[replies[exercise.number].state]} {exercise.number}  {exercise.title}" for exercise in exercises]
    items = "".join(f"<br>{html.escape(row)}" for row in rows)
    display({"text/html": f"<b>{headline}</b>{items}", "text/plain": "\n".join([headline, *rows])}, raw=True)


def _of_lesson(lesson: int) -> list[Exercise]:
    return [exercise for exercise in all_exercises().values() if exercise.lesson == lesson]


def _find(number: str) -> Exercise | None:
    """The exercise of that number; where there is none, say which there are."""
    exercises = all_exercises()
    if str(number) not in exercises:
        lesson = [one for one in exercises if one.split(".")[0] == str(number).split(".")[0]]
        _show(f"There is no exercise {number}.", f"There are {', '.join(lesson or exercises)}.", "wrong")
    return exercises.get(str(number))


def _show(headline: str, words: str, state: str) -> None:
    marked = re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(words, quote=False))
    style = f"border-left: 4px solid {COLOURS[state]}; padding: 0.3em 0.8em; max-width: 46em"
    box = f'<div role="status" style="{style}"><b>{html.escape(headline)}</b> {marked}</div>'
    display({"text/html": box, "text/plain": textwrap.fill(f"{headline} {words}", 88)}, raw=True)
