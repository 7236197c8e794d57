"""Lesson 3: back-propagation, log-softmax and NLL, the five steps of a batch, a learning rate found by experiment."""

import math

import torch
from torch import nn

from ..data import batches, load_digits
from ..training import fit
from . import exercise as new
from .old_asking import expect_prediction, number_of
from .old_exercise import Exercise, Wrong

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


def _one_maximum(logits):
    shifted = logits - logits.max()
    return shifted - shifted.exp().sum(dim=1, keepdim=True).log()


def _without_keepdim(logits):
    shifted = logits - logits.max(dim=1, keepdim=True).values
    return shifted - shifted.exp().sum(dim=1).log()


LOG_SOFTMAX = new.Exercise(
    "3.2",
    "log-softmax of a batch",
    my_log_softmax,
    inputs=[
        (new.drawn(2, 3, seed=1),),
        (new.drawn(2, 2, seed=2),),
        (new.drawn(1, 4, seed=3),),
        (new.drawn(5, 5, seed=4),),
        (new.drawn(4, 10, seed=5, dtype=torch.float64),),
        (torch.tensor([[102.0, 101.0, 100.0], [-200.0, 0.0, 50.0]]),),
        (torch.tensor([[500.0, 501.0], [-500.0, -501.0]]),),
    ],
    mistakes={
        "These are the probabilities themselves. Take their logarithm too, or better: never leave the logarithms.": lambda z: (
            z.softmax(dim=1)
        ),
        "Your probabilities sum to 1 down each column, so the softmax ran over the batch. A row is a sample: sum over the "
        "classes, `dim=1`.": lambda z: z.log_softmax(dim=0),
        "Your sum runs over the whole table, so the samples of a batch share one sum. Each row needs its own: "
        "`dim=1`.": lambda z: z.flatten().log_softmax(dim=0).reshape(z.shape),
        "The sign is turned round. A probability is at most 1, so its logarithm is at most 0.": lambda z: (
            -my_log_softmax(z)
        ),
        "This is the logarithm to base 2. The field means the natural one: `.log()`.": lambda z: (
            my_log_softmax(z) / math.log(2)
        ),
        "The sums are right, and then they were subtracted along the wrong axis, which shows only where the table is not "
        "square. Keep the summed axis: `keepdim=True`.": _without_keepdim,
        "Right for small logits. For large ones an exponential gives inf. Subtract the largest logit of each row "
        "first.": lambda z: z - z.exp().sum(dim=1, keepdim=True).log(),
        "Right for small logits. For large ones a probability was rounded to 0, and its logarithm is minus infinity. Never leave "
        "the logarithms: subtract a logarithm from the logits.": lambda z: z.softmax(dim=1).log(),
        "You subtract one largest logit for the whole batch. Where another row's logits lie far below it, all exponentials of "
        "that row round to 0. Subtract the largest logit of *each row*.": _one_maximum,
    },
    hints=(
        "Start from the formula: log pᵢ = zᵢ − log Σⱼ exp(zⱼ). Each row is a sample and has its own sum.",
        "`keepdim=True` makes a sum along each row keep the shape `[N, 1]`, so that it can be subtracted from `[N, classes]`.",
        "Before any `exp`, subtract each row's largest logit. It changes no probability. `max` with a `dim` gives values and places.",
    ),
    why="Subtracting a row's largest logit changes no probability, and keeps every exponential at 1 or below.",
)

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


def _spoilt(change):
    """A wrong answer: each of the right gradients changed."""

    def backward(X, T, W1, b1, W2, b2):
        return [change(gradient, len(T)) for gradient in my_backward(X, T, W1, b1, W2, b2)]

    return backward


def _without_mask(X, T, W1, b1, W2, b2):
    H = (X @ W1 + b1).clamp(min=0)
    dZ = ((H @ W2 + b2).softmax(dim=1) - nn.functional.one_hot(T, len(b2))) / len(T)
    dA = dZ @ W2.T
    return X.T @ dA, dA.sum(dim=0), H.T @ dZ, dZ.sum(dim=0)


def _gradients_of(samples, inputs, hidden, classes, dtype=torch.float32):
    shapes = (samples, inputs), (inputs, hidden), (hidden,), (hidden, classes), (classes,)
    X, *weights = (new.drawn(*shape, seed=seed, dtype=dtype) for seed, shape in enumerate(shapes, start=samples))
    return X, (torch.arange(samples) * 2 + 1) % classes, *weights


