# SPDX-License-Identifier: BSD-3-Clause
"""Edges of nodes that have names of their own."""

OUTPUT = "output "  # in front of the number of one, where its name is not known
MOST_OUTPUTS = 32  # of a node (native/packet/engine_limits.h)
OWN_DROP = "own drop "  # the same of an edge to a drop node that a node brought along
MOST_OWN_DROPS = 32
