"""What the widgets show, said by their alternative texts and held by their artists, without a browser."""

import asyncio
import base64
import inspect
import io
import math
import re
from pathlib import Path

import ipywidgets
import matplotlib.pyplot as plt
import pytest
import torch
import traitlets
from IPython.utils.capture import capture_output
from PIL import Image
from torch import nn
from torch.nn import functional as F

from course_utils import widgets
from course_utils.data import to_mnist_frame
from course_utils.plotting import use_course_style
from course_utils.training import squared_error
from course_utils.widgets import (
    SIDE,
    DrawingPad,
    add_hidden_neurons,
    drawing_pad,
    shift_a_digit,
    slide_a_filter,
    training_bench,
    turn_a_neuron,
)

pytestmark = pytest.mark.filterwarnings("error")

GENERATOR = torch.Generator().manual_seed(0)
CORNERS = torch.tensor([[-1.0, 0.5], [-0.5, -0.5], [0.5, 0.5], [1.0, -0.5]])
SIDES = torch.tensor([0, 0, 1, 1])
ANGLE = torch.linspace(0, 2 * math.pi, 41)[:40]
RINGS = torch.cat([torch.stack([radius * ANGLE.cos(), radius * ANGLE.sin()], dim=1) for radius in (0.8, 2.0)])
INSIDE = torch.arange(80) // 40
LN_10 = math.log(10)
INPUTS = torch.rand(60, 1, 28, 28, generator=GENERATOR)
LABELS = torch.arange(60) % 10
DIGIT = torch.zeros(1, 28, 28, dtype=torch.uint8)
DIGIT[0, 6:22, 12:16] = torch.randint(100, 256, (16, 4), dtype=torch.uint8, generator=GENERATOR)
FILTERS = {"left minus right": torch.tensor([[1, 0, -1]] * 3), "wide": torch.randn(1, 5, 5, generator=GENERATOR)}


def ten(images):
    """A network that is the surer of a 1 the further left the ink is, else of a 7."""
    assert images.shape == (1, 1, 28, 28) and images.dtype == torch.uint8
    left = images[..., :14].sum() / images.sum()
    return F.one_hot(torch.tensor([1]), 10) * left + F.one_hot(torch.tensor([7]), 10) * (1 - left)


def value(images):
    return torch.tensor([[3.6]], requires_grad=True)


NETWORKS = {"CNN": ten, "BPNetwork": ten, "Three": ten, "SigmoidMLP": value, "RegressionCNN": value}


def classifier(units):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, units), nn.ReLU(), nn.Linear(units, 10))


def regression(units):
    return nn.Sequential(nn.Flatten(), nn.Linear(784, units), nn.Linear(units, 1))


def bench(build=classifier, loss_fn=F.cross_entropy, landmark=LN_10, **settings):
    settings = {"learning_rate": 0.1, "steps": 40} | settings
    training_bench(INPUTS, LABELS, build, loss_fn, {"a landmark": landmark}, **settings)


SHOWN = {
    "turn_a_neuron": lambda: turn_a_neuron(CORNERS, SIDES),
    "add_hidden_neurons": lambda: add_hidden_neurons(RINGS, INSIDE),
    "training_bench": bench,
    "slide_a_filter": lambda: slide_a_filter(DIGIT, FILTERS),
    "shift_a_digit": lambda: shift_a_digit(DIGIT, {"CNN": ten, "BPNetwork": ten}),
    "drawing_pad": lambda: drawing_pad(NETWORKS, DIGIT),
}
each_widget = pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)


@pytest.fixture(autouse=True)
def course_style():
    with plt.rc_context():
        use_course_style()
        yield


@pytest.fixture
def figures(monkeypatch) -> list:
    """Every figure that a widget shows, in turn."""
    drawn, img = [], widgets._img
    monkeypatch.setattr(widgets, "_img", lambda figure: drawn.append(figure) or img(figure))
    return drawn


class Shown:
    """What one cell displayed: its output, and the widget that a page would find by the output's model."""

    def __init__(self, show):
        with capture_output() as captured:
            assert show() is None
        (self.output,) = captured.outputs
        view = self.output.data[widgets.WIDGET_VIEW]
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

    @property
    def pad(self) -> DrawingPad:
        (pad,) = (widget for widget in self.widgets if isinstance(widget, DrawingPad))
        return pad


@pytest.fixture
def shown(shell):
    return Shown


# What every widget displays


