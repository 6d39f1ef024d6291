# SPDX-License-Identifier: BSD-3-Clause
"""Connections as conntrack keeps account of them, in dialogues that scapy makes."""

import random
import time
from collections.abc import Iterable

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, IPerror, UDPerror, fragment
from scapy.layers.inet6 import (
    ICMPv6DestUnreach,
    ICMPv6EchoReply,
    ICMPv6EchoRequest,
    ICMPv6ND_NS,
    IPv6,
    IPv6ExtHdrFragment,
    fragment6,
)
from scapy.layers.l2 import ARP
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.errors import PathError
from tests.middlebox import Middlebox, framed
from tests.patience import wait_until

A, B = "10.0.0.1", "192.0.2.9"
A6, B6 = "fd00::1", "2001:db8::9"
INVALID, FULL = "drop_conntrack_invalid", "drop_conntrack_full"


def there(layer: Packet, v6: bool = False, vlan: int | None = None) -> Packet:
    """From the inside."""
    return framed((IPv6(src=A6, dst=B6) if v6 else IP(src=A, dst=B)) / layer, vlan=vlan)


def back(layer: Packet, v6: bool = False, vlan: int | None = None) -> Packet:
    """From the outside."""
    packet = IPv6(src=B6, dst=A6) if v6 else IP(src=B, dst=A)
    return framed(packet / layer, inside=False, vlan=vlan)


def tcp(flags: str, port: int = 1024) -> TCP:
    return TCP(sport=port, dport=443, flags=flags)


def answer(flags: str, port: int = 1024) -> TCP:
    return TCP(sport=443, dport=port, flags=flags)


def talk(
    box: Middlebox, steps: Iterable[tuple[str, str]], v6: bool = False, port: int = 1024
) -> list[str]:
    """Directions and flags: what was dropped, in words."""
    said = []
    for way, flags in steps:
        if way == ">":
            sent = there(tcp(flags, port), v6)
            got = box.out(sent)
        else:
            sent = back(answer(flags, port), v6)
            got = box.back(sent)
        if isinstance(got, str):
            said.append(f"{way}{flags} {got}")
        else:
            assert bytes(got) == bytes(sent)
    return said


HANDSHAKE = [(">", "S"), ("<", "SA"), (">", "A")]


@pytest.mark.parametrize("v6", [False, True])
def test_a_tcp_connection_from_its_handshake_to_its_end(lab: lk.Lab, *, v6: bool) -> None:
    box = Middlebox(lab, lk.conntrack())
    assert talk(box, [("<", "A"), ("<", "SA"), (">", "FA"), (">", "R")], v6) == [
        f"<A {INVALID}",
        f"<SA {INVALID}",
        f">FA {INVALID}",
        f">R {INVALID}",
    ]
    assert talk(box, [*HANDSHAKE, (">", "PA"), ("<", "A"), ("<", "PA")], v6) == []
    assert talk(box, [(">", "FA"), ("<", "A"), ("<", "PA"), ("<", "FA"), (">", "A")], v6) == []
    assert box.counters("conntrack")["active"] == 1
    assert talk(box, HANDSHAKE, v6) == [], "the same ports again, after TIME-WAIT"
    found = box.counters("conntrack")
    assert (found["new"], found["active"], found["invalid"]) == (2, 1, 4)
    assert talk(box, [("<", "R"), ("<", "PA")], v6) == []
    assert talk(box, [("<", "S")], v6) == [], "who answered may begin the next one"
    assert box.counters("conntrack")["new"] == 3


# Segments in their order, and those that do not fit
DIALOGUES = (
    ([("<", "S"), (">", "SA"), ("<", "A")], []),  # begun outside
    ([(">", "S"), ("<", "S"), (">", "SA"), ("<", "SA"), (">", "A")], []),  # at once
    ([(">", "S"), (">", "S"), ("<", "SA"), ("<", "SA"), (">", "A")], []),  # sent again
    ([(">", "S"), (">", "A")], [">A"]),  # nothing has come back
    ([(">", "S"), (">", "SA")], [">SA"]),
    ([(">", "S"), ("<", "R")], ["<R"]),  # a RST that acknowledges nothing
    ([(">", "S"), ("<", "RA"), (">", "S")], []),  # refused, and tried again
    ([(">", "S"), ("<", "RA"), (">", "A")], [">A"]),  # refused is forgotten
    ([(">", "S"), ("<", "A"), (">", "R")], []),  # the other end is half-open
    ([*HANDSHAKE, (">", "S"), ("<", "A"), (">", "R")], []),  # half-open: one has forgotten it
    ([*HANDSHAKE, ("<", "S")], ["<S"]),
    ([*HANDSHAKE, (">", "FSA"), (">", ""), ("<", "SR")], [">FSA", ">", "<SR"]),
    ([*HANDSHAKE, (">", "FA"), ("<", "FA"), (">", "A"), ("<", "A")], []),  # closed at once
)


