# SPDX-License-Identifier: BSD-3-Clause
"""A frame explained: its layers with their bytes, fields and checksums, and what receivers make of
it when it is a tunnel's."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from html import escape
from numbers import Integral
from textwrap import wrap
from typing import TYPE_CHECKING, Annotated, Any, SupportsBytes

from labkit.arguments.checked import checked
from labkit.arguments.hints import Between, Offers
from labkit.errors import LabError
from labkit.packet.frame_bytes import frame_bytes
from labkit.packet.layer import LONGEST_PAYLOAD, WITHOUT_HEADER, Layer, layers_of
from labkit.packet.layer_remarks import GOOD, UNFINISHED, WRONG
from labkit.packet.receivers import receivers_of, tunnel_end
from labkit.packet.tunnel import Tunnel
from labkit.packet.walk import LINK_TYPES, LONGEST_WIRE, link_type_number, walk
from labkit.text import Html, bold, html_table, shade

if TYPE_CHECKING:
    from scapy.packet import Packet

BYTES_A_LINE = 16
TEXT_WIDTH = 96
LONGEST_HEADER = 512  # bytes of a header that are shown
LONGEST_VALUE = 2000  # letters of a field that are shown
ALARM, CAUTION, FINE, FAINT = "#b00020", "#8a4b00", "#00704f", "#59636e"
ETHERNET = 1


@dataclass(frozen=True)
class Explanation:
    """A frame, layer by layer: text, and a table in a notebook.

    Attributes
    ----------
    layers: from the outside in; together they are the frame
    captured, wire_length: bytes that are there, and that were on the wire
    remarks: what else is to be said, such as how much a capture left out
    link_type: number of the LINKTYPE that it begins with; 1: Ethernet
    fcs: so many of its last bytes on the wire are the FCS
    """

    layers: tuple[Layer, ...]
    captured: int
    wire_length: int
    remarks: tuple[str, ...]
    _raw: bytes = field(repr=False)
    _end: Tunnel | None = field(repr=False)
    link_type: int = ETHERNET
    fcs: int = 0

    @cached_property
    def receivers(self) -> dict[str, str]:
        """What a tunnel's end says of it, by strictness: "rfc", "linux", "ovs"; empty when the
        frame is of no tunnel, and when a capture cut it short."""
        return receivers_of(self._raw, self._end) if self._end else {}

    def __bytes__(self) -> bytes:
        """Those that were captured."""
        return self._raw

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
        return "\n".join([*lines, *self.remarks])

    def _repr_html_(self) -> str:
        heads = ("layer", "checksum", "at", "bytes and fields")
        caption = "; ".join(self.remarks)
        table = html_table(heads, [_row(layer) for layer in self.layers], "llrl", caption=caption)
        if not self.receivers:
            return table
        receivers = [(bold(name), text) for name, text in self.receivers.items()]
        return table + html_table(("receiver", "what it makes of the frame"), receivers)


@checked()
def explain(
    frame: "bytes | Packet | SupportsBytes",
    tunnel: Tunnel | None = None,
    *,
    wire_length: int | None = None,
    link_type: Annotated[str | int | None, Offers(lambda _: LINK_TYPES)] = None,
    fcs: Annotated[int, Between(0, 4, "bytes")] | None = None,
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
    fcs: bytes of a frame check sequence at its end on the wire, 0 to 4
    """
    raw = frame_bytes(frame)
    told = {name: _told(frame, name) for name in ("wire_length", "link_type", "fcs")}
    length = _wire_length(raw, told["wire_length"], wire_length)
    number = link_type_number(told["link_type"] if link_type is None else link_type)
    check = told["fcs"] if fcs is None else fcs
    found = walk(raw, length, number, check)
    end = tunnel_end(raw, found, tunnel) if number == ETHERNET else None
    is_cut = len(raw) < length - check
    remarks = _remarks(len(raw), length, tunnel, end, is_cut=is_cut)
    layers = tuple(layers_of(raw, found, length))
    return Explanation(
        layers, len(raw), length, tuple(remarks), raw, None if is_cut else end, number, check
    )


def _remarks(
    captured: int, length: int, tunnel: Tunnel | None, end: Tunnel | None, *, is_cut: bool
) -> Iterator[str]:
    if captured < length:
        yield f"captured: {captured:,} of {length:,} bytes"
    if end is not None and is_cut:
        yield "receivers: none is asked what it makes of a part of a frame"
    if tunnel is not None and end is None:
        yield f"receivers: it is no frame of the tunnel, whose UDP port is {tunnel.udp_port}"


def _wire_length(raw: bytes, told: int, given: int | None) -> int:
    """What a frame of a capture tells is never less than what is there."""
    if given is None:
        return max(len(raw), told)
    if not len(raw) <= given <= LONGEST_WIRE:
        raise LabError(
            f"wire_length is {given}; the frame has {len(raw)} bytes here, so that it is "
            f"{len(raw)} to {LONGEST_WIRE}"
        )
    return given


def _told(frame: Any, name: str) -> int:
    """What a frame of a capture says of itself; scapy's packets have fields of any name."""
    otherwise = ETHERNET if name == "link_type" else 0
    if isinstance(frame, (bytes, bytearray, memoryview)) or hasattr(type(frame), "fields_desc"):
        return otherwise
    given = getattr(frame, name, otherwise)
    number = int(given) if isinstance(given, Integral) else otherwise
    return number if 0 <= number <= LONGEST_WIRE else otherwise


def _title(layer: Layer) -> str:
    return f"{layer.name} (quoted)" if layer.is_quoted else layer.name


def _values(layer: Layer) -> list[tuple[str, str]]:
    return [
        (name, value if len(value) <= LONGEST_VALUE else f"{value[:LONGEST_VALUE]}…")
        for name, value in layer.fields
    ]


def _wrapped(text: str, indent: int = 0) -> list[str]:
    first, later = " " * indent, " " * 12
    if indent + len(text) <= TEXT_WIDTH and text.isprintable():  # which is sooner told than wrapped
        return [first + text] if text else []
    return wrap(
        text,
        TEXT_WIDTH,
        initial_indent=first,
        subsequent_indent=later,
        break_on_hyphens=False,
    )


def _hex_lines(layer: Layer) -> list[str]:
    """The bytes that are there, the first ones of many, and how many more."""
    most = LONGEST_PAYLOAD if layer.kind in WITHOUT_HEADER else LONGEST_HEADER
    data = layer.data[:most]
    lines = [data[i : i + BYTES_A_LINE].hex(" ") for i in range(0, len(data), BYTES_A_LINE)]
    if more := layer.length - len(data) - layer.missing:
        lines.append(f"... {more} more")
    if layer.missing:
        lines.append(f"... {layer.missing} not captured")
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
    """The verdict, and below it what it is about."""
    text = Html(escape(checksum).replace(": ", ":<br/>", 1))
    if checksum.startswith(WRONG):
        return bold(text, ALARM)
    if checksum.startswith(UNFINISHED):
        return bold(text, CAUTION)
    color = FINE if checksum == GOOD else FAINT
    return Html(f'<span style="color:{shade(color)}">{text}</span>') if text else text
