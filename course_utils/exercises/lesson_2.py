"""Lesson 2: constant guesses, mini-batches, a loss whose shapes fit, means weighted by samples, hedging."""

from itertools import islice

import torch

from .old_asking import ask, expect, expect_prediction, needs_answer, number_of, tensor_of
from .old_exercise import Exercise, Wrong

# 2.1 ---------------------------------------------------------------------------------------------------------------


def check_constant(answer):
    mistaken = [
        ([3, 29 / 3], "3 is the middle one of the three, and it scores 29/3. It is the best constant for the mean *distance*. "
         "For squares the far label pulls harder."),
        ([4, 26], "The constant is right. The score is a mean: divide the sum of the squares by 3."),
        ([4, 13], "The constant is right. You divided by N − 1, as statisticians do with a sample. The loss divides by N = 3."),
        ([4, 10 / 3], "The constant is right. The score squares each difference before it adds them up."),
        ([26 / 3, 4], "These are the right two numbers in the wrong order: first the constant, then its score."),
        ([4.5, (12.25 + 2.25 + 12.25) / 3], "4.5 is the middle between the smallest and the largest label. Each of the three pulls."),
    ]  # fmt: skip
    expect_prediction(answer, [4, 26 / 3], mistaken, rtol=5e-3)


# 2.2 ---------------------------------------------------------------------------------------------------------------


def my_mini_batches(images, labels, batch_size, generator):
    order = torch.randperm(len(labels), generator=generator)
    for start in range(0, len(labels), batch_size):
        chosen = order[start : start + batch_size]
        yield images[chosen], labels[chosen]


