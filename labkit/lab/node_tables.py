# SPDX-License-Identifier: BSD-3-Clause
"""Tables that nodes of a running path keep: MAC addresses, connections, neighbours."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.errors import PathError
from labkit.path.graph import Graph, NamedNode
from labkit.text import near

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd


class NodeTables(Mapping[str, "pd.DataFrame"]):
    """By node, each read when it is asked for: a row an entry, as the node's documentation has it.

    Those of a path that was stopped are gone with it.
    """

    def __init__(
        self,
        path: Graph,
        read: "Callable[..., Mapping[str, Any]]",
        clear: "Callable[..., object]",
    ) -> None:
        """read, clear: the engine's commands read_rows and clear_rows."""
        self._path, self._read, self._clear = path, read, clear
        self._nodes = [n.name for n in path.nodes if n.declared.table]

    def __getitem__(self, node: str) -> "pd.DataFrame":
        self._check(node)
        return self._table(self._path.node(node))

    def clear(self, node: str) -> None:
        """Empties the table of a node at once: a switch learns anew."""
        self._check(node)
        self._clear(self._path.name, node)

    def __iter__(self) -> Iterator[str]:
        return iter(self._nodes)

    def __len__(self) -> int:
        return len(self._nodes)

    def _ipython_key_completions_(self) -> list[str]:
        return self._nodes

    def __repr__(self) -> str:
        return f"<tables of path {self._path.name}: {', '.join(self._nodes) or 'none'}>"

    def _check(self, node: str) -> None:
        if node not in self._nodes:
            hint = near(node, self._nodes) if self._nodes else "; no node of it keeps one"
            raise PathError(f"path {self._path.name!r} has no table {node!r}{hint}")

    def _table(self, node: NamedNode) -> "pd.DataFrame":
        from labkit.tables.table import Table  # pandas is slow to load

        columns = node.declared.table
        rows = self._rows(node.name, sum(column.width for column in columns.values()))
        outputs = node.outputs[len(node.declared.outputs) :]
        found, at = {}, 0
        for name, column in columns.items():
            cells = rows[:, at : at + column.width].tolist()
            found[name] = column.read(cells, outputs)
            at += column.width
        return Table(found, columns=list(columns))

    def _rows(self, node: str, width: int) -> "np.ndarray[Any, np.dtype[np.uint64]]":
        parts, cursor = b"", 0
        while True:
            answer = self._read(self._path.name, node, cursor, width)
            cells = b64decode(answer["cells"])
            if not cells:
                return np.frombuffer(parts, np.uint64).reshape(-1, width)
            parts, cursor = parts + cells, answer["cursor"]
