"""Lesson 1: collapsing linear layers, the sigmoid's slope, vanishing gradients, folding by hand, recall."""

import math

import torch

from .exercise import Exercise, NotRight, drawn
from .judging import format_number, number_of

PRODUCT = Exercise(
    "1.1",
    "two layers as one matrix",
    "my_product = [[4, 5], [-1, -2]]",
    mistakes={
        "This is W₁W₂. The layer that acts last stands on the left: W₂W₁.": [[3, 0], [7, -1]],
        "This is the right table with rows and columns exchanged. Row 1 belongs to the first output.": [[4, -1], [5, -2]],
        "This multiplies entry by entry. In a matrix product each entry is a row times a column, added up.": [[2, 1], [2, -3]],
        "This adds the two tables. Two layers, one after the other, multiply.": [[3, 2], [3, 2]],
        "The second row lost a sign: W₂ has a −1 there.": [[4, 5], [3, 4]],
    },
    hints=(
        "y = W₂(W₁x) = (W₂W₁)x. The layer that acts last stands on the left.",
        "Entry in row 1, column 1: the first row of W₂ times the first column of W₁, that is 2 · 1 + 1 · 2.",
        "The other three go the same way: row 1 with column 2, row 2 with column 1, row 2 with column 2. Mind the −1.",
    ),
    why="Row 1: 2 · 1 + 1 · 2 = 4 and 2 · 1 + 1 · 3 = 5. Row 2: 1 · 1 − 1 · 2 = −1 and 1 · 1 − 1 · 3 = −2.",
)  # fmt: skip

# 1.2 ------------------------------------------------------------------------------------------------------------------


def my_collapse(W1, b1, W2, b2):
    return W2 @ W1, W2 @ b1 + b2


def _two_layers(inputs, hidden, outputs, dtype=torch.float32):
    shapes = (hidden, inputs), (hidden,), (outputs, hidden), (outputs,)
    return tuple(drawn(*shape, seed=seed, dtype=dtype) for seed, shape in enumerate(shapes, start=10 * inputs))


def _bias(bias):
    """A wrong answer: the right weights, and another bias."""
    return lambda W1, b1, W2, b2: (W2 @ W1, bias(b1, W2, b2))


COLLAPSE = Exercise(
    "1.2",
    "two layers with biases as one",
    my_collapse,
    inputs=[_two_layers(2, 2, 2), _two_layers(3, 2, 1), _two_layers(4, 3, 2), _two_layers(3, 3, 3, torch.float64)],
    parts=("W", "b"),
    atol=1e-5,
    mistakes={
        "This is W₁W₂. The layer that acts last stands on the left: W₂W₁. (Torch stops with an error where the shapes do not "
        "fit, and where they happen to fit the numbers are wrong.)": lambda W1, b1, W2, b2: (W1 @ W2, W2 @ b1 + b2),
        "The two things stand in the wrong order: first W, then b.": lambda W1, b1, W2, b2: (W2 @ b1 + b2, W2 @ W1),
        "W is transposed: it has a row for each output and a column for each "
        "input.": lambda W1, b1, W2, b2: ((W2 @ W1).T, W2 @ b1 + b2),
        "b₁ is lost. It passes through the second layer like any hidden number: W₂b₁, and then b₂ is "
        "added.": _bias(lambda b1, W2, b2: b2),
        "b₂ is lost: it is added at the very end.": _bias(lambda b1, W2, b2: W2 @ b1),
        "The biases do not simply add up: b₁ passes through the second layer, so it becomes W₂b₁.": _bias(lambda b1, W2, b2: b1 + b2),
        "b₂ does not pass through W₂: it is added after it.": _bias(lambda b1, W2, b2: W2 @ (b1 + b2)),
        "`*` multiplies entry by entry. The matrix product is `@`.": lambda W1, b1, W2, b2: (W2 * W1, W2 @ b1 + b2),
        "W is right, and in b `*` multiplies entry by entry. The matrix product is `@`.": _bias(lambda b1, W2, b2: W2 * b1 + b2),
    },
    hints=(
        "Put the first layer into the second: W₂(W₁x + b₁) + b₂. Multiply out.",
        "What stands before x is W. What is left without x is b.",
        "The second weights multiply both the first weights and the first bias, each from the left.",
    ),
    why="W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂): the first bias passes through the second layer.",
)  # fmt: skip

