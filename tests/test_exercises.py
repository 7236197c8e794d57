"""Every exercise, tested by what it is made of; from an answer to a verdict; what the desk says and remembers."""

import inspect
import itertools
import json
import math
import re
import subprocess
import sys

import nbformat
import numpy as np
import pytest
import torch
from exercise_answers import ALSO_RIGHT, WRONG

from course_utils import training
from course_utils.exercises import check, desk, hint, mine_or_reference, show_progress, solution, start_exercises
from course_utils.exercises.desk import all_exercises, verdict_on
from course_utils.exercises.exercise import Exercise
from course_utils.exercises.judging import as_code, format_number, judge
from course_utils.exercises.running import Code, Other, Outcome, decode, encode, made, plain, run
from course_utils.instructor.manifest import NOTEBOOKS, read_course
from course_utils.instructor.solutions import fill, read_solutions

ALL = all_exercises()
EXERCISES = {number: exercise for number, exercise in ALL.items() if isinstance(exercise, Exercise)}
LESSONS = {int(lesson.name[:2]): lesson for lesson in read_course(NOTEBOOKS).lessons}
each_exercise = pytest.mark.parametrize("number", EXERCISES)


def listed(table):
    return pytest.mark.parametrize(
        ("number", "index"), [(number, i) for number in table for i in range(len(table[number]))]
    )


each_mistake = listed({number: exercise.mistakes for number, exercise in EXERCISES.items()})


def notebook_of(lesson):
    return nbformat.read(LESSONS[lesson].notebook, as_version=4)


def stub(number):
    """What the lesson's stub leaves in the answer's name."""
    cells = notebook_of(ALL[number].lesson).cells
    (source,) = [cell.source for cell in cells if f'\ncheck("{number}", ' in cell.source]
    namespace = {"nn": torch.nn}
    exec(source[: source.index("\ncheck(")], namespace)
    return namespace[ALL[number].name]


def code_of(solution):
    """The lines of a solution that give it away."""
    lines = [line.split("  #")[0].strip() for line in solution.splitlines()]
    parts = [
        re.sub(r"^(return|yield|\w+ =) ", "", line) for line in lines if not line.startswith(("def ", "for ", "class "))
    ]
    return [part for part in parts if len(part) > 6]


# Every exercise -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", ALL)
def test_an_exercise_stands_once_in_its_lesson_with_its_hints_and_its_solution_at_hand(number):
    cells = notebook_of(ALL[number].lesson).cells
    (cell,) = [cell for cell in cells if cell.cell_type == "code" and f'\ncheck("{number}", ' in cell.source]
    assert cell.metadata.tags == ["exercise"]
    assert f'# hint("{number}")\n# solution("{number}")' in cell.source


@pytest.mark.parametrize("lesson", LESSONS)
def test_exercises_stand_in_the_order_of_their_numbers(lesson):
    source = "\n".join(cell.source for cell in notebook_of(lesson).cells)
    numbers = [number for number in ALL if ALL[number].lesson == lesson]
    places = [
        place
        for number in numbers
        for place in (source.index(f"**Exercise {number}.**"), source.index(f'\ncheck("{number}"'))
    ]
    assert len(numbers) >= 5 and places == sorted(places)
    assert source.index(f"show_progress({lesson})") > places[-1]


@each_exercise
def test_hints_are_three_or_more_and_the_last_is_not_the_solution(number):
    exercise = EXERCISES[number]
    assert exercise.name.casefold().startswith("my") and exercise.why and len(exercise.hints) >= 3
    assert not [part for part in code_of(exercise.code) if part in exercise.hints[-1]]


@each_exercise
def test_the_solution_is_right_and_its_check_leaves_random_numbers_as_they_were(number):
    before = torch.get_rng_state()
    verdict = verdict_on(EXERCISES[number], EXERCISES[number].reference, by_course=True)
    assert verdict.state == "right" and verdict.by_course
    assert torch.equal(torch.get_rng_state(), before)


@each_exercise
def test_the_stub_is_open(number):
    assert verdict_on(EXERCISES[number], stub(number)).state == "open"


