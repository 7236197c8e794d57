"""Lesson 3: back-propagation, log-softmax, NLL, the five steps, a learning rate, accuracy, a training, momentum."""

import math
from collections.abc import Callable
from functools import cache

import torch
from torch import nn
from torch.nn import functional as F

from ..data import batches, load_digits
from ..training import fit
from .exercise import Code, Exercise, NotRight, altered, drawn, refuse_if
from .judging import format_number, number_of

GRADIENTS = Exercise(
    "3.1", "gradients by hand", "my_gradients = [2 * 1 * 2, 2 * 1 * 3 * 1 * 2]  # [4, 12]", parts=("∂L/∂w₂", "∂L/∂w₁"),
    mistakes={
        "12 is ∂L/∂w₁. It stands in the wrong order: first ∂L/∂w₂, then ∂L/∂w₁.": [12, None],
        "∂L/∂w₂ is half of what it should be. The slope of (y − t)² is 2(y − t): the 2 is missing.": [2, None],
        "The sign of ∂L/∂w₂ is turned round. y is larger than t, so y − t is positive: growing y makes it worse.": [-4, None],
        "∂L/∂w₂ passes by h: multiply the slope at y by h, and not by w₂.": [6, None],
        "∂L/∂w₂ is right. In ∂L/∂w₁ a factor is missing: a = w₁·x, so multiply by x = 2 at the end.": [None, 6],
        "∂L/∂w₂ is right. ∂L/∂w₁ leaves out w₂: the path from y to h goes through the weight w₂ = 3.": [None, 4],
        "∂L/∂w₂ is right. ∂L/∂w₁ leaves out w₂ and x: multiply the slope at y by both.": [None, 2],
        "∂L/∂w₂ is right. The sign of ∂L/∂w₁ is turned round: w₂ and x are positive, so growing w₁ lets y grow too.": [None, -12],
        "Both are half of what they should be. The slope of (y − t)² is 2(y − t): the 2 is missing.": [2, 6]},
    hints=("Walk forward first: a = w₁x, h = max(0, a), y = w₂h.",
           "How far is y from t? Now walk back, one slope at a time, as in the table. It begins with ∂L/∂y = 2(y − t).",
           "For w₂ multiply by h; for w₁ multiply by w₂, by the ReLU's slope, and by x."),
    why="∂L/∂w₂ = 2(y − t) · h = 2 · 2, and ∂L/∂w₁ = 2(y − t) · w₂ · 1 · x = 2 · 3 · 1 · 2. Autograd gives the same two numbers.")  # fmt: skip


def my_log_softmax(logits):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()


LOG_SOFTMAX = Exercise(
    "3.2", "log-softmax of a batch", my_log_softmax,
    inputs=[(drawn(2, 3, seed=1),), (drawn(2, 2, seed=2),), (drawn(1, 4, seed=3),), (drawn(5, 5, seed=4),),
            (drawn(4, 10, seed=5, dtype=torch.float64),), (torch.tensor([[102.0, 101.0, 100.0], [-200.0, 0.0, 50.0]]),),
            (torch.tensor([[500.0, 501.0], [-500.0, -501.0]]),)],
    mistakes={
        "These are the probabilities themselves. Take their logarithm too, or better: never leave the logarithms.": lambda z: z.softmax(dim=1),
        "Your probabilities sum to 1 down each column, over the batch. A row is a sample: sum over the classes, `dim=1`.": lambda z: z.log_softmax(dim=0),
        "Your sum runs over the whole table. Each sample, each row, has its own: `dim=1`.": lambda z: z.flatten().log_softmax(dim=0).reshape(z.shape),
        "The sign is turned round. A probability is at most 1, so its logarithm is at most 0.": lambda z: -my_log_softmax(z),
        "This is the logarithm to base 2. The field means the natural one: `.log()`.": lambda z: my_log_softmax(z) / math.log(2),
        "The sums are right, and were subtracted along the wrong axis. Keep the summed axis: `keepdim=True`.": altered(my_log_softmax, {".sum(dim=1, keepdim=True)": ".sum(dim=1)"}),
        "Right for small logits. Of a large one the exponential is inf. Subtract the largest logit of each row first.": lambda z: z - z.exp().sum(dim=1, keepdim=True).log(),
        "Right for small logits. Else a probability is rounded to 0, and its logarithm is minus infinity. Never leave the logarithms.": lambda z: z.softmax(dim=1).log(),
        "You subtract one largest logit for the whole batch, so all exponentials of another row may round to 0. Each row has its own.":
            altered(my_log_softmax, {"logits.max(dim=1, keepdim=True).values": "logits.max()"})},
    hints=("Start from the formula: log pᵢ = zᵢ − log Σⱼ exp(zⱼ). Each row is a sample and has its own sum.",
           "`keepdim=True` makes a sum along each row keep the shape `[N, 1]`, so that it can be subtracted from `[N, classes]`.",
           "Before any `exp`, subtract each row's largest logit. It changes no probability. `max` with a `dim` gives values and places."),
    why="Subtracting a row's largest logit changes no probability, and keeps every exponential at 1 or below.")  # fmt: skip

