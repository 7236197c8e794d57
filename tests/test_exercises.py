"""Every exercise, tested by what it is made of; from an answer to a verdict; what the desk says and remembers."""

import copy
import inspect
import itertools
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
from course_utils.exercises.exercise import Exercise, altered
from course_utils.exercises.judging import as_code, format_number, judge
from course_utils.exercises.running import Code, Other, Outcome, decode, encode, made, plain, run
from course_utils.instructor.manifest import NOTEBOOKS, read_course
from course_utils.instructor.run import fill, read_solutions

EXERCISES = all_exercises()
NOTEBOOK = {int(one.name[:2]): nbformat.read(one.notebook, as_version=4) for one in read_course(NOTEBOOKS).lessons}
each_exercise = pytest.mark.parametrize("number", EXERCISES)


def each_of(table):
    pairs = [(number, index) for number in table for index in range(len(table[number]))]
    return pytest.mark.parametrize(("number", "index"), pairs)


def cell_of(number, notebook=None):
    cells = (notebook or NOTEBOOK[int(number[0])]).cells
    (cell,) = [cell for cell in cells if cell.cell_type == "code" and f'\ncheck("{number}", ' in cell.source]
    return cell


def stub(number):
    """What the lesson's stub leaves in the answer's name."""
    namespace = {"nn": torch.nn}
    exec(cell_of(number).source.partition("\ncheck(")[0], namespace)
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
    start_exercises(0)

    def call(verb, *arguments, **keywords):
        shown.clear()
        capsys.readouterr()
        result = verb(*arguments, **keywords)
        text = " ".join(bundle["text/plain"].replace("\n", " ") for bundle in shown) + capsys.readouterr().out
        return text if result is None else result

    return call


# Every exercise -------------------------------------------------------------------------------------------------------


@each_exercise
def test_an_exercise_stands_in_its_lesson_with_its_verbs_and_is_filled_with_its_solution(number):
    cell, code = cell_of(number), EXERCISES[number].code
    assert cell.metadata.tags == ["exercise"] and f'# hint("{number}")\n# solution("{number}")' in cell.source
    filled = cell_of(number, fill(copy.deepcopy(NOTEBOOK[int(number[0])]), {number: code}))
    assert filled.source.startswith(f"{code}\n\n")


def test_exercises_stand_in_the_order_of_their_numbers():
    assert set(desk.LESSONS) == set(NOTEBOOK)
    for lesson, notebook in NOTEBOOK.items():
        source = "\n".join(cell.source for cell in notebook.cells)
        numbers = list(desk.lesson_exercises(lesson))
        pieces = [piece for number in numbers for piece in (f"**Exercise {number}.**", f'\ncheck("{number}"')]
        places = [source.index(piece) for piece in [*pieces, f"show_progress({lesson})"]]
        assert len(numbers) >= 5 and places == sorted(places)


@each_exercise
def test_hints_are_three_or_more_and_the_last_is_not_the_solution(number):
    exercise = EXERCISES[number]
    assert exercise.name.casefold().startswith("my") and exercise.why and len(exercise.hints) >= 3
    lines = [line.split("  #")[0].strip() for line in exercise.code.splitlines()]
    lines = [re.sub(r"^(return|yield|\w+ =) ", "", one) for one in lines if not re.match("def |for |class ", one)]
    assert not [line for line in lines if len(line) > 6 and line in exercise.hints[-1]]


@each_exercise
def test_the_solution_is_right_the_stub_open_and_random_numbers_stay_as_they_were(number):
    exercise, before = EXERCISES[number], torch.get_rng_state()
    verdict = verdict_on(exercise, exercise.reference, by_course=True)
    assert verdict.state == "right" and verdict.by_course
    assert not [outcome for outcome in exercise.expected if outcome.changed or outcome.error]
    assert verdict_on(exercise, stub(number)).state == "open"
    assert torch.equal(torch.get_rng_state(), before)


