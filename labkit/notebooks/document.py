# SPDX-License-Identifier: BSD-3-Clause
"""The file of a notebook, as data: read, checked, brought to nbformat 4, written."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labkit.errors import LabError
from labkit.notebooks.json_file import read_json

MAJOR = 4  # of nbformat
CELL_TYPES = ("code", "markdown", "raw")
OPEN_IT = "open and save it in JupyterLab"


def read_document(path: Path) -> dict[str, Any]:
    """A notebook of nbformat 4, or of an older one brought to it; LabError when there is none."""
    document = read_json(path, "is no notebook")
    if not isinstance(document, dict):
        raise LabError(f"{path} is no notebook of nbformat {MAJOR}; {OPEN_IT}")
    major = document.get("nbformat", MAJOR)
    if isinstance(major, int) and "worksheets" in document and major < MAJOR:
        document = _converted(path, document)
    elif major != MAJOR:
        raise LabError(f"{path} is of nbformat {major!r}, and nbformat {MAJOR} is read")
    _check(path, document)
    return dict(document)


def source_of(cell: Mapping[str, Any]) -> str:
    """The text of a cell, which a file may hold as a list of lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def tags_of(cell: Mapping[str, Any]) -> list[str]:
    """A cell's tags."""
    tags: list[str] = cell.get("metadata", {}).get("tags") or []
    return tags


def write_notebook(document: Mapping[str, Any], path: Path) -> None:
    """Writes a notebook as Jupyter does, a cell's text as a list of lines."""
    cells = [cell | {"source": source_of(cell).splitlines(True)} for cell in document["cells"]]
    document = {**document, "cells": cells}
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _converted(path: Path, document: dict[str, Any]) -> dict[str, Any]:
    import nbformat  # late: it is slow, and old notebooks are rare

    try:
        read = nbformat.reader.reads(json.dumps(document))
        converted: dict[str, Any] = json.loads(json.dumps(nbformat.convert(read, MAJOR)))
    except Exception as error:  # whatever it meets in what is no notebook
        raise LabError(f"{path} is no notebook: {error}; {OPEN_IT}") from None
    return converted


def _check(path: Path, document: dict[str, Any]) -> None:
    """Fills in what may be left out; LabError for what is no part of a notebook."""
    if not isinstance(document.get("cells"), list):
        raise LabError(f"{path} is no notebook of nbformat {MAJOR}; {OPEN_IT}")
    metadata = document["metadata"] = document.get("metadata") or {}
    if not isinstance(metadata, dict):
        raise LabError(f"{path}: its metadata is no object; {OPEN_IT}")
    kernel = metadata.get("kernelspec") or {}
    if not isinstance(kernel, dict) or not isinstance(kernel.get("name") or "", str):
        raise LabError(f"{path}: kernelspec in its metadata names no kernel; {OPEN_IT}")
    settings = metadata.get("labkit") or {}
    if not isinstance(settings, dict):
        raise LabError(f'{path}: "labkit" in its metadata is no object')
    if not _are_texts(settings.get("tags")):
        raise LabError(
            f'{path}: "tags" of "labkit" in its metadata is {settings["tags"]!r}; it is a list '
            'such as ["ci"]'
        )
    if not isinstance(settings.get("measures", True), bool):
        raise LabError(f'{path}: "measures" of "labkit" in its metadata is true or false')
    for number, cell in enumerate(document["cells"], 1):
        _check_cell(f"{path}: cell {number}", cell)


def _check_cell(where: str, cell: Any) -> None:
    if not isinstance(cell, dict) or cell.get("cell_type") not in CELL_TYPES:
        raise LabError(f"{where} is no cell of code, markdown or raw text; {OPEN_IT}")
    source = cell.get("source")
    if not isinstance(source, str) and not (source is not None and _are_texts(source)):
        raise LabError(f"{where} has no text; {OPEN_IT}")
    cell["metadata"] = cell.get("metadata") or {}
    if not isinstance(cell["metadata"], dict) or not _are_texts(cell["metadata"].get("tags")):
        raise LabError(f'{where} has tags that are no list of texts, such as ["parameters"]')
    if cell["cell_type"] == "code":
        cell.setdefault("outputs", [])
        cell.setdefault("execution_count", None)


def _are_texts(value: Any) -> bool:
    """Whether it is a list of texts, or left out."""
    return value is None or (
        isinstance(value, list) and all(isinstance(text, str) for text in value)
    )
