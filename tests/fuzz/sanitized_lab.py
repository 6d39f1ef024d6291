# SPDX-License-Identifier: BSD-3-Clause
"""What test_sanitized_engine runs with sanitized modules: traffic through every kind of node."""

import gzip
import random
import sys
import time
import warnings
from contextlib import suppress
from pathlib import Path

from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether
from scapy.utils import rdpcap

import labkit as lk
from labkit.packet import codec
from labkit.packet.capture_ethernet import ethernet_capture
from labkit.packet.capture_reader import CaptureReader
from labkit.packet.capture_writer import CaptureWriter
from tests.frames import ENDPOINT, SERVER_4, SERVER_6, SERVER_MAC, UDP_PORT, good_frames
from tests.fuzz.every_node import use_every_function
from tests.fuzz.fragments import fragments
from tests.fuzz.target import capture_seeds
from tests.malformed import malformed_frames
from tests.packet.capture_files import pcap_header, pcap_record

KINDS = ("arp_responder", "nd_responder", "icmp_echo", "udp_echo", "refuse", "reflect")


def use_codec() -> None:
    for frame in malformed_frames(SERVER_MAC, 15_000, seed=3):
        codec.checksum(frame)
        codec.signature(frame)
        for kind in KINDS:
            codec.handle(kind, frame, ENDPOINT)


def use_echo_server(lab: lk.Lab) -> None:
    client, server = lab.cable()
    path = lab.echo_server(server, [SERVER_4, SERVER_6], UDP_PORT)
    for target in (SERVER_4, SERVER_6):
        sizes = (18, 1401, 8000)
        run = lk.echo(client, target, udp_port=UDP_PORT, payload_sizes=sizes, count=200, window=8)
        assert run.ledger.received == 600, run
        assert run.ledger.is_balanced
    before = path.ledger.received
    good = [frame for _, frame in good_frames(server.mac).values()]
    with lab.trace(len(good)) as trace:
        client.send(good)
        assert len(client.receive(len(good), timeout=5.0)) == len(good)
    assert len(trace.table) > len(good)
    assert path.ledger.received - before == len(good)
    entered = path.ledger.sent
    with lab.trace(1024, snaplen=65535):
        client.send(malformed_frames(server.mac, 20_000, seed=4))
    while path.ledger.sent < entered + 20_000 or not path.ledger.is_balanced:
        lab.counters()
    path.stop()


def use_reflector(lab: lk.Lab, folder: Path) -> None:
    a, b = lab.cable("a", "b")
    file = folder / "reflected.pcapng"
    path = lab.run(lk.rx(b) >> lk.reflect() >> lk.capture(file, 96) >> lk.tx(b))
    frame = Ether() / IP(src="1.1.1.1", dst="2.2.2.2") / UDP(sport=1, dport=2) / bytes(8900)
    a.send([frame] * 100)
    assert a.receive(100, timeout=5.0)[99][UDP].sport == 2
    a.send(malformed_frames(b.mac, 5_000, seed=5))
    while path.ledger.sent < 5_100:
        lab.counters()
    path.stop()
    assert len(rdpcap(str(file))) > 100


