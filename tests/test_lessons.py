"""What a lesson writes out in view is what the package holds, bit for bit."""

from pathlib import Path

import nbformat
import pytest
import torch
from torch import nn

from course_utils import models, training
from course_utils.data import Split, batches

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def definition(lesson: str, name: str):
    """The class or function `name` as the lesson's own cell defines it."""
    notebook = nbformat.read(NOTEBOOKS / f"{lesson}.ipynb", as_version=4)
    for cell in notebook.cells:
        lines = cell.source.splitlines()
        if cell.cell_type == "code" and any(line.startswith((f"class {name}(", f"def {name}(")) for line in lines):
            start = next(i for i, line in enumerate(lines) if line.startswith((f"class {name}(", f"def {name}(")))
            body = [line for line in lines[start + 1 :] if line.startswith(" ") or not line]
            namespace = {"torch": torch, "nn": nn, "squared_error": training.squared_error}
            exec("\n".join([lines[start], *body]), namespace)
            return namespace[name]
    raise AssertionError(f"{lesson} does not define {name}")


@pytest.fixture
def digits() -> Split:
    generator = torch.Generator().manual_seed(1)
    images = torch.randint(0, 256, (150, 1, 28, 28), generator=generator, dtype=torch.uint8)
    return Split(images, torch.randint(0, 10, (150,), generator=generator))


def equal(one: nn.Module, other: nn.Module) -> bool:
    pairs = zip(one.state_dict().items(), other.state_dict().items(), strict=True)
    return all(name == other_name and torch.equal(a, b) for (name, a), (other_name, b) in pairs)


@pytest.mark.parametrize(
    ("lesson", "name"),
    [
        ("02_sigmoid_mlp_regression", "SigmoidMLP"),
        ("03_bp_network_nllloss", "ThreeLayerNetwork"),
        ("03_bp_network_nllloss", "BPNetwork"),
        ("04_cnn", "RegressionCNN"),
        ("04_cnn", "CNN"),
    ],
)
def test_a_network_built_in_view_is_the_imported_one(lesson, name, digits):
    torch.manual_seed(0)
    in_view = definition(lesson, name)()
    torch.manual_seed(0)
    imported = getattr(models, name)()
    assert equal(in_view, imported)
    inputs = digits.images[:8].float() / 255
    assert torch.equal(in_view(inputs), imported(inputs))


@pytest.mark.parametrize("optimizer", [torch.optim.SGD, torch.optim.Adam])
def test_the_loop_of_lesson_3_gives_the_packages_weights(optimizer, digits, capsys):
    in_view = definition("03_bp_network_nllloss", "train_one_epoch")
    trained = []
    for loop in (in_view, training.train_epoch):
        torch.manual_seed(0)
        model = models.BPNetwork()
        train = batches(digits, 64, shuffle=True, generator=torch.Generator().manual_seed(0))
        for _ in range(2):
            loop(model, train, nn.NLLLoss(), optimizer(model.parameters(), lr=0.01))
        trained.append(model)
    assert equal(*trained)
    torch.manual_seed(0)
    assert not equal(trained[0], models.BPNetwork()), "the loop did not move a weight"


def test_the_evaluation_of_lesson_3_is_the_packages(digits):
    model = models.BPNetwork()
    parts = batches(digits, 64, shuffle=False)
    loss, accuracy = definition("03_bp_network_nllloss", "evaluate_by_hand")(model, parts, nn.NLLLoss())
    metrics = training.evaluate(model, parts, nn.NLLLoss())
    assert loss == pytest.approx(metrics.loss)
    assert accuracy == metrics.accuracy


def test_the_mini_batches_of_lesson_2_are_the_packages(digits):
    by_hand = definition("02_sigmoid_mlp_regression", "mini_batches")
    theirs = batches(digits, 64, shuffle=True, generator=torch.Generator().manual_seed(3))
    ours = by_hand(digits.images.float() / 255, digits.labels, 64, torch.Generator().manual_seed(3))
    for (images, labels), (their_images, their_labels) in zip(ours, theirs, strict=True):
        assert torch.equal(images, their_images)
        assert torch.equal(labels, their_labels)


def test_the_squared_error_of_lesson_2_is_the_packages():
    outputs, labels = torch.randn(20, 1), torch.arange(20) % 10
    by_hand = definition("02_sigmoid_mlp_regression", "squared_error")
    assert torch.allclose(by_hand(outputs, labels), training.squared_error(outputs, labels))
