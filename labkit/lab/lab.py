# SPDX-License-Identifier: BSD-3-Clause
"""The lab: one engine, its ports and its paths, and the declaration that rebuilds them."""

import os
import weakref
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

from labkit._codec import lib
from labkit.engine.client import EngineClient
from labkit.engine.config import EalConfig
from labkit.errors import EngineError, LabError, PathError, PortError
from labkit.lab import open_labs as living
from labkit.lab.device import Device, Option, parse_device
from labkit.lab.exclusive import check_idle
from labkit.lab.host_paths import HostPaths
from labkit.lab.port import Port
from labkit.lab.port_declaration import PortDeclaration, PortInfo
from labkit.lab.port_limits import (
    check_limits,
    check_name,
    check_room,
    check_settings,
    name_of,
    not_opened,
    settings_of,
)
from labkit.lab.running_path import RunningPath
from labkit.path import nodes
from labkit.path.chain import Chain, Node
from labkit.path.counters import PathCounters
from labkit.path.path import Path

if TYPE_CHECKING:
    import pandas as pd

    from labkit.lab.trace import Trace
    from labkit.lab.tunnel_ports import TunnelEnd
    from labkit.packet.tunnels import Tunnel
    from labkit.widgets.dashboard import Dashboard


CLOSED_END = "~"  # which no port can be called


class Endable(Protocol):
    """What is closed with a lab."""

    def close(self) -> None: ...  # noqa: D102