@each_widget
def test_one_output_holds_the_widget_and_a_picture_with_its_text(shown, show):
    output = shown(show).output
    assert set(output.data) == {widgets.WIDGET_VIEW, "image/png", "text/plain"}
    alt = output.metadata["image/png"]["alt"]
    assert output.data["text/plain"] == alt
    assert len(alt) > 40 and "0x" not in alt
    png = base64.b64decode(output.data["image/png"])
    assert len(png) < 80_000
    assert 300 < Image.open(io.BytesIO(png)).width <= 720


@each_widget
def test_the_picture_is_the_same_each_time(shown, show):
    assert shown(show).output.data["image/png"] == shown(show).output.data["image/png"]


@each_widget
def test_without_a_notebook_the_text_is_printed(show, capsys):
    show()
    assert len(capsys.readouterr().out.strip()) > 40


@each_widget
def test_showing_a_widget_leaves_random_numbers_and_pyplot_alone(shown, show):
    before = torch.get_rng_state()
    shown(show)
    assert torch.equal(torch.get_rng_state(), before)
    assert plt.get_fignums() == []


MOVES = {
    "weight": ("turn_a_neuron", "weight w₁", -5),
    "bias": ("turn_a_neuron", "bias b", 5),
    "hidden neurons": ("add_hidden_neurons", "hidden neurons", 0),
    "filter": ("slide_a_filter", "filter", "wide"),
    "place": ("slide_a_filter", "place", 3),
    "right": ("shift_a_digit", "pixels right", 6),
    "down": ("shift_a_digit", "pixels down", -6),
}


@pytest.mark.parametrize(("name", "control", "to"), MOVES.values(), ids=MOVES)
def test_moving_a_control_changes_the_picture_and_its_text(shown, name, control, to):
    widget = shown(SHOWN[name])
    before = widget.alt, widget.html
    random = torch.get_rng_state()
    widget[control].value = to
    assert widget.alt != before[0]
    assert widget.html.split("base64,")[1] != before[1].split("base64,")[1]
    assert torch.equal(torch.get_rng_state(), random)
    assert plt.get_fignums() == []


def test_the_picture_opens_as_the_widget_does(shown):
    widget = shown(SHOWN["shift_a_digit"])
    assert widget.alt == widget.output.metadata["image/png"]["alt"]
    assert widget.output.data["image/png"] in widget.html


def test_a_text_is_escaped(shown):
    widget = shown(lambda: shift_a_digit(DIGIT, {'"<CNN>': ten}))
    assert "&quot;&lt;CNN&gt; reads" in widget.html and "<CNN>" not in widget.html


def test_nothing_stalls_a_run_without_a_browser_or_needs_a_network():
    source = inspect.getsource(widgets) + DrawingPad._esm
    assert not re.search(r"\bOutput\(|\binteract|https?://|import\(|^import .* from ['\"]", DrawingPad._esm)
    assert not re.search(r"ipywidgets\.(Output|interact)|https?://|pyplot", source)
    assert Path(widgets.__file__).with_name("drawing_pad.js").exists()


# Lesson 1


def test_a_neuron_turned_right_splits_the_classes_and_turned_round_confuses_them(shown):
    widget = shown(SHOWN["turn_a_neuron"])
    widget["weight w₂"].value, widget["bias b"].value = 0, 0
    widget["weight w₁"].value = 5
    assert "100%" in widget.alt and widget.alt.startswith("Sigmoid(5 x₁ + 0 x₂ + 0).")
    widget["weight w₁"].value = -5
    assert " 0%" in widget.alt and widget.alt.startswith("Sigmoid(−5 x₁ + 0 x₂ + 0).")


def test_more_hidden_neurons_read_more_of_the_rings(shown, figures):
    widget = shown(SHOWN["add_hidden_neurons"])
    right = []
    for neurons in (0, 1, 2, 3, 8):
        widget["hidden neurons"].value = neurons
        right.append(int(re.search(r"(\d+)%", widget.alt)[1]))
        creases = [line for line in figures[-1].axes[0].lines if line.get_linestyle() == "--"]
        assert len(creases) == neurons
        assert f"{neurons or 'no'} hidden" in widget.alt.lower()
    assert right == sorted(right)
    assert right[0] < 70 and right[-1] == right[-2] == 100


# Lessons 2 and 3


def press_and_wait(widget, button="Train", pause=0.0):
    """Press Train inside a running loop, and Stop after a pause where there is one; then wait for the end."""

    async def scene():
        widget[button].click()
        await asyncio.sleep(pause)
        assert widget["Train"].disabled and not widget["Stop"].disabled
        if pause:
            widget["Stop"].click()
        while widget["Train"].disabled:
            await asyncio.sleep(0.001)

    asyncio.run(scene())


