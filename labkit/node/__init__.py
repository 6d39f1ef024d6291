# SPDX-License-Identifier: BSD-3-Clause
"""Nodes of your own: C from a cell, compiled, tested and loaded into running engines.

ttl = lk.node.compile("ttl", source)            # what %%node does
lk.node.test(ttl, frame)                        # in a process of its own, with AddressSanitizer
"""

from labkit.arguments.names import no_attribute
from labkit.node.loading import load
from labkit.node.made import compile  # noqa: A004
from labkit.node.testing import NodeFault, Tested, test
from labkit.node.toolchain import CompileError

__all__ = ["CompileError", "NodeFault", "Tested", "compile", "load", "test"]


def __dir__() -> list[str]:
    return __all__


def __getattr__(name: str) -> object:
    raise no_attribute(__name__, name, __all__)