@each_mistake
def test_who_makes_a_mistake_is_told_its_words_even_where_the_answer_ran_elsewhere(number, index):
    exercise = EXERCISES[number]
    words, mistake = list(exercise.mistakes.items())[index]
    verdict = judge(exercise, decode(encode(run(mistake, exercise.inputs, exercise.use))))
    assert verdict.state in ("wrong", "error") and verdict.mistake == index, verdict.words
    pieces = [piece for piece in words.split("{part}") if piece]
    assert all(piece in verdict.words for piece in pieces)


@each_exercise
def test_a_solution_changes_no_argument_that_a_mistake_would_be_blamed_for(number):
    assert not [outcome for outcome in EXERCISES[number].expected if outcome.changed or outcome.error]


def prints(*arguments):
    print("here I am")


NONSENSE = [None, "", "text", b"bytes", [], (), {}, [[]], [None], ["a"], 3 + 4j, float("nan"), float("inf"), object(),
            int, prints, lambda: 1, lambda *arguments: "text", lambda *arguments: 1 / 0, torch.zeros(0), 10**400,
            torch.zeros(2, 3, 4, 5), np.array(["a"]), [1, [2, 3]], {"a": 1}, range(3), torch.zeros(2, device="meta"),
            lambda *arguments: {"a": arguments}, lambda *arguments: object(), np.array([1j]), set()]  # fmt: skip


@each_exercise
def test_nonsense_is_never_right_and_answered_in_words(number):
    for nonsense in NONSENSE:
        verdict = verdict_on(EXERCISES[number], nonsense)
        assert verdict.state in ("wrong", "error") and verdict.words, nonsense
        assert "site-packages" not in verdict.words and "0x" not in verdict.words


@listed(ALSO_RIGHT)
def test_a_right_answer_of_another_form_is_right(number, index):
    verdict = verdict_on(EXERCISES[number], ALSO_RIGHT[number][index])
    assert verdict.state == "right", verdict.words


@listed(WRONG)
def test_a_wrong_answer_is_refused_in_these_words(number, index):
    answer, state, words = WRONG[number][index]
    verdict = verdict_on(EXERCISES[number], answer)
    assert verdict.state == state and words.casefold() in verdict.words.casefold(), verdict.words


def test_the_work_allowed_is_a_twentieth_of_the_loops():
    exercise = EXERCISES["0.6"]
    inputs = [(20 * most, *arguments) for most, *arguments in exercise.inputs[-1:]]
    loop = next(mistake for words, mistake in exercise.mistakes.items() if "one by one" in words)
    assert run(loop, inputs, exercise.use)[0].value[1] is False
    assert sys.gettrace() is None or "pydev" in str(sys.gettrace()) or "coverage" in str(sys.gettrace())


# From an answer to a verdict ------------------------------------------------------------------------------------------

DOUBLE = Exercise("9.1", "doubling", lambda x: 2 * x, inputs=[(torch.tensor([1.0, 2.0]),), (torch.tensor([0.5]),)])


def verdict(answer, exercise=DOUBLE):
    return verdict_on(exercise, answer)


def test_a_misconception_is_named_only_where_its_program_agrees_on_every_call():
    exercise = Exercise("9.1", "doubling", lambda x: 2 * x, [(2,), (3,)], mistakes={"You squared it.": lambda x: x * x})
    assert verdict(lambda x: x**2, exercise).words == "You squared it."
    assert "squared" not in verdict(lambda x: {2: 5, 3: 9}[x], exercise).words


def test_the_smallest_failing_call_is_shown_ready_to_paste_with_digits_that_differ():
    words = verdict(lambda x: x * 2.0005).words
    assert "`<lambda>(torch.tensor([0.5]))` gives [1.0002], and [1] is expected." in words
    nearly = Exercise("9.1", "a seventh", lambda x: x / 7, [(0.49,)], rtol=1e-9, atol=0)
    assert "gives 0.0700001, and 0.07 is expected" in verdict(lambda x: 0.0700001, nearly).words
    assert eval(as_code((math.inf, -math.inf, [1.5]))) == (math.inf, -math.inf, [1.5])
    for value in (
        torch.tensor([[1, 2]]),
        torch.tensor([0.1, 1e-9]),
        torch.ones(2, dtype=torch.uint8),
        torch.zeros(0, 2),
    ):
        again = eval(as_code(value))
        assert again.dtype == value.dtype and torch.equal(again.reshape(value.shape), value)


