# SPDX-License-Identifier: BSD-3-Clause
"""The lab: one engine, its ports and its paths, and the declaration that rebuilds them."""

import os
import weakref
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from labkit import nodes
from labkit.devices import Device, Option, parse_device
from labkit.engine.client import EngineClient
from labkit.engine.config import EalConfig
from labkit.errors import EngineError, LabError, PathError, PortError
from labkit.frame_rings import FrameRings
from labkit.path import Chain, Node, Path
from labkit.port import LINK_OVERHEAD, Port, PortDeclaration, PortInfo
from labkit.running import PathCounters, RunningPath

if TYPE_CHECKING:
    import pandas as pd

    from labkit.trace import Trace

MIN_MTU, MAX_MTU = 68, 9600
DEFAULT_MBUFS = 8191  # 2^13 - 1: what a mempool stores best


class Lab:
    """An engine of its own with ports and paths.

    A context manager: leaving it ends the engine. Lab(eal=EalConfig(...)) overrides how DPDK starts.
    """

    def __init__(self, eal: EalConfig | None = None) -> None:
        self.eal = eal or EalConfig()
        self.ports: dict[str, Port] = {}
        self.paths: dict[str, RunningPath] = {}
        self._host_paths: dict[str, RunningPath] = {}
        self._ports_made = 0
        self._engine = EngineClient(self.eal)
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
            PortDeclaration(name, device, self._next_mac(), self._settings(mtu, queues), peer)
            for name, peer in zip(names, reversed(names), strict=True)
        ]
        self._check_settings(names[0], mtu, queues, 16)
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

        name is what paths and pictures call it; mtu in bytes (None: the driver's or interface's
        own); queues in each direction; mac the address nodes answer for (None: the driver's, or one
        of the lab's making where the driver has none); options are the kind's own (ring_size; size,
        copy, source; tx, repeat; role, id, ring_size_log2, zero_copy, secret; framesz, framecnt,
        qdisc_bypass; start_queue, force_copy).
        """
        parsed = parse_device(device, mtu, queues, options)
        chosen_mtu = mtu or parsed.mtu
        chosen = self._free_name(name or parsed.target.rsplit("/", 1)[-1] or parsed.kind)
        if mac is None and parsed.own_mac:
            mac = self._next_mac()
        settings = self._settings(chosen_mtu, queues, promiscuous)
        declaration = PortDeclaration(chosen, parsed, mac, settings)
        self._attach(declaration)
        try:
            return self._start_port(declaration)
        except LabError:
            self._ask("stop_port", name=chosen)
            raise

    # Paths

    def run(self, path: Path | Chain | Node, name: str | None = None) -> RunningPath:
        """Runs a path on a worker.

        A path that has a port's queue to receive from takes over from the path that hands the
        port's frames to Python; two declared paths cannot receive from one queue.
        """
        if not isinstance(path, Path):
            path = Path(path, name=self._free_path_name(name or "path"))
        elif name is not None:
            path = path.renamed(name)
        if path.name in self.paths:
            raise PathError(f"a path called {path.name!r} runs already; stop it, or pass name=")
        self._check_ports(path)
        resolved = path.with_macs({port.name: port.mac for port in self.ports.values()})
        self._make_way(resolved)
        running = RunningPath(self, resolved)
        try:
            self._start_path(resolved)
            self.paths[path.name] = running
        finally:
            for port in self._hosted().intersection(resolved.ports):
                self._ensure_host_path(self.ports[port])
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
        from labkit.trace import Trace

        return Trace(self, count, snaplen)

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
        return self._engine.is_alive

    @property
    def dpdk_version(self) -> str:
        version: str = self._engine.facts["dpdk"]
        return version

    @property
    def workers(self) -> "pd.DataFrame":
        """One row a worker: lcore, cpu (missing: shares all CPUs), paths, loops, busy_ns, idle_ns."""
        import pandas as pd

        columns = ["lcore", "cpu", "paths", "loops", "busy_ns", "idle_ns"]
        frame = pd.DataFrame(self._ask("describe_workers"), columns=columns)
        return frame.astype({"cpu": "Int64"})

    def counters(self) -> dict[str, PathCounters]:
        """Counters of every path by its name, those that hand frames to Python included."""
        names = [*self.paths, *(path.name for path in self._host_paths.values())]
        answers = self._ask("counters", names=names)
        return {name: PathCounters.from_engine(answer) for name, answer in answers.items()}

    def restart(self) -> None:
        """A new engine with the same ports and paths; counters begin at 0. Sockets stay open."""
        self._finalizer()
        ports, paths = list(self.ports.values()), list(self.paths.values())
        hosts = list(self._host_paths.values())
        self._engine = EngineClient(self.eal)
        self._finalizer = weakref.finalize(self, EngineClient.close, self._engine)
        for port in ports:
            self._attach(port.declaration)
            port._info = self._configure(port.declaration)
            if port._rings is not None:
                self._share(port, port._rings)
        for running in (*hosts, *paths):
            self._start_path(running.path)

    def close(self) -> None:
        """Ends the engine. Its ports, interfaces and files go with it."""
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
        from labkit.overview import overview_html

        html = overview_html(self) if self.is_alive else f"<pre>{self!r}</pre>"
        return {"text/plain": repr(self), "text/html": html}

    # For ports, paths and runs of this lab

    def _ask(self, command: str, descriptors: tuple[int, ...] = (), **arguments: Any) -> Any:
        return self._engine.ask(command, descriptors, **arguments)

    def _check_alive(self) -> None:
        """Raises EngineDied, with what is known of it, when the engine is gone."""
        if not self._engine.is_alive:
            self._ask("clock")

    def _attach_frames(self, port: Port, *, listens: bool) -> FrameRings:
        """The port's frame rings, with a path that serves them."""
        if port._rings is None:
            rings = FrameRings(port.name, port.mtu + LINK_OVERHEAD)
            self._share(port, rings)
            port._rings = rings
        self._ensure_host_path(port)
        if listens and not any(
            node.kind == "collect" and node.params["port"] == port.name
            for running in self._all_paths()
            for node in running.path.nodes
        ):
            owner = self._receiver_of(port.name, 0)
            assert owner is not None
            raise PortError(
                f"port {port.name} is received by path {owner.name!r}, so Python hears nothing of "
                f"it; add lk.collect({port.name!r}) to that path, or stop it"
            )
        return port._rings

    # Within

    def _hosted(self) -> set[str]:
        return {port.name for port in self.ports.values() if port._rings is not None}

    def _all_paths(self) -> list[RunningPath]:
        return [*self.paths.values(), *self._host_paths.values()]

    def _receiver_of(self, port: str, queue: int) -> RunningPath | None:
        for running in self._all_paths():
            for node in running.path.nodes:
                if (node.kind, node.params.get("port"), node.params.get("queue")) == (
                    "rx",
                    port,
                    queue,
                ):
                    return running
        return None

    def _ensure_host_path(self, port: Port) -> None:
        """Sees to it that some path takes frames from Python and, if it can, brings them back."""
        if port.name in self._host_paths:
            return
        used = {
            (node.kind, node.params.get("queue", 0))
            for running in self.paths.values()
            for node in running.path.nodes
            if node.params.get("port") == port.name
        }
        chains: list[Chain] = []
        if ("inject", 0) not in used:
            chains.append(nodes.inject(port) >> nodes.tx(port))
        if ("rx", 0) not in used and ("collect", 0) not in used:
            chains.append(nodes.rx(port) >> nodes.collect(port))
        if chains:
            path = Path(*chains, name=f"host:{port.name}")
            self._start_path(path)
            self._host_paths[port.name] = RunningPath(self, path)

    def _make_way(self, path: Path) -> None:
        """Stops host paths of the path's ports; refuses what two declared paths cannot share."""
        exclusive = ("rx", "inject", "collect")
        wanted = {
            (n.kind, n.params["port"], n.params.get("queue", 0)): n.name
            for n in path.nodes
            if n.kind in exclusive
        }
        for running in self.paths.values():
            for n in running.path.nodes:
                key = (n.kind, n.params.get("port"), n.params.get("queue", 0))
                if key in wanted:
                    raise PathError(
                        f"path {path.name!r}, node {wanted[key]}: path {running.name!r} has "
                        f"{n.kind} of port {key[1]}, queue {key[2]} already; stop it, or open the "
                        "port with more queues and use another one"
                    )
        for port in path.ports:
            host = self._host_paths.pop(port, None)
            if host is not None:
                self._ask("stop_path", name=host.name)
            if any(n.kind in ("inject", "collect") and n.params["port"] == port
                   for n in path.nodes) and self.ports[port]._rings is None:
                rings = FrameRings(port, self.ports[port].mtu + LINK_OVERHEAD)
                self._share(self.ports[port], rings)
                self.ports[port]._rings = rings

    def _check_ports(self, path: Path) -> None:
        for n in path.nodes:
            port_name = n.params.get("port")
            if port_name is None:
                continue
            port = self.ports.get(port_name)
            if port is None:
                there = ", ".join(self.ports) or "none"
                raise PathError(f"path {path.name!r}, node {n.name}: this lab has no port "
                                f"{port_name!r} (it has: {there})")
            queues = port._info.rx_queues if n.kind == "rx" else port._info.tx_queues
            if n.params.get("queue", 0) >= queues:
                raise PathError(
                    f"path {path.name!r}, node {n.name}: queue {n.params['queue']} of port "
                    f"{port_name}, which has {queues} (0 to {queues - 1}); open it with queues="
                )

    def _start_path(self, path: Path) -> None:
        self._ask("run_path", name=path.name, path=path.to_dict())

    def _stop(self, running: RunningPath) -> None:
        if self.paths.get(running.name) is not running:
            return
        self._ask("stop_path", name=running.name)
        del self.paths[running.name]
        for port in running.path.ports:
            if port in self._hosted():
                host = self._host_paths.pop(port, None)
                if host is not None:
                    self._ask("stop_path", name=host.name)
                self._ensure_host_path(self.ports[port])

    def _attach(self, declaration: PortDeclaration) -> None:
        """Makes the device of a port; the two of a cable come with its first end."""
        device, settings = declaration.device, declaration.settings
        if device.kind == "ring":
            names = [declaration.name, *([declaration.peer] if declaration.peer else [])]
            if declaration.peer and names != sorted(names, key=self._declared_order):
                return
            self._ask(
                "cable",
                names=names,
                queues=settings["rx_queues"],
                ring_size=device.arguments.get("ring_size", 1024),
            )
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
            )
        except EngineError as error:
            target = f":{device.target}" if device.target else ""
            raise PortError(f"{device.kind}{target} could not be opened: {error}") from None

    def _declared_order(self, name: str) -> int:
        return list(self.ports).index(name)

    def _start_port(self, declaration: PortDeclaration) -> Port:
        port = Port(self, declaration, self._configure(declaration))
        self.ports[port.name] = port
        return port

    def _configure(self, declaration: PortDeclaration) -> PortInfo:
        limits = self._ask("port_limits", name=declaration.name)
        name, settings = declaration.name, declaration.settings
        driver, mtu = limits["driver"], settings["mtu"]
        if mtu and not limits["min_mtu"] <= mtu <= limits["max_mtu"]:
            raise PortError(
                f"{name}: mtu {mtu} is outside of what {driver} takes, {limits['min_mtu']} to "
                f"{limits['max_mtu']} bytes; pass an mtu in that range"
            )
        most = min(limits["max_rx_queues"], limits["max_tx_queues"])
        if settings["rx_queues"] > most:
            raise PortError(
                f"{name}: {settings['rx_queues']} queues, but {driver} has at most {most}; "
                f"pass queues={most} or fewer"
            )
        try:
            info = self._ask("start_port", name=name, settings=settings, mac=declaration.mac)
        except EngineError as error:
            raise PortError(f"{name}: {driver} did not start: {error}") from None
        return PortInfo(**info)

    def _share(self, port: Port, rings: FrameRings) -> None:
        self._ask(
            "attach_frames",
            (rings.queue.descriptor, rings.journal.descriptor),
            name=port.name,
            sizes=[rings.queue.bytes, rings.journal.bytes],
        )

    def _settings(self, mtu: int, queues: int, promiscuous: bool = True) -> dict[str, int]:
        return {
            "mtu": mtu,
            "rx_queues": queues,
            "tx_queues": queues,
            "rx_descriptors": 0,
            "tx_descriptors": 0,
            "mbufs": DEFAULT_MBUFS,
            "promiscuous": int(promiscuous),
        }

    def _check_settings(self, name: str, mtu: int, queues: int, most_queues: int) -> None:
        if not MIN_MTU <= mtu <= MAX_MTU:
            raise PortError(f"{name}: mtu is {mtu}; the range is {MIN_MTU} to {MAX_MTU} bytes")
        if not 1 <= queues <= most_queues:
            raise PortError(f"{name}: queues is {queues}; the range is 1 to {most_queues}")

    def _next_mac(self) -> str:
        """A locally administered address that no other lab on this machine uses."""
        number = os.getpid() << 8 | len(self.ports) & 0xFF
        self._macs = getattr(self, "_macs", 0) + 1
        return (0x02_00_00_00_00_00 | (number << 8 | self._macs) & 0xFFFFFFFFFF).to_bytes(6).hex(":")

    def _free_name(self, wanted: str) -> str:
        return _first_free(wanted, self.ports)

    def _free_path_name(self, wanted: str) -> str:
        return _first_free(wanted, self.paths)


def _first_free(wanted: str, taken: Iterable[str]) -> str:
    names = set(taken)
    if wanted not in names:
        return wanted
    return next(f"{wanted}{n}" for n in range(2, len(names) + 3) if f"{wanted}{n}" not in names)