class Lab:
    """An engine of its own with ports and paths.

    A context manager: leaving it ends the engine. Lab(eal=EalConfig(...)) sets how DPDK starts.
    """

    def __init__(self, eal: EalConfig | None = None) -> None:
        self.eal = eal or EalConfig()
        self.ports: dict[str, Port] = {}
        self.paths: dict[str, RunningPath] = {}
        self._hosts = HostPaths(self)
        self._tunnels: dict[str, list[TunnelEnd]] = {}
        self._ports_made = 0
        self._macs = 0
        self.is_closed = False
        self._endings: weakref.WeakSet[Endable] = weakref.WeakSet()
        self._start_engine()
        living.labs.add(self)

    def _start_engine(self) -> None:
        try:
            self._engine = EngineClient(self.eal)
        except EngineError:
            # Hugepages that were free a moment ago may be somebody else's by now.
            if self.eal.hugepages is not None or not self.eal.uses_hugepages():
                raise
            self._engine = EngineClient(replace(self.eal, hugepages=False))
        self._finalizer = weakref.finalize(self, EngineClient.close, self._engine)

    # Ports

    def cable(
        self,
        a: str = "client",
        b: str = "server",
        *,
        mtu: int = 9001,
        queues: int = 1,
        ring_size: int = 1024,
    ) -> tuple[Port, Port]:
        """Two ring ports wired back to back: what one sends the other receives.

        mtu in bytes; queues 1 to 16 in each direction; ring_size frames a queue, a power of two.
        """
        if ring_size < 64 or ring_size & (ring_size - 1):
            raise PortError(f"ring_size is {ring_size}; it is a power of two, 64 or more")
        names = [self._free_name(a), self._free_name(b)]
        if names[0] == names[1]:
            raise PortError(f"both ends are called {a!r}; give them two names")
        device = Device("ring", "", "vdev", "net_ring", {"ring_size": ring_size}, mtu, own_mac=True)
        ends = [
            PortDeclaration(name, device, self._next_mac(), settings_of(mtu, queues), peer)
            for name, peer in zip(names, reversed(names), strict=True)
        ]
        check_settings(names[0], mtu, queues, lib.LK_MAX_RING_QUEUES)
        check_room(len(self.ports), self._ask("ports_left"), 2)
        with self._all_or_none(names):
            self._ask("cable", names=names, queues=queues, ring_size=ring_size)
            first, second = (self._start_port(end) for end in ends)
        return first, second

    def port(
        self,
        device: str,
        name: str | None = None,
        *,
        mtu: int | None = None,
        queues: int = 1,
        promiscuous: bool = True,
        mac: str | None = None,
        **options: Option,
    ) -> Port:
        """Opens a port: ring, null, pcap:FILE, memif:NAME, tap:NAME, af_packet:INTERFACE,
        af_xdp:INTERFACE or pci:ADDRESS.

        Linux leaves checksums of local traffic unfinished: on veth, `ethtool -K PEER tx off` keeps
        the peer's datagrams out of drop_udp_bad_checksum.

        name is what paths and pictures call it; mtu in bytes (None: the driver's or interface's
        own); queues in each direction; mac the address nodes answer for (None: the driver's, or one
        of the lab's making where the driver has none); options are the kind's own (ring_size; size,
        copy, source; tx, repeat; role, id, ring_size_log2, zero_copy, secret; framesz, framecnt,
        qdisc_bypass; start_queue, force_copy).
        """
        parsed = parse_device(device, mtu, queues, options)
        chosen_mtu = mtu or parsed.mtu
        chosen = self._free_name(name or name_of(parsed))
        if mac is None and parsed.own_mac:
            mac = self._next_mac()
        settings = settings_of(chosen_mtu, queues, promiscuous)
        declaration = PortDeclaration(chosen, parsed, mac, settings)
        check_room(len(self.ports), self._ask("ports_left"), 1)
        with self._all_or_none([chosen]):
            self._attach(declaration)
            return self._start_port(declaration)

    def tunnel(self, port: Port, tunnel: "Tunnel", inner: str = "inner") -> Port:
        """The inner side of a tunnel as a port called `inner`: what it sends leaves `port` in the
        tunnel, what comes out of the tunnel arrives on it. Sockets, echo servers and paths work on
        it as on any port.

        tunnel: lk.Vxlan, lk.Geneve or lk.Gue. Its local_mac is the port's unless it names one;
        remote_mac is asked for with ARP or neighbour discovery (raises Unreachable). The outer port
        answers ARP, neighbour discovery and ping for the local address. The inner port's MTU is
        what the outer one leaves.

        Several tunnels may share an outer port. lab.paths["tunnels:NAME"] is the path that does the
        work; adding a tunnel builds it anew, and its counters begin at 0. Closing the inner port
        takes the tunnel away.
        """
        from labkit.lab.tunnel_ports import open_tunnel

        return open_tunnel(self, port, tunnel, inner)

    # Paths

    def run(self, path: Path | Chain | Node, name: str | None = None) -> RunningPath:
        """Runs a path on a worker.

        A path that has a port's queue to receive from takes over from the path that hands the
        port's frames to Python; two declared paths cannot receive from one queue.
        """
        if not isinstance(path, Path):
            path = Path(path, name=name or self._free_path_name("path"))
        elif name is not None:
            path = path.renamed(name)
        if path.name in self.paths:
            raise PathError(f"a path called {path.name!r} runs already; stop it, or pass name=")
        self._check_ports(path)
        resolved = path.with_macs({port.name: port.mac for port in self.ports.values()})
        running = RunningPath(self, resolved)
        try:
            self._make_way(resolved)
            self._start_path(resolved)
            self.paths[path.name] = running
        finally:
            self._hosts.ensure(resolved.ports)
        return running

    def echo_server(
        self, port: Port, addresses: Iterable[str], udp_port: int = 7, *, name: str | None = None
    ) -> RunningPath:
        """Answers ARP, neighbour discovery, ping, ping6 and UDP datagrams to `udp_port` on a port.

        addresses such as ["10.0.0.2/24", "fd00::2/64"], at most 16 of each version. What is not
        answered ends in a drop node named after the reason.
        """
        where = list(addresses)
        path = Path(
            nodes.rx(port)
            >> (
                nodes.udp_echo(where, udp_port)
                | nodes.icmp_echo(where)
                | nodes.arp_responder(where)
                | nodes.nd_responder(where)
                | nodes.refuse(where, udp_port)
            )
            >> nodes.tx(port),
            name=name or self._free_path_name(f"echo:{port.name}"),
        )
        return self.run(path)

    def trace(self, count: int = 1, *, snaplen: int = 256) -> "Trace":
        """Follows the next `count` frames (1 to 1024) that enter any path, node by node.

        snaplen bytes of a frame are kept at every step. See Trace.
        """
        from labkit.lab.trace import Trace

        return Trace(self, count, snaplen)

    def dashboard(self, *parts: str) -> "Dashboard":
        """A live view: rates of ports, busy share of workers, mempools, paths with their drops.

        parts: some of "chart", "ports", "workers", "pools", "paths"; none means all of them. It
        moves while cells run, closes with the lab, and leaves a static picture in the notebook.
        """
        from labkit.widgets.dashboard import Dashboard

        return Dashboard(self, parts)

    # Life

    @property
    def log(self) -> str:
        """What the engine and DPDK printed."""
        return self._engine.log

    @property
    def pid(self) -> int:
        """Process id of the engine."""
        return self._engine.process.pid

    @property
    def is_alive(self) -> bool:
        """Whether the engine runs."""
        return self._engine.is_alive

    @property
    def dpdk_version(self) -> str:
        """Such as "DPDK 22.11.11"."""
        version: str = self._engine.facts["dpdk"]
        return version

    @property
    def workers(self) -> "pd.DataFrame":
        """One row a worker: lcore, cpu (missing: shares all), paths, loops, busy_ns, idle_ns."""
        import pandas as pd

        columns = ["lcore", "cpu", "paths", "loops", "busy_ns", "idle_ns"]
        frame = pd.DataFrame(self._ask("describe_workers"), columns=columns)
        return frame.astype({"cpu": "Int64"})

    def counters(self) -> dict[str, PathCounters]:
        """Counters of every path by its name, those that hand frames to Python included."""
        names = [running.name for running in self._all_paths()]
        answers = self._ask("counters", names=names)
        return {name: PathCounters.from_engine(answer) for name, answer in answers.items()}

    def restart(self) -> None:
        """A new engine with the same ports and paths; counters begin at 0. Sockets stay open.

        Raises LabError while a measurement runs, unless the engine has died.
        """
        if self.is_alive:
            check_idle(self)
        self.is_closed = False
        self._finalizer()
        self._start_engine()
        for port in self.ports.values():
            self._attach(port.declaration)
        for port in self.ports.values():
            port._info = self._configure(port.declaration)
        self._hosts.rebuild()
        for running in self.paths.values():
            self._start_path(running.path)
        self._hosts.ensure(self.ports)  # of ports that a path had when the engine died

    def close(self) -> None:
        """Ends the engine. Its ports, interfaces, files and live views go with it."""
        for view in tuple(self._endings):
            view.close()
        self.is_closed = True
        for look in living.before_close:
            look(self)
        living.labs.discard(self)
        self._finalizer()

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = f"engine {self.pid}, {self.dpdk_version}" if self.is_alive else "ended"
        lines = [f"<Lab: {state}>"]
        lines += [f"  {port!r}" for port in self.ports.values()]
        lines += [f"  {running!r}" for running in self.paths.values()]
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, str]:
        from labkit.lab.overview import overview_html

        html = overview_html(self) if self.is_alive else f"<pre>{self!r}</pre>"
        return {"text/plain": repr(self), "text/html": html}

    # For ports, paths, runs and views of this lab

    def ends_with_it(self, view: Endable) -> None:
        """Closes a view when the lab is closed, unless it is gone by then."""
        self._endings.add(view)

    def _ask(self, command: str, descriptors: tuple[int, ...] = (), **arguments: Any) -> Any:
        return self._engine.ask(command, descriptors, **arguments)

    def _check_alive(self) -> None:
        """Raises EngineDied, with what is known of it, when the engine is gone."""
        if not self._engine.is_alive:
            self._ask("clock")

    def _all_paths(self) -> list[RunningPath]:
        """Declared paths and those between ports and Python."""
        return [*self.paths.values(), *self._hosts.running.values()]

    # Within

    def _make_way(self, path: Path) -> None:
        """Stops host paths of the path's ports; refuses what two declared paths cannot share."""
        wanted = path.exclusive_queues
        for running in self.paths.values():
            for key in running.path.exclusive_queues:
                if key in wanted:
                    kind, port, queue = key
                    raise PathError(
                        f"path {path.name!r}, node {wanted[key]}: path {running.name!r} has {kind} "
                        f"of port {port}, queue {queue} already; stop it, or open the port with "
                        "more queues and use another one"
                    )
        self._hosts.leave(path.ports)
        for kind, port, _ in wanted:
            if kind in ("inject", "collect"):
                self._hosts.share(self.ports[port])

    def _check_ports(self, path: Path) -> None:
        for n in path.nodes:
            if "port" not in n.params:
                continue
            port_name = str(n.params["port"])
            port = self.ports.get(port_name)
            if port is None:
                there = ", ".join(self.ports) or "none"
                raise PathError(
                    f"path {path.name!r}, node {n.name}: this lab has no port "
                    f"{port_name!r} (it has: {there})"
                )
            queues = port._info.rx_queues if n.kind == "rx" else port._info.tx_queues
            if int(str(n.params.get("queue", 0))) >= queues:
                raise PathError(
                    f"path {path.name!r}, node {n.name}: queue {n.params['queue']} of port "
                    f"{port_name}, which has {queues} (0 to {queues - 1}); open it with queues="
                )

    def _start_path(self, path: Path) -> None:
        try:
            self._ask("run_path", name=path.name, path=path.to_dict())
        except LabError:
            raise
        except BaseException:  # an interrupt ends the wait alone: the engine runs it all the same
            self._ask("stop_path", name=path.name)
            raise

    def _stop(self, running: RunningPath) -> None:
        if self.paths.get(running.name) is not running:
            return
        try:
            self._ask("stop_path", name=running.name)
        finally:  # an interrupted wait does not keep it, and a restart is not to bring it back
            del self.paths[running.name]
            self._hosts.leave(running.path.ports)
            self._hosts.ensure(running.path.ports)

    def _stop_measurement(self) -> None:
        """Stops the paths of a measurement; what one of them raises does not keep the others."""
        with ExitStack() as stack:
            for running in self.paths.values():
                if any("run" in node.params for node in running.path.nodes):
                    stack.callback(running.stop)

    @contextmanager
    def _all_or_none(self, names: Iterable[str]) -> Iterator[None]:
        """Takes back ports that did not all open, or whose opening was interrupted."""
        try:
            yield
        except BaseException:
            for name in names:
                self.ports.pop(name, None)
                with suppress(LabError):  # what went wrong first is what is told
                    self._ask("close_port", name=name)
            raise

    def _attach(self, declaration: PortDeclaration) -> None:
        """Makes the device of a port; the two of a cable come with its first end."""
        device, settings = declaration.device, declaration.settings
        if device.kind == "ring":
            other = CLOSED_END if declaration.is_unplugged else declaration.peer
            names = [declaration.name, *([other] if other else [])]
            if declaration.peer and names != sorted(names, key=self._declared_order):
                return
            self._ask(
                "cable",
                names=names,
                queues=settings["rx_queues"],
                ring_size=device.arguments.get("ring_size", 1024),
            )
            if declaration.is_unplugged:
                self._ask("close_port", name=CLOSED_END)
            return
        if device.kind == "pci" and device.target not in self.eal.pci:
            raise PortError(
                f"pci:{device.target}: the engine was not allowed to take this device; start it "
                f'with lk.Lab(eal=lk.EalConfig(pci=("{device.target}",)))'
            )
        self._ports_made += 1
        vdev = f"{device.driver}{self._ports_made}"
        try:
            self._ask(
                "probe_device",
                name=declaration.name,
                bus=device.bus,
                device=vdev if device.bus == "vdev" else device.target,
                arguments=device.devargs,
                fanout=device.kind != "af_packet" or settings["rx_queues"] > 1,
            )
        except EngineError as error:
            raise not_opened(device, str(error)) from None

    def _declared_order(self, name: str) -> int:
        return list(self.ports).index(name)

    def _start_port(self, declaration: PortDeclaration) -> Port:
        port = Port(self, declaration, self._configure(declaration))
        self.ports[port.name] = port
        return port

    def _configure(self, declaration: PortDeclaration) -> PortInfo:
        limits = self._ask("port_limits", name=declaration.name)
        name, settings, driver = declaration.name, declaration.settings, limits["driver"]
        check_limits(name, settings, limits)
        try:
            info = self._ask(
                "start_port",
                name=name,
                settings=settings,
                mac=declaration.mac,
                for_driver=declaration.device.kind != "tap",
            )
        except EngineError as error:
            raise PortError(f"{name}: {driver} did not start: {error}") from None
        return PortInfo(**info)

    def _next_mac(self) -> str:
        """A locally administered address that no other lab on this machine uses."""
        self._macs += 1
        number = 0x02 << 40 | (os.getpid() & 0xFFFFFF) << 16 | (id(self) >> 6 & 0xFF) << 8
        return (number | self._macs & 0xFF).to_bytes(6, "big").hex(":")

    def _free_name(self, wanted: str) -> str:
        check_name(wanted)
        return _first_free(wanted, self.ports)

    def _free_path_name(self, wanted: str) -> str:
        return _first_free(wanted, self.paths)


def _first_free(wanted: str, taken: Iterable[str]) -> str:
    names = set(taken)
    if wanted not in names:
        return wanted
    return next(f"{wanted}{n}" for n in range(2, len(names) + 3) if f"{wanted}{n}" not in names)
