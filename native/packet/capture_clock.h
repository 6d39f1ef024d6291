/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_CLOCK_H
#define LK_CAPTURE_CLOCK_H

#include "capture_walker.h"

/*
 * When the frames of a capture are due: since the first stamp, on the running maximum, so that one
 * that goes back makes nothing longer. A frame without a stamp comes with the one before it.
 */
struct lk_capture_clock {
	int64_t first_ns;
	uint64_t latest_ns; /* since the first one */
	int has_begun;
};

/* Nanoseconds since the first stamp; of what has none, or was before, those of the latest one. */
static inline uint64_t
lk_capture_due(struct lk_capture_clock *clock, const struct lk_capture_record *record)
{
	uint64_t since;

	if (!record->has_time)
		return clock->latest_ns;
	if (!clock->has_begun) {
		clock->has_begun = 1;
		clock->first_ns = record->time_ns;
	}
	since = (uint64_t)record->time_ns - (uint64_t)clock->first_ns;
	if (record->time_ns > clock->first_ns && since > clock->latest_ns)
		clock->latest_ns = since;
	return clock->latest_ns;
}

#endif
