# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces and veth pairs of a test's own, with Linux sockets in them."""

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import labkit as lk

HOST_4, HOST_6 = "10.77.0.1", "fd00:77::1"
LAB_4, LAB_6 = "10.77.0.2", "fd00:77::2"

_numbers = itertools.count(1)


def ip(*arguments: object) -> str:
    """Runs ip(8); its output."""
    command = ["ip", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)}: {done.stderr}"
    return done.stdout


def unique_name(prefix: str) -> str:
    """An interface or namespace name that nobody else on this machine has."""
    return f"{prefix}{os.getpid() % 1_000_000}x{next(_numbers)}"


@dataclass(frozen=True)
class Host:
    """A Linux host in a namespace: HOST_4 and HOST_6 on its interface.

    outside: the other end of its veth pair, in the namespace of the tests; "" for a tap port
    """

    namespace: str
    interface: str
    outside: str

    def command(self, *arguments: object) -> list[str]:
        return ["ip", "netns", "exec", self.namespace, *map(str, arguments)]

    def run(self, *arguments: object, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            self.command(*arguments), capture_output=True, text=True, timeout=timeout, check=False
        )

    def start(self, *arguments: object) -> subprocess.Popen[str]:
        return subprocess.Popen(
            self.command(*arguments), stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True
        )

    def counter(self, protocol: str, name: str) -> int:
        """A counter of the namespace's IP stack, such as ("Udp", "InCsumErrors")."""
        if protocol.endswith("6"):
            for line in self.run("cat", "/proc/net/snmp6").stdout.splitlines():
                key, value = line.split()
                if key == f"{protocol}{name}":
                    return int(value)
            raise KeyError(name)
        rows = [
            line.split()
            for line in self.run("cat", "/proc/net/snmp").stdout.splitlines()
            if line.startswith(f"{protocol}:")
        ]
        return int(dict(zip(*rows, strict=True))[name])


@contextmanager
def namespace() -> Iterator[str]:
    """A namespace; what is left in it goes with it."""
    name = unique_name("lkns")
    ip("netns", "add", name)
    try:
        ip("-n", name, "link", "set", "lo", "up")
        yield name
    finally:
        ip("netns", "del", name)


def address(space: str, interface: str, mtu: int) -> None:
    """Gives an interface in a namespace the host's addresses, and brings it up."""
    ip("-n", space, "link", "set", interface, "mtu", mtu)
    ip("-n", space, "addr", "add", f"{HOST_4}/24", "dev", interface)
    # Without duplicate address detection the IPv6 address is of use at once.
    ip("-n", space, "addr", "add", f"{HOST_6}/64", "dev", interface, "nodad")
    ip("-n", space, "link", "set", interface, "up")


@contextmanager
def veth_host(mtu: int = 1500, *, checksums: bool = True) -> Iterator[Host]:
    """A host behind a veth pair.

    With `checksums` the host's end computes them (ethtool -K ... tx off): between two veth ends
    Linux otherwise leaves the checksums of its frames undone, for a NIC that is never reached, and
    whoever reads the raw frames finds them wrong.
    """
    with namespace() as space:
        outside, inside = unique_name("lko"), unique_name("lki")
        ip("link", "add", outside, "mtu", mtu, "type", "veth",
           "peer", "name", inside, "netns", space)  # fmt: skip
        try:
            # What the kernel says at this end of its own accord would count as received by a port.
            Path(f"/proc/sys/net/ipv6/conf/{outside}/disable_ipv6").write_text("1")
            ip("link", "set", outside, "up")
            host = Host(space, inside, outside)
            if checksums:
                done = host.run("ethtool", "-K", inside, "tx", "off")
                assert done.returncode == 0, done.stderr
            address(space, inside, mtu)
            yield host
        finally:
            ip("link", "del", outside)


@contextmanager
def tap_host(lab: lk.Lab, mtu: int = 1500) -> Iterator[tuple[lk.Port, Host]]:
    """A tap port of the lab, and a host whose interface is the kernel's end of it."""
    with namespace() as space:
        name = unique_name("lkt")
        port = lab.port(f"tap:{name}", mtu=mtu)
        ip("link", "set", name, "netns", space)
        address(space, name, mtu)
        yield port, Host(space, name, "")


UDP_CLIENT = """
import socket, sys
family, target, port, sizes = sys.argv[1], sys.argv[2], int(sys.argv[3]), sys.argv[4]
s = socket.socket(getattr(socket, family), socket.SOCK_DGRAM)
s.settimeout(3)
s.connect((target, port))
for size in map(int, sizes.split(",")):
    for number in range(20):
        sent = bytes((number + i * 7) % 256 for i in range(size))
        s.send(sent)
        assert s.recv(65535) == sent, (size, number)
print("all echoed")
"""

UDP_SERVER = """
import selectors, socket, sys
ready = selectors.DefaultSelector()
for family, address in ((socket.AF_INET, sys.argv[1]), (socket.AF_INET6, sys.argv[2])):
    s = socket.socket(family, socket.SOCK_DGRAM)
    s.bind((address, int(sys.argv[3])))
    ready.register(s, selectors.EVENT_READ)
ready.register(sys.stdin, selectors.EVENT_READ)
print("listening", flush=True)
while True:
    for key, _ in ready.select():
        if key.fileobj is sys.stdin:
            raise SystemExit
        data, sender = key.fileobj.recvfrom(65535)
        key.fileobj.sendto(data, sender)
"""


def talk_to(host: Host, target: str, udp_port: int, sizes: list[int]) -> str:
    """20 datagrams of each size from a Linux UDP socket, every echo compared; what it printed."""
    family = "AF_INET6" if ":" in target else "AF_INET"
    done = host.run(
        sys.executable, "-I", "-c", UDP_CLIENT, family, target, udp_port,
        ",".join(map(str, sizes)),
    )  # fmt: skip
    return done.stdout + done.stderr


@contextmanager
def linux_echo_server(
    host: Host, udp_port: int, addresses: tuple[str, str] = (HOST_4, HOST_6)
) -> Iterator[None]:
    """A UDP echo service on Linux sockets in the host's namespace."""
    server = host.start(sys.executable, "-I", "-c", UDP_SERVER, *addresses, udp_port)
    try:
        assert server.stdout is not None
        assert server.stdout.readline() == "listening\n"
        yield
    finally:
        server.communicate(timeout=60)
