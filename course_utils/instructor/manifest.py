"""The course's manifest, `notebooks/course.yaml`, and what is asked of it: lessons, and their parameters."""

import ast
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from importlib import resources
from pathlib import Path

import click
import fastjsonschema
import yaml

PROFILES = ("smoke", "class", "full")
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
TYPES = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict}
SOURCES = ("auto", "mnist", "digits")  # what `source` may be, other than a path


class WrongUse(click.ClickException):
    """Something asked for that cannot be done as asked: one line, exit code 2."""

    exit_code = 2


@dataclass(frozen=True)
class Lesson:
    """One lesson of the manifest.

    `profiles` maps each profile to the parameters it changes, and `bands` maps profile, then data set, then figure to
    [low, high].
    """

    name: str
    notebook: Path
    title: str
    question: str
    prerequisites: list[str]
    profiles: dict[str, dict]
    bands: dict[str, dict[str, dict[str, list[float]]]]


@dataclass(frozen=True)
class Course:
    """The lessons in their order, the networks they train, and between what limits each parameter's numbers are.

    `networks` maps each recipe's name to the `lesson` that records its figures, and to the `prefix` of their names.
    """

    folder: Path
    lessons: list[Lesson]
    networks: dict[str, dict[str, str]]
    limits: dict[str, dict[str, float]]

    @property
    def build(self) -> Path:
        """The folder that verbs write into, unless they are told otherwise."""
        return self.folder.parent / "build"


def read_course(folder: Path) -> Course:
    """The course whose notebooks and `course.yaml` are in `folder`. Raises WrongUse, naming the place and the fault."""
    path = folder / "course.yaml"
    schema = yaml.safe_load((resources.files(__package__) / "course.schema.yaml").read_text("utf-8"))
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        fastjsonschema.validate(schema, content)
    except OSError as error:
        raise WrongUse(f"{path}: cannot be read ({error.strerror}). Name the lessons' folder: --notebooks") from error
    except yaml.YAMLError as error:
        raise WrongUse(f"{path}: not YAML ({error})") from error
    except fastjsonschema.JsonSchemaValueException as error:
        raise WrongUse(f"{path}: {error.message.removeprefix('data.')}") from error
    lessons = [Lesson(name, folder / f"{name}.ipynb", **entry) for name, entry in content["lessons"].items()]
    return Course(folder, lessons, content["networks"], content.get("parameters", {}))


def choose(course: Course, wanted: Sequence[str]) -> list[Lesson]:
    """The lessons named, by number or by name, in the course's order; all of them where none is named."""
    names = [lesson.name for lesson in course.lessons]
    numbers = {int(name.split("_")[0]): name for name in names if name.split("_")[0].isdecimal()}
    found = set()
    for text in wanted:
        name = Path(text).name.removesuffix(".ipynb")
        name = numbers.get(int(name), name) if name.isdecimal() else name
        if name not in names:
            raise WrongUse(f"there is no lesson {text}; there are {', '.join(names)}")
        found.add(name)
    chosen = [lesson for lesson in course.lessons if not wanted or lesson.name in found]
    for lesson in chosen:
        if not lesson.notebook.exists():
            raise WrongUse(f"{lesson.notebook}: missing, though course.yaml names it")
    return chosen


def read_notebook(path: Path):
    """A notebook in nbformat's fourth form. Raises WrongUse for a file that holds none."""
    import nbformat

    try:
        return nbformat.read(path, as_version=4)
    except Exception as error:  # nbformat lets through whatever a damaged file makes go wrong
        why = " ".join(str(error).split())[:120]
        raise WrongUse(f"{path}: not a notebook that can be read ({type(error).__name__}: {why})") from error


# Parameters: read from the command line, and refused before anything runs where they cannot be ------------------------


def value_of(text: str):
    """A Python literal (3, 0.1, True, None, [1, 2]) as what it says, true and false too; any other text as itself."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def gathered(pairs: Iterable[tuple[str, str]], texts: Iterable[str], files: Iterable) -> dict:
    """What `-p`, `-y` and `-f` say, -p before -y before -f. A path given as `source` is named absolutely."""
    changes = {}
    for text in [*(file.read() for file in files), *texts]:
        try:
            content = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise WrongUse(f"parameters are not YAML ({error})") from error
        if not isinstance(content, dict):
            raise WrongUse(f"parameters are no mapping of names to values: {text.strip()[:60] or 'there are none'}")
        changes |= content
    changes |= {name: value_of(text) for name, text in pairs}
    source = changes.get("source")
    if isinstance(source, str) and source not in SOURCES and Path(source).exists():
        changes["source"] = str(Path(source).absolute())
    return changes


def check_parameters(course: Course, lessons: Iterable[Lesson], profile: str, *changes: Mapping) -> None:
    """Raise WrongUse for parameters of the profile or of any `changes` that a lesson lacks, or that cannot be so."""
    import papermill

    for lesson in lessons:
        read_notebook(lesson.notebook)
        known = papermill.inspect_notebook(lesson.notebook)
        for name, value in [pair for given in (lesson.profiles[profile], *changes) for pair in given.items()]:
            if name not in known:
                remedy = nearest(name, known) or f"it has {', '.join(known) or 'none'}"
                raise WrongUse(f"{lesson.name} has no parameter {name}; {remedy}")
            fault = _fault(value, known[name]["inferred_type_name"], course.limits.get(name, {}))
            if name == "source" and not fault and value not in SOURCES and not Path(value).expanduser().exists():
                fault = nearest(value, SOURCES) or f"it takes {', '.join(SOURCES)}, or a path that exists"
            if fault:
                raise WrongUse(f"{lesson.name}: {name} cannot be {value!r}; {fault}")


def nearest(name: str, known: Iterable[str]) -> str:
    """A question after the name that was meant, or ""."""
    near = get_close_matches(str(name), known, n=1)
    return f"did you mean {near[0]}?" if near else ""


def _fault(value, type_name: str, limits: Mapping) -> str:
    """What is wrong with a value, or nothing."""
    wanted = TYPES.get(type_name.split("[")[0], object)
    fits = isinstance(value, wanted) or (wanted is float and isinstance(value, int))
    if not fits or (isinstance(value, bool) and wanted in (int, float)):
        return f"it takes {'an' if type_name[0] in 'aeiou' else 'a'} {type_name}, and this is {type(value).__name__}"
    if isinstance(value, float) and not math.isfinite(value):
        return "it takes a finite number"
    try:
        fastjsonschema.validate(limits, value)
    except fastjsonschema.JsonSchemaValueException as error:
        return f"it {error.message.removeprefix('data ')}"
    return ""
