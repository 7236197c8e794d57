"""Lesson 2: constant guesses, mini-batches, a loss whose shapes fit, weighted means, an epoch, hedging, a network."""

from itertools import chain

import torch
from torch import nn

from .exercise import Code, Exercise, altered, drawn, refuse_if
from .judging import tensor_of
from .running import in_words

CONSTANT = Exercise(
    "2.1", "the best constant and its score", "my_constant_and_score = [4, (9 + 1 + 16) / 3]  # 8.667",
    parts=("the constant", "its score"), rtol=5e-3,
    mistakes={
        "This is the score of the best constant, in the wrong order: first the constant, then its score.": [26 / 3, None],
        "3 is the middle one of the three. It is the best constant for the mean *distance*. For squares the far label pulls harder.": [3, None],
        "4.5 is the middle between the smallest and the largest label. Each of the three pulls.": [4.5, None],
        "The constant is right. The score is a mean: divide the sum of the squares by 3.": [None, 26],
        "The constant is right. You divided by N − 1, as statisticians do with a sample. The loss divides by N = 3.": [None, 13],
        "The constant is right. The score squares each difference before it adds them up.": [None, 8 / 3],
        "The constant is right. You took the root of the score: a mean squared error has none.": [None, (26 / 3) ** 0.5],
        "The constant is right. Its differences to the labels cancel; their squares do not.": [None, 0]},
    hints=("The best constant under a mean squared error is the mean of the labels.",
           "How far is each of the three labels from it? Square these three differences.",
           "The error is the mean of the three squares."),
    why="The mean is 4, and (9 + 1 + 16) / 3 = 8.667 is the variance of these three labels.")  # fmt: skip


def my_mini_batches(images, labels, batch_size, generator):
    order = torch.randperm(len(labels), generator=generator)
    for start in range(0, len(labels), batch_size):
        chosen = order[start : start + batch_size]
        yield images[chosen], labels[chosen]


EPOCHS = [(10, 4, 0), (12, 3, 0), (5, 8, 0), (1, 1, 0), (50, 7, 0), (50, 7, 1), (50, 7, 0)]  # digits, batch size, seed


def _digits(size):
    """So many images, no two alike, and their labels."""
    return torch.arange(2.0 * size).reshape(size, 1, 1, 2), torch.arange(size) * 3 % 10


def judge_mini_batches(outcomes):
    """Every digit once, in batches of the right sizes, in an order that comes from the generator."""
    epochs = [_epoch(outcome.value, *epoch[:2]) for outcome, epoch in zip(outcomes, EPOCHS, strict=True)]
    first, other, again = epochs[-3:]
    draw = "Draw it from the `generator` that is passed, as it comes, and from nothing else."
    neighbours = all(max(batch) - min(batch) < len(batch) for batch in first)
    refuse_if(first == _cut(range(50), 7), f"The digits come as they stand in the data set. Shuffle them. {draw}")
    refuse_if(neighbours, "The digits of a batch stand side by side in the data set. Shuffle first, then cut.")
    refuse_if(first == other, f"Generators with different seeds give the same order. {draw}")
    refuse_if(first != again, f"Two generators with the same seed give different orders. {draw}")


def _epoch(value, size, batch_size):
    """The places of the digits in each batch; together they are to be an epoch."""
    words = "Hand out each batch with `yield`, and stop when every digit has come once."
    refuse_if(not isinstance(value, list | tuple), f"{words} What came is {in_words(value)}.")
    batches = [_places(batch, size) for batch in value]
    sizes, expected = [[len(batch) for batch in one] for one in (batches, _cut(range(size), batch_size))]
    told = f"{size} digits in batches of {batch_size} should give the sizes {expected}, and yours are {sizes}."
    if sizes == expected[:-1] and size % batch_size:
        told += " The last, short batch is missing, and with it digits that nobody learns from."
    refuse_if(sizes != expected, told)
    missing = size - len(set(chain(*batches)))
    words = f"Every digit should come exactly once, and of {size} digits {missing} never came."
    refuse_if(missing, f"{words} Draw one order and cut it up.")
    return batches


