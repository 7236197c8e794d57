"""Lesson 7: what a faster part is worth, reading a profile, choosing a batch size, schedules, counting operations, spread."""

import math
import statistics

import torch
from torch.nn import functional as F

from .exercise import Exercise, drawn

# 7.1 ------------------------------------------------------------------------------------------------------------------


def my_speedup(seconds, part, times):
    before = sum(seconds.values())
    after = before - seconds[part] + seconds[part] / times
    return before / after


EPOCH = {"decoding": 6.0, "forward": 3.0, "step": 1.0}
PARTS = {"decoding": 5.0, "transforming": 2.5, "batching": 0.5, "forward": 1.0, "backward": 1.5, "step": 0.75}

SPEEDUP = Exercise(
    "7.1",
    "what a faster part is worth",
    my_speedup,
    inputs=[
        ({"forward": 1.0, "step": 3.0}, "step", 2),
        (EPOCH, "decoding", 3),
        (EPOCH, "step", 10),
        (EPOCH, "decoding", math.inf),
        (PARTS, "backward", 1.5),
        (PARTS, "batching", math.inf),
    ],
    mistakes={
        "That is how many times as fast the part is. The other parts take as long as before.": lambda seconds, part, times: times,
        "Turned over: this is the share of the time that is left. Divide the time before by the time "
        "after.": lambda seconds, part, times: 1 / my_speedup(seconds, part, times),
        "These are the seconds after the repair. The question is how many times as fast: the time before, divided by "
        "it.": lambda seconds, part, times: sum(seconds.values()) - seconds[part] * (1 - 1 / times),
        "These are the seconds saved. The question is how many times as fast: the time before, divided by the time "
        "after.": lambda seconds, part, times: seconds[part] * (1 - 1 / times),
        "You made the part free. It still takes its seconds divided by `times`.": lambda seconds, part, times: my_speedup(seconds, part, math.inf),
        "The share times the factor leaves out what stays. Work out the seconds of the whole after the "
        "repair.": lambda seconds, part, times: seconds[part] / sum(seconds.values()) * times,
    },
    hints=(
        "Work out the seconds of the whole before and after. `sum(seconds.values())` is before.",
        "After: the other parts take as long as before, and this one `seconds[part] / times`.",
        "How many times as fast is before over after. If a part takes infinitely many times less, Python's division gives 0.",
    ),
    why="What you leave alone still takes its time, so even a part that becomes free saves no more than its own share.",
)  # fmt: skip

# 7.2 ------------------------------------------------------------------------------------------------------------------


def my_share(rows):
    products = sum(time for name, _, time in rows if name in ("aten::addmm", "aten::mm"))
    return products / sum(time for _, _, time in rows)


def _share(weight, *names):
    """An answer that adds up something else of each row, or other names' rows."""
    return lambda rows: sum(weight(*row[1:]) for row in rows if row[0] in names) / sum(weight(*row[1:]) for row in rows)


def _time(calls, time):
    return time


