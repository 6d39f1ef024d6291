# SPDX-License-Identifier: BSD-3-Clause
"""Tunnels as objects: VXLAN, GENEVE and GUE put around frames and taken off, here and in paths."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from labkit.errors import TunnelError
from labkit.packet.decapsulated import Decapsulated
from labkit.packet.geneve import Geneve
from labkit.packet.geneve_options import GeneveOption
from labkit.packet.gue import Gue
from labkit.packet.tunnel import Tunnel
from labkit.packet.vxlan import Vxlan
from labkit.text import near

__all__ = ["Decapsulated", "Geneve", "GeneveOption", "Gue", "Tunnel", "Vxlan", "from_dict"]

KINDS: Mapping[str, type[Tunnel]] = {kind.PROTOCOL: kind for kind in (Vxlan, Geneve, Gue)}


def from_dict(data: object) -> Tunnel:
    """A tunnel from what Tunnel.to_dict() made; what is unknown or wrong is an error."""
    values: dict[str, Any] = dict(data) if isinstance(data, Mapping) else {"protocol": data}
    protocol = values.pop("protocol", None)
    if protocol not in KINDS:
        raise TunnelError(f"{protocol!r} is no tunnel protocol (there are: {', '.join(KINDS)})")
    kind = KINDS[protocol]
    known = [f.name for f in fields(kind)]
    for key in values:
        if key not in known:
            raise TunnelError(f"{kind.__name__} has no parameter {key!r}{near(key, known)}")
    return kind(**values)
