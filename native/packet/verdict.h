/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_VERDICT_H
#define LK_VERDICT_H

#include "engine_limits.h"

/* What is wrong with the headers up to UDP: of a frame, and once more of what a tunnel put around
 * one, so that the ledger tells them apart. */
#define LK_HEADER_VERDICTS(X, prefix, where)                                                       \
	X(prefix##eth_truncated, where "The frame is shorter than an Ethernet header.",            \
	  "IEEE 802.3 3.1.1")                                                                      \
	X(prefix##vlan_truncated, where "The frame ends inside a VLAN tag.", "IEEE 802.1Q 9.6")    \
	X(prefix##vlan_too_many, where "More VLAN tags than the two that are walked.",             \
	  "IEEE 802.1ad")                                                                          \
	X(prefix##ipv4_truncated, where "The frame ends inside the IPv4 header.", "RFC 791 3.1")   \
	X(prefix##ipv4_bad_version, where "The version field of the IPv4 header is not 4.",        \
	  "RFC 791 3.1")                                                                           \
	X(prefix##ipv4_bad_header_length, where "The IPv4 header length is below 20 bytes.",       \
	  "RFC 791 3.1")                                                                           \
	X(prefix##ipv4_bad_length, where "The IPv4 total length does not fit the frame.",          \
	  "RFC 791 3.1")                                                                           \
	X(prefix##ipv4_bad_checksum, where "The IPv4 header checksum is wrong.",                   \
	  "RFC 1122 3.2.1.2")                                                                      \
	X(prefix##ipv4_fragment, where "The packet is an IPv4 fragment.", "RFC 791 3.2")           \
	X(prefix##ipv4_bad_option, where "An IPv4 option has a wrong length.", "RFC 791 3.1")      \
	X(prefix##ipv6_truncated, where "The frame ends inside the IPv6 header.", "RFC 8200 3")    \
	X(prefix##ipv6_bad_version, where "The version field of the IPv6 header is not 6.",        \
	  "RFC 8200 3")                                                                            \
	X(prefix##ipv6_bad_length, where "The IPv6 payload length does not fit the frame.",        \
	  "RFC 8200 3")                                                                            \
	X(prefix##ipv6_extension_truncated, where "The packet ends inside an extension header.",   \
	  "RFC 8200 4")                                                                            \
	X(prefix##ipv6_bad_option, where "An option runs past its extension header.",              \
	  "RFC 8200 4.2")                                                                          \
	X(prefix##ipv6_unknown_option, where "An unknown option that must not be skipped.",        \
	  "RFC 8200 4.2")                                                                          \
	X(prefix##ipv6_extension_limit, where "More than 8 extension headers.", "RFC 8504 5.3")    \
	X(prefix##ipv6_extension_order, where "A hop-by-hop header that is not the first.",        \
	  "RFC 8200 4.1")                                                                          \
	X(prefix##ipv6_routing_segments, where "A routing header with segments left.",             \
	  "RFC 8200 4.4, RFC 5095")                                                                \
	X(prefix##ipv6_fragment, where "The packet is an IPv6 fragment.", "RFC 8200 4.5")          \
	X(prefix##udp_truncated, where "The packet ends inside the UDP header.", "RFC 768")        \
	X(prefix##udp_bad_length, where "The UDP length is below 8 or runs past the packet.",      \
	  "RFC 768")                                                                               \
	X(prefix##udp_bad_checksum, where "The UDP checksum is wrong.", "RFC 1122 4.1.3.4")        \
	X(prefix##udp_zero_checksum, where "A zero UDP checksum over IPv6.", "RFC 8200 8.1")

/*
 * What a node decided about a frame. The number of a verdict is also the number of the node's
 * edge it leaves through, so the graph needs no translation: edge 0 is the node's result, edge 1
 * the frames it has no business with, and every further edge is the drop node of one reason.
 * The name is the same in the drop node, in Python and in the ledger.
 *
 * X(name, sentence, source)
 */
#define LK_VERDICTS(X)                                                                             \
	X(next, "The node did its work; the frame goes on.", "")                                   \
	X(other, "The frame is not for this node; it goes on unchanged.", "")                      \
	X(unhandled, "No node in the path took the frame.", "")                                    \
	LK_HEADER_VERDICTS(X, , "")                                                                \
	X(eth_bad_source, "The source MAC address is a group address.", "IEEE 802.3 3.2.3")        \
	X(eth_not_for_us, "The destination MAC address is not the endpoint's.",                    \
	  "IEEE 802.3 3.2.3")                                                                      \
	X(eth_unknown_type, "No node answers this EtherType.", "IEEE 802.3 3.2.6")                 \
	X(arp_truncated, "The frame ends inside the ARP packet.", "RFC 826")                       \
	X(arp_bad_format, "The ARP packet is not Ethernet and IPv4.", "RFC 826")                   \
	X(arp_not_request, "The ARP packet is not a request.", "RFC 826")                          \
	X(arp_bad_sender, "The sender address of the ARP request cannot be a neighbour's.",        \
	  "RFC 1122 3.2.1.3, RFC 5227 2.4")                                                        \
	X(arp_no_such_address, "The ARP request is for another address.", "RFC 826")               \
	X(ip_bad_source, "The source address cannot be answered.",                                 \
	  "RFC 1122 3.2.1.3, RFC 4291 2.7")                                                        \
	X(ip_no_such_address, "The destination address is not the endpoint's.",                    \
	  "RFC 1122 3.2.1.3")                                                                      \
	X(ip_unknown_protocol, "No node answers this IP protocol.", "RFC 1122 3.2.2.1")            \
	X(udp_bad_source_port, "The UDP source port is 0: no answer is wanted.", "RFC 768")        \
	X(udp_no_listener, "Nothing listens on this UDP port.", "RFC 1122 4.1.3.1")                \
	X(udp_to_group,                                                                            \
	  "The datagram came in a broadcast or multicast frame, or to such an address.",           \
	  "RFC 1122 3.3.6")                                                                        \
	X(icmp_truncated, "The packet ends inside the ICMP message.", "RFC 792, RFC 4443 2.1")     \
	X(icmp_bad_checksum, "The ICMP checksum is wrong.", "RFC 1122 3.2.2, RFC 4443 2.3")        \
	X(icmp_not_echo, "The ICMP message is not an echo request.", "RFC 1122 3.2.2.6")           \
	X(icmp_to_group,                                                                           \
	  "The echo request came in a broadcast or multicast frame, or to such an address.",       \
	  "RFC 1122 3.2.2.6, 3.3.6")                                                               \
	X(nd_bad_hop_limit, "A neighbour solicitation that was forwarded.", "RFC 4861 7.1.1")      \
	X(nd_bad_code, "A neighbour solicitation with a code other than 0.", "RFC 4861 7.1.1")     \
	X(nd_bad_target, "The solicited target is a multicast address.", "RFC 4861 7.1.1")         \
	X(nd_bad_option, "A neighbour discovery option with a bad length.", "RFC 4861 7.1.1")      \
	X(nd_bad_probe, "A duplicate address probe against the rules.", "RFC 4861 7.1.1")          \
	X(nd_no_such_address, "The neighbour solicitation is for another address.",                \
	  "RFC 4861 7.2.3")                                                                        \
	LK_HEADER_VERDICTS(X, outer_, "Outer headers: ")                                           \
	X(tunnel_bad_source, "The outer source address cannot be a tunnel's end.",                 \
	  "RFC 1122 3.2.1.3, RFC 4291 2.7")                                                        \
	X(tunnel_ip_options, "The outer IP header has options or extension headers.",              \
	  "Open vSwitch 3.1")                                                                      \
	X(tunnel_unknown_vni, "The VNI is not the tunnel's.", "RFC 7348 4.1, RFC 8926 4.1")        \
	X(tunnel_unhandled_payload,                                                                \
	  "The tunnel carries IP, and the frame is neither IPv4 nor IPv6.", "RFC 8926 3.4")        \
	X(tunnel_too_long, "The frame does not fit the tunnel's MTU, or an outer length field.",   \
	  "RFC 7348 4.3, RFC 8926 4.2.1")                                                          \
	X(tunnel_ecn_lost,                                                                         \
	  "The outer header says congestion, which the inner packet cannot carry on.",             \
	  "RFC 6040 4.2")                                                                          \
	X(vxlan_truncated, "The datagram ends inside the VXLAN header.", "RFC 7348 5")             \
	X(vxlan_no_vni_flag, "The I flag is clear: the VNI is not valid.", "RFC 7348 5")           \
	X(vxlan_reserved_bits, "A reserved bit of the VXLAN header is set.", "RFC 7348 5")         \
	X(geneve_truncated, "The datagram ends inside the GENEVE header.", "RFC 8926 3.4")         \
	X(geneve_bad_version, "The version of the GENEVE header is not 0.", "RFC 8926 3.4")        \
	X(geneve_bad_options_length, "The GENEVE options run past the datagram.", "RFC 8926 3.4")  \
	X(geneve_bad_option_length, "A GENEVE option runs past the options.", "RFC 8926 3.5")      \
	X(geneve_critical_option, "A critical GENEVE option that the endpoint does not know.",     \
	  "RFC 8926 3.5")                                                                          \
	X(geneve_control, "A GENEVE control packet: the O bit is set.", "RFC 8926 3.4")            \
	X(geneve_unknown_protocol, "GENEVE carries a protocol that the endpoint does not take.",   \
	  "RFC 8926 3.4")                                                                          \
	X(gue_truncated, "The datagram ends inside the GUE header.",                               \
	  "draft-ietf-intarea-gue-09 3.1")                                                         \
	X(gue_bad_variant, "The GUE variant is neither 0 nor 1.", "draft-ietf-intarea-gue-09 3")   \
	X(gue_bad_header_length, "The GUE header runs past the datagram.",                         \
	  "draft-ietf-intarea-gue-09 3.1")                                                         \
	X(gue_control, "A GUE control message: the C bit is set.",                                 \
	  "draft-ietf-intarea-gue-09 3.2.1")                                                       \
	X(gue_unknown_flags, "A GUE flag that the endpoint does not know.",                        \
	  "draft-ietf-intarea-gue-09 3.3")                                                         \
	X(gue_bad_flag_fields, "The fields that GUE flags announce run past the GUE header.",      \
	  "draft-ietf-intarea-gue-09 3.3")                                                         \
	X(gue_unknown_protocol, "GUE carries an IP protocol that the endpoint does not take.",     \
	  "draft-ietf-intarea-gue-09 3.2.1")                                                       \
	X(gre_truncated, "The packet ends inside the GRE header.", "RFC 2784 2, RFC 2890 2")       \
	X(gre_bad_flags, "The GRE version or a reserved flag is not 0.", "RFC 2784 2.3")           \
	X(gre_bad_checksum, "The GRE checksum is wrong.", "RFC 2784 2.5")                          \
	X(gre_unknown_protocol, "GRE carries a protocol that the endpoint does not take.",         \
	  "RFC 2784 2.4")                                                                          \
	X(etherip_truncated, "The packet ends inside the EtherIP header.", "RFC 3378 3")           \
	X(etherip_bad_version, "The EtherIP version is not 3, or a reserved bit is set.",          \
	  "RFC 3378 3")                                                                            \
	X(inner_eth_truncated, "What the tunnel carries is shorter than an Ethernet header.",      \
	  "IEEE 802.3 3.1.1")                                                                      \
	X(inner_ip_truncated, "What the tunnel carries is shorter than its IP header.",            \
	  "RFC 791 3.1, RFC 8200 3")                                                               \
	X(inner_ip_bad_version, "The IP version inside is not what the tunnel header says.",       \
	  "RFC 791 3.1, RFC 8200 3")                                                               \
	X(no_room, "The frame does not fit the buffer.",                                           \
	  "rte_pktmbuf_headroom, rte_pktmbuf_tailroom")                                            \
	X(filter_rejected, "The filter did not take the frame.", "pcap-filter")                    \
	X(police_exceeded, "The policer had no tokens for the frame.", "RFC 2697, RFC 2698")       \
	X(queue_full, "The queue has as many frames or bytes as it may hold.", "RFC 7567 2.1")     \
	X(queue_early, "Queue management dropped the frame before the queue was full.",            \
	  "RFC 7567, RFC 8289, RFC 8033, RFC 8290")                                                \
	X(delay_full, "The delay line holds as many frames as it may.", "tc-netem")                \
	X(rx_segmented, "The frame came in segments and does not fit one buffer.",                 \
	  "rte_pktmbuf_linearize")                                                                 \
	X(tx_too_long, "The frame is longer than the port's MTU allows.", "rte_eth_dev_set_mtu")   \
	X(tx_full, "The port's transmit queue was full.", "rte_eth_tx_burst")                      \
	X(tx_link_down, "The port's link is down.", "rte_eth_dev_set_link_down")                   \
	X(tx_unplugged, "The other end of the cable was closed.", "")                              \
	X(impair_loss, "The frame was lost on purpose.", "")                                       \
	X(tx_backlog_full, "The queue in front of a stalled port was full.", "tc-pfifo")           \
	X(mtu_black_hole, "A hop that tells nobody takes no frames of this length.",               \
	  "RFC 2923 2.1")                                                                          \
	X(neighbour_unresolved,                                                                    \
	  "The next hop did not answer ARP, and as many frames waited as may.",                    \
	  "RFC 1122 2.3.2.2")                                                                      \
	X(python_full, "As many frames as may are in Python.", "")                                 \
	X(python_error, "The function in Python failed, or did not answer for the frame.", "")     \
	X(probe_corrupt, "A probe came back with a changed payload.", "")                          \
	X(probe_duplicate, "A probe came back more than once.", "")                                \
	X(probe_late, "A probe came back after it had been given up.", "")                         \
	X(fragment_forbidden, "The packet is longer than the MTU and must not be fragmented.",     \
	  "RFC 791 2.3, RFC 8200 5")                                                               \
	X(fragment_no_buffer, "There were no buffers for the packet's fragments.",                 \
	  "rte_pktmbuf_alloc")                                                                     \
	X(reassemble_timeout, "The other fragments of the packet did not come in time.",           \
	  "RFC 791 3.2, RFC 8200 4.5")                                                             \
	X(reassemble_full, "As many packets wait for fragments as may.", "RFC 815")                \
	X(reassemble_bad, "The fragment has a length or place that cannot be.",                    \
	  "RFC 791 3.2, RFC 8200 4.5")                                                             \
	X(reassemble_duplicate, "The fragment came before.", "RFC 8200 4.5")                       \
	X(reassemble_overlap, "Fragments of the packet overlap.", "RFC 5722, RFC 8200 4.5")        \
	X(reassemble_too_many, "The packet has more fragments than are put together.", "RFC 8900") \
	X(reassemble_too_long, "What the fragments make does not fit a buffer of the port.",       \
	  "rte_pktmbuf_tailroom")                                                                  \
	X(header_too_long,                                                                         \
	  "The headers are longer than an entry of the NIC's low-latency queue takes.",            \
	  "ena_com_prepare_tx")                                                                    \
	X(over_mtu, "The packet is longer than the MTU of the way on.", "RFC 1191 4, RFC 8201 4")  \
	X(conntrack_full, "A new connection, and the table has no free entry.", "nf_conntrack")    \
	X(conntrack_rate, "More new connections a second than the table takes.", "")               \
	X(conntrack_invalid, "The packet fits no connection and cannot begin one.",                \
	  "RFC 9293 3.10.7, RFC 5508 4, nf_conntrack")                                             \
	X(conntrack_fragment, "A fragment came before the first one of its packet.",               \
	  "RFC 791 3.2, RFC 8200 4.5")                                                             \
	X(firewall_denied, "A rule of the firewall, or its default, denies the packet.",           \
	  "RFC 2979 2")                                                                            \
	X(nat_no_port, "No outside port is free for a new connection.", "RFC 4787 4.2")            \
	X(nat_no_binding, "To an outside address of the NAT, where nobody inside is bound to it.", \
	  "RFC 4787 5, RFC 5382 5")                                                                \
	X(nat_hairpin, "From inside to inside, and nothing leads back there.",                     \
	  "RFC 4787 6, RFC 5382 7.1")                                                              \
	X(nat_untracked, "The packet fits no connection, so that nothing says what it becomes.",   \
	  "RFC 3022 4")                                                                            \
	X(route_none, "The router has no route to the destination.", "RFC 1812 5.2.7.1")           \
	X(route_unreachable, "The route to the destination says that it is unreachable.",          \
	  "RFC 1812 5.2.7.1")                                                                      \
	X(route_blackhole, "The route to the destination drops what it is for.", "ip-route")       \
	X(route_ttl_exceeded, "The TTL or hop limit was used up.", "RFC 1812 5.3.1, RFC 8200 3")   \
	X(route_not_forwarded,                                                                     \
	  "No router forwards to or from such an address, or what came to a group's MAC address.", \
	  "RFC 1812 5.3.4, 5.3.5, 5.3.7, RFC 4291 2.5.6")                                          \
	X(route_source_routed, "The sender prescribes the way.", "RFC 791 3.1, RFC 7126 4.3")      \
	X(route_too_big, "The packet is longer than the MTU of the port that it goes to.",         \
	  "RFC 1812 4.2.2.7, RFC 8200 5")                                                          \
	X(neighbour_failed, "The next hop did not answer.", "RFC 1122 2.3.2.1, RFC 4861 7.2.2")    \
	X(neighbour_queue_full, "As many packets as may waited for the next hop's MAC.",           \
	  "RFC 1122 2.3.2.2")                                                                      \
	X(neighbour_no_room, "The router knows as many neighbours as it may.", "")                 \
	X(switch_bad_source,                                                                       \
	  "The source MAC address is a group address or 0, which no station has.",                 \
	  "IEEE 802.3 3.2.3")                                                                      \
	X(switch_reserved, "A destination that switches do not forward, 01:80:C2:00:00:00 to 0F.", \
	  "IEEE 802.1Q 8.6.3")                                                                     \
	X(switch_untagged, "The port takes no frames without a VLAN.", "IEEE 802.1Q 6.9")          \
	X(switch_not_member, "The port that the frame came by is none of its VLAN.",               \
	  "IEEE 802.1Q 8.6.2")                                                                     \
	X(switch_same_port, "The destination is on the port that the frame came by.",              \
	  "IEEE 802.1Q 8.6.1")                                                                     \
	X(switch_no_port, "The frame's VLAN has no other port.", "IEEE 802.1Q 8.6.1")              \
	X(switch_unknown_port, "The frame came by a port that is none of the switch's.", "")       \
	X(vlan_untagged, "The frame has no VLAN tag.", "IEEE 802.1Q 9.6")                          \
	X(vlan_unknown, "There is no translation for the frame's VLAN.", "IEEE 802.1Q 6.9")        \
	X(wire_down, "The link is down.", "IEEE 802.3 30.5.1.1.4")

enum lk_verdict {
#define LK_VERDICT_ENUM(name, sentence, source) LK_##name,
	LK_VERDICTS(LK_VERDICT_ENUM)
#undef LK_VERDICT_ENUM
		LK_VERDICT_COUNT
};

#define LK_FIRST_DROP LK_unhandled

/* The outer twin of a verdict on headers. */
static inline enum lk_verdict
lk_outer(enum lk_verdict verdict)
{
	return (enum lk_verdict)(verdict + (LK_outer_eth_truncated - LK_eth_truncated));
}

/*
 * Behind the edges of verdicts are those of a node's outputs that have names of their own, and
 * behind these the drop nodes that a node of a user's own has brought along.
 */
enum {
	LK_FIRST_OWN_DROP = LK_VERDICT_COUNT + LK_MAX_OUTPUTS,
	LK_EDGE_COUNT = LK_FIRST_OWN_DROP + LK_MAX_OWN_DROPS,
	LK_DROP_COUNT = LK_VERDICT_COUNT + LK_OWN_DROP_NODES, /* drop nodes, by their verdict */
};
#define LK_OUTPUT(number) ((enum lk_verdict)(LK_VERDICT_COUNT + (number)))

#endif
