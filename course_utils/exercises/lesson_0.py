"""Lesson 0: eight bits, shapes, ink from 0 to 1, class balance, the constant answer, no loop, the splits, nearest mean."""

import torch

from .exercise import Code, Exercise, altered, drawn

EIGHT_BITS = Exercise(
    "0.1", "a sum in eight bits", "my_sum = 200 + 100 - 256  # 44",
    mistakes={
        "There is no 300 in eight bits: they hold 0 to 255. Where does the count go on after 255?": 300,
        "It does not stop at 255. After 255 the count starts again, like a mileage counter.": 255,
        "Off by one. After 255 comes 0, not 1: so 256 becomes 0, 257 becomes 1, …": 45,
        "Off by one. 0 to 255 are 256 numbers, so subtract 256.": 43,
        "A `uint8` has no sign, so nothing below 0. 300 is 256 and how much?": -44},
    hints=("200 + 100 is 300, and a `uint8` ends at 255.", "After 255 comes 0 again. So 256 becomes 0, 257 becomes 1, …", "How far beyond 256 is 300?"),
    why="300 is 256 + 44. Eight bits keep the 44.")  # fmt: skip

ROW_SHAPE = Exercise(
    "0.2", "the shape of a slice", "my_shape = [32, 28]",
    mistakes={
        "The channel is still there: `0` picks one channel, and an axis on which one place is picked disappears.": [32, 1, 28],
        "A slice (`:32`) keeps its axis. A single number (`0`, `10`) picks one place, and its axis disappears.": [32, 1, 1, 28],
        "`:32` is a slice: it keeps its axis, with 32 places.": [28],
        "Row 10 was picked too: one of the two axes of 28 disappears.": [32, 28, 28],
        "The axes keep their order: digits first, columns last.": [28, 32],
        "`10` picks one row, the one with the number 10. It does not take ten of them.": [32, 10, 28]},
    hints=("Between the brackets stands one entry for each axis: digits, channels, rows. The columns are not mentioned, so all are kept.",
           "A slice such as `:32` keeps its axis. A single number picks one place, and the axis disappears.",
           "Two of the four axes are picked away. Which two stay, and how long is each?"),
    why="32 digits, and of each one row: 28 pixels. The axes of channel and row were picked away.")  # fmt: skip


def my_inputs(images):
    return images / 255


def _pixels(*shape, first=0, step=37, top=256):
    """Pixels that climb by a step and start again below `top`."""
    count = torch.Size(shape).numel()
    return ((first + step * torch.arange(count)) % top).to(torch.uint8).reshape(shape)


INPUTS = Exercise(
    "0.3", "pixels from 0 to 1", my_inputs, atol=1e-5,
    inputs=[(torch.tensor([[[[0, 255], [51, 102]]]], dtype=torch.uint8),), (_pixels(1, 1, 3, 2, first=7, top=101),),
            (_pixels(3, 1, 28, 28),), (torch.zeros(1, 1, 2, 2, dtype=torch.uint8),)],
    mistakes={
        "The pixels are as they were, from 0 to 255. Divide, so that 255 becomes 1.": lambda images: images,
        "Only 0 and 1 are left. `//` drops what comes after the decimal point; divide with `/`.": lambda images: images // 255,
        "Very near: 255 becomes 0.996. Ink is 255, so divide by 255 and it becomes 1.": lambda images: images / 256,
        "You divide by the largest pixel that happens to be there, so another batch would be scaled differently. Divide by 255.": lambda images: images / images.max(),
        "Paper and ink have changed places. 0 stays 0, and 255 becomes 1.": lambda images: 1 - images / 255,
        "This runs from −1 to 1, as in lesson 3. Here 0 stays 0.": lambda images: images / 127.5 - 1,
        "This says only where there is ink. Keep how much: 51 becomes 0.2.": lambda images: (images > 0).float(),
        "This is the mean of all pixels. Give back every pixel.": lambda images: (images / 255).mean()},
    hints=("0 has to stay 0, and 255 has to become 1. What do you do to 255 to get 1?",
           "The same for all pixels at once: a tensor can be multiplied or divided by a number, as a number can.",
           "`/` gives decimal numbers even where both sides are whole; `//` does not. The number to divide by is the same for every batch."),
    why="Full ink is 255, whatever a batch happens to hold. `/` between a tensor of whole numbers and a number gives decimals.")  # fmt: skip


def my_class_counts(labels):
    return torch.bincount(labels, minlength=10)


