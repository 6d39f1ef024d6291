# SPDX-License-Identifier: BSD-3-Clause
"""lk.trial(): whatever happens to a frame, the ledger knows."""

import os
import signal
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import psutil
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw
from scapy.utils import PcapWriter, RawPcapReader, wrpcap

import labkit as lk
from labkit import codec
from labkit.runs import stream_ids, trial_bench
from labkit.traffic.plan import plan

CLIENT_4, SERVER_4 = "10.0.0.1", "10.0.0.2"
UDP_PORT = 9000
V4 = Ether() / IP(src=CLIENT_4, dst=SERVER_4) / UDP(sport=1024, dport=UDP_PORT)
V6 = Ether() / IPv6(src="fd00::1", dst="fd00::2") / UDP(sport=1024, dport=UDP_PORT)
COLUMNS = [
    *("size_bytes", "target_pps", "tx_pps", "rx_pps", "drop_percent", "unsent", "lost"),
    *("reordered", "duplicated", "unexplained", "port_drops", "latency_min_ns", "latency_avg_ns"),
    *("latency_p50_ns", "latency_p90_ns", "latency_p99_ns", "latency_p999_ns", "latency_max_ns"),
    *("jitter_p50_ns", "jitter_p99_ns", "jitter_max_ns"),
    *("tx_mbps", "rx_mbps", "generator_limited", "seconds", "started_at"),
    *("intended", "sent", "received", "late", "balanced"),
]
QUICK = {"warmup": 0, "progress": False}
CHECKED_BY_SCAPY = 7  # one frame in so many: it takes scapy a quarter of a millisecond


@pytest.fixture
def mirror(lab: lk.Lab) -> lk.Port:
    """A port whose far end sends everything back."""
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server), name="mirror")
    return client


def flow(packet: Packet = V4, **settings: object) -> lk.Stream:
    return lk.Stream(packet, **settings)  # type: ignore[arg-type]


def assert_whole(run: lk.Trial) -> None:
    """The ledger balances, and row, series and streams tell the same."""
    row, ledger = run.row, run.ledger
    assert run.is_balanced, run
    assert ledger.intended == ledger.sent + ledger.unsent
    assert ledger.sent == ledger.received + sum(ledger.drops.values())
    assert (row["sent"], row["received"]) == (ledger.sent, ledger.received)
    assert row["lost"] == row["sent"] - row["received"]
    for table in (run.series, run.streams):
        for name in ("sent", "received", "lost", "reordered", "duplicated"):
            assert table[name].sum() == row[name], name
    assert run.streams["intended"].sum() == row["intended"]
    assert run.streams["unsent"].sum() == row["unsent"]


@pytest.mark.parametrize("packet", [V4, V6], ids=["v4", "v6"])
@pytest.mark.parametrize("size", [None, 65, 512, 1518, 9000])
def test_every_frame_comes_back(mirror: lk.Port, packet: Packet, size: int | None) -> None:
    if packet is V6 and size == 65:
        size = 85
    run = lk.trial(mirror, flow(packet, size=size), rate="20 kpps", duration=0.3, latency=True)
    assert_whole(run)
    assert list(run.row) == COLUMNS
    assert run.row["intended"] == 6000
    assert run.row["lost"] == run.row["duplicated"] == run.row["reordered"] == 0
    assert run.ledger.sent > 0
    bits = (size or (64 if packet is V4 else 84)) * 8 * run.row["sent"]
    assert run.row["tx_mbps"] == pytest.approx(bits / run.row["seconds"] / 1e6)
    assert run.row["tx_pps"] == pytest.approx(run.row["sent"] / run.row["seconds"])
    assert run.row["seconds"] >= 0.3
    assert run.latency is not None
    assert run.latency.count == run.row["received"]
    ranks = [run.row[f"latency_{rank}_ns"] for rank in ("min", "p50", "p90", "p99", "p999", "max")]
    assert ranks == sorted(ranks)
    assert ranks[0] > 0
    assert run.jitter is not None