@each_of({number: exercise.mistakes for number, exercise in EXERCISES.items()})
def test_who_makes_a_mistake_is_told_its_words_even_where_the_answer_ran_elsewhere(number, index):
    exercise = EXERCISES[number]
    words, mistake = list(exercise.mistakes.items())[index]
    verdict = judge(exercise, decode(encode(run(mistake, exercise.inputs, exercise.use))))
    assert verdict.state in ("wrong", "error") and verdict.mistake == index, verdict.words
    assert all(piece in verdict.words for piece in words.split("{part}"))


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


@each_of(ALSO_RIGHT)
def test_a_right_answer_of_another_form_is_right(number, index):
    verdict = verdict_on(EXERCISES[number], ALSO_RIGHT[number][index])
    assert verdict.state == "right", verdict.words


FORMS = {  # a result in other forms that mean the same
    "lists": lambda value: value.tolist() if isinstance(value, torch.Tensor) else value,
    "arrays": lambda value: value.numpy() if isinstance(value, torch.Tensor) else np.float64(value),
    "float64": lambda value: value.double() if isinstance(value, torch.Tensor) else torch.tensor(value).double(),
}


def in_form(value, form):
    """A result of a solution in another form, its parts too."""
    if isinstance(value, list | tuple) and not all(isinstance(part, str) for part in value):
        return [in_form(part, form) for part in value]
    return form(value) if isinstance(value, torch.Tensor | int | float) and not isinstance(value, bool) else value


def gives_a_value(exercise):
    return exercise.use in ("call", "count_work") and not inspect.isgeneratorfunction(exercise.solution)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("number", [number for number, exercise in EXERCISES.items() if gives_a_value(exercise)])
def test_any_form_of_the_right_result_is_right_and_comes_as_what_the_lesson_goes_on_with(replies, number, form):
    exercise = EXERCISES[number]
    if exercise.inputs is None:
        mine = in_form(exercise.reference, FORMS[form])
    else:

        def mine(*arguments):
            return in_form(exercise.reference(*arguments), FORMS[form])

    assert "is right." in replies(check, number, mine)
    needed = replies(mine_or_reference, number, mine)
    if exercise.inputs is None:
        assert type(needed) is type(exercise.reference) and verdict_on(exercise, needed).state == "right"
    for arguments in exercise.inputs or ():
        given = [made(argument) for argument in arguments][exercise.use == "count_work" :]
        pair = needed(*given), exercise.reference(*given)
        several = isinstance(pair[1], list | tuple)
        for one, other in zip(*pair, strict=True) if several else [pair]:
            assert type(one) is type(other) and getattr(one, "dtype", 0) == getattr(other, "dtype", 0)


@each_of(WRONG)
def test_a_wrong_answer_is_refused_in_these_words(number, index):
    answer, state, words = WRONG[number][index]
    verdict = verdict_on(EXERCISES[number], answer)
    assert verdict.state == state and words.casefold() in verdict.words.casefold(), verdict.words


def test_the_work_allowed_is_a_twentieth_of_the_loops():
    exercise, before = EXERCISES["0.6"], sys.gettrace()
    (loop,) = [mistake for words, mistake in exercise.mistakes.items() if "one by one" in words]
    most, *arguments = exercise.inputs[-1]
    assert run(loop, [(20 * most, *arguments)], exercise.use)[0].value[1] is False
    assert sys.gettrace() is before


def test_a_mistake_that_alters_nothing_is_none():
    with pytest.raises(ValueError, match="does not contain"):
        altered(EXERCISES["3.6"].solution, {"optimiser.step()": "pass"})


# From an answer to a verdict ------------------------------------------------------------------------------------------

