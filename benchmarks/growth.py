"""How the cost grows: the seconds of an epoch against the number of digits and against the batch size."""

import torch

from course_utils.data import Digits, Split
from course_utils.instructor.run import usable_cores
from course_utils.recipes import RECIPES, Recipe
from course_utils.training import train_epoch

from .measure import side_by_side, spread, threads
from .pipelines import course_batches, has_convolutions, usual_pipeline

NETWORKS = ("BPNetwork", "CNN")


def measure(digits: Digits, *, quick: bool) -> dict:
    everything = Split(*map(torch.cat, zip(digits.train, digits.validation, strict=True)))
    sizes = [100, 300] if quick else [1_000, 3_000, 10_000, 30_000, 60_000]
    batch_sizes = [16, 64] if quick else [8, 16, 32, 64, 128, 256, 512, 1024]
    images = 300 if quick else 6_000
    lines = []
    for name in NETWORKS:
        print(f"  {name}", flush=True)
        recipe = RECIPES[name]
        with threads(usable_cores() if has_convolutions(recipe) else 1):
            lines.append({
                "network": name,
                "pipeline": "course",
                "by_images": [_epoch(recipe, _part(everything, size), recipe.batch_size) for size in sizes],
                "by_batch_size": [_epoch(recipe, _part(everything, images), size) for size in batch_sizes],
            })  # fmt: skip
    usual = [_image_by_image(_part(everything, size)) for size in sizes]
    lines.append({"network": "no network", "pipeline": "image by image", "by_images": usual})
    return {
        "dataset": digits.name,
        "images": [min(size, len(everything.labels)) for size in sizes],
        "batch_sizes": batch_sizes,
        "images_of_batch_sizes": images,
        "lines": lines,
    }


def _part(split: Split, size: int) -> Split:
    return Split(*(part[:size] for part in split))


def _epoch(recipe: Recipe, split: Split, batch_size: int) -> dict[str, float]:
    torch.manual_seed(0)
    model = recipe.new_network()
    optimizer = recipe.new_optimizer(model)
    train = course_batches(split, batch_size, recipe.normalise)
    rounds = 1 if len(split.labels) > 10_000 and has_convolutions(recipe) else 3
    train_epoch(model, [next(iter(train))], recipe.loss_fn, optimizer)
    case = {"epoch": lambda: train_epoch(model, train, recipe.loss_fn, optimizer)}
    return spread(side_by_side(case, rounds)["epoch"])


def _image_by_image(split: Split) -> dict[str, float]:
    pipeline = usual_pipeline(split, 64, (0.0, 1.0))
    return spread(side_by_side({"epoch": lambda: [None for _ in pipeline]}, 2)["epoch"])
