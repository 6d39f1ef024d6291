# SPDX-License-Identifier: BSD-3-Clause
"""Switches, VLAN tags, spreads and mirrors as data, and what is refused."""

import math
from collections.abc import Callable

import pytest

import labkit as lk
from labkit.errors import PathError


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lk.switch("a"), "ports is .*; it is a list of ports, such as"),
        (lambda: lk.switch(["a"]), r"a switch has 2 to 32 ports, each once"),
        (lambda: lk.switch(["a", "a"]), r"a switch has 2 to 32 ports, each once"),
        (lambda: lk.switch(["a", 7]), "7 is no port: pass a Port or its name"),
        (lambda: lk.switch(["a", "b"], vlans=10), "it is VLANs by port, such as"),
        (lambda: lk.switch(["a", "b"], vlans={"c": 10}), "port 'c', which is none of the"),
        (lambda: lk.switch(["a", "b"], vlans={"a": 0}), "VLAN is 0; the range is 1 to 4094"),
        (lambda: lk.switch(["a", "b"], vlans={"a": [10, 4095]}), "VLAN is 4095; the range is"),
        (lambda: lk.switch(["a", "b"], vlans={"a": "10"}), "vlans is '10'; it is a VLAN of an acc"),
        (lambda: lk.switch(["a", "b"], vlans={"a": []}), "no VLAN at all"),
        (lambda: lk.switch(["a", "b"], vlans={"a": {"nativ": 1}}), "did you mean 'native'"),
        (lambda: lk.switch(["a", "b"], vlans={"a": {"trunk": 5}}), "trunk is 5; it is"),
        (lambda: lk.switch(["a", "b"], aging=0), "it is a time of 0.01 to 1,000,000 s"),
        (lambda: lk.switch(["a", "b"], aging=math.nan), "it is a time of"),
        (lambda: lk.switch(["a", "b"], limit=0), "limit is 0; the range is 1 to 1048576"),
    ],
)
def test_what_no_switch_is_made_of(make: Callable[[], object], message: str) -> None:
    with pytest.raises(PathError, match=message):
        make()


def test_a_switch_is_data() -> None:
    path = lk.switch(["a", "b"], vlans={"a": {"trunk": [30, 10, 11, 12], "native": 1}})
    assert lk.Path.from_json(path.to_json()) == path
    assert path.node("switch").params["vlans"] == ["native 1 tagged 10-12,30", "native 1"]
    for wrong in ("", "native", "native x", "tagged 1-", "tagged 5000", "10"):
        data = path.to_dict()
        node = next(n for n in data["nodes"] if n["kind"] == "switch")
        node["params"]["vlans"] = [wrong, "native 1"]
        with pytest.raises(PathError, match=r"vlans|VLAN"):
            lk.Path.from_dict(data)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: lk.vlan_push(4095), "vid is 4095; the range is 0 to 4094"),
        (lambda: lk.vlan_push(10, pcp=8), "pcp is 8; the range is 0 to 7"),
        (lambda: lk.vlan_push(10, tpid="88a8"), "tpid is '88a8'; it is '802.1Q' or '802.1ad'"),
        (lambda: lk.vlan_push(10, dei=2), "dei is 2; it is True or False"),
        (lambda: lk.vlan_translate({}), "vlans is {}; it is such as"),
        (lambda: lk.vlan_translate([10]), r"vlans is \[10\]; it is such as"),
        (lambda: lk.vlan_translate({10: 0}), "VLAN is 0; the range is 1 to 4094"),
        (lambda: lk.vlan_translate({"10": 20}), "VLAN is '10'; the range is"),
        (lambda: lk.balance({}), "outputs is {}; it is weights by port"),
        (lambda: lk.balance(["a"]), r"outputs is \['a'\]; it is weights by port"),
        (lambda: lk.balance({"a": 0}), "the weight of a is 0; the range is 1 to 1000"),
        (lambda: lk.balance({"a": 1.5}), "the weight of a is 1.5; the range is 1 to 1000"),
        (lambda: lk.balance({"next": 1}), "neither next, other nor begins with drop_"),
        (lambda: lk.balance({7: 1}), "7 is no port"),
        (lambda: lk.balance({"a": 1}, key="flow"), "key is 'flow'; it is '5-tuple' or"),
        (lambda: lk.balance({"a": 128, "b": 1}, "toeplitz"), "their sum is 128 at most"),
        (lambda: lk.balance({"a": 1}, rss_key=b"short"), "it has 40 bytes or more"),
        (lambda: lk.mirror("udp prot 5"), "udp prot 5"),
        (lambda: lk.mirror(snaplen=-1), "snaplen is -1; the range is 0 to 65535"),
        (lambda: lk.mirror(one_in=0), "one_in is 0; the range is 1 to"),
    ],
)
def test_what_no_such_node_is_made_of(make: Callable[[], object], message: str) -> None:
    with pytest.raises(PathError, match=message):
        make()


def test_these_nodes_are_data() -> None:
    spread = lk.balance({"left": 3, "right": 1}, key="toeplitz", rss_key=bytes(40))
    copies = lk.mirror("udp", snaplen=64, one_in=10)
    path = lk.Path(
        lk.rx("a")
        >> lk.vlan_push(10, pcp=3, dei=True, tpid="802.1ad")
        >> lk.vlan_translate({10: 20})
        >> lk.vlan_pop()
        >> copies
        >> spread,
        spread["left"] >> lk.tx("a"),
        spread["right"] >> lk.tx("b"),
        copies["copy"] >> lk.sink(),
    )
    assert lk.Path.from_json(path.to_json()) == path
    assert path.node("balance").outputs == ("left", "right")
    assert path.node("mirror").outputs == ("next", "copy")


def test_a_spread_over_ports_ends_there() -> None:
    path = lk.Path(lk.rx("in") >> lk.balance({Port("a"): 3, Port("b"): 1}))
    assert path.outputs_of("balance") == {"a": "tx:a", "b": "tx:b"}


class Port:
    """All that a path asks of a port."""

    is_closed = False

    def __init__(self, name: str) -> None:
        self.name = name
