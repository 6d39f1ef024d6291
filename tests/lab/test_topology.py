# SPDX-License-Identifier: BSD-3-Clause
"""Topologies that run: hosts ping, trace routes and speak through switches and routers."""

import pytest
from scapy.layers.inet import ICMP, IP, UDP, traceroute
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether
from scapy.sendrecv import sr1

import labkit as lk
from labkit.errors import LabError, Unreachable
from labkit.lab.topology.plan import TopologyError
from tests.patience import wait_until

SECONDS = 30.0  # for an answer that comes
CAMPUS = """
h1, h2, h3: host 10.0.1.0/24
h1 -- s1 -- r1
h2 -- s1
h3 -- s1
r1 -- r2 : delay 1 ms, rate 100 Mbit/s
r2 -- r3 -- r4 -- r1
h4 -- s2 -- r2
h5 -- s2
h6 -- s3 -- r3
h7 -- s3
h8 -- s3
h9 -- s4 -- r4
h10 -- s4
"""


def test_ten_hosts_and_four_routers(lab: lk.Lab) -> None:
    net = lab.topology(CAMPUS)
    assert repr(net) == "<topology net: 10 hosts, 4 switches, 4 routers, 18 links>"
    assert lab.ports == {}  # none until Python speaks
    route = net["h1"].traceroute("h6", timeout=SECONDS)
    assert route["name"].tolist() == ["r1", "r2", "r3", "h6"]
    assert route["told"].tolist() == ["time exceeded"] * 3 + ["port unreachable"]
    assert route["rtt_ms"].iloc[3] > 1
    assert list(lab.ports) == ["h1"]
    answers = net.ping_all(timeout=SECONDS)
    assert answers.notna().sum().sum() == 10 * 9
    ledger = net.path.ledger
    assert ledger.is_balanced
    assert set(ledger.drops) <= {"drop_arp_no_such_address", "drop_route_ttl_exceeded"}
    assert ledger.drops["drop_route_ttl_exceeded"] == 3


def test_scapy_works_from_a_host(lab: lk.Lab) -> None:
    net = lab.topology("h1 -- r1 -- r2 -- h2")
    target = net["h2"].address
    answer = net["h1"].socket().sr1(IP(dst=target) / ICMP(), timeout=SECONDS, verbose=0)
    assert answer is not None
    assert (answer.src, answer.ttl) == (target, 62)
    with net["h1"].as_scapy():
        answer = sr1(IP(dst=target) / UDP(dport=7) / b"echo", timeout=SECONDS, verbose=0)
        assert bytes(answer[UDP].payload) == b"echo"
        found, _ = traceroute(
            target, l4=UDP(sport=50001, dport=40000), maxttl=4, timeout=SECONDS, verbose=0
        )
        ways = {sent.ttl: (got.src, got[ICMP].type) for sent, got in found}
    names = net.addresses.set_index("interface")["address"].str.partition("/")[0]
    assert ways == {
        1: (names["r1-h1"], 11),
        2: (names["r2-r1"], 11),
        **dict.fromkeys((3, 4), (target, 3)),
    }
    assert net.path.ledger.is_balanced


def test_a_loop_of_routes(lab: lk.Lab) -> None:
    """Two routers that send a network to each other, until its TTL ends it."""
    text = """
        r1: router to 10.7.0.0/16 via 10.0.2.2
        r2: router to 10.7.0.0/16 via 10.0.2.1
        h1 -- r1 -- r2 -- h2
    """
    net = lab.topology(text)
    net["h1"].socket().sr1(IP(dst="10.7.0.1", ttl=9) / ICMP(), timeout=SECONDS, verbose=0)
    assert net.path.drops["drop_route_ttl_exceeded"] == 1
    assert net.path.counters.functions["r2"]["forwarded"] >= 4
    assert net.path.ledger.is_balanced


