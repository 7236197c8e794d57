"""The gradebook of a class: what `course grade` found, a roster, points, deadlines and the instructor's own marks."""

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import jsonschema
import yaml

from course_utils.exercises.desk import all_exercises

from ..files import write_whole
from .manifest import Course, WrongUse

COURSE = "course"  # the check that students know
POINTS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "each": {"type": "number", "minimum": 0},
        "exercises": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
        "weights": {"type": "object", "additionalProperties": {"type": "number", "minimum": 0}},
        "deadlines": {"type": "object"},
        "late": {"type": "number", "minimum": 0, "maximum": 1},
        "attempt": {"enum": ["latest", "best"]},
    },
}


@dataclass(frozen=True)
class Points:
    """What answers are worth. `weights` multiply a lesson's points, `late` those of what came after its deadline."""

    each: float = 1.0
    exercises: Mapping[str, float] = field(default_factory=dict)
    weights: Mapping[str, float] = field(default_factory=dict)
    deadlines: Mapping[str, datetime] = field(default_factory=dict)
    late: float = 1.0
    attempt: str = "latest"

    def of(self, exercise: str) -> float:
        return self.exercises.get(exercise, self.each)


@dataclass
class Mark:
    """What a student got for one exercise: points of how many, and words for the student."""

    exercise: str
    title: str
    state: str
    words: str
    points: float
    most: float
    comment: str = ""


@dataclass
class Work:
    """A student's lesson that counts: its marks, when it came, and what an instructor should know."""

    lesson: str
    file: str  # where it is below the folder of returned notebooks, and in a zip file
    entry: str
    came: datetime
    late: bool
    factor: float  # of its points: the lesson's weight, and what lateness leaves of it
    marks: list[Mark]
    notes: list[str]

    @property
    def points(self) -> float:
        return round(self.factor * sum(mark.points for mark in self.marks), 2)


@dataclass
class Student:
    """One row of the gradebook."""

    name: str
    id: str = ""
    email: str = ""
    works: dict[str, Work] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    @property
    def points(self) -> float:
        return round(sum(work.points for work in self.works.values()), 2)


def read_points(path: Path | None, course: Course) -> Points:
    """Read points.yaml. Raises WrongUse for what it cannot hold."""
    if path is None:
        return Points()
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        jsonschema.validate(content, POINTS)
        names = {one.name for one in course.lessons}
        for lesson in {*content.get("weights", {}), *content.get("deadlines", {})} - names:
            raise ValueError(f"there is no lesson {lesson}")
        for exercise in map(str, content.get("exercises", {})):
            if exercise not in all_exercises():
                raise ValueError(f"there is no exercise {exercise}; write its number in quotes")
        deadlines = {lesson: datetime.fromisoformat(str(at)) for lesson, at in content.get("deadlines", {}).items()}
    except jsonschema.ValidationError as error:
        where = ".".join(map(str, error.absolute_path))
        raise WrongUse(f"{path}: {where + ': ' if where else ''}{error.message}") from error
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise WrongUse(f"{path}: {error}") from error
    return Points(**content | {"deadlines": deadlines})


