# SPDX-License-Identifier: BSD-3-Clause
"""The kinds of nodes that a path is made of, and the functions that make them."""

import ipaddress
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from labkit.errors import PathError, TunnelError
from labkit.path import Node, Value, near

if TYPE_CHECKING:
    from labkit.port import Port
    from labkit.tunnels import Tunnel

Params = Mapping[str, Value]
Check = Callable[[str, Value], Value]

MOST_ADDRESSES = 16  # of each IP version: LK_MAX_ADDRESSES
REQUIRED = "<required>"  # the value of a parameter that has to be given


@dataclass(frozen=True)
class NodeKind:
    """What may be said of a kind of node.

    Attributes
    ----------
    name: as in the native node table
    role: "source", "process" or "end"; sources have no input, ends no output
    outputs: names of its outputs
    params: its parameters with the values they have when not given; REQUIRED: to be given
    sentence: what it does
    reference: the RFC or tool it follows
    """

    name: str
    role: str
    outputs: tuple[str, ...]
    params: Params
    sentence: str
    reference: str = ""


_RESPONDER: Params = {"addresses": REQUIRED, "mac": None}

KINDS: Mapping[str, NodeKind] = {
    kind.name: kind
    for kind in (
        NodeKind(
            "rx",
            "source",
            ("next",),
            {"port": REQUIRED, "queue": 0},
            "Receives frames from a port.",
            "rte_eth_rx_burst",
        ),
        NodeKind(
            "inject", "source", ("next",), {"port": REQUIRED}, "Takes frames that Python sends."
        ),
        NodeKind(
            "probe_send",
            "source",
            ("next",),
            {"run": REQUIRED, "port": REQUIRED},
            "Sends the probes of an echo experiment.",
        ),
        NodeKind(
            "tx",
            "end",
            (),
            {"port": REQUIRED, "queue": 0},
            "Sends frames on a port.",
            "rte_eth_tx_burst",
        ),
        NodeKind("collect", "end", (), {"port": REQUIRED}, "Hands frames to Python."),
        NodeKind("sink", "end", (), {}, "Counts frames and frees them."),
        NodeKind(
            "capture",
            "process",
            ("next",),
            {"file": REQUIRED, "snaplen": 0},
            "Writes a copy of every frame to a pcapng file.",
            "draft-ietf-opsawg-pcapng",
        ),
        NodeKind(
            "arp_responder",
            "process",
            ("next", "other"),
            _RESPONDER,
            "Answers ARP requests for its addresses.",
            "RFC 826",
        ),
        NodeKind(
            "nd_responder",
            "process",
            ("next", "other"),
            _RESPONDER,
            "Answers neighbour solicitations for its addresses.",
            "RFC 4861",
        ),
        NodeKind(
            "icmp_echo",
            "process",
            ("next", "other"),
            _RESPONDER,
            "Answers ping and ping6.",
            "RFC 792, RFC 4443",
        ),
        NodeKind(
            "udp_echo",
            "process",
            ("next", "other"),
            {**_RESPONDER, "udp_port": 7},
            "Sends UDP datagrams back to their sender.",
            "RFC 768, RFC 862",
        ),
        NodeKind(
            "refuse",
            "end",
            (),
            {**_RESPONDER, "udp_port": None},
            "Drops a frame under the reason why an endpoint does not answer it.",
            "RFC 1122",
        ),
        NodeKind(
            "reflect",
            "process",
            ("next",),
            {},
            "Swaps MAC addresses, IP addresses and ports.",
            "testpmd 5tswap",
        ),
        NodeKind(
            "encap",
            "process",
            ("next",),
            {"tunnel": REQUIRED},
            "Puts frames into a tunnel.",
            "RFC 7348, RFC 8926, draft-ietf-intarea-gue-09",
        ),
        NodeKind(
            "decap",
            "process",
            ("next", "other"),
            {"tunnel": REQUIRED, "unknown_vni": "drop"},
            "Takes frames out of a tunnel.",
            "RFC 7348, RFC 8926, draft-ietf-intarea-gue-09",
        ),
        NodeKind(
            "probe_receive",
            "process",
            ("other",),
            {"run": REQUIRED},
            "Checks and times the answers to probes.",
        ),
    )
}


def rx(port: "Port | str", queue: int = 0, *, name: str | None = None) -> Node:
    """Receives frames from a queue of a port (rte_eth_rx_burst)."""
    return make("rx", {"port": port_name(port), "queue": queue}, name)


