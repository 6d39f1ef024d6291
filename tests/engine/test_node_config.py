# SPDX-License-Identifier: BSD-3-Clause
"""What the engine makes of a node's parameters; no engine is started."""

from typing import Any

import pytest

from labkit.engine.binding import ffi, lib
from labkit.engine.node_config import EngineLane, EnginePath, NodeConfigs
from labkit.engine.ports import Ports
from labkit.engine.trials import Trials
from labkit.path import node
from labkit.path.declaration import make
from labkit.path.types import Addresses, Mac, Name, Probability, UdpPort


@node(role="process")
def mixed(
    addresses: Addresses,
    first: int,
    share: Probability = 0.25,
    udp_port: UdpPort = 9,
    last: int = -(2**63),
    mac: Mac | None = None,
    *,
    name: Name = None,
) -> None:
    """Has parameters of many types."""


@node(role="process")
def crowded(
    a: int = 0, b: int = 0, c: int = 0, d: int = 0, e: int = 0, f: int = 0, g: int = 0, h: int = 0,
    i: int = 0, j: int = 0, k: int = 0, n: int = 0, m: int = 0, *, name: Name = None,
) -> None:  # fmt: skip
    """Has more numbers than there is room for."""


def configured(kind: str, params: dict[str, Any]) -> Any:
    """struct lk_node_config of a node with these parameters."""
    config = ffi.new("struct lk_node_config *")
    data = {"name": "n", "kind": kind, "params": params}
    configs = NodeConfigs(Ports(), {}, Trials())
    configs.fill("path", data, config, EnginePath(["n"]), (EngineLane(0), 0))
    return config


def numbers(config: Any, count: int) -> list[tuple[int, float]]:
    return [(value.whole, value.real) for value in config.values[0:count]]


def test_numbers_without_a_place_come_in_their_order() -> None:
    params = make("mixed", {"addresses": ["10.0.0.2", "fd00::2"], "first": 7}).params
    config = configured("mixed", {**params, "mac": "02:00:00:00:00:01"})
    assert numbers(config, 4) == [(7, 7.0), (0, 0.25), (-(2**63), -(2.0**63)), (0, 0.0)]
    endpoint = config.endpoint
    assert (endpoint.ipv4_count, endpoint.ipv6_count, endpoint.udp_port) == (1, 1, 9)
    assert bytes(endpoint.ipv4[0]) == bytes((10, 0, 0, 2))
    assert bytes(endpoint.mac) == bytes((2, 0, 0, 0, 0, 1))


def test_numbers_of_a_kind_that_only_the_notebook_knows() -> None:
    config = configured("of_a_cell", {"by": 3, "note": "text", "share": 0.5})
    assert numbers(config, 3) == [(3, 3.0), (0, 0.5), (0, 0.0)]


def test_more_numbers_than_there_is_room_for() -> None:
    assert lib.LK_NODE_VALUES == 12
    with pytest.raises(ValueError, match="node n: crowded has more numbers than the engine takes"):
        configured("crowded", dict(make("crowded", {}).params))
