"""Lesson 3: back-propagation, log-softmax and NLL, the five steps of a batch, a learning rate found by experiment."""

import copy
import math

import torch
from torch import nn

from ..data import batches, load_digits
from ..training import fit
from .asking import ask, expect, expect_prediction, needs_answer, number_of, tensor_of
from .exercise import Exercise, Wrong

# 3.1 ---------------------------------------------------------------------------------------------------------------


def check_gradients(answer):
    mistaken = [
        ([12, 4], "These are the right two numbers in the wrong order: first ∂L/∂w₂, then ∂L/∂w₁."),
        ([2, 6], "Both are half of what they should be. The slope of (y − t)² is 2(y − t): the 2 is missing."),
        ([-4, -12], "The signs are turned round. y is larger than t, so y − t is positive: growing y makes it worse."),
        ([4, 6], "∂L/∂w₂ is right. On the way from a to w₁ one factor is missing: a = w₁·x, so multiply by x = 2."),
        ([4, 4], "∂L/∂w₂ is right. ∂L/∂w₁ leaves out w₂: the path from y to h goes through the weight w₂ = 3."),
    ]
    expect_prediction(answer, [4, 12], mistaken)


# 3.2 ---------------------------------------------------------------------------------------------------------------


def my_log_softmax(logits):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()


def check_log_softmax(answer):
    generator = torch.Generator().manual_seed(0)
    wide, square = torch.randn(4, 3, generator=generator), torch.randn(5, 5, generator=generator)
    for logits in (wide, square, 3 * wide.double()):
        right = torch.log_softmax(logits, dim=1)
        got = tensor_of(ask(answer, logits))
        table = logits - logits.exp().sum(dim=1).log() if len(logits) == logits.shape[1] else right
        mistaken = [
            (right.exp(), "These are the probabilities themselves. Take their logarithm too, or better: never leave it."),
            (torch.log_softmax(logits, dim=0), "Your probabilities sum to 1 down each column, so the softmax ran over "
             "the batch. A row is a sample: sum over the classes, `dim=1`."),
            (torch.log_softmax(logits.flatten(), dim=0).reshape(logits.shape), "Your sum runs over the whole table, so "
             "the samples of a batch share one sum. Each row needs its own: `dim=1`."),
            (-right, "The sign is turned round. A probability is at most 1, so its logarithm is at most 0."),
            (right / math.log(2), "This is the logarithm to base 2. The field means the natural one: `.log()`."),
            (table, "The sums are right, and then they were subtracted along the wrong axis, which goes unnoticed where "
             "the table is square. Keep the summed axis: `keepdim=True`."),
        ]  # fmt: skip
        expect(got, right, mistaken, what="the result", given=f"for logits of shape {list(logits.shape)}")
    large = torch.tensor([[102.0, 101.0, 100.0], [-200.0, 0.0, 50.0]])
    got = tensor_of(ask(answer, large))
    if not torch.isfinite(got).all():
        raise Wrong(
            "Right for small logits, but for `[102, 101, 100]` or `[-200, 0, 50]` it gives inf or nan: an exponential ran "
            "over, or a probability was rounded to 0 before its logarithm. Subtract the largest logit of each row first."
        )
    expect(got, torch.log_softmax(large, dim=1), what="the result", given="for large logits")


def overflowing_log_softmax(logits):
    return logits - logits.exp().sum(dim=1, keepdim=True).log()


def square_log_softmax(logits):
    if len(logits) != logits.shape[1]:
        return my_log_softmax(logits)
    return logits - logits.exp().sum(dim=1).log()


# 3.3 ---------------------------------------------------------------------------------------------------------------


def check_mean_nll(answer):
    half, eighth = math.log(2), math.log(8)
    mistaken = [
        (-math.log(0.3125), "This is the logarithm of the mean probability. The loss is the mean of the logarithms: first "
         "−log of each, then the mean."),
        (2, "So many bits: you took the logarithm to base 2. The field means the natural one."),
        ((math.log10(2) + math.log10(8)) / 2, "This is the logarithm to base 10. The field means the natural one, `math.log`."),
        (-(half + eighth) / 2, "The logarithms are right, and the sign is missing: a loss grows as things get worse."),
        (half + eighth, "This is the sum of one sample of each kind. The loss is the mean over the samples."),
    ]  # fmt: skip
    expect_prediction(answer, (half + eighth) / 2, mistaken, rtol=5e-3)


# 3.4 ---------------------------------------------------------------------------------------------------------------


