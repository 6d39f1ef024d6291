# SPDX-License-Identifier: BSD-3-Clause
"""Writes the C source of a cffi API-mode module from the header that is its boundary.

    cffi_source.py MODULE API_HEADER PACKET_DIR OUTPUT

The header is the only description of the boundary: its declarations go to cffi as they stand, with
preprocessor lines taken out. Structs that it borrows from the packet headers are read from there.
"""

import re
import sys
from pathlib import Path

from cffi import FFI

BORROWED = {
    "endpoint.h": ("lk_endpoint",),
    "frame_ring.h": ("lk_record", "lk_frame_reader"),
}


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def borrowed_structs(packet: Path) -> str:
    parts = ["struct lk_frame_ring;"]
    for header, names in BORROWED.items():
        text = without_comments((packet / header).read_text())
        constants = dict(re.findall(r"^#define (LK_\w+) (\d+)u?$", text, flags=re.MULTILINE))
        for name in names:
            match = re.search(rf"struct {name} \{{.*?\n\}};", text, flags=re.DOTALL)
            if match is None:
                raise SystemExit(f"{header} has no struct {name}")
            struct = match[0]
            for constant, value in constants.items():
                struct = struct.replace(constant, value)
            parts.append(struct)
    return "\n".join(parts)


def main(module: str, api: str, packet: str, output: str) -> None:
    text = without_comments(Path(api).read_text())
    declarations = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
    ffi = FFI()
    ffi.cdef(borrowed_structs(Path(packet)) + declarations)
    ffi.set_source(module, f'#include "{api}"')
    ffi.emit_c_code(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