@pytest.mark.parametrize("seed", range(8))
def test_any_mix_over_any_line_balances(lab: lk.Lab, seed: int) -> None:
    """Random streams, sizes, bursts, queues, loss, duplication and reordering."""
    draw = np.random.default_rng(seed)
    client, server = lab.cable(ring_size=int(draw.choice([64, 256, 1024])))
    injected = {name: float(draw.choice([0, 0.001, 0.05])) for name in ("loss", "duplicate")}
    reorder = float(draw.choice([0, 0.02]))
    line = lk.impair(**injected, reorder=reorder, displacement=int(draw.integers(1, 9)), seed=seed)
    dut = lab.run(lk.rx(server) >> line >> lk.reflect() >> lk.tx(server), name="dut")
    streams = [
        flow(
            [V4, V6][draw.integers(2)],
            size=[int(size) for size in draw.integers(90, 3000, draw.integers(1, 5))],
            rate=float(draw.integers(1_000, 60_000)),
            burst=int(draw.choice([1, 1, 7, 64])),
        )
        for _ in range(draw.integers(1, 5))
    ]
    run = lk.trial(client, streams, duration=0.4, latency=True, interval=0.05, **QUICK)
    assert_whole(run)
    (counts,) = dut.counters.impairments.values()
    drops = dict(run.ledger.drops)
    assert drops.pop("drop_impair_loss", 0) == dut.drops.get("drop_impair_loss", 0)
    full = drops.pop("drop_tx_full", 0)  # a DUT on a busy machine finds short rings full
    gone_copies = -drops.pop("of these, copies", 0)
    assert not drops
    assert run.row["duplicated"] == counts["copied"] - gone_copies
    assert gone_copies <= full
    assert run.row["lost"] == dut.drops.get("drop_impair_loss", 0) + full - gone_copies
    assert run.row["reordered"] <= counts["reordered"]
    if len(streams) == 1 and not full:
        assert run.row["reordered"] == counts["reordered"]


def test_what_the_port_refuses_is_unsent(lab: lk.Lab) -> None:
    """Nobody empties the ring: it takes 63 frames, and none of the others is lost."""
    client, server = lab.cable(ring_size=64)
    run = lk.trial(client, flow(), rate="50 kpps", duration=0.1, drain=0.1, **QUICK)
    assert run.row["sent"] == 63
    assert run.row["unsent"] == run.row["intended"] - 63 == 4937
    assert run.row["unexplained"] == run.row["lost"] == 63
    assert not run.row["balanced"]
    assert run.problems == ("63 frames are unexplained",)
    assert "NOT BALANCED: 63 frames are unexplained" in repr(run)
    assert 'style="color:#b3261e' in run._repr_html_()
    assert server.name not in run.ledger.drops


def test_a_load_that_the_port_refused_is_told(lab: lk.Lab) -> None:
    """What comes in bursts of 512 does not fit into 63 places, and no DUT lost it."""
    client, server = lab.cable(ring_size=64)
    lab.run(lk.rx(server) >> lk.sink())
    run = lk.trial(client, flow(burst=512), rate="50 kpps", duration=0.2, drain=0.1, **QUICK)
    assert run.row["unsent"] > 50
    results = lk.Results.from_rows([{**run.row, "generator_limited": False}])
    assert any(text.startswith("load not reached: 1 of 1 trials") for text in results.warnings)
    if not run.row["generator_limited"]:
        assert f"The port did not take {run.row['unsent']:,} frames" in repr(run)


def test_frames_after_the_end_are_told(lab: lk.Lab) -> None:
    """Half a second of a DUT's queue is not what it forwards in the tenth of a trial."""
    a, b = lab.cable("a", "b", ring_size=1024)

    def open_late() -> None:
        while "trial:a" not in lab.paths:
            time.sleep(0.01)
        time.sleep(0.25)
        lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b))

    opener = threading.Thread(target=open_late)
    opener.start()
    run = lk.trial(a, flow(), rate="5 kpps", duration=0.1, **QUICK)
    opener.join()
    assert run.row["rx_pps"] > 0
    assert f"{run.row['received']:,} frames came back only after sending had ended" in repr(run)
    assert run.row["late"] == run.row["received"]


def test_what_a_dut_refuses_is_lost(lab: lk.Lab) -> None:
    """The same drop node, in another path: there it is a loss with a name."""
    client, dut_in = lab.cable("client", "dut-in")
    dut_out, _ = lab.cable("dut-out", "nobody", ring_size=64)
    lab.run(lk.rx(dut_in) >> lk.tx(dut_out), name="dut")
    run = lk.trial(client, flow(), rate="20 kpps", duration=0.1, drain=0.1, **QUICK)
    assert run.ledger.drops == {"drop_tx_full": run.row["sent"] - 63}
    assert run.row["unexplained"] == 63


