"""What the pages need beyond Sphinx and myst-nb: formulas, figures with their texts, an index to search, the theme."""

import hashlib
import html
import json
import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import nbformat
from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging
from sphinx.util.images import get_image_size

from ..explorables import page_script
from .math_font import characters_of, write_font
from .notebooks import pictures

logger = logging.getLogger(__name__)

THEME = Path(__file__).with_name("theme")
# What latex2mathml writes otherwise than TeX sets it: ± as a letter, max with an operator's gaps, a minus after = or (
# as if something stood before it, and no gap between a function's name and a letter that follows.
REPAIRS = (
    (r"<mi>&#x000B1;</mi>", "<mo>&#x000B1;</mo>"),
    (r"<mo>(max|min)</mo>", r"<mi>\1</mi>"),
    (r"(<mo[^>]*>&#x000(?:3D|28);</mo>)<mo>&#x02212;</mo>", r'\1<mo form="prefix">&#x02212;</mo>'),
    (r"(<mi>(?:exp|ln|log|max|min)</mi>)(?=<m[insfu])", r'\1<mspace width="0.17em"/>'),
)


def setup(app: Sphinx) -> dict:
    """Add all of it to Sphinx. Browsers draw MathML themselves, so a page needs no script for its formulas."""
    app.add_html_theme("course", str(THEME))
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    app.add_node(nodes.image, override=True, html=(_picture, None))
    app.connect("builder-inited", _begin)
    app.connect("doctree-read", _add_alternative_texts)
    app.connect("doctree-read", _name_exercises)
    app.connect("html-page-context", _fill_page)
    app.connect("build-finished", _finish)
    return {"parallel_read_safe": True, "parallel_write_safe": False}  # what is written is remembered


def _begin(app: Sphinx) -> None:
    app.builder.search = False  # Sphinx's own finds pages, not sections
    app.builder.course_characters, app.builder.course_sections, app.builder.course_scripts = set(), [], set()


def _finish(app: Sphinx, error: Exception | None) -> None:
    if error is None:
        static = Path(app.outdir, "_static")
        for unused in (static / "pygments.css", *static.glob("mystnb.*.css")):  # the theme has its own
            unused.unlink()
        write_font(static / "math.woff", app.builder.course_characters)
        sections = json.dumps(app.builder.course_sections, ensure_ascii=False, separators=(",", ":"))
        (static / "sections.js").write_text(f"window.courseSections = {sections}\n", "utf-8")
        for name in app.builder.course_scripts:
            (static / name).write_text(script(name, Path(app.config.html_context["networks"])), "utf-8")


# Formulas -------------------------------------------------------------------------------------------------------------


def _inline(writer, node: nodes.math) -> None:
    writer.body.append(_mathml(writer, node, node.astext(), "inline"))
    raise nodes.SkipNode


def _block(writer, node: nodes.math_block) -> None:
    parts = "".join(_mathml(writer, node, part, "block") for part in parts_of(node.astext()))
    writer.body.append(f'<div class="formula scrolls">{parts}</div>')
    raise nodes.SkipNode


def parts_of(formula: str) -> list[str]:
    """The formulas of a line that stand far apart in it: on a narrow screen they go one below the other."""
    parts = re.split(r"(?:\\qquad\s*)+", formula.strip())
    whole = all(part.count("{") == part.count("}") and part.count("begin") == part.count("end") for part in parts)
    return parts if whole else [formula]


def _mathml(writer, node: nodes.Element, formula: str, display: str) -> str:
    written, fault = mathml(formula, display)
    if fault:
        logger.warning("the formula %s holds what latex2mathml does not know: %s", formula, fault, location=node)
    else:
        writer.builder.course_characters |= characters_of(written)
    return written


def mathml(formula: str, display: str) -> tuple[str, str]:
    """The formula as MathML and ""; as it was written, and why, where latex2mathml does not know what it says."""
    try:
        written = convert(formula, display=display)
        for pattern, repaired in REPAIRS:
            written = re.sub(pattern, repaired, written)
        fault = ", ".join(re.findall(r"<mi>(\\\w+|&)</mi>", written))
    except Exception as error:  # it has a class of its own for each thing that can be wrong, and no common one
        fault = repr(error)
    return (f"<code>{html.escape(formula)}</code>", fault) if fault else (written, "")


# Figures --------------------------------------------------------------------------------------------------------------


