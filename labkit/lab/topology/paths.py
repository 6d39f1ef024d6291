# SPDX-License-Identifier: BSD-3-Clause
"""A topology as one path: a wire for each direction of a link, and nodes for each device."""

from collections.abc import Mapping

from labkit.lab.topology.addressing import Attached, Layout
from labkit.lab.topology.devices import router_of, switch_of
from labkit.lab.topology.plan import Quality
from labkit.path import nodes
from labkit.path.chain import Chain, Node
from labkit.path.function_types import overhead_of
from labkit.path.hosts import host, host_hear, host_refuse, host_send, icmp_unreachable
from labkit.path.path import Path
from labkit.path.types import PortLike
from labkit.path.values import Value
from labkit.path.wires import wire

ECHO_PORT = 7
PYTHONS_PORTS = 49152  # UDP ports from here on are those of programs (RFC 6335 6), here of Python

Ways = Mapping[str, Node]  # by name of the interface


def path_of(layout: Layout, name: str, ports: Mapping[str, PortLike]) -> Path:
    """ports: of the lab, by the hosts that stand behind them."""
    into: dict[str, Node] = {}
    out: dict[str, Node] = {}
    for number, link in enumerate(layout.plan.links):
        a, b = (_end(layout, end, number) for end in (link.a, link.b))
        if link.a == link.b:
            continue
        for at, far in ((a, b), (b, a)):
            into[at.name], out[far.name] = _wire(at, far, link.quality, number)
    chains: list[Chain] = []
    for device in layout.plan.devices.values():
        interfaces = layout.interfaces[device.name]
        if device.kind == "host":
            port = ports.get(device.name)
            chains += _host(interfaces[0], into, out, port)
            continue
        make = switch_of if device.kind == "switch" else router_of
        chains += make(layout, device.name, into, out)
    return Path(*chains, name=name)


def wire_params(quality: Quality) -> dict[str, Value]:
    """Parameters of the two wires of a link."""
    return {
        "rate": quality.rate,
        "delay": quality.delay,
        "jitter": quality.jitter,
        "loss": quality.loss,
        "limit": quality.limit,
        "up": quality.up,
        "overhead": 4 if quality.rate is None else overhead_of(quality.rate),
    }


def _end(layout: Layout, device: str, link: int) -> Attached:
    return next(i for i in layout.interfaces[device] if i.link == link)


def _wire(at: Attached, far: Attached, quality: Quality, number: int) -> tuple[Node, Node]:
    params = wire_params(quality)
    del params["overhead"]
    seed = 2 * number + (at.name > far.name)
    return wire(far.name, **params, seed=seed, name=at.name)  # type: ignore[arg-type]


def _host(at: Attached, into: Ways, out: Ways, port: PortLike | None) -> list[Chain]:
    name, begin, end = at.device.name, into[at.name], out[at.name]
    if port is not None:
        return [nodes.rx(port) >> begin, end >> nodes.tx(port)]
    addresses = [str(address) for address in at.addresses.values()]
    answers = (
        nodes.udp_echo(addresses, ECHO_PORT, at.mac, name=f"{name}.udp_echo")
        | host(addresses, at.mac, name)
        | icmp_unreachable(
            addresses, but_from=PYTHONS_PORTS, mac=at.mac, name=f"{name}.unreachable"
        )
        | host_refuse(addresses, ECHO_PORT, at.mac, name=f"{name}.refuse")
    )
    return [
        host_send(name=f"{name}.send") >> begin,
        end >> host_hear(name=f"{name}.hear") >> answers >> begin,
    ]
