"""Moving and bending digits without torchvision's import: a batch alike, bit for bit as it does, or each on its own."""

import math

import torch
from torch import Tensor
from torch.nn import functional as F

SIDE = 28
ANGLE, SHIFT, SCALE, SHEAR = 8.0, 0.05, (0.95, 1.05), 5.0  # degrees, share of the side, factor, degrees
STRENGTH, SIGMA = 20.0, 4.0  # of the bending: alpha, and the width of its Gaussian in pixels


def move_and_bend(images: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, shift, scale, shear and bend images uint8 [N, 1, 28, 28], all alike, as drawn from `generator`."""
    for places in (_moved(generator), _bent(generator)):
        images = _look_up(images, places)
    return images


def _moved(generator: torch.Generator) -> Tensor:
    """Where each pixel comes from when the page is moved, [1, 28, 28, 2], from −1 to 1 across the page."""

    def draw(low: float, high: float) -> float:
        return torch.empty(1).uniform_(low, high, generator=generator).item()

    turn = math.radians(draw(-ANGLE, ANGLE))
    right, down = (round(draw(-SHIFT * SIDE, SHIFT * SIDE)) for _ in range(2))
    scale = draw(*SCALE)
    lean = math.tan(math.radians(draw(-SHEAR, SHEAR)))
    cos, sin = math.cos(turn), math.sin(turn)
    inverse = [[cos - sin * lean, cos * lean + sin], [-sin, cos]]
    inverse = [[x / scale, y / scale] for x, y in inverse]
    affine = torch.tensor([[x, y, -x * right - y * down] for x, y in inverse])
    x = (torch.arange(SIDE) - (SIDE - 1) / 2).expand(SIDE, SIDE)
    pixels = torch.stack([x, x.T, torch.ones(SIDE, SIDE)], dim=-1).reshape(1, -1, 3)
    return (pixels @ (affine.T / (SIDE / 2))[None]).reshape(1, SIDE, SIDE, 2)


def _bent(generator: torch.Generator) -> Tensor:
    """Where each pixel comes from when it is pushed aside, smoothly; shape and units as for `_moved`."""
    reach = int(4 * SIGMA)
    bell = torch.exp(-0.5 * (torch.linspace(-reach, reach, 2 * reach + 1) / SIGMA).pow(2))
    bell /= bell.sum()
    noise = [torch.rand(1, 1, SIDE, SIDE, generator=generator) * 2 - 1 for _ in "xy"]
    noise = F.pad(torch.cat(noise), [reach] * 4, mode="reflect")
    pushes = F.conv2d(noise, torch.outer(bell, bell)[None, None]) * STRENGTH / SIDE
    x = torch.linspace((1 - SIDE) / SIDE, (SIDE - 1) / SIDE, SIDE).expand(SIDE, SIDE)
    return torch.stack([x, x.T], dim=-1)[None] + pushes.permute(1, 2, 3, 0)


def _look_up(images: Tensor, places: Tensor) -> Tensor:
    """Images whose pixels come from `places`, with paper where those lie off the page."""
    off = {"mode": "bilinear", "padding_mode": "zeros", "align_corners": False}
    ink = F.grid_sample(images.float(), places.expand(len(images), -1, -1, -1), **off)
    page = F.grid_sample(torch.ones(1, 1, SIDE, SIDE), places, **off)
    return (ink * page).round().to(torch.uint8)


def move_each(inputs: Tensor, generator: torch.Generator) -> Tensor:
    """Turn, scale, lean and shift every image of [N, 1, 28, 28], floats, by a draw of its own from `generator`.

    Up to 8 degrees, 5 % in size, 5 % in lean and one pixel each way.
    """
    turn, scale, lean, right, down = torch.rand(5, len(inputs), generator=generator) * 2 - 1
    turn, scale, lean = math.radians(ANGLE) * turn, 1 + 0.05 * scale, 0.05 * lean
    cos, sin, pixel = turn.cos() / scale, turn.sin() / scale, 2 / SIDE
    x, y = torch.stack([cos, lean - sin, pixel * right]), torch.stack([sin, cos, pixel * down])
    places = F.affine_grid(torch.stack([x, y]).permute(2, 0, 1), list(inputs.shape), align_corners=False)
    return F.grid_sample(inputs, places, align_corners=False)
