# SPDX-License-Identifier: BSD-3-Clause
"""The lab: one engine, its ports and its paths, and the declaration that rebuilds them."""

import itertools
import sys
import weakref
from collections.abc import Mapping
from contextlib import suppress
from functools import cached_property
from os import PathLike
from typing import TYPE_CHECKING, Annotated, Any, Literal

from labkit.arguments.checked import EVERY, checked, fitting
from labkit.arguments.hints import Between, Count, IpAddresses, Offers, Seconds, UdpPort
from labkit.arguments.names import Named
from labkit.engine.config import EalConfig
from labkit.engine.engine import Engine
from labkit.errors import EngineDied, EngineHung, LabError, PathError, PortError, is_answered
from labkit.lab import open_labs
from labkit.lab.device import Option, names_of_kinds, parse_device
from labkit.lab.exclusive import check_may_end
from labkit.lab.host_paths import HostPaths
from labkit.lab.nic_settings import LINK_SECONDS, NicSettings
from labkit.lab.paths import LabPaths
from labkit.lab.port import Port
from labkit.lab.port_frames import Closable
from labkit.lab.port_limits import check_mac, settings_of
from labkit.lab.ports import LabPorts
from labkit.lab.rebinding import make_room, note
from labkit.lab.running_path import RunningPath
from labkit.lab.workers import LabWorkers
from labkit.path.chain import Chain, Node
from labkit.path.counters import PathCounters
from labkit.path.hosts import echo_host
from labkit.path.path import Path

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

    from labkit.lab.flows.traffic import Traffic
    from labkit.lab.port_capture import PortCapture
    from labkit.lab.topology.network import Network
    from labkit.lab.trace import Trace
    from labkit.lab.tunnel_ports import TunnelPorts
    from labkit.packet.tunnels import Tunnel

_numbers = itertools.count(1)


