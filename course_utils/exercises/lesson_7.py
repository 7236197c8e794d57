"""Lesson 7, the clinic: name a curve's cause, repair, write tests that find a fault, choose honestly, diagnose a ward."""

import math
from dataclasses import replace

import torch
from torch import nn
from torch.nn import functional as F

from ..data import load_digits, to_inputs
from ..training import squared_error
from .exercise import Code, Exercise, NotRight, altered, refuse_if
from .judging import number_of
from .lesson_3 import LOG_SOFTMAX, trained

CAUSES = {  # what each is, and what it looks like
    "A": ("a learning rate too large", "it starts at ln 10, leaps far above it, and stays at or above ln 10"),
    "B": ("two softmaxes", "it starts at ln 10 and sinks slowly, and nothing gets it below 1.4612"),
    "C": ("sorted digits", "each digit's loss dives towards 0, and leaps up at the next digit, like a saw's teeth"),
    "D": ("[N, 1] against [N]", "a squared error, which starts near the mean square and settles at the variance"),
    "E": ("softmax over the batch axis", "it starts at the logarithm of the batch size, whatever the number of classes"),
    "F": ("a learning rate too small", "it starts at ln 10, and hardly leaves it, without any leap"),
    "G": ("gradients never zeroed", "it starts at ln 10, falls at first, turns, and swings ever higher"),
    "H": ("a softmax where `NLLLoss` wants its logarithm", "it is negative, from −0.1 towards −1"),
    "I": ("pixels left at 0..255", "its very first loss lies far above ln 10, before any step was taken"),
    "J": ("chosen with the test digits", "no training curve shows it: the score is too good, and fresh digits tell")}  # fmt: skip
LIST = "The letters stand in the list of causes, near the top of the lesson."


def _told(letter, clue):
    name, looks = CAUSES[letter]
    return f"{letter}, {name}: {looks}. {clue}"


def _cause(patient, number, right, clue):
    """An exercise that asks for a patient's cause; the clue is what no wrong cause fits."""
    return Exercise(
        number, f"the cause of patient {patient}", f'my_cause_{patient} = "{right}"',
        mistakes={_told(letter, clue): letter for letter in CAUSES if letter != right},
        hints=(LIST, f"Of one cause this is true: {CAUSES[right][1]}.", clue),
        why=f"{CAUSES[right][0].capitalize()}: {CAUSES[right][1]}.")  # fmt: skip


PATIENTS = [_cause(patient, *words) for patient, words in {
    1: ("7.2", "H", "This curve starts at −0.1. Which network hands the loss a number between 0 and 1?"),
    2: ("7.4", "E", "This curve starts at 4.16, and e to the power of 4.16 is 64. What is there 64 of?"),
    3: ("7.7", "B", "This curve sinks steadily, and stays above 1.46. Count the softmaxes between logits and loss."),
    4: ("7.9", "G", "All but the step is healthy, the rate too. Read the step, and count to five: which line is missing?"),
    5: ("7.11", "I", "This first loss is many times ln 10, and no step had been taken then. Look at what goes in."),
    6: ("7.13", "D", "This one has learned the mean, and nothing else. Compare the shapes that meet in the loss."),
    7: ("7.15", "C", "This curve leaps wherever one digit ends and the next begins. In what order do the digits come?"),
}.items()]  # fmt: skip

