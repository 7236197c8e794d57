"""The course at a glance: its lessons, and how far a student has come in each."""

import html
from functools import cache
from pathlib import Path

import yaml
from IPython.display import display

from .. import progress
from .desk import LESSONS, lesson_exercises

MANIFEST = Path(__file__).resolve().parents[2] / "notebooks" / "course.yaml"
STYLE = """<style>
.course-map { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 14em), 1fr)); gap: 10px;
  max-width: 62em; margin: 0; padding: 0; list-style: none; line-height: 1.4 }
.course-map li { margin: 0; padding: 0.6em 0.8em; border: 1px solid #80808080; border-left: 4px solid #808080 }
.course-map li.begun { border-left-color: #D55E00 }
.course-map li.done { border-left-color: #1A8A67 }
.course-map .steps { letter-spacing: 0.15em }
</style>"""


def show_map() -> None:
    """Show each lesson in a box: its question, its exercises right of how many, and the guesses made."""
    rows = [_row(lesson) for lesson in LESSONS]
    boxes = "".join(_box(*row) for row in rows)
    text = "\n".join(
        f"{number} · {title}: {_words(right, exercises, guesses)}"
        for number, title, _, right, exercises, guesses in rows
    )
    display({"text/html": f'{STYLE}<ol class="course-map">{boxes}</ol>', "text/plain": text}, raw=True)


def progress_in_words() -> str:
    """What was kept, a line a lesson, and where it is kept."""
    kept = progress.everything()
    lines = [
        f"{number} · {title:24} {_words(right, exercises, guesses)}"
        for number, title, _, right, exercises, guesses in (_row(lesson, kept) for lesson in LESSONS)
    ]
    digits = len(kept["digits"])
    lines.append(f"{digits} digit{'' if digits == 1 else 's'} drawn.")
    lines.append(f"Kept in {progress.progress_file()}; nothing leaves your machine.")
    return "\n".join(lines)


def _row(lesson: int, kept: dict | None = None) -> tuple[int, str, str, int, int, int]:
    """A lesson's number, title and question, its exercises that are right, those that there are, and its guesses."""
    answers, guesses = (kept[kind] if kept else progress.noted(kind) for kind in ("answers", "guesses"))
    exercises = lesson_exercises(lesson)
    right = sum(answers.get(number, {}).get("right", False) for number in exercises)
    made = sum(name.startswith(f"{lesson}.") and "sure" in guess for name, guess in guesses.items())
    title, question = _titles()[lesson]
    return lesson, title, question, right, len(exercises), made


@cache
def _titles() -> dict[int, tuple[str, str]]:
    lessons = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))["lessons"]
    return {int(name.split("_")[0]): (lesson["title"], lesson["question"]) for name, lesson in lessons.items()}


def _words(right: int, exercises: int, guesses: int) -> str:
    made = f", {guesses} guess{'' if guesses == 1 else 'es'} made" if guesses else ""
    return f"{right} of {exercises} exercises right{made}"


def _box(lesson: int, title: str, question: str, right: int, exercises: int, guesses: int) -> str:
    state = "done" if right == exercises else "begun" if right or guesses else "open"
    steps = "■" * right + "□" * (exercises - right)
    return (
        f'<li class="{state}"><b>{lesson} · {html.escape(title)}</b><br>{html.escape(question)}<br>'
        f'<span class="steps" aria-hidden="true">{steps}</span><br>{_words(right, exercises, guesses)}</li>'
    )
