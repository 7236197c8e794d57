"""Lesson 6, the clinic: name the cause of a curve, repair the code, find a rate, choose honestly, diagnose a ward."""

import copy
import math
from collections.abc import Callable, Mapping

import torch
from torch import nn
from torch.nn import functional as F

from ..data import batches, load_digits
from ..training import fit, squared_error
from .old_asking import ask, expect, expect_prediction, expect_shape, in_words, needs_answer, number_of, tensor_of
from .old_exercise import Exercise, Open, Wrong

# The list of causes, as in the lesson, and what each of them looks like ---------------------------------------------

CAUSES = {
    "A": ("a learning rate too large", "it starts at ln 10, leaps far above it, and stays at or above ln 10"),
    "B": ("two softmaxes", "it starts at ln 10 and sinks slowly, and nothing gets it below 1.4612"),
    "C": ("sorted digits", "each digit's loss dives towards 0, and leaps up at the next digit, like a saw's teeth"),
    "D": ("[N, 1] against [N]", "a squared error, which starts near the mean square and settles at the variance"),
    "E": (
        "softmax over the batch axis",
        "it starts at the logarithm of the batch size, whatever the number of classes",
    ),
    "F": ("a learning rate too small", "it starts at ln 10, and hardly leaves it, without any leap"),
    "G": ("gradients never zeroed", "it starts at ln 10, falls at first, turns, and swings ever higher"),
    "H": ("a softmax where `NLLLoss` wants its logarithm", "it is negative, from −0.1 towards −1"),
    "I": ("pixels left at 0..255", "its very first loss lies far above ln 10, before any step was taken"),
    "J": ("chosen with the test digits", "no training curve shows it: the score is too good, and fresh digits tell"),
}


def _letter(answer, what: str = "this") -> str:
    """A cause's letter, small or large, with or without spaces."""
    needs_answer(answer)
    if not isinstance(answer, str):
        raise Wrong(
            f'A letter from the list of causes is wanted, in quotes, such as "A", and {what} is {in_words(answer)}.'
        )
    letter = answer.strip(" .():").upper()
    if letter not in CAUSES:
        raise Wrong(f"{what[0].upper()}{what[1:]} is `{answer.strip()[:20]}`, and the list of causes goes from A to J.")
    return letter


def _cause(right: str, against: str, besides: Mapping[str, str] | None = None) -> Callable:
    """A check for one cause. `against` says what a wrong cause does not fit; `besides` has other words for some."""

    def check(answer):
        letter = _letter(answer)
        if letter == right:
            return
        name, looks = CAUSES[letter]
        raise Wrong(f"{letter}, {name}: {looks}. {(besides or {}).get(letter, against)}")

    return check


# A training step ---------------------------------------------------------------------------------------------------------------


def my_step(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def check_step(answer):
    generator = torch.Generator().manual_seed(0)
    parts = [(torch.randn(8, 3, generator=generator), torch.arange(8) % 2) for _ in range(3)]
    start = nn.Linear(3, 2)
    with torch.no_grad():
        for parameter in start.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=generator))

    def trained(step):
        model = copy.deepcopy(start)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
        losses = [ask(step, model, *part, nn.CrossEntropyLoss(), optimizer) for part in parts]
        return torch.nn.utils.parameters_to_vector(model.parameters()).detach(), losses

    right, right_losses = trained(my_step)
    got, losses = trained(answer)
    unmoved = torch.nn.utils.parameters_to_vector(start.parameters())
    mistaken = [
        (unmoved, "After three batches no weight has moved. Either `optimizer.step()` is missing, or the gradients were "
         "set to zero between `backward()` and `step()`."),
        (trained(step_without_zero)[0], "The second batch also took the first one's gradients along: `backward()` adds to "
         "`.grad`. Set them to zero once a batch, after `step()` or before `backward()`."),
        (trained(step_twice)[0], "Each batch moved the weights twice: there is one `optimizer.step()` too many."),
    ]  # fmt: skip
    expect(got, right, mistaken, what="a weight after three batches", rtol=1e-3)
    expect([number_of(loss, "the returned loss") for loss in losses], right_losses, what="the returned loss", rtol=1e-3)


