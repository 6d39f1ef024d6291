# SPDX-License-Identifier: BSD-3-Clause
"""Switches and routers of a topology, as nodes between its wires."""

from collections.abc import Mapping

from labkit.lab.topology.addressing import Layout
from labkit.path.chain import Chain, Node

Ways = Mapping[str, Node]  # by name of the interface


def switch_of(layout: Layout, name: str, into: Ways, out: Ways) -> list[Chain]:
    """A learning switch."""
    raise NotImplementedError


def router_of(layout: Layout, name: str, into: Ways, out: Ways) -> list[Chain]:
    """A router with its static routes."""
    raise NotImplementedError
