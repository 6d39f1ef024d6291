# SPDX-License-Identifier: BSD-3-Clause
"""An af_xdp port that is opened again and again opens and hears its network each time.

LABKIT_REOPENED: how often; make test-vm has it done 200 times
"""

import ctypes
import mmap
import os
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import labkit as lk
from tests.network import HOST_4, LAB_4, Host, ip, talk_to, veth_host
from tests.patience import wait_until

UDP_PORT = 9000
TIMES = int(os.environ.get("LABKIT_REOPENED", "5"))
NOBODY_4, NOBODY_MAC = "10.77.0.9", "02:00:00:00:00:99"

# linux/if_xdp.h
AF_XDP, SOL_XDP = 44, 283
XDP_RX_RING, XDP_UMEM_REG, XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING = 2, 4, 5, 6
XDP_COPY = 2
CHUNK, CHUNKS = 4096, 16


@contextmanager
def traffic(host: Host) -> Iterator[None]:
    """Pings for somebody else, a thousand a second."""
    ip("-n", host.namespace, "neigh", "add", NOBODY_4, "lladdr", NOBODY_MAC,
       "dev", host.interface)  # fmt: skip
    ping = host.start("ping", "-q", "-I", HOST_4, "-i", "0.001", NOBODY_4)
    try:
        yield
    finally:
        ping.kill()
        ping.communicate()


@pytest.mark.timeout(1800)
def test_reopened(lab: lk.Lab) -> None:
    with veth_host() as host, traffic(host):
        for number in range(TIMES):
            port = lab.port(f"af_xdp:{host.outside}", "wire")
            server = lab.echo_server(port, [f"{LAB_4}/24"], UDP_PORT)
            said = talk_to(host, LAB_4, UDP_PORT, [18])
            assert said == "all echoed\n", f"opened {number} times: {said}\n{port.xstats()}"
            server.stop()
            port.close()


@contextmanager
def taken_queue(interface: str) -> Iterator[socket.socket]:
    """Queue 0 of an interface, held by a socket of the test's own."""
    with socket.socket(AF_XDP, socket.SOCK_RAW) as held, mmap.mmap(-1, CHUNK * CHUNKS) as memory:
        address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        umem = struct.pack("=QQIIII", address, CHUNK * CHUNKS, CHUNK, 0, 0, 0)
        held.setsockopt(SOL_XDP, XDP_UMEM_REG, umem)
        for ring in (XDP_UMEM_FILL_RING, XDP_UMEM_COMPLETION_RING, XDP_RX_RING):
            held.setsockopt(SOL_XDP, ring, CHUNKS)
        name = struct.pack("=HHIII", AF_XDP, XDP_COPY, socket.if_nametoindex(interface), 0, 0)
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.bind(held.fileno(), name, len(name)) == 0, os.strerror(ctypes.get_errno())
        yield held


def test_a_queue_that_is_still_taken_is_waited_for(lab: lk.Lab) -> None:
    with veth_host() as host, taken_queue(host.outside) as held:

        def let_go() -> None:
            wait_until(lambda: "Failed to create xsk socket" in lab.log)
            held.close()

        letting_go = threading.Thread(target=let_go)
        letting_go.start()
        port = lab.port(f"af_xdp:{host.outside}", "wire")
        letting_go.join()
        lab.echo_server(port, [f"{LAB_4}/24"], UDP_PORT)
        assert talk_to(host, LAB_4, UDP_PORT, [18]) == "all echoed\n"