def curves(figure) -> dict[str, list[float]]:
    lines = figure.axes[0].lines
    return {line.get_label(): list(line.get_ydata()) for line in lines if re.match(r"\d", line.get_label())}


def test_the_bench_opens_with_a_training_done(shown, figures):
    widget = shown(lambda: bench(steps=40))
    (drawn,) = curves(figures[-1]).values()
    assert len(drawn) == 9  # before the first step, then after every fifth
    assert drawn[0] == pytest.approx(math.log(10), abs=0.2) and drawn[-1] < drawn[0]
    assert f"learning rate 0.1, momentum 0, 10 hidden units: loss {drawn[-1]:.3g} at step 40" in widget.alt
    assert "a landmark at 2.303" in widget.alt
    assert any(line.get_ydata()[0] == math.log(10) for line in figures[-1].axes[0].lines)


def test_the_bench_measures_the_loss_over_all_inputs(shown, figures):
    shown(lambda: bench(steps=1))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = classifier(10)
    (drawn,) = curves(figures[-1]).values()
    assert drawn == [pytest.approx(F.cross_entropy(model(INPUTS), LABELS).item())]


def test_a_new_try_trains_with_the_sliders_and_the_former_stays_pale(shown, figures):
    widget = shown(bench)
    widget["momentum"].value, widget["hidden units"].value = 0.9, 50
    random = torch.get_rng_state()
    press_and_wait(widget)
    assert torch.equal(torch.get_rng_state(), random)
    first, second = (line for line in figures[-1].axes[0].lines if re.match(r"\d", line.get_label()))
    assert first.get_label().startswith("1: learning rate 0.1, momentum 0, 10 hidden units: loss")
    assert second.get_label().startswith("2: learning rate 0.1, momentum 0.9, 50 hidden units: loss")
    assert (first.get_alpha() or 1) < 1 and (second.get_alpha() or 1) == 1
    assert first.get_linestyle() != second.get_linestyle()
    assert second.get_ydata()[-1] < first.get_ydata()[-1]
    assert "Try 1," in widget.alt and "try 2," in widget.alt
    assert widget["Stop"].disabled


@pytest.mark.parametrize(("slider", "to"), [("learning rate", 0.01), ("momentum", 0.9), ("hidden units", 50)])
def test_each_slider_of_the_bench_changes_the_curve(shown, figures, slider, to):
    widget = shown(bench)
    widget[slider].value = to
    press_and_wait(widget)
    first, second = curves(figures[-1]).values()
    assert first != second


def test_equal_settings_give_equal_tries(shown, figures):
    widget = shown(bench)
    press_and_wait(widget)
    first, second = curves(figures[-1]).values()
    assert first == second


def test_only_the_last_tries_are_shown(shown, figures):
    widget = shown(lambda: bench(steps=5))
    for _ in range(5):
        press_and_wait(widget)
    assert [label[0] for label in curves(figures[-1])] == list("3456")


def test_stop_ends_a_training_early(shown, figures):
    widget = shown(lambda: bench(steps=3000))
    press_and_wait(widget, pause=0.05)
    whole, stopped = curves(figures[-1]).values()
    assert len(whole) == 601
    assert 1 <= len(stopped) < 601
    assert stopped == whole[: len(stopped)]
    assert f"at step {5 * (len(stopped) - 1)}." in widget.alt


def test_the_curve_is_drawn_while_it_trains(shown, figures):
    widget = shown(lambda: bench(steps=1500))
    press_and_wait(widget)
    lengths = [len(list(curves(figure).values())[1]) for figure in figures[1:]]
    assert len(lengths) > 1 and lengths == sorted(lengths) and lengths[-1] == 301


def test_a_second_click_starts_no_second_training(shown, figures):
    widget = shown(bench)

    async def two_clicks():
        widget["Train"].click()
        widget["Train"].click()
        while widget["Train"].disabled:
            await asyncio.sleep(0.001)

    asyncio.run(two_clicks())
    assert len(curves(figures[-1])) == 2


def test_a_training_that_diverges_is_drawn_and_said(shown, figures):
    widget = shown(lambda: bench(regression, squared_error, 8.25, learning_rate=0.01, steps=500))
    widget["learning rate"].value = 10
    press_and_wait(widget)
    words = re.search(r"try 2, learning rate 10, .*: diverged at step (\d+): no finite loss", widget.alt)
    assert int(words[1]) < 500, "it has not stopped where it diverged"
    ax = figures[-1].axes[0]
    assert ax.get_title("left").startswith("Try 2: diverged")
    assert "X" in [line.get_marker() for line in ax.lines]
    assert ax.get_ylim()[1] == pytest.approx(1.5 * 8.25)
    widget["learning rate"].value = 0.01
    press_and_wait(widget)
    assert "try 3, learning rate 0.01, momentum 0, 10 hidden units: loss" in widget.alt


