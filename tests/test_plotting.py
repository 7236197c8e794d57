"""What the figures hold, and what their alternative texts say of it."""

import base64
import io
import re

import matplotlib.pyplot as plt
import pytest
import torch
from bs4 import BeautifulSoup
from IPython.utils.capture import capture_output
from PIL import Image

from course_utils import plotting
from course_utils.plotting import (
    alternative_text,
    mark_lowest,
    plot_confusion,
    plot_graph,
    plot_images,
    plot_loss,
    plot_network,
    plot_predictions,
    plot_probabilities,
    plot_slabs,
    use_course_style,
)
from course_utils.training import History

pytestmark = pytest.mark.filterwarnings("error")  # a sign that the font lacks is a warning too

nan, inf = float("nan"), float("inf")
POINTS = torch.tensor([[-1.0, 0.5], [-0.5, -0.5], [0.5, 0.5], [1.0, -0.5]])

DRAWN_ON_AN_AXES = {
    "plot_loss": lambda ax=None: plot_loss(HISTORY, ax=ax),
    "plot_confusion": lambda ax=None: plot_confusion(torch.eye(10), ax=ax),
    "plot_spread": lambda ax=None: plotting.plot_spread(torch.arange(10), torch.arange(10.0), ax=ax),
    "plot_decision": lambda ax=None: plotting.plot_decision(
        lambda p: (p[:, 0] > 0).float(), POINTS, POINTS[:, 0] > 0, ax=ax
    ),
    "plot_network": lambda ax=None: plot_network([3, 1], ["in", "out"], ax=ax),
    "plot_graph": lambda ax=None: plot_graph(*GRAPH, ax=ax),
    "plot_slabs": lambda ax=None: plot_slabs([(1, 28), (10, 0)], ["linear"], ax=ax),
}
GRAPH = {"w": (0, 0), "y": (1, 0), "L": (2, 1)}, {("w", "y"): "· 3", ("y", "L"): ""}
HISTORY = History(
    train_loss=[2.0, 1.0, 0.5],
    validation_loss=[1.5, 0.75, 0.9],
    validation_accuracy=[0.5, 0.8, 0.7],
    batch_losses=[2.25, 1.75, 1.25, 0.75, 0.6, 0.4],
)


@pytest.fixture(autouse=True)
def course_style():
    with plt.rc_context():
        plt.rcdefaults()
        use_course_style()
        assert plt.rcParams["image.cmap"] == "gray_r"
        yield


def lines(ax) -> dict:
    return {line.get_label(): line for line in ax.lines}


def points(line) -> list[tuple[float, float]]:
    return [(float(x), float(y)) for x, y in zip(*line.get_data(), strict=True)]


@pytest.mark.parametrize("draw", DRAWN_ON_AN_AXES.values(), ids=DRAWN_ON_AN_AXES)
def test_an_axes_goes_in_and_the_same_comes_out(draw):
    figure, (left, right) = plt.subplots(1, 2)
    assert draw(right) is right
    assert right.has_data()
    assert not left.has_data()
    assert alternative_text(figure) == right.alternative_text
    assert draw().figure is not figure
    figure.canvas.draw()


def test_a_training_loss_stands_in_its_epochs_middle_and_a_validation_loss_at_its_end():
    drawn = lines(plot_loss(HISTORY))
    assert points(drawn["training"]) == [(0.5, 2.0), (1.5, 1.0), (2.5, 0.5)]
    assert points(drawn["validation"]) == [(1, 1.5), (2, 0.75), (3, 0.9)]
    assert points(drawn["single batches"]) == [
        (0.25, 2.25), (0.75, 1.75), (1.25, 1.25), (1.75, 0.75), (2.25, 0.6), (2.75, 0.4),
    ]  # fmt: skip
    assert drawn["training"].get_linestyle() != drawn["validation"].get_linestyle()
    assert drawn["training"].get_color() != drawn["validation"].get_color()


