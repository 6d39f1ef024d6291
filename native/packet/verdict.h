/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_VERDICT_H
#define LK_VERDICT_H

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
	X(eth_truncated, "The frame is shorter than an Ethernet header.", "IEEE 802.3 3.1.1")      \
	X(eth_bad_source, "The source MAC address is a group address.", "IEEE 802.3 3.2.3")        \
	X(eth_not_for_us, "The destination MAC address is not the endpoint's.",                    \
	  "IEEE 802.3 3.2.3")                                                                      \
	X(eth_unknown_type, "No node answers this EtherType.", "IEEE 802.3 3.2.6")                 \
	X(vlan_truncated, "The frame ends inside a VLAN tag.", "IEEE 802.1Q 9.6")                  \
	X(vlan_too_many, "More VLAN tags than the two that are walked.", "IEEE 802.1ad")           \
	X(arp_truncated, "The frame ends inside the ARP packet.", "RFC 826")                       \
	X(arp_bad_format, "The ARP packet is not Ethernet and IPv4.", "RFC 826")                   \
	X(arp_not_request, "The ARP packet is not a request.", "RFC 826")                          \
	X(arp_no_such_address, "The ARP request is for another address.", "RFC 826")               \
	X(ipv4_truncated, "The frame ends inside the IPv4 header.", "RFC 791 3.1")                 \
	X(ipv4_bad_version, "The version field of the IPv4 header is not 4.", "RFC 791 3.1")       \
	X(ipv4_bad_header_length, "The IPv4 header length is below 20 bytes.", "RFC 791 3.1")      \
	X(ipv4_bad_length, "The IPv4 total length does not fit the frame.", "RFC 791 3.1")         \
	X(ipv4_bad_checksum, "The IPv4 header checksum is wrong.", "RFC 1122 3.2.1.2")             \
	X(ipv4_fragment, "The packet is an IPv4 fragment.", "RFC 791 3.2")                         \
	X(ipv6_truncated, "The frame ends inside the IPv6 header.", "RFC 8200 3")                  \
	X(ipv6_bad_version, "The version field of the IPv6 header is not 6.", "RFC 8200 3")        \
	X(ipv6_bad_length, "The IPv6 payload length does not fit the frame.", "RFC 8200 3")        \
	X(ipv6_extension_truncated, "The packet ends inside an extension header.", "RFC 8200 4")   \
	X(ipv6_extension_limit, "More than 8 extension headers.", "RFC 8504 5.3")                  \
	X(ipv6_extension_order, "A hop-by-hop header that is not the first.", "RFC 8200 4.1")      \
	X(ipv6_routing_segments, "A routing header with segments left.", "RFC 8200 4.4, RFC 5095") \
	X(ipv6_fragment, "The packet is an IPv6 fragment.", "RFC 8200 4.5")                        \
	X(ip_bad_source, "The source address cannot be answered.",                                 \
	  "RFC 1122 3.2.1.3, RFC 4291 2.7")                                                        \
	X(ip_no_such_address, "The destination address is not the endpoint's.",                    \
	  "RFC 1122 3.2.1.3")                                                                      \
	X(ip_unknown_protocol, "No node answers this IP protocol.", "RFC 1122 3.2.2.1")            \
	X(udp_truncated, "The packet ends inside the UDP header.", "RFC 768")                      \
	X(udp_bad_length, "The UDP length is below 8 or runs past the packet.", "RFC 768")         \
	X(udp_bad_checksum, "The UDP checksum is wrong.", "RFC 1122 4.1.3.4")                      \
	X(udp_zero_checksum, "A zero UDP checksum over IPv6.", "RFC 8200 8.1")                     \
	X(udp_bad_source_port, "The UDP source port is 0: no answer is wanted.", "RFC 768")        \
	X(udp_no_listener, "Nothing listens on this UDP port.", "RFC 1122 4.1.3.1")                \
	X(icmp_truncated, "The packet ends inside the ICMP message.", "RFC 792, RFC 4443 2.1")     \
	X(icmp_bad_checksum, "The ICMP checksum is wrong.", "RFC 1122 3.2.2, RFC 4443 2.3")        \
	X(icmp_not_echo, "The ICMP message is not an echo request.", "RFC 1122 3.2.2.6")           \
	X(nd_bad_hop_limit, "A neighbour solicitation that was forwarded.", "RFC 4861 7.1.1")      \
	X(nd_bad_code, "A neighbour solicitation with a code other than 0.", "RFC 4861 7.1.1")     \
	X(nd_bad_target, "The solicited target is a multicast address.", "RFC 4861 7.1.1")         \
	X(nd_bad_option, "A neighbour discovery option with a bad length.", "RFC 4861 7.1.1")      \
	X(nd_bad_probe, "A duplicate address probe against the rules.", "RFC 4861 7.1.1")          \
	X(nd_no_such_address, "The neighbour solicitation is for another address.",                \
	  "RFC 4861 7.2.3")                                                                        \
	X(no_tailroom, "The answer does not fit the buffer.", "rte_pktmbuf_tailroom")              \
	X(rx_segmented, "The frame came in segments and does not fit one buffer.",                 \
	  "rte_pktmbuf_linearize")                                                                 \
	X(tx_too_long, "The frame is longer than the port's MTU allows.", "rte_eth_dev_set_mtu")   \
	X(tx_full, "The port's transmit queue was full.", "rte_eth_tx_burst")                      \
	X(impair_loss, "The frame was lost on purpose.", "")                                       \
	X(probe_corrupt, "A probe came back with a changed payload.", "")                          \
	X(probe_duplicate, "A probe came back more than once.", "")                                \
	X(probe_late, "A probe came back after it had been given up.", "")

enum lk_verdict {
#define LK_VERDICT_ENUM(name, sentence, source) LK_##name,
	LK_VERDICTS(LK_VERDICT_ENUM)
#undef LK_VERDICT_ENUM
		LK_VERDICT_COUNT
};

#define LK_FIRST_DROP LK_unhandled

#endif
