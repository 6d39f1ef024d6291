# SPDX-License-Identifier: BSD-3-Clause
"""scapy's tunnel frames as the standards want them; tshark is the judge, and so is our codec."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Packet, Raw
from scapy.utils import wrpcap

import labkit as lk
from labkit.errors import TunnelError
from labkit.frames.conforming import (
    ENTROPY_PORT,
    GENEVE_PORT,
    VXLAN_PORT,
    geneve,
    geneve_option,
    outer,
    vxlan,
)
from labkit.frames.gue import GUE, GUE_PORT
from tests.tunnels import OUTER

ENDS = {4: ("192.0.2.1", "192.0.2.2"), 6: ("2001:db8::1", "2001:db8::2")}
INNER = (
    Ether(src="02:00:00:00:00:01", dst="02:00:00:00:00:02")
    / IP(src="10.0.0.1", dst="10.0.0.2")
    / UDP(sport=1024, dport=9000)
    / Raw(b"odd bytes")
)
OPTIONS = [
    geneve_option(0x0102, 0x01, b"five."),
    geneve_option(0x0102, 0x02, critical=True),
    geneve_option(0xFFFF, 0x03, bytes(124)),
]
# The packet behind UDP, its port, the tunnel that our codec would put the same frame into
TUNNELS: dict[str, tuple[Packet, int, Callable[..., lk.Tunnel]]] = {
    "vxlan": (vxlan(42) / INNER, VXLAN_PORT, lambda **ends: lk.Vxlan(vni=42, **ends)),
    "vxlan_highest_vni": (
        vxlan(2**24 - 1) / INNER,
        VXLAN_PORT,
        lambda **ends: lk.Vxlan(vni=2**24 - 1, **ends),
    ),
    "geneve": (geneve(42) / INNER, GENEVE_PORT, lambda **ends: lk.Geneve(vni=42, **ends)),
    "geneve_options": (
        geneve(42, OPTIONS) / INNER,
        GENEVE_PORT,
        lambda **ends: lk.Geneve(
            vni=42,
            options=(
                lk.GeneveOption(0x0102, 0x01, b"five.\0\0\0"),
                lk.GeneveOption(0x0102, 0x02, critical=True),
                lk.GeneveOption(0xFFFF, 0x03, bytes(124)),
            ),
            **ends,
        ),
    ),
    "gue": (GUE() / INNER[IP], GUE_PORT, lambda **ends: lk.Gue(**ends)),
    "gue_variant_1": (INNER[IP], GUE_PORT, lambda **ends: lk.Gue(variant=1, **ends)),
}
CASES = [
    pytest.param(version, name, checksum, id=f"{name}-v{version}-{checksum}")
    for version in (4, 6)
    for name in TUNNELS
    for checksum in (None, True, False)
]
# What tshark says of a frame; of each field the outermost comes first
FIELDS = (
    *("_ws.malformed", "_ws.expert.message", "ip.checksum.status", "udp.checksum.status"),
    *("udp.srcport", "udp.dstport", "vxlan.flags", "vxlan.vni", "geneve.version"),
    *("geneve.flags", "geneve.vni", "geneve.option.length", "geneve.option.class"),
    *("frame.protocols",),
)
# A zero UDP checksum is illegal over IPv6 to tshark: it does not know of RFC 6935.
BAD, GOOD, NOT_PRESENT, ILLEGAL = "0", "1", "3", "4"


def tshark(folder: Path, *frames: bytes | Packet) -> list[dict[str, list[str]]]:
    """By frame and field: tshark's values, from the outermost header inwards."""
    file = folder / "frames.pcap"
    wrpcap(str(file), [Ether(bytes(frame)) for frame in frames])
    checks = ("ip.check_checksum:TRUE", "udp.check_checksum:TRUE")
    done = subprocess.run(
        ["tshark", "-r", file, "-T", "fields", "-E", "separator=|", "-E", "aggregator=;"]
        + [argument for check in checks for argument in ("-o", check)]
        + [argument for field in FIELDS for argument in ("-e", field)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == len(frames)
    return [
        {
            field: [part for part in value.split(";") if part]
            for field, value in zip(FIELDS, line.split("|"), strict=True)
        }
        for line in lines
    ]


def frame(version: int, name: str, checksum: bool | None = None, **more: Any) -> Packet:
    packet, port, _ = TUNNELS[name]
    return outer(*ENDS[version], port, checksum=checksum, **more) / packet


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> dict[Any, dict[str, list[str]]]:
    """tshark's view of every case."""
    frames = [frame(*case.values) for case in CASES]
    seen = tshark(tmp_path_factory.mktemp("tshark"), *frames)
    return dict(zip([case.values for case in CASES], seen, strict=True))


@pytest.mark.parametrize(("version", "name", "checksum"), CASES)
def test_frames_are_well_formed(
    version: int, name: str, checksum: bool | None, judged: dict[Any, dict[str, list[str]]]
) -> None:
    seen = judged[version, name, checksum]
    wanted = version == 6 if checksum is None else checksum
    without = ILLEGAL if version == 6 else NOT_PRESENT
    inner = [] if name.startswith("gue") else [GOOD]  # tshark does not look into GUE
    assert seen["udp.checksum.status"] == [GOOD if wanted else without, *inner]
    assert set(seen["ip.checksum.status"]) <= {GOOD}
    assert seen["_ws.malformed"] == []
    assert bool(seen["_ws.expert.message"]) == (seen["udp.checksum.status"][0] == ILLEGAL)
    assert seen["udp.srcport"][0] == str(ENTROPY_PORT)
    assert seen["udp.dstport"][0] == str(TUNNELS[name][1])
    if not name.startswith("gue"):
        assert name.partition("_")[0] in seen["frame.protocols"][0].split(":")


@pytest.mark.parametrize(("version", "name", "checksum"), CASES)
def test_codec_makes_the_same_bytes(version: int, name: str, checksum: bool | None) -> None:
    make = TUNNELS[name][2]
    tunnel = make(source_port=ENTROPY_PORT, checksum=checksum, **OUTER[version])
    assert bytes(frame(version, name, checksum)) == tunnel.encap(bytes(INNER))


@pytest.mark.parametrize("version", [4, 6])
def test_tunnel_headers(version: int, tmp_path: Path) -> None:
    """What tshark reads from them."""
    of_vxlan, plain, options = tshark(
        tmp_path, *(frame(version, name) for name in ("vxlan", "geneve", "geneve_options"))
    )
    assert of_vxlan["vxlan.flags"] == ["0x0800"]
    assert of_vxlan["vxlan.vni"] == ["42"]
    assert plain["geneve.version"] == options["geneve.version"] == ["0"]
    assert plain["geneve.vni"] == options["geneve.vni"] == ["0x00002a"]
    assert plain["geneve.flags"] == ["0x00"]
    assert options["geneve.flags"] == ["0x40"]
    assert options["geneve.option.length"] == ["144", "12", "4", "128"]  # in sum, and each
    assert options["geneve.option.class"] == ["0x0102", "0x0102", "0xffff"]


def test_tshark_would_say_so(tmp_path: Path) -> None:
    """The judge does judge: what scapy makes by itself, and what is broken, looks otherwise."""
    by_itself = outer(*ENDS[4], VXLAN_PORT) / VXLAN(vni=42) / INNER
    wrong_sum = frame(4, "vxlan", True)
    wrong_sum[UDP].chksum = 0x1234
    cut = bytes(frame(4, "geneve_options"))[:70]
    flags, checksum, truncated = tshark(tmp_path, by_itself, wrong_sum, cut)
    assert flags["vxlan.flags"] != ["0x0800"]
    assert checksum["udp.checksum.status"][0] == BAD
    assert truncated["_ws.malformed"] or truncated["_ws.expert.message"]


def test_choices() -> None:
    packet = frame(4, "vxlan", True, source_port=53, ttl=1, traffic_class=0xB9)
    seen = Ether(bytes(packet))
    assert (seen[IP].ttl, seen[IP].tos, seen[UDP].sport, seen[UDP].dport) == (1, 0xB9, 53, 4789)
    assert seen[IP].flags == "DF"
    packet = frame(6, "geneve", False, ttl=1, traffic_class=0xB9)
    seen = Ether(bytes(packet))
    assert (seen[IPv6].hlim, seen[IPv6].tc, seen[UDP].chksum) == (1, 0xB9, 0)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: vxlan(2**24), "vni is 16777216; the range is 0 to 16777215"),
        (lambda: geneve(-1), "vni is -1"),
        (lambda: geneve_option(1, 1, bytes(125)), "128 bytes.*124"),
        (lambda: geneve_option(0x10000, 1), "option_class"),
        (lambda: geneve(1, [geneve_option(1, 1, bytes(124))] * 2), "256 bytes.*252"),
        (lambda: outer("192.0.2.1", "2001:db8::1", 1), "two IP versions"),
        (lambda: outer("192.0.2.256", "192.0.2.1", 1), r"192\.0\.2\.256"),
    ],
)
def test_wrong_values(make: Callable[[], Packet], message: str) -> None:
    with pytest.raises(TunnelError, match=message):
        make()
