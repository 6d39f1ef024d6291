# SPDX-License-Identifier: BSD-3-Clause
"""The functions that make nodes of a path."""

import itertools
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path as FilePath
from typing import TYPE_CHECKING

from labkit.errors import PathError
from labkit.path.chain import Chain, Node, as_chain
from labkit.path.checks import listed, make
from labkit.path.kinds import Params, Value

if TYPE_CHECKING:
    from labkit.lab.port import Port
    from labkit.packet.tunnels import Tunnel

_lines = itertools.count(1)


def rx(port: "Port | str", queue: int = 0, *, name: str | None = None) -> Node:
    """Receives frames from a queue of a port (rte_eth_rx_burst)."""
    return make("rx", {"port": port_name(port), "queue": queue}, name)


def tx(port: "Port | str", queue: int = 0, *, name: str | None = None) -> Node:
    """Sends frames on a queue of a port (rte_eth_tx_burst).

    A frame longer than the port's MTU allows ends in drop_tx_too_long, one for which the queue has
    no room in drop_tx_full, one on a cable whose other end was closed in drop_tx_unplugged.
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
    return make("arp_responder", {"addresses": listed(addresses), "mac": mac}, name)


def nd_responder(
    addresses: Iterable[str], mac: str | None = None, *, name: str | None = None
) -> Node:
    """Answers neighbour solicitations for its IPv6 addresses (RFC 4861 7.2.3)."""
    return make("nd_responder", {"addresses": listed(addresses), "mac": mac}, name)


def icmp_echo(addresses: Iterable[str], mac: str | None = None, *, name: str | None = None) -> Node:
    """Answers ICMP and ICMPv6 echo requests to its addresses (RFC 792, RFC 4443 4.2)."""
    return make("icmp_echo", {"addresses": listed(addresses), "mac": mac}, name)


def udp_echo(
    addresses: Iterable[str], udp_port: int = 7, mac: str | None = None, *, name: str | None = None
) -> Node:
    """Sends UDP datagrams to its addresses and port back to their sender (RFC 862).

    Checksums are verified; IPv6 extension headers and IPv4 options are walked and left out of the
    answer.
    """
    params: Params = {"addresses": listed(addresses), "udp_port": udp_port, "mac": mac}
    return make("udp_echo", params, name)


def refuse(
    addresses: Iterable[str],
    udp_port: int | None = None,
    mac: str | None = None,
    *,
    name: str | None = None,
) -> Node:
    """Drops every frame under the reason why an endpoint with these addresses is silent."""
    params: Params = {"addresses": listed(addresses), "udp_port": udp_port, "mac": mac}
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
    from labkit.packet.tunnels import Tunnel

    if not isinstance(tunnel, Tunnel):
        raise PathError(f"{tunnel!r} is no tunnel; make one with lk.Vxlan, lk.Geneve or lk.Gue")
    return tunnel.to_dict()


def impair(
    loss: float = 0.0,
    duplicate: float = 0.0,
    reorder: float = 0.0,
    *,
    displacement: int = 3,
    seed: int = 0,
    name: str | None = None,
) -> Chain:
    """A bad line: loses, doubles and reorders frames at random, and counts what it did.

    loss, duplicate, reorder: probabilities for a frame, 0 to 1. Lost frames end in
    drop_impair_loss. A reordered frame is held back until `displacement` others (1 to 32) have
    passed it, 20 ms at most, and no more than 64 at once; one that is doubled is not held back.
    seed: of the random numbers; the same seed does the same to the same frames, whenever they come.
    RunningPath.counters.impairments tells how many were copied and reordered.
    """
    line = f"line{next(_lines)}"
    params: Params = {
        "line": line,
        "loss": loss,
        "duplicate": duplicate,
        "reorder": reorder,
        "displacement": displacement,
        "seed": seed,
    }
    bad_line = as_chain(make("impair", params, name))
    if reorder == 0:
        return bad_line
    release = as_chain(make("impair_release", {"line": line}))
    return replace(
        bad_line,
        nodes=(*bad_line.nodes, *release.nodes),
        open_next=(*bad_line.open_next, *release.open_next),
    )


def generate(run: str, port: "Port | str", *, name: str | None = None) -> Node:
    """The sender of a trial; made by lk.trial()."""
    return make("generate", {"run": run, "port": port_name(port)}, name)


def receive(run: str, *, name: str | None = None) -> Node:
    """The receiver of a trial; made by lk.trial()."""
    return make("receive", {"run": run}, name)


def port_name(port: "Port | str") -> str:
    """The name of a port object, or the name itself. Raises PortError for a port that was closed:
    its name may be another one's by now."""
    if isinstance(port, str):
        return port
    if getattr(port, "is_closed", False):
        port.check_open()
    try:
        return port.name
    except AttributeError:
        raise PathError(f"{port!r} is no port: pass a Port or its name") from None
