# SPDX-License-Identifier: BSD-3-Clause
"""Paths as data: what they are, what they may be, what they counted, how they look."""

# Every kind there is, for paths that are read from data
from labkit.path import balance as balance
from labkit.path import classify as classify
from labkit.path import conntrack as conntrack
from labkit.path import delay as delay
from labkit.path import driver as driver
from labkit.path import firewall as firewall
from labkit.path import flow_limits as flow_limits
from labkit.path import flow_room as flow_room
from labkit.path import fragments as fragments
from labkit.path import functions as functions
from labkit.path import hosts as hosts
from labkit.path import impair as impair
from labkit.path import lengths as lengths
from labkit.path import mirror as mirror
from labkit.path import nat as nat
from labkit.path import nodes as nodes
from labkit.path import python_nodes as python_nodes
from labkit.path import rate as rate
from labkit.path import routing as routing
from labkit.path import slow_path as slow_path
from labkit.path import switch as switch
from labkit.path import vlan as vlan
from labkit.path import wires as wires
from labkit.path.declaration import node as node
