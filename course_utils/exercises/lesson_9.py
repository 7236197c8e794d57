"""Lesson 9: bytes of a network, its forward pass in NumPy, weights of few bits, a drawing's way to the middle."""

import math
from itertools import pairwise

import numpy as np

from .exercise import Code, Exercise, altered


def my_bytes(shapes, bits):
    count = sum(math.prod(shape) for shape in shapes)
    return math.ceil(count * bits / 8)


BYTES = Exercise(
    "9.1", "what weights weigh", my_bytes,
    inputs=[([(128, 784), (128,)], 32), ([(2, 3), (2,)], 8), ([(16, 1, 5, 5), (16,)], 32), ([(10,), (10, 3)], 4), ([(3,), (1,), (3,)], 2), ([(5, 7)], 3)],
    mistakes={
        "You counted bits. A byte has 8 of them.": altered(my_bytes, {" / 8": ""}),
        "You added the sides of each shape. A tensor of 2 × 3 holds 6 numbers, not 5.": altered(my_bytes, {"math.prod(shape)": "sum(shape)"}),
        "You took 4 bytes a number, whatever `bits` says.": altered(my_bytes, {"bits / 8": "4"}),
        "You rounded down, and the last bits have no byte to lie in. Round up.": altered(my_bytes, {"math.ceil(count * bits / 8)": "count * bits // 8"}),
        "Your result is not a whole number of bytes. Round up.": altered(my_bytes, {"math.ceil(count * bits / 8)": "count * bits / 8"}),
        "You counted the first tensor alone. The others, the biases too, want to come along.": altered(my_bytes, {"in shapes)": "in shapes[:1])"}),
        "You rounded up for each tensor. Packed one behind the other, all share their bytes: round up once, at the end.":
            lambda shapes, bits: sum(math.ceil(math.prod(shape) * bits / 8) for shape in shapes)},
    hints=("How many numbers does a tensor of 128 × 784 hold? And a whole network?",
           "`math.prod(shape)` multiplies the sides of a shape. Add this up over all shapes.",
           "Numbers times bits gives bits. Eight of them are a byte, and a begun byte counts as a whole one: `math.ceil`."),
    why="A network is its numbers. Their count times the bits of each, in bytes, is what it weighs; the names and shapes beside them weigh next to nothing.")  # fmt: skip


def my_linear(x, weight, bias):
    return x @ weight.T + bias


LINEAR = Exercise(
    "9.2", "a linear layer in NumPy", my_linear,
    inputs=[tuple(map(Code, ("torch.tensor([[1.0, 2.0]]).numpy()", "torch.tensor([[1.0, 0.0], [3.0, -1.0]]).numpy()", "torch.tensor([0.5, 0.0]).numpy()"))),
            tuple(map(Code, ("torch.randn(4, 3).numpy()", "torch.randn(3, 3).numpy()", "torch.ones(3).numpy()"))),
            tuple(map(Code, ("torch.randn(2, 2).numpy()", "torch.randn(2, 2).numpy()", "torch.arange(2.0).numpy()")))],
    mistakes={
        "The bias is missing.": altered(my_linear, {" + bias": ""}),
        "You subtracted the bias. It is added.": altered(my_linear, {"+ bias": "- bias"}),
        "The weights stand one output a *row*. Turn them over: `weight.T`.": altered(my_linear, {"weight.T": "weight"}),
        "You multiplied number by number. Each output is a sum of products: `@`.": altered(my_linear, {"x @ weight.T": "x * weight.T[:1]"}),
        "You also cut off what is below 0. That is the next layer's work.": lambda x, weight, bias: np.maximum(x @ weight.T + bias, 0)},
    hints=("An output is the sum of all inputs, each times its weight. `@` does that for a whole batch.",
           "`x` is [digits, inputs], and `weight` is [outputs, inputs]. `@` wants the inputs to meet in the middle.",
           "`.T` turns a table over. The bias has one number for each output, and is added at the end to every row."),
    why="torch keeps one output's weights in a row. So the table is turned over, and row times column is the sum of products.")  # fmt: skip


def my_forward(x, layers):
    for weight, bias in layers[:-1]:
        x = np.maximum(x @ weight.T + bias, 0)
    weight, bias = layers[-1]
    logits = x @ weight.T + bias
    logits = logits - logits.max(axis=1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))


def _layers(*sizes, times=1.0):
    pairs = [f"({times} * torch.randn({b}, {a}).numpy(), torch.randn({b}).numpy())" for a, b in pairwise(sizes)]
    return Code(f"[{', '.join(pairs)}]")


