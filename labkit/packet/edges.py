# SPDX-License-Identifier: BSD-3-Clause
"""Edges of nodes that have names of their own."""

OUTPUT = "output "  # in front of the number of one, where its name is not known
MOST_OUTPUTS = 32  # of a node (native/packet/engine_limits.h)
