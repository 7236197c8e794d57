"""Lesson 4: a convolution and its output size, shapes and parameters of layers, a filter made by hand, what a number sees."""

import torch
from torch.nn import functional as F

from .exercise import Exercise, NotRight, drawn
from .judging import tensor_of

# 4.1 ------------------------------------------------------------------------------------------------------------------


def my_convolution(image, kernel):
    height, width = image.shape[0] - kernel.shape[0] + 1, image.shape[1] - kernel.shape[1] + 1
    output = torch.zeros(height, width)
    for row in range(height):
        for column in range(width):
            window = image[row : row + kernel.shape[0], column : column + kernel.shape[1]]
            output[row, column] = (window * kernel).sum()
    return output


def _convolve(image, kernel, **settings):
    return F.conv2d(image[None, None], kernel[None, None], **settings)[0, 0]


def _inside(image, kernel):
    """A wrong answer: as large as the picture, and 0 where no window begins."""
    output = torch.zeros_like(image)
    right = _convolve(image, kernel)
    output[: right.shape[0], : right.shape[1]] = right
    return output


def _last_left_out(image, kernel):
    """A wrong answer: of the right size, and the last row and column are still 0."""
    output = _convolve(image, kernel)
    output[-1], output[:, -1] = 0, 0
    return output


CONVOLUTION = Exercise(
    "4.1",
    "a convolution",
    my_convolution,
    inputs=[
        (torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0], [0.0, 8.0, 9.0]]), torch.tensor([[1.0, -1.0], [3.0, 2.0]])),
        (drawn(3, 5, seed=1), drawn(3, 3, seed=2)),
        (drawn(9, 6, seed=3), drawn(3, 3, seed=4)),
        (drawn(6, 7, seed=5), drawn(5, 5, seed=6)),
        (drawn(4, 2, seed=7), drawn(2, 2, seed=8)),
        (drawn(2, 3, seed=9), drawn(1, 1, seed=10)),
    ],
    atol=1e-5,
    mistakes={
        "You turned the filter around, as mathematicians do. Networks don't: lay it on as it is.": lambda image, kernel: _convolve(image, kernel.flip(0, 1)),
        "The filter hangs over the edge, as with a padding, and the output is larger than asked. Let it stay inside, at n − k + 1 "
        "places.": lambda image, kernel: _convolve(image, kernel, padding=len(kernel) // 2),
        "The numbers are right, and around them stand zeros: your output is as large as the picture. Make it n − k + 1 by "
        "n − k + 1.": _inside,
        "Your windows lie side by side. The filter moves on by one pixel at a time, so they "
        "overlap.": lambda image, kernel: _convolve(image, kernel, stride=len(kernel)),
        "You added up the window, and the filter's weights took no part.": lambda image, kernel: _convolve(image, torch.ones_like(kernel)),
        "This is the mean of the products. Take their sum.": lambda image, kernel: _convolve(image, kernel) / kernel.numel(),
        "The last row and the last column are missing: `range(n)` ends at n − 1 by itself, so give it "
        "n − k + 1.": lambda image, kernel: _convolve(image, kernel)[:-1, :-1],
        "The last row and the last column are still 0: `range(n)` ends at n − 1 by itself, so give it n − k + 1.": _last_left_out,
        "The filter lies on its side: rows and columns are exchanged.": lambda image, kernel: _convolve(image, kernel.T),
    },
    hints=(
        "For each place of the output: cut a window out of the picture, multiply it with the filter, add up.",
        "The output has n − k + 1 rows. The window at `row, column` is `image[row : row + k, column : column + k]`.",
        "Start with `torch.zeros(…)` of the output's size. Two loops, one inside the other, go through its places and fill in one "
        "number each.",
    ),
    why="Each number of the output is a window times the filter, added up. Torch does the same, much faster.",
)  # fmt: skip

# 4.2 ------------------------------------------------------------------------------------------------------------------


