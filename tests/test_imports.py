"""What importing the core costs and needs: nothing but its own libraries, and no room knows another one's secrets."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

import course_utils

PACKAGE = Path(course_utils.__file__).parent
NOTEBOOKS = PACKAGE.parent / "notebooks"
CORE = ("files", "machine", "runtime", "data", "models", "training", "plotting")
# What takes a large share of `import torch` to import, or more than that.
HEAVY = ("torchvision", "torch._dynamo", "sympy", "triton", "sklearn", "scipy", "pandas")

# The libraries that the core stands on are imported first, so that what is watched is the core's own doing.
IMPORT_CORE_UNDER_WATCH = """
import importlib, os, socket, sys, threading

for forbidden in ("ipywidgets", "papermill", "anywidget", "torchvision", "sklearn"):
    sys.modules[forbidden] = None  # importing it raises ImportError

def refuse(*args, **kwargs):
    raise AssertionError("the core opened a connection")

socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse

import IPython.display, matplotlib.figure, matplotlib.pyplot, torch

def watch(event, args):
    if event == "open":
        name, mode, flags = args
        if flags and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            raise AssertionError(f"the core opened {name} for writing")
    if event in ("os.mkdir", "os.remove", "os.rename", "subprocess.Popen", "os.system", "_thread.start_new_thread"):
        raise AssertionError(f"the core did {event}")

def state():
    return (
        dict(matplotlib.rcParams), threading.active_count(), torch.get_rng_state().tolist(), torch.get_default_dtype(),
        torch.get_num_threads(), dict(os.environ), os.getcwd(), socket.getdefaulttimeout(),
    )

before = state()
sys.addaudithook(watch)
for room in sys.argv[1:]:
    importlib.import_module(f"course_utils.{room}")
assert state() == before, "importing the core changed a setting"
strangers = {"course_utils.exercises", "course_utils.widgets", "course_utils.instructor"} & set(sys.modules)
assert not strangers, f"importing the core also imported {strangers}"
"""


def test_importing_the_core_has_no_side_effect_and_needs_no_widgets_papermill_or_network(tmp_path):
    command = [sys.executable, "-B", "-c", IMPORT_CORE_UNDER_WATCH, *CORE]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""
    assert not list(tmp_path.iterdir())


WATCHED_CELLS = """
import json, sys
import IPython.display, torch

heavy, cells = json.loads(sys.argv[1])
for name, cell in cells.items():
    before = set(sys.modules)
    exec(cell, {})
    if new := set(heavy) & (set(sys.modules) - before):
        sys.exit(f"{name} imports {', '.join(sorted(new))}")
"""


def run_watched(cells: dict[str, str], heavy: tuple[str, ...], folder: Path) -> str:
    """Run cells in a fresh interpreter that has imported torch; which of them was the first to import what is heavy."""
    command = [sys.executable, "-c", WATCHED_CELLS, json.dumps([heavy, cells])]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stderr.strip()


def first_cell(notebook: Path) -> str:
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    return "".join(next(cell["source"] for cell in cells if cell["cell_type"] == "code"))


def test_a_lessons_first_cell_imports_little_but_torch():
    """A figure or a widget brings its library in the first cell that draws one."""
    cells = {path.stem: first_cell(path) for path in sorted(NOTEBOOKS.glob("*.ipynb"))}
    assert cells and all("import torch\n" in cell for cell in cells.values())
    assert run_watched(cells, (*HEAVY, "matplotlib", "ipywidgets", "anywidget"), NOTEBOOKS) == ""


READ_EVERY_CONTAINER = """
from course_utils.data import load_digits, save_digits

digits = load_digits("digits", train_size=1600, validation=10)  # some of them moved and bent
save_digits(digits, "one.json.gz", container="json")
save_digits(digits, "folder", container="mnist")
save_digits(digits, "tree", container="images")
load_digits("one.json.gz"), load_digits("mnist", root="folder"), load_digits("tree")
"""


def test_digits_are_read_and_exercises_begun_without_heavy_imports(tmp_path):
    begin = "from course_utils.exercises import start_exercises\nstart_exercises(0)"
    cells = {"reading digits": READ_EVERY_CONTAINER, "beginning exercises": begin}
    assert run_watched(cells, (*HEAVY, "matplotlib"), tmp_path) == ""


def imported_by(file: Path) -> set[str]:
    """The rooms of the course that a file imports, wherever in it."""
    own_package = ["course_utils", *file.relative_to(PACKAGE).parent.parts]
    names = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            start = own_package[: len(own_package) - node.level + 1] if node.level else []
            module = ".".join([*start, *filter(None, [node.module])])
            names |= {f"{module}.{alias.name}" for alias in node.names}
    return {name.split(".")[1] for name in names if name.startswith("course_utils.")}


def room_of(file: Path) -> str:
    return file.relative_to(PACKAGE).parts[0].removesuffix(".py")


FILES = sorted(PACKAGE.rglob("*.py"))


@pytest.mark.parametrize("file", [file for file in FILES if room_of(file) in CORE], ids=lambda file: file.name)
def test_a_core_room_imports_no_sibling_but_files_and_the_machine(file):
    assert imported_by(file) <= {room_of(file), "files", "machine"}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_exercises_and_widgets_import_nothing_but_the_core(file):
    if room_of(file) in ("exercises", "widgets"):
        assert imported_by(file) <= {*CORE, room_of(file)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_nothing_but_the_command_line_imports_widgets_or_instructor(file):
    if room_of(file) != "__main__":
        assert imported_by(file) & {"widgets", "instructor"} <= {room_of(file)}


@pytest.mark.parametrize("file", [file for file in FILES if room_of(file) == "instructor"], ids=lambda file: file.name)
def test_the_instructors_room_imports_of_the_core_only_files(file):
    assert imported_by(file) <= {"instructor", "exercises", "files"}


def test_the_instructors_room_imports_no_torch():
    rooms = "from course_utils.instructor import cli, handout, pages, render, sweep"
    command = [sys.executable, "-c", f"{rooms}\nimport sys\nassert 'torch' not in sys.modules"]
    subprocess.run(command, check=True)


def test_the_reading_of_imports_sees_every_form(tmp_path, monkeypatch):
    monkeypatch.setitem(globals(), "PACKAGE", tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "load.py").write_text(
        "import torch\nimport course_utils.models\nfrom . import idx\nfrom .. import plotting\n"
        "def late():\n    from ..widgets import pad\n    from course_utils import instructor\n"
    )
    assert imported_by(tmp_path / "data" / "load.py") == {"models", "data", "plotting", "widgets", "instructor"}
