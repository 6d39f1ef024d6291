/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_REFUSE_H
#define LK_REFUSE_H

#include "arp.h"
#include "nd.h"
#include "udp.h"

static inline enum lk_verdict
lk_refuse_arp(const uint8_t *frame, uint32_t length, const struct lk_headers *h,
	      const struct lk_endpoint *e)
{
	const uint8_t *arp = frame + h->l3;

	if (length < h->l3 + LK_ARP_LENGTH)
		return LK_arp_truncated;
	if (memcmp(arp, lk_arp_format, 6) != 0)
		return LK_arp_bad_format;
	if (lk_get16(arp + 6) != LK_ARP_REQUEST)
		return LK_arp_not_request;
	if (!lk_has_ipv4(e, arp + 24))
		return LK_arp_no_such_address;
	return lk_is_broadcast(frame) || memcmp(frame, e->mac, 6) == 0 ? LK_unhandled
								       : LK_eth_not_for_us;
}

/* Where a responder to it comes before, that has seen all that is wrong with it. */
static inline enum lk_verdict
lk_refuse_solicitation(const uint8_t *frame, const struct lk_headers *h,
		       const struct lk_endpoint *e)
{
	if (!lk_has_ipv6(e, frame + h->l4 + 8))
		return LK_nd_no_such_address;
	return lk_is_destination(e, frame, h) || lk_is_in_destination_group(e, frame, h)
		       ? LK_unhandled
		       : LK_ip_no_such_address;
}

/*
 * The last node of an endpoint: the reason why nobody before it answered the frame, in the order
 * in which a host would find it.
 */
static inline enum lk_verdict
lk_refuse(struct lk_frame *f, const struct lk_endpoint *e)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(f->data, f->length, &h);
	int is_to_us;

	if (verdict != LK_next)
		return verdict;
	if (!lk_is_group_mac(f->data) && memcmp(f->data, e->mac, 6) != 0)
		return LK_eth_not_for_us;
	if (h.ether_type == LK_TYPE_ARP)
		return lk_refuse_arp(f->data, f->length, &h, e);
	if (h.ip_version == 0)
		return LK_eth_unknown_type;
	if (lk_is_icmp(&h) && lk_is_solicitation(f->data, &h))
		return lk_refuse_solicitation(f->data, &h, e);
	is_to_us = lk_is_destination(e, f->data, &h);
	if (!is_to_us && !lk_is_in_destination_group(e, f->data, &h))
		return LK_ip_no_such_address;
	is_to_us = is_to_us && !lk_is_group_mac(f->data);
	verdict = lk_check_sender(e, f->data, &h);
	if (verdict != LK_next)
		return verdict;
	if (h.protocol == LK_PROTO_UDP) {
		verdict = lk_check_udp(f->data, &h);
		if (verdict != LK_next)
			return verdict;
		return is_to_us ? LK_udp_no_listener : LK_udp_to_group;
	}
	if (!lk_is_icmp(&h))
		return LK_ip_unknown_protocol;
	if (h.l4_length < 4)
		return LK_icmp_truncated;
	if (!lk_icmp_is_good(f->data, &h))
		return LK_icmp_bad_checksum;
	if (!lk_is_echo_request(f->data + h.l4, &h))
		return LK_icmp_not_echo;
	return is_to_us ? LK_unhandled : LK_icmp_to_group;
}

#endif
