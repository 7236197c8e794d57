"""Compares what an answer gave with what the solution gives. No code of a student's runs here."""

import inspect
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from .exercise import Exercise, NotRight
from .running import Code, Outcome, in_words

NOTHING = "Your function gives back nothing (`None`). End it with `return` and the result."
PRINTS = "Your function prints its result and gives back nothing. Write `return` for `print`."
YIELDS = "Your function contains a `yield`, so it hands out its results one by one. Write `return` for `yield`."
FEW_TRIES = 3  # after so many wrong ones a guess is no longer told in which direction it is off
SHOWN = 12  # numbers that are shown whole
LONGEST_CALL = 300  # characters of a call that is shown


@dataclass(frozen=True)
class Verdict:
    """What came of an answer: `state` is right, wrong, error or open; `mistake` counts the misconceptions from 0."""

    state: str
    words: str
    mistake: int | None = None
    by_course: bool = False


def judge(exercise: Exercise, outcomes: Sequence[Outcome], *, tries: int = 0, **given: object) -> Verdict:
    """The verdict on an answer, from what it gave, after so many wrong tries. `given` is what a lesson measured.

    Raises ValueError where these are no outcomes of this exercise.
    """
    if not outcomes or not all(isinstance(outcome, Outcome) for outcome in outcomes):
        raise ValueError("these are not outcomes")
    verdict = _without_prints(exercise, outcomes, tries, given)
    printed = " ".join("".join(outcome.printed for outcome in outcomes).split())
    if printed and verdict.words != PRINTS:
        printed = printed if len(printed) < 120 else f"{printed[:118]} …"
        return replace(verdict, words=f"{verdict.words} (It also printed: {printed})")
    return verdict


def _without_prints(exercise: Exercise, outcomes: Sequence[Outcome], tries: int, given: dict) -> Verdict:
    if outcomes[0].error == "no function":
        words = f"A function is wanted here, and this is {outcomes[0].message}. Keep the line that begins with `def`."
        return Verdict("wrong", words)
    if any(outcome.error == "KeyboardInterrupt" for outcome in outcomes):
        words = f"You stopped it{_place(outcomes[-1])}. If it took more than a moment, look for a loop that never ends."
        return Verdict("error", words)
    if (stub := _stub(outcomes)) is not None:
        return Verdict("open", stub)
    if len(outcomes) != len(exercise.expected):
        raise ValueError(f"{len(outcomes)} outcomes do not belong to exercise {exercise.number}")
    questions = (_misconception, _not_returned, _error, _own_judge, _difference, _changed)
    if any(agree(outcomes, other, exercise, parts=exercise.parts) for other in exercise.also_expected):
        questions = (_not_returned, _changed)
    for judged in questions:
        if verdict := judged(exercise, outcomes, tries, given):
            return verdict
    return Verdict("right", exercise.why)


# One way to be not right each: the verdict, or None where it is another ----------------------------------------------


def _misconception(exercise, outcomes, tries, given) -> Verdict | None:
    """The misconception whose program agrees with the answer on every call, or on the first part that is wrong."""
    if exercise.judge or agree(outcomes, exercise.expected, exercise, parts=exercise.parts):
        return None
    part = next((part for part in exercise.parts if not agree(outcomes, exercise.expected, exercise, parts=[part])), "")
    for parts in ((), [part]) if part else ((),):
        for index, (words, mistaken) in enumerate(exercise.mistaken.items()):
            partial = exercise.inputs or "{part}" in words or _holds(mistaken[0].value, None)  # None: any part will do
            if (partial or not parts) and agree(outcomes, mistaken, exercise, parts=parts, clues=True):
                return Verdict("wrong", words.replace("{part}", part), index)
    return None


def _not_returned(exercise, outcomes, tries, given) -> Verdict | None:
    """`print` or `yield` where `return` is meant, or none of them."""
    if exercise.inputs is None or exercise.use == "rule" or inspect.isgeneratorfunction(exercise.solution):
        return None
    none, none_is_right = ([one.value is None for one in some] for some in (outcomes, exercise.expected))
    if any(none_is_right) and not all(none):
        return None
    for outcome, expected in zip(outcomes, exercise.expected, strict=True):
        if outcome.yielded:
            return Verdict("wrong", YIELDS)
        if not outcome.error and _holds(outcome.value, None) and not _holds(expected.value, None):
            return Verdict("wrong", PRINTS if outcome.printed else NOTHING)
    return None


