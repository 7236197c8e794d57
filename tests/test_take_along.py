"""The page to take along: whole, small enough, refused where it must be, and in Chromium as sure as torch."""

import re

import pytest
import torch
from browsing import LOOK, NEEDS_CHROMIUM, watched_page
from click.testing import CliRunner
from torch import nn

from course_utils.__main__ import course
from course_utils.data import load_digits, to_inputs
from course_utils.explorables import Reader
from course_utils.networks import load_network
from course_utils.recipes import RECIPES
from course_utils.take_along import LARGEST, write_page
from course_utils.training import predict, to_digits


@pytest.fixture(scope="module")
def images() -> torch.Tensor:
    return load_digits("digits", train_size=100).test.images[:100]


def reader(name: str) -> Reader:
    return Reader(load_network(name), RECIPES[name].normalise)


@pytest.mark.parametrize("name", RECIPES)
def test_each_network_fits_into_one_page_that_asks_nobody(name, images, tmp_path):
    file = write_page(tmp_path / "page.html", reader(name), {"name": "Ada & her <network>"}, images)
    text = file.read_text(encoding="utf-8")
    assert len(text.encode()) <= LARGEST and "Ada &amp; her &lt;network&gt;" in text
    assert not re.search(r"""(?:src|href)=["']?(?!data:)\w|https?://(?!www\.w3\.org)""", text)


def test_what_cannot_be_taken_along_is_refused_and_leaves_the_earlier_page(images, tmp_path):
    file = write_page(tmp_path / "page.html", reader("CNN"), {"name": "first"}, images[:1])
    before = file.read_bytes()
    large = nn.Sequential(nn.Flatten(), nn.Linear(784, 1000), nn.ReLU(), nn.Linear(1000, 10))
    with pytest.raises(ValueError, match="bytes, and 1,500,000 are the most; with bits=8"):
        write_page(file, Reader(large), {"name": "large"}, images[:1])
    with pytest.raises(ValueError, match="a layer that pages do not know: BatchNorm1d"):
        write_page(file, Reader(nn.Sequential(nn.Flatten(), nn.BatchNorm1d(784)).eval()), {"name": "x"}, images[:1])
    assert file.read_bytes() == before and list(tmp_path.iterdir()) == [file]
    assert write_page(file, Reader(large), {"name": "large"}, images[:1], bits=8).stat().st_size < LARGEST


def test_the_command_writes_a_page_and_refuses_in_one_line(tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "none"))
    file = tmp_path / "mine.html"
    done = CliRunner().invoke(course, ["page", "SigmoidMLP", "--out", str(file)])
    assert done.exit_code == 0 and f"{file.stat().st_size:,} bytes" in done.output
    assert "784-10-10-1, sigmoids" in file.read_text(encoding="utf-8")
    refused = CliRunner().invoke(course, ["page", "Brain", "--out", str(file)])
    assert refused.exit_code == 2 and "no network Brain; there are SigmoidMLP" in refused.stderr


@NEEDS_CHROMIUM[0]
@NEEDS_CHROMIUM[1]
@pytest.mark.parametrize(
    ("name", "bits", "scheme"), [("CNN", 32, "light"), ("BPNetwork", 8, "dark"), ("SigmoidMLP", 32, "dark")]
)
def test_on_a_telephone_it_reads_as_torch_does(chromium, images, tmp_path, name, bits, scheme):
    file = write_page(tmp_path / "page.html", reader(name), {"name": "Mine", "reads": "digits"}, images, bits=bits)
    with watched_page(chromium, 390, 850) as page:
        page.emulate_media(color_scheme=scheme)
        page.goto(file.as_uri())
        said = page.locator('[data-module="parity"] .ex-said')
        said.get_by_text("It reads 100 of them as torch did").wait_for()
        assert name == "SigmoidMLP" or "is below 0.000001" in said.inner_text()
        answers = predict(load_network(name), to_inputs(images[:1], RECIPES[name].normalise))
        page.locator(".answers").get_by_text(re.compile(rf"\b{to_digits(answers).item()}\b")).first.wait_for()
        seen = page.evaluate(LOOK)
        assert seen["measured"] and not seen["faint"] and not seen["cut"]
        assert page.evaluate("document.documentElement.scrollWidth") <= 390


@NEEDS_CHROMIUM[0]
@NEEDS_CHROMIUM[1]
def test_a_finger_draws_a_one(chromium, images, tmp_path):
    file = write_page(tmp_path / "page.html", reader("CNN"), {"name": "Mine"}, images)
    context = chromium.new_context(viewport={"width": 390, "height": 850}, has_touch=True, is_mobile=True)
    page = context.new_page()
    page.goto(file.as_uri())
    page.get_by_role("button", name="Clear").click()
    box = page.locator(".paper canvas").bounding_box()
    touch = context.new_cdp_session(page)
    x, top = box["x"] + box["width"] / 2, box["y"] + 40
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": top}]})
    for step in range(1, 21):
        at = {"x": x, "y": top + step * 10}
        touch.send("Input.dispatchTouchEvent", {"type": "touchMove", "touchPoints": [at]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    page.locator('[data-module="pad"] .ex-said').get_by_text(re.compile(r"\b1\b")).wait_for()
    context.close()
