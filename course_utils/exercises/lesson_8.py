"""Lesson 8: what a faster part is worth, reading a profile, choosing a run, schedules, counting operations, spread."""

import math

import torch

from .exercise import Exercise, altered, drawn


def my_speedup(seconds, part, times):
    before = sum(seconds.values())
    after = before - seconds[part] + seconds[part] / times
    return before / after


EPOCH = {"decoding": 6.0, "forward": 3.0, "step": 1.0}
PARTS = {"decoding": 5.0, "transforming": 2.5, "batching": 0.5, "forward": 1.0, "backward": 1.5, "step": 0.75}

SPEEDUP = Exercise(
    "8.1", "what a faster part is worth", my_speedup,
    inputs=[({"forward": 1.0, "step": 3.0}, "step", 2), (EPOCH, "decoding", 3), (EPOCH, "step", 10), (EPOCH, "decoding", math.inf),
            (PARTS, "backward", 1.5), (PARTS, "batching", math.inf)],
    mistakes={
        "That is how many times as fast the part is. The other parts take as long as before.": lambda seconds, part, times: times,
        "Turned over: this is the share of the time that is left. Divide before by after.": lambda *given: 1 / my_speedup(*given),
        "These are the seconds saved. Divide the time before by the time after.": lambda seconds, part, times: seconds[part] * (1 - 1 / times),
        "You made the part free. It still takes its seconds divided by `times`.": lambda seconds, part, times: my_speedup(seconds, part, math.inf),
        "The share times the factor leaves out what stays. Work out the seconds of the whole after the repair.": lambda seconds, part, times: seconds[part] / sum(seconds.values()) * times},
    hints=("Work out the seconds of the whole before and after. `sum(seconds.values())` is before.",
           "After: the other parts take as long as before, and this one `seconds[part] / times`.",
           "Divide before by after. For a part that is infinitely many times as fast, Python's division gives 0."),
    why="What you leave alone still takes its time, so even a part that becomes free saves no more than its own share.")  # fmt: skip


def my_limit(rows, names):
    whole = sum(time for _, _, time in rows)
    free = sum(time for name, _, time in rows if name in names)
    return whole / (whole - free)


PRODUCTS = ["aten::addmm", "aten::mm"]

LIMIT = Exercise(
    "8.2", "what a profile promises", my_limit,
    inputs=[([("aten::addmm", 1, 20.0), ("aten::mm", 2, 30.0), ("aten::relu", 3, 50.0)], PRODUCTS),
            ([("aten::mm", 5, 20.0), ("aten::addmm", 3, 40.0), ("aten::relu", 2, 10.0), ("Optimizer.step", 1, 90.0)], ["Optimizer.step"]),
            ([("aten::relu", 4, 10.0), ("aten::mm", 2, 15.0), ("aten::bmm", 7, 20.0), ("aten::addmm", 1, 5.0), ("aten::add", 9, 40.0)], PRODUCTS),
            ([("aten::mm", 5, 20.0), ("aten::addmm", 3, 40.0), ("aten::add_", 8, 10.0)], ["aten::add_", "aten::conv2d"]),
            ([("aten::add", 3, 10.0), ("aten::addmm", 1, 30.0), ("aten::mul", 2, 20.0)], ["aten::add"])],
    mistakes={
        "This is the share of these operations. If they cost nothing, how many times as fast is the whole?": lambda *given: 1 - 1 / my_limit(*given),
        "Turned over: this is the share of the time that is left. Divide the whole by what is left.": lambda *given: 1 / my_limit(*given),
        "You divided by the time of the named operations. They cost nothing; divide by what is left.": lambda *given: 1 / (1 - 1 / my_limit(*given)),
        "You added up calls. A call can be short or long: add up the third column.": altered(my_limit, {", _, time": ", time, _"}),
        "The third column is the time of all calls of a row together. Do not multiply it with the calls.": altered(my_limit, {"time for": "calls * time for", ", _, time": ", calls, time"}),
        "Only the first of the names was looked for.": altered(my_limit, {"in names": "== names[0]"}),
        "Compare whole names: another operation may end in the same letters, as `aten::bmm` and `aten::mm` do.": altered(my_limit, {"name in names": "name[-2:] in [one[-2:] for one in names]"})},
    hints=("Go through the rows with `for name, calls, microseconds in rows`. `name in names` asks whether one is meant.",
           "Two sums: the microseconds of all rows, and those of the named ones, which are to cost nothing.",
           "It is exercise 7.1 with a part that is infinitely many times as fast: before over after."),
    why="It is Amdahl's law, read from a profile: before you work on an operation, ask what it could give at best.")  # fmt: skip


