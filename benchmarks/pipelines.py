"""Ways to bring digits to a network: the course's, and the usual ones to compare with."""

from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from course_utils.data import Batches, OneByOne, Split, batches
from course_utils.recipes import Recipe


def has_convolutions(recipe: Recipe) -> bool:
    return any(isinstance(module, nn.Conv2d) for module in recipe.network().modules())


def usual_pipeline(split: Split, batch_size: int, normalise: tuple[float, float]) -> DataLoader:
    """One picture at a time, from memory, through torchvision's usual steps, collected into shuffled batches."""
    return DataLoader(OneByOne(split, _usual_steps(normalise)), batch_size, shuffle=True)


def file_pipeline(pictures: Path, batch_size: int, normalise: tuple[float, float]) -> DataLoader:
    """The same from a tree of picture files, each opened when it is asked for."""
    steps = transforms.Compose([transforms.Grayscale(), _usual_steps(normalise)])
    return DataLoader(datasets.ImageFolder(pictures, steps), batch_size, shuffle=True)


def _usual_steps(normalise: tuple[float, float]) -> transforms.Compose:
    """`ToTensor` and `Normalize`; where a recipe leaves pixels as they are, `Normalize` does so too, at its price."""
    mean, std = normalise
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize((mean,), (std,))])


def course_batches(split: Split, batch_size: int, normalise: tuple[float, float], seed: int = 0) -> Batches:
    generator = torch.Generator().manual_seed(seed)
    return batches(split, batch_size, shuffle=True, generator=generator, normalise=normalise)