def test_what_python_speaks_by_is_no_port_of_paths(lab: lk.Lab) -> None:
    """Frames that a trial sent into it would go nowhere."""
    net = lab.topology("h1 -- r1 -- h2")
    link = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    stream = lk.Stream(link / IP(src="10.0.1.2", dst=net["h2"].address) / UDP(), 64)
    port = net["h1"].port
    with pytest.raises(LabError, match=r"Python speaks from host h1 .* ports={'h1': inside}"):
        lk.trial(port, stream, rate="1 kpps", duration=0.1, progress=False)
    with pytest.raises(LabError, match="Python speaks from host h1"), lab.traffic() as traffic:
        traffic.add(stream, on=port, rate="1 kpps").start()
    with pytest.raises(LabError, match="Python speaks from host h1"):
        lab.run(lk.rx(port) >> lk.sink())
    assert net["h1"].ping("h2", 1, timeout=SECONDS).answered == 1


def test_what_is_asked_of_one_that_was_stopped(lab: lk.Lab) -> None:
    net = lab.topology("h1 -- r1 -- h2")
    with pytest.raises(LabError, match="timeout is -1"):
        net.ping_all(timeout=-1)
    with pytest.raises(LabError, match="the table of route r1 cannot be emptied; that of a switch"):
        net.path.tables.clear("r1")
    net.stop()
    for ask in (
        net.ping_all,
        lambda: net["h1"].ping("h2"),
        lambda: net.set_link("h1", "r1", up=False),
    ):
        with pytest.raises(LabError, match="topology net was stopped"):
            ask()
    assert list(lab.ports) == []


def test_ipv6(lab: lk.Lab) -> None:
    net = lab.topology("h1: host fd00:1::5/64\nh1 -- s1 -- r1 -- h2\nh3 -- s1")
    far = net.addresses.query("device == 'h2'")["address"].str.partition("/")[0].tolist()[1]
    assert net["h1"].ping(far, 1, timeout=SECONDS).answered == 1
    route = net["h1"].traceroute(far, timeout=SECONDS)
    assert route["name"].tolist() == ["r1", "h2"]
    assert route["told"].tolist() == ["time exceeded", "port unreachable"]
    answer = net["h1"].socket().sr1(IPv6(dst=far) / ICMPv6EchoRequest(), timeout=SECONDS, verbose=0)
    assert answer is not None
    assert (answer.src, answer.hlim) == (far, 63)
    assert net.path.ledger.is_balanced


def test_udp_and_what_is_told_instead(lab: lk.Lab) -> None:
    net = lab.topology("h1 -- r1 -- h2")
    assert net["h1"].udp("h2", "hello", timeout=SECONDS) == b"hello"
    with pytest.raises(Unreachable, match="UDP port 9 of h2: h2 says port unreachable"):
        net["h1"].udp("h2", b"", 9, timeout=SECONDS)
    with pytest.raises(Unreachable, match="r1 says network unreachable"):
        net["h1"].udp("192.0.2.1", timeout=SECONDS)
    with pytest.raises(Unreachable, match="r1 says host unreachable"):
        net["h1"].udp("10.0.2.99", timeout=SECONDS)
    with pytest.raises(Unreachable, match=r"did not answer ARP on port h1"):
        net["h1"].ping("10.0.1.99", 1)
    assert net.path.ledger.is_balanced


def test_a_link_is_changed_while_frames_flow(lab: lk.Lab) -> None:
    net = lab.topology("h1 -- s1 -- h2 : delay 1 ms")
    assert net["h1"].ping("h2", 1, timeout=SECONDS).rtts_ms[0] > 3
    net.set_link("h2", "s1", up=False)
    found = net["h1"].ping("h2", 2, timeout=0.05)
    assert (found.sent, found.answered) == (2, 0)
    assert "0 of 2 answered; 2 × no answer" in repr(found)
    links = net.links.set_index(["source", "target"])
    assert links.loc[("s1", "h2"), "down"] == 2
    assert not links.loc[("s1", "h2"), "up"]
    net.set_link("h2", "s1", up=True, delay="20 ms", rate="1 Gbit/s")
    assert net["h1"].ping("h2", 1, timeout=SECONDS).rtts_ms[0] > 40  # ours and the engine's clocks
    assert net.links["rate"].dropna().tolist() == ["1 Gbit/s"] * 2
    assert net.path.ledger.is_balanced