FORWARD = Exercise(
    "9.3", "a whole forward pass", my_forward,
    inputs=[(Code("torch.randn(2, 3).numpy()"), _layers(3, 2)), (Code("torch.randn(3, 4).numpy()"), _layers(4, 5, 3)),
            (Code("torch.randn(4, 3).numpy()"), _layers(3, 4, 4, 4)), (Code("torch.randn(2, 4).numpy()"), _layers(4, 5, 3, times=30.0))],
    mistakes={
        "There is no ReLU between your layers. Without one they are a single straight line.": altered(my_forward, {"np.maximum(x @ weight.T + bias, 0)": "x @ weight.T + bias"}),
        "Your last layer has a ReLU, too. The scores may be negative: the ReLU stands *between* layers.":
            altered(my_forward, {"logits = x @ weight.T + bias": "logits = np.maximum(x @ weight.T + bias, 0)"}),
        "These are the scores. A log-softmax comes after the last layer.": altered(my_forward, {"return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))": "return x @ weight.T + bias"}),
        "These are probabilities, and their logarithms are wanted.": altered(my_forward, {"return logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))": "return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)"}),
        "You summed over the digits. The ten numbers of *one* digit make its probabilities: `axis=1`.":
            altered(my_forward, {"np.exp(logits).sum(axis=1, keepdims=True)": "np.exp(logits).sum(axis=0, keepdims=True)"}),
        "`np.exp` of a large score is infinite. Subtract each row's largest score first; that changes no probability.":
            altered(my_forward, {"logits = logits - logits.max(axis=1, keepdims=True)": "logits = logits.astype(np.float32)", "np.log(np.exp(logits)": "np.log(np.exp(logits.astype(np.float32))"}),
        "Your biases are missing.": altered(my_forward, {"x @ weight.T + bias": "x @ weight.T"})},
    hints=("Walk through `layers[:-1]`, and let `x` become the layer's result, cut off below 0 with `np.maximum`.",
           "The last pair has no ReLU. Its ten numbers are the scores z.",
           "log p = z − log Σ exp(z), row by row: `axis=1, keepdims=True`. Before that, subtract each row's largest z, or `np.exp` overflows."),
    why="Linear, ReLU, linear, …, and at the end a log-softmax. That is all a network of linear layers is, whatever trained it.")  # fmt: skip


def my_conv(windows, weight, bias):
    return np.einsum("nchwij,ocij->nohw", windows, weight) + bias[:, None, None]


def _windows(*shape):
    n, c, h, w, k = shape
    return Code(f"torch.randn({n}, {c}, {h}, {w}).unfold(2, {k}, 1).unfold(3, {k}, 1).numpy()")


CONV = Exercise(
    "9.4", "a convolution in NumPy", my_conv,
    inputs=[(_windows(1, 1, 3, 3, 2), Code("torch.randn(1, 1, 2, 2).numpy()"), Code("torch.ones(1).numpy()")),
            (_windows(2, 3, 4, 5, 3), Code("torch.randn(2, 3, 3, 3).numpy()"), Code("torch.arange(2.0).numpy()")),
            (_windows(1, 2, 4, 4, 2), Code("torch.randn(3, 2, 2, 2).numpy()"), Code("torch.arange(3.0).numpy()"))],
    mistakes={
        "The bias is missing: one number for each map that comes out.": altered(my_conv, {" + bias[:, None, None]": ""}),
        "The bias goes along the columns. It belongs to the *maps*: `bias[:, None, None]`.": altered(my_conv, {"bias[:, None, None]": "bias"}),
        "You turned the filter over. Networks call it a convolution, and leave the filter as it is.": altered(my_conv, {", weight)": ", weight[:, :, ::-1, ::-1])"}),
        "Rows and columns of the filter are swapped.": altered(my_conv, {"ocij": "ocji"}),
        "You took the mean of the products. A convolution takes their sum.": lambda windows, weight, bias: np.einsum("nchwij,ocij->nohw", windows, weight) / weight[0].size + bias[:, None, None],
        "You used the first map that comes in, and there may be several: sum over them, too.":
            lambda windows, weight, bias: np.einsum("nhwij,oij->nohw", windows[:, 0], weight[:, 0]) + bias[:, None, None]},
    hints=("For one place and one filter: window times filter, number by number, and the sum of it all. `np.einsum` does it for all places and filters.",
           "Name the axes: windows are `nchwij`, filters `ocij`. What should come out is `nohw`.",
           "Letters that stand on the left of the arrow only are summed over: c, i and j. Then the bias, with its axis where `o` is."),
    why="The same sum of products at each place: the letters c, i, j vanish because they are summed over, and o comes in.")  # fmt: skip


def my_quantise(weights, bits):
    steps = 2 ** (bits - 1) - 1
    scale = np.abs(weights).max() / steps
    return np.round(weights / scale) * scale


