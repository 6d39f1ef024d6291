/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_ND_H
#define LK_ND_H

#include "icmp.h"

#define LK_ND_SOLICITATION	 135
#define LK_ND_ADVERTISEMENT	 136
#define LK_ND_LENGTH		 24u
#define LK_ND_LINK_OPTION_LENGTH 8u
#define LK_ND_SOURCE_LINK	 1
#define LK_ND_TARGET_LINK	 2
#define LK_ND_SOLICITED		 0x40
#define LK_ND_OVERRIDE		 0x20

static inline int
lk_is_solicitation(const uint8_t *frame, const struct lk_headers *h)
{
	return h->ip_version == 6 && h->l4_length >= LK_ND_LENGTH &&
	       frame[h->l4] == LK_ND_SOLICITATION;
}

/*
 * The options of a solicitation or an advertisement; *link is the link address that the option
 * `which` has, or NULL when it is not there.
 */
static inline enum lk_verdict
lk_nd_options(const uint8_t *icmp, uint16_t length, uint8_t which, const uint8_t **link)
{
	uint32_t at = LK_ND_LENGTH, size;

	*link = NULL;
	while (at < length) {
		if (at + 2 > length)
			return LK_nd_bad_option;
		size = icmp[at + 1] * 8u;
		if (size == 0 || at + size > length)
			return LK_nd_bad_option;
		if (icmp[at] == which && size == LK_ND_LINK_OPTION_LENGTH)
			*link = icmp + at + 2;
		at += size;
	}
	return LK_next;
}

/* Rewrites the solicitation in f into its advertisement (RFC 4861 4.4). */
static inline void
lk_nd_advertise(struct lk_frame *f, struct lk_headers *h, const struct lk_endpoint *e,
		const uint8_t *link, int is_probe)
{
	static const uint8_t all_nodes_mac[6] = {0x33, 0x33, 0, 0, 0, 1};
	uint8_t sender_mac[6];
	uint8_t *ip, *icmp;
	int64_t grown;

	memcpy(sender_mac, link != NULL ? link : f->data + 6, 6);
	lk_turn_around(f, h);
	grown = LK_ND_LENGTH + LK_ND_LINK_OPTION_LENGTH - (int64_t)h->l4_length;
	f->length = (uint32_t)(f->length + grown);
	f->tailroom = (uint32_t)(f->tailroom - grown);
	h->l4_length = LK_ND_LENGTH + LK_ND_LINK_OPTION_LENGTH;

	ip = f->data + h->l3;
	icmp = f->data + h->l4;
	memcpy(f->data, is_probe ? all_nodes_mac : sender_mac, 6);
	memcpy(f->data + 6, e->mac, 6);
	lk_put16(ip + 4, h->l4_length);
	ip[7] = 255;
	memcpy(ip + 8, icmp + 8, 16); /* from the address asked for */
	if (is_probe)
		memcpy(ip + 24, lk_all_nodes, 16);
	icmp[0] = LK_ND_ADVERTISEMENT;
	icmp[1] = 0;
	lk_put32(icmp + 4, (uint32_t)(is_probe ? LK_ND_OVERRIDE : LK_ND_SOLICITED | LK_ND_OVERRIDE)
				   << 24);
	icmp[LK_ND_LENGTH] = LK_ND_TARGET_LINK;
	icmp[LK_ND_LENGTH + 1] = 1;
	memcpy(icmp + LK_ND_LENGTH + 2, e->mac, 6);
	lk_put16(icmp + 2, 0);
	lk_store_checksum(icmp + 2, lk_sum(icmp, h->l4_length,
					   lk_pseudo_sum(ip, 6, LK_PROTO_ICMPV6, h->l4_length)));
}

/* Neighbour solicitations for the endpoint's addresses are answered (RFC 4861 7.1.1, 7.2.3). */
static inline enum lk_verdict
lk_nd_responder(struct lk_frame *f, const struct lk_endpoint *e)
{
	static const uint8_t unspecified[16];
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(f->data, f->length, &h);
	const uint8_t *ip, *icmp, *link;
	int is_probe;

	if (verdict != LK_next)
		return verdict;
	if (h.ip_version != 6 || h.protocol != LK_PROTO_ICMPV6 || h.l4_length < 4 ||
	    f->data[h.l4] != LK_ND_SOLICITATION)
		return LK_other;
	ip = f->data + h.l3;
	icmp = f->data + h.l4;
	if (h.l4_length < LK_ND_LENGTH)
		return LK_icmp_truncated;
	if (!lk_has_ipv6(e, icmp + 8))
		return icmp[8] == 0xff ? LK_nd_bad_target : LK_other;
	if (memcmp(f->data, e->mac, 6) != 0 && !lk_is_group_mac(f->data))
		return LK_other;
	if (!lk_has_ipv6(e, ip + 24) && !lk_is_solicited_node(ip + 24, icmp + 8) &&
	    memcmp(ip + 24, lk_all_nodes, 16) != 0)
		return LK_other;
	if (ip[7] != 255)
		return LK_nd_bad_hop_limit;
	if (icmp[1] != 0)
		return LK_nd_bad_code;
	if (!lk_icmp_is_good(f->data, &h))
		return LK_icmp_bad_checksum;
	verdict = lk_nd_options(icmp, h.l4_length, LK_ND_SOURCE_LINK, &link);
	if (verdict != LK_next)
		return verdict;
	if (lk_is_group_mac(f->data + 6) || (link != NULL && lk_is_group_mac(link)))
		return LK_eth_bad_source;
	is_probe = memcmp(ip + 8, unspecified, 16) == 0;
	if (is_probe && (link != NULL || !lk_is_solicited_node(ip + 24, icmp + 8)))
		return LK_nd_bad_probe;
	if (!is_probe && (verdict = lk_check_sender(e, f->data, &h)) != LK_next)
		return verdict;
	if (h.l4_length + f->tailroom < LK_ND_LENGTH + LK_ND_LINK_OPTION_LENGTH)
		return LK_no_room;
	lk_nd_advertise(f, &h, e, link, is_probe);
	return LK_next;
}

#endif