def test_of_thousands_of_batches_every_leap_is_drawn():
    losses = [1.0 + (i % 7) / 100 for i in range(9000)]
    losses[1234], losses[4321], losses[-1] = 50.0, -20.0, 9.0
    drawn = points(lines(plot_loss(History([2.0, 1.0], batch_losses=losses)))["single batches"])
    assert len(drawn) < 700 and {50.0, -20.0, 9.0} <= {y for _, y in drawn}
    assert [x for x, _ in drawn] == sorted(x for x, _ in drawn) and drawn[-1][0] > 1.98


def test_several_histories_are_named_and_told_apart():
    ax = plot_loss(HISTORY, History([3.0, 2.5]), labels=["CNN", "MLP"])
    drawn = lines(ax)
    names = ["CNN, training", "CNN, validation", "MLP, training"]
    assert list(drawn) == names == [text.get_text() for text in ax.get_legend().get_texts()]
    ours, validation, theirs = drawn.values()
    assert ours.get_color() != theirs.get_color()
    assert ours.get_marker() == validation.get_marker() != theirs.get_marker()
    assert "CNN, training loss falls from 2 to 0.5" in alternative_text(ax.figure)
    assert "MLP, training loss falls from 3 to 2.5" in alternative_text(ax.figure)


def test_landmarks_are_lines_with_their_names_and_heights():
    ax = plot_loss(HISTORY, landmarks={"ln 10": 2.302585, "zero": 0})
    assert [line.get_ydata()[0] for line in ax.lines if len(set(line.get_ydata())) == 1] == [2.302585, 0]
    assert [text.get_text() for text in ax.texts] == ["ln 10 (2.303)", "zero (0)"]
    assert "landmark ln 10 at 2.303; landmark zero at 0" in alternative_text(ax.figure)


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([2.3, 0.5, 0.7], "falls from 2.3 to 0.7 over 3 epochs, lowest (0.5) in epoch 2"),
        ([1.0, 2.0], "rises from 1 to 2 over 2 epochs, lowest (1) in epoch 1"),
        ([1.0, 1.0], "goes from 1 to 1 over 2 epochs"),
        ([2.3], "is 2.3 in the only epoch"),
        ([2.3, nan, nan], "from 2.3 to nan over 3 epochs, lowest (2.3) in epoch 1, not a finite number in 2 of them"),
        ([2.3, 1e30, inf], "rises from 2.3 to inf over 3 epochs, lowest (2.3) in epoch 1, not a finite number in 1"),
        ([nan, nan], "from nan to nan over 2 epochs, not a finite number in 2 of them"),
    ],
)
def test_the_text_of_a_loss_is_honest(losses, words):
    ax = plot_loss(History(losses, losses, [0.1] * len(losses), losses))
    ax.figure.canvas.draw()
    text = alternative_text(ax.figure)
    assert re.search(rf"training loss (\w+ )?{re.escape(words)}.*validation loss (\w+ )?{re.escape(words)}", text)


def test_the_prediction_grid_marks_right_and_wrong_by_sign_and_colour():
    figure = plotting.plot_predictions(
        torch.rand(3, 1, 28, 28), torch.tensor([7, 1, 4]), torch.tensor([7, 7, 9]), columns=2
    )
    titles = [(text.get_text(), text.get_color()) for text in figure.axes[0].texts]
    assert (
        titles == [("7 ✓", plotting.RIGHT), ("7 ✗ (1)", plotting.WRONG), ("9 ✗ (4)", plotting.WRONG)]
        and plotting.RIGHT != plotting.WRONG
    )
    assert alternative_text(figure) == "1 of 3 digits read right; wrong: a 1 read as 7, a 4 read as 9."
    figure.canvas.draw()  # the font has the signs


@pytest.mark.parametrize("size", [0, 4])
def test_a_grid_without_errors_says_so_and_other_labels_are_refused(size):
    labels = torch.arange(size)
    figure = plotting.plot_predictions(torch.rand(size, 1, 28, 28), labels, labels, heading="First digits")
    figure.canvas.draw()
    assert alternative_text(figure) == f"First digits: {size} of {size} digits read right; wrong: none."
    with pytest.raises(ValueError, match=r"shorter|longer"):
        plotting.plot_predictions(torch.rand(size, 1, 28, 28), labels, torch.arange(size + 1))