def step_without_zero(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


def step_twice(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.step()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()


def zero_before_step(model, images, labels, loss_fn, optimizer):
    loss = loss_fn(model(images), labels)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


def step_that_returns_the_batch(model, images, labels, loss_fn, optimizer):
    my_step(model, images, labels, loss_fn, optimizer)
    return images


# 6.1 ---------------------------------------------------------------------------------------------------------------


def check_landmarks(answer):
    mistaken = [
        ([math.log(10), 0], "That is where a healthy patient starts and ends. This loss takes no logarithm anywhere."),
        (
            [math.log(10), math.log(1 + 9 / math.e)],
            "Those belong to a cross entropy. This loss takes no logarithm at all.",
        ),
        ([0.1, 1], "The right two numbers, and `NLLLoss` is a *negative* log-likelihood: it puts a minus in front."),
        ([-1, -0.1], "The right two numbers in the wrong order: first where it starts, then where it cannot pass."),
        (
            [-0.1, 0],
            "The start is right. Now say what a perfect answer gives the true digit, and put a minus in front.",
        ),
        (
            [-math.log(10), 0],
            "No logarithm is taken here: the number at the true digit's place is itself a probability.",
        ),
    ]
    expect_prediction(answer, [-0.1, -1], mistaken, rtol=1e-3)


# 6.2, 6.4, 6.7, 6.9, 6.11, 6.13, 6.15 ------------------------------------------------------------------------------

check_cause_1 = _cause("H", "This curve starts at −0.1. Which network hands the loss a number between 0 and 1?")
check_cause_2 = _cause(
    "E",
    "This curve starts at 4.16, and e to the power of 4.16 is 64. What is there 64 of?",
    {"H": "This one is positive, so the logarithm is there. Look at the softmax itself, and at its `dim`."},
)
check_cause_3 = _cause(
    "B",
    "This curve starts at ln 10, sinks steadily, and stays above 1.46. Count the softmaxes between logits and loss.",
    {
        "H": "Here the loss brings a logarithm along, and so it is positive. What else does this loss bring along?",
        "F": "This one does fall, for a while as fast as you like. It is a floor that stops it, at 1.4612.",
    },
)
check_cause_4 = _cause(
    "G",
    "This curve starts at ln 10 and falls at first, so inputs, outputs and rate can't be far off. Then it turns. Look at "
    "the step, line by line, and count to five.",
    {"A": "The healthy patient has the same rate, and does well with it. Compare the two step functions."},
)
check_cause_5 = _cause(
    "I",
    "This curve's first loss is many times ln 10, and no step had been taken then. So neither the rate nor the "
    "gradients nor the order can have done it: look at what goes in.",
    {
        "A": "The leaps are there, but look at the very first loss: many times ln 10, before any step was taken. No "
        "rate can do that."
    },
)
check_cause_6 = _cause(
    "D",
    "This is a squared error that settles at the variance of the labels: the network gives one and the same answer to "
    "everything. Compare the shapes that meet in the loss.",
    {"F": "This one falls fast, and then settles at the variance: it has learned the mean, and nothing else."},
)
check_cause_7 = _cause(
    "C",
    "This curve falls and leaps up again, each time after as many batches as there are of one digit. In what order do "
    "the digits come?",
    {"A": "The leaps here come at regular places: wherever one digit ends and the next begins."},
)


# 6.3 ---------------------------------------------------------------------------------------------------------------


def my_outputs(logits):
    return torch.log_softmax(logits, dim=1)


def check_outputs(answer):
    generator = torch.Generator().manual_seed(0)
    for rows, classes in ((4, 10), (5, 5), (1, 10)):
        logits = 3 * torch.randn(rows, classes, generator=generator)
        right = torch.log_softmax(logits, dim=1)
        got = tensor_of(ask(answer, logits))
        mistaken = [
            (right.exp(), "These are the probabilities. `NLLLoss` puts a minus in front and takes no logarithm: that is the "
             "fault itself. Give it the logarithms."),
            (torch.log_softmax(logits, dim=0), "The softmax ran down the columns, over the batch. Each row is a digit of "
             "its own: `dim=1`."),
            (logits, "These are the bare logits. They are no log-probabilities yet: in no row do their exponentials sum to 1."),
            (-right, "The sign is turned round. `NLLLoss` puts the minus in front itself."),
            (right / math.log(10), "This is the logarithm to base 10. The field means the natural one."),
            (right / math.log(2), "This is the logarithm to base 2. The field means the natural one."),
        ]  # fmt: skip
        expect(got, right, mistaken, what="the result", given=f"for logits of shape {list(logits.shape)}")
    far = tensor_of(ask(answer, torch.tensor([[200.0, 0.0, -200.0]])))
    if not torch.isfinite(far).all():
        raise Wrong(
            "Right for small logits. For `[200, 0, -200]` a probability was rounded to 0, and its logarithm is minus "
            "infinity. `torch.log_softmax` does both at once, and stays finite."
        )
    _expect_gradient(answer, torch.randn(3, 10, generator=generator))


def _expect_gradient(function, inputs, *others):
    """Raise Wrong where the result cannot be walked back to the inputs, which a training needs."""
    inputs = inputs.clone().requires_grad_()
    result = function(inputs, *others)
    if not isinstance(result, torch.Tensor) or not result.requires_grad:
        raise Wrong(
            "The numbers are right, but they have lost their way back to the network, so `backward()` finds nothing to "
            "change. Compute with tensors from end to end: without `.item()`, `.detach()`, NumPy or lists."
        )


# 6.5 ---------------------------------------------------------------------------------------------------------------


def check_start(answer):
    mistaken = [
        (
            math.log(10),
            "That is where a healthy patient starts, with batches of any size. Here the classes do not count.",
        ),
        (math.log(64), "That is the start with batches of 64. Now there are 100 digits in a batch."),
        (100, "That is the number of digits. The loss is the logarithm of it."),
        (2, "That is the logarithm to base 10. The loss takes the natural one, `math.log`."),
        (math.log2(100), "That is the logarithm to base 2. The loss takes the natural one, `math.log`."),
        (math.log(1000), "Each column shares 1 among the 100 digits of a batch, and the ten classes do not enter."),
        (
            -math.log(100),
            "The number is right, and the sign is not: 1/100 has a negative logarithm, and the loss turns it.",
        ),
    ]
    expect_prediction(answer, math.log(100), mistaken, rtol=5e-3)


# 6.6 ---------------------------------------------------------------------------------------------------------------


def my_examination(outputs):
    sums = outputs.exp().sum(dim=1)
    return torch.allclose(sums, torch.ones_like(sums), atol=1e-4)


def check_examination(answer):
    generator = torch.Generator().manual_seed(0)
    square, wide = 3 * torch.randn(10, 10, generator=generator), 3 * torch.randn(64, 10, generator=generator)
    logits = 2 * torch.randn(7, 10, generator=generator)
    columns = (
        "Your examination says True to a softmax over the batch, the very fault it is to find. Sum the probabilities "
    )
    cases = [
        (logits, False, "Your examination says True to bare logits, whose exponentials sum to anything at all."),
        (torch.softmax(wide, dim=1), False, "Your examination says True to plain probabilities. It is to tell "
         "*log*-probabilities: take `outputs.exp()` before you sum."),
        (torch.log_softmax(wide, dim=0), False, columns + "along each row: `dim=1`."),
        (torch.log_softmax(wide, dim=1), True, "Your examination says False to sound log-probabilities of shape `[64, 10]`. "
         "Each row of `outputs.exp()` must sum to 1, but for rounding: compare with a tolerance (`torch.allclose`), "
         "never with `==`."),
        (torch.log_softmax(square, dim=0), False, columns + "of each row by itself: in a square table the whole sum, and "
         "each column's, come out right."),
        (torch.log_softmax(logits, dim=1), True, "Your examination says False to sound log-probabilities of shape `[7, 10]`."),
        (torch.log_softmax(logits, dim=1)[:1].double(), True, "Your examination says False to a single sound digit, in "
         "64-bit numbers."),
        (torch.cat([torch.log_softmax(wide, dim=1), logits]), False, "Your examination says True where only some of the rows "
         "are sound. Every single row must sum to 1."),
    ]  # fmt: skip
    for outputs, right, words in cases:
        verdict = ask(answer, outputs)
        verdict = verdict.tolist() if hasattr(verdict, "tolist") else verdict
        if not isinstance(verdict, bool):
            raise Wrong(
                f"One verdict is wanted, True or False, and yours is {in_words(verdict)}. `torch.allclose` gives one."
            )
        if verdict != right:
            raise Wrong(words)


# 6.8 ---------------------------------------------------------------------------------------------------------------


def my_loss(probabilities, labels):
    return nn.functional.nll_loss(probabilities.log(), labels)


def check_loss(answer):
    generator = torch.Generator().manual_seed(0)
    for rows, classes in ((6, 10), (10, 10), (4, 3)):
        logits = torch.randn(rows, classes, generator=generator)
        labels = torch.randint(classes, (rows,), generator=generator)
        p = logits.softmax(dim=1)
        true = p[range(rows), labels]
        right = -true.log().mean()
        got = ask(answer, p, labels)
        mistaken = [
            (F.cross_entropy(p, labels), "This is the fault itself: cross entropy takes the probabilities for logits, and runs "
             "a softmax over them once more. Take the logarithm of the probability that is there."),
            (-true.mean(), "This is minus the mean probability, patient 1's loss: the logarithm is missing."),
            (right * rows, "This is the sum over the digits of a batch. The loss is their mean."),
            (-right, "The sign is turned round: a loss grows as things get worse."),
            (-true.mean().log(), "This is the logarithm of the mean probability. First the logarithms, then their mean."),
            (-p.log().mean(), "This takes in the probabilities of the wrong digits too. Only the true digit's counts: pick it "
             "with `probabilities[range(len(labels)), labels]`, or let `nll_loss` do it."),
            (right / math.log(2), "This is the logarithm to base 2. The field means the natural one."),
        ]  # fmt: skip
        if tensor_of(got).numel() > 1:
            expect(got, -true.log(), what="each digit's loss")
            raise Wrong(
                f"These are the losses of the {rows} digits, one by one. `backward()` wants a single number: the mean."
            )
        expect(number_of(got), right, mistaken, what="the loss", given=f"of {rows} digits")
    _expect_gradient(answer, p, labels)


# 6.10, checked as in lesson 3 ---------------------------------------------------------------------------------------


def step_without_loss(model, images, labels, loss_fn, optimizer):
    my_step(model, images, labels, loss_fn, optimizer)


# 6.12 --------------------------------------------------------------------------------------------------------------


def my_inputs(images):
    return images.float() / 255


def check_inputs(answer):
    generator = torch.Generator().manual_seed(0)
    for top in (256, 120):  # the second batch holds no full ink
        images = torch.randint(top, (5, 1, 28, 28), generator=generator).to(torch.uint8)
        right = images.double() / 255
        got = ask(answer, images)
        dtype = getattr(got, "dtype", None)
        got = tensor_of(got)
        mistaken = [
            (images, "The pixels are still 0 to 255. Divide them by the largest value that a pixel can have."),
            (images // 255, "Whole numbers came out, so nearly every pixel fell to 0: `//` drops what is behind the point. "
             "Divide with `/`."),
            (images.double() / 256, "Nearly. A byte holds 0 to 255, and 255, full ink, is to become 1: divide by 255."),
            (right / (top - 1) * 255, "You divided by this batch's own largest pixel. Then the same grey is another number in "
             "another batch. Divide by 255, always."),
            (images.double() / images.max(), "You divided by this batch's own largest pixel. Then the same grey is another "
             "number in another batch. Divide by 255, always."),
            (images.double() / images.amax(dim=(1, 2, 3), keepdim=True), "You divided each image by its own largest pixel, so "
             "a pale digit and a dark one come out alike. Divide by 255, always."),
            ((right - 0.5) / 0.5, "This runs from −1 to 1. It would train too, as lesson 3's `BPNetwork` shows. Here 0 is to "
             "be paper, and 1 ink."),
            (1 - right, "Paper became 1 and ink 0. Leave the ink where it is."),
            (right / 255, "You divided by 255 twice. Now the largest pixel is 1/255."),
            (images.double() / 100, "The largest pixel is now 2.55. Divide by 255."),
        ]  # fmt: skip
        if got.numel() == right.numel():
            expect(got.reshape(right.shape), right, mistaken, what="a pixel", atol=1e-3 / 255)
        expect_shape(got, right.shape, reason="Keep the shape: only the numbers change.")
        if isinstance(dtype, torch.dtype) and dtype in (torch.float16, torch.bfloat16):
            raise Wrong("The numbers are right, in 16 bits. The network's weights have 32: use `.float()`.")


# 6.14 --------------------------------------------------------------------------------------------------------------


def my_squared_error(answers, labels):
    targets = labels.float().unsqueeze(1)  # [N] becomes [N, 1]
    return ((answers - targets) ** 2).mean()


def check_squared_error(answer):
    generator = torch.Generator().manual_seed(0)
    for rows in (6, 64, 1):
        answers = 4 + 3 * torch.randn(rows, 1, generator=generator)
        labels = torch.randint(10, (rows,), generator=generator)
        error = answers[:, 0].double() - labels
        right = (error**2).mean()
        got = ask(answer, answers, labels)
        mistaken = [
            ((answers.double() - labels).square().mean(), f"This is the fault itself: {rows} answers met {rows} labels in "
             f"{rows * rows} pairs. Bring both to one shape before you subtract: `labels.unsqueeze(1)`, or `answers[:, 0]`."),
            ((error**2).sum(), "This is the sum of the squared errors. The loss is their mean."),
            (right / 2, "This is half of the mean squared error. Some books write it so; this course does not."),
            (error.abs().mean(), "These are the errors without their sign, averaged. Square them first."),
            (error.mean() ** 2, "First the mean and then the square lets errors up and down cancel. Square first."),
            (error.mean(), "The errors are not squared, so those up and those down cancel."),
            (right.sqrt(), "This is the square root of it. The loss is the mean squared error itself."),
        ] if rows > 1 else []  # fmt: skip
        if tensor_of(got).numel() > 1:
            raise Wrong(
                f"Your loss holds {tensor_of(got).numel()} numbers. `backward()` wants a single one: take the mean."
            )
        expect(number_of(got), right, mistaken, what="the loss", given=f"of {rows} answers", rtol=1e-3)
    _expect_gradient(answer, answers, labels)


# 6.16 --------------------------------------------------------------------------------------------------------------


def my_order(labels, generator):
    return torch.randperm(len(labels), generator=generator)


def check_order(answer):
    for counts in ([40] * 10, [90, 30, 60, 45, 75, 50, 30, 20, 80, 40]):
        labels = torch.arange(10).repeat_interleave(torch.tensor(counts))
        _check_one_order(answer, labels)


def _check_one_order(answer, labels):
    size = len(labels)
    generator = torch.Generator().manual_seed(3)
    first, second = (tensor_of(ask(answer, labels, generator)) for _ in range(2))
    again = tensor_of(ask(answer, labels, torch.Generator().manual_seed(3)))
    if first.numel() == size and first.ndim == 1 and torch.equal(first.sort().values, labels.double()):
        raise Wrong(
            "These are the labels, shuffled. Positions are wanted, 0 to N − 1, so that images and labels can both be taken in "
            "the same order."
        )
    expect_shape(first, [size], reason="One position for each digit.")
    distinct = first.unique().numel()
    if distinct < size and first.min() >= 0 and first.max() < size:
        raise Wrong(
            f"There are {size} positions, and only {distinct} different ones: some digits come twice and some never. "
            "`torch.randint` draws and puts back; a permutation deals each card once."
        )
    if not torch.equal(first.sort().values, torch.arange(size).double()):
        raise Wrong(f"Every position from 0 to {size - 1} is wanted, each once.")
    kinds = min(labels[part.long()].unique().numel() for part in first.split(64)[:-1])
    if kinds < 6:
        raise Wrong(
            f"In one of the batches of 64 there are only {kinds} different digits: the order still goes digit by digit. "
            "Shuffle all positions together."
        )
    if not torch.equal(first, again):
        raise Wrong(
            "Two generators started with the same seed gave two different orders: the order was not drawn from `generator`. "
            "Hand it on: `generator=generator`."
        )
    if torch.equal(first, second):
        raise Wrong(
            "The second epoch has the order of the first. Draw a new one from `generator` each time, without starting it "
            "again."
        )


def order_by_the_global_dice(labels, generator):
    return torch.randperm(len(labels))


def order_seeded_anew(labels, generator):
    return torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))


