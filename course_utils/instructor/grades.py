"""What came of grading: rows, tables and a page."""

import csv
import io
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

import jinja2

from ..files import write_whole
from .returned import Pristine

SIGNS = {"right": "✓", "wrong": "✗", "open": "○", "error": "!"}
COURSE = "course"  # the check that students know, beside the instructor's own
WHO = ("student", "file", "lesson")
OWN_RUN = "depends on what the student's own run measured; look at it, or grade with --profile class"
UNASKED = {"state": "open", "words": "Not asked, since the course's check did not find it right."}
UNGRADED = {"state": "error", "words": "It was not graded.", "notes": [], "hidden": []}
OPEN = {"state": "open", "words": "", "notes": [], "hidden": []}


def rows_of(
    pristine: Pristine, answers: Mapping[str, str], verdicts: Mapping[str, Mapping], own: Mapping[str, Sequence[str]]
) -> list[dict]:
    """A row for each exercise of a lesson, and for each of the instructor's own checks, which `own` names."""
    return [
        row
        for number in pristine.stubs
        for row in _rows(
            number,
            verdicts.get(number, UNGRADED) if number in answers else OPEN,
            own.get(number, ()),
            number in pristine.measured,
        )
    ]


def _rows(number: str, verdict: Mapping, own: Sequence[str], measured: bool) -> Iterator[dict]:
    notes = [*verdict["notes"], *([OWN_RUN] if measured and verdict["state"] == "wrong" else [])]
    told = {"state": verdict["state"], "words": verdict["words"], "note": "; ".join(notes)}
    yield {"exercise": number, "check": COURSE} | told
    found = {one["check"]: one for one in verdict["hidden"]}
    for name in own:
        yield {"exercise": number, "check": name, "note": ""} | found.get(name, UNASKED)


def totals(result: Mapping) -> dict[str, int]:
    """How many of a notebook's exercises are in each state."""
    counts = Counter(row["state"] for row in result["rows"] if row["check"] == COURSE)
    return {state: counts[state] for state in SIGNS}


def incidents(result: Mapping) -> list[str]:
    """What an instructor should know of a notebook."""
    noted = [f"{row['exercise']} {row['note']}" for row in result["rows"] if row["note"]]
    return [text for text in (result["fault"], result["ungraded"], *result["notes"], *noted) if text]


def summary(result: Mapping) -> str:
    """A line for the terminal."""
    counts = ", ".join(f"{number} {state}" for state, number in totals(result).items() if number)
    return ": ".join([result["file"], "; ".join([counts or "not graded", *incidents(result)])])


def write_results(results: Sequence[Mapping], lessons: Mapping[str, Pristine], out: Path) -> None:
    """Write grades.csv (a row for each check), students.csv (one for each notebook) and index.html."""
    grades, students = [], []
    for result in results:
        who = {name: result[name] for name in WHO}
        grades += [who | row for row in result["rows"]]
        counts = totals(result) if result["rows"] else dict.fromkeys(SIGNS, "")
        students.append(who | counts | {"note": "; ".join(incidents(result))})
    write_whole(out / "grades.csv", _table((*WHO, "exercise", "check", "state", "words", "note"), grades))
    write_whole(out / "students.csv", _table((*WHO, *SIGNS, "note"), students))
    write_whole(out / "index.html", _page(results, lessons))


def _table(names: Sequence[str], rows: Sequence[Mapping]) -> str:
    file = io.StringIO()
    writer = csv.DictWriter(file, names, lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(row[name]) for name in names} for row in rows)
    return file.getvalue()


def _harmless(value: object) -> str:
    """One line, and no formula to a spreadsheet."""
    text = " ".join(str(value).split())
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) else text


def _page(results: Sequence[Mapping], lessons: Mapping[str, Pristine]) -> str:
    template = jinja2.Template((resources.files(__package__) / "grades.html.jinja").read_text("utf-8"), autoescape=True)
    told = [{**result, "told": incidents(result)} for result in results if incidents(result)]
    graded = [{**result, "totals": totals(result)} for result in results if result["rows"]]
    graded.sort(key=lambda result: result["student"].casefold())
    parts = [_part(pristine, [one for one in graded if one["lesson"] == name]) for name, pristine in lessons.items()]
    unlimited = sorted({words for result in results for words in result["unlimited"]})
    return template.render(parts=parts, told=told, unlimited=unlimited, signs=SIGNS, results=results, graded=graded)


def _part(pristine: Pristine, results: Sequence[Mapping]) -> dict:
    """What the page shows of one lesson: its students, and the messages on which its exercises failed."""
    messages = {(row["exercise"], row["check"]): Counter() for result in results for row in result["rows"]}
    for result in results:
        for row in result["rows"]:
            if row["state"] in ("wrong", "error"):
                messages[row["exercise"], row["check"]][row["words"]] += 1
    checks = [
        {"exercise": number, "own": "" if check == COURSE else check, "failed": found.total(), "messages": found}
        for (number, check), found in messages.items()
    ]
    return {"title": pristine.lesson.title, "checks": checks, "students": results}
