"""Lesson 7, the clinic: instruments, landmarks, a healed loss and rate, an honest choice, and a doctor who is a program."""

import math

import torch
from torch import nn
from torch.nn import functional as F

from ..data import load_digits, to_inputs
from ..training import squared_error
from .exercise import Code, Exercise, altered, drawn, refuse_if
from .judging import number_of
from .lesson_3 import trained


def my_dead(hidden):
    return int((hidden == 0).all(dim=0).sum())


DEAD = Exercise(
    "7.1", "dead neurons, counted", my_dead,
    inputs=[(torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 2.0]]),), (torch.tensor([[0.0, 0.0, 0.5, 0.0], [0.0, 3.0, 0.5, 0.0]]),), (drawn(3, 4, seed=1).relu(),),
            (torch.zeros(2, 5),), (torch.tensor([[1.0, 0.0], [0.0, 0.0], [0.0, 0.0]]),), (drawn(6, 3, seed=2).abs() + 1,)],
    mistakes={
        "You counted all zeros. A neuron may be silent for one digit and speak for another; dead is who is silent for all.": lambda hidden: (hidden == 0).sum(),
        "You counted digits for which no neuron speaks. The neurons are the columns: `dim=0` walks down them.": altered(my_dead, {"dim=0": "dim=1"}),
        "You counted every neuron that is silent at least once. Dead is who is silent for *all* digits.": altered(my_dead, {".all(": ".any("}),
        "You counted the living.": lambda hidden: (hidden != 0).any(dim=0).sum(),
        "That is a share. A count is wanted.": lambda hidden: (hidden == 0).all(dim=0).float().mean(),
        "You say which they are. Wanted is how many.": lambda hidden: (hidden == 0).all(dim=0)},
    hints=("A row is a digit, a column a neuron. What does the column of a dead neuron look like?",
           "`hidden == 0` is a table of True and False. `.all(dim=0)` asks each column whether it is True from top to bottom.",
           "True counts as 1, so the sum of those answers is a count."),
    why="A neuron whose ReLU gives 0 for every digit has slope 0 everywhere: no gradient reaches it, and it stays dead.")  # fmt: skip


def my_step_size(before, after):
    moved = sum(((new - old) ** 2).sum() for old, new in zip(before, after, strict=True))
    whole = sum((old**2).sum() for old in before)
    return (moved / whole).sqrt().item()


def _pair(seed, *shapes, size=0.1):
    before = [drawn(*shape, seed=seed + k) + 0.05 for k, shape in enumerate(shapes)]
    return before, [
        one + size * drawn(*shape, seed=seed + 50 + k)
        for k, (one, shape) in enumerate(zip(before, shapes, strict=True))
    ]


STEP = Exercise(
    "7.2", "the length of a step", my_step_size, atol=1e-5,
    inputs=[([torch.tensor([3.0, 4.0])], [torch.tensor([3.0, 4.5])]), ([torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([2.0])], [torch.tensor([[2.0, 0.3], [0.0, 1.0]]), torch.tensor([1.6])]),
            _pair(1, (2, 3), (2,)), _pair(2, (4,), (3, 2), size=1.0)],
    mistakes={
        "That is how far the weights moved. Divide by how long they are.": lambda before, after: sum(((n - o) ** 2).sum() for o, n in zip(before, after, strict=True)) ** 0.5,
        "You forgot the square roots: a length is the root of a sum of squares.": altered(my_step_size, {".sqrt()": ""}),
        "You compared the lengths before and after. A step may turn the weights without changing their length: take the difference first.":
            lambda before, after: abs(sum((n**2).sum() for n in after) ** 0.5 - sum((o**2).sum() for o in before) ** 0.5) / sum((o**2).sum() for o in before) ** 0.5,
        "You looked at the first tensor alone. All of them are one long step.": lambda before, after: my_step_size(before[:1], after[:1]),
        "You took the mean of one ratio for each tensor. Add up all squares first: together they are one step.":
            lambda before, after: sum(my_step_size([o], [n]) for o, n in zip(before, after, strict=True)) / len(before),
        "You divided by the weights after the step. What counts is how long they were before.":
            lambda before, after: sum(((n - o) ** 2).sum() for o, n in zip(before, after, strict=True)) ** 0.5 / sum((n**2).sum() for n in after) ** 0.5,
        "You added up sizes (`abs`), not squares. The length of a vector is the root of the sum of squares.":
            lambda before, after: sum((n - o).abs().sum() for o, n in zip(before, after, strict=True)) / sum(o.abs().sum() for o in before)},
    hints=("The length of a vector is the root of the sum of its squares, however many tensors it is kept in.",
           "Walk through both lists together with `zip`, and add up the squares of `new - old`. Do the same for `old`.",
           "Divide the first sum by the second, and take the root of it."),
    why="All weights together are one point, a step is an arrow. Its length is worth something only beside the point's distance from 0.")  # fmt: skip

