"""Every exercise: its solution, its stub, its wrong answers, correct answers of other shapes, and plain nonsense."""

import json
import subprocess
import sys
from collections import Counter

import nbformat
import numpy as np
import pytest
import torch
from right_answers import ALSO_RIGHT

from course_utils import training
from course_utils.exercises import (
    asking,
    check,
    desk,
    hint,
    mine_or_reference,
    show_progress,
    solution,
    start_exercises,
)
from course_utils.exercises.desk import all_exercises, judge
from course_utils.exercises.exercise import Wrong
from course_utils.instructor.manifest import NOTEBOOKS, read_course
from course_utils.instructor.solutions import fill, read_solutions

EXERCISES = all_exercises()
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


def test_there_are_at_least_thirty_and_some_in_every_lesson():
    assert len(EXERCISES) >= 30
    per_lesson = Counter(exercise.lesson for exercise in EXERCISES.values())
    assert set(per_lesson) == set(LESSONS) and min(per_lesson.values()) >= 5


@each_exercise
def test_an_exercise_stands_once_in_its_lesson_with_its_hints_and_its_solution_at_hand(number):
    (cell,) = cells(number)
    assert cell.metadata.tags == ["exercise"]
    assert f'# hint("{number}")\n# solution("{number}")' in cell.source
    exercise = EXERCISES[number]
    assert exercise.name.startswith("my_") and len(exercise.hints) in (2, 3) and exercise.why


def test_exercises_stand_in_the_order_of_their_numbers():
    for lesson in LESSONS:
        source = "\n".join(cell.source for cell in nbformat.read(LESSONS[lesson].notebook, as_version=4).cells)
        numbers = [number for number in EXERCISES if EXERCISES[number].lesson == lesson]
        places = [source.index(f'\ncheck("{number}"') for number in numbers]
        assert places == sorted(places)
        assert all(
            source.index(f"**Exercise {number}.**") < place for number, place in zip(numbers, places, strict=True)
        )
        assert source.index(f"show_progress({lesson})") > places[-1]


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
    ("number", "index"), [(number, i) for number in ALSO_RIGHT for i in range(len(ALSO_RIGHT[number]))]
)
def test_a_right_answer_of_another_shape_is_right(number, index):
    reply = judge(EXERCISES[number], ALSO_RIGHT[number][index])
    assert reply.state == "right", reply.words


def test_a_check_says_what_came_of_it_and_tells_the_next(replies):
    assert "○ 3.5 is open." in replies(check, "3.5", ...)
    assert "✗ 3.5 is not right yet." in replies(check, "3.5", 79_400)
    assert "✓ 3.5 is right." in replies(check, "3.5", 79_510)
    assert replies(check, "3.9", 1).startswith("There is no exercise 3.9. There are 3.1, 3.2")


def test_a_check_shows_html_with_the_words_escaped(shown):
    def my_inputs(images):
        raise ValueError("<script>")

    check("0.3", my_inputs)
    (bundle,) = shown
    assert "&lt;script&gt;" in bundle["text/html"] and "<script>" not in bundle["text/html"]
    assert "stopped with an error" in bundle["text/html"] and "<code>" in bundle["text/html"]


def test_hints_come_one_by_one_and_the_last_stays(replies):
    first, second, third = (replies(hint, "3.5") for _ in range(3))
    one, two = EXERCISES["3.5"].hints
    assert one in first and two not in first
    assert one in second and two in second and "last" in second
    assert third == second


def test_the_solution_is_shown_with_its_reason(replies):
    shown = replies(solution, "3.6")
    assert "optimizer.step()" in shown and EXERCISES["3.6"].why[:30] in shown


def test_progress_counts_what_was_checked_in_this_run(replies):
    assert "Lesson 3: 0 of 7 answered, 0 right." in replies(show_progress, 3)
    replies(check, "3.5", 79_510)
    replies(check, "3.3", 2)
    replies(check, "3.1", ...)
    shown = replies(show_progress, 3)
    assert "Lesson 3: 2 of 7 answered, 1 right." in shown
    assert "✓ 3.5" in shown and "✗ 3.3" in shown and "○ 3.1" in shown
    replies(check, "3.5", 1)
    assert "0 right" in replies(show_progress, 3)
    replies(start_exercises, 3)
    assert "0 of 7 answered" in replies(show_progress, 3)


def test_the_lesson_goes_on_with_the_reference_until_the_answer_is_right(replies):
    reference = EXERCISES["3.2"].reference
    assert replies(mine_or_reference, "3.2", stub("3.2")) is reference
    replies(check, "3.2", stub("3.2"))
    assert replies(mine_or_reference, "3.2", stub("3.2")) is reference
    mine = ALSO_RIGHT["3.2"][1]
    replies(check, "3.2", mine)
    assert replies(mine_or_reference, "3.2", mine) is mine
    assert replies(mine_or_reference, "3.2", lambda logits: logits) is reference, "changed since it was checked"
    replies(check, "3.2", lambda logits: logits)
    assert replies(mine_or_reference, "3.2", mine) is reference, "the last check failed"


def test_the_reference_is_never_taken_for_the_students_answer(replies):
    reference = replies(mine_or_reference, "3.2", stub("3.2"))
    assert "○ 3.2 is open. This is the course's own answer" in replies(check, "3.2", reference)
    assert "0 right" in replies(show_progress, 3)