def test_of_many_numbers_the_one_that_is_furthest_off_is_shown():
    exercise = Exercise("9.1", "as it is", lambda x: x, [(torch.arange(20.0).reshape(4, 5),)])
    assert (
        "gives 70 at `[2, 3]`, and 13 is expected" in verdict(lambda x: torch.where(x == 13, 70.0, x), exercise).words
    )
    assert "gives nan at `[0, 1]`" in verdict(lambda x: torch.where(x == 1, torch.nan, x), exercise).words


def test_a_guess_is_told_a_direction_three_times_and_never_what_is_right():
    exercise = Exercise("9.2", "a guess", "my_guess = 123")
    for tries in range(3):
        assert "too large" in verdict_on(exercise, 200, tries=tries).words
    assert verdict_on(exercise, 200, tries=3).words == verdict_on(exercise, 12, tries=7).words
    assert "hint" in verdict_on(exercise, 12, tries=3).words
    assert "123" not in verdict_on(exercise, [1, 2]).words


def test_a_value_and_the_rule_for_it_are_judged_by_what_the_lesson_measured():
    exercise, measured = EXERCISES["5.8"], {"angles": [0, 15, 45], "accuracies": [0.9, 0.7, 0.1]}
    for answer in (15, lambda angles, accuracies: angles[1]):
        assert verdict_on(exercise, answer, **measured).state == "right"
    assert verdict_on(exercise, ..., by_course=True, **measured).state == "right"
    assert "0, 15 and 45" in verdict_on(exercise, 40, **measured).words


def test_parts_may_come_as_one_tensor_and_neither_more_nor_fewer():
    exercise = Exercise("9.1", "both", lambda a: (a, 2 * a), [(1.5,)], parts=("a", "its double"))
    assert verdict(lambda a: torch.tensor([a, 2 * a]), exercise).state == "right"
    for answer in (lambda a: (a, 2 * a, 3), lambda a: [a], lambda a: a):
        assert "2 things, in this order: a, its double" in verdict(answer, exercise).words


def test_two_letters_may_come_in_one_text():
    assert verdict_on(EXERCISES["6.17"], "a, F").state == "right"


def test_a_rule_gets_what_the_lesson_measured_where_an_answer_by_eye_is_taken_as_it_is():
    exercise = EXERCISES["6.20"]
    ((example,),), by_eye = exercise.inputs, exercise.expected[0].value
    dealt = {patient: example[other] for patient, other in zip(example, reversed(example), strict=True)}
    given = {"truth": {patient: by_eye[other] for patient, other in zip(example, reversed(example), strict=True)}}
    given["curves"] = dealt
    assert verdict_on(exercise, exercise.reference, by_course=True, **given).state == "right"
    assert verdict_on(exercise, lambda curves: exercise.reference(curves), **given).state == "right"
    assert verdict_on(exercise, given["truth"], **given).state == "right"
    assert verdict_on(exercise, by_eye, **given).state == "wrong"
    assert verdict_on(exercise, dict.fromkeys(example, ...), **given).state == "open"


def test_outcomes_of_another_exercise_are_refused():
    for outcomes in ([], [Outcome(1)], [1, 2]):
        with pytest.raises(ValueError):
            judge(DOUBLE, outcomes)


def test_an_error_is_shown_with_its_line_and_nothing_of_the_machine():
    def my_answer(x):
        return los  # noqa: F821

    told = verdict(my_answer)
    assert told.state == "error" and "NameError in line" in told.words and "`return los" in told.words
    assert "/" not in told.words.split("noqa")[0]
    below = verdict(lambda x: training.fit(None, None, None, None, None, epochs=0))
    assert "ValueError" in below.words and "training.fit(" in below.words and "raise ValueError" not in below.words
    in_torch = verdict(lambda x: torch.ones(2, 3) @ torch.ones(2, 3))
    assert "torch.ones(2, 3) @ torch.ones(2, 3)" in in_torch.words and "mat1" in in_torch.words


def test_where_only_some_calls_fail_one_is_shown():
    assert (
        "The call was `<lambda>(torch.tensor([1.0, 2.0]))`"
        in verdict(lambda x: 2 * x if len(x) == 1 else x @ x[:1]).words
    )


def test_a_loop_that_the_student_stops_is_told_with_its_line_and_ends_the_check():
    calls = []

    def my_answer(x):
        calls.append(x)
        raise KeyboardInterrupt

    told = verdict(my_answer)
    assert told.state == "error" and "You stopped it in line" in told.words and len(calls) == 1


