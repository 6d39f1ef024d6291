# SPDX-License-Identifier: BSD-3-Clause
"""Tables that nodes of a running path keep: MAC addresses, connections, neighbours."""

from base64 import b64decode
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from labkit.errors import EngineError, PathError
from labkit.path.graph import Graph, NamedNode
from labkit.text import near

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from labkit.path.values import Value


MOST_SHOWN = 100  # rows of a live view


class NodeTables(Mapping[str, "pd.DataFrame"]):
    """By node, each read when it is asked for: a row an entry, as the node's documentation has it.

    As the last line of a cell they are shown live. Those of a path that was stopped went with it.
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

    @property
    def path_name(self) -> str:
        """That of the path."""
        return self._path.name

    def __getitem__(self, node: str) -> "pd.DataFrame":
        self._check(node)
        return self._table(self._path.node(node), None)[0]

    def clear(self, node: str) -> None:
        """Empties a switch's table at once: it learns anew."""
        self._check(node)
        try:
            self._clear(self._path.name, node)
        except EngineError as error:
            if "ENOENT" not in str(error):
                raise
            raise PathError(
                f"the table of {self._path.node(node).kind} {node} cannot be emptied; that of a "
                "switch can"
            ) from None

    def first(self, node: str, rows: int = MOST_SHOWN) -> "tuple[pd.DataFrame, bool]":
        """The first rows of a node's table, and whether these are all."""
        frame, is_whole = self._table(self._path.node(node), rows)
        return frame.iloc[:rows], is_whole and len(frame) <= rows

    __hash__ = object.__hash__  # one for each running path

    def __eq__(self, other: object) -> bool:
        return self is other

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

    def _table(self, node: NamedNode, most: int | None) -> "tuple[pd.DataFrame, bool]":
        from labkit.tables.table import Table  # pandas is slow to load

        columns = node.declared.table
        width = sum(column.width for column in columns.values())
        rows, is_whole = self._rows(node.name, width, most)
        outputs = self._outputs(node)
        found, at = {}, 0
        for name, column in columns.items():
            cells = rows[:, at : at + column.width].tolist()
            names = outputs if column.names is None else _names(node.params[column.names])
            found[name] = column.read(cells, names)
            at += column.width
        return Table(found, columns=list(columns)), is_whole

    def _outputs(self, node: NamedNode) -> tuple[str, ...]:
        """Names of its own, or of the node whose state it works on."""
        states = {node.params[key] for key in node.declared.states}
        for other in (node, *self._path.nodes):
            named = other.outputs[len(other.declared.outputs) :]
            if named and (
                other is node or states & {other.params[k] for k in other.declared.states}
            ):
                return named
        return ()

    def _rows(
        self, node: str, width: int, most: int | None
    ) -> "tuple[np.ndarray[Any, np.dtype[np.uint64]], bool]":
        """Up to so many or some more, and whether these are all."""
        parts: list[bytes] = []
        cursor, is_whole = 0, False
        while not is_whole and (most is None or sum(map(len, parts)) <= most * width * 8):
            answer = self._read(self._path.name, node, cursor, width)
            parts.append(b64decode(answer["cells"]))
            cursor, is_whole = answer["cursor"], not parts[-1]
        return np.frombuffer(b"".join(parts), np.uint64).reshape(-1, width), is_whole


def _names(value: "Value") -> list[str]:
    """Of a parameter that is a mapping or a list; None: none."""
    return list(value) if isinstance(value, (Mapping, list, tuple)) else []
