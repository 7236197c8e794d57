"""Builds one page that shows a run, and a page for each lesson, to be read without a network."""

import json
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

import jinja2
import nbformat
from nbformat import NotebookNode
from sphinx.application import Sphinx

from .manifest import Course, Lesson, WrongUse
from .outputs import pictures, recorded
from .run import check_bands, succeeded

TITLE = "Reading handwritten digits"
CC_BY = '<a rel="license" href="https://creativecommons.org/licenses/by/4.0/">CC BY 4.0</a>'
FOOT = f"<p>By the authors of {TITLE}. Code: MIT licence. Text and figures: {CC_BY}.</p>"
SETTINGS = {
    "project": TITLE,
    "extensions": ["myst_nb", "course_utils.instructor.sphinx_parts"],
    "html_theme": "sphinx_book_theme",
    "html_theme_options": {
        "use_download_button": False,
        "home_page_in_toc": True,
        "navbar_persistent": [],
        "footer_content_items": ["extra-footer"],
        "extra_footer": FOOT,
    },
    "html_title": TITLE,
    "html_static_path": ["static"],
    "html_css_files": ["report.css"],
    "html_copy_source": False,
    "html_use_index": False,
    "html_show_copyright": False,
    "myst_enable_extensions": ["dollarmath", "amsmath"],
    "nb_execution_mode": "off",
    "nb_ipywidgets_js": {},
    "nb_merge_streams": True,
    "nb_mime_priority_overrides": [("html", "application/vnd.jupyter.widget-view+json", None)],
    # records are read by the runner; a run of some lessons lacks those that they point to
    "suppress_warnings": ["mystnb.unknown_mime_type", "myst.xref_missing"],
}
INDEX = """---
html_theme.sidebar_secondary.remove: true
---
# {title}

```{{raw}} html
:file: body.html
```

```{{toctree}}
:hidden:
{pages}
```
"""


def build_report(course: Course, folder: Path, out: Path) -> Path:
    """Build the pages of the executed lessons in `folder` into `out`, all or none, and return the first page.

    Raises WrongUse where there are no executed lessons, and where `out` holds anything but such pages.
    """
    notebooks = sorted(folder.glob("*.ipynb"))
    if not notebooks:
        raise WrongUse(f"{folder}: no executed lessons in it; run some first: course run")
    with site(out) as source:
        cards = [_card(course, path, source / "static") for path in notebooks]
        template = jinja2.Template(part("cards.html.jinja"), autoescape=True)
        write_first_page(source, TITLE, template.render(cards=cards), [path.stem for path in notebooks])
        for path in notebooks:
            write_page(path, source / path.name)
    return out / "index.html"


def part(name: str) -> str:
    """A file that lies beside this one."""
    return (resources.files(__package__) / name).read_text("utf-8")


@contextmanager
def site(out: Path) -> Iterator[Path]:
    """A folder to put pages and `static` files in; afterwards `out` holds the site built from it, whole or not at all.

    Raises WrongUse where `out` holds anything but such a site.
    """
    if out.exists() and any(out.iterdir()) and not (out / ".buildinfo").exists():
        raise WrongUse(f"{out}: holds something other than a report; name another folder: --out")
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".report-", dir=out.parent) as temporary:
        source, built = Path(temporary, "source"), Path(temporary, "built")
        (source / "static").mkdir(parents=True)
        (source / "static" / "report.css").write_text(part("report.css"), encoding="utf-8")
        yield source
        doctrees = Path(temporary, "doctrees")
        app = Sphinx(source, None, built, doctrees, "html", SETTINGS, status=None, warning=sys.stderr)
        app.build()
        if out.exists():
            os.replace(out, Path(temporary, "before"))
        os.replace(built, out)


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


def write_first_page(source: Path, title: str, body: str, pages: Sequence[str]) -> None:
    """Write the page that opens a site: a title, a body of HTML, and the pages of the navigation in their order."""
    (source / "body.html").write_text(body, encoding="utf-8")
    (source / "index.md").write_text(INDEX.format(title=title, pages="\n".join(pages)), encoding="utf-8")


def _card(course: Course, path: Path, static: Path) -> dict:
    """What the first page shows of one lesson; its pictures are written into `static`."""
    lesson = next((lesson for lesson in course.lessons if lesson.name == path.stem), None)
    notebook = nbformat.read(path, as_version=4)
    result = _result(lesson, notebook, path.with_suffix(".json"))
    thumbnails = []
    for number, (picture, text) in enumerate(_telling(notebook)):
        name = f"{path.stem}-{number}.png"
        (static / name).write_bytes(picture)
        thumbnails.append({"name": name, "text": text})
    return {
        "page": f"{path.stem}.html",
        "title": f"{int(path.stem[:2])} · {lesson.title}" if lesson else path.stem,
        "question": lesson.question if lesson else "",
        "pictures": thumbnails,
        "result": result,
        "succeeded": result and succeeded(result),
        "figures": _rows(result) if result else [],
    }


def _result(lesson: Lesson | None, notebook: NotebookNode, beside: Path) -> dict | None:
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


def _rows(result: Mapping) -> list[dict]:
    """The recorded figures and those that are missing, each with its band and how it stands to it."""
    names = list(dict.fromkeys([*result["figures"], *result["bands"]]))
    return [
        {"name": name, "value": _spoken(result["figures"].get(name)), **result["bands"].get(name, {})}
        for name in names
    ]  # fmt: skip


def _spoken(value) -> str:
    if isinstance(value, list) and len(value) > 1:
        return f"{_spoken(value[0])} … {_spoken(value[-1])} ({len(value)} numbers)"
    if isinstance(value, list):
        return _spoken(value[0]) if value else "none"
    return f"{value:.4g}" if isinstance(value, float) else "–" if value is None else str(value)
