# SPDX-License-Identifier: BSD-3-Clause
"""Services that a test has answer as it likes."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import labkit as lk
from labkit.packet import codec

Send = Callable[[bytes], object]
# What the service does with an answer, and its number from 0
Service = Callable[[Send, bytes, int], None]


@contextmanager
def python_service(port: lk.Port, service: Service) -> Iterator[None]:
    """A UDP echo service in Python on a port."""
    ready, stop = threading.Event(), threading.Event()

    def serve() -> None:
        with port.socket() as s:
            ready.set()
            number = 0
            while not stop.is_set():
                if s.select([s], 0.01):
                    _, frame, _ = s.recv_raw()
                    service(s.send, codec.handle("reflect", frame or b"")[1], number)
                    number += 1

    thread = threading.Thread(target=serve)
    thread.start()
    assert ready.wait(60)
    try:
        yield
    finally:
        stop.set()
        thread.join(60)
