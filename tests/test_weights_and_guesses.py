"""Ball, border, fold, graph, guess, exercises on a page: their numbers against torch, and by hand in Chromium."""

import base64
import math
import re

import pytest
import torch
from browsing import IN_NOTEBOOK, NEEDS_CHROMIUM, as_json, watched_page
from IPython.display import display
from IPython.utils.capture import capture_output
from torch import nn
from torch.nn import functional as F

from course_utils import explorables, progress
from course_utils.exercises import check, start_exercises
from course_utils.exercises.desk import all_exercises, verdict_on
from course_utils.exercises.page import page_exercise, page_markup
from course_utils.explorables import PAGE_SCRIPT, ball, border, fold, graph, guess, module_source, reveal
from course_utils.explorables.graphs import NETWORKS, values_and_slopes
from course_utils.explorables.guesses import is_right
from course_utils.explorables.weights import POINTS

GENERATOR = torch.Generator().manual_seed(0)
ANGLE = torch.linspace(0, 2 * math.pi, 41)[:40]
RINGS = torch.cat([torch.stack([radius * ANGLE.cos(), radius * ANGLE.sin()], dim=1) for radius in (0.8, 2.0)])
SIDES = torch.arange(80) // 40
EXERCISES = [number for number in all_exercises() if page_exercise(number)]
CHOICE = {"kind": "choice", "choices": ["a", "b"]}
NUMBER = {"kind": "number", "range": [0, 100], "within": 5}
CURVE = {"kind": "curve", "across": [0, 10, "epoch"], "up": [0, 12, "loss"], "within": 1.2}


@pytest.fixture
def page(chromium):
    with watched_page(chromium, 1000, 1000) as page:
        yield page


@pytest.fixture
def call(page):
    """Call a function that a module exports."""

    def call(module: str, function: str, *arguments):
        url = f"data:text/javascript;base64,{base64.b64encode(module_source(module).encode()).decode()}"
        code = "async ([url, name, given]) => (await import(url))[name](...given)"
        return page.evaluate(code, [url, function, list(arguments)])

    return call


@pytest.fixture
def opened(page, shell, tmp_path):
    """Open a page, from a file, that holds what a cell displays."""

    def open(*shows):
        with capture_output() as captured:
            for show in shows:
                show()
        body = "".join(f'<div class="output">{_markup(output)}</div>' for output in captured.outputs)
        (tmp_path / "explorables.js").write_text(PAGE_SCRIPT, encoding="utf-8")
        text = f'<!doctype html><meta charset="utf-8">{body}<script src="explorables.js" defer></script>'
        (tmp_path / "page.html").write_text(text, encoding="utf-8")
        page.goto((tmp_path / "page.html").as_uri())
        page.wait_for_selector(".ex")
        return page

    return open


@pytest.fixture(params=["page", "notebook"])
def home(request, page, opened, shell):
    """Open an explorable at home on a page, or in what a notebook is to a module."""

    def open_home(show):
        if request.param == "page":
            return opened(show)
        (widget,) = widgets(show)
        page.set_content('<div class="home"></div>')
        url = f"data:text/javascript;base64,{base64.b64encode(widget._esm.encode()).decode()}"
        page.evaluate(IN_NOTEBOOK, [url, as_json(widget.given), widget.kept])
        page.wait_for_selector(".ex")
        return page

    return open_home


def _markup(output) -> str:
    return output.data.get("text/html") or f'<img alt="" src="data:image/png;base64,{output.data["image/png"]}">'


def said(page) -> str:
    return page.locator(".ex-said").first.text_content()


