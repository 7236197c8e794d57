"""Lesson 5: intervals, paired comparisons, precision, calibration and its repair, a curve to read."""

import math

import torch
from torch.nn import functional as F

from .old_asking import ask, expect, expect_prediction, needs_answer, number_of, spoken, tensor_of
from .old_exercise import Exercise, Wrong

# 5.1 ---------------------------------------------------------------------------------------------------------------


def my_interval(correct, total):
    share = correct / total
    half = 1.96 * math.sqrt(share * (1 - share) / total)
    return share - half, share + half


def wilson(correct, total, z=1.96):
    share, denominator = correct / total, 1 + z**2 / total
    half = z * math.sqrt(share * (1 - share) / total + z**2 / (4 * total**2)) / denominator
    middle = (share + z**2 / (2 * total)) / denominator
    return middle - half, middle + half


def check_interval(answer):
    for correct, total in ((900, 1000), (70, 100), (4800, 10_000)):
        got = tensor_of(ask(answer, correct, total), "your interval")
        share = correct / total
        variance = share * (1 - share) / total
        if got.shape != (2,):
            if got.numel() == 1 and _near(got.item(), 1.96 * math.sqrt(variance), 0.05):
                raise Wrong("This is the half width alone. Take it from the share, and add it: return two numbers.")
            raise Wrong(
                f"An interval has two ends, and your answer holds {got.numel()}. Return the lower and the upper."
            )
        low, high = got.tolist()
        given = f"{correct:,} of {total:,}"
        if not (math.isfinite(low) and math.isfinite(high)):
            raise Wrong(f"For {given} an end is no finite number. Look for a division by zero or a root below it.")
        if low > high:
            raise Wrong("The upper end comes first. Return the lower one, then the upper.")
        right = (my_interval(correct, total), wilson(correct, total))
        tolerance = 0.08 * 1.96 * math.sqrt(variance)
        if any(abs(low - ends[0]) < tolerance and abs(high - ends[1]) < tolerance for ends in right):
            continue
        if high > 1.5:
            unit = "percent" if high <= 100 else "counts of digits"
            raise Wrong(
                f"For {given} you give {spoken(low)} to {spoken(high)}: {unit}. The ends are shares between 0 and 1."
            )
        if not low <= share <= high:
            raise Wrong(
                f"For {given} your interval does not hold the measured share itself, {share:g}, which is its middle."
            )
        mistaken = (
            (1.96 * variance, "p(1 − p)/n is the variance. Its square root is missing: `math.sqrt(…)`."),
            (1.96 * share * (1 - share) / math.sqrt(total), "The root must cover all of p(1 − p)/n, and yours covers n alone."),
            (1.96 * math.sqrt(share * (1 - share)), "This is as wide for a thousand digits as for ten: the division by n is missing."),
            (1.96 * math.sqrt(share / total), "Under the root stands p · (1 − p), and yours has p alone."),
            (math.sqrt(variance), "Your interval is about two standard deviations wide in all, and holds the truth in 68 of 100 cases. For 95 it reaches 1.96 of them to *each* side."),
            (1.645 * math.sqrt(variance), "This is a 90 % interval. For 95 % the factor is 1.96."),
            (2.576 * math.sqrt(variance), "This is a 99 % interval. For 95 % the factor is 1.96."),
        )  # fmt: skip
        for half, words in mistaken:
            if _near((high - low) / 2, half, 0.03):
                raise Wrong(words)
        raise Wrong(
            f"For {given} you give {low:.4f} to {high:.4f}. "
            f"Check with a pencil: s = √({share:g} · {1 - share:g} / {total}), and 1.96 of it to each side."
        )
    for correct in (0, 10):
        ends = tensor_of(ask(answer, correct, 10), "your interval")
        if not torch.isfinite(ends).all():
            raise Wrong(f"Right for the others, but for {correct} of 10 an end is no finite number.")


def _near(number, right, relative):
    return abs(number - right) <= relative * abs(right)


# 5.2 ---------------------------------------------------------------------------------------------------------------


