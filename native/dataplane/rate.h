/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_RATE_H
#define LK_RATE_H

#include <rte_cycles.h>

#include "node.h"

/* A gauge: how many frames and bits a second passed in the last window of time that is over. */

/* In the order of the node's parameters. */
enum { LK_RATE_WINDOW, LK_RATE_OVERHEAD };

struct lk_rate {
	/* counters: in all; of the last window; and the highest of a window so far */
	uint64_t frames, bytes, pps, bits_per_second, highest_pps, highest_bits_per_second;

	uint64_t window, end; /* cycles; when the window that runs now is over */
	double per_second;    /* windows */
	uint32_t overhead;
	uint64_t frames_before, bytes_before;
};

/* The windows that are over at this time; all but the first of them had no frames. */
static inline void
lk_rate_look(struct lk_rate *r, uint64_t now)
{
	uint64_t windows;

	if (likely((int64_t)(now - r->end) < 0))
		return;
	windows = (now - r->end) / r->window + 1;
	r->end += windows * r->window;
	r->pps = (uint64_t)((double)(r->frames - r->frames_before) * r->per_second + 0.5);
	r->bits_per_second =
		(uint64_t)((double)(r->bytes - r->bytes_before) * 8 * r->per_second + 0.5);
	r->highest_pps = RTE_MAX(r->highest_pps, r->pps);
	r->highest_bits_per_second = RTE_MAX(r->highest_bits_per_second, r->bits_per_second);
	if (windows > 1)
		r->pps = r->bits_per_second = 0;
	r->frames_before = r->frames;
	r->bytes_before = r->bytes;
}

#endif