# Numbers against torch -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("two", [False, True])
@pytest.mark.parametrize(("rate", "momentum"), [(0.05, 0.0), (0.1, 0.9), (0.5, 0.5)])
class TestNumbers:
    pytestmark = NEEDS_CHROMIUM

    def test_the_balls_path_is_that_of_sgd(self, call, two, rate, momentum):
        x, y = torch.tensor(POINTS, dtype=torch.float64).T
        weights = torch.tensor([-0.7, 1.5][: 1 + two], dtype=torch.float64, requires_grad=True)
        optimizer = torch.optim.SGD([weights], lr=rate, momentum=momentum)
        state = {"weights": weights.tolist(), "move": None}
        for _ in range(30):
            optimizer.zero_grad()
            line = weights[0] * x + (weights[1] if two else 0)
            loss = ((line - y) ** 2).mean()
            assert call("descent", "lossAt", state["weights"], POINTS) == pytest.approx(loss.item(), rel=1e-9)
            loss.backward()
            optimizer.step()
            state = call("descent", "step", state, POINTS, rate, momentum)
            assert state["weights"] == pytest.approx(weights.tolist(), rel=1e-9)


class TestMoreNumbers:
    pytestmark = NEEDS_CHROMIUM

    @pytest.mark.parametrize("turn", [0, 1, 2])
    @pytest.mark.parametrize("name", NETWORKS)
    def test_the_graphs_slopes_are_autograds(self, call, name, turn):
        drawn = [
            value + turn * torch.randn(1, generator=GENERATOR).item() for value in NETWORKS[name]["numbers"].values()
        ]
        network = NETWORKS[name] | {"numbers": dict(zip(NETWORKS[name]["numbers"], drawn, strict=True))}
        values, slopes = values_and_slopes(network)
        forward = call("chain", "forward", network)
        assert forward == pytest.approx(values, rel=1e-4, abs=1e-5)
        back = call("chain", "backward", network, forward)
        assert back["slopes"] == pytest.approx({key: slopes[key] for key in back["slopes"]}, rel=1e-4, abs=1e-5)
        weights = {weight for node in network["nodes"] for _, weight in node["from"] if weight}
        assert weights <= set(back["slopes"])
        for step in back["steps"]:
            assert sum(map(math.prod, step["paths"])) == pytest.approx(step["slope"]), "the paths add up"
        moved = call("chain", "updated", network, back["slopes"], 0.1)["numbers"]
        expected = {key: value - 0.1 * slopes[key] * (key in weights) for key, value in network["numbers"].items()}
        assert moved == pytest.approx(expected, rel=1e-4, abs=1e-5)

    def test_the_fold_learns_as_adam_does(self, call):
        network = call("layer", "start", 5, 1)
        values = torch.tensor(network["values"], dtype=torch.float64)
        model = nn.Sequential(nn.Linear(2, 5), nn.ReLU(), nn.Linear(5, 1)).double()
        with torch.no_grad():
            hidden = values[:15].reshape(5, 3)
            for parameter, value in zip(
                model.parameters(), (hidden[:, :2], hidden[:, 2], values[None, 15:20], values[20:]), strict=True
            ):
                parameter.copy_(value)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.03)
        points, labels = RINGS.double(), SIDES.tolist()
        for _ in range(20):
            optimizer.zero_grad()
            loss = F.binary_cross_entropy_with_logits(model(points)[:, 0], SIDES.double())
            loss.backward()
            optimizer.step()
            assert call("layer", "slopes", network, points.tolist(), labels)["loss"] == pytest.approx(
                loss.item(), rel=1e-6
            )
            network = call("layer", "learn", network, points.tolist(), labels)
        answers = [call("layer", "answer", network, point) for point in points[:5].tolist()]
        assert answers == pytest.approx(model(points[:5])[:, 0].tolist(), rel=1e-6)

    def test_the_borders_score(self, call):
        z = RINGS @ torch.tensor([1.0, 2.0]) + 0.5
        score = call("border", "score", [1, 2, 0.5], RINGS.tolist(), SIDES.tolist())
        assert score["right"] == pytest.approx(((z > 0) == SIDES.bool()).float().mean().item())
        assert score["loss"] == pytest.approx(F.binary_cross_entropy_with_logits(z, SIDES.float()).item(), rel=1e-5)

    @pytest.mark.parametrize(("given", "answer", "truth"), [
        (CHOICE, "a", "a"), (CHOICE, "a", "b"), (NUMBER, 65, 69.9), (NUMBER, 65, 70.1),
        (CURVE, [[0, 10], [10, 2]], [[0, 11], [5, 5], [10, 3]]), (CURVE, [[1, 10], [9, 0]], [[0, 30], [5, 9], [10, 3]]),
    ])  # fmt: skip
    def test_a_guess_is_judged_alike_by_both(self, call, given, answer, truth):
        assert call("truth", "judge", given, answer, truth)[1] is is_right(given, answer, truth)

    @pytest.mark.parametrize("number", EXERCISES)
    def test_a_page_answers_as_the_check_does(self, call, number):
        exercise, shown = all_exercises()[number], page_exercise(number)
        form = shown["form"]
        assert call("exercise", "judge", form, form["right"], shown["why"]) == {"right": True, "words": exercise.why}
        for _, value in form["mistakes"]:
            answer = (
                [form["right"][i] if part is None else part for i, part in enumerate(value)]
                if isinstance(value, list)
                else value
            )
            words = verdict_on(exercise, answer).words
            assert call("exercise", "judge", form, answer, "") == {"right": False, "words": words}

    @pytest.mark.parametrize(("text", "value"), [
        ("44", 44), (" 8/3 ", 8 / 3), ("[[4, 5], [-1, -2]]", [[4, 5], [-1, -2]]), ("4, 12", [4, 12]),
        ("(4, 26/3)", [4, 26 / 3]), ("−.5", -0.5), ("1e-3", 0.001), ("5.", 5), ("four", None), ("", None),
        ("alert(1)", None),
    ])  # fmt: skip
    def test_numbers_are_read_as_they_are_written(self, call, text, value):
        assert call("exercise", "parsed", text) == (
            value if value is None else pytest.approx(value) if not isinstance(value, list) else value
        )


