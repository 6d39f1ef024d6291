# SPDX-License-Identifier: BSD-3-Clause
"""A capture of 200,000 mixed frames as ten columns, as flows, and explained: frames a second of one
process, beside what others do with the same file."""

import io
import random
import struct
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import pandas as pd
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q
from scapy.packet import Raw
from scapy.utils import PcapReader

import labkit as lk
from tests.tunnels import FRAMES, LINK, TUNNELS

FRAMES_OF_IT, FRAMES_OF_SCAPY = 200_000, 4_000
SEED = 15
COLUMNS = ["time_ns", "length", "ip_src", "ip_dst", "proto", "src_port", "dst_port"]
COLUMNS += ["ttl", "tcp_flags", "payload_length"]
FIELDS = ["frame.time_epoch", "frame.len", "ip.src", "ip.dst", "ip.proto", "tcp.srcport"]
FIELDS += ["tcp.dstport", "ip.ttl", "tcp.flags", "tcp.len"]


def _kinds(rng: random.Random) -> list[bytes]:
    """Some thousand frames of many hosts, ports and sizes, some of them in tunnels."""
    made: list[bytes] = []
    for _ in range(2_000):
        data = Raw(rng.randbytes(rng.choice((0, 6, 40, 200, 512, 1200, 1400))))
        v4 = IP(src=f"10.0.{rng.randrange(8)}.{rng.randrange(250)}", dst="192.0.2.1")
        v6 = IPv6(src=f"2001:db8::{rng.randrange(500):x}", dst="2001:db8:1::1")
        tcp = TCP(sport=rng.randrange(1024, 60_000), dport=443, flags="PA", seq=rng.getrandbits(32))
        udp = UDP(sport=rng.randrange(1024, 60_000), dport=53)
        packets = (v4 / tcp, v4 / udp, v6 / tcp, v6 / udp, v4 / tcp)
        made += [bytes(LINK / packet / data) for packet in packets]
        made.append(bytes(LINK / Dot1Q(vlan=rng.randrange(4000)) / v4 / udp / data))
    made += [bytes(LINK / ARP())] * 100
    for tunnel in TUNNELS.values():
        made += [tunnel.encap(FRAMES["tcp_v4"])] * 60
    return made


@cache
def capture() -> Path:
    """The file, made once."""
    rng = random.Random(SEED)
    kinds = _kinds(rng)
    file = Path(tempfile.mkdtemp(prefix="labkit-bench-")) / "mixed.pcap"
    out = io.BytesIO()
    out.write(struct.pack("<IHHiIII", 0xA1B23C4D, 2, 4, 0, 0, 262_144, 1))
    for number in range(FRAMES_OF_IT):
        frame = rng.choice(kinds)
        seconds, ns = divmod(number * 10_000, 10**9)
        out.write(struct.pack("<IIII", 1_700_000_000 + seconds, ns, len(frame), len(frame)))
        out.write(frame)
    file.write_bytes(out.getvalue())
    return file


def _speed(work: Callable[[], int]) -> float:
    """Millions of frames a second."""
    begin = time.perf_counter()
    count = work()
    return count / (time.perf_counter() - begin) / 1e6


def table() -> float:
    """Ours: ten columns."""
    return _speed(lambda: len(lk.Capture(capture()).table(COLUMNS)))


def flows() -> float:
    """Ours: flows."""
    return _speed(lambda: int(lk.Capture(capture()).flows()["frames"].sum()))


def explained() -> float:
    """Ours: frames explained and their text made, thousands a second."""
    frames = [frame.data for frame in islice(lk.Capture(capture()), 5_000)]
    return 1e3 * _speed(lambda: len([repr(lk.explain(frame)) for frame in frames]))


def tshark() -> float:
    """tshark -T fields, read by pandas."""

    def work() -> int:
        options = [x for field in FIELDS for x in ("-e", field)]
        command = ["tshark", "-n", "-r", str(capture()), "-T", "fields", *options]
        done = subprocess.run(command, capture_output=True, check=True)
        return len(pd.read_csv(io.BytesIO(done.stdout), sep="\t", names=FIELDS, low_memory=False))

    return _speed(work)


def scapy() -> float:
    """scapy's PcapReader, of the first frames alone."""

    def work() -> int:
        rows = []
        with PcapReader(str(capture())) as reader:
            for packet in islice(reader, FRAMES_OF_SCAPY):
                ip, tcp = packet.getlayer(IP), packet.getlayer(TCP)
                told: Sequence[object] = (ip.src, ip.dst, ip.proto, ip.ttl) if ip else (None,) * 4
                more = (tcp.sport, tcp.dport, int(tcp.flags)) if tcp else (None,) * 3
                rows.append((packet.time, len(packet), *told, *more, len(packet.lastlayer())))
        return len(pd.DataFrame(rows))

    return _speed(work)


def dpkt() -> float:
    """dpkt's reader and classes."""
    import dpkt as library
    from dpkt.utils import inet_to_str

    def work() -> int:
        rows = []
        with capture().open("rb") as file:
            for stamp, data in library.pcap.Reader(file):
                ip = library.ethernet.Ethernet(data).data
                told: tuple[object, ...] = (None,) * 4
                more: tuple[object, ...] = (None,) * 4
                if isinstance(ip, library.ip.IP):
                    told = (inet_to_str(ip.src), inet_to_str(ip.dst), ip.p, ip.ttl)
                    if isinstance(ip.data, library.tcp.TCP):
                        tcp = ip.data
                        more = (tcp.sport, tcp.dport, tcp.flags, len(tcp.data))
                rows.append((stamp, len(data), *told, *more))
        return len(pd.DataFrame(rows))

    return _speed(work)


def nfstream() -> float:
    """nfstream's flows, without its guess at applications, into a DataFrame."""
    from nfstream import NFStreamer

    def work() -> int:
        streamer = NFStreamer(
            str(capture()), n_dissections=0, statistical_analysis=False, n_meters=1
        )
        return int(streamer.to_pandas()["bidirectional_packets"].sum())

    return _speed(work)


PEERS = (  # ours, peer, its name, what it needs
    ("ten columns", table, tshark, "tshark -T fields", None),
    ("ten columns", table, scapy, "scapy", None),
    ("ten columns", table, dpkt, "dpkt", "dpkt"),
    ("flows", flows, nfstream, "nfstream", "nfstream"),
)


def peers() -> list[tuple[str, Callable[[], float], Callable[[], float], str]]:
    """Those that are installed."""
    found = []
    for what, ours, peer, name, needed in PEERS:
        if needed is None or find_spec(needed) is not None:
            found.append((what, ours, peer, name))
        else:
            print(f"{what}: no row, {needed} is not installed (pip install labkit[bench])")
    return found