# 1.3 ------------------------------------------------------------------------------------------------------------------


def my_sigmoid_slope(z):
    s = torch.sigmoid(z)
    return s * (1 - s)


SIGMOID_SLOPE = Exercise(
    "1.3",
    "the slope of the sigmoid",
    my_sigmoid_slope,
    inputs=[
        (torch.tensor([0.5, -1.0]),),
        (torch.tensor(2.0),),
        (drawn(3, 4, dtype=torch.float64),),
        (torch.tensor([-1000.0, 0.0, 1000.0]),),
    ],
    mistakes={
        "This is the sigmoid itself. Its slope is σ(z) (1 − σ(z)).": torch.sigmoid,
        "A sign is wrong: σ(z) (1 − σ(z)). A slope above 0.25 cannot be.": lambda z: z.sigmoid() * (1 + z.sigmoid()),
        "You put z where σ(z) belongs: first compute s = σ(z), then s (1 − s).": lambda z: z * (1 - z),
        "In one of the two factors you put z where σ(z) belongs: s (1 − s).": lambda z: z.sigmoid() * (1 - z),
        "One factor is missing: σ(z) times (1 − σ(z)).": lambda z: 1 - z.sigmoid(),
        "Nearly: s − s², without the half.": lambda z: z.sigmoid() - z.sigmoid() ** 2 / 2,
        "The sign is turned round. The sigmoid climbs everywhere, so its slope is positive.": lambda z: -my_sigmoid_slope(z),
        "This squares the sigmoid. The second factor is 1 − σ(z).": lambda z: z.sigmoid() ** 2,
        "This is the slope of the ReLU.": lambda z: (z > 0).to(z.dtype),
        "Right near 0, but at z = −1000 it gives nan: an exponential grew beyond the largest number. `torch.sigmoid` guards "
        "against that; build the slope from it.": lambda z: (-z).exp() / (1 + (-z).exp()) ** 2,
        "Right near 0, but at z = 1000 it gives nan: an exponential grew beyond the largest number. `torch.sigmoid` guards "
        "against that; build the slope from it.": lambda z: z.exp() / (1 + z.exp()) ** 2,
        "This is the largest slope of all. Give back the slope at every z.": lambda z: my_sigmoid_slope(z).max(),
    },
    hints=(
        "The formula stands above: the slope at z can be written with the sigmoid's own value at z.",
        "First s = σ(z): torch has `torch.sigmoid`, which works on a whole tensor at once.",
        "Call the sigmoid's value s. Then two factors: s itself, and what s lacks to 1.",
    ),
    why="σ′(z) = σ(z) (1 − σ(z)). At 0 that is ½ · ½ = 0.25, and nowhere is it more.",
)  # fmt: skip

# 1.4 ------------------------------------------------------------------------------------------------------------------


def my_layers(factor, share):
    layers = 0
    left = 1.0
    while left >= share:
        left = left * factor
        layers = layers + 1
    return layers