CLASS_COUNTS = Exercise(
    "0.4", "how many of each digit", my_class_counts,
    inputs=[(torch.tensor(labels),) for labels in ([3, 1, 3, 9, 0, 3], [7], [7, 2, 2, 7, 7], [*range(10), 9, 8, 9])],
    mistakes={
        "The list ends at the largest digit that occurs. Ten digits, ten counts: `minlength=10`, or start from ten zeros.": torch.bincount,
        "Digits that do not occur were left out, so a place no longer says which digit is meant. A missing one counts 0.": lambda labels: labels.unique(return_counts=True)[1],
        "These are shares. Counts are whole numbers: how often, not what part.": lambda labels: my_class_counts(labels) / len(labels),
        "The counts are sorted by size. Leave them in the order of the digits, 0 to 9.": lambda labels: my_class_counts(labels).sort(descending=True).values,
        "There are nine counts: `range(9)` ends at 8. Ten digits, `range(10)`.": lambda labels: my_class_counts(labels)[:9],
        "This is the number of labels. Count each digit by itself.": len},
    hints=("Ten counts, in the order of the digits. What should stand there for a digit that does not occur?",
           "With a loop over `range(10)`: `labels == digit` is True where that digit stands, and `.sum()` counts the Trues.",
           "Or without a loop: torch has a function that counts small whole numbers. `help(torch.bincount)` tells what its arguments do."),
    why="`minlength=10` keeps a place for digits that do not occur. A loop over ten digits does the same.")  # fmt: skip


def my_constant_accuracy(train_labels, test_labels):
    favourite = train_labels.bincount().argmax()
    return (test_labels == favourite).float().mean()


CONSTANT_ACCURACY = Exercise(
    "0.5", "the program that never looks", my_constant_accuracy,
    inputs=[(torch.tensor(train), torch.tensor(test)) for train, test in (
        ([1, 1, 2, 3], [1, 2, 2, 2, 5]), ([0, 4, 4, 9, 9, 9], [9, 9, 4, 4, 4, 0, 1]), ([5, 5, 3, 7], [7, 7, 7, 5, 2, 3]),
        ([8, 8, 8, 6], [6, 1, 3]), ([2], [2]))],
    mistakes={
        "You chose the most frequent of the *test* labels. A program learns from the training labels only.": altered(my_constant_accuracy, {"favourite = train": "favourite = test"}),
        "`.max()` gives the largest label, and not the most frequent one. Count the labels first: `argmax` of the counts is the favourite.":
            altered(my_constant_accuracy, {"bincount().argmax": "max"}),
        "`.max()` of the counts says how often the favourite occurs. `argmax` says which digit it is.": altered(my_constant_accuracy, {"argmax": "max"}),
        "`argmax` of the labels is the place of the largest label. Count the labels first: `argmax` of the counts.": altered(my_constant_accuracy, {".bincount()": ""}),
        "This is its share of the training labels. Ask how many of the *test* labels it gets right.": altered(my_constant_accuracy, {"test_labels ==": "train_labels =="}),
        "This is a count. The accuracy is a share: divide by the number of test labels.": altered(my_constant_accuracy, {".float().mean()": ".sum()"}),
        "This is a percentage. In this course an accuracy is a number from 0 to 1.": altered(my_constant_accuracy, {"return": "return 100 *"}),
        "This is the share it gets wrong. The accuracy is the share it gets right.": altered(my_constant_accuracy, {"==": "!="}),
        "This says for each test label whether it is right. An accuracy is a single number: the mean of them.": altered(my_constant_accuracy, {".float().mean()": ""})},
    hints=("Two steps: which digit is most frequent in the training labels? Which share of the test labels is that digit?",
           "The favourite is the `argmax` of ten counts, those of exercise 0.4.",
           "`test_labels == digit` is True where the program is right. As decimal numbers, True is 1 and False is 0, so their mean is a share."),
    why="It learns one thing, the favourite digit, and learns it from the training labels alone.")  # fmt: skip


def my_ink(images):
    return images.sum(dim=(1, 2, 3))


def _looped_ink(images):
    totals = []
    for image in images.tolist():
        totals.append(0)
        for row in image[0]:
            for pixel in row:
                totals[-1] += pixel
    return totals


STEPS = 2000  # that Python may take for 500 small images: less than a twentieth of what the loop takes

INK = Exercise(
    "0.6", "the same without a loop", my_ink, use="count_work", parts=("the ink", "the work"),
    inputs=[(STEPS, _pixels(1, 1, 2, 2)), (STEPS, _pixels(2, 1, 2, 3)), (STEPS, _pixels(3, 1, 5, 4)),
            (STEPS, Code("(torch.arange(4500) % 256).to(torch.uint8).reshape(500, 1, 3, 3)"))],
    mistakes={
        "The sums are right, but Python still goes through them one by one, and that takes the time. One call of `sum` takes all three axes.": _looped_ink,
        "This adds up all images together. Each image has a sum of its own: name the axes with `dim=`.": torch.sum,
        "Only the rows were added up, or only the columns: give `sum` all three axes of an image.": altered(my_ink, {"(1, 2, 3)": "(1, 2)"}),
        "Each row of each image still has a sum of its own. Give `sum` all three axes of an image.": altered(my_ink, {"(1, 2, 3)": "3"}),
        "You added the images to each other, pixel by pixel. The first axis counts the images, and that one is to stay.": altered(my_ink, {"(1, 2, 3)": "0"}),
        "This is the mean of each image. The ink is the sum.": altered(my_ink, {"sum": "float().mean"}),
        "The sums were kept in eight bits, and began again at 0 after 255. Leave the type to `sum`.": altered(my_ink, {"(1, 2, 3)": "(1, 2, 3), dtype=torch.uint8"}),
        "The sums are right, and the axes that you added up are still there. Leave out `keepdim=True`.": altered(my_ink, {"(1, 2, 3)": "(1, 2, 3), keepdim=True"})},
    hints=("`images` has four axes: image, channel, row, column. Which of them are gone when each image is one number?",
           "`images.sum(dim=3)` adds up along the columns, and that axis disappears. `dim` may also name several axes at once.",
           "Or in two steps: `flatten(start_dim=1)` makes one row of 784 numbers for each image, and then one axis is to be added up."),
    why="One call hands all the additions to torch, which does them in compiled code, many at a time. Such code is called *vectorised*.")  # fmt: skip

