# SPDX-License-Identifier: BSD-3-Clause
"""Nodes that decide when a frame goes on: police, queue, shape, delay.

What is checked does not depend on when a worker gets its CPU: times are those of the frames.
"""

import math
import time
from collections.abc import Mapping

import numpy as np
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Dot1Q, Ether

import labkit as lk
from labkit.errors import PathError
from labkit.lab.running_path import RunningPath
from labkit.path.chain import Chain, Node
from labkit.path.drawing import path_svg
from labkit.path.quantiles import quantiles
from tests.patience import exactly, wait_until

MS = 1_000_000


def classes(one: lk.TrafficClass) -> dict[str, lk.TrafficClass]:
    return {"one": one, "other": lk.TrafficClass()}


def frames(count: int, sport: int = 1024, size: int = 1000, tos: int = 0) -> list[bytes]:
    """Numbered frames of a flow; size counts the FCS."""
    headers = (
        Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
        / IP(src="10.0.0.1", dst="10.0.0.2", tos=tos)
        / UDP(sport=sport, dport=9000)
    )
    room = size - 4 - len(headers) - 4
    return [bytes(headers / (number.to_bytes(4, "big") + bytes(room))) for number in range(count)]


def number_of(frame: bytes) -> tuple[int, int]:
    """Source port and number."""
    return int.from_bytes(frame[34:36], "big"), int.from_bytes(frame[42:46], "big")


def through(lab: lk.Lab, *chains: Node | Chain) -> tuple[lk.Port, lk.Port, RunningPath]:
    """A port to send on, one that hears what left, and the path between them."""
    a, b = lab.cable(ring_size=4096)
    chain: Chain | Node = lk.rx(b)
    for part in chains:
        chain = chain >> part
    path = lab.run(chain >> lk.collect(b), name="works")
    b.receive(1, timeout=0)
    return a, b, path


def counters(path: RunningPath, node: str) -> Mapping[str, int]:
    return path.counters.functions[node]


# Police


def test_a_policer_passes_its_burst_and_its_rate(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.police("8 Mbit/s", burst="100 kB"))
    before = time.monotonic()
    a.send(frames(2000))
    wait_until(lambda: path.ledger.sent == 2000)
    seconds = time.monotonic() - before
    found = counters(path, "police")
    assert found["green"] + found["red"] == 2000
    assert found["yellow"] == 0
    assert found["green_bytes"] + 1000 >= 100_000
    assert found["green_bytes"] <= 100_000 + 1_000_000 * seconds * 1.001
    assert path.drops == {"drop_police_exceeded": found["red"]}
    assert path.ledger.is_balanced


def test_what_exceeds_may_go_elsewhere(lab: lk.Lab) -> None:
    a, b = lab.cable()
    policer = lk.police("1 pps", burst="10 packets")
    path = lab.run(
        lk.Path(lk.rx(b) >> policer >> lk.collect(b), policer["other"] >> lk.sink(), name="works")
    )
    a.send(frames(100))
    wait_until(lambda: path.ledger.sent == 100)
    found = counters(path, "police")
    assert found["green"] >= 10
    assert path.counters.nodes["sink"].objects == found["red"] == 100 - found["green"]
    assert path.drops == {}


def test_two_buckets_and_two_rates(lab: lk.Lab) -> None:
    """RFC 2697: what the first bucket has not, the second has. RFC 2698: the peak has its own."""
    for policer, green, yellow in (
        (lk.police("1 pps", "10 packets", excess_burst="20 packets"), 10, 20),
        (lk.police("1 pps", "10 packets", peak="2 pps", peak_burst="25 packets"), 10, 15),
    ):
        a, _, path = through(lab, policer)
        begin = time.monotonic()
        a.send(frames(100))
        wait_until(lambda path=path: path.ledger.sent == 100)
        more = 2 * math.ceil(time.monotonic() - begin)
        found = counters(path, "police")
        assert green <= found["green"] <= green + more
        assert yellow <= found["yellow"] + found["green"] - green <= yellow + more
        path.stop()