def test_three_switches_in_a_ring_do_not_hang(lab: lk.Lab) -> None:
    net = lab.topology("h1 -- s1 -- s2 -- s3 -- s1\nh2 -- s2")
    h1 = net["h1"].port
    h1.send(Ether(src=h1.mac, dst="ff:ff:ff:ff:ff:ff", type=0x88B5) / bytes(46))  # a storm
    wait_until(lambda: int(net.links["frames"].max()) > 10_000)
    net.set_link("s3", "s1", up=False)
    wait_until(lambda: net.path.counters.held == 0)
    for switch in ("s1", "s2", "s3"):
        net.path.tables.clear(switch)
    assert net["h1"].ping("h2", 1, timeout=SECONDS).answered == 1
    wait_until(lambda: net.path.ledger.is_balanced)


def test_a_port_of_the_lab_is_a_host(lab: lk.Lab) -> None:
    outside, inside = lab.cable("outside", "inside")
    net = lab.topology("h1: host 10.0.1.9/24\nh1 -- r1 -- h2", ports={"h1": inside})
    socket = outside.socket(layer=3, source="10.0.1.9")
    gateway = net.addresses.query("interface == 'r1-h1'")["address"].iloc[0].partition("/")[0]
    assert socket.sr1(IP(dst=gateway) / ICMP(), timeout=SECONDS, verbose=0) is not None
    assert net["h2"].ping("10.0.1.9", 1, timeout=0.05).sent == 1
    with pytest.raises(LabError, match="h1 is port inside, and Python speaks from hosts"):
        net["h1"]
    assert list(net) == ["h2"]


def test_after_a_restart_and_after_the_end(lab: lk.Lab) -> None:
    net = lab.topology("h1 -- h2")
    assert net["h1"].ping("h2", 1, timeout=SECONDS).answered == 1
    lab.restart()
    assert net["h1"].ping("h2", 1, timeout=SECONDS).answered == 1
    with net:
        pass
    assert (lab.ports, lab.paths) == ({}, {})
    assert lab.topology("h1 -- h2", name="other")["h2"].ping("h1", timeout=SECONDS).answered == 3


def test_pictures_and_words(lab: lk.Lab) -> None:
    net = lab.topology("h1 -- s1 -- r1 -- h2 : rate 1 Mbit/s, delay 3 ms, jitter 1 ms, loss 2 %")
    shown = net._repr_mimebundle_()
    assert shown["text/plain"] == "<topology net: 2 hosts, 1 switch, 1 router, 3 links>"
    assert "image/png" in shown
    assert repr(net["h1"]) == "<host h1: 10.0.1.2/24, gateway 10.0.1.1>"
    assert net.routes.empty
    assert "image/png" in net.path._repr_mimebundle_()  # as a path, and beside others
    assert "image/png" in lab._repr_mimebundle_()
    assert lab.topology("r1 -- r2 -- h9 -- ".removesuffix(" -- "))._repr_mimebundle_()


def test_what_is_refused(lab: lk.Lab) -> None:
    a, _ = lab.cable()
    with pytest.raises(TopologyError, match="ports names 'h9'"):
        lab.topology("h1 -- h2", ports={"h9": a})
    with pytest.raises(TopologyError, match="ports names s1, a switch"):
        lab.topology("h1 -- s1 -- h2", ports={"s1": a})
    net = lab.topology("h1 -- s1 -- h2")
    for call, said in (
        (lambda: net["h3"], "h3"),
        (lambda: net["s1"], "s1 is a switch, and Python speaks from hosts"),
        (lambda: net["h1"].ping("h3"), "'h3' is neither an address nor a host"),
        (lambda: net["h1"].ping("s1"), "s1 is a switch, and has no address"),
        (lambda: net["h1"].ping("h2", 0), "count"),
        (lambda: net.set_link("h1", "h2", up=False), "no link h1 -- h2; the links of h1 are"),
        (lambda: net.set_link("h1", "x", up=False), "there is no device 'x'"),
        (lambda: net.set_link("h1", "s1", loss=2), "loss is 2"),
        (lambda: net.set_link("h1", "s1", rate="1 Mb"), "rate is '1 Mb'"),
        (lambda: net["h1"].ping("192.0.2.1", 1), "which has no gateway"),
    ):
        with pytest.raises(LabError, match=said):
            call()  # type: ignore[no-untyped-call]
