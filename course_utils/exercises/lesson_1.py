"""Lesson 1: collapsing linear layers, the sigmoid's slope, vanishing gradients, folding by hand, recall."""

import torch

from .old_asking import ask, expect, expect_prediction, number_of, tensor_of
from .old_exercise import Exercise, Wrong

# 1.1 ---------------------------------------------------------------------------------------------------------------


def check_product(answer):
    mistaken = [
        ([[3, 0], [7, -1]], "This is W₁W₂. The layer that acts last stands on the left: W₂W₁."),
        (
            [[4, -1], [5, -2]],
            "This is the right table with rows and columns exchanged. Row 1 belongs to the first output.",
        ),
        (
            [[2, 1], [2, -3]],
            "This multiplies entry by entry. In a matrix product each entry is a row times a column, added up.",
        ),
        ([[3, 2], [3, 2]], "This adds the two tables. Two layers, one after the other, multiply."),
        ([[4, 5], [3, 4]], "The second row lost a sign: W₂ has a −1 there."),
    ]
    expect_prediction(answer, [[4, 5], [-1, -2]], mistaken)


# 1.2 ---------------------------------------------------------------------------------------------------------------


def my_collapse(W1, b1, W2, b2):
    return W2 @ W1, W2 @ b1 + b2


def check_collapse(answer):
    generator = torch.Generator().manual_seed(0)
    for inputs, hidden, outputs in ((4, 3, 2), (3, 3, 3)):
        W1, W2 = torch.randn(hidden, inputs, generator=generator), torch.randn(outputs, hidden, generator=generator)
        b1, b2 = torch.randn(hidden, generator=generator), torch.randn(outputs, generator=generator)
        got = ask(answer, W1, b1, W2, b2)
        if not isinstance(got, list | tuple) or len(got) != 2:
            raise Wrong("Give back two things, in this order: the weights W and the bias b of the one layer.")
        weights = [((W2 @ W1).T, "W is transposed: it has a row for each output and a column for each input.")]
        if inputs == hidden == outputs:
            weights.append((W1 @ W2, "This is W₁W₂. The layer that acts last stands on the left: W₂W₁."))
        expect(got[0], W2 @ W1, weights, what="W", atol=1e-5)
        biases = [
            (b2, "b₁ is lost. It passes through the second layer like any hidden number: W₂b₁, and then b₂ is added."),
            (W2 @ b1, "b₂ is lost: it is added at the very end."),
            (W2 @ (b1 + W2.T @ b2), "b₂ does not pass through W₂: it is added after it."),
        ]
        if hidden == outputs:
            biases.append(
                (b1 + b2, "The biases do not simply add up: b₁ passes through the second layer, so it becomes W₂b₁.")
            )
        expect(got[1], W2 @ b1 + b2, biases, what="b", atol=1e-5)


# 1.3 ---------------------------------------------------------------------------------------------------------------


def my_sigmoid_slope(z):
    s = torch.sigmoid(z)
    return s * (1 - s)


def check_sigmoid_slope(answer):
    for z in (torch.linspace(-6, 6, 25), torch.linspace(-3, 3, 12, dtype=torch.float64).reshape(3, 4)):
        s = torch.sigmoid(z)
        mistaken = [
            (s, "This is the sigmoid itself. Its slope is σ(z) (1 − σ(z))."),
            (s * (1 + s), "A sign is wrong: σ(z) (1 − σ(z)). A slope above 0.25 cannot be."),
            (z * (1 - z), "You put z where σ(z) belongs: first compute s = σ(z), then s (1 − s)."),
            (1 - s, "One factor is missing: σ(z) times (1 − σ(z))."),
            (s - s**2 / 2, "Nearly: s − s², without the half."),
            (-s * (1 - s), "The sign is turned round. The sigmoid climbs everywhere, so its slope is positive."),
        ]
        expect(ask(answer, z), s * (1 - s), mistaken, what="the slope")
    far = tensor_of(ask(answer, torch.tensor([-1000.0, 1000.0])))
    if not torch.isfinite(far).all():
        raise Wrong(
            "Right near 0, but at z = −1000 or 1000 it gives nan: an exponential ran over. `torch.sigmoid` guards against "
            "that; build the slope from it."
        )
    expect(far, [0, 0], what="the slope", given="at −1000 and 1000")


# 1.4 ---------------------------------------------------------------------------------------------------------------