def test_colours_are_written_into_frames(lab: lk.Lab) -> None:
    """ECN stays, checksums are right, what has no IP header goes on unmarked."""
    marks = {"green": "AF11", "yellow": 12, "red": "AF13"}
    a, b, path = through(
        lab, lk.police("1 pps", "10 packets", excess_burst="20 packets", mark=marks)
    )
    begin = time.monotonic()
    a.send([*frames(99, tos=1), bytes(Ether(type=0x88B5)) + bytes(46)])
    *marked, odd = exactly(b, 100)
    more = math.ceil(time.monotonic() - begin)
    assert odd[12:14] == b"\x88\xb5"
    found = counters(path, "police")
    assert (found["marked"], found["unmarked"]) == (99, 1)
    table = path.tables["police"].set_index("color")
    assert table["dscp"].to_dict() == {"green": 10, "yellow": 12, "red": 14}
    assert table["frames"].to_dict() == {color: found[color] for color in table.index}
    assert 10 <= found["green"] <= 10 + more
    tos = [packet[15] for packet in marked]
    wanted = ["green"] * found["green"] + ["yellow"] * found["yellow"] + ["red"] * found["red"]
    codes = {"green": 10 << 2 | 1, "yellow": 12 << 2 | 1, "red": 14 << 2 | 1}
    assert tos == [codes[color] for color in wanted][:99]
    for frame in marked:
        packet = Ether(frame)[IP]
        checksum = packet.chksum
        del packet.chksum
        assert IP(bytes(packet)).chksum == checksum
    assert path.ledger.is_balanced


@pytest.mark.parametrize(
    "second", [{"excess_burst": "50 packets"}, {"peak": "2 pps", "peak_burst": "99 packets"}]
)
def test_a_colour_is_not_made_better(lab: lk.Lab, second: dict[str, str]) -> None:
    """AF21, AF22, AF23 with room for all: green, yellow and red (RFC 2697 3, RFC 2698 3)."""
    a, _, path = through(lab, lk.police("1 pps", "60 packets", **second, color_aware=True))
    mixed = [frame for code in (18, 20, 22) for frame in frames(10, tos=code << 2)]
    a.send(mixed)
    wait_until(lambda: path.ledger.sent == 30)
    wait_until(lambda: sum(counters(path, "police")[c] for c in ("green", "yellow", "red")) == 30)
    found = counters(path, "police")
    assert [found[color] for color in ("green", "yellow", "red")] == [10, 10, 10]
    assert path.drops == {"drop_police_exceeded": 10}


@pytest.mark.parametrize("rate", ["12.3 kbit/s", "99.9 Mbit/s", "1 Gbit/s L1", 1025, "3.3 Mpps"])
def test_a_rate_is_kept_over_a_long_time(lab: lk.Lab, rate: str | float) -> None:
    """Of more than may pass no more passes than in all the time, and not less for ever."""
    a, b = lab.cable()
    per_second = lk.path.function_types.LoadType().amount(rate)
    burst = max(1600, round(per_second.number / 1000))
    unit = "packets" if per_second.of_frames else "B"
    path = lab.run(lk.rx(b) >> lk.police(rate, burst=f"{burst} {unit}") >> lk.sink(), name="works")
    stream = lk.Stream(Ether(src=a.mac, dst=b.mac) / IP() / UDP(), size=64)
    what = "green" if per_second.of_frames else "green_bytes"
    with lab.traffic() as t:
        begin = time.monotonic()
        t.add(stream, on=a).start()
        wait_until(lambda: counters(path, "police")[what] > burst + per_second.number / 4)
        found, seconds = counters(path, "police"), time.monotonic() - begin
    assert found[what] <= (burst + per_second.number * seconds) * 1.001 + 1600
    assert found["red"] > 0


# Queues


