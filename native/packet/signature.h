/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_SIGNATURE_H
#define LK_SIGNATURE_H

#include "bytes.h"

/*
 * The last 18 bytes of a measured frame's payload: magic, stream, sequence number, TSC of the
 * moment it was made. 18 bytes because that is the UDP payload of a minimum-size IPv4 frame.
 */
#define LK_SIGNATURE_LENGTH 18
#define LK_SIGNATURE_MAGIC  0x6c61624bu /* "labK" */

struct lk_signature {
	uint16_t stream;
	uint32_t sequence;
	uint64_t tsc;
};

static inline void
lk_write_signature(uint8_t *end, const struct lk_signature *s)
{
	uint8_t *p = end - LK_SIGNATURE_LENGTH;

	lk_put32(p, LK_SIGNATURE_MAGIC);
	lk_put16(p + 4, s->stream);
	lk_put32(p + 6, s->sequence);
	lk_put64(p + 10, s->tsc);
}

/* Sequence number and TSC alone, where magic and stream are there already. */
static inline void
lk_stamp_signature(uint8_t *end, uint32_t sequence, uint64_t tsc)
{
	lk_put32(end - 12, sequence);
	lk_put64(end - 8, tsc);
}

/* Returns 1 and fills *s when the frame of this length ends in a signature. */
static inline int
lk_read_signature(const uint8_t *frame, uint32_t length, struct lk_signature *s)
{
	const uint8_t *p;

	if (length < LK_SIGNATURE_LENGTH)
		return 0;
	p = frame + length - LK_SIGNATURE_LENGTH;
	if (lk_get32(p) != LK_SIGNATURE_MAGIC)
		return 0;
	s->stream = lk_get16(p + 4);
	s->sequence = lk_get32(p + 6);
	s->tsc = lk_get64(p + 10);
	return 1;
}

/*
 * As that, of a frame that was padded, or whose padding is gone: the payload ends where the IP
 * header says, behind VLAN tags too. Rare, and kept out of the loops that read signatures.
 */
static __attribute__((noinline, cold, unused)) int
lk_find_signature(const uint8_t *frame, uint32_t length, struct lk_signature *s)
{
	uint32_t l3 = 14, end = 0;

	while (l3 + 2 <= length && l3 < 14 + 2 * 4 &&
	       (lk_get16(frame + l3 - 2) == 0x8100 || lk_get16(frame + l3 - 2) == 0x88a8))
		l3 += 4;
	if (l3 + 20 > length)
		return 0;
	if (lk_get16(frame + l3 - 2) == 0x0800)
		end = l3 + lk_get16(frame + l3 + 2);
	else if (lk_get16(frame + l3 - 2) == 0x86dd)
		end = l3 + 40 + lk_get16(frame + l3 + 4);
	return end != 0 && end < length && lk_read_signature(frame, end, s);
}

/*
 * Where a signature ends: with the frame, or, when a DUT has padded it or cut its padding, with the
 * IP packet in it.
 */
static inline int
lk_signature_of(const uint8_t *frame, uint32_t length, struct lk_signature *s)
{
	return __builtin_expect(lk_read_signature(frame, length, s), 1) ||
	       lk_find_signature(frame, length, s);
}

#endif
