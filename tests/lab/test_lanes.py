# SPDX-License-Identifier: BSD-3-Clause
"""A path runs once for each queue of its ports, and is one path to who looks at it."""

from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

import labkit as lk
from labkit.path import nodes
from labkit.path.chain import Chain
from tests.patience import wait_until


def frame(number: int) -> Ether:
    return Ether() / IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1024 + number)


def spread(lab: lk.Lab, queues: int) -> tuple[lk.Port, lk.Port, lk.Port]:
    """A sender whose frames come to all queues of a far end, as a NIC spreads them; the sender, and
    the ends of the cable with queues."""
    sender, inside = lab.cable("sender", "inside")
    near, far = lab.cable("near", "far", queues=queues)
    lab.run(nodes.rx(inside) >> by_port(near, queues), name="spread")
    return sender, near, far


def by_port(near: lk.Port, queues: int) -> Chain:
    """Filters that send a frame on the queue of its UDP port, modulo their number."""
    chain: Chain | None = None
    for queue in range(queues):
        takes = nodes.filter(f"udp[1] & {queues - 1} = {queue}", name=f"queue{queue}")
        way = takes >> nodes.tx(near, queue)
        chain = way if chain is None else chain | way
    assert chain is not None
    return chain


def test_a_path_runs_once_for_each_queue(lab: lk.Lab) -> None:
    sender, near, far = spread(lab, 4)
    path = lab.run(lk.rx(far) >> lk.reflect() >> lk.tx(far), name="reflected")
    sender.send([frame(n) for n in range(40)])
    assert len(near.receive(40, timeout=5)) == 40
    assert path.lane_count == 4
    assert path.lanes["entered"].tolist() == [10, 10, 10, 10]
    assert path.lanes["queues"].tolist() == [f"far {queue}" for queue in range(4)]
    assert (path.ledger.sent, path.ledger.is_balanced) == (40, True)
    counters = path.counters
    assert counters.nodes["reflect"].objects == 40
    assert counters.outputs["reflect"] == {"next": 40}
    assert [lane.nodes["reflect"].objects for lane in counters.lanes] == [10] * 4
    assert [dict(lane.queues) for lane in counters.lanes] == [{("far", q): 10} for q in range(4)]
    assert path.path == lab.paths["reflected"].path, "declared once"
    path.stop()
    assert path.lanes["left"].sum() == 40, "its last counters stay"


@pytest.mark.parametrize(("lanes", "read"), [(1, ["0, 1, 2, 3"]), (2, ["0, 2", "1, 3"])])
def test_fewer_lanes_read_several_queues_each(lab: lk.Lab, lanes: int, read: list[str]) -> None:
    sender, _, far = spread(lab, 4)
    path = lab.run(lk.rx(far) >> lk.collect(far), lanes=lanes)
    sender.send([frame(n) for n in range(40)])
    assert len(far.receive(40, timeout=5)) == 40
    queues = [text.replace("far ", "") for text in path.lanes["queues"]]
    assert (queues, path.lanes["entered"].sum()) == (read, 40)


def test_a_queue_that_is_named_is_the_only_one(lab: lk.Lab) -> None:
    _, b = lab.cable(queues=2)
    with pytest.warns(UserWarning, match="no path reads queue 0 of port server"):
        path = lab.run(lk.rx(b, 1) >> lk.reflect() >> lk.tx(b))
    assert (path.lane_count, path.lanes["queues"].tolist()) == (1, ["server 1"])


def test_frames_of_python_keep_their_order(lab: lk.Lab) -> None:
    """Each lane has its own journal; they are read in the order of time."""
    sender, _, far = spread(lab, 2)
    lab.run(lk.rx(far) >> lk.collect(far))
    with far.socket() as hears:
        for n in range(20):
            sender.send(frame(n))
            wait_until(lambda n=n: lab.counters()["path"].nodes["collect:far"].objects == n + 1)
        ports = [hears.recv()[UDP].sport for _ in range(20)]
    assert ports == [1024 + n for n in range(20)]
    assert [p[UDP].sport for p in far.receive(20, timeout=5)] == ports


def test_ports_of_different_queues(lab: lk.Lab) -> None:
    """Lanes that send on one queue are walked by one worker, and nothing stays unread."""
    sender, near, far = spread(lab, 4)
    a, b = lab.cable("a", "b", queues=2)
    path = lab.run(lk.Path(lk.rx(far) >> lk.tx(a), lk.rx(a) >> lk.tx(far), name="between"))
    sender.send([frame(n) for n in range(40)])
    assert len(b.receive(40, timeout=5)) == 40
    table = path.lanes
    assert table["queues"].tolist() == ["far 0, a 0", "far 1, a 1", "far 2", "far 3"]
    assert table["lcore"][0] == table["lcore"][2]
    assert table["lcore"][1] == table["lcore"][3]
    b.send([frame(n) for n in range(8)])
    assert len(near.receive(8, timeout=5)) == 8


