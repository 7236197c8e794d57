"""What surrounds the course agrees with it: licences, citation, documentation, container, workflow."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGES = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/instructors.md")


@pytest.mark.parametrize("page", PAGES)
def test_links_and_pictures_of_the_documentation_lead_somewhere(page):
    path = ROOT / page
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", path.read_text()) if "://" not in link]
    assert not [link for link in links if not (path.parent / link).exists()]


@pytest.mark.parametrize("page", PAGES)
def test_the_commands_of_the_documentation_exist(page):
    """Each `course …` in a block of commands has that verb and those options."""
    blocks = "".join(re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(), re.DOTALL))
    for line in re.findall(r"(?:^|/|digit-course )course ((?:data )?[a-z]+.*?)(?:#.*)?$", blocks, re.MULTILINE):
        words = line.split()
        verb = words[: 2 if words[0] == "data" else 1]
        shown = subprocess.run([sys.executable, "-m", "course_utils", *verb, "--help"], capture_output=True, text=True)
        assert shown.returncode == 0, line
        assert not [word for word in words if word.startswith("-") and f"{word} " not in shown.stdout], line


def test_the_readme_says_what_may_be_done_with_the_course():
    readme = (ROOT / "README.md").read_text()
    assert all(words in readme for words in ("](LICENSE)", "](LICENSE-text)", "](CITATION.cff)", "](CONTRIBUTING.md)"))


def test_citation_licence_and_version_are_the_same_everywhere():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert " AND ".join(citation["license"]) == PROJECT["license"]
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in PROJECT["authors"]]
    for name in PROJECT["license-files"]:
        assert citation["authors"][0]["name"] in (ROOT / name).read_text()
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_requirements_bring_all_extras():
    (line,) = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert line == f"-e .[{','.join(PROJECT['optional-dependencies'])}]"


def test_the_container_copies_what_is_there():
    dockerfile = (ROOT / "Dockerfile").read_text()
    sources = [name for line in re.findall(r"^COPY (.*) \S+$", dockerfile, re.MULTILINE) for name in line.split()]
    needed = {"requirements.txt", "pyproject.toml", "install.py", "course_utils", "notebooks", PROJECT["readme"]}
    assert needed | set(PROJECT["license-files"]) <= set(sources)
    assert not [name for name in sources if not (ROOT / name).exists()]


def test_the_workflow_does_on_windows_what_make_test_does():
    makefile = (ROOT / "Makefile").read_text()
    recipe = re.search(r"^test: \$\(INSTALLED\).*\n((?:\t.*\n)+)", makefile, re.MULTILINE).group(1)
    workflow = yaml.safe_load((ROOT / ".github" / "workflows" / "test.yml").read_text())
    commands = [step["run"] for step in workflow["jobs"]["without-make"]["steps"] if "run" in step]
    assert commands == ["python install.py", *recipe.replace("$(BIN)", ".venv/Scripts").replace("\t", "").splitlines()]
    for job in workflow["jobs"].values():
        assert job["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]


WITHOUT_EXTRAS = """
import sys
for name in ("papermill", "nbval", "rich", "distributed", "pyarrow", "sphinx", "myst_nb", "latex2mathml", "pytest"):
    sys.modules[name] = None  # importing it raises ModuleNotFoundError
"""


def without_extras(code):
    command = [sys.executable, "-c", WITHOUT_EXTRAS + code]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


def test_all_that_lessons_import_is_there_without_the_extras():
    rooms = (
        "from course_utils import data, exercises, explorables, models, networks, plotting, runtime, training, widgets"
    )
    done = without_extras(f"{rooms}\nruntime.environment_report()\n")
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [(["run", "1"], "rich"), (["handout"], "rich"), (["report", "notebooks"], "sphinx")],
)
def test_a_verb_that_needs_an_extra_says_in_one_line_what_to_install(arguments, missing):
    done = without_extras(f"from course_utils.__main__ import course; course({arguments})")
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr == (
        f"course: this needs {missing}, which is not installed; "
        "in the course's folder run: pip install -e '.[instructor]'\n"
    )


def test_data_is_fetched_without_the_extras():
    done = without_extras("from course_utils.__main__ import course; course(['data', 'fetch', '--help'])")
    assert done.returncode == 0 and "Fetch MNIST." in done.stdout
