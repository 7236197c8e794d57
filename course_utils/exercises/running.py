"""Runs an answer on an exercise's inputs and gives back plain values. It knows no solution and no verdict.

What comes back (numbers, texts, lists, tensors; see `plain`) holds nothing of the student's and can travel as JSON.
"""

import base64
import copy
import io
import json
import linecache
import math
import sys
import textwrap
import traceback
import types
from collections.abc import Callable, Iterator, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

MOST_NUMBERS = 2_000_000  # in one value
MOST_ITEMS = 1000  # from one generator
DEEPEST = 12  # lists in lists
LONGEST = 1000  # characters of a text


@dataclass(frozen=True)
class Code:
    """An input that is made where the answer runs: an expression of torch, nn and math. Every call starts at seed 0."""

    text: str


@dataclass(frozen=True)
class Other:
    """What stands for a value that is no number, text, list or tensor: what it was, in words."""

    words: str


@dataclass(frozen=True)
class Outcome:
    """What came of one call: its plain value, or the error with its place in the student's code."""

    value: object = None
    error: str = ""  # its type
    message: str = ""
    line: int = 0
    code: str = ""  # the line itself
    changed: tuple[int, ...] = ()  # the arguments that are not what they were
    printed: str = ""
    yielded: bool = False  # the answer is a generator; the value is the list of what it gave


def run(answer: object, inputs: Sequence[tuple] | None, use: str = "call") -> list[Outcome]:
    """What an answer gives for each of the inputs, or for no inputs the answer itself. torch's seed stays as it was."""
    if inputs is None:
        return [_caught(lambda: plain(answer))]
    if answer is ... or not callable(answer):
        return [Outcome(value=...) if answer is ... else Outcome(error="no function", message=in_words(answer))]
    outcomes = []
    with torch.random.fork_rng(devices=[]):
        for arguments in inputs:
            outcomes.append(_called(answer, arguments, USES[use]))
            if outcomes[-1].error == "KeyboardInterrupt":
                break
    return outcomes


def _called(answer: Callable, arguments: tuple, use: Callable) -> Outcome:
    torch.manual_seed(0)
    given = [made(argument) for argument in arguments]
    before = copy.deepcopy([plain(argument) for argument in given])
    outcome = _caught(lambda: plain(use(answer, *given)))
    changed = tuple(
        index for index, argument in enumerate(arguments)
        if not isinstance(argument, Code) and not identical(before[index], plain(given[index]))
    )  # fmt: skip
    return Outcome(**vars(outcome) | {"changed": changed})


def _caught(compute: Callable) -> Outcome:
    printed = _Printed()
    yielded = False
    try:
        with redirect_stdout(printed):
            value = compute()
        if isinstance(value, _Drained):
            value, yielded = value.items, True
        return Outcome(value, printed=printed.getvalue(), yielded=yielded)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        message = textwrap.shorten(str(error), 200, placeholder=" …") or "nothing more."
        line, code = _place(error)
        return Outcome(error=type(error).__name__, message=message, line=line, code=code, printed=printed.getvalue())


class _Printed(io.StringIO):
    """What a student's function prints, up to a thousand characters."""

    def write(self, text: str) -> int:
        super().write(text[: max(0, LONGEST - self.tell())])
        return len(text)


def _place(error: BaseException) -> tuple[int, str]:
    """The line of the student's code where an error arose, and what stands there."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [index for index, frame in enumerate(frames) if frame.filename == __file__]
    below = [frame for frame in frames[own[-1] + 1 :] if "-packages" not in frame.filename]
    below = [frame for frame in below if frame.filename == below[0].filename]
    if not below or not linecache.getline(below[-1].filename, below[-1].lineno):
        return 0, ""
    return below[-1].lineno, below[-1].line


def made(argument: object) -> object:
    """A copy of an input, as the answer gets it."""
    if isinstance(argument, Code):
        return eval(argument.text, {"torch": torch, "nn": nn, "math": math})
    return copy.deepcopy(argument)


# What is done with an answer, by name -------------------------------------------------------------------------------


def call(answer: Callable, *arguments: object) -> object:
    """Call the answer."""
    return answer(*arguments)


def train(step: Callable, model: nn.Module, batches: Sequence, loss_fn: Callable, learning_rate: float) -> list:
    """Let a training step run over batches with plain SGD.

    Gives the weights, the losses and the model's mode, and as clues how often `backward()` came to the weights and how
    often the optimizer stepped.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    backwards, steps = [], []
    next(model.parameters()).register_hook(lambda gradient: backwards.append(1))
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    model.train()
    losses = [step(model, images, labels, loss_fn, optimizer) for images, labels in batches]
    weights = nn.utils.parameters_to_vector(model.parameters())
    return [weights, losses, model.training, len(backwards), len(steps)]