LANDMARKS = Exercise(
    "7.3", "landmarks before the run", "my_landmarks = [-0.1, -1]", rtol=5e-3,
    mistakes={
        "That is where a healthy patient starts and ends. This loss takes no logarithm anywhere.": [math.log(10), 0],
        "The right two numbers, and `NLLLoss` is a *negative* log-likelihood: it puts a minus in front.": [0.1, 1],
        "The right two numbers in the wrong order: first where it starts, then where it cannot pass.": [-1, -0.1],
        "The start is right. Now say what a perfect answer gives the true digit, and put a minus in front.": [-0.1, 0],
        "No logarithm is taken here: the number at the true digit's place is itself a probability.": [-math.log(10), 0]},
    hints=("`NLLLoss` picks the number at the true digit's place, averages, and puts a minus in front. It takes no logarithm.",
           "Ten equal probabilities: what stands at the true digit's place? And in a perfect answer?",
           "Untrained, the true digit gets one tenth; in a perfect answer it gets everything. Mind the minus."),
    why="Untrained, the true digit gets about one tenth. A probability is at most 1, so the loss cannot pass −1.")  # fmt: skip

NO_WAY_BACK = "The numbers have lost their way back to the network. Compute with tensors, without `.item()`, `.detach()`, NumPy or lists."


def my_loss(probabilities, labels):
    return nn.functional.nll_loss(probabilities.log(), labels)


LOSS = Exercise(
    "7.5", "a loss for a network that answers probabilities", my_loss, use="reaches", parts=("the loss", "its way back"),
    inputs=[(torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.7, 0.2]]), torch.tensor([0, 2])),
            (torch.tensor([[0.25, 0.75]]), torch.tensor([0])), (torch.tensor([[0.6, 0.4], [0.9, 0.1]]), torch.tensor([1, 1])),
            (Code("torch.randn(10, 10).softmax(dim=1)"), torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])),
            (Code("torch.randn(4, 10).double().softmax(dim=1)"), torch.tensor([7, 0, 9, 1]))],
    mistakes={
        "This is the fault itself: cross entropy runs one more softmax over the probabilities. Take their logarithm.": F.cross_entropy,
        "This is minus the mean probability, the loss of a `NLLLoss` without logarithm: the logarithm is missing.": F.nll_loss,
        "This is the sum over the digits of a batch. The loss is their mean.": lambda p, labels: -p[range(len(labels)), labels].log().sum(),
        "The sign is turned round: a loss grows as things get worse.": lambda p, labels: p[range(len(labels)), labels].log().mean(),
        "This is the logarithm of the mean probability. First the logarithms, then their mean.": lambda p, labels: -p[range(len(labels)), labels].mean().log(),
        "This takes in the wrong digits' probabilities. Only the true digit's counts: `nll_loss` picks it.": lambda p, labels: -p.log().mean(),
        NO_WAY_BACK: lambda p, labels: my_loss(p, labels).item()},
    hints=("Minus the logarithm of the probability of the true digit, averaged. The probabilities are there already.",
           "`probabilities[range(len(labels)), labels]` picks the true digit's in each row.",
           "`nll_loss` picks and averages too, and puts the minus in front. It wants logarithms; a tensor has `.log()`."),
    why="One softmax is in the network, so the loss must bring none. It is safer still to take the network's softmax off.")  # fmt: skip


def _test(number, title, solution, inputs, mistakes, hints, why):
    """An exercise that asks for a test: True for the healthy, False for the sick."""
    mistakes |= {
        "Your test says True to the sick and False to the healthy. Turn it round.": lambda *given: not solution(*given),
        "Your test says True to everything, also to the sick.": lambda *given: True,
        "Your test says False to everything, also to the healthy.": lambda *given: False,
    }
    return Exercise(number, title, solution, inputs=inputs, mistakes=mistakes, hints=hints, why=why)


