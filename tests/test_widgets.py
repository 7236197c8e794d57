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
def test_one_output_holds_the_widget_and_a_picture_with_its_text_and_nothing_else_changes(shown, show):
    random = torch.get_rng_state()
    output, again = shown(show).output, shown(show).output
    assert set(output.data) == {widgets.WIDGET_VIEW, "image/png", "text/plain"}
    alt = output.metadata["image/png"]["alt"]
    assert output.data["text/plain"] == alt and len(alt) > 40 and "0x" not in alt
    assert output.data["image/png"] == again.data["image/png"]
    png = base64.b64decode(output.data["image/png"])
    assert len(png) < 80_000 and 300 < Image.open(io.BytesIO(png)).width <= 720
    assert torch.equal(torch.get_rng_state(), random) and plt.get_fignums() == []


@each_widget
def test_without_a_notebook_the_text_is_printed(show, capsys):
    show()
    assert len(capsys.readouterr().out.strip()) > 40


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
    widget, random = shown(SHOWN[name]), torch.get_rng_state()
    opened = widget.output.data["image/png"], widget.output.metadata["image/png"]["alt"]
    assert opened[0] in widget.html and opened[1] == widget.alt
    widget[control].value = to
    assert opened[0] not in widget.html and opened[1] != widget.alt
    assert torch.equal(torch.get_rng_state(), random) and plt.get_fignums() == []


def test_a_text_is_escaped(shown):
    widget = shown(lambda: shift_a_digit(DIGIT, {'"<CNN>': ten}))
    assert "&quot;&lt;CNN&gt; reads" in widget.html and "<CNN>" not in widget.html


# Lesson 1


@pytest.mark.parametrize(("weight", "words"), [(5, "Sigmoid(5 x₁ + 0 x₂ + 0). .*100%"), (-5, "Sigmoid(−5 .* 0%")])
def test_a_neuron_turned_right_splits_the_classes_and_turned_round_confuses_them(shown, weight, words):
    widget = shown(SHOWN["turn_a_neuron"])
    widget["weight w₁"].value, widget["weight w₂"].value, widget["bias b"].value = weight, 0, 0
    assert re.match(words.replace("(", r"\(").replace(")", r"\)").replace("+", r"\+"), widget.alt)


def test_more_hidden_neurons_read_more_of_the_rings(shown, figures):
    widget, right = shown(SHOWN["add_hidden_neurons"]), []
    for neurons in (0, 1, 2, 3, 8):
        widget["hidden neurons"].value = neurons
        right.append(int(re.search(r"(\d+)%", widget.alt)[1]))
        assert [line.get_linestyle() for line in figures[-1].axes[0].lines].count("--") == neurons
        assert f"{neurons or 'no'} hidden" in widget.alt.lower()
    assert right == sorted(right) and right[0] < 70 and right[-1] == right[-2] == 100


# Lessons 2 and 3


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


# Lesson 4


@pytest.mark.parametrize("name", FILTERS)
def test_the_filters_numbers_are_those_of_conv2d(shown, figures, name):
    widget = shown(SHOWN["slide_a_filter"])
    widget["place"].value = 26 * 26 - 1
    widget["filter"].value = name
    weights = FILTERS[name].float().reshape(1, 1, *FILTERS[name].shape[-2:])
    expected = F.conv2d(DIGIT.reshape(1, 1, 28, 28) / 255, weights)[0, 0]
    last, width, size = expected.numel() - 1, expected.shape[1], weights.shape[-1]
    assert widget["place"].max == widget["place"].value == last, "a larger filter has fewer places"
    for place in (0, 5 * width + 11, last):
        widget["place"].value = place
        row, column = divmod(place, width)
        number = f"{round(expected[row, column].item(), 2) + 0.0:.2f}".replace("-", "−")
        assert f"row {row}, column {column}: the products sum to {number}. {place + 1} of {last + 1}" in widget.alt
        digit, feature_map, pixels, _, products = figures[-1].axes
        filled = feature_map.get_images()[0].get_array().flatten()
        assert filled.count() == place + 1
        assert torch.allclose(torch.tensor(filled.compressed()), expected.flatten()[: place + 1])
        window = DIGIT[0, row : row + size, column : column + size] / 255
        assert pixels.get_images()[0].get_array().tolist() == window.tolist()
        assert products.get_images()[0].get_array().sum() == pytest.approx(expected[row, column].item(), abs=1e-4)
        assert len(products.texts) == size * size
        assert digit.patches[0].get_xy() == (column - 0.5, row - 0.5) and digit.patches[0].get_width() == size


