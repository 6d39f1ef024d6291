/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_PROBE_H
#define LK_PROBE_H

#include "api.h"
#include "headers.h"

enum lk_probe_state {
	LK_PROBE_UNSENT,
	LK_PROBE_UNDER_WAY,
	LK_PROBE_ANSWERED,
	LK_PROBE_GIVEN_UP,
	LK_PROBE_ANSWERED_LATE,
};

/* One size of an echo experiment. Sender and receiver run on one worker, one after the other. */
struct lk_probe {
	uint32_t header_length;
	uint32_t payload_length;
	uint32_t count;
	uint32_t window;
	uint16_t stream;
	uint64_t seed;
	uint64_t timeout; /* cycles */
	uint64_t interval;
	uint64_t last_sent;
	uint32_t next;	 /* sequence number of the next probe */
	uint32_t oldest; /* no probe before this one is under way */
	uint32_t under_way;
	volatile int stopped;
	struct lk_probe_counts counts;
	struct lk_headers headers; /* of the template */
	uint64_t *sent;		   /* TSC by sequence number */
	uint64_t *round_trip;	   /* cycles, 0: none */
	uint8_t *state;		   /* enum lk_probe_state */
	uint8_t frame[];	   /* the headers */
};

/* The payload of a probe up to its signature: bytes that no two probes share. */
static inline void
lk_probe_fill(uint8_t *payload, uint32_t length, uint64_t seed, uint32_t sequence)
{
	uint64_t x = (seed ^ ((uint64_t)sequence << 32 | ~sequence)) | 1;

	for (uint32_t at = 0; at < length; at += 8) {
		/* xorshift64 (Marsaglia 2003) */
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		memcpy(payload + at, &x, length - at < 8 ? length - at : 8);
	}
}

static inline int
lk_probe_matches(const uint8_t *payload, uint32_t length, uint64_t seed, uint32_t sequence)
{
	uint64_t x = (seed ^ ((uint64_t)sequence << 32 | ~sequence)) | 1;

	for (uint32_t at = 0; at < length; at += 8) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		if (memcmp(payload + at, &x, length - at < 8 ? length - at : 8) != 0)
			return 0;
	}
	return 1;
}

#endif
