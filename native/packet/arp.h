/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_ARP_H
#define LK_ARP_H

#include "endpoint.h"

#define LK_ARP_LENGTH  28u
#define LK_ARP_REQUEST 1
#define LK_ARP_REPLY   2

static const uint8_t lk_arp_format[6] = {0, 1, 8, 0, 6, 4}; /* Ethernet, IPv4, 6 and 4 bytes */

static inline int
lk_is_broadcast(const uint8_t *mac)
{
	static const uint8_t broadcast[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

	return memcmp(mac, broadcast, 6) == 0;
}

/* Nobody's address yet (RFC 5227 2.1.1), or one that a neighbour can have. */
static inline int
lk_is_arp_sender(const struct lk_endpoint *e, const uint8_t *address)
{
	static const uint8_t nobody[4];

	return memcmp(address, nobody, 4) == 0 ||
	       (lk_is_ipv4_source(address) && !lk_has_ipv4(e, address) &&
		!lk_is_ipv4_broadcast(e, address));
}

/* Who has this address? (RFC 826; probes with sender 0.0.0.0 as RFC 5227 wants them answered) */
static inline enum lk_verdict
lk_arp_responder(struct lk_frame *f, const struct lk_endpoint *e)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(f->data, f->length, &h);
	uint8_t asked[4];
	uint8_t *arp;

	if (verdict != LK_next)
		return verdict;
	if (h.ether_type != LK_TYPE_ARP)
		return LK_other;
	if (f->length < h.l3 + LK_ARP_LENGTH)
		return LK_arp_truncated;
	arp = f->data + h.l3;
	if (memcmp(arp, lk_arp_format, 6) != 0)
		return LK_arp_bad_format;
	if (lk_get16(arp + 6) != LK_ARP_REQUEST || !lk_has_ipv4(e, arp + 24) ||
	    (!lk_is_broadcast(f->data) && memcmp(f->data, e->mac, 6) != 0))
		return LK_other;
	if (lk_is_group_mac(f->data + 6) || lk_is_group_mac(arp + 8))
		return LK_eth_bad_source;
	if (!lk_is_arp_sender(e, arp + 14))
		return LK_arp_bad_sender;
	f->tailroom += f->length - (h.l3 + LK_ARP_LENGTH);
	f->length = h.l3 + LK_ARP_LENGTH;
	memcpy(asked, arp + 24, 4);
	memcpy(f->data, arp + 8, 6);
	memcpy(f->data + 6, e->mac, 6);
	lk_put16(arp + 6, LK_ARP_REPLY);
	memcpy(arp + 18, arp + 8, 10);
	memcpy(arp + 8, e->mac, 6);
	memcpy(arp + 14, asked, 4);
	return LK_next;
}

#endif
