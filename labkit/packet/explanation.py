# SPDX-License-Identifier: BSD-3-Clause
"""A frame explained: its layers with their bytes, fields and checksums, and what receivers make of
it when it is a tunnel's."""

from collections.abc import Iterator
from dataclasses import dataclass
from html import escape
from textwrap import wrap
from typing import TYPE_CHECKING, Any

from labkit.arguments.checked import checked
from labkit.errors import Refused
from labkit.packet import codec
from labkit.packet.codec import VERDICT_BY_NAME
from labkit.packet.frame_bytes import frame_bytes
from labkit.packet.tunnel import STRICTNESS
from labkit.packet.tunnels import Geneve, Gue, Tunnel, Vxlan, from_dict
from labkit.text import Html, bold, html_table

if TYPE_CHECKING:
    from scapy.packet import Packet

BYTES_A_LINE = 16
TEXT_WIDTH = 96
LONGEST_PAYLOAD = 64  # bytes of data that are shown
GOOD, WRONG = "good", "wrong"


@dataclass(frozen=True)
class Layer:
    """One layer of a frame.

    Attributes
    ----------
    name: scapy's
    offset, data: its own bytes and where they begin; of a payload the first ones
    length: of its own bytes
    fields: (name, value) as scapy writes them
    checksum: "good", "wrong: it is 0x1234", "none" where the sender left it out, "" where there is
        no checksum
    """

    name: str
    offset: int
    length: int
    data: bytes
    fields: tuple[tuple[str, str], ...]
    checksum: str


@dataclass(frozen=True)
class Explanation:
    """A frame, layer by layer: text, and a table in a notebook.

    Attributes
    ----------
    layers: from the outside in
    receivers: what a tunnel's end says of it, by strictness: "rfc", "linux", "ovs"; empty when the
        frame is of no tunnel
    """

    layers: tuple[Layer, ...]
    receivers: dict[str, str]

    def __repr__(self) -> str:
        lines = []
        for layer in self.layers:
            last = layer.offset + layer.length - 1
            head = f"{layer.offset:>5}-{max(last, layer.offset):<5} {layer.name}"
            lines.append(f"{head}   checksum {layer.checksum}" if layer.checksum else head)
            lines += [f"{'':12}{line}" for line in _hex_lines(layer)]
            values = ", ".join(f"{name}={value}" for name, value in layer.fields)
            lines += wrap(values, TEXT_WIDTH, initial_indent=" " * 12, subsequent_indent=" " * 12)
        lines += [f"receiver {name}: {text}" for name, text in self.receivers.items()]
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        heads = ("layer", "checksum", "at", "bytes and fields")
        table = html_table(heads, [_row(layer) for layer in self.layers], "llrl")
        if not self.receivers:
            return table
        receivers = [(bold(name), text) for name, text in self.receivers.items()]
        return table + html_table(("receiver", "what it makes of the frame"), receivers)


@checked()
def explain(frame: "bytes | Packet", tunnel: Tunnel | None = None) -> Explanation:
    """Takes a frame apart: its layers with their bytes, fields and checksums.

    A frame of a tunnel, known by its UDP port, is also shown to receivers as strict as the RFC,
    Linux and Open vSwitch are. `tunnel` names the end that it is for; without one any VNI and any
    GENEVE option that is not critical is taken.
    """
    raw = frame_bytes(frame)
    layers = tuple(_layers(raw))
    return Explanation(layers, _receivers(raw, tunnel))


def _layers(raw: bytes) -> Iterator[Layer]:
    from scapy.packet import NoPayload, Padding, Raw

    from labkit.packet.dissect import dissect  # scapy is slow to load

    layer: Any = dissect(raw)
    at = 0
    ip: tuple[int, Any] | None = None
    while not isinstance(layer, NoPayload):
        rest = len(bytes(layer.payload)) if layer.payload else 0
        length = max(len(layer.original or b"") - rest, 0)
        is_data = isinstance(layer, Raw | Padding)
        shown = LONGEST_PAYLOAD if is_data else length
        if layer.name in ("IP", "IPv6"):
            ip = (at, layer)
        fields = () if is_data else tuple(_fields(layer))
        checksum = _checksum(raw, at, layer, ip)
        yield Layer(
            "data" if isinstance(layer, Raw) else layer.name,
            at,
            length,
            raw[at : at + min(length, shown)],
            fields,
            checksum,
        )
        if checksum and layer.name != "IP":
            ip = None  # what follows is this layer's own, such as options of ICMPv6
        at += length
        layer = layer.payload