SHARE = Exercise(
    "7.2",
    "reading a profile",
    my_share,
    inputs=[
        ([("aten::addmm", 1, 20.0), ("aten::mm", 2, 30.0), ("aten::relu", 3, 50.0)],),
        ([("aten::mm", 5, 20.0), ("aten::addmm", 3, 40.0), ("aten::relu", 2, 10.0), ("Optimizer.step", 1, 90.0)],),
        ([("aten::relu", 4, 10.0), ("aten::mm", 2, 15.0), ("aten::bmm", 7, 20.0), ("aten::addmm", 1, 5.0), ("aten::add", 9, 40.0)],),
    ],
    mistakes={
        "These are microseconds. Divide them by all of the profile's "
        "microseconds.": lambda rows: my_share(rows) * sum(row[2] for row in rows),
        "This is in percent. A share lies between 0 and 1.": lambda rows: 100 * my_share(rows),
        "These are shares of the calls. A call can be short or long: add up the third "
        "column.": _share(lambda calls, time: calls, "aten::addmm", "aten::mm"),
        "The third column is the time of all calls of a row together. Do not multiply it with the "
        "calls.": _share(lambda calls, time: calls * time, "aten::addmm", "aten::mm"),
        "`aten::mm` is missing: that is the matrix product on the way back.": _share(_time, "aten::addmm"),
        "`aten::addmm` is missing: that is the linear layers' product on the way there.": _share(_time, "aten::mm"),
        "Only the two names asked for: `aten::bmm` ends in `mm` too, and is another "
        "operation.": _share(_time, "aten::addmm", "aten::mm", "aten::bmm"),
        "You divided by the rest. Divide by the whole, the products included.": lambda rows: my_share(rows) / (1 - my_share(rows)),
        "All rows were added up. In `name == \"aten::addmm\" or \"aten::mm\"` the part after `or` is a text by itself, and Python takes "
        "any text for true. Ask for each name, or with `in`.": lambda rows: 1,
    },
    hints=(
        "Go through the rows with `for name, calls, microseconds in rows`, and add up the microseconds of the two names.",
        "`name in (\"aten::addmm\", \"aten::mm\")` asks for both names.",
        "Two sums then: the microseconds of these two rows, and those of all rows. The share is the first over the second.",
    ),
    why="The share of the time, and not of the calls, says what a faster matrix product could be worth. It is the share in Amdahl's law.",
)  # fmt: skip

# 7.3 ------------------------------------------------------------------------------------------------------------------


def my_batch_size(sizes, seconds, accuracies, goal):
    good = [(time, size) for size, time, accuracy in zip(sizes, seconds, accuracies, strict=True) if accuracy >= goal]
    return min(good)[1] if good else None


def _choose(choice, guarded=True):
    """A wrong answer: another choice from the good ones, which come as `(seconds, size, accuracy, place)`."""

    def answer(sizes, seconds, accuracies, goal):
        rows = zip(seconds, sizes, accuracies, range(len(sizes)), strict=True)
        good = [row for row in rows if row[2] >= goal]
        return choice(good) if good or not guarded else None

    return answer


def _by_index(sizes, seconds, accuracies, goal):
    good = [time for time, accuracy in zip(seconds, accuracies, strict=True) if accuracy >= goal]
    return sizes[seconds.index(min(good))] if good else None


TABLE = [16, 32, 64, 128, 256], [9.5, 4.5, 5.5, 2.5, 1.5], [0.97, 0.96, 0.96, 0.95, 0.90]

BATCH_SIZE = Exercise(
    "7.3",
    "choose a batch size",
    my_batch_size,
    inputs=[
        ([8, 32, 64], [6.0, 3.0, 2.0], [0.93, 0.92, 0.85], 0.9),
        ([64, 8, 512], [2.0, 6.0, 2.0], [0.85, 0.93, 0.91], 0.9),
        *(([100, 50, 25, 10], [4.0, 3.0, 6.0, 5.0], [0.8, 0.85, 0.82, 0.9], goal) for goal in (0.75, 0.9)),
        *((*TABLE, goal) for goal in (0.96, 0.95, 0.965, 0.5, 0.99)),
    ],
    mistakes={
        "You chose the fastest of all, which may miss the goal. First keep those that reach "
        "it.": lambda sizes, seconds, accuracies, goal: sizes[seconds.index(min(seconds))],
        "You chose the most accurate. All that reach the goal are good enough: take the fastest of "
        "them.": _choose(lambda good: max(good, key=lambda row: row[2])[1]),
        "You chose the largest that is good enough. Compare the seconds: a larger batch is not always "
        "faster.": _choose(lambda good: max(row[1] for row in good)),
        "You chose the first that is good enough. Among all that are, take the one with the fewest seconds.": _choose(lambda good: good[0][1]),
        "You chose the slowest that is good enough. Take the one with the fewest seconds.": _choose(lambda good: max(good)[1]),
        "Equal to the goal is enough: `>=`, not `>`.": lambda sizes, seconds, accuracies, goal: my_batch_size(sizes, seconds, accuracies, goal + 1e-9),
        "This is the number of seconds. Give back the batch size that belongs to it.": _choose(lambda good: min(good)[0]),
        "This is a place in the list. Give back the batch size that stands there.": _choose(lambda good: min(good)[3]),
        "`index` finds the first size that takes so many seconds. Another may take as long and miss the goal: keep each size "
        "together with its seconds.": _by_index,
        "Where no size reaches the goal there is nothing to choose from, and Python says so with an error. Give back `None` "
        "there.": _choose(lambda good: min(good)[1], guarded=False),
    },
    hints=(
        "First keep the sizes whose accuracy is at least the goal: `zip(sizes, seconds, accuracies)` walks through the three lists together.",
        "Of pairs `(seconds, size)`, `min` takes the one with the fewest seconds.",
        "If no size was kept, the list is empty. An empty list counts as false: `if good:` asks whether there is any.",
    ),
    why="Good enough is a condition, and fast is what is left to choose by. The other way round you would take the fastest network that has learned nothing.",
)  # fmt: skip

