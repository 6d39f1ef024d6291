# SPDX-License-Identifier: BSD-3-Clause
"""lk.trial(): whatever happens to a frame, the ledger knows."""

import struct
import threading
import time

import numpy as np
import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet, Raw

import labkit as lk
from labkit.lab import stream_ids
from labkit.lab.reading import Loops
from labkit.runs import trial_engine
from labkit.runs.trial import run_trial
from labkit.runs.trial_settings import TrialSettings
from tests.patience import wait_until
from tests.trials import CLIENT_4, QUICK, SERVER_4, UDP_PORT, V4, V6, assert_whole, flow

COLUMNS = [
    *("size_bytes", "mix", "target_pps", "tx_pps", "rx_pps", "drop_percent", "unsent", "lost"),
    *("reordered", "duplicated", "unexplained", "port_drops", "latency_min_ns", "latency_avg_ns"),
    *("latency_p50_ns", "latency_p90_ns", "latency_p99_ns", "latency_p999_ns", "latency_max_ns"),
    *("jitter_p50_ns", "jitter_p99_ns", "jitter_max_ns"),
    *("tx_mbps", "rx_mbps", "generator_limited", "seconds", "started_at"),
    *("intended", "sent", "received", "late", "balanced"),
]


@pytest.mark.parametrize("packet", [V4, V6], ids=["v4", "v6"])
@pytest.mark.parametrize("size", [None, 65, 512, 1518, 9000])
def test_every_frame_comes_back(mirror: lk.Port, packet: Packet, size: int | None) -> None:
    if packet is V6 and size == 65:
        size = 85
    run = lk.trial(mirror, flow(packet, size=size), rate="20 kpps", duration=0.3)
    assert_whole(run)
    assert run.row["intended"] == 6000
    assert run.row["lost"] == run.row["duplicated"] == run.row["reordered"] == 0
    assert run.ledger.sent > 0
    bits = (size or (64 if packet is V4 else 84)) * 8 * run.row["sent"]
    assert run.row["tx_mbps"] == pytest.approx(bits / run.row["seconds"] / 1e6)


def test_rates_are_over_measured_time(mirror: lk.Port) -> None:
    row = lk.trial(mirror, flow(), rate="20 kpps", duration=0.3).row
    assert list(row) == COLUMNS
    assert row["seconds"] >= 0.3
    assert row["tx_pps"] == pytest.approx(row["sent"] / row["seconds"])


def test_latency_is_of_every_frame(mirror: lk.Port) -> None:
    run = lk.trial(mirror, flow(), rate="20 kpps", duration=0.3, latency=True)
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
    """Nobody empties the ring: it takes 63 frames, which stay there, and no other is lost."""
    client, server = lab.cable(ring_size=64)
    run = lk.trial(client, flow(), rate="50 kpps", duration=0.1, drain=0.1, **QUICK)
    assert run.row["sent"] == 63
    assert run.row["unsent"] == run.row["intended"] - 63 == 4937
    assert run.row["lost"] == 63
    assert run.ledger.drops == {f"still on the wire to {server.name}": 63}
    assert_whole(run)


def test_what_waited_before_explains_nothing(lab: lk.Lab) -> None:
    client, server = lab.cable()
    client.send([bytes(V4)] * 10)
    run = lk.trial(client, flow(), rate="1 kpps", duration=0.05, drain=0.1, **QUICK)
    assert run.ledger.drops == {f"still on the wire to {server.name}": run.row["sent"]}
    assert_whole(run)


def test_a_dut_that_is_slow_to_drop_is_waited_for(lab: lk.Lab) -> None:
    """What it counts while nothing else moves any more is no frame unexplained."""
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.sink())
    dropped: list[int] = []

    def one_more() -> int:
        dropped.append(min(len(dropped), 100))
        return dropped[-1]

    settings = TrialSettings(0.05, drain=10, progress=False)
    run = run_trial(client, flow(), settings, "2 kpps", None, one_more)
    assert run.row["sent"] > 0
    assert dropped[-1] == 100


def test_a_worker_that_is_held_back_is_waited_for() -> None:
    """Its loops tell whether it has looked at its ports; one that came later had nothing before."""
    before = Loops({1: 10, 2: 20})
    assert not Loops({1: 11, 2: 99}).have_passed(before)
    assert Loops({1: 12, 2: 99, 3: 0}).have_passed(before)


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
    full = run.row["sent"] - 63
    assert run.ledger.drops == {"drop_tx_full": full, "still on the wire to nobody": 63}


@pytest.mark.filterwarnings("ignore:.*rebuild=True")  # wrong on purpose
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
    a, b = lab.cable("a", "b", ring_size=4096)  # a whole trial: none is lost to a busy machine
    run = lk.trial(a, flow(), rate="20 kpps", duration=0.2, latency=True, receive_on=b, **QUICK)
    assert_whole(run)
    assert run.row["lost"] == 0
    assert (run.port, run.received_on) == ("a", "b")


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
    wait_until(lambda: bool(lab.counters().get(f"trial:{mirror.name}")))
    peer.send(question)
    answers: list[Packet] = []
    while thread.is_alive():
        answers += [frame for frame in peer.receive(600, timeout=0.2) if ARP in frame]
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
    assert not run.row["balanced"]
    assert run.problems == (f"{run.row['sent']:,} frames are unexplained",)
    assert f"NOT BALANCED: {run.problems[0]}" in repr(run)
    assert 'font-weight:600">NOT BALANCED' in run._repr_html_()


def test_copies_that_are_gone_hide_no_frame_that_is_missing(lab: lk.Lab) -> None:
    """More copies are dropped than frames were sent, and the rest may still be under way."""
    a, b = lab.cable("a", "b")
    lab.run(lk.rx(b) >> lk.impair(duplicate=1) >> lk.impair(loss=0.6) >> lk.sink())
    began = time.monotonic()
    lk.trial(a, flow(), rate="10 kpps", duration=0.1, **QUICK)
    assert time.monotonic() - began > 0.1 + trial_engine.MISSING_SECONDS


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
    stamp = lab.engine.commands.clock()["tsc"] if tsc is None else tsc
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
    client, server = lab.cable()
    lab.run(lk.rx(server) >> lk.sink())
    run = lk.trial(client, flow(), rate=1000, duration=0.1, drain=0.1, **QUICK)
    figure = run.plot()
    assert figure.get_suptitle().startswith("NOT BALANCED")
    assert "received" in [text.get_text() for text in figure.axes[0].get_legend().get_texts()]
