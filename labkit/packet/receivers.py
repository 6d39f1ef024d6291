# SPDX-License-Identifier: BSD-3-Clause
"""What the ends of tunnels make of a frame: receivers as strict as the RFC, Linux, Open vSwitch."""

from collections.abc import Sequence
from functools import lru_cache

from labkit.errors import Refused
from labkit.packet.codec import VERDICT_BY_NAME
from labkit.packet.tunnel import STRICTNESS
from labkit.packet.tunnels import Geneve, Gue, Tunnel, Vxlan, from_dict
from labkit.packet.walk import Found

OLD_VXLAN_PORT = 8472  # Linux' before VXLAN had a number
ENDS: dict[int, Tunnel] = {
    end.udp_port: end for end in (Vxlan(), Vxlan(udp_port=OLD_VXLAN_PORT), Geneve(), Gue())
}


def tunnel_end(raw: bytes, found: Sequence[Found], tunnel: Tunnel | None) -> Tunnel | None:
    """The end that a frame is for by its outermost UDP port: `tunnel` if one is given, else one
    that takes any VNI. None: it is no tunnel's."""
    udp = next((layer for layer in found if layer.kind == "udp"), None)
    if udp is None or udp.is_quoted or udp.length < 4:
        return None
    port = int.from_bytes(raw[udp.offset + 2 : udp.offset + 4], "big")
    if tunnel is None:
        return ENDS.get(port)
    return tunnel if tunnel.udp_port == port else None


def receivers_of(raw: bytes, end: Tunnel) -> dict[str, str]:
    """By strictness, whether the end takes the frame, and what was in it or why it does not; empty
    where the frame is not for such an end at all."""
    found: dict[str, str] = {}
    for strictness in STRICTNESS:
        try:
            inner = _as_strict(end, strictness).decap(raw)
        except Refused as refused:
            if refused.verdict is VERDICT_BY_NAME["other"]:
                continue
            found[strictness] = f"refuses it: {refused}"
        else:
            network = "" if inner.vni is None else f", VNI {inner.vni}"
            size = len(bytes(inner.frame))
            found[strictness] = f"takes it: {end.PROTOCOL}{network}, {size} bytes inside"
    return found


@lru_cache(maxsize=64)
def _as_strict(end: Tunnel, strictness: str) -> Tunnel:
    return from_dict(end.to_dict() | {"strictness": strictness})
