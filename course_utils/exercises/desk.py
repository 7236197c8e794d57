"""The verbs of a lesson's exercises: check, hint, solution, show_progress; and what they remember of this run."""

import html
import inspect
import re
import textwrap
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cache, wraps
from importlib import import_module
from pathlib import Path

import numpy as np
import torch
from IPython.display import display
from torch import Tensor

from .. import progress
from . import packed
from .exercise import Exercise
from .judging import Verdict, judge
from .running import Other, plain, run

LESSONS = sorted(int(file.stem.removeprefix("lesson_")) for file in Path(__file__).parent.glob("lesson_*.py"))
SIGNS = {"right": "✓", "wrong": "✗", "error": "✗", "open": "○"}
VERDICTS = {"right": "is right.", "wrong": "is not right yet.", "error": "stopped with an error.", "open": "is open."}
COLOURS = {"right": "#1A8A67", "wrong": "#C24A0A", "error": "#C24A0A", "open": "#808080"}


@dataclass
class _Run:
    """What this run of a notebook remembers, by exercise."""

    solutions: bool = False
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    answers: dict[str, object] = field(default_factory=dict)  # those found right
    hints: Counter = field(default_factory=Counter)
    tries: Counter = field(default_factory=Counter)  # wrong answers so far


_run = _Run()


@cache
def lesson_exercises(lesson: int) -> Mapping[str, Exercise]:
    """A lesson's exercises, by their numbers. No other lesson's are imported."""
    exercises = import_module(f"{__package__}.lesson_{lesson}").EXERCISES
    return {exercise.number: exercise for exercise in exercises}


def all_exercises() -> Mapping[str, Exercise]:
    """Every exercise of the course, by its number."""
    return {number: exercise for lesson in LESSONS for number, exercise in lesson_exercises(lesson).items()}


def start_exercises(lesson: int, *, solutions: bool = False) -> None:
    """Begin a lesson's exercises anew. With `solutions`, the course answers those that are still open."""
    global _run
    _run = _Run(solutions)
    words = "Those left open are answered by the course." if solutions else "Answer them in any order, or none."
    print(f"{len(lesson_exercises(lesson))} exercises in this lesson. {words}")


def check(number: str, answer: object, **given: object) -> None:
    """Check an answer and say what came of it. `given` hands on what the lesson measured, where a check needs it."""
    if (exercise := _find(number)) is None:
        return
    verdict = verdict_on(exercise, answer, tries=_run.tries[number], **given)
    _run.answers.pop(number, None)
    if verdict.state == "right":
        _run.answers[number] = answer
    _run.tries[number] += verdict.state == "wrong"
    if verdict.state == "open" and _run.solutions:
        verdict = verdict_on(exercise, exercise.reference, by_course=True, **given)
        solution(number)
    _run.verdicts[number] = verdict
    _show(f"{SIGNS[verdict.state]} {number} {VERDICTS[verdict.state]}", verdict.words, verdict.state)
    if progress.somebody_is_there():
        _note(number, verdict)
        _show_buttons(exercise)


def _note(number: str, verdict: Verdict) -> None:
    """Keep how an exercise stands. One that was right once stays so, and no more tries are counted."""
    earlier = progress.noted("answers").get(number, {"right": False, "tries": 0})
    if not (earlier["right"] or verdict.state == "open" or verdict.by_course):
        progress.note("answers", number, {"right": verdict.state == "right", "tries": earlier["tries"] + 1})


def _show_buttons(exercise: Exercise) -> None:
    """Hint and solution as buttons, under a verdict."""
    from ..explorables import exercise_buttons

    def remember(hints: int) -> None:
        _run.hints[exercise.number] = hints

    shown = {} if packed.closed else {"solution": exercise.code, "why": exercise.why}
    exercise_buttons(exercise.number, exercise.hints, given=_run.hints[exercise.number], on_hint=remember, **shown)


def verdict_on(
    exercise: Exercise, answer: object, *, tries: int = 0, by_course: bool = False, **given: object
) -> Verdict:
    """Run an answer here and judge what it gave, without saying or remembering anything."""
    if callable(answer) and answer is exercise.reference and not by_course:
        return Verdict("open", "This is the course's own answer. Run the cell with yours, then check again.")
    answer = exercise.reference if by_course else answer
    verdict = judge(exercise, run(answer, exercise.inputs_of(given), exercise.use), tries=tries, **given)
    return replace(verdict, words=f"Answered by the course. {verdict.words}", by_course=True) if by_course else verdict


def hint(number: str) -> None:
    """Show one more hint each time."""
    if (exercise := _find(number)) is None:
        return
    _run.hints[number] = given = min(_run.hints[number] + 1, len(exercise.hints))
    words = " ".join(f"({index}) {text}" for index, text in enumerate(exercise.hints[:given], start=1))
    last = "That was the last one." if given == len(exercise.hints) else "Run it again for the next."
    _show(f"{number}, {given} of {len(exercise.hints)} hints.", f"{words} {last}", "open")


