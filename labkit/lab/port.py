# SPDX-License-Identifier: BSD-3-Clause
"""A port: a DPDK ethdev of the lab's engine, and the frames that Python sends and hears on it."""

import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from labkit.arguments.checked import checked, fitting
from labkit.arguments.hints import Seconds, is_many
from labkit.arguments.names import Named
from labkit.engine.commands import Commands
from labkit.engine.engine import Engine
from labkit.errors import EngineError, LabError, PortError
from labkit.lab.frame_rings import FrameRings
from labkit.lab.link import LinkEvent, event_of
from labkit.lab.port_declaration import PortDeclaration, PortInfo, losses_in
from labkit.lab.port_frames import PortFrames
from labkit.lab.rss import Rss
from labkit.packet.filter import compile_filter
from labkit.packet.link import LINK_OVERHEAD

if TYPE_CHECKING:
    from scapy.packet import Packet

    from labkit.lab.socket import PortSocket

T = TypeVar("T")


class Port:
    """A port of a lab; made by Lab.cable(), Lab.port() and Lab.tunnel().

    It lives until close(), or as long as its lab.

    Attributes
    ----------
    lab: the Lab that it is in
    declaration: what the lab keeps of it
    last_info: the port as it was when DPDK was last asked
    frames: what Python sends and hears on it
    """

    _in_words = "a port of a lab, as lab.port() gives one"

    def __init__(
        self,
        lab: Any,  # a Lab, which is made of ports
        engine: Engine,
        declaration: PortDeclaration,
        info: PortInfo,
        attach: Callable[[PortFrames, bool], FrameRings],
        close: "Callable[[Port], None]",
    ) -> None:
        """attach: see PortFrames; close: what close() does."""
        self.lab = lab
        self.declaration = declaration
        self.last_info = info
        self.frames = PortFrames(
            declaration.name,
            info.mtu + LINK_OVERHEAD,
            info.rx_queues,
            engine,
            attach,
            self.check_open,
        )
        self.is_closed = False
        self._kept: dict[str, int] | None = None  # the last counters, when the lab was closed
        self._seen: dict[str, int] = {}  # those shown last
        self._link_events: list[LinkEvent] = []
        self._engine = engine
        self._close = close
        self._received_since_send = True

    @property
    def name(self) -> str:
        """What paths and pictures call it."""
        return self.declaration.name

    @property
    def mac(self) -> str:
        """The MAC address that the lab's nodes answer for and probes are sent from."""
        return self.last_info.mac

    @property
    def mtu(self) -> int:
        """Longest IP packet in bytes; a frame has up to 22 bytes more (Ethernet, two VLAN tags)."""
        return self.last_info.mtu

    @property
    def max_udp_payload(self) -> int:
        """Longest UDP payload over IPv4 in bytes: the MTU less 28."""
        return self.mtu - 28

    @property
    def info(self) -> PortInfo:
        """The port as it is now (rte_eth_dev_info_get, rte_eth_link_get_nowait), or as it was when
        its lab was closed."""
        if self._kept is not None:
            return self.last_info
        self.last_info = PortInfo.of(self._ask(self._engine.commands.port_info))
        return self.last_info

    @property
    def link_events(self) -> list[LinkEvent]:
        """What became of its link, oldest first: the state at its start, and the newest changes, up
        to 256; those known last when its lab or the port was closed."""
        if self._kept is None and not self.is_closed:
            changes = self._ask(self._engine.commands.link_changes)
            self._link_events = [event_of(change) for change in changes]
        return list(self._link_events)

    def xstats(self) -> dict[str, int]:
        """All counters of the port under DPDK's names (rte_eth_xstats_get), and beside them what
        the driver of an instance tells (lk.nitro), such as bw_out_allowance_exceeded; the last ones
        when its lab was closed. Of a name that both have it is the port's own."""
        if self._kept is not None:
            return Named("counter", self._kept)
        return Named("counter", self._ask(self._engine.commands.xstats))

    def keep(self) -> None:
        """Keeps what the port is and has counted, for when its lab is closed."""
        self._link_events = self.link_events
        self.last_info, self._kept = self.info, self.xstats()

    def last_known(self) -> tuple[PortInfo, dict[str, int]]:
        """What it is and has counted, as far as its engine tells or told last."""
        with suppress(LabError):
            self.last_info, self._seen = self.info, self.xstats()
        return self.last_info, self._seen

    def begin_anew(self, info: PortInfo) -> None:
        """In a new engine, which counts from 0."""
        self.last_info, self._kept, self._seen = info, None, {}

    def losses(self) -> dict[str, int]:
        """Frames that the port has lost so far: rx_missed_errors, rx_errors, and tx_errors of a
        driver that takes frames and loses them.

        rx_mbuf_allocation_errors are attempts, not frames: a frame waits for the next one.
        """
        return losses_in(self.last_info.driver, self.xstats())

    @checked(PortError)
    def set_promiscuous(self, on: bool) -> None:
        """Receives frames for other MAC addresses too, or not (rte_eth_promiscuous_enable).

        Some NICs refuse, ENA among them: PortError tells what still arrives.
        """
        try:
            self._try(lambda name: self._engine.commands.set_promiscuous(name, on))
        except PortError as error:
            raise PortError(f"{error}; {self.still_arrives}" if on else str(error)) from None
        settings = self.declaration.settings | {"promiscuous": int(on)}
        self.declaration = replace(self.declaration, settings=settings)

    @property
    def still_arrives(self) -> str:
        """What a NIC receives that is not promiscuous, in words."""
        return (
            f"what arrives are frames to its own address, {self.mac}, and to groups such as "
            "broadcast; others are for the NIC to pass over, and no counter tells of them"
        )

    @checked(PortError)
    def set_link(self, up: bool) -> None:
        """Sets the link up or down (rte_eth_dev_set_link_up).

        A cable is up while both of its ends are. What is sent while a link is down ends in
        drop_tx_link_down; what was sent before may still be received.
        """
        self._try(lambda name: self._engine.commands.set_link(name, up))
        self.declaration = replace(self.declaration, is_link_down=not up)

    @property
    def rss(self) -> Rss:
        """How the driver spreads frames over the port's queues: key, fields, redirection table, and
        what came to which queue and worker."""
        return Rss(self)

    def close(self) -> None:
        """Ends the port: its device, its sockets, and what Python has of it. Its name is free then,
        and lab.restart() does not bring it back. Nothing happens to a port that was closed before.

        The other end of a cable stays: its link is down, what it sends ends in drop_tx_unplugged,
        and it may still receive what was sent to it. The inner port of a tunnel takes its tunnel
        away; the others of the outer port begin to count at 0.

        Raises PortError while a path uses the port, naming it, and while a measurement runs in the
        lab.
        """
        self._close(self)

    def check_open(self) -> None:
        """Raises PortError when the port was closed."""
        if self.is_closed:
            raise PortError(
                f"port {self.name} was closed; open another with lab.port() or lab.cable()"
            )

    def socket(
        self,
        layer: int = 2,
        *,
        source: str | None = None,
        filter: str | None = None,
    ) -> "PortSocket":
        """A scapy SuperSocket on this port; hears what arrives from now on.

        layer: 2: of whole frames; 3: of IP packets, for which it asks for MAC addresses itself, as
            in port.socket(layer=3).sr1(IP(dst="10.0.0.2") / ICMP(), timeout=1)
        source: of layer 3: the address of packets that name none; None: the lowest other host of
            the target's /24 or /64
        filter: which frames it hears, such as "udp port 53" (pcap-filter); FilterError shows where
            it is wrong. None: every frame
        """
        from labkit.lab.ip_socket import IpSocket  # late: scapy is slow
        from labkit.lab.sniffing import serve_sniffers
        from labkit.lab.socket import PortSocket

        serve_sniffers()
        expression = fitting("filter", filter, str | None, PortError)
        takes = None if expression is None else compile_filter(expression)
        if fitting("layer", layer, Literal[2, 3], PortError, 2) == 3:
            return IpSocket(self, source, takes)
        if source is not None:
            raise PortError("source is for layer=3; a frame of layer 2 has its own")
        return PortSocket(self.frames, takes)

    def send(self, frames: "Packet | bytes | Iterable[Packet | bytes]") -> int:
        """Sends scapy packets or bytes, each a whole frame without FCS; returns how many.

        Returns when the engine has taken all of them; a socket's send() does not wait for that.
        One bad frame refuses all of them. Frames that find a cable full whose other end nobody
        reads are missed there (rx_missed_errors).
        """
        data = _as_bytes(frames)
        reader = self.frames.default_reader(listens=False)
        if self._received_since_send:
            reader.skip()
            self._received_since_send = False
        self.frames.send(data)
        self.frames.flush()
        return len(data)

    @overload
    def receive(
        self, count: int = ..., timeout: float = ..., *, raw: Literal[False] = ...
    ) -> "list[Packet]": ...

    @overload
    def receive(
        self, count: int = ..., timeout: float = ..., *, raw: Literal[True]
    ) -> list[bytes]: ...

    def receive(self, count: int = 1, timeout: float = 1.0, *, raw: bool = False) -> Any:
        """Up to `count` frames, waiting at most `timeout` seconds for the last of them.

        Frames that arrived since the send() that the last receive() was followed by, oldest first,
        as scapy packets with their time of arrival, or as bytes with raw=True.
        """
        # Not @checked(), which takes its time with whole calls: frames are received one by one.
        count = fitting("count", count, int, PortError, 1)
        raw = fitting("raw", raw, bool, PortError, False)
        timeout = fitting("timeout", timeout, Seconds, PortError, 1.0)
        if count < 1:
            raise PortError(f"count is {count}; receive takes 1 or more")
        reader = self.frames.default_reader(listens=True)
        self._received_since_send = True
        end = time.monotonic() + timeout
        found: list[tuple[bytes, float]] = []
        while len(found) < count:
            frame = reader.read()
            if frame is not None:
                found.append(frame)
            elif not self.frames.wait(reader, max(0.0, end - time.monotonic())):
                break
        if raw:
            return [data for data, _ in found]
        return [_dissect(data, seconds) for data, seconds in found]

    def __repr__(self) -> str:
        device = self.declaration.device
        target = f":{device.target}" if device.target else ""
        state = ", closed" if self.is_closed else self._link_in_words()
        return f"<Port {self.name} ({device.kind}{target}) mac {self.mac} mtu {self.mtu}{state}>"

    def _link_in_words(self) -> str:
        """What there is to tell of its link, as it is now or was when it was last asked."""
        with suppress(LabError):
            self.last_info = self.info
        if self.last_info.is_gone:
            return ", its device is gone"
        return "" if self.last_info.link_up else ", link down"

    # For what is told of the port in files of its own

    @property
    def commands(self) -> Commands:
        """Those of its engine."""
        return self._engine.commands

    def ask(self, command: Callable[[str], T]) -> T:
        """What the engine answers of this port; PortError when it was closed."""
        return self._ask(command)

    def remember_rss(self, name: str, value: Any) -> None:
        """For a new engine."""
        rss = {**self.declaration.rss, name: value}
        self.declaration = replace(self.declaration, rss=rss)

    def _ask(self, command: Callable[[str], T]) -> T:
        self.check_open()
        try:
            return command(self.name)
        except EngineError:
            self.check_open()  # another thread may have closed it meanwhile
            raise

    def _try(self, command: Callable[[str], None]) -> None:
        try:
            self._ask(command)
        except EngineError as error:
            driver = self.last_info.driver
            raise PortError(f"{self.name}: {driver} cannot do this: {error}") from None


def _as_bytes(frames: Any) -> list[bytes]:
    """One frame or many, as bytes."""
    # A scapy packet is iterable too: it stands for the packets that its fields range over.
    many = [frames] if isinstance(frames, (bytes, bytearray, memoryview)) else frames
    if not is_many(many):
        raise PortError(f"frames are scapy packets or bytes, not {type(frames).__name__}")
    return [frame if type(frame) is bytes else _whole_frame(frame) for frame in many]


def _whole_frame(frame: Any) -> bytes:
    from labkit.packet.build import whole_frame  # late: scapy is slow

    return whole_frame(frame)


def _dissect(data: bytes, seconds: float) -> "Packet":
    from labkit.packet.dissect import dissect  # late: scapy is slow

    packet = dissect(data)
    packet.time = seconds
    return packet
