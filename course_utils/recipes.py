"""What each network is trained with, stated once: lessons 2 to 4 arrive at these settings, everything else reads them.

A network with its seed: `torch.manual_seed(seed)`, then `recipe.new_network()`, then batches shuffled from that seed.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import nn
from torch.optim import SGD, Adam

from . import models
from .training import squared_error


class Recipe(NamedTuple):
    """A network, its loss, its optimizer with settings, its batches, and what is done to its pixels.

    `layers` is the network in words. `normalise` holds the mean and the standard deviation that pixels 0 to 1 are
    brought to 0 and 1 with, as `data.to_inputs` takes them.
    """

    network: type[nn.Module]
    layers: str
    loss_fn: Callable
    optimizer: type[torch.optim.Optimizer]
    settings: Mapping[str, float]
    batch_size: int
    epochs: int
    normalise: tuple[float, float] = (0.0, 1.0)

    def new_network(self, memory_format: torch.memory_format = torch.channels_last) -> nn.Module:
        """A fresh network. Its convolutions keep a pixel's channels side by side in memory, which is quicker."""
        return self.network().to(memory_format=memory_format)

    def new_optimizer(self, network: nn.Module, **changes) -> torch.optim.Optimizer:
        """An optimizer of the network's parameters, with the recipe's settings and `changes` to them."""
        return self.optimizer(network.parameters(), **self.settings | changes)

    @property
    def training(self) -> str:
        """How it is trained, in words: loss; optimizer and settings; batch size; epochs."""
        settings = [f"{name} {value:g}" for name, value in self.settings.items() if name != "fused"]
        steps = ", ".join([self.optimizer.__name__, *settings])
        return f"{LOSSES[self.loss_fn]}; {steps}; batch {self.batch_size}; {self.epochs} epochs"


cross_entropy, nll = nn.CrossEntropyLoss(), nn.NLLLoss()
LOSSES = {squared_error: "squared error", cross_entropy: "cross entropy", nll: "NLL"}
RECIPES = {
    "SigmoidMLP": Recipe(models.SigmoidMLP, "784-10-10-1, sigmoids", squared_error, SGD, {"lr": 0.01}, 100, 10),
    "RegressionCNN": Recipe(
        models.RegressionCNN, "two 5×5 convolutions of 20, one linear layer", squared_error, SGD, {"lr": 0.01}, 100, 10
    ),
    # fused: one pass over the parameters, which costs a third less here and rounds otherwise
    "ThreeLayerNetwork": Recipe(
        models.ThreeLayerNetwork, "784-256-10, ReLU", cross_entropy, Adam, {"lr": 0.001, "fused": True}, 64, 10
    ),
    "BPNetwork": Recipe(
        models.BPNetwork, "784-128-64-10, ReLU, log-softmax", nll, SGD, {"lr": 0.003, "momentum": 0.9}, 64, 15,
        normalise=(0.5, 0.5),
    ),
    "CNN": Recipe(
        models.CNN, "four 5×5 convolutions to 64, one linear layer", cross_entropy, Adam, {"lr": 0.001}, 64, 8
    ),
}  # fmt: skip
