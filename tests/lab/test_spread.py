# SPDX-License-Identifier: BSD-3-Clause
"""VLAN tags put on, taken off and changed; frames spread over outputs, and copied.

A tag tells which output a frame left by.
"""

import math
import random
from collections import Counter
from collections.abc import Mapping, Sequence

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6, IPv6ExtHdrFragment
from scapy.layers.l2 import ARP, Dot1AD, Dot1Q, Ether
from scapy.layers.sctp import SCTP
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.lab.running_path import RunningPath
from labkit.packet.rss_hash import hashed_bytes, toeplitz
from labkit.path.balance import RSS_KEY
from labkit.path.chain import Chain, Node
from tests.frames import good_frames
from tests.malformed import truncations
from tests.patience import exactly, wait_until

ETHER = Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
FIELDS = [f"{ip}{l4}" for ip in ("ipv4", "ipv6") for l4 in ("", "-tcp", "-udp", "-sctp", "-frag")]


def through(lab: lk.Lab, *chains: Node | Chain) -> tuple[lk.Port, lk.Port, RunningPath]:
    a, b = lab.cable(ring_size=8192)
    first, *others = chains
    end = lk.collect(b)
    path = lab.run(lk.Path(lk.rx(b) >> first, *(chain >> end for chain in others), name="works"))
    if others:
        b.receive(1, timeout=0)
    return a, b, path


def passed(lab: lk.Lab, node: Node, frames: Sequence[bytes]) -> list[bytes]:
    """What a node makes of frames that all pass; with those that leave by `other`."""
    a, b, path = through(lab, node, *(node[output] for output in node.outputs))
    a.send(list(frames))
    found = exactly(b, len(frames))
    assert path.ledger.is_balanced
    path.stop()
    return found


def in_tags(*tags: Packet) -> bytes:
    packet: Packet = ETHER
    for tag in tags:
        packet /= tag
    return bytes(packet / IP(dst="10.0.0.2") / UDP(dport=7) / Raw(bytes(18)))


# VLAN tags


def test_a_tag_is_put_in_front(lab: lk.Lab) -> None:
    plain = in_tags()
    push = lk.vlan_push(100, pcp=5, dei=True)
    assert passed(lab, push, [plain]) == [in_tags(Dot1Q(vlan=100, prio=5, dei=1))]
    service = lk.vlan_push(4094, tpid="802.1ad")
    inner = in_tags(Dot1Q(vlan=7))
    assert passed(lab, service, [inner]) == [in_tags(Dot1AD(vlan=4094), Dot1Q(vlan=7))]


def test_a_tag_is_taken_off(lab: lk.Lab) -> None:
    frames = [in_tags(Dot1AD(vlan=9), Dot1Q(vlan=7)), in_tags(Dot1Q(vlan=7)), in_tags()]
    assert passed(lab, lk.vlan_pop(), frames) == [in_tags(Dot1Q(vlan=7)), in_tags(), in_tags()]


def test_a_tag_is_changed(lab: lk.Lab) -> None:
    given = [in_tags(Dot1Q(vlan=n, prio=3, dei=1)) for n in (10, 11, 12)] + [in_tags()]
    found = passed(lab, lk.vlan_translate({10: 20, 12: 4094}), given)
    vlans = [Ether(frame)[Dot1Q].vlan for frame in found[:3]]
    assert vlans == [20, 11, 4094]
    assert [frame[:14] + frame[16:] for frame in found[:3]] == [f[:14] + f[16:] for f in given[:3]]
    assert found[3] == given[3]


def test_tags_that_cannot_be_changed_are_dropped_by_name(lab: lk.Lab) -> None:
    nodes = {"pop": lk.vlan_pop(), "translate": lk.vlan_translate({10: 20})}
    drops = {}
    for name, node in nodes.items():
        a, _, path = through(lab, node >> lk.sink())
        a.send([in_tags(), in_tags(Dot1Q(vlan=1)), in_tags(Dot1Q(vlan=10))[:16], in_tags()[:13]])
        wait_until(lambda path=path: path.ledger.sent == 4 and path.ledger.is_balanced)
        drops[name] = path.drops
        path.stop()
    short = {"drop_eth_truncated": 1, "drop_vlan_truncated": 1, "drop_vlan_untagged": 1}
    assert drops == {"pop": short, "translate": {**short, "drop_vlan_unknown": 1}}