@pytest.mark.parametrize(
    ("right", "down", "words", "answer"), [(6, -6, "6 right, 6 up", 7), (-3, 2, "3 left, 2 down", 1)]
)
def test_a_shift_moves_the_digit_and_lets_paper_in(shown, figures, right, down, words, answer):
    widget = shown(SHOWN["shift_a_digit"])
    widget["pixels right"].value, widget["pixels down"].value = right, down
    expected = torch.zeros(28, 28)
    expected[6 + down : 22 + down, 12 + right : 16 + right] = DIGIT[0, 6:22, 12:16]
    image, *answers = figures[-1].axes
    assert image.get_images()[0].get_array().tolist() == expected.tolist() and words in widget.alt
    assert [ax.get_title("left") for ax in answers] == [f"{name}\n{answer} (100%)" for name in ("CNN", "BPNetwork")]
    heights = [bar.get_height() for bar in answers[0].patches]
    assert heights == pytest.approx([float(place == answer) for place in range(10)])


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
DRAWN = PAGE.numpy().tobytes()


def answers(widget) -> list[str]:
    return re.findall(r'role="img" aria-label="([^"]*)"', widget.html)


def test_a_drawing_is_answered_by_all_five_and_shown_as_they_see_it(shown):
    widget = shown(SHOWN["drawing_pad"])
    widget.pad.set_state({"pixels": memoryview(DRAWN)})  # as JavaScript sends them
    frame = to_mnist_frame(PAGE / 255)
    seven = f"7 ({ten(frame[None, None])[0, 7]:.0%})"
    three = [f"{name}: {seven}" for name in ("CNN", "BPNetwork", "Three")]
    assert answers(widget) == [*three, "SigmoidMLP: 3.60, rounds to 4", "RegressionCNN: 3.60, rounds to 4"]
    assert widget.html.count("class=largest") == 3 and widget.html.count("▼") == 2
    assert widget.pad.status == "Of 5 networks, 3 read 7, 2 read 4."
    source = re.search(r'alt="the digit in 28 by 28 pixels".*?base64,([^"]+)"', widget.html)[1]
    ink = 255 - torch.tensor(list(Image.open(io.BytesIO(base64.b64decode(source))).tobytes()), dtype=torch.uint8)
    assert torch.equal(ink.reshape(28, 28), frame)


@pytest.mark.parametrize("size", [0, SIDE * SIDE + 1])
def test_a_page_of_the_wrong_size_is_refused(size):
    pad = DrawingPad()
    with pytest.raises(traitlets.TraitError, match=f"112×112 = 12544 bytes, not {size}"):
        pad.pixels = bytes(size)
    assert pad.pixels == bytes(SIDE * SIDE)


def test_an_empty_pad_says_so_and_asks_nobody(shown):
    widget = shown(lambda: drawing_pad({"CNN": lambda images: ten(images) if images.any() else 1 / 0}, DIGIT))
    assert widget.pad.status == "The pad is empty. Draw a digit."
    assert answers(widget) == ["CNN: …"] and "an empty frame" in widget.html
    widget["Try another way"].click()
    assert widget.pad.status == "The pad is empty. Draw a digit first."
    widget.pad.pixels = DRAWN
    widget["Clear"].click()
    assert widget.pad.pixels == bytes(SIDE * SIDE) and widget.pad.status == "The pad is empty. Draw a digit."
    assert "Earlier" not in widget.html


def test_another_way_keeps_the_drawing_with_its_answers_and_suggests_one(shown):
    widget, suggestions = shown(SHOWN["drawing_pad"]), []
    for kept in range(1, 9):
        widget.pad.pixels = DRAWN
        widget["Try another way"].click()
        assert widget.pad.pixels == bytes(SIDE * SIDE)
        assert widget.html.count("<figure>") == min(kept, 6)
        suggestions.append(re.search("Once more, the same digit: ([^.]+).", widget.html)[1])
    assert widget.html.count("SigmoidMLP: 3.60, rounds to 4<br>") == 6
    assert len(set(suggestions)) == 8


def test_the_pads_picture_shows_the_example_and_all_answers(shown):
    alt = shown(SHOWN["drawing_pad"]).output.metadata["image/png"]["alt"]
    assert all(f"{name} reads " in alt for name in NETWORKS) and "rounds to 4" in alt


def test_the_pads_page_needs_no_network_and_is_explained_to_those_who_do_not_see_it():
    assert not re.search(r"https?://|import\(|^import .* from ['\"]", DrawingPad._esm, re.MULTILINE)
    for words in ('tabindex="0"', "aria-label=", "arrow keys", "Space", "Escape", "aria-live", ":focus-visible"):
        assert words in DrawingPad._esm
    assert 'data-lm-suppress-shortcuts="true"' in DrawingPad._esm, "or JupyterLab takes the arrow keys"