DOUBLE = Exercise("9.1", "doubling", lambda x: 2 * x, inputs=[(torch.tensor([1.0, 2.0]),), (torch.tensor([0.5]),)])
SQUARE = Exercise("9.1", "doubling", lambda x: 2 * x, [(2,), (3,)], mistakes={"You squared it.": lambda x: x * x})
SEVENTH = Exercise("9.1", "a seventh", lambda x: x / 7, [(0.49,)], rtol=1e-9, atol=0)
SAME = Exercise("9.1", "as it is", lambda x: x, [(torch.arange(20.0).reshape(4, 5),)])
BOTH = Exercise("9.1", "a count and a share", lambda: (10**6, 2 / 3), [()], parts=("count", "share"), rtol=1e-2)
TOTAL = Exercise("9.1", "total", lambda table: sum(table["a"]), [({"a": [1, 2]},)])


def misspelt(x):
    return los  # noqa: F821


def recursing(x):
    return recursing(x)


def stopped(x):
    raise KeyboardInterrupt


@pytest.mark.parametrize(("exercise", "answer", "state", "words"), [
    (SQUARE, lambda x: x**2, "wrong", "You squared it."),
    (SQUARE, lambda x: {2: 5, 3: 9}[x], "wrong", "(2)` gives 5, and 4 is expected"),  # it agrees on one call alone
    (DOUBLE, lambda x: x * 2.0005, "wrong", "`<lambda>(torch.tensor([0.5]))` gives [1.0002], and [1] is expected."),
    (SEVENTH, lambda x: 0.0700001, "wrong", "gives 0.0700001, and 0.07 is expected"),
    (SAME, lambda x: torch.where(x == 13, 70.0, x), "wrong", "gives 70 at `[2, 3]`, and 13 is expected"),
    (SAME, lambda x: torch.where(x == 1, torch.nan, x), "wrong", "gives nan at `[0, 1]`"),
    (BOTH, lambda: torch.tensor([1e6, 0.67]), "right", ""),
    (BOTH, lambda: (10**6 + 1, 0.67), "wrong", "Look at count: `<lambda>()` gives 1,000,001"),  # whole: no tolerance
    (BOTH, lambda: (1, 2, 3), "wrong", "2 things, in this order: count, share"),
    (BOTH, lambda: 10**6, "wrong", "2 things, in this order: count, share"),
    (DOUBLE, lambda x: x * torch.nan, "wrong", "gives [nan]"),
    (DOUBLE, lambda x: x.mul_(2), "wrong", "changed its argument `x`"),
    (TOTAL, lambda table: table["a"].pop() + table["a"].pop(), "wrong", "changed its argument `table`"),
    (DOUBLE, misspelt, "error", "NameError in line"),
    (DOUBLE, misspelt, "error", "`return los"),
    (DOUBLE, lambda x: training.fit(None, None, None, None, None, epochs=0), "error", "training.fit(None"),
    (DOUBLE, lambda x: torch.ones(2, 3) @ torch.ones(2, 3), "error", "torch.ones(2, 3) @ torch.ones(2, 3)"),
    (DOUBLE, lambda x: 2 * x if len(x) == 1 else x @ x[:1], "error", "was `<lambda>(torch.tensor([1.0, 2.0]))`"),
    (DOUBLE, lambda x: sys.exit(1), "error", "SystemExit"),
    (DOUBLE, recursing, "error", "RecursionError"),
    (DOUBLE, stopped, "error", "You stopped it in line"),
    (DOUBLE, lambda x: x + ..., "open", "still a `...` in line"),
    (DOUBLE, lambda x: (x, ...), "open", "A part"),
    (DOUBLE, lambda x: print("x" * 10_000_000) or 2 * x, "right", "It also printed: "),
])  # fmt: skip
def test_what_an_answer_gives_is_answered_in_these_words(exercise, answer, state, words):
    verdict = verdict_on(exercise, answer)
    assert verdict.state == state and words in verdict.words and len(verdict.words) < 500
    assert "site-packages" not in verdict.words and "raise ValueError" not in verdict.words
    assert torch.equal(DOUBLE.inputs[0][0], torch.tensor([1.0, 2.0]))


def test_a_stopped_answer_is_not_called_again_and_each_call_starts_at_the_same_seed():
    assert len(run(stopped, DOUBLE.inputs)) == 1
    assert torch.equal(*(outcome.value for outcome in run(lambda x: torch.rand(2), [(1,), (2,)])))


