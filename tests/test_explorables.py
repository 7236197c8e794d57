"""Explorables, Python's side: what is displayed, and what a module and a page are handed."""

import base64
import json
import re

import pytest
from bs4 import BeautifulSoup
from IPython.utils.capture import capture_output
from matplotlib.figure import Figure

from course_utils.explorables import PAGE_SCRIPT, module_source, show
from course_utils.explorables.stage import HERE, WIDGET_VIEW
from course_utils.plotting import describe

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