def check_layers(answer):
    mistaken = [
        (4, "Four quarters leave 0.25⁴ = 0.0039, which is still more than 0.001. Nearly there."),
        (6, "0.25⁶ is below 0.001, but one layer less already is. Compute 0.25⁵."),
        (250, "Slopes are multiplied on the way back, not added up: 0.25 · 0.25 · …"),
        (10, "Ten is the lesson's example, and leaves less than a millionth. How many are enough for a thousandth?"),
    ]
    expect_prediction(answer, 5, mistaken)


# 1.5 ---------------------------------------------------------------------------------------------------------------

CORNERS = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0], [1.0, 0.0]])
CLASSES = (0, 0, 1, 1)


def my_fold(x1, x2):
    h1 = max(0, x1 - x2)
    h2 = max(0, x2 - x1)
    return h1 + h2 - 0.5


def check_fold(answer):
    """Four corners, and places near them: each on its own side, with a fold that does not look up the corners."""
    scores = [number_of(ask(answer, *corner), "the score") for corner in CORNERS.tolist()]
    sides = [int(score > 0) for score in scores]
    if sides == [1, 1, 0, 0]:
        raise Wrong("All four corners are on the wrong side: the fold is right, and the sign is turned round.")
    for corner, side, truth, score in zip(CORNERS.tolist(), sides, CLASSES, scores, strict=True):
        if side != truth:
            wanted = "above 0" if truth else "0 or below"
            x1, x2 = (int(number) for number in corner)
            words = f"The corner ({x1}, {x2}) is class {truth}, so its score should be {wanted}, and it is {score:g}. "
            if abs(scores[0] + scores[1] - scores[2] - scores[3]) < 1e-6:
                words += "Your score is a straight line in x₁ and x₂: without a bend, one corner is always wrong."
            else:
                words += "Write down h₁, h₂ and the score of all four corners."
            raise Wrong(words)
    near = [
        number_of(ask(answer, x1, x2), "the score") > 0 for x1, x2 in ((0.1, 0.0), (0.9, 1.0), (0.1, 0.9), (0.9, 0.1))
    ]
    if near != [False, False, True, True]:
        raise Wrong(
            "The four corners are right, and points 0.1 beside them are not: the border runs too near a corner. A network "
            "that reads only its examples has learned nothing about their neighbours. Let it pass halfway."
        )


# 1.6 ---------------------------------------------------------------------------------------------------------------


def my_recall(counts):
    return counts.diag() / counts.sum(dim=1)


def check_recall(answer):
    generator = torch.Generator().manual_seed(0)
    for size in (3, 10):
        counts = torch.randint(0, 9, (size, size), generator=generator) + 20 * torch.eye(size, dtype=torch.int64)
        right = counts.diag() / counts.sum(dim=1)
        mistaken = [
            (counts.diag() / counts.sum(dim=0), "You divided by the sums of the columns, and that is the precision: of all "
             "answers “3”, how many were a 3? For the recall, divide by the row: of all 3s, how many were found?"),
            (1 - right, "This is what was lost. The recall is what was found: 1 minus it."),
            (counts.diag() / counts.sum(), "You divided by all digits there are. Each class has its own number: the sum of its row."),
            (counts.diag().sum() / counts.sum(), "This is the accuracy, one number for all classes. The recall is one for each."),
            (100 * right, "These are percentages. Let the recall run from 0 to 1."),
            (counts.diag(), "These are counts. Divide each by the number of digits of that class, the sum of its row."),
        ]  # fmt: skip
        expect(ask(answer, counts), right, mistaken, what="the recall")