@pytest.mark.parametrize("value", [
    torch.tensor([[1, 2]]), torch.tensor([0.1, 1e-9]), torch.ones(2, dtype=torch.uint8), torch.zeros(0, 2),
    torch.tensor([True]), torch.tensor(0.1, dtype=torch.float64),
])  # fmt: skip
def test_a_value_shown_as_code_is_that_value(value):
    again = eval(as_code(value))
    assert again.dtype == value.dtype and torch.equal(again.reshape(value.shape), value)
    assert eval(as_code((math.inf, -math.inf, [1.5], ("a",)))) == (math.inf, -math.inf, [1.5], ("a",))


def test_numbers_are_written_as_people_write_them():
    written = {79510: "79,510", 0.00390625: "0.003906", 2.0: "2", math.nan: "nan", -1: "-1"}
    assert [format_number(number) for number in written] == list(written.values())


def test_a_guess_is_told_a_direction_three_times_and_never_what_is_right():
    exercise = Exercise("9.2", "a guess", "my_guess = 123")
    for tries in range(3):
        assert "too large" in verdict_on(exercise, 200, tries=tries).words
    assert verdict_on(exercise, 200, tries=3).words == verdict_on(exercise, 12, tries=7).words
    assert "hint" in verdict_on(exercise, 12, tries=3).words and "123" not in verdict_on(exercise, [1, 2]).words


def test_a_rule_gets_what_the_lesson_measured_where_an_answer_by_eye_is_taken_as_it_is():
    angle, measured = EXERCISES["6.8"], {"angles": [0, 15, 45], "accuracies": [0.9, 0.7, 0.1]}
    for answer in (15, lambda angles, accuracies: angles[1]):
        assert verdict_on(angle, answer, **measured).state == "right"
    assert "0, 15 and 45" in verdict_on(angle, 40, **measured).words


@pytest.mark.parametrize("outcomes", [[], [Outcome(1)], [1, 2]])
def test_outcomes_of_another_exercise_are_refused(outcomes):
    with pytest.raises(ValueError):
        judge(DOUBLE, outcomes)


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
    huge = np.broadcast_to(np.uint16(1), 10**10)
    for other in (object(), torch.zeros(1).expand(10**10), huge, torch.zeros(2).to_sparse(), np.zeros(2, object), int):
        assert isinstance(plain(other), Other)
    endless = []
    endless.append(endless)
    assert plain(endless) == plain([[0] * 1000] * 1000) == Other("more than can be read")
    assert "without an end" in plain(number for number in itertools.count()).words


@pytest.mark.parametrize("value", [
    None, ..., True, 3, 2.5, math.nan, "a", (1, [2]), {"a": torch.zeros(0, 2)}, Code("nn.Linear(1, 1)"), Other("odd"),
    torch.tensor([1, 2], dtype=torch.uint8), torch.tensor(True), torch.rand(2, 3).double().T,
    Outcome(torch.ones(2), changed=[0], line=3),
])  # fmt: skip
def test_plain_values_travel_as_json(value):
    again = decode(encode(value))
    assert encode(again) == encode(value) and type(again) is (list if type(value) is tuple else type(value))


@pytest.mark.parametrize("text", [
    '{"tensor": ["float32", [1000000000], ""]}', '{"tensor": ["float32", [-1], "AAAAAA=="]}', "[" * 100_000,
    '{"tensor": ["object", [0], ""]}', f'{{"tensor": ["float32", [{10**20}], "AAAAAA=="]}}', '{"tensor": 3}', "[",
    '{"outcome": {"error": 3}}', '{"outcome": {"words": ""}}', '{"outcome": 3}', '{"code": {}}',
])  # fmt: skip
def test_what_was_not_encoded_here_is_refused(text):
    with pytest.raises(ValueError):
        decode(text)


def printed_by(*command):
    return subprocess.run([sys.executable, *command], capture_output=True, text=True, check=True).stdout


