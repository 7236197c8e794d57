"""Lesson 7: what a faster part is worth, reading a profile, choosing a batch size, schedules, counting operations, spread."""

import math

import torch
from torch.nn import functional as F

from .old_asking import NOTHING, ask, expect, needs_answer, number_of
from .old_exercise import Exercise, Wrong

# 7.1 ---------------------------------------------------------------------------------------------------------------


def my_speedup(seconds, part, times):
    before = sum(seconds.values())
    after = before - seconds[part] + seconds[part] / times
    return before / after


def check_speedup(answer):
    epoch = {"decoding": 6.0, "forward": 3.0, "step": 1.0}
    for part, times in (("decoding", 3), ("forward", 2), ("step", 10), ("decoding", math.inf)):
        own, whole = epoch[part], sum(epoch.values())
        after = whole - own + own / times
        mistaken = [
            (times, "That is how many times as fast the part is. The other parts take as long as before."),
            (after / whole, "Turned over: this is the share of the time that is left. Divide the time before by the time after."),
            (after, "These are the seconds after the repair. The question is how many times as fast: the time before, divided by it."),
            (whole - after, "These are the seconds saved. The question is how many times as fast: the time before, divided by the time after."),
            (whole / (whole - own), "You made the part free. It still takes its seconds divided by `times`."),
            (own / whole * times, "The share times the factor leaves out what stays. Work out the seconds of the whole after the repair."),
        ]  # fmt: skip
        given = f"for {epoch} with `{part}` {times} times as fast"
        expect(ask(answer, dict(epoch), part, times), whole / after, mistaken, what="the speed-up", given=given)


# 7.2 ---------------------------------------------------------------------------------------------------------------


def my_share(rows):
    products = sum(time for name, _, time in rows if name in ("aten::addmm", "aten::mm"))
    return products / sum(time for _, _, time in rows)


def check_share(answer):
    tables = (
        [("aten::addmm", 3, 40.0), ("aten::mm", 5, 20.0), ("aten::relu", 2, 10.0), ("Optimizer.step", 1, 90.0)],
        [("aten::relu", 4, 10.0), ("aten::mm", 2, 5.0), ("aten::mm", 1, 5.0), ("aten::bmm", 7, 20.0), ("aten::add", 9, 40.0)],
    )  # fmt: skip
    for rows in tables:
        whole, calls = sum(row[2] for row in rows), sum(row[1] for row in rows)

        def time_of(*names, rows=rows):
            return sum(row[2] for row in rows if row[0] in names)

        products = time_of("aten::addmm", "aten::mm")
        mistaken = [
            (products, "These are microseconds. Divide them by all of the profile's microseconds."),
            (100 * products / whole, "This is in percent. A share lies between 0 and 1."),
            (sum(row[1] for row in rows if row[0] in ("aten::addmm", "aten::mm")) / calls, "These are shares of the calls. A "
             "call can be short or long: add up the third column."),
            (time_of("aten::addmm") / whole, "`aten::mm` is missing: that is the matrix product on the way back."),
            (time_of("aten::mm") / whole, "`aten::addmm` is missing: that is the linear layers' product on the way there."),
            (products / (whole - products), "You divided by the rest. Divide by the whole, the products included."),
            (time_of("aten::addmm", "aten::mm", "aten::bmm") / whole, "Only the two names asked for: `aten::bmm` ends in `mm` too, and is another operation."),
        ]  # fmt: skip
        expect(ask(answer, list(rows)), products / whole, mistaken, what="the share", given=f"for {rows}")


# 7.3 ---------------------------------------------------------------------------------------------------------------


def my_batch_size(sizes, seconds, accuracies, goal):
    good = [(time, size) for size, time, accuracy in zip(sizes, seconds, accuracies, strict=True) if accuracy >= goal]
    return min(good)[1] if good else None


SIZES, SECONDS, ACCURACIES = [16, 32, 64, 128, 256], [9.5, 4.5, 5.5, 2.5, 1.5], [0.97, 0.96, 0.96, 0.95, 0.90]


