"""Lesson 5: early stopping, weight decay, dropout, a moved digit, batch normalisation, a vote of probabilities."""

import torch
from torch.nn import functional as F

from .exercise import Exercise, altered, drawn


def my_stop(losses, patience):
    best = 0
    for epoch in range(len(losses)):
        if losses[epoch] < losses[best]:
            best = epoch
        if epoch - best == patience:
            return epoch + 1, best + 1
    return len(losses), best + 1


STOP = Exercise(
    "5.1", "early stopping with patience", my_stop, parts=("the last epoch trained", "the epoch whose weights are kept"),
    inputs=[([0.9, 0.5, 0.4, 0.45, 0.6, 0.7], 2), ([0.9, 0.5, 0.6, 0.45, 0.5, 0.55, 0.3], 2), ([0.9, 0.5, 0.6, 0.45, 0.5, 0.55, 0.3], 3),
            ([0.8, 0.6, 0.5, 0.4], 2), ([0.5, 0.6, 0.7, 0.1], 1), ([0.5, 0.4, 0.6, 0.5, 0.45, 0.3], 3),
            ([0.7, 0.5, 0.6, 0.55, 0.58, 0.56, 0.57, 0.2], 4)],
    mistakes={
        "You stop at the first epoch that is not better. Patience means: go on until so many epochs in a row have not beaten the best.":
            altered(my_stop, {"epoch - best == patience": "epoch - best == 1"}),
        "You compare each epoch with the one before it. What counts is the best so far: an epoch may fall and still be above it.":
            lambda losses, patience: _falling(losses, patience),
        "Your epochs are counted from 0, as Python counts places. People count epochs from 1.":
            lambda losses, patience: [number - 1 for number in my_stop(losses, patience)],
        "You kept the weights of the last epoch. The best ones are older: that is why they are stored.":
            lambda losses, patience: [my_stop(losses, patience)[0]] * 2,
        "You looked at all losses, also at those after the stop. When training stops, nobody knows what would have come.":
            lambda losses, patience: [my_stop(losses, patience)[0], losses.index(min(losses)) + 1],
        "You stop one epoch too late: `patience` epochs without a new best are enough.": altered(my_stop, {"epoch - best == patience": "epoch - best == patience + 1"}),
        "You stop one epoch too early: the best epoch itself is none of the epochs without a new best.": altered(my_stop, {"epoch - best == patience": "epoch - best == max(patience - 1, 1)"}),
        "The two numbers stand in the wrong order: first the last epoch trained, then the best.": lambda losses, patience: my_stop(losses, patience)[::-1],
        "You never stop before the end. With `patience` epochs in a row that are no better than the best, training ends.":
            lambda losses, patience: [len(losses), losses.index(min(losses)) + 1]},
    hints=("Walk through the losses with a loop, and remember the place of the lowest so far.",
           "In each epoch first ask: is this a new best? Then: how many epochs lie between here and the best?",
           "Where that distance is the patience, `return` from inside the loop. After the loop, for losses that never stop it, return as well. "
           "Add 1 to each place, since epochs count from 1."),
    why="The best so far is kept, and the wait begins anew with each new best. What the losses do after the stop, nobody gets to see.")  # fmt: skip


def _falling(losses, patience):
    """A wrong answer: it counts epochs in a row that are worse than the epoch before."""
    best, worse = 0, 0
    for epoch in range(len(losses)):
        best = epoch if losses[epoch] < losses[best] else best
        worse = worse + 1 if epoch and losses[epoch] >= losses[epoch - 1] else 0
        if worse == patience:
            return epoch + 1, best + 1
    return len(losses), best + 1


def my_decay_step(weight, gradient, rate, decay):
    return weight - rate * gradient - rate * decay * weight


