# SPDX-License-Identifier: BSD-3-Clause
"""The nodes of one's own that a path's file brings along: compiled when they are asked for."""

import json
import os
from collections.abc import Mapping
from pathlib import Path as FilePath
from typing import Any

from labkit.arguments.checked import checked
from labkit.errors import PathError
from labkit.node.made import Maker, compiled, declare, maker_of
from labkit.path.path import own_sources
from labkit.text import shown


@checked(PathError, but=("data",))
def load(data: "str | os.PathLike[str] | Mapping[str, Any]") -> dict[str, Maker]:
    """Compiles the nodes in C that a path's data name, whose code may run in this lab from then on:
    read it before.

        lk.node.load("path.json")                   # or the text, or what Path.to_dict() gave
        path = lk.Path.from_json(open("path.json").read())

    Gives the makers by name. Raises PathError for a source that is not what its SHA-256 says, and
    for a node in Python, whose cell is run as any other.
    """
    made = {}
    for name, source in own_sources(_data(data)).items():
        if source["language"] != "C":
            raise PathError(
                f"node {name} is in Python; run its source in a cell, which is in the file under "
                f'"own_nodes": it begins with {shown(source["source"][:40])}'
            )
        made[name] = compiled(name, source["source"])
    for own in made.values():
        declare(own)
    return {name: maker_of(own) for name, own in made.items()}


def _data(given: Any) -> Mapping[str, Any]:
    if isinstance(given, Mapping):
        return given
    text = str(given) if isinstance(given, str) and given.lstrip().startswith("{") else None
    try:
        found = json.loads(text if text is not None else FilePath(given).read_text())
    except json.JSONDecodeError as error:
        raise PathError(f"this is no JSON: {error}") from None
    except (OSError, TypeError, ValueError) as error:  # no file, no name of one, no text in it
        raise PathError(f"a path's data are a file, its text or a dict: {error}") from None
    if not isinstance(found, dict):
        raise PathError(f"a path's data are an object, and this is {shown(found)}")
    return found
