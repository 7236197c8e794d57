"""The exercises of the lessons: their checks, hints and solutions, and wrong answers that must fail."""

from .course_map import show_map
from .desk import check, hint, mine_or_reference, show_progress, solution, start_exercises

__all__ = ["check", "hint", "mine_or_reference", "show_map", "show_progress", "solution", "start_exercises"]
