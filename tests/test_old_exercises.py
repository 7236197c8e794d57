"""The exercises that still have a check function each."""

import nbformat
import numpy as np
import pytest
import torch
from right_answers import ALSO_RIGHT

from course_utils.exercises import (
    desk,
    old_asking,
    start_exercises,
)
from course_utils.exercises.desk import all_exercises
from course_utils.exercises.old_exercise import Exercise, Wrong
from course_utils.exercises.old_judging import judge
from course_utils.instructor.manifest import NOTEBOOKS, read_course

EXERCISES = {number: one for number, one in all_exercises().items() if isinstance(one, Exercise)}
LESSONS = {int(lesson.name[:2]): lesson for lesson in read_course(NOTEBOOKS).lessons}
each_exercise = pytest.mark.parametrize("number", EXERCISES)
MISTAKES = [(number, index) for number, exercise in EXERCISES.items() for index in range(len(exercise.mistakes))]


def cells(number):
    """The cells of the lesson that check this exercise."""
    notebook = nbformat.read(LESSONS[EXERCISES[number].lesson].notebook, as_version=4)
    return [
        cell for cell in notebook.cells
        if cell.cell_type == "code" and f'\ncheck("{number}", ' in cell.source
    ]  # fmt: skip


def stub(number):
    """What the lesson's stub leaves in the answer's name."""
    source = cells(number)[0].source
    namespace = {}
    exec(source[: source.index("\ncheck(")], namespace)
    return namespace[EXERCISES[number].name]


@pytest.fixture
def shown(monkeypatch):
    """What the exercises display, as mime bundles."""
    bundles = []
    monkeypatch.setattr(desk, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


@pytest.fixture
def replies(shown, capsys):
    """Start afresh; call a verb, and get what it says as text, or what it returns."""
    start_exercises(3)

    def call(verb, *arguments, **keywords):
        shown.clear()
        capsys.readouterr()
        result = verb(*arguments, **keywords)
        text = " ".join(bundle["text/plain"].replace("\n", " ") for bundle in shown) + capsys.readouterr().out
        return text if result is None else result

    return call


@each_exercise
def test_the_solution_is_right(number):
    exercise = EXERCISES[number]
    assert judge(exercise, exercise.reference, by_course=True).state == "right"


@each_exercise
def test_the_stub_is_open(number):
    assert judge(EXERCISES[number], stub(number)).state == "open"


@each_exercise
def test_three_mistakes_or_more_each_have_a_message_of_their_own(number):
    mistakes = EXERCISES[number].mistakes
    assert len(mistakes) >= 3
    words = [judge(EXERCISES[number], answer).words for answer, _ in mistakes]
    assert len(set(words)) == len(words)


@pytest.mark.parametrize(("number", "index"), MISTAKES)
def test_a_mistake_fails_with_words_that_name_it(number, index):
    answer, words = EXERCISES[number].mistakes[index]
    reply = judge(EXERCISES[number], answer)
    assert reply.state in ("wrong", "error")
    assert words in reply.words


def prints(*arguments):
    print("here I am")


NONSENSE = [None, "", "text", b"bytes", [], (), {}, [[]], [None], ["a"], 3 + 4j, float("nan"), float("inf"), object(),
            int, prints, lambda: 1, lambda *arguments: "text", lambda *arguments: 1 / 0, torch.zeros(0),
            torch.zeros(2, 3, 4, 5), np.array(["a"]), [1, [2, 3]], {"a": 1}, range(3)]  # fmt: skip


@each_exercise
def test_nonsense_is_never_right_and_never_breaks_the_lesson(number):
    for nonsense in NONSENSE:
        reply = judge(EXERCISES[number], nonsense)
        assert reply.state in ("wrong", "error") and reply.words, nonsense
        assert "site-packages" not in reply.words


@pytest.mark.parametrize(
    ("number", "index"),
    [(number, i) for number in ALSO_RIGHT if number in EXERCISES for i in range(len(ALSO_RIGHT[number]))],
)
def test_a_right_answer_of_another_shape_is_right(number, index):
    reply = judge(EXERCISES[number], ALSO_RIGHT[number][index])
    assert reply.state == "right", reply.words


def test_a_students_function_gets_copies():
    given = torch.ones(3)
    old_asking.ask(lambda tensor: tensor.zero_(), given)
    assert torch.equal(given, torch.ones(3))


def test_true_is_no_number():
    with pytest.raises(Wrong, match="A number is wanted here, and your answer is `True`"):
        old_asking.number_of(True)


def test_expect_names_the_first_place_that_differs():
    with pytest.raises(Wrong, match=r"The result for x is 3 at \[1, 0\], and 4 is expected"):
        old_asking.expect([[1, 2], [3, 4]], [[1, 2], [4, 4]], what="the result", given="for x")
    with pytest.raises(Wrong, match="is nan at"):
        old_asking.expect([1, float("nan")], [2, 2], what="the result")
    with pytest.raises(Wrong, match=r"`\[3\]`, and `\[2\]`"):
        old_asking.expect([1, 2, 3], [1, 2])
