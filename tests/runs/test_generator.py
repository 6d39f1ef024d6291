# SPDX-License-Identifier: BSD-3-Clause
"""The generator: which frames it makes, and when."""

import time
from pathlib import Path

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.packet import Raw
from scapy.utils import PcapWriter, RawPcapReader, wrpcap

import labkit as lk
from labkit.packet import codec
from labkit.runs import trial_engine
from labkit.runs.directions import Direction
from labkit.runs.schedule import schedule
from labkit.runs.trial_settings import TrialSettings
from tests.trials import CLIENT_4, QUICK, SERVER_4, V4, V6, assert_whole, flow

CHECKED_BY_SCAPY = 7  # one frame in so many: it takes scapy a quarter of a millisecond


def test_as_fast_as_it_goes(mirror: lk.Port) -> None:
    run = lk.trial(mirror, [flow(), flow(V6, weight=3)], duration=0.3, **QUICK)
    assert_whole(run)
    assert run.row["target_pps"] is None
    assert not run.row["generator_limited"]
    assert run.row["unsent"] == 0
    few, many = run.streams["sent"]
    # Turns are taken by times with fractions, and the end may cut one short.
    assert many == pytest.approx(3 * few, rel=1e-5, abs=3)


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
    assert 0.4 <= run.row["seconds"] <= 0.51  # what was due in time may be 0.1 s late


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
    sent = 0
    while sent <= 8191:  # until every buffer came at least once more
        sent += lk.trial(a, flow(raw, size=256), rate="50 kpps", duration=0.5, **QUICK).row["sent"]
    path.flush()
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
    assert run.row["mix"] == "64 B + IMIX"
    assert run.row["size_bytes"] == pytest.approx((64 + lk.IMIX.mean) / 2)


def captured(file: Path, run: lk.Trial) -> list[bytes]:
    with RawPcapReader(str(file)) as reader:
        frames = [frame for frame, _ in reader]
    return frames[-run.row["sent"] :]


def test_frames_are_those_of_the_stream(lab: lk.Lab, tmp_path: Path) -> None:
    """In their order and to the last byte, whatever buffers they come in: more frames than buffers,
    sizes by turns, a DUT that rewrites headers, and another stream in the same buffers between."""
    client, server = lab.cable(ring_size=16384)  # a whole trial: none is lost to a busy machine
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
        assert 0.1 <= run.row["seconds"] < 0.8
        assert run.row["tx_pps"] == pytest.approx(run.row["sent"] / run.row["seconds"])


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


def test_what_is_too_long_for_the_port_is_unsent(lab: lk.Lab) -> None:
    """Not lost: it was scheduled for another port, as no plan for this one has such frames."""
    small, large = lab.port("ring", "small", mtu=1500), lab.port("ring", "large")
    direction = Direction(small, small, schedule(large, flow(size=1600), 1000))
    engine = trial_engine.TrialEngine([direction], TrialSettings(0.1, drain=0.1), None)
    measured = engine.run(0.1, 0.1, lambda _: None, time.sleep)
    (counted,) = measured.directions
    assert counted.counts["refused"] == counted.counts["made"] > 0
    assert counted.ticks["refused"] == counted.ticks["made"]
    assert not measured.drops
