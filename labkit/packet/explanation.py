# SPDX-License-Identifier: BSD-3-Clause
"""A frame explained: its layers with their bytes, fields and checksums, and what receivers make of
it when it is a tunnel's."""

from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from labkit.arguments.checked import checked
from labkit.errors import LabError
from labkit.packet.frame_bytes import frame_bytes
from labkit.packet.layer import LONGEST_PAYLOAD, WITHOUT_HEADER, Layer, layers_of
from labkit.packet.receivers import receivers_of, tunnel_end
from labkit.packet.tunnel import Tunnel
from labkit.packet.verdict_text import UNFINISHED, WRONG
from labkit.packet.walk import LONGEST_WIRE, link_type_number, walk
from labkit.text import Html, bold, html_table, shade, shown

if TYPE_CHECKING:
    from scapy.packet import Packet

BYTES_A_LINE = 16
TEXT_WIDTH = 96
LONGEST_HEADER = 512  # bytes of a header that are shown
LONGEST_VALUE = 2000  # letters of a field that are shown
ALARM, CAUTION = "#b00020", "#8a4b00"
ETHERNET = 1


@dataclass(frozen=True)
class Explanation:
    """A frame, layer by layer: text, and a table in a notebook.

    Attributes
    ----------
    layers: from the outside in; together they are the frame
    captured, wire_length: bytes that are there, and that were on the wire
    """

    layers: tuple[Layer, ...]
    captured: int
    wire_length: int
    _raw: bytes = field(repr=False)
    _end: Tunnel | None = field(repr=False)

    @cached_property
    def receivers(self) -> dict[str, str]:
        """What a tunnel's end says of it, by strictness: "rfc", "linux", "ovs"; empty when the
        frame is of no tunnel, and when a capture cut it short."""
        if self._end is None or self._is_cut:
            return {}
        return receivers_of(self._raw, self._end)

    @property
    def _is_cut(self) -> bool:
        return self.captured < self.wire_length

    @property
    def _remarks(self) -> list[str]:
        if not self._is_cut:
            return []
        said = f"captured: {self.captured:,} of {self.wire_length:,} bytes"
        if self._end is not None:
            said += "; what a receiver makes of the tunnel's frame shows on a whole one alone"
        return [said]

    def __repr__(self) -> str:
        lines = []
        for layer in self.layers:
            last = max(layer.offset + layer.length - 1, layer.offset)
            head = f"{layer.offset:>5}-{last:<5} {_title(layer)}"
            checksum = f"checksum {layer.checksum}" if layer.checksum else ""
            problem = f"problem: {layer.problem}" if layer.problem else ""
            lines += _wrapped("   ".join(filter(None, (head, checksum, problem))))
            lines += [f"{'':12}{line}" for line in _hex_lines(layer)]
            lines += _wrapped(", ".join(f"{name}={value}" for name, value in _values(layer)), 12)
        lines += [f"receiver {name}: {text}" for name, text in self.receivers.items()]
        return "\n".join(lines + self._remarks)

    def _repr_html_(self) -> str:
        heads = ("layer", "checksum", "at", "bytes and fields")
        caption = "; ".join(self._remarks)
        table = html_table(heads, [_row(layer) for layer in self.layers], "llrl", caption=caption)
        if not self.receivers:
            return table
        receivers = [(bold(name), text) for name, text in self.receivers.items()]
        return table + html_table(("receiver", "what it makes of the frame"), receivers)


