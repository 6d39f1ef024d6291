# SPDX-License-Identifier: BSD-3-Clause
"""Capture filters inside the engine."""

import os
from typing import Any

from labkit.engine.binding import ffi, lib
from labkit.packet.filter import compile_filter


def native_filter(where: str, expression: str) -> Any:
    """struct lk_filter of an expression, to be freed; OSError where it cannot be made."""
    program = ffi.from_buffer("struct lk_bpf_insn[]", compile_filter(expression).data)
    native = lib.lk_filter_create(program, len(program))
    if native == ffi.NULL:
        why = os.strerror(ffi.errno)
        raise OSError(f"{where}: its filter cannot be set up: {why}")
    return native