def my_run(runs, goal):
    good = [(seconds, size, rate) for size, rate, seconds, accuracy in runs if accuracy >= goal]
    if not good:
        return None
    _, size, rate = min(good)
    return size, rate


RUNS = [(16, 0.1, 9.5, 0.97), (64, 0.1, 3.5, 0.93), (64, 0.4, 3.6, 0.95),
        (256, 0.1, 1.9, 0.85), (256, 0.4, 1.8, 0.91), (256, 1.6, 2.0, 0.94)]  # fmt: skip

RUN = Exercise(
    "8.3", "choose a run", my_run,
    inputs=[([(8, 0.1, 6.0, 0.93), (32, 0.1, 3.0, 0.92), (64, 0.1, 2.0, 0.85)], 0.9),
            ([(64, 0.1, 2.0, 0.85), (64, 0.4, 2.5, 0.9), (8, 0.1, 6.0, 0.93)], 0.9),
            ([(512, 0.4, 4.0, 0.82), (100, 0.1, 3.0, 0.85), (10, 0.1, 2.5, 0.86)], 0.8),
            *((RUNS, goal) for goal in (0.9, 0.94, 0.95, 0.96, 0.5, 0.99))],
    mistakes={
        "You chose the fastest of all, which may miss the goal. First keep those that reach it.": altered(my_run, {" if accuracy >= goal": ""}),
        "You compared all sizes at one rate. A large batch may need a higher one: look at every run.": altered(my_run, {"accuracy >= goal": "accuracy >= goal and rate == runs[0][1]"}),
        "You chose the most accurate. All that reach the goal are good enough: take the fastest of them.": altered(my_run, {"(seconds, size": "(-accuracy, size"}),
        "You chose the largest batch that is good enough. Compare the seconds: it is not always the fastest.": altered(my_run, {"(seconds, size": "(-size, size"}),
        "You chose the first that is good enough. Take the one with the fewest seconds.": altered(my_run, {"min(good)": "good[0]"}),
        "Equal to the goal is enough: `>=`, not `>`.": altered(my_run, {">=": ">"}),
        "The batch size is right. Give back its learning rate too: a size alone is no recipe.": altered(my_run, {"return size, rate": "return size"}),
        "Where no run reaches the goal there is nothing to choose from. Give back `None` there.": altered(my_run, {"if not good": "if False"})},
    hints=("First keep the runs whose accuracy is at least the goal: `for size, rate, seconds, accuracy in runs`.",
           "Of tuples that begin with the seconds, `min` takes the one with the fewest.",
           "If no run was kept, the list is empty. An empty list counts as false: `if good:` asks whether there is any."),
    why="Good enough is a condition, and fast is what is left to choose by. And sizes may be compared only where each has a rate that suits it.")  # fmt: skip


def my_cycle(step, steps):
    middle = steps / 2
    if step < middle:
        return step / middle
    return (1 + math.cos(math.pi * (step - middle) / middle)) / 2


