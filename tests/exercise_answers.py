"""Answers by exercise, as students give them: right ones in other forms than the course's, and wrong ones."""

import copy
import math
from fractions import Fraction
from itertools import accumulate, pairwise

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader

from course_utils import training
from course_utils.exercises.lesson_6 import interval


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


def _forward_by_torch(x, layers):
    network = nn.Sequential()
    for weight, bias in layers:
        linear = nn.Linear(*weight.shape[::-1])
        linear.load_state_dict({"weight": torch.from_numpy(weight), "bias": torch.from_numpy(bias)})
        network.extend([linear, nn.ReLU()])
    return network[:-1](torch.from_numpy(x)).log_softmax(dim=1)


def _by_surest_sign(chart):
    signs = {
        "I": chart["largest when asked"] == 255, "C": chart["kinds of digits in a batch"] < 5, "D": chart["numbers in an answer"] < 10,
        "L": chart["smallest when asked"] < 0, "K": chart["same answer twice"] != 1, "G": chart["gradients left"], "H": chart["lowest loss"] < 0,
        "B": chart["sum of exp of a row"] > 11, "E": chart["sum of exp of a row"] < 1, "J": chart["training digits"] < 1000,
        "A": chart["dead neurons"] > 50, "F": True,
    }  # fmt: skip
    return next(letter for letter, sign in signs.items() if sign)


def _stop_by_slices(losses, patience):
    for epoch in range(patience, len(losses)):
        if min(losses[epoch - patience + 1 : epoch + 1]) >= min(losses[: epoch - patience + 1]):
            return [epoch + 1, losses.index(min(losses[: epoch + 1])) + 1]
    return [len(losses), losses.index(min(losses)) + 1]


def _batch_norm_by_torch(sums, mean, variance, training):
    return F.batch_norm(sums, mean.clone(), variance.clone(), training=training)


def _yields_then_fails(labels):
    yield 1
    raise ValueError("half way")


def _in_batches(images, labels, order, batch_size, first=0):
    for start in range(first, len(labels) + first, batch_size):
        places = order[start : start + batch_size]
        yield images[places], labels[places]


class _Bend(nn.Module):
    def __init__(self, bend):
        super().__init__()
        self.forward = bend


class _InSequential(nn.Module):
    def __init__(self, sizes, bend):
        super().__init__()
        parts = [part for pair in pairwise(sizes) for part in (nn.Linear(*pair), _Bend(bend))]
        self.net = nn.Sequential(nn.Flatten(), *parts[:-1])

    def forward(self, images):
        return self.net(images)


class _InOtherOrder(nn.Module):
    def __init__(self, sizes, bend):
        super().__init__()
        self.bend = bend
        self.last = nn.Linear(sizes[-2], sizes[-1])
        for index, pair in enumerate(pairwise(sizes[:-1])):
            setattr(self, f"hidden{index}", nn.Linear(*pair))

    def forward(self, images):
        x = images.reshape(len(images), -1)
        for layer in list(self.children())[1:]:
            x = self.bend(layer(x))
        return self.last(x)


def _epoch_in_pairs(model, batches, loss_fn, optimizer):
    pairs = [(_zero_first(model, *batch, loss_fn, optimizer), len(batch[1])) for batch in batches]
    return tuple(zip(*pairs, strict=True))


def _epoch_in_a_table(model, batches, loss_fn, optimizer):
    rows = []
    for images, labels in batches:
        optimizer.zero_grad(set_to_none=False)
        loss = loss_fn(model(images), labels)
        loss.backward()
        optimizer.step()
        rows.append([loss.item(), len(images)])
    return np.array(rows).T


def _one_step(model, batches, loss_fn, optimizer):
    images, labels = next(batches)
    loss = _zero_first(model, images, labels, loss_fn, optimizer)
    return [loss.item()], [len(labels)]


def _two_steps_a_batch(model, batches, loss_fn, optimizer):
    losses, sizes = [], []
    for images, labels in batches:
        losses.append(_zero_first(model, images, labels, loss_fn, optimizer).item())
        optimizer.step()
        sizes.append(len(labels))
    return losses, sizes


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


def _shifted_sum(image, kernel):
    """A convolution that adds up the picture once for each weight, each time a little shifted."""
    height, width = image.shape[0] - len(kernel) + 1, image.shape[1] - len(kernel) + 1
    places = [(row, column) for row in range(len(kernel)) for column in range(len(kernel))]
    return sum(kernel[row, column] * image[row : row + height, column : column + width] for row, column in places)


def _padding_by_trial(n, kernel, stride, wanted, rounded=math.floor):
    sizes = [rounded((n + 2 * padding - kernel) / stride) + 1 for padding in range(kernel)]
    return sizes.index(wanted) if wanted in sizes else None


