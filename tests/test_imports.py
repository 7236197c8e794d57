"""What importing costs and changes: nothing but its own libraries. Who may import whom stands in pyproject.toml."""

import json
import subprocess
import sys
from pathlib import Path

from importlinter.cli import lint_imports

ROOT = Path(__file__).resolve().parent.parent
# What takes a large share of `import torch` to import, or more than that.
HEAVY = {"torchvision", "torch._dynamo", "sympy", "triton", "sklearn", "scipy", "pandas"}


def test_a_room_imports_only_what_it_may(capsys):
    assert lint_imports(str(ROOT / "pyproject.toml"), no_cache=True) == 0, capsys.readouterr().out


def complaints(code: str, refused: set[str], folder: Path, known: str = "IPython.display, torch") -> str:
    """What goes wrong where code runs in a new interpreter and may not import what is refused, unless `known` does."""
    watched = f"import sys, {known}\nbefore = set(sys.modules)\n{code}\n"
    code = f"{watched}if found := {refused} & set(sys.modules) - before:\n    sys.exit(f'imported: {{found}}')"
    done = subprocess.run([sys.executable, "-B", "-c", code], cwd=folder, capture_output=True, text=True, check=False)
    return done.stderr.strip()


def test_a_lessons_first_cell_imports_little_but_torch():
    """A figure or a widget brings its library in the first cell that draws one."""
    lessons = [json.loads(path.read_text("utf-8")) for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
    first, *others = (
        "".join(next(cell for cell in lesson["cells"] if cell["cell_type"] == "code")["source"]) for lesson in lessons
    )
    assert others and all("import torch\n" in cell for cell in (first, *others))
    assert complaints("\n".join(others), {*HEAVY, "matplotlib", "ipywidgets", "anywidget"}, ROOT / "notebooks") == ""
    assert complaints(first, {*HEAVY, "ipywidgets", "anywidget"}, ROOT / "notebooks") == ""  # it draws a digit


READ_EVERY_CONTAINER_AND_BEGIN_EXERCISES = """
from course_utils.data import load_digits, save_digits
from course_utils.exercises import start_exercises

digits = load_digits("digits", train_size=1600, validation=10)  # some of them moved and bent
save_digits(digits, "one.json.gz", container="json")
save_digits(digits, "folder", container="mnist")
save_digits(digits, "tree", container="images")
load_digits("one.json.gz"), load_digits("mnist", root="folder"), load_digits("tree")
start_exercises(0)
"""


def test_digits_are_read_and_exercises_begun_without_heavy_imports(tmp_path):
    assert complaints(READ_EVERY_CONTAINER_AND_BEGIN_EXERCISES, {*HEAVY, "matplotlib"}, tmp_path) == ""


def test_the_command_line_is_there_before_torch_and_papermill(tmp_path):
    slow = {"torch", "numpy", "matplotlib", "papermill", "nbformat", "distributed", "pyarrow", "sphinx", "rich"}
    assert complaints("import course_utils.__main__", slow, tmp_path, known="json") == ""


# The libraries that the core stands on are imported first, so that what is watched is the core's own doing.
IMPORT_CORE_UNDER_WATCH = """
import matplotlib.pyplot, os, socket, threading, torch

REFUSED = ("socket.", "subprocess.", "os.mkdir", "os.remove", "os.rename", "os.system", "_thread.start")

def watch(event, args):
    writes = event == "open" and (args[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
    assert not writes and not event.startswith(REFUSED), f"the core did {event} {args}"

def state():
    return (
        dict(matplotlib.rcParams), threading.active_count(), torch.get_rng_state().tolist(), torch.get_default_dtype(),
        torch.get_num_threads(), dict(os.environ), os.getcwd(), socket.getdefaulttimeout(),
    )

earlier = state()
sys.addaudithook(watch)
from course_utils import data, files, machine, models, plotting, racer, recipes, runtime, training
assert state() == earlier, "importing the core changed a setting"
"""


def test_importing_the_core_changes_nothing(tmp_path):
    assert complaints(IMPORT_CORE_UNDER_WATCH, HEAVY, tmp_path) == ""
