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
def test_links_lead_somewhere_and_commands_exist(page):
    """Each `course …` in a block of commands has that verb and those options."""
    path = ROOT / page
    text = path.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    assert not [link for link in links if not (path.parent / link).exists()]
    blocks = "".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL))
    for line in re.findall(r"(?:^|/|digit-course )course ((?:data )?[a-z]+.*?)(?:#.*)?$", blocks, re.MULTILINE):
        words = line.split()
        verb = words[: 2 if words[0] == "data" else 1]
        shown = subprocess.run([sys.executable, "-m", "course_utils", *verb, "--help"], capture_output=True, text=True)
        assert shown.returncode == 0, line
        assert not [word for word in words if word.startswith("-") and f"{word} " not in shown.stdout], line


def test_citation_licence_and_version_are_the_same_everywhere():
    citation, readme = yaml.safe_load((ROOT / "CITATION.cff").read_text()), (ROOT / "README.md").read_text()
    assert all(f"]({name})" in readme for name in ("LICENSE", "LICENSE-text", "CITATION.cff", "CONTRIBUTING.md"))
    assert citation["version"] == PROJECT["version"]
    assert " AND ".join(citation["license"]) == PROJECT["license"]
    assert [author["name"] for author in citation["authors"]] == [author["name"] for author in PROJECT["authors"]]
    for name in PROJECT["license-files"]:
        assert citation["authors"][0]["name"] in (ROOT / name).read_text()
    assert f"## {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()


def test_requirements_bring_all_extras_and_the_container_copies_what_is_there():
    (line,) = [line for line in (ROOT / "requirements.txt").read_text().splitlines() if not line.startswith("#")]
    assert line == f"-e .[{','.join(PROJECT['optional-dependencies'])}]"
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


@pytest.mark.parametrize(
    ("code", "missing", "printed"),
    [
        ("from course_utils import data, exercises, explorables, models, networks, plotting, runtime as r\n"
         "from course_utils import training, widgets\n"
         "print(r.environment_report())", "", "torch"),
        ("course(['data', 'fetch', '--help'])", "", "Fetch MNIST."),
        ("course(['run', '1'])", "rich", ""), ("course(['handout'])", "rich", ""),
        ("course(['report', 'notebooks'])", "sphinx", ""),
    ],
)  # fmt: skip
def test_lessons_need_no_extra_and_a_verb_that_does_says_in_one_line_what_to_install(code, missing, printed):
    command = [sys.executable, "-c", f"{WITHOUT_EXTRAS}from course_utils.__main__ import course\n{code}"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert printed in done.stdout and (done.returncode, bool(done.stdout)) == (bool(missing), not missing), done.stderr
    words = f"this needs {missing}, which is not installed; in the course's folder run: pip install -e '.[instructor]'"
    assert not missing or done.stderr == f"course: {words}\n"