def _deviations(correct, total, deviations=2.0):
    share = torch.tensor(correct / total)
    half = deviations * (share * (1 - share) / total).sqrt()
    return torch.stack([share - half, share + half])


def _by_edges(confidence, right, bins=10):
    confidence, right, edges = confidence.double().numpy(), right.double().numpy(), np.linspace(0, 1, bins + 1)
    inside = [(confidence > low) & (confidence <= high) for low, high in pairwise(edges)]
    return sum(part.mean() * abs(right[part].mean() - confidence[part].mean()) for part in inside if part.any())


def _by_counting(confidence, right, bins=10):
    place = torch.bucketize(confidence, torch.linspace(0, 1, bins + 1)[1:-1], right=True)
    gaps = torch.bincount(place, weights=right.double() - confidence.double(), minlength=bins)
    return (gaps.abs().sum() / len(right)).float()


def _first_below(angles, accuracies, count):
    highest = [share + 1.96 * math.sqrt(share * (1 - share) / count) for share in accuracies]
    return next(angle for angle, high in zip(angles, highest, strict=True) if high < accuracies[0] - 0.115)


def _costs_only_the_wrong(loss_fn, labels):
    right = labels.unsqueeze(1).float()
    return abs(float(loss_fn(right, labels))) < 1e-6 and loss_fn(right.roll(1, 0), labels).item() > 1e-6


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