def test_what_fits_a_tcp_connection(lab: lk.Lab) -> None:
    box = Middlebox(lab, lk.conntrack())
    for port, (steps, dropped) in enumerate(DIALOGUES, 1024):
        assert talk(box, steps, port=port) == [f"{step} {INVALID}" for step in dropped]
    assert box.path.ledger.is_balanced


def test_the_table_tells_each_connection(lab: lk.Lab) -> None:
    box = Middlebox(lab, lk.conntrack(name="ct"))
    assert box.path.tables["ct"].empty
    talk(box, HANDSHAKE)
    talk(box, [*HANDSHAKE, ("<", "FA"), (">", "A")], v6=True)
    box.out(there(UDP(sport=5, dport=53) / b"12345"))
    box.out(there(ICMP(id=77)))
    table = box.path.tables["ct"].set_index("protocol", append=True).droplevel(0)
    told = table[["source", "target", "target_port", "state", "packets", "packets_back"]]
    rows = [row.tolist() for _, row in told.loc[["tcp", "udp"]].iterrows()]
    assert rows == [
        [A, B, 443, "established", 2, 1],
        [A6, B6, 443, "close-wait", 3, 2],
        [A, B, 53, "one-way", 1, 0],
    ]
    ping = table.loc["icmp"]
    assert (ping.source_port, ping.state) == (77, "asked")
    assert ping.target_port is None or ping[["target_port"]].isna().all()
    assert table.loc["udp"].bytes == 14 + 20 + 8 + 5
    assert (table.age_s >= 0).all()
    assert 431_000 < table.left_s.max() <= 432_000
    assert 0 < table.loc["udp"].left_s <= 30


def test_a_connection_is_picked_up_in_its_middle_where_that_is_wanted(lab: lk.Lab) -> None:
    box = Middlebox(lab, lk.conntrack(pickup=True))
    assert talk(box, [(">", "PA"), ("<", "A"), ("<", "FA")]) == []
    assert box.counters("conntrack")["new"] == 1


def test_icmp_queries_and_errors(lab: lk.Lab) -> None:
    box = Middlebox(lab, lk.conntrack())
    ping, pong = ICMP(id=8) / b"x", ICMP(type=0, id=8) / b"x"
    assert box.back(back(pong)) == INVALID
    assert not isinstance(box.out(there(ping)), str)
    assert not isinstance(box.back(back(pong)), str)
    assert box.back(back(ICMP(type=0, id=9))) == INVALID
    assert not isinstance(box.back(back(ping)), str), "asked from the other side: another one"
    assert not isinstance(box.out(there(ICMP(type=13, id=8))), str)
    assert not isinstance(box.back(back(ICMP(type=14, id=8))), str)
    assert box.counters("conntrack")["new"] == 3

    quoted = IPerror(src=A, dst=B) / UDPerror(sport=7, dport=53)
    error = framed(IP(src="203.0.113.1", dst=A) / ICMP(type=3, code=3) / quoted, inside=False)
    assert box.back(error) == INVALID, "about a packet that nobody sent"
    box.out(there(UDP(sport=7, dport=53)))
    assert not isinstance(box.back(error), str)
    elsewhere = framed(IP(src=B, dst="10.0.0.7") / ICMP(type=3) / quoted, inside=False)
    assert box.back(elsewhere) == INVALID, "to another one than who sent it"
    found = box.counters("conntrack")
    assert (found["related"], found["new"], found["invalid"]) == (1, 4, 4)
    assert box.path.ledger.is_balanced


