"""What maintainers do with the lessons: rendering, and copies for nbval; on courses of tiny notebooks."""

import base64
import json
import os
import tempfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from test_instructor import GOOD, PARAMETERS, PICTURE, code_cells, read, write_course

from course_utils.data import load_digits, save_digits
from course_utils.instructor.execute import recorded
from course_utils.instructor.manifest import NOTEBOOKS, read_course
from course_utils.maintain import maintain, minutes_of, sessions, source_sha256, write_outputs
from course_utils.site.notebooks import pictures


def call(*arguments):
    return CliRunner().invoke(maintain, [str(argument) for argument in arguments])


def test_render_writes_outputs_results_and_table(tmp_path, monkeypatch):
    save_digits(load_digits("digits", train_size=20), tmp_path / "data", container="mnist")
    monkeypatch.setenv("COURSE_DATA", str(tmp_path / "data"))
    figures = "record(net_parameters=7850, net_test_loss=0.1, net_test_accuracy=0.97, net_seconds=epochs)"
    profiles = {"profiles": {"smoke": {}, "class": {"epochs": 3}, "full": {"epochs": 8}}}
    lessons = {
        "00_good": ([*GOOD[:2], figures, PICTURE, "import os; print(os.getcwd())"], profiles),
        "01_failing": ([PARAMETERS, "1 / 0"], {}),
    }
    notebooks = write_course(tmp_path, lessons, {"CNN": {"lesson": "00_good", "prefix": "net_"}})
    readme = tmp_path / "README.md"
    readme.write_text("# A course\n\n<!-- results -->\nold\n<!-- /results -->\n\nThe end.\n")
    (notebooks / "results.json").write_text('{"lessons": {"02_other": {"figures": {"kept": 1}}}}')
    before = (notebooks / "01_failing.ipynb").read_text()
    result = call("render", "--notebooks", notebooks)
    assert result.exit_code == 1 and "01_failing: FAILED" in result.output
    assert (notebooks / "01_failing.ipynb").read_text() == before

    text, notebook = (notebooks / "00_good.ipynb").read_text(), read(notebooks / "00_good.ipynb")
    cells = code_cells(notebooks / "00_good.ipynb")
    assert [cell.execution_count for cell in cells] == [1, 2, 3, 4, 5] and cells[0].metadata.tags == ["parameters"]
    assert "papermill" not in text and "injected" not in text and str(tmp_path) not in text
    assert next(pictures(notebook))[1] == "Loss curves: falls from 2 to 1."
    assert recorded(notebook)["net_seconds"] == 3  # the class profile's
    assert notebook.metadata.course.source_sha256 == source_sha256(notebook) and notebook.metadata.course.seconds > 0
    assert notebook.metadata.kernelspec.name == "python3" and notebook.metadata.language_info == {"name": "python"}

    results = json.loads((notebooks / "results.json").read_text())["lessons"]
    assert list(results) == ["00_good", "02_other"] and results["02_other"] == {"figures": {"kept": 1}}
    assert results["00_good"]["figures"]["net_seconds"] == 8  # the full profile's
    assert results["00_good"]["machine"]["cores"] == os.cpu_count()
    command = "papermill notebooks/00_good.ipynb out.ipynb -p epochs 8"
    recipe = "four 5×5 convolutions to 64, one linear layer; cross entropy; Adam, lr 0.001; batch 64; 8 epochs"
    row = f"| `CNN` | {recipe} | 7,850 | 0.1000 | 97.00 % | 8 s | `{command}` |"
    start, end = "# A course\n\n<!-- results -->\n|", "<!-- /results -->\n\nThe end.\n"
    assert row in readme.read_text() and "old" not in readme.read_text()
    assert readme.read_text().startswith(start) and readme.read_text().endswith(end)

    readme.write_text("no markers")
    result = call("render", "0", "--notebooks", notebooks)
    assert result.exit_code == 2 and "<!-- results -->" in result.output
    monkeypatch.setenv("COURSE_DATA", str(tmp_path))
    result = call("render", "--notebooks", notebooks)
    assert result.exit_code == 1 and "rendered on MNIST" in result.output and "course data fetch" in result.output


def test_rendered_outputs_name_no_folder_of_the_machine_and_go_into_no_notebook_edited_meanwhile(tmp_path):
    path = write_course(tmp_path, {"00_good": (GOOD, {})}) / "00_good.ipynb"
    executed = read(path)
    warning = f"{tempfile.gettempdir()}/ipykernel_12/345.py:3: UserWarning, {tmp_path}/data and {Path.home()}/data"
    picture = {"image/png": base64.b64encode(b"picture" * 30_000).decode()}  # long enough to show a slow search
    executed.cells[1].outputs = [
        new_output("stream", text=warning),
        new_output("display_data", data=picture | {"application/vnd.jupyter.widget-view+json": {}}),
    ]
    write_outputs(path, executed, 1.0)
    stream, display = read(path).cells[1].outputs
    assert stream.text == "this cell:3: UserWarning, data and ~/data" and display.data == picture
    assert not (path.parent / "cover.png").exists()
    executed.cells[1].metadata["tags"].append("cover")
    write_outputs(path, executed, 1.0)
    assert (path.parent / "cover.png").read_bytes() == b"picture" * 30_000
    executed.cells[-1].source += "  # as it was"
    with pytest.raises(Exception, match="edited while it ran"):
        write_outputs(path, executed, 1.0)


def test_what_the_sessions_hold_is_as_the_lessons_and_exercises_are():
    written = (NOTEBOOKS.parent / "docs/sessions.md").read_text()
    assert written == sessions(read_course(NOTEBOOKS)), "run: python -m course_utils.maintain docs"
    assert "## Lesson 0\n" in written and "| together |" in written


def test_minutes_count_words_code_and_exercises():
    cells = [new_markdown_cell("# A\n\n" + "word " * 298), new_markdown_cell("word " * 150 + "\n\n## B\n\nword"),
             new_code_cell("1"), new_code_cell("2", metadata={"tags": ["exercise"]}),
             new_code_cell("3", metadata={"tags": ["hide-input"]})]  # fmt: skip
    minutes = minutes_of(new_notebook(cells=cells))
    assert {name: round(one, 1) for name, one in minutes.items()} == {"Opening": 3, "B": 5.5}


def test_copies_for_nbval_have_the_profiles_parameters_and_the_committed_outputs(tmp_path):
    path = write_course(tmp_path, {"00_good": (GOOD, {})}) / "00_good.ipynb"
    committed = read(path)
    committed.cells[3].outputs = [new_output("stream", text="kept")]
    path.write_text(json.dumps(committed))
    assert call("prepare", "--profile", "smoke", "--notebooks", path.parent).exit_code == 0
    prepared = read(tmp_path / "build/nbval/00_good.ipynb").cells
    assert "MPLBACKEND=agg" in prepared[0].source
    assert "epochs = 1" in prepared[3].source and prepared[5].outputs[0].text == "kept"
