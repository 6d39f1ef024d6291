# SPDX-License-Identifier: BSD-3-Clause
"""A frame to take away: as scapy code, and as a capture of its own."""

import tempfile
from pathlib import Path

import numpy as np

from labkit.captures.frame import CapturedFrame
from labkit.packet.capture_options import CaptureInterface
from labkit.packet.capture_reader import RECORD
from labkit.packet.capture_writer import CaptureWriter

IN_ALL = ("scapy.layers.", "scapy.packet")  # what scapy.all brings
LONGEST_BUILT = 16_384  # bytes of a frame that is told layer by layer


def scapy_code(frame: CapturedFrame) -> str:
    """Code that makes the frame with scapy, byte for byte.

    Layer by layer where scapy builds the same bytes again; else, as of what is malformed or cut
    short, from its bytes.
    """
    head = "from scapy.all import *\n"
    literal = f'Raw(bytes.fromhex("{frame.data.hex()}"))'
    if not frame.data or len(frame.data) > LONGEST_BUILT:
        return f"{head}frame = {literal}\n"
    packet = frame.scapy
    try:
        packet.explicit = 1
        code = packet.command()
        packet.clear_cache()  # so that it is built of its fields
        is_same = bytes(packet) == frame.data
    except Exception:  # layers of scapy raise what they like
        code, is_same = "", False
    if is_same and "\n" not in code:
        modules = sorted({type(layer).__module__ for layer in _layers(packet)})
        known = "".join(
            f"from {module} import *\n" for module in modules if not module.startswith(IN_ALL)
        )
        return f"{head}{known}frame = {code}\n"
    layer = type(packet).__name__
    return (
        f"{head}# scapy builds other bytes of its fields, so these are the frame's own\n"
        f'frame = {layer}(bytes.fromhex("{frame.data.hex()}"))\n'
    )


def pcapng(frame: CapturedFrame) -> bytes:
    """A pcapng file of this frame alone, with its time, length and comments."""
    record = np.zeros(1, RECORD)
    record["kept"], record["length"] = len(frame.data), frame.wire_length
    if frame.time_ns is not None:
        record["time_ns"], record["has_time"] = frame.time_ns, 1
    interface = CaptureInterface(
        section=0,
        number=0,
        link_type=frame.link_type,
        snaplen=0,
        resolution=1e-9,
        fcs=frame.fcs,
    )
    with tempfile.TemporaryDirectory(prefix="labkit-") as folder:
        file = Path(folder) / "frame.pcapng"
        with CaptureWriter(file, interfaces=[interface]) as out:
            out.write(np.frombuffer(frame.data, np.uint8), record, {0: frame.comments})
        return file.read_bytes()


def _layers(packet: object) -> list[object]:
    return [packet.getlayer(n) for n in range(len(packet.layers()))]  # type: ignore[attr-defined]