def _cut(order, batch_size):
    return [list(order[start : start + batch_size]) for start in range(0, len(order), batch_size)]


def _places(batch, size):
    """Where the digits of a batch stand in the data set."""
    pair = isinstance(batch, list | tuple) and len(batch) == 2
    refuse_if(not pair, "Each batch is a pair: `yield images[…], labels[…]`. (`return` would end at the first batch.)")
    images, labels = _digits(size)
    some_images, some_labels = tensor_of(batch[0], "the first of a pair"), tensor_of(batch[1], "the second of a pair")
    fit = some_labels.ndim == 1 and some_images.shape == (len(some_labels), *images.shape[1:])
    words = "A batch holds images and labels, the images first: `[batch, 1, 1, 2]` and `[batch]`"
    refuse_if(not fit, f"{words}, and yours are `{list(some_images.shape)}` and `{list(some_labels.shape)}`.")
    known = images.flatten(1).tolist()
    chosen = [known.index(image) if image in known else None for image in some_images.flatten(1).tolist()]
    refuse_if(None in chosen, "A batch holds an image that is none of those handed in.")
    together = some_labels.tolist() == labels[chosen].tolist()
    refuse_if(not together, "Images and labels of a batch do not belong together. Pick both with the same places.")
    return chosen


MINI_BATCHES = Exercise(
    "2.2", "mini-batches", my_mini_batches, judge=judge_mini_batches,
    inputs=[(*_digits(size), batch, Code(f"torch.Generator().manual_seed({seed})")) for size, batch, seed in EPOCHS],
    mistakes={
        "short batch is missing": altered(my_mini_batches, {"range(0, len(labels), batch_size)": "range(0, len(labels) - batch_size + 1, batch_size)"}),
        "exactly once": altered(my_mini_batches, {"randperm(len(labels)": "randint(len(labels), labels.shape"}),
        "as they stand in the data set": altered(my_mini_batches, {"torch.randperm(len(labels), generator=generator)": "torch.arange(len(labels))"}),
        "side by side": altered(my_mini_batches, {"torch.randperm(len(labels), generator=generator)": "torch.arange(len(labels))", "batch_size]": "batch_size].flip(0)"}),
        "different seeds": altered(my_mini_batches, {"=generator)": "=torch.Generator().manual_seed(7))"}),
        "belong together": altered(my_mini_batches, {"labels[chosen]": "labels[chosen.flip(0)]"}),
        "the images first": altered(my_mini_batches, {"images[chosen], labels[chosen]": "labels[chosen], images[chosen]"}),
        "Each batch is a pair": altered(my_mini_batches, {"yield": "return"}),
        "stop when every digit": altered(my_mini_batches, {"for start in range(0, len(labels), batch_size):": "while start := 1:"})},
    hints=("Two steps: draw one order for the whole epoch, then hand out a slice of it at a time.",
           "`torch.randperm` draws the order, of as many places as there are labels. A slice of it holds the places of a batch.",
           "`range(0, n, batch_size)` gives the places where the slices start. `images[places]` picks many images at once."),
    why="One order for the epoch, cut into slices: every digit comes once, and a slice past the end is simply shorter.")  # fmt: skip


def my_squared_error(outputs, labels):
    return ((outputs[:, 0] - labels) ** 2).mean()


