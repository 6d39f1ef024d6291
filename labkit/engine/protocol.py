# SPDX-License-Identifier: BSD-3-Clause
"""Messages between the notebook and the engine: JSON with a length in front, and descriptors.

Plain data only: whoever could write to this socket could name commands, never code.
"""

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

LENGTH = struct.Struct("!I")
MAX_DESCRIPTORS = 253  # SCM_MAX_FD of the kernel

Message = dict[str, Any]


def send(channel: socket.socket, message: Message, descriptors: Sequence[int] = ()) -> None:
    """Sends one message; raises OSError when the other side is gone."""
    body = json.dumps(message).encode()
    # Descriptors travel with the length, so that they arrive with the message they belong to.
    socket.send_fds(channel, [LENGTH.pack(len(body))], list(descriptors))
    channel.sendall(body)


def receive(channel: socket.socket) -> tuple[Message, list[int]]:
    """The next message and its descriptors; raises EOFError when the other side is gone."""
    header, descriptors, _, _ = socket.recv_fds(channel, LENGTH.size, MAX_DESCRIPTORS)
    header += _exactly(channel, LENGTH.size - len(header))
    (length,) = LENGTH.unpack(header)
    message: Message = json.loads(_exactly(channel, length))
    return message, list(descriptors)


def _exactly(channel: socket.socket, size: int) -> bytes:
    parts = bytearray()
    while len(parts) < size:
        part = channel.recv(min(size - len(parts), 1 << 20))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