def _error(exercise, outcomes, tries, given) -> Verdict | None:
    if not (failed := [index for index, outcome in enumerate(outcomes) if outcome.error]):
        return None
    index = _smallest(exercise, failed)
    outcome = outcomes[index]
    words = f"Your code raised {outcome.error}{_place(outcome)}. It says: {outcome.message.rstrip('.')}."
    if (shown := called(exercise, index)) and len(failed) < len(outcomes):
        words += f" The call was `{shown}`."
    return Verdict("error", words)


def _own_judge(exercise, outcomes, tries, given) -> Verdict | None:
    try:
        if exercise.judge:
            exercise.judge(outcomes, **given)
    except NotRight as wrong:
        words = str(wrong)
        return Verdict("wrong", words, next((i for i, piece in enumerate(exercise.mistakes) if piece in words), None))
    return None


def _difference(exercise, outcomes, tries, given) -> Verdict | None:
    """The smallest call that differs, or for a guess at most a direction."""
    pairs = list(zip(outcomes, exercise.expected, strict=True))
    differ = [i for i, (one, other) in enumerate(pairs) if not _same(one, other, exercise, exercise.parts)]
    if exercise.judge or not differ:
        return None
    index = _smallest(exercise, differ)
    got, expected = outcomes[index].value, exercise.expected[index].value
    if exercise.inputs is None:
        return Verdict("wrong", _guess(got, expected, exercise, tries))
    shown = called(exercise, index)
    who = f"`{shown}`" if shown else "One of the calls"
    if exercise.parts:
        got = _in_parts(got)
        if len(got) != len(expected):
            words = f"Give back {len(exercise.parts)} things, in this order: {', '.join(exercise.parts)}."
            return Verdict("wrong", words)
        place = next(i for i in range(len(exercise.parts)) if not _equal(got[i], expected[i], exercise))
        who, got, expected = f"Look at {exercise.parts[place]}: {who}", got[place], expected[place]
    return Verdict("wrong", f"{who} gives {difference(got, expected)}")


def _changed(exercise, outcomes, tries, given) -> Verdict | None:
    for index, outcome in enumerate(outcomes):
        if outcome.changed and not exercise.expected[index].changed:
            name = exercise.arguments[outcome.changed[0]] if exercise.use == "call" else "what it was given"
            words = (
                f"The result is right, but your function has changed its argument `{name}`, which is still needed as "
                "it was. Compute something new instead of writing into it (no `+=`, no `x[…] = …`)."
            )
            return Verdict("wrong", words)
    return None


# Comparing ------------------------------------------------------------------------------------------------------------


def agree(outcomes: Sequence[Outcome], others: Sequence[Outcome], exercise: Exercise, **only: object) -> bool:
    """Whether two answers gave the same on every call, values or errors of one type; `only` is as in `_same`."""
    return all(_same(*pair, exercise, **only) for pair in zip(outcomes, others, strict=True))


def _same(one: Outcome, other: Outcome, exercise: Exercise, parts: Sequence[str] = (), clues: bool = False) -> bool:
    """The same for one call: the whole values, or only some parts of them, with what is beyond the parts if `clues`."""
    if one.error or other.error:
        return one.error == other.error
    got, expected = one.value, other.value
    if not parts:
        return _equal(got, expected, exercise)
    got, expected = _in_parts(got), _in_parts(expected)
    places = [exercise.parts.index(part) for part in parts]
    places += range(len(exercise.parts), len(expected)) if clues else []
    pairs = [(got[place], expected[place]) for place in places if len(got) == len(expected)]
    return bool(pairs) and all(one is not None and _equal(one, other, exercise) for one, other in pairs)


def _in_parts(value: object) -> list:
    return list(value) if isinstance(value, list | tuple) or (isinstance(value, Tensor) and value.ndim) else []


