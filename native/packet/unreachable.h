/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_UNREACHABLE_H
#define LK_UNREACHABLE_H

#include "icmp.h"
#include "refuse.h"

/*
 * What a host says of a packet that nobody there wants: RFC 1122 3.2.2.1 and 4.1.3.1 for IPv4,
 * RFC 4443 3.1 and 3.4 for IPv6.
 */
#define LK_ICMP_ERROR_LENGTH  8u
#define LK_ICMP_UNREACHABLE   3
#define LK_ICMP_NO_PROTOCOL   2
#define LK_ICMP_NO_PORT	      3
#define LK_ICMPV6_UNREACHABLE 1
#define LK_ICMPV6_NO_PORT     4
#define LK_ICMPV6_PROBLEM     4
#define LK_ICMPV6_NEXT_HEADER 1 /* code: this one is not known */
/* Of an IPv4 error (RFC 1812 4.3.2.3) and an IPv6 error (RFC 4443 2.4 c), IP header included */
#define LK_LONGEST_ICMP_ERROR	576u
#define LK_LONGEST_ICMPV6_ERROR 1280u

/*
 * LK_udp_no_listener or LK_ip_unknown_protocol for a packet whose sender is to be told; any other
 * verdict for one that is passed over in silence, as what came to a group (RFC 1122 3.2.2, RFC 4443
 * 2.4 e), what is an ICMP message itself, and fragments.
 */
static inline enum lk_verdict
lk_why_unreachable(struct lk_frame *f, const struct lk_endpoint *e, struct lk_headers *h)
{
	enum lk_verdict verdict = lk_refuse(f, e);

	if (verdict != LK_udp_no_listener && verdict != LK_ip_unknown_protocol)
		return verdict;
	lk_parse(f->data, f->length, h);
	return lk_is_group_mac(f->data) || !lk_is_destination(e, f->data, h) ? LK_ip_no_such_address
									     : verdict;
}

/* Where the number of the protocol stands, from the beginning of the IPv6 header. */
static inline uint32_t
lk_next_header_at(const uint8_t *ip, const struct lk_headers *h)
{
	uint32_t at = LK_IPV6_LENGTH, field = 6;

	while (h->l3 + at < h->l4) {
		uint8_t kind = ip[field];

		field = at;
		at += kind == LK_PROTO_FRAGMENT ? 8u : (ip[at + 1] + 1u) * 8;
	}
	return field;
}

/*
 * Makes the answer of the packet in its place: as much of it as may be stands behind an ICMP header
 * and the IP header of the answer, which go in front. LK_no_room where the buffer has none.
 */
static inline enum lk_verdict
lk_answer_unreachable(struct lk_frame *f, const struct lk_headers *h, enum lk_verdict why)
{
	int is_v4 = h->ip_version == 4;
	uint32_t base = is_v4 ? LK_IPV4_LENGTH : LK_IPV6_LENGTH;
	uint32_t front = base + LK_ICMP_ERROR_LENGTH;
	uint32_t longest = (is_v4 ? LK_LONGEST_ICMP_ERROR : LK_LONGEST_ICMPV6_ERROR) - front;
	uint32_t quoted = h->l4 + h->l4_length - h->l3;
	uint8_t source[16], destination[16], *ip, *icmp;
	uint32_t pointer = 0;

	if (f->headroom < front)
		return LK_no_room;
	if (!is_v4 && why == LK_ip_unknown_protocol)
		pointer = lk_next_header_at(f->data + h->l3, h);
	quoted = quoted > longest ? longest : quoted;
	memcpy(source, f->data + h->l3 + (is_v4 ? 12 : 8), is_v4 ? 4 : 16);
	memcpy(destination, f->data + h->l3 + (is_v4 ? 16 : 24), is_v4 ? 4 : 16);
	memmove(f->data - front, f->data, h->l3);
	f->data -= front;
	f->headroom -= front;
	f->tailroom += f->length - (h->l3 + quoted);
	f->length = h->l3 + front + quoted;
	lk_swap(f->data, f->data + 6, 6);
	ip = f->data + h->l3;
	icmp = ip + base;
	memset(ip, 0, front);
	if (is_v4) {
		ip[0] = 0x45;
		lk_put16(ip + 2, (uint16_t)(front + quoted));
		ip[8] = LK_FRESH_TTL;
		ip[9] = LK_PROTO_ICMP;
		memcpy(ip + 12, destination, 4);
		memcpy(ip + 16, source, 4);
		lk_store_checksum(ip + 10, lk_sum(ip, LK_IPV4_LENGTH, 0));
		icmp[0] = LK_ICMP_UNREACHABLE;
		icmp[1] = why == LK_udp_no_listener ? LK_ICMP_NO_PORT : LK_ICMP_NO_PROTOCOL;
		lk_store_checksum(icmp + 2, lk_sum(icmp, LK_ICMP_ERROR_LENGTH + quoted, 0));
		return LK_next;
	}
	ip[0] = 0x60;
	lk_put16(ip + 4, (uint16_t)(LK_ICMP_ERROR_LENGTH + quoted));
	ip[6] = LK_PROTO_ICMPV6;
	ip[7] = LK_FRESH_TTL;
	memcpy(ip + 8, destination, 16);
	memcpy(ip + 24, source, 16);
	icmp[0] = why == LK_udp_no_listener ? LK_ICMPV6_UNREACHABLE : LK_ICMPV6_PROBLEM;
	icmp[1] = why == LK_udp_no_listener ? LK_ICMPV6_NO_PORT : LK_ICMPV6_NEXT_HEADER;
	lk_put32(icmp + 4, pointer);
	lk_store_checksum(icmp + 2,
			  lk_sum(icmp, LK_ICMP_ERROR_LENGTH + quoted,
				 lk_pseudo_sum(ip, 6, LK_PROTO_ICMPV6,
					       (uint16_t)(LK_ICMP_ERROR_LENGTH + quoted))));
	return LK_next;
}

#endif
