"""Feedback that goes back: for each student a page and, for each lesson, their notebook with comments in it."""

import io
import re
import zipfile
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path

import jinja2
import nbformat
from nbformat import NotebookNode

from ..files import written_whole
from .gradebook import Student, Work
from .manifest import Course
from .returned import Place
from .run import without_outputs

SIGNS = {"right": "✓", "wrong": "✗", "open": "○", "error": "!"}
CHECK = re.compile(r"""^\s*check\(\s*["']([\d.]+)["']""", re.MULTILINE)


def write_feedback(students: Sequence[Student], course: Course, returned: Path, out: Path) -> int:
    """Write feedback/, a folder for each student, and feedback.zip; return for how many students.

    A page speaks of its student alone, and of no hidden check. Each is found again by name and id.
    """
    template = _template("feedback.html.jinja")
    lessons = {one.name: (one.title, sections(nbformat.read(one.notebook, 4))) for one in course.lessons}
    packed, names = io.BytesIO(), set()
    with written_whole(out / "feedback") as folder, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        folder.mkdir()
        for student in (one for one in students if one.works):
            name = _folder_name(student, names)
            place = folder / name
            place.mkdir()
            page = template.render(student=student, lessons=lessons, signs=SIGNS)
            (place / "feedback.html").write_text(page, encoding="utf-8")
            for work in student.works.values():
                if notebook := commented(Place(returned / work.file, work.file, work.entry), work):
                    nbformat.write(notebook, place / f"{work.lesson}.ipynb")
            for file in sorted(place.iterdir()):
                archive.write(file, f"{name}/{file.name}")
    with written_whole(out / "feedback.zip") as whole:
        whole.write_bytes(packed.getvalue())
    return len(names)


def sections(notebook: NotebookNode) -> Mapping[str, str]:
    """The heading under which each exercise of a lesson stands."""
    found, heading = {}, ""
    for cell in notebook.cells:
        if cell.cell_type == "markdown" and (lines := re.findall(r"^#{2,4} (.+)$", cell.source, re.MULTILINE)):
            heading = lines[-1]
        for number in CHECK.findall(cell.source) if cell.cell_type == "code" else ():
            found[number] = heading
    return found


def commented(place: Place, work: Work) -> NotebookNode | None:
    """A returned notebook with a comment below each exercise; None where it cannot be read any more."""
    try:
        notebook = without_outputs(nbformat.convert(place.read(), 4))
    except Exception:  # what a damaged notebook leads to is of any kind
        return None
    marks, cells = {mark.exercise: mark for mark in work.marks}, []
    for cell in notebook.cells:
        cells.append(cell)
        for number in dict.fromkeys(CHECK.findall(cell.source) if cell.cell_type == "code" else ()):
            if mark := marks.get(number):
                words = " ".join(filter(None, (mark.words, mark.comment and f"**Comment:** {mark.comment}")))
                text = f"> {SIGNS[mark.state]} **{number}: {mark.points:g} of {mark.most:g}.** {words}"
                cells.append(nbformat.v4.new_markdown_cell(text))
    notebook.cells = cells
    notebook.nbformat_minor = max(5, notebook.nbformat_minor)
    for cell in notebook.cells:
        cell.setdefault("id", nbformat.v4.new_markdown_cell().id)
    return notebook


def _folder_name(student: Student, taken: set[str]) -> str:
    """A name that every system and every zip can hold, and that no other student has."""
    plain = re.sub(r"[^\w.-]+", "-", f"{student.name} {student.id}".strip()).strip(".-")[:80] or "student"
    name, count = plain, 1
    while name.casefold() in taken:
        count += 1
        name = f"{plain}-{count}"
    taken.add(name.casefold())
    return name


def _template(name: str) -> jinja2.Template:
    return jinja2.Template((resources.files(__package__) / name).read_text("utf-8"), autoescape=True)