def _equal(got: object, expected: object, exercise: Exercise) -> bool:
    """Whether two plain values are the same in meaning: a list is as good as a tensor, 5.0 as good as 5."""
    if isinstance(expected, str):
        words = [one.strip(" .():").casefold().split() for one in (got, expected) if isinstance(one, str)]
        return len(words) == 2 and words[0] == words[1]
    if isinstance(expected, bool) or isinstance(got, bool):
        return _truth(got) is _truth(expected) is not None
    if _is_numbers(got) and _is_numbers(expected):
        rtol, atol = (0, 1e-6) if is_whole(expected) else (exercise.rtol, exercise.atol)
        one, other = tensor_of(got), tensor_of(expected)
        same_shape = one.shape == other.shape or one.numel() == other.numel() == 1
        return same_shape and torch.allclose(one.flatten(), other.flatten(), rtol=rtol, atol=atol, equal_nan=True)
    if isinstance(expected, list | tuple):
        same_length = isinstance(got, list | tuple) and len(got) == len(expected)
        return same_length and all(_equal(*pair, exercise) for pair in zip(got, expected, strict=True))
    return not isinstance(got, Tensor) and type(got) is type(expected) and got == expected


def _truth(value: object) -> bool | None:
    if isinstance(value, Tensor) and value.dtype is torch.bool and value.numel() == 1:
        value = value.item()
    return value if isinstance(value, bool) else None


def is_whole(value: object) -> bool:
    """Whether all numbers of a value are whole by their type; such answers are to be equal."""
    if isinstance(value, list | tuple):
        return all(map(is_whole, value))
    return isinstance(value, int) or (isinstance(value, Tensor) and not value.is_floating_point())


def tensor_of(value: object, what: str = "your answer") -> Tensor:
    """Numbers in any form (a number, lists of them, a tensor) as a float64 tensor. Raises NotRight for all else."""
    if isinstance(value, list | tuple) and value:
        parts = [tensor_of(part, what) for part in value]
        if len({part.shape for part in parts}) > 1:
            raise NotRight(f"The rows of {what} differ in length, so they make no table of numbers.")
        return torch.stack(parts)
    if isinstance(value, bool) or not isinstance(value, int | float | Tensor | list | tuple):
        raise NotRight(f"Numbers are wanted here, and {what} is {in_words(value)}.")
    return torch.as_tensor(value, dtype=torch.float64)


def number_of(value: object, what: str = "your answer") -> float:
    """A single number in any form. Raises NotRight for anything else."""
    if not _is_numbers(value) or tensor_of(value).numel() != 1:
        raise NotRight(f"A single number is wanted here, and {what} is {in_words(value)}.")
    return tensor_of(value).item()


def _is_numbers(value: object) -> bool:
    try:
        return tensor_of(value) is not None
    except NotRight:
        return False


# Words ----------------------------------------------------------------------------------------------------------------


def _place(outcome: Outcome) -> str:
    return f" in line {outcome.line}: `{outcome.code}`" if outcome.line else ""


def _stub(outcomes: Sequence[Outcome]) -> str | None:
    """What to say where an answer still holds `...`, else None."""
    for outcome in outcomes:
        if _holds(outcome.value, ...):
            whole = all(leaf is ... for leaf in _leaves(outcome.value))
            return f"{'' if whole else 'A part of it is still open. '}Replace the `...` and run the cell again."
        if outcome.error and "ellipsis" in outcome.message:
            return f"There is still a `...`{_place(outcome)}."
    return None


def _leaves(value: object) -> Iterator[object]:
    if isinstance(value, list | tuple | dict):
        for part in value.values() if isinstance(value, dict) else value:
            yield from _leaves(part)
    else:
        yield value


def _holds(value: object, what: object) -> bool:
    """Whether None or `...` stands anywhere in a value."""
    return any(leaf is what for leaf in _leaves(value))


def _guess(got: object, expected: object, exercise: Exercise, tries: int) -> str:
    """What is wrong with a guess; after a few tries without a direction, so that nobody can halve their way to it."""
    if (form := _form(expected)) != _form(got):
        verb = "are" if form[0].isdigit() else "is"
        return f"{form[0].upper()}{form[1:]} {verb} wanted here, and your answer is {_form(got)}."
    if _is_numbers(got) and not torch.isfinite(tensor_of(got)).all():
        return "Your answer holds inf or nan, and the right one is finite."
    if tries >= FEW_TRIES:
        return f'That is not right either. `hint("{exercise.number}")` helps.'
    if isinstance(expected, list | tuple):
        got = got.tolist() if isinstance(got, Tensor) else got
        place = next(i for i, pair in enumerate(zip(got, expected, strict=True)) if not _equal(*pair, exercise))
        return f"{_short(got[place])} at place {place + 1} of your list is not right. A hint may help."
    direction = "not right"
    if _is_numbers(expected):
        direction = "too large" if number_of(got) > number_of(expected) else "too small"
    return f"{_short(got)} is {direction}. A hint may help."


