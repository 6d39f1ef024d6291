# SPDX-License-Identifier: BSD-3-Clause
"""Paths as data: what they are, what they may be, what they counted, how they look."""

from labkit.path import balance as balance
from labkit.path import functions as functions
from labkit.path import hosts as hosts
from labkit.path import mirror as mirror
from labkit.path import nodes as nodes  # every kind there is, for paths that are read from data
from labkit.path import routing as routing
from labkit.path import switch as switch
from labkit.path import vlan as vlan
from labkit.path import wires as wires
from labkit.path.declaration import node as node