def test_tags_until_the_buffer_is_full(lab: lk.Lab) -> None:
    """Headroom first, then what is behind the frame; then a drop node."""
    a, b = lab.cable()
    chain: Chain | Node = lk.rx(b)
    for number in range(200):
        chain = chain >> lk.vlan_push(1 + number % 7)
    path = lab.run(chain >> lk.collect(b))
    b.receive(1, timeout=0)
    a.send([in_tags(), in_tags() + bytes(1700)])
    wait_until(lambda: path.ledger.sent == 2 and path.ledger.is_balanced)
    assert path.ledger.received + path.drops.get("drop_no_room", 0) == 2
    for frame in b.receive(path.ledger.received, timeout=60, raw=True):
        assert frame[:12] == in_tags()[:12]
        assert frame[812:].startswith(in_tags()[12:])


# Balance


def placed(
    lab: lk.Lab, weights: Mapping[str, int], frames: Sequence[Packet], key: str, **options: object
) -> list[int]:
    """Which output each frame leaves by."""
    spread = lk.balance(dict(weights), key, **options)  # type: ignore[arg-type]
    ways = [spread[name] >> lk.vlan_push(n) for n, name in enumerate(weights, start=1)]
    a, b, path = through(lab, spread, *ways)
    numbered = [bytes(frame) + n.to_bytes(2, "big") for n, frame in enumerate(frames)]
    a.send(numbered)
    found = sorted((f[-2:], int.from_bytes(f[14:16], "big") - 1) for f in exactly(b, len(frames)))
    counted = path.counters.outputs["balance"]
    assert Counter(n for _, n in found) == Counter(
        {n: counted.get(name, 0) for n, name in enumerate(weights)}
    )
    assert path.ledger.is_balanced
    path.stop()
    return [output for _, output in found]


def flows(count: int, seed: int = 1) -> list[Packet]:
    r = random.Random(seed)
    return [
        ETHER
        / IP(src=f"10.0.{r.randrange(256)}.{r.randrange(256)}", dst="10.9.0.1")
        / UDP(sport=r.randrange(1024, 65536), dport=r.choice((53, 443)))
        for _ in range(count)
    ]


@pytest.mark.parametrize("key", ["5-tuple", "source"])
def test_flows_are_spread_by_weight_and_stay(lab: lk.Lab, key: str) -> None:
    some = flows(1500)
    found = placed(lab, {"much": 7, "little": 3}, some + some[:500], key)
    assert found[1500:] == found[:500]
    end = 38 if key == "5-tuple" else 30  # of what counts
    distinct = {bytes(p)[26:end]: n for p, n in zip(some, found, strict=False)}
    off = sum(n == 0 for n in distinct.values()) - 0.7 * len(distinct)
    assert abs(off) < 5 * math.sqrt(len(distinct) * 0.21)


def test_what_a_key_leaves_out_does_not_count(lab: lk.Lab) -> None:
    weights = {"a": 1, "b": 1, "c": 1}
    ip = IP(src="10.0.0.1", dst="10.0.0.2")
    ports = [ETHER / ip / UDP(sport=n, dport=9) for n in range(1000, 1040)]
    sources = [ETHER / IP(src=f"10.0.0.{n}", dst="10.0.0.2") / ICMP() for n in range(40)]
    targets = [ETHER / IP(dst=f"10.0.0.{n}", src="10.0.0.2") / ICMP() for n in range(40)]
    macs = [Ether(src=f"02:00:00:00:00:{n:02x}", dst="02:00:00:00:00:aa") / ip for n in range(40)]
    groups = {"ports": ports, "sources": sources, "targets": targets, "macs": macs}
    differ = {
        "5-tuple": {"ports", "sources", "targets"},
        "3-tuple": {"sources", "targets"},
        "source": {"sources"},
        "destination": {"targets"},
        "mac": {"macs"},
    }
    for key, counted in differ.items():
        found = placed(lab, weights, [p for group in groups.values() for p in group], key)
        spread = {
            name for n, name in enumerate(groups) if len(set(found[n * 40 : n * 40 + 40])) > 1
        }
        assert spread == counted, key


def test_other_frames_have_flows_too(lab: lk.Lab) -> None:
    """Fragments are spread by 3-tuple, what is no IP by MAC addresses; tags are looked through."""
    weights = {"a": 1, "b": 1, "c": 1, "d": 1}
    for version, fragments in {
        4: [ETHER / IP(id=n, frag=n % 3, flags="MF") / UDP(sport=n, dport=n) for n in range(40)],
        6: [ETHER / IPv6() / IPv6ExtHdrFragment(id=n, m=1) / UDP(sport=n) for n in range(40)],
        0: [ETHER / ARP(hwsrc=f"02:00:00:00:00:{n:02x}") for n in range(40)],
    }.items():
        assert len(set(placed(lab, weights, fragments, "5-tuple"))) == 1, version
    some = flows(40)
    tagged = [ETHER / Dot1Q(vlan=n % 5) / p[IP] for n, p in enumerate(some)]
    assert placed(lab, weights, tagged, "5-tuple") == placed(lab, weights, some, "5-tuple")


