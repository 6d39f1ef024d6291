/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CHECKSUM_H
#define LK_CHECKSUM_H

#include <stddef.h>

#include "bytes.h"

/*
 * The Internet checksum (RFC 1071). Sums are taken over 32-bit words in machine order, which the
 * compiler turns into vector code: the one's complement sum does not depend on byte order, so only
 * the folded result is read in network order.
 */
static inline uint64_t
lk_sum(const uint8_t *p, size_t n, uint64_t sum)
{
	uint32_t word;
	size_t i;

	for (i = 0; i + 4 <= n; i += 4) {
		memcpy(&word, p + i, 4);
		sum += word;
	}
	if (i < n) {
		word = 0;
		memcpy(&word, p + i, n - i);
		sum += word;
	}
	return sum;
}

/*
 * The same over a whole payload, with the vectors that the CPU has. The instruction set is looked
 * up at every call, a load and a test: distribution builds run on any x86-64.
 */
#ifdef __x86_64__
#define LK_LONG_SUM 128 /* below, setting up wide vectors costs more than they save */

typedef uint64_t lk_words8 __attribute__((vector_size(64)));
typedef uint64_t lk_words4 __attribute__((vector_size(32)));

/* Two accumulators of 64-bit lanes: even and odd 32-bit words, which cannot overflow there. */
#define LK_DEFINE_LONG_SUM(name, isa, vector, lanes)                                               \
	__attribute__((target(isa))) static inline uint64_t name(const uint8_t *p, size_t n,       \
								 uint64_t sum)                     \
	{                                                                                          \
		vector even = {0}, odd = {0}, words;                                               \
		size_t i;                                                                          \
                                                                                                   \
		for (i = 0; i + sizeof(words) <= n; i += sizeof(words)) {                          \
			memcpy(&words, p + i, sizeof(words));                                      \
			even += words & 0xffffffffu;                                               \
			odd += words >> 32;                                                        \
		}                                                                                  \
		even += odd;                                                                       \
		for (unsigned int lane = 0; lane < (lanes); lane++)                                \
			sum += even[lane];                                                         \
		return lk_sum(p + i, n - i, sum);                                                  \
	}

LK_DEFINE_LONG_SUM(lk_sum_avx512, "avx512f", lk_words8, 8)
LK_DEFINE_LONG_SUM(lk_sum_avx2, "avx2", lk_words4, 4)

static inline uint64_t
lk_sum_long(const uint8_t *p, size_t n, uint64_t sum)
{
	size_t head = -(uintptr_t)p & 63;

	if (n < LK_LONG_SUM)
		return lk_sum(p, n, sum);
	/* Loads that cross cache lines cost twice. An odd address would swap the bytes of the
	 * words. */
	if (head % 2 == 0) {
		sum = lk_sum(p, head, sum);
		p += head;
		n -= head;
	}
	if (__builtin_cpu_supports("avx512f"))
		return lk_sum_avx512(p, n, sum);
	if (__builtin_cpu_supports("avx2"))
		return lk_sum_avx2(p, n, sum);
	return lk_sum(p, n, sum);
}
#else
#define lk_sum_long lk_sum
#endif

static inline uint16_t
lk_fold(uint64_t sum)
{
	uint32_t half;

	sum = (sum >> 32) + (uint32_t)sum;
	sum = (sum >> 32) + (uint32_t)sum;
	half = (uint32_t)((uint32_t)sum >> 16) + (uint16_t)sum;
	half = (half >> 16) + (uint16_t)half;
	return (uint16_t)half;
}

/* The same of a sum of a few words, below 2^32. */
static inline uint16_t
lk_fold_short(uint32_t sum)
{
	sum = (sum >> 16) + (uint16_t)sum;
	return (uint16_t)(sum + (sum >> 16));
}

/* The checksum as it is stored: machine order in, bytes in place out. */
static inline void
lk_store_checksum(uint8_t *field, uint64_t sum)
{
	uint16_t checksum = (uint16_t)~lk_fold(sum);

	memcpy(field, &checksum, 2);
}

/* A 16-bit field as a sum sees it that reads it from where it stands. */
static inline uint16_t
lk_sum_word(uint16_t value)
{
	return LK_NETWORK(16, value);
}

/* True when the bytes, their checksum field included, sum up to all ones. */
static inline int
lk_sum_is_good(uint64_t sum)
{
	return lk_fold(sum) == 0xffff;
}

/*
 * The pseudo-header of RFC 768 / RFC 8200 8.1. The addresses are read where they stand in the IP
 * header at l3; protocol and length enter as network-order words.
 */
static inline uint64_t
lk_pseudo_sum(const uint8_t *l3, uint8_t ip_version, uint8_t protocol, uint16_t length)
{
	uint8_t tail[4] = {0, protocol, (uint8_t)(length >> 8), (uint8_t)length};
	uint64_t sum = lk_sum(tail, 4, 0);

	return ip_version == 4 ? lk_sum(l3 + 12, 8, sum) : lk_sum(l3 + 8, 32, sum);
}

/* RFC 1624: a 16-bit field that changed from old to new (network order values). */
static inline void
lk_mend_checksum(uint8_t *field, uint16_t old_value, uint16_t new_value)
{
	uint32_t sum =
		(uint32_t)(uint16_t)~lk_get16(field) + (uint16_t)~old_value + (uint32_t)new_value;

	sum = (sum >> 16) + (uint16_t)sum;
	sum = (sum >> 16) + (uint16_t)sum;
	lk_put16(field, (uint16_t)~sum);
}

#endif
