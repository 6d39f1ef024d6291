# SPDX-License-Identifier: BSD-3-Clause
"""What tests of paths share."""

import re
from typing import Any

import pytest

from labkit.errors import PathError
from labkit.path import nodes as lk
from labkit.path.chain import Node
from labkit.path.path import Path

WHERE = ["10.0.0.2/24", "fd00::2/64"]


def refused(message: str) -> Any:
    """Expects a PathError with exactly this text in it."""
    return pytest.raises(PathError, match=re.escape(message))


def endpoint(port: str, name: str) -> Path:
    """An echo server as a path, written out."""
    alternatives = (
        lk.udp_echo(WHERE, 9000)
        | lk.icmp_echo(WHERE)
        | lk.arp_responder(WHERE)
        | lk.nd_responder(WHERE)
        | lk.refuse(WHERE, 9000)
    )
    return Path(lk.rx(port) >> alternatives >> lk.tx(port), name=name)


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
