"""Builds one page that shows a run, and a page for each lesson, to be read without a network."""

import hashlib
import html
import json
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import jinja2
import nbformat
import yaml
from docutils import nodes
from latex2mathml.converter import convert
from nbformat import NotebookNode
from sphinx.application import Sphinx
from sphinx.util import logging

from ..files import written_whole
from .execute import pictures, recorded
from .manifest import Course, Lesson, WrongUse
from .run import check_bands, succeeded

logger = logging.getLogger(__name__)

TITLE = "Reading handwritten digits"


def build_report(course: Course, folder: Path, out: Path) -> Path:
    """Build the pages of the executed lessons in `folder` into `out`, all or none, and return the first page.

    Raises WrongUse where there are no executed lessons, and where `out` holds anything but such pages.
    """
    notebooks = sorted(folder.glob("*.ipynb"))
    if not notebooks:
        raise WrongUse(f"{folder}: no executed lessons in it; run some first: course run")
    lessons = {lesson.name: lesson for lesson in course.lessons}
    with site(out) as source:
        cards = [_card(path, lessons.get(path.stem), source / "static") for path in notebooks]
        write_first_page(source, "cards.html.jinja", title=TITLE, pages=[path.stem for path in notebooks], cards=cards)
        for path in notebooks:
            write_page(path, source / path.name)
    return out / "index.html"


@contextmanager
def site(out: Path) -> Iterator[Path]:
    """A folder to put pages and `static` files in; afterwards `out` holds the site built from it, whole or not at all.

    Raises WrongUse where `out` holds anything but such a site.
    """
    if out.exists() and any(out.iterdir()) and not (out / ".buildinfo").exists():
        raise WrongUse(f"{out}: holds something other than a report; name another folder: --out")
    with tempfile.TemporaryDirectory() as temporary, written_whole(out) as built:
        source = Path(temporary, "source")
        (source / "static").mkdir(parents=True)
        (source / "static" / "report.css").write_text(_part("report.css"), encoding="utf-8")
        yield source
        settings = yaml.safe_load(_part("site.yaml"))
        Sphinx(source, None, built, Path(temporary, "doctrees"), "html", settings, None, sys.stderr).build()


def write_page(notebook: Path, page: Path) -> None:
    """Write the source of a notebook's page: the notebook, its set-up (the code before its parameters) folded."""
    content = nbformat.read(notebook, as_version=4)
    for cell in content.cells:
        tags = cell.metadata.get("tags", [])
        if "parameters" in tags:
            break
        if cell.cell_type == "code" and "hide-input" not in tags:
            cell.metadata["tags"] = [*tags, "hide-input"]
    page.write_text(nbformat.writes(content), encoding="utf-8")


def write_first_page(source: Path, template: str, **given) -> None:
    """Write the page that opens a site from a template of its own; `title` and `pages` are the navigation's."""
    for name, part in (("body.html", template), ("index.md", "index.md.jinja")):
        (source / name).write_text(jinja2.Template(_part(part), autoescape=part == template).render(given), "utf-8")


def _part(name: str) -> str:
    """A file that is beside this one."""
    return (resources.files(__package__) / name).read_text("utf-8")


def _card(path: Path, lesson: Lesson | None, static: Path) -> dict:
    """What the first page shows of one lesson; its pictures are written into `static`."""
    notebook = nbformat.read(path, as_version=4)
    result = _result(lesson, notebook, path.with_suffix(".json"))
    names = [] if result is None else dict.fromkeys([*result["figures"], *result["bands"]])
    return {
        "page": f"{path.stem}.html",
        "title": f"{int(path.stem[:2])} · {lesson.title}" if lesson else path.stem,
        "question": lesson.question if lesson else "",
        "pictures": [write_picture(static, f"{path.stem}-{i}", *one) for i, one in enumerate(_telling(notebook))],
        "result": result,
        "succeeded": result and succeeded(result),
        "figures": [
            {"name": name, "value": _shown(result["figures"].get(name)), **result["bands"].get(name, {})}
            for name in names
        ],
    }


def write_picture(static: Path, name: str, picture: bytes, text: str) -> dict:
    """Write a PNG into a site's `static` files; its name and its alternative text, as the templates take them."""
    (static / f"{name}.png").write_bytes(picture)
    return {"name": f"{name}.png", "text": text}


def _result(lesson: Lesson | None, notebook: NotebookNode, beside: Path) -> Mapping | None:
    """What came of a run, as the runner wrote it beside the notebook; of a rendered lesson, what its outputs say."""
    if beside.exists():
        return json.loads(beside.read_text(encoding="utf-8"))
    figures = recorded(notebook)
    if lesson is None or not figures:
        return None
    seconds = notebook.metadata.get("course", {}).get("seconds")
    bands = check_bands(figures, lesson.bands.get("class", {}))
    return {"profile": "class", "seconds": seconds, "figures": figures, "bands": bands, "failure": None}


def _telling(notebook: NotebookNode, most: int = 6) -> list[tuple[bytes, str]]:
    """The pictures that tell most of a lesson, with their texts: loss curves, then predictions, then the others."""

    def rank(picture: tuple[bytes, str]) -> int:
        text = picture[1]
        return 0 if text.startswith("Loss curves") else 1 if "read right" in text else 2

    return sorted(pictures(notebook), key=rank)[:most]


def _shown(value) -> str:
    if isinstance(value, list) and len(value) > 1:
        return f"{_shown(value[0])} … {_shown(value[-1])} ({len(value)} numbers)"
    if isinstance(value, list):
        return _shown(value[0]) if value else "none"
    return f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)


# What the pages need beyond myst-nb: formulas as MathML, and the figures' alternative texts ---------------------------


def setup(app: Sphinx) -> dict:
    """Add both to Sphinx. Browsers draw MathML themselves, so a page needs no script for its formulas."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.connect("doctree-read", _add_alternative_texts)
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(writer, node: nodes.math) -> None:
    writer.body.append(_mathml(node, "inline"))
    raise nodes.SkipNode


def _block(writer, node: nodes.math_block) -> None:
    writer.body.append(f'<div class="formula">{_mathml(node, "block")}</div>')
    raise nodes.SkipNode


def _mathml(node: nodes.Element, display: str) -> str:
    """The formula as MathML; as it was written, with a warning, where latex2mathml does not know what it says."""
    source = node.astext()
    try:
        formula = convert(source, display=display)
        unknown = re.findall(r"<mi>(\\\w+|&)</mi>", formula)
    except Exception as error:  # it has a class of its own for each thing that can be wrong, and no common one
        unknown = [repr(error)]
    if unknown:
        logger.warning("the formula %s holds what latex2mathml does not know: %s", source, unknown, location=node)
        return f"<code>{html.escape(source)}</code>"
    return formula


def _add_alternative_texts(app: Sphinx, doctree: nodes.document) -> None:
    """Give each figure its text: myst-nb names a figure's file by the SHA-256 of its content, and drops the text."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix == ".ipynb":
        notebook = nbformat.read(path, as_version=4)
        texts = {hashlib.sha256(picture).hexdigest(): text for picture, text in pictures(notebook)}
        for image in doctree.findall(nodes.image):
            if text := texts.get(Path(image["uri"]).stem):
                image["alt"] = text