SQUARED_ERROR = Exercise(
    "2.3", "a loss whose shapes fit", my_squared_error, use="reaches", parts=("the loss", "the way back"),
    inputs=[(torch.tensor([[1.0], [2.5]]), torch.tensor([3, 1])), (drawn(4, 1, seed=1, size=5), torch.tensor([7, 0, 3, 3])),
            (drawn(7, 1, seed=2), torch.arange(7)), (drawn(5, 1, seed=3, dtype=torch.float64), torch.tensor([9, 1, 4, 0, 2])),
            (torch.tensor([[4.5]]), torch.tensor([6]))],
    mistakes={
        "Every answer met every label: `[N, 1]` minus `[N]` gives `[N, N]`. Take `outputs[:, 0]` or `labels.unsqueeze(1)`.": altered(my_squared_error, {"outputs[:, 0]": "outputs"}),
        "This is the sum of the squares. Take their mean, so that the loss does not grow with the batch.": altered(my_squared_error, {"mean": "sum"}),
        "These are the squares. A loss is a single number: take their mean.": altered(my_squared_error, {".mean()": ""}),
        "This is the mean distance. Square each difference before the mean.": altered(my_squared_error, {" ** 2": ".abs()"}),
        "The order is turned round: square first, then take the mean. Otherwise errors up and down cancel.": altered(my_squared_error, {" ** 2).mean()": ".mean() ** 2)"}),
        "The squares are missing, so errors up and down cancel.": altered(my_squared_error, {" ** 2": ""}),
        "This is the root of the right number. The loss itself has no root.": altered(my_squared_error, {".mean()": ".mean().sqrt()"}),
        "The number is right, and `backward()` does not find its way to the outputs. `.detach()`, `.item()`, `.tolist()` and NumPy leave torch's record.":
            altered(my_squared_error, {".mean()": ".mean().detach()"})},
    hints=("The shapes are `[N, 1]` and `[N]`. Print the shape of their difference.",
           "A difference of `[N]` and `[N]` has the shape `[N]`: each answer meets its own label.",
           "Take the only column of `outputs` (all rows, column 0), or give the labels a second axis with `unsqueeze`. The rest is right."),
    why="With both in the shape `[N]`, each answer meets its own label. `labels.unsqueeze(1)` is as good.")  # fmt: skip


def my_mean_loss(losses, sizes):
    return (losses * sizes).sum() / sizes.sum()


MEAN_LOSS = Exercise(
    "2.4", "a mean that counts digits", my_mean_loss,
    inputs=[(torch.tensor([2.0, 1.0, 4.0]), torch.tensor([100, 100, 20])), (torch.tensor([0.5, 3.0]), torch.tensor([64, 1])),
            (torch.tensor([1.5]), torch.tensor([7])),
            (torch.tensor([0.25, 2.5, 0.75, 1.0], dtype=torch.float64), torch.tensor([3, 9, 1, 2]))],
    mistakes={
        "This is the mean over the batches: the short last batch counts as much as a full one. Let every digit count the same.": lambda losses, sizes: losses.mean(),
        "This is the sum over all digits. Divide by how many there are: the sum of the sizes.": lambda losses, sizes: (losses * sizes).sum(),
        "You weighed each loss with its size, and then divided by the number of batches. Divide by the number of digits.": lambda losses, sizes: (losses * sizes).mean(),
        "The losses were added up as they are. Each is a mean already: multiply it by its size first.": lambda losses, sizes: losses.sum() / sizes.sum()},
    hints=("Each loss is a mean over its batch. Times the size of the batch, it is a sum over its digits.",
           "Add up these sums for all batches. How many digits are that?",
           "Tensors of the same length multiply entry by entry, and `.sum()` adds up. A loop with `zip(losses, sizes)` does it too."),
    why="loss · size is the sum over a batch's digits. All these sums, divided by all digits, is the mean over the digits.")  # fmt: skip


def my_epoch(model, batches, loss_fn, optimizer):
    losses, sizes = [], []
    for images, labels in batches:
        loss = loss_fn(model(images), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.item())
        sizes.append(len(labels))
    return losses, sizes


def _parts(*sizes, seed):
    """Batches of so many images of three pixels, and their labels."""
    return [(drawn(size, 3, seed=seed + index), torch.arange(size) % 4) for index, size in enumerate(sizes)]


TO_NUMBERS = Code("lambda outputs, labels: ((outputs - labels.unsqueeze(1)) ** 2).mean()")
STUCK = "Not one weight has moved: "

