"""The five networks trained on MNIST, at 8 bits a weight, in `notebooks/networks/`; a student's own in data/networks.

`python -m course_utils.networks` trains them all with their recipes and writes the files: about six minutes on a core.
"""

import base64
import json
import tempfile
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path

import torch
from torch import Tensor, fx, nn

from .data import Digits, batches, load_digits, to_inputs
from .files import write_whole
from .progress import PROJECT, somebody_is_there
from .recipes import RECIPES, Recipe
from .training import fit, predict, to_digits

FOLDER = Path(__file__).resolve().parents[1] / "notebooks" / "networks"
KINDS = {
    "Linear": "linear", "Conv2d": "conv2d", "MaxPool2d": "max-pool", "ReLU": "relu", "relu": "relu",
    "Sigmoid": "sigmoid", "sigmoid": "sigmoid", "Tanh": "tanh", "tanh": "tanh", "Flatten": "flatten",
    "flatten": "flatten", "LogSoftmax": "log-softmax", "log_softmax": "log-softmax", "Softmax": "softmax",
    "softmax": "softmax",
}  # fmt: skip


def load_network(name: str, folder: Path = FOLDER) -> nn.Module:
    """One of the five networks, trained: `load_network("CNN")`. Its weights are those of the file, rounded to 8 bits.

    It wants its pixels normalised as its recipe says. Raises KeyError for a name that is none of the five.
    """
    recipe, content = RECIPES[name], json.loads((folder / f"{name}.json").read_text(encoding="utf-8"))
    with torch.device("meta"):  # no random weight is drawn
        network = recipe.network()
    state = {
        f"{layer['name']}.{part}": _unpacked(layer[part])
        for layer in content["layers"] if "weight" in layer
        for part in ("weight", "bias")
    }  # fmt: skip
    network.load_state_dict(state, assign=True)
    return network.eval()


@cache
def _nobodys_folder() -> tempfile.TemporaryDirectory:
    return tempfile.TemporaryDirectory(prefix="networks-")


def own_folder() -> Path:
    """Where a student's trained networks are kept: data/networks.

    Where nobody sits at the notebook it is a folder that vanishes with the kernel, so that no such run changes them.
    """
    folder = PROJECT / "data" / "networks" if somebody_is_there() else Path(_nobodys_folder().name)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def own_network(name: str) -> nn.Module | None:
    """The student's own network of that name, from `own_folder()`; None where there is none that fits.

    `own_network("CNN")` reads cnn.pt, the `state_dict` that a lesson has saved. A file that cannot be read as that
    network is said in one line, and left as it is. Raises KeyError for a name that is none of the five.
    """
    with torch.device("meta"):  # no random weight is drawn
        network = RECIPES[name].network()
    file = own_folder() / f"{name.lower()}.pt"
    if not file.exists():
        return None
    try:
        network.load_state_dict(torch.load(file, weights_only=True, map_location="cpu"), assign=True)
    except Exception as error:  # what a damaged file makes torch raise is of any kind
        reason = (str(error) or type(error).__name__).splitlines()[0]
        print(f"{file.name} in data/networks does not hold a {name}: {reason}")
        return None
    return network.eval()


def to_layers(network: nn.Module, pack: Callable[[Tensor], dict] | None = None) -> list[dict]:
    """A network as the list of its layers: kind, name, settings, and its weights as `pack` packs them (as float32).

    Raises ValueError for a network that is not a chain of the layers in `KINDS`.
    """
    pack, layers, before = pack or as_float32, [], None
    for node in fx.symbolic_trace(network).graph.nodes:
        if node.op not in ("placeholder", "output"):
            if node.all_input_nodes != [before]:
                raise ValueError(f"{type(network).__name__} is no chain of layers: {node.name} has another input")
            layers.append(_layer(network, node, pack))
        before = node
    return layers


def _layer(network: nn.Module, node: fx.Node, pack: Callable[[Tensor], dict]) -> dict:
    module = network.get_submodule(node.target) if node.op == "call_module" else None
    called = type(module).__name__ if module else getattr(node.target, "__name__", node.target)
    if called not in KINDS:
        raise ValueError(f"{type(network).__name__} has a layer that pages do not know: {called}")
    layer = {"kind": KINDS[called]}
    if called in ("Linear", "Conv2d"):
        layer |= {"name": node.target, "weight": pack(module.weight), "bias": as_float32(module.bias)}
    if called == "Conv2d":
        layer["padding"] = _only(module.padding)
        _only((*module.stride, *module.dilation, module.groups, 1))
    if called == "MaxPool2d":
        layer["size"] = _only((module.kernel_size, module.stride))
    return layer


