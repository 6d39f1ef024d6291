/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_REFLECT_H
#define LK_REFLECT_H

#include "headers.h"

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
	if (f->length >= LK_ETHER_LENGTH + LK_IPV4_LENGTH + 4 && p[12] == 0x08 && p[13] == 0x00 &&
	    p[14] == 0x45 && (p[23] == LK_PROTO_UDP || p[23] == LK_PROTO_TCP) &&
	    !lk_is_ipv4_fragment(p + LK_ETHER_LENGTH) && lk_get16(p + 16) >= LK_IPV4_LENGTH + 4 &&
	    lk_get16(p + 16) <= f->length - LK_ETHER_LENGTH) {
		lk_swap(p, p + 6, 6);
		lk_swap(p + 26, p + 30, 4);
		lk_swap(p + 34, p + 36, 2);
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
