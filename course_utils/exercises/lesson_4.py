"""Lesson 4: convolution, padding and pooling, shapes and parameters of layers, what a number sees, weights kept."""

import torch
from torch.nn import functional as F

from .exercise import Code, Exercise, altered, drawn, refuse_if
from .judging import tensor_of


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


CONVOLUTION = Exercise(
    "4.1", "a convolution", my_convolution, atol=1e-5,
    inputs=[(torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 7.0], [0.0, 8.0, 9.0]]), torch.tensor([[1.0, -1.0], [3.0, 2.0]])),
            *((drawn(rows, columns, seed=rows), drawn(size, size, seed=columns + 9))
              for rows, columns, size in ((3, 5, 3), (9, 6, 3), (6, 7, 5), (4, 2, 2), (2, 3, 1)))],
    mistakes={
        "You turned the filter around, as mathematicians do. Networks lay it on as it is.": lambda image, kernel: _convolve(image, kernel.flip(0, 1)),
        "The filter hangs over the edge, so the output is too large. It must stay inside, at n − k + 1 places.": lambda image, kernel: _convolve(image, kernel, padding=len(kernel) // 2),
        "Your windows lie side by side. The filter moves by one pixel at a time, so they overlap.": lambda image, kernel: _convolve(image, kernel, stride=len(kernel)),
        "You added up the window, and the filter's weights took no part.": lambda image, kernel: _convolve(image, torch.ones_like(kernel)),
        "This is the mean of the products. Take their sum.": lambda image, kernel: _convolve(image, kernel) / kernel.numel(),
        "The last row and the last column are missing. `range(n)` ends at n − 1 by itself: give it n − k + 1.": lambda image, kernel: _convolve(image, kernel)[:-1, :-1],
        "The last row and the last column are still 0. `range(n)` ends at n − 1 by itself: give it n − k + 1.": lambda image, kernel: F.pad(_convolve(image, kernel)[:-1, :-1], (0, 1, 0, 1))},
    hints=("For each place of the output: cut a window out of the picture, multiply it with the filter, add up.",
           "The output has n − k + 1 rows. The window at `row, column` is `image[row : row + k, column : column + k]`.",
           "Start with `torch.zeros(…)` of the output's size, and fill its places in two loops, one inside the other."),
    why="Each number of the output is a window times the filter, added up. Torch does the same, much faster.")  # fmt: skip


def judge_filter(outcomes):
    """What the filter answers to a lying stroke, to three standing ones, and to an area full of ink."""
    weights = tensor_of(outcomes[0].value, "your filter")
    shape = list(weights.shape)
    refuse_if(shape != [3, 3], f"Your filter has the shape `{shape}`. It needs three rows of three numbers.")
    lying, standing, ink = weights[1].sum().item(), weights.sum(dim=0).tolist(), weights.sum().item()
    columns = ", ".join(f"{answer:g}" for answer in standing)
    told = f"It answers {lying:g} to a lying stroke, {columns} to standing ones, {ink:g} to full ink."
    for fault, words in (
        (not 0 < lying < 1e9, "A lying stroke should give a number above 0: let the middle row add up to more."),
        (not abs(ink) <= 1e-6 * lying, "An area full of ink is no stroke. Let the nine weights add up to 0."),
        (max(map(abs, standing)) > 1e-6 * lying, "A standing stroke should give 0: let each column add up to 0."),
    ):
        refuse_if(fault, f"{told} {words}")


FILTER = Exercise(
    "4.2", "a filter of your own", "my_filter = [[-1, -1, -1], [2, 2, 2], [-1, -1, -1]]", judge=judge_filter,
    mistakes={
        "a number above 0": [[-1, 2, -1], [-1, 2, -1], [-1, 2, -1]],
        "An area full of ink is no stroke": [[0, 0, 0], [1, 1, 1], [0, 0, 0]],
        "each column add up": [[-2, 0, -1], [1, 4, 1], [-1, -1, -1]],
        "three rows of three": [1, 2, 1],
        "differ in length": [[-1, -1], [2, 2], [-1]]},
    hints=("The lesson's filter compares left with right. Yours compares the middle row with the rows above and below.",
           "Positive weights in the middle row, negative ones above and below.",
           "A standing stroke meets a whole column of the filter. What must a column add up to, so that it gives 0?"),
    why="Each column adds up to 0, so standing strokes and full ink cancel. Many other filters do it too.")  # fmt: skip


def my_padding(n, kernel, stride, wanted):
    for padding in range(kernel):
        if (n + 2 * padding - kernel) // stride + 1 == wanted:
            return padding
    return None