def test_what_a_queue_holds_is_in_the_ledger(lab: lk.Lab) -> None:
    a, b, path = through(lab, lk.queue("1 pps", limit="10 packets"))
    a.send(frames(100))
    wait_until(lambda: path.ledger.sent == 100)
    found = counters(path, "queue")
    assert found["most_held"] == 10
    assert 9 <= found["held"] <= 10
    assert path.drops["drop_queue_full"] + found["passed"] + found["held"] == 100
    assert ("held", found["held"]) in path.ledger.rows
    assert path.ledger.is_balanced
    path.stop()
    assert path.ledger.is_balanced
    assert [number for _, number in map(number_of, b.receive(3, timeout=0.1, raw=True))] in (
        [],
        [0],
    )


@pytest.mark.parametrize("node", ["queue", "shape"])
def test_a_link_sends_one_frame_after_the_other(lab: lk.Lab, node: str) -> None:
    """1,000 bytes take 1 ms each: the last of 200 waits 199 ms for those before it."""
    burst = 50 if node == "shape" else 0
    chain = lk.shape("8 Mbit/s", burst="50 kB") if burst else lk.queue("8 Mbit/s")
    a, b, path = through(lab, chain)
    begin = time.monotonic_ns()
    a.send(frames(200))
    wait_until(lambda: path.ledger.sent == 200)
    came = time.monotonic_ns() - begin
    got = exactly(b, 200)
    took = time.monotonic_ns() - begin
    assert [number for _, number in map(number_of, got)] == list(range(200))
    found = counters(path, "queue")
    longest = (199 - burst) * MS + (MS if burst else 0)
    assert longest - came <= found["longest_wait_ns"] <= longest * 1.001
    assert took >= (200 - burst) * MS * 0.999
    assert found["passed"] == 200
    assert found["delayed"] <= 199
    assert path.ledger.is_balanced


def test_bytes_limit_a_queue_too(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.queue("8 kbit/s", limit="10 kB"))
    a.send(frames(100))
    wait_until(lambda: path.ledger.sent == 100)
    found = counters(path, "queue")
    assert found["held_bytes"] <= 10_000
    assert found["most_held"] == 10
    assert path.ledger.is_balanced


def test_long_frames_push_out_as_many_short_ones_as_they_need(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.queue("8 kbit/s", limit="10 kB", aqm="fq_codel"))
    a.send(frames(150, sport=1, size=64) + frames(8, sport=2, size=1500))
    wait_until(lambda: path.ledger.sent == 158)
    found = counters(path, "queue")
    assert found["held_bytes"] <= 10_000
    assert path.drops["drop_queue_full"] > 8
    assert path.ledger.is_balanced


def codel_of_rfc_8289(count: int) -> int:
    """How many of so many frames go early that came at one time, 1 ms of the link each."""
    first_above, drop_next, dropped, seen, in_a_row = 0.0, 0.0, 0, 0, 0
    is_dropping, now = False, 0.0
    while seen < count:
        left = (count - seen - 1) * 1000
        seen += 1
        late = now >= 5 and left > 1000
        if not late:
            first_above = 0
        elif not first_above:
            first_above, late = now + 100, False
        else:
            late = now >= first_above
        if is_dropping and late and now >= drop_next:
            dropped += 1
            in_a_row += 1
            drop_next += 100 / math.sqrt(in_a_row)
            continue
        if is_dropping and not late:
            is_dropping = False
        if not is_dropping and late:
            is_dropping, in_a_row, dropped = True, 1, dropped + 1
            drop_next = now + 100
            continue
        now += 1
    return dropped


def test_codel_drops_as_its_rfc_says(lab: lk.Lab) -> None:
    a, b, path = through(lab, lk.queue("8 Mbit/s", aqm="codel"))
    a.send(frames(600))
    wait_until(lambda: path.ledger.sent == 600 and path.counters.held == 0)
    early = path.drops["drop_queue_early"]
    assert abs(early - codel_of_rfc_8289(600)) <= 1
    assert len(exactly(b, 600 - early)) == 600 - early
    assert path.ledger.is_balanced


@pytest.mark.parametrize("aqm", ["red", "pie", "codel"])
def test_queue_management_keeps_a_queue_short(lab: lk.Lab, aqm: str) -> None:
    a, b = lab.cable(ring_size=4096)
    path = lab.run(lk.rx(b) >> lk.queue("4 Mbit/s", "300 packets", aqm) >> lk.sink(), name="works")

    def drops_early() -> bool:
        a.send(frames(100))
        return "drop_queue_early" in path.drops

    wait_until(drops_early)
    wait_until(lambda: path.counters.held == 0 and path.ledger.is_balanced)


