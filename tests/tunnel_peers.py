# SPDX-License-Identifier: BSD-3-Clause
"""Other people's tunnels: Linux's own devices and Open vSwitch, in namespaces of a test's own.

Their outer side is the far end of a veth pair, with the MAC and the addresses that the tunnels of
tests.tunnels send to. Their inner side is an interface with addresses of its own.
"""

import ctypes
import os
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.network import Host, ip, namespace, unique_name
from tests.tunnels import V4, V6

PEER_MAC, LOCAL_MAC = V4["remote_mac"], V4["local_mac"]
INNER_4, INNER_6 = "10.0.0.2", "fd00::2"
INNER_MAC = "02:00:00:00:00:02"
CLONE_NEWNET = 0x40000000


@dataclass(frozen=True)
class Peer:
    """A tunnel's other end.

    host: its namespace; `host.outside` is the near end of the veth pair, `host.interface` the inner
    interface
    forget: makes it judge the next frame anew, whatever it cached of those before
    """

    host: Host
    forget: Callable[[], object] = lambda: None

    def listen(self) -> socket.socket:
        """A raw socket on the inner interface: what comes out of the tunnel."""
        return self._in_namespace(self.host.interface)

    def outer_socket(self) -> socket.socket:
        """A raw socket on the near end of the veth pair."""
        return raw_socket(self.host.outside)

    def _in_namespace(self, interface: str) -> socket.socket:
        with open("/proc/self/ns/net") as here:
            with open(f"/var/run/netns/{self.host.namespace}") as there:
                enter_namespace(there.fileno())
            try:
                return raw_socket(interface)
            finally:
                enter_namespace(here.fileno())


def enter_namespace(descriptor: int) -> None:
    """setns(2) for this thread; Python has it from 3.12 on."""
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), "setns")


def raw_socket(interface: str) -> socket.socket:
    """Whole frames on an interface."""
    raw = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    raw.bind((interface, 0))
    return raw


@contextmanager
def outer_link(mtu: int = 1500) -> Iterator[Host]:
    """A namespace behind a veth pair whose inside end is the tunnels' remote end."""
    with namespace() as space:
        outside, inside = unique_name("lko"), unique_name("lki")
        ip("link", "add", outside, "mtu", mtu, "address", LOCAL_MAC, "type", "veth",
           "peer", "name", inside, "mtu", mtu, "address", PEER_MAC, "netns", space)  # fmt: skip
        try:
            Path(f"/proc/sys/net/ipv6/conf/{outside}/disable_ipv6").write_text("1")
            ip("link", "set", outside, "up")
            host = Host(space, inside, outside)
            assert host.run("ethtool", "-K", inside, "tx", "off").returncode == 0
            yield host
        finally:
            ip("link", "del", outside)


def outer_addresses(host: Host, interface: str) -> None:
    """Gives an interface the tunnels' remote addresses; their local end is a known neighbour."""
    space = host.namespace
    ip("-n", space, "link", "set", interface, "up")
    for version, ends, width in ((4, V4, 24), (6, V6, 64)):
        more = ["nodad"] if version == 6 else []
        ip("-n", space, "addr", "add", f"{ends['remote']}/{width}", "dev", interface, *more)
        ip("-n", space, "neigh", "replace", ends["local"], "lladdr", LOCAL_MAC, "dev", interface)


def inner_addresses(host: Host, interface: str, mtu: int) -> None:
    """Gives the inner interface addresses."""
    space = host.namespace
    ip("-n", space, "link", "set", interface, "mtu", mtu, "up")
    ip("-n", space, "addr", "add", f"{INNER_4}/24", "dev", interface)
    ip("-n", space, "addr", "add", f"{INNER_6}/64", "dev", interface, "nodad")


@contextmanager
def linux_vxlan(version: int, *options: str, vni: int = 42) -> Iterator[Peer]:
    """Linux's vxlan device over IPv4 or IPv6. options: of ip-link(8), such as udp6zerocsumtx."""
    ends = V4 if version == 4 else V6
    with outer_link() as host:
        outer_addresses(host, host.interface)
        ip("-n", host.namespace, "link", "add", "vxlan0", "address", INNER_MAC, "type", "vxlan",
           "id", vni, "local", ends["remote"], "remote", ends["local"],
           "dev", host.interface, "dstport", 4789, *options)  # fmt: skip
        inner_addresses(host, "vxlan0", 1430)
        yield Peer(Host(host.namespace, "vxlan0", host.outside))


@contextmanager
def linux_geneve(version: int, *options: object, vni: int = 42) -> Iterator[Peer]:
    """Linux's geneve device, where the kernel has one. options: of ip-link(8), such as udpcsum."""
    ends = V4 if version == 4 else V6
    with outer_link() as host:
        outer_addresses(host, host.interface)
        ip("-n", host.namespace, "link", "add", "geneve0", "address", INNER_MAC, "type", "geneve",
           "id", vni, "remote", ends["local"], "dstport", 6081, *options)  # fmt: skip
        inner_addresses(host, "geneve0", 1400)
        yield Peer(Host(host.namespace, "geneve0", host.outside))


