# SPDX-License-Identifier: BSD-3-Clause
"""Native structs as types of numpy."""

from typing import Any

import numpy as np

from labkit._codec import ffi


def struct_type(name: str) -> np.dtype[Any]:
    """The dtype of an array of such structs, such as "struct lk_captured"."""
    return _type(ffi.typeof(name))


def _type(native: Any) -> np.dtype[Any]:
    if native.kind == "array":
        return np.dtype((_type(native.item), native.length))
    if native.kind == "struct":
        return np.dtype(
            {
                "names": [name for name, _ in native.fields],
                "formats": [_type(one.type) for _, one in native.fields],
                "offsets": [one.offset for _, one in native.fields],
                "itemsize": ffi.sizeof(native),
            }
        )
    is_signed = int(ffi.cast(native, -1)) < 0
    return np.dtype(f"{'i' if is_signed else 'u'}{ffi.sizeof(native)}")