def test_congestion_is_marked_where_the_sender_knows_it(lab: lk.Lab) -> None:
    a, b, path = through(lab, lk.queue("8 Mbit/s", aqm="codel", ecn=True))
    a.send(frames(300, tos=2))
    got = [Ether(frame) for frame in exactly(b, 300)]
    marked = [packet for packet in got if packet[IP].tos == 3]
    assert len(marked) == counters(path, "queue")["marked"] > 0
    for packet in marked:
        wanted = packet.copy()
        del wanted[IP].chksum
        assert Ether(bytes(wanted))[IP].chksum == packet[IP].chksum
    assert path.drops == {}


def test_flows_take_turns(lab: lk.Lab) -> None:
    """A flow of five frames does not wait for the hundreds of another."""
    a, b, path = through(lab, lk.queue("8 Mbit/s", aqm="fq_codel"))
    a.send(frames(300, sport=1) + frames(5, sport=2))
    wait_until(lambda: path.ledger.sent == 305 and path.counters.held == 0)
    early = path.drops.get("drop_queue_early", 0)
    got = [number_of(frame) for frame in exactly(b, 305 - early)]
    assert [number for sport, number in got if sport == 2] == list(range(5))
    thin = max(at for at, (sport, _) in enumerate(got) if sport == 2)
    assert thin < 150, "behind the other one it would be near the end"
    numbers = [number for sport, number in got if sport == 1]
    assert numbers == sorted(numbers)


# Delay


def test_a_frame_takes_its_time(lab: lk.Lab) -> None:
    a, b, path = through(lab, lk.delay("50 ms"))
    begin = time.monotonic()
    a.send(frames(500))
    assert [number for _, number in map(number_of, exactly(b, 500))] == list(range(500))
    assert time.monotonic() - begin >= 0.05
    assert counters(path, "delay") == {
        **{"passed": 500, "reordered": 0, "held": 0},
        "most_held": counters(path, "delay")["most_held"],
    }


def test_jitter(lab: lk.Lab) -> None:
    for distribution, jitter, reorder in (
        *(("uniform", "15 ms", reorder) for reorder in (False, True)),
        *((name, "5 ms", True) for name in ("normal", "pareto", "paretonormal")),
        *((["5 ms", 0.035], 0, reorder) for reorder in (False, True)),
    ):
        line = lk.delay("20 ms", jitter, distribution, reorder=reorder, seed=7)
        a, b, path = through(lab, line)
        a.send(frames(1000))
        got = [number for _, number in map(number_of, exactly(b, 1000))]
        assert sorted(got) == list(range(1000))
        assert (got != sorted(got)) is reorder
        assert (counters(path, "delay")["reordered"] > 0) is reorder
        assert path.ledger.is_balanced
        assert lk.Path.from_json(path.path.to_json()) == path.path
        path.stop()


@pytest.mark.parametrize("name", ["normal", "pareto", "paretonormal"])
def test_quantiles_have_mean_0_and_deviation_1(name: str) -> None:
    """By what lies between them, a straight line each."""
    q = quantiles(name)
    at = np.random.default_rng(1).random(400_000) * (len(q) - 1)
    drawn = np.interp(at, range(len(q)), q)
    assert abs(drawn.mean()) < 0.01
    assert abs(drawn.std() - 1) < 0.05
    assert np.all(np.diff(q) >= 0)
    third = ((drawn - drawn.mean()) ** 3).mean()
    assert abs(third) < 0.05 if name == "normal" else third > 1, "the tail is on one side"


# A link in one line


