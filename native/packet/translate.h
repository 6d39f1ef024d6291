/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TRANSLATE_H
#define LK_TRANSLATE_H

#include "flow_read.h"

/*
 * Other addresses and ports in a packet, and in what an ICMP error quotes (RFC 3022 4, RFC 5508 4).
 * Checksums are mended (RFC 1624), so that one that was wrong stays wrong; a UDP checksum that was
 * left out stays left out.
 */
#define LK_CHANGES_FROM 1
#define LK_CHANGES_TO	2

struct lk_translation {
	uint8_t from[16], to[16]; /* what becomes of them in the direction that the packet goes */
	uint16_t from_port, to_port;
	uint16_t identifier; /* of an ICMP query */
	uint8_t changes;
};

/* Writes words anew; *delta: what that does to a sum over them, to be folded. */
static inline void
lk_write_words(uint8_t *at, const uint8_t *words, uint32_t bytes, uint64_t *delta)
{
	for (uint32_t i = 0; i < bytes; i += 2)
		*delta += (uint16_t)~lk_get16(at + i) + (uint64_t)lk_get16(words + i);
	memcpy(at, words, bytes);
}

static inline void
lk_write_word(uint8_t *at, uint16_t value, uint64_t *delta)
{
	uint8_t word[2];

	lk_put16(word, value);
	lk_write_words(at, word, 2, delta);
}

static inline uint16_t
lk_mended(uint16_t checksum, uint64_t delta)
{
	return (uint16_t)~lk_fold((uint16_t)~checksum + delta);
}

/* Addresses of the IP header at ip; both of an IPv4 header's checksum and of *delta. */
static inline void
lk_write_addresses(uint8_t *ip, uint8_t version, const uint8_t *from, const uint8_t *to,
		   uint8_t changes, uint64_t *delta)
{
	uint32_t bytes = version == 4 ? 4 : 16, at = version == 4 ? 12 : 8;
	uint64_t own = 0;

	if (changes & LK_CHANGES_FROM)
		lk_write_words(ip + at, from, bytes, &own);
	if (changes & LK_CHANGES_TO)
		lk_write_words(ip + at + bytes, to, bytes, &own);
	if (version == 4)
		lk_put16(ip + 10, lk_mended(lk_get16(ip + 10), own));
	*delta += own;
}

/* Where the checksum stands behind l4; 0: there is none that changes. */
static inline uint32_t
lk_checksum_at(uint8_t version, uint8_t protocol)
{
	if (protocol == LK_PROTO_TCP)
		return 16;
	if (protocol == LK_PROTO_UDP)
		return 6;
	return lk_is_query(version, protocol) ? 2 : 0;
}

/*
 * Ports or identifier, and the checksum, of the first `room` bytes of a transport header; `delta`:
 * what the addresses did to it. *outer: what all this does to a sum over the header.
 */
static inline void
lk_write_transport(uint8_t *l4, uint32_t room, uint8_t version, uint8_t protocol,
		   const struct lk_translation *t, uint64_t delta, uint64_t *outer)
{
	uint32_t at = lk_checksum_at(version, protocol);
	uint64_t own = 0;
	uint16_t mended;

	if (lk_has_ports(protocol)) {
		if (t->changes & LK_CHANGES_FROM)
			lk_write_word(l4, t->from_port, &own);
		if (t->changes & LK_CHANGES_TO)
			lk_write_word(l4 + 2, t->to_port, &own);
	} else if (lk_is_query(version, protocol)) {
		lk_write_word(l4 + 4, t->identifier, &own);
	}
	*outer += own;
	if (version != 4 || protocol != LK_PROTO_ICMP)
		own += delta;
	if (at == 0 || at + 2 > room || (protocol == LK_PROTO_UDP && lk_get16(l4 + at) == 0))
		return;
	mended = lk_mended(lk_get16(l4 + at), own);
	if (protocol == LK_PROTO_UDP && mended == 0)
		mended = 0xffff;
	lk_write_word(l4 + at, mended, outer);
}

/* The packet goes the way of the translation, and what it quotes went the other way. */
static inline void
lk_translate_error(uint8_t *frame, const struct lk_flow_frame *h, uint8_t version,
		   const struct lk_translation *t, uint64_t delta)
{
	struct lk_translation turned = {
		.from_port = t->to_port,
		.to_port = t->from_port,
		.identifier = t->identifier,
		.changes = (uint8_t)((t->changes & LK_CHANGES_FROM ? LK_CHANGES_TO : 0) |
				     (t->changes & LK_CHANGES_TO ? LK_CHANGES_FROM : 0)),
	};
	uint8_t *ip = frame + h->quoted_l3, *sum = frame + h->l4 + 2;
	uint64_t inner = 0, outer = 0;

	/* An IPv4 header with a mended checksum adds up to what it was before. */
	lk_write_addresses(ip, version, t->to, t->from, turned.changes, &inner);
	if (version == 6)
		outer += inner;
	lk_write_transport(frame + h->quoted_l4, (uint32_t)h->end - h->quoted_l4, version,
			   h->key.protocol, &turned, inner, &outer);
	if (version == 6)
		outer += delta;
	lk_put16(sum, lk_mended(lk_get16(sum), outer));
}

static inline void
lk_translate(uint8_t *frame, const struct lk_flow_frame *h, const struct lk_translation *t)
{
	uint8_t *ip = frame + h->l3, version = ip[0] >> 4;
	uint64_t delta = 0, unused = 0;

	if (t->changes == 0)
		return;
	lk_write_addresses(ip, version, t->from, t->to, t->changes, &delta);
	if (h->what == LK_FLOW_ERROR)
		lk_translate_error(frame, h, version, t, delta);
	else if (h->what != LK_FLOW_LATER)
		lk_write_transport(frame + h->l4, h->l4_length, version, h->key.protocol, t, delta,
				   &unused);
}

#endif