CYCLE = Exercise(
    "8.4", "a cycle of your own", my_cycle, atol=1e-5,
    inputs=[(1, 4), (2, 4), (3, 4), (2, 5), (3, 5), (4, 5), (3, 7), (5, 7), (0, 16), (2, 16), (8, 16), (13, 16), (15, 16),
            (25, 100), (75, 100), (99, 100)],
    mistakes={
        "It falls from the first step on. It should rise from 0 to 1 in the first half.": lambda step, steps: 1 - step / steps,
        "This is `half_cosine` over all steps. Here it begins in the middle, where the factor is 1.": lambda step, steps: (1 + math.cos(math.pi * step / steps)) / 2,
        "The second half falls in a straight line. Let it follow the cosine.": altered(my_cycle, {"(1 + math.cos(math.pi * (step - middle) / middle)) / 2": "2 - step / middle"}),
        "It reaches 1 at the end. It should be 1 in the middle already.": lambda step, steps: step / steps,
        "The rise is a cosine too. Let it rise in a straight line.": altered(my_cycle, {"step < middle": "False"}),
        "The cosine goes only half its way. In the second half its angle must go from 0 to π.": altered(my_cycle, {"math.pi *": "math.pi / 2 *"}),
        "In the second half the cosine still counts from step 0. Let it count from the middle.": altered(my_cycle, {"(step - middle) / middle": "step / steps"}),
        "A cosine goes down to −1. `half_cosine` adds 1 and halves, so that it ends at 0.": altered(my_cycle, {"(1 + ": "(", ") / 2": ")"}),
        "The middle of an odd number of steps lies between two of them, and `//` rounds it down. Divide with `/`.": altered(my_cycle, {"steps / 2": "steps // 2"}),
        "The middle is `steps / 2`, though the last step is `steps` − 1.": altered(my_cycle, {"steps / 2": "(steps - 1) / 2"})},
    hints=("Two cases: `if step < steps / 2`, and the rest. In the first half the factor is `step / (steps / 2)`.",
           "In the second half, measure how far it is past the middle, from 0 to 1: `(step - steps / 2) / (steps / 2)`.",
           "`half_cosine` falls from 1 to 0 while `step / steps` goes from 0 to 1. What stands in that place now?"),
    why="Both halves meet at 1 in the middle. The factor begins low and ends near 0, as in the lesson's cycle.")  # fmt: skip


def my_smoothed_loss(logits, labels, smoothing):
    log_p = torch.log_softmax(logits, dim=1)
    true = -log_p[range(len(labels)), labels]
    anything = -log_p.mean(dim=1)
    return ((1 - smoothing) * true + smoothing * anything).mean()


SMOOTHED_LOSS = Exercise(
    "8.5", "label smoothing", my_smoothed_loss, atol=1e-5,
    inputs=[(torch.tensor([[1.0, 0.0, -1.0], [0.5, 2.0, 0.0]]), torch.tensor([0, 2]), 0.3),
            (drawn(1, 4, seed=1), torch.tensor([3]), 0.2), (drawn(3, 10, seed=2), torch.tensor([9, 0, 9]), 0.5),
            (drawn(7, 10, seed=3), torch.tensor([1, 7, 7, 0, 3, 4, 9]), 0.1),
            (drawn(4, 5, seed=4, dtype=torch.float64), torch.tensor([4, 0, 1, 1]), 0.0)],
    mistakes={
        "One loss for each sample. Take their mean.": altered(my_smoothed_loss, {"anything).mean()": "anything)"}),
        "The sign is turned around: a loss is minus a logarithm.": altered(my_smoothed_loss, {"return ": "return -"}),
        "This is plain cross entropy: the smoothing takes no part.": altered(my_smoothed_loss, {"((1 - smoothing) * true + smoothing * anything)": "true"}),
        "The shares are exchanged: the true digit gets 1 − ε.": altered(my_smoothed_loss, {"true = ": "anything = ", "anything = -log_p.mean": "true = -log_p.mean"}),
        "The sum over the classes must be divided by their number: it is a mean.": altered(my_smoothed_loss, {"log_p.mean": "log_p.sum"}),
        "The true digit's part is weighted with 1 − ε, so that both shares make one.": altered(my_smoothed_loss, {"(1 - smoothing) * ": ""}),
        "You shared ε among the *other* classes. The formula's sum runs over all of them.": altered(my_smoothed_loss, {"-log_p.mean(dim=1)": "(-log_p.sum(dim=1) - true) / (logits.shape[1] - 1)"}),
        "You divided by 10. Take the mean over the classes that there are.": altered(my_smoothed_loss, {"log_p.mean(dim=1)": "log_p.sum(dim=1) / 10"}),
        "`log_p[:, labels]` takes all of these columns from every row. Each row has one: `log_p[range(len(labels)), labels]`.": altered(my_smoothed_loss, {"range(len(labels))": ":"})},
    hints=("Lesson 3's NLL is `-log_p[range(len(labels)), labels]`, one number for each sample.",
           "The second part is the mean over *all* classes: `-log_p.mean(dim=1)`.",
           "Weigh the first with `1 - smoothing` and the second with `smoothing`, add, and take the mean over the samples."),
    why="It is what `nn.CrossEntropyLoss(label_smoothing=…)` computes. A network that is too sure pays for it in the second part.")  # fmt: skip