def order_with_repeats(labels, generator):
    return torch.randint(len(labels), (len(labels),), generator=generator)


# 6.17 --------------------------------------------------------------------------------------------------------------


def check_causes_8(answer):
    needs_answer(answer)
    if isinstance(answer, str) and len(answer.replace(",", " ").split()) == 2:
        answer = answer.replace(",", " ").split()
    if not isinstance(answer, list | tuple) or len(answer) != 2:
        raise Wrong(
            f'Two letters are wanted, as in ["C", "D"]: first curve p, then curve q. This is {in_words(answer)}.'
        )
    p, q = (_letter(part, "one of them") for part in answer)
    if (p, q) == ("A", "F"):
        return
    if (p, q) == ("F", "A"):
        raise Wrong("The right two, in the wrong order. Curve p leaps up; curve q hardly moves.")
    letter, facts = (
        (p, "Curve p starts at ln 10, so inputs, outputs and loss are sound. Its first few steps throw it far up.")
        if p != "A"
        else (q, "Curve q starts at ln 10 and stays there, smooth and level: nothing leaps, and nothing is learned.")
    )
    name, looks = CAUSES[letter]
    raise Wrong(f"{letter}, {name}: {looks}. {facts}")


# 6.18 --------------------------------------------------------------------------------------------------------------