MEAN_NLL = Exercise(
    "3.3", "the loss of two kinds of answers", "my_loss = (-math.log(1 / 2) - math.log(1 / 8)) / 2  # 1.386", rtol=5e-3,
    mistakes={
        "This is the logarithm of the mean probability. The loss is the mean of the logarithms: first −log of each, then the mean.": -math.log(0.3125),
        "So many bits: you took the logarithm to base 2. The field means the natural one.": 2,
        "This is the logarithm to base 10. The field means the natural one, `math.log`.": math.log10(16) / 2,
        "The logarithms are right, and the sign is missing: a loss grows as things get worse.": -math.log(16) / 2,
        "This is the sum of one sample of each kind. The loss is the mean over the samples.": math.log(16),
        "This is the mean probability. The loss of a sample is −log of its probability; take the mean of these.": 0.3125,
        "This is the loss of the better half alone.": math.log(2),
        "This is the loss of the worse half alone.": math.log(8)},
    hints=("The loss of one sample is minus the natural logarithm of the probability given to the true digit.",
           "Half of the samples cost −ln ½ ≈ 0.693. What does the other half cost?",
           "Both halves are equally many, so the mean lies in the middle between the two."),
    why="(0.693 + 2.079) / 2 = 1.386. It is the mean of the logarithms, and not the logarithm of the mean.")  # fmt: skip


def my_backward(X, T, W1, b1, W2, b2):
    N = len(T)
    A = X @ W1.T + b1
    H = A.clamp(min=0)
    Z = H @ W2.T + b2
    dZ = (Z.softmax(dim=1) - nn.functional.one_hot(T, Z.shape[1])) / N
    dW2, db2 = dZ.T @ H, dZ.sum(dim=0)
    dA = (dZ @ W2) * (A > 0)
    dW1, db1 = dA.T @ X, dA.sum(dim=0)
    return dW1, db1, dW2, db2


def _gradients_of(samples, inputs, hidden, classes, dtype=torch.float32):
    shapes = (samples, inputs), (hidden, inputs), (hidden,), (classes, hidden), (classes,)
    X, *weights = (drawn(*shape, seed=seed, dtype=dtype) for seed, shape in enumerate(shapes, start=samples))
    return X, (torch.arange(samples) * 2 + 1) % classes, *weights