DECAY = Exercise(
    "5.2", "a step with weight decay", my_decay_step,
    inputs=[(torch.tensor([2.0, -1.0, 0.5]), torch.tensor([0.0, 0.0, 0.0]), 0.1, 0.5), (drawn(4, seed=1), drawn(4, seed=2), 0.1, 0.5),
            (drawn(2, 3, seed=3), drawn(2, 3, seed=4), 0.05, 3.0), (drawn(3, seed=5, dtype=torch.float64), drawn(3, seed=6, dtype=torch.float64), 1.0, 0.1),
            (drawn(3, seed=7), drawn(3, seed=8), 0.2, 0.0)],
    mistakes={
        "The decay is there, and the gradient takes no part. A step does both.": lambda w, g, rate, decay: w - rate * decay * w,
        "This is a step of plain SGD: the weights do not decay.": lambda w, g, rate, decay: w - rate * g,
        "Your weights grow. Decay brings them nearer to 0: subtract a share of the weight.": altered(my_decay_step, {"- rate * decay": "+ rate * decay"}),
        "You step with the gradient, and not against it.": altered(my_decay_step, {"- rate * gradient": "+ rate * gradient"}),
        "The decay is not multiplied by the rate. In a step of half the length, weights decay half as much.": altered(my_decay_step, {"- rate * decay * weight": "- decay * weight"}),
        "You subtract the same amount from every weight. Decay takes a *share* of each: multiply it by the weight.": altered(my_decay_step, {"decay * weight": "decay"}),
        "You take the same amount off every weight's size, large or small. That is another penalty (L1). Decay takes a share.": altered(my_decay_step, {"decay * weight": "decay * weight.sign()"}),
        "Your decay also shrinks the gradient. It belongs to the weight alone.": lambda w, g, rate, decay: (w - rate * g) * (1 - rate * decay),
        "This is decay × gradient. The share is taken of the weight.": altered(my_decay_step, {"decay * weight": "decay * gradient"})},
    hints=("Begin with plain SGD: the weight, minus the rate times the gradient.",
           "Now the second pull, towards 0. Where the gradient is 0, a weight of 2 with rate 0.1 and decay 0.5 becomes 1.9.",
           "What is taken off is a product of three: the rate, the decay, and the weight as it was before the step."),
    why="Each step multiplies the weight by 1 − rate · decay, and then moves it against the gradient. A weight that the digits do not hold up shrinks to nothing.")  # fmt: skip


def my_dropout(numbers, mask, p):
    return numbers * mask / (1 - p)


def _mask(*shape, seed, dtype=torch.float32):
    return (drawn(*shape, seed=seed) > 0).to(dtype)


DROPOUT = Exercise(
    "5.3", "dropout", my_dropout,
    inputs=[(torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]), torch.tensor([1.0, 0.0, 1.0, 1.0, 1.0]), 0.2), (drawn(6, seed=1), _mask(6, seed=2), 0.75),
            (drawn(3, 4, seed=3), _mask(3, 4, seed=4), 0.5), (drawn(2, 5, seed=5, dtype=torch.float64), _mask(2, 5, seed=6, dtype=torch.float64), 0.1),
            (drawn(4, seed=7), torch.ones(4), 0.0)],
    mistakes={
        "The neurons are switched off, and those that are left are as they were. On average the next layer then gets too little: make up for it.":
            altered(my_dropout, {" / (1 - p)": ""}),
        "You divided by p, the share that is dropped. Divide by the share that is *left*.": lambda x, mask, p: x * mask / p if p else x * mask,
        "You multiplied by the share that is left, so the numbers get smaller still. Divide by it.": altered(my_dropout, {"/ (1 - p)": "* (1 - p)"}),
        "You keep what should be dropped: a neuron whose mask is 0 is switched off.": altered(my_dropout, {"* mask": "* (1 - mask)"}),
        "Nothing is switched off: multiply by the mask.": altered(my_dropout, {" * mask": ""}),
        "You divided by the share of ones in this mask. By chance that differs from draw to draw: use 1 − p.": altered(my_dropout, {"(1 - p)": "mask.mean()"}),
        "The dropped ones are gone from the list. They stay in their places, and are 0.": lambda x, mask, p: x[mask.bool()] / (1 - p)},
    hints=("The mask holds a 1 for each neuron that stays, and a 0 for each that is switched off.",
           "Numbers times mask switches them off. Of 10 neurons with p = 0.2, eight stay on average. What were their sums, and what are they now?",
           "The share that stays is 1 − p. What is left has to grow by so much that, on average, the sum is what it was."),
    why="On average a share of 1 − p stays, so dividing by it keeps the mean. That is why `eval()` has nothing to make up for, and hands the numbers on.")  # fmt: skip