def solution(number: str) -> None:
    """Show the course's own answer, and why it is right."""
    exercise = _find(number)
    if exercise is not None and packed.closed:
        _show(f"{number}:", "this copy of the course holds no solutions to show. Your instructor has them.", "open")
    elif exercise is not None:
        text = f"**{exercise.number}, the course's answer**\n\n```python\n{exercise.code}\n```\n\n{exercise.why}"
        plain = f"{exercise.number}, the course's answer:\n\n{exercise.code}\n\n{textwrap.fill(exercise.why, 88)}"
        display({"text/markdown": text, "text/plain": plain}, raw=True)


def mine_or_reference(number: str, mine: object) -> object:
    """A student's answer where its check found it right in this run, else the course's; it says which.

    What a student's function gives comes as what the lesson goes on with: a list or an array as a tensor, and so on.
    """
    exercise = _find(number)
    if number in _run.answers and _run.answers[number] is mine and mine is not ...:
        _show(f"{number}:", f"the lesson goes on with your `{exercise.name}`.", "right")
        return _as_needed(mine, exercise)
    shown = "." if packed.closed else f', which `solution("{number}")` shows.'
    _show(f"{number}:", f"the lesson goes on with the course's own answer{shown}", "open")
    return exercise.reference


def _as_needed(mine: object, exercise: Exercise) -> object:
    if exercise.inputs is None:
        return like(mine, exercise.reference)
    if exercise.use not in ("call", "reaches", "count_work") or inspect.isgeneratorfunction(exercise.reference):
        return mine
    pattern = exercise.expected[0].value
    pattern = pattern if exercise.use == "call" else pattern[0]

    @wraps(mine)
    def converted(*arguments, **keywords):
        floating = [one.dtype for one in arguments if isinstance(one, Tensor) and one.is_floating_point()]
        result = like(mine(*arguments, **keywords), pattern, *floating[:1])
        in_numpy = isinstance(result, Tensor) and any(isinstance(one, np.ndarray) for one in arguments)
        return result.numpy() if in_numpy else result

    return converted


def like(value: object, pattern: object, decimals: torch.dtype = torch.float32) -> object:
    """A value in the form of another: a tensor (with decimal numbers of that type), a number, or several of them."""
    if value is None or not isinstance(pattern, list | tuple | Tensor | bool | int | float):
        return value
    if isinstance(pattern, list | tuple):
        return type(pattern)(like(*pair, decimals) for pair in zip(value, pattern, strict=True))
    numbers = value if isinstance(value, Tensor) else _numbers(value)
    if isinstance(pattern, Tensor):
        tensor = numbers.to(decimals if pattern.is_floating_point() else pattern.dtype)
        return tensor.squeeze() if pattern.ndim == 0 else tensor
    number = numbers.item()
    return type(pattern)(number) if type(pattern)(number) == number else number


def _numbers(value: object) -> Tensor:
    """Numbers in any form, also more of them than a check would read."""
    numbers = plain(value)
    return torch.as_tensor(np.asarray(value) if isinstance(numbers, Other) else numbers, dtype=torch.float64)


def show_progress(lesson: int) -> None:
    """Each exercise of the lesson, and how it stands, in this run and where it was right in an earlier one."""
    exercises = lesson_exercises(lesson)
    earlier = {number: Verdict("right", "") for number, entry in progress.noted("answers").items() if entry["right"]}
    verdicts = [(earlier | _run.verdicts).get(number, Verdict("open", "")) for number in exercises]
    states = Counter(verdict.state for verdict in verdicts)
    answered = len(verdicts) - states["open"]
    headline = f"Lesson {lesson}: {answered} of {len(verdicts)} answered, {states['right']} right."
    helped = sum(verdict.by_course for verdict in verdicts)
    headline += f" {helped} answered by the course." if helped else ""
    pairs = zip(exercises.values(), verdicts, strict=True)
    rows = [f"{SIGNS[verdict.state]} {exercise.number}  {exercise.title}" for exercise, verdict in pairs]
    items = "".join(f"<br>{html.escape(row)}" for row in rows)
    display({"text/html": f"<b>{headline}</b>{items}", "text/plain": "\n".join([headline, *rows])}, raw=True)


def _find(number: str) -> Exercise | None:
    """The exercise of that number; where there is none, say which there are."""
    lesson = number.split(".")[0]
    numbers = [str(one) for one in LESSONS]
    exercises = lesson_exercises(int(lesson)) if lesson in numbers else {}
    if number not in exercises:
        there = ", ".join(exercises) if exercises else f"lessons {numbers[0]} to {numbers[-1]}"
        _show(f"There is no exercise {number}.", f"There are {there}.", "wrong")
    return exercises.get(number)


def _show(headline: str, words: str, state: str) -> None:
    marked = re.sub(r"`(.+?)`", r"<code>\1</code>", html.escape(words, quote=False))
    style = f"border-left: 4px solid {COLOURS[state]}; padding: 0.3em 0.8em; max-width: 46em"
    box = f'<div role="status" style="{style}"><b>{html.escape(headline)}</b> {marked}</div>'
    display({"text/html": box, "text/plain": textwrap.fill(f"{headline} {words}", 88)}, raw=True)
