/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_SHAPER_H
#define LK_SHAPER_H

#include "allowance.h"

/*
 * Frames wait here for the tokens of an allowance. When a frame leaves is known when it comes: it
 * takes its tokens then. So those who share an allowance are served in the order in which their
 * frames came, and a worker that is late moves a frame, not those behind it.
 */

/* Behind the allowance's. */
enum { LK_SHAPER_LIMIT = LK_ALLOWANCE_NEXT };

struct lk_shaped {
	uint64_t leaves; /* ticks of the allowance */
	struct rte_mbuf *m;
};

struct lk_shaper {
	/* counters: frames that left, that had to wait, that found no room; exceeded is both; ns
	 * that they waited in sum and at most; frames and bytes here now, the most that ever were
	 */
	uint64_t passed, delayed, dropped, exceeded, wait_ns, longest_wait_ns;
	uint64_t held, held_bytes, most_held;

	struct lk_allowance *allowance;
	uint64_t weight;
	double ns_per_tick;
	uint64_t limit; /* bytes or frames that wait */
	int limits_frames, tells_due;
	/* A ring from `first` on. Those in front whose time has come have not left yet, and do not
	 * wait any more: they take no room from others. */
	struct lk_shaped *places;
	uint32_t place_count, first, due;
	uint64_t due_bytes;
};

int lk_shaper_open(struct lk_node *self);
void lk_shaper_close(struct lk_node *self);
/* Of at most LK_SHAPER_AT_ONCE frames that have come to the node by this TSC: those that pass at
 * once come first, and are counted as passed; those that find no room are in `full`. Returns the
 * former's number. */
#define LK_SHAPER_AT_ONCE 256
uint16_t lk_shaper_put(struct lk_shaper *s, const struct lk_node *self, uint64_t tsc, void **objs,
		       uint16_t count, void **full, uint16_t *full_count);
/* Those that leave until now, at most LK_SHAPER_AT_ONCE. */
uint16_t lk_shaper_take(struct lk_shaper *s, uint64_t tsc, void **objs);

#endif
