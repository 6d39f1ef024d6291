/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TOEPLITZ_H
#define LK_TOEPLITZ_H

#include "flow.h"

/*
 * The hash by which NICs choose a queue (Microsoft, "RSS hashing functions"), a table look-up for
 * each byte: what the byte's value at its place adds.
 */
#define LK_TOEPLITZ_INPUT 36u /* bytes: two IPv6 addresses, two ports */
#define LK_TOEPLITZ_KEY	  (LK_TOEPLITZ_INPUT + 4)

struct lk_toeplitz {
	uint32_t adds[LK_TOEPLITZ_INPUT][256];
};

static inline void
lk_toeplitz_prepare(struct lk_toeplitz *t, const uint8_t key[LK_TOEPLITZ_KEY])
{
	for (uint32_t at = 0; at < LK_TOEPLITZ_INPUT; at++) {
		uint64_t bits = (uint64_t)lk_get32(key + at) << 8 | key[at + 4];

		for (uint32_t value = 0; value < 256; value++) {
			t->adds[at][value] = 0;
			for (uint32_t bit = 0; bit < 8; bit++)
				if ((value >> (7 - bit) & 1) != 0)
					t->adds[at][value] ^= (uint32_t)(bits >> (8 - bit));
		}
	}
}

static inline uint32_t
lk_toeplitz_of(const struct lk_toeplitz *t, const uint8_t *bytes, uint32_t count, uint32_t at)
{
	uint32_t hash = 0;

	for (uint32_t i = 0; i < count; i++)
		hash ^= t->adds[at + i][bytes[i]];
	return hash;
}

/* Of the addresses, and of the ports of TCP, UDP and SCTP that is whole; 0: of a frame that is no
 * IP. */
static inline uint32_t
lk_toeplitz_hash(const struct lk_toeplitz *t, const uint8_t *frame, uint32_t length)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(frame, length, &h);
	uint32_t first = h.ip_version == 4 ? 12 : 8, bytes = h.ip_version == 4 ? 8 : 32;
	int is_whole = verdict == LK_next || verdict == LK_ipv4_bad_checksum;
	uint32_t hash;

	if (h.ip_version == 0)
		return 0;
	if (h.ip_version == 4 && lk_is_ipv4_fragment(frame + h.l3))
		is_whole = 0;
	hash = lk_toeplitz_of(t, frame + h.l3 + first, bytes, 0);
	if (is_whole && lk_has_ports(h.protocol) && h.l4_length >= 4)
		hash ^= lk_toeplitz_of(t, frame + h.l4, 4, bytes);
	return hash;
}

#endif