def test_with_solutions_the_course_answers_what_is_open_and_says_so(replies):
    assert "answered by the course" in replies(start_exercises, 3, solutions=True)
    assert "✓ 3.2 is right. Answered by the course." in replies(check, "3.2", stub("3.2"))
    assert replies(mine_or_reference, "3.2", stub("3.2")) is EXERCISES["3.2"].reference
    assert "✗ 3.3 is not right yet." in replies(check, "3.3", 2)
    shown = replies(show_progress, 3)
    assert "2 of 7 answered, 1 right. 1 answered by the course." in shown


def test_an_error_is_shown_with_its_line_and_nothing_of_the_machine():
    def my_step(model, images, labels, loss_fn, optimizer):
        loss_fn(model(images), labels)
        return los  # noqa: F821

    reply = judge(EXERCISES["3.6"], my_step)
    assert reply.state == "error"
    assert "NameError" in reply.words and "`return los" in reply.words and "in line" in reply.words
    assert "/" not in reply.words.split("noqa")[0]


def test_an_error_in_torch_is_shown_at_the_students_line():
    def my_convolution(image, kernel):
        wide = torch.ones(2, 3)
        return wide @ wide

    reply = judge(EXERCISES["4.1"], my_convolution)
    assert reply.state == "error" and "`return wide @ wide`" in reply.words and "mat1" in reply.words


def test_an_error_below_the_students_code_is_shown_at_the_students_line():
    reply = judge(EXERCISES["1.2"], lambda *arguments: training.fit(None, None, None, None, None, epochs=0))
    assert "ValueError" in reply.words and "training.fit(" in reply.words and "raise ValueError" not in reply.words


def test_a_loop_that_the_student_stops_is_told_with_its_line():
    def my_collapse(W1, b1, W2, b2):
        raise KeyboardInterrupt

    reply = judge(EXERCISES["1.2"], my_collapse)
    assert (
        reply.state == "error"
        and "You stopped it in line" in reply.words
        and "`raise KeyboardInterrupt`" in reply.words
    )


def test_leaving_recursing_and_reading_a_stub_do_not_break_the_lesson():
    def recursing(*arguments):
        return recursing(*arguments)

    assert judge(EXERCISES["1.2"], lambda *arguments: sys.exit(1)).state == "error"
    assert judge(EXERCISES["1.2"], recursing).state == "error"
    half = judge(EXERCISES["1.2"], lambda W1, b1, W2, b2: (W2 @ W1, W2 @ b1 + ...))
    assert half.state == "open" and "still a `...` in line" in half.words
    part = judge(EXERCISES["1.2"], lambda W1, b1, W2, b2: (W2 @ W1, ...))
    assert part.state == "open" and "A part" in part.words


def test_what_a_function_prints_is_kept_short_and_told():
    def my_layers(*arguments):
        print("x" * 10_000_000)
        return 5

    reply = judge(EXERCISES["4.3"], my_layers)
    assert "It also printed: " in reply.words and len(reply.words) < 500
    printed = desk._Printed()
    for _ in range(3):
        printed.write("x" * 10_000_000)
    assert len(printed.getvalue()) == 1000, "what is printed must not fill the memory"


def test_a_check_leaves_random_numbers_and_arguments_as_they_were():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)

    def my_log_softmax(logits):
        torch.rand(5)
        logits -= logits.exp().sum(dim=1, keepdim=True).log()
        return logits

    assert "Subtract the largest" in judge(EXERCISES["3.2"], my_log_softmax).words
    assert torch.equal(torch.rand(3), expected)


def test_a_students_function_gets_copies():
    given = torch.ones(3)
    asking.ask(lambda tensor: tensor.zero_(), given)
    assert torch.equal(given, torch.ones(3))


def test_true_is_no_number():
    with pytest.raises(Wrong, match="A number is wanted here, and your answer is `True`"):
        asking.number_of(True)


def test_a_prediction_that_is_wrong_does_not_give_the_right_one_away():
    for number in ("0.1", "1.4", "2.5", "3.5", "4.4"):
        exercise = EXERCISES[number]
        for guess in (1, 10**7, -3):
            assert str(exercise.reference) not in judge(exercise, guess).words.replace(",", "")


def test_expect_names_the_first_place_that_differs():
    with pytest.raises(Wrong, match=r"The result for x is 3 at \[1, 0\], and 4 is expected"):
        asking.expect([[1, 2], [3, 4]], [[1, 2], [4, 4]], what="the result", given="for x")
    with pytest.raises(Wrong, match="is nan at"):
        asking.expect([1, float("nan")], [2, 2], what="the result")
    with pytest.raises(Wrong, match=r"`\[3\]`, and `\[2\]`"):
        asking.expect([1, 2, 3], [1, 2])


def test_the_printed_solutions_are_those_of_the_exercises():
    assert read_solutions() == {number: exercise.code for number, exercise in EXERCISES.items()}
    command = [sys.executable, "-m", "course_utils.exercises"]
    assert json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["0.1"].startswith("my_sum")


@each_exercise
def test_a_filled_cell_holds_the_solution_and_its_check(number):
    notebook = nbformat.read(LESSONS[EXERCISES[number].lesson].notebook, as_version=4)
    solutions = {number: EXERCISES[number].code}
    fill(notebook, solutions)
    (cell,) = [cell for cell in notebook.cells if f'\ncheck("{number}", ' in cell.source]
    assert cell.source.startswith(EXERCISES[number].code + "\n\n")
    others = [cell.source for cell in notebook.cells if "exercise" in cell.metadata.get("tags", []) if cell is not None]
    assert sum(EXERCISES[number].code in source for source in others) == 1


def test_desk_finds_a_module_for_every_lesson_of_the_manifest():
    assert set(desk.LESSONS) == set(LESSONS)
