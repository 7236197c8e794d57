"""Answers by exercise, as students give them: right ones in other forms than the course's, and wrong ones."""

import math

import numpy as np
import torch

ALSO_RIGHT = {
    "0.1": [44.0, torch.tensor(44), np.uint8(44), [44], torch.tensor(200, dtype=torch.uint8) + 100],
    "0.2": [(32, 28), torch.Size([32, 28]), [np.int64(32), torch.tensor(28)]],
    "0.3": [
        lambda images: images.double() / 255,
        lambda images: (images.numpy() / 255).tolist(),
        lambda images: torch.true_divide(images, 255),
    ],
    "0.4": [
        lambda labels: [int((labels == digit).sum()) for digit in range(10)],
        lambda labels: [labels.tolist().count(digit) for digit in range(10)],
        lambda labels: np.bincount(labels.numpy(), minlength=10),
        lambda labels: torch.histc(labels.float(), 10, 0, 9),
        lambda labels: ((labels == digit).sum() for digit in range(10)) and torch.bincount(labels, minlength=10),
        lambda labels: map(labels.tolist().count, range(10)),
    ],
    "0.5": [
        lambda train, test: (test.numpy() == np.bincount(train.numpy()).argmax()).mean(),
        lambda train, test: torch.tensor([(test == train.mode().values).double().mean()]),
        lambda train, test: test.tolist().count(max(set(train.tolist()), key=train.tolist().count)) / len(test),
    ],
    "0.6": [
        lambda images: images.flatten(start_dim=1).sum(dim=1),
        lambda images: images.float().sum((1, 2, 3)),
        lambda images: images.numpy().sum(axis=(1, 2, 3), dtype=float),
        lambda images: images.sum(1).sum(1).sum(1).tolist(),
    ],
    "0.7": [("Train", " validation", "TEST", "validation")],
    "1.1": [torch.tensor([[4, 5], [-1, -2]]), ((4, 5.0), (-1, -2)), np.array([[4, 5], [-1, -2]])],
    "1.2": [
        lambda W1, b1, W2, b2: [(W2.double() @ W1.double()).tolist(), W2.double() @ b1.double() + b2],
        lambda W1, b1, W2, b2: (W2.numpy() @ W1.numpy(), W2.numpy() @ b1.numpy() + b2.numpy()),
        lambda W1, b1, W2, b2: (torch.matmul(W2, W1), (W2 @ b1.unsqueeze(1)).flatten() + b2),
        lambda W1, b1, W2, b2: ((W2 @ W1).tolist(), (W2 @ b1 + b2).tolist()),
    ],
    "1.3": [
        lambda z: z.sigmoid() * z.neg().sigmoid(),
        lambda z: torch.sigmoid(z.double()) - torch.sigmoid(z.double()) ** 2,
        lambda z: 1 / (1 + (-z).exp()) * (1 - 1 / (1 + (-z).exp())),
        lambda z: ((-z.abs()).exp() / (1 + (-z.abs()).exp()) ** 2).numpy(),
        lambda z: 0.25 * (1 - torch.tanh(z / 2) ** 2),
    ],
    "1.4": [
        lambda factor, share: math.floor(round(math.log(share) / math.log(factor), 9)) + 1,
        lambda factor, share: next(torch.tensor(n) for n in range(1000) if factor**n < share),
        lambda factor, share: float((factor ** torch.arange(200.0, dtype=torch.float64) >= share).sum()),
    ],
    "1.5": [
        lambda x1, x2: abs(x1 - x2) - 0.4,
        lambda x1, x2: 2 * max(0, x1 + x2 - 0.5) - 4 * max(0, x1 + x2 - 1) + 2 * max(0, x1 + x2 - 1.5) - 0.5,
        lambda x1, x2: torch.tensor([max(0, x1 - x2) + max(0, x2 - x1) - 0.6]),
        lambda x1, x2: np.float64(x1 - x2) ** 2 - 0.25,
    ],
    "1.6": [
        lambda counts: [counts[k, k].item() / counts[k].sum().item() for k in range(len(counts))],
        lambda counts: np.diag(counts.numpy()) / counts.numpy().sum(axis=1),
        lambda counts: torch.diagonal(counts / counts.sum(dim=1, keepdim=True)),
        lambda counts: torch.stack([row[k] / row.sum() for k, row in enumerate(counts)]),
    ],
    "3.2": [
        lambda logits: logits - logits.logsumexp(dim=1, keepdim=True),
        lambda logits: torch.log_softmax(logits.double(), 1).numpy(),
        lambda logits: [(row - row.logsumexp(0)).tolist() for row in logits],
    ],
    "3.4": [
        lambda *given: [part.tolist() for part in _by_autograd(*given)],
        lambda *given: _by_autograd(*given),
    ],
    "3.6": [
        lambda model, images, labels, loss_fn, optimizer: _zero_first(model, images, labels, loss_fn, optimizer),
        lambda model, images, labels, loss_fn, optimizer: _by_hand(model, images, labels, loss_fn),
    ],
}


def _by_autograd(X, T, *weights):
    W1, b1, W2, b2 = weights = [weight.clone().double().requires_grad_() for weight in weights]
    torch.nn.functional.cross_entropy((X.double() @ W1 + b1).relu() @ W2 + b2, T).backward()
    return [weight.grad for weight in weights]


def _zero_first(model, images, labels, loss_fn, optimizer):
    optimizer.zero_grad()
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss


def _by_hand(model, images, labels, loss_fn):
    loss = loss_fn(model(images), labels)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    learning_rate = 0.5 if len(gradients) == 2 else 0.1
    with torch.no_grad():
        for parameter, gradient in zip(model.parameters(), gradients, strict=True):
            parameter -= learning_rate * gradient
    return loss.item()


