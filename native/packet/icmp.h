/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_ICMP_H
#define LK_ICMP_H

#include "endpoint.h"

#define LK_ICMP_ECHO_REPLY     0
#define LK_ICMP_ECHO_REQUEST   8
#define LK_ICMPV6_ECHO_REQUEST 128
#define LK_ICMPV6_ECHO_REPLY   129
#define LK_ICMP_ECHO_LENGTH    8u

/* The checksum of the ICMP or ICMPv6 message at h->l4 is right. */
static inline int
lk_icmp_is_good(const uint8_t *frame, const struct lk_headers *h)
{
	uint64_t sum = h->ip_version == 4
			       ? 0
			       : lk_pseudo_sum(frame + h->l3, 6, LK_PROTO_ICMPV6, h->l4_length);

	return lk_sum_is_good(lk_sum(frame + h->l4, h->l4_length, sum));
}

static inline int
lk_is_icmp(const struct lk_headers *h)
{
	return h->protocol == (h->ip_version == 4 ? LK_PROTO_ICMP : LK_PROTO_ICMPV6);
}

static inline int
lk_is_echo_request(const uint8_t *icmp, const struct lk_headers *h)
{
	return icmp[0] == (h->ip_version == 4 ? LK_ICMP_ECHO_REQUEST : LK_ICMPV6_ECHO_REQUEST) &&
	       icmp[1] == 0;
}

/*
 * Echo requests of ICMP (RFC 792) and ICMPv6 (RFC 4443 4.1) are answered: those to the endpoint's
 * addresses, and to the IPv6 groups it is in from one of these (RFC 4443 4.2). IPv4 lets a host be
 * silent to a broadcast (RFC 1122 3.2.2.6), and this one is.
 */
static inline enum lk_verdict
lk_icmp_echo(struct lk_frame *f, const struct lk_endpoint *e)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(f->data, f->length, &h);
	const uint8_t *from = NULL; /* an answer to a group */
	uint8_t request, reply;
	uint8_t *icmp;
	int is_ours;

	if (verdict != LK_next)
		return verdict;
	if (h.ip_version == 0 || !lk_is_icmp(&h))
		return LK_other;
	is_ours = memcmp(f->data, e->mac, 6) == 0;
	if (h.ip_version == 6 && (is_ours || lk_is_group_mac(f->data)))
		from = lk_ipv6_in_group(e, f->data + h.l3 + 24, f->data + h.l3 + 8);
	if (from == NULL && (!is_ours || !lk_is_destination(e, f->data, &h)))
		return LK_other;
	if (h.l4_length < 4)
		return LK_icmp_truncated;
	icmp = f->data + h.l4;
	if (!lk_is_echo_request(icmp, &h))
		return LK_other;
	if (h.l4_length < LK_ICMP_ECHO_LENGTH)
		return LK_icmp_truncated;
	if (!lk_icmp_is_good(f->data, &h))
		return LK_icmp_bad_checksum;
	verdict = lk_check_sender(e, f->data, &h);
	if (verdict != LK_next)
		return verdict;
	lk_turn_around(f, &h);
	icmp = f->data + h.l4;
	request = icmp[0];
	reply = h.ip_version == 4 ? LK_ICMP_ECHO_REPLY : LK_ICMPV6_ECHO_REPLY;
	icmp[0] = reply;
	if (from != NULL) {
		memcpy(f->data + 6, e->mac, 6);
		memcpy(f->data + h.l3 + 8, from, 16);
		lk_put16(icmp + 2, 0);
		lk_store_checksum(icmp + 2, lk_sum(icmp, h.l4_length,
						   lk_pseudo_sum(f->data + h.l3, 6, LK_PROTO_ICMPV6,
								 h.l4_length)));
		return LK_next;
	}
	lk_mend_checksum(icmp + 2, (uint16_t)(request << 8), (uint16_t)(reply << 8));
	/* Mending cannot tell the two zeros apart (RFC 1624 3): a reply of nothing but zeros needs
	 * 0xffff, any other 0. */
	if (h.ip_version == 4 && lk_get16(icmp + 2) == 0)
		lk_store_checksum(icmp + 2, lk_sum(icmp, h.l4_length, 0));
	return LK_next;
}

#endif
