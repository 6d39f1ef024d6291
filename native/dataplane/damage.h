/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_DAMAGE_H
#define LK_DAMAGE_H

#include "flow.h"

/* Bytes of a frame in which a bit may be flipped. The FCS is not among them: a NIC makes it. */
enum lk_part { LK_PART_FRAME, LK_PART_HEADERS, LK_PART_PAYLOAD };
struct lk_part_bytes {
	uint32_t begin, end;
};

#define LK_SHORTEST_CUT LK_ETHER_LENGTH

/* Where its Ethernet, IP and transport headers end; what is behind is payload. */
static inline uint32_t
lk_headers_end(const uint8_t *frame, uint32_t length)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(frame, length, &h);
	uint32_t end = h.l4;

	if (h.ip_version == 0)
		end = h.l3;
	else if (h.l4 == 0) /* within its extension headers */
		end = h.l3 + LK_IPV6_LENGTH;
	else if (verdict == LK_ipv4_fragment && (lk_get16(frame + h.l3 + 6) & 0x1fff) != 0)
		end = h.l4; /* its transport header is in another one */
	else if (h.protocol == LK_PROTO_TCP && h.l4_length > 12)
		end += (uint32_t)(frame[h.l4 + 12] >> 4) * 4;
	else if (h.protocol == LK_PROTO_SCTP)
		end += 12;
	else if (h.protocol == LK_PROTO_UDP || h.protocol == LK_PROTO_ICMP ||
		 h.protocol == LK_PROTO_ICMPV6)
		end += LK_UDP_LENGTH;
	return end < length ? end : length;
}

static inline struct lk_part_bytes
lk_part_of(const uint8_t *frame, uint32_t length, enum lk_part part)
{
	if (part == LK_PART_HEADERS)
		return (struct lk_part_bytes){0, lk_headers_end(frame, length)};
	if (part == LK_PART_PAYLOAD)
		return (struct lk_part_bytes){lk_headers_end(frame, length), length};
	return (struct lk_part_bytes){0, length};
}

/* One of so many, by a random number. */
static inline uint32_t
lk_one_of(uint64_t random, uint32_t count)
{
	return (uint32_t)((unsigned __int128)random * count >> 64);
}

/* Flips a bit of the part; 0: it has none. */
static inline int
lk_flip_bit(uint8_t *frame, uint32_t length, enum lk_part part, uint64_t random)
{
	struct lk_part_bytes bytes = lk_part_of(frame, length, part);
	uint32_t bit;

	if (bytes.begin >= bytes.end)
		return 0;
	bit = lk_one_of(random, (bytes.end - bytes.begin) * 8);
	frame[bytes.begin + bit / 8] ^= (uint8_t)(1u << bit % 8);
	return 1;
}

#endif
