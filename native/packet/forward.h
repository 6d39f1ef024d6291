/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FORWARD_H
#define LK_FORWARD_H

#include "endpoint.h"

/* What a router does to IP headers (RFC 1812 5.3, RFC 8200 3). */

#define LK_DONT_FRAGMENT       0x40 /* in byte 6 of an IPv4 header */
#define LK_MORE_FRAGMENTS      0x2000
#define LK_LOOSE_SOURCE_ROUTE  131
#define LK_STRICT_SOURCE_ROUTE 137

static inline int
lk_is_ipv6_link_local(const uint8_t *address)
{
	return address[0] == 0xfe && (address[1] & 0xc0) == 0x80;
}

/* The options, which were checked, prescribe the way. */
static inline int
lk_is_source_routed(const uint8_t *ip)
{
	uint32_t header = (ip[0] & 15u) * 4, at = LK_IPV4_LENGTH;

	while (at < header && ip[at] != 0) {
		if (ip[at] == LK_LOOSE_SOURCE_ROUTE || ip[at] == LK_STRICT_SOURCE_ROUTE)
			return 1;
		at += ip[at] == 1 ? 1u : ip[at + 1];
	}
	return 0;
}

/*
 * The headers that a router has to look at, of a frame that has a whole Ethernet header; those of
 * IPv6 that are for hosts it does not, and fragments are as good as whole packets.
 */
static inline enum lk_verdict
lk_parse_to_forward(const uint8_t *frame, uint32_t length, struct lk_headers *h)
{
	const uint8_t *ip = frame + LK_ETHER_LENGTH;
	enum lk_verdict verdict;

	*h = (struct lk_headers){.l3 = LK_ETHER_LENGTH, .ether_type = lk_get16(frame + 12)};
	if (h->ether_type == LK_TYPE_IPV4) {
		verdict = lk_parse_ipv4(frame, length, h);
		if (verdict != LK_ipv4_fragment || (ip[0] & 15) == 5)
			return verdict == LK_ipv4_fragment ? LK_next : verdict;
		return lk_check_ipv4_options(ip, (ip[0] & 15u) * 4, h);
	}
	if (h->ether_type != LK_TYPE_IPV6)
		return LK_eth_unknown_type;
	if (length < LK_ETHER_LENGTH + LK_IPV6_LENGTH)
		return LK_ipv6_truncated;
	if (ip[0] >> 4 != 6)
		return LK_ipv6_bad_version;
	h->ip_version = 6;
	h->protocol = ip[6];
	h->l4 = LK_ETHER_LENGTH + LK_IPV6_LENGTH;
	h->l4_length = lk_get16(ip + 4);
	return h->l4_length <= length - h->l4 ? LK_next : LK_ipv6_bad_length;
}

/* LK_next when a packet that came in this frame may go on, by its source and how it came. */
static inline enum lk_verdict
lk_may_forward(const uint8_t *frame, const uint8_t *ip)
{
	if (lk_is_group_mac(frame))
		return LK_route_not_forwarded;
	if (ip[0] >> 4 == 6) {
		if (!lk_is_ipv6_source(ip + 8))
			return LK_ip_bad_source;
		return lk_is_ipv6_link_local(ip + 8) ? LK_route_not_forwarded : LK_next;
	}
	if (!lk_is_ipv4_source(ip + 12))
		return LK_ip_bad_source;
	if (ip[12] == 169 && ip[13] == 254)
		return LK_route_not_forwarded;
	return (ip[0] & 15) > 5 && lk_is_source_routed(ip) ? LK_route_source_routed : LK_next;
}

/* One less to live, and the checksum with it (RFC 1141). */
static inline void
lk_age_ipv4(uint8_t *ip)
{
	uint32_t sum;
	uint16_t field;

	memcpy(&field, ip + 10, 2);
	sum = (uint32_t)field + lk_sum_word(0x0100);
	field = (uint16_t)(sum + (sum >= 0xffff));
	memcpy(ip + 10, &field, 2);
	ip[8]--;
}

#endif
