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
	uint32_t ipv4_hosts[LK_MAX_ADDRESSES]; /* the host's bits of each; 0: broadcast not known */
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

/* The broadcast address of all networks or of one of the endpoint's, or its old form: a host's
 * bits that are all zeros. */
static inline int
lk_is_ipv4_broadcast(const struct lk_endpoint *e, const uint8_t *address)
{
	uint32_t a = lk_get32(address), i;

	for (i = 0; i < e->ipv4_count; i++) {
		uint32_t hosts = e->ipv4_hosts[i], host = a & hosts;

		if (hosts != 0 && ((a ^ lk_get32(e->ipv4[i])) & ~hosts) == 0 &&
		    (host == 0 || host == hosts))
			return 1;
	}
	return a == UINT32_MAX;
}

/* ff02::1:ffXX:XXXX of an address (RFC 4291 2.7.1) */
static inline int
lk_is_solicited_node(const uint8_t *group, const uint8_t *address)
{
	static const uint8_t prefix[13] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};

	return memcmp(group, prefix, 13) == 0 && memcmp(group + 13, address + 13, 3) == 0;
}

static const uint8_t lk_all_nodes[16] = {0xff, 0x02, [15] = 1};

static inline unsigned int
lk_common_bits(const uint8_t *a, const uint8_t *b)
{
	unsigned int i = 0;

	while (i < 16 && a[i] == b[i])
		i++;
	return i == 16 ? 128 : i * 8 + (unsigned int)__builtin_clz(a[i] ^ b[i]) - 24;
}

/*
 * The address by which the endpoint is in an IPv6 group, of all nodes or of solicitations for an
 * address (RFC 4291 2.8): of several, that which has most in common with `peer` (RFC 6724 5, rule
 * 8). NULL when it is not in the group.
 */
static inline const uint8_t *
lk_ipv6_in_group(const struct lk_endpoint *e, const uint8_t *group, const uint8_t *peer)
{
	int is_all = memcmp(group, lk_all_nodes, 16) == 0;
	const uint8_t *found = NULL;
	uint32_t i;

	for (i = 0; i < e->ipv6_count; i++)
		if ((is_all || lk_is_solicited_node(group, e->ipv6[i])) &&
		    (found == NULL ||
		     lk_common_bits(e->ipv6[i], peer) > lk_common_bits(found, peer)))
			found = e->ipv6[i];
	return found;
}

/* The frame's IP destination is a broadcast address, or a group that the endpoint is in. */
static inline int
lk_is_in_destination_group(const struct lk_endpoint *e, const uint8_t *frame,
			   const struct lk_headers *h)
{
	static const uint8_t all_hosts[4] = {224, 0, 0, 1};
	const uint8_t *ip = frame + h->l3;

	if (h->ip_version == 6)
		return lk_ipv6_in_group(e, ip + 24, ip + 8) != NULL;
	return e->ipv4_count != 0 &&
	       (lk_is_ipv4_broadcast(e, ip + 16) || memcmp(ip + 16, all_hosts, 4) == 0);
}

/* An address that some host can send from: not 0/8, 127/8, multicast, class E and the limited
 * broadcast. */
static inline int
lk_is_ipv4_source(const uint8_t *address)
{
	return address[0] != 0 && address[0] != 127 && address[0] < 224;
}

/* Neither multicast nor ::, ::1 and IPv4-mapped, which Linux refuses too: no host on a wire. */
static inline int
lk_is_ipv6_source(const uint8_t *address)
{
	uint64_t high = lk_get64(address), low = lk_get64(address + 8);

	return address[0] != 0xff && !(high == 0 && (low <= 1 || low >> 32 == 0xffff));
}

/* LK_next when the sender of a packet can be answered. */
static inline enum lk_verdict
lk_check_source(const uint8_t *frame, const struct lk_headers *h)
{
	const uint8_t *ip = frame + h->l3;

	if (lk_is_group_mac(frame + 6))
		return LK_eth_bad_source;
	return (h->ip_version == 4 ? lk_is_ipv4_source(ip + 12) : lk_is_ipv6_source(ip + 8))
		       ? LK_next
		       : LK_ip_bad_source;
}

/* LK_next when the sender of a packet can be answered by the endpoint, and is not the endpoint. */
static inline enum lk_verdict
lk_check_sender(const struct lk_endpoint *e, const uint8_t *frame, const struct lk_headers *h)
{
	const uint8_t *ip = frame + h->l3;
	enum lk_verdict verdict = lk_check_source(frame, h);

	if (verdict != LK_next)
		return verdict;
	return (h->ip_version == 4 ? lk_has_ipv4(e, ip + 12) || lk_is_ipv4_broadcast(e, ip + 12)
				   : lk_has_ipv6(e, ip + 8))
		       ? LK_ip_bad_source
		       : LK_next;
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
