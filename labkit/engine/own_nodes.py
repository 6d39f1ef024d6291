# SPDX-License-Identifier: BSD-3-Clause
"""Nodes of users' own in the engine: their libraries, loaded once each, and the names they use."""

import errno
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labkit.engine.binding import NativeError, call
from labkit.path import python_nodes as python_nodes  # which declares what holds their frames
from labkit.path.kinds import KINDS
from labkit.path.own_kinds import kind_of
from labkit.path.own_node import OwnNode

NAMED = re.compile(r".+-([0-9a-f]{64})\.so")
OTHERS = stat.S_IWGRP | stat.S_IWOTH


class OwnNodes:
    """What this engine has of them.

    Attributes
    ----------
    drops: names of their drop nodes, in the order of the engine's numbers
    """

    def __init__(self) -> None:
        self.drops: list[str] = []
        self._loaded: set[str] = set()

    def load(self, data: Mapping[str, Any]) -> None:
        """Knows a version of a node from now on; paths that are built later have it."""
        own = OwnNode.from_dict(data)
        if own.native not in self._loaded:
            if own.language == "C":
                self._load_library(own)
            else:
                call("lk_python_kind", own.native.encode())
            self._name_drops(own)
            self._loaded.add(own.native)
        KINDS.put(kind_of(own))

    def _load_library(self, own: OwnNode) -> None:
        check_library(Path(own.library))
        native = own.native.encode()
        try:
            call("lk_cell_load", own.library.encode(), native, len(own.counter_names))
        except NativeError as error:
            if error.code == errno.ENOEXEC:
                raise ValueError(
                    f"node {own.name} uses a name that neither the cell, labkit, DPDK nor libc has"
                ) from None
            raise _full(own, "versions of nodes", error) from None
        for (what, name), number in own.numbers().items():
            call("lk_cell_number", native, what, name.encode(), number)

    def _name_drops(self, own: OwnNode) -> None:
        for number, name in enumerate(own.own_drops):
            drop = f"drop_{name}"
            try:
                slot = call("lk_own_drop", own.native.encode(), number, drop.encode())
            except NativeError as error:
                raise _full(own, "names of drop nodes", error) from None
            if slot == len(self.drops):
                self.drops.append(drop)


def _full(own: OwnNode, what: str, error: NativeError) -> Exception:
    """What to say where the engine has no room, which it never gets back."""
    if error.code != errno.ENOSPC:
        return error
    return ValueError(
        f"node {own.name}: the engine has had as many {what} as it can; lab.restart() begins anew"
    )


def check_library(file: Path) -> None:
    """Raises PermissionError for code that somebody else could have put there: its file and folder
    are this user's alone, and its name is that of what is in it (SHA-256)."""
    for path, what in ((file.parent, "folder"), (file, "file")):
        found = path.lstat()
        is_kind = stat.S_ISDIR if what == "folder" else stat.S_ISREG
        if found.st_uid != os.geteuid() or found.st_mode & OTHERS or not is_kind(found.st_mode):
            raise PermissionError(f"{path} is no {what} that this user alone can write to")
    named = NAMED.fullmatch(file.name)
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    if named is None or named[1] != digest:
        raise PermissionError(f"{file} is not what its name says: its SHA-256 is {digest}")
