# SPDX-License-Identifier: BSD-3-Clause
"""A port as a scapy socket: sr1, sr, sniff, AsyncSniffer, bridge_and_sniff, AnsweringMachine."""

import select
import time
from collections.abc import Iterable
from typing import Any

from scapy.packet import Packet
from scapy.supersocket import SuperSocket

from labkit.lab.port_frames import PortFrames
from labkit.packet.dissect import layer_of

POLL_SECONDS = 2e-4


class PortSocket(SuperSocket):  # type: ignore[misc]  # scapy's base is typed loosely
    """Sends on a port and hears every frame that the port's path hands to Python. Closing the port
    closes it.

    Several sockets of one port each hear every frame. `lost` counts frames that this socket was too
    slow for.
    """

    desc = "frames of a labkit port"
    auxdata_available = False

    def __init__(self, frames: PortFrames) -> None:
        self.closed = False
        self._frames = frames
        self._reader = frames.new_reader()
        # scapy asks for a descriptor only to print it
        self.ins = self.outs = None
        frames.sockets.add(self)

    @property
    def lost(self) -> int:
        """Frames that were overwritten before this socket read them."""
        return self._reader.lost

    def send(self, x: Packet | bytes) -> int:
        """Sends one frame; returns its length in bytes."""
        data = bytes(x)
        if isinstance(x, Packet):
            x.sent_time = time.time()
        self._frames.send([data])
        return len(data)

    def recv_raw(self, x: int = 65535) -> tuple[type[Packet] | None, bytes | None, float | None]:
        """The next frame, waiting for it as long as it takes."""
        while not self.closed:
            frame = self._reader.read()
            if frame is not None:
                data = frame[0][:x]
                return layer_of(data), data, frame[1]
            self._reader.wait(0.1, self._frames.check)
        raise EOFError(f"the socket of port {self._frames.port} is closed")

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
                s._frames.engine.check_alive()
