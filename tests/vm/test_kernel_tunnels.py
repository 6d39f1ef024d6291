# SPDX-License-Identifier: BSD-3-Clause
"""Tunnels to the devices of a whole Linux kernel, both ways: geneve, and GUE under its others."""

import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from typing import Any

import pytest

import labkit as lk
from tests.tunnel_peers import Peer, linux_geneve, linux_gue
from tests.tunnel_talk import talk_both_ways
from tests.tunnels import V4, V6

MODULES = ("veth", "af_packet", "geneve", "fou", "fou6", "sit", "ip6_tunnel", "ip_gre", "ip6_gre")
OPTIONS = (lk.GeneveOption(0x0102, 0x01, bytes(8)), lk.GeneveOption(0x0103, 0x02, bytes(4)))
ZERO_6 = ("udp6zerocsumtx", "udp6zerocsumrx")
MTU = 1380


def geneve(version: int, **more: Any) -> lk.Tunnel:
    return lk.Geneve(vni=42, **(V4 if version == 4 else V6) | {"remote_mac": None} | more)


def gue(version: int, **more: Any) -> lk.Tunnel:
    return lk.Gue(**(V4 if version == 4 else V6) | {"remote_mac": None} | more)


PEERS: dict[str, tuple[lk.Tunnel, Callable[[], AbstractContextManager[Peer]]]] = {
    "geneve_v4": (geneve(4), partial(linux_geneve, 4, "noudpcsum")),
    "geneve_v4_checksum": (geneve(4, checksum=True), partial(linux_geneve, 4, "udpcsum")),
    "geneve_v4_options": (geneve(4, options=OPTIONS), partial(linux_geneve, 4, "noudpcsum")),
    "geneve_v4_inherit": (geneve(4), partial(linux_geneve, 4, "ttl", "inherit", "df", "set")),
    "geneve_v6": (geneve(6), partial(linux_geneve, 6)),
    "geneve_v6_options": (geneve(6, options=OPTIONS), partial(linux_geneve, 6)),
    "geneve_v6_zero_checksum": (
        geneve(6, checksum=False, accept_zero_checksum=True),
        partial(linux_geneve, 6, *ZERO_6),
    ),
    "gue_sit": (gue(4), partial(linux_gue, 4, "sit", "noencap-csum")),
    "gue_sit_checksum": (gue(4, checksum=True), partial(linux_gue, 4, "sit", "encap-csum")),
    "gue_ip6tnl": (gue(6), partial(linux_gue, 6, "ip6tnl", "encap-csum")),
    "gue_gretap": (gue(4, payload="gre"), partial(linux_gue, 4, "gretap", "noencap-csum")),
    "gue_ip6gretap": (gue(6, payload="gre"), partial(linux_gue, 6, "ip6gretap", "encap-csum")),
}


@pytest.fixture(scope="module", autouse=True)
def modules() -> None:
    subprocess.run(["modprobe", "-a", *MODULES], check=True)


@pytest.mark.parametrize("name", PEERS)
def test_ping_and_udp_both_ways(lab: lk.Lab, name: str) -> None:
    tunnel, peers = PEERS[name]
    with peers() as peer:
        talk_both_ways(lab, tunnel, peer, MTU)