LAYERS = Exercise(
    "1.4",
    "how many layers until nothing is left",
    my_layers,
    inputs=[(0.25, 0.001), (0.5, 0.25), (0.5, 0.3), (0.9, 0.5), (0.35, 1e-6), (0.1, 0.5)],
    mistakes={
        "At (0.5, 0.25) two layers leave exactly a quarter, and *less* than a quarter is "
        "asked for.": lambda factor, share: math.ceil(round(math.log(share) / math.log(factor), 9)),
        "One layer too few: after so many the share is still there.": lambda factor, share: my_layers(factor, share) - 1,
        "One layer too many: one less leaves less than the share already. Count a layer when you multiply by its "
        "factor.": lambda factor, share: my_layers(factor, share) + 1,
        "Slopes are multiplied on the way back, not added up: factor · factor · …": lambda factor, share: math.ceil(factor / share),
        "You took the same amount away each time. Each layer leaves a *factor* of what came: multiply.": lambda factor, share: math.ceil((1 - share) / (1 - factor)),
        "Layers come whole. Take the next whole number above yours.": lambda factor, share: math.log(share) / math.log(factor),
        "Layers come whole, and rounding to the nearest may leave too much. Take the next whole number "
        "above.": lambda factor, share: round(math.log(share) / math.log(factor)),
        "This is what the layers leave. How many layers are they?": lambda factor, share: factor ** my_layers(factor, share),
        "This is right for a factor of 0.25 alone. Use the `factor` that is handed in.": lambda factor, share: my_layers(0.25, share),
        "This is the answer to one question. Use the `factor` and the `share` that are handed in.": lambda factor, share: 5,
    },
    hints=(
        "Start with 1, and multiply by the factor once for each layer. How long until less than the share is left?",
        "For 0.25 and 0.001: 0.25, 0.0625, 0.0156, 0.0039, … When does it first fall below 0.001?",
        "A `while` loop repeats as long as a condition holds. The condition compares what is left with the share; inside, one more "
        "layer is counted.",
    ),
    why="0.25⁴ = 0.0039 and 0.25⁵ = 0.00098: in the best case the fifth sigmoid takes the gradient below a thousandth. With "
    "logarithms it is one line: log(share) / log(factor), rounded down, plus 1.",
)  # fmt: skip

# 1.5 ------------------------------------------------------------------------------------------------------------------


def my_fold(x1, x2):
    h1 = max(0, x1 - x2)
    h2 = max(0, x2 - x1)
    return h1 + h2 - 0.5


CORNERS = {(0, 0): 0, (1, 1): 0, (0, 1): 1, (1, 0): 1}
STEPS = [(0, 0), (0.1, 0), (-0.1, 0), (0, 0.1), (0, -0.1), (0.07, -0.07), (-0.07, 0.07)]
NEAR = {(x1 + right, x2 + up): side for (x1, x2), side in CORNERS.items() for right, up in STEPS}


def judge_fold(outcomes):
    """Four corners, and points up to 0.1 beside them, each on its own side of the border."""
    scores = [number_of(outcome.value, "the score") for outcome in outcomes]
    if not all(map(math.isfinite, scores)):
        raise NotRight("One of the scores is inf or nan. A fold takes sums and `max(0, …)` only.")
    sides = [int(score > 0) for score in scores]
    if sides == list(NEAR.values()):
        return
    if all(score and (score < 0) == side for score, side in zip(scores, NEAR.values(), strict=True)):
        raise NotRight("The fold is right, and its sign is turned round: class 1 is to have the scores above 0.")
    corners = [(place, NEAR[place], score) for place, score in zip(NEAR, scores, strict=True) if place in CORNERS]
    for (x1, x2), side, score in corners:
        if int(score > 0) != side:
            wanted = "above 0" if side else "0 or below"
            words = f"The corner ({x1}, {x2}) is class {side}, so its score should be {wanted}, and it is {format_number(score)}."
            if _is_straight(scores):
                raise NotRight(
                    f"{words} Your score is a straight line in x₁ and x₂: without a bend, one corner is always wrong."
                )
            raise NotRight(f"{words} Write down h₁, h₂ and the score of all four corners.")
    place = next(place for place, side, truth in zip(NEAR, sides, NEAR.values(), strict=True) if side != truth)
    raise NotRight(
        f"The four corners are right, and the point ({place[0]:g}, {place[1]:g}) beside one of them is not: the border runs too "
        "near a corner. A network that is right on its examples alone says little about their neighbours. Let the border "
        "pass halfway."
    )


def _is_straight(scores):
    places = torch.tensor([[x1, x2, 1] for x1, x2 in NEAR], dtype=torch.float64)
    scores = torch.tensor(scores, dtype=torch.float64)[:, None]
    plane = places @ torch.linalg.lstsq(places, scores).solution
    return torch.allclose(plane, scores, atol=1e-6)


