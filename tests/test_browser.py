"""Lessons in a real JupyterLab, in a real Chromium: everything runs, explorables move, a drawn 7 is read.

No request may leave the machine.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import NamedTuple

import pytest
from browsing import NEEDS_CHROMIUM, is_local

from course_utils.instructor.manifest import NOTEBOOKS, choose, read_course
from course_utils.maintain import prepare_lessons
from course_utils.recipes import RECIPES

SEVEN = [(0.25, 0.2), (0.75, 0.2), (0.45, 0.85)]  # its corners, as shares of the pad
PATIENCE = 900_000  # milliseconds; a busy machine may be ten times as slow as a quiet one

pytestmark = NEEDS_CHROMIUM


class Lab(NamedTuple):
    """Where a JupyterLab answers, and the folder with all that it keeps."""

    address: str
    home: Path


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A JupyterLab over small copies of the lessons."""
    home = tmp_path_factory.mktemp("lab")
    lessons = choose(read_course(NOTEBOOKS), ["1", "2", "4", "6"])
    prepare_lessons(lessons, "smoke", home / "lessons")
    settings = home / "settings" / "@jupyterlab" / "notebook-extension"
    settings.mkdir(parents=True)
    whole_page = {"windowingMode": "none"}  # cells outside the window stay in the page, where the test finds them
    (settings / "tracker.jupyterlab-settings").write_text(json.dumps(whole_page))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1",
        f"--ServerApp.port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token=",
        f"--ServerApp.root_dir={home / 'lessons'}",
    ]  # fmt: skip
    folders = {"JUPYTERLAB_SETTINGS_DIR": "settings", "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
               "JUPYTER_CONFIG_DIR": "config", "JUPYTER_RUNTIME_DIR": "runtime", "IPYTHONDIR": "ipython"}  # fmt: skip
    environment = os.environ | {name: str(home / folder) for name, folder in folders.items()}
    environment |= {"OMP_NUM_THREADS": "1", "COURSE_PROGRESS": str(home / "progress.json")}
    with open(home / "log", "w") as log:
        server = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    try:
        for _ in range(PATIENCE // 500):
            try:
                urllib.request.urlopen(f"{address}/api/status", timeout=5).close()
                break
            except (urllib.error.URLError, OSError):
                assert server.poll() is None, (home / "log").read_text()
                time.sleep(0.5)
        yield Lab(address, home)
    finally:
        server.terminate()
        server.wait(PATIENCE / 1000)


@pytest.fixture
def page(chromium, lab):
    """A page of JupyterLab; at the end, no request has left the machine."""
    page = chromium.new_page(viewport={"width": 1300, "height": 1000})
    page.set_default_timeout(PATIENCE)
    strangers = []
    page.on("request", lambda request: strangers.append(request.url) if not is_local(request.url) else None)
    yield page
    assert not strangers
    page.close()


def run_all(page, lab, lesson):
    """Open a lesson, run all its cells, and wait until the last one has run."""
    page.goto(f"{lab.address}/lab/tree/{lesson}.ipynb?reset")
    page.wait_for_selector(".jp-NotebookPanel .jp-CodeCell")
    page.wait_for_selector('#jp-main-statusbar :text("| Idle")')  # the kernel is there
    page.click('.lm-MenuBar-itemLabel:text-is("Run")')
    page.click('.lm-Menu-itemLabel:text-is("Run All Cells")')
    last = page.locator(".jp-CodeCell .jp-InputArea-prompt").last  # a folded cell has none
    idle = page.locator('#jp-main-statusbar :text("| Idle")')
    ran = lambda: re.fullmatch(r"\[\d+\]:", last.inner_text().strip())  # noqa: E731
    waiting = page.locator(".jp-InputArea-prompt", has_text="[*]")
    wait_until(page, lambda: ran() and not waiting.count() and idle.count())
    assert page.locator('[data-mime-type="application/vnd.jupyter.stderr"]').count() == 0
    assert page.locator('[data-mime-type="application/vnd.jupyter.error"]').count() == 0


def wait_until(page, condition):
    """Wait until `condition` holds, and fail where it does not in a very long time."""
    for _ in range(PATIENCE // 200):
        if condition():
            return
        page.wait_for_timeout(200)
    raise AssertionError("what was waited for did not happen")


RESTART_ALL = """async () => {
  const headers = { "X-XSRFToken": document.cookie.match(/_xsrf=([^;]+)/)[1] };
  for (const { id } of await (await fetch("/api/kernels")).json())
    await fetch(`/api/kernels/${id}/restart`, { method: "POST", headers });
}"""


def cell_with(page, source):
    return page.locator(".jp-CodeCell", has=page.locator(".jp-InputArea-editor", has_text=source))


def explorable(page, source):
    """The explorable of the cell with that source, and what it says; its picture is hidden, a canvas is there."""
    cell = cell_with(page, source)
    stage = cell.locator(".ex")
    stage.scroll_into_view_if_needed()
    assert cell.locator(".course-figure.still img:visible").count() == 0
    return stage, stage.locator(".ex-said")


def test_lesson_1_is_played_with_and_what_was_done_is_kept(page, lab):
    run_all(page, lab, "01_linear_vs_nonlinear")
    for source, canvas, key in (("border(points", "canvas", "ArrowUp"), ("ball(list(", ".ball-hill", "ArrowRight")):
        stage, said = explorable(page, source)
        before = said.text_content()
        stage.locator(canvas).press(key)
        wait_until(page, lambda said=said, before=before: said.text_content() != before)
    cell = cell_with(page, "my_product = ...")
    for count in (1, 2):
        cell.get_by_role("button", name="Hint").click()
        wait_until(page, lambda count=count: cell.locator(".hints li").count() == count)
    guess = page.locator(".guess").first
    for slider in ("your guess", "how sure"):
        guess.get_by_role("slider", name=slider).press("ArrowRight")
    guess.get_by_role("button", name="Commit").click()
    kept = lambda: json.loads((lab.home / "progress.json").read_text())["guesses"]  # noqa: E731
    wait_until(page, lambda: (lab.home / "progress.json").exists() and kept()["1.line"]["sure"] == 55)
    wait_until(page, lambda: "You were 55 % sure" in page.locator(".guess").nth(1).inner_text())


def test_lesson_2_turns_a_three_into_a_seven_and_once_saved_shows_pictures_on_a_new_kernel(page, lab):
    run_all(page, lab, "02_sigmoid_mlp_regression")
    stage, _ = explorable(page, "morph_a_digit(")
    stage.get_by_role("slider", name="on its way", exact=True).focus()
    page.keyboard.press("End")
    wait_until(page, lambda: "100 %" in stage.locator(".ex-slider output").inner_text())
    train = page.get_by_role("button", name="Train")
    bench = page.locator(".jp-CodeCell", has=train)
    assert train.count() == 1 and bench.locator("img:visible").count() == 1
    pictures = page.locator(".jp-OutputArea img")
    assert pictures.count() > 10 and all(picture.get_attribute("alt") for picture in pictures.all())

    file = lab.home / "lessons" / "02_sigmoid_mlp_regression.ipynb"
    page.click('.lm-MenuBar-itemLabel:text-is("File")')
    page.click('.lm-Menu-itemLabel:text-is("Save Notebook")')
    wait_until(page, lambda: "course-figure still" in file.read_text())
    page.evaluate(RESTART_ALL)
    page.goto(f"{lab.address}/lab/tree/02_sigmoid_mlp_regression.ipynb?reset")
    page.wait_for_selector('#jp-main-statusbar :text("| Idle")')
    wait_until(page, lambda: page.locator(".course-figure.still img:visible").count() >= 2)
    assert page.get_by_text(re.compile("Loading widget|model not found")).filter(visible=True).count() == 0


def test_lesson_4_slides_a_filter_and_shifts_a_digit(page, lab):
    run_all(page, lab, "04_cnn")
    stage, said = explorable(page, "slide_a_filter(")
    before = said.inner_text()
    stage.locator("canvas.digit").press("ArrowRight")
    wait_until(page, lambda: said.inner_text() != before)
    stage, said = explorable(page, "shift_a_digit(")
    stage.locator(".shift-digit").press("ArrowUp")
    wait_until(page, lambda: said.inner_text().startswith("0 right, 1 up: CNN reads"))


def test_lesson_6_reads_a_drawn_seven_five_times(page, lab):
    run_all(page, lab, "06_compare_and_trust")
    stage, said = explorable(page, "drawing_pad(")
    box = stage.locator("canvas").first.bounding_box()
    corners = [(box["x"] + across * box["width"], box["y"] + down * box["height"]) for across, down in SEVEN]
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=12)
    page.mouse.up()
    wait_until(page, lambda: said.inner_text().startswith("CNN reads"))
    answers = stage.locator(".ex-answer")
    read = [answers.nth(index).get_attribute("aria-label") for index in range(answers.count())]
    assert {*RECIPES} <= {words.split(":")[0] for words in read}
    assert all(re.search(r": (\d, \d+ %|−?[\d.]+, rounds to \d)$", words) for words in read), read
