"""Lesson 6: intervals, paired comparisons, precision, calibration and its repair, a curve to read."""

import math

import torch
from torch.nn import functional as F

from .exercise import Code, Exercise, NotRight, altered, drawn, refuse_if
from .judging import number_of


def my_interval(correct, total):
    share = correct / total
    half = 1.96 * math.sqrt(share * (1 - share) / total)
    return share - half, share + half


def interval(correct, total):
    z = 1.96
    share, denominator = correct / total, 1 + z**2 / total
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)) / denominator
    middle = (share + z**2 / (2 * total)) / denominator
    return middle - half, middle + half


INTERVAL = Exercise(
    "6.1", "a 95 % interval", my_interval, atol=1e-4,
    inputs=[(3, 10), (70, 100), (900, 1000), (4800, 10_000), (0, 10), (10, 10)],
    also=(interval, altered(my_interval, {"1.96": "2"})),  # two deviations are a rule of thumb
    mistakes={
        "This is the half width alone. Take it from the share, and add it: give back two numbers.": altered(my_interval, {"share - half, share + half": "half"}),
        "These are the middle and the half width. Give back the two ends: share − half, and share + half.": altered(my_interval, {"share - half, share + half": "share, half"}),
        "The upper end comes first. Give back the lower one, then the upper.": lambda *counts: my_interval(*counts)[::-1],
        "These are percentages. The ends are shares between 0 and 1.": lambda *counts: [100 * end for end in my_interval(*counts)],
        "p(1 − p)/n is the variance. Its square root is missing: `math.sqrt(…)`.": altered(my_interval, {"math.sqrt": ""}),
        "The root must cover all of p(1 − p)/n, and yours covers n alone.": altered(my_interval, {"math.sqrt(share * (1 - share) / total)": "share * (1 - share) / math.sqrt(total)"}),
        "The root must cover all of p(1 − p)/n, and yours leaves out n.": altered(my_interval, {" / total)": ") / total"}),
        "This is as wide for a thousand digits as for ten: the division by n is missing.": altered(my_interval, {" / total)": ")"}),
        "This is one standard deviation to each side, which holds the truth in 68 of 100 cases. For 95 take 1.96 of them.": altered(my_interval, {"1.96": "1"}),
        "This is a 90 % interval. For 95 % the factor is 1.96.": altered(my_interval, {"1.96": "1.645"})},
    hints=("Start with the measured share: `share = correct / total`. It is the middle.",
           "The standard deviation is the root of p(1 − p)/n, and the root covers all of it: `math.sqrt(…)`.",
           "Go 1.96 standard deviations down from the middle, and as many up. Give back both ends, the lower one first."),
    why="The interval reaches 1.96 standard deviations to each side of the measured share. Wilson's interval, which comes next, is right as well.")  # fmt: skip

TEST_DIGITS = Exercise(
    "6.2", "how many test digits", "my_test_digits = 0.99 * 0.01 * (1.96 / 0.001) ** 2  # about 38,000", rtol=0.055,
    mistakes={
        "So many make ±0.1 points *one* standard deviation, which holds in 68 of 100 cases. For 95 it must be 1.96 of them.": 9900.0,
        "So many give ±0.05 points. The interval may be 0.1 points wide to *each* side.": 152_127.0,
        "So many give ±1 percentage point. 0.1 points is 0.001.": 380.0,
        "So many give ±0.01 points. 0.1 percentage points is 0.001, and under the root stand both factors, p and 1 − p.": 3_803_184.0,
        "The root covers n as well. Solve 0.001 = 1.96 · √(p(1 − p)/n) for n, and square both sides.": 195.0,
        "The root is missing: s is √(p(1 − p)/n), so that n grows with the *square* of 1.96/0.001.": 19.4,
        "That is for an accuracy of 50 %, where a result scatters most. Here p = 0.99, and p(1 − p) is far smaller.": 960_400.0},
    hints=("Half the interval's width is 1.96 · √(p(1 − p)/n). Which n makes that 0.001, with p = 0.99?",
           "Divide by 1.96 and square: p(1 − p)/n = (0.001 / 1.96)².",
           "Now n stands below the line. Multiply by it, and divide by the right-hand side."),
    why="About 38,000, nearly four times as many as MNIST has. Because of the root, each further decimal costs a hundred times as many digits.")  # fmt: skip


def my_disagreements(labels, first, second):
    first_right, second_right = first == labels, second == labels
    only_first = (first_right & ~second_right).sum()
    only_second = (second_right & ~first_right).sum()
    return only_first, only_second


