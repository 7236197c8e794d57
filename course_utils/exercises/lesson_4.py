"""Lesson 4: a convolution and its output size, shapes and parameters of layers, a filter made by hand, what a number sees."""

import torch
from torch.nn import functional as F

from .old_asking import ask, expect, expect_prediction, expect_shape_prediction, needs_answer, number_of, tensor_of
from .old_exercise import Exercise, Wrong

# 4.1 ---------------------------------------------------------------------------------------------------------------


def my_convolution(image, kernel):
    height, width = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    output = torch.zeros(height, width)
    for row in range(height):
        for column in range(width):
            window = image[row : row + kernel.shape[0], column : column + kernel.shape[1]]
            output[row, column] = (window * kernel).sum()
    return output


def convolve(image, kernel, **settings):
    return F.conv2d(image[None, None], kernel[None, None], **settings)[0, 0]


def check_convolution(answer):
    generator = torch.Generator().manual_seed(0)
    for height, width, size in ((5, 5, 3), (6, 9, 3), (7, 6, 2)):
        image = torch.randint(0, 10, (height, width), generator=generator).float()
        kernel = torch.randint(-2, 3, (size, size), generator=generator).float()
        right = convolve(image, kernel)
        mistaken = [
            (convolve(image, kernel.flip(0, 1)), "You turned the filter around, as mathematicians do. Networks don't: lay it on as it is."),
            (convolve(image, kernel, padding=size // 2), "Your output is as large as the picture: the filter hangs over the edge. Let it "
             "stay inside, at n − k + 1 places."),
            (convolve(image, kernel, stride=size), "Your windows lie side by side. The filter moves on by one pixel at a time, so they overlap."),
            (convolve(image, torch.ones_like(kernel)), "You added up the window, and the filter's weights took no part."),
            (convolve(image, kernel) / size**2, "This is the mean of the products. Take their sum."),
            (right[:-1, :-1], "The last row and the last column are missing: `range(n)` ends at n − 1 by itself, so give it n − k + 1."),
            (convolve(image, kernel.T), "The filter lies on its side: rows and columns are exchanged."),
        ]  # fmt: skip
        expect(
            ask(answer, image, kernel),
            right,
            mistaken,
            what="the output",
            given=f"for a picture of {height} by {width}",
        )


def _same_size(image, kernel):
    return convolve(image, kernel, padding=len(kernel) // 2)


# 4.2 ---------------------------------------------------------------------------------------------------------------


def check_filter(answer):
    weights = tensor_of(answer, "your filter")
    if tuple(weights.shape) != (3, 3):
        raise Wrong(f"Your filter has the shape `{list(weights.shape)}`, and three rows of three numbers are wanted.")

    def response(*ink):
        return (weights * torch.tensor(ink, dtype=torch.float64)).sum().item()

    lying = response([0, 0, 0], [1, 1, 1], [0, 0, 0])
    standing = [response(*[[int(column == place) for column in range(3)]] * 3) for place in range(3)]
    grey = response(*[[1, 1, 1]] * 3)
    told = f"It answers {lying:g} to a lying stroke, {', '.join(f'{value:g}' for value in standing)} to standing ones, {grey:g} to full ink."
    if not lying > 0:
        raise Wrong(
            f"{told} The lying stroke in the middle row should give a number above 0: its weights must add up to more than 0."
        )
    if abs(grey) > 1e-6 * lying:
        raise Wrong(
            f"{told} An area full of ink is no stroke. Let the nine weights add up to 0: pay for ink above and below."
        )
    if any(abs(value) > 1e-6 * lying for value in standing):
        raise Wrong(f"{told} Standing strokes should leave it silent: let the weights of each column add up to 0.")


# 4.3 ---------------------------------------------------------------------------------------------------------------


def my_output_size(n, kernel, padding, stride):
    return (n + 2 * padding - kernel) // stride + 1


def check_output_size(answer):
    for n, kernel, padding, stride in (
        (5, 3, 0, 1),
        (28, 5, 2, 1),
        (28, 2, 0, 2),
        (13, 5, 2, 2),
        (14, 3, 1, 4),
        (10, 4, 3, 3),
    ):
        span = n + 2 * padding - kernel
        mistaken = [
            (
                span / stride + 1,
                "The division is not rounded down: a window that no longer fits whole is left out. Use `//`.",
            ),
            (span // stride, "One is missing: the window fits at its first place before it has moved at all."),
            ((n + padding - kernel) // stride + 1, "The padding is put on both sides, so it counts twice."),
            ((n - kernel) // stride + 1, "The padding is left out."),
            (span + 1, "The stride is left out: the window moves by so many pixels at a time."),
            (-(-span // stride) + 1, "Rounded up. A window that no longer fits whole is left out: round down."),
        ]
        given = f"for n = {n}, k = {kernel}, p = {padding}, s = {stride}"
        got = number_of(ask(answer, n, kernel, padding, stride), "the size")
        if got != span // stride + 1:
            words = next((text for value, text in mistaken if value == got), f"{span // stride + 1} is expected.")
            raise Wrong(f"The size {given} comes out as {got:g}. {words}")


# 4.4 ---------------------------------------------------------------------------------------------------------------


def check_parameters(answer):
    mistaken = [
        (12_800, "The weights are all there. Each of the 32 filters also has a bias."),
        (832, "Each filter looks at all 16 maps below it, so it has 16 · 25 weights and not 25."),
        (12_816, "The biases belong to the filters, one for each of the 32 maps that come out."),
        (400, "This is one filter. There are 32, each with a bias."),
        (13_312, "A filter has one bias, and not one for each map it looks at."),
        (2_509_056, "The size of the picture does not matter: a filter is shared by all places."),
    ]
    expect_prediction(answer, 12_832, mistaken)


# 4.5 ---------------------------------------------------------------------------------------------------------------

SHAPES = ((32, 8, 26, 26), (32, 8, 13, 13), (32, 16, 7, 7))


def check_shapes(answer):
    needs_answer(answer)
    if not isinstance(answer, list | tuple) or len(answer) != 3 or any(isinstance(shape, int) for shape in answer):
        raise Wrong("Write three shapes, one after each layer: `[[32, …], [32, …], [32, …]]`.")
    mistaken = (
        [
            (
                (32, 8, 28, 28),
                "After the first layer: without padding a 3×3 filter does not reach the edge, so the map shrinks.",
            ),
            ((32, 1, 26, 26), "After the first layer: it has 8 filters, so 8 maps come out."),
            ((8, 26, 26), "After the first layer: the batch of 32 stays."),
        ],
        [
            ((32, 8, 25, 25), "After the pooling: it moves by 2 pixels at a time, so the size is halved."),
            ((32, 16, 13, 13), "After the pooling: it changes the size of the maps, and not their number."),
        ],
        [
            ((32, 16, 6, 6), "After the last layer: (13 + 2·2 − 5) / 2 = 6, and then 1 is added."),
            ((32, 16, 13, 13), "After the last layer: its stride is 2, so the window takes every second place."),
            ((32, 16, 5, 5), "After the last layer: it has a padding of 2 on each side."),
            (
                (32, 128, 7, 7),
                "After the last layer: 16 filters give 16 maps. Each looks at all 8 maps below and adds up.",
            ),
        ],
    )
    for got, right, wrong in zip(answer, SHAPES, mistaken, strict=True):
        expect_shape_prediction(got, right, wrong)


# 4.6 ---------------------------------------------------------------------------------------------------------------


def check_field(answer):
    mistaken = [
        (
            9,
            "5 + 4 = 9 would hold without the pooling. It sits between, and makes each step of the second filter two pixels wide.",
        ),
        (
            10,
            "5 + 5: but windows overlap. Go backwards: 5 places above the pooling are 10 below it, and each of these sees 5 pixels.",
        ),
        (25, "Sizes do not multiply so: the windows of neighbouring numbers overlap."),
        (13, "Nearly: before the pooling it is 10 numbers on a side, not 9."),
        (196, "That is the number of pixels. How many on a side?"),
        (5, "That is what the second layer sees of the map below it. Follow it down to the pixels."),
    ]
    expect_prediction(answer, 14, mistaken)


EXERCISES = [
    Exercise(
        "4.1",
        "a convolution",
        check_convolution,
        hints=(
            "For each place of the output: cut a window out of the picture, multiply it with the filter, add up.",
            "The output has n − k + 1 rows. The window at `row, column` is `image[row : row + k, column : column + k]`.",
            "Start with `output = torch.zeros(…)`, and in two loops set `output[row, column] = (window * kernel).sum()`.",
        ),
        solution=my_convolution,
        why="Each number of the output is a window times the filter, added up. Torch does the same, much faster.",
        mistakes=(
            (lambda image, kernel: convolve(image, kernel.flip(0, 1)), "turned the filter around"),
            (_same_size, "as large as the picture"),
            (lambda image, kernel: convolve(image, kernel, stride=len(kernel)), "overlap"),
            (lambda image, kernel: convolve(image, torch.ones_like(kernel)), "took no part"),
            (lambda image, kernel: convolve(image, kernel)[:-1, :-1], "missing"),
            (lambda image, kernel: convolve(image, kernel.T), "on its side"),
            (lambda image, kernel: image * kernel, "RuntimeError"),
        ),
    ),
    Exercise(
        "4.2",
        "a filter of your own",
        check_filter,
        hints=(
            "The lesson's filter compares left with right. Yours compares the middle row with the rows above and below.",
            "Positive weights in the middle row, negative ones above and below, so that each column adds up to 0.",
        ),
        solution="""
            my_filter = [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]]
        """,
        why="Each column adds up to 0, so standing strokes and full ink cancel. The lying stroke meets the middle row alone. Many "
        "other filters do it too.",
        mistakes=(
            ([[0, 0, 0], [1, 1, 1], [0, 0, 0]], "full of ink"),
            ([[-1, 2, -1], [-1, 2, -1], [-1, 2, -1]], "above 0"),
            ([[-2, 0, -1], [1, 4, 1], [-1, -1, -1]], "each column"),
            ([[1, 1, 1], [-2, -2, -2], [1, 1, 1]], "above 0"),
            ([1, 2, 1], "three rows"),
            ([[-1, -1], [2, 2], [-1]], "differ in length"),
        ),
    ),
    Exercise(
        "4.3",
        "the size of the output",
        check_output_size,
        hints=(
            "With the padding the picture has n + 2p pixels. The window starts at the edge, so it can still move by n + 2p − k.",
            "It moves by s at a time, and its first place counts too. In Python `//` divides and rounds down.",
        ),
        solution=my_output_size,
        why="n + 2p − k pixels are left to move over, s at a time, and the first place counts before any move.",
        mistakes=(
            (lambda n, k, p, s: (n + 2 * p - k) / s + 1, "not rounded down"),
            (lambda n, k, p, s: (n + 2 * p - k) // s, "One is missing"),
            (lambda n, k, p, s: (n + p - k) // s + 1, "counts twice"),
            (lambda n, k, p, s: (n - k) // s + 1, "left out"),
            (lambda n, k, p, s: n + 2 * p - k + 1, "stride is left out"),
            (lambda n, k, p, s: -(-(n + 2 * p - k) // s) + 1, "Rounded up"),
        ),
    ),
    Exercise(
        "4.4",
        "the parameters of a convolution",
        check_parameters,
        hints=(
            "A filter that looks at 16 maps has 5 · 5 weights for each of them, and one bias.",
            "There are 32 such filters: 32 · (16 · 25 + 1).",
        ),
        solution="my_count = 32 * (16 * 5 * 5 + 1)  # 12,832",
        why="Each of 32 filters has 16 · 25 weights and one bias. The size of the picture plays no part.",
        mistakes=(
            (12_800, "also has a bias"),
            (832, "all 16 maps"),
            (400, "one filter"),
            (12_816, "belong to the filters"),
            (13_312, "one bias"),
            (1, "too small"),
        ),
    ),
    Exercise(
        "4.5",
        "three shapes",
        check_shapes,
        hints=(
            "A shape is `[batch, maps, rows, columns]`. The batch stays, a convolution sets the number of maps, a pooling does not.",
            "28 − 3 + 1 = 26. Half of it is 13. Then (13 + 2·2 − 5) // 2 + 1.",
        ),
        solution="my_shapes = [[32, 8, 26, 26], [32, 8, 13, 13], [32, 16, 7, 7]]",
        why="28 − 3 + 1 = 26, halved 13, and (13 + 4 − 5) // 2 + 1 = 7.",
        mistakes=(
            ([[32, 8, 28, 28], [32, 8, 14, 14], [32, 16, 7, 7]], "without padding"),
            ([[32, 8, 26, 26], [32, 8, 25, 25], [32, 16, 7, 7]], "halved"),
            ([[32, 8, 26, 26], [32, 8, 13, 13], [32, 16, 6, 6]], "1 is added"),
            ([[32, 8, 26, 26], [32, 8, 13, 13], [32, 128, 7, 7]], "16 maps"),
            ([[8, 26, 26], [8, 13, 13], [16, 7, 7]], "batch of 32"),
            ([32, 16, 7, 7], "three shapes"),
        ),
    ),
    Exercise(
        "4.6",
        "how far one number sees",
        check_field,
        hints=(
            "Go backwards. One number after the second convolution looks at 5 × 5 numbers of the pooled map.",
            "5 pooled numbers on a side come from 10 numbers of the first map. And each of these looks at 5 pixels.",
            "10 windows of 5 pixels, each moved by one: 10 + 4.",
        ),
        solution="my_field = 5 * 2 + 4  # 14",
        why="5 numbers of the pooled map are 10 of the first map, and 10 overlapping windows of 5 pixels span 10 + 4 = 14. The "
        "field calls it the receptive field.",
        mistakes=(
            (9, "without the pooling"),
            (10, "overlap"),
            (25, "do not multiply"),
            (13, "not 9"),
            (196, "on a side"),
            (5, "second layer"),
        ),
    ),
]
