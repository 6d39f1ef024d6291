# SPDX-License-Identifier: BSD-3-Clause
"""Translated addresses and ports: what comes out is what scapy makes of the same packet."""

import random

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, ICMPerror, IPerror, TCPerror, UDPerror, fragment
from scapy.layers.inet6 import ICMPv6EchoReply, ICMPv6EchoRequest, ICMPv6PacketTooBig, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.errors import PathError
from labkit.path.drawing import path_svg
from tests.middlebox import Middlebox, framed
from tests.patience import wait_until

A, OUT, B = "10.0.0.1", "192.0.2.1", "198.51.100.9"
A6, OUT6, B6 = "fd00::1", "2001:db8::1", "2001:db8:9::9"


def same(got: Packet | str, wanted: Packet) -> None:
    """Byte for byte; scapy makes the checksums of what is wanted."""
    assert not isinstance(got, str), got
    assert bytes(got) == bytes(wanted), (got, wanted)


def box_of(lab: lk.Lab, *, ct: dict[str, object] | None = None, **more: object) -> Middlebox:
    source = more.pop("source", OUT)
    back = str(more.pop("back", ""))
    tracker = lk.conntrack(**(ct or {}))  # type: ignore[arg-type]
    return Middlebox(lab, tracker, lk.nat(source, **more), back=back)  # type: ignore[arg-type]


def test_a_tcp_connection_comes_from_the_outside_address(lab: lk.Lab) -> None:
    box = box_of(lab)
    for flags in ("S", "A", "PA", "FA", "A"):
        inside = IP(src=A, dst=B) / TCP(sport=5000, dport=80, flags=flags) / b"data!"
        same(
            box.out(framed(inside)),
            framed(IP(src=OUT, dst=B) / TCP(sport=5000, dport=80, flags=flags) / b"data!"),
        )
        answer = "SA" if flags == "S" else "A"
        tcp = TCP(sport=80, dport=5000, flags=answer)
        same(
            box.back(framed(IP(src=B, dst=OUT) / tcp / b"!", inside=False)),
            framed(IP(src=B, dst=A) / tcp / b"!", inside=False),
        )
    (row,) = box.path.tables["nat"].to_dict("records")
    assert row == {
        **{"protocol": "tcp", "inside": A, "inside_port": 5000},
        **{"outside": OUT, "outside_port": 5000, "connections": 1},
    }
    assert box.counters("nat")["translated"] == 10
    assert box.path.ledger.is_balanced


def test_ipv6_is_translated_as_well(lab: lk.Lab) -> None:
    box = box_of(lab, source=[OUT, OUT6])
    same(
        box.out(framed(IPv6(src=A6, dst=B6) / UDP(sport=5, dport=53) / b"x")),
        framed(IPv6(src=OUT6, dst=B6) / UDP(sport=box_port(box), dport=53) / b"x"),
    )
    ping = ICMPv6EchoRequest(id=9)
    same(
        box.out(framed(IPv6(src=A6, dst=B6) / ping)),
        framed(IPv6(src=OUT6, dst=B6) / ping),
    )
    pong = ICMPv6EchoReply(id=9)
    same(
        box.back(framed(IPv6(src=B6, dst=OUT6) / pong, inside=False)),
        framed(IPv6(src=B6, dst=A6) / pong, inside=False),
    )
    port = box_port(box)
    told = IPv6(src=OUT6, dst=B6) / UDP(sport=port, dport=53) / b"x"
    translated = IPv6(src=A6, dst=B6) / UDP(sport=5, dport=53) / b"x"
    router = IPv6(src="2001:db8:7::7", dst=OUT6)
    same(
        box.back(framed(router / ICMPv6PacketTooBig(mtu=1300) / told, inside=False)),
        framed(
            IPv6(src="2001:db8:7::7", dst=A6) / ICMPv6PacketTooBig(mtu=1300) / translated,
            inside=False,
        ),
    )


def box_port(box: Middlebox, inside_port: int = 5) -> int:
    """The outside port of one inside."""
    table = box.path.tables["nat"]
    return int(table[table.inside_port == inside_port].outside_port.iloc[0])


