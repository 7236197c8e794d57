"""What all explorables share in Python: their modules' text, the widget, and how one is displayed."""

import base64
import html
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from zlib import crc32

import anywidget
import traitlets
from IPython.display import display
from matplotlib.figure import Figure

from ..plotting import still_output

HERE = Path(__file__).parent
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"


def module_source(name: str) -> str:
    """The text of a module with every file that it imports inside it, as a data URL: it needs no server."""

    def inside(imported: re.Match) -> str:
        text = base64.b64encode(module_source(imported[1]).encode()).decode()
        return f'"data:text/javascript;base64,{text}"'

    return re.sub(r'"\./(\w+)\.js"', inside, (HERE / f"{name}.js").read_text(encoding="utf-8"))


def page_script(modules: Iterable[str] | None = None) -> str:
    """A classic script that holds modules with what they import, and mounts each `.explorable` of its page.

    Without `modules` it holds all of them.
    """
    texts = {path.stem: path.read_text(encoding="utf-8") for path in sorted(HERE.glob("*.js"))}
    mount = texts.pop("mount")
    files, wanted = {}, sorted(texts if modules is None else modules)
    while wanted:
        name = wanted.pop()
        files[name] = texts[name]
        wanted += set(re.findall(r'"\./(\w+)\.js"', texts[name])) - files.keys()
    return f"(() => {{\nconst FILES = {json.dumps(files, ensure_ascii=False)};\n{mount}}})();\n"


PAGE_SCRIPT = page_script()


class Explorable(anywidget.AnyWidget):
    """A module at work in a notebook: `given` is what Python hands it, `kept` what the student did with it."""

    _esm = traitlets.Unicode().tag(sync=True)
    given = traitlets.Dict().tag(sync=True)
    kept = traitlets.Dict().tag(sync=True)

    def __init__(self, module: str, given: Mapping, kept: Mapping | None = None):
        super().__init__(_esm=module_source(module), given=dict(given), kept=dict(kept or {}))


def show(
    module: str,
    given: Mapping,
    picture: Figure,
    *,
    page: Mapping | None = None,
    name: str = "",
    kept: Mapping | None = None,
) -> Explorable:
    """Display an explorable, and as an output of its own the picture for wherever nothing runs.

    `given` is plain JSON and bytes. A page is given `page` instead where that is smaller, as a network's name is.
    `name` tells explorables of one page apart, and is made from what the page is given where it is left out.
    """
    widget = Explorable(module, given, kept)
    for_page = as_json(page or given)
    name = name or f"{module}-{crc32(for_page.encode()):08x}"
    bundle = {
        WIDGET_VIEW: {"version_major": 2, "version_minor": 0, "model_id": widget.model_id},
        "text/html": f'<div class="explorable" data-module="{module}" data-id="{html.escape(name)}" '
        f'data-given="{html.escape(for_page)}"></div>',
        "text/plain": f"{module}: something to play with, where scripts run",
    }
    display(bundle, raw=True)
    still, about = still_output(picture)
    display(still, raw=True, metadata=about)
    return widget


def as_json(value: object) -> str:
    """What Python hands to a page, as JSON in which bytes are base64."""
    as_base64 = lambda part: {"base64": base64.b64encode(part).decode()}  # noqa: E731
    return json.dumps(value, default=as_base64, ensure_ascii=False, separators=(",", ":"))
