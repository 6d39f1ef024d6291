/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_UNREACHABLE_H
#define LK_UNREACHABLE_H

#include "icmp_error.h"
#include "refuse.h"

/*
 * What a host says of a packet that nobody there wants: RFC 1122 3.2.2.1 and 4.1.3.1 for IPv4,
 * RFC 4443 3.1 and 3.4 for IPv6.
 */

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
 * Makes the answer of the packet in its place, which needs room in front. LK_no_room where the
 * buffer has none.
 */
static inline enum lk_verdict
lk_answer_unreachable(struct lk_frame *f, const struct lk_headers *h, enum lk_verdict why)
{
	int is_v4 = h->ip_version == 4, is_port = why == LK_udp_no_listener;
	const uint8_t *ip = f->data + h->l3;
	uint32_t quoted = h->l4 + h->l4_length - h->l3, length, longer;
	uint8_t answer[LK_ICMPV6_LONGEST_ERROR];
	struct lk_icmp_error error;

	if (is_v4) {
		error = (struct lk_icmp_error){
			LK_ICMP_UNREACHABLE,
			is_port ? LK_PORT_UNREACHABLE : LK_PROTOCOL_UNREACHABLE, 0};
		length = lk_icmp_error_ipv4(answer, sizeof(answer), ip, quoted, &error, ip + 16, 0);
	} else {
		error = is_port ? (struct lk_icmp_error){LK_ICMPV6_UNREACHABLE,
							 LK_V6_PORT_UNREACHABLE, 0}
				: (struct lk_icmp_error){LK_ICMPV6_PARAMETER,
							 LK_UNKNOWN_NEXT_HEADER,
							 lk_next_header_at(ip, h)};
		length = lk_icmp_error_ipv6(answer, sizeof(answer), ip, quoted, &error, ip + 24);
	}
	longer = h->l3 + length > f->length ? h->l3 + length - f->length : 0;
	if (f->headroom < longer)
		return LK_no_room;
	memmove(f->data - longer, f->data, h->l3);
	f->data -= longer;
	f->headroom -= longer;
	f->tailroom += f->length + longer - (h->l3 + length);
	f->length = h->l3 + length;
	lk_swap(f->data, f->data + 6, 6);
	memcpy(f->data + h->l3, answer, length);
	return LK_next;
}

#endif
