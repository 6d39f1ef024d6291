# SPDX-License-Identifier: BSD-3-Clause
"""A port as a scapy socket: sr1, sr, sniff, AsyncSniffer, bridge_and_sniff, AnsweringMachine."""

import functools
import select
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from scapy.base_classes import SetGen
from scapy.config import conf
from scapy.packet import Packet
from scapy.plist import PacketList, SndRcvList
from scapy.supersocket import SuperSocket

from labkit.arguments.checked import fitting
from labkit.arguments.hints import is_many
from labkit.errors import PortError, SocketClosed
from labkit.lab.frame_rings import LOOK_SECONDS
from labkit.lab.port_frames import PortFrames
from labkit.packet.build import is_single, whole_frame
from labkit.packet.dissect import layer_of
from labkit.packet.filter import Filter, both
from labkit.text import shown

Received = tuple[type[Packet] | None, bytes | None, float | None]


class PortSocket(SuperSocket):  # type: ignore[misc]  # scapy's base is typed loosely
    """Sends on a port and hears every frame that the port's path hands to Python. Closing the port
    closes it.

    Several sockets of one port each hear every frame. `lost` counts frames that this socket was too
    slow for. Its descriptor is readable while there are frames, and once the engine is gone, which
    recv() raises then: select, poll, asyncio's add_reader. With a filter it is readable for frames
    that are passed over, too: ask has_frame.
    """

    desc = "frames of a labkit port"
    auxdata_available = False

    def __init__(self, frames: PortFrames, filter: Filter | None = None) -> None:
        self.closed = False
        self._frames = frames
        self._filters = [] if filter is None else [filter]  # all of which a frame has to pass
        self._narrowing = threading.Lock()  # sniffers come and go on threads
        self._reader = frames.new_reader()
        self._set_filter(filter)
        # scapy asks for a descriptor only to print it
        self.ins = self.outs = None
        frames.sockets.add(self)

    @property
    def lost(self) -> int:
        """Frames that were overwritten before this socket read them."""
        return self._reader.lost

    def send(self, x: Packet | bytes) -> int:
        """Sends one frame; returns its length in bytes.

        It waits only while the queue to the engine is full (8 MiB).
        """
        if self.closed:
            raise self._is_closed()
        data = x if type(x) is bytes else self._frame(x)
        self._frames.send_one(data)
        return len(data)

    def recv_raw(self, x: int = 65535) -> Received:
        """The next frame, waiting for it as long as it takes."""
        while (frame := self._next()) is None:
            self._reader.wait(LOOK_SECONDS, self._check_waiting)
        layer, data = self._layer(frame[0])
        return layer, data[:x], frame[1]

    @property
    def has_frame(self) -> bool:
        """Whether recv() returns at once."""
        return self._reader.has_frame

    def fileno(self) -> int:
        """A descriptor that is readable while there are frames to read, or none will come any more;
        -1 of a closed socket."""
        return -1 if self.closed else self._reader.watch()

    def close(self) -> None:
        """Ends a waiting recv() with an EOFError that is a PortError."""
        self.closed = True
        self._reader.ring()

    def __del__(self) -> None:
        self.closed = True

    def sr(self, x: Any, *args: Any, **kargs: Any) -> tuple[SndRcvList, PacketList]:
        """scapy's, but it raises what goes wrong in sending, which scapy would only log."""
        if self.closed:
            raise self._is_closed()
        check_packets(x)
        # A thread that sends would keep its error, and leave scapy to wait for ever.
        sent: tuple[SndRcvList, PacketList] = super().sr(
            x, *args, **{"threaded": False, "chainEX": True} | kargs
        )
        if not sent[0]:
            self._frames.check_answers()
        return sent

    def sr1(self, x: Packet, **kargs: Any) -> Packet | None:
        """Sends one packet and returns its answer; None when there was none within `timeout`.

        Takes scapy's arguments. With timeout alone, and verbose=False, it is several times as fast.
        """
        verbose = kargs.get("verbose", conf.verb)
        is_simple = isinstance(x, Packet) and is_single(x) and not verbose
        if not is_simple or kargs.keys() - {"timeout", "verbose"}:
            answered = self.sr(x, **kargs)[0]
            return answered[0][1] if answered else None
        timeout = fitting("timeout", kargs.get("timeout"), float | None, PortError, 1.0)
        self.send(x)
        return self._answer(x, timeout)

    @contextmanager
    def narrowed(self, filter: Filter) -> Iterator[None]:
        """Meanwhile it gives only what this filter takes, too."""
        with self._narrowing:
            self._set_filter(functools.reduce(both, [*self._filters, filter]))
            self._filters.append(filter)
        try:
            yield
        finally:
            with self._narrowing:
                self._filters.remove(filter)  # others may have come and gone meanwhile
                self._set_filter(functools.reduce(both, self._filters) if self._filters else None)

    def sniff(self, *args: Any, **kargs: Any) -> PacketList:
        """scapy's, with its `filter` (labkit.lab.sniffing); a closed socket is told of."""
        if self.closed:
            raise self._is_closed()
        return super().sniff(*args, **kargs)

    @staticmethod
    def select(sockets: Iterable[Any], remain: float | None = None) -> list[Any]:
        """The sockets that have something to read; waits at most `remain` seconds.

        Where nothing came, it raises EngineDied when that is why.
        """
        sockets = list(sockets)
        ports = [s for s in sockets if isinstance(s, PortSocket)]
        end = None if remain is None else time.monotonic() + remain
        poll = select.poll()
        others = {s.fileno(): s for s in sockets if not isinstance(s, PortSocket)}
        for descriptor in (*others, *(s._reader.bell for s in ports)):
            poll.register(descriptor, select.POLLIN)
        while True:
            waits = all(not s.closed and not s.has_frame and s._reader.listen() for s in ports)
            left = LOOK_SECONDS if end is None else min(LOOK_SECONDS, end - time.monotonic())
            told = poll.poll(max(0.0, left) * 1e3 if waits else 0)
            ready = [s for s in ports if s.closed or s.has_frame]
            ready += [others[descriptor] for descriptor, _ in told if descriptor in others]
            if ready:
                return ready
            if end is not None and time.monotonic() >= end:
                if remain:
                    for s in ports:
                        s._frames.check_answers()
                return []
            for s in ports:
                s._frames.check_waiting()

    def _next(self) -> tuple[bytes, float] | None:
        """The next frame that this socket is for, if it has arrived."""
        return self._reader.read()

    def _set_filter(self, filter: Filter | None) -> None:
        self._reader.set_filter(filter)

    def _layer(self, frame: bytes) -> tuple[type[Packet], bytes]:
        """What the socket's user has of a frame, and as which layer."""
        return layer_of(frame), frame

    def _frame(self, x: Any) -> bytes:
        """What goes over the wire."""
        if isinstance(x, Packet):
            x.sent_time = time.time()
        return whole_frame(x)

    def _answer(self, question: Packet, timeout: float | None) -> Packet | None:
        """As scapy's: the first packet that has the question's hash and says that it answers it."""
        wanted = question.hashret()
        end = None if timeout is None or timeout < 0 else time.monotonic() + timeout
        while True:
            frame = self._next()
            if frame is not None:
                layer, data = self._layer(frame[0])
                packet = layer(data)
                if packet.hashret() == wanted and packet.answers(question):
                    packet.time = frame[1]
                    return packet
                continue
            left = LOOK_SECONDS if end is None else end - time.monotonic()
            if not self._reader.wait(max(0.0, left), self._check_waiting) and end is not None:
                self._frames.check_answers()
                if not self._reader.has_frame:
                    return None

    def _check_waiting(self) -> None:
        if self.closed:
            raise self._is_closed()
        self._frames.check_waiting()

    def _is_closed(self) -> SocketClosed:
        """Also an EOFError, which scapy takes for the end."""
        try:
            self._frames.check_open()
        except PortError as error:  # that is why
            return SocketClosed(str(error))
        return SocketClosed(
            f"the socket of port {self._frames.port} is closed; open another with port.socket()"
        )


def check_packets(x: Any) -> list[Packet]:
    """What scapy's sr() sends: one packet or several; PortError for what has no answers."""
    packets = [x] if isinstance(x, Packet) else list(x) if is_many(x) else [x]
    for packet in packets:
        if not isinstance(packet, (Packet, SetGen)):
            raise PortError(
                f"{shown(packet)} is no scapy packet, which alone says what answers it; give one, "
                "such as Ether()/IP()/ICMP(), or send bytes with send()"
            )
    return packets