def _fields(layer: Any) -> Iterator[tuple[str, str]]:
    for field in layer.fields_desc:
        value = layer.getfieldval(field.name)
        if value is not None and value != [] and value != b"":
            yield field.name, str(field.i2repr(layer, value))


def _checksum(raw: bytes, at: int, layer: Any, ip: tuple[int, Any] | None) -> str:
    """What is to be said of a layer's checksum, from the bytes themselves."""
    if layer.name == "IP":
        return _judged(raw[at : at + layer.ihl * 4], 10)
    if ip is None or (layer.name not in _TRANSPORTS and not layer.name.startswith("ICMPv6")):
        return ""
    ip_at, header = ip
    protocol, field = _TRANSPORTS.get(layer.name, (58, 2))
    end = ip_at + (header.len or 0 if header.version == 4 else 40 + (header.plen or 0))
    data = raw[at:end]
    if len(data) < field + 2 or _is_fragment(header):
        return ""
    if layer.name == "UDP":
        if data[6:8] == b"\0\0":
            return "none" if header.version == 4 else "none (IPv6 wants one)"
        data = data[: layer.len]
    pseudo = b""
    if protocol is not None:
        first, last = (12, 20) if header.version == 4 else (8, 40)
        pseudo = (
            raw[ip_at + first : ip_at + last] + bytes([0, protocol]) + len(data).to_bytes(2, "big")
        )
    return _judged(data, field, pseudo)


# Number of the protocol in the pseudo-header (None: without one), and where the checksum stands
_TRANSPORTS: dict[str, tuple[int | None, int]] = {"UDP": (17, 6), "TCP": (6, 16), "ICMP": (None, 2)}


def _is_fragment(header: Any) -> bool:
    return bool(header.version == 4 and (header.flags.MF or header.frag))


def _judged(data: bytes, field: int, pseudo: bytes = b"") -> str:
    stored = int.from_bytes(data[field : field + 2], "big")
    right = codec.checksum(pseudo + data[:field] + b"\0\0" + data[field + 2 :]) or 0xFFFF
    if stored == right or (stored == 0 and right == 0xFFFF):
        return GOOD
    return f"{WRONG}: it is {stored:#06x} and should be {right:#06x}"


def _receivers(raw: bytes, tunnel: Tunnel | None) -> dict[str, str]:
    ends = [tunnel] if tunnel is not None else [Vxlan(), Geneve(), Gue()]
    found: dict[str, str] = {}
    for end in ends:
        for strictness in STRICTNESS:
            try:
                inner = from_dict(end.to_dict() | {"strictness": strictness}).decap(raw)
            except Refused as refused:
                if refused.verdict is VERDICT_BY_NAME["other"]:
                    break
                found[strictness] = f"refuses it: {refused}"
            else:
                network = "" if inner.vni is None else f", VNI {inner.vni}"
                size = len(bytes(inner.frame))
                found[strictness] = f"takes it: {end.PROTOCOL}{network}, {size} bytes inside"
    return found


def _hex_lines(layer: Layer) -> list[str]:
    lines = [
        layer.data[i : i + BYTES_A_LINE].hex(" ") for i in range(0, len(layer.data), BYTES_A_LINE)
    ]
    if layer.length > len(layer.data):
        lines.append(f"... {layer.length - len(layer.data)} more")
    return lines or [""]


def _row(layer: Layer) -> tuple[str, ...]:
    half = 3 * BYTES_A_LINE // 2  # letters after which a line may be broken on a narrow page
    data = "<br/>".join(f"{line[:half]}<wbr/>{line[half:]}" for line in _hex_lines(layer))
    values = ", ".join(f"{escape(name)}&nbsp;{escape(value)}" for name, value in layer.fields)
    wrong = layer.checksum.startswith(WRONG)
    return (
        bold(layer.name),
        bold(layer.checksum, "#b00020") if wrong else layer.checksum,
        str(layer.offset),
        Html(f'<code style="white-space:nowrap">{data}</code><br/>{values}'),
    )