def judge_filter(outcomes):
    """What the filter answers to a lying stroke, to three standing ones, and to an area full of ink."""
    weights = tensor_of(outcomes[0].value, "your filter")
    if tuple(weights.shape) != (3, 3):
        raise NotRight(
            f"Your filter has the shape `{list(weights.shape)}`, and three rows of three numbers are wanted."
        )
    lying, standing, grey = weights[1].sum().item(), weights.sum(dim=0).tolist(), weights.sum().item()
    told = f"It answers {lying:g} to a lying stroke, {', '.join(f'{value:g}' for value in standing)} to standing ones, {grey:g} to full ink."
    if not lying > 0:
        raise NotRight(
            f"{told} The lying stroke in the middle row should give a number above 0: its weights must add up to more than 0."
        )
    if not abs(grey) <= 1e-6 * lying:
        raise NotRight(
            f"{told} An area full of ink is no stroke. Let the nine weights add up to 0: pay for ink above and below."
        )
    if not all(abs(value) <= 1e-6 * lying for value in standing):
        raise NotRight(f"{told} Standing strokes should leave it silent: let the weights of each column add up to 0.")


FILTER = Exercise(
    "4.2",
    "a filter of your own",
    "my_filter = [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]]",
    judge=judge_filter,
    mistakes={
        "a number above 0": [[-1, 2, -1], [-1, 2, -1], [-1, 2, -1]],
        "An area full of ink is no stroke": [[0, 0, 0], [1, 1, 1], [0, 0, 0]],
        "the weights of each column": [[-2, 0, -1], [1, 4, 1], [-1, -1, -1]],
        "three rows of three": [1, 2, 1],
        "differ in length": [[-1, -1], [2, 2], [-1]],
    },
    hints=(
        "The lesson's filter compares left with right. Yours compares the middle row with the rows above and below.",
        "Positive weights in the middle row, negative ones above and below.",
        "A standing stroke meets a whole column of the filter. What must a column add up to, so that it gives 0?",
    ),
    why="Each column adds up to 0, so standing strokes and full ink cancel. The lying stroke meets the middle row alone. Many "
    "other filters do it too.",
)

# 4.3 ------------------------------------------------------------------------------------------------------------------


def my_output_size(n, kernel, padding, stride):
    return (n + 2 * padding - kernel) // stride + 1