def test_who_has_no_port_of_the_range_gets_one_of_its_parity(lab: lk.Lab) -> None:
    box = box_of(lab, ports="2000-2009")
    for number, port in enumerate([11, 13, 2001, 12]):
        got = box.out(framed(IP(src=A, dst=B) / UDP(sport=port, dport=53)))
        assert isinstance(got, Packet)
        assert 2000 <= got[UDP].sport <= 2009
        assert got[UDP].sport % 2 == port % 2
        assert box.counters("nat")["bindings"] == number + 1
    twin = box.out(framed(IP(src="10.0.0.2", dst=B) / UDP(sport=2001, dport=53)))
    assert isinstance(twin, Packet)
    taken = [row.outside_port for row in box.path.tables["nat"].itertuples()]
    assert sorted(set(taken)) == sorted(taken), "no port is two hosts'"


def test_a_binding_is_for_all_that_are_called_from_it(lab: lk.Lab) -> None:
    """RFC 4787 4.1: endpoint-independent mapping; filtering as asked for."""
    box = box_of(lab, ports="3000-3999")
    got = box.out(framed(IP(src=A, dst=B) / UDP(sport=7, dport=1)))
    again = box.out(framed(IP(src=A, dst="198.51.100.8") / UDP(sport=7, dport=2)))
    assert got[UDP].sport == again[UDP].sport  # type: ignore[index]
    port = box_port(box, 7)
    stranger = framed(IP(src="203.0.113.5", dst=OUT) / UDP(sport=9, dport=port), inside=False)
    assert box.back(stranger) == "drop_nat_no_binding"
    assert box.path.tables["nat"].connections.tolist() == [2]
    box.path.stop()

    anybody = box_of(lab, filtering="endpoint-independent")
    anybody.out(framed(IP(src=A, dst=B) / UDP(sport=7777, dport=1)))
    same(
        anybody.back(
            framed(IP(src="203.0.113.5", dst=OUT) / UDP(sport=9, dport=7777), inside=False)
        ),
        framed(IP(src="203.0.113.5", dst=A) / UDP(sport=9, dport=7777), inside=False),
    )
    same(
        anybody.out(framed(IP(src=A, dst="203.0.113.5") / UDP(sport=7777, dport=9))),
        framed(IP(src=OUT, dst="203.0.113.5") / UDP(sport=7777, dport=9)),
    )


def test_ports_run_out_and_come_back(lab: lk.Lab) -> None:
    box = box_of(lab, ports="4000-4001", ct={"tcp_closing": "1 ms"})
    for port in (1, 2):
        assert isinstance(box.out(framed(IP(src=A, dst=B) / TCP(sport=port, dport=80))), Packet)
    third = framed(IP(src=A, dst=B) / TCP(sport=3, dport=80))
    assert box.out(third) == "drop_nat_no_port"
    found = box.counters("nat")
    assert (found["bindings"], found["exhausted"]) == (2, 1)
    assert box.counters("conntrack")["active"] == 2, "it does not stay there for nothing"
    box.out(framed(IP(src=A, dst=B) / TCP(sport=1, dport=80, flags="R")))
    wait_until(lambda: box.counters("conntrack")["active"] == 1)
    assert box.counters("nat")["bindings"] == 1
    assert isinstance(box.out(third), Packet)


