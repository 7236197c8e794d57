"""What an executed notebook holds: the figures it recorded, and its pictures with their alternative texts."""

import base64
from collections.abc import Iterator

from nbformat import NotebookNode

RECORD_MIME = "application/vnd.course.record+json"


def recorded(notebook: NotebookNode) -> dict:
    """All figures that the notebook's cells recorded, merged in their order."""
    figures = {}
    for data, _ in _bundles(notebook):
        figures |= data.get(RECORD_MIME, {})
    return figures


def pictures(notebook: NotebookNode) -> Iterator[tuple[bytes, str]]:
    """Each PNG that the notebook's cells put out, with its alternative text ("" where it has none)."""
    for data, metadata in _bundles(notebook):
        if "image/png" in data:
            yield base64.b64decode(data["image/png"]), metadata.get("image/png", {}).get("alt", "")


def _bundles(notebook: NotebookNode) -> Iterator[tuple[dict, dict]]:
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            yield output.get("data", {}), output.get("metadata", {})