def test_an_image_grid_holds_each_image_in_reading_order():
    images = torch.arange(5 * 4.0).reshape(5, 1, 2, 2)
    figure = plot_images(images, list("abcde"), columns=3, heading="Five")
    shown, texts = figure.axes[0].get_images(), figure.axes[0].texts
    assert [image.get_array().tolist() for image in shown] == images[:, 0].tolist()
    assert {image.get_clim() for image in shown} == {(0, 19)}
    assert [text.get_text() for text in texts] == [*"abcde"]
    lefts, _, _, tops = zip(*(image.get_extent() for image in shown), strict=True)
    heads = [text.get_position()[1] for text in texts]
    assert lefts[:2] == lefts[3:] and lefts[0] < lefts[1] < lefts[2]
    assert heads[0] < tops[0] == tops[1] == tops[2] < heads[3] < tops[3] == tops[4]
    assert alternative_text(figure) == "Five: 2 by 3 grid of 5 images, titled in reading order: a, b, c, d, e."


@pytest.mark.parametrize("pixel", [0, 255, nan])
def test_a_grid_of_any_images_is_drawn_and_leaves_them_as_they_were(pixel):
    images = torch.full((9, 1, 28, 28), pixel)
    before = images.clone()
    for signed in (False, True):
        figure = plot_images(images, columns=4, signed=signed)
        figure.canvas.draw()
        low, high = figure.axes[0].get_images()[0].get_clim()
        assert low < high and "3 by 4 grid of 9 images" in alternative_text(figure)
    assert torch.equal(images.nan_to_num(1), before.nan_to_num(1))
    figure = plot_images(torch.tensor([[[-3.0, 1.0]], [[0.0, 2.0]]]), signed=True)
    assert {image.get_clim() for image in figure.axes[0].get_images()} == {(-3, 3)}, "one scale around zero"


def test_a_confusion_matrix_shows_its_counts_and_colours_its_errors():
    counts = torch.diag(torch.full((10,), 90))
    counts[4, 9], counts[3, 5] = 7, 2
    ax = plot_confusion(counts)
    written = {text.get_position(): text.get_text() for text in ax.texts}
    assert (written[9, 4], written[5, 3], written[4, 4], written[0, 1]) == ("7", "2", "90", "·")
    colours = ax.get_images()[0].get_array()
    assert (colours[4, 9], colours[3, 5], colours[4, 4], counts[4, 4]) == (7, 2, 0, 90)
    assert alternative_text(ax.figure) == (
        "Confusion matrix of 909 digits: 900 on the diagonal; the most frequent error is a 4 read as 9, 7 times."
    )
    assert alternative_text(plot_confusion(torch.eye(10)).figure).endswith("10 on the diagonal; no errors.")


def test_a_spread_has_a_box_for_each_digit_at_its_place():
    labels = torch.tensor([2, 2, 2, 2, 7, 7, 7])
    ax = plotting.plot_spread(labels, torch.tensor([1.0, 2.0, 2.4, 3.0, 6.0, 6.9, 8.0]))
    medians = [points(line) for line in ax.lines if line.get_label().startswith("_") and line.get_color() == "black"]
    centres = {round((a[0] + b[0]) / 2): a[1] for a, b in medians if a[1] == b[1] and a[1] == a[1]}
    assert centres[2] == pytest.approx(2.2)
    assert centres[7] == pytest.approx(6.9)
    assert points(lines(ax)["prediction = digit"]) == [(-0.5, -0.5), (9.5, 9.5)]
    assert alternative_text(ax.figure).endswith("medians 2: 2.2, 7: 6.9.")


