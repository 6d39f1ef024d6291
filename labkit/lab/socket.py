# SPDX-License-Identifier: BSD-3-Clause
"""A port as a scapy socket: sr1, sr, sniff, AsyncSniffer, bridge_and_sniff, AnsweringMachine."""

import select
import time
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from scapy.layers.l2 import Ether
from scapy.packet import Packet
from scapy.supersocket import SuperSocket

if TYPE_CHECKING:
    from labkit.lab.port import Port

POLL_SECONDS = 2e-4


class PortSocket(SuperSocket):  # type: ignore[misc]  # scapy's base is typed loosely
    """Sends on a port and hears every frame that the port's path hands to Python. Closing the port
    closes it.

    Several sockets of one port each hear every frame. `lost` counts frames that this socket was too
    slow for.
    """

    desc = "frames of a labkit port"
    auxdata_available = False

    def __init__(self, port: "Port") -> None:
        self.port = port
        self.closed = False
        self._reader = port._new_reader()
        # scapy asks for a descriptor only to print it
        self.ins = self.outs = None
        port._sockets.add(self)

    @property
    def lost(self) -> int:
        """Frames that were overwritten before this socket read them."""
        return self._reader.lost

    def send(self, x: Packet | bytes) -> int:
        """Sends one frame; returns its length in bytes."""
        data = bytes(x)
        if isinstance(x, Packet):
            x.sent_time = time.time()
        self.port._send_bytes([data])
        return len(data)

    def recv_raw(self, x: int = 65535) -> tuple[type[Packet] | None, bytes | None, float | None]:
        """The next frame, waiting for it as long as it takes."""
        while not self.closed:
            frame = self._reader.read()
            if frame is not None:
                return Ether, frame[0][:x], frame[1]
            self._reader.wait(0.1, self.port._check_engine)
        raise EOFError(f"the socket of port {self.port.name} is closed")

    @property
    def has_frame(self) -> bool:
        """Whether recv() returns at once."""
        return self._reader.has_frame

    def fileno(self) -> int:
        """-1: frames arrive in shared memory, which has no descriptor to wait on; see `select`."""
        return -1

    def close(self) -> None:
        """Ends a waiting recv() with EOFError."""
        self.closed = True

    def __del__(self) -> None:
        self.closed = True

    @staticmethod
    def select(sockets: Iterable[Any], remain: float | None = None) -> list[Any]:
        """The sockets that have something to read; waits at most `remain` seconds.

        Sockets of ports are looked at, anything else (scapy's control pipe) goes to select(2).
        """
        ports = [s for s in sockets if isinstance(s, PortSocket)]
        others = [s for s in sockets if not isinstance(s, PortSocket)]
        end = None if remain is None else time.monotonic() + remain
        while True:
            ready: list[Any] = [s for s in ports if s.closed or s.has_frame]
            pause = 0.0 if ready else POLL_SECONDS
            if others:
                ready += select.select(others, [], [], pause)[0]
            elif pause:
                time.sleep(pause)
            if ready or (end is not None and time.monotonic() >= end):
                return ready
            for s in ports:
                if not s.port.lab.is_alive:
                    s.port._check_engine()
