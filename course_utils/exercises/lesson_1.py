"""Lesson 1: collapsing linear layers, measuring a slope, descending it, folding by hand, recall, templates."""

import math

import torch

from .exercise import Code, Exercise, NotRight, altered, drawn, refuse_if
from .judging import format_number, number_of

PRODUCT = Exercise(
    "1.1", "two layers as one matrix", "my_product = [[4, 5], [-1, -2]]",
    mistakes={
        "This is W₁W₂. The layer that acts last stands on the left: W₂W₁.": [[3, 0], [7, -1]],
        "This is the right table with rows and columns exchanged. Row 1 belongs to the first output.": [[4, -1], [5, -2]],
        "This multiplies entry by entry. In a matrix product each entry is a row times a column, added up.": [[2, 1], [2, -3]],
        "The second row lost a sign: W₂ has a −1 there.": [[4, 5], [3, 4]]},
    hints=("y = W₂(W₁x) = (W₂W₁)x. The layer that acts last stands on the left.",
           "Entry in row 1, column 1: the first row of W₂ times the first column of W₁, that is 2 · 1 + 1 · 2.",
           "The other three go the same way: row 1 with column 2, row 2 with column 1, row 2 with column 2. Mind the −1."),
    why="Row 1: 2 · 1 + 1 · 2 = 4 and 2 · 1 + 1 · 3 = 5. Row 2: 1 · 1 − 1 · 2 = −1 and 1 · 1 − 1 · 3 = −2.")  # fmt: skip


def my_collapse(W1, b1, W2, b2):
    return W2 @ W1, W2 @ b1 + b2


def _two_layers(inputs, hidden, outputs, dtype=torch.float32):
    shapes = (hidden, inputs), (hidden,), (outputs, hidden), (outputs,)
    return tuple(drawn(*shape, seed=seed, dtype=dtype) for seed, shape in enumerate(shapes, start=10 * inputs))


COLLAPSE = Exercise(
    "1.2", "two layers with biases as one", my_collapse, parts=("W", "b"), atol=1e-5,
    inputs=[_two_layers(2, 2, 2), _two_layers(3, 2, 1), _two_layers(4, 3, 2), _two_layers(3, 3, 3, torch.float64)],
    mistakes={
        "This is W₁W₂. The layer that acts last stands on the left: W₂W₁. (Where the shapes do not fit, torch stops with an error.)": altered(my_collapse, {"W2 @ W1": "W1 @ W2"}),
        "The two stand in the wrong order: first W, then b.": altered(my_collapse, {"W2 @ W1, W2 @ b1 + b2": "W2 @ b1 + b2, W2 @ W1"}),
        "W is transposed: it has a row for each output and a column for each input.": altered(my_collapse, {"W2 @ W1": "(W2 @ W1).T"}),
        "b₁ is lost. It passes through the second layer like any hidden number: W₂b₁, and then b₂ is added.": altered(my_collapse, {"W2 @ b1 + b2": "b2"}),
        "b₂ is lost: it is added at the very end.": altered(my_collapse, {"W2 @ b1 + b2": "W2 @ b1"}),
        "The biases do not simply add up: b₁ passes through the second layer, so it becomes W₂b₁.": altered(my_collapse, {"W2 @ b1 + b2": "b1 + b2"}),
        "b₂ does not pass through W₂: it is added after it.": altered(my_collapse, {"W2 @ b1 + b2": "W2 @ (b1 + b2)"}),
        "`*` multiplies entry by entry. The matrix product is `@`.": altered(my_collapse, {"W2 @ W1": "W2 * W1"}),
        "W is right, and in b `*` multiplies entry by entry. The matrix product is `@`.": altered(my_collapse, {"W2 @ b1": "W2 * b1"})},
    hints=("Put the first layer into the second: W₂(W₁x + b₁) + b₂. Multiply out.",
           "What stands before x is W. What is left without x is b.",
           "The second weights multiply both the first weights and the first bias, each from the left."),
    why="W₂(W₁x + b₁) + b₂ = (W₂W₁)x + (W₂b₁ + b₂): the first bias passes through the second layer.")  # fmt: skip