def test_exercises_that_need_python_have_no_form():
    assert {"0.1", "0.7", "1.1", "2.6", "3.1"} <= set(EXERCISES) and not {"1.2", "3.7"} & set(EXERCISES)
    assert page_markup("3.7") == ""


# By hand, on a page --------------------------------------------------------------------------------------------------


class TestByHand:
    pytestmark = NEEDS_CHROMIUM

    def test_the_ball_is_dragged_and_steps_runs_and_diverges(self, home):
        page = home(ball)
        hill = page.locator("canvas").first
        before = said(page)
        assert page.locator("img:visible").count() == 0, "the picture stands for an explorable that does not run"
        box = hill.bounding_box()
        page.mouse.move(box["x"] + 100, box["y"] + 100)
        page.mouse.down()
        page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 200, steps=4)
        page.mouse.up()
        assert said(page) != before and "slope −" not in said(page), (
            "right of the valley the loss grows with the weight"
        )
        hill.focus()
        page.keyboard.press("ArrowLeft")
        moved = said(page)
        page.keyboard.press("Enter")
        assert moved.startswith("Step 0") and said(page).startswith("Step 1")
        page.get_by_role("button", name="Start again").click()
        page.get_by_role("slider", name="learning rate").fill("0.6")
        page.emulate_media(reduced_motion="reduce")
        page.get_by_role("button", name="Run").click()
        assert "it diverges" in said(page)
        page.get_by_role("button", name="two weights").click()
        page.get_by_role("slider", name="learning rate").fill("0.1")
        page.get_by_role("button", name="Step").click()
        assert re.match(r"Step 1: w = .*, b = .*, loss .*, slopes .* and ", said(page))

    def test_the_border_is_turned_and_moved_and_keeps_the_best_score(self, home):
        page = home(lambda: border(RINGS, SIDES))
        canvas, formula = page.locator("canvas"), page.locator(".formula")
        assert formula.inner_text() == "σ(1.00 x₁ + 2.00 x₂ + 0.50)"
        canvas.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowUp")
        page.keyboard.press("+")
        turned = formula.inner_text()
        assert turned != "σ(1.00 x₁ + 2.00 x₂ + 0.50)"
        box = canvas.bounding_box()
        page.mouse.move(box["x"] + 200, box["y"] + 300)
        page.mouse.down()
        page.mouse.move(box["x"] + 200, box["y"] + 200, steps=3)
        page.mouse.up()
        weights = lambda text: re.findall(r"[−\d.]+(?= x)", text)  # noqa: E731
        assert formula.inner_text() != turned and weights(formula.inner_text()) == weights(turned), (
            "only the bias moved"
        )
        page.get_by_role("slider", name="weight w₁").fill("0")
        page.get_by_role("slider", name="weight w₂").fill("3")
        page.get_by_role("slider", name="bias b").fill("3")
        best = page.locator(".best").inner_text()
        page.get_by_role("slider", name="bias b").fill("-6")
        assert page.locator(".best").inner_text() == best > page.locator(".right").inner_text()

    def test_the_fold_learns_xor_with_two_neurons_and_the_rings_with_more(self, home):
        page = home(lambda: fold(RINGS, SIDES, neurons=6))
        page.emulate_media(reduced_motion="reduce")
        page.get_by_role("button", name="Train").click()
        assert said(page).startswith("Step 300") and "100.0 %" in said(page)
        page.locator("select.set").select_option("XOR")
        page.get_by_role("slider", name="hidden neurons").fill("2")
        assert said(page).startswith("Step 0") and not page.locator(".axes").is_visible()
        page.get_by_role("button", name="Train").click()
        assert "100.0 %" in said(page)
        page.get_by_role("slider", name="fold").fill("0.5")
        page.get_by_role("button", name="New start").click()
        assert said(page).startswith("Step 0")

    def test_the_graph_goes_forward_and_back_and_takes_a_step(self, home):
        page = home(lambda: graph("one hidden neuron", "two paths"))
        forward, back, update = (
            page.get_by_role("button", name=name) for name in ("Step forward", "Step back", "Update")
        )
        assert back.is_disabled() and update.is_disabled()
        words = []
        for button in [forward] * 4 + [back] * 5:
            button.focus()
            page.keyboard.press("Enter")
            words.append(said(page))
        assert words[0] == "a = w₁ · x = 0.5 · 2 = 1" and words[3] == "L = (y − t)² = (−1 − 1)² = 4"
        assert "∂L/∂w₁ = ∂L/∂a · x = 4 · 2 = 8. The whole path: (−4) · (−1) · 1 · 2." in words
        update.click()
        assert "w₁: 0.5 − 0.05 · 8 = 0.1" in said(page) and "from 4 to 1.346" in said(page)
        page.get_by_role("spinbutton", name="w₁").fill("-1")
        assert "?" not in page.locator("svg").text_content()
        page.get_by_role("button", name="two paths").click()
        for button in (forward, back):
            while button.is_enabled():
                button.click()
        assert back.is_disabled() and "2 paths lead from here to L, and they add up" in said(page)

    @pytest.mark.parametrize("width", [320, 390])
    def test_all_fit_a_phone(self, opened, width):
        page = opened(
            ball,
            lambda: border(RINGS, SIDES),
            fold,
            lambda: graph(*NETWORKS),
            *ASK.values(),
            lambda: exercise_on_page("1.1"),
        )
        page.set_viewport_size({"width": width, "height": 700})
        page.wait_for_timeout(200)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        small = ".ex :is(p, button, label, text, li, output, select)"
        sizes = page.evaluate(
            f"[...document.querySelectorAll('{small}')].map(e => parseFloat(getComputedStyle(e).fontSize))"
        )
        assert min(sizes) >= 12


