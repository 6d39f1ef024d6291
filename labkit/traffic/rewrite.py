# SPDX-License-Identifier: BSD-3-Clause
"""Other addresses for the frames of a capture (native/packet/rewrite.h)."""

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from labkit.errors import LabError
from labkit.packet.mac import HOW_TO_WRITE, is_mac
from labkit.text import shown

MOST = 256  # LK_REWRITE_MOST, told again because streams are declared without native modules
LAST_VLAN = 4094


@dataclass(frozen=True)
class Rewrite:
    """Pairs of old and new; IP networks are in their order of precedence, the longest first.

    Attributes
    ----------
    vlan: False: without tags; None: as they are
    """

    macs: tuple[tuple[str, str], ...] = ()
    ips: tuple[tuple[str, str], ...] = ()
    vlan: int | None = None

    @classmethod
    def of(
        cls,
        macs: Mapping[str, str] | None,
        ips: Mapping[str, str] | None,
        vlan: int | None,
    ) -> "Rewrite | None":
        """From what a user wrote; None where nothing is to change."""
        is_number = isinstance(vlan, int) and not isinstance(vlan, bool)
        if not (vlan is None or vlan is False or (is_number and 0 <= vlan <= LAST_VLAN)):
            raise LabError(
                f"vlan is {shown(vlan)}; it is a number from 0 to {LAST_VLAN}, or False for frames "
                "without tags"
            )
        for name, pairs in {"macs": macs, "ips": ips}.items():
            if not (pairs is None or isinstance(pairs, Mapping)):
                raise LabError(f"{name} is {shown(pairs)}; it is a mapping from old to new")
            if len(pairs or ()) > MOST:
                raise LabError(f"{len(pairs or ())} {name}; at most {MOST}")
        nets = [_nets(*pair) for pair in (ips or {}).items()]
        nets.sort(key=lambda pair: -pair[0].prefixlen)
        told = tuple((str(before), str(after)) for before, after in nets)
        rewrite = cls(tuple(_macs(*pair) for pair in (macs or {}).items()), told, vlan)
        return None if (rewrite.macs, rewrite.ips, rewrite.vlan) == ((), (), None) else rewrite

    def to_dict(self) -> dict[str, Any]:
        """Plain data for the engine."""
        return {
            "macs": [list(pair) for pair in self.macs],
            "ips": [list(pair) for pair in self.ips],
            "vlan": self.vlan,
        }


Net = ipaddress.IPv4Network | ipaddress.IPv6Network


def _macs(before: str, after: str) -> tuple[str, str]:
    for mac in (before, after):
        if not is_mac(mac):
            raise LabError(f"macs: {shown(mac)} is no MAC address; {HOW_TO_WRITE}")
    return before, after


def _net(text: str) -> Net:
    try:
        if isinstance(text, int):
            raise ValueError
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        raise LabError(
            f"ips: {shown(text)} is no IP address and no network; write it as 10.0.0.0/8"
        ) from None


def _nets(before: str, after: str) -> tuple[Net, Net]:
    pair = _net(before), _net(after)
    if pair[0].version != pair[1].version:
        raise LabError(f"ips: {before} becomes {after}; both are of one IP version")
    if pair[0].prefixlen != pair[1].prefixlen:
        raise LabError(
            f"ips: {before} becomes {after}; both have the same prefix length: "
            f"{pair[1].network_address}/{pair[0].prefixlen}"
        )
    return pair