def use_capture_files(lab: lk.Lab, folder: Path) -> None:
    """Of every kind, whole and damaged: read, written, made Ethernet, and played as that."""
    noise = random.Random(7)
    warnings.filterwarnings("ignore", ".*(become Ethernet|it ends within|it is no capture any)")
    for name, data in capture_seeds():
        for count in range(12):
            changed = bytearray(data)
            for _ in range(count):
                changed[noise.randrange(len(changed))] = noise.randrange(256)
            file = folder / f"{name}.in"
            file.write_bytes(changed)
            with suppress(lk.LabError), CaptureReader(file) as reader:
                batches = list(reader.batches())
                with CaptureWriter(folder / "out.pcapng", interfaces=reader.interfaces) as writer:
                    for batch in batches:
                        writer.write(batch.buffer, batch.records, batch.comments)
                ethernet_capture(file)
                capture = lk.Capture(file)
                assert len(capture.table(list(lk.Capture.columns()["column"]))) == len(capture)
                assert capture.flows()["frames"].sum() <= len(capture)
                for tunnels in ((), (lk.Vxlan(), lk.Geneve(), lk.Gue())):
                    assert len(capture.decap(*tunnels).table()) == len(capture)
    packet = bytes(IP(src="10.0.0.1", dst="10.0.0.2") / UDP(sport=1, dport=2) / bytes(500))
    file.write_bytes(gzip.compress(pcap_header(link=101) + pcap_record(packet) * 500)[:-9])
    a, b = lab.cable("player", "listener")
    path = lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b))
    run = lk.trial(a, lk.Replay(file, "10 kpps"), duration=0.3, progress=False)
    assert run.row["received"] > 0, run
    path.stop()


def use_captures(lab: lk.Lab, folder: Path) -> None:
    a, b = lab.cable("g", "h")
    chain = lk.rx(b) >> lk.capture(folder / "r.pcap", rotate="100 kB", files=3)
    chain = chain >> lk.capture(folder / "ends.pcapng", frames=1000)
    path = lab.run(
        chain >> lk.capture(folder / "timed.pcap", seconds=0.2) >> lk.reflect() >> lk.tx(b)
    )
    with lab.capture(a) as whole, lab.capture(a, rotate="700 frames", bytes="2 MB") as several:
        a.send(malformed_frames(b.mac, 5_000, seed=7))
        while path.ledger.sent < 5_000:
            lab.counters()
        assert len(whole) >= 5_000
        assert several.counts["files"] > 5
        assert whole.newest
        (folder / "removed.pcap").touch()
        gone = lab.capture(b, folder / "removed.pcap")
        (folder / "removed.pcap").unlink()
        a.send([bytes(60)] * 10)
        while not gone.ended:
            lab.counters()
    path.stop()
    gone.stop()
    assert len(rdpcap(str(folder / "ends.pcapng"))) == 1000


def use_trial(lab: lk.Lab) -> None:
    a, b = lab.cable("e", "f", ring_size=64)
    line = lk.impair(0.01, 0.01, 0.01, displacement=5)
    path = lab.run(lk.rx(b) >> line >> lk.reflect() >> lk.tx(b))
    headers = Ether() / IP(src="1.1.1.1", dst="2.2.2.2") / UDP(sport=1, dport=2)
    varied = [
        lk.vary(UDP.sport, range(1000), random=True),
        lk.vary(IP.src, ["1.1.1.2", "9.9.9.9"]),
    ]
    streams = [
        lk.Stream(headers, [64, 65, 9000], vary=varied),
        lk.Stream(headers, lk.IMIX, burst=9),
    ]
    for rate in ("20 kpps", None):
        run = lk.trial(a, streams, rate=rate, duration=0.3, latency=True, progress=False)
        assert run.ledger.received > 0, run
        assert run.is_balanced, run
    path.stop()


def use_sink(lab: lk.Lab) -> None:
    c, d = lab.cable("c", "d")
    path = lab.run(lk.rx(d) >> lk.sink())
    c.send(malformed_frames(d.mac, 5_000, seed=6))
    while path.ledger.received < 5_000:
        lab.counters()


def use_many_paths(lab: lk.Lab) -> None:
    """More than DPDK has ports (32), with a recorder that reads them all."""
    a, b = lab.cable("many", "more", queues=16)
    c, _ = lab.cable("most", "last", queues=2)
    queues = [*((port, queue) for port in (a, b) for queue in range(16)), (c, 0), (c, 1)]
    paths = [lab.run(lk.rx(port, queue) >> lk.sink()) for port, queue in queues]
    time.sleep(0.1)
    for path in paths:
        path.stop()