def test_a_link_is_a_queue_a_bad_line_and_a_delay(lab: lk.Lab) -> None:
    line = lk.link("80 Mbit/s", "10 ms", jitter="1 ms", loss=0.1, duplicate=0.1, seed=3)
    a, _, path = through(lab, line)
    assert [node.kind for node in path.path.nodes] == [
        *("rx", "queue", "queue_release", "impair", "delay", "delay_release", "collect"),
    ]
    a.send(frames(500))
    wait_until(lambda: counters(path, "queue")["passed"] == 500 and path.counters.held == 0)
    lost = path.drops["drop_impair_loss"]
    copied = path.counters.impairments["impair"]["copied"]
    assert 20 < lost < 90
    assert counters(path, "delay")["passed"] == 500 - lost + copied
    assert path.ledger.is_balanced


def test_a_link_has_what_it_needs() -> None:
    def kinds(chain: Chain) -> list[str]:
        return [node.kind for node in chain.nodes]

    assert kinds(lk.link()) == ["impair"]
    assert kinds(lk.link(delay="1 ms")) == ["delay", "delay_release"]
    assert kinds(lk.link(delay=0, distribution=["1 ms"])) == ["delay", "delay_release"]
    assert kinds(lk.link("1 Mbit/s", name="dsl")) == ["queue", "queue_release"]
    names = [node.given_name for node in lk.link("1 Mbit/s", 1, loss=1, name="dsl").nodes]
    assert names[::2] == ["dsl_queue", "dsl_impair", "dsl_delay_release"]
    fast = lk.link("10 Gbit/s", "20 ms")
    assert fast.nodes[-2].params["limit"] > 1.25e9 / 64 * 0.02


# Classes


def tagged(count: int, pcp: int) -> list[bytes]:
    headers = Ether(dst="02:00:00:00:00:02") / Dot1Q(prio=pcp, vlan=7) / IP() / UDP(sport=pcp)
    return [bytes(headers / n.to_bytes(4, "big") / bytes(900)) for n in range(count)]


CLASSES = {
    "voice": lk.TrafficClass("EF", pcp=5, strict=True, limit="50 packets"),
    "control": lk.TrafficClass(["CS6", 56], filter="arp", strict=True),
    "video": lk.TrafficClass(["AF41", "AF42"], weight=3),
    "other": lk.TrafficClass(),
}


def test_strict_classes_go_first_and_the_others_share_by_weight(lab: lk.Lab) -> None:
    """Of frames that are there when the path begins: they come to the queue at one time."""
    a, b = lab.cable()
    sent = [*frames(48, sport=1), *frames(48, sport=2, tos=34 << 2)]
    sent += [*frames(20, sport=3, tos=46 << 2), *frames(8, sport=4, tos=48 << 2)]
    a.send(sent)
    wait_until(lambda: a.xstats()["tx_good_packets"] == len(sent))
    link = lk.queue("80 Mbit/s", limit="100 packets", classes=CLASSES)
    path = lab.run(lk.rx(b) >> link >> lk.collect(b), name="works")
    wait_until(lambda: path.ledger.received == len(sent))
    got = [number_of(frame) for frame in exactly(b, len(sent))]
    assert [sport for sport, _ in got[:28]] == [3] * 20 + [4] * 8
    for sport in (1, 2, 3, 4):
        numbers = [number for port, number in got if port == sport]
        assert numbers == sorted(numbers)
    # As long as both have frames, three of one for one of the other.
    shared = [sport for sport, _ in got[28:]]
    both = shared[: len(shared) - shared[::-1].index(2)]
    assert 2.5 < both.count(2) / both.count(1) < 3.6
    table = path.tables["queue"].set_index("of")
    assert list(table.index) == list(CLASSES)
    assert list(table["passed"]) == [20, 8, 48, 48]
    assert table["held"].sum() == table["dropped"].sum() == 0
    assert path.ledger.is_balanced


def test_frames_find_their_class(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.queue("1 pps", classes=CLASSES))
    a.send(tagged(3, pcp=5) + tagged(4, pcp=2) + frames(5, tos=36 << 2 | 1))
    a.send([bytes(Ether(type=0x0806)) + bytes(46), bytes(Ether(type=0x1234)) + bytes(46), b"x"])
    wait_until(lambda: path.ledger.sent == 15)
    wait_until(lambda: path.tables["queue"]["held"].sum() + path.ledger.received == 15)
    table = path.tables["queue"].set_index("of")
    found = table["held"] + table["passed"]
    assert found.to_dict() == {"voice": 3, "control": 1, "video": 5, "other": 6}
    assert path.ledger.is_balanced
    assert lk.Path.from_json(path.path.to_json()) == path.path


