# SPDX-License-Identifier: BSD-3-Clause
"""The data of a finished path: nodes and edges."""

from collections.abc import Mapping
from dataclasses import dataclass

from labkit.path.kinds import Value


@dataclass(frozen=True)
class NamedNode:
    """A node of a finished path: unique name, kind, settings."""

    name: str
    kind: str
    params: Mapping[str, Value]


@dataclass(frozen=True)
class Edge:
    """What leaves `source` through `output` goes to `target`; both are node names."""

    source: str
    output: str
    target: str