def use_router(lab: lk.Lab) -> None:
    """Malformed frames from either side, neighbours that do not answer, fragments."""
    at_a, a = lab.cable("ra", "rfar_a")
    at_b, b = lab.cable("rb", "rfar_b")
    routes = {f"10.{n}.0.0/16": "198.51.100.9" for n in range(1, 99)}
    routes |= {f"fd{n}::/16": "fd00:b::9" for n in range(10, 99)}
    ports = {at_a: ["192.0.2.2/24", "2001:db8::2/64"], at_b: ["198.51.100.1/24", "fd00:b::1/64"]}
    path = lab.run(
        lk.router(
            ports,
            {**routes, "192.0.0.0/8": ["198.51.100.9", "198.51.100.10"], "2001::/16": "fd00:b::9"},
            mtus={"rb": 68},
            **{"icmp_burst": 100_000, "retry": "50 ms", "neighbours": 64},
        )
    )
    for seed in range(4):
        a.send(malformed_frames(at_a.mac, 5_000, seed=seed))
        b.send(malformed_frames(at_b.mac, 5_000, seed=seed + 50))
    frame = Ether(src=a.mac, dst=at_a.mac) / IP(src="192.0.2.9", dst="10.5.1.1")
    a.send([frame / UDP() / bytes(1000)] * 100)
    while path.ledger.sent < 40_100 or not path.ledger.is_balanced:
        lab.counters()
    assert len(path.tables["route"]) > 180
    assert len(path.tables["neighbours"]) > 0
    path.stop()


def use_closing(lab: lk.Lab) -> None:
    for number in range(40):
        a, b = lab.cable("near", "end", mtu=2000 + 200 * (number % 3))
        path = lab.run(lk.rx(b) >> lk.reflect() >> lk.tx(b))
        a.send(malformed_frames(b.mac, 50, seed=number))
        path.stop()
        b.send([bytes(60)] * 50)
        (a, b)[number % 2].close()
        other = (b, a)[number % 2]
        other.send([bytes(60)] * 50)
        other.close()
        null = lab.port("null", "nothing")
        null.send(bytes(60))
        null.close()


def use_faults(lab: lk.Lab) -> None:
    """Rings and queues that fill, are lost, are sent, change their size, and go with their port."""
    quick = {"timeout": 0.02, "reset": 0.02}
    for number in range(4):
        a, b = lab.cable("sick", "sound", queues=1 + number % 2)
        frames = malformed_frames(b.mac, 700, seed=number)
        b.receive(1, timeout=0)
        for fault in (
            lk.fault.tx_stall(a, after=10_000, ring=7 + number, backlog=50 * number),
            lk.fault.mtu_black_hole(a, longest=200),
            lk.fault.arp_overflow(a),
            lk.fault.counter_reset(a),
        ):
            with fault:
                a.send(frames)
                assert fault.counts["lost"] == 0
                assert fault.xstats
        path = lab.run(lk.rx(b) >> lk.fault.tx_stall(ring=3, backlog=5) >> lk.tx(b))
        a.send(frames)
        path.switch("tx_stall", on=False)
        path.stop()
        c, d = lab.cable("hung", "far")
        for sick in (
            lk.fault.keep_alive_lost(c, **quick),
            lk.fault.missing_tx_completions(c, ring=64, **quick),
            lk.fault.absurd_counters(c),
            lk.fault.admin_queue_hang(c, timeout=0.02),
        ):
            sick.begin()
            c.send(frames[:20])
            d.send(frames[:20])
            time.sleep(0.06)
            if number % 2 or sick.name != "admin_queue_hang":  # else it goes with its port
                sick.end()
        for port in (a, b, c, d):
            port.close()


