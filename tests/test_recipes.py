"""The recipes: each lesson states in its parameters what the package holds, and a recipe builds what it says."""

import ast

import nbformat
import pytest
import torch

from course_utils.instructor.manifest import NOTEBOOKS, read_course
from course_utils.recipes import RECIPES

STATED = {  # recipe → its lesson, and the lesson's parameters for epochs, batch size, and the optimizer's settings
    "SigmoidMLP": (2, "epochs", "batch_size", {"lr": "learning_rate"}),
    "ThreeLayerNetwork": (3, "three_layer_epochs", "batch_size", {"lr": "three_layer_learning_rate"}),
    "BPNetwork": (3, "epochs", "batch_size", {"lr": "learning_rate", "momentum": "momentum"}),
    "RegressionCNN": (4, "regression_epochs", "regression_batch_size", {"lr": "regression_learning_rate"}),
    "CNN": (4, "epochs", "batch_size", {"lr": "learning_rate"}),
}


def parameters(lesson):
    """A lesson's parameters for its whole recipe: those of its cell, changed by the profile `full`."""
    cells = nbformat.read(lesson.notebook, as_version=4).cells
    (cell,) = [cell for cell in cells if "parameters" in cell.metadata.get("tags", [])]
    stated = {line.target.id: ast.literal_eval(line.value) for line in ast.parse(cell.source).body}
    return stated | lesson.profiles["full"]


@pytest.mark.parametrize("name", RECIPES)
def test_the_lesson_of_a_network_states_its_recipe(name):
    number, epochs, batch_size, settings = STATED[name]
    stated, recipe = parameters(read_course(NOTEBOOKS).lessons[number]), RECIPES[name]
    assert (stated[epochs], stated[batch_size]) == (recipe.epochs, recipe.batch_size)
    numbers = {setting: value for setting, value in recipe.settings.items() if setting != "fused"}
    assert {setting: stated[parameter] for setting, parameter in settings.items()} == numbers


def test_a_recipe_builds_its_network_and_optimizer_and_says_how_it_is_trained():
    recipe = RECIPES["BPNetwork"]
    network = recipe.new_network()
    optimizer = recipe.new_optimizer(network, momentum=0.5)
    assert type(network) is recipe.network
    assert isinstance(optimizer, torch.optim.SGD)
    assert (optimizer.defaults["lr"], optimizer.defaults["momentum"]) == (0.003, 0.5)
    assert recipe.training == "NLL; SGD, lr 0.003, momentum 0.9; batch 64; 15 epochs"
    assert RECIPES["ThreeLayerNetwork"].training == "cross entropy; Adam, lr 0.001; batch 64; 10 epochs"


@pytest.mark.parametrize("name", RECIPES)
def test_a_recipes_loss_takes_what_its_network_gives(name):
    recipe = RECIPES[name]
    outputs = recipe.new_network()(torch.rand(3, 1, 28, 28))
    assert recipe.loss_fn(outputs, torch.tensor([1, 2, 3])).shape == ()
