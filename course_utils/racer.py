"""Lesson 8's racer: a small convolutional network, and the training that brings it to 99 % in seconds."""

from collections.abc import Callable

import torch
from torch import nn

from .data import Split, batches
from .machine import tune_threads


def build_racer(width: int = 20) -> nn.Sequential:
    """A 5×5 convolution at every second place, two of 3×3 with more maps, one linear layer; on the middle 24 × 24.

    Images [N, 1, 28, 28] in, logits [N, 10] out.
    """

    def normed(layer: nn.Module, maps: int, *pool: nn.Module) -> list[nn.Module]:
        return [layer, *pool, nn.BatchNorm2d(maps), nn.ReLU()]

    second, third = 2 * width, 4 * width
    racer = nn.Sequential(
        nn.ZeroPad2d(-2),
        *normed(nn.Conv2d(1, width, 5, stride=2, padding=2, bias=False), width),
        *normed(nn.Conv2d(width, second, 3, padding=1, bias=False), second, nn.MaxPool2d(2)),
        *normed(nn.Conv2d(second, third, 3, padding=1, bias=False), third, nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.Linear(third * 3 * 3, 10),
    )
    return racer.to(memory_format=torch.channels_last)


def one_cycle(step: int, steps: int, warm: float = 0.3) -> float:
    """A factor of the learning rate: up from 0 to 1 in the first 30 %, then down to 0.

    After Smith and Topin 2018, https://arxiv.org/abs/1708.07120.
    """
    peak = warm * steps
    return min((step + 1) / peak, (steps - step) / (steps - peak))


def race(
    split: Split,
    seed: int,
    *,
    width: int = 20,
    batch_size: int = 128,
    schedule: Callable[[int, int], float] = one_cycle,
    learning_rate: float = 0.4,
    smoothing: float = 0.1,
    weight_decay: float = 0.0005,
) -> nn.Sequential:
    """A racer after one epoch over the split. Everything that is drawn is drawn from `seed`."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    racer = build_racer(width)
    train = batches(split, batch_size, shuffle=True, generator=generator)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=smoothing)
    optimizer = torch.optim.SGD(racer.parameters(), lr=learning_rate, momentum=0.9, weight_decay=weight_decay)
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: schedule(step, len(train)))
    racer.train()
    for images, labels in tune_threads(train):
        outputs = racer(images)  # 1. forward
        loss = loss_fn(outputs, labels)  # 2. loss
        loss.backward()  # 3. backward
        optimizer.step()  # 4. step
        optimizer.zero_grad()  # 5. zero the gradients
        rate.step()  # 6. the next learning rate
    return racer
