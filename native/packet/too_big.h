/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TOO_BIG_H
#define LK_TOO_BIG_H

#include "icmp.h"

#define LK_ERROR_LENGTH		 8u /* of an ICMP error, before what it quotes */
#define LK_ICMP_UNREACHABLE_TYPE 3
#define LK_ICMP_FRAG_NEEDED	 4
#define LK_ICMPV6_TOO_BIG	 2
#define LK_ICMPV6_FIRST_INFO	 128   /* types below are errors */
#define LK_MOST_OF_ERROR	 576u  /* with its IP header (RFC 1812 4.3.2.3) */
#define LK_MOST_OF_ERROR_IPV6	 1280u /* RFC 4443 2.4 c */

static inline int
lk_is_icmp_error(const uint8_t *frame, const struct lk_headers *h)
{
	uint8_t type;

	if (!lk_is_icmp(h) || h->l4_length == 0)
		return 0;
	type = frame[h->l4];
	if (h->ip_version == 6)
		return type < LK_ICMPV6_FIRST_INFO;
	return type != LK_ICMP_ECHO_REQUEST && type != LK_ICMP_ECHO_REPLY;
}

/*
 * Whether the sender of a packet is to be told that it is too long: it has an address, set DF (IPv6
 * always has), and sent it to one host; errors are not answered (RFC 1122 3.2.2, RFC 4443 2.4 e).
 */
static inline int
lk_asks_for_too_big(const uint8_t *frame, const struct lk_headers *h, const struct lk_endpoint *e)
{
	const uint8_t *ip = frame + h->l3;

	if (h->ip_version == 0 || lk_is_group_mac(frame) || lk_check_source(frame, h) != LK_next ||
	    lk_is_icmp_error(frame, h))
		return 0;
	if (h->ip_version == 6)
		return e->ipv6_count > 0 && ip[24] != 0xff;
	return e->ipv4_count > 0 && (ip[6] & 0x40) != 0 && ip[16] < 224;
}

static inline void
lk_too_big_ipv4(uint8_t *ip, const uint8_t *from, const uint8_t *to, uint32_t quoted, uint32_t mtu)
{
	uint8_t *icmp = ip + LK_IPV4_LENGTH;

	ip[0] = 0x45;
	lk_put16(ip + 2, (uint16_t)(LK_IPV4_LENGTH + LK_ERROR_LENGTH + quoted));
	ip[8] = LK_FRESH_TTL;
	ip[9] = LK_PROTO_ICMP;
	memcpy(ip + 12, from, 4);
	memcpy(ip + 16, to, 4);
	lk_store_checksum(ip + 10, lk_sum(ip, LK_IPV4_LENGTH, 0));
	icmp[0] = LK_ICMP_UNREACHABLE_TYPE;
	icmp[1] = LK_ICMP_FRAG_NEEDED;
	lk_put16(icmp + 6, (uint16_t)mtu); /* RFC 1191 4 */
	lk_store_checksum(icmp + 2, lk_sum(icmp, LK_ERROR_LENGTH + quoted, 0));
}

static inline void
lk_too_big_ipv6(uint8_t *ip, const uint8_t *from, const uint8_t *to, uint32_t quoted, uint32_t mtu)
{
	uint8_t *icmp = ip + LK_IPV6_LENGTH;
	uint16_t length = (uint16_t)(LK_ERROR_LENGTH + quoted);

	ip[0] = 0x60;
	lk_put16(ip + 4, length);
	ip[6] = LK_PROTO_ICMPV6;
	ip[7] = LK_FRESH_TTL;
	memcpy(ip + 8, from, 16);
	memcpy(ip + 24, to, 16);
	icmp[0] = LK_ICMPV6_TOO_BIG;
	lk_put32(icmp + 4, mtu); /* RFC 4443 3.2 */
	lk_store_checksum(icmp + 2,
			  lk_sum(icmp, length, lk_pseudo_sum(ip, 6, LK_PROTO_ICMPV6, length)));
}

/*
 * Makes the answer of a packet that is longer than an MTU, in its place: it goes back with as much
 * of the packet as may be behind an ICMP and an IP header. LK_other: its sender is not to be told.
 */
static inline enum lk_verdict
lk_too_big(struct lk_frame *f, const struct lk_endpoint *e, uint32_t mtu)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(f->data, f->length, &h);
	int is_v4 = h.ip_version == 4;
	uint32_t front = (is_v4 ? LK_IPV4_LENGTH : LK_IPV6_LENGTH) + LK_ERROR_LENGTH;
	uint32_t most = (is_v4 ? LK_MOST_OF_ERROR : LK_MOST_OF_ERROR_IPV6) - front;
	uint32_t quoted = f->length - h.l3;
	uint8_t to[16], *ip;

	/* A fragment of IPv6 is told of, too: its sender has made it, and can make it shorter. */
	if (verdict != LK_next && verdict != LK_ipv6_fragment)
		return verdict;
	if (!lk_asks_for_too_big(f->data, &h, e))
		return LK_other;
	if (f->headroom < front)
		return LK_no_room;
	quoted = quoted > most ? most : quoted;
	memcpy(to, f->data + h.l3 + (is_v4 ? 12 : 8), is_v4 ? 4 : 16);
	memmove(f->data - front, f->data, h.l3);
	f->data -= front;
	f->headroom -= front;
	f->tailroom += f->length - h.l3 - quoted;
	f->length = h.l3 + front + quoted;
	lk_swap(f->data, f->data + 6, 6);
	ip = f->data + h.l3;
	memset(ip, 0, front);
	if (is_v4)
		lk_too_big_ipv4(ip, e->ipv4[0], to, quoted, mtu);
	else
		lk_too_big_ipv6(ip, e->ipv6[0], to, quoted, mtu);
	return LK_next;
}

#endif
