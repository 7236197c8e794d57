"""What the checks are made of: asking a student's function, reading numbers, and saying how an answer differs."""

import math
import numbers
from collections.abc import Iterable, Sequence

import torch
from torch import Tensor

from .old_exercise import Open, Wrong

NOTHING = "Your function gives back nothing (`None`). End it with `return` and the result."


def ask(function, *arguments, **keywords):
    """What a student's function answers to copies of the arguments; Wrong where it is no function or gives None."""
    needs_answer(function)
    if not callable(function):
        raise Wrong(
            f"A function is wanted here, and this is {in_words(function)}. Keep the line that begins with `def`."
        )
    answer = function(*map(_copied, arguments), **keywords)
    needs_answer(answer)
    if answer is None:
        raise Wrong(NOTHING)
    return answer


def _copied(value):
    return value.detach().clone() if isinstance(value, Tensor) else value


def needs_answer(answer) -> None:
    """Raise Open where an answer, or a part of it, is still `...`."""
    if answer is ... or (isinstance(answer, list | tuple) and answer and all(part is ... for part in answer)):
        raise Open
    if isinstance(answer, list | tuple) and any(part is ... for part in answer):
        raise Open("A part of it is still `...`.")


def number_of(answer, what: str = "your answer") -> float:
    """A single number, from Python, NumPy or torch."""
    needs_answer(answer)
    if isinstance(answer, bool | str | bytes) or answer is None:
        raise Wrong(f"A number is wanted here, and {what} is {in_words(answer)}.")
    tensor = tensor_of(answer, what)
    if tensor.numel() != 1:
        raise Wrong(f"A single number is wanted here, and {what} holds {tensor.numel()}.")
    return tensor.item()


def tensor_of(answer, what: str = "your answer") -> Tensor:
    """Numbers in any form (a number, lists of them, NumPy's or torch's) as a float64 tensor."""
    needs_answer(answer)
    if isinstance(answer, list | tuple) and answer:
        parts = [tensor_of(part, what) for part in answer]
        if len({part.shape for part in parts}) > 1:
            raise Wrong(f"The rows of {what} differ in length, so it is no table of numbers.")
        return torch.stack(parts)
    if isinstance(answer, Tensor):
        answer = answer.detach().cpu()
    elif not isinstance(answer, numbers.Number) and not hasattr(answer, "__array__"):
        raise Wrong(f"Numbers are wanted here, and {what} is {in_words(answer)}.")
    try:
        return torch.as_tensor(answer, dtype=torch.float64)
    except (TypeError, ValueError, RuntimeError) as error:
        raise Wrong(f"Numbers are wanted here, and {what} is {in_words(answer)}.") from error


def shape_of(answer) -> tuple[int, ...]:
    """A shape that a student wrote down: a list or tuple of whole numbers, or a torch.Size."""
    needs_answer(answer)
    if not isinstance(answer, list | tuple):
        raise Wrong(f"A shape is a list of whole numbers, such as `[64, 10]`, and this is {in_words(answer)}.")
    for size in answer:
        if number_of(size, "a part of your shape") != int(number_of(size)):
            raise Wrong(f"A shape holds whole numbers, and {size} is none.")
    return tuple(int(size) for size in answer)


def expect_shape(got: Tensor, shape: Sequence[int], what: str = "your answer", reason: str = "") -> None:
    if tuple(got.shape) != tuple(shape):
        text = f"The shape of {what} is `{list(got.shape)}`, and `{list(shape)}` is expected. {reason}"
        raise Wrong(text.strip())


def expect(got, expected, mistaken: Iterable[tuple[object, str]] = (), *, what: str = "your answer", given: str = "",
           rtol: float = 1e-4, atol: float = 1e-6) -> None:  # fmt: skip
    """Raise Wrong where numbers differ from those expected.

    `mistaken` pairs what a misconception gives with words that name it. `given` tells what the answer belongs to.
    """
    got, expected = tensor_of(got, what), tensor_of(expected)
    if _equal(got, expected, rtol, atol):
        return
    for value, words in mistaken:
        if _equal(got, tensor_of(value), rtol, atol):
            raise Wrong(words)
    expect_shape(got, expected.shape, what)
    lost = ~torch.isfinite(got) & torch.isfinite(expected)
    wrong = ~torch.isclose(got, expected, rtol=rtol, atol=atol, equal_nan=True)
    place = tuple((lost if lost.any() else wrong).nonzero()[0].tolist())
    at = f" at {list(place)}" if place else ""
    after = f" {given}" if given else ""
    raise Wrong(
        f"{what[0].upper()}{what[1:]}{after} is {spoken(got[place])}{at}, and {spoken(expected[place])} is expected."
    )


def expect_prediction(answer, right, mistaken: Iterable[tuple[object, str]] = (), *, rtol: float = 0.0) -> None:
    """Raise Wrong where numbers predicted by the student are not right; what is right is not given away.

    `mistaken` is as for `expect`. `rtol` is how far off a prediction may be, relative to the right number.
    """
    right = tensor_of(right)
    got = tensor_of(answer) if right.ndim else torch.tensor(number_of(answer), dtype=torch.float64)
    if _equal(got, right, rtol, 1e-9):
        return
    for value, words in mistaken:
        if _equal(got, tensor_of(value), rtol, 1e-9):
            raise Wrong(words)
    if got.shape != right.shape:
        numbers_wanted = " by ".join(map(str, right.shape)) or "one"
        raise Wrong(f"Your answer holds {got.numel()} numbers, and {numbers_wanted} are wanted.")
    if not torch.isfinite(got).all():
        raise Wrong("Your answer holds inf or nan, and the right one is finite.")
    place = (~torch.isclose(got, right, rtol=rtol, atol=1e-9)).nonzero()[0].tolist()
    which = f"The number at {place}, {spoken(got[tuple(place)])}," if place else f"{spoken(got)}"
    raise Wrong(f"{which} is too {'large' if got[tuple(place)] > right[tuple(place)] else 'small'}. A hint may help.")


def expect_shape_prediction(answer, right: Sequence[int], mistaken: Iterable[tuple[Sequence[int], str]] = ()) -> None:
    """Raise Wrong where a shape predicted by the student is not right; what is right is not given away."""
    got = shape_of(answer)
    if got == tuple(right):
        return
    for shape, words in mistaken:
        if got == tuple(shape):
            raise Wrong(words)
    if len(got) != len(right):
        raise Wrong(f"Your shape `{list(got)}` has {len(got)} axes, and the right one has {len(right)}.")
    place = next(index for index, (one, other) in enumerate(zip(got, right, strict=True)) if one != other)
    raise Wrong(f"In your shape `{list(got)}` the number at place {place} is not right. A hint may help.")


def _equal(got: Tensor, expected: Tensor, rtol: float, atol: float) -> bool:
    return got.shape == expected.shape and torch.allclose(got, expected, rtol=rtol, atol=atol, equal_nan=True)


def spoken(number) -> str:
    number = float(number)
    if number == int(number) if math.isfinite(number) else False:
        return f"{int(number):,}" if abs(number) < 1e15 else f"{number:.4g}"
    return f"{number:.4g}"


def in_words(value) -> str:
    """What a value is, for a beginner."""
    if value is None:
        return "nothing (`None`)"
    if isinstance(value, str | bytes):
        return "a text"
    if isinstance(value, bool):
        return f"`{value}`"
    if isinstance(value, Tensor):
        return f"a tensor of shape `{list(value.shape)}`"
    if callable(value):
        return "a function"
    if isinstance(value, list | tuple | dict) and not value:
        return "empty"
    return f"of the type `{type(value).__name__}`"
