/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_COLUMN_LIST_H
#define LK_COLUMN_LIST_H

#include <stdint.h>

/* What a column holds: a number of so many bytes, or a number that stands for a text. */
enum lk_column_type {
	LK_COLUMN_U8,
	LK_COLUMN_U16,
	LK_COLUMN_U32,
	LK_COLUMN_I64,
	LK_COLUMN_MAC,	     /* of lk_columns_key(): 6 bytes */
	LK_COLUMN_IP,	     /* of lk_columns_key(): 4 or 16 bytes */
	LK_COLUMN_KINDS,     /* of lk_columns_key(): a byte a layer, enum lk_layer_kind */
	LK_COLUMN_KIND,	     /* enum lk_layer_kind, or LK_LAYER_COUNT and a protocol number more */
	LK_COLUMN_TCP_FLAGS, /* the nine bits of a TCP header */
	LK_COLUMN_SUM,	     /* enum lk_sum_state */
	LK_COLUMN_PROBLEM,   /* enum lk_problem */
	LK_COLUMN_VERDICT,   /* enum lk_verdict */
	LK_COLUMN_OFFSETS,   /* LK_MOST_OFFSETS of 32 bits, a layer each */
};

/*
 * X(name, type, text): what is told of a frame as such; then what is told of its outer packet, and
 * as inner_... of the one that is innermost where tunnels are nested.
 */
#define LK_FRAME_COLUMNS(X)                                                                        \
	X(frame, I64, "number in the capture, from 0")                                             \
	X(time_ns, I64, "nanoseconds since 1970; missing where the file has none")                 \
	X(length, U32, "bytes on the wire")                                                        \
	X(captured, U32, "bytes that the capture kept")                                            \
	X(interface, U32, "number of the interface among those of all sections, from 0")           \
	X(layers, KINDS, "what the frame is made of, from the outside in")                         \
	X(digest, I64,                                                                             \
	  "of the innermost packet, the same wherever it is captured: without TTL, traffic "       \
	  "class, flow label and header checksum (RFC 5475 6.2.2)")                                \
	X(offsets, OFFSETS, "first byte of each of its layers")                                    \
	X(problem, PROBLEM,                                                                        \
	  "fault of the first layer that has one: cut by the capture, short of its header, "       \
	  "longer than what is around it (long), a version or length that cannot be, too deep")    \
	X(tunnel, KIND, "what carries the inner packet, the outermost of several")                 \
	X(tunnel_depth, U8, "tunnels one inside of the other")                                     \
	X(tunnel_offset, U32, "first byte of the outermost tunnel's header")                       \
	X(vni, U32, "virtual network of VXLAN, VXLAN-GPE, GENEVE or NVGRE")                        \
	X(tunnel_id, U32, "key of GRE, TEID of GTP-U, session of L2TP and ERSPAN")                 \
	X(verdict, VERDICT,                                                                        \
	  "what a receiver by the RFC says of VXLAN, GENEVE, GUE; missing for other frames")

#define LK_PACKET_COLUMNS(X)                                                                       \
	X(eth_src, MAC, "source address (IEEE 802.3 3.2.5)")                                       \
	X(eth_dst, MAC, "destination address (IEEE 802.3 3.2.4)")                                  \
	X(eth_type, U16, "EtherType behind VLAN tags (IEEE 802.3 3.2.6)")                          \
	X(vlan, U16, "VLAN identifier, of several tags the outer one's (IEEE 802.1Q 9.6)")         \
	X(vlan_priority, U8, "its priority code point (IEEE 802.1Q 9.6)")                          \
	X(vlan_second, U16, "VLAN identifier of the second tag")                                   \
	X(mpls_label, U32, "top label (RFC 3032 2.1)")                                             \
	X(ip_version, U8, "4 or 6")                                                                \
	X(ip_src, IP, "source address")                                                            \
	X(ip_dst, IP, "destination address")                                                       \
	X(ip_proto, U8, "protocol number, of IPv6 behind extension headers")                       \
	X(ttl, U8, "time to live, or hop limit")                                                   \
	X(dscp, U8, "differentiated services code point (RFC 2474 3)")                             \
	X(ecn, U8, "explicit congestion notification (RFC 3168 5)")                                \
	X(ip_id, U32, "identification, of IPv6 that of a fragment header")                         \
	X(ip_length, U32, "bytes of the IP packet, as its header says")                            \
	X(fragment_offset, U32, "of a fragment, in bytes; missing for whole packets")              \
	X(ip_offset, U32, "first byte of the IP header")                                           \
	X(ip_checksum, SUM, "of the IPv4 header (RFC 791 3.1)")                                    \
	X(proto, KIND, "what IP carries; without IP the last layer that is known")                 \
	X(src_port, U16, "of TCP, UDP, UDP-Lite, SCTP")                                            \
	X(dst_port, U16, "of TCP, UDP, UDP-Lite, SCTP")                                            \
	X(l4_offset, U32, "first byte of what IP carries")                                         \
	X(l4_checksum, SUM, "of TCP, UDP, UDP-Lite, SCTP, ICMP, ICMPv6, IGMP, GRE")                \
	X(tcp_flags, TCP_FLAGS, "as letters: F S R P A U E C N (RFC 9293 3.1)")                    \
	X(tcp_seq, U32, "sequence number")                                                         \
	X(tcp_ack, U32, "acknowledgement number; missing without the ACK flag")                    \
	X(tcp_window, U16, "as it stands in the header, not scaled")                               \
	X(icmp_type, U8, "of ICMP and ICMPv6")                                                     \
	X(icmp_code, U8, "of ICMP and ICMPv6")                                                     \
	X(payload_offset, U32, "first byte behind the header of what IP carries")                  \
	X(payload_length, U32, "bytes behind it, on the wire")

/* Of frames that are read with them: what frames one table of columns is made of. */
struct lk_column_out {
	uint8_t column;	  /* enum lk_column */
	uint8_t is_inner; /* of the innermost packet */
	void *values;	  /* as its type says; texts' numbers have 32 bits, -1: missing */
	uint8_t *missing; /* of numbers: 1 where there is none */
};

#define LK_MOST_OFFSETS 76u /* layers of a walk */

enum lk_column {
#define LK_COLUMN_ENUM(name, type, text) LK_COL_##name,
	LK_FRAME_COLUMNS(LK_COLUMN_ENUM) LK_PACKET_COLUMNS(LK_COLUMN_ENUM)
#undef LK_COLUMN_ENUM
		LK_COL_COUNT
};

#define LK_FIRST_PACKET_COLUMN LK_COL_eth_src

#endif
