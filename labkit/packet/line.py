# SPDX-License-Identifier: BSD-3-Clause
"""A frame as a row of a list: from where, to where, which protocol, and what else is told."""

from typing import NamedTuple

from labkit.packet.layer import WITHOUT_HEADER, Layer, layers_of
from labkit.packet.layer_remarks import IP_KINDS, WRONG
from labkit.packet.summary import ETHERNET, WITH_PORTS, asked, layer_name
from labkit.packet.walk import walk


class Line(NamedTuple):
    """A row of a list of frames.

    Attributes
    ----------
    source, destination: of the innermost packet that is no quotation: IP addresses, else MACs;
        "" where none are there
    protocol: the innermost one that is known
    info: ports or what ARP asks, all layers, and what is wrong
    is_bad: a layer is malformed or cut short, or a checksum is wrong
    """

    source: str
    destination: str
    protocol: str
    info: str
    is_bad: bool


def line(raw: bytes, wire_length: int | None = None, link_type: int = 1, fcs: int = 0) -> Line:
    """The row of a frame; arguments as of walk()."""
    found = walk(raw, wire_length, link_type, fcs)
    layers = list(layers_of(raw, found, max(len(raw), wire_length or 0)))
    own = [layer for layer in layers if not layer.is_quoted]
    source, destination = _addresses(own)
    names = [layer_name(layer) for layer in layers if layer.kind not in WITHOUT_HEADER]
    known = [layer.name for layer in own if layer.kind not in WITHOUT_HEADER]
    wrong = [
        f"{layer.name} checksum {WRONG}" for layer in layers if layer.checksum.startswith(WRONG)
    ]
    faults = [layer.problem for layer in layers if layer.problem][:1] + wrong
    said = [_ports(own), " / ".join(names) or "data", f"({'; '.join(faults)})" if faults else ""]
    protocol = known[-1] if known else "data"
    return Line(source, destination, protocol, "  ".join(filter(None, said)), bool(faults))


def _addresses(layers: list[Layer]) -> tuple[str, str]:
    for kinds in (IP_KINDS, ETHERNET):
        for layer in reversed(layers):
            told = dict(layer.fields) if layer.kind in kinds else {}
            if "src" in told and "dst" in told:
                return told["src"], told["dst"]
    return "", ""


def _ports(layers: list[Layer]) -> str:
    for layer in reversed(layers):
        if layer.kind == "arp":
            return asked(layer)
        told = dict(layer.fields) if layer.kind in WITH_PORTS else {}
        if "sport" in told and "dport" in told:
            return f"{told['sport']} > {told['dport']}"
    return ""
