"""What importing the core costs and needs: nothing but its own libraries, and no room knows another one's secrets."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import course_utils

PACKAGE = Path(course_utils.__file__).parent
CORE = ("runtime", "data", "models", "training", "plotting")

# The libraries that the core stands on are imported first, so that what is watched is the core's own doing.
IMPORT_CORE_UNDER_WATCH = """
import importlib, os, socket, sys, threading

for forbidden in ("ipywidgets", "papermill", "anywidget"):
    sys.modules[forbidden] = None  # importing it raises ImportError

def refuse(*args, **kwargs):
    raise AssertionError("the core opened a connection")

socket.socket.connect = socket.socket.connect_ex = socket.create_connection = socket.getaddrinfo = refuse

import IPython.display, matplotlib.figure, matplotlib.pyplot, torch, torchvision

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
strangers = {"sklearn", "course_utils.exercises", "course_utils.widgets", "course_utils.instructor"} & set(sys.modules)
assert not strangers, f"importing the core also imported {strangers}"
"""


def test_importing_the_core_has_no_side_effect_and_needs_no_widgets_papermill_or_network(tmp_path):
    command = [sys.executable, "-B", "-c", IMPORT_CORE_UNDER_WATCH, *CORE]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == done.stderr == ""
    assert not list(tmp_path.iterdir())


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
def test_a_core_room_imports_no_sibling(file):
    assert imported_by(file) <= {room_of(file)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_exercises_and_widgets_import_nothing_but_the_core(file):
    if room_of(file) in ("exercises", "widgets"):
        assert imported_by(file) <= {*CORE, room_of(file)}


@pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_nothing_but_the_command_line_imports_widgets_or_instructor(file):
    if room_of(file) != "__main__":
        assert imported_by(file) & {"widgets", "instructor"} <= {room_of(file)}


@pytest.mark.parametrize("file", [file for file in FILES if room_of(file) == "instructor"], ids=lambda file: file.name)
def test_the_instructors_room_imports_no_core(file):
    assert imported_by(file) <= {"instructor"}


def test_the_instructors_room_imports_no_torch():
    rooms = "from course_utils.instructor import cli, manifest, outputs, render, report, run, solutions, sphinx_parts"
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