def test_ipv6_icmp(lab: lk.Lab) -> None:
    box = Middlebox(lab, lk.conntrack())
    assert not isinstance(box.out(there(ICMPv6EchoRequest(id=3), v6=True)), str)
    assert not isinstance(box.back(back(ICMPv6EchoReply(id=3), v6=True)), str)
    assert box.back(back(ICMPv6EchoReply(id=4), v6=True)) == INVALID
    box.out(there(UDP(sport=7, dport=53), v6=True))
    told = IPv6(src=A6, dst=B6) / UDP(sport=7, dport=53)
    error = IPv6(src="2001:db8::1", dst=A6) / ICMPv6DestUnreach() / told
    assert not isinstance(box.back(framed(error, inside=False)), str)
    assert not isinstance(box.out(there(ICMPv6ND_NS(tgt=B6), v6=True)), str)
    assert not isinstance(box.out(framed(ARP(psrc=A, pdst=B))), str)
    found = box.counters("conntrack")
    assert (found["new"], found["related"], found["untracked"]) == (2, 1, 2)


def test_other_protocols_and_vlans(lab: lk.Lab) -> None:
    """A tag is of the link: the answer may have another one."""
    box = Middlebox(lab, lk.conntrack(untracked="udp dst port 53"))
    for packet in (IP(src=A, dst=B, proto=47), IP(src=A, dst=B, proto=50)):
        assert not isinstance(box.out(framed(packet / Raw(b"12345678"))), str)
    turned = IP(src=B, dst=A, proto=47) / Raw(b"12345678")
    assert not isinstance(box.back(framed(turned, inside=False)), str)
    assert not isinstance(box.out(there(SCTP(sport=5, dport=6))), str)
    assert not isinstance(box.back(back(SCTP(sport=6, dport=5))), str)
    assert not isinstance(box.out(there(UDP(sport=5, dport=6), vlan=7)), str)
    assert not isinstance(box.back(back(UDP(sport=6, dport=5), vlan=8)), str)
    box.out(there(UDP(sport=5, dport=53)))
    found = box.counters("conntrack")
    assert (found["new"], found["untracked"]) == (4, 1)


@pytest.mark.parametrize("v6", [False, True])
def test_fragments_follow_their_first(lab: lk.Lab, *, v6: bool) -> None:
    box = Middlebox(lab, lk.conntrack())
    datagram = UDP(sport=5, dport=6) / Raw(bytes(3000))
    if v6:
        whole = IPv6(src=A6, dst=B6) / IPv6ExtHdrFragment(id=77) / datagram
        first, *later = map(framed, fragment6(whole, 1280))
    else:
        first, *later = map(framed, fragment(IP(src=A, dst=B, id=77) / datagram, 1000))
    assert box.out(later[0]) == "drop_conntrack_fragment"
    for one in (first, *later):
        assert bytes(box.out(one)) == bytes(one)
    found = box.counters("conntrack")
    assert (found["new"], found["active"], found["invalid"]) == (1, 1, 1)


def test_a_full_table_keeps_what_it_has(lab: lk.Lab) -> None:
    box = Middlebox(lab, lk.conntrack(entries=10, udp="60 s"))
    for port in range(12):
        got = box.out(there(UDP(sport=1000 + port, dport=9)))
        assert (got == FULL) is (port >= 10)
    assert not isinstance(box.out(there(UDP(sport=1000, dport=9))), str)
    assert not isinstance(box.back(back(UDP(sport=9, dport=1009))), str)
    found = box.counters("conntrack")
    assert (found["exceeded"], found["available"], found["active"]) == (2, 0, 10)
    assert found["most_active"] == 10


def test_a_full_table_may_let_others_pass(lab: lk.Lab) -> None:
    box = Middlebox(lab, lk.conntrack(entries=1, when_full="pass"))
    for port in range(3):
        assert not isinstance(box.out(there(UDP(sport=1000 + port, dport=9))), str)
    found = box.counters("conntrack")
    assert (found["exceeded"], found["untracked"], found["active"]) == (2, 2, 1)


def test_so_many_may_begin_in_a_second(lab: lk.Lab) -> None:
    box = Middlebox(lab, lk.conntrack(new_per_second=0.01))
    box.inside.send([there(UDP(sport=1000 + n, dport=9)) for n in range(20)])
    wait_until(lambda: box.path.ledger.sent == 20)
    found = box.counters("conntrack")
    assert found["new"] + found["new_exceeded"] == 20
    assert box.path.drops == {"drop_conntrack_rate": found["new_exceeded"]}
    assert found["new_exceeded"] >= 18


