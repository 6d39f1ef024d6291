# SPDX-License-Identifier: BSD-3-Clause
"""Which drops are a node's own: reasons that only such nodes have. What is wrong with a frame's
headers every node says that looks into them."""

from labkit.packet.codec import VERDICTS

# How the names of verdicts begin.
OWN: dict[str, tuple[str, ...]] = {
    "rx": ("rx_",),
    "tx": ("tx_",),
    "filter": ("filter_",),
    "arp_responder": ("arp_truncated", "arp_bad_"),
    "nd_responder": ("nd_bad_",),
    "icmp_echo": ("icmp_truncated", "icmp_bad_"),
    "udp_echo": ("udp_truncated", "udp_bad_", "udp_zero_"),
    "refuse": ("eth_", "arp_", "ip_", "udp_", "icmp_", "nd_", "unhandled"),
    "encap": ("tunnel_too_long", "tunnel_unhandled", "no_room"),
    "decap": ("outer_", "tunnel_", "vxlan_", "geneve_", "gue_", "inner_"),
    "fault": ("mtu_black_hole", "neighbour_unresolved"),
    "police": ("police_",),
    "allowance_police": ("police_",),
    "queue": ("queue_",),
    "shaper": ("queue_full",),
    "flow_limit": ("queue_full",),
    "delay": ("delay_",),
    "impair": ("impair_",),
    "fragment": ("fragment_",),
    "reassemble": ("reassemble_",),
    "header_limit": ("header_too",),
    "mtu": ("over_mtu",),
    "conntrack": ("conntrack_",),
    "firewall": ("firewall_",),
    "nat": ("nat_",),
    "route": ("route_", "neighbour_failed", "neighbour_queue", "neighbour_no"),
    "switch": ("switch_",),
    "vlan_pop": ("vlan_untagged",),
    "vlan_translate": ("vlan_untagged", "vlan_unknown"),
    "wire": ("wire_", "queue_full", "delay_full", "impair_loss"),
    "to_python": ("python_",),
    "probe_receive": ("probe_",),
}


def own_drops(kind: str) -> list[str]:
    """Names of the verdicts of a kind of node."""
    beginnings = OWN.get(kind, ())
    return [v.name for v in VERDICTS if v.is_drop and beginnings and v.name.startswith(beginnings)]