def test_an_outside_address_has_somebody_behind_it(lab: lk.Lab) -> None:
    targets = {
        f"{OUT}:80": "10.0.0.5:8080",
        f"udp {OUT}:53": "10.0.0.6",
        "192.0.2.2": "10.0.0.7",
    }
    box = box_of(lab, dst=targets)
    web = TCP(sport=999, dport=80)
    same(
        box.back(framed(IP(src=B, dst=OUT) / web, inside=False)),
        framed(IP(src=B, dst="10.0.0.5") / TCP(sport=999, dport=8080), inside=False),
    )
    same(
        box.out(framed(IP(src="10.0.0.5", dst=B) / TCP(sport=8080, dport=999, flags="SA"))),
        framed(IP(src=OUT, dst=B) / TCP(sport=80, dport=999, flags="SA")),
    )
    same(
        box.back(framed(IP(src=B, dst=OUT) / UDP(sport=9, dport=53), inside=False)),
        framed(IP(src=B, dst="10.0.0.6") / UDP(sport=9, dport=53), inside=False),
    )
    for packet in (ICMP(id=3), UDP(sport=1, dport=2), TCP(sport=1, dport=2)):
        same(
            box.back(framed(IP(src=B, dst="192.0.2.2") / packet, inside=False)),
            framed(IP(src=B, dst="10.0.0.7") / packet, inside=False),
        )
    refused = framed(IP(src=B, dst=OUT) / TCP(sport=999, dport=81), inside=False)
    assert box.back(refused) == "drop_nat_no_binding"
    elsewhere = framed(IP(src=B, dst="203.0.113.1") / TCP(sport=999, dport=81), inside=False)
    same(box.back(elsewhere), elsewhere)
    # The host behind it says that nobody listens.
    quoted = IPerror(src=B, dst="10.0.0.6") / UDPerror(sport=9, dport=53)
    outside = IPerror(src=B, dst=OUT) / UDPerror(sport=9, dport=53)
    same(
        box.out(framed(IP(src="10.0.0.6", dst=B) / ICMP(type=3, code=3) / quoted)),
        framed(IP(src=OUT, dst=B) / ICMP(type=3, code=3) / outside),
    )


def test_icmp_queries_and_errors(lab: lk.Lab) -> None:
    box = box_of(lab)
    same(
        box.out(framed(IP(src=A, dst=B) / ICMP(id=77, seq=1) / b"abc")),
        framed(IP(src=OUT, dst=B) / ICMP(id=77, seq=1) / b"abc"),
    )
    other = box.out(framed(IP(src="10.0.0.2", dst=B) / ICMP(id=77, seq=1) / b"abc"))
    assert isinstance(other, Packet)
    assert other[ICMP].id != 77
    same(other, framed(IP(src=OUT, dst=B) / ICMP(id=other[ICMP].id, seq=1) / b"abc"))
    same(
        box.back(framed(IP(src=B, dst=OUT) / ICMP(type=0, id=other[ICMP].id), inside=False)),
        framed(IP(src=B, dst="10.0.0.2") / ICMP(type=0, id=77), inside=False),
    )
    quoted = IPerror(src=OUT, dst=B) / ICMPerror(id=other[ICMP].id)
    inner = IPerror(src="10.0.0.2", dst=B) / ICMPerror(id=77)
    router = "203.0.113.1"
    same(
        box.back(framed(IP(src=router, dst=OUT) / ICMP(type=11) / quoted, inside=False)),
        framed(IP(src=router, dst="10.0.0.2") / ICMP(type=11) / inner, inside=False),
    )
    assert isinstance(box.out(framed(IP(src=A, dst=B) / TCP(sport=5000, dport=80))), Packet)
    for quoted, inner in (
        (TCPerror(sport=5000, dport=80), TCPerror(sport=5000, dport=80)),
        (Raw(bytes(TCPerror(sport=5000, dport=80))[:8]),) * 2,
    ):
        told = IPerror(src=OUT, dst=B, len=60, proto=6)
        whole = IPerror(src=A, dst=B, len=60, proto=6)
        same(
            box.back(
                framed(IP(src=router, dst=OUT) / ICMP(type=3, code=4) / told / quoted, inside=False)
            ),
            framed(IP(src=router, dst=A) / ICMP(type=3, code=4) / whole / inner, inside=False),
        )


def test_checksums_stay_what_they_were(lab: lk.Lab) -> None:
    """None is none, and a wrong one is wrong by as much."""
    box = box_of(lab)
    same(
        box.out(framed(IP(src=A, dst=B) / UDP(sport=5000, dport=53, chksum=0) / b"x")),
        framed(IP(src=OUT, dst=B) / UDP(sport=5000, dport=53, chksum=0) / b"x"),
    )
    right = Ether(bytes(framed(IP(src=A, dst=B) / UDP(sport=5000, dport=53) / b"x")))[UDP].chksum
    got = box.out(framed(IP(src=A, dst=B) / UDP(sport=5000, dport=53, chksum=right - 1) / b"x"))
    assert isinstance(got, Packet)
    good = Ether(bytes(framed(IP(src=OUT, dst=B) / UDP(sport=5000, dport=53) / b"x")))[UDP].chksum
    assert got[UDP].chksum == good - 1


