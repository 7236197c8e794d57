"""A lesson's slides: what they show, and that they ask the network for nothing."""

import re

import pytest
from browsing import CHROMIUM
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from test_instructor import PIXEL, call

from course_utils.instructor.manifest import NOTEBOOKS, read_course, read_notebook
from course_utils.site.slides import slides_of, write_slides

TEXT = """
Words that say much.

And more words.

> **Predict first.** How many?

The loss is

$$-\\ln p$$

**Exercise 0.1.** What is it?
"""


def code(source, *tags, printed="", picture=""):
    outputs = [new_output("stream", text=printed)] if printed else []
    data, alt = {"image/png": picture, "text/html": "<b>widget</b>"}, {"image/png": {"alt": "a < b"}}
    outputs += [new_output("display_data", data, metadata=alt)] if picture else []
    return new_code_cell(source, metadata={"tags": list(tags)}, outputs=outputs)


def test_what_stands_on_slides_and_what_in_the_notes():
    cells = [new_markdown_cell("# Title\n\nIts question."), code("secret = 1", "hide-input", picture=PIXEL),
             new_markdown_cell("## Section\n" + TEXT), code("plain = 1", printed="not shown"),
             code("pencil = 1", "nbval-check-output", printed="1 < 2"), code("loop = 1", "slide")]  # fmt: skip
    characters = set()
    title, section = slides_of(new_notebook(cells=cells), characters)
    assert ["Its question." in title[0]["body"], "<img" in title[1]["body"], 'alt="a &lt; b"' in title[1]["body"]]
    first, predict, formula, exercise, pencil, loop = section
    assert "Section" in first["body"] and "say much" in first["body"] and "more words" in first["notes"]
    assert "Predict first" in predict["body"] and predict["section"].strip() == "Section"
    assert "The loss is" in formula["body"] and "<math" in formula["body"] and "𝑝" in characters
    assert "Exercise 0.1" in exercise["body"] and "Likely misconceptions" in exercise["notes"]
    assert "pencil" in pencil["body"] and "1 &lt; 2" in pencil["body"] and "loop" in loop["body"]
    shown = "".join(slide["body"] for column in (title, section) for slide in column)
    assert not [word for word in ("secret", "plain", "not shown", "widget") if word in shown]


@pytest.mark.parametrize("lesson", read_course(NOTEBOOKS).lessons, ids=lambda lesson: lesson.name[:2])
def test_each_lesson_has_slides_that_load_nothing(lesson, tmp_path):
    write_slides(read_notebook(lesson.notebook), lesson.title, tmp_path / "slides.html")
    page = (tmp_path / "slides.html").read_text()
    assert page.count("<section") > 30 and "Reveal.initialize" in page and "Predict first" in page
    assert not re.search(
        r"""(?:src|<link[^>]* href)=["'](?!data:)""", re.sub("<script>.*?</script>", "", page, flags=re.S)
    )
    assert not re.search(r"url\((?![\"']?data:)[\"']?\w", page.split("<script>")[0])


@pytest.mark.browser
@pytest.mark.skipif(not CHROMIUM, reason="there is no Chromium")
def test_slides_turn_and_fit_and_ask_for_nothing(chromium, tmp_path):
    assert call("slides", "1", "--out", tmp_path / "slides.html").exit_code == 0
    page, asked = chromium.new_page(viewport={"width": 1280, "height": 720}), []
    page.on("request", lambda request: asked.append(request.url))
    page.goto((tmp_path / "slides.html").as_uri())
    page.wait_for_selector(".reveal.ready")
    first = page.inner_text("section.present section.present")
    page.keyboard.press("Space")
    assert page.inner_text("section.present section.present") != first
    assert [url[:5] for url in asked if not url.startswith("data:")] == ["file:"]
    page.wait_for_timeout(500)
    tall = page.evaluate("""() => [...document.querySelectorAll(".slides section section")].filter(slide => {
        slide.style.display = "block";
        return slide.scrollHeight > 760;
    }).map(slide => slide.innerText.slice(0, 60))""")
    assert tall == []
    page.close()
