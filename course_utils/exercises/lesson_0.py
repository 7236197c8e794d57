"""Lesson 0: what eight bits hold, shapes, pixels as numbers from 0 to 1, class balance, the constant answer."""

import torch

from .asking import ask, expect, expect_prediction, expect_shape, expect_shape_prediction, number_of, tensor_of
from .exercise import Exercise


def check_sum(answer):
    mistaken = [
        (300, "There is no 300 in eight bits: they hold 0 to 255. Where does the count go on after 255?"),
        (255, "It does not stop at 255. After 255 the count starts again, like a mileage counter."),
        (45, "Off by one. After 255 comes 0, not 1: so 256 becomes 0, 257 becomes 1, …"),
        (43, "Off by one. 0 to 255 are 256 numbers, so subtract 256."),
        (-44, "A `uint8` has no sign, so nothing below 0. 300 is 256 and how much?"),
    ]
    expect_prediction(answer, 44, mistaken)


def check_row_shape(answer):
    mistaken = [
        (
            (32, 1, 28),
            "The channel is gone: `0` picks one channel, and an axis at which a single place is picked disappears.",
        ),
        (
            (32, 1, 1, 28),
            "A slice (`:32`) keeps its axis. A single number (`0`, `10`) picks one place, and its axis is gone.",
        ),
        ((28,), "`:32` is a slice: it keeps its axis, with 32 places."),
        ((32, 28, 28), "Row 10 was picked too: one of the two axes of 28 is gone."),
        ((28, 32), "The axes keep their order: digits first, columns last."),
        ((32,), "Only the channel and the row are picked. The columns are all still there."),
    ]
    expect_shape_prediction(answer, (32, 28), mistaken)


def my_inputs(images):
    return images / 255