def test_leaving_recursing_and_reading_a_stub_do_not_break_the_lesson():
    def recursing(x):
        return recursing(x)

    assert verdict(lambda x: sys.exit(1)).state == verdict(recursing).state == "error"
    half = verdict(lambda x: x + ...)
    assert half.state == "open" and "still a `...` in line" in half.words
    part = verdict(lambda x: (x, ...))
    assert part.state == "open" and "A part" in part.words


def test_what_a_function_prints_is_kept_short_and_told():
    def my_answer(x):
        print("x" * 10_000_000)
        return 2 * x

    told = verdict(my_answer)
    assert told.state == "right" and "It also printed: " in told.words and len(told.words) < 500


def test_a_run_leaves_random_numbers_as_they_were_and_starts_each_call_alike():
    torch.manual_seed(3)
    expected = torch.rand(3)
    torch.manual_seed(3)
    drawn = [outcome.value for outcome in run(lambda x: torch.rand(2), [(1,), (2,)])]
    assert torch.equal(*drawn) and torch.equal(torch.rand(3), expected)


def test_a_changed_argument_is_noticed_and_does_not_reach_the_next_student():
    def my_answer(x):
        x *= 2
        return x

    assert "changed its argument `x`" in verdict(my_answer).words
    assert torch.equal(DOUBLE.inputs[0][0], torch.tensor([1.0, 2.0]))
    exercise = Exercise("9.1", "total", lambda table: sum(table["a"]), [({"a": [1, 2]},)])
    assert "changed its argument `table`" in verdict(lambda table: table["a"].pop() + table["a"].pop(), exercise).words


def test_nan_is_never_taken_for_a_number_and_whole_numbers_are_compared_exactly():
    assert verdict(lambda x: x * torch.nan).state == "wrong"
    count = Exercise("9.1", "a count", lambda: 1_000_000, [()])
    assert verdict(lambda: 1_000_001, count).state == "wrong" and verdict(lambda: 1e6, count).state == "right"
    beside = Exercise("9.1", "a count and a share", lambda: (4, 2 / 3), [()], parts=("count", "share"), rtol=1e-2)
    assert verdict(lambda: (4.02, 0.67), beside).state == "wrong"
    assert verdict(lambda: (4, 0.67), beside).state == "right"


# Plain values ---------------------------------------------------------------------------------------------------------


class Sly(torch.Tensor):
    shape = (1, 2, 3)

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        return True


class SlyFloat(float):
    def __eq__(self, other):
        return True

    __hash__ = float.__hash__


class SlyList(list):
    def __iter__(self):
        return iter([7])


def test_what_comes_back_is_plain():
    sly = plain(torch.ones(2).as_subclass(Sly))
    assert type(sly) is torch.Tensor and sly.shape == (2,)
    assert type(plain(SlyFloat(2))) is float and plain(SlyList([1, 2])) == [1, 2]
    assert type(plain(torch.nn.Parameter(torch.ones(2)))) is torch.Tensor
    assert plain(np.float64(2)).dtype is torch.float64 and plain(range(3)) == [0, 1, 2]
    assert plain(np.array([1, 2], dtype=np.uint16)).tolist() == [1, 2]
    for other in (object(), torch.zeros(1).expand(10**10), torch.zeros(2).to_sparse(), np.zeros(2, dtype=object), int):
        assert isinstance(plain(other), Other)
    endless = []
    endless.append(endless)
    assert plain(endless) == plain([[0] * 1000] * 1000) == Other("more than can be read")
    assert "without an end" in plain(number for number in itertools.count()).words


def test_plain_values_travel_as_json():
    values = [None, ..., True, 3, 2.5, "a", (1, [2]), {"a": torch.zeros(0, 2)}, Code("nn.Linear(1, 1)"), Other("odd"),
              torch.tensor([1, 2], dtype=torch.uint8), torch.tensor(True), torch.rand(2, 3).double().T,
              Outcome(torch.ones(2), changed=[0], line=3)]  # fmt: skip
    for value in values:
        assert encode(decode(encode(value))) == encode(value)
    assert encode(decode(encode(float("nan")))) == "NaN"


