"""Writes what `course grade` found: a row for each check, one for each notebook, a page, and grades.json for later."""

import csv
import io
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib import resources
from pathlib import Path

import jinja2

from course_utils.exercises.desk import all_exercises

from ..files import write_whole
from .gradebook import harmless
from .returned import COURSE, Pristine, Returned

WHO = ("student", "file", "lesson")
SIGNS = {"right": "✓", "wrong": "✗", "open": "○", "error": "!"}


def write_results(returned: Sequence[Returned], lessons: Mapping[str, Pristine], source: Path, out: Path) -> None:
    """Write grades.csv (a row for each check), students.csv (one for each notebook), grades.json and index.html."""
    grades = [[*WHO, "exercise", "check", "state", "words", "note"]]
    students = [[*WHO, *SIGNS, "note"]]
    for one in returned:
        who = [getattr(one, name) for name in WHO]
        grades += [[*who, row.exercise, row.check, row.verdict.state, row.verdict.words, row.note] for row in one.rows]
        counts = one.totals.values() if one.rows else [""] * len(SIGNS)
        students.append([*who, *counts, "; ".join(one.incidents)])
    for name, rows in (("grades", grades), ("students", students)):
        file = io.StringIO()
        csv.writer(file, lineterminator="\n").writerows([harmless(str(value)) for value in row] for row in rows)
        write_whole(out / f"{name}.csv", file.getvalue().encode("utf-8-sig", "replace"))
    content = {"returned": str(source.resolve()), "notebooks": [_kept(one, source) for one in returned]}
    write_whole(out / "grades.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    template = jinja2.Template((resources.files(__package__) / "grades.html.jinja").read_text("utf-8"), autoescape=True)
    unlimited = sorted({words for one in returned for words in one.unlimited})
    parts = [_part(lessons[name].lesson.title, [one for one in returned if one.lesson == name]) for name in lessons]
    page = template.render(parts=parts, returned=returned, unlimited=unlimited, signs=SIGNS, course=COURSE)
    write_whole(out / "index.html", page)


def _kept(one: Returned, source: Path) -> dict:
    """What a gradebook needs of a notebook; `path` is below the folder of returned notebooks, `entry` in a zip file."""
    path = "" if one.place.path == source.resolve() else one.place.path.relative_to(source.resolve()).as_posix()
    kept = {name: getattr(one, name) for name in ("file", "named", "student", "lesson", "answers", "fault", "ungraded")}
    kept |= {"path": path.encode("utf-8", "replace").decode(), "entry": one.place.entry, "came": one.came}
    return kept | {"notes": one.notes, "rows": [asdict(row) for row in one.rows]}


def _part(title: str, returned: Sequence[Returned]) -> dict:
    """Of a lesson: its students by name, and for each check how often it failed with which words."""
    students = sorted((one for one in returned if one.rows), key=lambda one: one.student.casefold())
    failed: dict[tuple[str, str], Counter] = {}
    for row in (row for one in students for row in one.rows):
        words = [row.verdict.words] if row.verdict.state in ("wrong", "error") else []
        failed.setdefault((row.exercise, row.check), Counter()).update(words)
    titles = {number: all_exercises()[number].title for number, _ in failed}
    return {"title": title, "students": students, "failed": failed, "titles": titles}