GOAL, EPOCHS = 6.0, 10


def trained_regression(rate: float) -> tuple[float, int]:
    """The last mean loss and the number of dead neurons of 784-64-1, ReLU, on 2,000 embedded digits, ten epochs of SGD."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 1))
    split = load_digits("digits", train_size=2000).train
    train = batches(split, 64, shuffle=True, generator=torch.Generator().manual_seed(0))
    optimizer = torch.optim.SGD(model.parameters(), lr=rate)
    loss = fit(model, train, None, squared_error, optimizer, epochs=EPOCHS).train_loss[-1]
    (images, _), *_ = batches(split, len(split.labels), shuffle=False)
    with torch.no_grad():
        silent = ~(model[:3](images) > 0).any(dim=0)
    return loss, int(silent.sum())


def check_rate(answer):
    rate = number_of(answer)
    if not 0 < rate < math.inf:
        raise Wrong(f"A learning rate is a positive number, and {rate:g} is none. Try 0.1 first, and read the reply.")
    loss, silent = trained_regression(rate)
    if loss < GOAL:
        return
    tried = f"With {rate:g} the mean loss of epoch {EPOCHS} is {loss:,.2f}, and the goal is below {GOAL:g}."
    if not math.isfinite(loss):
        raise Wrong(
            f"{tried} Each step overshot by more than the one before, until the numbers ran over. Try a hundredth."
        )
    if silent > 50:
        raise Wrong(
            f"{tried} {silent} of the 64 hidden neurons are dead, so all that is left to learn is one constant answer. The "
            "steps are too long. Try a tenth."
        )
    if loss > 20:
        raise Wrong(
            f"{tried} It started near 28, and has hardly moved: the steps are far too short. Try a hundred times."
        )
    raise Wrong(
        f"{tried} It falls, but it creeps: nearly all neurons live, and the steps are too short. Try three times."
    )


# 6.19 --------------------------------------------------------------------------------------------------------------


def my_choice(validation_accuracies, test_accuracies):
    best = int(validation_accuracies.argmax())
    return best, test_accuracies[best]


def check_choice(answer):
    cases = [
        ([0.81, 0.90, 0.84, 0.88], [0.83, 0.86, 0.79, 0.91]),
        ([0.95, 0.60, 0.70], [0.90, 0.93, 0.50]),
        ([0.50, 0.61, 0.72, 0.70, 0.69], [0.66, 0.55, 0.64, 0.75, 0.52]),
    ]
    for validation, test in cases:
        validation, test = torch.tensor(validation, dtype=torch.float64), torch.tensor(test, dtype=torch.float64)
        got = ask(answer, validation, test)
        if isinstance(got, torch.Tensor) and got.shape == (2,):
            got = got.tolist()
        if not isinstance(got, list | tuple) or len(got) != 2:
            raise Wrong("Give back two things: the position of the chosen network, and the accuracy to be reported.")
        position = number_of(got[0], "the position")
        reported = number_of(got[1], "the reported accuracy")
        best, luckiest = int(validation.argmax()), int(test.argmax())
        if position == luckiest != best:
            raise Wrong(
                "You chose the network with the best test result. That is the fault itself: its luck is part of what you would "
                "report. Choose by the validation digits."
            )
        if position == best + 1:
            raise Wrong("The position is one too high: Python counts from 0.")
        if position == int(validation.argmin()):
            raise Wrong("You chose the network with the worst validation accuracy. The largest is wanted: `argmax`.")
        if position == (validation + test).argmax() != best:
            raise Wrong("The test accuracies had a say in your choice. Look at them only when the choice is made.")
        if position != best:
            raise Wrong("The chosen network is not the one with the best validation accuracy.")
        mistaken = [
            (validation[best], "The right network. But its validation accuracy was what it was chosen for, so that is too "
             "good now. Report what it scores on the test digits."),
            (test.max(), "The right network, and the wrong number: this is the best test accuracy of all, another network's."),
            (test.mean(), "The right network, and the wrong number: this is the mean over all. Report the chosen one's."),
        ]  # fmt: skip
        expect(reported, test[best], mistaken, what="the reported accuracy")


# 6.20 --------------------------------------------------------------------------------------------------------------

CLUES = {
    "H": "only one patient ever goes below zero",
    "E": "only one starts at ln 64",
    "I": "only one classifier starts far above ln 10 and comes down to it",
    "D": "only one is a squared error, and it settles at the variance of the labels",
    "C": "only one touches zero again and again, and leaps up each time",
    "A": "only one starts at ln 10, leaps at once, and then lies flat a little above ln 10",
    "F": "only one is level from beginning to end, but for a little noise",
    "G": "only one falls at first, and rises again over the epochs, swinging",
    "B": "only one sinks smoothly, and ends just above 1.4612",
}
EXAMPLE = {
    "P": [2.3, 2.31, 2.3, 2.28, 2.25, 2.2, 2.05, 1.9, 1.8, 1.72, 1.68, 1.63],
    "Q": [2.3, 1.6, 0.6, 0.9, 1.8, 4.5, 2.9, 3.4, 6.0, 2.8, 3.1, 3.9],
    "R": [25.7, 11.0, 9.1, 8.8, 8.2, 8.5, 8.6, 8.1, 8.4, 8.3, 8.5, 8.2],
    "S": [-0.1, -0.12, -0.2, -0.35, -0.5, -0.6, -0.66, -0.7, -0.75, -0.8, -0.79, -0.81],
    "T": [2.3, 0.01, 9.8, 0.2, 6.0, 0.05, 4.5, 0.01, 7.5, 0.1, 3.9, 0.02],
    "U": [2.3, 2.31, 2.29, 2.3, 2.3, 2.29, 2.31, 2.28, 2.29, 2.28, 2.27, 2.27],
    "V": [4.15, 3.2, 2.9, 2.7, 2.6, 2.5, 2.45, 2.4, 2.35, 2.3, 2.28, 2.25],
    "W": [2.3, 790.0, 41.0, 2.6, 2.4, 2.38, 2.41, 2.37, 2.4, 2.36, 2.39, 2.38],
    "X": [24.8, 3.7e8, 9000.0, 2.31, 2.3, 2.3, 2.29, 2.31, 2.3, 2.3, 2.29, 2.3],
}
EXAMPLE_TRUTH = dict(zip("PQRSTUVWX", "BGDHCFEAI", strict=True))


def my_diagnoses(curves):
    found, left = {}, dict(curves)  # curves: letter of a patient → its losses, batch by batch

    def diagnose(cause, feature, choose=max):
        patient = choose(left, key=lambda letter: feature(left[letter]))
        found[patient] = cause
        return left.pop(patient)

    diagnose("H", min, min)  # the only one below zero
    diagnose("E", lambda losses: abs(losses[0] - math.log(64)), min)
    two = sorted(left, key=lambda letter: left[letter][0])[-2:]  # they start far too high
    settled = {letter: sum(left[letter][-5:]) for letter in two}
    for letter in two:  # one comes down to ln 10, the other to the variance of the labels
        found[letter] = "I" if settled[letter] == min(settled.values()) else "D"
        del left[letter]
    diagnose("C", min, min)  # nearest to zero, in between its leaps
    diagnose("A", max)  # the highest leap
    diagnose("F", lambda losses: max(losses) - min(losses), min)  # moves the least
    diagnose("G", max)  # climbs again
    diagnose("B", max)  # the one that is left
    return found


def check_diagnoses(answer, truth=EXAMPLE_TRUTH, curves=EXAMPLE):
    needs_answer(answer)
    if callable(answer):
        answer = ask(answer, curves)
    if not isinstance(answer, Mapping):
        raise Wrong(
            f'A dictionary is wanted, such as {{"P": "A", "Q": "B"}} for all patients, and this is {in_words(answer)}.'
        )
    named = {str(patient).strip().upper(): cause for patient, cause in answer.items()}
    unknown = [patient for patient in named if patient not in truth]
    if unknown or not named:
        raise Wrong(f"There is no patient {unknown[0] if unknown else 'in it'}. They are {', '.join(truth)}.")
    if all(cause is ... for cause in named.values()):
        raise Open
    missing = [patient for patient in truth if named.get(patient, ...) is ...]
    if missing:
        raise Open(f"Patient {', '.join(missing)} has no cause yet.")
    named = {patient: _letter(cause, f"the cause of {patient}") for patient, cause in named.items()}
    if "J" in named.values():
        raise Wrong("J leaves no trace in a training curve, so nobody in this ward can be found to have it by looking.")
    right = sum(named[patient] == cause for patient, cause in truth.items())
    if right == len(truth):
        return
    counts = {cause: list(named.values()).count(cause) for cause in CAUSES}
    doubled = next((cause for cause, count in counts.items() if count > 1), None)
    found = {cause for patient, cause in truth.items() if named[patient] == cause}
    clue = next(clue for cause, clue in CLUES.items() if cause not in found)
    twice = f" You gave {doubled} to {counts[doubled]} patients, and each has a cause of its own." if doubled else ""
    raise Wrong(f"{right} of {len(truth)} are right.{twice} A clue: {clue}. Check that one first.")


def _example_with(**changed):
    return {**EXAMPLE_TRUTH, **changed}


_LIST = "The letters stand in the list of causes, near the top of the lesson. "

EXERCISES = [
    Exercise(
        "6.1",
        "landmarks before the run",
        check_landmarks,
        hints=(
            "`NLLLoss` picks the number at the true digit's place, averages, and puts a minus in front. It takes no logarithm.",
            "Ten equal probabilities: what stands at the true digit's place? And in a perfect answer?",
        ),
        solution="""
            my_landmarks = [-0.1, -1]
        """,
        why="Untrained, the true digit gets about one tenth, so the loss starts at −0.1. A probability is at most 1, so the loss "
        "cannot pass −1.",
        mistakes=(
            ([2.302585, 0], "healthy patient"),
            ([0.1, 1], "minus in front"),
            ([-1, -0.1], "wrong order"),
            ([-0.1, 0], "start is right"),
            (-0.1, "2 are wanted"),
            ("-0.1 and -1", "a text"),
        ),
    ),
    Exercise(
        "6.2",
        "the cause of patient 1",
        check_cause_1,
        hints=(
            _LIST + "Which of them makes a loss negative?",
            "A log-probability is at most 0, so its negative is at least 0. What would make `NLLLoss` negative, then?",
        ),
        solution="""
            my_cause_1 = "H"
        """,
        why="The network answers with probabilities, and `NLLLoss` expects their logarithms. No true loss of this kind can be "
        "negative.",
        mistakes=(
            ("A", "leaps far above"),
            ("B", "below 1.4612"),
            ("E", "batch size"),
            ("softmax", "from A to J"),
            (1, "A letter"),
        ),
    ),
    Exercise(
        "6.3",
        "outputs that suit NLLLoss",
        check_outputs,
        hints=(
            "`NLLLoss` wants log-probabilities. Lesson 3 built them from the formula.",
            "`torch.log_softmax(logits, dim=1)` is the softmax along each row, and its logarithm, in one.",
        ),
        solution=my_outputs,
        why="The logarithm is what turns 'the true digit got 0.01' into a cost of 4.6, where the bare probability makes it 0.99 "
        "better to be right than wrong, and no more.",
        mistakes=(
            (lambda z: torch.softmax(z, dim=1), "fault itself"),
            (lambda z: torch.log_softmax(z, dim=0), "down the columns"),
            (lambda z: z, "bare logits"),
            (lambda z: -torch.log_softmax(z, dim=1), "minus in front itself"),
            (lambda z: torch.softmax(z, dim=1).log(), "rounded to 0"),
            (lambda z: torch.log_softmax(z, dim=1).detach(), "way back"),
        ),
    ),
    Exercise(
        "6.4",
        "the cause of patient 2",
        check_cause_2,
        hints=(
            _LIST + "The start gives it away: of what number is 4.16 the logarithm?",
            "ln 64 = 4.159, and a batch holds 64 digits.",
        ),
        solution="""
            my_cause_2 = "E"
        """,
        why="Each column was made to sum to 1, so every digit got 1/64 of a class instead of each class 1/10 of a digit.",
        mistakes=(
            ("H", "negative"),
            ("B", "two softmaxes"),
            ("i", "before any step"),
            ("dim=0", "from A to J"),
            (None, "nothing"),
        ),
    ),
    Exercise(
        "6.5",
        "its start in batches of 100",
        check_start,
        hints=(
            "In batches of 64 it started at ln 64. What would share its 1 among more digits?",
            "Each column shares 1 among 100 digits, so each gets about 1/100: the loss is −ln(1/100).",
        ),
        solution="""
            my_start = math.log(100)  # 4.605
        """,
        why="−ln(1/100) = ln 100 = 4.605. A loss at the start that depends on the batch size is the mark of this fault.",
        mistakes=(
            (2.302585, "healthy patient"),
            (4.158883, "batches of 64"),
            (100, "number of digits"),
            (2, "base 10"),
            (-4.60517, "sign"),
            (5.2, "too large"),
        ),
    ),
    Exercise(
        "6.6",
        "an examination for log-probabilities",
        check_examination,
        hints=(
            "Turn log-probabilities back into probabilities, and sum them. Along which axis must it give 1?",
            "`sums = outputs.exp().sum(dim=1)` holds one sum for each digit.",
            "Compare with a tolerance: `torch.allclose(sums, torch.ones_like(sums), atol=1e-4)`.",
        ),
        solution=my_examination,
        why="Whatever else a network says, its ten probabilities for one digit must sum to 1. It takes one line to check.",
        mistakes=(
            (lambda o: bool(((o.exp().sum(dim=0) - 1).abs() < 1e-4).all()), "along each row"),
            (lambda o: bool((o.exp().sum() - len(o)).abs() < 1e-3), "by itself"),
            (lambda o: bool(((o.sum(dim=1) - 1).abs() < 1e-4).all()), "plain probabilities"),
            (lambda o: True, "bare logits"),
            (lambda o: bool((o.exp().sum(dim=1) == 1).all()), "tolerance"),
            (lambda o: o.exp().sum(dim=1), "One verdict"),
        ),
    ),
    Exercise(
        "6.7",
        "the cause of patient 3",
        check_cause_3,
        hints=(
            _LIST + "Which of them has a floor that no training can pass?",
            "Lesson 3 met this floor: the best loss that a perfect *probability* can have, if it is taken for a logit.",
        ),
        solution="""
            my_cause_3 = "B"
        """,
        why="The network ends in a softmax, and `CrossEntropyLoss` brings another. The landmark 1.4612 tells.",
        mistakes=(
            ("F", "a floor that stops it"),
            ("H", "positive"),
            ("E", "logarithm of the batch size"),
            ("two", "from A to J"),
            (["B"], "in quotes"),
        ),
    ),
    Exercise(
        "6.8",
        "a loss for a network that answers probabilities",
        check_loss,
        hints=(
            "Minus the logarithm of the probability of the true digit, averaged. The probabilities are there already.",
            "`probabilities[range(len(labels)), labels]` picks the true digit's in each row.",
            "`nll_loss` picks and averages too. It wants logarithms: `torch.nn.functional.nll_loss(probabilities.log(), labels)`.",
        ),
        solution=my_loss,
        why="One softmax is in the network, so the loss must bring none. Better still is to take the network's softmax off: the "
        "logarithm of a probability that was rounded to 0 is minus infinity.",
        mistakes=(
            (lambda p, t: F.cross_entropy(p, t), "once more"),
            (lambda p, t: F.nll_loss(p, t), "logarithm is missing"),
            (lambda p, t: F.nll_loss(p.log(), t, reduction="sum"), "sum over the digits"),
            (lambda p, t: F.nll_loss(p.log(), t, reduction="none"), "one by one"),
            (lambda p, t: -p.log().mean(), "wrong digits too"),
            (lambda p, t: F.nll_loss(p.log(), t).item(), "way back"),
        ),
    ),
    Exercise(
        "6.9",
        "the cause of patient 4",
        check_cause_4,
        hints=(
            _LIST + "Network, loss, inputs, order and rate are the healthy patient's. So it is the step.",
            "Say the five steps aloud: forward, loss, backward, step, zero the gradients.",
        ),
        solution="""
            my_cause_4 = "G"
        """,
        why="`backward()` adds to `.grad`. Never emptied, it holds the sum of all gradients since the beginning.",
        mistakes=(
            ("A", "same rate"),
            ("C", "saw's teeth"),
            ("B", "below 1.4612"),
            ("zero", "from A to J"),
            (4, "A letter"),
        ),
    ),
    Exercise(
        "6.10",
        "repair the step",
        check_step,
        hints=(
            "Four of the five steps are there. Which is missing, and where may it stand?",
            "`optimizer.zero_grad()`, after `step()` or before `backward()`, but never between the two.",
        ),
        solution=my_step,
        why="Each batch now starts with empty gradients. Before `backward()` would do as well; between `backward()` and `step()` "
        "would throw away what was just computed.",
        mistakes=(
            (step_without_zero, "took the first one's gradients along"),
            (zero_before_step, "no weight has moved"),
            (step_twice, "twice"),
            (step_without_loss, "gives back nothing"),
            (
                lambda model, images, labels, loss_fn, optimizer: (
                    my_step(model, images, labels, loss_fn, optimizer) * 8
                ),
                "loss",
            ),
        ),
    ),
    Exercise(
        "6.11",
        "the cause of patient 5",
        check_cause_5,
        hints=(
            _LIST + "Look at the first loss alone: which causes can act before the first step?",
            "A network that is unsure starts at ln 10. One that starts far above is sure of wrong things: its logits are huge.",
        ),
        solution="""
            my_cause_5 = "I"
        """,
        why="Inputs 255 times as large make logits far too large, so the untrained network is sure, and wrong.",
        mistakes=(
            ("A", "before any step"),
            ("H", "negative"),
            ("D", "squared error"),
            ("F", "hardly leaves it"),
            ("K", "from A to J"),
        ),
    ),
    Exercise(
        "6.12",
        "inputs from 0 to 1",
        check_inputs,
        hints=(
            "A pixel is a byte, 0 for paper to 255 for ink.",
            "`images.float() / 255`: first a decimal number, then the division.",
        ),
        solution=my_inputs,
        why="0 is paper and 1 is ink, in every batch alike. Weights and learning rates are made for numbers of about this size.",
        mistakes=(
            (lambda images: images.float(), "still 0 to 255"),
            (lambda images: images // 255, "drops what is behind"),
            (lambda images: images / 256, "Nearly"),
            (lambda images: images / images.max(), "own largest pixel"),
            (lambda images: images / 127.5 - 1, "from −1 to 1"),
            (lambda images: 1 - images / 255, "Paper became 1"),
        ),
    ),
    Exercise(
        "6.13",
        "the cause of patient 6",
        check_cause_6,
        hints=(
            _LIST + "Lesson 2 had a landmark for a network that always gives the same answer.",
            "The warning names two sizes. Which of them is the answers', and which the labels'?",
        ),
        solution="""
            my_cause_6 = "D"
        """,
        why="Every answer was compared with every label, so the best that any answer can do is the mean of all labels.",
        mistakes=(
            ("F", "learned the mean"),
            ("A", "leaps far above"),
            ("I", "before any step"),
            ("E", "batch size"),
            ([], "empty"),
        ),
    ),
    Exercise(
        "6.14",
        "a squared error of matching shapes",
        check_squared_error,
        hints=(
            "Print both shapes. `[64, 1]` minus `[64]` is `[64, 64]`.",
            "`labels.unsqueeze(1)` makes `[N, 1]` of `[N]`. Or take `answers[:, 0]`, which is `[N]`.",
        ),
        solution=my_squared_error,
        why="Both sides now have the shape `[N, 1]`, so each answer meets its own label, and nobody else's.",
        mistakes=(
            (lambda a, t: ((a - t) ** 2).mean(), "pairs"),
            (lambda a, t: ((a[:, 0] - t) ** 2).sum(), "sum of the squared"),
            (lambda a, t: (a[:, 0] - t).abs().mean(), "without their sign"),
            (lambda a, t: (a[:, 0] - t).mean() ** 2, "cancel"),
            (lambda a, t: (a[:, 0] - t) ** 2, "single one"),
            (lambda a, t: ((a[:, 0] - t) ** 2).mean().item(), "way back"),
        ),
    ),
    Exercise(
        "6.15",
        "the cause of patient 7",
        check_cause_7,
        hints=(
            _LIST + "The teeth are as long as there are batches of one digit.",
            "Lesson 0 warned: pictures come folder by folder, first the zeros, then the ones.",
        ),
        solution="""
            my_cause_7 = "C"
        """,
        why="Within one digit the cheapest thing to learn is to name that digit, whatever the picture. The last one taught wins.",
        mistakes=(
            ("A", "regular places"),
            ("G", "swings ever higher"),
            ("J", "fresh digits tell"),
            ("B", "below 1.4612"),
            ("unsorted", "from A to J"),
        ),
    ),
    Exercise(
        "6.16",
        "a new order for every epoch",
        check_order,
        hints=(
            "Each position from 0 to N − 1 once, in random order: torch has a function for it.",
            "`torch.randperm(len(labels), generator=generator)`. Whoever draws random numbers says from where.",
        ),
        solution=my_order,
        why="Every batch is now a fair sample of all digits, each digit comes once an epoch, and the generator makes it repeatable.",
        mistakes=(
            (lambda labels, generator: labels.argsort(stable=True), "digit by digit"),
            (order_with_repeats, "puts back"),
            (order_by_the_global_dice, "not drawn from"),
            (order_seeded_anew, "order of the first"),
            (lambda labels, generator: labels[torch.randperm(len(labels), generator=generator)], "labels, shuffled"),
            (lambda labels, generator: torch.randperm(len(labels) - 1, generator=generator), "One position for each"),
        ),
    ),
    Exercise(
        "6.17",
        "the causes of patient 8",
        check_causes_8,
        hints=(
            _LIST + "Both patients differ from the healthy one in a single number.",
            "One of them leaps and never recovers. The other hardly moves. Which number does both?",
        ),
        solution="""
            my_causes_8 = ["A", "F"]
        """,
        why="Curve p has a far larger rate than the healthy patient, and curve q a far smaller one. Nothing else differs.",
        mistakes=(
            (["F", "A"], "wrong order"),
            (["G", "F"], "throw it far up"),
            (["A", "B"], "nothing leaps"),
            ("A", "Two letters"),
            (["A", "Z"], "from A to J"),
        ),
    ),
    Exercise(
        "6.18",
        "a rate for the network of numbers, by experiment",
        check_rate,
        hints=(
            "Try rates a factor of ten apart, and read the reply: does it creep, or have its neurons died?",
            "The healthy classifier's rate is too large here: an error of 5 pulls ten times as hard as any probability can.",
            "Look between 0.002 and 0.02.",
        ),
        solution="""
            my_rate = 0.01
        """,
        why="The rate that heals one network kills another. Between creeping and dying lies a wide range, and only trying finds "
        "it.",
        mistakes=(
            (0.2, "dead"),
            (10, "ran over"),
            (0.0003, "creeps"),
            (0.00001, "far too short"),
            (0, "positive number"),
            ("small", "a text"),
        ),
    ),
    Exercise(
        "6.19",
        "choose, then report",
        check_choice,
        hints=(
            "Two jobs, two sets of digits: one to choose by, the other to report.",
            "The position of the best is `validation_accuracies.argmax()`. What is reported stands at the same position of the "
            "other.",
        ),
        solution=my_choice,
        why="The test digits had no say in the choice, so its luck cannot be in the report.",
        mistakes=(
            (lambda v, t: (int(t.argmax()), t.max()), "fault itself"),
            (lambda v, t: (int(v.argmax()), v.max()), "chosen for"),
            (lambda v, t: (int(v.argmax()), t.max()), "another network's"),
            (lambda v, t: (int(v.argmax()) + 1, t[v.argmax()]), "counts from 0"),
            (lambda v, t: t[v.argmax()], "two things"),
            (lambda v, t: (int(v.argmin()), t[v.argmin()]), "worst validation"),
        ),
    ),
    Exercise(
        "6.20",
        "the ward",
        check_diagnoses,
        hints=(
            "Begin with the starts. Three patients do not start at ln 10 = 2.30, nor at the variance's height: which three?",
            "Then the floors and the resting places: −1, 1.4612, ln 10, the variance of the labels. Who rests where?",
            "Those left start at ln 10. One touches zero, one never moves, one leaps at once and lies flat, one climbs again.",
        ),
        solution=my_diagnoses,
        why="The letters change with the seed, so the course's answer is a rule instead of a list: it takes the surest signs first, "
        "as you would. A dictionary by eye is just as right.",
        mistakes=(
            (_example_with(P="G", Q="B"), "7 of 9 are right"),
            (_example_with(S="B"), "8 of 9 are right"),
            (_example_with(P="J"), "leaves no trace"),
            (_example_with(Z="A"), "no patient Z"),
            (_example_with(P="two"), "the list of causes"),
            ("BGDHCFEAI", "dictionary"),
        ),
    ),
]