def my_shift(images):
    moved = torch.zeros_like(images)
    moved[:, :, :, 1:] = images[:, :, :, :-1]
    return moved


SHIFT = Exercise(
    "5.4", "a batch moved by one pixel", my_shift,
    inputs=[(torch.tensor([[[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]]),), (drawn(2, 1, 3, 3, seed=1),), (drawn(3, 1, 4, 5, seed=2),), (drawn(2, 1, 3, 4, seed=3, dtype=torch.float64),)],
    mistakes={
        "What leaves at the right comes back in at the left. Past the edge there is paper: the first column is 0.": lambda x: x.roll(1, 3),
        "Your digits moved to the left. Pixel 0 of each row should land at place 1.": lambda x: F.pad(x[..., 1:], (0, 1)),
        "Your digits moved down. Columns are the last axis, `[digits, 1, rows, columns]`.": lambda x: F.pad(x[:, :, :-1], (0, 0, 1, 0)),
        "Your digits moved up. Columns are the last axis, and to the right means to a larger place.": lambda x: F.pad(x[:, :, 1:], (0, 0, 0, 1)),
        "The first column should be empty, and you left in it what was there.": lambda x: torch.cat([x[..., :1], x[..., :-1]], dim=3),
        "Your images grew by a column. What moves over the edge is lost.": lambda x: F.pad(x, (1, 0)),
        "Your images lost a column. It has to be filled with paper, 0, at the left.": lambda x: x[..., :-1],
        "The digits changed places in the batch: you moved along the first axis. Columns are the last one.": lambda x: x.roll(1, 0),
        "Nothing moved.": lambda x: x},
    hints=("Start from paper: `torch.zeros_like(images)` has the same shape and the same kind of numbers.",
           "All columns but the first are `[:, :, :, 1:]`, and all but the last `[:, :, :, :-1]`. They are equally many.",
           "Write the one part of the old images into the other part of the empty ones. Which is which? Column 0 has to land in column 1."),
    why="The last column is lost, and paper comes in at the left. To `torch.roll`, the two edges would be one.")  # fmt: skip


def my_batch_norm(sums, mean, variance, training):
    if training:
        mean, variance = sums.mean(dim=0), sums.var(dim=0, unbiased=False)
    return (sums - mean) / (variance + 1e-5).sqrt()


def _normed(*shape, seed, training, dtype=torch.float32):
    return (
        drawn(*shape, seed=seed, dtype=dtype),
        drawn(shape[1], seed=seed + 50, dtype=dtype),
        drawn(shape[1], seed=seed + 90, dtype=dtype) ** 2 + 0.5,
        training,
    )


BATCH_NORM = Exercise(
    "5.5", "batch normalisation", my_batch_norm, atol=1e-4,
    inputs=[(torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0]]), torch.tensor([0.0]), torch.tensor([1.0]), True),
            (torch.tensor([[1.0], [2.0], [3.0], [4.0], [5.0]]), torch.tensor([2.0]), torch.tensor([4.0]), False),
            _normed(4, 3, seed=1, training=True), _normed(4, 3, seed=2, training=False), _normed(6, 6, seed=3, training=True),
            _normed(1, 4, seed=4, training=False), _normed(5, 2, seed=5, training=True, dtype=torch.float64)],
    mistakes={
        "You always use the batch's own mean and variance. In `eval()` one digit's answer would then hang on its neighbours: use what was kept.":
            altered(my_batch_norm, {"if training": "if True"}),
        "You always use the kept mean and variance. In training the batch's own are used.": altered(my_batch_norm, {"if training": "if False"}),
        "The two are exchanged: in training the batch's own numbers, in `eval()` the kept ones.": altered(my_batch_norm, {"if training": "if not training"}),
        "Your mean runs along each row, over the neurons. Each neuron has one of its own, taken over the batch: `dim=0`.":
            lambda z, mean, var, training: my_batch_norm(z.T, mean, var, True).T if training else my_batch_norm(z, mean, var, False),
        "You took one mean and one variance of the whole table. Each neuron has its own: `dim=0`.":
            altered(my_batch_norm, {"sums.mean(dim=0), sums.var(dim=0, unbiased=False)": "sums.mean(), sums.var(unbiased=False)"}),
        "You divided by the variance. Its root, the standard deviation, is what brings the spread to 1.": altered(my_batch_norm, {".sqrt()": ""}),
        "Your variance divides by n − 1, as torch's `var` does of its own. Here it divides by n: `unbiased=False`.": altered(my_batch_norm, {", unbiased=False": ""}),
        "The mean is subtracted, and the spread is as it was. Divide by the root of the variance.": altered(my_batch_norm, {" / (variance + 1e-5).sqrt()": ""}),
        "The spread is right, and the mean is still in. Subtract it first.": altered(my_batch_norm, {"(sums - mean)": "sums"})},
    hints=("In both modes the last line is the same: subtract a mean, divide by the root of a variance. The modes differ in whose.",
           "In training: the mean and the variance of each column, `dim=0`. A column is one neuron, a row one digit.",
           "`var` has to divide by n (`unbiased=False`), and before the root goes 1e-5, so that nothing is ever divided by 0."),
    why="In training each neuron is brought to mean 0 and deviation 1 over the batch. In `eval()` kept numbers stand in, so that a digit's answer is its own.")  # fmt: skip


