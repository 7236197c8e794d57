"""What the pages of a report need beyond myst-nb: formulas as MathML, and the figures' alternative texts."""

import hashlib
import html
import re
from pathlib import Path

import nbformat
from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.util import logging

from .outputs import pictures

logger = logging.getLogger(__name__)


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
    except Exception as error:  # it has a class of its own for each thing that can be wrong, and no common one
        formula, fault = "", repr(error)
    else:
        fault = ", ".join(re.findall(r"<mi>(\\\w+|&)</mi>", formula))
    if fault:
        logger.warning("the formula %s holds what latex2mathml does not know: %s", source, fault, location=node)
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
