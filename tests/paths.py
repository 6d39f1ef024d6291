# SPDX-License-Identifier: BSD-3-Clause
"""What tests of paths share."""

import re
from typing import Any

import pytest

from labkit.errors import PathError
from labkit.path.chain import Node

WHERE = ["10.0.0.2/24", "fd00::2/64"]


def refused(message: str) -> Any:
    """Expects a PathError with exactly this text in it."""
    return pytest.raises(PathError, match=re.escape(message))


def data(*edges: tuple[str, str, str], **kinds: Node) -> dict[str, Any]:
    """A path's data as a file might hold it, node names given as keywords."""
    return {
        "format": "labkit-path/1",
        "name": "p",
        "nodes": [
            {"name": name, "kind": node.kind, "params": dict(node.params)}
            for name, node in kinds.items()
        ],
        "edges": [dict(zip(("source", "output", "target"), e, strict=True)) for e in edges],
    }