def test_each_lane_has_its_own_bad_line(lab: lk.Lab) -> None:
    sender, near, far = spread(lab, 2)
    bad = lk.impair(loss=0.5, duplicate=0.2, reorder=0.2, seed=7)
    path = lab.run(lk.rx(far) >> bad >> lk.tx(far))
    sender.send([frame(n) for n in range(400)])
    wait_until(lambda: path.counters.nodes["rx:far"].objects == 400)
    wait_until(lambda: path.counters.impairments["impair"]["held"] == 0)
    counters = path.counters
    lost = [lane.drops["drop_impair_loss"] for lane in counters.lanes]
    assert sum(lost) == counters.drops["drop_impair_loss"]
    assert all(60 < n < 140 for n in lost)
    arrived = len(near.receive(800, timeout=0.5))
    assert arrived == 400 - sum(lost) + counters.impairments["impair"]["copied"]


def test_it_is_replaced_while_frames_flow(lab: lk.Lab) -> None:
    """By as many lanes, by fewer, by more: none is missed."""
    a, b = lab.cable(queues=2, ring_size=16384)
    c, d = lab.cable("c", "d", queues=2)
    running = lab.run(lk.rx(b) >> lk.sink(), name="end")
    lab.run(lk.rx(d) >> lk.tx(a), name="on")
    seen = 0
    for lanes in (2, 1, 2, 1):
        c.send([frame(n) for n in range(500)])
        before, running = running, running.replace(lk.rx(b) >> lk.sink(), lanes=lanes)
        seen += before.counters.nodes["sink"].objects
        assert running.lane_count == lanes
    wait_until(lambda: seen + running.counters.nodes["sink"].objects == 2000)


def test_it_comes_back_in_a_new_engine(lab: lk.Lab) -> None:
    sender, near, far = spread(lab, 2)
    path = lab.run(lk.rx(far) >> lk.reflect() >> lk.tx(far))
    lab.restart()
    sender.send([frame(n) for n in range(20)])
    assert len(near.receive(20, timeout=5)) == 20
    assert path.lanes["entered"].tolist() == [10, 10]


def test_recordings_have_sums_and_lanes(lab: lk.Lab) -> None:
    sender, _, far = spread(lab, 2)
    lab.run(lk.rx(far) >> lk.filter("udp port 1024") >> lk.sink(), name="some")
    with lk.sources.Engine(lab, hz=200) as source:
        sender.send([frame(n) for n in range(20)])

        def is_there() -> bool:
            sample = source.sample()
            return sample is not None and sample["path/some/rx:far/objects"] == 20

        wait_until(is_there)
        sample = source.sample()
        assert sample is not None
        assert (sample["path/some/sink/objects"], sample["path/some/drop_filter_rejected"]) == (
            1,
            19,
        )
        lanes = [[sample[f"lane/some/{n}/{what}"] for what in ("frames", "drops")] for n in (0, 1)]
        assert lanes == [[10, 9], [10, 10]]


def test_a_trace_tells_the_lane(lab: lk.Lab) -> None:
    sender, near, far = spread(lab, 2)
    lab.run(lk.rx(far) >> lk.reflect() >> lk.tx(far), name="back")
    with lab.trace(2) as trace:
        sender.send([frame(0), frame(1)])
        assert len(near.receive(2, timeout=5)) == 2
    table = trace.table
    back = table[table["path"] == "back"]
    assert sorted(set(zip(back["packet"], back["lane"], strict=True))) == [(0, 0), (1, 1)]


def test_a_capture_has_the_frames_of_all_lanes(lab: lk.Lab, tmp_path: Path) -> None:
    sender, _, far = spread(lab, 2)
    path = lab.run(lk.rx(far) >> lk.capture(tmp_path / "seen.pcapng") >> lk.sink())
    sender.send([frame(n) for n in range(100)])
    wait_until(lambda: path.counters.nodes["sink"].objects == 100)
    path.flush()
    ports = lk.Capture(tmp_path / "seen.pcapng").table(["src_port"])["src_port"]
    assert sorted(ports) == list(range(1024, 1124))


@pytest.mark.parametrize(
    ("chain", "lanes", "message"),
    [
        (lambda b: lk.rx(b), 3, r"lanes is 3; the range is 1 to 2, .* \(server has 2\)"),
        (lambda b: lk.rx(b, 1), 2, r"lanes is 2; no rx of it reads all queues"),
        (lambda b: lk.rx(b), 0, "lanes"),
    ],
)
def test_more_lanes_than_queues_are_refused(
    lab: lk.Lab, chain: object, lanes: int, message: str
) -> None:
    _, b = lab.cable(queues=2)
    with pytest.raises(lk.PathError, match=message):
        lab.run(chain(b) >> lk.sink(), lanes=lanes)  # type: ignore[operator]


def test_a_queue_named_and_all_queues_do_not_go_together() -> None:
    with pytest.raises(lk.PathError, match="rx:a is the rx of port a, all queues, already; name a"):
        lk.Path(lk.rx("a") >> lk.sink(), lk.rx("a", 1) >> lk.sink())


@pytest.mark.parametrize("tunnel", [None, lk.Vxlan(vni=42)])
def test_our_echo_has_a_lane_for_each_queue(lab: lk.Lab, tunnel: lk.Tunnel | None) -> None:
    with lk.dut.LabkitEcho(queues=2, tunnel=tunnel).open(lab) as far_end:
        (path,) = [path for path in lab.paths.values() if path.name.startswith("echo:")]
        assert (path.lane_count, far_end.port.last_info.rx_queues) == (2, 2)
    with pytest.raises(lk.LabError, match="queues is 0; the range is 1 to 16"):
        lk.dut.LabkitEcho(queues=0)