def _form(value: object) -> str:
    """What kind of answer a value is, in words that differ where the kinds differ."""
    if isinstance(value, str):
        return "a text in quotes"
    if _is_numbers(value):
        shape = tensor_of(value).shape
        return "a single number" if shape.numel() == 1 else f"{' by '.join(map(str, shape))} numbers"
    if isinstance(value, list | tuple) and value:
        if all(isinstance(part, str) for part in value):
            return f"{len(value)} text{'s' * (len(value) > 1)} in quotes"
        return f"{in_words(value)} that holds something else"
    return in_words(value)


def difference(got: object, expected: object) -> str:
    """What came and what was expected, with as many digits as it takes to see a difference."""
    if not _is_numbers(got) or not _is_numbers(expected):
        return f"{_short(got)}, and {_short(expected)} is expected."
    numbers, right, where = tensor_of(got), tensor_of(expected), ""
    if numbers.shape != right.shape and not numbers.numel() == right.numel() == 1:
        shapes = [f"the shape `{list(one.shape)}`" if one.ndim else "a single number" for one in (numbers, right)]
        return f"{shapes[0]}, and {shapes[1]} is expected."
    if right.numel() > SHOWN:
        lost = ~torch.isfinite(numbers) & torch.isfinite(right)
        distances = (numbers - right).abs().nan_to_num()
        place = (lost if lost.any() else distances == distances.max()).nonzero()[0].tolist()
        numbers, right, where = numbers[tuple(place)], right[tuple(place)], f" at `{place}`"
    for digits in range(4, 18):
        came, wanted = (_written(tensor.tolist(), digits) for tensor in (numbers, right))
        if came != wanted:
            break
    return f"{came}{where}, and {wanted} is expected."


def _written(numbers: float | list, digits: int) -> str:
    if isinstance(numbers, list):
        return f"[{', '.join(_written(part, digits) for part in numbers)}]"
    return format_number(numbers, digits)


def format_number(number: float, digits: int = 4) -> str:
    """A number as people write it: 79,510 or 0.0039."""
    if math.isfinite(number) and number == int(number) and abs(number) < 1e15:
        return f"{int(number):,}"
    return f"{number:.{digits}g}"


def _short(value: object) -> str:
    if (truth := _truth(value)) is not None:
        return f"`{truth}`"
    if _is_numbers(value) and tensor_of(value).numel() == 1:
        return format_number(number_of(value))
    text = repr(value)
    short = isinstance(value, str | bool | list | tuple | dict) and "tensor(" not in text and len(text) < 100
    return f"`{text}`" if short else in_words(value)


def _smallest(exercise: Exercise, calls: Sequence[int]) -> int:
    """The call of these that holds the fewest numbers."""
    sizes = {index: sum(map(_size, _leaves(exercise.inputs[index]))) for index in calls if exercise.inputs}
    return min(calls, key=lambda index: sizes.get(index, 0))


def _size(value: object) -> int:
    return value.numel() if isinstance(value, Tensor) else 1000 if isinstance(value, Code) else 1


def called(exercise: Exercise, index: int) -> str:
    """A call of the answer, ready to paste; nothing where it would be too long or the answer is not simply called."""
    shown = {"call": None, "reaches": None, "build": -1}  # where the arguments end that the answer itself takes
    if exercise.inputs is None or exercise.use not in shown:
        return ""
    text = f"{exercise.name}({', '.join(map(as_code, exercise.inputs[index][: shown[exercise.use]]))})"
    return text if len(text) <= LONGEST_CALL else ""


def as_code(value: object) -> str:
    """A plain value as Python code."""
    if isinstance(value, Code):
        return value.text
    if isinstance(value, Tensor):
        numbers = value.numpy().astype(str).astype(float) if value.is_floating_point() else value
        usual = value.dtype in (torch.float32, torch.int64, torch.bool)
        return f"torch.tensor({numbers.tolist()}{'' if usual else f', dtype={value.dtype}'})"
    if isinstance(value, list | tuple):
        inside = ", ".join(map(as_code, value))
        return f"[{inside}]" if isinstance(value, list) else f"({inside}{',' * (len(value) == 1)})"
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)
