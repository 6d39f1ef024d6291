/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FRAME_PROGRAM_H
#define LK_FRAME_PROGRAM_H

#include "checksum.h"
#include "crc32c.h"
#include "signature.h"

/*
 * How the frames of a stream are made: a template for every size, fields that vary from frame to
 * frame, and the signature. Python compiles it from a scapy packet (labkit/traffic/compile.py).
 *
 * Checksums are not patched but made from a sum over all that stays the same, so a frame's checksum
 * is the very number a full computation gives (RFC 1624 3 tells how patching may end in the other
 * zero). What a value adds to a one's complement sum is the value times a power of 256 modulo
 * 65535, or its negative where a checksum inside makes up for it: one factor for each field and
 * checksum.
 *
 * SCTP's checksum is a CRC over all bytes of its packet, made when the others within are there; to
 * those around it, it is one more field.
 */
#define LK_MAX_FIELDS	 32
#define LK_MAX_CHECKSUMS 6
#define LK_FLOW_BY_PLACE 1 /* each of its values is another flow, */
#define LK_FLOW_BY_VALUE 2 /* or some of a list are the same */

/* What a counter needs is in the first 64 bytes: thousands of streams share a cache. */
struct lk_field {
	uint32_t offset;    /* of the first byte that it touches */
	uint8_t width;	    /* bytes that it touches, 1 to 8 */
	uint8_t shift;	    /* bits of the last byte that are not its own */
	uint8_t is_random;  /* which value comes next: drawn, or the one after */
	uint8_t is_counter; /* neither drawn, nor of a list, nor held */
	uint64_t mask;	    /* its bits in the touched bytes, as a big-endian number */
	uint64_t start;	    /* value i is start + i * step, */
	uint64_t step;
	uint64_t count;
	uint64_t at;	 /* values taken so far, modulo count unless random */
	uint32_t stride; /* how much `at` grows with a frame, or `held` where there is a hold */
	uint32_t factors[LK_MAX_CHECKSUMS];
	uint32_t flow;		/* whether it tells flows apart: LK_FLOW_BY_PLACE or _BY_VALUE; 0 */
	const uint64_t *values; /* or values[i] where it is not NULL */
	uint64_t seed;
	uint64_t hold; /* frames that each value stays for, unless random; 0 is 1 */
	uint64_t held; /* frames that the value at hand has been in */
};

struct lk_checksum {
	uint32_t offset;
	uint32_t is_udp; /* 0 would mean "no checksum", so 0xffff is sent (RFC 768) */
	uint32_t base;	 /* sum over what stays the same, 1 to 65535 */
	uint32_t signature_factor;
};

struct lk_template {
	const uint8_t *bytes; /* readable up to the next multiple of 64 */
	uint32_t length;      /* without FCS */
	uint32_t head;	      /* bytes that a frame may differ in, but for the signature */
	uint32_t sctp_offset;
	uint32_t sctp_length; /* 0: there is no CRC to make */
	struct lk_checksum checksums[LK_MAX_CHECKSUMS];
	uint32_t sctp_factors[LK_MAX_CHECKSUMS];
};

