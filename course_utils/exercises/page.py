"""Exercises that can be answered on a page, where no Python runs: those whose answer is numbers or a choice."""

import html
import json

from torch import Tensor

from .desk import all_exercises
from .exercise import Exercise
from .judging import is_whole


def page_exercise(number: str) -> dict | None:
    """What a page needs to ask, check and explain an exercise, as plain JSON; None for one that needs Python.

    `form` is `{"right": numbers or texts, "mistakes": [[words, value], …], "parts": names, "rtol", "atol"}`, and for
    texts `"choices"`.
    """
    exercise = all_exercises()[number]
    if exercise.inputs is not None or exercise.judge:
        return None
    return {
        "number": number,
        "title": exercise.title,
        "hints": list(exercise.hints),
        "solution": exercise.code,
        "why": exercise.why,
        "form": _form(exercise),
    }


def page_markup(number: str) -> str:
    """The HTML that an exercise is answered in on a page; nothing for one that needs Python."""
    given = page_exercise(number)
    if given is None:
        return ""
    text = html.escape(json.dumps(given, ensure_ascii=False, separators=(",", ":")))
    return f'<div class="explorable" data-module="exercise" data-id="exercise {number}" data-given="{text}"></div>'


def _form(exercise: Exercise) -> dict:
    right = _plain(exercise.expected[0].value)
    mistakes = [[words, _plain(value)] for words, value in exercise.mistakes.items()]
    whole = is_whole(right)
    form = {
        "right": right,
        "mistakes": mistakes,
        "parts": list(exercise.parts),
        "rtol": 0 if whole else exercise.rtol,
        "atol": 1e-6 if whole else exercise.atol,
    }
    texts = {text for value in (right, *(value for _, value in mistakes)) for text in _texts(value)}
    return form | ({"choices": sorted(texts)} if texts else {})


def _plain(value: object) -> object:
    if isinstance(value, Tensor):
        return value.tolist()
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value


def _texts(value: object) -> list[str]:
    if isinstance(value, list):
        return [text for part in value for text in _texts(part)]
    return [value] if isinstance(value, str) else []
