# SPDX-License-Identifier: BSD-3-Clause
"""Addresses that the two ends of a tunnel may have."""

import ipaddress

from labkit.errors import TunnelError
from labkit.packet.host_address import Address, why_no_host
from labkit.packet.mac import HOW_TO_WRITE, is_group, is_mac

EXAMPLES = "10.0.0.1 or 2001:db8::1"


def check_ends(local: str | None, remote: str | None) -> None:
    """Raises TunnelError for what is no unicast address, and for two of different versions."""
    versions = {
        _unicast(name, end).version
        for name, end in (("local", local), ("remote", remote))
        if end is not None
    }
    if len(versions) == 2:
        raise TunnelError(
            f"local {local} and remote {remote} are of different IP versions; give two IPv4 or two "
            "IPv6 addresses"
        )


def check_mac(name: str, mac: str | None, *, may_be_group: bool) -> None:
    """Raises TunnelError for what is no MAC address, and for a group's where a host's is meant."""
    if mac is None:
        return
    if not is_mac(mac):
        raise TunnelError(f"{name} is {mac!r}; {HOW_TO_WRITE}")
    if not may_be_group and is_group(mac):
        raise TunnelError(f"{name} is {mac!r}; a host's address is no group address")


def _unicast(name: str, text: str) -> Address:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise TunnelError(f"{name} is {text!r}; it is an address such as {EXAMPLES}") from None
    if kind := why_no_host(address):
        raise TunnelError(f"{name} is {text!r}; it is {kind}; give a host's such as {EXAMPLES}")
    return address
