"""Answers by exercise, as students give them: right ones in other forms than the course's, and wrong ones."""

import math

import numpy as np
import torch
from torch.nn import functional as F

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
    "6.1": [(-0.1, -1.0), torch.tensor([-0.1, -1])],
    "6.2": ["h", " (H) "],
    "6.3": [torch.nn.LogSoftmax(dim=1), lambda logits: logits - logits.logsumexp(dim=1, keepdim=True)],
    "6.5": [4.6, np.log(100), torch.tensor([4.605])],
    "6.6": [
        lambda outputs: torch.allclose(outputs.exp().sum(dim=1), torch.tensor(1.0)),
        lambda outputs: torch.isclose(outputs.exp().sum(1), torch.full((len(outputs),), 1.0)).all(),
        lambda outputs: torch.allclose(outputs.exp().sum(dim=1), torch.ones(len(outputs)), atol=1e-2),
        lambda outputs: np.allclose(outputs.exp().sum(dim=1).numpy(), 1, atol=1e-4),
        lambda outputs: all(abs(sum(math.exp(number) for number in row) - 1) < 1e-5 for row in outputs.tolist()),
        lambda outputs: torch.logsumexp(outputs, dim=1).abs().max().item() < 1e-4,
    ],
    "6.8": [
        lambda probabilities, labels: F.cross_entropy(probabilities.log(), labels),
        lambda probabilities, labels: -probabilities.gather(1, labels[:, None]).log().mean(),
        lambda probabilities, labels: (
            sum(-row[label].log() for row, label in zip(probabilities, labels, strict=True)) / len(labels)
        ),
    ],
    "6.10": [lambda *parts: _zero_first(*parts), lambda *parts: _emptied_by_hand(*parts)],
    "6.12": [lambda images: images.double() / 255, lambda images: (images.numpy() / 255).tolist()],
    "6.14": [
        lambda answers, labels: F.mse_loss(answers.squeeze(1), labels.float()),
        lambda answers, labels: ((answers.double() - labels.view(-1, 1)) ** 2).mean(),
    ],
    "6.16": [
        lambda labels, generator: torch.rand(len(labels), generator=generator).argsort(),
        lambda labels, generator: torch.randperm(len(labels), generator=generator).tolist(),
    ],
    "6.17": [("a", " F.")],
    "6.18": [[0.01], torch.tensor([0.001]), np.float32(0.03)],
    "6.19": [
        lambda *accuracies: _looped_choice(*accuracies),
        lambda validation, test: (np.argmax(validation.numpy()), test.numpy()[validation.numpy().argmax()]),
        lambda validation, test: torch.stack([validation.argmax(), test[validation.argmax()]]),
    ],
    "6.20": [
        {"P": "b", "Q": "g", "R": "d", "S": "h", "T": "c", "U": "f", "V": "e", "W": "a", "X": "i"},
        lambda curves: dict(zip("PQRSTUVWX", "BGDHCFEAI", strict=True)),
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


def _emptied_by_hand(model, images, labels, loss_fn, optimizer):
    for parameter in model.parameters():
        parameter.grad = None
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.detach()


def _without_backward(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def _looped_choice(validation_accuracies, test_accuracies):
    best = 0
    for index, accuracy in enumerate(validation_accuracies):
        if accuracy > validation_accuracies[best]:
            best = index
    return [best, test_accuracies[best]]


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
    "6.1": [([-0.1, -2], "wrong", "-2 at place 2"), (-0.1, "wrong", "2 numbers are wanted"), ("-0.1 and -1", "wrong", "a text")],
    "6.2": [("A", "wrong", "leaps far above"), ("softmax", "wrong", "from A to J"), (1, "wrong", "A letter")],
    "6.3": [
        (lambda logits: logits.exp() / logits.exp().sum(dim=1, keepdim=True), "wrong", "the result: `my_outputs(torch.tensor([[1.0, 0.0]]))` gives ["),
        (lambda logits: logits.log_softmax(dim=1).numpy(), "error", "requires grad"),
        (lambda logits: logits.log_softmax(dim=1).tolist(), "wrong", "way back"),
    ],
    "6.5": [(5.2, "wrong", "too large"), ("ln 100", "wrong", "a single number is wanted")],
    "6.6": [
        (lambda outputs: torch.allclose(outputs.exp().sum(dim=1), torch.tensor(1.0), atol=0.5), "wrong", "tolerance is so wide"),
        (lambda outputs: torch.isclose(outputs.exp().sum(dim=1), torch.tensor(1.0)), "wrong", "verdicts on each row"),
        (lambda outputs: torch.allclose(outputs.sum(dim=1), torch.tensor(1.0)), "wrong", "plain probabilities"),
        (lambda outputs: True, "wrong", "torch.tensor([[1.0, -2.0, 0.5]]))` gives `True`, and `False` is expected"),
    ],
    "6.8": [
        (lambda probabilities, labels: F.nll_loss(probabilities.log(), labels, reduction="none"), "wrong", "the shape `[2]`"),
        (lambda probabilities, labels: F.nll_loss(probabilities.detach().log(), labels), "wrong", "way back"),
    ],
    "6.10": [(lambda *parts: _without_backward(*parts), "wrong", "`loss.backward()` is missing"), (lambda *parts: print(_zero_first(*parts)), "wrong", "prints")],
    "6.12": [(lambda images: images.half() / 255, "wrong", "is expected"), (lambda images: images / images.amax((1, 2, 3), True), "wrong", "another batch")],
    "6.14": [(lambda answers, labels: (answers - labels).square().mean(), "wrong", "every answer met every label")],
    "6.16": [
        (lambda labels, generator: torch.randperm(len(labels), generator=torch.Generator().manual_seed(0)), "wrong", "second epoch"),
        (lambda labels, generator: torch.randperm(len(labels), generator=torch.Generator().manual_seed(generator.initial_seed())), "wrong", "second epoch"),
        (lambda labels, generator: np.random.permutation(len(labels)), "wrong", "two orders"),
        (lambda labels, generator: torch.arange(len(labels)).flip(0), "wrong", "digit by digit"),
    ],
    "6.17": [("A, F, G", "wrong", "Two letters"), ("F, A", "wrong", "wrong order"), ("A and F", "wrong", "This is a text"), (["J", "F"], "wrong", "fresh digits tell")],
    "6.18": [("small", "wrong", "a text"), (math.inf, "wrong", "positive number"), (1e39, "wrong", "positive number"), (-0.01, "wrong", "positive number")],
    "6.19": [
        (lambda validation, test: test[validation.argmax()], "wrong", "2 things, in this order: the position"),
        (lambda validation, test: (validation.argmax(), test.mean()), "wrong", "Look at the reported accuracy: `my_choice("),
        (lambda validation, test: (test.argmax(), test.mean()), "wrong", "fault itself"),
    ],
    "6.20": [
        (dict.fromkeys("PQRSTUVWX", "B"), "wrong", "1 of 9 are right. You gave B more than once"),
        ({"P": "B", "Q": ...}, "open", "A part"),
        (lambda curves: [curves.popitem()], "wrong", "A dictionary is wanted"),
        (lambda curves: curves["Z"], "error", "KeyError"),
    ],
}  # fmt: skip