def check_inputs(answer):
    generator = torch.Generator().manual_seed(0)
    for shape, top in (((4, 1, 28, 28), 256), ((2, 1, 28, 28), 101)):
        images = torch.randint(0, top, shape, generator=generator, dtype=torch.uint8)
        got = tensor_of(ask(answer, images), "the result")
        right = images.double() / 255
        mistaken = [
            (images, "The pixels are as they were, from 0 to 255. Divide, so that 255 becomes 1."),
            (images // 255, "Only 0 and 1 are left. `//` drops what comes after the decimal point; divide with `/`."),
            (images / 256, "Very near: 255 becomes 0.996. Ink is 255, so divide by 255 and it becomes 1."),
            (images / images.max(), "You divide by the largest pixel that happens to be there. Another batch would be scaled "
             "differently; divide by 255, whatever the batch holds."),
            (1 - right, "Paper and ink have changed places. 0 stays 0, and 255 becomes 1."),
            (right * 2 - 1, "This runs from −1 to 1, as lesson 3 will want it. Here 0 stays 0."),
        ]  # fmt: skip
        expect(got, right, mistaken, what="the result", atol=1e-5)


def my_class_counts(labels):
    return torch.bincount(labels, minlength=10)


def check_class_counts(answer):
    for labels in (torch.tensor([3, 1, 3, 9, 0, 3]), torch.tensor([7, 2, 2, 7, 7]), torch.arange(40) % 10):
        counts = torch.bincount(labels, minlength=10)
        got = tensor_of(ask(answer, labels), "the result")
        mistaken = [
            (counts / len(labels), "These are shares. Counts are whole numbers: how often, not what part."),
            (labels.unique(return_counts=True)[1], "Digits that do not occur were left out, so the places no longer say which "
             "digit is meant. Ten digits, ten counts: a missing one counts 0."),
            (torch.bincount(labels), "The list ends at the largest digit that occurs. Ten digits, ten counts: use "
             "`minlength=10`, or start from ten zeros."),
            (counts.sort(descending=True).values, "The counts are sorted by size. Leave them in the order of the digits, 0 to 9."),
        ]  # fmt: skip
        expect(got, counts, mistaken, what="the result", given=f"for labels {labels.tolist()[:6]}")


def my_constant_accuracy(train_labels, test_labels):
    favourite = train_labels.bincount().argmax()
    return (test_labels == favourite).float().mean()


def check_constant_accuracy(answer):
    for train, test in (
        (torch.tensor([1, 1, 2, 3]), torch.tensor([1, 2, 2, 2, 5])),
        (torch.tensor([0, 4, 4, 9, 9, 9]), torch.tensor([9, 9, 4, 4, 4, 0, 0, 1])),
    ):
        favourite, best = train.bincount().argmax(), test.bincount().argmax()
        right = (test == favourite).double().mean()
        mistaken = [
            ((test == best).double().mean(), "You chose the digit that is most frequent in the *test* labels. A program may "
             "learn from the training labels only: the test is for the end."),
            ((train == favourite).double().mean(), "This is its share of the training labels. Ask how many of the *test* "
             "labels it gets right."),
            ((test == favourite).sum(), "This is a count. The accuracy is a share: divide by the number of test labels."),
            (100 * right, "This is a percentage. In this course an accuracy is a number from 0 to 1."),
            (favourite, "This is the digit it answers. How often is that right?"),
        ]  # fmt: skip
        got = tensor_of(ask(answer, train, test), "the result")
        expect_shape(got.squeeze(), (), "the result", "An accuracy is a single number.")
        expect(number_of(got), right, mistaken, what="the result")


EXERCISES = [
    Exercise(
        "0.1",
        "a sum in eight bits",
        check_sum,
        hints=(
            "200 + 100 is 300, and a `uint8` ends at 255.",
            "After 255 comes 0 again. So 256 becomes 0, 257 becomes 1, and 300 becomes …",
        ),
        solution="my_sum = 200 + 100 - 256  # 44",
        why="300 is 256 + 44. Eight bits keep the 44.",
        mistakes=(
            (300, "no 300"),
            (255, "does not stop"),
            (45, "not 1"),
            (43, "256 numbers"),
            (100, "too large"),
            ("44", "a text"),
        ),
    ),
    Exercise(
        "0.2",
        "the shape of a slice",
        check_row_shape,
        hints=(
            "There is one entry between the brackets for each axis: digits, channels, rows. The last axis, the columns, is not "
            "mentioned, so all of it is kept.",
            "A slice such as `:32` keeps its axis. A single number picks one place, and the axis is gone.",
        ),
        solution="my_shape = [32, 28]",
        why="32 digits, and of each one row: 28 pixels. The axes of channel and row were picked away.",
        mistakes=(
            ([32, 1, 28], "channel is gone"),
            ([32, 1, 1, 28], "slice"),
            ([28], "32 places"),
            ([32, 28, 28], "Row 10"),
            ([28, 32], "order"),
            (896, "A shape is a list"),
        ),
    ),
    Exercise(
        "0.3",
        "pixels from 0 to 1",
        check_inputs,
        hints=("Paper is 0 and stays 0. Ink is 255 and becomes 1. What do you divide by?", "`images / 255`"),
        solution=my_inputs,
        why="Dividing a `uint8` tensor with `/` gives decimal numbers, and 255 becomes exactly 1.",
        mistakes=(
            (lambda images: images, "as they were"),
            (lambda images: images // 255, "Only 0 and 1"),
            (lambda images: images / 256, "0.996"),
            (lambda images: images / images.max(), "happens to be there"),
            (lambda images: 1 - images / 255, "changed places"),
            (lambda images: (images / 255).mean(), "shape"),
            (lambda images: print(images.shape), "prints"),
        ),
    ),
    Exercise(
        "0.4",
        "how many of each digit",
        check_class_counts,
        hints=(
            "Ten counts, in the order of the digits. What should stand there for a digit that does not occur?",
            "With a loop: for each digit, `(labels == digit).sum()`. Or `torch.bincount`, which has an argument `minlength`.",
        ),
        solution=my_class_counts,
        why="`minlength=10` keeps a place for digits that do not occur. A loop over ten digits does the same.",
        mistakes=(
            (torch.bincount, "largest digit that occurs"),
            (lambda labels: labels.unique(return_counts=True)[1], "left out"),
            (lambda labels: torch.bincount(labels, minlength=10) / len(labels), "shares"),
            (lambda labels: torch.bincount(labels, minlength=10).sort(descending=True).values, "sorted"),
            (lambda labels: len(labels), "shape"),
        ),
    ),
    Exercise(
        "0.5",
        "the program that never looks",
        check_constant_accuracy,
        hints=(
            "Two steps: which digit is most frequent in the training labels? Which share of the test labels is that digit?",
            "`train_labels.bincount().argmax()` is the digit. `(test_labels == digit)` is True where it is right.",
        ),
        solution=my_constant_accuracy,
        why="It learns one thing, the favourite digit, and learns it from the training labels alone.",
        mistakes=(
            (lambda train, test: (test == test.bincount().argmax()).float().mean(), "learn from the training labels"),
            (lambda train, test: (train == train.bincount().argmax()).float().mean(), "share of the training"),
            (lambda train, test: (test == train.bincount().argmax()).sum(), "count"),
            (lambda train, test: 100 * my_constant_accuracy(train, test), "percentage"),
            (lambda train, test: test == train.bincount().argmax(), "single number"),
        ),
    ),
]