def gradient(loss: Callable, outputs: Tensor, *others: object) -> list:
    """A loss, and its gradient with respect to the outputs, or "none" where `backward()` does not reach them."""
    outputs.requires_grad_()
    value = loss(outputs, *others)
    if isinstance(value, Tensor) and value.numel() == 1 and value.requires_grad:
        value.backward()
    return [value, "none" if outputs.grad is None else outputs.grad]


def count_work(answer: Callable, most: int, *arguments: object) -> list:
    """Call the answer; its value, and whether Python itself took at most so many steps in the student's code."""
    steps = 0

    def trace(frame: types.FrameType, event: str, argument: object) -> Callable | None:
        nonlocal steps
        if "-packages" in frame.f_code.co_filename:
            return None
        frame.f_trace_opcodes = True
        steps += event == "opcode"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        value = answer(*arguments)
    finally:
        sys.settrace(before)
    return [value, steps <= most]


USES = {"call": call, "train": train, "gradient": gradient, "count_work": count_work}


# Plain values -------------------------------------------------------------------------------------------------------


class _Drained:
    """What a generator gave, all of it plain."""

    def __init__(self, items: list):
        self.items = items


def plain(value: object) -> object:
    """A value without anything of the student's: None, `...`, True, numbers, texts, lists, tuples, dicts, tensors.

    NumPy's arrays become tensors, iterators lists. Subclasses are read as what they derive from. Anything else becomes
    an `Other`, and so does what is too large.
    """
    if isinstance(value, types.GeneratorType):
        return _Drained(_drained(value))
    return _plain(value, 0)


def _drained(iterator: Iterator) -> list:
    items = []
    for item in iterator:
        if len(items) == MOST_ITEMS:
            return [*items, Other(f"more than {MOST_ITEMS:,} things, without an end")]
        items.append(_plain(item, 1))
    return items


def _plain(value: object, depth: int) -> object:
    kind = type(value)
    if value is None or value is ... or kind is bool or kind is Other or kind is Code:
        return value
    if issubclass(kind, Tensor):
        return _plain_tensor(value)
    if issubclass(kind, np.generic | np.ndarray) or (hasattr(kind, "__array__") and not issubclass(kind, type)):
        return _plain_array(value)
    if issubclass(kind, int):
        number = int.__add__(value, 0)
        return number if number.bit_length() < 64 else math.copysign(math.inf, number)
    if issubclass(kind, float):
        return float.__add__(value, 0.0)
    if issubclass(kind, str):
        return str.__getitem__(value, slice(LONGEST))
    if depth > DEEPEST:
        return Other("lists in lists in lists, without an end")
    if issubclass(kind, list | tuple):
        own = tuple if issubclass(kind, tuple) else list
        if own.__len__(value) > MOST_NUMBERS:
            return Other(f"a list of more than {MOST_NUMBERS:,} things")
        return own(_plain(part, depth + 1) for part in own.__iter__(value))
    if issubclass(kind, dict):
        return {_key(key): _plain(part, depth + 1) for key, part in dict.items(value)}
    if issubclass(kind, range | types.GeneratorType | map | zip | filter | reversed | enumerate):
        return _drained(value)
    return Other(in_words(value))


def _key(key: object) -> object:
    key = _plain(key, DEEPEST)
    return key if isinstance(key, str | int | float | bool) else str(key)


def _plain_tensor(value: Tensor) -> Tensor | Other:
    try:
        with torch._C.DisableTorchFunctionSubclass():
            if value.is_meta or value.is_complex() or value.layout != torch.strided:
                return Other("a tensor of another kind")
            if value.numel() > MOST_NUMBERS:
                return Other(f"a tensor of more than {MOST_NUMBERS:,} numbers")
            tensor = value.detach().cpu().clone().contiguous()
            return tensor if type(tensor) is Tensor else tensor.as_subclass(Tensor)
    except Exception:
        return Other("a tensor that cannot be read")


