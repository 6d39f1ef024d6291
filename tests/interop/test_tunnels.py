# SPDX-License-Identifier: BSD-3-Clause
"""Tunnels to Linux's vxlan device and to Open vSwitch, both ways, and tshark's view of the wire."""

import json
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from scapy.utils import wrpcap

import labkit as lk
from tests.patience import exactly
from tests.tunnel_peers import INNER_4, Peer, linux_vxlan, open_vswitch
from tests.tunnel_talk import talk_both_ways
from tests.tunnels import TUNNELS, V4, V6, carried

OPTIONS = (lk.GeneveOption(0x0102, 0x01, bytes(8)), lk.GeneveOption(0x0103, 0x02, bytes(4)))
ZERO_6 = ("udp6zerocsumtx", "udp6zerocsumrx")

Peers = Callable[[], AbstractContextManager[Peer]]


def vxlan(version: int, **more: Any) -> lk.Tunnel:
    return lk.Vxlan(vni=42, **(V4 if version == 4 else V6) | {"remote_mac": None} | more)


def geneve(version: int, **more: Any) -> lk.Tunnel:
    return lk.Geneve(vni=42, **(V4 if version == 4 else V6) | {"remote_mac": None} | more)


PEERS: dict[str, tuple[lk.Tunnel, Peers]] = {
    "linux_v4": (vxlan(4), lambda: linux_vxlan(4, "noudpcsum")),
    "linux_v4_checksum": (vxlan(4, checksum=True), lambda: linux_vxlan(4, "udpcsum")),
    "linux_v6": (vxlan(6), lambda: linux_vxlan(6)),
    "linux_v6_zero_checksum": (
        vxlan(6, checksum=False, accept_zero_checksum=True),
        lambda: linux_vxlan(6, *ZERO_6),
    ),
    "ovs_vxlan_v4": (vxlan(4), lambda: open_vswitch("vxlan", 4)),
    "ovs_vxlan_v4_checksum": (
        vxlan(4, checksum=True),
        lambda: open_vswitch("vxlan", 4, "options:csum=true"),
    ),
    "ovs_vxlan_v6": (vxlan(6), lambda: open_vswitch("vxlan", 6, "options:csum=true")),
    "ovs_geneve_v4": (geneve(4), lambda: open_vswitch("geneve", 4)),
    "ovs_geneve_v4_options": (geneve(4, options=OPTIONS), lambda: open_vswitch("geneve", 4)),
    "ovs_geneve_v6_options": (
        geneve(6, options=OPTIONS),
        lambda: open_vswitch("geneve", 6, "options:csum=true"),
    ),
}


@pytest.mark.parametrize("name", PEERS)
def test_ping_and_udp_both_ways(lab: lk.Lab, name: str) -> None:
    tunnel, peers = PEERS[name]
    with peers() as peer:
        talk_both_ways(lab, tunnel, peer)


def test_peers_want_the_checksum_over_ipv6(lab: lk.Lab) -> None:
    """Linux drops a zero checksum over IPv6 unless it was told to take it, and so do we."""
    with linux_vxlan(6) as peer:
        outer = lab.port(f"af_packet:{peer.host.outside}", "outer", mac=V4["local_mac"])
        inner = lab.tunnel(outer, vxlan(6, checksum=False), "inner")
        with pytest.raises(lk.Unreachable):
            lk.resolve(inner, INNER_4, timeout=0.2)
    with lk.Lab() as other, linux_vxlan(6, *ZERO_6) as peer:
        outer = other.port(f"af_packet:{peer.host.outside}", "outer", mac=V4["local_mac"])
        inner = other.tunnel(outer, vxlan(6), "inner")
        with pytest.raises(lk.Unreachable):
            lk.resolve(inner, INNER_4, timeout=0.2)
        assert other.paths["tunnels:outer"].drops["drop_outer_udp_zero_checksum"] > 0


def tshark(file: Path, *options: str) -> list[dict[str, Any]]:
    """Every packet's layers, with checksums verified."""
    checks = [
        option
        for protocol in ("ip", "udp", "tcp")
        for option in ("-o", f"{protocol}.check_checksum:TRUE")
    ]
    command = ["tshark", "-r", str(file), "-T", "json", *checks, *options]
    ran = subprocess.run(command, capture_output=True, text=True, check=True)
    return [packet["_source"]["layers"] for packet in json.loads(ran.stdout)]


def checksums(layers: Any) -> list[str]:
    """All checksum states in a packet: 0 is wrong, 1 right, 2 not verified, 3 not there."""
    found = []
    if isinstance(layers, dict):
        for key, value in layers.items():
            if key.endswith("checksum.status") and isinstance(value, str):
                found.append(value)
            found += checksums(value)
    elif isinstance(layers, list):
        for value in layers:
            found += checksums(value)
    return found


def test_tshark_finds_nothing_wrong(tmp_path: Path) -> None:
    """Everything that is put together, with and without UDP checksums: good frames and nested
    tunnels of all kinds."""
    frames = {
        (name, checksum, inner): replace(tunnel, checksum=checksum).encap(frame)
        for name, tunnel in TUNNELS.items()
        for checksum in (True, False)
        for inner, frame in carried(tunnel).items()
        if inner not in ("no_ip", "empty")
    }
    file = tmp_path / "tunnels.pcap"
    wrpcap(str(file), list(frames.values()), linktype=1)
    packets = tshark(file)
    assert len(packets) == len(frames)
    for (name, checksum, inner), layers in zip(frames, packets, strict=True):
        assert "_ws.malformed" not in json.dumps(layers), (name, inner)
        states = checksums(layers)
        assert "0" not in states, (name, checksum, inner)
        assert "1" in states or TUNNELS[name].ip_version == 6, (name, checksum, inner)
        if TUNNELS[name].PROTOCOL != "gue":  # which tshark cannot read
            assert TUNNELS[name].PROTOCOL in layers, (name, list(layers))


@pytest.mark.parametrize("version", [4, 6])
def test_tshark_reads_variant_1_of_gue_as_ip(tmp_path: Path, version: int) -> None:
    tunnel = TUNNELS[f"gue_variant_1_v{version}"]
    file = tmp_path / "gue.pcap"
    wrpcap(str(file), [tunnel.encap(f) for f in carried(tunnel).values()], linktype=1)
    for layers in tshark(file, "-d", "udp.port==6080,ip"):
        assert "_ws.malformed" not in json.dumps(layers)
        assert "0" not in checksums(layers)
        assert "data" not in layers or "udp" in layers


def test_tshark_finds_nothing_wrong_on_the_wire(lab: lk.Lab, tmp_path: Path) -> None:
    """What nodes send, captured in the path."""
    west, east = lab.cable("west", "east")
    file = tmp_path / "wire.pcapng"
    tunnel = TUNNELS["geneve_options_v6"]
    path = lab.run(lk.rx(east) >> lk.encap(tunnel) >> lk.capture(file) >> lk.tx(east))
    sent = [frame for frame in carried(tunnel).values() if len(frame) > 60]
    west.send(sent)
    count = len(exactly(west, len(sent)))
    path.flush()
    packets = tshark(file)
    assert len(packets) == count > 5
    for layers in packets:
        assert "_ws.malformed" not in json.dumps(layers)
        assert "0" not in checksums(layers)
        assert layers["geneve"]["geneve.vni"] == "0x00002a"
