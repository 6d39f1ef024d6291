/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_LAYERS_H
#define LK_LAYERS_H

#include <stdint.h>

#define LK_MAX_LAYERS 40u /* what is deeper is data */

/* X(name, title, reference): what a frame is made of. */
#define LK_LAYERS(X)                                                                               \
	X(data, "data", "")                                                                        \
	X(padding, "padding", "IEEE 802.3 3.2.8")                                                  \
	X(trailer, "trailer", "")                                                                  \
	X(fcs, "FCS", "IEEE 802.3 3.2.9")                                                          \
	X(eth, "Ethernet", "IEEE 802.3 3.1.1")                                                     \
	X(dot3, "802.3", "IEEE 802.3 3.2.6")                                                       \
	X(llc, "LLC", "IEEE 802.2 3.2")                                                            \
	X(snap, "SNAP", "IEEE 802 10.3, RFC 1042")                                                 \
	X(sll, "cooked linux", "LINKTYPE_LINUX_SLL")                                               \
	X(sll2, "cooked linux v2", "LINKTYPE_LINUX_SLL2")                                          \
	X(loop, "loopback", "LINKTYPE_NULL, LINKTYPE_LOOP")                                        \
	X(vlan, "802.1Q", "IEEE 802.1Q 9.6")                                                       \
	X(itag, "802.1ah", "IEEE 802.1Q 9.7")                                                      \
	X(mpls, "MPLS", "RFC 3032 2.1")                                                            \
	X(pw, "PW control word", "RFC 4448 4.6")                                                   \
	X(pppoed, "PPPoE discovery", "RFC 2516 4")                                                 \
	X(pppoe, "PPPoE", "RFC 2516 4")                                                            \
	X(ppp, "PPP", "RFC 1661 2")                                                                \
	X(nsh, "NSH", "RFC 8300 2.2")                                                              \
	X(arp, "ARP", "RFC 826")                                                                   \
	X(ip, "IP", "RFC 791 3.1")                                                                 \
	X(ipv6, "IPv6", "RFC 8200 3")                                                              \
	X(hop_by_hop, "IPv6 hop-by-hop options", "RFC 8200 4.3")                                   \
	X(routing, "IPv6 routing", "RFC 8200 4.4")                                                 \
	X(fragment, "IPv6 fragment", "RFC 8200 4.5")                                               \
	X(destination, "IPv6 destination options", "RFC 8200 4.6")                                 \
	X(ah, "AH", "RFC 4302 2")                                                                  \
	X(mobility, "IPv6 mobility", "RFC 6275 6.1")                                               \
	X(hip, "HIP", "RFC 7401 5.1")                                                              \
	X(shim6, "Shim6", "RFC 5533 5.1")                                                          \
	X(esp, "ESP", "RFC 4303 2")                                                                \
	X(icmp, "ICMP", "RFC 792")                                                                 \
	X(icmpv6, "ICMPv6", "RFC 4443 2.1")                                                        \
	X(igmp, "IGMP", "RFC 2236 2, RFC 3376 4")                                                  \
	X(tcp, "TCP", "RFC 9293 3.1")                                                              \
	X(udp, "UDP", "RFC 768")                                                                   \
	X(udplite, "UDP-Lite", "RFC 3828 3.1")                                                     \
	X(sctp, "SCTP", "RFC 9260 3.1")                                                            \
	X(gre, "GRE", "RFC 2784 2, RFC 2890 2, RFC 2637 4.1")                                      \
	X(erspan, "ERSPAN", "draft-foschiano-erspan-03 4")                                         \
	X(etherip, "EtherIP", "RFC 3378 3")                                                        \
	X(vxlan, "VXLAN", "RFC 7348 5")                                                            \
	X(vxlan_gpe, "VXLAN-GPE", "draft-ietf-nvo3-vxlan-gpe-13 3.1")                              \
	X(geneve, "GENEVE", "RFC 8926 3.4")                                                        \
	X(gue, "GUE", "draft-ietf-intarea-gue-09 3.1")                                             \
	X(gtp, "GTP-U", "3GPP TS 29.281 5.1")                                                      \
	X(teredo, "Teredo", "RFC 4380 5.1.1")                                                      \
	X(l2tp, "L2TP", "RFC 2661 3.1")                                                            \
	X(l2tpv3, "L2TPv3", "RFC 3931 4.1")

enum lk_layer_kind {
#define LK_LAYER_ENUM(name, title, reference) LK_LAYER_##name,
	LK_LAYERS(LK_LAYER_ENUM)
#undef LK_LAYER_ENUM
		LK_LAYER_COUNT
};

/* What is to be said of a checksum. */
enum lk_sum_state {
	LK_SUM_NO_FIELD, /* the layer has none */
	LK_SUM_GOOD,
	LK_SUM_WRONG,	   /* `right` would be good */
	LK_SUM_UNFINISHED, /* as the sender left it to its NIC; `right` would be good */
	LK_SUM_NOT_THERE,  /* the sender left it out, as it may */
	LK_SUM_FORBIDDEN,  /* left out where it may not be: UDP's over IPv6 */
	LK_SUM_UNKNOWN,	   /* of a fragment, or not all that it covers is there */
};

/* What is wrong with a layer, or with what should be where data is. */
enum lk_problem {
	LK_PROBLEM_NONE,
	LK_PROBLEM_CUT,	    /* the capture kept no more of the header */
	LK_PROBLEM_SHORT,   /* the packet ends within the header */
	LK_PROBLEM_VERSION, /* another version than the layer before says */
	LK_PROBLEM_LENGTH,  /* a length that cannot be */
	LK_PROBLEM_LONG,    /* it says that it is longer than what is around it */
	LK_PROBLEM_DEEP,    /* more than LK_MAX_LAYERS */
};

/* Offsets and lengths are of the frame on the wire, of which fewer bytes may have been captured. */
struct lk_layer {
	uint32_t offset;
	uint32_t length;   /* of its own bytes */
	uint32_t end;	   /* of what it carries, as its own length field says if it has one */
	uint32_t checksum; /* as it stands there; of SCTP a CRC32c */
	uint32_t right;	   /* what it should be */
	uint8_t kind;	   /* enum lk_layer_kind */
	uint8_t problem;   /* enum lk_problem */
	uint8_t sum;	   /* enum lk_sum_state */
	uint8_t is_quoted; /* inside of an ICMP error: a packet that was sent before */
};

/* Layers follow each other without gaps and cover the frame. */
struct lk_walk {
	uint32_t count;
	uint32_t kept;				    /* bytes of the frame that are there */
	uint32_t length;			    /* on the wire */
	struct lk_layer layers[LK_MAX_LAYERS + 36]; /* data, and what stands behind */
};

#endif
