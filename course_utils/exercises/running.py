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
from dataclasses import dataclass, field, replace
from decimal import Decimal
from fractions import Fraction
from itertools import islice

import numpy as np
import torch
from torch import Tensor, nn

MOST_NUMBERS = 2_000_000  # in one value
MOST_THINGS = 100_000  # in lists, all together
MOST_ITEMS = 1000  # from one generator
LONGEST = 1000  # characters of a text
DTYPES = "bool", "uint8", "int8", "int16", "int32", "int64", "float16", "float32", "float64"


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
    changed: list = field(default_factory=list)  # the arguments that are not what they were
    printed: str = ""
    yielded: bool = False  # the answer is a generator; the value is the list of what it gave


def run(answer: object, inputs: Sequence[tuple] | None, use: str = "call") -> list[Outcome]:
    """What an answer gives for each of the inputs, or for no inputs the answer itself. torch's seed stays as it was."""
    if inputs is None or (use == "rule" and not callable(answer)):
        return [_caught(lambda: answer)]
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
    before = [encode(plain(argument)) for argument in given]
    outcome = _caught(lambda: use(answer, *given))
    after = [encode(plain(argument)) for argument in given]
    changed = [i for i, one in enumerate(arguments) if not isinstance(one, Code) and before[i] != after[i]]
    return replace(outcome, changed=changed)


def _caught(compute: Callable) -> Outcome:
    printed = _Printed()
    try:
        with redirect_stdout(printed):
            value = compute()
            yielded = isinstance(value, types.GeneratorType)
            value = plain(value)
        return Outcome(value, printed=printed.getvalue(), yielded=yielded)
    except (Exception, SystemExit, KeyboardInterrupt) as error:
        message = textwrap.shorten(text_of(error), 200, placeholder=" …") or "nothing more."
        line, code = _place(error)
        return Outcome(None, type(error).__name__, message, line, code, printed=printed.getvalue())


def text_of(error: BaseException) -> str:
    """What an exception says, even where its own text fails."""
    try:
        return str(error)[:LONGEST]
    except Exception:
        return "its text cannot be read"


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
    backwards, steps = _counted(model, optimizer)
    losses = [plain(step(model, images, labels, loss_fn, optimizer)) for images, labels in batches]
    losses = [loss.squeeze() if isinstance(loss, Tensor) and loss.numel() == 1 else loss for loss in losses]
    weights = nn.utils.parameters_to_vector(model.parameters())
    return [weights, losses, model.training, len(backwards), len(steps)]


def train_epoch(answer: Callable, model: nn.Module, batches: Sequence, loss_fn: Callable, learning_rate: float) -> list:
    """Let one epoch of training run over batches that come once, with plain SGD.

    Gives the weights and what the answer gave, and as clues how often `backward()` came to the weights and how often
    the optimizer stepped.
    """
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    backwards, steps = _counted(model, optimizer)
    value = answer(model, iter(batches), loss_fn, optimizer)
    return [nn.utils.parameters_to_vector(model.parameters()), value, len(backwards), len(steps)]


def _counted(model: nn.Module, optimizer: torch.optim.Optimizer) -> tuple[list, list]:
    """Two lists: the one grows with each `backward()` that comes to the weights, the other with each step."""
    backwards, steps = [], []
    next(model.parameters()).register_hook(lambda gradient: backwards.append(1))
    optimizer.register_step_post_hook(lambda *_: steps.append(1))
    return backwards, steps


def fit(answer: Callable, model: nn.Module, *given: object) -> list:
    """Let a whole training run, with plain SGD: given are both kinds of batches, a loss, a learning rate and epochs.

    Gives the weights, what the answer gave, and whether all that ran in `eval()` ran without gradients.
    """
    *batches, loss_fn, learning_rate, epochs = given
    recorded = []
    model.register_forward_hook(lambda *_: recorded.append(torch.is_grad_enabled() and not model.training))
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    value = answer(model, *batches, loss_fn, optimizer, epochs)
    return [nn.utils.parameters_to_vector(model.parameters()), value, not any(recorded)]


def build(network: Callable, *given: object) -> list:
    """Make a network of all that is given but the last, images that it answers with weights of their shapes alone.

    Gives the shapes of its parameters, its answers, and as a clue whether it answers alike twice.
    """
    *settings, images = given
    model = network(*settings)
    parameters = list(model.parameters())
    with torch.no_grad():
        for parameter in parameters:
            parameter.copy_(torch.arange(1.0, parameter.numel() + 1).sin().reshape(parameter.shape))
        answers, again = plain(model(images)), plain(model(images))
    return [sorted(list(parameter.shape) for parameter in parameters), answers, encode(answers) == encode(again)]


def reaches(answer: Callable, outputs: Tensor, *others: object) -> list:
    """What the answer gives, and whether `backward()` comes from there to the outputs."""
    value = answer(outputs.requires_grad_(), *others)
    if isinstance(value, Tensor) and value.requires_grad:
        value.sum().backward()
    return [value, outputs.grad is not None]


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