def test_time_is_up(lab: lk.Lab) -> None:
    """By the time of the next packet, and by itself."""
    box = Middlebox(lab, lk.conntrack(tcp_opening="1 ms", udp="1 ms", icmp="60 s"))
    box.out(there(ICMP(id=1)))
    box.out(there(tcp("S")))
    time.sleep(0.002)
    assert box.back(back(answer("SA"))) == INVALID
    box.out(there(UDP(sport=5, dport=6)))
    wait_until(lambda: box.counters("conntrack")["active"] == 1)
    found = box.counters("conntrack")
    assert (found["expired"], found["new"]) == (2, 3)
    assert found["available"] == 100_000 - 1


def test_a_time_that_comes_nearer_counts_at_once(lab: lk.Lab) -> None:
    box = Middlebox(lab, lk.conntrack(tcp_closing="1 ms"))
    assert talk(box, [*HANDSHAKE, ("<", "R")]) == []
    wait_until(lambda: box.counters("conntrack")["expired"] == 1)
    assert box.counters("conntrack")["active"] == 0


def test_many_connections_come_and_go(lab: lk.Lab) -> None:
    """As a dictionary would keep them: every key that is there is found, and no other."""
    box = Middlebox(lab, lk.conntrack(entries=3000))
    rng = random.Random(17)
    known: set[int] = set()
    sent = full = 0
    for _ in range(12):
        ports = [rng.randrange(5000) for _ in range(500)]
        for port in ports:
            if port in known or len(known) < 3000:
                known.add(port)
            else:
                full += 1
        box.inside.send([there(UDP(sport=10_000 + port, dport=9)) for port in ports])
        sent += len(ports)
        wait_until(lambda sent=sent: box.path.ledger.sent == sent)
    box.outside.receive(1, timeout=0)
    wait_until(lambda: box.path.ledger.is_balanced)
    found = box.counters("conntrack")
    assert (found["new"], found["active"], found["exceeded"]) == (len(known), len(known), full)
    assert box.path.drops.get(FULL, 0) == full


def test_a_million_connections(lab: lk.Lab) -> None:
    """More than any table of a lab's memory had room for, all found again."""
    a, b = lab.cable(ring_size=4096)
    path = lab.run(
        lk.rx(b) >> lk.conntrack(entries=1_000_000, udp=100_000) >> lk.sink(), name="works"
    )
    flows = lk.vary(IP.src, lk.addresses("10.0.0.0", 1_100_000))
    stream = lk.Stream(framed(IP(dst=B) / UDP(sport=5, dport=6)), size=64, vary=flows)
    with lab.traffic() as t:
        t.add(stream, on=a, rate="2 Mpps").start()
        wait_until(lambda: path.counters.functions["conntrack"]["exceeded"] > 0)
    found = path.counters.functions["conntrack"]
    assert (found["active"], found["available"], found["new"]) == (1_000_000, 0, 1_000_000)
    path.stop()
    assert path.ledger.is_balanced


def test_a_path_file_keeps_both_ways() -> None:
    ct = lk.conntrack(entries=1000, name="ct")
    path = lk.Path(lk.rx("a") >> ct >> lk.tx("b"), lk.rx("b") >> ct >> lk.tx("a"))
    assert path.chains == ("rx:a >> ct >> tx:b", "rx:b >> ct_back >> tx:a")
    assert lk.Path.from_json(path.to_json()) == path
    merged = lk.Path(lk.rx("a") >> ct, lk.rx("b") >> ct >> lk.tx("c"))
    assert merged.chains == ("rx:a >> ct >> tx:c", "rx:b >> ct")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lk.conntrack(0), "entries is 0; the range is 1 to 16777215"),
        (lambda: lk.conntrack(udp="30 min"), "30 min"),
        (lambda: lk.conntrack(udp=0), "it is a time of 0.001 to 10,000,000 s"),
        (lambda: lk.conntrack(untracked="udp prt 5"), "untracked"),
        (lambda: lk.conntrack(new_per_second=0), "new_per_second is 0"),
        (lambda: lk.conntrack(when_full="refuse"), "'drop'"),
    ],
)
def test_what_is_refused(make: object, said: str) -> None:
    with pytest.raises((PathError, lk.LabError)) as error:
        make()  # type: ignore[operator]
    assert said in str(error.value)
