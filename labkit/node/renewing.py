# SPDX-License-Identifier: BSD-3-Clause
"""A new version of a node takes the place of the former one in paths that run."""

from labkit.errors import LabError
from labkit.lab import open_labs
from labkit.path.own_node import OwnNode


def renew(own: OwnNode) -> list[str]:
    """Puts it into all paths that have a node of its name; what came of each, in words."""
    told = []
    for lab in open_labs.in_order():
        for path in [p for p in lab.paths.values() if p.path.has_kind(own.name)]:
            if not lab.is_alive or lab.engine.stands_still is not None:
                told.append(f"path {path.name} gets it by lab.restart(): its engine died, or hangs")
                continue
            try:
                path.renew()
            except LabError as error:
                first = str(error).splitlines()[0]
                told.append(f"path {path.name} has its former version still: {first}")
            else:
                told.append(f"path {path.name} has it now, and counts from 0")
    return told