def my_examination(outputs):
    sums = outputs.exp().sum(dim=1)
    return torch.allclose(sums, torch.ones_like(sums), atol=1e-4)


EXAMINATION = _test(
    "7.4", "an examination for log-probabilities", my_examination,
    [(Code(text),) for text in (
        "torch.tensor([[0.2, 0.3, 0.5]]).log()", "torch.tensor([[1.0, -2.0, 0.5]])",
        "torch.tensor([[0.2, 0.3, 0.5], [0.6, 0.3, 0.1]])",
        "torch.tensor([[0.9, 0.7], [0.1, 0.3]]).log()",  # the whole sum is right, and so is each column's
        "torch.tensor([[0.9, 0.8], [0.05, 0.1], [0.05, 0.1]]).log()", "torch.tensor([[0.2, 0.8], [0.2, 0.1]]).log()",
        "torch.tensor([[0.2, 0.8], [0.5, 0.45]]).log()", "torch.tensor([[0.2, 0.85], [0.5, 0.5]]).log()",
        "torch.randn(64, 10).mul(3).log_softmax(dim=1)", "torch.randn(7, 10).log_softmax(dim=1)",
        "torch.randn(64, 10).log_softmax(dim=0)")],
    {
        "Your test says True to a softmax over the batch, the very fault it is to find. Sum along each row: `dim=1`.": altered(my_examination, {"dim=1": "dim=0"}),
        "Your test takes in the whole sum, which is right too where digits share 1 for each class. Every row must sum to 1.": altered(my_examination, {"sum(dim=1)": "sum() / len(outputs)"}),
        "Your test says True to plain probabilities. It is to find *log*-probabilities: take `outputs.exp()` before you sum.": altered(my_examination, {".exp()": ""}),
        "No log-probability is above 0: true, and not enough, since a softmax over the batch passes too. Sum the rows.": lambda outputs: bool((outputs <= 0).all()),
        "Your test says True where only some of the rows are sound. Every single row must sum to 1: `.all()`.": altered(my_examination, {"allclose": "isclose", "1e-4)": "1e-4).any()"}),
        "Your test asks for exactly 1, so it says False to sound outputs: computers round. Use `torch.allclose`, never `==`.":
            altered(my_examination, {"torch.allclose(sums, torch.ones_like(sums), atol=1e-4)": "all(sums == 1)"}),
        "Your tolerance is so wide that rows which sum to 0.95 pass. Rounding alone is about a millionth: 0.001 is enough.": altered(my_examination, {"1e-4": "0.1"}),
        "These are verdicts on each row. One verdict on all of them is wanted: `.all()`, or `torch.allclose`.": altered(my_examination, {"allclose": "isclose"})},
    hints=("Turn log-probabilities back into probabilities, and sum them. Along which axis must it give 1?",
           "`outputs.exp()` are the probabilities; `sum(dim=1)` then gives one sum for each digit.",
           "Compare all sums with 1 at once, and with a tolerance: `help(torch.allclose)`."),
    why="Whatever else a network says, its ten probabilities for one digit must sum to 1. It takes one line to check.")  # fmt: skip


def judge_rate(outcomes):
    """The loss falls below the goal; where it does not, the dead neurons and the loss show which way to go."""
    rate = number_of(outcomes[0].value)
    refuse_if(not 0 < rate < 1e6, f"A learning rate is a small positive number, and {rate:g} is none. Try 0.1 first.")
    model, loss = trained(1, squared_error, rate, 10)
    with torch.no_grad():
        alive = (model[:3](to_inputs(load_digits("digits", train_size=2000).train.images)) > 0).any(dim=0)
    dead = int((~alive).sum())
    told = f"With {rate:g} the mean loss of epoch 10 is {loss:,.2f}. The goal is below 6."
    words = "Each step overshot by more than the one before, until the numbers ran over. Try a hundredth."
    refuse_if(not math.isfinite(loss), f"{told} {words}")
    words = f"The steps are too long: {dead} of the 64 hidden neurons are dead. Try a tenth."
    refuse_if(loss >= 6 and dead > 50, f"{told} {words}")
    words = "It started near 28, and has hardly moved: the steps are far too short. Try a hundred times."
    refuse_if(loss > 20, f"{told} {words}")
    words = "It falls, but it creeps: nearly all neurons live, and the steps are too short. Try three times."
    refuse_if(loss >= 6, f"{told} {words}")


