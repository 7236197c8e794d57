"""The five networks with the recipes of their lessons, and the usual pipeline to compare with."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from course_utils import models
from course_utils.data import Batches, OneByOne, Split, batches
from course_utils.training import squared_error


class Recipe(NamedTuple):
    network: type[nn.Module]
    loss_fn: Callable
    optimizer: Callable
    batch_size: int
    normalise: tuple[float, float] = (0.0, 1.0)
    convolutions: bool = False

    def new_network(self) -> nn.Module:
        """A network as its lesson prepares it: convolutions keep a pixel's channels side by side in memory."""
        network = self.network()
        return network.to(memory_format=torch.channels_last) if self.convolutions else network


def _sgd(rate: float, momentum: float = 0.0) -> Callable:
    return lambda parameters: torch.optim.SGD(parameters, lr=rate, momentum=momentum)


def _adam(parameters):
    return torch.optim.Adam(parameters, lr=0.001)


RECIPES = {
    "SigmoidMLP": Recipe(models.SigmoidMLP, squared_error, _sgd(0.01), 100),
    "ThreeLayerNetwork": Recipe(models.ThreeLayerNetwork, nn.CrossEntropyLoss(), _adam, 64),
    "BPNetwork": Recipe(models.BPNetwork, nn.NLLLoss(), _sgd(0.003, 0.9), 64, (0.5, 0.5)),
    "RegressionCNN": Recipe(models.RegressionCNN, squared_error, _sgd(0.01), 100, convolutions=True),
    "CNN": Recipe(models.CNN, nn.CrossEntropyLoss(), _adam, 64, convolutions=True),
}


def usual_pipeline(split: Split, batch_size: int, normalise: tuple[float, float]) -> DataLoader:
    """One picture at a time, from memory, through torchvision's transforms, collected into shuffled batches."""
    return DataLoader(OneByOne(split, _usual_steps(normalise)), batch_size, shuffle=True)


def file_pipeline(pictures: Path, batch_size: int, normalise: tuple[float, float]) -> DataLoader:
    """The same from a tree of picture files, each opened when it is asked for."""
    steps = transforms.Compose([transforms.Grayscale(), _usual_steps(normalise)])
    return DataLoader(datasets.ImageFolder(pictures, steps), batch_size, shuffle=True)


def _usual_steps(normalise: tuple[float, float]) -> transforms.Compose:
    mean, std = normalise
    steps = [transforms.ToTensor()]
    if normalise != (0.0, 1.0):
        steps.append(transforms.Normalize((mean,), (std,)))
    return transforms.Compose(steps)


def course_batches(split: Split, batch_size: int, normalise: tuple[float, float]) -> Batches:
    generator = torch.Generator().manual_seed(0)
    return batches(split, batch_size, shuffle=True, generator=generator, normalise=normalise)