def test_drops_have_their_names(lab: lk.Lab) -> None:
    client, server = lab.cable()
    lab.echo_server(server, [f"{SERVER_4}/24"], UDP_PORT)
    streams = [
        flow(V4, rate=5000.0),
        flow(Ether() / IP(src=CLIENT_4, dst=SERVER_4) / UDP(dport=7), rate=3000.0),
        flow(Ether() / IP(src=CLIENT_4, dst="10.0.0.9") / UDP(dport=UDP_PORT), rate=2000.0),
        # A checksum of before the stamp, as careless generators leave it
        flow(
            Ether() / IP(src=CLIENT_4, dst=SERVER_4) / UDP(dport=UDP_PORT, chksum=0x1234),
            rate=1000.0,
        ),
    ]
    run = lk.trial(client, streams, duration=0.5, **QUICK)
    assert_whole(run)
    sent = run.streams["sent"]
    # By chance a stamp in 65,536 has the sum that the checksum tells.
    by_chance = run.streams["received"][3]
    assert run.streams["received"].tolist() == [sent[0], 0, 0, by_chance]
    assert by_chance <= 2
    assert run.ledger.drops == {
        "drop_udp_no_listener": sent[1],
        "drop_ip_no_such_address": sent[2],
        "drop_udp_bad_checksum": sent[3] - by_chance,
    }


def test_one_way(lab: lk.Lab) -> None:
    a, b = lab.cable("a", "b")
    run = lk.trial(a, flow(), rate="20 kpps", duration=0.2, latency=True, receive_on=b, **QUICK)
    assert_whole(run)
    assert run.row["lost"] == 0
    assert (run.port, run.received_on) == ("a", "b")


def test_as_fast_as_it_goes(mirror: lk.Port) -> None:
    run = lk.trial(mirror, [flow(), flow(V6, weight=3)], duration=0.3, **QUICK)
    assert_whole(run)
    assert run.row["target_pps"] is None
    assert not run.row["generator_limited"]
    assert run.row["unsent"] == 0
    few, many = run.streams["sent"]
    assert many == pytest.approx(3 * few, rel=1e-5)  # turns are taken by times with fractions


def test_a_generator_that_falls_short_says_so(lab: lk.Lab) -> None:
    """No CPU makes so many; what was not made is unsent, never lost."""
    packet = Ether(dst="02:00:00:00:00:02") / V4[IP]  # a null port answers no ARP
    run = lk.trial(
        lab.port("null"), flow(packet), rate="190 Mpps", duration=0.1, drain=0.1, **QUICK
    )
    assert run.row["generator_limited"]
    assert run.row["intended"] == 19_000_000 == run.row["sent"] + run.row["unsent"]
    assert run.row["unsent"] > 0
    assert "The generator, not the DUT, fell short" in repr(run)
    assert "limited by the generator" in run.plot().get_suptitle()


def test_bursts_stay_together(lab: lk.Lab, tmp_path: Path) -> None:
    a, b = lab.cable("a", "b")
    file = tmp_path / "seen.pcapng"
    path = lab.run(lk.rx(b) >> lk.capture(file) >> lk.reflect() >> lk.tx(b))
    streams = [flow(burst=4, rate="4 kpps"), flow(V6, rate="4 kpps")]
    run = lk.trial(a, streams, duration=0.2, **QUICK)
    path.flush()
    kinds = "".join("b" if frame[12:14] == b"\x08\0" else "s" for frame in captured(file, run))
    assert "bbbb" in kinds
    whole = [len(burst) for burst in kinds.split("s") if burst]
    # A generator that was held up in the middle of a burst leaves out the rest, and says so.
    assert run.row["unsent"] > 0 or not [length for length in whole if length % 4]


@pytest.mark.parametrize(("count", "pps", "seconds"), [(200, 1000, 0.1), (256, 1000, 0.2)])
def test_many_slow_streams_add_up(mirror: lk.Port, count: int, pps: int, seconds: float) -> None:
    """Half a frame of each: rounded one by one they would be none, or all."""
    streams = [flow() for _ in range(count)]
    run = lk.trial(mirror, streams, rate=pps, duration=seconds, **QUICK)
    assert_whole(run)
    assert run.row["intended"] == round(pps * seconds)
    assert run.streams["intended"].between(0, 1).all()