def tx(port: "Port | str", queue: int = 0, *, name: str | None = None) -> Node:
    """Sends frames on a queue of a port (rte_eth_tx_burst).

    A frame longer than the port's MTU allows ends in drop_tx_too_long, one for which the queue has
    no room in drop_tx_full.
    """
    return make("tx", {"port": port_name(port), "queue": queue}, name)


def inject(port: "Port | str", *, name: str | None = None) -> Node:
    """Frames that Python sends on the port: port.send(), port.socket()."""
    return make("inject", {"port": port_name(port)}, name)


def collect(port: "Port | str", *, name: str | None = None) -> Node:
    """Hands frames to Python as received by the port: port.receive(), port.socket()."""
    return make("collect", {"port": port_name(port)}, name)


def sink(*, name: str | None = None) -> Node:
    """Counts frames and frees them."""
    return make("sink", {}, name)


def capture(file: str | FilePath, snaplen: int = 0, *, name: str | None = None) -> Node:
    """Copies every frame to a pcapng file with nanosecond stamps and passes it on.

    snaplen: bytes kept of a frame, 0: all. The file is made anew, readable by its owner only.
    """
    return make("capture", {"file": str(FilePath(file).absolute()), "snaplen": snaplen}, name)


def arp_responder(
    addresses: Iterable[str], mac: str | None = None, *, name: str | None = None
) -> Node:
    """Answers ARP requests for its IPv4 addresses (RFC 826)."""
    return make("arp_responder", {"addresses": _listed(addresses), "mac": mac}, name)


def nd_responder(
    addresses: Iterable[str], mac: str | None = None, *, name: str | None = None
) -> Node:
    """Answers neighbour solicitations for its IPv6 addresses (RFC 4861 7.2.3)."""
    return make("nd_responder", {"addresses": _listed(addresses), "mac": mac}, name)


def icmp_echo(addresses: Iterable[str], mac: str | None = None, *, name: str | None = None) -> Node:
    """Answers ICMP and ICMPv6 echo requests to its addresses (RFC 792, RFC 4443 4.2)."""
    return make("icmp_echo", {"addresses": _listed(addresses), "mac": mac}, name)


def udp_echo(
    addresses: Iterable[str], udp_port: int = 7, mac: str | None = None, *, name: str | None = None
) -> Node:
    """Sends UDP datagrams to its addresses and port back to their sender (RFC 862).

    Checksums are verified; IPv6 extension headers and IPv4 options are walked and left out of the
    answer.
    """
    params: Params = {"addresses": _listed(addresses), "udp_port": udp_port, "mac": mac}
    return make("udp_echo", params, name)


def refuse(
    addresses: Iterable[str],
    udp_port: int | None = None,
    mac: str | None = None,
    *,
    name: str | None = None,
) -> Node:
    """Drops every frame under the reason why an endpoint with these addresses is silent."""
    params: Params = {"addresses": _listed(addresses), "udp_port": udp_port, "mac": mac}
    return make("refuse", params, name)


def reflect(*, name: str | None = None) -> Node:
    """Swaps MAC addresses, IP addresses and TCP or UDP ports (testpmd's 5tswap)."""
    return make("reflect", {}, name)


def encap(tunnel: "Tunnel", *, name: str | None = None) -> Node:
    """Puts every frame into a tunnel: lk.Vxlan, lk.Geneve or lk.Gue.

    local_mac is that of the port which the frames go to when the tunnel does not name it.
    """
    data = _as_data(tunnel)
    tunnel.check_can_send(in_path=True)
    return make("encap", {"tunnel": data}, name)


def decap(tunnel: "Tunnel", unknown_vni: str = "drop", *, name: str | None = None) -> Node:
    """Takes frames out of a tunnel; what is refused ends in the drop node of its verdict.

    Frames that are not addressed to the tunnel's local end, or are none of its protocol, go on as
    `other`. unknown_vni: "drop" (drop_tunnel_unknown_vni), or "pass": to another decap by `other`.
    """
    return make("decap", {"tunnel": _as_data(tunnel), "unknown_vni": unknown_vni}, name)


def probe_send(run: str, port: "Port | str", *, name: str | None = None) -> Node:
    """The sender of an echo experiment; made by lk.echo()."""
    return make("probe_send", {"run": run, "port": port_name(port)}, name)


def probe_receive(run: str, *, name: str | None = None) -> Node:
    """The receiver of an echo experiment; made by lk.echo()."""
    return make("probe_receive", {"run": run}, name)


def _as_data(tunnel: object) -> Value:
    from labkit.tunnels import Tunnel

    if not isinstance(tunnel, Tunnel):
        raise PathError(f"{tunnel!r} is no tunnel; make one with lk.Vxlan, lk.Geneve or lk.Gue")
    return tunnel.to_dict()