def check_batch_size(answer):
    for goal, right in ((0.96, 32), (0.95, 128), (0.965, 16), (0.5, 256), (0.99, None)):
        needs_answer(answer)
        if not callable(answer):
            ask(answer)
        got = answer(list(SIZES), list(SECONDS), list(ACCURACIES), goal)
        needs_answer(got)
        given = f"For the sizes {SIZES} with {SECONDS} seconds, the accuracies {ACCURACIES} and a goal of {goal}"
        if right is None and got is not None:
            raise Wrong(f"{given} none is good enough, so `None` is expected.")
        if right is not None and got is None:
            raise Wrong(NOTHING)
        if right is None:
            continue
        got = number_of(got, "the batch size")
        if got == right:
            continue
        words = f"{right} is expected, and you chose {got:g}."
        if got in SECONDS and got not in SIZES:
            words = f"you gave back {got:g}, which is a number of seconds. Give back the batch size that belongs to it."
        elif got in range(len(SIZES)):
            words = f"you gave back {got:g}, a place in the list. Give back the batch size that stands there."
        elif got in SIZES and ACCURACIES[SIZES.index(got)] < goal:
            words = f"you chose {got:g}, which misses the goal. First keep those that reach it; equal to the goal is enough."
        elif got == 16:
            words = f"you chose {got:g}, the most accurate. All that reach the goal are good enough: take the fastest of them."
        elif got == max(size for size, one in zip(SIZES, ACCURACIES, strict=True) if one >= goal):
            words = f"you chose {got:g}, the largest that is good enough. Compare the seconds: a larger batch is not always faster."
        raise Wrong(f"{given}, {words}")


# 7.4 ---------------------------------------------------------------------------------------------------------------


def my_cycle(step, steps):
    middle = steps / 2
    if step < middle:
        return step / middle
    return (1 + math.cos(math.pi * (step - middle) / middle)) / 2