BACKWARD = Exercise(
    "3.4", "back-propagation in tensors", my_backward, parts=("dW1", "db1", "dW2", "db2"), atol=1e-5,
    inputs=[_gradients_of(2, 2, 3, 2), _gradients_of(6, 4, 5, 3), _gradients_of(3, 7, 4, 10, torch.float64), _gradients_of(5, 3, 3, 3)],
    mistakes={
        "{part} is as many times too large as there are samples: dZ is divided by their number, since the loss is a mean.": altered(my_backward, {" / N": ""}),
        "The sign of {part} is turned round: dZ is P minus the one-hot targets.": altered(my_backward, {" / N": " / -N"}),
        "{part} is transposed. A gradient has the shape of what it belongs to.": altered(my_backward, {"return dW1, db1, dW2": "return dW1.T, db1, dW2.T"}),
        "{part} is divided by the number of samples twice: the division is in dZ already.": altered(my_backward, {" / N": " / N**2"}),
        "{part} is computed as if every hidden neuron were on. Where A ≤ 0 the ReLU is flat: multiply by `(A > 0)`.": altered(my_backward, {" * (A > 0)": ""}),
        "{part} starts from the logits themselves: dZ is made of P, which is their softmax.": altered(my_backward, {"Z.softmax(dim=1)": "Z"}),
        "{part} is a mean over the samples. The 1/N is in dZ already, so here the samples' slopes add up.": altered(my_backward, {"dZ.sum(dim=0)": "dZ.mean(dim=0)", "dA.sum(dim=0)": "dA.mean(dim=0)"}),
    },
    hints=("Go forward first, and keep A, H and Z. Then start at the end: dZ = (P − one-hot(T)) / N.",
           "Back through Z = H W₂ᵀ + b₂: dW₂ is `dZ.T @ H`, db₂ is the sum of dZ over the samples, dH is `dZ @ W2`.",
           "Back through the ReLU: dA is dH where A > 0, else 0. Then the same step once more, with X in the place of H."),
    why="Two linear layers need the same three lines each, and between them the ReLU lets a slope pass where it let the number pass.")  # fmt: skip


def my_count(sizes):
    count = 0
    for i in range(len(sizes) - 1):
        weights, biases = sizes[i] * sizes[i + 1], sizes[i + 1]
        count = count + weights + biases
    return count


PARAMETERS = Exercise(
    "3.5", "how many parameters", my_count,
    inputs=[([784, 100, 10],), ([3, 2],), ([2, 3, 4],), ([5, 4, 3, 2],), ([7, 1, 1, 6, 2],)],
    mistakes={
        "The weights are all there, and the biases are missing: one for each output of each layer.": altered(my_count, {" + biases": ""}),
        "This is the first layer alone. Each of the layers has weights and biases.": lambda sizes: my_count(sizes[:2]),
        "Nearly. The biases of the output layer are missing: one for each class.": lambda sizes: my_count(sizes) - sizes[-1],
        "Nearly. Only the output layer has biases here; the hidden layers have them too.": altered(my_count, {"+ biases": "+ (biases if i == len(sizes) - 2 else 0)"}),
        "Each layer has weights of its own, so their numbers are added up, not multiplied.": math.prod,
        "These are the neurons. Count the weights between them, and their biases.": sum,
        "The pixels have no bias: only the layers that compute have one for each output.": lambda sizes: my_count(sizes) + sizes[0],
        "A bias belongs to each *output* of a layer, and you counted one for each input.": altered(my_count, {", sizes[i + 1]": ", sizes[i]"}),
        "This is right for one hidden layer alone. Go through all pairs of neighbouring sizes with a loop.": altered(my_count, {"range(len(sizes) - 1)": "(0, 1)"}),
        "Here the last layer is missing: `range` ends one before its end, so three sizes are two layers, `range(2)`.": lambda sizes: my_count(sizes[:-1])},
    hints=("A linear layer has a weight for each pair of input and output, and a bias for each output.",
           "`sizes[i]` and `sizes[i + 1]` are the inputs and outputs of one layer. With three sizes, i is 0 and 1.",
           "Start with a count of 0. A loop over i adds two things for each layer: its weights, which are a product, and its biases."),
    why="With 100 hidden neurons: 784 · 100 weights and 100 biases, then 100 · 10 weights and 10 biases, so 79,510.")  # fmt: skip


