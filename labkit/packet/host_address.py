# SPDX-License-Identifier: BSD-3-Clause
"""Which IP addresses a host on a wire can have: those that native/packet/endpoint.h answers."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Interface = ipaddress.IPv4Interface | ipaddress.IPv6Interface

# RFC 1122 3.2.1.3; RFC 4291 2.5.2, 2.5.3, 2.5.5.2, 2.7
NO_HOSTS = {
    "the address of nobody yet": ("0.0.0.0/32", "::/128"),
    "an address of this network itself": ("0.0.0.0/8",),
    "a loopback address": ("127.0.0.0/8", "::1/128"),
    "a group's address": ("224.0.0.0/4", "ff00::/8"),
    "a reserved or broadcast address": ("240.0.0.0/4",),
    "an IPv4 address as IPv6 writes it": ("::ffff:0:0/96",),
}
_KINDS = [(ipaddress.ip_network(net), kind) for kind, nets in NO_HOSTS.items() for net in nets]


def why_no_host(address: Address | Interface) -> str:
    """What it is in place of a host's, such as "a loopback address"; empty for a host's.

    With a prefix length the broadcast addresses of its network are told, too.
    """
    if getattr(address, "scope_id", None) is not None:
        return "an address with a zone, which the port is"
    plain = address.ip if isinstance(address, Interface) else address
    for network, kind in _KINDS:
        if plain in network:
            return kind
    if isinstance(address, ipaddress.IPv4Interface) and address.network.prefixlen < 31:
        network = address.network
        if plain in (network.network_address, network.broadcast_address):
            return f"the broadcast address of {network}"
    return ""
