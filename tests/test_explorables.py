"""Explorables, Python's side: what is displayed, and what a module and a page are handed."""

import base64
import json
import re

import pytest
import torch
from bs4 import BeautifulSoup
from IPython.utils.capture import capture_output
from ipywidgets.widgets.widget import _instances as ALL_WIDGETS
from matplotlib.figure import Figure
from torch import nn
from torch.nn import functional as F

from course_utils.data import load_digits
from course_utils.explorables import (
    PAGE_SCRIPT,
    Reader,
    drawing_pad,
    module_source,
    morph_a_digit,
    shift_a_digit,
    show,
    slide_a_filter,
)
from course_utils.explorables.stage import HERE, WIDGET_VIEW
from course_utils.networks import load_network
from course_utils.plotting import describe
from course_utils.recipes import RECIPES
from course_utils.training import to_digits

MODULES = sorted(path.stem for path in HERE.glob("*.js"))
each_module = pytest.mark.parametrize("name", MODULES)


def picture() -> Figure:
    figure = Figure(figsize=(1, 1))
    describe(figure, "a <square>")
    return figure


def test_the_explorable_and_its_picture_are_outputs_of_their_own(shell):
    given = {"text": 'a "quoted" <b>', "numbers": [1, 2.5], "values": b"\x00\xff"}
    with capture_output() as captured:
        widget = show("network", given, picture(), kept={"digit": 7})
    module, still = captured.outputs
    assert module.data[WIDGET_VIEW]["model_id"] == widget.model_id
    element = BeautifulSoup(module.data["text/html"], "html.parser").div
    assert element["class"] == ["explorable"] and element["data-module"] == "network"
    for_page = json.loads(element["data-given"])
    assert for_page == given | {"values": {"base64": base64.b64encode(b"\x00\xff").decode()}}
    assert element.get_text() == "", "where nothing runs, nothing is shown but the picture"
    assert still.data["image/png"] and still.metadata["image/png"]["alt"] == "a <square>" == still.data["text/plain"]
    assert widget.given == given and widget.kept == {"digit": 7}


def test_a_page_may_be_given_less_and_its_explorables_are_told_apart(shell):
    with capture_output() as captured:
        show("network", {"values": bytes(9999)}, picture(), page={"network": "CNN"})
        show("network", {}, picture(), page={"network": "BPNetwork"})
        show("network", {}, picture(), name="guess 1.2")
    elements = [
        BeautifulSoup(output.data["text/html"], "html.parser").div
        for output in captured.outputs
        if output.metadata == {}
    ]
    assert json.loads(elements[0]["data-given"]) == {"network": "CNN"}
    assert len({element["data-id"] for element in elements}) == 3 and elements[2]["data-id"] == "guess 1.2"


@each_module
def test_a_module_brings_along_what_it_imports_and_fetches_nothing(name):
    source = module_source(name)
    for url in re.findall(r'from "([^"]*)"', source):
        kind, text = url.split(",", 1)
        assert kind == "data:text/javascript;base64" and base64.b64decode(text)
    assert not re.search(r"https?://|fetch\(|XMLHttpRequest|importScripts", source.replace("http://www.w3.org/", ""))
    assert name == "mount" or f'"{name}": ' in PAGE_SCRIPT
    assert len((HERE / f"{name}.js").read_text().splitlines()) <= 250


# What trained networks make of digits

TEST = load_digits("digits", train_size=10).test
SEVEN = TEST.images[TEST.labels == 7][0]


@pytest.fixture(scope="module")
def networks():
    return {name: load_network(name) for name in RECIPES}


def shown(call) -> tuple[dict, dict, str]:
    """What a notebook and a page are given, and the picture's text; nothing else changes."""
    random = torch.get_rng_state()
    with capture_output() as captured:
        assert call() is None
    module, still = captured.outputs
    widget = ALL_WIDGETS[module.data[WIDGET_VIEW]["model_id"]]
    for_page = BeautifulSoup(module.data["text/html"], "html.parser").div["data-given"]
    assert torch.equal(torch.get_rng_state(), random) and len(for_page) < 15_000
    assert len(base64.b64decode(still.data["image/png"])) < 80_000
    return widget.given, json.loads(for_page), still.metadata["image/png"]["alt"]


