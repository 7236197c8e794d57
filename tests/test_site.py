"""The site: what its pages are made of, on a course of two tiny lessons."""

import io
import json
import re
import shutil

import nbformat
import pytest
from bs4 import BeautifulSoup
from fontTools.ttLib import TTFont
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from test_instructor import GOOD, PARAMETERS, PIXEL, page_of, read, write_course
from test_maintain import call

from course_utils.exercises.desk import all_exercises
from course_utils.instructor.manifest import NOTEBOOKS, read_course
from course_utils.site import extension, landing, math_font, notebooks

ROOT = NOTEBOOKS.parent
ADDRESS, REPOSITORY = "https://example.org/digits", "https://example.org/code"
README = """# A course

![A cover](notebooks/cover.png)

It reads **digits**.

## Start

Open [the first lesson](notebooks/00_good.ipynb), or `make lab`.

## What the networks reach

| network | accuracy |
|---|--:|
| `Net` | 99 % |

## Use it, cite it, change it

See [LICENSE](LICENSE), [the guide](docs/instructors.md), [how](CONTRIBUTING.md) and [who](https://example.org/who).
"""


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The site of a course of two lessons, with an exercise, a figure, formulas, and measured results."""
    folder = tmp_path_factory.mktemp("course")
    network = {"Net": {"lesson": "00_good", "prefix": "net_"}}
    lessons = {"00_good": (GOOD, {}), "01_next": (GOOD, {"title": "The next", "question": "And then?"})}
    course = write_course(folder, lessons, network)
    lesson = read(course / "00_good.ipynb")
    picture = new_output("display_data", {"image/png": PIXEL}, metadata={"image/png": {"alt": "A 7."}})
    opened = new_output("display_data", {"text/plain": "○ 1.1 is open. Run the cell again."})
    lesson.cells += [
        new_markdown_cell("## A part\n\n**Exercise 1.1.** Multiply."),
        new_code_cell('my = ...\n\ncheck("1.1", my)', outputs=[opened], metadata={"tags": ["exercise"]}),
        new_code_cell('my = ...\n\ncheck("1.2", my)', outputs=[opened], metadata={"tags": ["exercise"]}),
        new_code_cell("draw()", outputs=[picture], metadata={"tags": ["picture"]}),
        new_markdown_cell("## Another\n\nOnward: [the next](01_next.ipynb). $x^2$"),
    ]
    nbformat.write(lesson, course / "00_good.ipynb")
    (folder / "README.md").write_text(README)
    (folder / "docs").mkdir()
    (folder / "docs/instructors.md").write_text("# For instructors\n\nRun [lessons](../README.md).\n")
    for name in ("LICENSE", "LICENSE-text", "CITATION.cff", "CONTRIBUTING.md"):
        (folder / name).write_text(name)
    shutil.copy(NOTEBOOKS / "cover.png", course)
    (course / "results.json").write_text(json.dumps({"lessons": {"00_good": {"figures": {"net_test_accuracy": 0.97}}}}))
    options = ["--notebooks", course, "--address", ADDRESS, "--repository", REPOSITORY]
    for _ in range(2):  # the second replaces the first
        result = call("site", *options)
        assert result.exit_code == 0 and result.output.splitlines()[-1].endswith("index.html"), result.output
    return folder / "build/site"


def meta(page, name):
    return page.find("meta", attrs={"property" if name.startswith("og:") else "name": name})["content"]


def test_the_landing_page_says_what_readme_manifest_and_results_say(built):
    page = page_of(built / "index.html")
    text = " ".join(page.get_text(" ").split())
    assert "It reads digits ." in text
    assert page.find("a", class_="button")["href"] == "00_good.html"
    cards = page.select(".lessons a")
    assert [card["href"] for card in cards] == ["00_good.html", "01_next.html"]
    assert "Does it run?" in cards[0].text and "2 exercises" in cards[0].text and "And then?" in cards[1].text
    assert (built / cards[0].find("img")["src"]).exists()
    assert len(page.select(".hundreds rect.wrong")) == 3 and "97.00 % read right" in text
    assert page.select_one("#reached table td:last-child").text == "99 %"
    links = {link.text: link["href"] for link in page.select("#licence a, #start a")}
    assert links == {
        "the first lesson": "00_good.html", "LICENSE": "_static/LICENSE.txt", "the guide": "instructors.html",
        "how": f"{REPOSITORY}/blob/HEAD/CONTRIBUTING.md", "who": "https://example.org/who",
    }  # fmt: skip
    assert all((built / link).exists() for link in links.values() if "://" not in link)
    assert "lessons" in page_of(built / "instructors.html").find("a", href=f"{REPOSITORY}/blob/HEAD/README.md").text


def test_a_page_says_what_it_is_and_where_its_notebook_and_its_neighbours_are(built):
    page, first = page_of(built / "00_good.html"), page_of(built / "index.html")
    assert page.title.text == "A lesson · Reading handwritten digits"
    assert meta(page, "description").startswith("The loss is") and meta(first, "description") == "It reads digits."
    for one in (page, first):
        picture = meta(one, "og:image")
        assert picture.startswith(f"{ADDRESS}/") and (built / picture.removeprefix(f"{ADDRESS}/")).exists()
        assert (built / one.find("link", rel="icon")["href"]).exists()
    assert page.find("link", rel="canonical")["href"] == f"{ADDRESS}/00_good.html"
    download, online = page.select(".take a")
    assert (built / download["href"]).read_bytes() == (built.parents[1] / "notebooks/00_good.ipynb").read_bytes()
    assert online["href"] == f"{REPOSITORY}/blob/HEAD/notebooks/00_good.ipynb"
    assert page.select_one(".ahead")["href"] == "01_next.html" == page.find("link", rel="next")["href"]
    assert page.select_one(".contents [aria-current] ~ ul a")["href"] == "#a-part"


def test_no_page_asks_the_network_and_each_names_the_licences(built):
    for path in built.glob("*.html"):
        page = page_of(path)
        loaded = [tag[name] for tag in page.find_all(lambda tag: tag.name != "a" and tag.get("rel") != ["canonical"])
                  for name in ("src", "srcset", "poster", "data", "href", "action") if tag.get(name)]  # fmt: skip
        assert loaded and not [name for name in loaded if re.match(r"(https?:)?//", name)]
        foot = " ".join(page.find("footer").get_text().split())
        assert "Code: MIT licence. Text and figures: CC BY 4.0." in foot, path
    for path in built.rglob("*.css"):
        assert not re.findall(r"(?:url\(|@import)\s*['\"]?(?:https?:)?//", path.read_text()), path


def test_an_open_exercise_is_asked_here_or_offers_its_hints_and_its_answer(built):
    page = page_of(built / "00_good.html")
    asked, offered = page.select(".tag_exercise")
    assert json.loads(asked.select_one("[data-module=exercise]")["data-given"])["number"] == "1.1"
    assert any(script["src"].endswith("explorables-exercise.js") for script in page.find_all("script", src=True))
    exercise = all_exercises()["1.2"]
    assert "again" not in offered.text and len(offered.select("details.hint")) == len(exercise.hints) > 1
    assert "".join(exercise.code.split()) in "".join(offered.select_one("details.answer").text.split())


def test_an_answered_exercise_says_what_was_said_and_a_figure_with_sliders_where_they_move():
    right = new_output("display_data", {"text/plain": "✓ 1.1 is right."})
    slider = "from course_utils.widgets import slide\n\nslide()"
    cells = [new_code_cell('check("1.1", 1)', outputs=[right]), new_code_cell(slider), new_code_cell("1")]
    notebook = new_notebook(cells=cells)
    notebooks.say_what_can_be_done_here(notebook)
    assert notebook.cells[0].outputs == [right] and notebook.cells[2].outputs == []
    assert "In the notebook" in notebook.cells[1].outputs[-1].data["text/html"]


def test_the_set_up_of_a_lesson_is_folded_and_its_parameters_are_not():
    cells = [new_markdown_cell(""), new_code_cell("import torch"), new_code_cell(PARAMETERS), new_code_cell("1")]
    cells[2].metadata["tags"] = ["parameters"]
    notebook = new_notebook(cells=cells)
    notebooks.fold_set_up(notebook)
    assert [cell.metadata.get("tags", []) for cell in cells] == [[], ["hide-input"], ["parameters"], []]


def test_sections_and_exercises_can_be_found_by_their_words(built):
    index = (built / "_static/sections.js").read_text()
    found = json.loads(index.removeprefix("window.courseSections = "))
    places = {(page, heading): (name, text) for page, heading, name, text in found}
    assert places["00_good", "Exercise 1.1"] == ("exercise-1-1", "Exercise 1.1. Multiply.")
    assert places["00_good", "A part"][0] == "a-part" and "check(" in places["00_good", "A part"][1]
    assert "Multiply" not in places["00_good", "Another"][1] and "The code" not in str(found)
    assert exercise_answer() not in index
    page = page_of(built / "00_good.html")
    assert all(page.find(id=name) for (where, _), (name, _) in places.items() if where == "00_good")


def exercise_answer():
    return " ".join(all_exercises()["1.2"].code.split())


def test_figures_keep_their_texts_and_sizes(built):
    (picture,) = [image for image in page_of(built / "00_good.html").select("main img") if image["alt"] == "A 7."]
    assert picture["width"] == picture["height"] == "1" and (built / picture["src"]).exists()


def test_the_font_draws_every_formula_of_a_page(built):
    font = TTFont(io.BytesIO((built / "_static/math.woff").read_bytes()))
    assert {ord(one) for one in "−√𝑝𝑥2"} <= set(font.getBestCmap()) and "MATH" in font
    assert len(font.getGlyphOrder()) < 800
    assert math_font.characters_of("<mi>x</mi>") >= {"x", "𝑥"} and "𝑥" not in math_font.characters_of("<mn>2</mn>")


def test_a_folder_that_holds_something_else_is_left_alone(built, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    result = call("site", "--notebooks", built.parents[1] / "notebooks", "--out", tmp_path)
    assert result.exit_code == 2 and "name another folder" in result.output and (tmp_path / "mine.txt").exists()


@pytest.mark.parametrize("formula", [r"a_", r"\begin{aligned} a &= b \end{aligned}", r"\nonesuch x < y"])
def test_a_formula_that_is_not_understood_is_shown_as_written(formula):
    text, fault = extension.mathml(formula, "inline")
    assert BeautifulSoup(text, "html.parser").find("code").text == formula and fault


def test_every_formula_of_the_lessons_is_understood():
    for lesson in read_course(NOTEBOOKS).lessons:
        text = "\n".join(cell.source for cell in read(lesson.notebook).cells if cell.cell_type == "markdown")
        for formula in re.findall(r"\$\$(.+?)\$\$|\$([^$\n]+)\$", text, re.DOTALL):
            assert extension.mathml("".join(formula), "inline")[1] == "", (lesson.name, formula)


def test_formulas_that_stand_apart_in_a_line_may_go_one_below_the_other():
    assert extension.parts_of(r"a = b \qquad\qquad c") == ["a = b ", "c"]
    assert extension.parts_of(r"\frac{a \qquad b}{c}") == [r"\frac{a \qquad b}{c}"]


def test_scripts_come_where_an_explorable_is_and_networks_where_they_are_named(tmp_path):
    body = '<div class="explorable" data-module="{}" data-given="{{&quot;network&quot;:&quot;CNN&quot;}}"></div>'
    assert extension.scripts_for(body.format("pad")) == ["network-CNN.js", "explorables-pad.js"]
    assert extension.scripts_for(body.format("shift") + body.format("pad"))[-1] == "explorables-pad-shift.js"
    assert extension.scripts_for("<p>") == []
    text = extension.script("explorables-pad.js", tmp_path)
    assert '"pad": ' in text and '"network": ' in text and '"graph": ' not in text
    (tmp_path / "CNN.json").write_text('{"layers": []}')
    assert extension.script("network-CNN.js", tmp_path).strip().endswith('.CNN = {"layers":[]}')


def test_the_readmes_parts_are_there_for_the_landing_page():
    parts = landing.readme_parts(ROOT / "README.md")
    assert {"Start", "What the networks reach", "Use it, cite it, change it"} < set(parts)
    assert parts["promise_text"].startswith("Ten notebooks") and "<img" not in parts["promise"]