def _plain_array(value: object) -> Tensor | Other:
    try:
        array = np.asarray(value)
        if array.dtype.kind not in "biuf":
            return Other("a complex number" if array.dtype.kind == "c" else "an array without numbers")
        if array.size > MOST_NUMBERS:
            return Other(f"an array of more than {MOST_NUMBERS:,} numbers")
        if array.dtype.name not in DTYPES:
            array = array.astype(np.float64)
        return torch.tensor(array)
    except Exception:
        return Other("an array that cannot be read")


def in_words(value: object) -> str:
    """What a value is, for a beginner."""
    if isinstance(value, Other):
        return value.words
    if value is None:
        return "nothing (`None`)"
    if isinstance(value, str | bytes):
        return "a text"
    if isinstance(value, bool):
        return f"`{value}`"
    if isinstance(value, int | float):
        return "a number"
    if isinstance(value, complex):
        return "a complex number"
    if isinstance(value, Tensor):
        return f"a tensor of shape `{list(value.shape)}`" if value.ndim else "a tensor that holds one number"
    if isinstance(value, type):
        return "a class"
    if callable(value):
        return "a function"
    if isinstance(value, list | tuple | dict | set):
        kind = {list: "list", tuple: "tuple", dict: "dict", set: "set"}.get(type(value), "list")
        return f"a {kind} of {len(value)}" if len(value) else f"an empty {kind}"
    return f"a `{type(value).__name__}`"


def identical(first: object, second: object) -> bool:
    """Whether two plain values are the same to the last bit."""
    return encode(first) == encode(second)


# JSON ---------------------------------------------------------------------------------------------------------------

NAMES = "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"
DTYPES = {name: getattr(torch, name) for name in NAMES}


def encode(value: object) -> str:
    """Plain values, inputs and outcomes as JSON."""
    return json.dumps(_encoded(value))


def _encoded(value: object) -> object:
    match value:
        case Tensor():
            if value.dtype is torch.bfloat16:
                value = value.float()
            data = base64.b64encode(value.contiguous().numpy().tobytes()).decode()
            return {"tensor": [str(value.dtype).removeprefix("torch."), list(value.shape), data]}
        case list():
            return [_encoded(part) for part in value]
        case tuple():
            return {"tuple": [_encoded(part) for part in value]}
        case dict():
            return {"dict": [[key, _encoded(part)] for key, part in value.items()]}
        case Code():
            return {"code": value.text}
        case Other():
            return {"other": value.words}
        case Outcome():
            return {"outcome": {name: _encoded(part) for name, part in vars(value).items()}}
    return {"stub": True} if value is ... else value


def decode(text: str) -> object:
    """What `encode` wrote. Raises ValueError for anything else."""
    try:
        return _decoded(json.loads(text))
    except (TypeError, KeyError, RecursionError, RuntimeError) as error:
        raise ValueError(f"this is no encoded value: {error}") from error


def _decoded(value: object) -> object:
    if isinstance(value, list):
        return [_decoded(part) for part in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    match kind:
        case "tensor":
            name, shape, data = content
            numbers = np.frombuffer(base64.b64decode(data, validate=True), dtype=name if name in DTYPES else "")
            if any(size < 0 for size in shape):
                raise ValueError(f"{shape} is no shape")
            return torch.tensor(numbers.reshape(shape))
        case "tuple":
            return tuple(map(_decoded, content))
        case "dict":
            return {key: _decoded(part) for key, part in content}
        case "code":
            return Code(str(content))
        case "other":
            return Other(str(content))
        case "outcome":
            parts = {name: _decoded(part) for name, part in content.items()}
            usual = {name: type(default) for name, default in vars(Outcome()).items() if name != "value"}
            if any(type(parts[name]) is not kind for name, kind in usual.items()):
                raise ValueError("this is no outcome")
            return Outcome(**parts)
        case "stub":
            return ...
    raise ValueError(f"there is no value of the kind {kind!r}")
