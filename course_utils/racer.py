"""Lesson 8's racer: a small convolutional network, and the training that brings it to 99 % in seconds."""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn

from .data import Split, batches
from .machine import tune_threads


def build_racer(width: int = 8) -> nn.Sequential:
    """A 5×5 convolution at every second place, two of 3×3 with more maps, one linear layer; on the middle 24 × 24.

    Images [N, 1, 28, 28] in, logits [N, 10] out.
    """
    second, third = 4 * width, 8 * width
    racer = nn.Sequential(
        nn.ZeroPad2d(-2),
        *_normed(nn.Conv2d(1, width, 5, stride=2, padding=2, bias=False)),
        *_normed(nn.Conv2d(width, second, 3, padding=1, bias=False), nn.MaxPool2d(2)),
        *_normed(nn.Conv2d(second, third, 3, padding=1, bias=False), nn.MaxPool2d(2)),
        nn.Flatten(),
        nn.Linear(third * 3 * 3, 10),
    )
    return racer.to(memory_format=torch.channels_last)


def _normed(layer: nn.Conv2d, *pool: nn.Module) -> list[nn.Module]:
    return [layer, *pool, nn.BatchNorm2d(layer.out_channels), nn.ReLU()]


def one_cycle(step: int, steps: int, warm: float = 0.3) -> float:
    """A factor of the learning rate: up from 0 to 1 in the first 30 %, then down to 0.

    After Smith and Topin 2018, https://arxiv.org/abs/1708.07120.
    """
    peak = warm * steps
    return min((step + 1) / peak, (steps - step) / (steps - peak))


def orthogonalise(matrix: Tensor) -> Tensor:
    """The matrix [M, N], M ≤ N, with all its singular values brought near 1 by five Newton–Schulz steps.

    Coefficients of Jordan and others 2024, https://kellerjordan.github.io/posts/muon/.
    """
    matrix = matrix / (matrix.norm() + 1e-7)
    for _ in range(5):
        square = matrix @ matrix.T
        matrix = 3.4445 * matrix + (-4.7750 * square + 2.0315 * square @ square) @ matrix
    return matrix


class Muon(torch.optim.Optimizer):
    """Steps along the orthogonalised momentum of each weight [M, …], taken as a matrix of M rows; source as above."""

    def __init__(self, weights: Iterable[Tensor], lr: float, momentum: float = 0.9):
        super().__init__(weights, {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self) -> None:
        for group in self.param_groups:
            for weight in group["params"]:
                moving = self.state[weight].setdefault("moving", torch.zeros_like(weight))
                moving.mul_(group["momentum"]).add_(weight.grad)
                ahead = weight.grad + group["momentum"] * moving
                weight.sub_(group["lr"] * orthogonalise(ahead.flatten(1)).view_as(weight))


def race(
    split: Split,
    seed: int,
    *,
    width: int = 8,
    batch_size: int = 128,
    schedule: Callable[[int, int], float] = one_cycle,
    learning_rate: float = 0.8,
    muon: float = 0.2,
    smoothing: float = 0.1,
    weight_decay: float = 0.0005,
) -> nn.Sequential:
    """A racer after one epoch over the split. Everything that is drawn is drawn from `seed`.

    `muon` is the share of the learning rate with which Muon moves the convolutions behind the first; at 0, SGD does.
    """
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    racer = build_racer(width)
    train = batches(split, batch_size, shuffle=True, generator=generator)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=smoothing)
    matrices = [one.weight for one in racer if muon and isinstance(one, nn.Conv2d) and one.in_channels > 1]
    others = [one for one in racer.parameters() if all(one is not matrix for matrix in matrices)]
    optimizers = [torch.optim.SGD(others, lr=learning_rate, momentum=0.9, weight_decay=weight_decay)]
    if matrices:
        optimizers.append(Muon(matrices, lr=muon * learning_rate))
    rates = [torch.optim.lr_scheduler.LambdaLR(one, lambda step: schedule(step, len(train))) for one in optimizers]
    racer.train()
    for images, labels in tune_threads(train):
        outputs = racer(images)  # 1. forward
        loss = loss_fn(outputs, labels)  # 2. loss
        loss.backward()  # 3. backward
        for optimizer, rate in zip(optimizers, rates, strict=True):
            optimizer.step()  # 4. step
            optimizer.zero_grad()  # 5. zero the gradients
            rate.step()  # 6. the next learning rate
    return racer