DISAGREEMENTS = Exercise(
    "6.3", "digits that tell two networks apart", my_disagreements,
    inputs=[(torch.tensor([7]), torch.tensor([7]), torch.tensor([1])),
            (torch.tensor([3, 5, 5, 8, 0, 9]), torch.tensor([3, 5, 5, 3, 6, 4]), torch.tensor([3, 3, 8, 8, 8, 4])),
            (torch.tensor([4, 4, 1, 2]), torch.tensor([9, 4, 7, 2]), torch.tensor([4, 4, 1, 3])),
            (torch.arange(40) % 3, torch.arange(40) * 7 % 4, torch.arange(40) * 11 % 5)],
    mistakes={
        "These are the two counts in the wrong order: first those on which only the first is right.": lambda labels, first, second: my_disagreements(labels, second, first),
        "You counted all that each reads right. Leave out those that the other reads right as well.": altered(my_disagreements, {" & ~second_right": "", " & ~first_right": ""}),
        "You counted all that each reads wrong. Count where one is right *and* the other wrong.":
            altered(my_disagreements, {"(first_right & ~second_right)": "(~first_right)", "(second_right & ~first_right)": "(~second_right)"}),
        "The second count also holds digits that both misread, each in its own way. Compare it with the labels too.": altered(my_disagreements, {"second_right & ~first_right": "first != second"}),
        "You counted where the two differ. Where both are wrong, neither is better: compare each with the labels, and return two counts.": lambda labels, first, second: (first != second).sum(),
        "This is both counts added up. How they divide is what matters: give back two numbers.": lambda *given: sum(my_disagreements(*given)),
        "These are shares. The coins are counted: leave out the division.": lambda labels, *readings: [count / len(labels) for count in my_disagreements(labels, *readings)]},
    hints=("`first == labels` is true where the first network is right.",
           "`a & ~b` is true where a is true and b is not. `.sum()` counts the Trues.",
           "Two such counts: right in the first and not in the second, and the other way round."),
    why="Digits that both read, or both misread, say nothing about which is better, however many they are.")  # fmt: skip

CHANCE = Exercise(
    "6.4", "fair coins", "my_chance = 2 * (8 + 1) / 2**8  # 0.0703", rtol=5e-3,
    mistakes={
        "This is one side only: 1 or fewer to B. Just as uneven is 1 or fewer to A, so it counts too.": 9 / 256,
        "You counted the ways to fall exactly 7 to 1. Falling 8 to 0 is more uneven still, and belongs to it.": 16 / 256,
        "These are the 8 ways that give B exactly one. Add the one way that gives it none, and then the other side.": 8 / 256,
        "This is one single way to fall. There are 8 ways that give B just one.": 1 / 256,
        "These are only the two most uneven falls, 8 to 0 and 0 to 8. Those with 7 to 1 belong to it.": 2 / 256,
        "So many ways there are. A chance is their share of all ways that 8 coins can fall.": 18,
        "Right, but in percent. Write it as a share between 0 and 1.": 100 * 18 / 256},
    hints=("Eight coins can fall in 2⁸ = 256 ways. In how many of them does B get exactly one? In how many none?",
           "With four coins, above, those were 4 + 1 ways. How many are they with eight?",
           "As uneven to the other side are as many again. What share of all 256 ways is that together?"),
    why="18 of 256 ways: about 7 in 100. It looks like a clear victory, and yet it is what luck alone does in one case of fourteen.")  # fmt: skip


def my_precision(counts):
    called = counts.sum(dim=0)
    return counts.diag() / called.clamp(min=1)


PRECISION = Exercise(
    "6.5", "precision", my_precision,
    inputs=[(torch.tensor([[3, 1], [5, 1]]),), (torch.tensor([[4]]),), (torch.tensor([[1, 2], [0, 3]]),),
            (torch.tensor([[8, 2, 0], [0, 10, 0], [2, 8, 0]]),), (torch.tensor([[0, 2, 4], [0, 6, 0], [1, 2, 1]]),),
            ((torch.arange(100) * 7 % 11).reshape(10, 10) + 30 * torch.eye(10, dtype=torch.int64),)],
    mistakes={
        "A digit that was never named has a column of zeros, and 0 / 0 is nan. Give 0 there, with `clamp` for instance.": lambda counts: counts.diag() / counts.sum(dim=0),
        "This is the recall: you divided by the sums of the rows. How often a digit was *called* stands in its column, `dim=0`.": lambda counts: counts.diag() / counts.sum(dim=1),
        "The largest count of a column is not always the one on the diagonal: what was called 4 may be a 9 more often.": lambda counts: counts.max(dim=0).values / counts.sum(dim=0).clamp(min=1),
        "The largest count of a row tells nothing about its column. What was called rightly stands on the diagonal.": lambda counts: counts.max(dim=1).values / counts.sum(dim=0).clamp(min=1),
        "This is the accuracy, one number for all. Each digit has its own precision.": lambda counts: counts.diag().sum() / counts.sum(),
        "You divided by all digits. Divide each count by the sum of its own column.": lambda counts: counts.diag() / counts.sum(),
        "This is the share that was called so *wrongly*: 1 minus the precision.": lambda counts: 1 - my_precision(counts),
        "You divided the wrong way round: the diagonal is to be divided by the sums.": lambda counts: counts.sum(dim=0) / counts.diag()},
    hints=("How often was a digit called? That is the sum of its *column*: the axis `dim=0` is added up.",
           "How often rightly? `counts.diag()`. Which of the two is divided by which?",
           "A column of zeros would give 0 / 0. `.clamp(min=1)` makes its sum 1, and the result 0."),
    why="The columns are what the network said, so the precision divides the diagonal by their sums.")  # fmt: skip