def check_cycle(answer):
    for steps in (16, 100):
        for step in (steps // 8, 0, steps // 4, steps // 2, 5 * steps // 8, 3 * steps // 4, steps - 1):
            middle = steps / 2
            past = (step - middle) / middle
            straight = 1 - past if step >= middle else step / middle
            mistaken = [
                (1 - step / steps, "It falls from the first step on. It should rise from 0 to 1 in the first half."),
                ((1 + math.cos(math.pi * step / steps)) / 2, "This is `half_cosine` over all steps. Here it begins in the middle, where the factor is 1."),
                (straight, "The second half falls in a straight line. Let it follow the cosine."),
                (step / steps, "It reaches 1 at the end. It should be 1 in the middle already."),
                ((1 - math.cos(math.pi * step / middle)) / 2, "The rise is a cosine too. Let it rise in a straight line."),
                ((1 + math.cos(math.pi * past / 2)) / 2, "The cosine goes only half its way: at the end the factor should be near 0. In the second half its angle goes from 0 to π."),
            ]  # fmt: skip
            expect(ask(answer, step, steps), my_cycle(step, steps), mistaken, what="the factor",
                   given=f"at step {step} of {steps}", atol=1e-5)  # fmt: skip


def _straight_cycle(step, steps):
    return 1 - abs(step - steps / 2) / (steps / 2)


def _half_way(step, steps):
    if step < steps / 2:
        return 2 * step / steps
    return (1 + math.cos(math.pi * (step - steps / 2) / steps)) / 2


# 7.5 ---------------------------------------------------------------------------------------------------------------


def my_smoothed_loss(logits, labels, smoothing):
    log_p = torch.log_softmax(logits, dim=1)
    true = -log_p[range(len(labels)), labels]
    anything = -log_p.mean(dim=1)
    return ((1 - smoothing) * true + smoothing * anything).mean()


def check_smoothed_loss(answer):
    generator = torch.Generator().manual_seed(0)
    for classes, smoothing in ((10, 0.1), (10, 0.5), (4, 0.2), (10, 0.0)):
        logits = 3 * torch.randn(7, classes, generator=generator)
        labels = torch.randint(classes, (7,), generator=generator)
        log_p = torch.log_softmax(logits, dim=1)
        true, anything = -log_p[range(7), labels], -log_p.mean(dim=1)
        right = (1 - smoothing) * true + smoothing * anything
        others = (-log_p.sum(dim=1) - true) / (classes - 1)
        mistaken = [
            (right, "One loss for each sample. Take their mean."),
            (right.sum(), "You added up the samples. Take their mean."),
            (-right.mean(), "The sign is turned around: a loss is minus a logarithm."),
            (true.mean(), "This is plain cross entropy: the smoothing takes no part."),
            ((smoothing * true + (1 - smoothing) * anything).mean(), "The shares are exchanged: the true digit gets 1 − ε."),
            (((1 - smoothing) * true - smoothing * log_p.sum(dim=1)).mean(), "The sum over the classes must be divided by their number: it is a mean."),
            ((true + smoothing * anything).mean(), "The true digit's part is weighted with 1 − ε, so that both shares make one."),
            (((1 - smoothing) * true + smoothing * others).mean(), "You shared ε among the *other* classes. The formula's sum runs over all, the true one included."),
        ]  # fmt: skip
        if classes != 10:
            mistaken.append(
                (((1 - smoothing) * true - smoothing * log_p.sum(dim=1) / 10).mean(), "You divided by 10, and there are "
                 f"{classes} classes here. Take the mean over the classes.")
            )  # fmt: skip
        given = f"for {classes} classes and a smoothing of {smoothing}"
        expect(ask(answer, logits, labels, smoothing), right.mean(), mistaken, what="the loss", given=given)


# 7.6 ---------------------------------------------------------------------------------------------------------------


def my_flops(maps_in, maps_out, kernel, rows, columns):
    return 2 * kernel * kernel * maps_in * maps_out * rows * columns


def check_flops(answer):
    for maps_in, maps_out, kernel, rows, columns in ((1, 16, 5, 28, 28), (16, 32, 3, 14, 14), (8, 4, 2, 6, 9)):
        places, window = rows * columns, kernel * kernel
        right = 2 * window * maps_in * maps_out * places
        mistaken = [
            (right // 2, "You counted multiplications. Each is followed by an addition, and both count."),
            (right // places, "This is for a single place. The filter is laid on every place of the map."),
            (right // maps_out, "This is for one of the maps that go out. There are `maps_out` of them."),
            (right // maps_in, "A filter looks at all maps that come in: there are `maps_in` times as many products."),
            (right // kernel, "The filter has `kernel` rows *and* `kernel` columns."),
            (window * maps_in * maps_out, "These are the weights. Each is used at every place, for a product and a sum."),
            (right + maps_out * places, "The bias is counted too. Leave it out."),
        ]  # fmt: skip
        given = f"for {maps_in} maps to {maps_out}, a {kernel}×{kernel} filter and {rows} by {columns} numbers"
        expect(
            ask(answer, maps_in, maps_out, kernel, rows, columns), right, mistaken, what="the count", given=given,
            rtol=1e-9,
        )  # fmt: skip


# 7.7 ---------------------------------------------------------------------------------------------------------------


def my_summary(accuracies):
    numbers = torch.tensor(accuracies, dtype=torch.float64)
    return numbers.mean(), numbers.std() / math.sqrt(len(numbers))


def check_summary(answer):
    for accuracies in ([0.99, 0.991, 0.989, 0.992], [0.5, 0.7, 0.9]):
        numbers = torch.tensor(accuracies, dtype=torch.float64)
        mean, deviation, count = numbers.mean(), numbers.std(), len(numbers)
        got = ask(answer, list(accuracies))
        if not isinstance(got, list | tuple | torch.Tensor) and not hasattr(got, "__array__"):
            raise Wrong("Two numbers are wanted: the mean, and its standard error.")
        mistaken = [
            ((mean, deviation), "The second number is the standard deviation: how far *one* seed scatters. Divide it by √n for the error of the mean."),
            ((mean, numbers.std(unbiased=False) / math.sqrt(count)), "The standard deviation is the one with n. From a few numbers it comes out too small: divide by n − 1, as `std()` does."),
            ((mean, numbers.std(unbiased=False)), "The second number is a standard deviation, and the one with n. Take the one with n − 1, divided by √n."),
            ((mean, deviation / count), "You divided by n. The error of a mean shrinks with √n only."),
            ((mean, numbers.var() / math.sqrt(count)), "You took the variance. Its root is the standard deviation."),
            ((deviation / math.sqrt(count), mean), "The two numbers are exchanged: first the mean."),
            ((numbers.median(), deviation / math.sqrt(count)), "The first number is the median. Add up, and divide by the number."),
        ]  # fmt: skip
        expect(got, (mean, deviation / math.sqrt(count)), mistaken, what="your pair", given=f"for {accuracies}")


EXERCISES = [
    Exercise(
        "7.1",
        "what a faster part is worth",
        check_speedup,
        hints=(
            "Work out the seconds of the whole before and after. `sum(seconds.values())` is before.",
            "After: the other parts take as long as before, and this one `seconds[part] / times`.",
            "How many times as fast is before / after. If a part takes infinitely many times less, Python's division gives 0.",
        ),
        solution=my_speedup,
        why="What you leave alone still takes its time, so even a part that becomes free saves no more than its own share.",
        mistakes=(
            (lambda seconds, part, times: times, "how many times as fast the part is"),
            (lambda seconds, part, times: 1 / my_speedup(seconds, part, times), "Turned over"),
            (lambda seconds, part, times: sum(seconds.values()) - seconds[part] * (1 - 1 / times), "seconds after"),
            (lambda seconds, part, times: seconds[part] * (1 - 1 / times), "seconds saved"),
            (lambda seconds, part, times: my_speedup(seconds, part, math.inf), "made the part free"),
            (lambda seconds, part, times: seconds[part] / sum(seconds.values()) * times, "leaves out what stays"),
        ),
    ),
    Exercise(
        "7.2",
        "reading a profile",
        check_share,
        hints=(
            "Go through the rows with `for name, calls, microseconds in rows`, and add up the microseconds of the two names.",
            "Divide by the microseconds of all rows. `name in (\"aten::addmm\", \"aten::mm\")` asks for both names.",
        ),
        solution=my_share,
        why="The share of the time, and not of the calls, says what a faster matrix product could be worth. It is the share in Amdahl's law.",
        mistakes=(
            (lambda rows: sum(row[2] for row in rows if row[0] in ("aten::addmm", "aten::mm")), "microseconds"),
            (lambda rows: 100 * my_share(rows), "percent"),
            (lambda rows: my_share([(name, 0, calls) for name, calls, _ in rows]), "shares of the calls"),
            (lambda rows: sum(row[2] for row in rows if row[0] == "aten::addmm") / sum(row[2] for row in rows), "`aten::mm` is missing"),
            (lambda rows: my_share(rows) / (1 - my_share(rows)), "divided by the rest"),
            (lambda rows: sum(row[2] for row in rows if row[0].endswith("mm")) / sum(row[2] for row in rows), "aten::bmm"),
        ),
    ),
    Exercise(
        "7.3",
        "choose a batch size",
        check_batch_size,
        hints=(
            "First keep the sizes whose accuracy is at least the goal: `zip(sizes, seconds, accuracies)` walks through the three lists together.",
            "Of pairs `(seconds, size)`, `min` takes the one with the fewest seconds. Think of the empty list.",
        ),
        solution=my_batch_size,
        why="Good enough is a condition, and fast is what is left to choose by. The other way round you would take the fastest network that has learned nothing.",
        mistakes=(
            (lambda sizes, seconds, accuracies, goal: sizes[seconds.index(min(seconds))], "misses the goal"),
            (lambda sizes, seconds, accuracies, goal: sizes[0], "most accurate"),
            (lambda sizes, seconds, accuracies, goal: max([s for s, a in zip(sizes, accuracies, strict=True) if a >= goal]), "the largest"),
            (lambda sizes, seconds, accuracies, goal: min([s for s, a in zip(seconds, accuracies, strict=True) if a >= goal], default=None), "number of seconds"),
            (lambda sizes, seconds, accuracies, goal: min([(t, p) for p, (t, a) in enumerate(zip(seconds, accuracies, strict=True)) if a >= goal])[1], "a place in the list"),
            (lambda sizes, seconds, accuracies, goal: my_batch_size(sizes, seconds, accuracies, goal) or sizes[0], "`None` is expected"),
        ),
    ),
    Exercise(
        "7.4",
        "a cycle of your own",
        check_cycle,
        hints=(
            "Two cases: `if step < steps / 2`, and the rest. In the first half the factor is `step / (steps / 2)`.",
            "In the second half, measure how far it is past the middle, from 0 to 1: `(step - steps / 2) / (steps / 2)`.",
            "`(1 + math.cos(math.pi * past)) / 2` is 1 where `past` is 0, and 0 where it is 1.",
        ),
        solution=my_cycle,
        why="Both halves meet at 1 in the middle. Many shapes of this kind work about equally well; that it begins low and ends near 0 is what counts.",
        mistakes=(
            (lambda step, steps: 1 - step / steps, "falls from the first step"),
            (lambda step, steps: (1 + math.cos(math.pi * step / steps)) / 2, "over all steps"),
            (_straight_cycle, "in a straight line. Let it follow the cosine"),
            (lambda step, steps: step / steps, "reaches 1 at the end"),
            (lambda step, steps: (1 - math.cos(2 * math.pi * step / steps)) / 2, "The rise is a cosine too"),
            (_half_way, "half its way"),
        ),
    ),
    Exercise(
        "7.5",
        "label smoothing",
        check_smoothed_loss,
        hints=(
            "Lesson 3's NLL is `-log_p[range(len(labels)), labels]`, one number for each sample.",
            "The second part is the mean over *all* classes: `-log_p.mean(dim=1)`.",
            "Weigh the first with `1 - smoothing` and the second with `smoothing`, add, and take the mean over the samples.",
        ),
        solution=my_smoothed_loss,
        why="It is what `nn.CrossEntropyLoss(label_smoothing=…)` computes. A network that is too sure pays for it in the second part.",
        mistakes=(
            (lambda logits, labels, smoothing: F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none"), "Take their mean"),
            (lambda logits, labels, smoothing: -my_smoothed_loss(logits, labels, smoothing), "sign"),
            (lambda logits, labels, smoothing: F.cross_entropy(logits, labels), "takes no part"),
            (lambda logits, labels, smoothing: my_smoothed_loss(logits, labels, 1 - smoothing), "exchanged"),
            (lambda logits, labels, smoothing: F.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="sum"), "added up"),
            (lambda logits, labels, smoothing: F.cross_entropy(logits, labels) - smoothing * torch.log_softmax(logits, 1).mean(), "weighted with 1 − ε"),
        ),
    ),
    Exercise(
        "7.6",
        "the operations of a convolution",
        check_flops,
        hints=(
            "One number of one map: the filter has kernel · kernel weights for each map that comes in. Each weight is a product and a sum.",
            "There are maps_out · rows · columns such numbers.",
        ),
        solution=my_flops,
        why="Two operations for each weight of the window, for each number that comes out. The size of the map counts here, though it does not for the parameters.",
        mistakes=(
            (lambda i, o, k, r, c: k * k * i * o * r * c, "followed by an addition"),
            (lambda i, o, k, r, c: 2 * k * k * i * o, "every place"),
            (lambda i, o, k, r, c: 2 * k * k * i * r * c, "maps that go out"),
            (lambda i, o, k, r, c: 2 * k * i * o * r * c, "*and*"),
            (lambda i, o, k, r, c: k * k * i * o, "These are the weights"),
            (lambda i, o, k, r, c: (2 * k * k * i + 1) * o * r * c, "bias"),
        ),
    ),
    Exercise(
        "7.7",
        "mean and spread",
        check_summary,
        hints=(
            "`torch.tensor(accuracies, dtype=torch.float64)` has `.mean()` and `.std()`.",
            "The standard error is the standard deviation over `math.sqrt(len(accuracies))`.",
        ),
        solution=my_summary,
        why="The deviation says how far one seed scatters, the standard error how far the mean of n seeds would. Four times as many seeds halve it.",
        mistakes=(
            (lambda a: (sum(a) / len(a), torch.tensor(a, dtype=torch.float64).std()), "how far *one* seed scatters"),
            (lambda a: (sum(a) / len(a), torch.tensor(a, dtype=torch.float64).std() / len(a)), "√n only"),
            (lambda a: (sum(a) / len(a), torch.tensor(a, dtype=torch.float64).var() / len(a) ** 0.5), "variance"),
            (lambda a: (sum(a) / len(a), torch.tensor(a, dtype=torch.float64).std(unbiased=False) / len(a) ** 0.5), "n − 1"),
            (lambda a: my_summary(a)[::-1], "exchanged"),
            (lambda a: sum(a) / len(a), "Two numbers"),
        ),
    ),
]  # fmt: skip