def test_a_decision_surface_shows_both_classes_and_counts_those_on_their_side():
    labels = torch.tensor([0, 0, 1, 0])
    ax = plotting.plot_decision(lambda p: torch.sigmoid(9 * p[:, 0]), POINTS, labels)
    shown = [collection.get_offsets().tolist() for collection in ax.collections if len(collection.get_offsets()) > 1]
    assert POINTS[labels == 0].tolist() in shown
    (boundary,) = (collection for collection in ax.collections if collection.get_linewidth()[0] == 2)
    vertices = boundary.get_paths()[0].vertices
    assert abs(vertices[:, 0]).max() < 0.05, "the boundary stands upright at x₁ = 0"
    assert vertices[:, 1].max() > 1
    assert "75%" in alternative_text(ax.figure)
    ax = plotting.plot_decision(
        lambda p: torch.full((len(p),), 0.2), POINTS, torch.zeros(4)
    )  # one answer, and no boundary
    ax.figure.canvas.draw()
    assert "100%" in alternative_text(ax.figure)


def test_a_figures_text_joins_its_own_and_those_of_its_axes():
    figure, (left, _, right) = plt.subplots(1, 3)
    assert alternative_text(figure) == ""
    for target, text in ((right, "Right."), (figure, "Both."), (left, "Left.")):
        plotting.describe(target, text)
    assert alternative_text(figure) == "Both. Left. Right."


@pytest.mark.filterwarnings("default")
def test_a_notebook_keeps_the_text_with_the_picture(shell):
    code = """
from course_utils.plotting import plot_loss, use_course_style
from course_utils.training import History
from IPython.display import display
use_course_style()
display(plot_loss(History([2.0, 1.0])).figure)
"""
    with capture_output() as captured:
        assert shell.run_cell(code).success
    texts = [output.metadata["image/png"] for output in captured.outputs if "image/png" in output.data]
    text = "Loss curves: training loss falls from 2 to 1 over 2 epochs, lowest (1) in epoch 2."
    assert texts and all(kept == {"alt": text} for kept in texts)


@pytest.mark.filterwarnings("default")
def test_someone_at_a_notebook_is_given_the_text_that_jupyterlab_drops_from_a_png(shell, monkeypatch):
    monkeypatch.setattr(plotting, "somebody_is_there", lambda: True)
    use_course_style()
    figure = plotting.plot_loss(History([2.0, 1.0])).figure
    data, _ = shell.display_formatter.format(figure)
    image = BeautifulSoup(data["text/html"], "html.parser").img
    assert "image/png" not in data and image["alt"] == plotting.alternative_text(figure) != ""
    png = base64.b64decode(image["src"].removeprefix("data:image/png;base64,"))
    assert [str(side) for side in Image.open(io.BytesIO(png)).size] == [image["width"], image["height"]]
    still, metadata = plotting.still_output(figure)
    assert BeautifulSoup(still["text/html"], "html.parser").img["alt"] == still["text/plain"] and not metadata


def test_the_style_needs_no_notebook():
    plt.rcdefaults()
    use_course_style()
    assert plt.rcParams["image.cmap"] == "gray_r"
    assert plt.rcParams["axes.prop_cycle"].by_key()["color"][:2] == ["#0072B2", "#D55E00"]


def test_a_network_has_a_circle_for_each_neuron_and_a_line_for_each_weight():
    ax = plot_network([3, 2, 1], ["pixels", "hidden\nsigmoid", "output"])
    assert [len(column.get_offsets()) for column in ax.collections] == [3, 2, 1]
    assert len(ax.lines) == 3 * 2 + 2 * 1
    texts = [text.get_text() for text in ax.texts]
    assert {"W [2, 3]", "W [1, 2]", "2 hidden\nsigmoid"} <= set(texts) and "⋮" not in texts
    assert "3 pixels, 2 hidden sigmoid, 1 output." in alternative_text(ax.figure)


def test_a_column_of_many_neurons_has_a_gap_in_its_middle():
    ax = plot_network([784, 4], ["pixels", "output"], shown=4)
    many, few = (sorted(column.get_offsets()[:, 1].tolist()) for column in ax.collections)
    assert few == [-1.5, -0.5, 0.5, 1.5] and many == [-2, 2]
    assert "⋮" in [text.get_text() for text in ax.texts] and "784 pixels, 4 output" in alternative_text(ax.figure)


