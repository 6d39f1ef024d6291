# SPDX-License-Identifier: BSD-3-Clause
"""Fragments: as scapy makes and understands them, and never wrong with hostile ones."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scapy.layers.inet import ICMP, IP, UDP, IPOption_Router_Alert, defragment, fragment
from scapy.layers.inet6 import (
    IPv6,
    IPv6ExtHdrFragment,
    IPv6ExtHdrHopByHop,
    defragment6,
    fragment6,
)
from scapy.layers.l2 import Dot1Q, Ether
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.errors import PathError
from labkit.lab.running_path import RunningPath
from labkit.path.chain import Chain, Node
from tests.malformed import malformed_frames
from tests.patience import exactly, wait_until

LINK = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
DATA = random.Random(1).randbytes(8000)


def v4(size: int, **fields: object) -> Packet:
    return LINK / IP(src="10.0.0.1", dst="10.0.0.2", id=7, **fields) / UDP() / Raw(DATA[:size])


def v6(size: int) -> Packet:
    return LINK / IPv6(src="fd00::1", dst="fd00::2") / UDP() / Raw(DATA[:size])


def through(lab: lk.Lab, chain: Node | Chain) -> tuple[lk.Port, lk.Port, RunningPath]:
    a, b = lab.cable(ring_size=4096)
    path = lab.run(lk.rx(b) >> chain >> lk.collect(b))
    b.receive(1, timeout=0)
    return a, b, path


def settled(path: RunningPath, frames: int) -> None:
    """All of them have come, and gone as far as they go."""

    def is_so() -> bool:
        ledger = path.ledger
        return ledger.sent == frames and ledger.is_balanced

    wait_until(is_so)


# Cutting


def test_fragments_are_what_scapy_puts_together(lab: lk.Lab) -> None:
    a, b, path = through(lab, lk.fragment(1280))
    alert = [IPOption_Router_Alert()]
    hops = LINK / IPv6(src="fd00::1", dst="fd00::2") / IPv6ExtHdrHopByHop() / UDP() / DATA[:3000]
    tagged = LINK / Dot1Q(vlan=5) / IP(src="10.0.0.3", dst="10.0.0.2", id=9) / UDP() / DATA[:2000]
    sent = [v4(100), v4(4000, tos=3), v4(2001, options=alert), v6(4000), hops, tagged, v6(1232)]
    for packet in sent:
        a.send(packet)
        count = 1 if len(packet) <= 1294 else None
        got = [Ether(f) for f in (exactly(b, 1) if count else _all_of(b, packet))]
        assert max(len(f) for f in got) <= 1280 + 14 + 4
        wanted = Ether(bytes(packet))
        if count:
            assert bytes(got[0]) == bytes(wanted)
            continue
        assert all(f[IP].flags in ("MF", "") for f in got if IP in f)
        assert all(_good_checksum(f) for f in got)
        assert bytes(_joined(got)[UDP]) == bytes(wanted[UDP])
    found = path.counters.functions["fragment"]
    assert (found["fragmented"], found["taken"]) == (5, 5)
    assert path.ledger.is_balanced


def _all_of(port: lk.Port, packet: Packet) -> list[bytes]:
    """Fragments, as many as its data needs."""
    data = 0
    found = []
    while data < len(packet[UDP]):
        (frame,) = port.receive(1, timeout=60, raw=True)
        found.append(frame)
        fragment = Ether(frame)
        data += len(
            fragment[IP].payload if IP in fragment else fragment[IPv6ExtHdrFragment].payload
        )
    return found


def _good_checksum(frame: Packet) -> bool:
    if IP not in frame:
        return True
    again = frame.copy()
    del again[IP].chksum
    return Ether(bytes(again))[IP].chksum == frame[IP].chksum


def _joined(frames: list[Packet]) -> Packet:
    if IP in frames[0]:
        return IP(bytes(defragment([f[IP] for f in frames])[0]))
    return IPv6(bytes(defragment6([f[IPv6] for f in frames])))


def test_fragments_are_cut_again(lab: lk.Lab) -> None:
    a, b, path = through(lab, lk.fragment(1280) >> lk.fragment(576) >> lk.reassemble())
    a.send(v4(3000))
    (whole,) = exactly(b, 1)
    assert Ether(whole)[UDP].payload.load == DATA[:3000]
    assert path.ledger.is_balanced


def test_what_must_not_be_cut(lab: lk.Lab) -> None:
    a, b, path = through(lab, lk.fragment(576))
    fragments6 = [LINK / f for f in _fragments6(v6(3000), 1280)]
    long_arp = LINK.copy() / Raw(DATA[:2000])
    bad = bytearray(bytes(v4(2000)))
    bad[24] ^= 1  # its checksum: whoever comes next may say so
    a.send([v4(2000, flags="DF"), v4(500, flags="DF"), *fragments6, long_arp, bytes(bad)])
    settled(path, 4 + len(fragments6))
    long = [f for f in fragments6 if len(f) > 590]
    assert path.drops == {"drop_fragment_forbidden": 1 + len(long)}
    got = exactly(b, 3 + len(fragments6) - len(long))
    assert [len(f) for f in got[-2:]] == [2014, 2042]


def test_what_must_not_be_cut_may_go_elsewhere(lab: lk.Lab) -> None:
    a, b = lab.cable()
    cutter = lk.fragment(576)
    path = lab.run(lk.Path(lk.rx(b) >> cutter >> lk.collect(b), cutter["other"] >> lk.sink()))
    a.send([v4(2000, flags="DF")])
    wait_until(lambda: path.counters.nodes["sink"].objects == 1)
    assert path.drops == {}
    assert path.ledger.is_balanced


# Putting together


def _fragments6(packet: Packet, size: int) -> list[Packet]:
    ip = packet[IPv6]
    udp = bytes(ip)[40:]
    return fragment6(
        IPv6(src=ip.src, dst=ip.dst, nh=44) / IPv6ExtHdrFragment(nh=17, id=77) / Raw(udp), size
    )


@pytest.mark.parametrize("order", ["as made", "backwards", "mixed"])
def test_packets_are_put_together(lab: lk.Lab, order: str) -> None:
    a, b, path = through(lab, lk.reassemble())
    whole = [v4(5000), v4(3000, tos=1), v6(5000)]
    whole[1][IP].id = 8
    other = LINK / IP(src="10.0.0.1", dst="10.0.0.2", id=7) / ICMP() / Raw(DATA[:3000])
    packets = [*(Ether(bytes(p)) for p in whole[:2]), Ether(bytes(other))]
    parts = [LINK / f for p in packets for f in fragment(p[IP], 1000)]
    parts += [LINK / f for f in _fragments6(whole[2], 1280)]
    if order == "backwards":
        parts.reverse()
    elif order == "mixed":
        random.Random(3).shuffle(parts)
    between = bytes(v4(50))
    a.send([*parts[:3], between, *parts[3:]])
    got = exactly(b, 5)
    wanted = {bytes(p) for p in (*packets, Ether(bytes(whole[2])))} | {between}
    assert set(got) == wanted
    found = path.counters.functions["reassemble"]
    assert (found["reassembled"], found["held"], found["taken"]) == (4, 0, len(parts))
    assert path.drops == {}
    assert path.ledger.is_balanced


def test_what_waits_is_a_table_and_is_given_up(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.reassemble("60 s", entries=2, fragments=4))
    parts = [LINK / f for f in fragment(v4(3000)[IP], 1000)]
    six = [LINK / f for f in _fragments6(v6(3000), 1280)]
    a.send([parts[0], parts[-1], six[0]])
    settled(path, 3)
    table = path.tables["reassemble"]
    assert table["ip_src"].tolist() == ["10.0.0.1", "fd00::1"]
    assert table["id"].tolist() == [7, 77]
    assert table["fragments"].tolist() == [2, 1]
    assert table["of"].tolist()[0] == 3008
    assert table["of"].isna().tolist() == [False, True]
    assert (table["age_s"] > 0).all()
    third = Ether(bytes(parts[0]))
    third[IP].id = 99
    del third[IP].chksum
    a.send([third, parts[0], parts[1], parts[1]])  # a copy, and one too many
    settled(path, 7)
    assert path.drops == {"drop_reassemble_full": 2, "drop_reassemble_duplicate": 1}
    assert path.ledger.held == 4
    path.stop()
    assert path.ledger.is_balanced


def test_fragments_do_not_wait_for_ever(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.reassemble("1 ms"))
    a.send([LINK / f for f in fragment(v4(3000)[IP], 1000)][:-1])
    wait_until(lambda: path.drops.get("drop_reassemble_timeout") == 3)
    assert path.ledger.held == 0
    assert path.ledger.is_balanced


def piece(offset: int, length: int, *, more: bool, fill: int = 0, number: int = 1) -> bytes:
    """A fragment, offset and length in bytes."""
    flags = "MF" if more else 0
    ip = IP(src="10.0.0.1", dst="10.0.0.2", id=number, flags=flags, frag=offset // 8, proto=17)
    return bytes(LINK / ip / Raw(bytes([fill]) * length))


@pytest.mark.parametrize(
    ("pieces", "drops"),
    [
        ([(0, 16, True), (8, 16, False)], {"reassemble_overlap": 2}),
        ([(0, 16, True), (0, 16, True, 1)], {"reassemble_overlap": 2}),
        ([(0, 16, True), (16, 16, True), (8, 8, True)], {"reassemble_overlap": 3}),
        ([(8, 8, False), (16, 8, True)], {"reassemble_bad": 2}),
        ([(8, 8, False), (24, 8, False)], {"reassemble_bad": 2}),
        ([(16, 8, True), (8, 8, False)], {"reassemble_bad": 2}),
        ([(0, 12, True)], {"reassemble_bad": 1}),
        ([(8, 0, False)], {"reassemble_bad": 1}),
        ([(65528, 100, False)], {"reassemble_bad": 1}),
        ([(8 * n, 8, True) for n in range(65)], {"reassemble_too_many": 65}),
        ([(0, 8, True), (8, 1400, True), (65496, 8, False)], {}),
    ],
)
def test_hostile_fragments(
    lab: lk.Lab, pieces: list[tuple[int, int, bool]], drops: dict[str, int]
) -> None:
    a, b, path = through(lab, lk.reassemble())
    a.send([piece(at, length, more=more, fill=sum(fill)) for at, length, more, *fill in pieces])
    settled(path, len(pieces))
    assert path.drops == {f"drop_{why}": frames for why, frames in drops.items()}
    assert path.counters.held == len(pieces) - sum(drops.values())
    assert b.receive(1, timeout=0) == []


def test_fragments_that_find_no_buffers(lab: lk.Lab) -> None:
    """Those of a packet are made all or none; what is held has the port's buffers."""
    a, b = lab.cable()
    line = lk.delay("60 s", limit=100_000)
    path = lab.run(lk.rx(b) >> lk.fragment(68) >> line >> lk.sink())
    frame = bytes(v4(8900))
    sent = 0
    while not path.drops:
        a.send([frame] * 10)
        sent += 10
        settled(path, sent)
    assert list(path.drops) == ["drop_fragment_no_buffer"]
    assert path.ledger.is_balanced


