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
        (lambda n, kernel, padding, stride: round((n + 2 * padding - kernel) / stride) + 1, "wrong", "`round` goes to the nearest"),
        (lambda n, kernel, padding, stride: round((n + 2 * padding - kernel) / stride + 1), "wrong", "`round` goes to the nearest"),
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
    "7.1": [
        (_faster_in_place, "wrong", "changed its argument `seconds`"),
        (lambda seconds, part, times: 10 / (10 - seconds[part] + seconds[part] / times), "wrong", "my_speedup({'forward': 1.0, 'step': 3.0}, 'step', 2)"),
        (lambda seconds, part, times: 1 / (1 - seconds[part] / (seconds["decoding"] + seconds["forward"] + seconds["step"]) * (1 - 1 / times)), "error", "KeyError"),
        (lambda seconds, part, times: 10 / 6, "wrong", "is expected"),
    ],
    "7.2": [
        (lambda rows: (rows[0][2] + rows[1][2]) / sum(row[2] for row in rows), "wrong", "is expected"),
        (lambda rows: sum(row[2] for row in rows if row[0].endswith("mm")) / sum(row[2] for row in rows), "wrong", "aten::bmm"),
        (lambda rows: sum(row[2] for row in rows if row[0] == "aten::addmm" or "aten::mm") / sum(row[2] for row in rows), "wrong", "a text by itself"),
        (lambda rows: _in_dict([rows.pop() for _ in rows[:]]), "wrong", "changed its argument `rows`"),
    ],
    "7.3": [
        (_cheapest_until, "wrong", "is expected"),
        (lambda *table: _looped_batch_size(*table) or table[0][0], "wrong", "nothing (`None`) is expected"),
        (lambda *table: 0 if (found := _looped_batch_size(*table)) is None else found, "wrong", "gives 0, and nothing (`None`)"),
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
        (lambda logits, labels, smoothing: F.cross_entropy(logits, labels, label_smoothing=0.1), "wrong", "is expected"),
        (lambda logits, labels, smoothing: _soft_targets(logits[:7], labels[:7], smoothing) * 1.001, "wrong", "is expected"),
    ],
    "7.6": [
        (lambda i, o, k, r, c: 2 * k * k * i * o * r * r, "wrong", "my_flops(2, 4, 3, 5, 6)"),
        (lambda i, o, k, r, c: 2 * k * k * i * o * r * c + 1, "wrong", "4,321, and 4,320 is expected"),
    ],
    "7.7": [
        (lambda accuracies: (np.median(accuracies), np.std(accuracies, ddof=1) / len(accuracies) ** 0.5), "wrong", "the median"),
        (lambda accuracies: (torch.tensor(accuracies).median(), 0.1), "wrong", "the median"),
        (lambda accuracies: sum(accuracies) / len(accuracies), "wrong", "2 things, in this order: the mean, its standard error"),
        (lambda accuracies: (np.mean(accuracies), 2 * np.std(accuracies)), "wrong", "Look at its standard error: `my_summary("),
    ],
}  # fmt: skip
