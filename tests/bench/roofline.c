/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The least that encapsulation can cost: the same header bytes copied before frames that lie as in
 * a pool of mbufs, and the payload read once where a checksum covers it.
 */
#include <stdint.h>
#include <string.h>

#define PREFETCH_AHEAD 8

void write_headers(uint8_t *buffer, const uint64_t *offsets, const uint32_t *lengths,
		   uint64_t count, const uint8_t *header, uint32_t header_length);
uint64_t write_headers_and_read(uint8_t *buffer, const uint64_t *offsets, const uint32_t *lengths,
				uint64_t count, const uint8_t *header, uint32_t header_length);

static inline void
prefetch(const uint8_t *buffer, const uint64_t *offsets, uint64_t count, uint64_t i, uint32_t before)
{
	if (i < count) {
		__builtin_prefetch(buffer + offsets[i], 1);
		__builtin_prefetch(buffer + offsets[i] - before, 1);
	}
}

void
write_headers(uint8_t *buffer, const uint64_t *offsets, const uint32_t *lengths, uint64_t count,
	      const uint8_t *header, uint32_t header_length)
{
	(void)lengths;
	for (uint64_t i = 0; i < count; i++) {
		prefetch(buffer, offsets, count, i + PREFETCH_AHEAD, header_length);
		memcpy(buffer + offsets[i] - header_length, header, header_length);
	}
}

static inline uint64_t
read_all(const uint8_t *p, uint32_t length)
{
	uint64_t sum = 0, word;
	uint32_t at = 0;

	for (; at + 8 <= length; at += 8) {
		memcpy(&word, p + at, 8);
		sum += word;
	}
	for (; at < length; at++)
		sum += p[at];
	return sum;
}

uint64_t
write_headers_and_read(uint8_t *buffer, const uint64_t *offsets, const uint32_t *lengths,
		       uint64_t count, const uint8_t *header, uint32_t header_length)
{
	uint64_t sum = 0;

	for (uint64_t i = 0; i < count; i++) {
		prefetch(buffer, offsets, count, i + PREFETCH_AHEAD, header_length);
		memcpy(buffer + offsets[i] - header_length, header, header_length);
		sum += read_all(buffer + offsets[i], lengths[i]);
	}
	return sum;
}