def test_long_bursts_of_two_streams_fit_into_a_short_trial(mirror: lk.Port) -> None:
    streams = [flow(burst=1000, rate="1 kpps"), flow(burst=1000, rate="1 kpps")]
    run = lk.trial(mirror, streams, duration=0.4, **QUICK)
    assert run.row["intended"] == 800
    assert run.streams["sent"].tolist() == [400, 400], run
    assert run.row["seconds"] == pytest.approx(0.4, rel=0.01)


def test_a_rate_that_gives_no_frame_is_refused(mirror: lk.Port) -> None:
    with pytest.raises(lk.LabError, match=r"1 pps is no frame in 0\.4 s; .* longer \(1 s or more"):
        lk.trial(mirror, flow(), rate=1, duration=0.4, **QUICK)


def test_headers_in_a_raw_are_made_anew(lab: lk.Lab, tmp_path: Path) -> None:
    """A node that reads a tunnel changes what is payload to scapy; buffers come back."""
    a, b = lab.cable("a", "b", ring_size=64)
    ends = {"local": SERVER_4, "remote": CLIENT_4, "local_mac": b.mac, "remote_mac": a.mac}
    vx = lk.Vxlan(vni=7, **ends)
    inner = Ether(src="02:00:00:00:00:08", dst="02:00:00:00:00:09") / V4[IP]
    raw = Ether() / IP(src=CLIENT_4, dst=SERVER_4) / UDP(sport=50000, dport=4789, chksum=0)
    raw /= Raw(bytes(vx.peer.encap(inner))[42:])
    file = tmp_path / "seen.pcapng"
    tunnel = lk.decap(vx) >> lk.reflect() >> lk.encap(vx)
    path = lab.run(lk.rx(b) >> lk.capture(file, snaplen=128) >> tunnel >> lk.tx(b))
    run = lk.trial(a, flow(raw, size=256), rate="50 kpps", duration=1, **QUICK)
    path.flush()
    assert run.row["sent"] > 8191, "every buffer at least once more"
    with RawPcapReader(str(file)) as reader:
        seen = {data[50:84] for data, _ in reader}
    assert len(seen) == 1, "inner MAC and IP addresses as they were"


def test_no_jitter_at_all_is_zero(mirror: lk.Port) -> None:
    """Frames of a burst are due at once, and made at once."""
    run = lk.trial(mirror, flow(burst=8), rate="8 kpps", duration=0.1, latency=True, **QUICK)
    assert run.jitter is not None
    assert run.jitter.counts[0] > 0
    assert run.jitter.min_ns == run.jitter.percentile(0) == 0
    assert (lk.LatencyHistogram.from_export(run.jitter.export()).counts == run.jitter.counts).all()


def test_rates_are_shared_by_weight(mirror: lk.Port) -> None:
    streams = [flow(weight=1), flow(weight=4), flow(lk.Stream(V4).packet, size=lk.IMIX, weight=5)]
    run = lk.trial(mirror, streams, rate="10 kpps", duration=0.2, **QUICK)
    assert_whole(run)
    assert run.streams["target_pps"].tolist() == pytest.approx([1000, 4000, 5000])
    assert run.streams["intended"].tolist() == [200, 800, 1000]


def captured(file: Path, run: lk.Trial) -> list[bytes]:
    with RawPcapReader(str(file)) as reader:
        frames = [frame for frame, _ in reader]
    return frames[-run.row["sent"] :]


def test_frames_are_those_of_the_stream(lab: lk.Lab, tmp_path: Path) -> None:
    """In their order and to the last byte, whatever buffers they come in: more frames than buffers,
    sizes by turns, a DUT that rewrites headers, and another stream in the same buffers between."""
    client, server = lab.cable()
    file = tmp_path / "seen.pcapng"
    path = lab.run(
        lk.rx(server) >> lk.capture(file) >> lk.reflect() >> lk.tx(server), name="mirror"
    )
    varied = [
        lk.vary(UDP.sport, range(1024, 2048)),
        lk.vary(IP.src, [f"10.0.1.{n}" for n in range(200)], random=True),
    ]
    packet = V4.copy()
    packet.src, packet.dst = client.mac, server.mac
    ours = lk.Stream(packet, [64, 1514, 300, 1024], vary=varied, seed=3)
    other = lk.Stream(packet / Raw(b"\xa5" * 1400))
    seen = []
    for _ in range(2):
        run = lk.trial(client, ours, rate="40 kpps", duration=0.3, **QUICK)
        path.flush()
        seen.append(captured(file, run))
        assert lk.trial(client, other, rate="40 kpps", duration=0.3, **QUICK).row["lost"] == 0
    made = ours.frames(12_000)
    for frames in seen:
        assert len(frames) > 100
        for frame in frames:
            # A frame that a full ring refused is missing in between: its number tells.
            _, number, _ = codec.signature(frame) or (0, 0, 0)
            wanted = made[number]
            # Stream number and time stamp are the run's own, and the UDP checksum follows them.
            assert frame[:40] + frame[42:-14] == wanted[:40] + wanted[42:-14], number
            if number % CHECKED_BY_SCAPY == 0:
                checked = Ether(frame)
                del checked[UDP].chksum
                assert bytes(checked) == frame