def my_flops(maps_in, maps_out, kernel, rows, columns):
    return 2 * kernel * kernel * maps_in * maps_out * rows * columns


FLOPS = Exercise(
    "8.6", "the operations of a convolution", my_flops, inputs=[(2, 4, 3, 5, 6), (1, 16, 5, 28, 28), (16, 32, 3, 14, 14), (8, 4, 2, 6, 9)],
    mistakes={
        "You counted multiplications. Each is followed by an addition, and both count.": lambda i, o, k, r, c: k * k * i * o * r * c,
        "This is for a single place. The filter is laid on every place of the map.": lambda i, o, k, r, c: 2 * k * k * i * o,
        "This is for one of the maps that go out. There are `maps_out` of them.": lambda i, o, k, r, c: 2 * k * k * i * r * c,
        "A filter looks at all maps that come in: there are `maps_in` times as many products.": lambda i, o, k, r, c: 2 * k * k * o * r * c,
        "The filter has `kernel` rows *and* `kernel` columns.": lambda i, o, k, r, c: 2 * k * i * o * r * c,
        "These are the weights. Each is used at every place, for a product and a sum.": lambda i, o, k, r, c: k * k * i * o,
        "The bias is counted too. Leave it out.": lambda i, o, k, r, c: (2 * k * k * i + 1) * o * r * c},
    hints=("One number of one map: the filter has kernel · kernel weights for each map that comes in.",
           "Each weight is a product and a sum, so two operations.",
           "How many numbers come out? `maps_out` maps, and each has `rows` times `columns` of them."),
    why="Two operations for each weight of the window, for each number that comes out. The size of the map counts here, though not for the parameters.")  # fmt: skip


def my_summary(accuracies):
    numbers = torch.tensor(accuracies, dtype=torch.float64)
    return numbers.mean().item(), numbers.std().item() / math.sqrt(len(accuracies))


SUMMARY = Exercise(
    "8.7", "mean and spread", my_summary, parts=("the mean", "its standard error"),
    inputs=[([0.5, 0.9, 0.6],), ([0.991, 0.97, 0.995, 0.989, 0.992],), ([0.2, 0.9, 0.8, 0.85, 0.7, 0.95, 0.9],)],
    mistakes={
        "The second number is the standard deviation: how far *one* seed scatters. Divide it by √n for the error of the mean.": altered(my_summary, {" / math.sqrt(len(accuracies))": ""}),
        "The standard deviation is the one with n. From a few numbers it is too small: divide by n − 1, as `std()` does.": altered(my_summary, {"std()": "std(correction=0)"}),
        "The second number is a standard deviation, and the one with n. Take the one with n − 1, divided by √n.":
            altered(my_summary, {"std()": "std(correction=0)", " / math.sqrt(len(accuracies))": ""}),
        "You divided by n. The error of a mean shrinks with √n only.": altered(my_summary, {"math.sqrt(len(accuracies))": "len(accuracies)"}),
        "You took the variance. Its root is the standard deviation.": altered(my_summary, {"std": "var"}),
        "The second number is the square of the standard error. Take its root.": altered(my_summary, {"std": "var", "math.sqrt(len(accuracies))": "len(accuracies)"}),
        "The two numbers are exchanged: first the mean.": lambda accuracies: my_summary(accuracies)[::-1],
        "The first number is the median. Add up, and divide by the number.": altered(my_summary, {"mean": "median"})},
    hints=("`torch.tensor(accuracies, dtype=torch.float64)` has `.mean()` and `.std()`.",
           "The standard error is the standard deviation over the root of the number of accuracies.",
           "`len(accuracies)` is n, and `math.sqrt` gives a root. Give the two numbers back with a comma between them."),
    why="The deviation says how far one seed scatters, the standard error how far the mean of n seeds would. Four times as many seeds halve it.")  # fmt: skip

EXERCISES = [SPEEDUP, LIMIT, RUN, CYCLE, SMOOTHED_LOSS, FLOPS, SUMMARY]
