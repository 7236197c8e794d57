"""The five networks: their sizes, and the shapes of what they take and give. The lessons build them in view."""

import pytest
import torch

from course_utils import models

PARAMETERS = {
    "SigmoidMLP": 7_971, "RegressionCNN": 11_521, "ThreeLayerNetwork": 203_530, "BPNetwork": 109_386, "CNN": 121_514,
}  # fmt: skip


@pytest.mark.parametrize("name", PARAMETERS)
def test_a_network_has_the_parameters_that_the_curriculum_counts_and_an_answer_for_each_image(name):
    model = getattr(models, name)()
    assert sum(parameter.numel() for parameter in model.parameters()) == PARAMETERS[name]
    assert model(torch.rand(3, 1, 28, 28)).shape == (3, 1 if name in ("SigmoidMLP", "RegressionCNN") else 10)