def my_slope(curve, z):
    tiny = 0.001
    return (curve(z + tiny) - curve(z - tiny)) / (2 * tiny)


SLOPE = Exercise(
    "1.3", "the slope of any curve", my_slope, rtol=2e-3, atol=2e-3,
    inputs=[(Code("torch.sigmoid"), torch.tensor([0.5, -1.0])), (Code("torch.relu"), torch.tensor([-2.0, 3.0])),
            (Code("torch.tanh"), torch.tensor(0.5)), (Code("torch.square"), torch.tensor([[1.5, -0.5], [3.0, 0.7]])),
            (Code("torch.sigmoid"), torch.tensor([-1000.0, 2.0, 1000.0]))],
    mistakes={
        "This is right for the sigmoid alone. Measure the `curve` that is handed in.": lambda curve, z: my_slope(torch.sigmoid, z),
        "This is the slope of the ReLU. Measure the `curve` that is handed in.": lambda curve, z: my_slope(torch.relu, z),
        "This is the curve itself. Its slope is how much it changes, for each bit that z changes.": lambda curve, z: curve(z),
        "Twice too large: from z − tiny to z + tiny it is two steps, so divide by 2 · tiny.": altered(my_slope, {"(2 * tiny)": "tiny"}),
        "The sign is turned round: where a curve climbs, its slope is positive.": altered(my_slope, {"return": "return -"}),
        "This is how much the curve changes on the way from z − tiny to z + tiny. Divide by the length of that way.": altered(my_slope, {" / (2 * tiny)": ""}),
        "Everywhere 0. Do you multiply where you should divide? Or is `tiny` so small that `z + tiny` is rounded to z? 0.001 is enough.": lambda curve, z: torch.zeros_like(z),
        "This is the slope of the line from the origin. Compare two places near z, one on each side.": lambda curve, z: curve(z) / z},
    hints=("The cell above does it for the loss at one weight. Which two things change, and which stay?",
           "Where w stood is now z: ask the curve a little to the right of each z, and a little to the left.",
           "A slope is a change divided by the way that it took: `tiny` to the right and `tiny` to the left."),
    why="It needs no formula, and so it is also the test of every formula. Where a curve is flat, the slope is 0.")  # fmt: skip


def my_descent(slope, w, rate, steps):
    weights = [w]
    for _ in range(steps):
        w = w - rate * slope(w)
        weights.append(w)
    return torch.tensor(weights)