def read_table(path: Path | None, columns: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV file as dictionaries, with at least these columns. Raises WrongUse where it has them not."""
    if path is None:
        return []
    try:
        rows = csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig")))
        missing = [name for name in columns if name not in (rows.fieldnames or [])]
        if missing:
            raise ValueError(f"has no column {', '.join(missing)}; wanted are {', '.join(columns)}")
        return [{name: (value or "").strip() for name, value in row.items() if name} for row in rows]
    except (OSError, ValueError, csv.Error) as error:
        raise WrongUse(f"{path}: {error}") from error


def join(
    graded: Iterable[Mapping], roster: Sequence[Mapping], points: Points, overrides: Sequence[Mapping]
) -> list[Student]:
    """One row a student, by name: what counts of all that was returned, with points and the instructor's own marks.

    `graded` is what `course grade` kept in grades.json. A notebook belongs to whom its file's name says, as Canvas and
    Moodle write it, or an id in it; else to whom it names itself, by a name or an id of the roster. Raises WrongUse for
    an override of a student or an exercise that is not there.
    """
    students = [Student(row["name"], row.get("id", ""), row.get("email", "")) for row in roster]
    by_name, by_id = {}, {student.id: student for student in students if student.id}
    for student in students:
        by_name.setdefault(_plain(student.name), []).append(student)
    for student in students if len(by_name) == len(students) else ():  # where all have names of their own
        by_name.setdefault(_surname_first(student.name), [student])
    for same in (same for same in by_name.values() if len(same) > 1):
        for student in same:
            student.notes.append(
                "the roster holds this name more than once: give these students' ids in their files' names"
            )
    on_roster = {name: list(found) for name, found in by_name.items()}
    attempts: dict[tuple[int, str], list[Work]] = {}
    for one in graded:
        if not one["rows"]:
            continue
        filed = [found[0] for name in _filed(one["file"]) if len(found := on_roster.get(name, ())) == 1]
        filed += (student for id, student in by_id.items() if _holds(one["file"], id))
        known = filed[0] if filed else None
        named = [by_id[name] for name in one.get("named", ()) if name in by_id]
        same = named[:1] or by_name.get(_plain(one["student"]), []) or by_name.get(_plain(_first(one)), [])
        student = known or (same[0] if len(same) == 1 else None)
        if known and same and known not in same:
            known.notes.append(f"handed in a notebook that says it is by {one['student']}")
        if student is None:
            student = Student(one["student"], notes=["is not on the roster"] if roster else [])
            students.append(student)
            by_name.setdefault(_plain(student.name), []).append(student)
        attempts.setdefault((id(student), one["lesson"]), []).append(_work(one, points))
    _override(students, attempts, overrides, points)
    for student in students:
        for (owner, lesson), works in attempts.items():
            if owner == id(student):
                key = (lambda work: (work.points, work.came)) if points.attempt == "best" else (lambda work: work.came)
                student.works[lesson] = max(works, key=key)
                if len(works) > 1:
                    student.notes.append(f"{lesson}: {points.attempt} of {len(works)} returned")
    return sorted(students, key=lambda student: _plain(student.name))


def _work(one: Mapping, points: Points) -> Work:
    marks = []
    for number in dict.fromkeys(row["exercise"] for row in one["rows"]):
        rows = [row for row in one["rows"] if row["exercise"] == number]
        own = next((row["verdict"] for row in rows if row["check"] == COURSE), rows[0]["verdict"])
        share = sum(row["verdict"]["state"] == "right" for row in rows) / len(rows)  # hidden checks count
        most = points.of(number)
        marks.append(
            Mark(number, all_exercises()[number].title, own["state"], own["words"], round(share * most, 2), most)
        )
    came = datetime.fromtimestamp(one["came"])
    deadline = points.deadlines.get(one["lesson"])
    late = deadline is not None and came > deadline
    factor = points.weights.get(one["lesson"], 1.0) * (points.late if late else 1.0)
    return Work(
        one["lesson"],
        one["path"],
        one.get("entry", ""),
        came,
        late,
        factor,
        marks,
        [f"{row['exercise']} {row['note']}" for row in one["rows"] if row["note"]],
    )


def _override(students: Sequence[Student], attempts: Mapping, overrides: Sequence[Mapping], points: Points) -> None:
    """Set an instructor's points and comments, in every attempt that holds the exercise."""
    for row in overrides:
        owners = [one for one in students if row["student"] in (one.id, one.name)]
        marks = [
            mark
            for (owner, _), works in attempts.items() for work in works for mark in work.marks
            if owner in map(id, owners) and mark.exercise == row["exercise"]
        ]  # fmt: skip
        if not owners or not marks:
            what = f"an answer of theirs to {row['exercise']}" if owners else "such a student"
            raise WrongUse(f"overrides: {row['student']}, {row['exercise']}: there is not {what}")
        for mark in marks:
            mark.comment = row.get("comment", "")
            if row["points"]:
                try:
                    mark.points = float(row["points"])
                except ValueError as error:
                    raise WrongUse(
                        f"overrides: {row['student']}, {row['exercise']}: points {row['points']!r}"
                    ) from error


def _holds(file: str, id: str) -> bool:
    """Whether a file's name holds an id, and not just a part of a longer word."""
    return bool(re.search(rf"(?<![^\W_]){re.escape(id)}(?![^\W_])", file))


def _filed(file: str) -> list[str]:
    """Names that a path may begin with: Moodle's folders are `Ada Lovelace_12_…`, Canvas's files `lovelaceada_12_…`."""
    return [_plain(part.split("_")[0]) for part in file.removesuffix(".ipynb").split("/")]


def _first(one: Mapping) -> str:
    """The first of what a notebook says of its student, which may be followed by an id."""
    return next(iter(one.get("named", ())), "")


def _surname_first(name: str) -> str:
    """A name as Canvas writes it in files: `lovelaceada`."""
    first, *others = _plain(name).replace(",", "").split() or [""]
    return re.sub(r"\W", "", "".join([*others[-1:], first, *others[:-1]]))


def _plain(name: str) -> str:
    """A name as it is compared: without case, accents and doubled spaces."""
    letters = unicodedata.normalize("NFKD", name)
    return " ".join("".join(one for one in letters if not unicodedata.combining(one)).casefold().split())


# Tables as others import them -----------------------------------------------------------------------------------------


def write_tables(students: Sequence[Student], course: Course, points: Points, out: Path) -> None:
    """Write gradebook.csv, and canvas.csv and moodle.csv in the columns that these systems import.

    Canvas: https://community.instructure.com/en/kb/articles/660929 (a second row holds the points possible).
    Moodle: https://docs.moodle.org/en/Grade_import (a student is found by ID number or email address).
    """
    lessons = [one for one in course.lessons if any(one.name in student.works for student in students)]
    most = {one.name: most_of(one.name, students, points) for one in lessons}
    got = {
        id(student): [student.works[one.name].points if one.name in student.works else "" for one in lessons]
        for student in students
    }
    titles = [one.title for one in lessons]
    head = ["name", "id", "email", *titles, "points", "of", "late", "notes"]
    rows = [
        [student.name, student.id, student.email, *got[id(student)], student.points, sum(most.values()),
         ", ".join(work.lesson for work in student.works.values() if work.late), "; ".join(student.notes)]
        for student in students
    ]  # fmt: skip
    _write_csv(out / "gradebook.csv", [head, *rows])
    possible = ["    Points Possible", "", "", "", "", *most.values()]
    canvas = [[student.name, student.id, student.id, student.email, "", *got[id(student)]] for student in students]
    _write_csv(
        out / "canvas.csv", [["Student", "ID", "SIS User ID", "SIS Login ID", "Section", *titles], possible, *canvas]
    )
    moodle = [[student.id, student.email, *got[id(student)], _comments(student)] for student in students]
    _write_csv(out / "moodle.csv", [["ID number", "Email address", *titles, "Feedback comments"], *moodle])


def most_of(lesson: str, students: Sequence[Student], points: Points) -> float:
    """The points that a lesson which somebody returned is worth."""
    works = [student.works[lesson] for student in students if lesson in student.works]
    return round(points.weights.get(lesson, 1.0) * sum(mark.most for mark in works[0].marks), 2)


def _comments(student: Student) -> str:
    marks = [mark for work in student.works.values() for mark in work.marks if mark.comment]
    return "; ".join(f"{mark.exercise}: {mark.comment}" for mark in marks)


def _write_csv(path: Path, rows: Iterable[Sequence]) -> None:
    """Write a table with a byte-order mark, without which Excel takes UTF-8 for something else."""
    file = io.StringIO()
    csv.writer(file, lineterminator="\r\n").writerows([harmless(value) for value in row] for row in rows)
    write_whole(path, file.getvalue().encode("utf-8-sig"))


def harmless(value: object) -> object:
    """One line that no spreadsheet takes for a formula, however it is spelt."""
    if not isinstance(value, str):
        return value
    text = "".join(one if one.isprintable() else " " for one in value)
    first = unicodedata.normalize("NFKC", text).lstrip()[:1]
    return f"'{text.strip()}" if first in {"=", "+", "-", "−", "@", "|", "%"} else text


def read_graded(folder: Path) -> dict:
    """What `course grade` left in a folder. Raises WrongUse where it left nothing."""
    path = folder / "grades.json"
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WrongUse(f"{path}: not what `course grade` leaves; grade first ({error})") from error
