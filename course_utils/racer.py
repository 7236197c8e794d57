"""Lesson 8's racer: a small convolutional network, and the training that brings it to 99 % in seconds."""

from collections.abc import Callable

import torch
from torch import nn

from .data import Split, batches
from .machine import tune_threads


def build_racer(width: int = 16) -> nn.Sequential:
    """Three 3×3 convolutions of `width`, twice and four times as many maps, and one linear layer.

    Images [N, 1, 28, 28] in, logits [N, 10] out.
    """
    layers, maps = [], 1
    for more in (width, 2 * width, 4 * width):
        layers += [
            nn.Conv2d(maps, more, kernel_size=3, padding=1, bias=False),
            nn.MaxPool2d(2),
            nn.BatchNorm2d(more),
            nn.ReLU(),
        ]
        maps = more
    racer = nn.Sequential(*layers, nn.Flatten(), nn.Linear(maps * 3 * 3, 10))
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
    width: int = 16,
    batch_size: int = 64,
    schedule: Callable[[int, int], float] = one_cycle,
    learning_rate: float = 0.2,
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
