# SPDX-License-Identifier: BSD-3-Clause
"""Paths as data: operators, names, every refusal."""

import dataclasses
import inspect
import subprocess
import sys
from types import SimpleNamespace
from typing import Annotated, Any

import pytest

from labkit.errors import LabError, PathError
from labkit.path import nodes as lk
from labkit.path.chain import Chain, Node
from labkit.path.declaration import make, node
from labkit.path.drawing import path_svg
from labkit.path.function_types import OutputsType
from labkit.path.graph import Edge, NamedNode
from labkit.path.kinds import KINDS
from labkit.path.path import Path
from labkit.path.types import Name
from labkit.path.values import WholeType
from tests.paths import WHERE, data, endpoint, refused


def echo_path() -> Path:
    return endpoint("a", "echo")


# Operators


def test_next_leads_on_and_other_to_the_alternative() -> None:
    assert set(echo_path().edges) == {
        Edge("rx:a", "next", "udp_echo"),
        Edge("udp_echo", "other", "icmp_echo"),
        Edge("icmp_echo", "other", "arp_responder"),
        Edge("arp_responder", "other", "nd_responder"),
        Edge("nd_responder", "other", "refuse"),
        *(
            Edge(name, "next", "tx:a")
            for name in ("udp_echo", "icmp_echo", "arp_responder", "nd_responder")
        ),
    }


def test_a_named_output_leads_elsewhere() -> None:
    arp = lk.arp_responder(WHERE)
    path = Path(lk.rx("a") >> arp >> lk.tx("a"), arp["other"] >> lk.tx("b"))
    assert path.outputs_of("arp_responder") == {"next": "tx:a", "other": "tx:b"}
    assert path.outputs_of("tx:a") == {}


def test_an_open_output_leads_nowhere() -> None:
    path = Path(lk.rx("a") >> lk.arp_responder(WHERE))
    assert path.outputs_of("arp_responder") == {"next": None, "other": None}


def test_precedence_without_brackets_is_the_same() -> None:
    udp, arp = lk.udp_echo(WHERE), lk.arp_responder(WHERE)
    assert Path(lk.rx("a") >> udp | arp) == Path(lk.rx("a") >> (udp | arp))


def test_one_node_object_is_one_node() -> None:
    out = lk.tx("b")
    path = Path(lk.rx("a") >> out, lk.inject("b") >> out)
    assert [node.name for node in path.nodes] == ["rx:a", "tx:b", "inject:b"]
    assert {edge.target for edge in path.edges} == {"tx:b"}


def test_a_path_of_one_node() -> None:
    path = Path(lk.rx("a"))
    assert path.nodes == (NamedNode("rx:a", "rx", {"port": "a", "queue": None}),)


# Names


def test_names_come_from_kind_and_port_and_are_made_unique() -> None:
    path = Path(lk.rx("a") >> lk.reflect() >> lk.reflect() >> lk.reflect() >> lk.tx("b", 1))
    names = [node.name for node in path.nodes]
    assert names == ["rx:a", "reflect", "reflect.2", "reflect.3", "tx:b"]


def test_a_name_can_be_given() -> None:
    path = Path(lk.rx("a", name="in") >> lk.sink(name="out"))
    assert [node.name for node in path.nodes] == ["in", "out"]
    assert path.node("in").kind == "rx"


def test_anything_with_a_name_is_a_port() -> None:
    port: Any = SimpleNamespace(name="eth0")
    assert Path(lk.rx(port) >> lk.tx("b")).ports == ("eth0", "b")


def test_repr_has_a_line_for_each_chain() -> None:
    assert repr(echo_path()) == (
        "rx:a >> (udp_echo | icmp_echo | arp_responder | nd_responder | refuse) >> tx:a"
    )
    host = Path(lk.inject("a") >> lk.tx("a"), lk.rx("a") >> lk.collect("a"))
    assert repr(host) == "inject:a >> tx:a\nrx:a >> collect:a"


