/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_BYTES_H
#define LK_BYTES_H

#include <stdint.h>
#include <string.h>

/* Headers stand at any alignment; memcpy of a fixed size compiles to one load or store. */

static inline uint16_t
lk_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline void
lk_put16(uint8_t *p, uint16_t value)
{
	p[0] = (uint8_t)(value >> 8);
	p[1] = (uint8_t)value;
}

static inline uint32_t
lk_get32(const uint8_t *p)
{
	return (uint32_t)lk_get16(p) << 16 | lk_get16(p + 2);
}

static inline uint64_t
lk_get64(const uint8_t *p)
{
	return (uint64_t)lk_get32(p) << 32 | lk_get32(p + 4);
}

static inline void
lk_put32(uint8_t *p, uint32_t value)
{
	lk_put16(p, (uint16_t)(value >> 16));
	lk_put16(p + 2, (uint16_t)value);
}

static inline void
lk_put64(uint8_t *p, uint64_t value)
{
	lk_put32(p, (uint32_t)(value >> 32));
	lk_put32(p + 4, (uint32_t)value);
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