# 7.4 ------------------------------------------------------------------------------------------------------------------


def my_cycle(step, steps):
    middle = steps / 2
    if step < middle:
        return step / middle
    return (1 + math.cos(math.pi * (step - middle) / middle)) / 2


def _fall(factor):
    """A wrong answer: right up to the middle, and then another fall, from how far it is past the middle, 0 to 1."""
    return lambda step, steps: factor(2 * step / steps - 1) if 2 * step > steps else my_cycle(step, steps)


def _rounded_middle(step, steps):
    middle = steps // 2
    return step / middle if step < middle else (1 + math.cos(math.pi * (step - middle) / middle)) / 2


CYCLE = Exercise(
    "7.4",
    "a cycle of your own",
    my_cycle,
    inputs=[
        (1, 4), (2, 4), (3, 4), (2, 5), (3, 5), (4, 5), (3, 7), (5, 7), (0, 16), (2, 16), (8, 16), (13, 16), (15, 16),
        (25, 100), (75, 100), (99, 100),
    ],
    atol=1e-5,
    mistakes={
        "It falls from the first step on. It should rise from 0 to 1 in the first half.": lambda step, steps: 1 - step / steps,
        "This is `half_cosine` over all steps. Here it begins in the middle, where the factor is "
        "1.": lambda step, steps: (1 + math.cos(math.pi * step / steps)) / 2,
        "The second half falls in a straight line. Let it follow the cosine.": _fall(lambda past: 1 - past),
        "It reaches 1 at the end. It should be 1 in the middle already.": lambda step, steps: step / steps,
        "The rise is a cosine too. Let it rise in a straight line.": lambda step, steps: (1 - math.cos(2 * math.pi * step / steps)) / 2,
        "The cosine goes only half its way: at the end the factor should be near 0. In the second half its angle goes from 0 to "
        "π.": _fall(lambda past: (1 + math.cos(math.pi * past / 2)) / 2),
        "In the second half the cosine still counts from step 0, so the factor jumps down in the middle. Let it count from the "
        "middle.": lambda step, steps: (1 + math.cos(math.pi * step / steps)) / 2 if 2 * step >= steps else 2 * step / steps,
        "A cosine goes down to −1. `half_cosine` adds 1 and halves, so that it ends at 0.": _fall(lambda past: math.cos(math.pi * past)),
        "The middle of an odd number of steps lies between two of them, and `//` rounds it down. Divide with `/`.": _rounded_middle,
        "The middle is `steps / 2`, though the last step is `steps` − 1.": lambda step, steps: my_cycle(step, steps - 1),
    },
    hints=(
        "Two cases: `if step < steps / 2`, and the rest. In the first half the factor is `step / (steps / 2)`.",
        "In the second half, measure how far it is past the middle, from 0 to 1: `(step - steps / 2) / (steps / 2)`.",
        "`half_cosine` falls from 1 to 0 while `step / steps` goes from 0 to 1. What stands in that place now?",
    ),
    why="Both halves meet at 1 in the middle. Many shapes of this kind work about equally well; that it begins low and ends near 0 is what counts.",
)  # fmt: skip