def test_repr_leaves_no_edge_out() -> None:
    arp = lk.arp_responder(WHERE)
    path = Path(lk.rx("a") >> arp >> lk.tx("a"), arp["other"] >> lk.reflect() >> lk.tx("b"))
    assert repr(path) == (
        'rx:a >> arp_responder >> tx:a\narp_responder["other"] >> reflect >> tx:b'
    )


def test_the_table_of_kinds_documents_itself() -> None:
    for kind in KINDS.values():
        assert kind.sentence.endswith(".")
        assert kind.role in ("source", "process", "end")
        may_be_let_go = bool(kind.states and kind.counters)  # by another node
        has_own = any(isinstance(p.type, OutputsType) for p in kind.parameters)
        assert kind.outputs or has_own or kind.role == "end" or may_be_let_go
        assert not (kind.outputs or has_own) or kind.role != "end"
    assert "RFC 826" in KINDS["arp_responder"].reference
    assert "RFC 4861" in KINDS["nd_responder"].reference
    assert "RFC 792" in KINDS["icmp_echo"].reference
    assert "RFC 4443" in KINDS["icmp_echo"].reference
    assert "RFC 862" in KINDS["udp_echo"].reference
    assert "5tswap" in KINDS["reflect"].reference


# Kinds that are declared elsewhere


@node(role="process", outputs=("next", "other"), reference="RFC 791 3.2", label="one hop less")
def hop(
    by: Annotated[int, WholeType(1, 255)] = 1, share: float = 0.5, *, name: Name = None
) -> None:
    """Lowers the TTL.

    by: how much
    """


def test_a_kind_of_another_module_is_one_of_all() -> None:
    path = Path(lk.rx("a") >> (hop(3, name="far") | lk.sink()) >> lk.tx("a"))
    assert path.node("far").params == {"by": 3, "share": 0.5}
    assert Path.from_json(path.to_json()) == path
    assert "one hop less" in path_svg(path)
    with refused("node hop: by is 0; the range is 1 to 255"):
        hop(0)
    with refused("node hop: share is 'x'; the range is -inf to inf"):
        hop(share="x")  # type: ignore[arg-type]


def test_help_tells_of_a_kind() -> None:
    assert inspect.signature(hop).parameters["by"].annotation is int
    assert inspect.signature(hop).return_annotation is Node
    assert hop.__doc__ == "Lowers the TTL.\n\nby: how much\n\nReference: RFC 791 3.2"
    said = str(inspect.signature(lk.rx)).replace("Optional[int]", "int | None")
    assert said.endswith(
        "queue: int | None = None, *, name: str | None = None) -> labkit.path.chain.Node"
    )
    with pytest.raises(TypeError, match=r"rx\(\) missing 1 required positional argument: 'port'"):
        lk.rx()  # type: ignore[call-arg]


def test_a_kind_is_declared_once() -> None:
    with refused("there is a kind of node called 'hop' already, declared in"):

        @node(role="process", kind="hop")
        def jump(*, name: Name = None) -> None:
            """Lowers the TTL."""


def test_a_declaration_is_checked() -> None:
    with refused("node bad: annotate the parameter 'by' with a type of labkit.path.types"):

        @node(role="process")
        def bad(by: list[str], *, name: Name = None) -> None:
            """Never made."""

    with refused("node silent: say in its documentation what it does"):

        @node(role="process")
        def silent(*, name: Name = None) -> None: ...


def test_what_the_ledger_counts_is_declared() -> None:
    def kinds(what: str) -> set[str]:
        return {name for name, kind in KINDS.items() if getattr(kind, what)}

    assert kinds("brings_frames_in") == {"rx", "inject", "host_send", "probe_send", "generate"}
    assert kinds("takes_frames_out") == {"tx", "collect", "sink"}
    assert kinds("drops_all") == {"refuse"}
    assert kinds("is_exclusive") == {"rx", "inject", "collect"}
    hosts = {"host_send", "host_hear", "host_refuse"}  # of topologies
    assert kinds("has_frames") == {"inject", "collect"} | hosts


# Plain, frozen data


def test_a_path_cannot_be_changed() -> None:
    path: Any = echo_path()
    with pytest.raises(dataclasses.FrozenInstanceError):
        path.name = "other"
    with pytest.raises(dataclasses.FrozenInstanceError):
        path.nodes[0].name = "other"