OUTPUT_SIZE = Exercise(
    "4.3",
    "the size of the output",
    my_output_size,
    inputs=[(5, 3, 0, 1), (28, 5, 2, 1), (28, 2, 0, 2), (13, 5, 2, 2), (14, 3, 1, 4), (10, 3, 0, 4), (10, 4, 3, 3), (12, 5, 2, 3)],
    mistakes={
        "The division is not rounded down: a window that no longer fits whole is left out. Use "
        "`//`.": lambda n, k, p, s: (n + 2 * p - k) / s + 1,
        "Rounded up. A window that no longer fits whole is left out: round down.": lambda n, k, p, s: -(-(n + 2 * p - k) // s) + 1,
        "`round` goes to the nearest whole number, and that may be above. A window that no longer fits whole is left out: always "
        "round down.": lambda n, k, p, s: round((n + 2 * p - k) / s) + 1,
        "One is missing: the window fits at its first place before it has moved at all.": lambda n, k, p, s: (n + 2 * p - k) // s,
        "The 1 counts the first place, and not a pixel to move over: add it after the division.": lambda n, k, p, s: (n + 2 * p - k + 1) // s,
        "The padding is put on both sides, so it counts twice.": lambda n, k, p, s: (n + p - k) // s + 1,
        "The padding is left out.": lambda n, k, p, s: (n - k) // s + 1,
        "The stride is left out: the window moves by so many pixels at a time.": lambda n, k, p, s: n + 2 * p - k + 1,
    },
    hints=(
        "With the padding the picture has n + 2p pixels. The window starts at the edge. By how many pixels can it still move?",
        "It moves by s at a time, and what is left over is not enough for another move. In Python `//` divides and rounds down.",
        "So many moves, and one place before the first of them.",
    ),
    why="n + 2p − k pixels are left to move over, s at a time, and the first place counts before any move.",
)  # fmt: skip

# 4.4 to 4.6 -----------------------------------------------------------------------------------------------------------

PARAMETERS = Exercise(
    "4.4",
    "the parameters of a convolution",
    "my_count = 32 * (16 * 5 * 5 + 1)  # 12,832",
    mistakes={
        "The weights are all there. Each of the 32 filters also has a bias.": 12_800,
        "Each filter looks at all 16 maps below it, so it has 16 · 25 weights and not 25.": 832,
        "The biases belong to the filters, one for each of the 32 maps that come out.": 12_816,
        "These are the weights of one filter. There are 32, and each has a bias too.": 400,
        "This is one filter with its bias. There are 32 of them.": 401,
        "A filter has one bias, and not one for each map it looks at.": 13_312,
        "The size of the picture does not matter: a filter is shared by all places.": 2_509_056,
    },
    hints=(
        "A filter that looks at 16 maps has 5 · 5 weights for each of them.",
        "It adds all those products up to a single number, and then adds its bias. So how many biases has a filter?",
        "Each filter makes one of the maps that come out. How many filters are there?",
    ),
    why="Each of 32 filters has 16 · 25 weights and one bias. The size of the picture plays no part.",
)

SHAPES = Exercise(
    "4.5",
    "three shapes",
    "my_shapes = [[32, 8, 26, 26], [32, 8, 13, 13], [32, 16, 7, 7]]",
    parts=("the first convolution", "the pooling", "the second convolution"),
    mistakes={
        "After {part}: without padding a 3×3 filter does not reach the edge, so the map shrinks.": [[32, 8, 28, 28], None, None],
        "After {part}: it has 8 filters, so 8 maps come out.": [[32, 1, 26, 26], None, None],
        "After {part}: the batch of 32 stays.": [[8, 26, 26], None, None],
        "After {part}: in torch the maps come before rows and columns.": [[32, 26, 26, 8], None, None],
        "After {part}: a pooling moves by 2 pixels at a time, so the size is halved.": [None, [32, 8, 25, 25], None],
        "After {part}: a pooling changes the size of the maps, and not their number.": [None, [32, 16, 13, 13], None],
        "After {part}: (13 + 2·2 − 5) / 2 = 6, and then 1 is added.": [None, None, [32, 16, 6, 6]],
        "After {part}: its stride is 2, so the window takes every second place.": [None, None, [32, 16, 13, 13]],
        "After {part}: it has a padding of 2 on each side.": [None, None, [32, 16, 5, 5]],
        "After {part}: 16 filters give 16 maps. Each looks at all 8 maps below and adds up.": [None, None, [32, 128, 7, 7]],
    },
    hints=(
        "A shape is `[batch, maps, rows, columns]`. The batch stays, a convolution sets the number of maps, a pooling does not.",
        "28 − 3 + 1 rows are left by the first layer. The pooling halves them.",
        "For the last layer use the formula of exercise 4.3, with k = 5, p = 2 and s = 2. Its n is what the pooling leaves.",
    ),
    why="28 − 3 + 1 = 26, halved 13, and (13 + 4 − 5) // 2 + 1 = 7.",
)  # fmt: skip

FIELD = Exercise(
    "4.6",
    "how far one number sees",
    "my_field = 5 * 2 + 4  # 14",
    mistakes={
        "5 + 4 = 9 would hold without the pooling. It sits between, and makes each step of the second filter two pixels wide.": 9,
        "5 + 5: but windows overlap. Go backwards: 5 places above the pooling are 10 below it, and each of these sees 5 pixels.": 10,
        "Sizes do not multiply so: the windows of neighbouring numbers overlap.": 25,
        "Nearly: before the pooling it is 10 numbers on a side, not 9.": 13,
        "That is the number of pixels. How many on a side?": 196,
        "That is what the second layer sees of the map below it. Follow it down to the pixels.": 5,
    },
    hints=(
        "Go backwards. One number after the second convolution looks at 5 × 5 numbers of the pooled map.",
        "5 pooled numbers on a side come from 10 numbers of the first map. And each of these looks at 5 pixels.",
        "The first of these 10 windows holds 5 pixels, and each further one begins one pixel later. Where does the last one end?",
    ),
    why="5 numbers of the pooled map are 10 of the first map, and 10 overlapping windows of 5 pixels span 10 + 4 = 14. The "
    "field calls it the receptive field.",
)

EXERCISES = [CONVOLUTION, FILTER, OUTPUT_SIZE, PARAMETERS, SHAPES, FIELD]