def test_the_module_that_runs_answers_imports_no_exercise():
    listing = "print([name for name in sys.modules if '.lesson_' in name])"
    code = (
        f"import sys; from course_utils.exercises import desk, running; {listing}; desk.lesson_exercises(0); {listing}"
    )
    assert printed_by("-c", code) == "[]\n['course_utils.exercises.lesson_0']\n"


# The desk -------------------------------------------------------------------------------------------------------------


def test_a_check_says_what_came_of_it_and_counts_the_wrong_tries(replies):
    assert "○ 0.1 is open." in replies(check, "0.1", ...)
    assert "✓ 0.1 is right." in replies(check, "0.1", 44)
    assert replies(check, "0.9", 1).startswith("There is no exercise 0.9. There are 0.1, 0.2")
    assert replies(check, "lesson", 1).startswith("There is no exercise lesson. There are lessons 0 to")
    for _ in range(3):
        assert "✗ 0.1 is not right yet. 100 is too large" in replies(check, "0.1", 100)
    assert 'hint("0.1")' in replies(check, "0.1", 100) and "no 300" in replies(check, "0.1", 300)
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
    said = [replies(hint, "0.1") for _ in range(4)]
    assert [[one in text for one in EXERCISES["0.1"].hints] for text in said[:3]] == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]
    assert "last" in said[2] and said[3] == said[2]


def test_solutions_are_shown_with_their_reason_and_printed_for_the_instructor(replies):
    shown = replies(solution, "3.6")
    assert "optimizer.step()" in shown and EXERCISES["3.6"].why[:30] in shown
    codes = {number: exercise.code for number, exercise in EXERCISES.items()}
    assert read_solutions() == codes


def test_progress_counts_what_was_checked_in_this_run(replies):
    assert "Lesson 0: 0 of 8 answered, 0 right." in replies(show_progress, 0)
    for number, answer in (("0.1", 44), ("0.2", [28]), ("0.3", ...)):
        replies(check, number, answer)
    shown = replies(show_progress, 0)
    assert all(row in shown for row in ("Lesson 0: 2 of 8 answered, 1 right.", "✓ 0.1", "✗ 0.2", "○ 0.3"))
    replies(check, "0.1", 1)
    assert "0 right" in replies(show_progress, 0)


def test_the_lesson_goes_on_with_the_reference_until_the_answer_is_right(replies):
    reference = EXERCISES["0.3"].reference
    assert replies(mine_or_reference, "0.3", stub("0.3")) is reference
    assert "○ 0.3 is open. This is the course's own answer" in replies(check, "0.3", reference)
    mine, doubled = ALSO_RIGHT["0.3"][0], lambda images: 2 * images
    replies(check, "0.3", mine)
    assert inspect.unwrap(replies(mine_or_reference, "0.3", mine)) is mine
    many = torch.zeros(200, 1, 28, 28, dtype=torch.uint8)  # more numbers than a check reads
    assert replies(mine_or_reference, "0.3", mine)(many).shape == many.shape
    assert replies(mine_or_reference, "0.3", doubled) is reference, "changed since it was checked"
    replies(check, "0.3", doubled)
    assert replies(mine_or_reference, "0.3", mine) is reference, "the last check failed"


def test_a_number_that_is_not_whole_and_nothing_at_all_stay_what_they_are():
    assert desk.like(np.array([[-0.5, 2]]), [[1, 1]]) == [[-0.5, 2]] and desk.like(None, 1) is None


def test_with_solutions_the_course_answers_what_is_open_and_says_so(replies):
    assert "answered by the course" in replies(start_exercises, 0, solutions=True)
    assert "✓ 0.3 is right. Answered by the course." in replies(check, "0.3", stub("0.3"))
    assert replies(mine_or_reference, "0.3", stub("0.3")) is EXERCISES["0.3"].reference
    assert "✗ 0.1 is not right yet." in replies(check, "0.1", 2)
    assert "2 of 8 answered, 1 right. 1 answered by the course." in replies(show_progress, 0)
