"""`course gradebook`: who is who, what counts, tables that others import, feedback that goes back, the class's page."""

import csv
import json
import re
import zipfile
from datetime import datetime

import nbformat
import pytest
from browsing import NEEDS_CHROMIUM, watched_page
from click.testing import CliRunner
from test_grade import RIGHT, STUBS, lesson, write_course

from course_utils.__main__ import course
from course_utils.exercises.judging import Verdict
from course_utils.instructor.gradebook import Points, harmless, join
from course_utils.instructor.manifest import read_course
from course_utils.instructor.returned import COURSE, Place, Returned, Row, read_lesson
from course_utils.instructor.tables import write_results

LONG = """def my_step(model, images, labels, loss_fn, optimizer):
    outputs = model(images)
    loss = loss_fn(outputs, labels)
    loss.backward()
    optimizer.step()
    optimizer.zero_grad()
    return loss.item()"""


def row(exercise, state="right", words="", check="course", note=""):
    verdict = {"state": state, "words": words, "mistake": None, "by_course": False}
    return {"exercise": exercise, "check": check, "verdict": verdict, "note": note}


def one(student, path, rows, came="2026-11-20 12:00", answers=None, fault=None):
    return {
        "file": path, "path": path, "came": datetime.fromisoformat(came).timestamp(), "student": student,
        "lesson": "00_short", "answers": answers or {}, "fault": fault, "ungraded": None, "rows": rows,
    }  # fmt: skip


ADA = [
    row("3.1"),
    row("3.2", "wrong", "You summed over the batch."),
    row("3.2", "wrong", "secret words", check="keeps_float64"),
]
BOB = [row("3.1"), row("3.2"), row("3.2", "wrong", "secret words", check="keeps_float64")]


@pytest.fixture(scope="module")
def notebooks(tmp_path_factory):
    return write_course(tmp_path_factory.mktemp("course") / "notebooks", lesson())


@pytest.fixture
def desk(tmp_path, notebooks):
    """A folder with what was returned and graded, and a function that makes the gradebook of it."""
    returned, grades = tmp_path / "returned", tmp_path / "grades"
    returned.mkdir()
    grades.mkdir()

    def make(graded, *options, **files):
        for entry in graded:
            nbformat.write(lesson({"3.2": RIGHT["3.2"]}), returned / entry["path"])
        (grades / "grades.json").write_text(json.dumps({"returned": str(returned), "notebooks": graded}))
        for name, text in files.items():
            (tmp_path / name).write_text(text, encoding="utf-8")
            options += (f"--{name}", str(tmp_path / name))
        arguments = ["gradebook", str(grades), "--notebooks", str(notebooks), "--out", str(tmp_path / "book"), *options]
        return CliRunner().invoke(course, arguments), tmp_path / "book"

    return make


def table(path):
    raw = path.read_bytes()
    assert raw.startswith(b"\xef\xbb\xbf")
    return list(csv.DictReader(raw.decode("utf-8-sig").splitlines()))


def test_a_roster_joins_names_ids_and_who_returned_nothing(desk):
    roster = "name,id,email\nÁda  Lovelace,u1,ada@x.org\nBob,u2,b@x.org\nCleo,u3,c@x.org\n"
    graded = [one("ada lovelace", "a.ipynb", ADA), one("x", "hw1_u2_final.ipynb", BOB), one("Zoe", "z.ipynb", BOB)]
    done, out = desk(graded, roster=roster)
    assert done.exit_code == 0 and "4 students, 1 of them without a graded lesson, feedback for 3" in done.output
    rows = {row["name"]: row for row in table(out / "gradebook.csv")}
    assert list(rows) == ["Áda  Lovelace", "Bob", "Cleo", "Zoe"] and rows["Cleo"]["A short lesson"] == ""
    assert [rows[name]["points"] for name in rows] == ["1.0", "1.5", "0", "1.5"]  # a hidden check is half of 3.2
    assert rows["Zoe"]["notes"] == "is not on the roster" and rows["Bob"]["id"] == "u2"


@pytest.mark.parametrize(
    ("file", "named", "wanted"),
    [
        ("lovelaceada_LATE_99_1_lesson.ipynb", [], "Ada Lovelace"),  # as Canvas names files
        ("Ada Lovelace_41_assignsubmission_file_/lesson.ipynb", [], "Ada Lovelace"),  # and Moodle folders
        ("lovelaceada_99_1_u2.ipynb", [], "Ada Lovelace"),  # what a student chose comes last
        ("x.ipynb", ["Ada Lovelace", "u1"], "Ada Lovelace"),
        ("x.ipynb", ["A. L.", "u1"], "Ada Lovelace"),
        ("hopperGrace_1_2_x.ipynb", ["Ada Lovelace"], "Grace Hopper"),  # who takes another's name has none of it
    ],
)
def test_a_notebook_finds_its_student(tmp_path, file, named, wanted):
    graded = one(", ".join(named) or "x", file, BOB) | {"named": named}
    roster = [{"name": "Ada Lovelace", "id": "u1"}, {"name": "Grace Hopper", "id": "u2"}]
    found = {student.name: student for student in join([graded], roster, Points(), [])}
    assert list(found) == ["Ada Lovelace", "Grace Hopper"] and found[wanted].works
    assert bool(found[wanted].notes) is (wanted == "Grace Hopper")