LANDMARKS = Exercise(
    "7.1", "landmarks before the run", "my_landmarks = [-0.1, -1]", rtol=5e-3,
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

START = Exercise(
    "7.5", "its start in batches of 100", "my_start = math.log(100)  # 4.605", rtol=5e-3,
    mistakes={
        "That is where a healthy patient starts, with batches of any size.": math.log(10),
        "That is the start with batches of 64. Now there are 100 digits in a batch.": math.log(64),
        "That is the number of digits. The loss is the logarithm of it.": 100,
        "That is the logarithm to base 10. The loss takes the natural one, `math.log`.": 2,
        "The sign is turned round: 1/100 has a negative logarithm, and the loss turns it.": -math.log(100)},
    hints=("In batches of 64 it started at ln 64. What would share its 1 among more digits?", "Each column shares 1 among 100 digits, so each gets about 1/100.",
           "The loss is minus the natural logarithm of that share."),
    why="−ln(1/100) = ln 100 = 4.605. A start that depends on the batch size is the mark of this fault.")  # fmt: skip

NO_WAY_BACK = "The numbers have lost their way back to the network. Compute with tensors, without `.item()`, `.detach()`, NumPy or lists."


def my_outputs(logits):
    return torch.log_softmax(logits, dim=1)


OUTPUTS = replace(
    LOG_SOFTMAX, number="7.3", title="outputs that suit NLLLoss", solution=my_outputs, use="reaches", parts=("the result", "its way back"),
    mistakes={
        NO_WAY_BACK: lambda logits: logits.log_softmax(dim=1).detach(),
        "These are the bare logits. `NLLLoss` wants log-probabilities, whose exponentials sum to 1 in each row.": lambda logits: logits,
        **LOG_SOFTMAX.mistakes},
    hints=("`NLLLoss` wants log-probabilities. torch makes them in one call; its name says both, the logarithm first.",
           *LOG_SOFTMAX.hints),
    why="The logarithm turns 'the true digit got 0.01' into a cost of 4.6. Without it, being right instead is worth 0.99 and no more.")  # fmt: skip


def my_loss(probabilities, labels):
    return nn.functional.nll_loss(probabilities.log(), labels)


LOSS = Exercise(
    "7.8", "a loss for a network that answers probabilities", my_loss, use="reaches", parts=("the loss", "its way back"),
    inputs=[(torch.tensor([[0.5, 0.2, 0.3], [0.1, 0.7, 0.2]]), torch.tensor([0, 2])),
            (torch.tensor([[0.25, 0.75]]), torch.tensor([0])), (torch.tensor([[0.6, 0.4], [0.9, 0.1]]), torch.tensor([1, 1])),
            (Code("torch.randn(10, 10).softmax(dim=1)"), torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3])),
            (Code("torch.randn(4, 10).double().softmax(dim=1)"), torch.tensor([7, 0, 9, 1]))],
    mistakes={
        "This is the fault itself: cross entropy runs one more softmax over the probabilities. Take their logarithm.": F.cross_entropy,
        "This is minus the mean probability, patient 1's loss: the logarithm is missing.": F.nll_loss,
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
    "7.6", "an examination for log-probabilities", my_examination,
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


def my_gradient_test(gradients):
    return all(gradient is None or not gradient.any() for gradient in gradients)


GRADIENT_TEST = _test(
    "7.10", "a test for empty gradients", my_gradient_test,
    [([None if one is None else torch.tensor(one) for one in gradients],) for gradients in (
        (None, None), ([[0.0, 0.0]], [0.0]), (None, [0.0, 0.0]), ([[0.5, -0.5]], [0.0]), ([[0.0, 0.0]], [0.3]),
        ([[-0.1, -0.4]], [-0.2]), ([[0.0], [0.2]], None), ([[1e-9, 0.0]], [0.0, 0.0]), ([[0.7, 0.1]], [0.4], [0.2]))],
    {
        "A gradient of zeros is empty too. Where it is not None, ask whether all of its numbers are 0.": lambda gradients: all(one is None for one in gradients),
        "`zero_grad()` leaves None where the gradient was. Ask `gradient is None` before anything else.": lambda gradients: all(not one.any() for one in gradients),
        "Your test looks at the first gradient only. Another may be full.": lambda gradients: my_gradient_test(gradients[:1]),
        "Your test is content with one empty gradient. All must be empty.": lambda gradients: any(one is None or not one.any() for one in gradients),
        "In a sum, 0.5 and −0.5 cancel. Ask whether any number differs from 0: `.any()`.": lambda gradients: all(one is None or bool(one.sum() == 0) for one in gradients)},
    hints=("Go through the gradients. The test is False as soon as one of them is not empty.",
           "Empty is None, or a tensor of zeros. Which question must come first, since None has no numbers?",
           "`tensor.any()` is True where any number differs from 0."),
    why="`backward()` adds to what it finds, so what it finds must be nothing. The test costs one line, and a training costs hours.")  # fmt: skip


def my_input_test(inputs):
    return bool(inputs.is_floating_point() and inputs.min() >= 0 and inputs.max() <= 1)


INPUT_TEST = _test(
    "7.12", "a test for inputs", my_input_test,
    [(torch.tensor(pictures, dtype=kind)[:, None, None],) for kind, *pictures in (
        (torch.float32, [0, 1]), (torch.float32, [0.2, 0.9], [1, 0]), (torch.float64, [0, 0.1, 0.7]), (torch.uint8, [0, 255]),
        (torch.float32, [0, 255]), (torch.uint8, [0, 1]), (torch.float32, [0, 1], [0, 200]), (torch.float32, [-1, 1]),
        (torch.float32, [0, 0, 0, 3]), (torch.float32, [0.2, 0.7]), (torch.float32, [0.5, 1.5]), (torch.float64, [3, 0], [0, 1]))],
    {
        "Bytes of 0 and 1 pass, which a `//` has made. Ask for decimal numbers too.": lambda inputs: bool(inputs.min() >= 0 and inputs.max() <= 1),
        "Pixels below 0 pass. Ask for the smallest too.": lambda inputs: bool(inputs.is_floating_point() and inputs.max() <= 1),
        "A mean is small even where a pixel is 3. Ask for the largest.": lambda inputs: bool(inputs.is_floating_point() and inputs.min() >= 0 and inputs.mean() <= 1),
        "Full ink is exactly 1, and healthy: `<=`, not `<`.": lambda inputs: bool(my_input_test(inputs) and inputs.max() < 1),
        "Your test looks at the first picture only.": lambda inputs: my_input_test(inputs[:1])},
    hints=("Three questions: decimal numbers? None below 0? None above 1?",
           "`inputs.min()` and `inputs.max()` look at all pixels of all pictures.",
           "`inputs.is_floating_point()` is True where a tensor holds decimal numbers. All three at once: `and`."),
    why="Weights and learning rates are made for numbers of about this size. The test takes a moment, and a training takes hours.")  # fmt: skip


def my_loss_test(loss_fn):
    labels = torch.tensor([1.0, 2.0, 3.0])
    perfect, mixed_up = labels.unsqueeze(1), labels.flip(0).unsqueeze(1)
    return bool(loss_fn(perfect, labels) == 0 and loss_fn(mixed_up, labels) > 0)


LOSS_TEST = _test(
    "7.14", "a test for a loss", my_loss_test,
    [(Code(f"lambda answers, labels: {loss}"),) for loss in (
        "((answers[:, 0] - labels) ** 2).mean()", "((answers - labels.unsqueeze(1)) ** 2).sum()",
        "(answers.flatten() - labels).abs().mean()", "((answers - labels) ** 2).mean()", "(answers - labels).abs().sum()",
        "(answers.mean() - labels.float().mean()) ** 2", "0 * answers.sum()", "1 + ((answers[:, 0] - labels) ** 2).mean()")],
    {
        "Some sick losses cost nothing whatever the answers are. Try wrong answers too.": altered(my_loss_test, {" and loss_fn(mixed_up, labels) > 0": ""}),
        "Wrong answers cost something with patient 6 too. Ask what *perfect* answers cost.": altered(my_loss_test, {"loss_fn(perfect, labels) == 0 and ": ""}),
        "Some losses compare only the means. Give perfect answers in a wrong order.": altered(my_loss_test, {"labels.flip(0).unsqueeze(1)": "labels.unsqueeze(1) + 3"}),
        "Your test asks for the mean square, and says False to other sound losses. Perfect costs 0, wrong more.":
            altered(my_loss_test, {"(perfect, labels) == 0 and loss_fn(mixed_up, labels) > 0": "(mixed_up, labels) == 8 / 3"}),
        "With a single label every answer meets the right one, whatever the shapes. Take several.":
            altered(my_loss_test, {"[1.0, 2.0, 3.0]": "[1.0]", "labels.flip(0).unsqueeze(1)": "labels.unsqueeze(1) - 1"})},
    hints=("Make up your own labels, such as 1, 2, 3, and perfect answers to them in the shape `[3, 1]`. What must they cost?",
           "And what if the same answers stand in another order? Where each answer meets its own label, that costs more than 0.",
           "`labels.unsqueeze(1)` has the shape `[N, 1]`, and `.flip(0)` turns an order round. Hand both to `loss_fn`."),
    why="A loss is a function, so it can be asked. Perfect answers must cost nothing, and the same answers mixed up must cost something.")  # fmt: skip


def my_order_test(labels, batch_size):
    whole = [batch for batch in labels.split(batch_size) if len(batch) == batch_size]
    return all(len(batch.unique()) >= 5 for batch in whole)


ORDER_TEST = _test(
    "7.16", "a test for the order", my_order_test,
    [(torch.tensor([3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]), 6), (torch.tensor([2, 7, 1, 8, 2, 8, 0, 0]), 7),
     (torch.tensor([0, 0, 0, 0, 1, 1, 1, 1]), 4), (torch.tensor([0, 1, 2, 3, 3, 0]), 6), (torch.tensor([0, 1, 2, 3, 4, 5, 6, 6]), 8), (torch.tensor([1, 2, 3, 4, 5, 6, 6, 6, 7, 7]), 5), (torch.tensor([0, 1, 0, 1, 0, 1, 2, 3, 2, 3, 2, 3]), 6),
     *((Code(labels), 64) for labels in (
         "torch.randperm(1000) % 10", "torch.arange(1000) // 100", "(torch.arange(1000) // 100).flip(0)",
         "torch.cat([torch.randperm(320) % 10, torch.full((64,), 7), torch.randperm(320) % 10])",
         "torch.cat([torch.full((640,), 7), torch.randperm(64) % 10])"))],
    {
        "Your test looks at the first batch only. The others may be sick.": lambda labels, size: my_order_test(labels[:size], size),
        "The whole epoch holds all digits in any order. Look at each batch.": lambda labels, size: my_order_test(labels, len(labels)),
        "The last batch may be short, and then few digits are no fault. Leave it out.": lambda labels, size: all(len(batch.unique()) >= 5 for batch in labels.split(size)),
        "In the mean over the batches one sick batch is hidden. Ask each of them.": lambda labels, size: sum(len(batch.unique()) for batch in labels.split(size)) >= 5 * len(labels.split(size)),
        "You ask for ten digits in every batch. Chance may leave one out; five are enough.": lambda labels, size: all(len(batch.unique()) == 10 for batch in labels.split(size) if len(batch) == size)},
    hints=("`labels.split(batch_size)` cuts the labels into batches. The last one may be shorter: pass over it.",
           "`batch.unique()` holds each digit of a batch once, and `len` counts them.",
           "True where every batch passes. `all(… for batch in …)` asks that of each."),
    why="Every batch should be a fair sample of all digits. `torch.randperm` makes it so, and nothing but a look at the labels shows it.")  # fmt: skip

CAUSES_8 = Exercise(
    "7.17", "the causes of patient 8", 'my_causes_8 = ["A", "F"]', parts=("p", "q"),
    mistakes={
        "The right two, in the wrong order. Curve p leaps up; curve q hardly moves.": ["F", "A"],
        **{_told(letter, "Curve p starts at ln 10. Its first few steps throw it far up."): [letter, None] for letter in CAUSES if letter != "A"},
        **{_told(letter, "Curve q starts at ln 10 and stays there, smooth and level."): [None, letter] for letter in CAUSES if letter != "F"}},
    hints=(f"{LIST} Both patients differ from the healthy one in a single number.",
           "One of them leaps and never recovers. The other hardly moves. Which number does both?",
           "How far does a step go? Too far for one of them, and not far enough for the other."),
    why="Curve p has a far larger rate than the healthy patient, and curve q a far smaller one. Nothing else differs.")  # fmt: skip


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
    "7.18", "a rate for the network of numbers, by experiment", "my_rate = 0.01", judge=judge_rate,
    mistakes={"dead": 0.2, "ran over": 10, "creeps": 0.0003, "far too short": 0.00001, "small positive number": 0},
    hints=("Try rates a factor of ten apart, and read the reply: does it creep, or have its neurons died?",
           "The healthy classifier's rate is too large here: an error of 5 pulls ten times as hard as any probability can.",
           "Look between 0.002 and 0.02."),
    why="The rate that heals one network kills another. Between creeping and dying lies a wide range, and only trying finds it.")  # fmt: skip


