"""A real Chromium for the tests that look at pages, and a page with explorables to look at."""

import base64
import html
import json
import re
import shutil
from contextlib import contextmanager
from pathlib import Path

import pytest
from IPython.utils.capture import capture_output

from course_utils.explorables import PAGE_SCRIPT
from course_utils.explorables.stage import WIDGET_VIEW
from course_utils.networks import FOLDER

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM = next(filter(None, map(shutil.which, NAMES)), None)
NEEDS_CHROMIUM = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason=f"no Chromium is installed (looked for {', '.join(NAMES)})"),
]
# A function of the page: what a reader could not read.
LOOK = Path(__file__).with_name("look_at_page.js").read_text(encoding="utf-8")
LIGHT = ":root { background: #fff }"
DARK = (
    ":root { color-scheme: dark; background: #14181d; --ex-text: #e6e9ee; --ex-ground: #14181d; --ex-line: #76808c; "
    "--ex-faint: #272e37; --ex-one: #56B4E9; --ex-two: #F0884B }"
)
# What anywidget hands to a module in a notebook, without a kernel: bytes come as DataViews.
IN_NOTEBOOK = """
async ([url, given, kept]) => {
  const bytes = (text) => new DataView(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer);
  const revived = (value) =>
    value?.base64 !== undefined ? bytes(value.base64)
    : Array.isArray(value) ? value.map(revived)
    : value && typeof value === "object" ? Object.fromEntries(Object.entries(value).map(([k, v]) => [k, revived(v)]))
    : value;
  const values = { given: revived(given), kept };
  const listeners = [];
  window.saved = [];
  window.model = {
    get: (name) => values[name],
    set(name, value) {
      values[name] = value;
      listeners.filter(([event]) => event === `change:${name}`).forEach(([, callback]) => callback());
    },
    on: (event, callback) => listeners.push([event, callback]),
    off: (event, callback) => listeners.splice(listeners.findIndex(([, other]) => other === callback), 1),
    save_changes: () => window.saved.push(values.kept),
  };
  window.listening = () => listeners.length;
  const text = new TextDecoder().decode(bytes(url.split(",")[1])); // anywidget loads a module from a blob
  const module = await import(URL.createObjectURL(new Blob([text], { type: "text/javascript" })));
  window.unmount = await module.default.render({ model: window.model, el: document.querySelector(".home") });
}
"""


def displayed(call) -> tuple:
    """What a lesson's call displays: the explorable's output, and its picture's."""
    with capture_output() as captured:
        assert call() is None
    module, still = captured.outputs
    assert WIDGET_VIEW in module.data
    return module, still


def picture_html(output) -> str:
    text = html.escape(output.metadata["image/png"]["alt"])
    return f'<div class="output"><img alt="{text}" src="data:image/png;base64,{output.data["image/png"]}"></div>'


def write_page(path: Path, *calls, style: str = LIGHT) -> str:
    """Write a page that holds what calls display, as the site's pages do, and return its address."""
    outputs = [displayed(call) for call in calls]
    body = "".join(
        f'<div class="output">{module.data["text/html"]}</div>{picture_html(still)}' for module, still in outputs
    )
    networks = {file.stem: json.loads(file.read_text()) for file in FOLDER.glob("*.json")}
    path.write_text(
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>Explorables</title><style>{style} body {{ margin: 12px }}</style><main>{body}</main>"
        f"<script>window.courseNetworks = {json.dumps(networks)};</script><script>{PAGE_SCRIPT}</script></html>",
        encoding="utf-8",
    )
    return path.as_uri()


def as_json(value) -> str:
    """Plain JSON, bytes as base64."""
    return json.loads(json.dumps(value, default=lambda part: {"base64": base64.b64encode(part).decode()}))


def watch(page) -> list[str]:
    """A list that fills with whatever a page asks the network for, and with its errors."""
    trouble = []
    page.on("request", lambda request: None if is_local(request.url) else trouble.append(request.url))
    page.on("console", lambda message: trouble.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: trouble.append(str(error)))
    return trouble


@contextmanager
def watched_page(chromium, width: int, height: int):
    """A page; at the end, nothing was asked of any network, and nothing went wrong."""
    page = chromium.new_page(viewport={"width": width, "height": height})
    trouble = watch(page)
    yield page
    page.close()
    assert not trouble


def is_local(url: str) -> bool:
    return bool(re.match(r"(http|ws)://127\.0\.0\.1:|(data|blob|about|file):", url))