RATE = Exercise(
    "7.6", "a rate for the network of numbers, by experiment", "my_rate = 0.01", judge=judge_rate,
    mistakes={"dead": 0.2, "ran over": 10, "creeps": 0.0003, "far too short": 0.00001, "small positive number": 0},
    hints=("Try rates a factor of ten apart, and read the reply: does it creep, or have its neurons died?",
           "The healthy classifier's rate is too large here: an error of 5 pulls ten times as hard as any probability can.",
           "Look between 0.002 and 0.02."),
    why="The rate that heals one network kills another. Between creeping and dying lies a wide range, and only trying finds it.")  # fmt: skip


def my_choice(validation_accuracies, test_accuracies):
    best = int(validation_accuracies.argmax())
    return best, test_accuracies[best]


CHOICE = Exercise(
    "7.8", "choose, then report", my_choice, parts=("the position", "the reported accuracy"),
    inputs=[(torch.tensor([0.81, 0.9, 0.84, 0.88]), torch.tensor([0.83, 0.86, 0.79, 0.91])),
            (torch.tensor([0.95, 0.6, 0.7]), torch.tensor([0.9, 0.93, 0.5])),
            (torch.tensor([0.5, 0.61, 0.72, 0.7]), torch.tensor([0.66, 0.55, 0.64, 0.75])), (torch.tensor([0.7]), torch.tensor([0.6]))],
    mistakes={
        "You chose by the test result, which is the fault itself: its luck is part of your report. Choose by the validation digits.": lambda validation, test: (test.argmax(), test.max()),
        "The right network. But it was chosen for its validation accuracy, so that is too good now. Report the test accuracy.": lambda validation, test: (validation.argmax(), validation.max()),
        "The right network, and another one's number: this is the best test accuracy of all.": lambda validation, test: (validation.argmax(), test.max()),
        "The test accuracies had a say in your choice. Look at them when the choice is made.": lambda validation, test: my_choice(validation + test, test),
        "The two things stand in the wrong order: first the position, then the accuracy.": lambda *accuracies: my_choice(*accuracies)[::-1]},
    hints=("Two jobs, two sets of digits: one to choose by, the other to report.",
           "The position of the largest number in a tensor is its `argmax()`.",
           "What is reported stands at that same position, in the other tensor."),
    why="The test digits had no say in the choice, so its luck cannot be in the report.")  # fmt: skip