def _add_alternative_texts(app: Sphinx, doctree: nodes.document) -> None:
    """Give each figure its text: myst-nb names a figure's file by the SHA-256 of its content, and drops the text."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix == ".ipynb":
        notebook = nbformat.read(path, as_version=4)
        texts = {hashlib.sha256(picture).hexdigest(): text for picture, text in pictures(notebook)}
        for image in doctree.findall(nodes.image):
            if text := texts.get(Path(image["uri"]).stem):
                image["alt"] = text


def _picture(writer, node: nodes.image) -> None:
    """A figure knows its size, so that nothing jumps, and scrolls by itself where it would become too small to read."""
    builder, source = writer.builder, node["uri"]
    width, height = get_image_size(builder.srcdir / source) or (0, 0)
    address = posixpath.join(builder.imgpath, quote(builder.images.get(source, source)))
    size = f'width="{width}" height="{height}"' if width else ""
    picture = f'<img src="{address}" alt="{html.escape(node.get("alt", ""))}" {size} loading="lazy">'
    writer.body.append(f'<span class="picture scrolls" style="--natural: {width}px">{picture}</span>')
    raise nodes.SkipNode


# Sections to find -----------------------------------------------------------------------------------------------------


def _name_exercises(app: Sphinx, doctree: nodes.document) -> None:
    """Give each exercise's text a name that links and the search can lead to."""
    for paragraph in doctree.findall(nodes.paragraph):
        if number := _exercise(paragraph):
            paragraph["ids"].append(f"exercise-{number.replace('.', '-')}")


def _exercise(paragraph: nodes.paragraph) -> str:
    """The number of the exercise that a paragraph begins, or ""."""
    first = next((child for child in paragraph.children if child.astext()), None)
    found = re.fullmatch(r"Exercise (\d+\.\d+)\.?", first.astext()) if isinstance(first, nodes.strong) else None
    return found.group(1) if found else ""


def sections(doctree: nodes.document) -> Iterator[tuple[str, str, str]]:
    """Each section and each exercise of a page: its heading, its name in the page, its words."""
    for section in doctree.findall(nodes.section):
        yield section[0].astext(), section["ids"][0], " ".join(" ".join(_texts(section)).split())
    for paragraph in doctree.findall(nodes.paragraph):
        if number := _exercise(paragraph):
            yield f"Exercise {number}", paragraph["ids"][0], " ".join(paragraph.astext().split())


def _texts(node: nodes.Element) -> Iterator[str]:
    """The text and the code right in a section, without what is folded, printed or said in a section of its own."""
    for child in node.children:
        if isinstance(child, nodes.paragraph | nodes.literal_block):
            yield child.astext()
        elif isinstance(child, nodes.section | nodes.title | nodes.Text):
            continue
        elif not {"cell_output", "above-input"} & set(child["classes"]):
            yield from _texts(child)


# The page around its text ---------------------------------------------------------------------------------------------


def _fill_page(app: Sphinx, name: str, template: str, context: dict, doctree: nodes.document | None) -> None:
    """Tell the theme what it asks of a page: a description, its notebook, the scripts that it needs."""
    if doctree is None:
        return
    context["lesson"] = context["lessons"].get(name)
    if name != app.config.root_doc:
        paragraph = next(iter(doctree.findall(nodes.paragraph)), None)
        context["description"] = " ".join(paragraph.astext().split()) if paragraph else context["description"]
        app.builder.course_sections += [[name, *section] for section in sections(doctree)]
    needed = scripts_for(context["body"])
    app.builder.course_scripts |= set(needed)
    asked_for_later = {one for one in needed if one.startswith("network-")}  # by mount.js
    context["scripts"] = ["search.js", *(one for one in needed if one not in asked_for_later)]


def scripts_for(body: str) -> list[str]:
    """The scripts that a page's explorables need: the networks that they name, and their own modules."""
    networks = sorted(set(re.findall(r"&quot;network&quot;: ?&quot;(\w+)&quot;", body)))
    modules = sorted(set(re.findall(r'class="explorable" data-module="(\w+)"', body)))
    return [f"network-{name}.js" for name in networks] + [f"explorables-{'-'.join(modules)}.js"] * bool(modules)


def script(name: str, networks: Path) -> str:
    """The text of one of them. A network is a script, since a page opened from a file may load no JSON."""
    kind, *names = name.removesuffix(".js").split("-")
    if kind == "explorables":
        return page_script(names)
    content = json.loads((networks / f"{names[0]}.json").read_text("utf-8"))
    return f"(window.courseNetworks ??= {{}}).{names[0]} = {json.dumps(content, separators=(',', ':'))}\n"
