# SPDX-License-Identifier: BSD-3-Clause
"""Linux's bridge in a namespace, and the same frames for it and for a switch."""

import random
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
from scapy.layers.l2 import Dot1AD, Ether
from scapy.packet import Packet, Raw

import labkit as lk
from tests.network import ip, namespace, unique_name
from tests.patience import wait_until
from tests.switching import GROUP, Stations, mac, tag

PORTS = 4
STEPS = 250
EVERYWHERE = 99  # a VLAN that all ports are in, for the frame behind each
VLANS: list[Any] = [
    {"trunk": [EVERYWHERE], "native": 10},
    {"trunk": [EVERYWHERE], "native": 20},
    [10, 20, EVERYWHERE],
    {"trunk": [20, EVERYWHERE], "native": 10},
]
# Linux forwards 01:80:C2:00:00:00 while it does not run the spanning tree protocol.
GROUPS = [GROUP, "01:00:5e:00:00:fb", *(f"01:80:c2:00:00:{n:02x}" for n in (1, 2, 0xE, 0xF, 0x10))]
NO_SOURCES = [GROUP, "00:00:00:00:00:00", "03:00:00:00:00:01"]


@contextmanager
def bridge(vlans: list[Any] | None) -> Iterator[list[str]]:
    """A bridge in a namespace; names of the interfaces that lead to its ports."""
    with namespace() as space, ExitStack() as stack:
        ip("netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        ip("netns", "exec", space, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
        ip("-n", space, "link", "add", "bridge0", "type", "bridge", "stp_state", 0,
           "forward_delay", 0, "mcast_snooping", 0)  # fmt: skip
        if vlans is not None:
            _filter_vlans(space)
        ip("-n", space, "link", "set", "bridge0", "up")
        outside = []
        for number in range(PORTS):
            here, there = unique_name("swo"), f"p{number}"
            ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", space)
            stack.callback(ip, "link", "del", here)
            Path(f"/proc/sys/net/ipv6/conf/{here}/disable_ipv6").write_text("1")
            ip("-n", space, "link", "set", there, "master", "bridge0")
            if vlans is not None:
                _set_vlans(space, there, vlans[number])
            ip("-n", space, "link", "set", there, "up")
            ip("link", "set", here, "up")
            outside.append(here)
        yield outside


def _filter_vlans(space: str) -> None:
    """tests/vm has a kernel that can."""
    try:
        ip("-n", space, "link", "set", "bridge0", "type", "bridge", "vlan_filtering", 1)
    except AssertionError as error:
        if "not supported" not in str(error):
            raise
        pytest.skip("this kernel's bridge has no VLANs (CONFIG_BRIDGE_VLAN_FILTERING)")


def _set_vlans(space: str, port: str, vlans: Any) -> None:
    members: Mapping[str, Any] = vlans if isinstance(vlans, dict) else {"trunk": vlans}
    command = ("netns", "exec", space, "bridge", "vlan")
    ip(*command, "del", "dev", port, "vid", 1)
    for vlan in members["trunk"]:
        ip(*command, "add", "dev", port, "vid", vlan)
    if "native" in members:
        ip(*command, "add", "dev", port, "vid", members["native"], "pvid", "untagged")


def conversation(has_vlans: bool) -> Iterator[tuple[int, bytes, bytes]]:
    """Port, a frame, and one that all hear after it."""
    r = random.Random(17)
    tags: list[list[Packet]] = [
        *([[]] * 8),
        *([tag(vlan, prio=vlan % 8)] for vlan in (0, 10, 10, 20, 20, 30, 4095)),
        [tag(10), tag(20)],
        [Dot1AD(vlan=10, type=0x9000)],
        [Dot1AD(vlan=10), tag(20)],
    ]
    for number in range(STEPS):
        source = r.choice(NO_SOURCES) if r.random() < 0.04 else mac(r.randrange(1, 6))
        target = r.choice(GROUPS) if r.random() < 0.2 else mac(r.randrange(1, 8))
        packet: Packet = Ether(src=source, dst=target)
        for each in r.choice(tags):
            packet /= each
        body = number.to_bytes(2, "big") + bytes(44)
        behind: Packet = Ether(src=mac(0xEE), dst=GROUP)
        if has_vlans:
            behind /= tag(EVERYWHERE)
        yield r.randrange(PORTS), bytes(packet / Raw(body)), bytes(behind / Raw(b"end" + body))


class Outside:
    """What comes out of a bridge: frames by port, up to the one that all hear."""

    def __init__(self, ports: list[lk.Port]) -> None:
        self._ports = ports
        self._readers = [port.frames.new_reader() for port in ports]

    def say(self, port: int, frame: bytes, behind: bytes) -> dict[int, list[bytes]]:
        self._ports[port].send([frame, behind])
        heard = {n: self._until(n, behind) for n in range(len(self._ports)) if n != port}
        return {n: frames for n, frames in heard.items() if frames}

    def _until(self, number: int, behind: bytes) -> list[bytes]:
        found: list[bytes] = []

        def is_there() -> bool:
            while behind not in found and (read := self._readers[number].read()) is not None:
                found.append(read[0])
            return behind in found

        wait_until(is_there)
        return found[:-1]


def answers_as_linux(lab: lk.Lab, vlans: list[Any] | None) -> None:
    """Every frame of a conversation leaves the switch by the same ports, with the same bytes."""
    with bridge(vlans) as interfaces:
        theirs = [lab.port(f"af_packet:{name}", f"linux{n}") for n, name in enumerate(interfaces)]
        for port in theirs:
            port.set_promiscuous(True)
        ours = Stations(
            lab,
            PORTS,
            lambda p: lk.switch(p, vlans=vlans and dict(zip(p, vlans, strict=True))),
        )
        linux, labkit = Outside(theirs), Outside(ours.far)
        for port, frame, behind in conversation(vlans is not None):
            told = linux.say(port, frame, behind)
            assert labkit.say(port, frame, behind) == told, (port, frame.hex(), told)
        wait_until(lambda: ours.path.ledger.is_balanced)
        assert ours.path.ledger.sent == 2 * STEPS
        lab.close()