ASK = {
    "number": lambda: guess("1.line", "What share?", between=(0, 100), unit="%"),
    "choice": lambda: guess("1.shape", "What shape?", choices=["round", "with corners"]),
    "curve": lambda: guess("2.loss", "How does the loss go?", across=(0, 10, "epoch"), up=(0, 12, "loss")),
}
TRUTH = {"number": ("1.line", 69.25), "choice": ("1.shape", "with corners"), "curve": ("2.loss", [11, 5, 3, 2, 2])}


def be_sure(page):
    page.get_by_role("slider", name="how sure").focus()
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    page.get_by_role("button", name="Commit").click()


class TestGuesses:
    pytestmark = NEEDS_CHROMIUM

    @pytest.mark.parametrize("kind", ASK)
    @pytest.mark.parametrize("way", ["keys", "pointer"])
    def test_a_guess_is_committed_revealed_and_kept(self, opened, kind, way):
        page = opened(ASK[kind], lambda: reveal(*TRUTH[kind]))
        assert "You made no guess." in page.locator(".ex-said").last.text_content()
        assert page.get_by_role("button", name="Commit").is_disabled()
        GUESS[kind, way](page)
        be_sure(page)
        assert "80 % sure" in page.locator(".guess").first.inner_text()
        revealed = page.locator(".ex-said").last.text_content()
        assert "80 % sure" in revealed and ("you were right" in revealed or "otherwise" in revealed)
        assert kind != "number" or ("It is 69 %, 18 % from your guess" in revealed) == (way == "keys"), revealed
        page.reload()
        page.wait_for_selector(".guess")
        assert "80 % sure" in page.locator(".guess").first.inner_text()
        assert page.locator(".ex-said").last.text_content() == revealed
        page.get_by_role("button", name="Guess anew").click()
        assert page.get_by_role("button", name="Commit").is_visible()
        assert "You made no guess." in page.locator(".ex-said").last.text_content()


