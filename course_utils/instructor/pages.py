"""Builds the pages that show a run: one with all lessons, and one for each."""

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import jinja2
from nbformat import NotebookNode

from ..site.build import site, write_first_page, write_page, write_picture
from ..site.notebooks import pictures
from .execute import origin_in_words, recorded
from .manifest import Course, Lesson, WrongUse, read_notebook
from .run import check_bands, succeeded

DESCRIPTION = "A run of the course: every lesson, what it recorded, and whether it lies where it should."


def build_report(course: Course, folder: Path, out: Path) -> Path:
    """Build the pages of the executed lessons in `folder` into `out`, all or none, and return the first page.

    Raises WrongUse where there are no executed lessons, and where `out` holds anything but such pages.
    """
    notebooks = sorted(folder.glob("*.ipynb"))
    if not notebooks:
        raise WrongUse(f"{folder}: no executed lessons in it; run some first: course run")
    lessons = {lesson.name: lesson for lesson in course.lessons}
    with site(out, description=DESCRIPTION) as source:
        cards = [_card(path, lessons.get(path.stem), source / "static") for path in notebooks]
        pages = {card["page"]: card["title"] for card in cards}
        origins = {origin_in_words((card["result"] or {}).get("origin", {})) for card in cards} - {""}
        write_first_page(source, first_page("cards.html.jinja", cards=cards, origins=sorted(origins)), pages)
        for path in notebooks:
            write_page(path, source / path.name)
    return out / "index.html"


def first_page(name: str, **given) -> str:
    """The page that opens a report, from a template beside this file."""
    text = (resources.files(__package__) / name).read_text("utf-8")
    return jinja2.Template(text, autoescape=True).render(given)


def _card(path: Path, lesson: Lesson | None, static: Path) -> dict:
    """What the first page shows of one lesson; its pictures are written into `static`."""
    notebook = read_notebook(path)
    result = _result(lesson, notebook, path.with_suffix(".json"))
    names = [] if result is None else dict.fromkeys([*result["figures"], *result["bands"]])
    return {
        "page": path.stem,
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
