"""The course's public site: the lessons, and a landing page made from README, manifest and measured results."""

import html
import json
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

import nbformat
from markdown_it import MarkdownIt

from .build import NETWORKS, site, write_first_page, write_page, write_picture
from .notebooks import pictures, template

KEPT = ("LICENSE", "LICENSE-text", "CITATION.cff")  # files that the site brings along
GUIDE = Path("docs", "instructors.md")
SHARED = "_static/cover.png"
PAD = re.compile(r'<div class="explorable" data-module="pad"[^>]* data-given="([^"]*)"></div>')


def build_site(course, out: Path, *, address: str = "", repository: str = "") -> Path:
    """Build the site of a course (a `manifest.Course`) as committed into `out`, and return its first page.

    `address` is where the site will be, and `repository` where the course's files are, for links to them; each may be
    empty. Raises NotASite where `out` holds anything but such a site.
    """
    root, address, repository = course.folder.parent, _ending(address), _ending(repository)
    parts = readme_parts(root / "README.md", repository)
    lessons = {
        lesson.name: {
            "number": int(lesson.name.split("_")[0]),
            "title": lesson.title,
            "download": f"_static/{lesson.notebook.name}",
            "address": repository and f"{repository}blob/HEAD/notebooks/{lesson.notebook.name}",
        }
        for lesson in course.lessons
    }
    context = {
        "description": parts["promise_text"],
        "share_picture": SHARED,
        "address": address,
        "lessons": lessons,
    }
    with site(out, **context) as source:
        static = source / "static"
        pages = {}
        for lesson in course.lessons:
            write_page(lesson.notebook, source / lesson.notebook.name)
            shutil.copy(lesson.notebook, static / lesson.notebook.name)
            pages[lesson.name] = f"{lessons[lesson.name]['number']} · {lesson.title}"
        shutil.copy(course.folder / "cover.png", source / "static")
        for name in KEPT:
            shutil.copy(root / name, static / f"{name}.txt")
        guide = (root / GUIDE).read_text(encoding="utf-8")
        (source / "instructors.md").write_text(leading(guide, root / GUIDE.parent, root, repository), encoding="utf-8")
        pages["instructors"] = "For instructors"
        cards = [_card(lesson, static) | lessons[lesson.name] for lesson in course.lessons]
        results = json.loads((course.folder / "results.json").read_text(encoding="utf-8"))["lessons"]
        networks = [reached for name in course.networks if (reached := _reached(name, course.networks[name], results))]
        body = template("landing.html.jinja", trim_blocks=True, lstrip_blocks=True).render(
            parts=parts, cards=cards, networks=networks, pad=drawing_pad(course)
        )
        write_first_page(source, body, pages)
    return out / "index.html"


def _ending(address: str) -> str:
    """An address with one slash at its end, or ""."""
    return address and address.rstrip("/") + "/"


# The README's words ---------------------------------------------------------------------------------------------------


def readme_parts(readme: Path, repository: str = "") -> dict[str, str]:
    """The README's sections as HTML, by their headings; `promise` is what stands before the first, less its picture."""
    title, *sections = re.split(r"^## ", readme.read_text(encoding="utf-8"), flags=re.MULTILINE)
    promise = re.sub(r"^(# |!\[).*$", "", title, flags=re.MULTILINE).strip()
    parts = {"promise": promise} | {
        heading.strip(): text.strip() for heading, _, text in (section.partition("\n") for section in sections)
    }
    markdown = MarkdownIt("commonmark", {"typographer": True}).enable(["table", "replacements", "smartquotes"])
    folder = readme.parent
    written = {name: markdown.render(leading(text, folder, folder, repository)) for name, text in parts.items()}
    cover = re.search(r"!\[(.*?)\]\(", title)
    return written | {
        "cover_text": cover.group(1) if cover else "",
        "promise_text": " ".join(html.unescape(re.sub("<[^>]*>", "", written["promise"])).split()),
    }


def leading(text: str, folder: Path, root: Path, repository: str) -> str:
    """Markdown whose links lead somewhere from the site: to its pages and files, to the repository, or away."""

    def lead(found: re.Match) -> str:
        words, target = found.groups()
        if re.match(r"[a-z]+:|#", target):
            return found.group(0)
        path = (folder / target).resolve().relative_to(root.resolve())
        if path.suffix == ".ipynb":
            return f"[{words}]({path.stem}.html)"
        if path == GUIDE:
            return f"[{words}](instructors.html)"
        if path.name in KEPT:
            return f"[{words}](_static/{path.name}.txt)"
        return f"[{words}]({repository}blob/HEAD/{path.as_posix()})" if repository else words

    return re.sub(r"(?<!!)\[([^\]]+)\]\(([^)\s]+)\)", lead, text)


# What the landing page shows ------------------------------------------------------------------------------------------


def _card(lesson, static: Path) -> dict:
    """A lesson: its question, how much there is to do, and a picture, which is written into `static`."""
    notebook = nbformat.read(lesson.notebook, as_version=4)
    chosen = telling_picture(notebook)
    return {
        "page": f"{lesson.name}.html",
        "title": lesson.title,
        "question": lesson.question,
        "exercises": sum("exercise" in cell.metadata.get("tags", []) for cell in notebook.cells),
        "picture": chosen and write_picture(static, f"lesson-{lesson.name}", *chosen),
    }


def telling_picture(notebook) -> tuple[bytes, str] | None:
    """The picture of the cell tagged `picture`, else the lesson's first one that is no loss curve, else any."""
    tagged = [cell for cell in notebook.cells if "picture" in cell.metadata.get("tags", [])]
    found = [*pictures(nbformat.v4.new_notebook(cells=tagged)), *pictures(notebook)]
    drawn = [one for one in found if not one[1].startswith("Loss curves")]
    return next(iter([*drawn, *found]), None)


def drawing_pad(course) -> str:
    """The pad with the course's trained networks, and the digit that the first lesson's pad begins with."""
    names = [name for name in course.networks if (NETWORKS / f"{name}.json").exists()]
    given = {"readers": [{"name": name, "network": name} for name in names]}
    outputs = (
        output.get("data", {}).get("text/html", "")
        for lesson in course.lessons
        for cell in nbformat.read(lesson.notebook, as_version=4).cells
        for output in cell.get("outputs", [])
    )
    if shown := next(filter(None, map(PAD.search, outputs)), None):
        given["example"] = json.loads(html.unescape(shown.group(1)))["example"]
    attributes = f'data-module="pad" data-id="landing" data-given="{html.escape(json.dumps(given))}"'
    return f'<div class="explorable" {attributes}></div>' if names else ""


def _reached(name: str, network: Mapping[str, str], results: Mapping) -> dict | None:
    """How many of a hundred digits a network misreads, from what its lesson recorded."""
    figures = results.get(network["lesson"], {}).get("figures", {})
    accuracy = figures.get(f"{network['prefix']}test_accuracy")
    if accuracy is None:
        return None
    return {"name": name, "accuracy": accuracy, "wrong": round(100 * (1 - accuracy))}