@pytest.mark.parametrize("text", [
    '{"tensor": ["float32", [1000000000], ""]}', '{"tensor": ["float32", [-1], "AAAAAA=="]}', "[" * 100_000,
    '{"tensor": ["object", [0], ""]}', f'{{"tensor": ["float32", [{10**20}], ""]}}',
    '{"outcome": {"error": 3}}', '{"outcome": {"words": ""}}', '{"outcome": 3}', '{"code": {}}', "[", '{"tensor": 3}',
])  # fmt: skip
def test_what_was_not_encoded_here_is_refused(text):
    with pytest.raises(ValueError):
        decode(text)


def test_the_module_that_runs_answers_imports_no_exercise():
    code = "import sys, course_utils.exercises.running; print([name for name in sys.modules if '.lesson_' in name])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
    one = code.replace("; print", "; course_utils.exercises.desk.lesson_exercises(0); print")
    assert (
        "lesson_0']" in subprocess.run([sys.executable, "-c", one], capture_output=True, text=True, check=True).stdout
    )


def test_numbers_are_written_as_people_write_them():
    assert [format_number(one) for one in (79510, 0.00390625, 2.0, float("nan"), -1)] == [
        "79,510",
        "0.003906",
        "2",
        "nan",
        "-1",
    ]


# The desk -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def shown(monkeypatch):
    """What the exercises display, as mime bundles."""
    bundles = []
    monkeypatch.setattr(desk, "display", lambda bundle, raw: bundles.append(bundle))
    return bundles


@pytest.fixture
def replies(shown, capsys):
    """Start afresh; call a verb, and get what it says as text, or what it returns."""
    start_exercises(0)

    def call(verb, *arguments, **keywords):
        shown.clear()
        capsys.readouterr()
        result = verb(*arguments, **keywords)
        text = " ".join(bundle["text/plain"].replace("\n", " ") for bundle in shown) + capsys.readouterr().out
        return text if result is None else result

    return call


def test_a_check_says_what_came_of_it_and_tells_the_next(replies):
    assert "○ 0.1 is open." in replies(check, "0.1", ...)
    assert "✗ 0.1 is not right yet." in replies(check, "0.1", 300)
    assert "✓ 0.1 is right." in replies(check, "0.1", 44)
    assert replies(check, "0.9", 1).startswith("There is no exercise 0.9. There are 0.1, 0.2")
    assert replies(check, "lesson", 1).startswith("There is no exercise lesson. There are lessons 0 to")


def test_the_desk_counts_the_wrong_tries(replies):
    for _ in range(3):
        assert "too large" in replies(check, "0.1", 100)
    assert 'hint("0.1")' in replies(check, "0.1", 100)
    assert "no 300" in replies(check, "0.1", 300)
    replies(start_exercises, 0)
    assert "too large" in replies(check, "0.1", 100)


def test_a_check_shows_html_with_the_words_escaped(shown):
    def my_inputs(images):
        raise ValueError("<script>")

    check("0.3", my_inputs)
    (bundle,) = shown
    assert "&lt;script&gt;" in bundle["text/html"] and "<script>" not in bundle["text/html"]
    assert "stopped with an error" in bundle["text/html"] and "<code>" in bundle["text/html"]


def test_hints_come_one_by_one_and_the_last_stays(replies):
    first, second, third, fourth = (replies(hint, "0.1") for _ in range(4))
    one, two, three = EXERCISES["0.1"].hints
    assert one in first and two not in first
    assert one in second and two in second and three not in second
    assert three in third and "last" in third and fourth == third


def test_the_solution_is_shown_with_its_reason(replies):
    shown = replies(solution, "3.6")
    assert "optimizer.step()" in shown and EXERCISES["3.6"].why[:30] in shown


def test_progress_counts_what_was_checked_in_this_run(replies):
    assert "Lesson 0: 0 of 7 answered, 0 right." in replies(show_progress, 0)
    replies(check, "0.1", 44)
    replies(check, "0.2", [28])
    replies(check, "0.3", ...)
    shown = replies(show_progress, 0)
    assert "Lesson 0: 2 of 7 answered, 1 right." in shown
    assert "✓ 0.1" in shown and "✗ 0.2" in shown and "○ 0.3" in shown
    replies(check, "0.1", 1)
    assert "0 right" in replies(show_progress, 0)