DESCENT = Exercise(
    "1.4", "a ball that rolls by itself", my_descent, atol=1e-5,
    inputs=[(Code("lambda w: 2 * (w - 3)"), 1.0, 0.25, 1), (Code("lambda w: 2 * (w - 3)"), 0.0, 0.25, 3), (Code("lambda w: w**3"), 2.0, 0.1, 2),
            (Code("lambda w: 2 * (w - 3)"), 4.0, 1.5, 4), (Code("lambda w: 2 * w"), 5.0, 0.1, 0)],
    mistakes={
        "This climbs. A step goes *against* the slope: subtract.": altered(my_descent, {"w - rate": "w + rate"}),
        "The slope changes on the way. Ask for it anew before each step, at the weight where the ball is now.": altered(my_descent, {"slope(w)": "slope(weights[0])"}),
        "This is the last weight alone. Give back all of them, the start first.": lambda *given: my_descent(*given)[-1],
        "The start is missing: it begins with the weight that was handed in.": lambda *given: my_descent(*given)[1:],
        "The last weight is missing: after the last step the ball is somewhere, too.": lambda *given: my_descent(*given)[:-1],
        "That is one step too many.": altered(my_descent, {"range(steps)": "range(steps + 1)"}),
        "The rate is missing: a step is the slope *times the rate*.": altered(my_descent, {"rate * slope": "slope"}),
        "A step is the slope *times* the rate. You divide by it.": altered(my_descent, {"rate * slope(w)": "slope(w) / rate"}),
        "You step from the origin each time. A step starts where the ball is: w minus …": altered(my_descent, {"w - rate": "-rate"}),
        "All steps here are of the same length. A step is the slope times the rate, so it is short where the slope is small.": altered(my_descent, {"slope(w)": "math.copysign(1, slope(w))"})},
    hints=("One step is the line above: the new weight is the old one, minus the rate times the slope there.",
           "A list that begins with the start, and a loop that runs `steps` times.",
           "In the loop: take the step, so that `w` is the new weight, and append it to the list. The next round asks for the slope at the new `w`."),
    why="This loop is gradient descent. For a network `w` stands for all its weights at once, and the slope for the gradient; nothing else changes.")  # fmt: skip


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
    refuse_if(not all(map(math.isfinite, scores)), "A score is inf or nan. A fold takes sums and `max(0, …)` only.")
    turned = all(score and (score < 0) == truth for score, truth in zip(scores, NEAR.values(), strict=True))
    refuse_if(turned, "The fold is right, and its sign is turned round: class 1 is to have the scores above 0.")
    wrong = [(point, score) for (point, truth), score in zip(NEAR.items(), scores, strict=True) if (score > 0) != truth]
    if not wrong:
        return
    point, score = min(wrong, key=lambda one: one[0] not in CORNERS)
    wanted = "above 0" if NEAR[point] else "0 or below"
    straight = "Your score is a straight line in x₁ and x₂: without a bend, one corner is always wrong."
    advice = straight if _is_straight(scores) else "Write down h₁, h₂ and the score of all four corners."
    told = f"The corner {point} is class {NEAR[point]}, so its score should be {wanted}"
    refuse_if(point in CORNERS, f"{told}, and it is {format_number(score)}. {advice}")
    beside = f"The four corners are right, and the point ({point[0]:g}, {point[1]:g}) beside one of them is not"
    raise NotRight(f"{beside}: the border runs too near a corner. Let the border pass halfway between the classes.")


def _is_straight(scores):
    places = torch.tensor([[x1, x2, 1] for x1, x2 in NEAR], dtype=torch.float64)
    scores = torch.tensor(scores, dtype=torch.float64)[:, None]
    return torch.allclose(places @ torch.linalg.lstsq(places, scores).solution, scores, atol=1e-6)


FOLD = Exercise(
    "1.5", "fold four corners by hand", my_fold, inputs=list(NEAR), judge=judge_fold,
    mistakes={
        "straight line": lambda x1, x2: x1 + x2 - 0.5,
        "sign is turned round": lambda x1, x2: 0.5 - max(0, x1 - x2) - max(0, x2 - x1),
        "The corner (0, 1) is class 1": lambda x1, x2: max(0, x1 - x2) - 0.5,
        "border pass halfway": lambda x1, x2: abs(x1 - x2) - 0.99,
        "A single number is wanted": lambda x1, x2: [max(0, x1 - x2), max(0, x2 - x1)],
        "Write down h₁, h₂": lambda x1, x2: max(0, x1 - 0.5) + max(0, x2 - 0.5) - 0.25},
    hints=("Class 1 are the corners where x₁ and x₂ differ. Which two ReLUs tell how much they differ?",
           "h₁ = max(0, x₁ − x₂) and h₂ = max(0, x₂ − x₁). What is h₁ + h₂ for each corner?",
           "The sum of the two is 0 for class 0 and 1 for class 1. Subtract a number that puts the border halfway between."),
    why="h₁ + h₂ is the distance between x₁ and x₂: the plane is folded along the diagonal, and then a line is enough. Other folds do it too.")  # fmt: skip


def my_recall(counts):
    return counts.diag() / counts.sum(dim=1)


