"""Writes a lesson's slides: one HTML file with reveal.js in it, which asks the network for nothing.

What a slide shows follows from the lesson's own cells. A section's heading opens a column, with its first paragraph.
Below it stand, one on a slide, its predictions, formulas, tables, figures and exercises, and the code tagged
`nbval-check-output` (small numbers that a pencil can check) or `slide`, with what it printed. All other text becomes
the speaker's notes of the slide before; so do an exercise's likely misconceptions.
"""

import base64
import re
import tempfile
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

from markdown_it import MarkdownIt
from mdit_py_plugins.dollarmath import dollarmath_plugin
from nbformat import NotebookNode
from pygments import highlight
from pygments.formatters import HtmlFormatter
from pygments.lexers import PythonLexer

from ..exercises.desk import all_exercises
from ..files import write_whole
from .extension import mathml
from .math_font import characters_of, write_font
from .notebooks import pictures_of, template

REVEAL = resources.files("sphinx_revealjs") / "_static" / "revealjs"
SHOWN = {"nbval-check-output", "slide"}  # tags of code that is shown
EXERCISE = re.compile(r"\*\*Exercise (\d+\.\d+)")
LIST = ("bullet_list_open", "ordered_list_open", "table_open", "math_block")


def write_slides(notebook: NotebookNode, title: str, path: Path) -> None:
    """Write the slides of a lesson as it was last rendered."""
    characters: set[str] = set()
    columns = slides_of(notebook, characters)
    with tempfile.TemporaryDirectory() as folder:
        write_font(Path(folder, "math.woff"), characters | {"="})
        font = base64.b64encode(Path(folder, "math.woff").read_bytes()).decode()
    files = {
        "reveal_css": "dist/reveal.css", "reveal_js": "dist/reveal.js", "notes_js": "plugin/notes/notes.js",
    }  # fmt: skip
    library = {name: (REVEAL / file).read_text("utf-8") for name, file in files.items()}
    code_css = HtmlFormatter().get_style_defs(".code")
    page = template("slides.html.jinja").render(title=title, columns=columns, font=font, code_css=code_css, **library)
    write_whole(path, page)


def slides_of(notebook: NotebookNode, characters: set[str]) -> list[list[dict]]:
    """The slides, in columns: each has its `body` and the speaker's `notes`. What formulas draw joins `characters`."""
    columns: list[list[dict]] = []
    section = ""
    for kind, body in _pieces(notebook, characters):
        if kind == "section":
            section = re.sub("<[^>]*>", "", body)
            columns.append([{"body": body, "notes": "", "figure": False, "section": ""}])
        elif kind == "notes":
            columns[-1][-1]["notes"] += body
        elif kind == "first" and columns[-1][-1]["body"].count("<p>") == 0 and len(columns[-1]) == 1:
            columns[-1][-1]["body"] += body
        elif kind == "first":
            columns[-1][-1]["notes"] += body
        else:
            columns[-1].append({"body": body, "notes": "", "figure": kind == "figure", "section": section})
    return columns


def _pieces(notebook: NotebookNode, characters: set[str]) -> Iterator[tuple[str, str]]:
    """The pieces of a lesson in their order, each with what it is: section, first, slide, figure or notes."""
    reader = _markdown(characters)
    for cell in notebook.cells:
        tags = set(cell.metadata.get("tags", []))
        if cell.cell_type == "markdown":
            yield from _blocks(reader, cell.source)
        elif cell.cell_type == "code":
            if tags & SHOWN:
                code = highlight(cell.source, PythonLexer(), HtmlFormatter(cssclass="code"))
                printed = "".join(one.text for one in cell.outputs if one.output_type == "stream")
                output = f'<pre class="printed fragment">{_escaped(printed)}</pre>' if printed.strip() else ""
                yield "slide", code + output
            for picture, text in pictures_of(cell):
                address = base64.b64encode(picture).decode()
                yield "figure", f'<img src="data:image/png;base64,{address}" alt="{_escaped(text)}">'


def _blocks(reader: MarkdownIt, source: str) -> Iterator[tuple[str, str]]:
    """The blocks of a markdown cell. A formula or a list keeps the paragraph that leads to it, if that is short."""
    tokens = reader.parse(source)
    lead, begin = "", 0
    for place, token in enumerate(tokens):
        if token.level or token.nesting == 1:
            continue
        block, begin = tokens[begin : place + 1], place + 1
        first, text = block[0], source.split("\n")[block[0].map[0] :] if block[0].map else [""]
        shown = reader.renderer.render(block, reader.options, {})
        if lead and first.type not in LIST:
            yield "first", lead
            lead = ""
        if first.type == "heading_open" and first.tag in ("h1", "h2"):
            yield "section", shown
        elif exercise := EXERCISE.match(text[0]):
            yield "slide", shown
            yield "notes", _misconceptions(exercise[1])
        elif first.type in LIST:
            yield "slide", lead + shown
            lead = ""
        elif first.type in ("blockquote_open", "heading_open", "fence"):
            yield "slide", shown
        elif first.type == "paragraph_open":
            lead = shown
        else:
            yield "notes", shown
    if lead:
        yield "first", lead


def _misconceptions(number: str) -> str:
    """What students often get wrong in an exercise, for the speaker."""
    exercise = all_exercises().get(number)
    words = [f"<li>{_escaped(one)}</li>" for one in exercise.mistakes] if exercise else []
    return f"<p>Likely misconceptions:</p><ul>{''.join(words)}</ul>" if words else ""


def _markdown(characters: set[str]) -> MarkdownIt:
    def formula(text: str, options: dict) -> str:
        shown, _ = mathml(text.strip(), "block" if options["display_mode"] else "inline")
        characters.update(characters_of(shown))
        return shown

    reader = MarkdownIt("commonmark", {"html": True}).enable("table")
    return reader.use(dollarmath_plugin, renderer=formula, allow_labels=False, double_inline=True)


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
