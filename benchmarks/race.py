"""Part 2: seconds to 99 % for lesson 8's racer, and for the structure of PyTorch's own MNIST example.

Both train on the same digits and are judged by the same held-out ones at the end of each epoch; the clock runs during
training alone. The test digits are read once, when a training is over.
"""

import time
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from course_utils.data import Digits, Split, to_inputs
from course_utils.instructor.run import usable_cores
from course_utils.racer import race
from course_utils.training import evaluating, predict, train_epoch

from .measure import spread, threads
from .pipelines import usual_pipeline

GOAL = 0.99
SEEDS = range(100, 110)


class ExampleNetwork(nn.Module):
    """Two 3×3 convolutions of 32 and 64 and two linear layers, with dropout, as in PyTorch's MNIST example."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(1, 32, 3), nn.ReLU(), nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2))
        self.reader = nn.Sequential(
            nn.Dropout(0.25), nn.Flatten(), nn.Linear(64 * 12 * 12, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 10)
        )

    def forward(self, images: Tensor) -> Tensor:
        return self.reader(self.features(images)).log_softmax(dim=1)


def measure(digits: Digits, *, quick: bool, seeds: Sequence[int] = SEEDS) -> dict:
    with threads(usable_cores()):
        racers = [run_racer(digits, seed, quick=quick) for seed in (seeds[:2] if quick else seeds)]
        example = run_example(digits, seed=0, most=2 if quick else 10)
    result = {
        "dataset": digits.name,
        "goal": GOAL,
        "training_digits": len(digits.train.labels),
        "racers": racers,
        "racer": {
            "seconds": spread([racer["seconds"] for racer in racers]),
            "mean_test_accuracy": sum(racer["test_accuracy"] for racer in racers) / len(racers),
            "mean_validation_accuracy": sum(racer["validation_accuracy"] for racer in racers) / len(racers),
            "reached": sum(racer["validation_accuracy"] >= GOAL for racer in racers),
        },
        "example": example,
    }
    slow = example["epochs"][-1]["seconds"]
    result["example_over_racer"] = spread([slow / racer["seconds"] for racer in racers])
    return result


def run_racer(digits: Digits, seed: int, *, quick: bool) -> dict:
    started = time.perf_counter()
    racer = race(digits.train, seed, **({"width": 4} if quick else {}))
    seconds = time.perf_counter() - started
    print(f"  racer, seed {seed}: {seconds:.1f} s", flush=True)
    return {
        "seed": seed,
        "seconds": seconds,
        "validation_accuracy": accuracy(racer, digits.validation),
        "test_accuracy": accuracy(racer, digits.test),
    }


def run_example(digits: Digits, seed: int, *, most: int) -> dict:
    """Train until the held-out digits are read with `GOAL`, or for `most` epochs."""
    normalise = (0.1307, 0.3081)
    torch.manual_seed(seed)
    model = ExampleNetwork()
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1, gamma=0.7)
    train = usual_pipeline(digits.train, 64, normalise)
    seconds, epochs = 0.0, []
    while len(epochs) < most and (not epochs or epochs[-1]["validation_accuracy"] < GOAL):
        started = time.perf_counter()
        train_epoch(model, train, F.nll_loss, optimizer)
        schedule.step()
        seconds += time.perf_counter() - started
        reached = accuracy(model, digits.validation, normalise)
        epochs.append({"seconds": seconds, "validation_accuracy": reached})
        print(f"  example, epoch {len(epochs)}: {seconds:.0f} s, {reached:.2%}", flush=True)
    return {"seed": seed, "epochs": epochs, "test_accuracy": accuracy(model, digits.test, normalise)}


def accuracy(model: nn.Module, split: Split, normalise: tuple[float, float] = (0.0, 1.0)) -> float:
    with evaluating(model):
        read = predict(model, to_inputs(split.images, normalise)).argmax(dim=1)
    return (read == split.labels).double().mean().item()