def _only(settings: tuple) -> int:
    """The one number that all settings must be. Raises ValueError where they differ."""
    first, *others = settings
    if any(other != first for other in others):
        raise ValueError(f"pages know only layers whose settings {settings} are equal")
    return first


def as_float32(tensor: Tensor) -> dict:
    """A tensor as it travels to a page: its shape, and its numbers as bytes."""
    tensor = tensor.detach().cpu().float()
    return {"shape": list(tensor.shape), "values": tensor.numpy().tobytes()}


def as_8_bits(tensor: Tensor) -> dict:
    """A tensor of at least two axes in whole numbers from −127 to 127, and for each row what to multiply them by."""
    rows = tensor.detach().cpu().float().flatten(start_dim=1)
    scales = (rows.abs().amax(dim=1) / 127).clamp(min=1e-12)
    whole = (rows / scales[:, None]).round().to(torch.int8)
    return {
        "shape": list(tensor.shape),
        "values": whole.numpy().tobytes(),
        "scales": scales.numpy().tobytes(),
    }


def _unpacked(array: dict) -> Tensor:
    """The tensor that an array in a file stands for, float32."""
    values, scales = (
        bytearray(base64.b64decode(array[part]["base64"])) if part in array else None for part in ("values", "scales")
    )
    if scales is None:
        return torch.frombuffer(values, dtype=torch.float32).reshape(array["shape"])
    rows = torch.frombuffer(values, dtype=torch.int8).reshape(array["shape"][0], -1)
    return (rows * torch.frombuffer(scales, dtype=torch.float32)[:, None]).reshape(array["shape"])


def train_network(recipe: Recipe, digits: Digits, seed: int = 0) -> nn.Module:
    """Train a recipe's network, as the lessons do."""
    torch.manual_seed(seed)
    network = recipe.new_network()
    generator = torch.Generator().manual_seed(seed)
    settings = {"shuffle": True, "generator": generator, "normalise": recipe.normalise}
    parts = batches(digits.train, recipe.batch_size, **settings)
    fit(network, parts, None, recipe.loss_fn, recipe.new_optimizer(network), epochs=recipe.epochs)
    return network


def save_network(name: str, network: nn.Module, recipe: Recipe, digits: Digits, folder: Path = FOLDER) -> dict:
    """Write a trained network's file, and return what it says of its training and of what the rounding costs."""
    about = {
        "name": name,
        "trained": f"{recipe.training}; {len(digits.train.labels):,} digits of {digits.name}",
        "test_accuracy": _accuracy(network, digits, recipe.normalise),
    }
    content = about | {"normalise": list(recipe.normalise), "layers": to_layers(network, as_8_bits)}
    _write(content, folder)
    about["test_accuracy_8_bits"] = _accuracy(load_network(name, folder), digits, recipe.normalise)
    _write(about | content, folder)
    return about


def _write(content: dict, folder: Path) -> None:
    text = json.dumps(content, default=lambda values: {"base64": base64.b64encode(values).decode()}, indent=1)
    write_whole(folder / f"{content['name']}.json", text + "\n")


def _accuracy(network: nn.Module, digits: Digits, normalise: tuple[float, float]) -> float:
    outputs = predict(network, to_inputs(digits.test.images, normalise))
    return (to_digits(outputs) == digits.test.labels).double().mean().item()


def train_networks() -> None:
    """Train all five networks on MNIST with the lessons' split, and write their files."""
    digits = load_digits("mnist", validation=10_000)
    for name, recipe in RECIPES.items():
        started = time.perf_counter()
        about = save_network(name, train_network(recipe, digits), recipe, digits)
        right = f"{about['test_accuracy']:.2%} read right, {about['test_accuracy_8_bits']:.2%} at 8 bits"
        print(f"{name:18} {right}; {time.perf_counter() - started:.0f} s", flush=True)


if __name__ == "__main__":
    train_networks()
