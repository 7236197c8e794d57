"""The page of a class: an overview first, then a row a student to sort and search, and answers that are alike."""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib import resources
from pathlib import Path

import jinja2

from ..files import write_whole
from .gradebook import Points, Student, most_of
from .manifest import Course

LEAST_NODES = 40  # of an answer's syntax tree: shorter answers are often alike


def write_class_page(graded: Sequence[Mapping], students: Sequence[Student], course: Course, points: Points, out: Path):
    """Write index.html. It needs no network, and fits a telephone."""
    template = jinja2.Template((resources.files(__package__) / "class.html.jinja").read_text("utf-8"), autoescape=True)
    lessons = [one for one in course.lessons if any(one.name in student.works for student in students)]
    failed = [one for one in graded if one["fault"] or one["ungraded"]]
    page = template.render(
        students=students, lessons=lessons, parts=list(overview(students, course, points)), failed=failed,
        groups=alike(graded, students), late=[one for one in students if any(work.late for work in one.works.values())],
    )  # fmt: skip
    write_whole(out / "index.html", page)


# Answers that are alike -----------------------------------------------------------------------------------------------


def alike(graded: Iterable[Mapping], students: Sequence[Student]) -> list[tuple[str, list[str], str]]:
    """Answers of several students that are the same but for names, comments and layout: exercise, students, code.

    For eyes, not for verdicts. Short answers and those that more than a tenth of the class gave are left out.
    """
    owner = {work.file: student.name for student in students for work in student.works.values()}
    groups: dict[tuple[str, str], dict[str, str]] = {}
    for one in graded:
        for exercise, code in one["answers"].items():
            if one["path"] in owner and (form := _form(code)):
                groups.setdefault((exercise, form), {})[owner[one["path"]]] = code
    most = max(2, len(students) // 10)
    found = [
        (number, sorted(codes), min(codes.values())) for (number, _), codes in groups.items() if 1 < len(codes) <= most
    ]
    return sorted(found, key=lambda group: (-len(group[2]), group[0]))


def _form(code: str) -> str:
    """What is left of code without names, comments and layout; "" where it is short, or none."""
    try:
        tree = ast.parse(code)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return ""
    names: dict[str, str] = {}
    nodes = 0
    for node in ast.walk(tree):
        nodes += 1
        for part in ("id", "arg", "name"):
            if isinstance(name := getattr(node, part, None), str):
                setattr(node, part, names.setdefault(name, f"n{len(names)}"))
    return ast.dump(tree) if nodes >= LEAST_NODES else ""


# The class at a glance ------------------------------------------------------------------------------------------------


def overview(students: Sequence[Student], course: Course, points: Points) -> Iterator[dict]:
    """Of each lesson returned: how many, the mean, ten bins of shares, and its exercises, the hardest first."""
    for lesson in course.lessons:
        works = [student.works[lesson.name] for student in students if lesson.name in student.works]
        if not works:
            continue
        most = most_of(lesson.name, students, points)
        shares = [work.points / most if most else 0.0 for work in works]
        marks = [mark for work in works for mark in work.marks]
        hardest = []
        for number in dict.fromkeys(mark.exercise for mark in marks):
            of = [mark for mark in marks if mark.exercise == number]
            words = Counter(mark.words for mark in of if mark.state in ("wrong", "error") and mark.words)
            right = sum(mark.state == "right" for mark in of)
            hardest.append(
                (right / len(of), number, of[0].title, right, len(of), *(words.most_common(1) or [("", 0)])[0])
            )
        yield {
            "title": lesson.title,
            "returned": len(works),
            "late": sum(work.late for work in works),
            "mean": sum(work.points for work in works) / len(works),
            "most": most,
            "bins": [sum(int(min(share * 10, 9)) == bin for share in shares) for bin in range(10)],
            "hardest": sorted(hardest)[:5],
        }
