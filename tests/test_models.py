"""The five networks: their sizes, their shapes, and what they compute."""

import pytest
import torch
from torch import nn

from course_utils import models

PARAMETERS = {
    "SigmoidMLP": 7_971, "RegressionCNN": 11_521, "ThreeLayerNetwork": 203_530, "BPNetwork": 109_386, "CNN": 121_514,
}  # fmt: skip


def conv(before: int, after: int) -> nn.Conv2d:
    return nn.Conv2d(before, after, 5, stride=1, padding=2)


def written_out(name: str) -> nn.Sequential:
    """The network as the curriculum words it, layer after layer."""
    return {
        "SigmoidMLP": lambda: nn.Sequential(
            nn.Flatten(), nn.Linear(784, 10), nn.Sigmoid(), nn.Linear(10, 10), nn.Sigmoid(), nn.Linear(10, 1)
        ),
        "RegressionCNN": lambda: nn.Sequential(
            conv(1, 20), nn.ReLU(), nn.MaxPool2d(2), conv(20, 20), nn.ReLU(), nn.MaxPool2d(2),
            nn.Flatten(), nn.Linear(980, 1),
        ),
        "ThreeLayerNetwork": lambda: nn.Sequential(
            nn.Flatten(), nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 10)
        ),
        "BPNetwork": lambda: nn.Sequential(
            nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10),
            nn.LogSoftmax(dim=1),
        ),
        "CNN": lambda: nn.Sequential(
            conv(1, 16), nn.ReLU(), nn.MaxPool2d(2), conv(16, 32), nn.ReLU(), conv(32, 32), nn.ReLU(), nn.MaxPool2d(2),
            conv(32, 64), nn.ReLU(), nn.Flatten(), nn.Linear(64 * 7 * 7, 10),
        ),
    }[name]()  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_network_computes_what_its_layers_written_out_compute(name):
    images = torch.rand(3, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    model, expected = getattr(models, name)(), written_out(name)
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name]
    weights = list(zip(expected.parameters(), model.parameters(), strict=True))
    with torch.no_grad():
        for theirs, ours in weights:
            theirs.copy_(ours)
    outputs, expected_outputs = model(images), expected(images)
    torch.testing.assert_close(outputs, expected_outputs, rtol=0, atol=1e-6)
    for result in (outputs, expected_outputs):
        result.square().sum().backward()
    for theirs, ours in weights:
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-4, atol=1e-5)