READINGS = (
    "smallest input",
    "largest input",
    "kinds of digits in a batch",
    "training digits",
    "numbers in an answer",
    "sum of a row",
    "sum of exp of a row",
    "smallest when asked",
    "largest when asked",
    "step over weights",
    "gradients left",
    "dead neurons",
    "one batch, 200 steps",
    "right one by one",
    "same answer twice",
    "right on training digits",
    "right on validation",
    "first loss",
    "lowest loss",
    "last loss",
)
# Of one patient with each fault, on 2,000 of the embedded digits: `clinic.Patient.chart`.
CHARTS = {
    "A": (0, 1, 10, 2000, 10, -0.1089, 9.948, 0, 1, 1.156, 0, 64, 2.172, 0.075, 1, 0.116, 0.072, 2.291, 2.254, 2.393),
    "B": (0, 1, 10, 2000, 10, 1, 11.05, 0, 1, 0.002367, 0, 4, 1.795, 0.62, 1, 0.595, 0.52, 2.301, 1.916, 2.068),
    "C": (0, 1, 1, 2000, 10, -0.1645, 9.891, 0, 1, 0.1339, 0, 58, 0.0001813, 0.075, 1, 0.116, 0.072, 2.283, 0.002719, 2.425),
    "D": (0, 1, 10, 2000, 1, -0.1286, 0.8797, 0, 1, 0.05976, 0, 19, 7.7, 0.145, 1, 0.127, 0.134, 33.87, 6.144, 8.814),
    "E": (0, 1, 10, 2000, 10, -41.59, 0.1562, 0, 1, 0.01843, 0, 5, 2.033, 0.115, 1, 0.959, 0.902, 4.162, 0.9704, 2.326),
    "F": (0, 1, 10, 2000, 10, -0.1089, 9.948, 0, 1, 2.311e-05, 0, 4, 2.279, 0.035, 1, 0.074, 0.066, 2.291, 2.278, 2.309),
    "G": (0, 1, 10, 2000, 10, -0.1089, 9.948, 0, 1, 0.02311, 51.24, 60, 0, 0.44, 1, 0.362, 0.368, 2.291, 0.3965, 2.133),
    "H": (0, 1, 10, 2000, 10, 1, 11.05, 0, 1, 0.002374, 0, 4, -0.5596, 0.62, 1, 0.594, 0.522, -0.1016, -0.5334, -0.3538),
    "I": (0, 255, 10, 2000, 10, -54.24, 2.767e+13, 0, 255, 19.41, 0, 64, 2.174, 0.075, 1, 0.116, 0.07, 26.52, 2.276, 2.302),
    "J": (0, 1, 10, 200, 10, -0.1048, 9.955, 0, 1, 0.02685, 0, 13, 0.0236, 0.95, 1, 0.995, 0.868, 2.313, 0.02243, 0.1236),
    "K": (0, 1, 10, 2000, 10, -0.1089, 9.948, 0, 1, 0.02311, 0, 15, 0.7343, 0.55, 0.395, 0.912, 0.51, 2.287, 0.8518, 1.168),
    "L": (0, 1, 10, 2000, 10, -0.1089, 9.948, -1, 1, 0.02311, 0, 6, 0.02987, 0.905, 1, 0.953, 0.812, 2.291, 0.06696, 0.2572),
}  # fmt: skip


def my_doctor(chart):
    if chart["largest input"] > 1:
        return "I"
    if chart["kinds of digits in a batch"] == 1:
        return "C"
    if chart["numbers in an answer"] == 1:
        return "D"
    if chart["smallest when asked"] != chart["smallest input"]:
        return "L"
    if chart["same answer twice"] < 1:
        return "K"
    if chart["gradients left"] > 0:
        return "G"
    if chart["first loss"] < 0:
        return "H"
    if abs(chart["sum of a row"] - 1) < 0.01:
        return "B"
    if chart["first loss"] > 3:
        return "E"
    if chart["right on training digits"] > 0.99:
        return "J"
    return "A" if chart["step over weights"] > 0.1 else "F"


def _chart(letter):
    return (dict(zip(READINGS, map(float, CHARTS[letter]), strict=True)),)


DOCTOR = Exercise(
    "7.7", "a doctor who is a program", my_doctor, inputs=[_chart(letter) for letter in CHARTS],
    mistakes={
        "Rows that sum to 1 come from a softmax, and two faults have one: B and H. Which of them has a loss below 0?":
            lambda chart: "B" if my_doctor(chart) == "H" else my_doctor(chart),
        "Everything that rests near ln 10 is A to you. Some of them took far too short a step: look at `step over weights`.":
            lambda chart: "A" if my_doctor(chart) == "F" else my_doctor(chart),
        "You take every wild first loss for large pixels. An answer of a single number starts as high: see `numbers in an answer`.":
            lambda chart: "I" if my_doctor(chart) == "D" else my_doctor(chart),
        "You find the dead neurons, and say A. Of the patients with dead neurons one has pixels up to 255: that came first.":
            lambda chart: "A" if my_doctor(chart) == "I" else my_doctor(chart),
        "Two patients lose their digits only when they are asked, K and L. One of them gives two answers to the same digit.":
            lambda chart: "L" if my_doctor(chart) == "K" else my_doctor(chart),
        "Your doctor says the same to everybody.": lambda chart: "A"},
    hints=("Begin with the signs that only one cause can have: pixels up to 255, one kind of digit in a batch, a loss below 0, …",
           "Then the order matters: two faults make rows that sum to 1, and several leave dead neurons. Ask for the surest sign first.",
           "Three are left at the end. One reads all its training digits; one took a step as long as its weights; one hardly moved."),
    why="The surest signs first, and each rule may then rely on what the earlier ones have ruled out. That is how people diagnose, too.")  # fmt: skip

EXERCISES = (DEAD, STEP, LANDMARKS, EXAMINATION, LOSS, RATE, DOCTOR, CHOICE)
