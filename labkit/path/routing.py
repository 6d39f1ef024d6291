# SPDX-License-Identifier: BSD-3-Clause
"""Routers: lk.router as a whole path, lk.route as a node of any path."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any

from labkit.arguments.checked import EVERY, checked
from labkit.errors import PathError
from labkit.path.cells import Cell
from labkit.path.chain import Chain, Join, as_chain
from labkit.path.declaration import node
from labkit.path.function_types import Outputs, OwnState, PortList, State, TimeType
from labkit.path.nodes import rx, tx
from labkit.path.path import Path
from labkit.path.release import new_state
from labkit.path.route_types import Net, hops_of
from labkit.path.types import Name, PortLike, PortType
from labkit.path.values import RealType, WholeType
from labkit.text import near, shown

KINDS_OF_ROUTES = (
    *("none", "blackhole", "unreachable", "nobody", "link-local", "group"),
    *("broadcast", "local", "on link", "gateway", "several"),
)
STATES = ("new", "incomplete", "reachable", "stale", "delay", "probe", "failed")

Aging = Annotated[float | str, TimeType(0.05, 86400)]
Tries = Annotated[int, WholeType(1, 100)]
ErrorRate = Annotated[float, RealType(0, 1e9, "it is a number of messages a second, 0 to 1e9")]
ErrorBurst = Annotated[int, WholeType(0, 1_000_000)]
Room = Annotated[int, WholeType(16, 1_000_000)]


@node(
    role="process",
    kind="route",
    outputs=(),
    reference="RFC 1812, RFC 8200, rte_fib",
    counters=(
        *("made", "taken", "held", "forwarded", "fragmented"),
        *("errors", "errors_withheld", "answered", "asked"),
    ),
    table={
        "prefix": Cell.PREFIX,
        "kind": Cell.choice(*KINDS_OF_ROUTES),
        "gateway": Cell.IP,
        "port": Cell.OUTPUT,
    },
    asks_where_from=True,
)
def router_node(
    state: OwnState,
    ports: PortList,
    network: Net,
    outputs: Outputs,
    reachable: Aging = 30.0,
    retry: Aging = 1.0,
    tries: Tries = 3,
    icmp_rate: ErrorRate = 1000.0,
    icmp_burst: ErrorBurst = 50,
    neighbours: Room = 1024,
    *,
    name: Name = None,
) -> None:
    """Forwards packets by the longest prefix; answers ARP, neighbour discovery and ping."""


@node(
    role="source",
    kind="neighbours",
    brings_frames_in=False,
    reference="RFC 4861 7.3",
    table={
        "address": Cell.IP,
        "port": Cell.OUTPUT,
        "mac": Cell.MAC,
        "state": Cell.choice(*STATES),
        "age_s": Cell.SECONDS,
        "packets": Cell.WHOLE,
        "waiting": Cell.WHOLE,
    },
)
def neighbour_clock(state: State, *, name: Name = None) -> None:
    """Asks a router's neighbours again, lets them age, and gives up those that do not answer."""


@checked(PathError, but=EVERY)
def route(
    ports: Mapping[Any, Any],
    routes: Mapping[str, Any] | None = None,
    *,
    macs: Mapping[Any, str] | None = None,
    mtus: Mapping[Any, int] | None = None,
    reachable: float | str = 30.0,
    retry: float | str = 1.0,
    tries: int = 3,
    icmp_rate: float = 1000.0,
    icmp_burst: int = 50,
    neighbours: int = 1024,
    name: str | None = None,
) -> Chain:
    """The router of lk.router() as a node, for paths in which something is between it and a port:

        r = lk.route({a: "10.0.1.1/24", b: "10.0.2.1/24"})
        lab.run(lk.Path(lk.rx(a) >> r, lk.rx(b) >> r,
                        r["a"] >> lk.tx(a), r["b"] >> lk.delay("20 ms") >> lk.tx(b)))

    Its outputs are named after its ports. Parameters are those of lk.router().
    """
    example = '{port: "10.0.1.1/24"}'
    for what, given, such in (
        ("ports", ports, example),
        ("routes", routes, '{"10.9.0.0/16": "10.0.1.254"}'),
        ("macs", macs, '{port: "02:00:00:00:00:01"}'),
        ("mtus", mtus, "{port: 1400}"),
    ):
        if given is not None and not isinstance(given, Mapping):
            raise PathError(f"{what} is {shown(given)}; it is a dict such as {such}")
    names = [str(PortType().given(port)) for port in ports]
    if not names:
        raise PathError('a router has a port at least, such as {port: "10.0.1.1/24"}')
    if len(set(names)) < len(names):
        raise PathError(f"a port is there twice: {', '.join(names)}; give it a list of addresses")
    given_macs = _by_port("macs", macs, names)
    given_mtus = _by_port("mtus", mtus, names)
    told = {
        port: {
            "addresses": _texts(addresses),
            "mac": given_macs.get(port),
            "mtu": given_mtus.get(port),
        }
        for port, addresses in zip(names, ports.values(), strict=True)
    }
    found = {
        str(prefix): hops_of(str(prefix), hops, names, PortType().given)
        for prefix, hops in (routes or {}).items()
    }
    state = new_state()
    router = as_chain(
        router_node(
            state,
            names,
            {"ports": told, "routes": found},
            names,
            reachable,
            retry,
            tries,
            icmp_rate,
            icmp_burst,
            neighbours,
            name=name,
        )
    )
    clock = neighbour_clock(state, name=name and f"{name}_neighbours")
    return replace(
        router,
        nodes=(clock, *router.nodes),
        joins=(Join(clock, "next", router.first),),
    )


