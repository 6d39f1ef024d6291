# SPDX-License-Identifier: BSD-3-Clause
"""A frame as the packet pane's page gets it: plain data, with the place of every field."""

from typing import Any

from labkit.packet.explanation import LONGEST_VALUE, Explanation
from labkit.packet.layer import Layer
from labkit.packet.layer_remarks import GOOD, UNFINISHED, WRONG

VERDICTS = ((GOOD, "good"), (WRONG, "wrong"), (UNFINISHED, "unfinished"))
UNVERIFIABLE = "unverifiable"  # whatever else is said of a checksum: not there, cannot be told
BYTES_A_LINE = 16
MOST_DUMPED = 4096  # bytes of a frame in a notebook that is saved


def page_frame(explained: Explanation) -> dict[str, Any]:
    """What the page draws of one frame: its layers, its bytes as hex, and remarks.

    Places of fields are [first bit, bits] from the beginning of the frame; a layer's `begin` and
    `end` are bytes, the end not among them, as far as they were captured.
    """
    return {
        "layers": [_layer(layer, explained.captured) for layer in explained.layers],
        "bytes": bytes(explained).hex(),
        "captured": explained.captured,
        "wire": explained.wire_length,
        "remarks": [
            *explained.remarks,
            *(f"receiver {name}: {text}" for name, text in explained.receivers.items()),
        ],
    }


def verdict(checksum: str) -> str:
    """A checksum's text in one word: "good", "wrong", "unfinished", "unverifiable"; "" of none."""
    if not checksum:
        return ""
    return next((word for begin, word in VERDICTS if checksum.startswith(begin)), UNVERIFIABLE)


def dump(data: bytes, most: int = MOST_DUMPED) -> str:
    """Lines of an offset, 16 bytes as hex, and the same as ASCII, a dot for what is no letter."""
    lines = []
    for at in range(0, min(len(data), most), BYTES_A_LINE):
        row = data[at : min(at + BYTES_A_LINE, most)]
        letters = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in row)
        lines.append(f"{at:04x}  {row.hex(' '):<{3 * BYTES_A_LINE}} {letters}")
    if len(data) > most:
        lines.append(f"… {len(data) - most:,} more bytes")
    return "\n".join(lines) or "no byte"


def _layer(layer: Layer, captured: int) -> dict[str, Any]:
    return {
        "name": layer.name,
        "begin": min(layer.offset, captured),
        "end": min(layer.offset + layer.length, captured),
        "length": layer.length,
        "quoted": layer.is_quoted,
        "problem": layer.problem,
        "checksum": layer.checksum,
        "verdict": verdict(layer.checksum),
        "fields": [
            [
                field.name,
                field.value[:LONGEST_VALUE] + "…" * (len(field.value) > LONGEST_VALUE),
                8 * layer.offset + field.bit,
                field.bits,
            ]
            for field in layer.placed
        ],
    }