def use_functions(lab: lk.Lab) -> None:
    """Queues, lines, marks and fragments, with frames of every kind that wait when they go."""
    classes = {
        "first": lk.TrafficClass("EF", pcp=5, strict=True),
        "second": lk.TrafficClass(filter="ip6 or arp", weight=3),
        "other": lk.TrafficClass(limit="20 kB"),
    }
    line = {"loss": 0.1, "burst_start": 0.1, "burst_end": 0.3, "duplicate": 0.1, "reorder": 0.1}
    damage = {"corrupt": 0.3, "truncate": 0.3}
    lines = (
        lk.rate("1 ms") >> lk.queue("1 Gbit/s", classes=classes, aqm="codel", ecn=True),
        lk.queue("400 Mbit/s", "64 kB", "fq_codel", ecn=True) >> lk.delay("1 ms", "1 ms", "pareto"),
        lk.delay("1 ms", "1 ms", "normal", reorder=True) >> lk.delay(0, distribution=["1 ms"]),
        lk.police("1 Gbit/s", peak="2 Gbit/s", mark={"red": "AF13"}, color_aware=True),
        *(lk.impair(**line, **damage, corrupt_part=part) for part in ("headers", "payload")),
        lk.fragment(68) >> lk.reassemble("1 ms", entries=64),
        lk.reassemble("60 s", entries=64, fragments=128) >> lk.queue("1 pps", "1000 packets"),
    )
    for number, chain in enumerate(lines):
        a, b = lab.cable("near_line", "far_line")
        path = lab.run(lk.rx(b) >> chain >> lk.sink(), name="function")
        a.send(malformed_frames(b.mac, 2_000, seed=number))
        a.send([cut for cut in fragments(number) for _ in range(2)])
        while path.ledger.sent < 3_000 or not path.ledger.is_balanced:
            lab.counters()
        for table in path.tables.values():
            assert len(table) < 3_000
        path.stop()
        a.close()
        b.close()


def use_connections(lab: lk.Lab) -> None:
    """Both ways through all that keeps account of connections, which come, end and time out."""
    a, near = lab.cable()
    b, far = lab.cable()
    ct = lk.conntrack(500, udp="1 ms", icmp="2 ms", invalid="pass", pickup=True)
    wall = lk.firewall("deny tcp dst port 1-100 new", "deny ip6 src fe80::/10", default="permit")
    nat = lk.nat(["192.0.2.1", "2001:db8::1"], dst={f"{SERVER_4}:{UDP_PORT}": "10.9.9.9:1"})
    path = lab.run(
        lk.Path(
            lk.rx(near) >> ct >> wall >> nat >> lk.tx(far),
            lk.rx(far) >> ct >> nat >> wall >> lk.tx(near),
            nat["other"] >> lk.sink(),
            name="connections",
        )
    )
    for round_ in range(3):
        for port in (a, b):
            port.send(malformed_frames(SERVER_MAC, 4_000, seed=round_))
            port.send([frame for _, frame in good_frames().values()])
        for node in ("conntrack", "firewall", "nat"):
            assert path.tables[node] is not None
    while not path.ledger.is_balanced:
        lab.counters()
    assert path.counters.functions["conntrack"]["new"] > 500
    path.stop()


def main(folder: str) -> None:
    use_codec()
    with lk.Lab() as lab, lk.record(lab, hz=1000) as recorded:
        use_echo_server(lab)
        use_reflector(lab, Path(folder))
        use_capture_files(lab, Path(folder))
        use_captures(lab, Path(folder))
        use_trial(lab)
        use_sink(lab)
        use_many_paths(lab)
        use_router(lab)
        use_closing(lab)
        use_faults(lab)
        use_functions(lab)
        use_connections(lab)
        use_every_function(lab, Path(folder), 5_000)
    assert len(recorded) > 100
    print(lab.log)
    with lk.Lab() as lab:
        client, server = lab.cable()
        lab.echo_server(server, [SERVER_4], UDP_PORT)
        lab.restart()
        assert lk.echo(client, SERVER_4, udp_port=UDP_PORT, count=10).ledger.received == 20
    print(lab.log)
    print("modules:", sys.modules["labkit._codec"].__file__)