def test_replay_at_its_own_times(mirror: lk.Port, tmp_path: Path) -> None:
    packets = [Ether(bytes(V4 / Raw(bytes(20 + n)))) for n in range(10)]
    for n, packet in enumerate(packets):
        packet.time = 1.7e9 + 0.001 * n
    wrpcap(str(tmp_path / "in.pcap"), packets)
    replay = lk.Replay(tmp_path / "in.pcap", repeat=False)
    run = lk.trial(mirror, replay, duration=0.2, **QUICK)
    assert run.row["sent"] == run.row["received"] == 10
    assert run.row["balanced"], run
    assert run.streams["lost"].isna().all()
    again = lk.trial(mirror, lk.Replay(tmp_path / "in.pcap"), rate=5000, duration=0.2, **QUICK)
    assert again.row["intended"] == 1000
    assert again.row["balanced"], again


def test_replay_sends_what_is_due_within_the_trial(mirror: lk.Port, tmp_path: Path) -> None:
    """Not what its mean rate says: a hundred frames at once and one a second later, or before."""
    bursts = {"early": [n * 1e-4 for n in range(100)] + [1.0], "late": [0.0, 0.9, 0.91]}
    for name, times in bursts.items():
        packets = [Ether(bytes(V4 / Raw(bytes(20)))) for _ in times]
        for packet, seconds in zip(packets, times, strict=True):
            packet.time = 1.7e9 + seconds
        wrpcap(str(tmp_path / f"{name}.pcap"), packets)
    for name, frames in {"early": 100, "late": 1}.items():
        run = lk.trial(mirror, lk.Replay(tmp_path / f"{name}.pcap"), duration=0.1, **QUICK)
        assert run.row["intended"] == frames
        assert run.row["target_pps"] == pytest.approx(frames / 0.1)
        # No more was due, so it is not the time until more would be that frames are divided by.
        if run.row["unsent"] == 0:
            assert run.row["tx_pps"] == pytest.approx(frames / 0.1, rel=0.2)


def test_replay_refuses_parts_of_frames(tmp_path: Path) -> None:
    with PcapWriter(str(tmp_path / "cut.pcap"), linktype=1) as writer:
        writer.write_header(bytes(V4))
        writer.write_packet(bytes(60), sec=1, usec=0, caplen=60, wirelen=1500)
    with pytest.raises(lk.LabError, match="frame 1 only 60 of 1500 bytes were captured"):
        lk.Replay(tmp_path / "cut.pcap", rate=1)