# 7.5 ------------------------------------------------------------------------------------------------------------------


def my_smoothed_loss(logits, labels, smoothing):
    log_p = torch.log_softmax(logits, dim=1)
    true = -log_p[range(len(labels)), labels]
    anything = -log_p.mean(dim=1)
    return ((1 - smoothing) * true + smoothing * anything).mean()


def _smoothed(mixed):
    """A wrong answer: another mixture of the true class's loss, the sum of all classes' losses, and their number."""

    def answer(logits, labels, smoothing):
        true, every = F.cross_entropy(logits, labels), -torch.log_softmax(logits, dim=1).sum(dim=1).mean()
        return mixed(true, every, logits.shape[1], smoothing)

    return answer


SMOOTHED_LOSS = Exercise(
    "7.5",
    "label smoothing",
    my_smoothed_loss,
    inputs=[
        (torch.tensor([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]]), torch.tensor([0, 2]), 0.3),
        (drawn(1, 4, seed=1), torch.tensor([3]), 0.2),
        (drawn(3, 10, seed=2), torch.tensor([9, 0, 9]), 0.5),
        (drawn(7, 10, seed=3), torch.tensor([1, 7, 7, 0, 3, 4, 9]), 0.1),
        (drawn(4, 5, seed=4, dtype=torch.float64), torch.tensor([4, 0, 1, 1]), 0.0),
    ],
    atol=1e-5,
    mistakes={
        "One loss for each sample. Take their "
        "mean.": lambda logits, labels, smoothing: F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none"),
        "You added up the samples. Take their mean.": lambda logits, labels, smoothing: len(labels) * my_smoothed_loss(logits, labels, smoothing),
        "The sign is turned around: a loss is minus a logarithm.": lambda logits, labels, smoothing: -my_smoothed_loss(logits, labels, smoothing),
        "This is plain cross entropy: the smoothing takes no part.": _smoothed(lambda true, every, classes, e: true),
        "The shares are exchanged: the true digit gets 1 − ε.": _smoothed(lambda true, every, classes, e: e * true + (1 - e) * every / classes),
        "The sum over the classes must be divided by their number: it is a mean.": _smoothed(lambda true, every, classes, e: (1 - e) * true + e * every),
        "The true digit's part is weighted with 1 − ε, so that both shares make "
        "one.": _smoothed(lambda true, every, classes, e: true + e * every / classes),
        "You shared ε among the *other* classes. The formula's sum runs over all, the true one "
        "included.": _smoothed(lambda true, every, classes, e: (1 - e) * true + e * (every - true) / (classes - 1)),
        "You divided by 10, and there may be another number of classes. Take the mean over the classes that there "
        "are.": _smoothed(lambda true, every, classes, e: (1 - e) * true + e * every / 10),
        "`log_p[:, labels]` takes all of these columns from every row. Each row has one label: "
        "`log_p[range(len(labels)), labels]`.": lambda logits, labels, e: -(
            (1 - e) * logits.log_softmax(1)[:, labels].mean() + e * logits.log_softmax(1).mean()
        ),
    },
    hints=(
        "Lesson 3's NLL is `-log_p[range(len(labels)), labels]`, one number for each sample.",
        "The second part is the mean over *all* classes: `-log_p.mean(dim=1)`.",
        "Weigh the first with `1 - smoothing` and the second with `smoothing`, add, and take the mean over the samples.",
    ),
    why="It is what `nn.CrossEntropyLoss(label_smoothing=…)` computes. A network that is too sure pays for it in the second part.",
)  # fmt: skip

# 7.6 ------------------------------------------------------------------------------------------------------------------


def my_flops(maps_in, maps_out, kernel, rows, columns):
    return 2 * kernel * kernel * maps_in * maps_out * rows * columns


