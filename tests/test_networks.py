"""The trained networks in notebooks/networks/: what travels, what the rounding costs, what a page cannot hold."""

import json

import pytest
import torch
from torch import nn

from course_utils import networks
from course_utils.models import BPNetwork
from course_utils.networks import (
    FOLDER,
    as_8_bits,
    as_float32,
    load_network,
    save_network,
    to_layers,
    train_network,
)
from course_utils.recipes import RECIPES


@pytest.mark.parametrize("name", RECIPES)
def test_a_file_holds_a_trained_network_and_how_it_was_made(name):
    content = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    assert content["name"] == name and RECIPES[name].training in content["trained"]
    assert content["normalise"] == list(RECIPES[name].normalise)
    assert abs(content["test_accuracy"] - content["test_accuracy_8_bits"]) < 0.005
    assert content["test_accuracy"] > (0.4 if name in ("SigmoidMLP", "RegressionCNN") else 0.96)
    random = torch.get_rng_state()
    network = load_network(name)
    assert torch.equal(torch.get_rng_state(), random) and not network.training
    assert network(torch.zeros(1, 1, 28, 28)).requires_grad, "it can be trained on"


def test_all_files_together_are_small():
    assert sum(file.stat().st_size for file in FOLDER.glob("*.json")) < 1_000_000


def test_what_is_saved_is_loaded_again_to_half_a_step(digits, tmp_path):
    recipe = RECIPES["SigmoidMLP"]._replace(epochs=1)
    trained = train_network(recipe, digits)
    about = save_network("SigmoidMLP", trained, recipe, digits, tmp_path)
    assert about["trained"].endswith("1 epochs; 40 digits of noise") and 0 <= about["test_accuracy_8_bits"] <= 1
    loaded = load_network("SigmoidMLP", tmp_path)
    assert torch.equal(loaded.hidden1.bias, trained.hidden1.bias)
    steps = trained.hidden1.weight.abs().amax(dim=1, keepdim=True) / 127
    errors = (loaded.hidden1.weight - trained.hidden1.weight).abs() / steps
    assert 0.3 < errors.max() <= 0.501
    again = train_network(recipe, digits)
    assert torch.equal(again.hidden1.weight, trained.hidden1.weight)


def test_a_row_of_zeros_stays_one():
    packed = as_8_bits(torch.tensor([[0.0, 0.0], [1.0, -0.5]]))
    assert packed["shape"] == [2, 2] and packed["values"] == bytes([0, 0, 127, 192])
    assert torch.frombuffer(bytearray(packed["scales"]), dtype=torch.float32)[1] == pytest.approx(1 / 127)
    assert as_float32(torch.ones(2, 1).t())["values"] == torch.ones(2).numpy().tobytes()


class TwoWays(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.other = nn.Linear(4, 4), nn.Linear(4, 4)

    def forward(self, x):
        return self.one(x) + self.other(x)


@pytest.mark.parametrize(
    ("network", "words"),
    [
        (TwoWays(), "no chain of layers: other has another input"),
        (nn.Sequential(nn.GELU()), "a layer that pages do not know: GELU"),
        (nn.Sequential(nn.Conv2d(1, 1, 3, stride=2)), "settings .* are equal"),
        (nn.Sequential(nn.MaxPool2d(3, stride=1)), "settings .* are equal"),
    ],
)
def test_what_a_page_cannot_hold_is_refused(network, words):
    with pytest.raises(ValueError, match=words):
        to_layers(network)


def test_a_students_own_network_is_the_saved_one_and_nobodys_run_touches_it(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(networks, "PROJECT", tmp_path)
    monkeypatch.setattr(networks, "somebody_is_there", lambda: True)
    mine = BPNetwork()
    assert networks.own_network("BPNetwork") is None
    torch.save(mine.state_dict(), networks.own_folder() / "bpnetwork.pt")
    loaded = networks.own_network("BPNetwork")
    assert torch.equal(loaded.hidden1.weight, mine.hidden1.weight) and not loaded.training
    for damage in (b"", b"no network", (tmp_path / "data/networks/bpnetwork.pt").read_bytes()[:-100]):
        (tmp_path / "data/networks/cnn.pt").write_bytes(damage)
        assert networks.own_network("CNN") is None
        assert "does not hold a CNN" in capsys.readouterr().out
    (tmp_path / "data/networks/cnn.pt").write_bytes((tmp_path / "data/networks/bpnetwork.pt").read_bytes())
    assert networks.own_network("CNN") is None
    monkeypatch.setattr(networks, "somebody_is_there", lambda: False)
    assert networks.own_network("BPNetwork") is None and not networks.own_folder().is_relative_to(tmp_path / "data")
