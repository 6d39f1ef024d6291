/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_ENDPOINT_H
#define LK_ENDPOINT_H

#include "headers.h"

#define LK_MAX_ADDRESSES 16
#define LK_FRESH_TTL	 64

/* Who an echo server is: what its responder nodes match frames against. */
struct lk_endpoint {
	uint8_t mac[6];
	uint16_t udp_port; /* 0: no UDP service */
	uint32_t ipv4_count;
	uint32_t ipv6_count;
	uint8_t ipv4[LK_MAX_ADDRESSES][4];
	uint8_t ipv6[LK_MAX_ADDRESSES][16];
};

static inline int
lk_has_ipv4(const struct lk_endpoint *e, const uint8_t *address)
{
	uint32_t i;

	for (i = 0; i < e->ipv4_count; i++)
		if (memcmp(e->ipv4[i], address, 4) == 0)
			return 1;
	return 0;
}

static inline int
lk_has_ipv6(const struct lk_endpoint *e, const uint8_t *address)
{
	uint32_t i;

	for (i = 0; i < e->ipv6_count; i++)
		if (memcmp(e->ipv6[i], address, 16) == 0)
			return 1;
	return 0;
}

/* The frame's IP destination is one of the endpoint's own addresses. */
static inline int
lk_is_destination(const struct lk_endpoint *e, const uint8_t *frame, const struct lk_headers *h)
{
	return h->ip_version == 4 ? lk_has_ipv4(e, frame + h->l3 + 16)
				  : lk_has_ipv6(e, frame + h->l3 + 24);
}

static inline int
lk_is_group_mac(const uint8_t *mac)
{
	return mac[0] & 1;
}

/* LK_next when the sender of a packet can be answered. */
static inline enum lk_verdict
lk_check_source(const uint8_t *frame, const struct lk_headers *h)
{
	const uint8_t *ip = frame + h->l3;
	static const uint8_t zero[16];

	if (lk_is_group_mac(frame + 6))
		return LK_eth_bad_source;
	if (h->ip_version == 4)
		/* 0/8, 127/8, multicast and class E, the limited broadcast among them */
		return ip[12] == 0 || ip[12] == 127 || ip[12] >= 224 ? LK_ip_bad_source : LK_next;
	if (ip[8] == 0xff || (memcmp(ip + 8, zero, 15) == 0 && ip[23] <= 1))
		return LK_ip_bad_source;
	return LK_next;
}

/*
 * Turns a parsed IP packet around: MAC and IP addresses swapped, fresh TTL, header checksum made
 * anew. IPv4 options and IPv6 extension headers belonged to the question and are taken out by
 * moving the link and IP headers up to the L4 header; bytes after the IP packet are cut off.
 * Swapping leaves the sum of the pseudo-header, and so the L4 checksum, as it was.
 */
static inline void
lk_turn_around(struct lk_frame *f, struct lk_headers *h)
{
	uint16_t base = h->ip_version == 4 ? LK_IPV4_LENGTH : LK_IPV6_LENGTH;
	uint16_t extra = (uint16_t)(h->l4 - h->l3 - base);
	uint8_t *ip;

	f->tailroom += f->length - (h->l4 + h->l4_length);
	f->length = h->l4 + h->l4_length;
	if (extra != 0) {
		memmove(f->data + extra, f->data, h->l3 + base);
		f->data += extra;
		f->headroom += extra;
		f->length -= extra;
		h->l4 = (uint16_t)(h->l4 - extra);
	}
	lk_swap(f->data, f->data + 6, 6);
	ip = f->data + h->l3;
	if (h->ip_version == 4) {
		ip[0] = 0x45;
		lk_put16(ip + 2, (uint16_t)(LK_IPV4_LENGTH + h->l4_length));
		ip[8] = LK_FRESH_TTL;
		lk_swap(ip + 12, ip + 16, 4);
		lk_put16(ip + 10, 0);
		lk_store_checksum(ip + 10, lk_sum(ip, LK_IPV4_LENGTH, 0));
	} else {
		lk_put16(ip + 4, h->l4_length);
		ip[6] = h->protocol;
		ip[7] = LK_FRESH_TTL;
		lk_swap(ip + 8, ip + 24, 16);
	}
}

#endif