@checked(PathError, but=EVERY)
def router(
    ports: Mapping[Any, Any],
    routes: Mapping[str, Any] | None = None,
    *,
    macs: Mapping[Any, str] | None = None,
    mtus: Mapping[Any, int] | None = None,
    reachable: float | str = 30.0,
    retry: float | str = 1.0,
    tries: int = 3,
    icmp_rate: float = 1000.0,
    icmp_burst: int = 50,
    neighbours: int = 1024,
    name: str = "router",
) -> Path:
    """A router between ports, for IPv4 and IPv6: a whole path, to be run as it is.

        r = lab.run(lk.router({a: "10.0.1.1/24", b: ["10.0.2.1/24", "fd00:2::1/64"]},
                              routes={"0.0.0.0/0": "10.0.2.254"}))
        r.tables["neighbours"]

    ports: by port its address or addresses, with the length of their networks' prefixes
    routes: by prefix where it leads: a gateway's address ("fe80::1%b" on a port), or several, of
    which a flow takes always the same one (by its addresses, protocol and ports); a port, whose
    link has all these addresses; None or "blackhole": packets are dropped; "unreachable": and
    their sender is told. The longest prefix counts.
    macs, mtus: of ports, where they are not to be the port's own
    reachable, retry, tries: seconds until a neighbour that answered is asked again, seconds between
    two questions, and how many of them (RFC 4861 10). 16 packets at most wait for a neighbour.
    icmp_rate, icmp_burst: ICMP errors a second, and at once; what is more is not told
    neighbours: how many it knows at most

    It answers ping, ARP and neighbour solicitations for its addresses. Packets that cannot go on
    end in a drop node that says why, and their sender is told by ICMP: time exceeded, network, host
    and port unreachable, fragmentation needed, packet too big. IPv4 packets that are too long and
    may be fragmented are.

    RunningPath.tables has its routes ("route") and neighbours ("neighbours", with state and age);
    counters.functions["route"]: packets forwarded, fragmented; errors told, errors_withheld (by
    icmp_rate); answered; asked: questions for neighbours; frames made, taken, held.
    """
    node_chain = route(
        ports,
        routes,
        macs=macs,
        mtus=mtus,
        reachable=reachable,
        retry=retry,
        tries=tries,
        icmp_rate=icmp_rate,
        icmp_burst=icmp_burst,
        neighbours=neighbours,
    )
    names = [str(PortType().given(port)) for port in ports]
    return Path(
        *(rx(port) >> node_chain for port in names),
        *(node_chain[port] >> tx(port) for port in names),
        name=name,
    )


def _texts(addresses: object) -> list[str]:
    many = addresses if isinstance(addresses, (list, tuple)) else [addresses]
    return [str(address) for address in many]


def _by_port(
    what: str, given: Mapping[PortLike | str, Any] | None, names: list[str]
) -> dict[str, Any]:
    found = {str(PortType().given(port)): value for port, value in (given or {}).items()}
    for port in found:
        if port not in names:
            raise PathError(f"{what} has {shown(port)}, which is no port of it{near(port, names)}")
    return found
