# SPDX-License-Identifier: BSD-3-Clause
"""Paths as JSON: what is written, every refusal, and any path that can be drawn."""

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from labkit.errors import PathError
from labkit.packet.host_address import why_no_host
from labkit.path import nodes as lk
from labkit.path.chain import Chain, Node
from labkit.path.graph import Edge
from labkit.path.path import Path
from tests.paths import WHERE, data, refused


def test_json_is_versioned_and_complete() -> None:
    written = json.loads(Path(lk.rx("a") >> lk.capture("/tmp/x", 96) >> lk.tx("b")).to_json())
    assert written == {
        "format": "labkit-path/1",
        "name": "path",
        "nodes": [
            {"name": "rx:a", "kind": "rx", "params": {"port": "a", "queue": None}},
            {
                "name": "capture",
                "kind": "capture",
                "params": {
                    "file": "/tmp/x",
                    "snaplen": 96,
                    "filter": None,
                    "frames": None,
                    "bytes": None,
                    "seconds": None,
                    "rotate": None,
                    "files": None,
                },
            },
            {"name": "tx:b", "kind": "tx", "params": {"port": "b", "queue": None}},
        ],
        "edges": [
            {"source": "rx:a", "output": "next", "target": "capture"},
            {"source": "capture", "output": "next", "target": "tx:b"},
        ],
    }


def test_what_json_leaves_out_has_its_default() -> None:
    short = data(("a", "next", "b"), a=lk.rx("a"), b=lk.arp_responder(WHERE))
    del short["nodes"][0]["params"]["queue"], short["nodes"][1]["params"]["mac"]
    assert Path.from_dict(short).to_dict() == data(
        ("a", "next", "b"), a=lk.rx("a"), b=lk.arp_responder(WHERE)
    )


def changed(**changes: Any) -> dict[str, Any]:
    """Good data with fields replaced, or taken out where the value is ...."""
    good = {**data(("a", "next", "b"), a=lk.rx("a"), b=lk.sink()), **changes}
    return {key: value for key, value in good.items() if value is not ...}


A_NODE = {"name": "a", "kind": "rx", "params": {"port": "a"}}

BAD_DATA: list[tuple[Any, str]] = [
    ([], "the path is []; it is an object with format, name, nodes, edges"),
    (changed(nods=[]), "the path has no field 'nods'"),
    (changed(nods=[]), "did you mean 'nodes'?"),
    (changed(edges=...), "the path lacks the field 'edges'"),
    (changed(format="labkit-path/2"), "format is 'labkit-path/2'; this labkit reads"),
    (changed(format=1), "the path: format is 1; it is a text"),
    (changed(name=None), "the path: name is None; it is a text"),
    (changed(nodes={}), "the path: nodes is {}; it is a list"),
    (changed(nodes=["rx"]), "nodes[0] is 'rx'; it is an object with name, kind, params"),
    (changed(nodes=[{**A_NODE, "params": None}]), "nodes[0]: params is None; it is an object"),
    (changed(nodes=[{**A_NODE, "kind": ["rx"]}]), "nodes[0]: kind is ['rx']; it is a text"),
    (changed(nodes=[{**A_NODE, "kind": "rxx"}]), "'rxx' is no kind of node"),
    (changed(nodes=[{**A_NODE, "parms": {}}]), "nodes[0] has no field 'parms'"),
    (changed(nodes=[{**A_NODE, "params": {}}]), "node a: rx needs the parameter 'port'"),
    (
        changed(nodes=[{"name": "a", "kind": "icmp_echo", "params": {"addresses": [1]}}]),
        "node a: 1 is no IP address",
    ),
    (changed(edges=[["a", "b"]]), "edges[0] is ['a', 'b']; it is an object with source, output"),
    (changed(edges=[{"source": "a", "output": "next"}]), "edges[0] lacks the field 'target'"),
    (
        changed(edges=[{"source": "a", "output": 1, "target": "b"}]),
        "edges[0]: output is 1; it is a text",
    ),
]