def my_calibration_error(confidence, right, bins=10):
    place = (confidence * bins).long().clamp(max=bins - 1)
    error = 0.0
    for index in range(bins):
        inside = place == index
        if inside.any():
            gap = right[inside].double().mean() - confidence[inside].double().mean()
            error += (inside.double().mean() * gap.abs()).item()
    return error


CALIBRATION_ERROR = Exercise(
    "6.6", "the expected calibration error", my_calibration_error,
    # no confidence lies on a border between two bins, but many at the end of the last
    inputs=[(torch.tensor([0.95, 0.95, 0.95, 0.95, 0.65, 0.65]), torch.tensor([True, True, True, False, True, False])),
            (torch.tensor([1.0]), torch.tensor([False])), (torch.tensor([0.55, 1.0, 0.62, 0.93]), torch.tensor([True, False, True, True]), 4),
            (torch.tensor([0.35, 0.38, 0.97], dtype=torch.float64), torch.tensor([True, True, False]), 3),
            (torch.tensor([0.46, 0.88, 0.71, 0.58]), torch.tensor([False, True, True, False]), 1),
            (Code("(0.1 + torch.rand(300)).clamp(max=1)"), Code("torch.rand(300) < 0.7"), 7)],
    mistakes={
        "It gives nan: the mean of a bin without any answer is 0 divided by 0. Pass over empty bins.": altered(my_calibration_error, {"inside.any()": "True"}),
        "An answer with a confidence of exactly 1 is lost. Let the last bin hold its upper end: `clamp(max=bins - 1)` or `<=`.": altered(my_calibration_error, {".clamp(max=bins - 1)": ""}),
        "Every bin counts alike here, also one with a single answer. Weigh each gap by its share of the answers.":
            altered(my_calibration_error, {"inside.double().mean() * ": "", "return error": "return error / len(place.unique())"}),
        "You divided by the number of bins. Weigh each gap by its bin's share of the answers instead.":
            altered(my_calibration_error, {"inside.double().mean() * ": "", "return error": "return error / bins"}),
        "This is the sum of the gaps. Weigh each by its bin's share of the answers, n_b / n.": altered(my_calibration_error, {"inside.double().mean() * ": ""}),
        "Each gap counts without its sign: take its absolute value, `abs`.": altered(my_calibration_error, {"gap.abs()": "gap"}),
        "Too sure in one bin pays here for too humble in another. Take each gap's absolute value *before* you add up.":
            altered(my_calibration_error, {"gap.abs()": "gap", "return error": "return abs(error)"}),
        "You cut into ten whatever `bins` says. Use the argument.": lambda confidence, right, bins=10: my_calibration_error(confidence, right),
        "This is in percent. Leave it as a share between 0 and 1.": lambda *given: 100 * my_calibration_error(*given)},
    hints=("The bin of each answer: `confidence * bins`, rounded down, and at most `bins - 1`. Go through the bins in a loop.",
           "The gap of a bin that is not empty: the mean of `right.double()` minus that of `confidence`, without its sign.",
           "Multiply each gap by the bin's share of all answers, and add up."),
    why="Each bin counts with its share of the answers, and without its sign: too sure here does not pay for too humble there.")  # fmt: skip


def my_temperature(logits, labels, temperatures):
    losses = [F.cross_entropy(logits / temperature, labels) for temperature in temperatures]
    return temperatures[losses.index(min(losses))]


