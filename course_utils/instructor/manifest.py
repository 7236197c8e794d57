"""The course's manifest, `notebooks/course.yaml`: read, checked, and lessons chosen from it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import fastjsonschema
import yaml

PROFILES = ("smoke", "class", "full")
NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"


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
class Network:
    """One row of the README's table: a network's figures are recorded in `lesson` under names that begin `prefix`.

    `name` is that of its recipe in `course_utils.recipes`.
    """

    name: str
    lesson: str
    prefix: str


@dataclass(frozen=True)
class Course:
    """The lessons in their order, the networks they train, and between what limits each parameter's numbers lie."""

    folder: Path
    lessons: list[Lesson]
    networks: list[Network]
    limits: dict[str, dict[str, float]]


_TEXT = {"type": "string", "minLength": 1}


def _object(properties: dict, required: Iterable[str] = ()) -> dict:
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _map_of(entry: dict) -> dict:
    return {"type": "object", "propertyNames": _TEXT, "additionalProperties": entry}


_BAND = {"type": "array", "items": {"type": "number"}, "minItems": 2, "maxItems": 2}
_LESSON = {
    "title": _TEXT,
    "question": _TEXT,
    "prerequisites": {"type": "array", "items": _TEXT},
    "profiles": _object(dict.fromkeys(PROFILES, _map_of({})), PROFILES),
    "bands": _object(dict.fromkeys(PROFILES, _map_of(_map_of(_BAND)))),
}
_NUMBER = {"type": "number"}
_LIMITS = _object({"minimum": _NUMBER, "exclusiveMinimum": _NUMBER, "maximum": _NUMBER, "exclusiveMaximum": _NUMBER})
_NETWORK = {"lesson": _TEXT, "prefix": _TEXT}
_SCHEMA = _object(
    {
        "lessons": _map_of(_object(_LESSON, _LESSON)) | {"minProperties": 1},
        "networks": _map_of(_object(_NETWORK, _NETWORK)),
        "parameters": _map_of(_LIMITS),
    },
    ["lessons", "networks"],
)


def read_course(folder: Path) -> Course:
    """The course whose notebooks and `course.yaml` lie in `folder`. Raises WrongUse, naming the place and the fault."""
    path = folder / "course.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise WrongUse(f"{path}: cannot be read ({error.strerror}). Name the lessons' folder: --notebooks") from error
    except yaml.YAMLError as error:
        raise WrongUse(f"{path}: not YAML ({' '.join(str(error).split())})") from error
    try:
        fastjsonschema.validate(_SCHEMA, content)
    except fastjsonschema.JsonSchemaValueException as error:
        raise WrongUse(f"{path}: {error.message.removeprefix('data.')}") from error
    lessons = [Lesson(name, folder / f"{name}.ipynb", **entry) for name, entry in content["lessons"].items()]
    networks = [Network(name, **entry) for name, entry in content["networks"].items()]
    course = Course(folder, lessons, networks, content.get("parameters", {}))
    for fault in _faults(course):
        raise WrongUse(f"{path}: {fault}")
    return course


def _faults(course: Course) -> Iterable[str]:
    """What no schema can say."""
    names = [lesson.name for lesson in course.lessons]
    for index, lesson in enumerate(course.lessons):
        for name in lesson.prerequisites:
            if name not in names[:index]:
                yield f"lessons.{lesson.name}.prerequisites: {name} is no lesson that comes before it"
        for profile, datasets in lesson.bands.items():
            for dataset, bands in datasets.items():
                for figure, (low, high) in bands.items():
                    if low > high:
                        place = f"lessons.{lesson.name}.bands.{profile}.{dataset}.{figure}"
                        yield f"{place}: [{low}, {high}] begins above its end"
    for network in course.networks:
        if network.lesson not in names:
            yield f"networks.{network.name}: there is no lesson {network.lesson}"


def choose(course: Course, wanted: Sequence[str]) -> list[Lesson]:
    """The lessons named, by number or by name, in the course's order; all of them where none is named."""
    names = {_find(course, text) for text in wanted}
    chosen = [lesson for lesson in course.lessons if not wanted or lesson.name in names]
    for lesson in chosen:
        if not lesson.notebook.exists():
            raise WrongUse(f"{lesson.notebook}: missing, though course.yaml names it")
    return chosen


def _find(course: Course, text: str) -> str:
    name = Path(text).name.removesuffix(".ipynb")
    for lesson in course.lessons:
        number = lesson.name.split("_")[0]
        if name == lesson.name or (name.isdecimal() and number.isdecimal() and int(name) == int(number)):
            return lesson.name
    raise WrongUse(f"there is no lesson {text}; there are {', '.join(lesson.name for lesson in course.lessons)}")
