"""The networks: their sizes, and the shapes of what they take and give. The lessons build the five in view."""

import pytest
import torch

from course_utils import models
from course_utils.small import build_small, train_small

PARAMETERS = {
    "SigmoidMLP": 7_971, "RegressionCNN": 11_521, "ThreeLayerNetwork": 203_530, "BPNetwork": 109_386, "CNN": 121_514,
}  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_network_has_the_parameters_that_the_curriculum_counts_and_an_answer_for_each_image(name):
    model = getattr(models, name)()
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name]
    assert model(torch.rand(3, 1, 28, 28)).shape == (3, 1 if name in ("SigmoidMLP", "RegressionCNN") else 10)


def test_the_smallest_network_has_fewer_than_two_thousand_parameters_and_an_answer_for_each_image():
    small = build_small()
    assert sum(parameter.numel() for parameter in small.parameters()) == 1_946
    assert small(torch.rand(3, 1, 28, 28)).shape == (3, 10)


def test_the_smallest_network_learns_alike_from_the_same_seed(digits):
    first, again, other = (train_small(digits.train, seed, epochs=1) for seed in (0, 0, 1))
    assert torch.equal(first[-1].weight, again[-1].weight)
    assert not torch.equal(first[-1].weight, other[-1].weight)