def test_replay_refuses_what_is_no_capture(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("no capture at all, but some text")
    for file in (tmp_path / "text", tmp_path / "missing"):
        with pytest.raises(lk.LabError, match="is no capture that can be read"):
            lk.Replay(file)


def test_port_is_a_host_meanwhile(mirror: lk.Port) -> None:
    """It answers ARP for the stream's source, Python hears other frames, and after it all is as
    before."""
    lab, before = mirror.lab, list(mirror.lab.paths)
    peer = lab.ports[mirror.declaration.peer or ""]
    question = Ether(src=peer.mac, dst="ff:ff:ff:ff:ff:ff") / ARP(
        op=1, hwsrc=peer.mac, psrc=SERVER_4, pdst=CLIENT_4
    )
    lab.paths["mirror"].stop()
    runs: list[lk.Trial] = []
    arguments = {"rate": 1000, "duration": 1.0, **QUICK}
    thread = threading.Thread(target=lambda: runs.append(lk.trial(mirror, flow(), **arguments)))
    thread.start()
    time.sleep(0.3)
    peer.send(question)
    answers = [frame for frame in peer.receive(600, timeout=0.3) if ARP in frame]
    thread.join()
    assert [answer[ARP].hwsrc for answer in answers] == [mirror.mac]
    assert list(lab.paths) == [name for name in before if name != "mirror"]


def test_frames_that_nobody_explains_are_not_waited_for_forever(lab: lk.Lab) -> None:
    """Counters that stand still end the drain, long before its time is over."""
    a, b = lab.cable("a", "b")
    lab.run(lk.rx(b) >> lk.sink())
    began = time.monotonic()
    run = lk.trial(a, flow(), rate="10 kpps", duration=0.1, drain=60, **QUICK)
    assert time.monotonic() - began < 30
    assert run.ledger.unexplained == run.row["sent"] > 0


def test_copies_that_are_gone_hide_no_frame_that_is_missing(lab: lk.Lab) -> None:
    """More copies are dropped than frames were sent, and the rest may still be under way."""
    a, b = lab.cable("a", "b")
    lab.run(lk.rx(b) >> lk.impair(duplicate=1) >> lk.impair(loss=0.6) >> lk.sink())
    began = time.monotonic()
    lk.trial(a, flow(), rate="10 kpps", duration=0.1, **QUICK)
    assert time.monotonic() - began > 0.1 + trial_bench.MISSING_SECONDS


def test_one_trial_at_a_time(mirror: lk.Port) -> None:
    """Drops are told by their node: two trials would take each other's."""
    arguments = {"rate": 1000, "duration": 0.5, **QUICK}
    thread = threading.Thread(target=lambda: lk.trial(mirror, flow(), **arguments))
    thread.start()
    time.sleep(0.2)
    with pytest.raises(lk.LabError, match="a trial is running in this lab"):
        lk.trial(mirror, flow(), **arguments)
    with pytest.raises(lk.LabError, match="a trial is running in this lab"):
        lk.echo(mirror, SERVER_4, target_mac="02:00:00:00:00:02", count=1)
    with pytest.raises(lk.LabError, match="a trial is running in this lab"):
        mirror.lab.restart()
    thread.join()
    assert lk.trial(mirror, flow(), rate=1000, duration=0.1, **QUICK).is_balanced


def test_frames_may_come_back_on_any_queue(lab: lk.Lab) -> None:
    client, server = lab.cable(queues=3)
    lab.run(lk.rx(server) >> lk.reflect() >> lk.tx(server, queue=2))
    run = lk.trial(client, flow(), rate="5 kpps", duration=0.2, **QUICK)
    assert_whole(run)
    assert run.row["received"] > 0


def test_what_comes_before_the_start_does_not_move_the_clock(lab: lk.Lab) -> None:
    """Frames of others on the way in: all of the trial's own once fell into the last interval."""
    client, server = lab.cable()
    mirror = lk.rx(server) >> lk.reflect() >> lk.tx(server)
    lab.run(lk.Path(mirror, lk.inject(server) >> lk.tx(server)))
    other = bytes(Ether(src=server.mac, dst=client.mac) / ARP())
    ends = threading.Event()

    def send_others() -> None:
        while not ends.is_set():
            server.send([other] * 16)
            time.sleep(0.001)

    thread = threading.Thread(target=send_others)
    thread.start()
    run = lk.trial(client, flow(), rate="2 kpps", duration=0.4, **QUICK)
    ends.set()
    thread.join()
    assert_whole(run)
    assert run.series["received"].iloc[0] > 0


@pytest.mark.parametrize("spoiled", [(1 << 30, None), (0, 5), (0, (1 << 64) - 1)])
def test_a_spoiled_signature_spoils_no_count(lab: lk.Lab, spoiled: tuple[int, int | None]) -> None:
    """A number that cannot be: it would make later frames too old, or be the longest latency."""
    a, b = lab.cable("a", "b")
    frame = lk.Stream(flow().packet / Raw(b"spoiled"), signature=False).frames(1)[0]
    number = stream_ids.claim() + 1
    sequence, tsc = spoiled
    runs: list[lk.Trial] = []
    arguments = {"rate": 1000, "duration": 0.6, "latency": True, "receive_on": b, **QUICK}
    thread = threading.Thread(target=lambda: runs.append(lk.trial(a, flow(), **arguments)))
    thread.start()
    time.sleep(0.3)
    stamp = lab._ask("clock")["tsc"] if tsc is None else tsc
    a.send(frame + struct.pack(">IHIQ", 0x6C61624B, number, sequence, stamp))
    thread.join()
    (run,) = runs
    assert_whole(run)
    assert run.row["lost"] == run.row["duplicated"] == 0
    assert run.row["latency_max_ns"] < 1e9


@pytest.mark.parametrize(
    ("duration", "interval", "begins"),
    [
        (0.25, 0.1, [0, 0.1, 0.2, 0.25]),
        (1.1, 0.1, [n / 10 for n in range(12)]),
        (0.1, 0.5, [0, 0.1]),
    ],
)
def test_intervals_end_with_the_trial(
    lab: lk.Lab, duration: float, interval: float, begins: list[float]
) -> None:
    """A shorter last interval has its own rate, and 1.1 s has no twelfth tenth."""
    a, b = lab.cable("a", "b")
    settings = {"duration": duration, "interval": interval, "receive_on": b, **QUICK}
    run = lk.trial(a, flow(), rate="10 kpps", **settings)
    assert run.series["t_seconds"].tolist() == pytest.approx(begins)
    within = run.series.iloc[:-1]
    lengths = np.diff(begins)
    assert (within["tx_pps"] * lengths).tolist() == pytest.approx(within["sent"].tolist())
    assert run.series["tx_pps"].isna().tolist() == [False] * len(within) + [True]


def test_ctrl_c_puts_the_port_back(mirror: lk.Port) -> None:
    before = list(mirror.lab.paths)
    interrupt = threading.Timer(0.3, os.kill, [os.getpid(), signal.SIGINT])
    interrupt.start()
    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        lk.trial(mirror, flow(), rate=1000, duration=30, **QUICK)
    interrupt.join()
    assert time.monotonic() - began < 5
    assert list(mirror.lab.paths) == before
    assert lk.trial(mirror, flow(), rate=1000, duration=0.1, **QUICK).is_balanced


@pytest.mark.parametrize("second", [0, 0.0005, 0.003])
def test_ctrl_c_at_any_time_does_no_harm(lab: lk.Lab, second: float) -> None:
    """Nor does another one, so many seconds later, while the first is cleaned up after."""
    a, b = lab.cable("a", "b")
    arguments = {"rate": 5000, "duration": 0.02, "receive_on": b, **QUICK}
    assert lk.trial(a, flow(), **arguments).is_balanced

    def interrupt(*_: object) -> None:
        signal.setitimer(signal.ITIMER_REAL, again.pop() if again else 0)
        raise KeyboardInterrupt

    def run_until(seconds: float) -> None:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        try:
            while signal.getitimer(signal.ITIMER_REAL)[0]:  # Python ignores what a __del__ raises
                lk.trial(a, flow(), **arguments)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    handler = signal.signal(signal.SIGALRM, interrupt)
    try:
        for n in range(40):
            again = [second]
            with suppress(KeyboardInterrupt):
                run_until(0.001 + n * 0.003)
            assert not lab.paths
            assert lab.counters().keys() <= {"host:a", "host:b"}
    finally:
        signal.signal(signal.SIGALRM, handler)
    assert lk.trial(a, flow(), **arguments).is_balanced
    a.send(bytes(60))
    assert bytes(60) in b.receive(10_000, timeout=1, raw=True)
    engine = psutil.Process(lab.pid)
    before = sum(engine.cpu_times()[:2])
    time.sleep(1)
    assert sum(engine.cpu_times()[:2]) - before < 0.3, "its workers do not rest"


def test_an_engine_that_dies_says_so(mirror: lk.Port) -> None:
    killer = threading.Timer(0.3, os.kill, [mirror.lab.pid, signal.SIGKILL])
    killer.start()
    other = mirror.lab.port("ring", "other")
    with pytest.raises(lk.EngineDied):
        lk.trial(mirror, flow(), rate=1000, duration=5, receive_on=other, **QUICK)
    killer.join()
    mirror.lab.restart()
    assert list(mirror.lab.paths) == ["mirror"]
    assert lk.trial(mirror, flow(), rate=1000, duration=0.1, **QUICK).is_balanced


def test_a_dut_that_stops_midway(mirror: lk.Port) -> None:
    stopper = threading.Timer(0.25, mirror.lab.paths["mirror"].stop)
    stopper.start()
    run = lk.trial(mirror, flow(), rate="2 kpps", duration=0.5, drain=0.1, **QUICK)
    stopper.join()
    assert 0 < run.row["received"] < run.row["sent"]
    assert run.row["unexplained"] == run.row["lost"] > 0
    assert not run.is_balanced


def test_a_trial_whose_own_path_is_stopped_ends(
    mirror: lk.Port, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trial_bench, "OVERDUE_SECONDS", 0.5)

    def stop() -> None:
        time.sleep(0.3)
        mirror.lab.paths[f"trial:{mirror.name}"].stop()

    stopper = threading.Thread(target=stop)
    stopper.start()
    with pytest.raises(lk.LabError, match=r"did not end .* was the path trial:client stopped"):
        lk.trial(mirror, flow(), rate=1000, duration=0.6, **QUICK)
    stopper.join()
    assert lk.trial(mirror, flow(), rate=1000, duration=0.1, **QUICK).is_balanced


def test_what_was_not_measured_is_missing(mirror: lk.Port) -> None:
    run = lk.trial(mirror, flow(), rate=1000, duration=0.1, **QUICK)
    assert run.latency is None
    assert {v for k, v in run.row.items() if k.startswith("latency_")} == {None}
    assert run.series["latency_avg_ns"].isna().all()


def test_calibration_is_a_floor(mirror: lk.Port) -> None:
    floor = lk.calibrate(mirror.lab, rate="20 kpps", duration=0.2)
    run = lk.trial(mirror, flow(), rate="20 kpps", duration=0.2, latency=True, **QUICK)
    assert run.floor_ns == floor.percentile(50) > 0
    assert run.latency is not None
    assert run.latency.min_ns >= floor.min_ns
    labels = [text.get_text() for text in run.plot().axes[1].get_legend().get_texts()]
    assert labels == ["the lab's floor"]


def test_the_picture_says_what_is_wrong(lab: lk.Lab) -> None:
    client, _ = lab.cable()
    run = lk.trial(client, flow(), rate=1000, duration=0.1, drain=0.1, **QUICK)
    figure = run.plot()
    assert figure.get_suptitle().startswith("NOT BALANCED")
    assert "received" in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]


