# SPDX-License-Identifier: BSD-3-Clause
"""What interfaces are used for, as the kernel tells of those in a namespace of this test."""

import os
import sys
from pathlib import Path

from labkit.machine.interface_use import Use, _connections, _sessions
from tests.machine.pci_tree import write
from tests.network import Host, ip, namespace

MAPPED = "0000000000000000FFFF0000"  # ::ffff:0:0/96
SHOW = "from labkit.machine.interface_use import interface_uses; print(interface_uses())"


def test_uses_of_interfaces() -> None:
    with namespace() as name:

        def inside(*arguments: str) -> None:
            ip("-n", name, *arguments)

        for one, other in (("v0", "p0"), ("v1", "p1"), ("v2", "p2"), ("v3", "p3")):
            inside("link", "add", "name", one, "type", "veth", "peer", "name", other)
            for end in (one, other):
                inside("link", "set", end, "up")
        inside("address", "add", "192.0.2.1/24", "dev", "v0")
        inside("route", "add", "198.51.100.0/24", "via", "192.0.2.9", "dev", "v0")
        inside("-6", "address", "add", "2001:db8::1/64", "dev", "v1", "nodad")
        inside("-6", "route", "add", "default", "dev", "v1", "table", "77")
        inside("link", "add", "br0", "type", "bridge")
        inside("link", "set", "v2", "master", "br0")
        inside("link", "add", "vlan", "link", "v3", "type", "macvlan")
        inside("address", "add", "203.0.113.1/24", "dev", "v3")
        host = Host(name, "v0", "")
        session = "SSH_CONNECTION=203.0.113.9 50000 203.0.113.1 22"
        told = host.run("env", session, sys.executable, "-c", SHOW)
        assert told.returncode == 0, told.stderr
        uses: dict[str, Use] = eval(told.stdout, {"Use": Use})
    assert uses["v0"] == Use(("192.0.2.1/24",), ("198.51.100.0/24",))
    assert uses["v1"] == Use(("2001:db8::1/64",), carries=("the default route",))
    assert uses["v2"] == Use(above=("br0",))
    assert uses["v3"] == Use(("203.0.113.1/24",), carries=("this SSH session",), above=("vlan",))
    assert uses["v3"].forbids == "this SSH session and vlan, which works through it"
    assert uses["v0"].forbids == ""
    assert str(uses["v0"]) == "192.0.2.1/24, route to 198.51.100.0/24"


def test_peers_are_told_by_name_while_they_are_few() -> None:
    assert str(Use(peers=("192.0.2.9 by SSH",))) == "1 TCP connection (192.0.2.9 by SSH)"
    assert str(Use(peers=tuple("abcde"))) == "5 TCP connections (a, b, c, …)"


def test_established_connections(tmp_path: Path) -> None:
    head = "  sl  local_address rem_address   st tx_queue\n"
    write(
        tmp_path,
        {
            "proc/net/tcp": f"{head}   0: 010200C0:0016 090200C0:C350 01 0\n"
            "   1: 00000000:0016 00000000:0000 0A 0",
            "proc/net/tcp6": f"{head}   0: B80D0120000000000000000001000000:0016"
            " B80D0120000000000000000002000000:C350 01 0\n   1:"
            f" {MAPPED}010200C0:0016 {MAPPED}080200C0:C350 01 0",
        },
    )
    assert list(_connections(tmp_path)) == [
        ("192.0.2.1", 22, "192.0.2.9"),
        ("2001:db8::1", 22, "2001:db8::2"),
        ("192.0.2.1", 22, "192.0.2.8"),
    ]


def test_session_is_known_behind_sudo(tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            f"proc/{os.getpid()}/environ": "SUDO_UID=1000\0",
            f"proc/{os.getpid()}/status": "Name:\tlabkit\nPPid:\t70",
            "proc/70/environ": "A=1\0SSH_CONNECTION=fe80::9%eth0 50000 fe80::1%eth0 22\0B=2",
            "proc/70/status": "Name:\tbash\nPPid:\t1",
        },
    )
    assert _sessions(tmp_path) == {("fe80::9", "fe80::1")}
