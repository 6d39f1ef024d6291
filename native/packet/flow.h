/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FLOW_H
#define LK_FLOW_H

#include "ecn.h"

/* What a tunnel needs to know of the frame that it carries. */
struct lk_flow {
	uint64_t hash;
	uint16_t l3;	 /* of its IP header */
	uint8_t version; /* 4, 6, or 0: no IP header that is whole */
	uint8_t traffic_class;
};

/* One wide multiplication, folded: every bit of both words moves half of the result's. */
static inline uint64_t
lk_mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product =
		(unsigned __int128)(a ^ 0x9e3779b97f4a7c15u) * (b ^ 0xd1b54a32d192ed03u);

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline int
lk_has_ports(uint8_t protocol)
{
	return protocol == LK_PROTO_UDP || protocol == LK_PROTO_TCP || protocol == LK_PROTO_SCTP;
}

static inline uint64_t
lk_hash_ipv4(const uint8_t *ip, uint8_t protocol, uint32_t ports)
{
	return lk_mix(lk_load64(ip + 12), (uint64_t)ports << 8 | protocol);
}

static inline uint64_t
lk_hash_ipv6(const uint8_t *ip, uint8_t protocol, uint32_t ports)
{
	uint64_t source = lk_mix(lk_load64(ip + 8), lk_load64(ip + 16));
	uint64_t target = lk_mix(lk_load64(ip + 24), ~lk_load64(ip + 32));

	return lk_mix(source + 3 * target, (uint64_t)ports << 8 | protocol);
}

/*
 * The flow of a frame with VLAN tags, options, extension headers or no IP. A fragment's flow has no
 * ports: only the first of a packet carries them. What is malformed still has a flow: a tunnel
 * carries anything.
 */
static inline struct lk_flow
lk_flow_of_any(const uint8_t *frame, uint32_t length)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(frame, length, &h);
	const uint8_t *ip = frame + h.l3;
	struct lk_flow flow = {.l3 = h.l3, .version = h.ip_version};
	uint32_t ports = 0;
	int is_whole = verdict == LK_next || verdict == LK_ipv4_bad_checksum;

	if (h.ip_version == 0) {
		if (length >= LK_ETHER_LENGTH)
			flow.hash = lk_mix(lk_load64(frame),
					   (uint64_t)lk_load32(frame + 8) << 16 | h.ether_type);
		return flow;
	}
	if (is_whole && h.ip_version == 4 && lk_is_ipv4_fragment(ip))
		is_whole = 0;
	if (is_whole && lk_has_ports(h.protocol) && h.l4_length >= 4)
		ports = lk_load32(frame + h.l4);
	/* The chain of headers before a fragment's does not differ between fragments. */
	flow.hash = h.ip_version == 4 ? lk_hash_ipv4(ip, h.protocol, ports)
				      : lk_hash_ipv6(ip, h.protocol, ports);
	flow.traffic_class = lk_traffic_class(ip);
	return flow;
}

/* The flow of a frame: the same for every whole packet of a 5-tuple. */
static inline struct lk_flow
lk_flow_of(const uint8_t *frame, uint32_t length)
{
	const uint8_t *ip = frame + LK_ETHER_LENGTH;

	if (lk_is_plain_ipv4(frame, length))
		return (struct lk_flow){
			.hash = lk_hash_ipv4(ip, ip[9], lk_load32(ip + LK_IPV4_LENGTH)),
			.l3 = LK_ETHER_LENGTH,
			.version = 4,
			.traffic_class = ip[1],
		};
	if (length >= LK_ETHER_LENGTH + LK_IPV6_LENGTH + 4 &&
	    lk_get16(frame + 12) == LK_TYPE_IPV6 && ip[0] >> 4 == 6 && lk_has_ports(ip[6]) &&
	    lk_get16(ip + 4) >= 4 && lk_get16(ip + 4) <= length - LK_ETHER_LENGTH - LK_IPV6_LENGTH)
		return (struct lk_flow){
			.hash = lk_hash_ipv6(ip, ip[6], lk_load32(ip + LK_IPV6_LENGTH)),
			.l3 = LK_ETHER_LENGTH,
			.version = 6,
			.traffic_class = lk_traffic_class(ip),
		};
	return lk_flow_of_any(frame, length);
}

#endif
