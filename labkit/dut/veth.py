# SPDX-License-Identifier: BSD-3-Clause
"""A veth pair with one end in the network namespace of another process."""

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.text import unique

if TYPE_CHECKING:
    from pyroute2 import IPRoute
    from pyroute2.ethtool.ioctl import IoctlEthtool

ON_LINK = 4  # RTNH_F_ONLINK: the gateway is on the link, though no prefix says so

_numbers = itertools.count(1)


class VethPair:
    """The pair, both ends up; leaving removes it.

    pid: of the process whose namespace holds the inner end; address: of that end

    Attributes
    ----------
    outside, inside: names of the ends
    mac: of the inner end
    """

    def __init__(self, pid: int, address: str, mtu: int) -> None:
        self._pid, self._address, self._mtu = pid, address, mtu
        number = f"{os.getpid() % 1_000_000}x{next(_numbers)}"
        self.outside, self.inside = f"lkdo{number}", f"lkdi{number}"
        self.mac = ""
        # pyroute2 runs an event loop of its own, which it cannot in a thread that has one
        # (Jupyter's); and a thread can be in another namespace than its process.
        self._here = ThreadPoolExecutor(1, "labkit-veth")
        self._there = ThreadPoolExecutor(1, "labkit-veth-inside")
        self._kernel: IPRoute | None = None
        self._nic: IoctlEthtool | None = None

    def __enter__(self) -> "VethPair":
        try:
            self._here.submit(self._make).result()
            self._there.submit(self._enter).result()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        # All is under way before anything is waited for: Ctrl-C ends the wait alone.
        ends = [self._there.submit(self._leave), self._here.submit(self._remove)]
        for thread in (self._there, self._here):
            thread.shutdown(wait=False)
        for end in ends:
            end.result()

    def send_all_to(self, address: str, mac: str) -> None:
        """The inner end sends whatever it sends to this neighbour, and needs to ask nobody."""
        self._there.submit(self._add_gateway, address, mac).result()

    def statistics(self) -> dict[str, int]:
        """Counters of the inner end, as `ip -s link` and `ethtool -S` tell them, and
        outside_tx_dropped: frames that the pair did not carry to it."""
        dropped = Path(f"/sys/class/net/{self.outside}/statistics/tx_dropped")
        counters = self._there.submit(self._statistics).result()
        return counters | {"outside_tx_dropped": int(dropped.read_text())}

    def _make(self) -> None:
        from pyroute2 import IPRoute

        with IPRoute() as kernel:
            kernel.link(
                "add",
                ifname=self.outside,
                kind="veth",
                mtu=self._mtu,
                peer={"ifname": self.inside, "mtu": self._mtu},
            )
            if (ipv6 := Path(f"/proc/sys/net/ipv6/conf/{self.outside}")).exists():
                (ipv6 / "disable_ipv6").write_text("1")  # an interface below 1280 bytes has none
            _finish_checksums(self.inside)
            inside = kernel.link_lookup(ifname=self.inside)[0]
            kernel.link("set", index=inside, net_ns_pid=self._pid)
            kernel.link("set", index=kernel.link_lookup(ifname=self.outside)[0], state="up")

    def _enter(self) -> None:
        from pyroute2 import IPRoute, netns
        from pyroute2.ethtool.ioctl import IoctlEthtool

        netns.setns(f"/proc/{self._pid}/ns/net")
        self._kernel = IPRoute()
        self._nic = IoctlEthtool(self.inside)
        index = self._index()
        whole = 128 if ":" in self._address else 32  # every other address is behind the gateway
        self._kernel.addr("add", index=index, address=self._address, prefixlen=whole)
        self._kernel.link("set", index=index, state="up")
        self.mac = self._kernel.get_links(index)[0].get_attr("IFLA_ADDRESS")

    def _index(self) -> int:
        assert self._kernel is not None
        index: int = self._kernel.link_lookup(ifname=self.inside)[0]
        return index

    def _add_gateway(self, address: str, mac: str) -> None:
        assert self._kernel is not None
        index = self._index()
        self._kernel.neigh("add", dst=address, lladdr=mac, ifindex=index, state="permanent")
        everything = "::/0" if ":" in address else "0.0.0.0/0"
        self._kernel.route("add", dst=everything, gateway=address, oif=index, flags=ON_LINK)

    def _statistics(self) -> dict[str, int]:
        assert self._kernel is not None
        assert self._nic is not None
        link = self._kernel.get_links(self._index())[0]
        driver = self._nic.get_statistics()
        names = unique(name for name, _ in driver)
        values = (value for _, value in driver)
        return {**link.get_attr("IFLA_STATS64"), **dict(zip(names, values, strict=True))}

    def _leave(self) -> None:
        if self._nic is not None:
            self._nic.close()
        if self._kernel is not None:
            self._kernel.close()

    def _remove(self) -> None:
        from pyroute2 import IPRoute

        with IPRoute() as kernel:
            for index in kernel.link_lookup(ifname=self.outside):
                kernel.link("del", index=index)


def _finish_checksums(interface: str) -> None:
    """ethtool -K INTERFACE tx off: the kernel computes checksums before it hands frames over."""
    from pyroute2.ethtool.ioctl import IoctlEthtool

    ethtool = IoctlEthtool(interface)
    features = ethtool.get_features()
    for name, active, can_change, *_ in list(features):
        if name.startswith("tx-checksum") and active and can_change:
            features.set_value(name, False)
    ethtool.set_features(features)
    ethtool.close()
