"""Answers by exercise, as students give them: right ones in other forms than the course's, and wrong ones."""

import copy
import io
import math
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from course_utils import training


def _by_autograd(X, T, *weights):
    W1, b1, W2, b2 = weights = [weight.clone().double().requires_grad_() for weight in weights]
    F.cross_entropy((X.double() @ W1.T + b1).relu() @ W2.T + b2, T).backward()
    return [weight.grad for weight in weights]


def _slope_by_autograd(bend, z):
    z = z.clone().requires_grad_()
    return torch.autograd.grad(bend(z).sum(), z)[0]


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


def _momentum_in_numpy(weight, velocity, gradient, learning_rate, momentum):
    weight, velocity, gradient = weight.numpy(), velocity.numpy(), gradient.numpy()
    velocity = np.add(velocity * momentum, gradient)
    return weight - learning_rate * velocity, velocity


def _shifted_in_place(logits):
    logits -= logits.max(dim=1, keepdim=True).values
    return logits - logits.exp().sum(dim=1, keepdim=True).log()


def _yields_then_fails(labels):
    yield 1
    raise ValueError("half way")


def _in_batches(images, labels, order, batch_size, first=0):
    for start in range(first, len(labels) + first, batch_size):
        places = order[start : start + batch_size]
        yield images[places], labels[places]


def _order(labels, generator):
    return torch.rand(len(labels), generator=torch.Generator().manual_seed(generator.initial_seed())).argsort()


def _accumulated(outputs, labels):
    total = torch.zeros(1)
    for output, label in zip(outputs, labels, strict=True):
        total = total + (output - label) ** 2
    return total / len(labels)


def _squared_error_in_lists(outputs, labels):
    pairs = zip(outputs[:, 0].tolist(), labels.tolist(), strict=True)
    return sum((output - label) ** 2 for output, label in pairs) / len(labels)