def my_step(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


NORMED = Code("nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Linear(5, 2))")
CROSS_ENTROPY = Code("nn.CrossEntropyLoss()")
BATCHES = [(drawn(8, 3, seed=seed), torch.arange(8) % 2) for seed in range(3)]

STEP = Exercise(
    "3.6", "repair a training step", my_step,
    inputs=[(Code("nn.Linear(3, 2)"), BATCHES, CROSS_ENTROPY, 0.5), (NORMED, BATCHES, CROSS_ENTROPY, 0.1)],
    use="train", parts=("the weights after three batches", "the returned loss", "the model's mode"), rtol=1e-3,
    mistakes={
        "After three batches no weight has moved: the gradients were set to zero before `step()`, which found none.":
            altered(my_step, {"optimizer.step()": "optimizer.zero_grad()", "zero_grad()\n    return": "step()\n    return"}),
        "After three batches no weight has moved: `loss.backward()` is missing, so there are no gradients that `step()` could use.": altered(my_step, {"loss.backward()": "pass"}),
        "After three batches no weight has moved: `optimizer.step()` is missing.": altered(my_step, {"optimizer.step()": "pass"}),
        "After three batches no weight has moved: neither `loss.backward()` nor `optimizer.step()` was called.": altered(my_step, {"loss.backward()": "pass", "optimizer.step()": "pass"}),
        "The second batch also took the first one's gradients along: `backward()` adds to `.grad`. Set them to zero once a batch.": altered(my_step, {"optimizer.zero_grad()": "pass"}),
        "Each batch moved the weights twice: there is one `optimizer.step()` too many.": altered(my_step, {"optimizer.step()": "optimizer.step(), optimizer.step()"}),
        "Your step leaves the model in its evaluation mode, so the rest of the training runs in it. A step leaves the mode alone.": altered(my_step, {"return": "model.eval()\n    return"}),
        "Your step trains in the evaluation mode: leave out `model.eval()`. Layers such as batch norm behave otherwise there.": altered(my_step, {"loss =": "model.eval()\n    loss ="})},
    hints=("Say the five steps aloud: forward, loss, backward, step, zero the gradients. Which of them are here, and in which order?",
           "`step()` reads what `backward()` wrote into `.grad`. Nothing may empty it in between.",
           "Two lines of the faulty step have to change places."),
    why="`step()` uses the gradients that `backward()` left, so they may be emptied only after it (or before `backward()`).")  # fmt: skip

GOAL, EPOCHS = 0.7, 3


@cache
def trained(outputs: int, loss_fn: Callable, learning_rate: float, epochs: int) -> tuple[nn.Module, float]:
    """A 784-64-`outputs` network after plain SGD, batch 64, on 2,000 embedded digits, and its last mean loss."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, outputs))
    split = load_digits("digits", train_size=2000).train
    train = batches(split, 64, shuffle=True, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    return model, fit(model, train, None, loss_fn, optimizer, epochs=epochs).train_loss[-1]


def judge_learning_rate(outcomes):
    """The loss falls below the goal; where it does not, a third of the rate shows which way to go."""
    rate = number_of(outcomes[0].value)
    refuse_if(not 0 < rate < 1e6, f"A learning rate is a small positive number, and {rate:g} is not. Try 0.01 first.")
    loss = trained(10, F.cross_entropy, rate, EPOCHS)[1]
    if loss < GOAL:
        return
    advice = "That is above ln 10, where it started: the steps are too long, and it leaps about. Try a tenth."
    if loss <= trained(10, F.cross_entropy, rate / 3, EPOCHS)[1]:
        advice = "It falls, but it creeps: the steps are too short. Try three times as much."
    elif loss < math.log(10) * 1.05:
        advice = "The steps are too long: they overshoot again and again. Try a smaller rate."
    told = f"With {rate:g} the mean loss of epoch {EPOCHS} is {format_number(loss)}, and the goal is below {GOAL}."
    raise NotRight(f"{told} {advice}")


LEARNING_RATE = Exercise(
    "3.7", "a learning rate, by experiment", "my_learning_rate = 0.2", judge=judge_learning_rate,
    mistakes={"creeps": 0.001, "overshoot again": 0.8, "Try a tenth": 50, "small positive number": -0.1},
    hints=("Try rates a factor of ten apart first: 0.001, 0.01, 0.1, 1. The loss tells which side you are on.",
           "Too small: the curve hardly falls. Too large: it jumps, or ends above ln 10. Between them is a wide valley.",
           "Plain SGD without momentum needs longer steps than the recipe's 0.003. Look between 0.1 and 0.4."),
    why="There is no single right rate: a whole range of them does well, and only trying shows where it lies.")  # fmt: skip


def my_accuracy(logits, labels):
    return (logits.argmax(dim=1) == labels).float().mean()


ACCURACY = Exercise(
    "3.8", "accuracy from logits", my_accuracy,
    inputs=[(torch.tensor([[2.0, 1.0, 0.5], [0.1, 0.3, 0.2]]), torch.tensor([0, 1])),
            (torch.tensor([[-1.5, -0.5], [1.0, 0.9]]), torch.tensor([1, 1])),
            (torch.tensor([[-3.0, -2.0, -1.0, -2.5]]), torch.tensor([2])), (drawn(3, 3, seed=5), torch.tensor([0, 1, 1])),
            (drawn(7, 10, seed=6), torch.tensor([3, 7, 2, 9, 0, 6, 1])), (drawn(9, 4, seed=7), torch.arange(9) % 4)],
    mistakes={
        "You count a probability above ½ only. The answer is the digit with the *largest* logit, however small its probability.":
            altered(my_accuracy, {"logits.argmax(dim=1) == labels": "logits.softmax(dim=1)[range(len(labels)), labels] > 0.5"}),
        "You count a logit above 0. The answer is the digit with the *largest* logit; all may lie below 0.":
            altered(my_accuracy, {"logits.argmax(dim=1) == labels": "logits[range(len(labels)), labels] > 0"}),
        "`dim=0` looks down the columns, over the batch. A row is a digit: `dim=1`.": altered(my_accuracy, {"dim=1": "dim=0"}),
        "Without a `dim`, `argmax` gives one place for the whole table. Each row has an answer of its own: `dim=1`.": altered(my_accuracy, {"dim=1": ""}),
        "`max` says how large the largest logit is. `argmax` says where it stands, and that is the digit.": altered(my_accuracy, {"argmax": "amax"}),
        "This is a count. The accuracy is a share: divide by the number of labels.": altered(my_accuracy, {".float().mean()": ".sum()"}),
        "You divided by the number of classes. Divide by the number of labels.": altered(my_accuracy, {".float().mean()": ".sum() / logits.shape[1]"}),
        "This says for each digit whether it was read right. The accuracy is the share of the Trues.": altered(my_accuracy, {".float().mean()": ""}),
        "This is the share that was read wrong.": altered(my_accuracy, {"==": "!="}),
        "This is a percentage. In this course an accuracy is a number from 0 to 1.": altered(my_accuracy, {"return": "return 100 *"}),
        "This is the mean probability of the true digit. The accuracy counts answers: right or wrong.":
            altered(my_accuracy, {"(logits.argmax(dim=1) == labels)": "logits.softmax(dim=1)[range(len(labels)), labels]"})},
    hints=("What does the network answer? In each row the digit with the largest logit; a softmax would not change which one that is.",
           "`argmax` with a `dim` says where the largest number stands, in each row or in each column. Which of the two is a digit?",
           "Compare the answers with the labels: `==` gives True or False for each. As decimal numbers these are 1 and 0, so `.float()` and then a mean."),
    why="The largest logit has the largest probability, so no softmax is needed, and it need not be above ½.")  # fmt: skip


def my_fit(model, train, validation, loss_fn, optimizer, epochs):
    losses, accuracies = [], []
    for _ in range(epochs):
        model.train()
        total = samples = 0
        for images, labels in train:
            loss = loss_fn(model(images), labels)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            total += loss.item() * len(labels)
            samples += len(labels)
        losses.append(total / samples)
        model.eval()
        right = samples = 0
        with torch.no_grad():
            for images, labels in validation:
                right += (model(images).argmax(dim=1) == labels).sum().item()
                samples += len(labels)
        accuracies.append(right / samples)
    return losses, accuracies


def _some(sizes, seed):
    return [(drawn(size, 3, seed=seed + size), torch.arange(seed, seed + size) * 2 % 3) for size in sizes]


FIT = Exercise(
    "3.9", "a whole training", my_fit, use="fit", rtol=1e-3,
    parts=("the weights after it", "the two lists", "the switch for gradients"),
    inputs=[(Code("nn.Linear(3, 3)"), _some([4, 3], 1), _some([5, 2], 2), CROSS_ENTROPY, 0.5, 2),
            (Code(NORMED.text.replace("2))", "3))")), _some([8, 6, 3], 3), _some([7, 4, 2], 4), CROSS_ENTROPY, 0.3, 4),
            (Code("nn.Linear(3, 3)"), _some([4], 5), _some([3], 6), CROSS_ENTROPY, 0.1, 1)],
    mistakes={
        "From the second epoch on it trains in the mode of `model.eval()`. Begin each epoch with `model.train()`.": altered(my_fit, {"model.train()": "pass"}),
        "The accuracy is measured while layers such as batch norm are in their training mode: `model.eval()` is missing before the validation.": altered(my_fit, {"model.eval()": "pass"}),
        "The gradients of all batches pile up, since `backward()` adds to `.grad`: `optimizer.zero_grad()` is missing.": altered(my_fit, {"optimizer.zero_grad()": "pass"}),
        "It learns from the validation digits too: a step is taken there. Then they can no longer say how it reads new ones.":
            altered(my_fit, {"with torch.no_grad():": "if True:", "right +=": "my_step(model, images, labels, loss_fn, optimizer)\n                right +="}),
        "The numbers are right, and torch keeps a record that nobody wants. Put `with torch.no_grad():` around the validation.": altered(my_fit, {"with torch.no_grad():": "if True:"}),
        "Your training loss is a mean over *batches*, of which the last is short. Weigh each batch's loss with its size.":
            altered(my_fit, {"loss.item() * len(labels)": "loss.item()", "losses.append(total / samples)": "losses.append(total / len(train))"}),
        "Your training loss is that of the last batch of each epoch. Take the mean over all its digits.": altered(my_fit, {"losses.append(total / samples)": "losses.append(loss.item())"}),
        "Your accuracy is a mean over *batches*, of which the last is short. Count all that is right, and divide at the end.":
            altered(my_fit, {".sum().item()": ".float().mean().item()", "right / samples": "right / len(validation)"}),
        "The accuracy is measured on the digits that it learns from. Ask about the validation digits.": altered(my_fit, {"in validation": "in train"}),
        "The two lists stand in the wrong order: first the losses.": altered(my_fit, {"return losses, accuracies": "return accuracies, losses"}),
        "You give a pair for each epoch. Give two lists, all the losses and all the accuracies.": altered(my_fit, {"return losses, accuracies": "return list(zip(losses, accuracies))"}),
        "It ends after one epoch. `return` belongs behind the loop, at its outer edge.": altered(my_fit, {"    return": "        return"})},
    hints=("A loop over the epochs, and in it two loops one after the other: one over the training batches, one over the validation's.",
           "The first loop takes the five steps, and adds up loss · size. Before it comes `model.train()`, after it `model.eval()`.",
           "The second loop stands inside `torch.no_grad()`, and counts how often the `argmax` of a row is its label. Both counts are "
           "divided once an epoch, by the number of *digits*."),
    why="Learn in `train()`, measure in `eval()` without gradients, weigh every mean by its digits. This is all that `fit` does.")  # fmt: skip


def my_momentum(weight, velocity, gradient, learning_rate, momentum):
    velocity = momentum * velocity + gradient
    return weight - learning_rate * velocity, velocity


MOMENTUM = Exercise(
    "3.10", "a step with momentum", my_momentum, parts=("the weight", "the velocity"),
    inputs=[
        (torch.tensor([1.0]), torch.tensor([2.0]), torch.tensor([3.0]), 0.1, 0.5),
        (drawn(3, seed=1), torch.zeros(3), drawn(3, seed=2), 0.01, 0.9),
        (drawn(4, seed=3), drawn(4, seed=4), drawn(4, seed=5), 0.5, 0.0),
        (drawn(2, 3, seed=6), drawn(2, 3, seed=7), drawn(2, 3, seed=8), 0.003, 0.9),
    ],
    mistakes={
        "The velocity takes up only a share of the gradient. SGD adds the whole of it: what comes in is not multiplied by 1 − momentum.": altered(my_momentum, {"+ gradient": "+ (1 - momentum) * gradient"}),
        "The learning rate is in the velocity. Keep it out of there: the velocity is made of gradients alone.": altered(my_momentum, {"+ gradient": "+ learning_rate * gradient", "- learning_rate * velocity": "- velocity"}),
        "The weight moves by the velocity of the step before. First the velocity takes up the gradient, then the weight moves by it.": altered(my_momentum, {"    velocity =": "    old, velocity = velocity,", "return weight - learning_rate * velocity": "return weight - learning_rate * old"}),
        "The weight moves uphill. A step goes against the velocity: subtract.": altered(my_momentum, {"weight -": "weight +"}),
        "The sign of the gradient is turned round: the velocity adds it up, and the weight moves against the velocity.": altered(my_momentum, {"+ gradient": "- gradient"}),
        "The sign of the velocity is turned round. It adds up gradients, and the weight moves against it.": altered(my_momentum, {"+ gradient": "- gradient", "weight -": "weight +"}),
        "The weight moves by the gradient alone, so nothing of the last steps is kept. Move it by the new velocity.": altered(my_momentum, {"learning_rate * velocity": "learning_rate * gradient"}),
        "The momentum belongs to the old velocity: a share of *that* is kept, and the whole gradient is added.": altered(my_momentum, {"momentum * velocity + gradient": "velocity + momentum * gradient"}),
        "This looks a step ahead: it is Nesterov's momentum. The plain one moves the weight by the new velocity.": altered(my_momentum, {"learning_rate * velocity, ": "learning_rate * (gradient + momentum * velocity), "}),
        "The two stand in the wrong order: first the weight, then the velocity.": altered(my_momentum, {"return weight - learning_rate * velocity, velocity": "return velocity, weight - learning_rate * velocity"}),
    },
    hints=("Two lines are enough: one for the new velocity, one for the new weight.",
           "Of the old velocity a share is kept, and the whole gradient is added to that share.",
           "The weight then moves against the *new* velocity, by the learning rate times it. Give back both, the weight first."),
    why="With momentum 0 the velocity is the gradient, and the step is plain SGD's.")  # fmt: skip


def my_share(sums):
    slopes = sums.sigmoid() * (1 - sums.sigmoid())
    return slopes.prod()


SHARE_LEFT = Exercise(
    "3.11", "what a chain of sigmoids leaves", my_share, atol=1e-9,
    inputs=[(torch.zeros(2),), (torch.tensor([3.0]),), (torch.tensor([0.5, -1.0, 2.0]),), (drawn(5, seed=1, dtype=torch.float64),)],
    mistakes={
        "This is the most that can be left. A sigmoid leaves a quarter only where it is steepest, at 0; here each has its own slope.": altered(my_share, {"slopes.prod()": "0.25 ** len(sums)"}),
        "The slopes are multiplied on the way back, and not added up.": altered(my_share, {"slopes.prod()": "slopes.sum()"}),
        "This multiplies the sigmoids themselves. What a gradient meets on its way is their slope, σ(z) (1 − σ(z)).": altered(my_share, {"slopes.prod()": "sums.sigmoid().prod()"}),
        "These are the slopes. The gradient passes through one after the other: multiply them.": altered(my_share, {"slopes.prod()": "slopes"}),
        "A slope is what is *left* after a sigmoid, not what is lost.": altered(my_share, {"slopes.prod()": "1 - slopes.prod()"}),
        "This is how many times smaller it gets. The share is 1 divided by that.": altered(my_share, {"slopes.prod()": "1 / slopes.prod()"}),
        "This is a percentage. Write the share as a number from 0 to 1.": altered(my_share, {"slopes.prod()": "100 * slopes.prod()"}),
        "That is one sigmoid. The gradient passes through all of them.": altered(my_share, {"slopes.prod()": "slopes[0]"}),
        "This is the slope at the sum of them all. Each sigmoid has its own place, and so its own slope.": lambda sums: my_share(sums.sum()),
    },
    hints=("A sigmoid passes on its slope at the place where it is: σ(z) (1 − σ(z)), as lesson 1 said.",
           "Slopes along a chain multiply: the second sigmoid passes on its share of what the first one left.",
           "All slopes at once come from `sums.sigmoid()`. A tensor has `.sum()` for adding up, and `.prod()` for multiplying."),
    why="For two sums of 0 that is ¼ · ¼ = 1/16, the most that two sigmoids can leave. Away from 0 they leave less, and the weights take their share too.")  # fmt: skip

EXERCISES = [
    GRADIENTS, LOG_SOFTMAX, MEAN_NLL, BACKWARD, PARAMETERS, STEP, LEARNING_RATE, ACCURACY, FIT, MOMENTUM, SHARE_LEFT,
]  # fmt: skip
