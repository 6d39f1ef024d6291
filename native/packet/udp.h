/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_UDP_H
#define LK_UDP_H

#include "endpoint.h"

/* Whether the checksum of the UDP datagram is right, which has been cut to its length. */
static inline int
lk_udp_is_good(const uint8_t *frame, const struct lk_headers *h)
{
	return lk_sum_is_good(lk_sum_long(
		frame + h->l4, h->l4_length,
		lk_pseudo_sum(frame + h->l3, h->ip_version, LK_PROTO_UDP, h->l4_length)));
}

/* Lengths and checksum of the UDP datagram at h->l4; cuts h->l4_length to the UDP length. */
static inline enum lk_verdict
lk_check_udp(const uint8_t *frame, struct lk_headers *h)
{
	const uint8_t *udp = frame + h->l4;
	uint16_t udp_length;

	if (h->l4_length < LK_UDP_LENGTH)
		return lk_refused_at(h, h->l4 + h->l4_length, LK_udp_truncated);
	udp_length = lk_get16(udp + 4);
	if (udp_length < LK_UDP_LENGTH || udp_length > h->l4_length)
		return lk_refused_at(h, h->l4 + 4u, LK_udp_bad_length);
	h->l4_length = udp_length;
	h->at = h->l4 + 6;
	if (lk_get16(udp + 6) == 0)
		return h->ip_version == 4 ? LK_next : LK_udp_zero_checksum;
	return lk_udp_is_good(frame, h) ? LK_next : LK_udp_bad_checksum;
}

/* The UDP echo service (RFC 862): a datagram to the endpoint's port goes back to its sender. */
static inline enum lk_verdict
lk_udp_echo(struct lk_frame *f, const struct lk_endpoint *e)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(f->data, f->length, &h);

	if (verdict != LK_next)
		return verdict;
	if (h.ip_version == 0 || h.protocol != LK_PROTO_UDP || memcmp(f->data, e->mac, 6) != 0 ||
	    !lk_is_destination(e, f->data, &h))
		return LK_other;
	if (h.l4_length < LK_UDP_LENGTH)
		return LK_udp_truncated;
	if (lk_get16(f->data + h.l4 + 2) != e->udp_port)
		return LK_other;
	verdict = lk_check_udp(f->data, &h);
	if (verdict == LK_next)
		verdict = lk_check_sender(e, f->data, &h);
	if (verdict != LK_next)
		return verdict;
	if (lk_get16(f->data + h.l4) == 0)
		return LK_udp_bad_source_port;
	lk_turn_around(f, &h);
	lk_swap(f->data + h.l4, f->data + h.l4 + 2, 2);
	return LK_next;
}

#endif
