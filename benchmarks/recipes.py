"""The five networks with the recipes of their lessons, and the usual pipeline to compare with."""

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import torch
from torch import nn
from torch.optim import SGD, Adam
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

from course_utils import models
from course_utils.data import Batches, OneByOne, Split, batches
from course_utils.training import squared_error


class Recipe(NamedTuple):
    network: type[nn.Module]
    loss_fn: Callable
    optimizer: type[torch.optim.Optimizer]
    settings: dict
    batch_size: int
    normalise: tuple[float, float] = (0.0, 1.0)
    convolutions: bool = False

    def new_network(self, memory_format: torch.memory_format = torch.channels_last) -> nn.Module:
        """A network as its lesson prepares it: convolutions keep a pixel's channels side by side in memory."""
        network = self.network()
        return network.to(memory_format=memory_format) if self.convolutions else network

    def new_optimizer(self, network: nn.Module, **changes) -> torch.optim.Optimizer:
        return self.optimizer(network.parameters(), **self.settings | changes)


RECIPES = {
    "SigmoidMLP": Recipe(models.SigmoidMLP, squared_error, SGD, {"lr": 0.01}, 100),
    "ThreeLayerNetwork": Recipe(
        models.ThreeLayerNetwork, nn.CrossEntropyLoss(), Adam, {"lr": 0.001, "fused": True}, 64
    ),
    "BPNetwork": Recipe(models.BPNetwork, nn.NLLLoss(), SGD, {"lr": 0.003, "momentum": 0.9}, 64, (0.5, 0.5)),
    "RegressionCNN": Recipe(models.RegressionCNN, squared_error, SGD, {"lr": 0.01}, 100, convolutions=True),
    "CNN": Recipe(models.CNN, nn.CrossEntropyLoss(), Adam, {"lr": 0.001}, 64, convolutions=True),
}


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