EXERCISES = [
    Exercise(
        "1.1",
        "two layers as one matrix",
        check_product,
        hints=(
            "y = W₂(W₁x) = (W₂W₁)x. The layer that acts last stands on the left.",
            "Entry in row 1, column 1: the first row of W₂ times the first column of W₁, that is 2 · 1 + 1 · 2.",
        ),
        solution="my_product = [[4, 5], [-1, -2]]",
        why="Row 1: 2 · 1 + 1 · 2 = 4 and 2 · 1 + 1 · 3 = 5. Row 2: 1 · 1 − 1 · 2 = −1 and 1 · 1 − 1 · 3 = −2.",
        mistakes=(
            ([[3, 0], [7, -1]], "W₁W₂"),
            ([[4, -1], [5, -2]], "exchanged"),
            ([[2, 1], [2, -3]], "entry by entry"),
            ([[3, 2], [3, 2]], "adds"),
            ([[4, 5], [3, 4]], "lost a sign"),
            ([4, 5], "wanted"),
        ),
    ),
    Exercise(
        "1.2",
        "two layers with biases as one",
        check_collapse,
        hints=(
            "Put the first layer into the second: W₂(W₁x + b₁) + b₂. Multiply out.",
            "What stands before x is W. What is left without x is b.",
            "W = W₂W₁ and b = W₂b₁ + b₂. In Python `@` is the matrix product.",
        ),
        solution=my_collapse,
        why="W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂): the first bias passes through the second layer.",
        mistakes=(
            (lambda W1, b1, W2, b2: (W2 @ W1, b2), "b₁ is lost"),
            (lambda W1, b1, W2, b2: (W2 @ W1, W2 @ b1), "b₂ is lost"),
            (lambda W1, b1, W2, b2: ((W2 @ W1).T, W2 @ b1 + b2), "transposed"),
            (lambda W1, b1, W2, b2: W2 @ W1, "two things"),
            (lambda W1, b1, W2, b2: (W1 @ W2, b1 + b2), "RuntimeError"),
            (lambda W1, b1, W2, b2: (W2 @ W1, W2 @ b1 + b2 if len(b1) > len(b2) else b1 + b2), "do not simply add"),
        ),
    ),
    Exercise(
        "1.3",
        "the slope of the sigmoid",
        check_sigmoid_slope,
        hints=("First s = σ(z): torch has `torch.sigmoid`.", "The slope is s times (1 − s)."),
        solution=my_sigmoid_slope,
        why="σ′(z) = σ(z) (1 − σ(z)). At 0 that is ½ · ½ = 0.25, and nowhere is it more.",
        mistakes=(
            (torch.sigmoid, "sigmoid itself"),
            (lambda z: torch.sigmoid(z) * (1 + torch.sigmoid(z)), "sign"),
            (lambda z: z * (1 - z), "where σ(z) belongs"),
            (lambda z: 1 - torch.sigmoid(z), "factor is missing"),
            (lambda z: (-z).exp() / (1 + (-z).exp()) ** 2, "ran over"),
        ),
    ),
    Exercise(
        "1.4",
        "how many sigmoids to a thousandth",
        check_layers,
        hints=(
            "In the best case every sigmoid passes on a quarter, and quarters multiply.",
            "0.25, 0.0625, 0.0156, 0.0039, … When does it first fall below 0.001?",
        ),
        solution="my_layers = 5",
        why="0.25⁴ = 0.0039 and 0.25⁵ = 0.00098: the fifth sigmoid takes it below a thousandth, in the best case.",
        mistakes=((4, "0.0039"), (6, "one layer less"), (250, "multiplied"), (10, "millionth"), ("five", "a text")),
    ),
    Exercise(
        "1.5",
        "fold four corners by hand",
        check_fold,
        hints=(
            "Class 1 are the corners where x₁ and x₂ differ. Which two ReLUs tell how much they differ?",
            "h₁ = max(0, x₁ − x₂) and h₂ = max(0, x₂ − x₁). What is h₁ + h₂ for each corner?",
            "h₁ + h₂ is 0 for class 0 and 1 for class 1, so h₁ + h₂ − 0.5 is below 0 for one and above for the other.",
        ),
        solution=my_fold,
        why="h₁ + h₂ is the distance between x₁ and x₂: the plane is folded along the diagonal, and then a line is enough. "
        "Other folds do it too.",
        mistakes=(
            (lambda x1, x2: x1 + x2 - 0.5, "straight line"),
            (lambda x1, x2: 0.5 - max(0, x1 - x2) - max(0, x2 - x1), "sign is turned round"),
            (lambda x1, x2: max(0, x1 - x2) - 0.5, "(0, 1) is class 1"),
            (lambda x1, x2: abs(x1 - x2) - 0.99, "halfway"),
            (lambda x1, x2: [max(0, x1 - x2), max(0, x2 - x1)], "single number"),
        ),
    ),
    Exercise(
        "1.6",
        "recall from a confusion matrix",
        check_recall,
        hints=(
            "Of all 3s, how many were found? A row holds all digits of one class.",
            "`counts.diag()` is what was found, `counts.sum(dim=1)` adds up each row.",
        ),
        solution=my_recall,
        why="A row holds every digit of a class, so its sum is how many there were; the diagonal says how many were found.",
        mistakes=(
            (lambda counts: counts.diag() / counts.sum(dim=0), "precision"),
            (lambda counts: 1 - my_recall(counts), "lost"),
            (lambda counts: counts.diag() / counts.sum(), "all digits there are"),
            (lambda counts: counts.diag().sum() / counts.sum(), "accuracy"),
            (lambda counts: counts.diag(), "counts"),
        ),
    ),
]
