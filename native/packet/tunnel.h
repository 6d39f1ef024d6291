/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TUNNEL_H
#define LK_TUNNEL_H

#include "headers.h"

#define LK_VXLAN_PORT  4789
#define LK_GENEVE_PORT 6081
#define LK_GUE_PORT    6080

/* RFC 8926 3.4, 3.5: 63 words of options, 31 words of data in one */
#define LK_MAX_GENEVE_OPTIONS 252
#define LK_MAX_OPTION_DATA    124
#define LK_MAX_KNOWN_OPTIONS  32
/* Ethernet, IPv6, UDP, GENEVE with all options: 322, and a bit */
#define LK_MAX_TUNNEL_HEADER 336

#define LK_PROTO_IPV4	 4
#define LK_PROTO_IPV6	 41
#define LK_PROTO_GRE	 47
#define LK_PROTO_ETHERIP 97

#define LK_TYPE_TEB 0x6558 /* transparent Ethernet bridging */

enum lk_tunnel_protocol { LK_VXLAN, LK_GENEVE, LK_GUE };

/* What the tunnel carries. GRE and EtherIP are GUE's ways to carry Ethernet. */
enum lk_tunnel_payload { LK_ETHERNET, LK_IP, LK_GRE, LK_ETHERIP };

/* Whose receiver: the standard's, Linux's, Open vSwitch's. */
enum lk_strictness { LK_RFC, LK_LINUX, LK_OVS };

/* One end of a tunnel. The second part is what lk_tunnel_prepare makes of the first. */
struct lk_tunnel {
	uint8_t protocol;
	uint8_t payload;
	uint8_t strictness;
	uint8_t ip_version;
	uint8_t local_mac[6];
	uint8_t remote_mac[6];
	uint8_t inner_mac[6]; /* of the Ethernet header that IP out of a tunnel gets */
	uint8_t local[16];
	uint8_t remote[16];
	uint8_t has_local; /* frames to other addresses are not for us */
	uint8_t ttl;
	uint8_t dscp;
	uint8_t is_uniform;	/* DSCP is copied out and in (RFC 2983 3.1), else outer alone */
	uint8_t is_df_set;	/* IPv4 outer: do not fragment */
	uint8_t sends_checksum; /* UDP */
	uint8_t takes_zero_checksum; /* over IPv6 */
	uint8_t takes_any_vni;
	uint8_t takes_any_source;   /* also what is no host's address: for analysis alone */
	uint8_t passes_unknown_vni; /* on to another node, as frames that are not for us */
	uint8_t gue_variant;
	uint16_t udp_port;
	uint16_t source_port; /* 0: a hash of the flow inside */
	uint16_t mtu;	      /* of the outer IP packet, 0: what length fields hold */
	uint16_t options_length;
	uint32_t vni;
	uint32_t known_count;
	uint32_t known[LK_MAX_KNOWN_OPTIONS]; /* GENEVE options: class << 8 | type */
	uint8_t options[LK_MAX_GENEVE_OPTIONS];

	uint16_t header_length; /* from the outer Ethernet header to what the tunnel carries */
	uint16_t udp_at;
	uint8_t is_plain; /* see lk_encap_plain */
	uint8_t header[LK_MAX_TUNNEL_HEADER];
	uint64_t udp_sum; /* of pseudo-header, UDP and tunnel header, without lengths and ports */
	uint16_t ip_sum;  /* of the IPv4 header without TOS, total length, id and checksum */
};

/* Where decap found things in a frame: offsets from its first byte. */
struct lk_decapsulated {
	struct lk_headers outer;
	uint32_t vni;
	uint16_t tunnel; /* header */
	uint16_t options;
	uint16_t options_length;
	uint16_t inner;
	uint8_t payload;       /* enum lk_tunnel_payload: what was carried */
	uint8_t inner_version; /* of IP that was carried */
};

static inline enum lk_verdict
lk_tunnel_refused(struct lk_decapsulated *d, uint32_t at, enum lk_verdict verdict)
{
	return lk_refused_at(&d->outer, at, verdict);
}

#endif