FLOPS = Exercise(
    "7.6",
    "the operations of a convolution",
    my_flops,
    inputs=[(2, 4, 3, 5, 6), (1, 16, 5, 28, 28), (16, 32, 3, 14, 14), (8, 4, 2, 6, 9)],
    mistakes={
        "You counted multiplications. Each is followed by an addition, and both count.": lambda i, o, k, r, c: k * k * i * o * r * c,
        "This is for a single place. The filter is laid on every place of the map.": lambda i, o, k, r, c: 2 * k * k * i * o,
        "This is for one of the maps that go out. There are `maps_out` of them.": lambda i, o, k, r, c: 2 * k * k * i * r * c,
        "A filter looks at all maps that come in: there are `maps_in` times as many products.": lambda i, o, k, r, c: 2 * k * k * o * r * c,
        "The filter has `kernel` rows *and* `kernel` columns.": lambda i, o, k, r, c: 2 * k * i * o * r * c,
        "These are the weights. Each is used at every place, for a product and a sum.": lambda i, o, k, r, c: k * k * i * o,
        "The bias is counted too. Leave it out.": lambda i, o, k, r, c: (2 * k * k * i + 1) * o * r * c,
    },
    hints=(
        "One number of one map: the filter has kernel · kernel weights for each map that comes in.",
        "Each weight is a product and a sum, so two operations.",
        "How many numbers come out? `maps_out` maps, and each has `rows` times `columns` of them.",
    ),
    why="Two operations for each weight of the window, for each number that comes out. The size of the map counts here, though it does not for the parameters.",
)  # fmt: skip

# 7.7 ------------------------------------------------------------------------------------------------------------------


def my_summary(accuracies):
    numbers = torch.tensor(accuracies, dtype=torch.float64)
    return numbers.mean().item(), numbers.std().item() / math.sqrt(len(accuracies))


def _error(spread):
    """A wrong answer: the right mean, and another second number."""
    return lambda accuracies: (statistics.mean(accuracies), spread(accuracies, len(accuracies)))


SUMMARY = Exercise(
    "7.7",
    "mean and spread",
    my_summary,
    inputs=[([0.5, 0.9, 0.6],), ([0.991, 0.97, 0.995, 0.989, 0.992],), ([0.2, 0.9, 0.8, 0.85, 0.7, 0.95, 0.9],)],
    parts=("the mean", "its standard error"),
    mistakes={
        "The second number is the standard deviation: how far *one* seed scatters. Divide it by √n for the error of the "
        "mean.": _error(lambda a, n: statistics.stdev(a)),
        "The standard deviation is the one with n. From a few numbers it comes out too small: divide by n − 1, as `std()` "
        "does.": _error(lambda a, n: statistics.pstdev(a) / n**0.5),
        "The second number is a standard deviation, and the one with n. Take the one with n − 1, divided by "
        "√n.": _error(lambda a, n: statistics.pstdev(a)),
        "You divided by n. The error of a mean shrinks with √n only.": _error(lambda a, n: statistics.stdev(a) / n),
        "You took the variance. Its root is the standard deviation.": _error(lambda a, n: statistics.variance(a) / n**0.5),
        "The second number is the square of the standard error. Take its root.": _error(lambda a, n: statistics.variance(a) / n),
        "The two numbers are exchanged: first the mean.": lambda a: my_summary(a)[::-1],
        "The first number is the median. Add up, and divide by the number.": lambda a: (statistics.median(a), my_summary(a)[1]),
    },
    hints=(
        "`torch.tensor(accuracies, dtype=torch.float64)` has `.mean()` and `.std()`.",
        "The standard error is the standard deviation over the root of the number of accuracies.",
        "`len(accuracies)` is n, and `math.sqrt` gives a root. Give the two numbers back with a comma between them.",
    ),
    why="The deviation says how far one seed scatters, the standard error how far the mean of n seeds would. Four times as many seeds halve it.",
)  # fmt: skip

EXERCISES = [SPEEDUP, SHARE, BATCH_SIZE, CYCLE, SMOOTHED_LOSS, FLOPS, SUMMARY]