def _press(page, role, name, keys):
    page.get_by_role(role, name=name).focus()
    for key in keys:
        page.keyboard.press(key)


def _draw(page):
    box = page.locator("canvas.curve").first.bounding_box()
    page.mouse.move(box["x"] + 46, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 150, steps=5)
    page.mouse.move(box["x"] + box["width"] - 5, box["y"] + 180, steps=5)
    page.mouse.up()


GUESS = {
    ("number", "keys"): lambda page: _press(page, "slider", "your guess", ["ArrowRight"]),
    ("number", "pointer"): lambda page: page.get_by_role("slider", name="your guess").click(position={"x": 40, "y": 5}),
    ("choice", "keys"): lambda page: _press(page, "radio", "round", ["Space"]),
    ("choice", "pointer"): lambda page: page.get_by_text("with corners").first.click(),
    ("curve", "keys"): lambda page: _press(page, "application", re.compile("Draw"), ["ArrowUp", *["ArrowRight"] * 40]),
    ("curve", "pointer"): _draw,
}


# Exercises -----------------------------------------------------------------------------------------------------------


def exercise_on_page(number):
    display({"text/html": page_markup(number), "text/plain": ""}, raw=True)


class TestExercises:
    pytestmark = NEEDS_CHROMIUM

    def test_an_exercise_is_answered_on_a_page_and_kept(self, opened):
        page = opened(lambda: exercise_on_page("1.1"), lambda: exercise_on_page("0.7"))
        first, second = page.locator(".exercise").first, page.locator(".exercise").last
        first.get_by_role("textbox").fill("[[3, 0], [7, -1]]")
        page.keyboard.press("Enter")
        assert "✗ 1.1 is not right yet. This is W₁W₂." in first.inner_text()
        first.get_by_role("textbox").fill("[[4, 5], [-1, -2]]")
        first.get_by_role("button", name="Check").click()
        assert "✓ 1.1 is right." in first.inner_text()
        for select, value in zip(
            second.get_by_role("combobox").all(), ("train", "test", "test", "validation"), strict=True
        ):
            select.select_option(value)
        second.get_by_role("button", name="Check").click()
        assert "(b) is a choice, and you make it with the test digits." in second.inner_text()
        page.reload()
        page.wait_for_selector(".exercise")
        assert "✓ 1.1 is right." in first.inner_text() and "(b) is a choice" in second.inner_text()

    def test_hints_come_one_by_one_and_the_solution_asks_once(self, opened):
        page = opened(lambda: exercise_on_page("1.1"))
        for count in (1, 2, 3):
            page.get_by_role("button", name="Hint").click()
            assert page.locator(".hints li").count() == count
        assert page.get_by_role("button", name="Hint").is_disabled()
        page.get_by_role("button", name="Solution").click()
        assert page.locator("pre").count() == 0
        page.get_by_role("button", name="Are you sure?").click()
        assert "my_product = [[4, 5], [-1, -2]]" in page.locator("pre").inner_text()


