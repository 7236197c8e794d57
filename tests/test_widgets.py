"""What the widgets show, said by their alternative texts and held by their artists, without a browser."""

import asyncio
import base64
import io
import math
import re

import ipywidgets
import matplotlib.pyplot as plt
import pytest
import torch
from IPython.utils.capture import capture_output
from PIL import Image
from torch import nn
from torch.nn import functional as F

from course_utils import widgets
from course_utils.plotting import use_course_style
from course_utils.training import squared_error
from course_utils.widgets import training_bench

pytestmark = pytest.mark.filterwarnings("error")

GENERATOR = torch.Generator().manual_seed(0)
LN_10 = math.log(10)
INPUTS = torch.rand(60, 1, 28, 28, generator=GENERATOR)
LABELS = torch.arange(60) % 10


def classifier(units):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, units), nn.ReLU(), nn.Linear(units, 10))


def regression(units):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, units), nn.Linear(units, 1))


def bench(build=classifier, loss_fn=F.cross_entropy, landmark=LN_10, **settings):
    settings = {"learning_rate": 0.1, "steps": 40} | settings
    training_bench(INPUTS, LABELS, build, loss_fn, {"a landmark": landmark}, **settings)


@pytest.fixture(autouse=True)
def course_style():
    with plt.rc_context():
        use_course_style()
        yield


@pytest.fixture
def figures(monkeypatch) -> list:
    """Every figure that a widget shows, in turn."""
    drawn, png = [], widgets.quick_png
    monkeypatch.setattr(widgets, "quick_png", lambda figure: drawn.append(figure) or png(figure))
    return drawn


class Shown:
    """What one cell displayed: the widget that a page would find by the output's model, and a picture of it."""

    def __init__(self, show):
        with capture_output() as captured:
            assert show() is None
        live, self.still = captured.outputs
        assert set(live.data) == {widgets.WIDGET_VIEW, "text/plain"}
        view = live.data[widgets.WIDGET_VIEW]
        self.widgets = list(self._inside(ipywidgets.widgets.widget._instances[view["model_id"]]))

    def _inside(self, widget):
        yield widget
        for child in getattr(widget, "children", ()):
            yield from self._inside(child)

    def __getitem__(self, description):
        (widget,) = (widget for widget in self.widgets if getattr(widget, "description", None) == description)
        return widget

    @property
    def html(self) -> str:
        return "".join(widget.value for widget in self.widgets if isinstance(widget, ipywidgets.HTML))

    @property
    def alt(self) -> str:
        return re.search(r'<img alt="([^"]*)"', self.html)[1]


@pytest.fixture
def shown(shell):
    return Shown


def test_the_widget_has_a_picture_with_its_text_beside_it_and_nothing_else_changes(shown):
    random = torch.get_rng_state()
    output, again = shown(bench).still, shown(bench).still
    alt = output.metadata["image/png"]["alt"]
    assert output.data["text/plain"] == alt and len(alt) > 40 and "0x" not in alt
    assert output.data["image/png"] == again.data["image/png"]
    png = base64.b64decode(output.data["image/png"])
    assert len(png) < 80_000 and 300 < Image.open(io.BytesIO(png)).width <= 720
    assert torch.equal(torch.get_rng_state(), random) and plt.get_fignums() == []


def test_without_a_notebook_the_text_is_printed(capsys):
    bench()
    assert len(capsys.readouterr().out.strip()) > 40


def press_and_wait(widget, stop_when=lambda: False):
    """Press Train twice inside a running loop, of which the second does nothing; wait for the end, or for Stop."""

    async def scene():
        widget["Train"].click()
        widget["Train"].click()
        assert widget["Train"].disabled and not widget["Stop"].disabled
        while widget["Train"].disabled:
            if stop_when():
                widget["Stop"].click()
            await asyncio.sleep(0.001)
        assert widget["Stop"].disabled

    asyncio.run(scene())