# Lesson 4


@pytest.mark.parametrize("name", FILTERS)
def test_the_filters_numbers_are_those_of_conv2d(shown, figures, name):
    widget = shown(SHOWN["slide_a_filter"])
    widget["filter"].value = name
    weights = FILTERS[name].float().reshape(1, 1, *FILTERS[name].shape[-2:])
    expected = F.conv2d(DIGIT.reshape(1, 1, 28, 28) / 255, weights)[0, 0]
    assert widget["place"].max == expected.numel() - 1
    size, width = weights.shape[-1], expected.shape[1]
    for place in (0, 5 * width + 11, expected.numel() - 1):
        widget["place"].value = place
        row, column = divmod(place, width)
        number = f"{round(expected[row, column].item(), 2) + 0.0:.2f}".replace("-", "−")
        assert f"row {row}, column {column}: the products sum to {number}. {place + 1} of" in widget.alt
        digit, feature_map, pixels, _, products = figures[-1].axes
        filled = feature_map.get_images()[0].get_array().flatten()
        assert filled.count() == place + 1
        assert torch.allclose(torch.tensor(filled.compressed()), expected.flatten()[: place + 1])
        window = DIGIT[0, row : row + size, column : column + size] / 255
        assert pixels.get_images()[0].get_array().tolist() == window.tolist()
        assert products.get_images()[0].get_array().sum() == pytest.approx(expected[row, column].item(), abs=1e-4)
        assert len(products.texts) == size * size
        assert digit.patches[0].get_xy() == (column - 0.5, row - 0.5) and digit.patches[0].get_width() == size


def test_a_larger_filter_moves_the_last_window_back_into_the_digit(shown):
    widget = shown(SHOWN["slide_a_filter"])
    widget["place"].value = 26 * 26 - 1
    widget["filter"].value = "wide"
    assert "576 of 576" in widget.alt


@pytest.mark.parametrize(("right", "down", "words"), [(6, -6, "6 right, 6 up"), (-3, 2, "3 left, 2 down")])
def test_a_shift_moves_the_digit_and_lets_paper_in(shown, figures, right, down, words):
    widget = shown(SHOWN["shift_a_digit"])
    widget["pixels right"].value, widget["pixels down"].value = right, down
    expected = torch.zeros(28, 28)
    expected[6 + down : 22 + down, 12 + right : 16 + right] = DIGIT[0, 6:22, 12:16]
    image, *answers = figures[-1].axes
    assert image.get_images()[0].get_array().tolist() == expected.tolist()
    assert words in widget.alt
    digit = 1 if right < 0 else 7
    assert [ax.get_title("left") for ax in answers] == [f"{name}\n{digit} (100%)" for name in ("CNN", "BPNetwork")]
    heights = [bar.get_height() for bar in answers[0].patches]
    assert heights == pytest.approx([float(place == digit) for place in range(10)])


def test_the_largest_bar_is_told_by_more_than_its_colour(shown, figures):
    shown(SHOWN["shift_a_digit"])
    ax = figures[-1].axes[1]
    largest = max(ax.patches, key=lambda bar: bar.get_height())
    assert largest.get_facecolor() != ax.patches[0].get_facecolor()
    (label,) = ax.texts
    assert label.get_position()[0] == largest.get_x() + largest.get_width() / 2 == 1
    assert label.get_text() == f"{largest.get_height():.0%}"
    assert ax.get_xticklabels()[1].get_fontweight() == "bold" != ax.get_xticklabels()[7].get_fontweight()


@pytest.mark.parametrize(
    ("answer", "at", "words"), [(3.6, 3.6, "3.60, rounds to 4"), (-7.0, -0.4, "−7.00, rounds to 0")]
)
def test_a_value_stands_at_its_place_between_0_and_9(shown, figures, answer, at, words):
    widget = shown(lambda: shift_a_digit(DIGIT, {"MLP": lambda images: torch.tensor([[answer]])}))
    assert [line.get_xdata()[0] for line in figures[-1].axes[1].lines] == pytest.approx([at, at])
    assert f"MLP reads {words}." in widget.alt


# Lesson 5