def port_name(port: "Port | str") -> str:
    """The name of a port object, or the name itself."""
    if isinstance(port, str):
        return port
    try:
        return port.name
    except AttributeError:
        raise PathError(f"{port!r} is no port: pass a Port or its name") from None


def make(kind: str, params: Params, name: str | None = None) -> Node:
    """A node of any kind, every parameter checked."""
    if kind not in KINDS:
        raise PathError(f"{kind!r} is no kind of node{near(kind, KINDS)}")
    where, known = name or kind, KINDS[kind].params
    for key in params:
        if key not in known:
            raise PathError(f"node {where}: {kind} has no parameter {key!r}{near(key, known)}")
    full: dict[str, Value] = {}
    for key, default in known.items():
        if default is REQUIRED and key not in params:
            raise PathError(f"node {where}: {kind} needs the parameter {key!r}")
        value = params.get(key, default)
        may_miss = default is None and value is None
        full[key] = None if may_miss else _CHECKS[key](where, value)
    return Node(kind, full, name)


_ADDRESSES_FIX = 'give at least one address such as ["10.0.0.2/24", "fd00::2/64"]'


def _listed(addresses: Iterable[str]) -> list[str]:
    if isinstance(addresses, str):
        return [addresses]
    if not isinstance(addresses, Iterable):
        raise PathError(f"addresses is {addresses!r}; {_ADDRESSES_FIX}")
    return [str(address) for address in addresses]


def _check_addresses(where: str, value: Value) -> Value:
    if not isinstance(value, list) or not value:
        raise PathError(f"node {where}: addresses is {value!r}; {_ADDRESSES_FIX}")
    counts = {4: 0, 6: 0}
    for text in value:
        try:
            if not isinstance(text, str) or "%" in text:
                raise ValueError
            address = ipaddress.ip_interface(text)
        except ValueError:
            raise PathError(
                f"node {where}: {text!r} is no IP address; write it as 10.0.0.2/24 or "
                "fd00::2/64, the prefix length may be left out"
            ) from None
        if address.is_multicast or address.is_unspecified:
            raise PathError(
                f"node {where}: {text!r} is no address that a host can have; give a unicast "
                "address such as 10.0.0.2/24 or fd00::2/64"
            )
        counts[address.version] += 1
    for version, count in counts.items():
        if count > MOST_ADDRESSES:
            raise PathError(
                f"node {where}: {count} IPv{version} addresses; at most "
                f"{MOST_ADDRESSES} of each version"
            )
    return value


def _check_mac(where: str, value: Value) -> Value:
    if not isinstance(value, str) or not re.fullmatch(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", value):
        raise PathError(f"node {where}: mac is {value!r}; write six bytes as 02:00:00:00:00:01")
    if int(value[:2], 16) & 1:
        raise PathError(
            f"node {where}: mac {value} is a group address; the lowest bit of the "
            "first byte of a host's address is 0"
        )
    return value.lower()


def _check_number(name: str, lowest: int, highest: int) -> Check:
    def check(where: str, value: Value) -> Value:
        if not isinstance(value, int) or isinstance(value, bool) or not lowest <= value <= highest:
            raise PathError(
                f"node {where}: {name} is {value!r}; the range is {lowest} to {highest}"
            )
        return value

    return check


def _check_text(name: str) -> Check:
    def check(where: str, value: Value) -> Value:
        if not isinstance(value, str) or not value:
            raise PathError(f"node {where}: {name} is {value!r}; it is a text that is not empty")
        return value

    return check


def _check_tunnel(where: str, value: Value) -> Value:
    from labkit.tunnels import from_dict  # brings in the codec, which a path as data can do without

    try:
        return from_dict(value).to_dict()
    except TunnelError as error:
        raise PathError(f"node {where}: {error}") from None


def _check_unknown_vni(where: str, value: Value) -> Value:
    if value not in ("drop", "pass"):
        raise PathError(f"node {where}: unknown_vni is {value!r}; it is 'drop' or 'pass'")
    return value


_CHECKS: dict[str, Check] = {
    "tunnel": _check_tunnel,
    "unknown_vni": _check_unknown_vni,
    "addresses": _check_addresses,
    "mac": _check_mac,
    "udp_port": _check_number("udp_port", 1, 65535),
    "queue": _check_number("queue", 0, 255),
    "snaplen": _check_number("snaplen", 0, 65535),
    "port": _check_text("port"),
    "file": _check_text("file"),
    "run": _check_text("run"),
}