FOLD = Exercise(
    "1.5",
    "fold four corners by hand",
    my_fold,
    inputs=list(NEAR),
    judge=judge_fold,
    mistakes={
        "straight line": lambda x1, x2: x1 + x2 - 0.5,
        "sign is turned round": lambda x1, x2: 0.5 - max(0, x1 - x2) - max(0, x2 - x1),
        "The corner (0, 1) is class 1": lambda x1, x2: max(0, x1 - x2) - 0.5,
        "Let the border pass halfway": lambda x1, x2: abs(x1 - x2) - 0.99,
        "A single number is wanted": lambda x1, x2: [max(0, x1 - x2), max(0, x2 - x1)],
        "Write down h₁, h₂": lambda x1, x2: max(0, x1 - 0.5) + max(0, x2 - 0.5) - 0.25,
    },
    hints=(
        "Class 1 are the corners where x₁ and x₂ differ. Which two ReLUs tell how much they differ?",
        "h₁ = max(0, x₁ − x₂) and h₂ = max(0, x₂ − x₁). What is h₁ + h₂ for each corner?",
        "The sum of the two is 0 for class 0 and 1 for class 1. Subtract a number that puts the border halfway between.",
    ),
    why="h₁ + h₂ is the distance between x₁ and x₂: the plane is folded along the diagonal, and then a line is enough. "
    "Other folds do it too.",
)  # fmt: skip

# 1.6 ------------------------------------------------------------------------------------------------------------------


def my_recall(counts):
    return counts.diag() / counts.sum(dim=1)


RECALL = Exercise(
    "1.6",
    "recall from a confusion matrix",
    my_recall,
    inputs=[
        (torch.tensor([[3, 5], [1, 1]]),),
        (torch.tensor([[4]]),),
        (torch.tensor([[0, 2, 1], [0, 6, 2], [4, 0, 1]]),),
        (torch.tensor([[2, 0, 9], [7, 3, 0], [0, 1, 5]]),),
        ((torch.arange(100) * 7 % 11).reshape(10, 10) + 30 * torch.eye(10, dtype=torch.int64),),
    ],
    mistakes={
        "You divided by the sums of the columns, and that is the precision: of all answers “3”, how many were a 3? For the "
        "recall, divide by the row: of all 3s, how many were found?": lambda counts: counts.diag() / counts.sum(dim=0),
        "`max` takes the largest count of each row, which is not always the one on the diagonal: a digit may be misread more often "
        "than it is read right.": lambda counts: counts.max(dim=1).values / counts.sum(dim=1),
        "`max` takes the largest count of each column, and the sums are those of the rows. What was found stands on the "
        "diagonal.": lambda counts: counts.max(dim=0).values / counts.sum(dim=1),
        "This is what was lost. The recall is what was found: 1 minus it.": lambda counts: 1 - my_recall(counts),
        "You divided by all digits there are. Each class has its own number: the sum of its "
        "row.": lambda counts: counts.diag() / counts.sum(),
        "This is the accuracy, one number for all classes. The recall is one for each.": lambda counts: counts.diag().sum() / counts.sum(),
        "This is the mean of the recalls. Give back one for each class.": lambda counts: my_recall(counts).mean(),
        "These are percentages. Let the recall run from 0 to 1.": lambda counts: 100 * my_recall(counts),
        "These are counts. Divide each by the number of digits of that class, the sum of its row.": lambda counts: counts.diag(),
        "These are whole numbers: `//` drops what comes after the decimal point. Divide with `/`.": lambda counts: counts.diag() // counts.sum(dim=1),
        "You divided by the digits of a class that were lost. Divide by all of them, those found "
        "included.": lambda counts: counts.diag() / (counts.sum(dim=1) - counts.diag()),
        "This divides every count by the sum of its row, so it is a whole table. The recall is what then stands on the "
        "diagonal.": lambda counts: counts / counts.sum(dim=1, keepdim=True),
    },
    hints=(
        "Of all 3s, how many were found? A row holds all digits of one class.",
        "What was found stands on the diagonal: `counts.diag()`.",
        "`sum(dim=1)` adds up each row. Which of the two is divided by which?",
    ),
    why="A row holds every digit of a class, so its sum is how many there were; the diagonal says how many were found.",
)  # fmt: skip

EXERCISES = [PRODUCT, COLLAPSE, SIGMOID_SLOPE, LAYERS, FOLD, RECALL]