PADDING = Exercise(
    "4.3", "which padding?", my_padding,
    inputs=[(5, 3, 1, 5), (28, 5, 1, 28), (28, 4, 1, 28), (28, 2, 2, 14), (28, 5, 2, 14), (13, 5, 2, 7), (14, 3, 4, 4),
            (10, 3, 4, 3), (12, 5, 3, 4), (5, 3, 1, 9), (9, 5, 1, 7), (10, 4, 3, 4), (11, 4, 2, 6), (5, 5, 1, 9)],
    mistakes={
        "The division is not rounded down. A window that no longer fits whole is left out: use `//`.": altered(my_padding, {"//": "/"}),
        "Rounded up. A window that no longer fits whole is left out: round down.": altered(my_padding, {"(n + 2 * padding - kernel)": "-((kernel - n - 2 * padding)", "stride + 1": "stride) + 1"}),
        "`round` goes to the nearest whole number, which may lie above. Always round down, with `//`.":
            altered(my_padding, {"(n + 2 * padding - kernel) // stride": "round((n + 2 * padding - kernel) / stride)"}),
        "One is missing: the window fits at its first place before it has moved at all.": altered(my_padding, {" + 1 ==": " =="}),
        "The 1 counts the first place. It is no pixel to move over: add it after the division.": altered(my_padding, {"kernel) // stride + 1": "kernel + 1) // stride"}),
        "The padding is put on both sides, so it counts twice.": altered(my_padding, {"2 * padding": "padding"}),
        "The stride is left out: the window moves by so many pixels at a time.": altered(my_padding, {" // stride": ""}),
        "Several paddings may give the same size, since the division rounds down. Take the smallest.": altered(my_padding, {"range(kernel)": "reversed(range(kernel))"}),
        "With a padding of `kernel` or more, the first window holds zeros only. Stop at `kernel` − 1.": altered(my_padding, {"range(kernel)": "range(99)"})},
    hints=("There are only `kernel` paddings to try, 0 to kernel − 1. For each, the formula gives the output's size.",
           "In Python `//` divides and rounds down. Compare the size with `wanted`, and return the padding where they are equal.",
           "Where the loop ends without a `return`, nothing fits. A function without a `return` gives back None by itself."),
    why="At stride 1, (k − 1) / 2 keeps the size. An even filter cannot keep it, which is why nearly all filters are odd.")  # fmt: skip


def my_max_pool(maps):
    height, width = maps.shape[2] // 2 * 2, maps.shape[3] // 2 * 2  # an odd row or column is left out
    upper = torch.maximum(maps[:, :, 0:height:2, 0:width:2], maps[:, :, 0:height:2, 1:width:2])
    lower = torch.maximum(maps[:, :, 1:height:2, 0:width:2], maps[:, :, 1:height:2, 1:width:2])
    return torch.maximum(upper, lower)


MAX_POOL = Exercise(
    "4.4", "max pooling", my_max_pool,
    inputs=[(drawn(1, 1, 2, 2, seed=1) - 5,), (drawn(1, 1, 4, 4, seed=2),), (drawn(1, 1, 3, 5, seed=3),),
            (drawn(2, 3, 4, 6, seed=4, dtype=torch.float64),), (drawn(3, 2, 5, 4, seed=5),)],
    mistakes={
        "This is the mean of each square. Max pooling keeps the largest number.": lambda maps: F.avg_pool2d(maps, 2),
        "Your squares overlap. They lie side by side: move on by 2 pixels at a time.": lambda maps: F.max_pool2d(maps, 2, stride=1),
        "You kept the rest of an odd row or column. What fills no whole square is left out, as torch does.": lambda maps: F.max_pool2d(maps, 2, ceil_mode=True),
        "This is the largest number of each whole map. Each square of 2×2 has one of its own.": lambda maps: maps.amax(dim=(2, 3)),
        "This is the largest number of all. Each square of 2×2 has one of its own.": lambda maps: maps.max(),
        "Where all four are negative, your square gives 0. Start from one of the four, and not from 0.": lambda maps: F.max_pool2d(maps, 2).clamp(min=0),
        "Only rows were taken in pairs. A square has two rows and two columns.": lambda maps: F.max_pool2d(maps, (2, 1)),
        "These are the smallest numbers of the squares. Take the largest.": lambda maps: -F.max_pool2d(-maps, 2)},
    hints=("In loops: the output has half as many rows and columns, and its number at `row, column` comes from a window of 2×2.",
           "That window begins at `2 * row, 2 * column`. `window.amax(dim=(2, 3))` is the largest of each map, for the whole batch.",
           "Without loops: `maps[:, :, 0::2, 0::2]` holds the upper left number of every square. `torch.maximum` compares two tensors."),
    why="Half the rows and half the columns are left, and nothing was learned for it: a pooling has no weights.")  # fmt: skip


def my_counts(maps_in, maps_out):
    one = maps_out * (5 * 5 * maps_in + 1)
    two = maps_out * (3 * 3 * maps_in + 1) + maps_out * (3 * 3 * maps_out + 1)
    return one, two


def _counts(layer):
    """A wrong answer: another count of a layer, from its maps in, maps out and the filter's size."""
    return lambda i, o: (layer(i, o, 5), layer(i, o, 3) + layer(o, o, 3))