def test_flows_have_a_table(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.queue("1 pps", aqm="fq_codel"))
    a.send(frames(3, sport=1) + frames(4, sport=2))
    wait_until(lambda: path.counters.held + path.ledger.received == 7)
    table = path.tables["queue"].set_index("of")
    name = "10.0.0.1 port {} > 10.0.0.2 port 9000 protocol 17"
    assert table["held"][name.format(2)] == 4
    assert table["passed_bytes"].sum() == 1000 * path.ledger.received


def test_a_line_is_full(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.delay("30 s", limit=20))
    a.send(frames(50))
    wait_until(lambda: path.ledger.sent == 50)
    assert path.drops == {"drop_delay_full": 30}
    assert path.ledger.held == 20
    assert path.ledger.is_balanced
    lab.restart()
    assert path.ledger.held == 0


def test_frames_held_go_with_their_path(lab: lk.Lab) -> None:
    """Their buffers are the port's again."""
    a, b = lab.cable()
    for _ in range(3):
        path = lab.run(lk.rx(b) >> lk.delay("60 s", limit=4000) >> lk.tx(b), name="works")
        for _ in range(4):
            a.send(frames(1000))
        wait_until(lambda path=path: path.ledger.sent == 4000)
        path.stop()
        assert path.ledger.is_balanced


# A gauge


def test_a_gauge_tells_the_rate_of_its_windows(lab: lk.Lab) -> None:
    """All frames are in some window; when nothing comes any more the rate is 0."""
    a, _, path = through(lab, lk.rate("50 ms", name="seen"))
    a.send(frames(500))
    wait_until(lambda: counters(path, "seen")["frames"] == 500)
    assert counters(path, "seen")["bytes"] == 500_000
    wait_until(lambda: counters(path, "seen")["highest_pps"] > 0 == counters(path, "seen")["pps"])
    found = counters(path, "seen")
    assert found["highest_pps"] <= 500 * 20
    assert found["highest_bits_per_second"] == found["highest_pps"] * 8000
    assert path.ledger.is_balanced


def test_what_nodes_count_is_recorded(lab: lk.Lab) -> None:
    a, _, path = through(lab, lk.queue("1 pps", limit="9 packets"))
    with lk.record(lab, "path/works/queue/*", hz=100) as recorded:
        a.send(frames(50))
        wait_until(lambda: path.ledger.sent == 50)
        wait_until(lambda: recorded.samples[-1].values[-3] > 0)
    names = recorded.samples[-1].schema.names
    assert [name.rpartition("/")[2] for name in names if "queue/held" in name] == [
        *("held", "held_bytes"),
    ]
    kinds = recorded.samples[-1].schema.kinds
    assert kinds["path/works/queue/held"] == "gauge"
    assert kinds["path/works/queue/passed"] == "counter"


# All of them