BACKWARD = new.Exercise(
    "3.4",
    "back-propagation in tensors",
    my_backward,
    inputs=[
        _gradients_of(2, 2, 3, 2),
        _gradients_of(6, 4, 5, 3),
        _gradients_of(3, 7, 4, 10, torch.float64),
        _gradients_of(5, 3, 3, 3),
    ],
    parts=("dW1", "db1", "dW2", "db2"),
    atol=1e-5,
    mistakes={
        "{part} is as many times too large as there are samples. The loss is a mean over them, so dZ is divided by their "
        "number.": _spoilt(lambda gradient, samples: gradient * samples),
        "The sign of {part} is turned round: dZ is P minus the one-hot targets.": _spoilt(
            lambda gradient, samples: -gradient
        ),
        "{part} is transposed. A gradient has the shape of what it belongs to.": _spoilt(
            lambda gradient, samples: gradient.T if gradient.ndim > 1 else gradient
        ),
        "{part} is divided by the number of samples twice. The division is in dZ already: a bias's gradient is the sum over the "
        "samples, not their mean.": _spoilt(lambda gradient, samples: gradient / samples),
        "{part} is computed as if every hidden neuron were on. Where A ≤ 0 the ReLU is flat: multiply by `(A > 0)`.": _without_mask,
    },
    hints=(
        "Go forward first, and keep A, H and Z. Then start at the end: dZ = (P − one-hot(T)) / N.",
        "Back through Z = H W₂ + b₂: dW₂ is `H.T @ dZ`, db₂ is the sum of dZ over the samples, dH is `dZ @ W2.T`.",
        "Back through the ReLU: dA is dH where A > 0, else 0. Then the same step once more, with X in the place of H.",
    ),
    why="Two linear layers need the same three lines each, and between them the ReLU lets a gradient through where it "
    "let the number through.",
)

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


def _zero_before_step(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def _no_backward(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def _no_step(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.zero_grad()
    return loss.item()


def _only_forward(model, images, labels, loss_fn, optimizer):
    return loss_fn(model(images), labels).item()


def _no_zero(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def _two_steps(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def _left_evaluating(model, images, labels, loss_fn, optimizer):
    loss = my_step(model, images, labels, loss_fn, optimizer)
    model.eval()
    return loss


def _eval_first(model, images, labels, loss_fn, optimizer):
    model.eval()
    return my_step(model, images, labels, loss_fn, optimizer)


def _gives_the_batch(model, images, labels, loss_fn, optimizer):
    my_step(model, images, labels, loss_fn, optimizer)
    return images


BATCHES = [(new.drawn(8, 3, seed=seed), torch.arange(8) % 2) for seed in range(3)]

STEP = new.Exercise(
    "3.6",
    "repair a training step",
    my_step,
    inputs=[
        (new.Code("nn.Linear(3, 2)"), BATCHES, new.Code("nn.CrossEntropyLoss()"), 0.5),
        (
            new.Code("nn.Sequential(nn.Linear(3, 5), nn.ReLU(), nn.BatchNorm1d(5), nn.Linear(5, 2))"),
            BATCHES,
            new.Code("nn.CrossEntropyLoss()"),
            0.1,
        ),
    ],
    use="train",
    parts=("the weights after three batches", "the returned loss", "the model's mode"),
    rtol=1e-3,
    mistakes={
        "After three batches no weight has moved, though `step()` and `backward()` were called: the gradients were set to zero "
        "between them, so `step()` found none.": _zero_before_step,
        "After three batches no weight has moved: `loss.backward()` is missing, so there are no gradients that `step()` could "
        "use.": _no_backward,
        "After three batches no weight has moved: `optimizer.step()` is missing.": _no_step,
        "After three batches no weight has moved: neither `loss.backward()` nor `optimizer.step()` was called.": _only_forward,
        "The second batch also took the first one's gradients along: `backward()` adds to `.grad`. Set them to zero once a "
        "batch, after `step()` or before `backward()`.": _no_zero,
        "Each batch moved the weights twice: there is one `optimizer.step()` too many.": _two_steps,
        "Your step leaves the model in its evaluation mode: after `model.eval()` the rest of the training runs with dropout and "
        "batch norm switched off. A training step leaves the mode alone.": _left_evaluating,
        "Your step trains in the evaluation mode: leave out `model.eval()`. Layers such as batch norm behave otherwise "
        "there.": _eval_first,
        "Give back the loss as a single number, and not the whole batch.": _gives_the_batch,
    },
    hints=(
        "Say the five steps aloud: forward, loss, backward, step, zero the gradients. Which of them are here, and in which order?",
        "`step()` reads what `backward()` wrote into `.grad`. Nothing may empty it in between.",
        "Two lines of the faulty step have to change places.",
    ),
    why="`step()` uses the gradients that `backward()` left, so they may be emptied only after it (or before `backward()`).",
)

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
    LOG_SOFTMAX,
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
    BACKWARD,
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
    STEP,
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