def check_mini_batches(answer):
    for size, batch_size in ((10, 4), (12, 3), (5, 8)):
        images, labels = 1000 + torch.arange(size).reshape(size, 1, 1), torch.arange(size)
        first = _taken(answer, images, labels, batch_size, 0)
        sizes = [len(part) for part in first]
        expected = [batch_size] * (size // batch_size) + [size % batch_size] * (size % batch_size > 0)
        told = f"{size} digits in batches of {batch_size} should give the sizes {expected}, and yours are {sizes}."
        if sizes != expected:
            if sizes == expected[:-1] and size % batch_size:
                raise Wrong(f"{told} The last, short batch is missing, and with it digits that nobody learns from.")
            raise Wrong(told)
        order = torch.cat(first).tolist()
        if sorted(order) != list(range(size)):
            lost = sorted(set(range(size)) - set(order))
            raise Wrong(
                f"In an epoch every digit should come exactly once, and of {size} digits {len(lost)} never came while others "
                "came twice. Draw one order for the whole epoch (`torch.randperm`) and cut it up."
            )
    orders = [torch.cat(_taken(answer, torch.arange(50), torch.arange(50), 7, seed)).tolist() for seed in (0, 1, 0)]
    if orders[0] == list(range(50)):
        raise Wrong(
            "The digits come in the order they have in the data set. Shuffle them: `torch.randperm(…, generator=generator)`."
        )
    if orders[0] == orders[1]:
        raise Wrong(
            "Generators with different seeds give the same order. Draw it from the `generator` that was passed."
        )
    if orders[0] != orders[2]:
        raise Wrong("Two generators with the same seed give different orders. Draw from the `generator` that was passed, and "
                    "from nothing else.")  # fmt: skip


def _taken(answer, images, labels, batch_size, seed) -> list[torch.Tensor]:
    """The labels of each batch that a student's generator hands out; each must fit its images."""
    parts = ask(answer, images, labels, batch_size, torch.Generator().manual_seed(seed))
    if not hasattr(parts, "__iter__"):
        raise Wrong("What comes back cannot be walked through with `for`. Hand out each batch with `yield`.")
    taken = []
    for part in islice(parts, 100):
        needs_answer(part)
        if not isinstance(part, list | tuple) or len(part) != 2:
            raise Wrong("Each batch is a pair: `yield images[…], labels[…]`.")
        some_images, some_labels = (
            tensor_of(part[0], "the images of a batch"),
            tensor_of(part[1], "the labels of a batch"),
        )
        if len(some_images) != len(some_labels) or not torch.equal(some_images.flatten() % 1000, some_labels):
            raise Wrong("Images and labels of a batch do not belong together. Pick both with the same places.")
        taken.append(some_labels.long())
    if len(taken) == 100:
        raise Wrong("It never ends: a hundred batches came from a dozen digits. Stop when every digit has come once.")
    return taken


def _whole_batches_only(images, labels, batch_size, generator):
    for part in my_mini_batches(images, labels, batch_size, generator):
        if len(part[1]) == batch_size:
            yield part


def _drawn_anew(images, labels, batch_size, generator):
    for start in range(0, len(labels), batch_size):
        size = min(batch_size, len(labels) - start)
        chosen = torch.randint(len(labels), (size,), generator=generator)
        yield images[chosen], labels[chosen]


def _unshuffled(images, labels, batch_size, generator):
    for start in range(0, len(labels), batch_size):
        yield images[start : start + batch_size], labels[start : start + batch_size]


def _own_seed(images, labels, batch_size, generator):
    return my_mini_batches(images, labels, batch_size, torch.Generator().manual_seed(7))


def _torn_pairs(images, labels, batch_size, generator):
    other = images[torch.randperm(len(labels), generator=generator)]
    return my_mini_batches(other, labels, batch_size, generator)


def _for_ever(images, labels, batch_size, generator):
    while True:
        yield from my_mini_batches(images, labels, batch_size, generator)


# 2.3 ---------------------------------------------------------------------------------------------------------------


def my_squared_error(outputs, labels):
    return ((outputs[:, 0] - labels) ** 2).mean()


def check_squared_error(answer):
    generator = torch.Generator().manual_seed(0)
    for size in (4, 7):
        outputs = 5 * torch.rand(size, 1, generator=generator)
        labels = torch.randint(10, (size,), generator=generator)
        errors = outputs[:, 0] - labels
        mistaken = [
            (((outputs - labels) ** 2).mean(), "Every answer was compared with every label: `[N, 1]` minus `[N]` gives `[N, N]`. "
             "Bring both into one shape first, with `outputs[:, 0]` or `labels.unsqueeze(1)`."),
            ((errors**2).sum(), "This is the sum of the squares. Take their mean, so that the loss does not grow with the batch."),
            (errors.abs().mean(), "This is the mean distance. Square each difference before the mean."),
            (errors.mean() ** 2, "The order is turned round: square first, then take the mean. Otherwise errors up and down cancel."),
            (errors.mean(), "The squares are missing, so errors up and down cancel."),
            ((errors**2).mean().sqrt(), "This is the root of the right number. The loss itself has no root."),
        ]  # fmt: skip
        expect(ask(answer, outputs, labels), (errors**2).mean(), mistaken, what="the loss")


# 2.4 ---------------------------------------------------------------------------------------------------------------


def my_mean_loss(losses, sizes):
    return sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / sum(sizes)


def check_mean_loss(answer):
    for losses, sizes in (([2.0, 1.0, 4.0], [100, 100, 20]), ([0.5, 3.0], [64, 1])):
        weighted = sum(loss * size for loss, size in zip(losses, sizes, strict=True))
        mistaken = [
            (sum(losses) / len(losses), "This is the mean over the batches: the short last batch counts as much as a full one. Let "
             "every digit count the same."),
            (weighted, "This is the sum over all digits. Divide by how many there are: the sum of the sizes."),
            (weighted / len(losses), "You weighed each loss with its size, and then divided by the number of batches. Divide by the "
             "number of digits."),
            (sum(losses) / sum(sizes), "The losses were added up as they are. Each is a mean already: multiply it by its size first."),
        ]  # fmt: skip
        got = ask(answer, list(losses), list(sizes))
        expect(number_of(got), weighted / sum(sizes), mistaken, what="the mean")


# 2.5 ---------------------------------------------------------------------------------------------------------------


def check_hedge(answer):
    mistaken = [
        (3, "3 is the most probable digit. With squared errors the rare 7 pulls the best answer towards it."),
        (5, "5 is the middle of 3 and 7. The more probable digit pulls harder."),
        (7, "7 is the less probable of the two."),
        (6, "Three quarters of the weight are on the 3, not on the 7."),
        (10, "This is the sum of both. Weigh each with its probability."),
    ]
    expect_prediction(answer, 4, mistaken, rtol=1e-3)


# 2.6 ---------------------------------------------------------------------------------------------------------------


def check_gradient_left(answer):
    mistaken = [
        (0.25, "That is one sigmoid. The gradient passes through both."),
        (0.5, "The slopes are multiplied, and not added up."),
        (0.125, "A quarter of a quarter is not half of a quarter."),
        (0.75, "A quarter is what is *left* after each sigmoid, not what is lost."),
    ]
    expect_prediction(answer, 0.0625, mistaken, rtol=5e-3)


EXERCISES = [
    Exercise(
        "2.1",
        "the best constant and its score",
        check_constant,
        hints=(
            "The best constant under a mean squared error is the mean of the labels.",
            "The mean of 1, 3 and 8 is 4. The differences are −3, −1 and 4; square them, and take the mean.",
        ),
        solution="my_constant_and_score = [4, (9 + 1 + 16) / 3]  # 8.667",
        why="The mean is 4, and (9 + 1 + 16) / 3 = 8.667 is the variance of these three labels.",
        mistakes=(
            ([3, 9.667], "middle one"),
            ([4, 26], "is a mean"),
            ([4, 13], "N − 1"),
            ([8.667, 4], "wrong order"),
            ([4, 3.333], "squares each"),
            (4, "wanted"),
        ),
    ),
    Exercise(
        "2.2",
        "mini-batches",
        check_mini_batches,
        hints=(
            "Two steps: draw one order for the whole epoch, then hand out a slice of it at a time.",
            "`order = torch.randperm(len(labels), generator=generator)`, and `for start in range(0, len(labels), batch_size):`.",
            "In the loop: `chosen = order[start : start + batch_size]`, then `yield images[chosen], labels[chosen]`.",
        ),
        solution=my_mini_batches,
        why="One order for the epoch, cut into slices: every digit comes once, and a slice past the end is simply shorter.",
        mistakes=(
            (_whole_batches_only, "short batch is missing"),
            (_drawn_anew, "exactly once"),
            (_unshuffled, "Shuffle"),
            (_own_seed, "different seeds"),
            (_torn_pairs, "belong together"),
            (_for_ever, "never ends"),
            (lambda images, labels, size, generator: (images[:size], labels[:size]), "pair"),
        ),
    ),
    Exercise(
        "2.3",
        "a loss whose shapes fit",
        check_squared_error,
        hints=(
            "The shapes are `[N, 1]` and `[N]`. Print the shape of their difference.",
            "Take the only column, `outputs[:, 0]`, or give the labels one: `labels.unsqueeze(1)`.",
        ),
        solution=my_squared_error,
        why="With both in the shape `[N]`, each answer meets its own label. `labels.unsqueeze(1)` is as good.",
        mistakes=(
            (lambda outputs, labels: ((outputs - labels) ** 2).mean(), "every label"),
            (lambda outputs, labels: ((outputs[:, 0] - labels) ** 2).sum(), "sum of the squares"),
            (lambda outputs, labels: (outputs[:, 0] - labels).abs().mean(), "mean distance"),
            (lambda outputs, labels: (outputs[:, 0] - labels).mean() ** 2, "square first"),
            (lambda outputs, labels: (outputs[:, 0] - labels) ** 2, "shape"),
            (lambda outputs, labels: ((outputs[:, 0] - labels) ** 2).mean().sqrt(), "root"),
        ),
    ),
    Exercise(
        "2.4",
        "a mean that counts digits",
        check_mean_loss,
        hints=(
            "Each loss is a mean over its batch. Times the size of the batch, it is a sum over its digits.",
            "Add up loss · size for all batches, and divide by the number of digits.",
        ),
        solution=my_mean_loss,
        why="loss · size is the sum over a batch's digits. All these sums, divided by all digits, is the mean over the digits.",
        mistakes=(
            (lambda losses, sizes: sum(losses) / len(losses), "short last batch"),
            (lambda losses, sizes: sum(a * b for a, b in zip(losses, sizes, strict=True)), "sum over all digits"),
            (lambda losses, sizes: sum(losses) / sum(sizes), "as they are"),
            (lambda losses, sizes: my_mean_loss(losses, sizes) * sum(sizes) / len(sizes), "number of batches"),
            (lambda losses, sizes: sum(losses * sizes), "TypeError"),
        ),
    ),
    Exercise(
        "2.5",
        "the answer that hedges",
        check_hedge,
        hints=(
            "The best answer under a squared error is the mean of what may be true, each weighed with its probability.",
            "Three times 3 and once 7, divided by 4.",
        ),
        solution="my_answer = (3 * 3 + 7) / 4  # 4",
        why="¾ · 3 + ¼ · 7 = 4. The network names a 4, which the picture certainly is not.",
        mistakes=((3, "most probable"), (5, "middle"), (7, "less probable"), (6, "not on the 7"), (10, "sum of both")),
    ),
    Exercise(
        "2.6",
        "what two sigmoids leave",
        check_gradient_left,
        hints=("Each sigmoid passes on at most a quarter.", "A quarter of a quarter."),
        solution="my_share = 0.25 * 0.25  # 0.0625",
        why="¼ · ¼ = 1/16. It is the most that can be left; what is measured next is less, since few sums lie at the steepest "
        "place, and the weights take their share.",
        mistakes=(
            (0.25, "one sigmoid"),
            (0.5, "multiplied"),
            (0.125, "half of a quarter"),
            (0.75, "what is *left*"),
            (16, "too large"),
        ),
    ),
]