/* splitmix64 (Steele, Lea, Flood 2014): number n of the sequence that begins with a seed. */
static inline uint64_t
lk_random(uint64_t seed, uint64_t n)
{
	uint64_t x = seed + (n + 1) * 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* Which of a random field's values frame n has. */
static inline uint64_t
lk_field_drawn(const struct lk_field *f, uint64_t n)
{
	return (uint64_t)((unsigned __int128)lk_random(f->seed, n) * f->count >> 64);
}

/*
 * The field makes frames first, first + of, first + 2 * of ... of its stream: all of them, or the
 * share of one of several generators.
 */
static inline void
lk_field_share(struct lk_field *f, uint64_t first, uint32_t of)
{
	uint64_t hold = f->hold > 1 ? f->hold : 1;

	f->at = f->is_random ? first : first / hold % f->count;
	f->held = f->is_random ? 0 : first % hold;
	f->stride = f->is_random || hold > 1 ? of : (uint32_t)(of % f->count);
}

static inline uint64_t
lk_field_next(struct lk_field *f)
{
	uint64_t i = f->at, left = f->count - f->stride;

	if (f->is_counter) {
		f->at = i < left ? i + f->stride : i - left;
		return f->start + i * f->step;
	}
	if (f->is_random) {
		i = lk_field_drawn(f, i);
		f->at += f->stride;
	} else if (f->hold <= 1) {
		f->at = i < left ? i + f->stride : i - left;
	} else if ((f->held += f->stride) >= f->hold) {
		f->at = (i + f->held / f->hold) % f->count;
		f->held %= f->hold;
	}
	return f->values != NULL ? f->values[i] : f->start + i * f->step;
}

/* Bits of `mask` in `width` bytes at p become those of `bits`. */
static inline void
lk_put_bits(uint8_t *p, uint32_t width, uint64_t bits, uint64_t mask)
{
	if (width == 2 && mask == 0xffff)
		lk_put16(p, (uint16_t)bits);
	else if (width == 4 && mask == 0xffffffff)
		lk_put32(p, (uint32_t)bits);
	else
		for (uint32_t i = width; i-- > 0; bits >>= 8, mask >>= 8)
			p[i] = (uint8_t)((p[i] & ~mask) | bits);
}

static inline uint64_t
lk_folded(uint64_t number)
{
	number = (number >> 32) + (uint32_t)number;
	return (number >> 16) + (uint16_t)number;
}

static inline void
lk_put_checksum(uint8_t *frame, const struct lk_checksum *c, uint64_t sum)
{
	uint16_t checksum = (uint16_t)~lk_fold(sum);

	if (checksum == 0 && c->is_udp)
		checksum = 0xffff;
	lk_put16(frame + c->offset, checksum);
}

/* SCTP's checksum, and those around it, whose sums are without it. */
static inline void
lk_put_sctp(uint8_t *frame, const struct lk_template *t, const uint64_t *sums,
	    unsigned int checksums)
{
	uint8_t *sctp = frame + t->sctp_offset;
	uint32_t crc = lk_sctp_checksum(sctp, t->sctp_length);

	lk_put32(sctp + LK_SCTP_CHECKSUM, crc);
	for (unsigned int c = 0; c < checksums; c++)
		if (t->sctp_factors[c] != 0)
			lk_put_checksum(frame, &t->checksums[c],
					sums[c] + lk_folded(crc) * t->sctp_factors[c]);
}

/* Which numbers a signature gets; NULL in its place: none is written. */
struct lk_stamp {
	uint32_t sequence;
	uint64_t tsc;
	uint64_t folded_tsc;
};

/*
 * Turns a copy of the template into the next frame of its stream. `checksums` counts those that
 * change at all. A constant 0 in `may_be_sctp` keeps a call out of the caller's loop.
 */
static inline __attribute__((always_inline)) void
lk_make_frame(uint8_t *frame, const struct lk_template *t, struct lk_field *fields,
	      unsigned int field_count, unsigned int checksums, int may_be_sctp,
	      const struct lk_stamp *stamp)
{
	uint64_t sums[LK_MAX_CHECKSUMS];
	unsigned int i, c;

	for (c = 0; c < checksums; c++)
		sums[c] = t->checksums[c].base;
	for (i = 0; i < field_count; i++) {
		struct lk_field *f = &fields[i];
		uint64_t bits = lk_field_next(f) << f->shift & f->mask, folded = lk_folded(bits);

		lk_put_bits(frame + f->offset, f->width, bits, f->mask);
		for (c = 0; c < checksums; c++)
			sums[c] += folded * f->factors[c];
	}
	if (stamp != NULL) {
		uint64_t folded =
			(stamp->sequence >> 16) + (uint16_t)stamp->sequence + stamp->folded_tsc;

		lk_stamp_signature(frame + t->length, stamp->sequence, stamp->tsc);
		for (c = 0; c < checksums; c++)
			sums[c] += folded * t->checksums[c].signature_factor;
	}
	for (c = 0; c < checksums; c++)
		lk_put_checksum(frame, &t->checksums[c], sums[c]);
	if (may_be_sctp && __builtin_expect(t->sctp_length != 0, 0))
		lk_put_sctp(frame, t, sums, checksums);
}

#endif
