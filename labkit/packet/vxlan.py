# SPDX-License-Identifier: BSD-3-Clause
"""VXLAN: RFC 7348."""

from dataclasses import dataclass
from typing import Any

from labkit.arguments.checked import checked
from labkit.arguments.hints import UdpPort
from labkit.errors import TunnelError
from labkit.packet.tunnel import Tunnel, Vni


@checked(TunnelError)
@dataclass(frozen=True, kw_only=True)
class Vxlan(Tunnel):
    """A VXLAN tunnel (RFC 7348): Ethernet frames of one virtual network.

    vni: virtual network identifier, 0 to 16777215; None: takes any, cannot send
    """

    PROTOCOL = "vxlan"

    vni: Vni | None = None
    udp_port: UdpPort = 4789

    @property
    def tunnel_header(self) -> int:
        """8 bytes: RFC 7348 5."""
        return 8

    def _missing(self) -> str | None:
        return "vni" if self.vni is None else super()._missing()

    def _native_fields(self) -> dict[str, Any]:
        return {"vni": self.vni or 0, "takes_any_vni": self.vni is None}