def tries(figure) -> list:
    return [line for line in figure.axes[0].lines if re.match(r"\d", line.get_label())]


def curves(figure) -> list[list[float]]:
    return [list(line.get_ydata()) for line in tries(figure)]


def test_the_bench_opens_with_a_training_done(shown, figures):
    widget = shown(bench)
    (drawn,) = curves(figures[-1])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = classifier(10)
    assert drawn[0] == pytest.approx(F.cross_entropy(model(INPUTS), LABELS).item()) and drawn[-1] < drawn[0]
    assert len(drawn) == 9  # before the first step, then after every fifth
    assert f"learning rate 0.1, momentum 0, 10 hidden units: loss {drawn[-1]:.3g} at step 40" in widget.alt
    assert "a landmark at 2.303" in widget.alt
    assert any(line.get_ydata()[0] == LN_10 for line in figures[-1].axes[0].lines)


@pytest.mark.parametrize(
    ("slider", "to", "words"),
    [
        ("learning rate", 0.01, "learning rate 0.01, momentum 0, 10 hidden units"),
        ("momentum", 0.9, "learning rate 0.1, momentum 0.9, 10 hidden units"),
        ("hidden units", 50, "learning rate 0.1, momentum 0, 50 hidden units"),
        ("momentum", 0, "learning rate 0.1, momentum 0, 10 hidden units"),
    ],
)
def test_a_new_try_trains_with_the_sliders_and_the_former_stays_pale(shown, figures, slider, to, words):
    widget, random = shown(bench), torch.get_rng_state()
    widget[slider].value = to
    press_and_wait(widget)
    assert torch.equal(torch.get_rng_state(), random)
    former, new = tries(figures[-1])
    assert former.get_label().startswith("1: learning rate 0.1, momentum 0, 10 hidden units: loss")
    assert new.get_label().startswith(f"2: {words}: loss")
    assert (list(former.get_ydata()) == list(new.get_ydata())) == (to == 0), "equal settings give equal tries"
    assert (former.get_alpha() or 1) < 1 == (new.get_alpha() or 1)
    assert former.get_linestyle() != new.get_linestyle()
    assert "Try 1," in widget.alt and "try 2," in widget.alt


def test_only_the_last_tries_are_shown(shown, figures):
    widget = shown(lambda: bench(steps=5))
    for _ in range(5):
        press_and_wait(widget)
    assert [line.get_label()[0] for line in tries(figures[-1])] == list("3456")


def test_a_curve_is_drawn_while_it_trains_and_stop_ends_it_early(shown, figures):
    widget = shown(lambda: bench(steps=3000))
    press_and_wait(widget, stop_when=lambda: len(figures) > 1)
    while_training, at_the_end = (curves(figure)[1] for figure in figures[1:])
    whole, stopped = curves(figures[-1])
    assert stopped == at_the_end and 1 <= len(while_training) <= len(stopped) < len(whole) == 601
    assert stopped == whole[: len(stopped)]
    assert f"at step {5 * (len(stopped) - 1)}." in widget.alt


def test_a_training_that_diverges_is_drawn_and_said(shown, figures):
    widget = shown(lambda: bench(regression, squared_error, 8.25, learning_rate=0.01, steps=500))
    widget["learning rate"].value = 10
    press_and_wait(widget)
    words = re.search(r"try 2, learning rate 10, .*: diverged at step (\d+): no finite loss", widget.alt)
    assert int(words[1]) < 500, "it has not stopped where it diverged"
    ax = figures[-1].axes[0]
    assert ax.get_title("left").startswith("Try 2: diverged") and "X" in [line.get_marker() for line in ax.lines]
    assert ax.get_ylim()[1] == pytest.approx(1.5 * 8.25)
    widget["learning rate"].value = 0.01
    press_and_wait(widget)
    assert "try 3, learning rate 0.01, momentum 0, 10 hidden units: loss" in widget.alt