def test_equality_is_that_of_the_data() -> None:
    assert echo_path() == echo_path()
    assert hash(echo_path()) == hash(echo_path())
    assert echo_path() != echo_path().renamed("echo2")
    assert echo_path().renamed("echo2").renamed("echo") == echo_path()


def test_import_loads_nothing_heavy() -> None:
    code = (
        "import sys, labkit.path.nodes, labkit.path;"
        "print([m for m in ('numpy', 'pandas', 'scapy', 'matplotlib', 'labkit._dataplane',"
        "'labkit._codec') if m in sys.modules])"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == "[]"


# Refusals: parameters

BAD_PARAMETERS = [
    (lambda: lk.rx("a", -1), "node rx: queue is -1; the range is 0 to 255"),
    (lambda: lk.tx("a", 256), "node tx: queue is 256; the range is 0 to 255"),
    (lambda: lk.rx("a", True), "node rx: queue is True; the range is 0 to 255"),
    (lambda: lk.rx("", 0), "node rx: port is ''; it is a text that is not empty"),
    (lambda: lk.rx(7), "7 is no port: pass a Port or its name"),
    (lambda: lk.udp_echo(WHERE, 0), "node udp_echo: udp_port is 0; the range is 1 to 65535"),
    (lambda: lk.udp_echo(WHERE, 65536), "udp_port is 65536; the range is 1 to 65535"),
    (lambda: lk.udp_echo(WHERE, None), "udp_port is None; the range is 1 to 65535"),
    (lambda: lk.refuse(WHERE, 70000), "node refuse: udp_port is 70000; the range is 1 to 65535"),
    (lambda: lk.icmp_echo([]), "node icmp_echo: addresses is []; give at least one address"),
    (lambda: lk.icmp_echo(None), "addresses is None; give at least one address such as"),
    (
        lambda: lk.icmp_echo("10.0.0.256"),
        "node icmp_echo: '10.0.0.256' is no IP address; write it as 10.0.0.2/24 or fd00::2/64",
    ),
    (lambda: lk.icmp_echo("10.0.0.2/33"), "'10.0.0.2/33' is no IP address"),
    (lambda: lk.icmp_echo("fe80::1%eth0"), "can have but an address with a zone"),
    (lambda: lk.icmp_echo("224.0.0.1"), "'224.0.0.1' is no address that a host can have but a gr"),
    (lambda: lk.icmp_echo("::"), "'::' is no address that a host can have but the address of nob"),
    (
        lambda: lk.icmp_echo([f"10.0.0.{i}" for i in range(17)]),
        "node icmp_echo: 17 IPv4 addresses; at most 16 of each version",
    ),
    (
        lambda: lk.arp_responder(WHERE, "02:00:00:00:00", name="arp"),
        "node arp: mac is '02:00:00:00:00'; write six bytes as 02:00:00:00:00:01",
    ),
    (
        lambda: lk.arp_responder(WHERE, "01:00:5e:00:00:01"),
        "mac 01:00:5e:00:00:01 is a group address",
    ),
    (lambda: lk.capture("x", 65536), "node capture: snaplen is 65536; the range is 0 to 65535"),
    (lambda: lk.probe_receive(""), "node probe_receive: run is ''; it is a text that is not empty"),
    (lambda: make("udp_eco", {}), "'udp_eco' is no kind of node"),
    (lambda: make("udp_eco", {}), "did you mean 'udp_echo'?"),
    (
        lambda: make("rx", {"port": "a", "que": 1}),
        "node rx: rx has no parameter 'que' (there are: port, queue); did you mean 'queue'?",
    ),
    (lambda: make("rx", {}), "node rx: rx needs the parameter 'port'"),
]


@pytest.mark.parametrize(("make", "message"), BAD_PARAMETERS, ids=[m for _, m in BAD_PARAMETERS])
def test_bad_parameters_are_refused(make: Any, message: str) -> None:
    with refused(message):
        make()


def test_sixteen_addresses_of_each_version_are_fine() -> None:
    both = [f"10.0.0.{i}" for i in range(1, 17)] + [f"fd00::{i}" for i in range(1, 17)]
    assert lk.icmp_echo(both).params["addresses"] == both


def test_a_mac_is_kept_in_lower_case() -> None:
    assert lk.arp_responder(WHERE, "02:AB:00:00:00:01").params["mac"] == "02:ab:00:00:00:01"


# Refusals: joining


def test_joining_is_checked_at_once() -> None:
    with refused("edge tx:a >> sink: nothing can follow tx:a, it has no open output called next"):
        lk.rx("a") >> lk.tx("a") >> lk.sink()
    with refused('write probe_receive(...)["other"] >> ...'):
        lk.probe_receive("r") >> lk.sink()
    with refused("edge rx:a >> inject:b: inject is a source and takes no frames; begin another"):
        lk.rx("a") >> lk.inject("b")
    with refused("reflect | sink: reflect passes nothing on as other, so it has no alternative"):
        lk.reflect() | lk.sink()
    with refused(
        "node udp_echo: udp_echo has no output 'oher' (there are: next, other); did you "
        "mean 'other'?"
    ):
        lk.udp_echo(WHERE)["oher"]
    with refused("'tx' is no node; make one with lk.rx(port)"):
        lk.rx("a") >> "tx"  # type: ignore[operator]


# Refusals: whole paths


def test_an_empty_path_is_refused() -> None:
    with refused("path 'path' is empty; give it a chain such as rx(a) >> tx(b)"):
        Path()
    with refused("path 'p' has no source; begin it with rx(port) or inject(port)"):
        Path.from_dict(data())


def test_a_path_needs_a_source() -> None:
    with refused("path 'p' has no source; begin it with rx(port) or inject(port)"):
        Path(lk.reflect() >> lk.tx("a"), name="p")


def test_every_node_is_reached() -> None:
    with refused("path 'p', node sink: no source leads to it; join it with >> to a chain"):
        Path(lk.rx("a") >> lk.tx("a"), lk.sink(), name="p")
    with refused("path 'p', node reflect: no source leads to it"):
        Path(lk.rx("a") >> lk.tx("a"), lk.reflect() >> lk.sink(), name="p")


def test_a_source_takes_no_frames() -> None:
    with refused("path 'p', edge a[next] >> b: rx is a source and takes no frames; begin another"):
        Path.from_dict(data(("a", "next", "b"), a=lk.rx("a"), b=lk.rx("b")))


def test_an_output_has_to_exist() -> None:
    with refused(
        "path 'p', edge a[nxt] >> b: rx has no output 'nxt' (there are: next); did you mean 'next'?"
    ):
        Path.from_dict(data(("a", "nxt", "b"), a=lk.rx("a"), b=lk.sink()))
    with refused("path 'p', edge b[next] >> c: sink has no output 'next' (there are: none)"):
        edges = ("a", "next", "b"), ("b", "next", "c")
        Path.from_dict(data(*edges, a=lk.rx("a"), b=lk.sink(), c=lk.sink()))


def test_the_ends_of_an_edge_have_to_exist() -> None:
    with refused(
        "edge a[next] >> snk: there is no node 'snk' (there are: a, sink); did you mean 'sink'?"
    ):
        Path.from_dict(data(("a", "next", "snk"), a=lk.rx("a"), sink=lk.sink()))


def test_an_output_has_one_target() -> None:
    receive = lk.rx("a")
    with refused(
        "path 'p', edge rx:a[next] >> sink: this output leads to tx:a already; an output "
        "has one target"
    ):
        Path(receive >> lk.tx("a"), receive >> lk.sink(), name="p")
    assert len(Path(receive >> (end := lk.sink()), receive >> end).edges) == 1


def test_cycles_are_refused_with_their_nodes() -> None:
    first, second = lk.reflect(name="one"), lk.reflect(name="two")
    with pytest.raises(PathError, match="would go round for ever") as caught:
        Path(lk.rx("a") >> first >> second, second >> first, name="p")
    assert "one >> two" in str(caught.value)
    assert "two >> one" in str(caught.value)


def test_a_long_path_is_no_deep_recursion() -> None:
    chain: Chain | Node = lk.rx("a")
    for number in range(1200):
        chain = chain >> lk.reflect(name=f"r{number}")
    path = Path(chain >> lk.tx("a"))
    assert len(path.nodes) == 1202
    assert Path.from_json(path.to_json()) == path


@pytest.mark.parametrize("make", [lk.rx, lk.inject])
def test_a_queue_is_received_once(make: Any) -> None:
    with refused(f"node {make.__name__}:a.2: {make.__name__}:a is the {make.__name__} of port a"):
        Path(make("a") >> lk.tx("a"), make("a") >> lk.sink())


def test_a_port_is_collected_once() -> None:
    with refused(
        "node collect:a.2: collect:a is the collect of port a already; use the same node "
        "object in both chains"
    ):
        Path(lk.rx("a") >> lk.collect("a"), lk.rx("b") >> lk.collect("a"))


def test_other_queues_of_a_port_can_be_received() -> None:
    path = Path(lk.rx("a", 0) >> lk.sink(), lk.rx("a", 1) >> lk.sink())
    assert [node.name for node in path.nodes] == ["rx:a", "sink", "rx:a.2", "sink.2"]


@pytest.mark.parametrize("name", ["", "a b", "x" * 41, "ü", "a/b"])
def test_names_are_checked(name: str) -> None:
    with refused(f"path name {name!r}: use 1 to 40 letters, digits and _ . : -; pass name="):
        Path(lk.rx("a"), name=name)
    with refused(f"node name {name!r}: use 1 to 40 letters, digits and _ . : -; pass name="):
        Path(lk.rx("a", name=name))


def test_two_nodes_of_one_name_are_refused() -> None:
    doubled = data(("a", "next", "b"), a=lk.rx("a"), b=lk.sink())
    doubled["nodes"].append(dict(doubled["nodes"][1]))
    with refused("path 'p' has two nodes called 'b'; pass name= to one"):
        Path.from_dict(doubled)


def test_a_node_that_is_not_there_is_named_with_what_is_meant() -> None:
    with refused("path 'echo' has no node 'udp_eco'"):
        echo_path().node("udp_eco")


# MAC addresses


def test_missing_macs_are_those_of_the_port_frames_come_from() -> None:
    own = lk.icmp_echo(WHERE, "02:00:00:00:00:99")
    chain = lk.rx("a") >> lk.capture("x.pcapng") >> (lk.udp_echo(WHERE) | own) >> lk.tx("b")
    path = Path(chain).with_macs({"a": "02:00:00:00:00:0a", "b": "02:00:00:00:00:0b"})
    assert path.node("udp_echo").params["mac"] == "02:00:00:00:00:0a"
    assert path.node("icmp_echo").params["mac"] == "02:00:00:00:00:99"


def test_what_a_generator_makes_comes_from_its_port() -> None:
    path = Path(lk.generate("run", "a") >> lk.udp_echo(WHERE) >> lk.tx("b"))
    filled = path.with_macs({"a": "02:00:00:00:00:0a", "b": "02:00:00:00:00:0b"})
    assert filled.node("udp_echo").params["mac"] == "02:00:00:00:00:0a"


def test_a_mac_has_to_be_of_one_port() -> None:
    arp = lk.arp_responder(WHERE)
    both = Path(lk.rx("a") >> arp >> lk.tx("a"), lk.rx("b") >> arp, name="p")
    with refused(
        "path 'p', node arp_responder: its frames come from ports a, b, so it has no MAC "
        "address of its own; pass mac="
    ):
        both.with_macs({"a": "02:00:00:00:00:0a", "b": "02:00:00:00:00:0b"})


def test_a_mac_has_to_be_known() -> None:
    with refused("path 'echo', node udp_echo: the MAC of port 'a' is not known (there are: b)"):
        echo_path().with_macs({"b": "02:00:00:00:00:0b"})


def test_errors_are_lab_errors_and_value_errors() -> None:
    with pytest.raises(LabError):
        Path()
    with pytest.raises(ValueError, match="is empty"):
        Path()