RECALL = Exercise(
    "1.6", "recall from a confusion matrix", my_recall,
    inputs=[*((torch.tensor(counts),) for counts in ([[3, 5], [1, 1]], [[4]], [[0, 2, 1], [0, 6, 2], [4, 0, 1]], [[2, 0, 9], [7, 3, 0], [0, 1, 5]])),
            ((torch.arange(100) * 7 % 11).reshape(10, 10) + 30 * torch.eye(10, dtype=torch.int64),)],
    mistakes={
        "You divided by the sums of the columns: that is the precision. For the recall divide by the row: of all 3s, how many were found?": lambda counts: counts.diag() / counts.sum(dim=0),
        "`max` takes the largest count of each row, which is not always the one on the diagonal.": lambda counts: counts.max(dim=1).values / counts.sum(dim=1),
        "This is what was lost. The recall is what was found: 1 minus it.": lambda counts: 1 - my_recall(counts),
        "You divided by all digits there are. Each class has its own number: the sum of its row.": lambda counts: counts.diag() / counts.sum(),
        "This is the accuracy, one number for all classes. The recall is one for each.": lambda counts: counts.diag().sum() / counts.sum(),
        "These are percentages. Let the recall run from 0 to 1.": lambda counts: 100 * my_recall(counts),
        "These are counts. Divide each by the number of digits of that class, the sum of its row.": torch.diag,
        "These are whole numbers: `//` drops what comes after the decimal point. Divide with `/`.": lambda counts: counts.diag() // counts.sum(dim=1),
        "This is every count as a share of its row, a whole table. The recall is its diagonal.": lambda counts: counts / counts.sum(dim=1, keepdim=True)},
    hints=("Of all 3s, how many were found? A row holds all digits of one class.",
           "What was found stands on the diagonal: `counts.diag()`.",
           "`sum(dim=1)` adds up each row. Which of the two is divided by which?"),
    why="A row holds every digit of a class, so its sum is how many there were; the diagonal says how many were found.")  # fmt: skip


def my_evidence(template, image):
    evidence = template * image
    columns = image.shape[1]
    most, least = evidence.argmax().item(), evidence.argmin().item()
    return [most // columns, most % columns], [least // columns, least % columns]


EVIDENCE = Exercise(
    "1.7", "what speaks for a digit", my_evidence, parts=("the place for it", "the place against it"),
    inputs=[(torch.tensor([[0.5, -3.0], [2.0, -1.0]]), torch.tensor([[1.0, 0.0], [0.5, 0.8]])),
            (torch.tensor([[0.3, -0.2, 0.9], [-0.7, 0.4, -0.1]]), torch.tensor([[0.9, 1.0, 0.0], [0.2, 0.5, 0.6]])),
            (drawn(4, 3, seed=1), drawn(4, 3, seed=2, size=0.3).abs()),
            (drawn(5, 8, seed=3, dtype=torch.float64), drawn(5, 8, seed=4, size=0.3, dtype=torch.float64).relu())],
    mistakes={
        "This is where the template itself is largest and smallest. A pixel without ink adds nothing: multiply by the ink.": altered(my_evidence, {"template * image": "template"}),
        "This is where the image has most and least ink. Whether ink speaks for or against the digit, the template says: multiply the two.": altered(my_evidence, {"template * image": "image"}),
        "Here colour and ink were added. A score is a sum of *products*: weight times ink.": altered(my_evidence, {"template * image": "template + image"}),
        "The strongest evidence without its sign: what speaks against the digit has a product below 0, so leave out `abs`.": altered(my_evidence, {"template * image": "(template * image).abs()"}),
        "The two stand in the wrong order: first the place that speaks for the digit.": lambda *given: my_evidence(*given)[::-1],
        "Row and column are exchanged in {part}: first the row.": lambda *given: [place[::-1] for place in my_evidence(*given)],
        "{part} counts the pixels one by one, row after row. Give its row and its column: `//` and `%` by the number of columns.": altered(my_evidence, {"return": "return most, least  #"}),
        "{part}: a new row begins after as many pixels as there are *columns*, not rows.": altered(my_evidence, {"image.shape[1]": "image.shape[0]"})},
    hints=("The score is a sum of 784 products, weight times ink. Which of them is the largest, which the smallest?",
           "`template * image` multiplies pixel by pixel. What is the product where there is no ink?",
           "`argmax` and `argmin` count through the table row after row. Pixel 30 of a table with 28 columns is in row 1, column 2: "
           "divide by the columns; what is left over is the column."),
    why="A pixel's share of the score is its weight times its ink. Where there is no ink, even the reddest weight adds nothing.")  # fmt: skip

EXERCISES = [PRODUCT, COLLAPSE, SLOPE, DESCENT, FOLD, RECALL, EVIDENCE]
