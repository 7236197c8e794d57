"""Every page of the site in a real Chromium, opened from its file: light and dark, on a phone and on a desk."""

import json
import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from browsing import LOOK, NEEDS_CHROMIUM

from course_utils.instructor.manifest import NOTEBOOKS, read_course
from course_utils.site.landing import build_site

COURSE = read_course(NOTEBOOKS)
PAGES = ["index", *(lesson.name for lesson in COURSE.lessons), "instructors"]
WIDTHS = {"phone": 390, "desk": 1280}
MOST = 800_000  # bytes of a page, without its figures

pytestmark = NEEDS_CHROMIUM


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    out = tmp_path_factory.mktemp("site") / "site"
    build_site(COURSE, out)
    return out


@pytest.fixture
def page(chromium):
    """A page; at the end, nothing was asked of any network, and no error was reported."""
    page = chromium.new_page(viewport={"width": 1280, "height": 900})
    page.set_default_timeout(120_000)
    strangers, errors = [], []
    page.on("request", lambda one: None if re.match(r"(file|data|blob):", one.url) else strangers.append(one.url))
    page.on("requestfailed", lambda one: errors.append(one.url) if one.failure != "net::ERR_ABORTED" else None)
    page.on("console", lambda one: errors.append(one.text) if one.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    assert not strangers and not errors
    page.close()


def show(page, site, name, width=1280, scheme="light"):
    page.emulate_media(color_scheme=scheme)
    page.set_viewport_size({"width": width, "height": 900})
    page.goto((site / f"{name}.html").as_uri())


def unfold(page):
    page.evaluate("() => document.querySelectorAll('details').forEach((one) => { one.open = true })")
    page.wait_for_timeout(200)  # until what scrolls has been found


@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_readable_whole_and_accessible(page, site, name):
    for width in WIDTHS.values():
        show(page, site, name, width)
        unfold(page)
        for scheme in ("light", "dark"):
            page.emulate_media(color_scheme=scheme)
            seen = page.evaluate(LOOK)
            assert seen["measured"] > 50 and not seen["faint"] and not seen["cut"], (width, scheme, seen)
        # contrast was measured above, formulas and code included; a file may not be asked for its style sheet again
        options = {"rules": {"color-contrast": {"enabled": False}}, "preload": False}
        options["resultTypes"] = ["violations"]  # what passes is not written down, which takes most of the time
        found = Axe().run(page, options=options).response["violations"]
        grave = [one for one in found if one["impact"] in ("moderate", "serious", "critical")]
        assert not grave, json.dumps([(one["id"], [node["html"][:160] for node in one["nodes"][:3]]) for one in grave])


@pytest.mark.parametrize("name", PAGES)
def test_a_page_weighs_little_without_its_figures(page, site, name):
    loaded = set()
    page.on("requestfinished", lambda one: loaded.add(one.url.split("#")[0]))
    show(page, site, name)
    page.wait_for_load_state("networkidle")
    files = [Path(url.removeprefix("file://")) for url in loaded if url.startswith("file:")]
    assert {file.suffix for file in files} >= {".html", ".css", ".js"}
    assert sum(file.stat().st_size for file in files if file.suffix != ".png") < MOST


@pytest.mark.parametrize("name", PAGES)
def test_whatever_can_be_played_with_is_there_when_it_is_reached(page, site, name):
    show(page, site, name, 390)
    unfold(page)
    for stage in page.locator(".explorable").all():
        stage.scroll_into_view_if_needed()
        stage.locator("> *").first.wait_for()


def test_words_are_found_in_their_section_by_keys_alone(page, site):
    show(page, site, "index")
    page.keyboard.press("/")
    page.keyboard.type("log-softmax underflow")
    page.keyboard.press("Control+A")
    page.keyboard.type("confusion diagonal")
    page.wait_for_selector(".search li a")
    first = page.locator(".search li a").first
    assert {word.lower() for word in first.locator("mark").all_inner_texts()} & {"confusion", "diagonal"}
    page.keyboard.press("ArrowDown")
    assert first.evaluate("(one) => one === document.activeElement")
    address = first.get_attribute("href")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/{address.removeprefix('./')}")
    top = page.locator(f"[id='{address.split('#')[1]}']").evaluate("(one) => one.getBoundingClientRect().top")
    assert 0 <= top < 300
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    assert page.locator("dialog").is_hidden()


def test_the_chosen_shade_is_kept(page, site):
    ground = "() => getComputedStyle(document.body).backgroundColor"
    show(page, site, "index")
    light = page.evaluate(ground)
    page.click(".shade")
    dark = page.evaluate(ground)
    assert dark != light
    show(page, site, PAGES[1])
    assert page.evaluate(ground) == dark
    page.click(".shade")
    show(page, site, PAGES[1], scheme="dark")
    assert page.evaluate(ground) == light


def test_code_is_copied_as_it_stands(page, site):
    show(page, site, PAGES[2])
    page.evaluate("() => { navigator.clipboard.writeText = async (text) => { window.copied = text } }")
    code = page.locator(".cell_input .highlight:visible").nth(3)
    code.hover()
    code.locator(".copy").click()
    assert page.evaluate("() => window.copied").strip() == code.locator("pre").inner_text().strip() != ""


def test_the_contents_open_and_close_on_a_phone(page, site):
    show(page, site, PAGES[3], 390)
    contents = page.locator(".contents")
    assert contents.is_hidden()
    page.click(".menu")
    contents.locator(".toctree-l2 a").nth(2).click()
    assert contents.is_hidden() and "#" in page.url


def test_formulas_are_drawn_with_the_sites_font(page, site):
    show(page, site, PAGES[3])
    page.locator(".formula").first.scroll_into_view_if_needed()
    page.evaluate("() => document.fonts.ready")
    assert (
        page.evaluate("() => document.fonts.check('20px \"Course Math\"') && [...document.fonts][0].status") == "loaded"
    )


def test_what_is_too_wide_for_a_phone_scrolls_and_says_so(page, site):
    show(page, site, PAGES[4], 390)
    wide = page.locator(".picture[data-more=right]").first
    wide.scroll_into_view_if_needed()
    drawn = wide.locator("img").evaluate("(one) => [one.clientWidth, one.getAttribute('width')]")
    assert drawn[0] > 0.6 * int(drawn[1]) and wide.get_attribute("tabindex") == "0"
    wide.evaluate("(one) => { one.scrollLeft = 1e6 }")
    page.wait_for_function("() => document.querySelector('.picture[data-more=left]')")