def test_fragments_and_protocols_without_ports(lab: lk.Lab) -> None:
    box = box_of(lab)
    whole = (
        IP(src=A, dst=B, id=7) / UDP(sport=5000, dport=53) / Raw(random.Random(1).randbytes(2500))
    )
    outside = IP(src=OUT, dst=B, id=7) / UDP(sport=5000, dport=53) / whole[Raw]
    for part, wanted in zip(fragment(whole, 1000), fragment(outside, 1000), strict=True):
        same(box.out(framed(part)), framed(wanted))
    tunnel = Raw(b"\0\0\x08\0")
    same(
        box.out(framed(IP(src=A, dst=B, proto=47) / tunnel)),
        framed(IP(src=OUT, dst=B, proto=47) / tunnel),
    )
    second = framed(IP(src="10.0.0.2", dst=B, proto=47) / tunnel)
    assert box.out(second) == "drop_nat_no_port", "its answers could not be told apart"
    same(
        box.out(framed(IP(src=A, dst=B) / SCTP(sport=6000, dport=7))),
        framed(IP(src=OUT, dst=B) / SCTP(sport=6000, dport=7)),
    )
    arp = framed(ARP(psrc=A, pdst=B))
    same(box.out(arp), arp)


def test_from_inside_to_inside(lab: lk.Lab) -> None:
    box = box_of(lab, dst={f"{OUT}:80": "10.0.0.5:8080"}, back="other")
    same(
        box.hairpin(framed(IP(src=A, dst=OUT) / TCP(sport=5000, dport=80))),
        framed(IP(src=OUT, dst="10.0.0.5") / TCP(sport=5000, dport=8080)),
    )
    same(
        box.hairpin(framed(IP(src="10.0.0.5", dst=OUT) / TCP(sport=8080, dport=5000, flags="SA"))),
        framed(IP(src=OUT, dst=A) / TCP(sport=80, dport=5000, flags="SA")),
    )
    # To a host that has bound its port by calling somebody
    box.out(framed(IP(src="10.0.0.3", dst=B) / UDP(sport=6000, dport=1)))
    same(
        box.hairpin(framed(IP(src=A, dst=OUT) / UDP(sport=5001, dport=6000))),
        framed(IP(src=OUT, dst="10.0.0.3") / UDP(sport=5001, dport=6000)),
    )
    assert box.counters("nat")["hairpinned"] == 3
    box.path.stop()
    box = box_of(lab, dst={f"{OUT}:80": "10.0.0.5:8080"})
    nowhere = framed(IP(src=A, dst=OUT) / TCP(sport=5000, dport=80))
    assert box.out(nowhere) == "drop_nat_hairpin"


def test_a_burst_has_connections_that_end_and_begin_again(lab: lk.Lab) -> None:
    """Frames of one are still on their way when the next has begun."""
    box = box_of(lab)
    flags = ["S", "R", "S", "RA", "A", "S"]
    box.inside.send(
        [framed(IP(src=A, dst=B) / TCP(sport=5000, dport=80, flags=f)) for f in flags * 5]
    )
    wait_until(lambda: box.path.ledger.sent == 30)
    wait_until(lambda: box.path.ledger.is_balanced)
    assert box.path.drops == {"drop_conntrack_invalid": 5}
    assert {Ether(f)[IP].src for f in box.outside.receive(25, timeout=60, raw=True)} == {OUT}


def test_what_is_no_part_of_a_connection(lab: lk.Lab) -> None:
    box = box_of(lab, ct={"invalid": "pass", "untracked": "udp port 4789"})
    stray = framed(IP(src=A, dst=B) / TCP(sport=1, dport=2, flags="A"))
    assert box.out(stray) == "drop_nat_untracked"
    tunnel = framed(IP(src=A, dst=B) / UDP(sport=1, dport=4789))
    same(box.out(tunnel), tunnel)