class _InSequential(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        parts = [part for pair in pairwise(sizes) for part in (nn.Linear(*pair), nn.Sigmoid())]
        self.net = nn.Sequential(nn.Flatten(), *parts[:-1])

    def forward(self, images):
        return self.net(images)


class _InOtherOrder(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.last = nn.Linear(sizes[-2], sizes[-1])
        for index, pair in enumerate(pairwise(sizes[:-1])):
            setattr(self, f"hidden{index}", nn.Linear(*pair))

    def forward(self, images):
        x = images.reshape(len(images), -1)
        for layer in list(self.children())[1:]:
            x = torch.sigmoid(layer(x))
        return self.last(x)


class _WithoutSuper(nn.Module):
    def __init__(self, sizes):
        self.layers = nn.ModuleList(nn.Linear(*pair) for pair in pairwise(sizes))


class _WithoutReturn(_InSequential):
    def forward(self, images):
        self.net(images)


class _OfFixedSizes(_InSequential):
    def __init__(self, sizes):
        super().__init__([sizes[0], 4, 3, sizes[-1]])


def _fit_in_parts(model, train, validation, loss_fn, optimizer, epochs):
    losses, accuracies = [], []
    for _ in range(epochs):
        losses.append(training.train_epoch(model, train, loss_fn, optimizer).loss)
        accuracies.append(training.evaluate(model, validation, loss_fn).accuracy)
    return losses, accuracies


def _fit_in_a_table(model, train, validation, loss_fn, optimizer, epochs):
    table, (images, labels) = torch.zeros(2, epochs), map(torch.cat, zip(*validation, strict=True))
    for epoch in range(epochs):
        model.train()
        losses = [_zero_first(model, *batch, loss_fn, optimizer).item() for batch in train]
        table[0, epoch] = np.average(losses, weights=[len(labels) for _, labels in train])
        with torch.inference_mode():
            table[1, epoch] = (model.eval()(images).argmax(1) == labels).float().mean()
    return table


def _fit_without_care(model, train, validation, loss_fn, optimizer, epochs, learns):
    """Without switches where it measures; and it may learn from the validation batches, in `eval()`."""
    losses, accuracies = [], []
    for _ in range(epochs):
        losses.append(training.train_epoch(model, train, loss_fn, optimizer).loss)
        model.train(not learns)
        right = sum((model(images).argmax(dim=1) == labels).sum().item() for images, labels in validation)
        for batch in validation if learns else ():
            _zero_first(model, *batch, loss_fn, optimizer)
            optimizer.zero_grad()
        accuracies.append(right / sum(len(labels) for _, labels in validation))
    return losses, accuracies


ALSO_RIGHT = {
    "0.1": [44.0, torch.tensor(44), np.uint8(44), [44], torch.tensor(200, dtype=torch.uint8) + 100],
    "0.2": [(32, 28), torch.Size([32, 28]), [np.int64(32), torch.tensor(28)]],
    "0.3": [lambda images: images.double() / 255, lambda images: (images.numpy() / 255).tolist(), lambda images: torch.true_divide(images, 255)],
    "0.4": [lambda labels: [int((labels == digit).sum()) for digit in range(10)],
            lambda labels: np.bincount(labels.numpy(), minlength=10),
            lambda labels: torch.histc(labels.float(), 10, 0, 9),
            lambda labels: ((labels == digit).sum() for digit in range(10)) and torch.bincount(labels, minlength=10),
            lambda labels: map(labels.tolist().count, range(10))],
    "0.5": [lambda train, test: (test.numpy() == np.bincount(train.numpy()).argmax()).mean(),
            lambda train, test: torch.tensor([(test == train.mode().values).double().mean()]),
            lambda train, test: test.tolist().count(max(set(train.tolist()), key=train.tolist().count)) / len(test)],
    "0.6": [lambda images: images.flatten(start_dim=1).sum(dim=1), lambda images: images.float().sum((1, 2, 3)),
            lambda images: images.numpy().sum(axis=(1, 2, 3), dtype=float), lambda images: images.sum(1).sum(1).sum(1).tolist()],
    "0.7": [("Train", " validation", "TEST", "validation")],
    "1.1": [torch.tensor([[4, 5], [-1, -2]]), ((4, 5.0), (-1, -2)), np.array([[4, 5], [-1, -2]])],
    "1.2": [lambda W1, b1, W2, b2: [(W2.double() @ W1.double()).tolist(), W2.double() @ b1.double() + b2],
            lambda W1, b1, W2, b2: (W2.numpy() @ W1.numpy(), W2.numpy() @ b1.numpy() + b2.numpy()),
            lambda W1, b1, W2, b2: (torch.matmul(W2, W1), (W2 @ b1.unsqueeze(1)).flatten() + b2)],
    "1.3": [lambda bend, z: (bend(z.double() + 1e-5) - bend(z.double() - 1e-5)) / 2e-5, lambda bend, z: (bend(z + 0.001) - bend(z)) / 0.001,
            lambda bend, z: _slope_by_autograd(bend, z), lambda bend, z: ((bend(z + 0.01) - bend(z - 0.01)) * 50).tolist()],
    "1.4": [lambda factor, share: math.floor(round(math.log(share) / math.log(factor), 9)) + 1,
            lambda factor, share: next(torch.tensor(n) for n in range(1000) if factor**n < share),
            lambda factor, share: float((factor ** torch.arange(200.0, dtype=torch.float64) >= share).sum())],
    "1.5": [lambda x1, x2: abs(x1 - x2) - 0.4,
            lambda x1, x2: 2 * max(0, x1 + x2 - 0.5) - 4 * max(0, x1 + x2 - 1) + 2 * max(0, x1 + x2 - 1.5) - 0.5,
            lambda x1, x2: torch.tensor([max(0, x1 - x2) + max(0, x2 - x1) - 0.6]), lambda x1, x2: np.float64(x1 - x2) ** 2 - 0.25],
    "1.6": [lambda counts: [counts[k, k].item() / counts[k].sum().item() for k in range(len(counts))],
            lambda counts: np.diag(counts.numpy()) / counts.numpy().sum(axis=1),
            lambda counts: torch.diagonal(counts / counts.sum(dim=1, keepdim=True))],
    "1.7": [lambda template, image: [divmod(place.item(), image.shape[1]) for place in ((template * image).argmax(), (template * image).argmin())],
            lambda template, image: np.array([np.unravel_index(place, image.shape) for place in ((template * image).argmax().item(), (template * image).argmin().item())]),
            lambda template, image: torch.stack([(one == one.max()).nonzero()[0] for one in (template * image, -template * image)])],
    "2.1": [(4, 8.67), torch.tensor([4.0, 26 / 3]), np.array([4, 8.667])],
    "2.2": [lambda images, labels, size, generator: [[images[places], labels[places]] for places in torch.randperm(len(labels), generator=generator).split(size)],
            lambda images, labels, size, generator: _in_batches(images.numpy(), labels.numpy(), _order(labels, generator).numpy(), size),
            lambda images, labels, size, generator: zip(*(one[_order(labels, generator)].split(size) for one in (images, labels)), strict=True)],
    "2.3": [lambda outputs, labels: F.mse_loss(outputs, labels.to(outputs.dtype).unsqueeze(1)),
            lambda outputs, labels: (outputs.squeeze(1) - labels).square().sum() / len(labels), lambda outputs, labels: _accumulated(outputs, labels)],
    "2.4": [lambda losses, sizes: sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / sum(sizes),
            lambda losses, sizes: np.average(losses, weights=sizes), lambda losses, sizes: losses.repeat_interleave(sizes).mean()],
    "2.5": [4.0, torch.tensor(4.0)],
    "2.6": [lambda sums: math.prod(z.sigmoid().item() * (1 - z.sigmoid().item()) for z in sums),
            lambda sums: (sums.sigmoid() * sums.neg().sigmoid()).log().sum().exp(), lambda sums: np.prod(0.25 / np.cosh(sums.numpy() / 2) ** 2)],
    "2.7": [_InSequential, _InOtherOrder],
    "3.1": [(4.0, 12.0), torch.tensor([4, 12])],
    "3.2": [lambda logits: logits - logits.logsumexp(dim=1, keepdim=True), lambda logits: torch.log_softmax(logits.double(), 1).numpy(),
            lambda logits: [(row - row.logsumexp(0)).tolist() for row in logits]],
    "3.3": [1.3863, 1.39, torch.tensor([0.5, 0.125]).log().neg().mean()],
    "3.4": [lambda *given: [part.tolist() for part in _by_autograd(*given)], lambda *given: _by_autograd(*given)],
    "3.5": [lambda sizes: sum((one + 1) * other for one, other in pairwise(sizes)),
            lambda sizes: torch.tensor(sum(p.numel() for pair in pairwise(sizes) for p in nn.Linear(*pair).parameters()))],
    "3.6": [lambda *given: _zero_first(*given), lambda *given: _by_hand(*given[:-1])],
    "3.7": [0.1, 0.3, torch.tensor(0.4)],
    "3.8": [lambda logits, labels: (logits.softmax(1).argmax(1) == labels).sum() / len(labels),
            lambda logits, labels: np.mean(logits.numpy().argmax(axis=1) == labels.numpy()),
            lambda logits, labels: sum(row.index(max(row)) == t for row, t in zip(logits.tolist(), labels, strict=True)) / len(labels)],
    "3.9": [_fit_in_parts, _fit_in_a_table],
    "3.10": [lambda weight, velocity, gradient, rate, share: (weight - rate * (share * velocity + gradient), gradient + velocity * share),
             lambda weight, velocity, gradient, rate, share: [part.tolist() for part in _momentum_in_numpy(weight, velocity, gradient, rate, share)]],
    "3.11": [lambda sums: math.prod(z.sigmoid().item() * (1 - z.sigmoid().item()) for z in sums),
             lambda sums: (sums.sigmoid() * sums.neg().sigmoid()).log().sum().exp(), lambda sums: np.prod(0.25 / np.cosh(sums.numpy() / 2) ** 2)],
}  # fmt: skip

# what is wrong: the answer, the state, and a piece of the words
WRONG = {
    "0.1": [("44", "wrong", "and your answer is a text in quotes"), (True, "wrong", "number"), (100, "wrong", "too large"), (math.nan, "wrong", "nan")],
    "0.2": [(896, "wrong", "2 numbers are wanted here, and your answer is a single number"), ([32, 27], "wrong", "27 at place 2")],
    "0.3": [(lambda images: print(images.shape), "wrong", "prints"), (lambda images: (images / 255).float() * 1.001, "wrong", "1.001"),
            (lambda images: torch.full(images.shape, torch.nan), "wrong", "nan"), (lambda images: (images / 255).flatten(), "wrong", "shape")],
    "0.4": [(lambda labels: ((labels == digit).sum() for digit in range(10)), "wrong", "Write `return` for `yield`"),
            (_yields_then_fails, "error", 'raise ValueError("half way")'), (lambda labels: labels.sort_().values.shape, "error", "AttributeError"),
            (lambda labels: [torch.bincount(labels.fill_(3), minlength=10), labels][0], "wrong", "my_class_counts(torch.tensor([7]))")],
    "0.5": [(lambda train, test: 0.2, "wrong", "my_constant_accuracy(torch.tensor([2]), torch.tensor([2]))` gives 0.2, and 1 is expected"),
            (lambda train: 1, "error", "takes 1 positional argument")],
    "0.6": [(lambda images: [int(image.sum()) for image in images], "wrong", "one by one"),
            (lambda images: torch.stack([image.sum() for image in images]), "wrong", "one by one")],
    "0.7": [(["train", "test", "test", "validation"], "wrong", "(b) is a choice, and you make it with the test digits"),
            (["train", "validation", "test", "test"], "wrong", "(d) is a choice"),
            ("train", "wrong", "4 texts in quotes are wanted here, and your answer is a text in quotes."),
            (["train", "validation"], "wrong", "wanted here, and your answer is 2 texts in quotes."),
            (("train", "validation", "test", 4), "wrong", "your answer is a tuple of 4, not all of one kind"),
            ([1, 2, 3, 4], "wrong", "your answer is 4 numbers"), (("train", "validation", "test", "all"), "wrong", "`'all'` at place 4")],
    "1.1": [([4, 5], "wrong", "2 by 2 numbers are wanted"), ([[4, 5], [-1, 2]], "wrong", "at place 2 of your list")],
    "1.2": [(lambda W1, b1, W2, b2: (W1 @ W2, b1 + b2), "wrong", "This is W₁W₂"),
            (lambda W1, b1, W2, b2: W2 @ W1, "wrong", "2 things, in this order: W, b"), (lambda W1, b1, W2, b2: ((W2 @ W1).T, b2), "wrong", "W is transposed"),
            (lambda W1, b1, W2, b2: (W2 @ W1, W2 @ b1 + b2 if len(b1) > len(b2) else b1 + b2), "wrong", "Look at b: `my_coll"),
            (lambda W1, b1, W2, b2: (W2 @ W1.mul_(2), W2 @ b1 + b2), "wrong", "Look at W: `my_collapse(torch.tensor([[")],
    "1.3": [(lambda bend, z: (bend(z + 0.01) - bend(z - 0.01)) / 0.2, "wrong", "my_slope(torch.tanh, torch.tensor(0.5))` gives 0.07"),
            (lambda bend, z: (bend(z + 1e-8) - bend(z - 1e-8)) / 2e-8, "wrong", "Everywhere 0"), (lambda bend, z: bend(z) * (1 - bend(z)), "wrong", "is expected"),
            (lambda z: z.sigmoid() * (1 - z.sigmoid()), "error", "takes 1 positional argument")],
    "1.4": [(5, "wrong", "A function is wanted here, and this is a number"),
            (lambda factor, share: (share < 0.01) * 5, "wrong", "my_layers(0.5, 0.25)` gives 0, and 3 is expected")],
    "1.5": [(lambda x1, x2: 1, "wrong", "straight line"), (lambda x1, x2: abs(x1 - 0.5) + abs(x2 - 0.5) - 2, "wrong", "Write down h₁, h₂"),
            (lambda x1, x2: 1 if (x1, x2) in ((0, 1), (1, 0)) else -1, "wrong", "beside one of them is not"), (lambda x1, x2: math.nan, "wrong", "inf or nan")],
    "1.6": [(lambda counts: counts.max(dim=1).values / counts.sum(dim=1), "wrong", "not always the one on the diagonal"),
            (lambda counts: (counts.diag() / counts.sum(dim=1)).round(decimals=2), "wrong", "is expected")],
    "1.7": [(lambda template, image: ((template * image).max(), 0), "wrong", "Look at the place for it"),
            (lambda template, image: (template * image).max(), "wrong", "2 things, in this order: the place for it")],
    "2.1": [([4, 8], "wrong", "8 at place 2 of your list is not right"), ([4.01, 26 / 3], "wrong", "4.01 at place 1"),
            ([3, 29 / 3], "wrong", "3 is the middle one of the three"), ([26 / 3, 4], "wrong", "in the wrong order"),
            ([4, 2.944], "wrong", "the root of the score"), (4, "wrong", "2 numbers are wanted")],
    "2.2": [(lambda images, labels, size, g: _in_batches(images, labels, torch.randperm(len(labels), generator=g), size, first=1), "wrong", "[4, 4, 2], and yours are [4, 4, 1]"),
            (lambda images, labels, size, g: _in_batches(images, labels, np.random.default_rng().permutation(len(labels)), size), "wrong", "same seed give different orders"),
            (lambda images, labels, size, g: ((images[place], labels[place]) for place in torch.randperm(len(labels), generator=g)), "wrong", "and yours are `[1, 1, 2]` and `[]`"),
            (lambda images, labels, size, g: images.split(size), "wrong", "Each batch is a pair"), (lambda images, labels, size, g: [], "wrong", "and yours are []"),
            (lambda images, labels, size, g: DataLoader(labels, size), "wrong", "What came is a `DataLoader`"),
            (lambda images, labels, size, g: [(0 * images[:size], labels[:size])], "wrong", "none of those handed in"),
            (lambda images, labels, size, g: print(images[:size]), "wrong", "Hand out each batch with `yield`"),
            (lambda images, labels, size, g: iter(int, 1), "wrong", "Hand out each batch with `yield`")],
    "2.3": [(lambda outputs, labels: F.mse_loss(outputs[:, 0], labels.float()).item(), "wrong", "does not find its way"),
            (lambda outputs, labels: torch.tensor(_squared_error_in_lists(outputs, labels)), "wrong", "does not find its way"),
            (_squared_error_in_lists, "wrong", "does not find its way"),
            (lambda outputs, labels: ((outputs[:, 0] - labels) ** 2).mean() / 2, "wrong", "my_squared_error(torch.tensor([[4.5]]), torch.tensor([6]))` gives 1.125")],
    "2.4": [(lambda losses, sizes: losses[0], "wrong", "my_mean_loss(torch.tensor([0.5, 3.0]), torch.tensor([64, 1]))`"),
            (lambda losses, sizes: losses.mul_(sizes).sum() / sizes.sum(), "wrong", "changed its argument `losses`")],
    "2.5": [("4", "wrong", "a single number"), (4.2, "wrong", "too large")],
    "2.6": [(lambda sums: 0.25 * 0.25, "wrong", "my_share(torch.tensor([3.0]))` gives 0.0625, and 0.04518 is expected")],
    "2.7": [(_WithoutSuper, "error", "AttributeError in line"), (_WithoutReturn, "wrong", "nothing (`None`)"),
            (_OfFixedSizes, "wrong", "the shapes of its parameters: `MyNetwork([4, 2])` gives"), (lambda sizes: sizes, "error", "no attribute 'parameters'")],
    "3.1": [([12, 4], "wrong", "in the wrong order"), ([12, 12], "wrong", "12 is ∂L/∂w₁"), ([2, 6], "wrong", "Both are half"),
            ([2, 12], "wrong", "∂L/∂w₂ is half of what it should be"), ([-4, -12], "wrong", "growing y makes it worse"), ([4, 6], "wrong", "multiply by x = 2"),
            ([4, 2], "wrong", "leaves out w₂ and x"), ([4, 5], "wrong", "5 at place 2"), ("4 and 12", "wrong", "your answer is a text")],
    "3.2": [(_shifted_in_place, "wrong", "changed its argument `logits`"), (lambda logits: torch.log_softmax(logits, dim=1) * 1.0005, "wrong", "is expected")],
    "3.3": [(None, "wrong", "nothing"), (1.3, "wrong", "too small")],
    "3.4": [(lambda *given: _by_autograd(*given)[:2], "wrong", "4 things, in this order: dW1"),
            (lambda *given: [part.T if part.ndim > 1 else part for part in _by_autograd(*given)], "wrong", "dW1 is transposed"),
            (lambda *given: [part.T if index == 2 else part for index, part in enumerate(_by_autograd(*given))], "wrong", "dW2 is transposed"),
            (lambda *given: [*_by_autograd(*given)[:3], -_by_autograd(*given)[3]], "wrong", "The sign of db2")],
    "3.5": [(lambda sizes: 79_510, "wrong", "my_count([3, 2])` gives 79,510, and 8 is expected"),
            (lambda sizes: sizes[0] * sizes[1] + sizes[1] + sizes[1] * sizes[2] + sizes[2], "wrong", "one hidden layer alone")],
    "3.6": [(lambda *parts: 1.0, "wrong", "neither"), (lambda *parts: print(_zero_first(*parts)), "wrong", "prints its result")],
    "3.7": [(0.7, "wrong", "too long"), (1, "wrong", "too long"), (0.05, "wrong", "too short"), (1e-12, "wrong", "too short"), (1e5, "wrong", "too long"),
            (0, "wrong", "small positive number"), (1e300, "wrong", "small positive number"), ("small", "wrong", "a text")],
    "3.8": [(lambda logits, labels: ((logits > 0).float().argmax(dim=1) == labels).float().mean(), "wrong", "is expected"),
            (lambda logits, labels: (logits.max(dim=1) == labels).mean(), "error", "AttributeError"),
            (lambda logits, labels: (logits.argmax(dim=1) == labels).sum() // len(labels), "wrong", "is expected")],
    "3.9": [(lambda *given: training.fit(*given[:-1], epochs=given[-1]).train_loss, "wrong", "the two lists"),
            (lambda *given: _fit_without_care(*given, learns=True), "wrong", "a step is taken there"),
            (lambda *given: _fit_without_care(*given, learns=False), "wrong", "`model.eval()` is missing"),
            (lambda *given: print(_fit_in_parts(*given)), "wrong", "prints its result")],
    "3.10": [(lambda weight, velocity, gradient, rate, share: weight - rate * (share * velocity + gradient), "wrong", "2 things, in this order: the weight"),
             (lambda weight, velocity, *others: (weight, velocity), "wrong", "Look at the weight: `my_momentum(torch.tensor([1.0])"),
             (lambda weight, velocity, gradient, rate, share: (weight - rate * velocity.mul_(share).add_(gradient), velocity), "wrong", "changed its argument `velocity`")],
    "3.11": [(lambda sums: 0.25 * 0.25, "wrong", "my_share(torch.tensor([3.0]))` gives 0.0625, and 0.04518 is expected")],
}  # fmt: skip

# Lessons 4 to 7 -------------------------------------------------------------------------------------------------------


def _shifted_sum(image, kernel):
    """A convolution that adds up the picture once for each weight, each time a little shifted."""
    height, width = image.shape[0] - len(kernel) + 1, image.shape[1] - len(kernel) + 1
    places = [(row, column) for row in range(len(kernel)) for column in range(len(kernel))]
    return sum(kernel[row, column] * image[row : row + height, column : column + width] for row, column in places)


def _padding_by_trial(n, kernel, stride, wanted, rounded=math.floor):
    sizes = [rounded((n + 2 * padding - kernel) / stride) + 1 for padding in range(kernel)]
    return sizes.index(wanted) if wanted in sizes else None


def _looped_max_pool(maps):
    rows, columns = (range(0, size - 1, 2) for size in maps.shape[2:])
    squares = [[maps[:, :, row : row + 2, column : column + 2].max(axis=(2, 3)) for column in columns] for row in rows]
    return np.array(squares).transpose(2, 3, 0, 1)


def _through_a_file(state):
    file = io.BytesIO()
    torch.save(state, file)
    file.seek(0)
    return torch.load(file, weights_only=True)


def _deviations(correct, total, deviations=2.0):
    share = torch.tensor(correct / total)
    half = deviations * (share * (1 - share) / total).sqrt()
    return torch.stack([share - half, share + half])


def _wilson(correct, total):
    share, z = correct / total, 1.96
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return [middle - half, middle + half]


def _by_edges(confidence, right, bins=10):
    confidence, right, edges = confidence.double().numpy(), right.double().numpy(), np.linspace(0, 1, bins + 1)
    inside = [(confidence > low) & (confidence <= high) for low, high in pairwise(edges)]
    return sum(part.mean() * abs(right[part].mean() - confidence[part].mean()) for part in inside if part.any())


def _by_counting(confidence, right, bins=10):
    place = torch.bucketize(confidence, torch.linspace(0, 1, bins + 1)[1:-1], right=True)
    gaps = torch.bincount(place, weights=right.double() - confidence.double(), minlength=bins)
    return (gaps.abs().sum() / len(right)).float()


def _of_full_bins(confidence, right, bins=10):
    """The gaps of the bins, divided by how many bins there are."""
    place = (confidence * bins).long().clamp(max=bins - 1)
    gaps = right.double() - confidence.double()
    return sum(gaps[place == index].mean().abs() for index in place.unique()) / bins


def _first_below(angles, accuracies, count):
    highest = [share + 1.96 * math.sqrt(share * (1 - share) / count) for share in accuracies]
    return next(angle for angle, high in zip(angles, highest, strict=True) if high < accuracies[0] - 0.115)


def _costs_only_the_wrong(loss_fn, labels):
    right = labels.unsqueeze(1).float()
    return abs(float(loss_fn(right, labels))) < 1e-6 and loss_fn(right.roll(1, 0), labels).item() > 1e-6


def _looped_choice(validation, test):
    best = 0
    for index, accuracy in enumerate(validation):
        best = index if accuracy > validation[best] else best
    return [best, test[best]]


def _faster_in_place(seconds, part, times):
    before = sum(seconds.values())
    seconds[part] /= times
    return before / sum(seconds.values())


def _in_dict(rows, names):
    times = {name: time for name, _, time in rows}
    return sum(times.values()) / sum(time for name, time in times.items() if name not in names)


def _looped_run(runs, goal):
    best = None
    for run in runs:
        if run[3] >= goal and (best is None or run[2] < best[2]):
            best = run
    return best and [best[0], best[1]]


def _in_halves(step, steps, middle):
    return step / middle if step < middle else (1 + math.cos(math.pi * (step - middle) / (steps - middle))) / 2


def _soft_targets(logits, labels, smoothing):
    targets = F.one_hot(labels, logits.shape[1]) * (1 - smoothing) + smoothing / logits.shape[1]
    return -(targets * logits.double().log_softmax(dim=1)).sum(dim=1).mean()


ALSO_RIGHT |= {
    "4.1": [lambda image, kernel: F.conv2d(image[None, None].double(), kernel[None, None].double())[0, 0].numpy(),
            lambda image, kernel: (image.unfold(0, len(kernel), 1).unfold(1, len(kernel), 1) * kernel).sum((2, 3)),
            lambda image, kernel: _shifted_sum(image, kernel)],
    "4.2": [torch.tensor([[-0.5] * 3, [1] * 3, [-0.5] * 3]), ((0, 0, 0), (1, 1, 1), (-1, -1, -1)), np.array([[1, -2, -1.5], [2, 4, 5], [-3, -2, -3.5]])],
    "4.3": [lambda n, k, s, wanted: _padding_by_trial(n, k, s, wanted),
            lambda n, k, s, wanted: p if (p := max(0, -(-(s * (wanted - 1) + k - n) // 2))) < k and n + 2 * p - k < s * wanted else None],
    "4.4": [lambda maps: F.max_pool2d(maps, 2), lambda maps: maps.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5)).tolist(), lambda maps: _looped_max_pool(maps.numpy())],
    "4.5": [lambda i, o: [26 * o + 25 * o * (i - 1), torch.tensor(o * (9 * i + 1) + o * (9 * o + 1))],
            lambda i, o: [sum(len(p.flatten()) for p in torch.nn.Conv2d(i, o, 5).parameters()), np.int64(9 * o * (i + o) + 2 * o)]],
    "4.6": [((32, 8, 26, 26), torch.Size([32, 8, 13, 13]), [32, 16, 7, 7])],
    "4.7": [14.0, torch.tensor([14])],
    "4.8": [lambda model: {name: tensor.clone() for name, tensor in model.state_dict().items()},
            lambda model: copy.deepcopy(model).state_dict(), lambda model: _through_a_file(model.state_dict())],
    "5.1": [lambda k, n: _wilson(k, n), lambda k, n: _deviations(k, n).clamp(0, 1), lambda k, n: [max(0, share) for share in _deviations(k, n, 1.95996).tolist()]],
    "5.2": [38_032, 39_600, 40_000.0, torch.tensor(38_500), 38_416 * 0.99],
    "5.3": [lambda t, a, b: [sum(x == z != y for z, x, y in zip(*map(torch.Tensor.tolist, (t, *pair)), strict=True)) for pair in ((a, b), (b, a))],
            lambda t, a, b: torch.stack([((a == t) & (b != t)).sum(), ((a != t) & (b == t)).sum()]),
            lambda t, a, b: np.array([((a == t) > (b == t)).sum(), ((a == t) < (b == t)).sum()])],
    "5.4": [18 / 256, 0.07, torch.tensor(0.0703)],
    "5.5": [lambda counts: [counts[k, k].item() / max(1, counts[:, k].sum().item()) for k in range(len(counts))],
            lambda counts: (counts.diagonal() / counts.sum(dim=0)).nan_to_num(),
            lambda counts: np.divide(np.diag(counts.numpy()), counts.numpy().sum(axis=0) + 1e-9)],
    "5.6": [lambda *given: _by_edges(*given), lambda *given: _by_counting(*given)],
    "5.7": [lambda z, y, all_t: min(all_t, key=lambda t: F.nll_loss(F.log_softmax(z.double() / t, 1), y).item()),
            lambda z, y, all_t: torch.tensor(all_t)[torch.stack([F.cross_entropy(z / t, y, reduction="sum") for t in all_t]).argmin()]],
    "5.8": [40.0, torch.tensor(40), [40], _first_below],
    "6.1": [(-0.1, -1.0), torch.tensor([-0.1, -1])],
    "6.2": ["h", " (H) "],
    "6.3": [torch.nn.LogSoftmax(dim=1), lambda logits: logits - logits.logsumexp(dim=1, keepdim=True)],
    "6.5": [4.6, np.log(100), torch.tensor([4.605])],
    "6.6": [lambda outputs: torch.allclose(outputs.exp().sum(dim=1), torch.tensor(1.0)),
            lambda outputs: torch.isclose(outputs.exp().sum(1), torch.full((len(outputs),), 1.0)).all(),
            lambda outputs: torch.allclose(outputs.exp().sum(dim=1), torch.ones(len(outputs)), atol=1e-2),
            lambda outputs: np.allclose(outputs.exp().sum(dim=1).numpy(), 1, atol=1e-4),
            lambda outputs: all(abs(sum(math.exp(number) for number in row) - 1) < 1e-5 for row in outputs.tolist()),
            lambda outputs: torch.logsumexp(outputs, dim=1).abs().max().item() < 1e-4],
    "6.8": [lambda p, labels: F.cross_entropy(p.log(), labels), lambda p, labels: -p.gather(1, labels[:, None]).log().mean(),
            lambda p, labels: sum(-row[label].log() for row, label in zip(p, labels, strict=True)) / len(labels)],
    "6.10": [lambda gradients: sum(one.abs().sum() for one in gradients if one is not None) == 0,
             lambda gradients: not any(one is not None and np.count_nonzero(one.numpy()) for one in gradients)],
    "6.12": [lambda inputs: inputs.dtype in (torch.float32, torch.float64) and ((inputs >= 0) & (inputs <= 1)).all(),
             lambda inputs: torch.is_floating_point(inputs) and torch.equal(inputs, inputs.clamp(0, 1))],
    "6.14": [lambda loss_fn: _costs_only_the_wrong(loss_fn, torch.tensor([0, 9, 4, 4])), lambda loss_fn: _costs_only_the_wrong(loss_fn, torch.arange(64.0))],
    "6.16": [lambda labels, size: min(len(set(labels[k : k + size].tolist())) for k in range(0, len(labels) - size + 1, size)) >= 5,
             lambda labels, size: (F.one_hot(labels[: len(labels) // size * size], 10).view(-1, size, 10).amax(1).sum(1) > 4).all()],
    "6.17": [("a", " F.")],
    "6.18": [[0.01], torch.tensor([0.001]), np.float32(0.03)],
    "6.19": [_looped_choice, lambda validation, test: torch.stack([validation.argmax(), test[validation.argmax()]]),
             lambda validation, test: (np.argmax(validation.numpy()), test.numpy()[validation.numpy().argmax()])],
    "6.20": [{"P": "b", "Q": "g", "R": "d", "S": "h", "T": "c", "U": "f", "V": "e", "W": "a", "X": "i"},
             lambda curves: dict(zip("PQRSTUVWX", "BGDHCFEAI", strict=True))],
    "7.1": [lambda seconds, part, times: torch.tensor(1 / (1 - seconds[part] / sum(seconds.values()) * (1 - 1 / times))),
            lambda seconds, part, times: [np.sum([*seconds.values()]) / (sum(seconds.values()) - seconds[part] + seconds[part] / times)],
            lambda seconds, part, times: sum(seconds.values()) / sum((seconds | {part: seconds[part] / times}).values())],
    "7.2": [lambda rows, names: np.float64(_in_dict(rows, names)),
            lambda rows, names: sum(row[2] for row in rows) / sum(row[2] for row in rows if row[0] not in names),
            lambda rows, names: torch.tensor(1 / (1 - sum(row[2] * (row[0] in set(names)) for row in rows) / sum(row[2] for row in rows)))],
    "7.3": [_looped_run, lambda runs, goal: None if (found := _looped_run(runs, goal)) is None else torch.tensor(found),
            lambda runs, goal: next((list(run[:2]) for run in sorted(runs, key=lambda run: run[2]) if run[3] >= goal), None)],
    "7.4": [lambda step, steps: min(2 * step / steps, (1 + math.cos(math.pi * max(0, 2 * step / steps - 1))) / 2),
            lambda step, steps: torch.tensor(2 * step / steps if 2 * step < steps else math.cos(math.pi * (step / steps - 0.5)) ** 2),
            lambda step, steps: np.interp(step, [0, steps / 2], [0, 1]) if 2 * step < steps else math.sin(math.pi * step / steps) ** 2],
    "7.5": [lambda logits, labels, e: torch.nn.CrossEntropyLoss(label_smoothing=e)(logits, labels), _soft_targets, lambda *given: _soft_targets(*given).item()],
    "7.6": [lambda i, o, k, r, c: torch.tensor(2 * k**2 * i * o * r * c), lambda i, o, k, r, c: float(o * r * c * (k * k * i * 2))],
    "7.7": [lambda a: [np.mean(a), np.std(a, ddof=1) / np.sqrt(len(a))], lambda a: torch.tensor([np.mean(a), np.std(a, ddof=1) / len(a) ** 0.5]),
            lambda a: (sum(a) / len(a), torch.tensor(a).std() / torch.tensor(len(a)).sqrt())],
}  # fmt: skip

WRONG |= {
    "4.1": [(lambda image, kernel: image * kernel, "error", "RuntimeError"),
            (lambda image, kernel: _shifted_sum(image, kernel).round(), "wrong", "my_convolution(torch.tensor([["),
            (lambda image, kernel: F.conv2d(image[None, None], kernel[None, None], padding=1)[0, 0], "wrong", "shape")],
    "4.2": [([[1, 1, 1], [-2, -2, -2], [1, 1, 1]], "wrong", "above 0"), ([[-1, -1, -1], [2.1, 2, 2], [-1, -1, -1]], "wrong", "0.1 to full ink"),
            ([[math.nan] * 3] * 3, "wrong", "above 0"), ([[0.0] * 3] * 3, "wrong", "above 0")],
    "4.3": [(lambda n, k, s, wanted: _padding_by_trial(n, k, s, wanted, round), "wrong", "`round` goes to the nearest"),
            (lambda n, k, s, wanted: _padding_by_trial(n, k, s, wanted, math.ceil), "wrong", "Rounded up"),
            (lambda n, k, s, wanted: (k - 1) // 2, "wrong", "is expected"), (lambda n, k, s, wanted: None, "wrong", "gives back nothing"),
            (lambda n, k, s, wanted: _padding_by_trial(n, k, s, wanted) or 0, "wrong", "nothing (`None`) is expected")],
    "4.4": [(lambda maps: F.max_pool2d(maps, 2).round(), "wrong", "my_max_pool(torch.tensor([["),
            (lambda maps: F.adaptive_max_pool2d(maps, 1)[:, :, 0, 0], "wrong", "largest number of each whole map"),
            (lambda maps: F.max_pool2d(maps, 3), "error", "RuntimeError"), (lambda maps: F.max_pool2d(maps[0], 2), "wrong", "shape")],
    "4.5": [(lambda i, o: 25 * i * o + o, "wrong", "2 things, in this order: the 5×5 layer, the two 3×3 layers"),
            (lambda i, o: (25 * i * o + o, 18 * i * o + 2 * o), "wrong", "second small layer looks at the maps"),
            (lambda i, o: (25 * i * o + o, 9 * o * (i + o)), "wrong", "weights of the two 3×3 layers are all there"),
            (lambda i, o: (25 * i * o + o, 9 * o * (i + o) + 1), "wrong", "Look at the two 3×3 layers: `my_counts(1, 2)`")],
    "4.6": [([[32, 8, 28, 28], [32, 8, 14, 14], [32, 16, 7, 7]], "wrong", "After the first convolution: without padding"),
            ([[8, 26, 26], [8, 13, 13], [16, 7, 7]], "wrong", "the batch of 32 stays"),
            ([[32, 8, 26, 26], [32, 8, 13, 13], [32, 128, 4, 4]], "wrong", "at place 3 of your list"),
            ([32, 16, 7, 7], "wrong", "3 by 4 numbers are wanted"), ([[32, 8, 26, 26], [32, 8, 13, 13]], "wrong", "3 by 4 numbers are wanted")],
    "4.7": [(12, "wrong", "too small"), ([14, 14], "wrong", "single number")],
    "4.8": [(lambda model: model.state_dict().copy(), "wrong", "holds the *new* weights"),
            (lambda model: {name: one.cpu().detach() for name, one in model.state_dict().items()}, "wrong", "*new* weights"),
            (lambda model: [one.clone() for one in model.parameters()], "wrong", "takes a dictionary"),
            (lambda model: {name: 0 * one for name, one in model.state_dict().items()}, "wrong", "is expected"),
            (lambda model: print(model.state_dict()), "wrong", "takes a dictionary")],
    "5.1": [(lambda k, n: _deviations(k, n, 1.9), "wrong", "(3, 10)` gives [0.02466, 0.5753], and [0.01597, 0.584] is expected"),
            (lambda k, n: (k / n, 0.1), "wrong", "is expected"), (lambda k, n: _deviations(k, n, 1.96) if k else [math.nan] * 2, "wrong", "gives [nan, nan]"),
            (lambda k, n: (k / n, 1.96 * math.sqrt(k / n * (1 - k / n) / n)), "wrong", "the middle and the half width")],
    "5.2": [(10_000, "wrong", "*one* standard deviation"), (1000, "wrong", "too small"), ("many", "wrong", "a text")],
    "5.3": [(lambda t, a, b: [((a == t) & (b != t)).sum()] * 2, "wrong", "[1, 1], and [1, 0]"),
            (lambda t, a, b: (a != t).sum(), "wrong", "a single number, and the shape `[2]` is expected")],
    "5.4": [(0.5, "wrong", "too large"), (7.03, "wrong", "percent")],
    "5.5": [(lambda counts: counts.diag() / counts.sum(dim=0), "wrong", "Give 0 there"),
            (lambda counts: (counts.amax(dim=0) / counts.sum(dim=0)).nan_to_num(), "wrong", "not always the one on the diagonal"),
            (lambda counts: counts.diag() / counts.sum(dim=1) * 100, "wrong", "my_precision(torch.tensor([[4]]))` gives [100]"),
            (lambda counts: (counts.diag() / counts.sum(dim=0).clamp(min=1))[:2], "wrong", "shape")],
    "5.6": [(_of_full_bins, "wrong", "divided by the number of bins"), (lambda c, right, bins=10: abs(c.mean() - right.float().mean()), "wrong", "pays here for"),
            (lambda *given: _by_counting(*given) - 0.5, "wrong", "is expected"), (lambda c, right, bins=10: right.mean(), "error", "RuntimeError")],
    "5.7": [(lambda z, y, all_t: min(all_t, key=lambda t: -(z / t).softmax(1).amax(1).mean()), "wrong", "the network boldest"),
            (lambda z, y, all_t: min(all_t, key=lambda t: F.cross_entropy((z / t).softmax(1), y)), "wrong", "softmax was taken twice"),
            (lambda z, y, all_t: min(all_t, key=lambda t: F.cross_entropy(z.mul_(1 / t), y)), "wrong", "is expected")],
    "5.8": [(20, "wrong", "and at 20° it ends at 97.7%. That is not yet enough. Go on"), (30, "wrong", "a part of that may be luck"),
            (50, "wrong", "a smaller angle"), ("forty", "wrong", "a text"), (0.76, "wrong", "No dot stands at an angle of 0.76"), (None, "wrong", "nothing (`None`)"),
            (lambda angles, accuracies, count: angles[-1], "wrong", "a smaller angle"), (lambda angles: angles[4], "error", "takes 1 positional argument")],
    "6.1": [([-0.1, -2], "wrong", "-2 at place 2"), (-0.1, "wrong", "2 numbers are wanted"), ("-0.1 and -1", "wrong", "a text")],
    "6.2": [("A", "wrong", "leaps far above"), ("softmax", "wrong", "is not right. A hint"), (1, "wrong", "A text in quotes")],
    "6.3": [(lambda logits: logits.softmax(dim=1) * 1.001, "wrong", "the result: `my_outputs(torch.tensor([[0.8, "),
            (lambda logits: logits.log_softmax(dim=1).numpy(), "error", "requires grad"), (lambda logits: logits.log_softmax(dim=1).tolist(), "wrong", "way back"),
            (lambda logits: logits - logits.exp().sum(), "wrong", "the result: `my_outputs(")],
    "6.5": [(5.2, "wrong", "too large"), ("ln 100", "wrong", "a single number is wanted")],
    "6.6": [(lambda outputs: torch.allclose(outputs.exp().sum(dim=1), torch.tensor(1.0), atol=0.5), "wrong", "tolerance is so wide"),
            (lambda outputs: torch.isclose(outputs.exp().sum(dim=1), torch.tensor(1.0)), "wrong", "verdicts on each row"),
            (lambda outputs: torch.allclose(outputs.sum(dim=1), torch.tensor(1.0)), "wrong", "plain probabilities"),
            (lambda outputs: abs(outputs[0].exp().sum() - 1) < 1e-3, "wrong", "and `False` is expected"), (lambda outputs: True, "wrong", "True to everything")],
    "6.8": [(lambda p, labels: F.nll_loss(p.log(), labels, reduction="none"), "wrong", "the shape `[2]`"), (lambda p, labels: F.nll_loss(p.detach().log(), labels), "wrong", "way back")],
    "6.10": [(lambda gradients: not torch.cat([one.flatten() for one in gradients]).any(), "error", "TypeError"),
             (lambda gradients: gradients[0] is None or not gradients[0].any(), "wrong", "the first gradient only"),
             (lambda gradients: all(one is None or torch.allclose(one, 0 * one) for one in gradients), "wrong", "`True`, and `False` is expected"),
             (lambda gradients: [one is None for one in gradients], "wrong", "is expected"),
             (lambda gradients: print(all(one is None for one in gradients)), "wrong", "prints")],
    "6.12": [(lambda inputs: inputs.min() >= 0 and inputs.max() <= 1, "wrong", "Ask for decimal numbers too"),
             (lambda inputs: inputs.dtype == torch.float32 and inputs.min() >= 0 and inputs.max() <= 1, "wrong", "dtype=torch.float64)"),
             (lambda inputs: inputs.is_floating_point() and ((inputs >= 0) & (inputs <= 1)), "wrong", "a tensor of shape")],
    "6.14": [(lambda loss_fn: loss_fn(torch.zeros(2, 1), torch.zeros(2)) == 0, "wrong", "`False` is expected"), (lambda loss_fn: loss_fn(1, 1), "error", "TypeError"),
             (lambda loss_fn: loss_fn(torch.zeros(1, 1), torch.zeros(1)) == 0 < loss_fn(torch.ones(1, 1), torch.zeros(1)), "wrong", "Take several")],
    "6.16": [(lambda labels, size: all(len(set(batch.tolist())) > 1 for batch in labels.split(size)), "wrong", "is expected"),
             (lambda labels, size: [len(batch.unique()) >= 5 for batch in labels.split(size)], "wrong", "is expected"),
             (lambda labels, size: all(len(batch.unique()) >= 5 for batch in labels.split(size)), "wrong", "last batch may be short")],
    "6.17": [("A, F", "wrong", "2 texts in quotes are wanted here, and your answer is a text"), (["A", "F", "G"], "wrong", "your answer is 3 texts"),
             (["J", "F"], "wrong", "fresh digits tell"), (["a", "B"], "wrong", "Curve q starts at ln 10")],
    "6.18": [("small", "wrong", "a text"), *((rate, "wrong", "positive number") for rate in (math.inf, 1e39, -0.01))],
    "6.19": [(lambda validation, test: test[validation.argmax()], "wrong", "2 things, in this order: the position"),
             (lambda validation, test: (validation.argmax(), test.mean()), "wrong", "Look at the reported accuracy: `my_choice("),
             (lambda validation, test: (test.argmax(), test.mean()), "wrong", "fault itself")],
    "6.20": [(dict.fromkeys("PQRSTUVWX", "B"), "wrong", "1 of 9 are right. You gave B more than once"), ({"P": "B", "Q": ...}, "open", "A part"),
             (lambda curves: [curves.popitem()], "wrong", "A dictionary is wanted"), (lambda curves: curves["Z"], "error", "KeyError")],
    "7.1": [(_faster_in_place, "wrong", "changed its argument `seconds`"), (lambda seconds, part, times: 10 / 6, "wrong", "is expected"),
            (lambda seconds, part, times: 10 / (10 - seconds[part] + seconds[part] / times), "wrong", "my_speedup({'forward': 1.0, 'step': 3.0}, 'step', 2)"),
            (lambda seconds, part, times: sum(seconds.values()) / (seconds["forward"] + seconds["decoding"] / times), "error", "KeyError")],
    "7.2": [(lambda rows, names: sum(row[2] for row in rows) / rows[-1][2], "wrong", "is expected"), (lambda rows, names: _in_dict(rows, names[:1]), "wrong", "Only the first"),
            (lambda rows, names: sum(row[2] for row in rows if row[0] in names) / sum(row[2] for row in rows), "wrong", "the share of these"),
            (lambda rows, names: _in_dict(rows, [row[0] for row in rows if row[0][-2:] in {name[-2:] for name in names}]), "wrong", "may end in the same letters"),
            (lambda rows, names: _in_dict([rows.pop() for _ in rows[:]], names), "wrong", "changed its argument `rows`")],
    "7.3": [(lambda runs, goal: max((run for run in runs if run[3] >= goal), default=None), "wrong", "is expected"),
            (lambda runs, goal: _looped_run(runs, goal) or runs[0][:2], "wrong", "nothing (`None`) is expected"),
            (lambda runs, goal: _looped_run(runs, goal) or 0, "wrong", "gives 0, and nothing (`None`)"),
            (lambda runs, goal: (32, 0.1), "wrong", "my_run([(64, 0.1, 2.0, 0.85), (64, 0.4, "), (lambda *given: print(_looped_run(*given)), "wrong", "prints its result")],
    "7.4": [(lambda step, steps: _in_halves(step, steps, steps // 2), "wrong", "is expected"), (lambda step, steps: _in_halves(step, steps, (steps + 1) // 2), "wrong", "is expected"),
            (lambda step, steps: _in_halves(step, steps - 1, (steps - 1) / 2), "wrong", "though the last step is"), (lambda step, steps: 0.5, "wrong", "my_cycle("),
            (lambda step, steps: 1 - abs(2 * step / steps - 1), "wrong", "The second half falls in a straight line")],
    "7.5": [(lambda logits, labels, e: F.cross_entropy(logits, labels, label_smoothing=0.1), "wrong", "is expected"), (lambda *given: _soft_targets(*given) * 1.001, "wrong", "is expected")],
    "7.6": [(lambda i, o, k, r, c: 2 * k * k * i * o * r * r, "wrong", "my_flops(2, 4, 3, 5, 6)"), (lambda i, o, k, r, c: 2 * k * k * i * o * r * c + 1, "wrong", "4,321, and 4,320 is expected")],
    "7.7": [(lambda a: (np.median(a), np.std(a, ddof=1) / len(a) ** 0.5), "wrong", "the median"), (lambda a: (torch.tensor(a).median(), 0.1), "wrong", "the median"),
            (lambda a: sum(a) / len(a), "wrong", "2 things, in this order: the mean, its standard error"), (lambda a: (np.mean(a), 2 * np.std(a)), "wrong", "Look at its standard error: `my_summary(")],
}  # fmt: skip