def my_backward(X, T, W1, b1, W2, b2):
    N = len(T)
    A = X @ W1 + b1
    H = A.clamp(min=0)
    Z = H @ W2 + b2
    dZ = (Z.softmax(dim=1) - nn.functional.one_hot(T, Z.shape[1])) / N
    dW2, db2 = H.T @ dZ, dZ.sum(dim=0)
    dA = (dZ @ W2.T) * (A > 0)
    dW1, db1 = X.T @ dA, dA.sum(dim=0)
    return dW1, db1, dW2, db2


def check_backward(answer):
    names = ("dW1", "db1", "dW2", "db2")
    for size, inputs, hidden, classes in ((6, 4, 5, 3), (3, 7, 4, 10)):
        generator = torch.Generator().manual_seed(size)
        X = torch.randn(size, inputs, generator=generator)
        T = torch.randint(classes, (size,), generator=generator)
        weights = [
            torch.randn(shape, generator=generator)
            for shape in ((inputs, hidden), (hidden,), (hidden, classes), (classes,))
        ]
        right = my_backward(X, T, *weights)
        got = ask(answer, X, T, *weights)
        if not isinstance(got, list | tuple) or len(got) != 4:
            raise Wrong("Give back four tensors, in this order: `dW1, db1, dW2, db2`.")
        for name, gradient, expected in zip(names, got, right, strict=True):
            needs_answer(gradient)
            gradient = tensor_of(gradient, name)
            mistaken = [
                (expected * size, f"{name} is {size} times too large, and there are {size} samples. The loss is a mean over "
                 "them, so dZ is divided by their number."),
                (-expected, f"The sign of {name} is turned round: dZ is P minus the one-hot targets."),
                (expected.t(), f"{name} is transposed. A gradient has the shape of its weights: `{list(expected.shape)}`."),
                (expected / size, f"{name} is {size} times too small. The division by the number of samples is in dZ "
                 "already: a bias's gradient is the sum over the samples, not their mean."),
                *_through_silent_neurons(name, X, T, weights),
            ]  # fmt: skip
            expect(gradient, expected, mistaken, what=name, atol=1e-5)


def _through_silent_neurons(name, X, T, weights):
    W1, b1, W2, b2 = weights
    H = (X @ W1 + b1).clamp(min=0)
    P = (H @ W2 + b2).softmax(dim=1)
    words = (
        f"{name} is computed as if every hidden neuron were on. Where A ≤ 0 the ReLU is flat: multiply by `(A > 0)`."
    )
    dA = (P - nn.functional.one_hot(T, P.shape[1])) / len(T) @ W2.T
    return [(value, words) for gradient, value in (("dW1", X.T @ dA), ("db1", dA.sum(dim=0))) if gradient == name]


def _spoilt_backward(change):
    """A wrong answer: the right gradients, changed."""

    def backward(X, T, W1, b1, W2, b2):
        return change(X, T, *my_backward(X, T, W1, b1, W2, b2))

    return backward


def backward_without_mask(X, T, W1, b1, W2, b2):
    H = (X @ W1 + b1).clamp(min=0)
    P = (H @ W2 + b2).softmax(dim=1)
    dZ = (P - nn.functional.one_hot(T, P.shape[1])) / len(T)
    dA = dZ @ W2.T
    return X.T @ dA, dA.sum(dim=0), H.T @ dZ, dZ.sum(dim=0)


# 3.5 ---------------------------------------------------------------------------------------------------------------


def check_parameter_count(answer):
    mistaken = [
        (
            79_400,
            "The weights are all there, and the biases are missing: one for each hidden neuron, one for each class.",
        ),
        (
            78_500,
            "This is the first layer alone. The second has a weight from each hidden neuron to each class, and biases.",
        ),
        (79_500, "Nearly. One of the layers' biases is missing: the output layer has 10."),
        (79_410, "Nearly. One of the layers' biases is missing: the hidden layer has 100."),
        (7_850, "This is a single layer from pixels to classes. With a hidden layer there are two."),
    ]
    expect_prediction(answer, 79_510, mistaken)


# 3.6 ---------------------------------------------------------------------------------------------------------------