COUNTS = Exercise(
    "4.5", "one large filter or two small ones", my_counts, inputs=[(1, 2), (3, 2), (16, 32), (32, 32), (64, 10)],
    parts=("the 5×5 layer", "the two 3×3 layers"),
    mistakes={
        "The weights of {part} are all there. Each filter also has a bias.": _counts(lambda i, o, k: o * i * k * k),
        "In {part} each filter looks at all maps below it: it has weights for every one of them.": _counts(lambda i, o, k: o * (k * k + 1)),
        "In {part} the biases belong to the filters: one for each map that comes out.": _counts(lambda i, o, k: o * i * k * k + i),
        "For {part} you counted one filter with its bias. There is one for each map that comes out.": _counts(lambda i, o, k: i * k * k + 1),
        "A filter has one bias, and not one for each map it looks at. Look at {part}.": _counts(lambda i, o, k: o * i * (k * k + 1)),
        "The size of the picture does not matter to {part}: a filter is shared by all places.": _counts(lambda i, o, k: 784 * o * (i * k * k + 1)),
        "The second small layer looks at the maps that the first one makes: `maps_out` come in there.": lambda i, o: (my_counts(i, o)[0], 2 * o * (9 * i + 1)),
        "This is one of the two small layers. Add the other.": lambda i, o: (my_counts(i, o)[0], o * (9 * i + 1))},
    hints=("A filter has k · k weights for each map that comes in, and one bias. How many filters are there?",
           "One filter for each map that comes out. So a layer has maps out times (k · k · maps in + 1) parameters.",
           "The second small layer gets what the first one gives: as many maps come in as go out."),
    why="From 32 to 32 maps, 25,632 against 18,496. From one map to 16 the pair costs more. The picture's size plays no part.")  # fmt: skip

SHAPES = Exercise(
    "4.6", "three shapes", "my_shapes = [[32, 8, 26, 26], [32, 8, 13, 13], [32, 16, 7, 7]]",
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
        "After {part}: 16 filters give 16 maps. Each looks at all 8 maps below and adds up.": [None, None, [32, 128, 7, 7]]},
    hints=("A shape is `[batch, maps, rows, columns]`. The batch stays, a convolution sets the number of maps, a pooling does not.",
           "28 − 3 + 1 rows are left by the first layer. The pooling halves them.",
           "For the last layer take the formula above, with k = 5, p = 2 and s = 2. Its n is what the pooling leaves."),
    why="28 − 3 + 1 = 26, halved 13, and (13 + 4 − 5) // 2 + 1 = 7.")  # fmt: skip

FIELD = Exercise(
    "4.7", "how far one number sees", "my_field = 5 * 2 + 4  # 14",
    mistakes={
        "5 + 4 = 9 holds without the pooling. It makes each step of the second filter two pixels wide.": 9,
        "5 + 5: but windows overlap. 5 places above the pooling are 10 below it, and each of these sees 5 pixels.": 10,
        "Sizes do not multiply so: the windows of neighbouring numbers overlap.": 25,
        "That is the number of pixels. How many on a side?": 196,
        "That is what the second layer sees of the map below it. Follow it down to the pixels.": 5},
    hints=("Go backwards. One number after the second convolution looks at 5 × 5 numbers of the pooled map.",
           "5 pooled numbers on a side come from 10 numbers of the first map. And each of these looks at 5 pixels.",
           "The first of these 10 windows holds 5 pixels, and each further one begins one pixel later. Where does the last one end?"),
    why="5 pooled numbers are 10 of the first map, and 10 overlapping windows of 5 pixels span 10 + 4 = 14. The field calls it the receptive field.")  # fmt: skip


def my_snapshot(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


SNAPSHOT = Exercise(
    "4.8", "weights that stay", my_snapshot, use="restore",
    inputs=[(Code(model), drawn(6, 3, seed=1), torch.tensor([0, 1, 1, 0, 1, 0]))
            for model in ("nn.Linear(3, 2)", "nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))")],
    mistakes={
        "After more training your snapshot holds the *new* weights: `state_dict()` and its `.copy()` hand out the network's own tensors. Copy each tensor.": lambda model: model.state_dict(),
        "The parameters alone are not all: batch normalisation also keeps a running mean and variance. `state_dict()` has them.":
            lambda model: {name: one.detach().clone() for name, one in model.named_parameters()},
        "`load_state_dict` takes a dictionary of tensors by name. You gave back something else, such as the network itself.": lambda model: model},
    hints=("`state_dict()` is a dictionary: a name, and the tensor of that name. It is the very tensor that the network uses.",
           "So each tensor must be copied. `tensor.clone()` makes one that the network knows nothing of.",
           "Build a new dictionary in a loop over `.items()`. Or let Python's module `copy` make a deep copy of all of it."),
    why="The copy shares no memory with the network. A file would do too: what is written does not change when training goes on.")  # fmt: skip

EXERCISES = [CONVOLUTION, FILTER, PADDING, MAX_POOL, COUNTS, SHAPES, FIELD, SNAPSHOT]