def _shifted_in_place(logits):
    logits -= logits.max(dim=1, keepdim=True).values
    return logits - logits.exp().sum(dim=1, keepdim=True).log()


def _yielded_counts(labels):
    for digit in range(10):
        yield (labels == digit).sum()


def _yields_then_fails(labels):
    yield 1
    raise ValueError("half way")


# what is wrong: the answer, the state, and a piece of the words
WRONG = {
    "0.1": [("44", "wrong", "number"), (True, "wrong", "number"), (100, "wrong", "too large"), (math.nan, "wrong", "nan")],
    "0.2": [(896, "wrong", "2 numbers are wanted here, and your answer is a number"), ([32, 27], "wrong", "27 at place 2")],
    "0.3": [
        (lambda images: print(images.shape), "wrong", "prints"),
        (lambda images: (images / 255).float() * 1.001, "wrong", "1.001"),
        (lambda images: torch.full(images.shape, torch.nan), "wrong", "nan"),
        (lambda images: (images / 255).mul_(images != 0).flatten(), "wrong", "shape"),
    ],
    "0.4": [
        (_yielded_counts, "wrong", "Write `return` for `yield`"),
        (_yields_then_fails, "error", 'raise ValueError("half way")'),
        (lambda labels: labels.sort_().values.shape, "error", "AttributeError"),
        (lambda labels: [torch.bincount(labels.fill_(3), minlength=10), labels][0], "wrong", "my_class_counts(torch.tensor([7]))"),
    ],
    "0.5": [
        (lambda train, test: 0.2, "wrong", "my_constant_accuracy(torch.tensor([2]), torch.tensor([2]))` gives 0.2, and 1 is expected"),
        (lambda train: 1, "error", "takes 1 positional argument"),
    ],
    "0.6": [
        (lambda images: [int(image.sum()) for image in images], "wrong", "one by one"),
        (lambda images: torch.stack([image.sum() for image in images]), "wrong", "one by one"),
    ],
    "0.7": [
        (["train", "test", "test", "validation"], "wrong", "(b) is a choice, and you make it with the test digits"),
        (["train", "validation", "test", "test"], "wrong", "(d) is a choice"),
        ("train", "wrong", "a list of 4 is wanted"),
        (["train", "validation"], "wrong", "a list of 4 is wanted"),
        (["train", "validation", "test", "all"], "wrong", "`'all'` at place 4"),
    ],
    "1.1": [([4, 5], "wrong", "2 by 2 numbers are wanted"), ([[4, 5], [-1, 2]], "wrong", "at place 2 of your list")],
    "1.2": [
        (lambda W1, b1, W2, b2: (W1 @ W2, b1 + b2), "wrong", "This is W₁W₂"),
        (lambda W1, b1, W2, b2: W2 @ W1, "wrong", "2 things, in this order: W, b"),
        (lambda W1, b1, W2, b2: ((W2 @ W1).T, b2), "wrong", "W is transposed"),
        (lambda W1, b1, W2, b2: (W2 @ W1, W2 @ b1 + b2 if len(b1) > len(b2) else b1 + b2), "wrong", "Look at b: `my_coll"),
        (lambda W1, b1, W2, b2: (W2 @ W1.mul_(2), W2 @ b1 + b2), "wrong", "Look at W: `my_collapse(torch.tensor([["),
    ],
    "1.3": [
        (lambda z: z.sigmoid() * (1 - z.sigmoid()) + 2e-5, "wrong", "gives 0.10501, and 0.10499 is expected"),
        (lambda z: (torch.sigmoid(z + 0.01) - torch.sigmoid(z - 0.01)) / 0.2, "wrong", "is expected"),
    ],
    "1.4": [
        (5, "wrong", "A function is wanted here, and this is a number"),
        (lambda factor, share: (share < 0.01) * 5, "wrong", "my_layers(0.5, 0.25)` gives 0, and 3 is expected"),
    ],
    "1.5": [
        (lambda x1, x2: 1, "wrong", "straight line"),
        (lambda x1, x2: abs(x1 - 0.5) + abs(x2 - 0.5) - 2, "wrong", "Write down h₁, h₂"),
        (lambda x1, x2: 1 if (x1, x2) in ((0, 1), (1, 0)) else -1, "wrong", "beside one of them is not"),
        (lambda x1, x2: math.nan, "wrong", "inf or nan"),
    ],
    "1.6": [
        (lambda counts: counts.max(dim=1).values / counts.sum(dim=1), "wrong", "not always the one on the diagonal"),
        (lambda counts: (counts.diag() / counts.sum(dim=1)).round(decimals=2), "wrong", "is expected"),
    ],
    "3.2": [
        (_shifted_in_place, "wrong", "changed its argument `logits`"),
        (lambda logits: torch.log_softmax(logits, dim=1) * 1.0005, "wrong", "is expected"),
    ],
    "3.4": [
        (lambda *given: _by_autograd(*given)[:2], "wrong", "4 things, in this order: dW1"),
        (lambda *given: [part.T if part.ndim > 1 else part for part in _by_autograd(*given)], "wrong", "dW1 is transposed"),
        (lambda *given: [*_by_autograd(*given)[:2], _by_autograd(*given)[2].T, _by_autograd(*given)[3]], "wrong", "dW2 is transposed"),
        (lambda *given: [*_by_autograd(*given)[:3], -_by_autograd(*given)[3]], "wrong", "The sign of db2"),
    ],
    "3.6": [(lambda *parts: 1.0, "wrong", "neither"), (lambda *parts: print(_zero_first(*parts)), "wrong", "prints its result")],
}  # fmt: skip
