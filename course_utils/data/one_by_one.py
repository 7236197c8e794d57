"""The usual way to read digits: one picture at a time. Lesson 8 takes it apart."""

from collections.abc import Callable

from PIL import Image
from torch.utils.data import Dataset

from .splits import Split


class OneByOne(Dataset):
    """A split as torchvision's MNIST hands it out: a picture is opened, then transformed, whenever it is asked for."""

    def __init__(self, split: Split, transform: Callable):
        self.images, self.labels, self.transform = split.images[:, 0], split.labels, transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int):
        picture = Image.fromarray(self.images[index].numpy())
        return self.transform(picture), int(self.labels[index])
