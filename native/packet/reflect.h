/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_REFLECT_H
#define LK_REFLECT_H

#include "headers.h"

typedef uint8_t lk_bytes16 __attribute__((vector_size(16)));

/* Swaps MAC addresses, IPv4 addresses and ports of a frame whose headers stand where they mostly
 * do: two loads, two shuffles, two stores. Touches bytes 0 to 41. */
static inline void
lk_swap_plain_ipv4(uint8_t *p)
{
	lk_bytes16 link, ip;

	memcpy(&link, p, 16);
	memcpy(&ip, p + 26, 16);
	link = __builtin_shufflevector(link, link, 6, 7, 8, 9, 10, 11, 0, 1, 2, 3, 4, 5, 12, 13, 14,
				       15);
	ip = __builtin_shufflevector(ip, ip, 4, 5, 6, 7, 0, 1, 2, 3, 10, 11, 8, 9, 12, 13, 14, 15);
	memcpy(p, &link, 16);
	memcpy(p + 26, &ip, 16);
}

/*
 * What testpmd calls 5tswap: MAC addresses, IP addresses and TCP or UDP ports change places; other
 * frames have their MAC addresses swapped alone. Swapping changes no checksum, and none is
 * verified: a reflector shows what the wire did.
 *
 * A frame without VLAN tags, IPv4 options or extension headers takes the first branch.
 */
static inline enum lk_verdict
lk_reflect(struct lk_frame *f)
{
	uint8_t *p = f->data;
	struct lk_headers h;
	enum lk_verdict verdict;
	int is_whole;

	if (f->length < LK_ETHER_LENGTH)
		return LK_eth_truncated;
	if (lk_is_plain_ipv4(p, f->length)) {
		lk_swap_plain_ipv4(p);
		return LK_next;
	}
	verdict = lk_parse(p, f->length, &h);
	if (verdict != LK_next && verdict != LK_ipv4_fragment && verdict != LK_ipv6_fragment &&
	    verdict != LK_ipv4_bad_checksum)
		return verdict;
	is_whole = verdict == LK_next ||
		   (verdict == LK_ipv4_bad_checksum && !lk_is_ipv4_fragment(p + h.l3));
	lk_swap(p, p + 6, 6);
	if (h.ip_version == 4)
		lk_swap(p + h.l3 + 12, p + h.l3 + 16, 4);
	else if (h.ip_version == 6)
		lk_swap(p + h.l3 + 8, p + h.l3 + 24, 16);
	/* Only a whole packet has ports in this frame: a fragment may not carry them. */
	if (is_whole && h.ip_version != 0 && h.l4_length >= 4 &&
	    (h.protocol == LK_PROTO_UDP || h.protocol == LK_PROTO_TCP))
		lk_swap(p + h.l4, p + h.l4 + 2, 2);
	return LK_next;
}

#endif