@checked()
class Lab:
    """An engine of its own with ports and paths.

    A context manager: leaving it ends the engine. Lab(eal=EalConfig(...)) sets how DPDK starts.

    `lab = lk.Lab()` ends the lab that the name stood for, unless something else holds that one, and
    `labs = [lk.Lab(), ...]` those in the list that it stood for. A cell that runs again ends those
    of its earlier run that only Out holds. lk.labs() lists the labs there are.

    Attributes
    ----------
    eal: how DPDK starts
    engine: the process that runs DPDK, and the next one after a restart
    ports, paths: what is open and what runs, by name
    is_closed: whether it was closed
    live: the traffic that traffic() made last
    captures: those of capture() that go on, whoever holds them
    number: how many labs this process had made with it
    """

    _in_words = "a lab: lk.Lab()"

    def __init__(self, eal: EalConfig | None = None) -> None:
        self.eal = eal or EalConfig()
        make_room(sys._getframe(1))
        self.engine = Engine(self.eal)
        self.number = next(_numbers)
        self.paths: dict[str, RunningPath] = Named("path")
        hosts = HostPaths(self, self.engine, self.paths)
        self._ports = LabPorts(self, self.engine, hosts.attach, self._close_port)
        self.ports: dict[str, Port] = self._ports.by_name
        self._paths = LabPaths(self, self.engine, self.ports, self.paths, hosts)
        self._workers = LabWorkers(self.engine)
        self.is_closed = False
        self.live: Traffic | None = None
        self.captures: set[PortCapture] = set()
        self._endings: weakref.WeakSet[Closable] = weakref.WeakSet()
        open_labs.labs.add(self)
        note(self, sys._getframe(1))

    # Ports

    @checked(PortError)
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
        return self._ports.cable(a, b, mtu=mtu, queues=queues, ring_size=ring_size)

    @checked(PortError, but=("options",))
    def port(
        self,
        device: Annotated[str, Offers(names_of_kinds)],
        name: str | None = None,
        *,
        mtu: int | None = None,
        queues: int = 1,
        promiscuous: bool | None = None,
        mac: str | None = None,
        rx_descriptors: Count | None = None,
        tx_descriptors: Count | None = None,
        mbufs: Count | None = None,
        offloads: tuple[str, ...] = (),
        speed_mbps: Count | None = None,
        pause_frames: bool = False,
        link_timeout: Seconds = LINK_SECONDS,
        **options: Option,
    ) -> Port:
        """Opens a port: ring, null, pcap:FILE, memif:NAME, tap:NAME, af_packet:INTERFACE,
        af_xdp:INTERFACE or pci:ADDRESS.

        Linux leaves checksums of local traffic unfinished: on veth, `ethtool -K PEER tx off` keeps
        the peer's datagrams out of drop_udp_bad_checksum.

        A capture may be compressed, and of raw IP, Linux cooked, BSD loopback or PPP, which become
        Ethernet (a warning says how); PortError for what was not kept whole or cannot be Ethernet.

        name is what paths and pictures call it; mtu in bytes (None: the driver's or interface's
        own); queues in each direction; promiscuous (None: where the driver can); mac the address
        nodes answer for (None: the driver's, or one of the lab's making where the driver has none);
        options are the kind's own (ring_size; size, copy, source; tx, repeat; role, id,
        ring_size_log2, zero_copy, secret; framesz, framecnt, qdisc_bypass; start_queue, force_copy;
        of pci the arguments of its driver, which may stand behind the address too, as in
        pci:ADDRESS,large_llq_hdr=1).

        Of a NIC: rx_descriptors and tx_descriptors of each queue (None: 1,024 or the driver's next
        to it); mbufs in a pool of its own (None: as many as queues and workers need); offloads that
        its device does to what it receives, such as "rx_ipv4_cksum" (port.info.known_offloads;
        nodes do all of it in software, and rx_vlan_strip takes the tag from their sight);
        speed_mbps without autonegotiation; pause_frames, off while the port is open unless True;
        link_timeout in seconds, after which it goes on without a link and warns.
        """
        check_mac(mac)
        parsed = parse_device(device, mtu, queues, options)
        settings = settings_of(parsed.mtu if mtu is None else mtu, queues, promiscuous is not False)
        nic = NicSettings(
            rx_descriptors=rx_descriptors,
            tx_descriptors=tx_descriptors,
            mbufs=mbufs,
            offloads=offloads,
            speed_mbps=speed_mbps,
            pause_frames=pause_frames,
            link_timeout=link_timeout,
        )
        return self._ports.open(parsed, name, mac, settings, nic, asks_for_all=promiscuous is True)

    @checked(PortError)
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
        return self.tunnels.open(port, tunnel, inner)

    @cached_property
    def tunnels(self) -> "TunnelPorts":
        """What tunnel() made."""
        from labkit.lab.tunnel_ports import TunnelPorts  # late: few labs have tunnels

        return TunnelPorts(self._ports, self._paths)

    # Paths

    @checked(PathError, but=("path",))
    def run(
        self,
        path: Path | Chain | Node,
        name: str | None = None,
        *,
        lanes: Annotated[int, Between(1, 1024)] | Literal["all"] = "all",
    ) -> RunningPath:
        """Runs a path, in as many lanes as its ports have queues.

        A lane is a copy of the path that reads one queue of each port and sends on the queue of the
        same number, with counters of its own, on a worker of its own while there are CPUs. What the
        path counts are sums; RunningPath.lanes tells them by lane. Fewer `lanes` read several
        queues each. A port with fewer queues than another is read by the first lanes alone, and
        lanes that send on one queue share a worker. lk.rx(port, 0) reads that queue only.

        A path that has a port's queue to receive from takes over from the path that hands the
        port's frames to Python; two declared paths cannot receive from one queue.
        """
        return self._paths.run(path, name, lanes)

    @checked(PathError)
    def echo_server(
        self,
        port: Port,
        addresses: IpAddresses,
        udp_port: UdpPort = 7,
        *,
        unreachable: bool = False,
        name: str | None = None,
    ) -> RunningPath:
        """Answers ARP, neighbour discovery, ping, ping6 and UDP datagrams to `udp_port` on a port.

        addresses such as ["10.0.0.2/24", "fd00::2/64"], at most 16 of each version; a prefix length
        tells the broadcast address, which is no sender. A ping to ff02::1 is answered, one to an
        IPv4 broadcast is not. What is not answered ends in a drop node named after the reason.
        unreachable: datagrams to closed ports, and protocols that nobody answers, are answered with
        ICMP errors, as of a host (lk.icmp_unreachable); the path runs in one lane then.
        """
        free = name or self._paths.free_name(f"echo:{port.name}")
        return self.run(echo_host(port, list(addresses), udp_port, free, unreachable=unreachable))

    @checked(LabError, but=("given", "ports"))
    def topology(
        self,
        given: "str | Mapping[str, Any]",
        *,
        ports: Mapping[str, Port] | None = None,
        name: str | None = None,
    ) -> "Network":
        """Runs hosts, switches and routers joined by links, all in one path:

            net = lab.topology('''
                h1, h2: host 10.0.1.0/24
                h1 -- s1 -- r1 -- r2 -- h3
                h2 -- s1
                r1 -- r2 : delay 5 ms, rate 100 Mbit/s, loss 0.1 %
            ''')
            net["h1"].ping("h3")

        A line declares devices (host, switch, router) with addresses or a network to take them
        from, and `via` a gateway, or it links them one after the other; what stands behind the
        colon is what these links are like in both directions: rate, delay, jitter, loss, limit,
        down. h, s, r and a number need no declaration. Networks, addresses, MAC addresses, gateways
        and the routes of routers, over as few of them as may be, are found where none are given.
        As a dict: {"nodes": {"h1": "host 10.0.1.0/24"}, "links": [("h1", "r1", {"loss": "1 %"})]}.

        ports: {"h1": port}: what stands behind a port of the lab is the host h1, whose address it
        has to have. name: of the path. See Network.
        """
        from labkit.lab.topology.build import network_of  # late: few labs have topologies

        return network_of(self, self._paths, given, ports or {}, name)

    @checked()
    def trace(self, count: int = 1, *, snaplen: int = 256) -> "Trace":
        """Follows the next `count` frames (1 to 1024) that enter any path, node by node.

        snaplen bytes of a frame are kept at every step. See Trace.
        """
        from labkit.lab.trace import Trace  # late: few frames are traced

        trace = Trace(self.engine, count, snaplen)
        self.ends_with_it(trace)
        return trace

    @checked(PathError, but=EVERY)
    def capture(
        self,
        port: Port,
        file: "str | PathLike[str] | None" = None,
        *,
        snaplen: int = 0,
        filter: str | None = None,
        frames: int | str | None = None,
        bytes: int | str | None = None,  # noqa: A002  # as files count them
        seconds: float | str | None = None,
        rotate: str | None = None,
        files: int | None = None,
    ) -> "PortCapture":
        """Captures what a port receives and sends, from now on, whatever its paths are.

            with lab.capture(client, "seen.pcapng") as capture:
                client.send(frames)

        It sees what the driver hands over, before any node, and what it is handed: not what a tx
        node refuses, nor what waits on a further queue that no path reads. Frames that the driver
        then has no room for are in it, and its counts tell how many (`unsent`). Paths are left as
        they are, and their counters too.

        file: None: a private one of pcapng, which is removed with the capture. In pcapng each frame
        has its direction (frame.packet_flags_direction). The other arguments are those of the node
        lk.capture. See PortCapture.
        """
        from labkit.lab.port_capture import PortCapture  # late: few ports are captured

        if self.ports.get(fitting("port", port, Port, PathError).name) is not port:
            port.check_open()
            raise PortError(f"port {port.name} is one of another lab; capture it there")
        limits = {"frames": frames, "bytes": bytes, "seconds": seconds}
        params = {"snaplen": snaplen, "filter": filter, **limits, "rotate": rotate, "files": files}
        capture = PortCapture(self.engine, port, file, params, self.captures)
        try:
            self._paths.hosts.attach(port.frames, False)  # frames are received, if by nobody else
        except BaseException:
            capture.close()
            raise
        return capture

    # Traffic

    @checked()
    def traffic(self, lanes: int | None = None) -> "Traffic":
        """Live traffic: flows that run in the background and are changed while they run.

        A context manager. A lab has one at a time, `live`: this closes the one before.

        lanes: workers of each port, as far as it has queues: each sends its share of every flow,
            and what changes does so on all of them at one moment (see lk.trial). None: one for each
            queue of the lab's ports as they are now, while there are workers with a free CPU
        """
        from labkit.lab.flows.traffic import Traffic  # late: it loads numpy and streams

        if self.live is not None:
            self.live.close()
        self.live = Traffic(self, lanes)
        return self.live

    # Life

    @property
    def log(self) -> str:
        """What the engine and DPDK printed."""
        return self.engine.log

    @property
    def pid(self) -> int:
        """Process id of the engine."""
        return self.engine.pid

    @property
    def is_alive(self) -> bool:
        """Whether the engine runs."""
        return self.engine.is_alive

    @property
    def dpdk_version(self) -> str:
        """Such as "DPDK 22.11.11"."""
        return self.engine.dpdk_version

    @property
    def workers(self) -> "pd.DataFrame":
        """One row a worker: lcore, cpu (missing: shares all), paths (lanes of them that it walks),
        loops, busy_ns, idle_ns, numa_node; those there were last when the lab was closed."""
        return self._workers.table

    def counters(self) -> dict[str, PathCounters]:
        """Counters of every path by its name, those that hand frames to Python included."""
        return self._paths.counters()

    @checked()
    def restart(self, *, without: tuple[str, ...] = ()) -> None:
        """A new engine with the same ports and paths; counters begin at 0. Sockets stay open. An
        engine that hangs is killed.

        without: names of ports to do without, because their device hangs; they are closed, and the
        paths that use them go with them. A port that hangs is told by EngineHung, which ends the
        new engine.

        Raises LabError while a measurement runs, unless the engine has died or hangs.
        """
        if self.is_alive and self.engine.hung is None:
            check_may_end(self.engine)
        from labkit.lab.left_out import leave_out, with_their_tunnels  # late: few ports hang

        left_out = with_their_tunnels(without, self._ports, self.tunnels) if without else {}
        self.is_closed = False
        open_labs.labs.add(self)
        for capture in tuple(self.captures):
            capture.close()
        self.engine.close()
        if left_out:
            leave_out(left_out, self._ports, self._paths, self.tunnels)
        self.engine.restart()
        try:
            self._rebuild()
        except BaseException as error:
            if not is_answered(error):
                self.engine.kill()
            if isinstance(error, EngineHung) and error.port:
                error.add_note(f'lab.restart(without=["{error.port}"]) does without this port')
            raise

    def _rebuild(self) -> None:
        """What was declared, in a new engine."""
        self._workers.begin_anew()
        self._ports.rebuild()
        live = self.live if self.live is not None and not self.live.is_closed else None
        if live is not None:  # flows are declared, and stopped: their paths come as they start
            self._paths.forget(live.path_names)
        self._paths.rebuild()
        if live is not None:
            live.begin_anew()

    def close(self) -> None:
        """Ends the engine. Its ports, interfaces, files and live views go with it; what was counted
        last stays readable."""
        try:
            self._keep()
        except BaseException:  # an interrupt, which waits for nothing more
            self.engine.kill()
            raise
        self.engine.close()

    def _keep(self) -> None:
        """Ends what uses the engine, and keeps what was counted, as far as it answers."""
        if self.engine.hung is not None:
            self.engine.kill()
        if self.live is not None and self.is_alive:
            with suppress(LabError):  # of an engine that hangs, which ends here
                self.live.close()
        self.is_closed = True
        for view in (*self._endings, *self.captures):
            view.close()
        for look in open_labs.before_close:
            look(self)
        open_labs.labs.discard(self)
        if self.is_alive:
            with suppress(LabError):  # of an engine that dies or hangs now no more is to be had
                self._workers.keep()
                self._paths.keep()
                self._ports.keep()

    def __enter__(self) -> "Lab":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        state = f"engine {self.pid}, {self.dpdk_version}"
        lines = [f"<Lab: {self._told() or state}>"]
        lines += [f"  {port!r}" for port in self.ports.values()]
        lines += [f"  {running!r}" for running in self.paths.values()]
        return "\n".join(lines)

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        from labkit.lab.overview import overview  # late: drawing is slow to load

        told = self._told()
        shown = overview(self.ports, self._paths.all, repr(self), told and f"{told}.")
        return {"text/plain": repr(self), **shown}

    def _told(self) -> str:
        """Of an engine that does not run: why, and how old the numbers are."""
        if self.is_closed:
            return f"the lab was closed: engine {self.pid} ended; the counters are its last"
        if (hung := self.engine.stands_still) is not None:
            return f"engine {self.pid} hangs: {hung.reason}; the counters are those read last"
        try:
            self.engine.check_alive()
        except EngineDied as died:
            return f"{str(died).splitlines()[0]}; the counters are those read last"
        return ""

    # For runs and views of this lab

    def all_paths(self) -> list[RunningPath]:
        """Those in `paths`, and those between ports and Python."""
        return self._paths.all

    def unread_queues(self, port: str) -> list[int]:
        """Queues of a port that no path reads."""
        return self._paths.unread(port)

    def stop_measurement(self) -> None:
        """Stops the paths of a measurement; what one of them raises does not keep the others."""
        self._paths.stop_measurement()

    @property
    def stop_listeners(self) -> "list[Callable[[RunningPath], None]]":
        """Called with each path that is stopped, whose counters it keeps."""
        return self._paths.stop_listeners

    def ends_with_it(self, view: Closable) -> None:
        """Closes a view when the lab is closed, unless it is gone by then."""
        self._endings.add(view)

    def _close_port(self, port: Port) -> None:
        from labkit.lab.port_close import PortClose  # late: it loads what tunnels need

        PortClose(self._ports, self._paths, self.tunnels)(port)