def test_a_convolutional_network_has_its_maps_as_slabs_in_their_order():
    ax = plot_slabs([(1, 28), (16, 14), (10, 0)], ["conv 5×5, pool", "linear"], shown=4)
    assert len(ax.patches) == 1 + 4 + 4
    heights = {text.get_text(): text.get_position()[1] for text in ax.texts if text.get_text()}
    order = ["1 map of 28 × 28", "conv 5×5, pool", "16 maps of 14 × 14", "linear", "10 numbers"]
    assert sorted(heights, key=heights.get, reverse=True) == order
    assert "; ".join(order) in alternative_text(ax.figure)
    sides = [patch.get_xy()[:, 0].max() - patch.get_xy()[:, 0].min() for patch in ax.patches]
    assert sides[0] == pytest.approx(2 * sides[1])


def test_a_graph_has_its_numbers_forward_below_and_its_slopes_above_the_nodes():
    slopes = {"y": -4, "w": -12, ("w", "y"): 3, ("y", "L"): -4}
    ax = plot_graph(*GRAPH, values={"w": 0.5, "y": "3w = 1.5"}, slopes=slopes)
    texts = [(text.get_text(), text.xy, text.xyann[1]) for text in ax.texts if text.get_text()]
    for name, place in GRAPH[0].items():
        assert (name, place, place[1]) in texts
    numbers = {(text, place): offset for text, place, offset in texts if offset != place[1]}
    assert numbers["0.5", (0, 0)] < 0 and numbers["3w = 1.5", (1, 0)] < 0
    assert numbers["−12", (0, 0)] > 0 and numbers["−4", (1, 0)] > 0
    assert numbers["· 3", (0.5, 0)] > 0 and numbers["← × 3", (0.5, 0)] < 0 and numbers["← × −4", (1.5, 0.5)] < 0
    arrows = [text for text in ax.texts if text.arrow_patch]
    assert [(arrow.xyann, arrow.xy) for arrow in arrows] == [((0, 0), (1, 0)), ((1, 0), (2, 1))]
    assert alternative_text(ax.figure) == (
        "Graph with edges w to y (· 3), y to L; forward: w 0.5, y 3w = 1.5; "
        "slopes back: y −4, w −12, w to y 3, y to L −4."
    )
    assert "slopes" not in alternative_text(plot_graph(*GRAPH).figure)


def test_the_lowest_loss_is_marked_at_the_end_of_its_epoch():
    ax = mark_lowest([0.5, 0.25, 0.3], ax=plt.subplots()[1])
    assert points(ax.lines[0]) == [(2, 0.25)] and ax.texts[0].get_text() == "0.2500, epoch 2"


def test_probabilities_are_bars_below_their_digits_with_the_true_one_hatched():
    probabilities = torch.full((2, 10), 0.02)
    probabilities[0, 3], probabilities[1, 7] = 0.82, 0.82
    figure = plot_probabilities(torch.zeros(2, 1, 28, 28), torch.tensor([3, 1]), probabilities, heading="Two")
    for ax, shares, true in zip(figure.axes[2:], probabilities, (3, 1), strict=True):
        assert [bar.get_height() for bar in ax.patches] == pytest.approx(shares.tolist())
        assert [digit for digit, bar in enumerate(ax.patches) if bar.get_hatch()] == [true]
    assert alternative_text(figure).startswith("Two: a 3: 3 with 82%, ")


def test_how_sure_a_prediction_was_stands_below_it():
    labels, predictions = torch.tensor([1, 2]), torch.tensor([1, 7])
    figure = plot_predictions(torch.zeros(2, 28, 28), labels, predictions, confidence=torch.tensor([0.5, 0.9987]))
    assert [text.get_text() for text in figure.axes[0].texts] == ["1 ✓\n50.00 %", "7 ✗ (2)\n99.87 %"]
    assert alternative_text(figure) == "1 of 2 digits read right; wrong: a 2 read as 7 with 99.87 %."