def my_choice(validation_accuracies, test_accuracies):
    best = int(validation_accuracies.argmax())
    return best, test_accuracies[best]


CHOICE = Exercise(
    "7.19", "choose, then report", my_choice, parts=("the position", "the reported accuracy"),
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

EXAMPLE = {"P": [2.3, 2.31, 2.28, 2.2, 2.05, 1.9, 1.72, 1.63], "Q": [2.3, 0.6, 1.8, 4.5, 2.9, 6.0, 2.8, 3.9],
           "R": [25.7, 11.0, 9.1, 8.8, 8.2, 8.5, 8.3, 8.2], "S": [-0.1, -0.12, -0.35, -0.6, -0.7, -0.8, -0.79, -0.81],
           "T": [2.3, 0.01, 9.8, 0.2, 6.0, 0.05, 4.5, 0.02], "U": [2.3, 2.31, 2.29, 2.3, 2.3, 2.28, 2.29, 2.27],
           "V": [4.15, 3.2, 2.7, 2.6, 2.5, 2.4, 2.3, 2.25], "W": [2.3, 790.0, 41.0, 2.6, 2.4, 2.41, 2.37, 2.38],
           "X": [24.8, 3.7e8, 9000.0, 2.31, 2.3, 2.29, 2.31, 2.3]}  # fmt: skip
EXAMPLE_TRUTH = dict(zip("PQRSTUVWX", "BGDHCFEAI", strict=True))


def my_diagnoses(curves):
    signs = {  # the surest first: a number that is smallest for this cause's patient, among those that are left
        "H": min,  # the only one below zero
        "E": lambda losses: abs(losses[0] - math.log(64)),
        "I": lambda losses: (losses[0] < 5, sum(losses[-5:])),  # starts far too high, and comes down to ln 10
        "D": lambda losses: -losses[0],  # starts as high, and stays at the variance of the labels
        "C": min,  # nearest to zero, in between its leaps
        "A": lambda losses: -max(losses),  # the highest leap
        "F": lambda losses: max(losses) - min(losses),  # moves the least
        "G": lambda losses: -max(losses),  # climbs again
        "B": min,  # the one that is left
    }
    found, left = {}, dict(curves)  # curves: letter of a patient → its losses, batch by batch
    for cause, sign in signs.items():
        patient = min(left, key=lambda letter, sign=sign: sign(left[letter]))
        found[patient] = cause
        del left[patient]
    return found


def judge_diagnoses(outcomes, truth=EXAMPLE_TRUTH, curves=EXAMPLE):
    answer = outcomes[0].value if isinstance(outcomes[0].value, dict) else {}
    named = {str(patient).strip().upper(): str(cause).strip(" .():").upper() for patient, cause in answer.items()}
    words = f"A dictionary is wanted, with a cause for each of {', '.join(truth)}, and for nobody else."
    refuse_if(named.keys() != truth.keys(), words)
    found = [cause for patient, cause in truth.items() if named[patient] == cause]
    if len(found) == len(truth):
        return
    doubled = sorted(cause for cause in CAUSES if list(named.values()).count(cause) > 1)
    twice = f" You gave {doubled[0]} more than once, and each patient has a cause of its own." if doubled else ""
    _, looks = next(CAUSES[cause] for cause in "HEIDCAFGB" if cause not in found)  # the surest first
    raise NotRight(f"{len(found)} of {len(truth)} are right.{twice} A clue, true of one patient: {looks}.")


WARD = Exercise(
    "7.20", "the ward", my_diagnoses, inputs=[(EXAMPLE,)], use="rule", judge=judge_diagnoses,
    mistakes={
        "7 of 9 are right": EXAMPLE_TRUTH | {"P": "G", "Q": "B"},
        "8 of 9 are right. You gave B more than once": EXAMPLE_TRUTH | {"S": "B"},
        "A dictionary is wanted": {"P": "B"}},
    hints=("Begin with the starts. Three patients do not start at ln 10 = 2.30, nor at the variance's height: which three?",
           "Then the floors and the resting places: −1, 1.4612, ln 10, the variance of the labels. Who rests where?",
           "Those left start at ln 10. One touches zero, one never moves, one leaps at once and lies flat, one climbs again."),
    why="The letters change with the seed, so the course's answer is a rule: the surest signs first, as you would take them.")  # fmt: skip

EXERCISES = sorted([*PATIENTS, LANDMARKS, OUTPUTS, START, EXAMINATION, LOSS, GRADIENT_TEST, INPUT_TEST, LOSS_TEST, ORDER_TEST,
                    CAUSES_8, RATE, CHOICE, WARD], key=lambda exercise: int(exercise.number.removeprefix("7.")))  # fmt: skip
