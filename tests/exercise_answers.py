"""Answers by exercise, as students give them: right ones in other forms than the course's, and wrong ones."""

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
    F.cross_entropy((X.double() @ W1 + b1).relu() @ W2 + b2, T).backward()
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
    "3.7": [(0.5, "wrong", "too long"), (1, "wrong", "too long"), (0.05, "wrong", "too short"), (1e-12, "wrong", "too short"), (1e5, "wrong", "too long"),
            (0, "wrong", "small positive number"), (1e300, "wrong", "small positive number"), ("small", "wrong", "a text")],
    "3.8": [(lambda logits, labels: ((logits > 0).float().argmax(dim=1) == labels).float().mean(), "wrong", "is expected"),
            (lambda logits, labels: (logits.max(dim=1) == labels).mean(), "error", "AttributeError"),
            (lambda logits, labels: (logits.argmax(dim=1) == labels).sum() // len(labels), "wrong", "is expected")],
    "3.9": [(lambda *given: training.fit(*given[:-1], epochs=given[-1]).train_loss, "wrong", "the two lists"),
            (lambda *given: _fit_without_care(*given, learns=True), "wrong", "a step is taken there"),
            (lambda *given: _fit_without_care(*given, learns=False), "wrong", "`model.eval()` is missing"),
            (lambda *given: print(_fit_in_parts(*given)), "wrong", "prints its result")],
}  # fmt: skip

# Lessons 4 to 7 -------------------------------------------------------------------------------------------------------


def _shifted_sum(image, kernel):
    """A convolution that adds up the picture once for each weight, each time a little shifted."""
    height, width = image.shape[0] - len(kernel) + 1, image.shape[1] - len(kernel) + 1
    places = [(row, column) for row in range(len(kernel)) for column in range(len(kernel))]
    return sum(kernel[row, column] * image[row : row + height, column : column + width] for row, column in places)


def _in_dict(rows):
    times = {name: time for name, _, time in rows}
    return (times["aten::addmm"] + times["aten::mm"]) / sum(times.values())


def _in_numpy(rows):
    names, _, times = map(np.array, zip(*rows, strict=True))
    return times[np.isin(names, ["aten::addmm", "aten::mm"])].sum() / times.sum()


def _looped_batch_size(sizes, seconds, accuracies, goal):
    best = None
    for place in range(len(sizes)):
        if accuracies[place] >= goal and (best is None or seconds[place] < seconds[best]):
            best = place
    return None if best is None else torch.tensor(sizes[best])


def _sorted_batch_size(sizes, seconds, accuracies, goal):
    for place in np.argsort(seconds):
        if accuracies[place] >= goal:
            return np.int64(sizes[place])


def _cheapest_until(sizes, seconds, accuracies, goal):
    """Right on the lesson's table, where smaller sizes are more accurate."""
    place = sum(accuracy >= goal for accuracy in accuracies)
    return sizes[seconds.index(min(seconds[:place]))] if place else None


def _soft_targets(logits, labels, smoothing):
    targets = F.one_hot(labels, logits.shape[1]) * (1 - smoothing) + smoothing / logits.shape[1]
    return -(targets * logits.double().log_softmax(dim=1)).sum(dim=1).mean()


def _faster_in_place(seconds, part, times):
    before = sum(seconds.values())
    seconds[part] /= times
    return before / sum(seconds.values())


def _cycle_in_halves(step, steps, middle):
    if step < middle:
        return step / middle
    return (1 + math.cos(math.pi * (step - middle) / (steps - middle))) / 2


def _wilson_interval(correct, total):
    share, z = correct / total, 1.96
    middle = (share + z**2 / (2 * total)) / (1 + z**2 / total)
    half = z / (1 + z**2 / total) * np.sqrt(share * (1 - share) / total + z**2 / (4 * total**2))
    return [middle - half, middle + half]


def _two_deviations(correct, total, deviations=2.0):
    share = torch.tensor(correct / total)
    half = deviations * (share * (1 - share) / total).sqrt()
    return torch.stack([share - half, share + half])


def _looped_disagreements(labels, first, second):
    rows = list(zip(labels, first, second, strict=True))
    return [sum(a == t != b for t, a, b in rows), sum(b == t != a for t, a, b in rows)]


def _numpy_calibration_error(confidence, right, bins):
    confidence, right, edges = confidence.double().numpy(), right.double().numpy(), np.linspace(0, 1, bins + 1)
    inside = [(confidence > low) & (confidence <= high) for low, high in pairwise(edges)]
    return sum(part.mean() * abs(right[part].mean() - confidence[part].mean()) for part in inside if part.any())


def _counted_calibration_error(confidence, right, bins):
    place = torch.bucketize(confidence, torch.linspace(0, 1, bins + 1)[1:-1], right=True)
    gaps = torch.bincount(place, weights=right.double() - confidence.double(), minlength=bins)
    return (gaps.abs().sum() / len(right)).float()


def _of_full_bins(confidence, right, bins):
    """The gaps of the bins, divided by how many bins there are."""
    place = (confidence * bins).long().clamp(max=bins - 1)
    gaps = torch.zeros(bins, dtype=torch.float64)
    for index in place.unique():
        gaps[index] = right[place == index].double().mean() - confidence[place == index].double().mean()
    return gaps.abs().mean()


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


ALSO_RIGHT |= {
    "4.1": [
        lambda image, kernel: F.conv2d(image[None, None].double(), kernel[None, None].double())[0, 0].numpy(),
        lambda image, kernel: (image.unfold(0, len(kernel), 1).unfold(1, len(kernel), 1) * kernel).sum((2, 3)),
        lambda image, kernel: _shifted_sum(image, kernel),
    ],
    "4.2": [
        torch.tensor([[-0.5] * 3, [1] * 3, [-0.5] * 3]),
        ((0, 0, 0), (1, 1, 1), (-1, -1, -1)),
        np.array([[1, -2, -1.5], [2, 4, 5], [-3, -2, -3.5]]),
    ],
    "4.3": [
        lambda n, kernel, padding, stride: len(range(0, n + 2 * padding - kernel + 1, stride)),
        lambda n, kernel, padding, stride: math.floor((n + 2 * padding - kernel) / stride + 1),
        lambda n, kernel, padding, stride: torch.tensor((n + 2 * padding - kernel + stride) // stride),
    ],
    "4.4": [12832.0, torch.nn.Conv2d(16, 32, 5).bias.numel() + torch.nn.Conv2d(16, 32, 5).weight.numel()],
    "4.5": [((32, 8, 26, 26), torch.Size([32, 8, 13, 13]), [32, 16, 7, 7])],
    "4.6": [14.0, torch.tensor([14])],
    "5.1": [
        lambda correct, total: _wilson_interval(correct, total),
        lambda correct, total: _two_deviations(correct, total).clamp(0, 1),
        lambda correct, total: [max(0, share) for share in _two_deviations(correct, total, 1.95996).tolist()],
    ],
    "5.2": [38_032, 39_600, 40_000.0, torch.tensor(38_500), 38_416 * 0.99],
    "5.3": [
        lambda labels, first, second: _looped_disagreements(*map(torch.Tensor.tolist, (labels, first, second))),
        lambda labels, first, second: torch.stack(
            [((first == labels) & (second != labels)).sum(), ((first != labels) & (second == labels)).sum()]
        ),
        lambda labels, first, second: np.array(
            [((first == labels) > (second == labels)).sum(), ((first == labels) < (second == labels)).sum()]
        ),
    ],
    "5.4": [18 / 256, 0.07, torch.tensor(0.0703)],
    "5.5": [
        lambda counts: [
            counts[k, k].item() / max(1, sum(row[k] for row in counts.tolist())) for k in range(len(counts))
        ],
        lambda counts: (counts.diagonal() / counts.sum(dim=0)).nan_to_num(),
        lambda counts: np.divide(np.diag(counts.numpy()), counts.numpy().sum(axis=0) + 1e-9),
    ],
    "5.6": [
        lambda confidence, right, bins=10: _numpy_calibration_error(confidence, right, bins),
        lambda confidence, right, bins=10: _counted_calibration_error(confidence, right, bins),
    ],
    "5.7": [
        lambda logits, labels, temperatures: min(
            temperatures, key=lambda T: F.nll_loss(F.log_softmax(logits.double() / T, 1), labels).item()
        ),
        lambda logits, labels, temperatures: torch.tensor(temperatures)[
            torch.stack([F.cross_entropy(logits / T, labels, reduction="sum") for T in temperatures]).argmin()
        ],
    ],
    "5.8": [
        40.0,
        torch.tensor(40),
        [40],
        lambda angles, accuracies: angles[next(i for i, one in enumerate(accuracies) if one < accuracies[0] - 0.1)],
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
    "7.1": [
        lambda seconds, part, times: torch.tensor(1 / (1 - seconds[part] / sum(seconds.values()) * (1 - 1 / times))),
        lambda seconds, part, times: [
            np.sum([*seconds.values()]) / (np.sum([*seconds.values()]) - seconds[part] + seconds[part] / times)
        ],
        lambda seconds, part, times: sum(seconds.values()) / sum((seconds | {part: seconds[part] / times}).values()),
    ],
    "7.2": [
        lambda rows: np.float64(_in_dict(rows)),
        lambda rows: _in_dict(rows),
        lambda rows: _in_numpy(rows),
        lambda rows: (
            sum(row[2] * row[0].startswith(("aten::addmm", "aten::mm")) for row in rows)
            / np.sum([row[2] for row in rows])
        ),
    ],
    "7.3": [lambda *table: _looped_batch_size(*table), lambda *table: _sorted_batch_size(*table)],
    "7.4": [
        lambda step, steps: min(2 * step / steps, (1 + math.cos(math.pi * max(0, 2 * step / steps - 1))) / 2),
        lambda step, steps: torch.tensor(
            2 * step / steps if 2 * step < steps else math.cos(math.pi * (step / steps - 0.5)) ** 2
        ),
        lambda step, steps: (
            np.interp(step, [0, steps / 2], [0, 1]) if 2 * step < steps else math.sin(math.pi * step / steps) ** 2
        ),
    ],
    "7.5": [
        lambda logits, labels, smoothing: torch.nn.CrossEntropyLoss(label_smoothing=smoothing)(logits, labels),
        lambda logits, labels, smoothing: _soft_targets(logits, labels, smoothing),
        lambda logits, labels, smoothing: _soft_targets(logits, labels, smoothing).item(),
    ],
    "7.6": [
        lambda i, o, k, r, c: torch.tensor(2 * k**2 * i * o * r * c),
        lambda i, o, k, r, c: float(o * r * c * (k * k * i * 2)),
    ],
    "7.7": [
        lambda accuracies: [np.mean(accuracies), np.std(accuracies, ddof=1) / np.sqrt(len(accuracies))],
        lambda accuracies: torch.tensor([np.mean(accuracies), np.std(accuracies, ddof=1) / len(accuracies) ** 0.5]),
        lambda accuracies: (
            sum(accuracies) / len(accuracies),
            torch.tensor(accuracies).std() / torch.tensor(len(accuracies)).sqrt(),
        ),
    ],
}

WRONG |= {
    "4.1": [
        (lambda image, kernel: image * kernel, "error", "RuntimeError"),
        (lambda image, kernel: _shifted_sum(image, kernel).round(), "wrong", "my_convolution(torch.tensor([["),
        (lambda image, kernel: F.conv2d(image[None, None], kernel[None, None], padding=1)[0, 0], "wrong", "shape"),
    ],
    "4.2": [
        ([[1, 1, 1], [-2, -2, -2], [1, 1, 1]], "wrong", "above 0"),
        ([[-1, -1, -1], [2.1, 2, 2], [-1, -1, -1]], "wrong", "0.1 to full ink"),
        ([[math.nan] * 3] * 3, "wrong", "above 0"),
        ([[0.0] * 3] * 3, "wrong", "above 0"),
    ],
    "4.3": [
        (
            lambda n, kernel, padding, stride: round((n + 2 * padding - kernel) / stride) + 1,
            "wrong",
            "`round` goes to the nearest",
        ),
        (
            lambda n, kernel, padding, stride: round((n + 2 * padding - kernel) / stride + 1),
            "wrong",
            "`round` goes to the nearest",
        ),
        (lambda n, kernel, padding, stride: math.ceil((n + 2 * padding - kernel) / stride + 1), "wrong", "Rounded up"),
        (lambda n, kernel, padding, stride: n, "wrong", "my_output_size(5, 3, 0, 1)` gives 5, and 3 is expected"),
    ],
    "4.4": [(1, "wrong", "too small"), (12_833, "wrong", "too large"), ("32", "wrong", "single number")],
    "4.5": [
        ([[32, 8, 28, 28], [32, 8, 14, 14], [32, 16, 7, 7]], "wrong", "After the first convolution: without padding"),
        ([[8, 26, 26], [8, 13, 13], [16, 7, 7]], "wrong", "the batch of 32 stays"),
        ([[32, 8, 26, 26], [32, 8, 13, 13], [32, 128, 4, 4]], "wrong", "at place 3 of your list"),
        ([32, 16, 7, 7], "wrong", "3 by 4 numbers are wanted"),
        ([[32, 8, 26, 26], [32, 8, 13, 13]], "wrong", "3 by 4 numbers are wanted"),
    ],
    "4.6": [(12, "wrong", "too small"), ([14, 14], "wrong", "single number")],
    "5.1": [
        (
            lambda correct, total: _two_deviations(correct, total, 1.9),
            "wrong",
            "(3, 10)` gives [0.02466, 0.5753], and [0.01597, 0.584] is expected",
        ),
        (lambda correct, total: (correct / total, 0.1), "wrong", "is expected"),
        (
            lambda correct, total: (correct / total, 1.96 * math.sqrt(correct / total * (1 - correct / total) / total)),
            "wrong",
            "the middle and the half width",
        ),
        (
            lambda correct, total: _two_deviations(correct, total, 1.96) if correct else [math.nan] * 2,
            "wrong",
            "gives [nan, nan]",
        ),
    ],
    "5.2": [(10_000, "wrong", "*one* standard deviation"), (1000, "wrong", "too small"), ("many", "wrong", "a text")],
    "5.3": [
        (
            lambda labels, first, second: [((first == labels) & (second != labels)).sum()] * 2,
            "wrong",
            "[1, 1], and [1, 0]",
        ),
        (
            lambda labels, first, second: (first != labels).sum(),
            "wrong",
            "a single number, and the shape `[2]` is expected",
        ),
    ],
    "5.4": [(0.5, "wrong", "too large"), (7.03, "wrong", "percent")],
    "5.5": [
        (lambda counts: counts.diag() / counts.sum(dim=0), "wrong", "Give 0 there"),
        (
            lambda counts: (counts.amax(dim=0) / counts.sum(dim=0)).nan_to_num(),
            "wrong",
            "not always the one on the diagonal",
        ),
        (
            lambda counts: counts.diag() / counts.sum(dim=1) * 100,
            "wrong",
            "my_precision(torch.tensor([[4]]))` gives [100]",
        ),
        (lambda counts: (counts.diag() / counts.sum(dim=0).clamp(min=1))[:2], "wrong", "shape"),
    ],
    "5.6": [
        (
            lambda confidence, right, bins=10: _of_full_bins(confidence, right, bins),
            "wrong",
            "divided by the number of bins",
        ),
        (lambda confidence, right, bins=10: abs(confidence.mean() - right.float().mean()), "wrong", "pays here for"),
        (
            lambda confidence, right, bins=10: _counted_calibration_error(confidence, right, bins) - 0.5,
            "wrong",
            "is expected",
        ),
        (lambda confidence, right, bins=10: right.mean(), "error", "RuntimeError"),
    ],
    "5.7": [
        (
            lambda logits, labels, temperatures: min(
                temperatures, key=lambda T: -(logits / T).softmax(1).amax(1).mean()
            ),
            "wrong",
            "the network boldest",
        ),
        (
            lambda logits, labels, temperatures: min(
                temperatures, key=lambda T: F.cross_entropy((logits / T).softmax(1), labels)
            ),
            "wrong",
            "softmax was taken twice",
        ),
        (
            lambda logits, labels, temperatures: min(
                temperatures, key=lambda T: F.cross_entropy(logits.mul_(1 / T), labels)
            ),
            "wrong",
            "is expected",
        ),
    ],
    "5.8": [
        (20, "wrong", "At 20° CNN reads 96.0 %, 2.5 points below upright. That is not yet more than 10."),
        (50, "wrong", "a smaller angle"),
        ("forty", "wrong", "a text"),
        (0.76, "wrong", "No dot stands at an angle of 0.76"),
        (None, "wrong", "nothing (`None`)"),
        (lambda angles, accuracies: angles[-1], "wrong", "a smaller angle"),
        (lambda angles: angles[4], "error", "takes 1 positional argument"),
    ],
    "6.1": [
        ([-0.1, -2], "wrong", "-2 at place 2"),
        (-0.1, "wrong", "2 numbers are wanted"),
        ("-0.1 and -1", "wrong", "a text"),
    ],
    "6.2": [("A", "wrong", "leaps far above"), ("softmax", "wrong", "from A to J"), (1, "wrong", "A letter")],
    "6.3": [
        (
            lambda logits: logits.exp() / logits.exp().sum(dim=1, keepdim=True),
            "wrong",
            "the result: `my_outputs(torch.tensor([[1.0, 0.0]]))` gives [",
        ),
        (lambda logits: logits.log_softmax(dim=1).numpy(), "error", "requires grad"),
        (lambda logits: logits.log_softmax(dim=1).tolist(), "wrong", "way back"),
    ],
    "6.5": [(5.2, "wrong", "too large"), ("ln 100", "wrong", "a single number is wanted")],
    "6.6": [
        (
            lambda outputs: torch.allclose(outputs.exp().sum(dim=1), torch.tensor(1.0), atol=0.5),
            "wrong",
            "tolerance is so wide",
        ),
        (lambda outputs: torch.isclose(outputs.exp().sum(dim=1), torch.tensor(1.0)), "wrong", "verdicts on each row"),
        (lambda outputs: torch.allclose(outputs.sum(dim=1), torch.tensor(1.0)), "wrong", "plain probabilities"),
        (lambda outputs: True, "wrong", "torch.tensor([[1.0, -2.0, 0.5]]))` gives `True`, and `False` is expected"),
    ],
    "6.8": [
        (
            lambda probabilities, labels: F.nll_loss(probabilities.log(), labels, reduction="none"),
            "wrong",
            "the shape `[2]`",
        ),
        (lambda probabilities, labels: F.nll_loss(probabilities.detach().log(), labels), "wrong", "way back"),
    ],
    "6.10": [
        (lambda *parts: _without_backward(*parts), "wrong", "`loss.backward()` is missing"),
        (lambda *parts: print(_zero_first(*parts)), "wrong", "prints"),
    ],
    "6.12": [
        (lambda images: images.half() / 255, "wrong", "is expected"),
        (lambda images: images / images.amax((1, 2, 3), True), "wrong", "another batch"),
    ],
    "6.14": [(lambda answers, labels: (answers - labels).square().mean(), "wrong", "every answer met every label")],
    "6.16": [
        (
            lambda labels, generator: torch.randperm(len(labels), generator=torch.Generator().manual_seed(0)),
            "wrong",
            "second epoch",
        ),
        (
            lambda labels, generator: torch.randperm(
                len(labels), generator=torch.Generator().manual_seed(generator.initial_seed())
            ),
            "wrong",
            "second epoch",
        ),
        (lambda labels, generator: np.random.permutation(len(labels)), "wrong", "two orders"),
        (lambda labels, generator: torch.arange(len(labels)).flip(0), "wrong", "digit by digit"),
    ],
    "6.17": [
        ("A, F, G", "wrong", "Two letters"),
        ("F, A", "wrong", "wrong order"),
        ("A and F", "wrong", "This is a text"),
        (["J", "F"], "wrong", "fresh digits tell"),
    ],
    "6.18": [
        ("small", "wrong", "a text"),
        (math.inf, "wrong", "positive number"),
        (1e39, "wrong", "positive number"),
        (-0.01, "wrong", "positive number"),
    ],
    "6.19": [
        (lambda validation, test: test[validation.argmax()], "wrong", "2 things, in this order: the position"),
        (
            lambda validation, test: (validation.argmax(), test.mean()),
            "wrong",
            "Look at the reported accuracy: `my_choice(",
        ),
        (lambda validation, test: (test.argmax(), test.mean()), "wrong", "fault itself"),
    ],
    "6.20": [
        (dict.fromkeys("PQRSTUVWX", "B"), "wrong", "1 of 9 are right. You gave B more than once"),
        ({"P": "B", "Q": ...}, "open", "A part"),
        (lambda curves: [curves.popitem()], "wrong", "A dictionary is wanted"),
        (lambda curves: curves["Z"], "error", "KeyError"),
    ],
    "7.1": [
        (_faster_in_place, "wrong", "changed its argument `seconds`"),
        (
            lambda seconds, part, times: 10 / (10 - seconds[part] + seconds[part] / times),
            "wrong",
            "my_speedup({'forward': 1.0, 'step': 3.0}, 'step', 2)",
        ),
        (
            lambda seconds, part, times: (
                1 / (1 - seconds[part] / (seconds["decoding"] + seconds["forward"] + seconds["step"]) * (1 - 1 / times))
            ),
            "error",
            "KeyError",
        ),
        (lambda seconds, part, times: 10 / 6, "wrong", "is expected"),
    ],
    "7.2": [
        (lambda rows: (rows[0][2] + rows[1][2]) / sum(row[2] for row in rows), "wrong", "is expected"),
        (
            lambda rows: sum(row[2] for row in rows if row[0].endswith("mm")) / sum(row[2] for row in rows),
            "wrong",
            "aten::bmm",
        ),
        (
            lambda rows: (
                sum(row[2] for row in rows if row[0] == "aten::addmm" or "aten::mm") / sum(row[2] for row in rows)
            ),
            "wrong",
            "a text by itself",
        ),
        (lambda rows: _in_dict([rows.pop() for _ in rows[:]]), "wrong", "changed its argument `rows`"),
    ],
    "7.3": [
        (_cheapest_until, "wrong", "is expected"),
        (lambda *table: _looped_batch_size(*table) or table[0][0], "wrong", "nothing (`None`) is expected"),
        (
            lambda *table: 0 if (found := _looped_batch_size(*table)) is None else found,
            "wrong",
            "gives 0, and nothing (`None`)",
        ),
        (lambda sizes, seconds, accuracies, goal: 32, "wrong", "my_batch_size([64, 8, 512], [2.0, 6.0, 2.0], "),
        (lambda *table: print(_looped_batch_size(*table)), "wrong", "prints its result"),
    ],
    "7.4": [
        (lambda step, steps: _cycle_in_halves(step, steps, steps // 2), "wrong", "is expected"),
        (lambda step, steps: _cycle_in_halves(step, steps, (steps + 1) // 2), "wrong", "is expected"),
        (lambda step, steps: _cycle_in_halves(step, steps - 1, (steps - 1) / 2), "wrong", "though the last step is"),
        (lambda step, steps: 1 - abs(2 * step / steps - 1), "wrong", "The second half falls in a straight line"),
        (lambda step, steps: 0.5, "wrong", "my_cycle("),
    ],
    "7.5": [
        (
            lambda logits, labels, smoothing: F.cross_entropy(logits, labels, label_smoothing=0.1),
            "wrong",
            "is expected",
        ),
        (
            lambda logits, labels, smoothing: _soft_targets(logits[:7], labels[:7], smoothing) * 1.001,
            "wrong",
            "is expected",
        ),
    ],
    "7.6": [
        (lambda i, o, k, r, c: 2 * k * k * i * o * r * r, "wrong", "my_flops(2, 4, 3, 5, 6)"),
        (lambda i, o, k, r, c: 2 * k * k * i * o * r * c + 1, "wrong", "4,321, and 4,320 is expected"),
    ],
    "7.7": [
        (
            lambda accuracies: (np.median(accuracies), np.std(accuracies, ddof=1) / len(accuracies) ** 0.5),
            "wrong",
            "the median",
        ),
        (lambda accuracies: (torch.tensor(accuracies).median(), 0.1), "wrong", "the median"),
        (
            lambda accuracies: sum(accuracies) / len(accuracies),
            "wrong",
            "2 things, in this order: the mean, its standard error",
        ),
        (
            lambda accuracies: (np.mean(accuracies), 2 * np.std(accuracies)),
            "wrong",
            "Look at its standard error: `my_summary(",
        ),
    ],
}
