"""Part 6: where the course's quick way rounds differently from torch's default, its results stay the recipe's.

`SigmoidMLP` and `BPNetwork` have no such way: they take the same steps on the same batches, to the last bit.
"""

import torch

from course_utils.data import Digits, Split
from course_utils.instructor.run import usable_cores
from course_utils.recipes import RECIPES, Recipe
from course_utils.training import evaluate, train_epoch

from .measure import spread, threads
from .pipelines import course_batches, has_convolutions

EPOCHS = {"ThreeLayerNetwork": 4, "RegressionCNN": 4, "CNN": 1}
DEFAULT = "torch's default"


def measure(digits: Digits, *, quick: bool) -> dict:
    images, seeds = (300, range(2)) if quick else (20_000, range(5))
    train = Split(*(part[:images] for part in digits.train))
    networks = {}
    for name, epochs in EPOCHS.items():
        print(f"  {name}", flush=True)
        recipe = RECIPES[name]
        with threads(usable_cores() if has_convolutions(recipe) else 1):
            losses = {
                way: [_held_out_loss(recipe, train, digits.validation, seed, epochs, way) for seed in seeds]
                for way in ("course", DEFAULT)
            }
        spreads = {way: spread(found) for way, found in losses.items()}
        networks[name] = {"epochs": epochs, "losses": spreads, "difference": _difference(losses)}
    return {"dataset": digits.name, "images": len(train.labels), "seeds": list(seeds), "networks": networks}


def _held_out_loss(recipe: Recipe, train: Split, held_out: Split, seed: int, epochs: int, way: str) -> float:
    torch.manual_seed(seed)
    if way == DEFAULT:
        model = recipe.new_network(torch.contiguous_format)
        optimizer = recipe.new_optimizer(model, fused=None)
    else:
        model = recipe.new_network()
        optimizer = recipe.new_optimizer(model)
    parts = course_batches(train, recipe.batch_size, recipe.normalise, seed)
    for _ in range(epochs):
        train_epoch(model, parts, recipe.loss_fn, optimizer)
    return evaluate(model, course_batches(held_out, 1000, recipe.normalise), recipe.loss_fn).loss


def _difference(losses: dict[str, list[float]]) -> dict[str, float]:
    """The ways' difference in their mean losses, beside the standard deviation over the default's seeds."""
    course, default = (torch.tensor(losses[way], dtype=torch.float64) for way in ("course", DEFAULT))
    return {"means": abs(course.mean() - default.mean()).item(), "seeds": default.std().item()}
