"""Parts 1 and 3: an epoch of each network through four pipelines, and what the machine could reach at best."""

import tempfile
from pathlib import Path

import torch
from torch import nn
from torch.nn import functional as F

from course_utils.data import Digits, Split, save_digits
from course_utils.data.splits import empty
from course_utils.instructor.run import usable_cores
from course_utils.recipes import RECIPES, Recipe
from course_utils.training import train_epoch

from .measure import (
    count_flops,
    matrix_product_flops_per_second,
    ratio,
    side_by_side,
    spread,
    threads,
)
from .pipelines import course_batches, file_pipeline, has_convolutions, usual_pipeline

WHOLE = 60_000  # seconds are told for an epoch of as many digits


def measure(digits: Digits, *, quick: bool) -> dict:
    images, rounds = (256, 2) if quick else (20_000, 5)
    split = Split(*(part[:images] for part in digits.train))
    networks = {}
    with tempfile.TemporaryDirectory() as folder:
        pictures = Path(folder, "pictures")
        save_digits(Digits(split, empty(split), split, digits.name, digits.origin), pictures, container="images")
        for name, recipe in RECIPES.items():
            print(f"  {name}", flush=True)
            with threads(usable_cores() if has_convolutions(recipe) else 1):
                networks[name] = _measure_network(recipe, split, pictures / "train", rounds, quick)
    return {"dataset": digits.name, "images": len(split.labels), "rounds": rounds, "networks": networks}


def _measure_network(recipe: Recipe, split: Split, pictures: Path, rounds: int, quick: bool) -> dict:
    torch.manual_seed(0)
    model = recipe.new_network()
    optimizer = recipe.new_optimizer(model)
    usual = usual_pipeline(split, recipe.batch_size, recipe.normalise)
    course = course_batches(split, recipe.batch_size, recipe.normalise)
    ready = list(course)
    files = file_pipeline(pictures, recipe.batch_size, recipe.normalise)
    cases = {
        "files": lambda: train_epoch(model, files, recipe.loss_fn, optimizer),
        "image by image": lambda: train_epoch(model, usual, recipe.loss_fn, optimizer),
        "course": lambda: train_epoch(model, course, recipe.loss_fn, optimizer),
        "alone": lambda: five_steps(model, ready, recipe.loss_fn, optimizer),
    }
    if has_convolutions(recipe):
        cases["convolutions"] = _convolutions_alone(recipe, ready)
    cases |= _other_ways(recipe, course, compiled=not quick and _compiles())
    five_steps(model, ready[:20], recipe.loss_fn, optimizer)
    seconds = side_by_side(cases, rounds)
    flops = count_flops(lambda: five_steps(model, ready[:1], recipe.loss_fn, optimizer)) * len(ready)
    product = matrix_product_flops_per_second(size=128 if quick else 1536, rounds=rounds)
    reached = [flops / value for value in seconds["course"]]
    result = {
        "threads": torch.get_num_threads(),
        "seconds": {case: spread([WHOLE / len(split.labels) * v for v in found]) for case, found in seconds.items()},
        "files_over_course": ratio(seconds["files"], seconds["course"]),
        "image_by_image_over_course": ratio(seconds["image by image"], seconds["course"]),
        "course_over_alone": ratio(seconds["course"], seconds["alone"]),
        "gigaflops": {"course": spread([v / 1e9 for v in reached]), "matrix": spread([v / 1e9 for v in product])},
        "course_over_matrix": ratio(reached, product),
    }
    if has_convolutions(recipe):
        result["convolutions_over_course"] = ratio(seconds["convolutions"], seconds["course"])
    return result


def five_steps(model: nn.Module, ready: list, loss_fn, optimizer) -> None:
    """Forward, loss, backward, step, zero: nothing is read, counted or kept."""
    model.train()
    for images, labels in ready:
        loss_fn(model(images), labels).backward()
        optimizer.step()
        optimizer.zero_grad()


def _convolutions_alone(recipe: Recipe, ready: list):
    """A function that does an epoch's convolutions, forward and backward, on inputs of one batch, and nothing else."""
    model, met = recipe.new_network(), []
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(lambda layer, given, output: met.append((layer, given[0].detach(), output)))
    model(ready[0][0])
    met = [(module, inputs, torch.randn_like(output)) for module, inputs, output in met]

    def run():
        for _ in ready:
            for place, (module, inputs, slope) in enumerate(met):
                inputs = inputs.detach().requires_grad_(place > 0)  # nobody asks for the gradient at the pixels
                output = F.conv2d(inputs, module.weight, module.bias, padding=module.padding)
                wanted = [module.weight, module.bias, *([inputs] if place else [])]
                torch.autograd.grad(output, wanted, slope)

    return run


def _other_ways(recipe: Recipe, course, *, compiled: bool) -> dict:
    """The same epoch in ways that leave the recipe as it is: torch's memory format, a fused optimiser, a compiler."""
    ways = {}

    def add(name: str, model: nn.Module, **changes) -> None:
        optimizer = recipe.new_optimizer(model, **changes)
        ways[name] = lambda: train_epoch(model, course, recipe.loss_fn, optimizer)

    if has_convolutions(recipe):
        add("channels first", recipe.new_network(torch.contiguous_format))
    fused = recipe.settings.get("fused", False)
    add("optimiser not fused" if fused else "fused optimiser", recipe.new_network(), fused=not fused)
    if compiled:
        add("compiled", torch.compile(recipe.new_network()))
        ways["compiled"]()  # the first epoch is spent on compiling, and the last, short batch compiles once more
    return ways


def _compiles() -> bool:
    """Whether torch.compile works here: it needs a C++ compiler."""
    try:
        torch.compile(lambda x: x * 2 + 1)(torch.ones(4))
    except Exception:  # whatever a missing or broken compiler raises
        return False
    return True