def test_the_pad_takes_the_students_networks_and_a_page_the_courses(shell, networks):
    mine = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
    readers = networks | {"CNN": Reader(networks["CNN"], temperature=1.5), "mine": mine}
    given, page, text = shown(lambda: drawing_pad({name: readers[name] for name in ("BPNetwork", "CNN")}, SEVEN))
    bp, cnn = given["readers"]
    assert bp["network"]["normalise"] == [0.5, 0.5] and cnn["temperature"] == 1.5
    assert (
        cnn["network"]["layers"][0]["weight"]["values"] == networks["CNN"].block1[0].weight.detach().numpy().tobytes()
    )
    assert [reader["network"] for reader in page["readers"]] == ["BPNetwork", "CNN"]
    assert given["example"] == SEVEN.numpy().tobytes()
    assert re.search(r"BPNetwork reads \d \(\d+%\); CNN reads \d \(\d+%\)", text)
    with capture_output() as captured:
        drawing_pad({"mine": mine}, SEVEN)
    assert "&quot;layers&quot;" in captured.outputs[0].data["text/html"], "a page knows no network of that name"


def test_a_temperature_cools_what_is_answered(networks):
    hot, cool = (Reader(networks["CNN"], temperature=t).answer(SEVEN[None]) for t in (1.0, 5.0))
    assert cool.max() < hot.max() and cool.sum() == pytest.approx(1)
    assert Reader(networks["SigmoidMLP"], temperature=5.0).answer(SEVEN[None]).shape == (1, 1)


def test_the_morph_takes_digits_that_all_read_right(shell, networks):
    two = {name: networks[name] for name in ("SigmoidMLP", "ThreeLayerNetwork")}
    given, page, text = shown(lambda: morph_a_digit(TEST, two, 0, 1))
    images = torch.frombuffer(bytearray(given["images"]), dtype=torch.uint8).reshape(10, 1, 28, 28)
    right = [to_digits(Reader(network).answer(TEST.images)) == TEST.labels for network in two.values()]
    for digit in range(10):
        its = TEST.labels == digit
        best = its & right[0] & right[1]
        assert torch.equal(images[digit], TEST.images[best if best.any() else its][0])
    assert (given["from"], given["to"]) == (0, 1) and page["readers"][1]["network"] == "ThreeLayerNetwork"
    blends = (
        (images[0] + (images[1].float() - images[0]) * torch.linspace(0, 1, 41).reshape(-1, 1, 1, 1)).round().byte()
    )
    read = dict.fromkeys(to_digits(Reader(two["ThreeLayerNetwork"]).answer(blends)).tolist())
    assert re.match(r"A 0 turns into a 1\. SigmoidMLP's number goes from .* to .*; ", text)
    assert text.endswith(f"ThreeLayerNetwork reads {', then '.join(map(str, read))}.")


def test_the_filter_takes_a_network_and_filters_by_hand(shell, networks):
    edge = torch.tensor([[1.0, 0, -1]] * 3)
    given, page, text = shown(
        lambda: slide_a_filter(SEVEN, networks["CNN"], {"edge": edge, "wide": torch.ones(1, 5, 5)})
    )
    assert [part["weight"]["shape"] for part in given["filters"]] == [[3, 3], [5, 5]] and page["network"] == "CNN"
    row, column = (int(number) for number in re.search(r"row (\d+), column (\d+)", text).groups())
    total = F.conv2d(SEVEN[None] / 255, edge[None, None])[0, 0]
    assert total[row, column].abs() == total.abs().max()
    assert f"the products sum to {total[row, column]:.2f}".replace("-", "−") in text


def test_the_shift_shows_both_answers(shell, networks):
    given, page, text = shown(lambda: shift_a_digit(SEVEN, {name: networks[name] for name in ("CNN", "BPNetwork")}))
    assert given["image"] == SEVEN.numpy().tobytes() and len(page["readers"]) == 2
    assert text.startswith("A digit, in its place. CNN reads ")