SPLITS = Exercise(
    "0.7", "which digits for what", 'my_parts = ["train", "validation", "test", "validation"]', parts=("(a)", "(b)", "(c)", "(d)"),
    mistakes={
        "{part} is a choice, and you make it with the test digits. Nothing is left to judge what was chosen: use the validation digits.": [None, "test", None, "test"],
        "{part} is a choice, and you make it with the training digits. They favour whoever learned them by heart.": [None, "train", None, "train"],
        "{part}: these digits were used to choose, so they flatter what was chosen. Report with digits that nobody has looked at.": [None, None, "validation", None],
        "{part}: a network may know its training digits by heart, and that says nothing about new ones.": [None, None, "train", None],
        "{part}: whatever moves the weights is training. Keep the other digits out of it, or they cannot tell anything new.": ["validation", None, None, None],
        "{part}: if the network learns from the test digits, it knows the questions of the exam.": ["test", None, None, None]},
    hints=("The table above names the job of each part. Which of the four lines is learning, which are choices, which is a report?",
           "Whatever you compare to choose the better one counts as a choice, the number of rounds too.",
           "The test digits occur exactly once, where nothing is chosen any more."),
    why="Learn from the training digits, make every choice with the validation digits, and ask the test digits once, at the end.")  # fmt: skip


def my_nearest(image, means):
    distances = ((means - image) ** 2).sum(dim=(1, 2, 3))
    return distances.argmin()


NEAREST = Exercise(
    "0.8", "the nearest mean", my_nearest,
    inputs=[(torch.tensor([[[7.0, 0.0, 1.0]]]), torch.tensor([[[[2.0, 2.0, 8.0]]], [[[9.0, 1.0, 0.0]]]])),
            (torch.tensor([[[4.0, 4.0]]]), torch.tensor([[[[4.0, 0.0]]], [[[2.0, 1.5]]], [[[9.0, 9.0]]]])),
            (torch.tensor([[[0.0, 6.0], [6.0, 0.0]]]), torch.tensor([[[[6.0, 0.0], [0.0, 6.0]]], [[[3.0, 3.0], [3.0, 3.0]]], [[[0.0, 9.0], [7.0, 0.0]]]])),
            *((drawn(1, 5, 4, seed=seed).abs(), drawn(10, 1, 5, 4, seed=seed + 10).abs()) for seed in range(4))],
    mistakes={
        "This is the mean that is farthest away. The nearest has the *smallest* distance.": altered(my_nearest, {"argmin": "argmax"}),
        "This is the smallest distance itself. `argmin` says which digit has it.": altered(my_nearest, {"argmin": "min"}),
        "You added up the differences of all means together. Each mean has a distance of its own: name the axes with `dim=`.": altered(my_nearest, {"dim=(1, 2, 3)": ""}),
        "These are all the distances. The answer is one digit, the place of the smallest.": altered(my_nearest, {".argmin()": ""}),
        "Without the square, what is too much in one pixel makes up for what is missing in another. Square each difference first.": altered(my_nearest, {" ** 2": ""}),
        "You add up the differences without their signs. That is a distance too, but a different one: square them here.": altered(my_nearest, {" ** 2": ".abs()"}),
        "You compare how much ink there is, and not where it is. Subtract pixel by pixel, and add up last.": altered(my_nearest, {"((means - image) ** 2).sum(dim=(1, 2, 3))": "(means.sum(dim=(1, 2, 3)) - image.sum()).abs()"}),
        "You take the mean with the largest sum of products. Then a mean wins that has much ink anywhere. Take the smallest sum of squared differences.":
            altered(my_nearest, {"((means - image) ** 2)": "(-means * image)"})},
    hints=("The cell above does it for two means with three pixels each. What is different here?",
           "`means - image` takes the image away from every mean. Its axes are: digit, channel, row, column.",
           "Square, and add up along all axes but the first, as in exercise 0.6. Which place has the smallest sum?"),
    why="Ten distances, and the place of the smallest. The axis of the digits stays, and the three axes of an image are added up.")  # fmt: skip

EXERCISES = [EIGHT_BITS, ROW_SHAPE, INPUTS, CLASS_COUNTS, CONSTANT_ACCURACY, INK, SPLITS, NEAREST]