def test_what_is_too_long_for_the_port_is_unsent(lab: lk.Lab) -> None:
    """Not lost: it was planned for another port, as no plan for this one has such frames."""
    small, large = lab.port("ring", "small", mtu=1500), lab.port("ring", "large")
    bench = trial_bench.Bench(
        small, small, plan(large, flow(size=1600), 1000), latency=False, drain=0.1
    )
    measured = bench.run(0.1, 0.1, lambda _: None)
    assert measured.counts["refused"] == measured.counts["made"] > 0
    assert measured.ticks["refused"] == measured.ticks["made"]
    assert not measured.drops


@pytest.fixture(scope="module")
def untouched() -> Iterator[lk.Port]:
    """A port whose trials are all refused before anything is sent."""
    with lk.Lab() as lab:
        yield lab.cable()[0]


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"duration": 0}, "duration is 0; the range is 0.001 to 86400 s"),
        ({"duration": "5"}, "duration is '5'"),
        ({"latency": "no"}, "latency is 'no'; it is True or False"),
        ({"receive_on": "b"}, "receive_on is 'b'; it is a port of a lab"),
        ({"warmup": -1}, "warmup is -1; the range is 0 to"),
        ({"drain": 0}, "drain is 0"),
        ({"interval": 0}, "interval is 0; the range is 0.001"),
        ({"duration": 1000, "interval": 0.001}, "at most 100,000 intervals, so give 0.01 or more"),
        ({"rate": "300 Mpps"}, "at most 200 Mpps can be intended"),
        ({"rate": -1}, "rate is -1 pps"),
        ({"streams": []}, "0 streams; a trial has 1 to 256"),
        ({"streams": V4}, "is no stream; make one with lk.Stream"),
        ({"streams": flow(size=9020)}, "size 9020 exceeds .* MTU 9001 .* up to 9019 bytes"),
        ({"streams": [flow(), flow(rate=5)], "rate": None}, "has no rate, and other streams have"),
    ],
)
def test_wrong_arguments(untouched: lk.Port, wrong: dict[str, object], says: str) -> None:
    arguments: dict[str, object] = {"streams": flow(), "duration": 0.1, "rate": 100, **wrong}
    with pytest.raises(lk.LabError, match=says):
        lk.trial(untouched, arguments.pop("streams"), **arguments)  # type: ignore[arg-type]
    assert untouched.xstats()["tx_good_packets"] == 0


def test_ports_of_two_labs_share_no_clock(mirror: lk.Port) -> None:
    with lk.Lab() as other, pytest.raises(lk.LabError, match="another lab"):
        lk.trial(mirror, flow(), rate=100, duration=0.1, receive_on=other.port("ring"))