@pytest.mark.parametrize(("bad", "message"), BAD_DATA, ids=[m for _, m in BAD_DATA])
def test_bad_json_is_refused(bad: Any, message: str) -> None:
    with refused(message):
        Path.from_json(json.dumps(bad))


def test_no_json_is_refused() -> None:
    with refused("this is no JSON: "):
        Path.from_json("{")


# Properties

names = st.from_regex(r"[A-Za-z0-9_.:-]{1,20}", fullmatch=True)
ipv4 = st.ip_addresses(v=4).filter(lambda a: not why_no_host(a)).map(str)
ipv6 = st.ip_addresses(v=6).filter(lambda a: not why_no_host(a)).map(str)
addresses = st.lists(st.one_of(ipv4, ipv6), min_size=1, max_size=8)
macs = st.none() | st.binary(min_size=6, max_size=6).map(
    lambda b: bytes([b[0] & 0xFE, *b[1:]]).hex(":")
)
responders = st.one_of(
    st.builds(lk.arp_responder, addresses, macs),
    st.builds(lk.nd_responder, addresses, macs),
    st.builds(lk.icmp_echo, addresses, macs),
    st.builds(lk.udp_echo, addresses, st.integers(1, 65535), macs),
)
passing = st.one_of(
    st.builds(lk.reflect),
    st.builds(
        lk.capture,
        st.text().filter(lambda t: "\0" not in t).map(lambda t: f"{t}x.pcapng"),
        st.integers(0, 65535),
        frames=st.none() | st.integers(1, 2**62),
        bytes=st.none() | st.integers(1, 2**62),
        seconds=st.none() | st.floats(1e-9, 1e9),
        rotate=st.none() | st.sampled_from(["10 MB", "1,000 frames", "0.5 s"]),
    ),
)
ends = st.one_of(
    st.builds(lk.tx, names, st.integers(0, 255)), st.builds(lk.collect, names), st.builds(lk.sink)
)


@st.composite
def paths(draw: st.DrawFn) -> Path:
    """A source, then nodes and groups of alternatives, then an end; of these one to three."""
    chains = []
    for number in range(draw(st.integers(1, 3))):
        chain = draw(st.sampled_from((lk.rx, lk.inject)))(f"in{number}") >> draw(passing)
        for _ in range(draw(st.integers(0, 3))):
            group = draw(st.lists(responders, min_size=1, max_size=4))
            part: Node | Chain = group[0]
            for alternative in group[1:]:
                part = part | alternative
            chain = chain >> part
        chains.append(chain >> draw(ends))
    collected = [n for c in chains for n in c.nodes if n.kind == "collect"]
    if len({n.params["port"] for n in collected}) < len(collected):
        chains = chains[:1]
    return Path(*chains, name=draw(names))


@given(paths())
def test_json_brings_back_the_same_path(path: Path) -> None:
    again = Path.from_json(path.to_json())
    assert again == path
    assert repr(again) == repr(path)
    assert again.ports == path.ports


def edges_of(path: Path) -> set[Edge]:
    """The edges that a path's repr tells of."""
    told = set()
    for line in repr(path).splitlines():
        before: list[tuple[str, str]] = []
        for word in line.split(" >> "):
            start, bracket, output = word.partition('["')
            if bracket:
                before = [(start, output.removesuffix('"]'))]
                continue
            group = word.strip("()").split(" | ")
            told |= {Edge(*end, group[0]) for end in before}
            told |= {Edge(a, "other", b) for a, b in pairwise(group)}
            before = [(n, "next") for n in group if "next" in path.outputs_of(n)]
    return told


@given(paths())
def test_repr_tells_of_every_edge(path: Path) -> None:
    assert edges_of(path) == set(path.edges)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(("format", "name", "nodes", "edges", "kind", "params", "source")),
                inner,
                max_size=4,
            )
        ),
        max_leaves=10,
    )
)
def test_any_other_json_is_a_path_error(wild: Any) -> None:
    with pytest.raises(PathError):
        Path.from_json(json.dumps(wild))
    with pytest.raises(PathError):
        Path.from_json(json.dumps(changed(nodes=wild)))
