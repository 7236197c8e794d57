"""Lesson 6's smallest network: fewer than two thousand numbers, and the training that brings it to 99 %."""

import torch
from torch import nn

from .data import Split, batches, move_each
from .machine import tune_threads
from .racer import one_cycle


def build_small() -> nn.Sequential:
    """1,946 numbers: a 3×3 convolution, four that look at places and at maps in turn, the mean of each map, one layer.

    Images [N, 1, 28, 28] in, logits [N, 10] out. A convolution with a group for each map looks at places alone, one of
    1×1 at maps alone; together they need a fraction of the numbers. After Howard and others 2017 (MobileNets),
    https://arxiv.org/abs/1704.04861.
    """
    layers = [nn.Conv2d(1, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8), nn.ReLU()]
    for maps_in, maps_out, pooled in ((8, 12, True), (12, 16, False), (16, 20, True), (20, 20, False)):
        layers.append(nn.Conv2d(maps_in, maps_in, 3, padding=1, groups=maps_in, bias=False))
        layers.append(nn.Conv2d(maps_in, maps_out, 1, bias=False))
        layers += [nn.MaxPool2d(2)] if pooled else []
        layers += [nn.BatchNorm2d(maps_out), nn.ReLU()]
    small = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(20, 10))
    return small.to(memory_format=torch.channels_last)


def train_small(split: Split, seed: int, epochs: int = 40) -> nn.Sequential:
    """A small network after so many epochs of digits that are moved anew each time, all drawn from `seed`."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    small = build_small()
    train = batches(split, 256, shuffle=True, generator=generator)
    optimizer = torch.optim.Adam(small.parameters(), lr=0.02, betas=(0.9, 0.99))
    rate = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: one_cycle(step, epochs * len(train)))
    small.train()
    for _ in range(epochs):
        for inputs, labels in tune_threads(train):
            outputs = small(move_each(inputs, generator))
            nn.functional.cross_entropy(outputs, labels).backward()
            optimizer.step()
            optimizer.zero_grad()
            rate.step()
    return small
