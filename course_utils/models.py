"""The five networks of the course, each with the sizes of its recipe.

Every network takes images [N, 1, 28, 28] as float32. The lessons build each one in view before it is imported.
"""

from torch import Tensor, nn


class SigmoidMLP(nn.Module):
    """784-10-10-1 with sigmoids: answers with a number, the digit's value (lesson 2).

    Images [N, 1, 28, 28] in, values [N, 1] out. 7,971 parameters.
    """

    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Linear(28 * 28, 10)
        self.hidden2 = nn.Linear(10, 10)
        self.output = nn.Linear(10, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = images.flatten(start_dim=1)
        x = self.hidden1(x).sigmoid()
        x = self.hidden2(x).sigmoid()
        return self.output(x)


class RegressionCNN(nn.Module):
    """Two 5×5 convolutions and one linear layer: answers with a number, like `SigmoidMLP` (lesson 4).

    It pools before each ReLU, which gives the same numbers as the other order, in less time.
    Images [N, 1, 28, 28] in, values [N, 1] out. 11,521 parameters.
    """

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 20, kernel_size=5, padding=2)
        self.conv2 = nn.Conv2d(20, 20, kernel_size=5, padding=2)
        self.pool = nn.MaxPool2d(2)
        self.output = nn.Linear(20 * 7 * 7, 1)

    def forward(self, images: Tensor) -> Tensor:
        x = self.pool(self.conv1(images)).relu()
        x = self.pool(self.conv2(x)).relu()
        return self.output(x.flatten(start_dim=1))


class ThreeLayerNetwork(nn.Module):
    """784-256-10 with a ReLU: answers with ten logits (lesson 3).

    Images [N, 1, 28, 28] in, logits [N, 10] out, made for `CrossEntropyLoss`. 203,530 parameters.
    """

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(28 * 28, 256)
        self.output = nn.Linear(256, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = images.flatten(start_dim=1)
        x = self.hidden(x).relu()
        return self.output(x)


class BPNetwork(nn.Module):
    """784-128-64-10 with ReLU twice and a log-softmax: answers with log-probabilities (lesson 3).

    Images [N, 1, 28, 28] in, log-probabilities [N, 10] out, made for `NLLLoss`. 109,386 parameters.
    """

    def __init__(self):
        super().__init__()
        self.hidden1 = nn.Linear(28 * 28, 128)
        self.hidden2 = nn.Linear(128, 64)
        self.output = nn.Linear(64, 10)
        self.log_softmax = nn.LogSoftmax(dim=1)

    def forward(self, images: Tensor) -> Tensor:
        x = images.flatten(start_dim=1)
        x = self.hidden1(x).relu()
        x = self.hidden2(x).relu()
        return self.log_softmax(self.output(x))


class CNN(nn.Module):
    """Four 5×5 convolutions and one linear layer: answers with ten logits (lesson 4).

    Images [N, 1, 28, 28] in, logits [N, 10] out, made for `CrossEntropyLoss`. 121,514 parameters.
    """

    def __init__(self):
        super().__init__()
        self.block1 = nn.Sequential(nn.Conv2d(1, 16, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2))
        self.block2 = nn.Sequential(
            nn.Conv2d(16, 32, kernel_size=5, padding=2), nn.ReLU(),
            nn.Conv2d(32, 32, kernel_size=5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        )  # fmt: skip
        self.block3 = nn.Sequential(nn.Conv2d(32, 64, kernel_size=5, padding=2), nn.ReLU())
        self.output = nn.Linear(64 * 7 * 7, 10)

    def forward(self, images: Tensor) -> Tensor:
        x = self.block3(self.block2(self.block1(images)))
        return self.output(x.flatten(start_dim=1))