@checked()
def explain(
    frame: "bytes | Packet",
    tunnel: Tunnel | None = None,
    *,
    wire_length: int | None = None,
    link_type: str | int | None = None,
    fcs: int | None = None,
) -> Explanation:
    """Takes a frame apart: its layers with their bytes, fields and checksums.

    A frame of a tunnel, known by its UDP port, is also shown to receivers as strict as the RFC,
    Linux and Open vSwitch are. `tunnel` names the end that it is for; without one any VNI and any
    GENEVE option that is not critical is taken.

    frame: bytes, a scapy packet, or what has bytes such as a frame of a capture, whose wire_length,
        link_type and fcs are taken if it has them
    wire_length: bytes that the frame had on the wire, when those here are its first ones only
    link_type: what it begins with: "ethernet" (as without one), "raw", "linux_sll", "null", "ppp"
        and others, or the number of LINKTYPE_...
    fcs: bytes of a frame check sequence at its end, 0 to 4
    """
    raw = frame_bytes(frame)
    length = _wire_length(frame, raw, wire_length)
    given = _told(frame, "link_type") if link_type is None else link_type
    number = ETHERNET if given is None else link_type_number(given)
    check = (_told(frame, "fcs") or 0) if fcs is None else fcs
    if not 0 <= check <= 4:
        raise LabError(f"fcs is {shown(check)}; a frame check sequence has 0 to 4 bytes")
    found = walk(raw, length, number, check)
    end = tunnel_end(raw, found, tunnel) if number == ETHERNET else None
    return Explanation(tuple(layers_of(raw, found, length)), len(raw), length, raw, end)


def _wire_length(frame: Any, raw: bytes, given: int | None) -> int:
    """What a frame of a capture tells is never less than what is there."""
    if given is None:
        told = _told(frame, "wire_length")
        return max(len(raw), min(told if isinstance(told, int) else 0, LONGEST_WIRE))
    if not len(raw) <= given <= LONGEST_WIRE:
        raise LabError(
            f"wire_length is {given}; the frame has {len(raw)} bytes here, so that it is "
            f"{len(raw)} to {LONGEST_WIRE}"
        )
    return given


def _told(frame: Any, name: str) -> Any:
    """What a frame of a capture says of itself; scapy's packets have fields of any name."""
    if isinstance(frame, (bytes, bytearray, memoryview)) or hasattr(type(frame), "fields_desc"):
        return None
    return getattr(frame, name, None)


def _title(layer: Layer) -> str:
    return f"{layer.name} (quoted)" if layer.is_quoted else layer.name


def _values(layer: Layer) -> list[tuple[str, str]]:
    return [
        (name, value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…")
        for name, value in layer.fields
    ]


def _wrapped(text: str, indent: int = 0) -> list[str]:
    first, later = " " * indent, " " * 12
    return wrap(
        text,
        TEXT_WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,
    )


def _hex_lines(layer: Layer) -> list[str]:
    """The bytes that are there, and how many more; none for what the capture left out."""
    most = LONGEST_PAYLOAD if layer.kind in WITHOUT_HEADER else LONGEST_HEADER
    data = layer.data[:most]
    lines = [data[i : i + BYTES_A_LINE].hex(" ") for i in range(0, len(data), BYTES_A_LINE)]
    if layer.length > len(data):
        lines.append(f"... {layer.length - len(data)} more")
    return lines or [""]


def _row(layer: Layer) -> tuple[str, ...]:
    half = 3 * BYTES_A_LINE // 2  # letters after which a line may be broken on a narrow page
    data = "<br/>".join(f"{line[:half]}<wbr/>{line[half:]}" for line in _hex_lines(layer))
    values = ", ".join(f"{escape(name)}&nbsp;{escape(value)}" for name, value in _values(layer))
    name = bold(layer.name)
    if layer.is_quoted:
        name = Html(f'{name}<br/><span style="color:{shade(CAUTION)}">quoted</span>')
    problem = f"{bold(layer.problem, ALARM)}<br/>" if layer.problem else ""
    return (
        name,
        _checksum_markup(layer.checksum),
        str(layer.offset),
        Html(f'{problem}<code style="white-space:nowrap">{data}</code><br/>{values}'),
    )


def _checksum_markup(checksum: str) -> str:
    if checksum.startswith(WRONG):
        return bold(checksum, ALARM)
    if checksum.startswith(UNFINISHED):
        return bold(checksum, CAUTION)
    return checksum