def restore(snapshot: Callable, model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Take a snapshot of a network, train it on, load the snapshot, and give what the network answers then."""
    kept = snapshot(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    for _ in range(3):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(images), labels).backward()
        optimizer.step()
    model.load_state_dict(kept)
    return model.eval()(images)


USES = {use.__name__: use for use in (call, train, train_epoch, fit, build, reaches, count_work, restore)}
USES["rule"] = call  # and a value that was found by eye is as good as the rule


# Plain values -------------------------------------------------------------------------------------------------------


def plain(value: object) -> object:
    """A value without anything of the student's: None, `...`, True, numbers, texts, lists, tuples, dicts, tensors.

    NumPy's arrays become tensors, iterators lists. Subclasses are read as what they derive from. Anything else becomes
    an `Other`, and so does what is too large.
    """
    try:
        return _plain(value, iter(range(MOST_THINGS)))
    except (OverflowError, RecursionError):
        return Other("more than can be read")


def _plain(value: object, room: Iterator[int]) -> object:
    if next(room, None) is None:
        raise OverflowError
    kind = type(value)
    if value is None or value is ... or kind in (bool, Other, Code):
        return value
    if issubclass(kind, str):
        return str.__getitem__(value, slice(LONGEST))
    if hasattr(kind, "__array__"):
        return _plain_numbers(value)
    if issubclass(kind, int):
        number = int.__add__(value, 0)
        return number if number.bit_length() < 64 else math.copysign(math.inf, number)
    if issubclass(kind, float | Fraction | Decimal):
        return float.__add__(value if issubclass(kind, float) else float(value), 0.0)
    if issubclass(kind, list | tuple):
        own = tuple if issubclass(kind, tuple) else list
        return own(_plain(part, room) for part in own.__iter__(value))
    if issubclass(kind, dict):
        keys = [key if type(key) in (str, int) else str(_plain(key, room)) for key in dict.keys(value)]
        return dict(zip(keys, [_plain(part, room) for part in dict.values(value)], strict=True))
    if issubclass(kind, range | types.GeneratorType | map | zip | filter | reversed | enumerate):
        items = [_plain(item, room) for item in islice(value, MOST_ITEMS + 1)]
        return items if len(items) <= MOST_ITEMS else Other(f"more than {MOST_ITEMS:,} things, without an end")
    return Other(in_words(value))


def _plain_numbers(value: object) -> Tensor | list | str | Other:
    """A tensor or an array as a tensor with memory of its own; an array of texts as a list."""
    try:
        with torch._C.DisableTorchFunctionSubclass():
            value = value if isinstance(value, Tensor) else np.asarray(value)
            if math.prod(value.shape) > MOST_NUMBERS:
                return Other(f"more than {MOST_NUMBERS:,} numbers")
            if isinstance(value, np.ndarray):
                if value.dtype.kind == "U":
                    return _plain(value.tolist(), iter(range(MOST_ITEMS)))
                if value.dtype.kind not in "biuf":
                    return Other("a complex number" if value.dtype.kind == "c" else "an array without numbers")
                value = torch.tensor(value if value.dtype.name in DTYPES else value.astype(np.float64))
            if value.is_meta or value.is_complex() or value.layout != torch.strided:
                return Other("a tensor of another kind")
            tensor = value.detach().cpu().clone().contiguous().as_subclass(Tensor)
            return tensor if str(tensor.dtype).removeprefix("torch.") in DTYPES else tensor.float()
    except Exception:
        return Other("numbers that cannot be read")


def in_words(value: object) -> str:
    """What a value is, for a beginner."""
    if isinstance(value, Other):
        return value.words
    if value is None or isinstance(value, bool):
        return "nothing (`None`)" if value is None else f"`{value}`"
    if isinstance(value, Tensor):
        return f"a tensor of shape `{list(value.shape)}`" if value.ndim else "a tensor that holds one number"
    if isinstance(value, list | tuple | dict | set):
        kind = next(kind.__name__ for kind in (list, tuple, dict, set) if isinstance(value, kind))
        return f"a {kind} of {len(value)}" if len(value) else f"an empty {kind}"
    kinds = {str | bytes: "a text", int | float: "a number", complex: "a complex number", type: "a class"}
    other = "a function" if callable(value) else f"a `{type(value).__name__}`"
    return next((words for kind, words in kinds.items() if isinstance(value, kind)), other)


# JSON ---------------------------------------------------------------------------------------------------------------

CLASSES = {"code": Code, "other": Other, "outcome": Outcome}


def encode(value: object) -> str:
    """Plain values, inputs and outcomes as JSON. Tuples become lists, and a dict's keys texts."""
    return json.dumps(value, default=_tagged)


def _tagged(value: object) -> dict:
    if isinstance(value, Tensor):
        data = base64.b64encode(value.contiguous().numpy().tobytes()).decode()
        return {"tensor": [str(value.dtype).removeprefix("torch."), list(value.shape), data]}
    if value is ...:
        return {"stub": True}
    for kind, own in CLASSES.items():
        if isinstance(value, own):
            return {kind: vars(value)}
    raise TypeError(f"{in_words(value)} cannot be encoded")


def decode(text: str) -> object:
    """What `encode` wrote. Raises ValueError for anything else."""
    try:
        return json.loads(text, object_hook=_untagged)
    except (TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(f"this is not an encoded value: {error}") from error


def _untagged(pairs: dict) -> object:
    """What one JSON object stands for: a tensor, `...`, an instance with fields of the usual types, or a plain dict."""
    if len(pairs) != 1:
        return pairs
    ((kind, content),) = pairs.items()
    if kind == "tensor":
        name, shape, data = content
        if name not in DTYPES or any(size < 0 for size in shape):
            raise ValueError(f"there is no tensor of {name} with the shape {shape}")
        return torch.tensor(np.frombuffer(base64.b64decode(data, validate=True), dtype=name).reshape(shape))
    if kind == "stub":
        return ...
    if kind not in CLASSES:
        return pairs
    types_of_fields = CLASSES[kind].__annotations__.items()
    if any(own is not object and type(content.get(name)) is not own for name, own in types_of_fields):
        raise ValueError(f"these are not the fields of {kind}")
    return CLASSES[kind](**content)