def test_a_path_file_says_it_as_it_was_written() -> None:
    chain = (
        lk.rx("a")
        >> lk.police("100 Mbit/s")
        >> lk.queue("10 Mbit/s L1", "1 MB", "pie")
        >> lk.delay("20 ms", "2 ms")
        >> lk.tx("b")
    )
    path = lk.Path(chain)
    again = lk.Path.from_json(path.to_json())
    assert again.to_dict() == path.to_dict()
    (link,) = (node for node in again.nodes if node.kind == "queue")
    assert (link.params["rate"], link.params["overhead"]) == ("10 Mbit/s L1", 24)
    for said in ("100 Mbit/s", "burst 125000 B", "limit 1 MB", "20 ms", "± 2 ms"):
        assert said in path_svg(path)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: lk.police("100 Mbyte/s"), "'Mbyte/s' is no unit"),
        (lambda: lk.police(0), "rate is 0; it is a load above 0"),
        (lambda: lk.police("1 Mbit/s", "64 packets"), "with the rate '1 Mbit/s' it is in bytes"),
        (lambda: lk.police("1 kpps", "64 kB"), "with the rate '1 kpps' it is in packets"),
        (lambda: lk.police("1 kpps", peak="10 pps"), "peak is '10 pps'; it is at least the rate"),
        (lambda: lk.police(10, excess_burst="1 packets", peak=20), "a policer has one of the two"),
        (lambda: lk.police(10, peak_burst="9 packets"), "there is no peak="),
        (lambda: lk.police(10, mark={"gren": "EF"}), "did you mean 'green'?"),
        (lambda: lk.police(10, mark={"red": "AF14"}), "mark['red'] is 'AF14'; it is a DSCP"),
        (lambda: lk.police(10, mark={"red": 64}), "a number of 0 to 63"),
        (lambda: lk.police(10, mark="EF"), "it is DSCPs by colour"),
        (lambda: lk.queue("1 Mbit/s", "0 packets"), "limit is '0 packets'"),
        (lambda: lk.queue("1 Mbit/s", "1000"), "limit is '1000'"),
        (lambda: lk.queue("1 Mbit/s", aqm="coddel"), "'codel'"),
        (lambda: lk.queue("1 Mbit/s", target="5 min"), "5 min"),
        (lambda: lk.link(0), "rate is 0; it is a load above 0"),
        (lambda: lk.link(limit="9 packets"), "there is no rate to wait for"),
        (lambda: lk.link("1 Mbit/s", "soon"), "'soon' is no time"),
        (lambda: lk.queue(9, aqm="red", classes=CLASSES), "each is a queue of its own"),
        (lambda: lk.queue(9, classes={"a": 1}), "class 'a' is 1; make it with lk.TrafficClass"),
        (lambda: lk.queue(9, classes=["EF"]), "it is a dictionary of lk.TrafficClass"),
        (lambda: lk.queue(9, classes={"a": CLASSES["other"]}), "it has 2 to 32 classes"),
        (lambda: lk.queue(9, classes=classes(lk.TrafficClass())), "says of no frame"),
        (lambda: lk.queue(9, classes=classes(lk.TrafficClass("EV"))), "dscp is 'EV'; it is a"),
        (lambda: lk.queue(9, classes=classes(lk.TrafficClass(pcp=8))), "pcp is 8; the range is"),
        (lambda: lk.queue(9, classes=classes(lk.TrafficClass(1, weight=0))), "weight is 0"),
        (
            lambda: lk.queue(9, classes=classes(lk.TrafficClass(1, strict=True, weight=2))),
            "it is strict, and has the weight 2",
        ),
        (lambda: lk.queue(9, classes=classes(lk.TrafficClass(filter="tcp.port"))), "filter: "),
        (lambda: lk.queue(9, classes=classes(lk.TrafficClass(1, limit="9"))), "limit is '9'"),
        (
            lambda: lk.queue(9, classes={"a": CLASSES["video"], "b": CLASSES["voice"]}),
            "class 'b' is the last, which takes what is left",
        ),
        (lambda: lk.rate("0 s"), "it is a time of 0.0001 to 60 s"),
        (lambda: lk.rate(layer="L3"), 'it is "L2" or "L1"'),
        (lambda: lk.delay("-1 ms"), "-1 ms"),
        (lambda: lk.delay(61), "it is a time of 0 to 60 s"),
        (lambda: lk.delay("1 ms", limit=0), "limit is 0"),
        (lambda: lk.delay("1 ms", distribution="gamma"), "'pareto', 'paretonormal' or a list"),
        (lambda: lk.delay("1 ms", distribution=[]), "a list of 1 to 1,000,000 times"),
        (lambda: lk.delay("1 ms", distribution=["2 ms", -1]), "a time of distribution is -1"),
        (lambda: lk.delay(0, "1 ms", ["2 ms"]), "leave it out"),
    ],
)
def test_what_is_refused(make: object, said: str) -> None:
    with pytest.raises((PathError, lk.LabError), match=None) as error:
        make()  # type: ignore[operator]
    assert said in str(error.value)