def check_test_digits(answer):
    number = number_of(answer)
    mistaken = (
        (10_000, 0.002, "MNIST's 10,000 give about ±0.2 points. Half of that takes about four times as many."),
        (9900, 0.02, "With so many, ±0.1 points is *one* standard deviation, which holds in 68 of 100 cases. For 95 it must be 1.96 of them."),
        (152_127, 0.05, "So many give ±0.05 points. The interval may be 0.1 points wide to *each* side."),
        (380, 0.06, "So many give ±1 percentage point. 0.1 points is 0.001."),
        (195, 0.03, "The root covers n as well. Solve 0.001 = 1.96 · √(p(1 − p)/n) for n, and square both sides."),
        (19.4, 0.04, "The root is missing: s is √(p(1 − p)/n), so that n grows with the *square* of 1.96/0.001."),
        (960_400, 0.05, "That is for an accuracy of 50 %, where a result scatters most. Here p = 0.99, and p(1 − p) is far smaller."),
        (3_803_184, 0.05, "So many give ±0.01 points. 0.1 percentage points is 0.001."),
    )  # fmt: skip
    if 37_000 <= number <= 41_000:
        return
    for wrong, relative, words in mistaken:
        if _near(number, wrong, relative):
            raise Wrong(words)
    expect_prediction(number, 38_032)


# 5.3 ---------------------------------------------------------------------------------------------------------------


def my_disagreements(labels, first, second):
    first_right, second_right = first == labels, second == labels
    only_first = (first_right & ~second_right).sum()
    only_second = (second_right & ~first_right).sum()
    return only_first, only_second


def check_disagreements(answer):
    generator = torch.Generator().manual_seed(0)
    for size, classes in ((40, 10), (300, 3)):
        labels, *read = (torch.randint(classes, (size,), generator=generator) for _ in range(3))
        first, second = (torch.where(torch.rand(size, generator=generator) < keep, labels, one)
                         for keep, one in zip((0.7, 0.4), read, strict=True))  # fmt: skip
        a, b = first == labels, second == labels
        only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
        differ = int((first != second).sum())
        got = tensor_of(ask(answer, labels, first, second), "your answer")
        if got.numel() == 1:
            one = got.item()
            if one == only_a + only_b:
                raise Wrong("This is both counts added up. How they divide is what matters: return two numbers.")
            if one == differ:
                raise Wrong("You counted where the two differ. Where both are wrong, each in its own way, neither is better. "
                            "Compare each with the labels, and return two counts.")  # fmt: skip
        mistaken = [
            ([only_b, only_a], "These are the two counts in the wrong order: first those on which only the first is right."),
            ([int(a.sum()), int(b.sum())], "You counted all that each reads right. Leave out those that the other reads right as well."),
            ([int((~a).sum()), int((~b).sum())], "You counted all that each reads wrong. Count where one is right *and* the other wrong."),
            ([int((a & (first != second)).sum()), differ], "The second count holds all digits on which they differ, also those "
             "that both misread. Compare it with the labels too."),
            ([differ, differ], "You counted where the two differ. Where both are wrong, each in its own way, neither is better."),
            ([int((a & b).sum()), int((~a & ~b).sum())], "These are both right and both wrong, the two kinds that say nothing. Count the others."),
            ([only_a / size, only_b / size], "These are shares. The coins are counted: leave out the division."),
        ]  # fmt: skip
        given = f"for {size} digits"
        expect(got, [only_a, only_b], mistaken, what="your pair of counts", given=given)


# 5.4 ---------------------------------------------------------------------------------------------------------------


def check_chance(answer):
    mistaken = [
        (9 / 256, "This is one side only: 1 or fewer to B. Just as uneven is 1 or fewer to A, so it counts too."),
        (16 / 256, "You counted the ways to fall exactly 7 to 1. Falling 8 to 0 is more uneven still, and belongs to it."),
        (8 / 256, "These are the 8 ways that give B exactly one. Add the one way that gives it none, and then the other side."),
        (18, "So many ways there are. A chance is their share of all ways that 8 coins can fall."),
        (7 / 8, "This is the share that fell to A. The question is how often *fair* coins do such a thing."),
        (1 / 256, "This is one single way to fall. There are 8 ways that give B just one."),
        (2 / 256, "These are only the two most uneven falls, 8 to 0 and 0 to 8. Those with 7 to 1 belong to it."),
        (7.03125, "Right, but in percent. Write it as a share between 0 and 1."),
        (7.03, "Right, but in percent. Write it as a share between 0 and 1."),
    ]  # fmt: skip
    expect_prediction(answer, 18 / 256, mistaken, rtol=6e-3)


