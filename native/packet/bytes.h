/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_BYTES_H
#define LK_BYTES_H

#include <stdint.h>
#include <string.h>

/*
 * Headers stand at any alignment and in network byte order. memcpy of a fixed size compiles to one
 * load or store.
 */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define LK_NETWORK(bits, value) __builtin_bswap##bits(value)
#else
#define LK_NETWORK(bits, value) (value)
#endif

#define LK_DEFINE_BYTES(bits)                                                                      \
	static inline uint##bits##_t lk_get##bits(const uint8_t *p)                                \
	{                                                                                          \
		uint##bits##_t value;                                                              \
                                                                                                   \
		memcpy(&value, p, sizeof(value));                                                  \
		return LK_NETWORK(bits, value);                                                    \
	}                                                                                          \
	static inline void lk_put##bits(uint8_t *p, uint##bits##_t value)                          \
	{                                                                                          \
		value = LK_NETWORK(bits, value);                                                   \
		memcpy(p, &value, sizeof(value));                                                  \
	}

LK_DEFINE_BYTES(16)
LK_DEFINE_BYTES(32)
LK_DEFINE_BYTES(64)

/* In machine order, for hashes and comparisons. */
static inline uint64_t
lk_load64(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static inline uint32_t
lk_load32(const uint8_t *p)
{
	uint32_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

static inline void
lk_swap(uint8_t *a, uint8_t *b, size_t n)
{
	uint8_t held[16];

	memcpy(held, a, n);
	memcpy(a, b, n);
	memcpy(b, held, n);
}

/*
 * A frame inside a buffer that may have room around it. A function that answers or wraps a frame
 * moves data and length within the room; the node carries the move over to the mbuf.
 */
struct lk_frame {
	uint8_t *data;
	uint32_t length;
	uint32_t headroom;
	uint32_t tailroom;
};

#endif
