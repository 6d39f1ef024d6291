# SPDX-License-Identifier: BSD-3-Clause
"""Writes the C source of a cffi API-mode module from the header that is its boundary.

    cffi_source.py MODULE API_HEADER PACKET_DIR OUTPUT

The header is the only description of the boundary: its declarations go to cffi as they stand, with
preprocessor lines taken out. Types that it borrows from the packet headers are read from there, and
the numbers that stand beside them.
"""

import re
import sys
from pathlib import Path

from cffi import FFI

# A number as it stands, or an expression in parentheses
NUMBER = r"\d+u?|0x[0-9a-f]+u?|\(.+\)"
BORROWED: dict[str, tuple[str, ...]] = {
    "bpf.h": ("struct lk_bpf_insn",),
    "column_list.h": ("enum lk_column_type", "struct lk_column_out"),
    "endpoint.h": ("struct lk_endpoint",),
    "flow_row.h": ("struct lk_flow_key", "struct lk_flow_row"),
    "frame_ring.h": ("struct lk_record", "struct lk_frame_reader"),
    "headers.h": ("struct lk_headers",),
    "tunnel.h": (
        "enum lk_tunnel_protocol",
        "enum lk_tunnel_payload",
        "enum lk_strictness",
        "struct lk_tunnel",
        "struct lk_decapsulated",
    ),
    "frame_program.h": ("struct lk_field", "struct lk_checksum", "struct lk_template"),
    "histogram.h": ("struct lk_histogram",),
    "link_type.h": ("enum lk_to_ethernet",),
    "engine_limits.h": (),
    "layers.h": ("enum lk_sum_state", "enum lk_problem", "struct lk_layer", "struct lk_walk"),
    "recorder_memory.h": (
        "struct lk_recorder_header",
        "struct lk_recorder_row",
        "struct lk_recorded_flow",
        "struct lk_recorded_lane",
        "struct lk_recorded_worker",
        "struct lk_recorded_level",
        "struct lk_recorded_link",
    ),
    "rewrite.h": ("struct lk_mac_pair", "struct lk_net_pair", "struct lk_rewrite"),
    "replay_ahead.h": ("struct lk_side", "struct lk_replay_config"),
    "sick_state.h": ("enum lk_sick_tx", "enum lk_sick_rx", "enum lk_told_of"),
    "signature.h": (),
    "status.h": (
        "struct lk_driver_call",
        "struct lk_named_port",
        "struct lk_standstill",
        "struct lk_status",
    ),
    "flow_state.h": ("enum lk_flow_state", "enum lk_change_kind"),
    "stripped.h": ("struct lk_stripped",),
    "token_bucket.h": (
        "struct lk_bucket_level",
        "struct lk_bucket",
        "struct lk_bucket_times",
    ),
    "trial_state.h": ("enum lk_trial_state",),
}


def without_comments(text: str) -> str:
    return re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)


def included(header: Path, packet: Path) -> set[str]:
    """The packet headers that a file includes, and those that they include."""
    found: set[str] = set()
    for name in re.findall(r'^#include "(.+)"', header.read_text(), flags=re.MULTILINE):
        if (packet / name).exists():
            found |= {name} | included(packet / name, packet)
    return found


def with_numbers(declared: str, constants: dict[str, str]) -> str:
    """Sizes of arrays as numbers: cffi does not know the names."""
    for constant, value in constants.items():
        declared = re.sub(rf"\[{constant}\]", f"[{value.removesuffix('u')}]", declared)
    return declared


def declarations_of(api: Path, packet: Path) -> str:
    """What the header declares, behind the types that it borrows."""
    own = re.sub(r"^#.*$", "", without_comments(api.read_text()), flags=re.MULTILINE)
    parts = ["struct lk_frame_ring;"]
    there = included(api, packet)
    for header, names in BORROWED.items():
        if header not in there:
            continue
        text = without_comments((packet / header).read_text())
        constants = dict(
            re.findall(rf"^#define (LK_\w+)\s+({NUMBER})\s*$", text, flags=re.MULTILINE)
        )
        parts += [f"#define {constant} ..." for constant in constants]
        for name in names:
            match = re.search(rf"{name} \{{[^}}]*\}};", text)
            if match is None:
                raise SystemExit(f"{header} has no {name}")
            declared = match[0].replace("_Atomic ", "")  # which cffi does not know
            for constant, value in constants.items():
                declared = re.sub(rf"\b{constant}\b", value.removesuffix("u"), declared)
            parts.append(declared)
        own = with_numbers(own, constants)
    return "\n".join([*parts, own])


def main(module: str, api: str, packet: str, output: str) -> None:
    ffi = FFI()
    ffi.cdef(declarations_of(Path(api), Path(packet)))
    ffi.set_source(module, f'#include "{api}"')
    ffi.emit_c_code(output)


if __name__ == "__main__":
    main(*sys.argv[1:])