@pytest.mark.parametrize("seed", range(2))
def test_every_host_hears_its_own_answers(lab: lk.Lab, seed: int) -> None:
    """Many hosts with few ports: whoever gets out gets back, and no two are mixed up."""
    rng = random.Random(seed)
    box = box_of(lab, source="192.0.2.0/30", ports="5000-5063")
    hosts = [f"10.0.{n // 250}.{n % 250 + 1}" for n in range(300)]
    calls = [(host, rng.randrange(1, 65536)) for host in hosts]
    box.inside.send(
        [framed(IP(src=host, dst=B) / UDP(sport=port, dport=53)) for host, port in calls]
    )
    wait_until(lambda: box.path.ledger.sent == len(calls))
    wait_until(lambda: box.path.ledger.is_balanced)
    lost = box.path.drops.get("drop_nat_no_port", 0)
    out = [Ether(frame) for frame in box.outside.receive(len(calls) - lost, timeout=60, raw=True)]
    ends = {(p[IP].src, p[UDP].sport) for p in out}
    assert len(ends) == len(out) == box.counters("nat")["bindings"]
    box.outside.send(
        [framed(IP(src=B, dst=src) / UDP(sport=53, dport=p), inside=False) for src, p in ends]
    )
    heard = [Ether(frame) for frame in box.inside.receive(len(out), timeout=60, raw=True)]
    table = box.path.tables["nat"]
    bound = set(zip(table.inside, table.inside_port, strict=True))
    assert {(p[IP].dst, p[UDP].dport) for p in heard} == bound <= set(calls)
    assert box.path.ledger.is_balanced


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lk.nat(), "nat: give it addresses, such as lk.nat"),
        (lambda: lk.nat("192.0.2"), "source has '192.0.2'; it is an address, a prefix such as"),
        (lambda: lk.nat("192.0.2.9-192.0.2.1"), "'192.0.2.9-192.0.2.1'"),
        (lambda: lk.nat("10.0.0.0/8"), "has 257 addresses; the most is 256"),
        (lambda: lk.nat(["192.0.2.1", "192.0.2.0/30"]), "has 192.0.2.1 twice"),
        (lambda: lk.nat(OUT, ports="0-9"), "ports is '0-9'; it is a range within 1 to 65535"),
        (lambda: lk.nat(OUT, ports="9-5"), "ports is '9-5'"),
        (lambda: lk.nat(OUT, ports=5), "ports is 5; it is a range"),
        (lambda: lk.nat(5), "source is 5; it is an address"),
        (lambda: lk.nat([]), "nat: give it addresses"),
        (lambda: lk.nat(f"{OUT}/24"), "write 192.0.2.0/24, or 192.0.2.1 alone"),
        (lambda: lk.nat(OUT, filtering="none"), "'endpoint-independent'"),
        (
            lambda: lk.nat(dst={"192.0.2.1:http": "10.0.0.1"}),
            "the port 'http' is out of 1 to 65535",
        ),
        (lambda: lk.nat(dst={"192.0.2.1:80": "fd00::1"}), "both are IPv4, or both IPv6"),
        (lambda: lk.nat(dst={"192.0.2.1": "10.0.0.1:80"}), "give the outside address a port"),
        (lambda: lk.nat(dst={"tpc 192.0.2.1:80": "10.0.0.1"}), "did you mean 'tcp'"),
        (lambda: lk.nat(dst={"web:80": "10.0.0.1"}), "'web:80' is no end; it is an address"),
        (lambda: lk.Path(lk.rx("a") >> lk.nat(OUT) >> lk.tx("b")), "put ct = lk.conntrack()"),
    ],
)
def test_what_is_refused(make: object, said: str) -> None:
    with pytest.raises((PathError, lk.LabError)) as error:
        make()  # type: ignore[operator]
    assert said in str(error.value)


def test_a_path_file_keeps_translations() -> None:
    ct, nat = lk.conntrack(), lk.nat(OUT, dst={f"{OUT}:80": "10.0.0.5:8080"}, name="nat")
    path = lk.Path(
        lk.rx("a") >> ct >> nat >> lk.tx("b"),
        lk.rx("b") >> ct >> nat >> lk.tx("a"),
        nat["other"] >> lk.sink(),
    )
    assert path.outputs_of("nat")["other"] == "sink"
    assert lk.Path.from_json(path.to_json()) == path
    drawn = path_svg(path)
    assert "192.0.2.1:80 to 10.0.0.5:8080" in drawn
    assert drawn.count("<path") == 2 * len(path.edges), "lines and their heads, of frames alone"
