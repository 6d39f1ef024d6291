# SPDX-License-Identifier: BSD-3-Clause
"""Routers as data: what may be said of them, and what is told of what may not."""

import re
from typing import Any

import pytest

import labkit as lk
from labkit.errors import PathError

PORTS: dict[str, Any] = {"a": "10.0.1.1/24", "b": ["10.0.2.1/24", "fd00:2::1/64"]}


def test_a_router_is_plain_data() -> None:
    routes = {"0.0.0.0/0": "10.0.2.254", "10.9.0.0/16": ["10.0.2.2", "a"], "10.8.0.0/16": None}
    path = lk.router(PORTS, routes, macs={"a": "02:00:00:00:00:0a"})
    again = lk.Path.from_json(path.to_json())
    assert again == path
    (node,) = (n for n in again.nodes if n.kind == "route")
    network: Any = node.params["network"]
    assert network["routes"] == {
        "0.0.0.0/0": ["10.0.2.254"],
        "10.9.0.0/16": ["10.0.2.2", "%a"],
        "10.8.0.0/16": "blackhole",
    }
    macs = {"a": "02:00:00:00:00:01", "b": "02:00:00:00:00:02"}
    (node,) = (n for n in path.with_macs(macs).nodes if n.kind == "route")
    network = node.params["network"]
    assert [port["mac"] for port in network["ports"].values()] == [
        "02:00:00:00:00:0a",
        "02:00:00:00:00:02",
    ]
    assert "svg" in str(path._repr_mimebundle_())
    with pytest.raises(PathError, match=r"the MAC of port 'b' is not known.*pass macs="):
        path.with_macs({"a": macs["a"]})


WRONG: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {}, "a router has a port at least"),
    (["a"], {}, "ports is ['a']; it is a dict such as"),  # type: ignore[list-item]
    (PORTS, [("10.9.0.0/16", "10.0.2.2")], "routes is ["),  # type: ignore[list-item]
    ({"a": []}, {}, "port a has no address; give it one such as"),
    ({"a": "10.0.1.1"}, {}, "'10.0.1.1'; write the address with the length of its network's"),
    ({"a": "ten/24"}, {}, "'ten/24'; write the address"),
    ({"a": "10.0.1.0/24"}, {}, "is the broadcast address of 10.0.1.0/24; give it a host's"),
    ({"a": "224.0.0.1/24"}, {}, "is a group's address"),
    ({"a": "fe80::1/64"}, {}, "which is a link-local address"),
    ({**PORTS, "c": "10.0.1.9/24"}, {}, "but 10.0.1.0/24 is the network of port a"),
    (PORTS, {"10.9.0.0": "10.0.2.2x"}, "'10.0.2.2x' is neither an address nor a port"),
    (PORTS, {"10.9.0.1/16": "10.0.2.2"}, "has bits behind its length; write 10.9.0.0/16"),
    (PORTS, {"10.9.0.0/33": "10.0.2.2"}, "write a prefix such as"),
    (PORTS, {"all": "10.0.2.2"}, "route 'all': write a prefix such as"),
    (PORTS, {"224.0.0.0/8": "10.0.2.2"}, "is for groups or reserved"),
    (PORTS, {"10.0.1.0/24": "10.0.2.2"}, "is the network of port a, which the router knows"),
    (PORTS, {"10.9.0.0/16": "10.0.3.2"}, "gateway 10.0.3.2 is in no network of a port"),
    (PORTS, {"10.9.0.0/16": "10.0.2.2%a"}, "gateway 10.0.2.2 is in no network of port a"),
    (PORTS, {"10.9.0.0/16": "10.0.2.2%c"}, "'c' is no port of the router"),
    (PORTS, {"10.9.0.0/16": "10.0.2.1"}, "10.0.2.1 is the router's own"),
    (PORTS, {"10.9.0.0/16": "fd00:2::2"}, "fd00:2::2 is no gateway for IPv4"),
    (PORTS, {"fd00:9::/32": "fe80::1"}, "fe80::1 is on any link; write fe80::1%PORT"),
    (PORTS, {"10.9.0.0/16": []}, "are not 1 to 64 next hops"),
    (PORTS, {"10.9.0.0/16": ["10.0.2.2"] * 2}, "names a next hop twice"),
    (PORTS, {"10.9.0.0/16": 7}, "7 is no port"),
    (PORTS, {"fd00:9::/32": "fd00:2::2", "FD00:9::/32": "fd00:2::3"}, "is there twice"),
]


@pytest.mark.parametrize(("ports", "routes", "says"), WRONG, ids=lambda v: v if v is str else None)
def test_what_is_wrong_is_told(ports: dict[str, Any], routes: dict[str, Any], says: str) -> None:
    with pytest.raises(PathError, match=re.escape(says)):
        lk.router(ports, routes)


def test_settings_are_checked() -> None:
    for settings, says in (
        ({"macs": {"c": "02:00:00:00:00:01"}}, "macs has 'c', which is no port of it"),
        ({"macs": {"a": "03:00:00:00:00:01"}}, "is a group address"),
        ({"mtus": {"a": 60}}, "mtu of port a is 60; the range is 68 to 65535"),
        ({"mtus": {"a": True}}, "mtu of port a is True"),
        ({"retry": 0}, "it is a time of 0.05 to 86,400 s"),
        ({"tries": 0}, "the range is 1 to 100"),
        ({"icmp_rate": -1}, "0 to 1e9"),
        ({"neighbours": 1}, "the range is 16 to 1000000"),
    ):
        with pytest.raises(PathError, match=re.escape(says)):
            lk.router(PORTS, **settings)  # type: ignore[arg-type]
