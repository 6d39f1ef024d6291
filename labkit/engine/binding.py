# SPDX-License-Identifier: BSD-3-Clause
"""The only importer of the native dataplane: C return codes become exceptions here."""

import errno
import os
from typing import Any

from labkit._dataplane import ffi, lib

__all__ = ["NativeError", "c_string", "call", "ffi", "lib"]


class NativeError(Exception):
    """A native function returned -errno."""

    def __init__(self, function: str, code: int) -> None:
        name = errno.errorcode.get(code, str(code))
        super().__init__(f"{function}: {os.strerror(code)} ({name})")
        self.function = function
        self.code = code


def call(function: str, *arguments: Any) -> int:
    """Calls lib.<function>; its result when that is 0 or more, NativeError otherwise."""
    result: int = getattr(lib, function)(*arguments)
    if result < 0:
        raise NativeError(function, -result)
    return result


def c_string(value: Any) -> str:
    """A char array or pointer as text."""
    text = ffi.string(value)
    return text.decode() if isinstance(text, bytes) else str(text)