# What Python displays and keeps --------------------------------------------------------------------------------------


SHOWN = {
    "ball": ball,
    "border": lambda: border(RINGS, SIDES),
    "fold": lambda: fold(RINGS, SIDES, neurons=3),
    "graph": lambda: graph(*NETWORKS),
} | ASK


@pytest.mark.parametrize("show", SHOWN.values(), ids=SHOWN)
def test_each_displays_itself_and_a_picture_with_its_text_and_changes_nothing_else(shell, show):
    random = torch.get_rng_state()
    with capture_output() as captured:
        assert show() is None
    module, picture = captured.outputs
    assert len(module.data["text/html"]) < 12_000
    text = picture.metadata["image/png"]["alt"]
    assert len(text) > 40 and "tensor(" not in text and torch.equal(torch.get_rng_state(), random)
    assert len(base64.b64decode(picture.data["image/png"])) < 80_000


def test_the_picture_of_a_graph_tells_its_values_and_slopes(shell):
    with capture_output() as captured:
        graph("one hidden neuron")
    text = captured.outputs[1].metadata["image/png"]["alt"]
    assert "y = −1, t = 1, L = 4" in text and "∂w1 = 8, ∂w2 = −4" in text


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """Somebody is there, and the guesses of this test are kept in a file of its own."""
    monkeypatch.setenv("COURSE_PROGRESS", str(tmp_path / "progress.json"))
    monkeypatch.setattr(progress, "somebody_is_there", lambda: True)
    for registry in ("_asked", "_kept", "_truths"):
        monkeypatch.setattr(explorables.guesses, registry, {})
    return lambda: progress.everything()["guesses"]


def widgets(show):
    """What a cell displays for a hand."""
    from ipywidgets.widgets.widget import _instances

    with capture_output() as captured:
        show()
    views = [output.data.get("application/vnd.jupyter.widget-view+json") for output in captured.outputs]
    return [_instances[view["model_id"]] for view in views if view]


def test_a_guess_is_kept_across_a_restart_and_judged_when_the_truth_is_known(shell, kept, monkeypatch, capsys):
    reveal("1.line", 3)
    assert 'Nothing was asked under the name "1.line"' in capsys.readouterr().out
    (widget,) = widgets(ASK["number"])
    widget.kept = {"answer": 66, "sure": 90}
    assert kept() == {"1.line": {"question": "What share?", "answer": 66, "sure": 90}}
    monkeypatch.setattr(explorables.guesses, "_kept", {})  # a restart
    (widget,) = widgets(ASK["number"])
    assert widget.kept["answer"] == 66
    (revealed,) = widgets(lambda: reveal("1.line", torch.tensor(69.25)))
    assert revealed.given["truth"] == 69.25 and revealed.kept["sure"] == 90 and kept()["1.line"]["right"] is True
    widget.kept = {"answer": 20, "sure": 100}
    assert kept()["1.line"]["right"] is False
    widget.kept = {}
    assert "sure" not in kept()["1.line"]


def test_hint_and_solution_are_buttons_where_somebody_is_and_nothing_more_is_shown_elsewhere(shell, kept, monkeypatch):
    start_exercises(0)
    (buttons,) = widgets(lambda: check("0.1", 300))
    assert buttons.given["solution"].startswith("my_sum") and buttons.kept == {"hints": 0}
    buttons.kept = {"hints": 2}
    (again,) = widgets(lambda: check("0.1", 301))
    assert again.kept == {"hints": 2}, "a hint is not given twice"
    monkeypatch.setattr(progress, "somebody_is_there", lambda: False)
    assert widgets(lambda: check("0.1", 300)) == []