PAGE = torch.zeros(SIDE, SIDE, dtype=torch.uint8)
PAGE[20:90, 50:60] = 255


def answers(widget) -> list[str]:
    return re.findall(r'role="img" aria-label="([^"]*)"', widget.html)


def test_a_drawing_is_answered_by_all_five(shown):
    widget = shown(SHOWN["drawing_pad"])
    widget.pad.pixels = PAGE.numpy().tobytes()
    number = "3.60, rounds to 4"
    left = ten(to_mnist_frame(PAGE / 255)[None, None]).max()
    assert f"{left:.0%}" in answers(widget)[0]
    one = answers(widget)[0].removeprefix("CNN: ")
    assert answers(widget) == [
        f"CNN: {one}", f"BPNetwork: {one}", f"Three: {one}", f"SigmoidMLP: {number}", f"RegressionCNN: {number}",
    ]  # fmt: skip
    assert widget.html.count("class=largest") == 3 and widget.html.count("▼") == 2
    assert widget.pad.status == f"Of 5 networks, 3 read {one[0]}, 2 read 4."


def test_the_digit_is_shown_as_the_networks_see_it(shown):
    widget = shown(SHOWN["drawing_pad"])
    widget.pad.pixels = PAGE.numpy().tobytes()
    source = re.search(r'alt="the digit in 28 by 28 pixels".*?base64,([^"]+)"', widget.html)[1]
    picture = Image.open(io.BytesIO(base64.b64decode(source)))
    shown_ink = 255 - torch.tensor(list(picture.tobytes()), dtype=torch.uint8).reshape(28, 28)
    assert torch.equal(shown_ink, to_mnist_frame(PAGE / 255))


def test_bytes_arrive_as_javascript_sends_them(shown):
    widget = shown(SHOWN["drawing_pad"])
    widget.pad.set_state({"pixels": memoryview(PAGE.numpy().tobytes())})
    assert widget.pad.pixels == PAGE.numpy().tobytes()
    assert widget.pad.status.startswith("Of 5 networks")


@pytest.mark.parametrize("size", [0, 784, SIDE * SIDE + 1])
def test_a_page_of_the_wrong_size_is_refused(size):
    pad = DrawingPad()
    with pytest.raises(traitlets.TraitError, match=f"112×112 = 12544 bytes, not {size}"):
        pad.pixels = bytes(size)
    assert pad.pixels == bytes(SIDE * SIDE)


def test_an_empty_pad_says_so_and_asks_nobody(shown):
    widget = shown(lambda: drawing_pad({"CNN": lambda images: ten(images) if images.any() else 1 / 0}, DIGIT))
    assert widget.pad.status == "The pad is empty. Draw a digit."
    assert answers(widget) == ["CNN: …"]
    assert "an empty frame" in widget.html
    widget["Try another way"].click()
    assert widget.pad.status == "The pad is empty. Draw a digit first."
    assert "Earlier" not in widget.html


def test_clear_wipes_the_page(shown):
    widget = shown(SHOWN["drawing_pad"])
    widget.pad.pixels = PAGE.numpy().tobytes()
    widget["Clear"].click()
    assert widget.pad.pixels == bytes(SIDE * SIDE)
    assert widget.pad.status == "The pad is empty. Draw a digit."
    assert "Earlier" not in widget.html


def test_another_way_keeps_the_drawing_with_its_answers_and_suggests_one(shown):
    widget = shown(SHOWN["drawing_pad"])
    suggestions = []
    for kept in range(1, 9):
        widget.pad.pixels = PAGE.numpy().tobytes()
        widget["Try another way"].click()
        assert widget.pad.pixels == bytes(SIDE * SIDE)
        assert widget.html.count("<figure>") == min(kept, 6)
        suggestions.append(re.search("Once more, the same digit: ([^.]+).", widget.html)[1])
    assert widget.html.count("SigmoidMLP: 3.60, rounds to 4<br>") == 6
    assert len(set(suggestions)) == 8


def test_the_pads_picture_shows_the_example_and_all_answers(shown):
    alt = shown(SHOWN["drawing_pad"]).output.metadata["image/png"]["alt"]
    for name in NETWORKS:
        assert f"{name} reads " in alt
    assert "rounds to 4" in alt


def test_the_pad_is_explained_to_those_who_do_not_see_it():
    for words in ('tabindex="0"', "aria-label=", "arrow keys", "Space", "Escape", "aria-live", ":focus-visible"):
        assert words in DrawingPad._esm
    assert 'data-lm-suppress-shortcuts="true"' in DrawingPad._esm, "or JupyterLab takes the arrow keys"
