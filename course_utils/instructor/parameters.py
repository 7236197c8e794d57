"""Parameters of lessons: read from the command line, and refused before anything runs where they cannot be."""

import ast
import itertools
import math
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import fastjsonschema
import papermill
import yaml

from .manifest import Course, Lesson, WrongUse

TYPES = {"int": int, "float": float, "str": str, "bool": bool, "list": list, "dict": dict}
SOURCES = ("auto", "mnist", "digits")  # what `source` may be, other than a path


def value_of(text: str):
    """A Python literal (3, 0.1, True, None, [1, 2]) as what it says, true and false too; any other text as itself."""
    if text in ("true", "false"):
        return text == "true"
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def mapping_of(text: str) -> dict:
    """YAML text that maps names to values. Raises WrongUse for anything else."""
    try:
        content = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise WrongUse(f"parameters are not YAML ({' '.join(str(error).split())})") from error
    if not isinstance(content, dict):
        raise WrongUse(f"parameters are no mapping of names to values: {text.strip()[:60] or 'there are none'}")
    return content


def gathered(pairs: Sequence, texts: Sequence[str], files: Sequence) -> dict:
    """What `-p`, `-y` and `-f` say, -p before -y before -f. A path given as `source` is named absolutely."""
    changes = {}
    for text in [*(file.read() for file in files), *texts]:
        changes |= mapping_of(text)
    changes |= {name: value_of(text) for name, text in pairs}
    source = changes.get("source")
    if isinstance(source, str) and source not in SOURCES and Path(source).exists():
        changes["source"] = str(Path(source).absolute())
    return changes


def known_parameters(lesson: Lesson) -> dict[str, dict]:
    """Each parameter of a lesson: what papermill reads from its cell. Raises WrongUse where that is no notebook."""
    try:
        return papermill.inspect_notebook(lesson.notebook)
    except ValueError as error:
        raise WrongUse(f"{lesson.notebook}: not a notebook that papermill reads ({error})") from error


def check_parameters(course: Course, lessons: Sequence[Lesson], profile: str, *changes: Mapping) -> None:
    """Raise WrongUse for parameters of the profile or of any `changes` that a lesson lacks, or that cannot be so."""
    for lesson in lessons:
        known = known_parameters(lesson)
        for name, value in itertools.chain(lesson.profiles[profile].items(), *(one.items() for one in changes)):
            if name not in known:
                remedy = _nearest(name, known) or f"it has {', '.join(known) or 'none'}"
                raise WrongUse(f"{lesson.name} has no parameter {name}; {remedy}")
            fault = _fault(value, known[name]["inferred_type_name"], course.limits.get(name, {}))
            fault = fault or (_fault_of_source(value) if name == "source" else "")
            if fault:
                raise WrongUse(f"{lesson.name}: {name} cannot be {value!r}; {fault}")


def _nearest(name: str, known) -> str:
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


def _fault_of_source(source: str) -> str:
    if source in SOURCES or Path(source).expanduser().exists():
        return ""
    return _nearest(source, SOURCES) or f"it takes {', '.join(SOURCES)}, or a path, and there is none of that name"