def test_who_shares_a_name_is_told_apart_by_ids_alone(desk):
    done, out = desk([one("Kim", "k.ipynb", ADA), one("Kim", "u2.ipynb", BOB)], roster="name,id\nKim,u1\nKim,u2\n")
    rows = table(out / "gradebook.csv")
    assert done.exit_code == 0 and [(row["id"], row["points"]) for row in rows if row["id"]] == [
        ("u1", "0"),
        ("u2", "1.5"),
    ]
    assert sum("more than once" in row["notes"] for row in rows) == 2 and len(rows) == 3


def test_points_weights_deadlines_and_attempts(desk):
    graded = [
        one("Ada", "1.ipynb", BOB, "2026-11-20 12:00"), one("Ada", "2.ipynb", ADA, "2026-11-21 12:00"),
    ]  # fmt: skip
    points = (
        'each: 2\nexercises: {"3.2": 4}\nweights: {00_short: 0.5}\ndeadlines: {00_short: 2026-11-20 18:00}\nlate: 0.8\n'
    )
    _, out = desk(graded, points=points)
    (latest,) = table(out / "gradebook.csv")
    assert (latest["points"], latest["of"], latest["late"]) == (str(0.5 * 0.8 * 2), "3.0", "00_short")
    _, out = desk(graded, points=points + "attempt: best\n")
    (best,) = table(out / "gradebook.csv")
    assert (best["points"], best["late"]) == (str(0.5 * (2 + 2)), "") and "best of 2 returned" in best["notes"]


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"points": "eahc: 2\n"}, "'eahc' was unexpected"),
        ({"points": "late: 2\n"}, "late: 2 is greater than the maximum of 1"),
        ({"points": "weights: {09_none: 1}\n"}, "there is no lesson 09_none"),
        ({"points": "exercises: {3.99: 1}\n"}, "there is no exercise 3.99; write its number in quotes"),
        ({"points": "deadlines: {00_short: tomorrow}\n"}, "Invalid isoformat"),
        ({"points": "a: [\n"}, "points:"),
        ({"roster": "student\nAda\n"}, "has no column name; wanted are name"),
        ({"overrides": "student,exercise,points,comment\nEve,3.1,1,\n"}, "Eve, 3.1: there is not such a student"),
        ({"overrides": "student,exercise,points,comment\nAda,3.6,1,\n"}, "there is not an answer of theirs to 3.6"),
        ({"overrides": "student,exercise,points,comment\nAda,3.1,many,\n"}, "points 'many'"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_line(desk, files, words):
    done, out = desk([one("Ada", "a.ipynb", ADA)], **files)
    assert done.exit_code == 2 and words in done.stderr and done.stderr.count("\n") == 1 and not out.exists()


def test_an_instructors_marks_and_comments_count_and_stay(desk):
    overrides = "student,exercise,points,comment\nAda,3.2,0.75,Right on paper\nAda,3.1,,Well done\n"
    for _ in range(2):
        _, out = desk([one("Ada", "a.ipynb", ADA)], overrides=overrides)
        assert table(out / "gradebook.csv")[0]["points"] == "1.75"
    page = (out / "feedback" / "Ada" / "feedback.html").read_text()
    assert "Right on paper" in page and "Well done" in page


def test_canvas_and_moodle_find_the_columns_that_they_import(desk):
    _, out = desk([one("Ada", "a.ipynb", BOB)], roster="name,id,email\nAda,u1,ada@x.org\n")
    lines = (out / "canvas.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0] == "Student,ID,SIS User ID,SIS Login ID,Section,A short lesson"
    assert lines[1] == "    Points Possible,,,,,2.0" and lines[2] == "Ada,u1,u1,ada@x.org,,1.5"
    assert table(out / "moodle.csv")[0] == {
        "ID number": "u1", "Email address": "ada@x.org", "A short lesson": "1.5", "Feedback comments": "",
    }  # fmt: skip


@pytest.mark.parametrize(
    "formula", ["=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\r=1", "＝1+1", "﹢1", "−1", "\u00a0=1", "|x"]
)
def test_no_name_is_a_formula(formula):
    assert harmless(formula).startswith("'") and harmless("Ada-Maria") == "Ada-Maria" and harmless(2.5) == 2.5


def test_feedback_speaks_of_its_student_alone_and_of_no_hidden_check(desk):
    graded = [one("Ada", "a.ipynb", ADA), one("Bob", "b.ipynb", BOB), one("../Bob", "c.ipynb", BOB)]
    _, out = desk(graded)
    names = sorted(folder.name for folder in (out / "feedback").iterdir())
    assert names == ["Ada", "Bob", "Bob-2"]
    ada = (out / "feedback" / "Ada" / "feedback.html").read_text()
    assert "You summed over the batch." in ada and "3.2" in ada and "Bob" not in ada
    for file in (out / "feedback").rglob("*.*"):
        assert not re.search("secret|keeps_float64|hidden", file.read_text())
    notebook = nbformat.read(out / "feedback" / "Ada" / "00_short.ipynb", 4)
    nbformat.validate(notebook)
    comments = [cell.source for cell in notebook.cells if cell.source.startswith("> ")]
    assert comments == ["> ✓ **3.1: 1 of 1.** ", "> ✗ **3.2: 0 of 1.** You summed over the batch."]
    with zipfile.ZipFile(out / "feedback.zip") as archive:
        assert {"Ada/feedback.html", "Bob-2/00_short.ipynb"} <= set(archive.namelist())


def test_answers_alike_but_for_names_are_shown_and_short_ones_not(desk):
    renamed = LONG.replace("loss.", "l.").replace("loss ", "l ").replace("outputs", "o") + "  # mine"
    answers = [{"3.6": LONG, "3.3": "my_loss = 1"}, {"3.6": renamed, "3.3": "my_loss = 1"}, {"3.6": "def my_step(:"}]
    graded = [one(f"S{k}", f"{k}.ipynb", BOB, answers=given) for k, given in enumerate(answers)]
    _, out = desk(graded)
    page = (out / "index.html").read_text()
    assert page.count("<details>") == 1 and "S0, S1" in page and "my_loss = 1" not in page


def test_what_was_not_graded_stands_on_the_page(desk):
    _, out = desk([one("Ada", "a.ipynb", ADA), one("Eve", "e.ipynb", [], fault="it is broken <b>")])
    assert "e.ipynb: it is broken &lt;b&gt;" in (out / "index.html").read_text()


def test_without_grades_it_says_what_to_do(tmp_path, notebooks):
    done = CliRunner().invoke(course, ["gradebook", str(tmp_path), "--notebooks", str(notebooks)])
    assert done.exit_code == 2 and "grade first" in done.stderr


@NEEDS_CHROMIUM[0]
@NEEDS_CHROMIUM[1]
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_two_hundred_students_are_sorted_searched_and_fit_a_telephone(chromium, desk, scheme):
    graded = [one(f"Student {k}", f"{k}.ipynb", BOB if k % 3 else ADA) for k in range(200)]
    _, out = desk(graded)
    with watched_page(chromium, 390, 850) as page:
        page.emulate_media(color_scheme=scheme)
        page.goto((out / "index.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        shown = lambda: [name.split()[1] for name in page.locator("tbody tr:visible th").all_inner_texts()]  # noqa: E731
        assert len(shown()) == 200
        page.get_by_role("button", name="points").click()
        first = page.locator("tbody td").first.inner_text()
        page.get_by_role("button", name="points").click()
        assert (first, page.locator("tbody td").first.inner_text()) == ("1.5", "1")
        page.get_by_role("searchbox").fill("student 17")
        assert sorted(shown()) == sorted(["17", *(str(k) for k in range(170, 180))])
        page.locator(".scrolling").evaluate("region => region.scrollTo(0, 9999)")
        assert page.get_by_role("button", name="points").is_visible()


def test_grade_leaves_what_the_gradebook_needs(notebooks, tmp_path):
    (tmp_path / "returned").mkdir()
    nbformat.write(lesson({"3.2": RIGHT["3.2"]}, first="name: Ada"), tmp_path / "returned" / "a.ipynb")
    (tmp_path / "returned" / "broken.ipynb").write_text("{")
    common = ["--notebooks", str(notebooks)]
    grades = str(tmp_path / "grades")
    done = CliRunner().invoke(course, ["grade", str(tmp_path / "returned"), "--out", grades, *common])
    assert done.exit_code == 1 and "2 notebooks, 1 not graded" in done.output
    done = CliRunner().invoke(course, ["gradebook", grades, "--out", str(tmp_path / "book"), *common])
    assert done.exit_code == 0, done.output
    assert table(tmp_path / "book" / "gradebook.csv")[0]["points"] == "1.0" and len(STUBS) == 5


@NEEDS_CHROMIUM[0]
@NEEDS_CHROMIUM[1]
def test_the_page_of_grades_sorts_searches_and_keeps_its_head(chromium, notebooks, tmp_path):
    lessons = {one.name: read_lesson(one, "smoke") for one in read_course(notebooks).lessons}
    returned = [
        Returned(f"{place}.ipynb", f"Émilie {place}", Place(tmp_path / f"{place}.ipynb", ""), lesson="00_short", rows=[
            Row("3.1", COURSE, Verdict("right" if place % 3 else "wrong", "<b>"))])
        for place in range(200)
    ]  # fmt: skip
    write_results(returned, lessons, tmp_path, tmp_path / "out")
    with watched_page(chromium, 390, 850) as page:
        page.goto((tmp_path / "out" / "index.html").as_uri())
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        page.get_by_role("button", name="right").click()
        assert page.locator("td.total").first.inner_text().startswith("0")
        page.locator(".scrolling").evaluate("region => region.scrollTo(0, 9999)")
        assert page.get_by_role("button", name="right").is_visible()
        page.get_by_role("searchbox").fill("emilie 19")
        assert (
            page.locator(".sorts tbody tr:visible").count() == 12 == int(page.locator("#shown").inner_text().split()[0])
        )