def test_what_fits_no_buffer(lab: lk.Lab) -> None:
    a, b = lab.cable(mtu=1500)
    path = lab.run(lk.rx(b) >> lk.reassemble() >> lk.collect(b))
    parts = [LINK / f for f in fragment(v4(8000)[IP], 1400)]
    a.send(parts)
    settled(path, len(parts))
    assert path.drops == {"drop_reassemble_too_long": len(parts)}


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_what_comes_out_is_what_went_in(shared: "Shared", data: st.DataObject) -> None:
    """Whatever is lost, doubled or changes places on the way between the two nodes: every packet
    that comes out is one that was sent, and every frame is accounted for."""
    sizes = data.draw(st.lists(st.integers(601, 6000), min_size=1, max_size=8))
    parts, whole = [], set()
    for number, size in enumerate(sizes):
        ip = IP(src="10.0.0.1", dst="10.0.0.2", id=shared.number) / Raw(DATA[number:][:size])
        shared.number += 1
        whole.add(DATA[number:][:size])
        parts += [bytes(LINK / f) for f in fragment(IP(bytes(ip)), 600)]
    shared.check(data.draw(st.lists(st.sampled_from(parts), min_size=1, max_size=60)), whole)


class Shared:
    """A path that examples use one after the other."""

    def __init__(self, lab: lk.Lab) -> None:
        self.a, self.b, self.path = through(lab, lk.reassemble("60 s", 4096, 4000))
        self.frames = self.number = 0

    def check(self, frames: list[bytes], whole: set[bytes]) -> None:
        before = self.path.ledger.received
        self.a.send(frames)
        self.frames += len(frames)
        settled(self.path, self.frames)
        count = self.path.ledger.received - before
        for frame in self.b.receive(count, timeout=60, raw=True) if count else ():
            assert Ether(frame)[IP].frag == 0
            assert bytes(Ether(frame)[IP].payload) in whole


@pytest.fixture
def shared(lab: lk.Lab) -> Shared:
    return Shared(lab)


def test_malformed_frames(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.reassemble("1 ms") >> lk.fragment(68) >> lk.reassemble())
    for seed in range(4):
        a.send(malformed_frames("02:00:00:00:00:02", 2000, seed=seed))
    settled(path, 8000)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lk.fragment(67), "mtu is 67; the range is 68 to 65535"),
        (lambda: lk.reassemble(7200), "it is a time of 0.001 to 3,600 s"),
        (lambda: lk.reassemble("soon"), "'soon' is no time"),
        (lambda: lk.reassemble(entries=0), "entries is 0; the range is 1 to 65536"),
    ],
)
def test_wrong_arguments(make: object, said: str) -> None:
    with pytest.raises(PathError) as error:
        make()  # type: ignore[operator]
    assert said in str(error.value)