QUANTISE = Exercise(
    "9.5", "weights of few bits", my_quantise,
    inputs=[(Code("torch.tensor([0.6, -0.25, 0.07]).numpy()"), 3), (Code("torch.randn(6).numpy()"), 4), (Code("-torch.rand(5).numpy()"), 2), (Code("torch.randn(3, 4).numpy()"), 8),
            (Code("torch.tensor([[0.1, -2.0], [1.3, 0.7]]).numpy()"), 3)],
    mistakes={
        "You forgot the sign: half of the steps lie below 0. On each side there are 2^(bits − 1) − 1.": altered(my_quantise, {"2 ** (bits - 1) - 1": "2 ** bits - 1"}),
        "One step too many: with 3 bits, −3 to 3 are kept, and 4 would need a fourth bit.": altered(my_quantise, {"2 ** (bits - 1) - 1": "2 ** (bits - 1)"}),
        "These are the whole numbers that are kept. Multiply by the scale to make weights of them.": altered(my_quantise, {"np.round(weights / scale) * scale": "np.round(weights / scale)"}),
        "You cut off instead of rounding, so every weight comes nearer to 0.": altered(my_quantise, {"np.round": "np.trunc"}),
        "You rounded down instead of to the nearest.": altered(my_quantise, {"np.round": "np.floor"}),
        "You took the largest weight, and the largest *size* is wanted: it may be negative.": altered(my_quantise, {"np.abs(weights).max()": "weights.max()"}),
        "These are the weights as they were: nothing is rounded.": lambda weights, bits: weights},
    hints=("With `bits` bits, one of them for the sign, whole numbers go from −steps to steps. How many steps are that for 3 bits?",
           "The largest weight, in size, becomes the largest whole number. So one step, the scale, is worth max|w| / steps.",
           "Divide by the scale, round with `np.round`, and multiply by the scale again."),
    why="Each weight moves to the nearest of a few evenly spaced values. It is off by half a step at most, and each bit less doubles the step.")  # fmt: skip


def my_shift(ink):
    rows, columns = np.indices(ink.shape)
    centre = [(place * ink).sum() / ink.sum() for place in (rows, columns)]
    return [round(side // 2 - at) for side, at in zip(ink.shape, centre, strict=True)]


def _ink(rows, columns, *drops):
    numbers = np.zeros((rows, columns))
    for row, column, value in drops:
        numbers[row, column] = value
    return Code(f"torch.tensor({numbers.tolist()}).numpy()")


SHIFT = Exercise(
    "9.6", "to the middle", my_shift, parts=("rows down", "columns to the right"),
    inputs=[(_ink(5, 5, (0, 0, 1)),), (_ink(6, 8, (1, 5, 1.0), (1, 6, 1.0), (2, 5, 1.0)),), (_ink(7, 7, (0, 1, 1.0), (6, 1, 0.2), (0, 2, 1.0)),), (_ink(5, 7, (4, 6, 0.5), (4, 5, 0.3)),),
            (_ink(9, 9, (8, 0, 1.0), (7, 0, 1.0), (0, 0, 0.1)),)],
    mistakes={
        "Rows and columns are swapped: first how far down, then how far to the right.": lambda ink: my_shift(ink)[::-1],
        "You move the wrong way: what lies too high has to go *down*.": lambda ink: [-one for one in my_shift(ink)],
        "You took the middle of the ink's box. The centre of mass counts how much ink lies where.": lambda ink: _by_box(ink),
        "You counted every inked pixel alike. A dark one weighs more than a pale one.": lambda ink: my_shift((ink > 0) * 1.0),
        "That is the centre itself. Wanted is how far it has to go.": lambda ink: [side // 2 - one for side, one in zip(ink.shape, my_shift(ink), strict=True)],
        "Pixels are moved by whole numbers: round.": altered(my_shift, {"round(side // 2 - at)": "side // 2 - at"})},
    hints=("The centre of mass in rows: each pixel's row times its ink, summed, divided by all ink.",
           "`np.indices(ink.shape)` gives two tables: every pixel's row, and every pixel's column.",
           "It has to come to `side // 2`: subtract where it is from where it should be, and round."),
    why="A mean of places, weighted with ink, once for rows and once for columns. MNIST's makers set it to the same pixel in every digit.")  # fmt: skip


def _by_box(ink):
    """A wrong answer: it centres the ink's bounding box."""
    places = np.nonzero(ink)
    return [round(side // 2 - (place.min() + place.max()) / 2) for side, place in zip(ink.shape, places, strict=True)]


EXERCISES = (BYTES, LINEAR, FORWARD, CONV, QUANTISE, SHIFT)
