# SPDX-License-Identifier: BSD-3-Clause
"""What the kernel's interfaces are used for: what is cut off when one is taken away.

Addresses, routes of all tables and links are read by rtnetlink(7), connections from /proc/net/tcp.
"""

import ipaddress
import os
import re
import socket
import struct
from collections import defaultdict
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from labkit.machine.nics import ROOT, read
from labkit.text import plural

if TYPE_CHECKING:
    from pyroute2 import IPRoute

UNICAST, BY_KERNEL = 1, 2  # RTN_UNICAST, RTPROT_KERNEL of linux/rtnetlink.h
HALVES = 1  # bits of prefix
SSH_PORT = 22
MOST_PEERS = 3  # that are told by name
ESTABLISHED = "01"  # TCP_ESTABLISHED of include/net/tcp_states.h
SSH_VARIABLE = re.compile(r"(?:^|\0)SSH_CONNECTION=(\S+) \d+ (\S+) \d+")


@dataclass(frozen=True)
class Use:
    """What an interface is used for.

    Attributes
    ----------
    addresses: with prefix, but for those of the link (fe80::/10)
    routes: destinations beside the networks of its addresses, such as "198.51.100.0/24"
    peers: of established TCP connections over it, such as "192.0.2.9", "192.0.2.8 by SSH"
    carries: what must not be cut off: "the default route", "this SSH session"
    above: interfaces that work through it: a bridge, a bond, a VLAN
    """

    addresses: tuple[str, ...] = ()
    routes: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    carries: tuple[str, ...] = ()
    above: tuple[str, ...] = ()

    @property
    def forbids(self) -> str:
        """Why it is never taken; "" where it may be."""
        parts = [*self.carries, *(f"{name}, which works through it" for name in self.above)]
        return " and ".join(parts)

    def __str__(self) -> str:
        """What would be cut off; "" for nothing."""
        some = ", ".join([*self.peers[:MOST_PEERS], *(["…"] if self.peers[MOST_PEERS:] else [])])
        parts = [
            *self.carries,
            *self.above,
            *self.addresses,
            *(f"route to {route}" for route in self.routes),
            f"{plural(len(self.peers), 'TCP connection')} ({some})" if some else "",
        ]
        return ", ".join(filter(None, parts))


def interface_uses(root: Path = ROOT) -> dict[str, Use]:
    """Of every interface of this network namespace, by name."""
    # pyroute2 runs an event loop of its own, which cannot be where Jupyter's runs already.
    with ThreadPoolExecutor(1, "labkit-netlink") as apart:
        return apart.submit(_uses, root).result()


def _uses(root: Path) -> dict[str, Use]:
    from pyroute2 import IPRoute  # slow to load

    with IPRoute() as kernel:
        names, above = _links(kernel)
        addresses, owner = _addresses(kernel, names)
        routes, defaults = _routes(kernel, names)
        sessions = {names.get(index, "") for index in _session_links(kernel, owner, root)}
    peers = defaultdict(set)
    for local, port, remote in _connections(root):
        if local in owner and remote not in owner:
            by = " by SSH" if port == SSH_PORT else ""
            peers[names.get(owner[local], "")].add(f"{remote}{by}")
    return {
        name: Use(
            addresses=tuple(addresses[name]),
            routes=tuple(dict.fromkeys(routes[name])),
            peers=tuple(sorted(peers[name])),
            carries=(
                *(["the default route"] if name in defaults else []),
                *(["this SSH session"] if name in sessions else []),
            ),
            above=tuple(above[name]),
        )
        for name in names.values()
    }


def _links(kernel: "IPRoute") -> tuple[dict[int, str], dict[str, list[str]]]:
    """Names by index; by name those that work through a link."""
    links = list(kernel.get_links())
    names = {link["index"]: link.get_attr("IFLA_IFNAME") for link in links}
    # Of those in other namespaces nothing is known here.
    below = {
        link["index"]: link.get_attr("IFLA_LINK")
        for link in links
        if link.get_attr("IFLA_LINK_NETNSID") is None
    }
    above = defaultdict(list)
    for link in links:
        index, name = link["index"], names[link["index"]]
        if (master := link.get_attr("IFLA_MASTER")) in names:
            above[name].append(names[master])
        carrier = below.get(index)
        if carrier in names and below.get(carrier) != index:  # the ends of a veth name each other
            above[names[carrier]].append(name)
    return names, above


def _addresses(
    kernel: "IPRoute", names: dict[int, str]
) -> tuple[dict[str, list[str]], dict[str, int]]:
    """With prefixes by name of the interface; the interface's index by address."""
    addresses, owner = defaultdict(list), {}
    for found in kernel.get_addr():
        text = found.get_attr("IFA_LOCAL") or found.get_attr("IFA_ADDRESS")
        owner[text] = found["index"]
        if not ipaddress.ip_address(text).is_link_local:
            addresses[names.get(found["index"], "")].append(f"{text}/{found['prefixlen']}")
    return addresses, owner


def _routes(kernel: "IPRoute", names: dict[int, str]) -> tuple[dict[str, list[str]], set[str]]:
    """Destinations by name of the interface; names of those with a default route."""
    routes, defaults = defaultdict(list), set()
    for route in kernel.get_routes():
        hops = route.get_attr("RTA_MULTIPATH") or ()
        indices = [route.get_attr("RTA_OIF"), *(hop["oif"] for hop in hops)]
        for name in (names[index] for index in indices if index in names):
            if route["type"] != UNICAST or name == "lo":
                continue
            if route["dst_len"] <= HALVES:  # a VPN takes all in two halves
                defaults.add(name)
            elif route["proto"] != BY_KERNEL:
                routes[name].append(f"{route.get_attr('RTA_DST')}/{route['dst_len']}")
    return routes, defaults


def _session_links(kernel: "IPRoute", owner: dict[str, int], root: Path) -> Iterator[int]:
    """Indices of the interfaces by which those speak who started this process through ssh."""
    from pyroute2.netlink.exceptions import NetlinkError

    for client, server in _sessions(root):
        if server in owner:
            yield owner[server]
        try:
            for route in kernel.route("get", dst=client):
                yield route.get_attr("RTA_OIF")
        except NetlinkError:  # no way back to the client any more
            continue


def _sessions(root: Path) -> set[tuple[str, str]]:
    """Client and server of SSH_CONNECTION (ssh(1)), of this process and those above it: sudo takes
    it out of the environment."""
    found, pid = set(), str(os.getpid())
    while pid not in ("", "0"):
        if match := SSH_VARIABLE.search(read(root / "proc" / pid / "environ")):
            found.add((match[1].partition("%")[0], match[2].partition("%")[0]))
        parent = re.search(r"^PPid:\s*(\d+)", read(root / "proc" / pid / "status"), re.MULTILINE)
        pid = parent[1] if parent else ""
    return found


def _connections(root: Path) -> Iterator[tuple[str, int, str]]:
    """Local address and port, and remote address of established TCP connections."""
    for file in ("proc/net/tcp", "proc/net/tcp6"):
        for line in read(root / file).splitlines()[1:]:
            _, local, remote, state = line.split()[:4]
            if state == ESTABLISHED:
                yield _address(local), int(local.partition(":")[2], 16), _address(remote)


def _address(text: str) -> str:
    """ "0100007F:0016" is 127.0.0.1: words in the order of the machine (proc_pid_net(5))."""
    digits = text.partition(":")[0]
    words = [int(digits[i : i + 8], 16) for i in range(0, len(digits), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    family = socket.AF_INET if len(words) == 1 else socket.AF_INET6
    address = ipaddress.ip_address(socket.inet_ntop(family, packed))
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)