@contextmanager
def linux_gue(version: int, device: str, *options: object) -> Iterator[Peer]:
    """GUE of Linux's fou under one of its tunnel devices, where the kernel has them.

    device: ipip, sit or ip6tnl, which carry IP; gretap or ip6gretap, which carry GRE
    options: of ip-link(8), such as encap-csum
    """
    ends = V4 if version == 4 else V6
    with outer_link() as host:
        outer_addresses(host, host.interface)
        space = host.namespace
        ip("-n", space, "fou", "add", "port", 6080, "gue", *(["-6"] if version == 6 else []))
        inner = ["address", INNER_MAC] if "gre" in device else []
        modes = [] if "gre" in device else ["mode", "any"]
        ip("-n", space, "link", "add", "gue0", *inner, "type", device, *modes,
           "local", ends["remote"], "remote", ends["local"], "ttl", 64,
           "encap", "gue", "encap-sport", "auto", "encap-dport", 6080, *options)  # fmt: skip
        inner_addresses(host, "gue0", 1380)
        yield Peer(Host(space, "gue0", host.outside))


class OpenVSwitch:
    """ovsdb-server and ovs-vswitchd with the userspace datapath, in one namespace."""

    def __init__(self, host: Host, folder: Path) -> None:
        self.host = host
        self.folder = folder
        self.environment = os.environ | {
            f"OVS_{name}DIR": str(folder) for name in ("RUN", "LOG", "DB", "SYSCONF")
        }
        self.database = f"unix:{folder}/db.sock"
        self.control = folder / "switch.ctl"

    def run(self, *arguments: object) -> str:
        done = subprocess.run(
            self.host.command(*arguments),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}\n{self.log}"
        return done.stdout

    def vsctl(self, *arguments: object) -> str:
        return self.run("ovs-vsctl", f"--db={self.database}", *arguments)

    def appctl(self, *arguments: object) -> str:
        return self.run("ovs-appctl", "-t", self.control, *arguments)

    @property
    def log(self) -> str:
        """The end of the switch's log."""
        file = self.folder / "vswitchd.log"
        return file.read_text()[-3000:] if file.exists() else ""

    @contextmanager
    def running(self) -> Iterator[None]:
        """Both daemons; they end with the block."""
        database = self.folder / "conf.db"
        schema = "/usr/share/openvswitch/vswitch.ovsschema"
        self.run("ovsdb-tool", "create", database, schema)
        with ExitStack() as stack:
            server = ["ovsdb-server", f"--remote=punix:{self.folder}/db.sock", database]
            stack.enter_context(self._daemon(server, "ovsdb.log"))
            self._wait(lambda: (self.folder / "db.sock").exists())
            self.vsctl("--no-wait", "init")
            switch = [
                "ovs-vswitchd",
                self.database,
                "--disable-system",
                f"--unixctl={self.control}",
            ]
            stack.enter_context(self._daemon(switch, "vswitchd.log"))
            self.vsctl("--timeout=60", "show")
            yield

    @contextmanager
    def _daemon(self, command: list[object], log: str) -> Iterator[None]:
        with (self.folder / log).open("w") as output:
            process = subprocess.Popen(
                self.host.command(*command), env=self.environment, stdout=output, stderr=output
            )
            try:
                yield
            finally:
                process.terminate()
                process.wait(60)

    def _wait(self, is_there: object) -> None:
        end = time.monotonic() + 60
        while not is_there():  # type: ignore[operator]
            assert time.monotonic() < end, self.log
            time.sleep(0.02)


@contextmanager
def open_vswitch(protocol: str, version: int, *options: str, vni: int = 42) -> Iterator[Peer]:
    """An Open vSwitch tunnel port of type vxlan or geneve. options: of ovs-vsctl, such as
    options:csum=true."""
    ends = V4 if version == 4 else V6
    with outer_link() as host, tempfile.TemporaryDirectory(prefix="labkit-ovs") as folder:
        switch = OpenVSwitch(host, Path(folder))
        with switch.running():
            # The userspace datapath sends tunnelled frames where routes of the outer bridge lead.
            switch.vsctl(
                *("--", "add-br", "br-outer"),
                *("--", "set", "bridge", "br-outer", "datapath_type=netdev"),
                f"other_config:hwaddr={PEER_MAC}",
                *("--", "add-port", "br-outer", host.interface),
                *("--", "add-br", "br-inner"),
                *("--", "set", "bridge", "br-inner", "datapath_type=netdev"),
                f"other_config:hwaddr={INNER_MAC}",
                *("--", "add-port", "br-inner", "tunnel0"),
                *("--", "set", "interface", "tunnel0", f"type={protocol}", "ofport_request=9"),
                *(f"options:remote_ip={ends['local']}", f"options:local_ip={ends['remote']}"),
                *(f"options:key={vni}", *options),
            )
            ip("-n", host.namespace, "link", "set", host.interface, "up")
            outer_addresses(host, "br-outer")
            inner_addresses(host, "br-inner", 1400)
            switch.appctl("tnl/neigh/set", "br-outer", ends["local"], LOCAL_MAC)
            yield Peer(
                Host(host.namespace, "br-inner", host.outside),
                forget=lambda: switch.appctl("dpctl/del-flows"),
            )
