# SPDX-License-Identifier: BSD-3-Clause
"""A frame in one line: its layers, and from where to where it goes."""

from labkit.packet.layer import WITHOUT_HEADER, Layer, layers_of
from labkit.packet.layer_remarks import IP_KINDS
from labkit.packet.walk import walk

ETHERNET = ("eth", "dot3")
WITH_PORTS = ("udp", "tcp", "udplite", "sctp")


def summary(raw: bytes, wire_length: int | None = None, link_type: int = 1, fcs: int = 0) -> str:
    """Such as "Ethernet / IP / UDP / DNS  10.0.0.1:4000 > 10.0.0.2:53"; arguments as of walk().

    The addresses are those of the innermost packet that is no quotation. What is wrong is told
    behind them.
    """
    found = walk(raw, wire_length, link_type, fcs)
    length = max(len(raw), wire_length or 0)
    layers = list(layers_of(raw, found, length))
    names = [layer_name(layer) for layer in layers if layer.kind not in WITHOUT_HEADER]
    text = " / ".join(names) or "data"
    if ends := _ends([layer for layer in layers if not layer.is_quoted]):
        text += f"  {ends}"
    problem = next((layer.problem for layer in layers if layer.problem), "")
    return f"{text}  ({problem})" if problem else text


def layer_name(layer: Layer) -> str:
    """What it is called there, with the type of an ICMP or IGMP message."""
    if layer.kind in ("icmp", "igmp"):
        kind = dict(layer.fields).get("type", "")
        return f"{layer.name} {kind}".rstrip()
    return f"{layer.name} (quoted)" if layer.is_quoted and layer.kind in IP_KINDS else layer.name


def _ends(layers: list[Layer]) -> str:
    """From where to where; empty where no addresses are there."""
    numbers = range(len(layers) - 1, -1, -1)
    for number in numbers:
        layer = layers[number]
        if layer.kind == "arp":
            return asked(layer)
        if layer.kind in IP_KINDS:
            ports = [_values(later) for later in layers[number:] if later.kind in WITH_PORTS][:1]
            return _between(_values(layer), ports[0] if ports else {})
    last = next((layers[n] for n in numbers if layers[n].kind in ETHERNET), None)
    return _between(_values(last), {}) if last else ""


def _values(layer: Layer) -> dict[str, str]:
    return dict(layer.fields)


def _between(addresses: dict[str, str], ports: dict[str, str]) -> str:
    if "src" not in addresses or "dst" not in addresses:
        return ""
    ends = []
    for address, port in (("src", "sport"), ("dst", "dport")):
        end, number = addresses[address], ports.get(port)
        bare = f"[{end}]" if ":" in end and number else end
        ends.append(f"{bare}:{number}" if number else end)
    return " > ".join(ends)


def asked(arp: Layer) -> str:
    """What an ARP message asks or tells."""
    told = _values(arp)
    if told.get("op") == "who-has" and "pdst" in told:
        return f"who has {told['pdst']}, asks {told['psrc']}"
    if told.get("op") == "is-at" and "psrc" in told:
        return f"{told['psrc']} is at {told.get('hwsrc', '?')}"
    return ""
