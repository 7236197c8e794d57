"""Builds a site from notebooks and a first page: a folder of pages that ask the network for nothing."""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import click
import nbformat
import yaml
from sphinx.application import Sphinx

from ..files import written_whole
from .notebooks import fold_set_up, say_what_can_be_done_here, template

NETWORKS = Path(__file__).resolve().parents[2] / "notebooks" / "networks"
NOTHING = {"description": "", "share_picture": "", "address": "", "lessons": {}, "networks": str(NETWORKS)}


class NotASite(click.ClickException):
    """A folder that holds something else, which building a site would delete."""

    exit_code = 2


@contextmanager
def site(out: Path, **context) -> Iterator[Path]:
    """A folder to put pages and `static` files in; afterwards `out` holds the site built from it, whole or not at all.

    `context` is what the theme takes: a description, the address of a picture to share, that of the site, and by page
    its lesson. Raises NotASite where `out` holds anything but such a site.
    """
    if out.exists() and any(out.iterdir()) and not (out / ".buildinfo").exists():
        raise NotASite(f"{out}: holds something other than a report; name another folder: --out")
    with tempfile.TemporaryDirectory() as temporary, written_whole(out) as built:
        source = Path(temporary, "source")
        (source / "static").mkdir(parents=True)
        yield source
        settings = yaml.safe_load((resources.files(__package__) / "site.yaml").read_text("utf-8"))
        settings |= {"html_context": NOTHING | context}
        Sphinx(source, None, built, Path(temporary, "doctrees"), "html", settings, None, sys.stderr).build()


def write_page(notebook: Path, page: Path) -> None:
    """Write the source of a notebook's page: the notebook, as it is to be read where nothing runs."""
    content = nbformat.read(notebook, as_version=4)
    fold_set_up(content)
    say_what_can_be_done_here(content)
    page.write_text(nbformat.writes(content), encoding="utf-8")


def write_first_page(source: Path, body: str, pages: Mapping[str, str]) -> None:
    """Write the page that opens a site; `pages` are the others, each with its title in the navigation."""
    (source / "first.html").write_text(body, encoding="utf-8")
    (source / "index.md").write_text(template("index.md.jinja").render(pages=pages), encoding="utf-8")


def write_picture(static: Path, name: str, picture: bytes, text: str) -> dict:
    """Write a PNG into a site's `static` files; its name and its alternative text, as the templates take them."""
    (static / f"{name}.png").write_bytes(picture)
    return {"name": f"{name}.png", "text": text}