# 5.5 ---------------------------------------------------------------------------------------------------------------


def my_precision(counts):
    called = counts.sum(dim=0)
    return counts.diag() / called.clamp(min=1)


def check_precision(answer):
    generator = torch.Generator().manual_seed(0)
    small = torch.tensor([[8, 2, 0], [0, 10, 0], [2, 8, 0]])
    large = torch.randint(1, 30, (10, 10), generator=generator) + 200 * torch.eye(10, dtype=torch.int64)
    without_empty = torch.tensor([[6, 1, 2], [3, 9, 0], [1, 4, 7]])
    for counts in (without_empty, large, small):
        called = counts.sum(dim=0)
        right = counts.diag() / called.clamp(min=1)
        got = tensor_of(ask(answer, counts), "the precision")
        if got.shape == right.shape:
            got = torch.where((called == 0) & got.isnan(), 0, got)  # 0 / 0: some say it has no value
        if got.shape == right.shape and (got > 1).any():
            raise Wrong(
                "A precision above 1 is impossible: you divided the wrong way round, or gave counts or percent."
            )
        off = counts.sum(dim=0) - counts.diag()
        mistaken = [
            (counts.diag() / counts.sum(dim=1), "This is the recall: you divided by the sums of the rows, the true digits. "
             "For the precision divide by how often each digit was *called*: the columns, `dim=0`."),
            (counts.diag().sum() / counts.sum(), "This is the accuracy, one number for all. Each digit has its own precision."),
            (counts.diag() / counts.sum(), "You divided by all digits. Divide each count by the sum of its own column."),
            (off / called.clamp(min=1), "This is the share that was called so *wrongly*: 1 minus the precision."),
            (right.mean(), "This is the mean over the digits. Return the precision of each."),
        ]  # fmt: skip
        expect(got, right, mistaken, what="the precision", given=f"for a matrix of {len(counts)} digits")


# 5.6 ---------------------------------------------------------------------------------------------------------------


def my_calibration_error(confidence, right, bins=10):
    place = (confidence * bins).long().clamp(max=bins - 1)
    error = 0.0
    for index in range(bins):
        inside = place == index
        if inside.any():
            gap = right[inside].double().mean() - confidence[inside].double().mean()
            error += inside.double().mean() * gap.abs()
    return error


def _gaps(confidence, right, bins, *, with_last=True):
    place = (confidence * bins).long()
    place = place.clamp(max=bins - 1) if with_last else place
    inside = [place == index for index in range(bins) if (place == index).any()]
    gaps = torch.stack([right[i].double().mean() - confidence[i].double().mean() for i in inside])
    return gaps, torch.stack([i.double().mean() for i in inside])


