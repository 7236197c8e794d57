"""What an exercise is."""

import ast
import inspect
import math
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch


class Wrong(Exception):
    """An answer that is not right; its text names the misconception and says what to try next."""


class Open(Exception):
    """An answer that still holds the stub's `...`; its text, where there is one, says which part."""


@dataclass(frozen=True)
class Exercise:
    """One exercise: how an answer is checked, and what a student is told.

    `check(answer)` returns for a right answer and raises Wrong or Open for others. `solution` is a function that is
    itself the right answer, or a text of code that sets one name to it. `mistakes` are wrong answers, each with words
    that its reply must contain.
    """

    number: str
    title: str
    check: Callable
    hints: tuple[str, ...]
    solution: Callable | str
    why: str
    mistakes: tuple[tuple[object, str], ...]

    @property
    def lesson(self) -> int:
        return int(self.number.split(".")[0])

    @property
    def code(self) -> str:
        """The solution as a student would write it."""
        if isinstance(self.solution, str):
            return textwrap.dedent(self.solution).strip()
        return textwrap.dedent(inspect.getsource(self.solution)).strip()

    @property
    def name(self) -> str:
        """The name that the lesson's stub gives the answer."""
        if not isinstance(self.solution, str):
            return self.solution.__name__
        return ast.parse(self.code).body[-1].targets[0].id

    @cached_property
    def reference(self) -> object:
        """The course's own answer."""
        if not isinstance(self.solution, str):
            return self.solution
        namespace = {"torch": torch, "math": math}
        exec(self.code, namespace)
        return namespace[self.name]