TEMPERATURE = Exercise(
    "6.7", "the temperature", my_temperature,
    inputs=[(drawn(1, 10, seed=54), torch.tensor([9]), [1.0, 0.5, 4.0, 2.0]), (drawn(2, 10, seed=25), torch.tensor([9, 7]), [3.0, 1.0, 0.4, 2.0]),
            (drawn(3, 10, seed=1), torch.tensor([2, 6, 5]), [1.0, 0.3, 0.5, 1.5, 5.0]),
            (drawn(7, 10, seed=44, size=0.5), torch.tensor([7, 9, 4, 1, 3, 7, 0]), [3.0, 0.8, 0.6, 0.3, 1.0, 1.7]),
            (drawn(6, 10, seed=9, size=4, dtype=torch.float64) - 10, torch.tensor([0, 8, 5, 5, 0, 4]), [1.0, 0.3, 0.4, 1.5, 2.0, 2.5, 3.5, 4.5])],
    mistakes={
        "This is the smallest loss itself. Give back the temperature that gave it.": altered(my_temperature, {"temperatures[losses.index(min(losses))]": "min(losses)"}),
        "This is the *place* in the list. Give back the temperature that stands there.": altered(my_temperature, {"temperatures[losses.index(min(losses))]": "losses.index(min(losses))"}),
        "You multiplied the logits by the temperature. Divide them.": altered(my_temperature, {"logits /": "logits *"}),
        "`nll_loss` takes a `log_softmax`, and not logits. `F.cross_entropy` brings its own.": altered(my_temperature, {"cross_entropy": "nll_loss"}),
        "The softmax was taken twice: `F.cross_entropy` brings its own, and takes logits.": altered(my_temperature, {"logits / temperature": "(logits / temperature).softmax(dim=1)"}),
        "This is the first of the list. The accuracy cannot choose: it is the same for every temperature. The loss can.": lambda logits, labels, temperatures: temperatures[0],
        "This is the smallest temperature, which makes the network boldest. Look for the smallest *loss*.": lambda logits, labels, temperatures: min(temperatures)},
    hints=("The loss of a temperature: divide the logits by it, and take the cross entropy with the labels.",
           "Compute it for every temperature of the list, and remember which one gave the smallest.",
           "`min(temperatures, key=…)` finds it in one line: the key is a function that gives the loss of a temperature."),
    why="Cross entropy is least where the probabilities are honest. Accuracy cannot choose, since it is the same for every temperature.")  # fmt: skip


def my_angle(angles, accuracies, count=300):
    lowest_upright, _ = interval(accuracies[0] * count, count)
    for angle, accuracy in zip(angles, accuracies, strict=True):
        _, highest = interval(accuracy * count, count)
        if lowest_upright - highest > 0.10:
            return angle


EXAMPLE = [0, 10, 20, 30, 40, 50, 60], [0.985, 0.98, 0.96, 0.87, 0.76, 0.52, 0.31]


def judge_angle(outcomes, angles=EXAMPLE[0], accuracies=EXAMPLE[1], count=300):
    """The first measured angle that costs more than 10 points for certain, by either of the lesson's intervals."""
    angle = number_of(outcomes[0].value)
    dots = f"{', '.join(map(str, angles[:-1]))} and {angles[-1]}"
    refuse_if(angle not in angles, f"No dot stands at an angle of {angle:g}. The measured angles are {dots}.")
    place = angles.index(angle)
    for ends in (my_interval, interval):
        lowest, highest = ends(accuracies[0] * count, count)[0], [ends(one * count, count)[1] for one in accuracies]
        lost = [lowest - high > 0.10 for high in highest]
        if lost[place] and not any(lost[:place]):
            return
    refuse_if(not any(lost), "In this run no measured angle costs as much. Train for longer, and run the lesson again.")
    words = f"CNN's interval upright begins at {lowest:.1%}, and at {angle:g}° it ends at {highest[place]:.1%}."
    refuse_if(lost[place], f"{words} That is more than 10 points below, but a smaller angle costs that much already.")
    if accuracies[0] - accuracies[place] > 0.10:
        words += " The accuracies differ by more than 10 points, but a part of that may be luck."
    raise NotRight(f"{words} That is not yet enough. Go on to larger angles.")


ANGLE = Exercise(
    "6.8", "a curve to read", my_angle, inputs=[(*EXAMPLE, 300)], use="rule", judge=judge_angle,
    mistakes={"may be luck": 30, "not yet": 10, "a smaller angle": 60, "No dot stands at an angle of 35": 35},
    hints=("For every dot, `interval(accuracy * count, count)` gives the lower and the upper end.",
           "Take the lower end at 0°, and from it 0.10. From which angle on does even the *upper* end lie below that?",
           "Print the upper ends beside the angles, and stop at the first that is small enough. Or let a loop do it."),
    why="Where the intervals lie so far apart, no luck of the drawn digits explains it.")  # fmt: skip

EXERCISES = [INTERVAL, TEST_DIGITS, DISAGREEMENTS, CHANCE, PRECISION, CALIBRATION_ERROR, TEMPERATURE, ANGLE]