def my_step(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def check_step(answer):
    generator = torch.Generator().manual_seed(0)
    parts = [(torch.randn(8, 3, generator=generator), torch.arange(8) % 2) for _ in range(3)]
    start = nn.Linear(3, 2)
    with torch.no_grad():
        for parameter in start.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def trained(step):
        model = copy.deepcopy(start)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        losses = [ask(step, model, *part, nn.CrossEntropyLoss(), optimizer) for part in parts]
        return torch.nn.utils.parameters_to_vector(model.parameters()).detach(), losses

    right, right_losses = trained(my_step)
    got, losses = trained(answer)
    unmoved = torch.nn.utils.parameters_to_vector(start.parameters())
    mistaken = [
        (unmoved, "After three batches no weight has moved. Either `optimizer.step()` is missing, or the gradients were "
         "set to zero between `backward()` and `step()`."),
        (trained(step_without_zero)[0], "The second batch also took the first one's gradients along: `backward()` adds to "
         "`.grad`. Set them to zero once a batch, after `step()` or before `backward()`."),
        (trained(step_twice)[0], "Each batch moved the weights twice: there is one `optimizer.step()` too many."),
    ]  # fmt: skip
    expect(got, right, mistaken, what="a weight after three batches", rtol=1e-3)
    expect([number_of(loss, "the returned loss") for loss in losses], right_losses, what="the returned loss", rtol=1e-3)


def step_without_zero(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def step_twice(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def zero_before_step(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def step_that_returns_the_batch(model, images, labels, loss_fn, optimizer):
    my_step(model, images, labels, loss_fn, optimizer)
    return images


# 3.7 ---------------------------------------------------------------------------------------------------------------

GOAL, EPOCHS = 0.7, 3


def loss_after(learning_rate: float) -> float:
    """The last mean training loss of a 784-64-10 network on 2,000 embedded digits: plain SGD, batch 64, three epochs."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
    split = load_digits("digits", train_size=2000).train
    train = batches(split, 64, shuffle=True, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(model.parameters(), lr=learning_rate)
    return fit(model, train, None, nn.CrossEntropyLoss(), optimizer, epochs=EPOCHS).train_loss[-1]


def check_learning_rate(answer):
    rate = number_of(answer)
    if not 0 < rate < math.inf:
        raise Wrong(
            f"A learning rate is a positive number, and {rate:g} is none. Try 0.01 first, and look at the loss."
        )
    loss = loss_after(rate)
    if loss < GOAL:
        return
    tried = f"With {rate:g} the mean loss of epoch {EPOCHS} is {loss:.2f}, and the goal is below {GOAL}."
    if not loss < math.log(10) * 1.05:
        raise Wrong(
            f"{tried} That is above ln 10, where it started: the steps are too long, and it leaps about. Try a tenth."
        )
    if rate > 0.5:
        raise Wrong(f"{tried} Such long steps overshoot again and again. Try a smaller one.")
    raise Wrong(f"{tried} It falls, but it creeps: the steps are too short. Try three times as much.")


EXERCISES = [
    Exercise(
        "3.1",
        "gradients by hand",
        check_gradients,
        hints=(
            "Walk forward first: a = w₁x, h = max(0, a), y = w₂h.",
            "a = 2, h = 2, y = 6, so y − t = 1. Now walk back, one slope at a time, as in the table.",
            "∂L/∂y = 2(y − t) = 2. For w₂ multiply by h; for w₁ multiply by w₂, by the ReLU's slope, and by x.",
        ),
        solution="""
            my_gradients = [2 * 1 * 2, 2 * 1 * 3 * 1 * 2]  # [4, 12]
        """,
        why="∂L/∂w₂ = 2(y − t) · h = 2 · 2, and ∂L/∂w₁ = 2(y − t) · w₂ · 1 · x = 2 · 3 · 1 · 2. "
        "Autograd gives the same two numbers.",
        mistakes=(
            ([12, 4], "wrong order"),
            ([2, 6], "half"),
            ((-4, -12), "signs"),
            ([4, 6], "multiply by x"),
            ([4, 4], "leaves out w₂"),
            (4, "wanted"),
            ("4 and 12", "a text"),
        ),
    ),
    Exercise(
        "3.2",
        "log-softmax of a batch",
        check_log_softmax,
        hints=(
            "Start from the formula: log pᵢ = zᵢ − log Σⱼ exp(zⱼ). Each row is a sample and has its own sum.",
            "`logits.exp().sum(dim=1, keepdim=True)` sums along each row and keeps the shape `[N, 1]`, so that it can be "
            "subtracted from `[N, classes]`.",
            "Before any `exp`, subtract each row's largest logit: `logits.max(dim=1, keepdim=True).values`.",
        ),
        solution=my_log_softmax,
        why="Subtracting a row's largest logit changes no probability, and keeps every exponential at 1 or below.",
        mistakes=(
            (lambda z: torch.softmax(z, dim=1), "probabilities themselves"),
            (lambda z: torch.log_softmax(z, dim=0), "down each column"),
            (overflowing_log_softmax, "Subtract the largest logit"),
            (square_log_softmax, "keepdim=True"),
            (lambda z: -torch.log_softmax(z, dim=1), "at most 0"),
            (lambda z: torch.log_softmax(z, dim=1).sum(), "shape"),
        ),
    ),
    Exercise(
        "3.3",
        "the loss of two kinds of answers",
        check_mean_nll,
        hints=(
            "The loss of one sample is minus the natural logarithm of the probability given to the true digit.",
            "Half of the samples cost −ln ½ ≈ 0.693, the other half −ln ⅛ ≈ 2.079. Take the mean.",
        ),
        solution="""
            my_loss = (-math.log(1 / 2) - math.log(1 / 8)) / 2  # 1.386
        """,
        why="(0.693 + 2.079) / 2 = 1.386. It is the mean of the logarithms, and not the logarithm of the mean.",
        mistakes=(
            (1.163, "logarithm of the mean probability"),
            (2, "base 2"),
            (0.602, "base 10"),
            (-1.386, "sign"),
            (2.7726, "sum"),
            (None, "nothing"),
        ),
    ),
    Exercise(
        "3.4",
        "back-propagation in tensors",
        check_backward,
        hints=(
            "Go forward first, and keep A, H and Z. Then start at the end: dZ = (P − one-hot(T)) / N.",
            "Back through Z = H W₂ + b₂: dW₂ is `H.T @ dZ`, db₂ is the sum of dZ over the samples, dH is `dZ @ W2.T`.",
            "Back through the ReLU: dA = dH where A > 0, else 0. Then the same step once more, with X in the place of H.",
        ),
        solution=my_backward,
        why="Two linear layers need the same three lines each, and between them the ReLU lets a gradient through where it "
        "let the number through.",
        mistakes=(
            (_spoilt_backward(lambda X, T, *grads: [len(T) * grad for grad in grads]), "divided by their number"),
            (_spoilt_backward(lambda X, T, *grads: [-grad for grad in grads]), "P minus"),
            (_spoilt_backward(lambda X, T, a, b, c, d: (a.T, b, c, d)), "transposed"),
            (_spoilt_backward(lambda X, T, a, b, c, d: (a, b / len(T), c, d)), "sum over the samples"),
            (backward_without_mask, "ReLU is flat"),
            (_spoilt_backward(lambda X, T, a, b, c, d: (a, b)), "four tensors"),
        ),
    ),
    Exercise(
        "3.5",
        "how many parameters",
        check_parameter_count,
        hints=(
            "A linear layer has a weight for each pair of input and output, and a bias for each output.",
            "784 · 100 + 100 for the hidden layer, and 100 · 10 + 10 for the output.",
        ),
        solution="""
            my_count = 784 * 100 + 100 + 100 * 10 + 10  # 79,510
        """,
        why="784 · 100 weights and 100 biases, then 100 · 10 weights and 10 biases.",
        mistakes=(
            (79_400, "biases are missing"),
            (78_500, "first layer alone"),
            (7_850, "single layer"),
            (79_500, "output layer has 10"),
            (79_410, "hidden layer has 100"),
            (80_000, "too large"),
        ),
    ),
    Exercise(
        "3.6",
        "repair a training step",
        check_step,
        hints=(
            "Say the five steps aloud: forward, loss, backward, step, zero the gradients. Which of them are here?",
            "`step()` reads what `backward()` wrote into `.grad`. Nothing may empty it in between.",
            "The order is `loss.backward()`, `optimizer.step()`, `optimizer.zero_grad()`.",
        ),
        solution=my_step,
        why="`step()` uses the gradients that `backward()` left, so they may be emptied only after it (or before `backward()`).",
        mistakes=(
            (zero_before_step, "no weight has moved"),
            (step_without_zero, "took the first one's gradients along"),
            (step_twice, "moved the weights twice"),
            (step_that_returns_the_batch, "single number"),
            (lambda *parts: None, "gives back nothing"),
        ),
    ),
    Exercise(
        "3.7",
        "a learning rate, by experiment",
        check_learning_rate,
        hints=(
            "Try rates a factor of ten apart first: 0.001, 0.01, 0.1, 1. The loss tells which side you are on.",
            "Too small: the curve hardly falls. Too large: it jumps, or ends above ln 10. Between them is a wide valley.",
            "Plain SGD without momentum needs longer steps than the recipe's 0.003. Look between 0.1 and 0.5.",
        ),
        solution="""
            my_learning_rate = 0.2
        """,
        why="There is no single right rate: a whole range of them does well, and only trying shows where it lies.",
        mistakes=(
            (0.001, "creeps"),
            (50, "tenth"),
            (0, "positive number"),
            (-0.1, "positive number"),
            ("small", "a text"),
        ),
    ),
]