EPOCH = Exercise(
    "2.5", "an epoch of training", my_epoch, use="train_epoch", rtol=1e-3,
    parts=("the weights after the epoch", "the losses and the sizes"),
    inputs=[
        (Code("nn.Linear(3, 1)"), _parts(4, 4, 2, seed=1), TO_NUMBERS, 0.05),
        (Code("nn.Linear(3, 4)"), _parts(5, 3, seed=5), Code("nn.CrossEntropyLoss()"), 0.5),
        (Code("nn.Linear(3, 1)"), _parts(3, seed=9), TO_NUMBERS, 0.1),
    ],
    mistakes={
        f"{STUCK}`backward()` is never called on the loss, so the optimizer finds no gradients.": altered(my_epoch, {"loss.backward()": "pass"}),
        f"{STUCK}`optimizer.step()` is missing. The gradients say where to go; the step goes there.": altered(my_epoch, {"optimizer.step()": "pass"}),
        f"{STUCK}neither `backward()` nor `step()` is called.": altered(my_epoch, {"loss.backward()": "pass", "optimizer.step()": "pass"}),
        f"{STUCK}the gradients are cleared before the step, which then finds none.": altered(my_epoch, {"optimizer.step()": "optimizer.zero_grad()", "optimizer.zero_grad()\n        losses": "optimizer.step()\n        losses"}),
        "From the second batch on, the steps also use the gradients of earlier batches: `backward()` adds to what is there. Clear them with `optimizer.zero_grad()` once a batch.": altered(my_epoch, {"optimizer.zero_grad()": "pass"}),
        "It ends after the first batch. `return` belongs behind the loop, at its outer edge.": altered(my_epoch, {"    return": "        return"}),
        "Only the last batch moves the weights: the step stands behind the loop. Each batch takes a step of its own.": altered(my_epoch, {"        loss.backward()\n        optimizer.step()\n        optimizer.zero_grad()\n": "", "    return": "    loss.backward(), optimizer.step()\n    return"}),
        "It trains well, and gives back the two lists in the wrong order: first the losses, then the sizes.": altered(my_epoch, {"return losses, sizes": "return sizes, losses"}),
        "It trains well. Keep each loss as it is, the mean over its batch, and do not multiply it by the size.": altered(my_epoch, {"loss.item()": "loss.item() * len(labels)"}),
        "It trains well, and gives back the losses alone. The sizes are needed too: `return losses, sizes`.": altered(my_epoch, {"return losses, sizes": "return losses"}),
        "It trains well, and gives back a single number. Give two lists, so that all losses can be drawn.": altered(my_epoch, {"return losses, sizes": "return sum(losses) / len(losses)"}),
    },
    hints=("In words, for each batch: answer, measure, ask for the slopes, step, clear.",
           "The answer is `model(images)`, and `loss_fn` wants it together with the labels. What it gives is one number that knows the way back.",
           "Three calls follow, one on the loss and two on the optimizer: first the slopes, then the step, then the clearing. "
           "What goes into the list is the plain number, which `.item()` takes out."),
    why="Five lines train any network with any loss: nothing in them knows of digits. Lesson 3 looks inside the third.")  # fmt: skip

HEDGE = Exercise(
    "2.6", "the answer that hedges", "my_answer = (3 * 3 + 7) / 4  # 4",
    mistakes={
        "3 is the most probable digit. With squared errors the rare 7 pulls the best answer towards it.": 3,
        "5 is the middle of 3 and 7. The more probable digit pulls harder.": 5,
        "Three quarters of the weight are on the 3, not on the 7.": 6,
        "This is the sum of both. Weigh each with its probability.": 10,
        "This is the sum of four such labels. Divide by 4.": 16},
    hints=("The best answer under a squared error is a mean, as in exercise 2.1.",
           "Imagine four such pictures: three of them are a 3, and one is a 7.",
           "The mean of these four labels lies between 3 and 7, nearer to the 3."),
    why="¾ · 3 + ¼ · 7 = 4. The network names a 4, which the picture certainly is not.")  # fmt: skip


