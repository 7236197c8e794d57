"""Fills a lesson's exercises with the course's own answers."""

import json
import re
import subprocess
import sys
from collections.abc import Mapping

import click
from nbformat import NotebookNode

CHECK = re.compile(r'^check\("([\d.]+)"', re.MULTILINE)


def read_solutions() -> dict[str, str]:
    """The code that answers each exercise, by number. A process of its own reads it, since checks need torch."""
    command = [sys.executable, "-m", "course_utils.exercises"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise click.ClickException(f"the solutions cannot be read: {reason[-1]}")
    return json.loads(done.stdout)


def fill(notebook: NotebookNode, solutions: Mapping[str, str]) -> NotebookNode:
    """The notebook with the stub of each exercise that has a solution replaced by it; what follows the stub stays."""
    for cell in notebook.cells:
        if "exercise" in cell.metadata.get("tags", []):
            check = CHECK.search(cell.source)
            if check[1] not in solutions:
                continue
            gap = "\n\n\n" if solutions[check[1]].startswith("def ") else "\n\n"
            cell.source = f"{solutions[check[1]]}{gap}{cell.source[check.start() :]}"
    return notebook
