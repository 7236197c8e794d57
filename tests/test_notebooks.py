"""The lessons themselves: as committed, and run in small on the embedded digits, and on MNIST where it is."""

import re
from pathlib import Path

import nbformat
import papermill
import pytest

from course_utils.data import DataError, load_digits
from course_utils.instructor.manifest import NOTEBOOKS, read_course
from course_utils.instructor.run import read_solutions, run_lessons, summary
from course_utils.maintain import source_sha256
from course_utils.site.notebooks import pictures

LESSONS = {lesson.name: lesson for lesson in read_course(NOTEBOOKS).lessons}
PATHS = re.compile(r"(?<![\w.:/…])/(home|root|Users|tmp|opt|usr|var|mnt|private)/|[A-Z]:\\\\?Users")
each_lesson = pytest.mark.parametrize("name", LESSONS)


def read(name):
    return nbformat.read(LESSONS[name].notebook, as_version=4)


def code_cells(name):
    return [cell for cell in read(name).cells if cell.cell_type == "code"]


def exercises(notebook):
    return [cell for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])]


def test_the_manifest_names_every_notebook():
    assert sorted(LESSONS) == sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))


@each_lesson
def test_outputs_are_committed_in_order_without_errors_and_rendered_from_the_present_source(name):
    cells, notebook = code_cells(name), read(name)
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert outputs and not [one for one in outputs if one.output_type == "error" or one.get("name") == "stderr"]
    rendered_from = notebook.metadata.get("course", {}).get("source_sha256")
    assert rendered_from == source_sha256(notebook), f"render it again: python -m course_utils.maintain render {name}"


@each_lesson
def test_a_lesson_belongs_to_no_machine_and_every_figure_has_an_alternative_text(name):
    text, metadata = LESSONS[name].notebook.read_text(encoding="utf-8"), read(name).metadata
    assert not PATHS.search(text) and str(Path(__file__).resolve().parents[1]) not in text
    assert metadata.kernelspec.name == "python3" and set(metadata) <= {"kernelspec", "language_info", "course"}
    texts = [text for _, text in pictures(read(name))]
    assert texts and all(texts)


@each_lesson
def test_exercises_begin_before_the_first_and_all_their_verbs_are_imported(name):
    first, *others = code_cells(name)
    assert all(f"    {verb},\n" in first.source for verb in ("check", "hint", "solution"))
    sources = [cell.source for cell in others]
    start = f"start_exercises({int(name[:2])}, solutions=solutions)"
    begun = next(index for index, source in enumerate(sources) if start in source)
    assert begun < next(index for index, source in enumerate(sources) if "\ncheck(" in source)


@each_lesson
def test_parameters_are_typed_and_explained(name):
    tagged = [cell for cell in code_cells(name) if "parameters" in cell.metadata.get("tags", [])]
    assert len(tagged) == 1
    parameters = papermill.inspect_notebook(LESSONS[name].notebook).values()
    assert len(parameters) == len(tagged[0].source.strip().splitlines())
    for parameter in parameters:
        assert parameter["inferred_type_name"] != "None" and parameter["help"], parameter


@pytest.fixture(params=["digits", "mnist"])
def dataset(request):
    if request.param == "mnist":
        try:
            load_digits("mnist")
        except DataError as error:
            pytest.skip(f"MNIST is not at hand: {error}")
    return request.param


@each_lesson
def test_a_lesson_in_small(name, dataset, tmp_path):
    """With every exercise answered on the embedded digits, and with none answered on MNIST."""
    lesson = LESSONS[name]
    solutions = read_solutions() if dataset == "digits" else None
    (result,) = run_lessons([lesson], "smoke", {"source": dataset}, tmp_path, solutions)
    assert result["failure"] is None, summary(result)
    assert result["figures"]["dataset"] == dataset
    assert {check["verdict"] for check in result["bands"].values()} == {"inside"}, summary(result)
    recorded = {name for name, value in result["figures"].items() if not isinstance(value, str)}
    timed = {name for name in recorded if name.endswith("_seconds")}  # no band fits every machine
    assert recorded - timed == set(result["bands"]), (
        "each recorded figure has a band in course.yaml, and each band a figure"
    )
    executed = nbformat.read(tmp_path / f"{name}.ipynb", as_version=4)
    texts = [text for _, text in pictures(executed)]
    assert texts and all(texts)
    sign = "✓" if solutions else "○"
    replies = [next(one.data["text/plain"] for one in cell.outputs if "data" in one) for cell in exercises(executed)]
    assert replies and all(reply.startswith(sign) for reply in replies), replies


def test_the_solutions_parameter_answers_a_whole_lesson(tmp_path):
    name = "00_start_here"
    (result,) = run_lessons([LESSONS[name]], "smoke", {"solutions": True}, tmp_path)
    assert result["failure"] is None, summary(result)
    executed = nbformat.read(tmp_path / f"{name}.ipynb", as_version=4)
    for cell in exercises(executed):
        shown = [output.data["text/plain"] for output in cell.outputs]
        assert "the course's answer" in shown[0] and shown[1].startswith("✓"), shown
    assert f"{len(exercises(executed))} answered by the course" in str(executed.cells)