def test_the_lesson_goes_on_with_the_reference_until_the_answer_is_right(replies):
    reference = EXERCISES["0.3"].reference
    assert replies(mine_or_reference, "0.3", stub("0.3")) is reference
    mine, doubled = ALSO_RIGHT["0.3"][1], lambda images: 2 * images
    replies(check, "0.3", mine)
    assert inspect.unwrap(replies(mine_or_reference, "0.3", mine)) is mine
    assert replies(mine_or_reference, "0.3", doubled) is reference, "changed since it was checked"
    replies(check, "0.3", doubled)
    assert replies(mine_or_reference, "0.3", mine) is reference, "the last check failed"


def is_called_for_a_value(exercise):
    return exercise.use in ("call", "reaches", "count_work") and not inspect.isgeneratorfunction(exercise.solution)


@listed({number: answers for number, answers in ALSO_RIGHT.items() if is_called_for_a_value(EXERCISES[number])})
def test_what_is_accepted_comes_as_what_the_lesson_goes_on_with(replies, number, index):
    exercise, mine = EXERCISES[number], ALSO_RIGHT[number][index]
    replies(check, number, mine)
    needed = replies(mine_or_reference, number, mine)
    if exercise.inputs is None:
        assert type(needed) is type(exercise.reference) and verdict_on(exercise, needed).state == "right"
        return
    for arguments in exercise.inputs:
        given = [made(argument) for argument in arguments][exercise.use == "count_work" :]
        for one, other in zip(parts_of(needed(*given)), parts_of(exercise.reference(*given)), strict=True):
            assert type(one) is type(other) and getattr(one, "dtype", 0) == getattr(other, "dtype", 0)


def test_what_is_accepted_may_give_the_lesson_more_numbers_than_a_check_reads(replies):
    mine = ALSO_RIGHT["0.3"][1]
    replies(check, "0.3", mine)
    assert replies(mine_or_reference, "0.3", mine)(torch.zeros(200, 1, 28, 28, dtype=torch.uint8)).shape[0] == 200


def parts_of(value):
    return value if isinstance(value, list | tuple) else [value]


def test_a_number_that_is_not_whole_and_nothing_at_all_stay_what_they_are():
    assert desk.like(np.array([[-0.5, 2]]), [[1, 1]]) == [[-0.5, 2]]
    assert desk.like(None, 1) is None


def test_a_layers_weights_can_be_read_by_an_answer_in_numpy(replies):
    mine = ALSO_RIGHT["1.2"][1]
    replies(check, "1.2", mine)
    layer = torch.nn.Linear(2, 2)
    with torch.no_grad():
        weight, bias = replies(mine_or_reference, "1.2", mine)(layer.weight, layer.bias, layer.weight, layer.bias)
    assert weight.dtype is bias.dtype is torch.float32


def test_the_reference_is_never_taken_for_the_students_answer(replies):
    reference = replies(mine_or_reference, "0.3", stub("0.3"))
    assert "○ 0.3 is open. This is the course's own answer" in replies(check, "0.3", reference)
    assert "0 right" in replies(show_progress, 0)


def test_with_solutions_the_course_answers_what_is_open_and_says_so(replies):
    assert "answered by the course" in replies(start_exercises, 0, solutions=True)
    assert "✓ 0.3 is right. Answered by the course." in replies(check, "0.3", stub("0.3"))
    assert replies(mine_or_reference, "0.3", stub("0.3")) is EXERCISES["0.3"].reference
    assert "✗ 0.1 is not right yet." in replies(check, "0.1", 2)
    assert "2 of 7 answered, 1 right. 1 answered by the course." in replies(show_progress, 0)


def test_the_printed_solutions_are_those_of_the_exercises():
    assert read_solutions() == {number: exercise.code for number, exercise in ALL.items()}
    command = [sys.executable, "-m", "course_utils.exercises"]
    assert json.loads(subprocess.run(command, capture_output=True, check=True).stdout)["0.1"].startswith("my_sum")


@pytest.mark.parametrize("number", ALL)
def test_a_filled_cell_holds_the_solution_and_its_check(number):
    notebook = fill(notebook_of(ALL[number].lesson), {number: ALL[number].code})
    (cell,) = [cell for cell in notebook.cells if f'\ncheck("{number}", ' in cell.source]
    assert cell.source.startswith(ALL[number].code + "\n\n")


def test_the_desk_finds_a_module_for_every_lesson_of_the_manifest():
    assert set(desk.LESSONS) == set(LESSONS)
