# SPDX-License-Identifier: BSD-3-Clause
"""GUE: draft-ietf-intarea-gue-09."""

from dataclasses import dataclass
from typing import Any, Literal

from labkit.arguments.checked import checked
from labkit.arguments.hints import UdpPort
from labkit.errors import TunnelError
from labkit.packet.tunnel import Tunnel


@checked(TunnelError)
@dataclass(frozen=True, kw_only=True)
class Gue(Tunnel):
    """A GUE tunnel (draft-ietf-intarea-gue-09): IP, or Ethernet in GRE or EtherIP.

    variant: 0, or 1: IP directly in UDP, without a GUE header
    payload: "ip" (IPv4 and IPv6), "gre" (RFC 2784, transparent Ethernet) or "etherip" (RFC 3378)
    """

    PROTOCOL = "gue"

    udp_port: UdpPort = 6080
    variant: Literal[0, 1] = 0
    payload: Literal["ip", "gre", "etherip"] = "ip"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.variant == 1 and self.payload != "ip":
            raise TunnelError(
                f'payload is {self.payload!r}; variant 1 carries "ip" alone; use variant=0'
            )

    @property
    def tunnel_header(self) -> int:
        """4 bytes, 0 in variant 1; and those of GRE (4) or EtherIP (2)."""
        return (0 if self.variant == 1 else 4) + {"ip": 0, "gre": 4, "etherip": 2}[self.payload]

    @property
    def _payload(self) -> str:
        return self.payload

    def _native_fields(self) -> dict[str, Any]:
        return {"gue_variant": self.variant}
