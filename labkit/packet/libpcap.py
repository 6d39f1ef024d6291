# SPDX-License-Identifier: BSD-3-Clause
"""libpcap's compiler of filters, from the shared library that the system has.

It is loaded when the first filter is compiled; nothing of labkit is linked with it.
"""

import ctypes
import functools
import threading
from typing import Any

from labkit.errors import LabError

LIBRARIES = ("libpcap.so.0.8", "libpcap.so.1", "libpcap.so")  # Debian's name, others', a builder's
NETMASK_UNKNOWN = 0xFFFFFFFF
# libpcap 1.10 optimizes 6,000 instructions in 0.7 s, 9,000 in 4 s, and 30,000 in a minute.
MOST_OPTIMIZED = 8192

_lock = threading.Lock()  # before 1.8 the compiler works in variables of the whole process


class _Program(ctypes.Structure):
    """struct bpf_program."""

    _fields_ = (("count", ctypes.c_uint), ("instructions", ctypes.c_void_p))


class Rejected(Exception):
    """What libpcap says of an expression that it does not compile."""


@functools.cache
def library() -> ctypes.CDLL:
    """libpcap; LabError where the system has none."""
    for name in LIBRARIES:
        try:
            found = ctypes.CDLL(name)
        except OSError:
            continue
        found.pcap_open_dead.restype = ctypes.c_void_p
        found.pcap_open_dead.argtypes = [ctypes.c_int, ctypes.c_int]
        found.pcap_close.argtypes = [ctypes.c_void_p]
        found.pcap_geterr.restype = ctypes.c_char_p
        found.pcap_geterr.argtypes = [ctypes.c_void_p]
        found.pcap_compile.argtypes = [
            ctypes.c_void_p,
            ctypes.POINTER(_Program),
            ctypes.c_char_p,
            ctypes.c_int,
            ctypes.c_uint32,
        ]
        found.pcap_freecode.argtypes = [ctypes.POINTER(_Program)]
        found.bpf_filter.restype = ctypes.c_uint
        found.bpf_filter.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_uint,
            ctypes.c_uint,
        ]
        return found
    raise LabError(
        "filters are compiled by libpcap, which is not installed; install Debian's package "
        "libpcap0.8 (from Debian 13 on libpcap0.8t64)"
    )


def compiled(text: str, link_type: int, snaplen: int) -> bytes:
    """The instructions of an expression (struct bpf_insn, 8 bytes each), optimized unless that
    takes long; Rejected with what libpcap says.

    Names of hosts in it would be looked up in DNS.
    """
    pcap = library()
    with _lock:
        handle = pcap.pcap_open_dead(link_type, snaplen)
        if not handle:
            raise MemoryError("pcap_open_dead: no memory")
        try:
            program = _compiled(pcap, handle, text, optimize=0)
            if len(program) // 8 <= MOST_OPTIMIZED:
                program = _compiled(pcap, handle, text, optimize=1)
            return program
        finally:
            pcap.pcap_close(handle)


def complaint(text: str, link_type: int, snaplen: int) -> str:
    """What libpcap says of an expression that it does not compile; empty where it does."""
    pcap = library()
    with _lock:
        handle = pcap.pcap_open_dead(link_type, snaplen)
        try:
            _compiled(pcap, handle, text, optimize=0)
        except Rejected as error:
            return str(error)
        finally:
            pcap.pcap_close(handle)
    return ""


def bpf_filter_address() -> int:
    """Where libpcap's bpf_filter() is, for code in C."""
    return ctypes.cast(library().bpf_filter, ctypes.c_void_p).value or 0


def _compiled(pcap: Any, handle: Any, text: str, *, optimize: int) -> bytes:
    program = _Program()
    if pcap.pcap_compile(
        handle, ctypes.byref(program), text.encode("ascii"), optimize, NETMASK_UNKNOWN
    ):
        raise Rejected(pcap.pcap_geterr(handle).decode("utf-8", "replace"))
    try:
        return ctypes.string_at(program.instructions, 8 * program.count)
    finally:
        pcap.pcap_freecode(ctypes.byref(program))