def my_vote(logits):
    return logits.softmax(dim=2).mean(dim=0)


VOTE = Exercise(
    "5.6", "a vote of probabilities", my_vote,
    inputs=[(torch.tensor([[[4.0, 0.0, 0.0]], [[0.0, 1.0, 0.0]], [[0.0, 1.0, 0.0]]]),), (drawn(3, 2, 4, seed=1),), (drawn(2, 5, 3, seed=2),),
            (drawn(4, 3, 10, seed=3, dtype=torch.float64),), (drawn(3, 3, 3, seed=4, size=6.0),)],
    mistakes={
        "You took the mean of the logits, and the softmax of that. Logits have no common scale, so a loud network outvotes the others. First each network's softmax.":
            lambda z: z.mean(dim=0).softmax(dim=1),
        "This counts heads: how many networks say which digit. How sure they are is lost. Take the mean of the probabilities.":
            lambda z: F.one_hot(z.argmax(dim=2), z.shape[2]).double().mean(dim=0),
        "This is the mean of the logits. They are no probabilities yet.": lambda z: z.mean(dim=0),
        "Your probabilities sum to 1 over the networks. They have to sum to 1 over the digits, the last axis: `dim=2`.": lambda z: z.softmax(dim=0).mean(dim=0),
        "Your probabilities sum to 1 over the samples. They have to sum to 1 over the digits, the last axis: `dim=2`.": lambda z: z.softmax(dim=1).mean(dim=0),
        "You added up the probabilities, and did not divide by the number of networks.": altered(my_vote, {".mean(": ".sum("}),
        "You took the mean over the samples. The networks lie along the first axis: `dim=0`.": lambda z: z.softmax(dim=2).mean(dim=1),
        "This is the first network's answer alone.": lambda z: z[0].softmax(dim=1),
        "These are the digits that the vote names. Give back its probabilities.": lambda z: my_vote(z).argmax(dim=1)},
    hints=("The axes are `[networks, samples, digits]`. Which of them should be gone at the end?",
           "Each network first says its own probabilities: a softmax over the digits.",
           "Then the mean over the networks, the first axis. Rows of the result still sum to 1."),
    why="A mean of probabilities is again a probability. A network that is sure counts for more than one that wavers, and none counts for more than one vote.")  # fmt: skip


EXERCISES = (STOP, DECAY, DROPOUT, SHIFT, BATCH_NORM, VOTE)
