# SPDX-License-Identifier: BSD-3-Clause
"""GENEVE: RFC 8926."""

from dataclasses import dataclass
from typing import Any, Literal

from labkit._codec import lib
from labkit.arguments.checked import checked
from labkit.arguments.hints import UdpPort, is_many
from labkit.errors import TunnelError
from labkit.packet.geneve_options import GeneveOption, check_options
from labkit.packet.tunnel import Tunnel, Vni
from labkit.text import shown


@checked(TunnelError, but=("options", "known_options"))
@dataclass(frozen=True, kw_only=True)
class Geneve(Tunnel):
    """A GENEVE tunnel (RFC 8926).

    vni: virtual network identifier, 0 to 16777215; None: takes any, cannot send
    options: sent with every frame, together at most 252 bytes
    known_options: (class, type) of further options that this end understands; a critical option
        that is neither sent nor known refuses the frame (RFC 8926 3.5)
    payload: "ethernet", or "ip": the Ethernet header is left out
    """

    PROTOCOL = "geneve"

    vni: Vni | None = None
    udp_port: UdpPort = 6081
    options: tuple[GeneveOption, ...] = ()
    known_options: tuple[tuple[int, int], ...] = ()
    payload: Literal["ethernet", "ip"] = "ethernet"

    def __post_init__(self) -> None:
        for name in ("options", "known_options"):
            if not is_many(given := getattr(self, name)):
                raise TunnelError(
                    f"{name} is {shown(given)}; it is a list of lk.GeneveOption(class, type), of "
                    "known ones of (class, type)"
                )
        object.__setattr__(self, "options", check_options(self.options))
        object.__setattr__(self, "known_options", tuple(self.known_options))
        if not all(
            isinstance(known, (tuple, list)) and len(known) == 2 for known in self.known_options
        ):
            raise TunnelError(
                f"known_options is {self.known_options!r}; it is a list of (class, type)"
            )
        known = [GeneveOption(*option) for option in self.known_options]
        numbers = tuple((option.option_class, option.type) for option in known)
        object.__setattr__(self, "known_options", numbers)
        super().__post_init__()

    @property
    def tunnel_header(self) -> int:
        """8 bytes and the options: RFC 8926 3.4."""
        return 8 + sum(option.size for option in self.options)

    @property
    def _payload(self) -> str:
        return self.payload

    def to_dict(self) -> dict[str, Any]:
        """JSON values: `protocol` and every parameter."""
        return super().to_dict() | {
            "options": [option.to_dict() for option in self.options],
            "known_options": [list(known) for known in self.known_options],
        }

    def _missing(self) -> str | None:
        return "vni" if self.vni is None else super()._missing()

    def _native_fields(self) -> dict[str, Any]:
        data = b"".join(option.to_bytes() for option in self.options)
        known = {(o.option_class, o.type) for o in self.options} | set(self.known_options)
        if len(known) > lib.LK_MAX_KNOWN_OPTIONS:
            raise TunnelError(
                f"Geneve: {len(known)} kinds of options; an end knows at most "
                f"{lib.LK_MAX_KNOWN_OPTIONS}"
            )
        # The C bit belongs to a type: known is what is known with it (RFC 8926 3.5).
        return {
            "vni": self.vni or 0,
            "takes_any_vni": self.vni is None,
            "options": data,
            "options_length": len(data),
            "known_count": len(known),
            "known": [option_class << 8 | type_ for option_class, type_ in sorted(known)],
        }
