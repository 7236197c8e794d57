"""What an exercise is."""

import ast
import inspect
import math
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import torch
from torch import Tensor

from .running import Code, Outcome, run

__all__ = ["Code", "Exercise", "NotRight", "altered", "drawn", "refuse_if"]


class NotRight(Exception):
    """What is wrong with an answer, in words for the student; the exercise's own `judge` raises it."""


def refuse_if(found: object, words: str) -> None:
    """Raise NotRight with these words where a fault is found."""
    if found:
        raise NotRight(words)


@dataclass(frozen=True)
class Exercise:
    """One exercise: a solution, the inputs it is compared on, and misconceptions with what to say to each.

    `solution` is a function or class that is itself the right answer, compared on every call in `inputs`; or a text of
    code that sets one name to the right value. `mistakes` are programs (or values), by the words for those who wrote
    them. With `parts`, answers are lists whose parts have these names, judged one after the other, and words may say
    `{part}`; what `use` (see `running.USES`) gives beyond them only tells mistakes apart. `judge` judges alone: it
    takes the outcomes and what the lesson measured, and raises NotRight; its mistakes stand under a piece of the words.
    `also` are right answers that give other numbers than the solution.
    """

    number: str
    title: str
    solution: Callable | str
    inputs: Sequence[tuple] | None = None
    mistakes: Mapping[str, object] = field(default_factory=dict)
    hints: Sequence[str] = ()
    why: str = ""
    use: str = "call"
    parts: Sequence[str] = ()
    judge: Callable | None = None
    also: Sequence[Callable] = ()
    rtol: float = 1e-4  # for decimal numbers; whole numbers are to be equal
    atol: float = 1e-6

    @property
    def code(self) -> str:
        """The solution as a student would write it."""
        if isinstance(self.solution, str):
            return textwrap.dedent(self.solution).strip()
        return textwrap.dedent(inspect.getsource(self.solution)).strip()

    @cached_property
    def name(self) -> str:
        """The name that the lesson's stub gives the answer."""
        if not isinstance(self.solution, str):
            return self.solution.__name__
        return ast.parse(self.code).body[-1].targets[0].id

    @property
    def arguments(self) -> list[str]:
        """The names of what the answer takes."""
        return list(inspect.signature(self.solution).parameters) if callable(self.solution) else []

    def inputs_of(self, measured: Mapping[str, object]) -> Sequence[tuple] | None:
        """What an answer is run on: for a rule (see `running.USES`), what the lesson measured."""
        if self.use == "rule" and measured:
            return [tuple(measured[name] for name in self.arguments if name in measured)]
        return self.inputs

    @cached_property
    def reference(self) -> object:
        """The course's own answer."""
        if not isinstance(self.solution, str):
            return self.solution
        namespace = {"torch": torch, "math": math}
        exec(self.code, namespace)
        return namespace[self.name]

    @cached_property
    def expected(self) -> list[Outcome]:
        """What the solution gives."""
        return run(self.reference, self.inputs, self.use)

    @cached_property
    def also_expected(self) -> list[list[Outcome]]:
        """What the other right answers give."""
        return [run(other, self.inputs, self.use) for other in self.also]

    @cached_property
    def mistaken(self) -> dict[str, list[Outcome]]:
        """What each mistake gives, by its words."""
        return {words: run(mistake, self.inputs, self.use) for words, mistake in self.mistakes.items()}


def altered(solution: Callable, changes: Mapping[str, str]) -> Callable:
    """A wrong answer: the solution with pieces of its code replaced, each old one by a new one.

    Raises ValueError for a piece that is not there.
    """
    source = textwrap.dedent(inspect.getsource(solution))
    for old, new in changes.items():
        if old not in source:
            raise ValueError(f"{solution.__name__} does not contain {old!r}")
        source = source.replace(old, new)
    namespace = dict(vars(sys.modules[solution.__module__]))
    exec(source, namespace)
    return namespace[solution.__name__]


def drawn(*shape: int, seed: int = 0, size: float = 2.0, dtype: torch.dtype = torch.float32) -> Tensor:
    """Numbers around 0 with one decimal, as inputs that a student can read and paste."""
    numbers = torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (10 * size * numbers).round().div(10).to(dtype)