class MyNetwork(nn.Module):
    def __init__(self, sizes, bend):
        super().__init__()
        self.bend = bend
        layers = [nn.Linear(sizes[i], sizes[i + 1]) for i in range(len(sizes) - 1)]
        self.layers = nn.ModuleList(layers)

    def forward(self, images):
        x = images.flatten(start_dim=1)
        for layer in self.layers[:-1]:
            x = self.bend(layer(x))
        return self.layers[-1](x)


NETWORK = Exercise(
    "2.7", "a network of any depth", MyNetwork, use="build", parts=("the shapes of its parameters", "its answers"),
    inputs=[
        ([6, 4, 1], Code("torch.sigmoid"), drawn(3, 1, 2, 3, seed=1)),
        ([4, 3, 3, 2], Code("torch.relu"), drawn(2, 1, 2, 2, seed=2)),
        ([4, 2], Code("torch.sigmoid"), drawn(1, 1, 2, 2, seed=3)),
        ([6, 5, 3, 3, 3, 1], Code("torch.tanh"), drawn(4, 1, 3, 2, seed=4)),
    ],
    mistakes={
        "Torch finds no parameters, so nothing would be trained: a plain list hides its layers. Put them into an `nn.ModuleList`.": altered(MyNetwork, {"nn.ModuleList(layers)": "layers"}),
        "Torch finds no parameters: `forward` makes new layers at every call. Make them once, in `__init__`, and keep them on `self`.": altered(MyNetwork, {"layers = [": "made = lambda: [", "self.layers = nn.ModuleList(layers)": "self.made = made", "x = images": "layers = self.made()\n        x = images", "self.layers[": "layers["}),
        "Two layers of the same size are one and the same layer. Make a new `nn.Linear` for each, so that each has weights of its own.": altered(MyNetwork, {"[nn.Linear(": "[made.setdefault(sizes[i : i + 2], nn.Linear(", "sizes[i + 1])": "sizes[i + 1]))", "super()": "sizes, made = tuple(sizes), {}\n        super()"}),
        "The last layer bends too, so with a sigmoid no answer above 1 could ever be given. Leave the bend out there.": altered(MyNetwork, {"return self.layers[-1](x)": "return self.bend(self.layers[-1](x))"}),
        "Nothing bends between the layers, so the whole stack is one linear layer (lesson 1).": altered(MyNetwork, {"self.bend(layer(x))": "layer(x)"}),
        "It bends with a sigmoid whatever it is asked for. Keep `bend` on `self`, and call it.": altered(MyNetwork, {"self.bend = bend": "self.bend = torch.sigmoid"}),
        "It bends with a ReLU whatever it is asked for. Keep `bend` on `self`, and call it.": altered(MyNetwork, {"self.bend = bend": "self.bend = torch.relu"}),
        "The first bend is missing, or one too many is at the end: it bends after each layer but the last.": altered(MyNetwork, {"self.bend(layer(x))": "layer(x)", "return self.layers[-1](x)": "return self.bend(self.layers[-1](x))"}),
    },
    hints=("`sizes` has one number more than there are layers: layer i leads from `sizes[i]` to `sizes[i + 1]`.",
           "Lesson 1 made such a list of layers in one line. Here it goes into an `nn.ModuleList`, which is set on `self`, and so is `bend`.",
           "`forward` flattens the images, walks with a loop through all layers but the last (`[:-1]`), bends what each gives, and at last calls the last one (`[-1]`)."),
    why="`nn.ModuleList` tells torch of its layers, so `parameters()` finds their weights; a loop through them is the forward pass.")  # fmt: skip

EXERCISES = [CONSTANT, MINI_BATCHES, SQUARED_ERROR, MEAN_LOSS, EPOCH, HEDGE, NETWORK]