ALSO_RIGHT = {  # in other ways than the course; other forms of a result (a list, an array, …) are tested for every exercise
    "0.1": [[44], np.uint8(44), torch.tensor(200, dtype=torch.uint8) + 100],
    "0.2": [torch.Size([32, 28]), [np.int64(32), torch.tensor(28)]],
    "0.3": [lambda images: torch.true_divide(images, 255)],
    "0.4": [lambda labels: [int((labels == digit).sum()) for digit in range(10)], lambda labels: torch.histc(labels.float(), 10, 0, 9),
            lambda labels: ((labels == digit).sum() for digit in range(10)) and torch.bincount(labels, minlength=10),
            lambda labels: map(labels.tolist().count, range(10))],
    "0.5": [lambda train, test: (test == train.mode().values).double().mean(),
            lambda train, test: test.tolist().count(max(set(train.tolist()), key=train.tolist().count)) / len(test)],
    "0.6": [lambda images: images.flatten(start_dim=1).sum(dim=1), lambda images: images.sum(1).sum(1).sum(1),
            lambda images: images.numpy().sum(axis=(1, 2, 3), dtype=float)],
    "0.7": [("Train", " validation", "TEST", "validation"), np.array(["train", "validation", "test", "validation"])],
    "0.8": [lambda image, means: torch.cdist(image.flatten()[None], means.flatten(start_dim=1)).argmin().item(),
            lambda image, means: np.argmin([((mean - image) ** 2).sum().item() for mean in means]),
            lambda image, means: (2 * (means * image).sum((1, 2, 3)) - (means * means).sum((1, 2, 3))).argmax()],
    "1.2": [lambda W1, b1, W2, b2: (torch.matmul(W2, W1), (W2 @ b1.unsqueeze(1)).flatten() + b2)],
    "1.3": [lambda bend, z: (bend(z.double() + 1e-5) - bend(z.double() - 1e-5)) / 2e-5, lambda bend, z: (bend(z + 0.001) - bend(z)) / 0.001,
            lambda bend, z: _slope_by_autograd(bend, z), lambda bend, z: (bend(z + 0.01) - bend(z - 0.01)) * 50],
    "1.4": [lambda slope, w, rate, steps: list(accumulate(range(steps), lambda at, _: at - rate * slope(at), initial=w))],
    "1.5": [lambda x1, x2: abs(x1 - x2) - 0.4, lambda x1, x2: np.float64(x1 - x2) ** 2 - 0.25,
            lambda x1, x2: 2 * max(0, x1 + x2 - 0.5) - 4 * max(0, x1 + x2 - 1) + 2 * max(0, x1 + x2 - 1.5) - 0.5],
    "1.6": [lambda counts: [counts[k, k].item() / counts[k].sum().item() for k in range(len(counts))],
            lambda counts: torch.diagonal(counts / counts.sum(dim=1, keepdim=True))],
    "1.7": [lambda template, image: [divmod(place.item(), image.shape[1]) for place in ((template * image).argmax(), (template * image).argmin())],
            lambda template, image: torch.stack([(one == one.max()).nonzero()[0] for one in (template * image, -template * image)])],
    "2.1": [(4, 8.67)],
    "2.2": [lambda images, labels, size, generator: [[images[places], labels[places]] for places in torch.randperm(len(labels), generator=generator).split(size)],
            lambda images, labels, size, generator: _in_batches(images.numpy(), labels.numpy(), np.random.default_rng(generator.initial_seed()).permutation(len(labels)), size),
            lambda images, labels, size, generator: zip(*(one[torch.randperm(len(labels), generator=torch.Generator().manual_seed(generator.initial_seed()))].split(size) for one in (images, labels)), strict=True)],
    "2.3": [lambda outputs, labels: F.mse_loss(outputs, labels.to(outputs.dtype).unsqueeze(1)),
            lambda outputs, labels: sum((output - label) ** 2 for output, label in zip(outputs, labels, strict=True)) / len(labels)],
    "2.4": [lambda losses, sizes: sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / sum(sizes),
            lambda losses, sizes: np.average(losses, weights=sizes), lambda losses, sizes: losses.repeat_interleave(sizes).mean()],
    "2.5": [_epoch_in_pairs, _epoch_in_a_table],
    "2.7": [_InSequential, _InOtherOrder],
    "3.2": [lambda logits: logits - logits.logsumexp(dim=1, keepdim=True), lambda logits: [(row - row.logsumexp(0)).tolist() for row in logits]],
    "3.3": [1.3863, 1.39],
    "3.4": [lambda *given: _by_autograd(*given)],
    "3.5": [lambda sizes: sum((one + 1) * other for one, other in pairwise(sizes)),
            lambda sizes: sum(p.numel() for pair in pairwise(sizes) for p in nn.Linear(*pair).parameters())],
    "3.6": [lambda *given: _zero_first(*given), lambda *given: _zero_first(*given).detach().reshape(1), lambda *given: _by_hand(*given[:-1])],
    "3.7": [0.1, 0.3, torch.tensor(0.4)],
    "3.8": [lambda logits, labels: (logits.softmax(1).argmax(1) == labels).sum() / len(labels),
            lambda logits, labels: sum(row.index(max(row)) == t for row, t in zip(logits.tolist(), labels, strict=True)) / len(labels)],
    "3.9": [_fit_in_parts, _fit_in_a_table],
    "3.10": [lambda weight, velocity, gradient, rate, share: (weight - rate * (share * velocity + gradient), gradient + velocity * share)],
    "3.11": [lambda sums: math.prod(z.sigmoid().item() * (1 - z.sigmoid().item()) for z in sums),
             lambda sums: (sums.sigmoid() * sums.neg().sigmoid()).log().sum().exp(), lambda sums: np.prod(0.25 / np.cosh(sums.numpy() / 2) ** 2)],
    "4.1": [lambda image, kernel: (image.unfold(0, len(kernel), 1).unfold(1, len(kernel), 1) * kernel).sum((2, 3)), lambda image, kernel: _shifted_sum(image, kernel)],
    "4.2": [torch.tensor([[-0.5] * 3, [1] * 3, [-0.5] * 3]), ((0, 0, 0), (1, 1, 1), (-1, -1, -1)), np.array([[1, -2, -1.5], [2, 4, 5], [-3, -2, -3.5]])],
    "4.3": [lambda n, k, s, wanted: _padding_by_trial(n, k, s, wanted),
            lambda n, k, s, wanted: p if (p := max(0, -(-(s * (wanted - 1) + k - n) // 2))) < k and n + 2 * p - k < s * wanted else None],
    "4.4": [lambda maps: F.max_pool2d(maps, 2), lambda maps: maps.unfold(2, 2, 2).unfold(3, 2, 2).amax((4, 5))],
    "4.5": [lambda i, o: [sum(len(p.flatten()) for p in nn.Conv2d(i, o, 5).parameters()), np.int64(9 * o * (i + o) + 2 * o)]],
    "4.6": [((32, 8, 26, 26), torch.Size([32, 8, 13, 13]), [32, 16, 7, 7])],
    "4.8": [lambda model: copy.deepcopy(model).state_dict(), lambda model: {name: torch.tensor(one.tolist()) for name, one in model.state_dict().items()}],
    "5.1": [lambda losses, patience: _stop_by_slices(losses, patience), lambda losses, patience: np.array(_stop_by_slices(losses, patience))],
    "5.2": [lambda weight, gradient, rate, decay: weight * (1 - rate * decay) - rate * gradient, lambda w, g, rate, decay: w - rate * (g + decay * w)],
    "5.3": [lambda numbers, mask, p: torch.where(mask > 0, numbers / (1 - p), 0.0), lambda numbers, mask, p: (numbers.numpy() * mask.numpy() / (1 - p)).tolist()],
    "5.4": [lambda images: F.pad(images, (1, 0))[..., :-1], lambda images: torch.cat([0 * images[..., :1], images[..., :-1]], dim=3).float()],
    "5.5": [lambda *given: _batch_norm_by_torch(*given)],
    "5.6": [lambda logits: sum(one.softmax(1) for one in logits) / len(logits), lambda logits: logits.log_softmax(2).logsumexp(0).exp() / len(logits)],
    "6.1": [lambda k, n: interval(k, n), lambda k, n: _deviations(k, n).clamp(0, 1), lambda k, n: [max(0, share) for share in _deviations(k, n, 1.95996).tolist()]],
    "6.2": [38_032, 39_600, 40_000.0, 38_416 * 0.99],
    "6.3": [lambda t, a, b: [sum(x == z != y for z, x, y in zip(*map(torch.Tensor.tolist, (t, *pair)), strict=True)) for pair in ((a, b), (b, a))],
            lambda t, a, b: np.array([((a == t) > (b == t)).sum(), ((a == t) < (b == t)).sum()])],
    "6.4": [Fraction(18, 256), 0.07],
    "6.5": [lambda counts: [counts[k, k].item() / max(1, counts[:, k].sum().item()) for k in range(len(counts))],
            lambda counts: (counts.diagonal() / counts.sum(dim=0)).nan_to_num(), lambda counts: counts.diag() / (counts.sum(dim=0) + 1e-9)],
    "6.6": [lambda *given: _by_edges(*given), lambda *given: _by_counting(*given)],
    "6.7": [lambda z, y, all_t: min(all_t, key=lambda t: F.nll_loss(F.log_softmax(z.double() / t, 1), y).item()),
            lambda z, y, all_t: torch.tensor(all_t)[torch.stack([F.cross_entropy(z / t, y, reduction="sum") for t in all_t]).argmin()]],
    "6.8": [40.0, torch.tensor(40), [40], _first_below],
    "7.1": [lambda hidden: sum(not column.any() for column in hidden.T), lambda hidden: (hidden.abs().sum(0) < 1e-9).sum()],
    "7.2": [lambda before, after: torch.cat([(n - o).flatten() for o, n in zip(before, after, strict=True)]).norm() / torch.cat([o.flatten() for o in before]).norm()],
    "7.3": [torch.tensor([-0.1, -1.0]), (-1 / 10, -1)],
    "7.4": [lambda outputs: torch.allclose(outputs.exp().sum(dim=1), torch.tensor(1.0)), lambda outputs: torch.logsumexp(outputs, dim=1).abs().max().item() < 1e-4,
            lambda outputs: torch.isclose(outputs.exp().sum(1), torch.full((len(outputs),), 1.0)).all(),
            lambda outputs: torch.allclose(outputs.exp().sum(dim=1), torch.ones(len(outputs)), atol=1e-2),
            lambda outputs: all(abs(sum(math.exp(number) for number in row) - 1) < 1e-5 for row in outputs.tolist())],
    "7.5": [lambda p, labels: F.cross_entropy(p.log(), labels), lambda p, labels: sum(-row[label].log() for row, label in zip(p, labels, strict=True)) / len(labels)],
    "7.6": [[0.01], torch.tensor([0.001]), np.float32(0.03)],
    "7.8": [lambda validation, test: max(enumerate(test), key=lambda pair: validation[pair[0]])],
    "7.7": [_by_surest_sign],
    "8.1": [lambda seconds, part, times: 1 / (1 - seconds[part] / sum(seconds.values()) * (1 - 1 / times)),
            lambda seconds, part, times: sum(seconds.values()) / sum((seconds | {part: seconds[part] / times}).values())],
    "8.2": [lambda rows, names: 1 / (1 - sum(row[2] * (row[0] in set(names)) for row in rows) / sum(row[2] for row in rows))],
    "8.3": [_looped_run, lambda runs, goal: next((list(run[:2]) for run in sorted(runs, key=lambda run: run[2]) if run[3] >= goal), None)],
    "8.4": [lambda step, steps: min(2 * step / steps, (1 + math.cos(math.pi * max(0, 2 * step / steps - 1))) / 2),
            lambda step, steps: np.interp(step, [0, steps / 2], [0, 1]) if 2 * step < steps else math.sin(math.pi * step / steps) ** 2],
    "8.5": [lambda logits, labels, e: nn.CrossEntropyLoss(label_smoothing=e)(logits, labels), _soft_targets],
    "8.6": [lambda i, o, k, r, c: 2 * k**2 * i * o * r * c],
    "8.7": [lambda a: [np.mean(a), np.std(a, ddof=1) / np.sqrt(len(a))], lambda a: (sum(a) / len(a), torch.tensor(a).std() / torch.tensor(len(a)).sqrt())],
    "9.1": [lambda shapes, bits: -(-sum(torch.empty(shape).numel() for shape in shapes) * bits // 8)],
    "9.2": [lambda x, weight, bias: np.einsum("ni,oi->no", x, weight) + bias, lambda x, w, b: F.linear(*map(torch.from_numpy, (x, w, b))),
            lambda x, w, b: [[sum(p * q for p, q in zip(row, one, strict=True)) + c for one, c in zip(w, b, strict=True)] for row in x]],
    "9.3": [lambda x, layers: _forward_by_torch(x, layers)],
    "9.4": [lambda windows, weight, bias: np.tensordot(windows, weight, ([1, 4, 5], [1, 2, 3])).transpose(0, 3, 1, 2) + bias.reshape(1, -1, 1, 1)],
    "9.5": [lambda w, bits: (torch.from_numpy(w) * (2 ** (bits - 1) - 1) / np.abs(w).max()).round() * (np.abs(w).max() / (2 ** (bits - 1) - 1))],
    "9.6": [lambda ink: tuple(int(np.rint(side // 2 - np.average(np.arange(side), weights=ink.sum(axis=1 - k)))) for k, side in enumerate(ink.shape))],
}  # fmt: skip

# What is wrong, and no mistake of its exercise: the answer, the state, and a piece of the words.
WRONG = {
    "0.1": [("44", "wrong", "and your answer is a text in quotes"), (100, "wrong", "too large"), (math.nan, "wrong", "nan")],
    "0.2": [(896, "wrong", "2 numbers are wanted here, and your answer is a single number"), ([32, 27], "wrong", "27 at place 2")],
    "0.3": [(lambda images: (images / 255).float() * 1.001, "wrong", "1.001"), (lambda images: (images / 255).flatten(), "wrong", "shape")],
    "0.4": [(lambda labels: ((labels == digit).sum() for digit in range(10)), "wrong", "Write `return` for `yield`"),
            (_yields_then_fails, "error", 'raise ValueError("half way")'),
            (lambda labels: [torch.bincount(labels.fill_(3), minlength=10), labels][0], "wrong", "my_class_counts(torch.tensor([7]))")],
    "0.5": [(lambda train, test: (test == train[0]).float().mean(), "wrong", "is expected"),
            (lambda train, test: 0.2, "wrong", "my_constant_accuracy(torch.tensor([2]), torch.tensor([2]))` gives 0.2, and 1 is expected")],
    "0.6": [(lambda images: torch.stack([image.sum() for image in images]), "wrong", "one by one")],
    "0.7": [([None] * 4, "wrong", "your answer is a list of 4 that holds something else"),
            (["train", "test", "test", "validation"], "wrong", "(b) is a choice, and you make it with the test digits"),
            (["train", "validation"], "wrong", "4 texts in quotes are wanted here, and your answer is 2 texts in quotes."),
            (("train", "validation", "test", 4), "wrong", "your answer is a tuple of 4 that holds something else"),
            ([1, 2, 3, 4], "wrong", "4 texts in quotes are wanted here, and your answer is 4 numbers."), (["train", "validation", "test", "all"], "wrong", "`'all'` at place 4")],
    "0.8": [(lambda image, means: means[0], "wrong", "a single number is expected"), (lambda image, means: 1, "wrong", "gives 1, and 2 is expected")],
    "1.2": [(lambda W1, b1, W2, b2: W2 @ W1, "wrong", "2 things, in this order: W, b"), (lambda W1, b1, W2, b2: ((W2 @ W1).T, b2), "wrong", "W is transposed"),
            (lambda W1, b1, W2, b2: (W2 @ W1, W2 @ b1 + b2 if len(b1) > len(b2) else b1 + b2), "wrong", "Look at b: `my_coll")],
    "1.3": [(lambda bend, z: (bend(z + 0.01) - bend(z - 0.01)) / 0.2, "wrong", "my_slope(torch.tanh, torch.tensor(0.5))` gives 0.07"),
            (lambda bend, z: (bend(z + 1e-8) - bend(z - 1e-8)) / 2e-8, "wrong", "Everywhere 0"), (lambda bend, z: bend(z) * (1 - bend(z)), "wrong", "is expected")],
    "1.4": [(0.7, "wrong", "A function is wanted here, and this is a number"),
            (lambda slope, w, rate, steps: [w - rate * slope(w)] * (steps + 1), "wrong", "my_descent(lambda w: 2 * (w - 3), 1.0, 0.25, 1)` gives [2, 2], and [1, 2] is expected")],
    "1.5": [(lambda x1, x2: abs(x1 - 0.5) + abs(x2 - 0.5) - 2, "wrong", "Write down h₁, h₂"), (lambda x1, x2: math.nan, "wrong", "inf or nan"),
            (lambda x1, x2: 1 if (x1, x2) in ((0, 1), (1, 0)) else -1, "wrong", "beside one of them is not")],
    "1.6": [(lambda counts: (counts.diag() / counts.sum(dim=1)).round(decimals=2), "wrong", "is expected")],
    "1.7": [(lambda template, image: ((template * image).max(), 0), "wrong", "Look at the place for it")],
    "2.1": [([4, 8], "wrong", "8 at place 2 of your list is not right"), ([4.01, 26 / 3], "wrong", "4.01 at place 1"), ([3, 29 / 3], "wrong", "3 is the middle one of the three")],
    "2.2": [(lambda images, labels, size, g: _in_batches(images, labels, torch.randperm(len(labels), generator=g), size, first=1), "wrong", "[4, 4, 2], and yours are [4, 4, 1]"),
            (lambda images, labels, size, g: _in_batches(images, labels, np.random.default_rng().permutation(len(labels)), size), "wrong", "same seed give different orders"),
            (lambda images, labels, size, g: [], "wrong", "and yours are []"), (lambda images, labels, size, g: DataLoader(labels, size), "wrong", "What came is a `DataLoader`"),
            (lambda images, labels, size, g: [(0 * images[:size], labels[:size])], "wrong", "none of those handed in")],
    "2.3": [(lambda outputs, labels: F.mse_loss(outputs[:, 0], labels.float()).item(), "wrong", "does not find its way"),
            (lambda outputs, labels: ((outputs[:, 0] - labels) ** 2).mean() / 2, "wrong", "my_squared_error(torch.tensor([[4.5]]), torch.tensor([6]))` gives 1.125")],
    "2.5": [(_one_step, "wrong", "It ends after the first batch"), (_two_steps_a_batch, "wrong", "Look at the weights after the epoch"),
            (lambda model, batches, loss_fn, optimizer: [len(batches)], "error", "has no len()")],
    "2.7": [(lambda sizes, bend: _InSequential([sizes[0], 4, 3, sizes[-1]], bend), "wrong", "the shapes of its parameters: `MyNetwork([4, 2], torch.sigmoid)` gives"),
            (lambda sizes, bend: sizes, "error", "no attribute 'parameters'")],
    "3.1": [([12, 12], "wrong", "12 is ∂L/∂w₁"), ([2, 6], "wrong", "Both are half"), ([2, 12], "wrong", "∂L/∂w₂ is half of what it should be"), ([4, 5], "wrong", "5 at place 2")],
    "3.2": [(lambda logits: torch.log_softmax(logits, dim=1) * 1.0005, "wrong", "is expected")],
    "3.4": [(lambda *given: [part.T if index == 2 else part for index, part in enumerate(_by_autograd(*given))], "wrong", "dW2 is transposed"),
            (lambda *given: [*_by_autograd(*given)[:3], -_by_autograd(*given)[3]], "wrong", "The sign of db2")],
    "3.6": [(lambda *parts: 1.0, "wrong", "neither"), (lambda *parts: print(_zero_first(*parts)), "wrong", "prints its result")],
    "3.7": [(0.7, "wrong", "too long"), (1, "wrong", "too long"), (0.05, "wrong", "too short"), (1e-12, "wrong", "too short"), (1e5, "wrong", "too long"),
            (1e300, "wrong", "small positive number"), ("small", "wrong", "a text")],
    "3.8": [(lambda logits, labels: ((logits > 0).float().argmax(dim=1) == labels).float().mean(), "wrong", "is expected"),
            (lambda logits, labels: (logits.argmax(dim=1) == labels).sum() // len(labels), "wrong", "is expected")],
    "3.9": [(lambda *given: training.fit(*given[:-1], epochs=given[-1]).train_loss, "wrong", "the two lists"),
            (lambda *given: _fit_without_care(*given, learns=True), "wrong", "a step is taken there"),
            (lambda *given: _fit_without_care(*given, learns=False), "wrong", "`model.eval()` is missing")],
    "3.10": [(lambda weight, velocity, gradient, rate, share: weight - rate * (share * velocity + gradient), "wrong", "2 things, in this order: the weight"),
             (lambda weight, velocity, *others: (weight, velocity), "wrong", "Look at the weight: `my_momentum(torch.tensor([1.0])"),
             (lambda weight, velocity, gradient, rate, share: (weight - rate * velocity.mul_(share).add_(gradient), velocity), "wrong", "changed its argument `velocity`")],
    "3.11": [(lambda sums: 0.25 * 0.25, "wrong", "my_share(torch.tensor([3.0]))` gives 0.0625, and 0.04518 is expected")],
    "4.1": [(lambda image, kernel: _shifted_sum(image, kernel).round(), "wrong", "my_convolution(torch.tensor([["),
            (lambda image, kernel: F.conv2d(image[None, None], kernel[None, None], padding=1)[0, 0], "wrong", "shape")],
    "4.2": [([[math.inf] * 3] * 3, "wrong", "above 0"),
            ([[-1, -1, -1], [2.1, 2, 2], [-1, -1, -1]], "wrong", "0.1 to full ink"), ([[math.nan] * 3] * 3, "wrong", "above 0"), ([[0.0] * 3] * 3, "wrong", "above 0")],
    "4.3": [(lambda n, k, s, wanted: next((p for p in range(k // 2 + 1) if (n + 2 * p - k) // s + 1 == wanted), None), "wrong", "is expected"),
            (lambda n, k, s, wanted: (k - 1) // 2, "wrong", "is expected"), (lambda n, k, s, wanted: None, "wrong", "gives back nothing"),
            (lambda n, k, s, wanted: _padding_by_trial(n, k, s, wanted) or 0, "wrong", "nothing (`None`) is expected")],
    "4.4": [(lambda maps: F.max_pool2d(maps, 2).round(), "wrong", "my_max_pool(torch.tensor([["), (lambda maps: F.max_pool2d(maps[0], 2), "wrong", "shape")],
    "4.5": [(lambda i, o: (25 * i * o + o, 9 * o * (i + o)), "wrong", "weights of the two 3×3 layers are all there"),
            (lambda i, o: (25 * i * o + o, 9 * o * (i + o) + 1), "wrong", "Look at the two 3×3 layers: `my_counts(1, 2)`")],
    "4.6": [([[32, 8, 28, 28], [32, 8, 14, 14], [32, 16, 7, 7]], "wrong", "After the first convolution: without padding"),
            ([[8, 26, 26], [8, 13, 13], [16, 7, 7]], "wrong", "the batch of 32 stays"), ([[32, 8, 26, 26], [32, 8, 13, 13]], "wrong", "3 by 4 numbers are wanted"),
            ([[32, 8, 26, 26], [32, 8, 13, 13], [32, 128, 4, 4]], "wrong", "at place 3 of your list")],
    "4.8": [(lambda model: {name: one.cpu().detach() for name, one in model.state_dict().items()}, "wrong", "*new* weights"),
            (lambda model: {name: 0 * one for name, one in model.state_dict().items()}, "wrong", "is expected")],
    "5.1": [(lambda losses, patience: len(losses), "wrong", "2 things, in this order: the last epoch"), (lambda losses, patience: (len(losses), 1), "wrong", "You never stop before the end"),
            (lambda losses, patience: [losses.index(min(losses))] * 2, "wrong", "Look at the last epoch trained")],
    "5.2": [(lambda weight, gradient, rate, decay: weight.sub_(rate * gradient + rate * decay * weight), "wrong", "changed its argument `weight`"),
            (lambda weight, gradient, rate, decay: weight - rate * gradient - rate * decay * weight**2, "wrong", "is expected")],
    "5.3": [(lambda numbers, mask, p: F.dropout(numbers, p), "wrong", "is expected"), (lambda numbers, mask, p: numbers * mask * (1 + p), "wrong", "is expected")],
    "5.4": [(lambda images: images.roll((1, 1), (2, 3)), "wrong", "is expected"), (lambda images: F.pad(images, (1, 0, 1, 0))[..., :-1, :-1], "wrong", "is expected")],
    "5.5": [(lambda sums, mean, variance, training: F.batch_norm(sums, None, None, training=True) if len(sums) > 1 else sums, "wrong", "is expected"),
            (lambda sums, mean, variance, training: (sums - mean) / variance.sqrt(), "wrong", "always use the kept")],
    "5.6": [(lambda logits: logits.softmax(2).amax(0), "wrong", "is expected"), (lambda logits: logits.softmax(2).prod(0), "wrong", "is expected")],
    "6.1": [(lambda k, n: _deviations(k, n, 1.9), "wrong", "(3, 10)` gives [0.02466, 0.5753], and [0.01597, 0.584] is expected"),
            (lambda k, n: _deviations(k, n, 1.96) if k else [math.nan] * 2, "wrong", "gives [nan, nan]")],
    "6.2": [(10_000, "wrong", "*one* standard deviation"), (1000, "wrong", "too small")],
    "6.3": [(lambda t, a, b: [((a == t) & (b != t)).sum()] * 2, "wrong", "[1, 1], and [1, 0]"),
            (lambda t, a, b: (a != t).sum(), "wrong", "a single number, and the shape `[2]` is expected")],
    "6.5": [(lambda counts: counts.diag() / counts.sum(dim=0).clamp(min=2), "wrong", "is expected"),
            (lambda counts: (counts.diag() / counts.sum(dim=0).clamp(min=1))[:2], "wrong", "shape")],
    "6.6": [(lambda c, right, bins=10: abs(c.mean() - right.float().mean()), "wrong", "pays here for"), (lambda *given: _by_counting(*given) - 0.5, "wrong", "is expected")],
    "6.7": [(lambda z, y, all_t: min(all_t, key=lambda t: -(z / t).softmax(1).amax(1).mean()), "wrong", "the network boldest"),
            (lambda z, y, all_t: min(all_t, key=lambda t: F.cross_entropy(z.mul_(1 / t), y)), "wrong", "is expected")],
    "6.8": [(20, "wrong", "and at 20° it ends at 97.7%. That is not yet enough. Go on"), ("forty", "wrong", "a text"), (0.76, "wrong", "No dot stands at an angle of 0.76"),
            (lambda angles, accuracies, count: angles[-1], "wrong", "a smaller angle"), (lambda angles: angles[4], "error", "takes 1 positional argument")],
    "7.1": [(lambda hidden: len(hidden), "wrong", "is expected"), (lambda hidden: 0, "wrong", "is expected")],
    "7.2": [(lambda before, after: 0.1, "wrong", "is expected"), (lambda before, after: before - after, "error", "TypeError")],
    "7.3": [([2.3, -1], "wrong", "is not right"), (-0.1, "wrong", "2 numbers are wanted")],
    "7.4": [(lambda outputs: torch.allclose(outputs.exp().sum(dim=1), torch.tensor(1.0), atol=0.5), "wrong", "tolerance is so wide"),
            (lambda outputs: abs(outputs[0].exp().sum() - 1) < 1e-3, "wrong", "gives `True`, and `False` is expected")],
    "7.6": [("small", "wrong", "a text"), *((rate, "wrong", "positive number") for rate in (math.inf, 1e39, -0.01))],
    "7.8": [(lambda validation, test: (validation.argmax(), test.mean()), "wrong", "Look at the reported accuracy: `my_choice("),
             (lambda validation, test: (test.argmax(), test.mean()), "wrong", "fault itself")],
    "7.7": [(lambda chart: "healthy", "wrong", "is expected"), (lambda chart: chart["fever"], "error", "KeyError")],
    "8.1": [(lambda seconds, part, times: 10 / (10 - seconds[part] + seconds[part] / times), "wrong", "my_speedup({'forward': 1.0, 'step': 3.0}, 'step', 2)"),
            (lambda seconds, part, times: sum(seconds.values()) / (seconds.update({part: seconds[part] / times}) or sum(seconds.values())), "wrong", "changed its argument `seconds`")],
    "8.2": [(lambda rows, names: _in_dict(rows, [row[0] for row in rows if any(name in row[0] for name in names)]), "wrong", "is expected"),
            (lambda rows, names: sum(row[2] for row in rows) / rows[-1][2], "wrong", "is expected"), (lambda rows, names: _in_dict([rows.pop() for _ in rows[:]], names), "wrong", "changed its argument `rows`")],
    "8.3": [(lambda runs, goal: _looped_run(runs, goal) or runs[0][:2], "wrong", "nothing (`None`) is expected"),
            (lambda runs, goal: _looped_run(runs, goal) or 0, "wrong", "gives 0, and nothing (`None`)"), (lambda *given: print(_looped_run(*given)), "wrong", "prints its result")],
    "8.4": [(lambda step, steps: _in_halves(step, steps, (steps + 1) // 2), "wrong", "is expected"), (lambda step, steps: _in_halves(step, steps, steps // 2), "wrong", "is expected"),
            (lambda step, steps: _in_halves(step, steps - 1, (steps - 1) / 2), "wrong", "though the last step is"), (lambda step, steps: 0.5, "wrong", "my_cycle(")],
    "8.5": [(lambda logits, labels, e: F.cross_entropy(logits, labels, label_smoothing=0.1), "wrong", "is expected"), (lambda *given: _soft_targets(*given) * 1.001, "wrong", "is expected")],
    "8.6": [(lambda i, o, k, r, c: 2 * k * k * i * o * r * r, "wrong", "my_flops(2, 4, 3, 5, 6)"), (lambda i, o, k, r, c: 2 * k * k * i * o * r * c + 1, "wrong", "4,321, and 4,320 is expected")],
    "8.7": [(lambda a: (np.median(a), np.std(a, ddof=1) / len(a) ** 0.5), "wrong", "the median"), (lambda a: (np.mean(a), 2 * np.std(a)), "wrong", "Look at its standard error: `my_summary(")],
    "9.1": [(lambda shapes, bits: 0, "wrong", "is expected"), (lambda shapes, bits: sum(map(len, shapes)) * bits // 8, "wrong", "is expected")],
    "9.2": [(lambda x, weight, bias: (x - 1) @ weight.T + bias, "wrong", "is expected"), (lambda x, weight, bias: weight @ x, "error", "matmul")],
    "9.3": [(lambda x, layers: np.zeros((len(x), len(layers[-1][1]))), "wrong", "is expected")],
    "9.4": [(lambda windows, weight, bias: np.einsum("nchwij,ocij->nohw", windows, weight) * 2, "wrong", "is expected")],
    "9.5": [(lambda weights, bits: np.round(weights, bits), "wrong", "is expected"), (lambda weights, bits: np.sign(weights), "wrong", "is expected")],
    "9.6": [(lambda ink: (0, 0), "wrong", "rows down"), (lambda ink: len(ink) // 2, "wrong", "2 things, in this order: rows down")],
}  # fmt: skip
