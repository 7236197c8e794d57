"""What a lesson writes out in view is what the package holds, bit for bit."""

from itertools import takewhile

import nbformat
import pytest
import torch
from samples import noise
from torch import nn

from course_utils import models, training
from course_utils.data import batches
from course_utils.exercises.desk import lesson_exercises
from course_utils.instructor.manifest import NOTEBOOKS

DIGITS = noise(150, seed=1)


def definition(lesson: str, name: str):
    """The class or function `name` as the lesson's own cell defines it."""
    (path,) = NOTEBOOKS.glob(f"{lesson}_*.ipynb")
    for cell in nbformat.read(path, as_version=4).cells:
        lines = cell.source.splitlines()
        starts = [i for i, line in enumerate(lines) if line.startswith((f"class {name}(", f"def {name}("))]
        if cell.cell_type == "code" and starts:
            body = takewhile(lambda line: line.startswith(" ") or not line, lines[starts[0] + 1 :])
            namespace = {"torch": torch, "nn": nn, "squared_error": training.squared_error}
            namespace |= {
                "step": lesson_exercises(3)["3.6"].reference,
                "accuracy": lesson_exercises(3)["3.8"].reference,
            }
            exec("\n".join([lines[starts[0]], *body]), namespace)
            return namespace[name]
    raise AssertionError(f"{path} does not define {name}")


def equal(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(name == other_name and torch.equal(a, b) for (name, a), (other_name, b) in pairs)


@pytest.mark.parametrize(
    ("lesson", "name"),
    [("02", "SigmoidMLP"), ("03", "ThreeLayerNetwork"), ("03", "BPNetwork"), ("04", "RegressionCNN"), ("04", "CNN")],
)
def test_a_network_built_in_view_is_the_imported_one(lesson, name):
    built = []
    for network in (definition(lesson, name), getattr(models, name)):
        torch.manual_seed(0)
        built.append(network())
    inputs = DIGITS.images[:8].float() / 255
    assert equal(*built) and torch.equal(built[0](inputs), built[1](inputs))


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_the_loop_of_lesson_3_gives_the_packages_weights(optimizer, capsys):
    trained = []
    for loop in (definition("03", "train_one_epoch"), training.train_epoch):
        torch.manual_seed(0)
        model = models.BPNetwork()
        train = batches(DIGITS, 64, shuffle=True, generator=torch.Generator().manual_seed(0))
        for _ in range(2):
            loop(model, train, nn.NLLLoss(), optimizer(model.parameters(), lr=0.01))
        trained.append(model)
    assert equal(*trained)
    torch.manual_seed(0)
    assert not equal(trained[0], models.BPNetwork()), "the loop did not move a weight"


def test_the_evaluation_of_lesson_3_is_the_packages():
    model, parts = models.BPNetwork(), batches(DIGITS, 64, shuffle=False)
    loss, accuracy = definition("03", "evaluate_by_hand")(model, parts, nn.NLLLoss())
    metrics = training.evaluate(model, parts, nn.NLLLoss())
    assert loss == pytest.approx(metrics.loss) and accuracy == pytest.approx(metrics.accuracy)


def test_the_fit_of_exercise_3_9_gives_the_packages_weights_losses_and_accuracies():
    trained = []
    for fit in (lesson_exercises(3)["3.9"].reference, training.fit):
        torch.manual_seed(0)
        model = models.BPNetwork()
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        train = batches(DIGITS, 64, shuffle=True, generator=torch.Generator().manual_seed(0))
        measured = fit(model, train, batches(DIGITS, 40, shuffle=False), nn.NLLLoss(), optimizer, epochs=2)
        trained.append((model, measured))
    (mine, (losses, accuracies)), (theirs, history) = trained
    assert equal(mine, theirs) and losses == pytest.approx(history.train_loss)
    assert accuracies == history.validation_accuracy


def test_the_steps_of_momentum_and_adam_are_torchs():
    momentum_step, adam_step = lesson_exercises(3)["3.10"].reference, definition("03", "adam_step")
    start = torch.linspace(-2, 2, 7, dtype=torch.float64)
    for optimizer_class, settings, step in (
        (
            torch.optim.SGD,
            {"lr": 0.01, "momentum": 0.9},
            lambda weight, kept, t: momentum_step(weight, *kept, weight.exp(), 0.01, 0.9),
        ),
        (torch.optim.Adam, {"lr": 0.01}, lambda weight, kept, t: adam_step(weight, *kept, weight.exp(), 0.01, t)),
    ):
        theirs = start.clone().requires_grad_()
        optimizer = optimizer_class([theirs], **settings)
        ours, kept = start, [torch.zeros_like(start)] * (1 if optimizer_class is torch.optim.SGD else 2)
        for t in range(1, 31):
            optimizer.zero_grad()
            theirs.exp().sum().backward()
            optimizer.step()
            ours, *kept = step(ours, kept, t)
        assert torch.allclose(ours, theirs, rtol=0, atol=1e-13) and not torch.allclose(ours, start, atol=0.1)


def test_the_mini_batches_and_the_squared_error_of_lesson_2_are_the_packages():
    exercises = lesson_exercises(2)
    theirs = batches(DIGITS, 64, shuffle=True, generator=torch.Generator().manual_seed(3))
    generator = torch.Generator().manual_seed(3)
    ours = exercises["2.2"].reference(DIGITS.images.float() / 255, DIGITS.labels, 64, generator)
    for batch, their_batch in zip(ours, theirs, strict=True):
        assert all(torch.equal(*pair) for pair in zip(batch, their_batch, strict=True))
    outputs, labels = torch.randn(20, 1), torch.arange(20) % 10
    assert torch.allclose(exercises["2.3"].reference(outputs, labels), training.squared_error(outputs, labels))


def test_the_epoch_and_the_mean_of_lesson_2_are_the_packages():
    exercises, trained = lesson_exercises(2), []
    for loop in (exercises["2.5"].reference, training.train_epoch):
        torch.manual_seed(0)
        model = models.SigmoidMLP()
        train = batches(DIGITS, 64, shuffle=True, generator=torch.Generator().manual_seed(0))
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
        trained.append((model, loop(model, train, training.squared_error, optimizer)))
    (ours, (losses, sizes)), (theirs, measured) = trained
    assert equal(ours, theirs) and losses == measured.batch_losses
    mean = exercises["2.4"].reference(torch.tensor(losses), torch.tensor(sizes))
    assert mean.item() == pytest.approx(measured.loss)


def test_the_network_of_any_sizes_of_lesson_2_can_be_its_own():
    built = []
    for make in (lambda: lesson_exercises(2)["2.7"].reference([784, 10, 10, 1], torch.sigmoid), models.SigmoidMLP):
        torch.manual_seed(0)
        built.append(make())
    inputs = DIGITS.images[:8].float() / 255
    assert torch.equal(built[0](inputs), built[1](inputs))
