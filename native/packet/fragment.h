/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FRAGMENT_H
#define LK_FRAGMENT_H

#include "headers.h"

#define LK_IP_MORE_FRAGMENTS 0x2000u
#define LK_IP_DONT_FRAGMENT  0x4000u
#define LK_IP_OFFSET	     0x1fffu /* in units of 8 bytes */
#define LK_FRAGMENT_HEADER   8u	     /* of IPv6 */
#define LK_FRAGMENT_UNIT     8u
#define LK_LONGEST_PACKET    65535u

/* A fragment of a packet: where it stands in its frame and in the packet's data (RFC 791 3.2, RFC
 * 8200 4.5). */
struct lk_fragment {
	uint16_t l3;
	uint16_t headers; /* bytes of the frame in front of its data, without an IPv6 fragment's own
			   */
	uint16_t data;	  /* where that begins */
	uint16_t length;
	uint16_t offset;
	uint16_t next_at; /* IPv6: of the field that tells of the fragment header */
	uint8_t version;
	uint8_t protocol;
	uint8_t more;
	uint32_t id;
};

/* The field that names the header at `at` of an IPv6 packet whose headers are sound. */
static inline uint16_t
lk_next_header_field(const uint8_t *frame, uint32_t l3, uint32_t at)
{
	uint32_t field = l3 + 6, header = l3 + LK_IPV6_LENGTH;

	while (header < at) {
		uint32_t is_atomic = frame[field] == LK_PROTO_FRAGMENT; /* its size has no field */

		field = header;
		header += is_atomic ? LK_FRAGMENT_HEADER : (frame[header + 1] + 1u) * 8;
	}
	return (uint16_t)field;
}

/* 0: the frame is none, or its headers are not sound. */
static inline int
lk_fragment_of(const uint8_t *frame, uint32_t length, struct lk_fragment *f)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(frame, length, &h);
	const uint8_t *at = frame + h.at;

	if (verdict == LK_ipv4_fragment) {
		uint16_t field = lk_get16(at);

		*f = (struct lk_fragment){
			.l3 = h.l3,
			.headers = h.l4,
			.data = h.l4,
			.length = h.l4_length,
			.offset = (uint16_t)((field & LK_IP_OFFSET) * LK_FRAGMENT_UNIT),
			.version = 4,
			.protocol = h.protocol,
			.more = (field & LK_IP_MORE_FRAGMENTS) != 0,
			.id = lk_get16(frame + h.l3 + 4),
		};
		return 1;
	}
	if (verdict == LK_ipv6_fragment) {
		uint32_t end = h.l3 + LK_IPV6_LENGTH + lk_get16(frame + h.l3 + 4);

		*f = (struct lk_fragment){
			.l3 = h.l3,
			.headers = h.at,
			.data = (uint16_t)(h.at + LK_FRAGMENT_HEADER),
			.length = (uint16_t)(end - h.at - LK_FRAGMENT_HEADER),
			.offset = lk_get16(at + 2) & 0xfff8,
			.next_at = lk_next_header_field(frame, h.l3, h.at),
			.version = 6,
			.protocol = at[0],
			.more = at[3] & 1,
			.id = lk_get32(at + 4),
		};
		return 1;
	}
	return 0;
}

/* Whether its place in the packet can be (RFC 791 3.2, RFC 8200 4.5). */
static inline int
lk_fragment_is_good(const struct lk_fragment *f)
{
	uint32_t headers = f->headers - f->l3 - (f->version == 6 ? LK_IPV6_LENGTH : 0);

	if (f->length == 0 || (f->more && f->length % LK_FRAGMENT_UNIT != 0))
		return 0;
	return (uint32_t)f->offset + f->length + headers <= LK_LONGEST_PACKET;
}

/* Makes the headers of the first fragment those of the packet with so many bytes of data. */
static inline void
lk_make_whole(uint8_t *frame, const struct lk_fragment *first, uint32_t data)
{
	uint8_t *ip = frame + first->l3;
	uint32_t headers = first->headers - first->l3;

	if (first->version == 6) {
		frame[first->next_at] = first->protocol;
		lk_put16(ip + 4, (uint16_t)(headers - LK_IPV6_LENGTH + data));
		return;
	}
	lk_put16(ip + 2, (uint16_t)(headers + data));
	lk_put16(ip + 6, lk_get16(ip + 6) & LK_IP_DONT_FRAGMENT);
	lk_put16(ip + 10, 0);
	lk_store_checksum(ip + 10, lk_sum(ip, headers, 0));
}

#endif