@pytest.mark.parametrize("key", [RSS_KEY, bytes(range(1, 53))])
def test_toeplitz_spreads_as_a_nic_does(lab: lk.Lab, key: str | bytes) -> None:
    r = random.Random(3)
    frames = flows(60)
    for l4 in (TCP, UDP, SCTP):
        frames += [ETHER / IPv6(src=f"fd00::{n:x}", dst="fd01::1") / l4(sport=n) for n in range(20)]
        frames += [ETHER / IP(src=f"10.0.0.{n}", dst="10.0.0.1") / l4(sport=n) for n in range(20)]
    frames += [ETHER / IP(src=f"10.0.0.{n}", flags="MF") / UDP(sport=n) for n in range(10)]
    frames += [ETHER / IP(src=f"10.0.0.{n}") / ICMP() for n in range(10)] + [ETHER / ARP()]
    r.shuffle(frames)
    found = placed(lab, {"a": 1, "b": 1, "c": 1}, frames, "toeplitz", rss_key=key)
    used = key if isinstance(key, bytes) else bytes.fromhex(key)
    data = [hashed_bytes(bytes(p) + bytes(2), FIELDS) for p in frames]
    assert found == [0 if d is None else toeplitz(used, d) % 128 % 3 for d in data]


def test_turns_are_taken_as_often_as_weights_say(lab: lk.Lab) -> None:
    found = placed(lab, {"a": 3, "b": 1, "c": 2}, flows(60), "round-robin")
    assert found[:6] == found[6:12]
    assert Counter(found) == {0: 30, 1: 10, 2: 20}


@pytest.mark.parametrize("key", ["5-tuple", "source", "mac", "toeplitz"])
def test_malformed_frames_are_spread_too(lab: lk.Lab, key: str) -> None:
    spread = lk.balance({"a": 1, "b": 1}, key)  # type: ignore[arg-type]
    a, _, path = through(lab, spread)
    frames = [f for _, good in list(good_frames().values())[:4] for f in truncations(good)]
    a.send(frames)
    wait_until(lambda: path.ledger.sent == len(frames) and path.ledger.is_balanced)
    assert path.drops["drop_eth_truncated"] == sum(len(frame) < 14 for frame in frames)


# Mirror


def mirrored(
    lab: lk.Lab, mirror: Node, frames: Sequence[bytes]
) -> tuple[list[bytes], list[bytes], RunningPath]:
    """Frames that went on, and copies."""
    a, b, path = through(lab, mirror, mirror >> lk.vlan_push(1), mirror["copy"] >> lk.vlan_push(2))
    a.send(list(frames))
    wait_until(lambda: path.ledger.sent == len(frames) and path.ledger.is_balanced)
    found = exactly(b, path.ledger.received)
    plain = [frame[:12] + frame[16:] for frame in found if frame[15] == 1]
    return plain, [frame[:12] + frame[16:] for frame in found if frame[15] == 2], path


def numbered(count: int) -> list[bytes]:
    return [
        bytes(ETHER / IP() / UDP(sport=n, dport=53 if n % 2 else 80) / bytes(30))
        for n in range(count)
    ]


def test_a_mirror_copies_every_frame(lab: lk.Lab) -> None:
    frames = numbered(300)
    plain, copies, path = mirrored(lab, lk.mirror(), frames)
    assert plain == copies == frames
    assert path.counters.functions["mirror"] == {"matched": 300, "made": 300, "not_copied": 0}
    assert path.ledger.made == 300


def test_a_mirror_copies_some_and_not_all_of_each(lab: lk.Lab) -> None:
    frames = numbered(100)
    plain, copies, path = mirrored(lab, lk.mirror("udp port 53", snaplen=40, one_in=5), frames)
    assert plain == frames
    assert copies == [frame[:40] for frame in frames[1::10]]
    assert path.counters.functions["mirror"] == {"matched": 50, "made": 10, "not_copied": 0}


def test_what_is_done_to_a_copy_is_not_done_to_the_frame(lab: lk.Lab) -> None:
    frames = numbered(10)
    m = lk.mirror()
    a, b, _ = through(lab, m, m >> lk.vlan_push(1), m["copy"] >> lk.reflect() >> lk.vlan_push(2))
    a.send(frames)
    found = exactly(b, 20)
    assert [f[:12] + f[16:] for f in found if f[15] == 1] == frames
    assert all(f[:6] == frames[0][6:12] for f in found if f[15] == 2)


def test_without_an_edge_for_copies_none_are_made(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.mirror() >> lk.sink())
    a.send(numbered(10))
    wait_until(lambda: path.ledger.received == 10)
    assert path.ledger.made == 0
    assert path.drops == {}