def check_calibration_error(answer):
    generator = torch.Generator().manual_seed(0)
    for size, bins in ((300, 10), (80, 5), (40, 10)):
        confidence = 0.1 + 0.9 * torch.rand(size, generator=generator)
        confidence = (confidence * 1000).floor() / 1000 + 0.0005  # no confidence on a border between two bins,
        confidence[: size // 8] = 1.0  # but the last bin's own end
        likely = 0.3 + 0.4 * confidence  # too sure where confidence is high, not sure enough where it is low
        right = torch.rand(size, generator=generator) < likely
        gaps, weights = _gaps(confidence, right, bins)
        exact = (weights * gaps.abs()).sum()
        lost_gaps, lost_weights = _gaps(confidence, right, bins, with_last=False)
        ten_gaps, ten_weights = _gaps(confidence, right, 10)
        overall = (confidence.double().mean() - right.double().mean()).abs()
        got = number_of(ask(answer, confidence, right, bins), "the calibration error")
        if math.isnan(got):
            raise Wrong("It gives nan: the mean of a bin without any answer is 0 divided by 0. Pass over empty bins.")
        if got < 0:
            raise Wrong("It is below 0. Each gap counts without its sign: take its absolute value, `abs`.")
        mistaken = [
            (gaps.abs().mean(), "Every bin counts alike here, also one with a single answer. Weigh each gap by its share of the answers."),
            (gaps.abs().sum(), "This is the sum of the gaps. Weigh each by its bin's share of the answers, n_b / n."),
            (gaps.abs().sum() / bins, "You divided by the number of bins. Weigh each gap by its bin's share of the answers instead."),
            ((weights * gaps).sum().abs(), "Your gaps keep their signs, so that too sure in one bin pays for too humble in another. "
             "Take each gap's absolute value first."),
            (overall, "This compares the mean confidence with the accuracy over all, so that too sure here pays for too humble "
             "there. Do it bin by bin."),
            ((weights * gaps**2).sum(), "Your gaps are squared. The formula takes their absolute values."),
            ((weights * gaps**2).sum().sqrt(), "Your gaps are squared. The formula takes their absolute values."),
            ((lost_weights * lost_gaps.abs()).sum(), "The answers with a confidence of exactly 1 are lost: 1.0 times the number of bins "
             "falls behind the last one. Let the last bin hold its upper end, with `clamp(max=bins - 1)` or `<=`."),
            ((weights * gaps.abs()).sum() * size, "This is not divided by n. Each weight is a share: the bin's answers over all answers."),
            (exact * 100, "This is in percent. Leave it as a share between 0 and 1."),
        ]  # fmt: skip
        if bins != 10:
            mistaken.append(
                ((ten_weights * ten_gaps.abs()).sum(), f"With `bins={bins}` you still cut into ten. Use the argument.")
            )
        mistaken = [(value, words) for value, words in mistaken if abs(float(value) - float(exact)) > 1e-4]
        given = f"for {size} answers in {bins} bins"
        expect(got, exact, mistaken, what="the calibration error", given=given, rtol=1e-3)


def _calibration_error(total, *, edge="in"):
    """A wrong answer: `total` makes one number of the gaps [B] and the bins' shares [B]."""

    def calibration_error(confidence, right, bins=10):
        return total(*_gaps(confidence, right, bins, with_last=edge == "in"))

    return calibration_error


def calibration_error_with_empty_bins(confidence, right, bins=10):
    place = (confidence * bins).long().clamp(max=bins - 1)
    gaps = [right[place == i].double().mean() - confidence[place == i].mean() for i in range(bins)]
    shares = [(place == i).double().mean() for i in range(bins)]
    return sum(share * abs(gap) for share, gap in zip(shares, gaps, strict=True))


# 5.7 ---------------------------------------------------------------------------------------------------------------


def my_temperature(logits, labels, temperatures):
    losses = [F.cross_entropy(logits / temperature, labels) for temperature in temperatures]
    return temperatures[losses.index(min(losses))]


def check_temperature(answer):
    generator = torch.Generator().manual_seed(0)
    for factor, temperatures in (
        (2.5, [1.0, 0.3, 0.4, 1.5, 2.0, 2.5, 3.5, 4.5]),
        (0.6, [3.0, 0.8, 0.6, 0.3, 1.0, 1.7]),
    ):
        honest = 2.5 * torch.randn(3000, 10, generator=generator)
        labels = torch.multinomial(honest.softmax(dim=1), 1, generator=generator)[:, 0]
        logits = factor * honest
        losses = [F.cross_entropy(logits / temperature, labels).item() for temperature in temperatures]
        best = losses.index(min(losses))
        by_product = [F.cross_entropy(logits * temperature, labels).item() for temperature in temperatures]
        by_product = temperatures[by_product.index(min(by_product))]
        got = number_of(ask(answer, logits, labels, list(temperatures)), "the temperature")
        mistaken = [
            (min(losses), "This is the smallest loss itself. Return the temperature that gave it."),
            (by_product, "You multiplied the logits by the temperature, it seems. Divide them."),
            (min(temperatures), "This is the smallest temperature, which makes the network boldest. Perhaps the loss was taken of the "
             "logits as they are: cross entropy needs a `log_softmax`, or `F.cross_entropy`, which brings it."),
            (max(temperatures), "This is the largest temperature, which makes the network humblest, and no more honest for that. Look for the smallest loss."),
            (temperatures[0], "This is just the first. The accuracy cannot choose: it is the same for every temperature. The loss can."),
        ]  # fmt: skip
        if best not in temperatures:
            mistaken.insert(0, (best, "This is the *place* in the list. Return the temperature that stands there."))
        mistaken = [(value, words) for value, words in mistaken if value != temperatures[best]]
        given = f"of {temperatures}"
        expect(got, temperatures[best], mistaken, what="your choice", given=given)


def _temperature_by(key):
    """A wrong answer: the temperature for which `key` of the logits and the labels is least."""
    return lambda logits, labels, temperatures: min(temperatures, key=lambda t: float(key(logits, labels, t)))


# 5.8 ---------------------------------------------------------------------------------------------------------------


def my_angle(angles, accuracies):
    for angle, accuracy in zip(angles, accuracies, strict=True):
        if accuracies[0] - accuracy > 0.10:
            return angle


EXAMPLE = (0.985, 0.98, 0.96, 0.91, 0.76, 0.52, 0.31)


def check_angle(answer, angles=tuple(range(0, 61, 10)), accuracies=EXAMPLE):
    needs_answer(answer)
    angle = number_of(ask(answer, list(angles), list(accuracies)) if callable(answer) else answer)
    measured = dict(zip(angles, accuracies, strict=True))
    lost = {place: accuracies[0] - accuracy for place, accuracy in measured.items()}
    beyond = [place for place in angles if lost[place] > 0.10]
    if not beyond:
        raise Wrong("In this run no measured angle costs as much. Train for longer, and run the lesson again.")
    if angle == beyond[0]:
        return
    if angle not in measured:
        if 0 < angle < 1:
            raise Wrong("This looks like an accuracy, and an angle is wanted: read it from the axis below the curve.")
        if min(angles) < angle < max(angles):
            raise Wrong(
                f"Nothing was measured at {angle:g}°: between the dots the line is only drawn through. Name a dot's angle."
            )
        raise Wrong(f"{angle:g}° lies outside the figure. The angles go from {min(angles)} to {max(angles)}.")
    if angle == 0:
        raise Wrong("At 0° nothing is turned: that is the accuracy from which the loss is counted.")
    words = f"At {angle:g}° CNN reads {100 * measured[angle]:.1f} %, {100 * lost[angle]:.1f} points below upright."
    if angle < beyond[0]:
        raise Wrong(f"{words} That is not yet more than 10. Go on to larger angles.")
    raise Wrong(f"{words} That is more than 10, but a smaller angle costs that much already.")


EXERCISES = [
    Exercise(
        "5.1",
        "a 95 % interval",
        check_interval,
        hints=(
            "Start with the measured share: `share = correct / total`. It is the middle.",
            "The standard deviation is `math.sqrt(share * (1 - share) / total)`. The root covers everything.",
            "Go 1.96 standard deviations to each side, and return two numbers: `share - half, share + half`.",
        ),
        solution=my_interval,
        why="The interval reaches 1.96 standard deviations to each side of the measured share. Wilson's interval, which "
        "comes next in the lesson, is right as well.",
        mistakes=(
            (lambda k, n: (k / n - 1.96 * k / n * (1 - k / n) / n, k / n + 1.96 * k / n * (1 - k / n) / n), "variance"),
            (
                lambda k, n: (
                    k / n - 1.96 * math.sqrt(k / n * (1 - k / n)),
                    k / n + 1.96 * math.sqrt(k / n * (1 - k / n)),
                ),
                "division by n",
            ),
            (lambda k, n: 1.96 * math.sqrt(k / n * (1 - k / n) / n), "half width alone"),
            (lambda k, n: [100 * end for end in my_interval(k, n)], "percent"),
            (lambda k, n: [n * end for end in my_interval(k, n)], "counts of digits"),
            (lambda k, n: wilson(k, n, 1.0), "68 of 100"),
            (lambda k, n: my_interval(k, n)[::-1], "upper end comes first"),
            (lambda k, n: wilson(k, n, 1.645), "90 %"),
            (lambda k, n: wilson(k, n, 2.576), "99 %"),
            (
                lambda k, n: (-1.96 * math.sqrt(k / n * (1 - k / n) / n), 1.96 * math.sqrt(k / n * (1 - k / n) / n)),
                "measured share",
            ),
        ),
    ),
    Exercise(
        "5.2",
        "how many test digits",
        check_test_digits,
        hints=(
            "Half the interval's width is 1.96 · √(p(1 − p)/n). Which n makes that 0.001, with p = 0.99?",
            "Divide by 1.96 and square: p(1 − p)/n = (0.001 / 1.96)².",
            "So n = 0.99 · 0.01 · (1.96 / 0.001)².",
        ),
        solution="""
            my_test_digits = 0.99 * 0.01 * (1.96 / 0.001) ** 2  # about 38,000
        """,
        why="About 38,000, nearly four times as many as MNIST has. Because of the root, each further decimal costs a hundred "
        "times as many digits.",
        mistakes=(
            (9900, "one"),
            (380, "percentage point"),
            (195, "square both sides"),
            (19.4, "root is missing"),
            (960_400, "50 %"),
            (152_127, "each"),
            (10_000, "about ±0.2"),
            (1000, "too small"),
            ("many", "a text"),
        ),
    ),
    Exercise(
        "5.3",
        "digits that tell two networks apart",
        check_disagreements,
        hints=(
            "`first == labels` is true where the first network is right.",
            "`a & ~b` is true where a is true and b is not. `.sum()` counts.",
            "Return `(a & ~b).sum(), (b & ~a).sum()`, with a and b from the first hint.",
        ),
        solution=my_disagreements,
        why="Digits that both read, or both misread, say nothing about which is better, however many they are.",
        mistakes=(
            (lambda t, a, b: my_disagreements(t, b, a), "wrong order"),
            (lambda t, a, b: ((a == t).sum(), (b == t).sum()), "all that each reads right"),
            (lambda t, a, b: (a != b).sum(), "both are wrong"),
            (lambda t, a, b: ((a != b).sum(), (a != b).sum()), "neither is better"),
            (lambda t, a, b: ((a == t) ^ (b == t)).sum(), "added up"),
            (lambda t, a, b: (((a == t) & (b == t)).sum(), ((a != t) & (b != t)).sum()), "say nothing"),
            (lambda t, a, b: [x / len(t) for x in my_disagreements(t, a, b)], "shares"),
        ),
    ),
    Exercise(
        "5.4",
        "fair coins",
        check_chance,
        hints=(
            "Eight coins can fall in 2⁸ = 256 ways. In how many of them does B get exactly one? In how many none?",
            "Eight ways give B one, one way gives B none: 9. As uneven to the other side are another 9.",
        ),
        solution="""
            my_chance = 2 * (8 + 1) / 2**8  # 0.0703
        """,
        why="18 of 256 ways: about 7 in 100. It looks like a clear victory, and yet it is what luck alone does in one case "
        "of fourteen.",
        mistakes=(
            (9 / 256, "one side only"),
            (0.0625, "exactly 7 to 1"),
            (8 / 256, "exactly one"),
            (18, "share of all ways"),
            (0.875, "fell to A"),
            (2 / 256, "most uneven"),
            (7.03, "percent"),
            (0.5, "too large"),
        ),
    ),
    Exercise(
        "5.5",
        "precision",
        check_precision,
        hints=(
            "How often was a digit called? That is the sum of its *column*: `counts.sum(dim=0)`.",
            "How often rightly? `counts.diag()`. Divide one by the other.",
            "A column of zeros would give 0 / 0. `.clamp(min=1)` makes its sum 1, and the result 0.",
        ),
        solution=my_precision,
        why="The columns are what the network said, so the precision divides the diagonal by their sums.",
        mistakes=(
            (lambda c: c.diag() / c.sum(dim=1), "recall"),
            (lambda c: c.diag().sum() / c.sum(), "accuracy"),
            (lambda c: c.diag() / c.sum(), "own column"),
            (lambda c: c.sum(dim=0) / c.diag().clamp(min=1), "impossible"),
            (lambda c: (c.sum(dim=0) - c.diag()) / c.sum(dim=0).clamp(min=1), "1 minus"),
            (lambda c: my_precision(c).mean(), "mean over the digits"),
            (lambda c: my_precision(c)[:2], "shape"),
        ),
    ),
    Exercise(
        "5.6",
        "the expected calibration error",
        check_calibration_error,
        hints=(
            "The bin of each answer: `(confidence * bins).long().clamp(max=bins - 1)`. Then go through the bins in a loop.",
            "In each bin that is not empty: the gap is the mean of `right` minus the mean of `confidence`, without its sign. "
            "(`right` is true or false: `.double()` makes numbers of it.)",
            "Multiply each gap by the bin's share of all answers, and add up.",
        ),
        solution=my_calibration_error,
        why="Each bin counts with its share of the answers, and without its sign: too sure here does not pay for too humble "
        "there.",
        mistakes=(
            (_calibration_error(lambda gaps, shares: gaps.abs().mean()), "counts alike"),
            (_calibration_error(lambda gaps, shares: gaps.abs().sum()), "sum of the gaps"),
            (_calibration_error(lambda gaps, shares: (gaps * shares).sum().abs()), "signs"),
            (_calibration_error(lambda gaps, shares: (-gaps * shares).sum() - 0.5), "below 0"),
            (_calibration_error(lambda gaps, shares: (gaps**2 * shares).sum()), "squared"),
            (_calibration_error(lambda gaps, shares: (gaps.abs() * shares).sum(), edge="out"), "exactly 1"),
            (calibration_error_with_empty_bins, "empty bins"),
            (lambda c, r, bins=10: my_calibration_error(c, r), "Use the argument"),
        ),
    ),
    Exercise(
        "5.7",
        "the temperature",
        check_temperature,
        hints=(
            "For one temperature, the loss is `F.cross_entropy(logits / temperature, labels)`.",
            "Compute it for every temperature of the list, and remember which one gave the smallest.",
            "`min(temperatures, key=…)` finds it in one line: the key is a function that gives the loss of a temperature.",
        ),
        solution=my_temperature,
        why="Cross entropy is least where the probabilities are honest. Accuracy cannot choose, since it is the same for every "
        "temperature.",
        mistakes=(
            (_temperature_by(lambda z, y, t: F.cross_entropy(z * t, y)), "Divide them"),
            (_temperature_by(lambda z, y, t: F.nll_loss(z / t, y)), "log_softmax"),
            (_temperature_by(lambda z, y, t: -((z / t).argmax(1) == y).double().mean()), "just the first"),
            (lambda z, y, ts: min(F.cross_entropy(z / t, y) for t in ts), "loss itself"),
            (lambda z, y, ts: int(torch.stack([F.cross_entropy(z / t, y) for t in ts]).argmin()), "place"),
            (_temperature_by(lambda z, y, t: (z / t).softmax(1).max(1).values.mean()), "humblest"),
        ),
    ),
    Exercise(
        "5.8",
        "a curve to read",
        check_angle,
        hints=(
            "The dots stand at the measured angles. What is the accuracy at 0°? Take 0.10 from it.",
            "The table below the figure has the numbers: go along the row of `CNN` under rotation until one is below that.",
        ),
        solution=my_angle,
        why="The loss is counted from the upright digits of this run, so the angle may differ from one training to another.",
        mistakes=(
            (30, "not yet"),
            (60, "a smaller angle"),
            (0.76, "an accuracy"),
            (35, "Nothing was measured"),
            (0, "nothing is turned"),
            (90, "outside"),
            ("forty", "a text"),
        ),
    ),
]
