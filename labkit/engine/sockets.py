# SPDX-License-Identifier: BSD-3-Clause
"""Sockets that drivers leave open when their port is closed.

net_memif of DPDK 22.11 goes on listening, and frees what its interrupt handler works with. libxdp
1.3.1 keeps the socket of net_af_xdp, and with it the queue of the interface.
"""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

AF_XDP = 44
FILES = Path("/proc/self/fd")


@dataclass(frozen=True)
class DriverSocket:
    """A socket: its descriptor and what the descriptor must still stand for."""

    descriptor: int
    inode: str
    listens: bool

    def silence(self) -> None:
        """For one that listens, before its port is closed.

        Its interrupt source cannot be taken back: only the driver knows the handler, and EAL would
        panic over a descriptor that is closed. So the descriptor gets a file that never interrupts.
        """
        if self.listens and _inode(self.descriptor) == self.inode:
            quiet = os.eventfd(0, os.EFD_CLOEXEC)
            os.dup2(quiet, self.descriptor, inheritable=False)
            os.close(quiet)

    def close(self) -> None:
        """For one that is still there after its port was closed."""
        if not self.listens and _inode(self.descriptor) == self.inode:
            os.close(self.descriptor)


@contextmanager
def made_meanwhile(sockets: set[DriverSocket]) -> Iterator[None]:
    """Adds to `sockets` what is opened until the end."""
    before = _find()
    try:
        yield
    finally:
        sockets |= _find() - before


def _find() -> set[DriverSocket]:
    """AF_XDP sockets, and local ones that listen."""
    found = set()
    for descriptor in map(int, os.listdir(FILES)):
        inode = _inode(descriptor)
        if inode.startswith("socket:"):
            try:
                copy = os.dup(descriptor)
            except OSError:  # a driver's thread has closed it: a connection, and none of these
                continue
            # Of which family it is, is not believed but asked.
            with socket.socket(socket.AF_UNIX, fileno=copy) as opened:
                domain = opened.getsockopt(socket.SOL_SOCKET, socket.SO_DOMAIN)
                listens = opened.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 1
            if domain == AF_XDP or (domain == socket.AF_UNIX and listens):
                found.add(DriverSocket(descriptor, inode, listens))
    return found


def _inode(descriptor: int) -> str:
    """Such as "socket:[1234]"; "" for what is no longer open."""
    with suppress(OSError):
        return os.readlink(FILES / str(descriptor))
    return ""
