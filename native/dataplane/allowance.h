/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * An allowance: a token bucket that nodes of several paths draw from at once. Whoever draws reads
 * when its levels are full, decides on a whole burst, and writes that back if nobody else did
 * meanwhile; so together they never pass more than it allows, and none waits for another.
 */
#ifndef LK_ALLOWANCE_H
#define LK_ALLOWANCE_H

#include <rte_atomic.h>
#include <rte_cycles.h>

#include "apart.h"
#include "node.h"
#include "token_bucket.h"

/* In the order of the parameters that nodes which draw from one begin with. */
enum {
	LK_ALLOWANCE_ID,
	LK_ALLOWANCE_RATE,
	LK_ALLOWANCE_BURST,
	LK_ALLOWANCE_BASELINE,
	LK_ALLOWANCE_CREDITS,
	LK_ALLOWANCE_OVERHEAD,
	LK_ALLOWANCE_VALUES,
	LK_ALLOWANCE_WEIGHT = LK_ALLOWANCE_VALUES, /* the node's own: tokens of a frame, times */
	LK_ALLOWANCE_NEXT,
};

struct lk_allowance {
	union {
		struct lk_bucket_times times;
		rte_int128_t both;
	} __rte_cache_aligned;
	struct lk_bucket bucket __rte_cache_aligned;
	uint64_t began; /* TSC */
	uint32_t overhead;
	int counts_frames;
	struct lk_node_value values[LK_ALLOWANCE_VALUES];
	unsigned int users;
	struct lk_allowance *next;
} __rte_cache_aligned;
LK_APART(struct lk_allowance);

/* The one that the node's parameters tell of, which is new if no node has it. NULL: no memory. */
struct lk_allowance *lk_allowance_get(const struct lk_node_value *values);
void lk_allowance_put(struct lk_allowance *allowance); /* NULL: nothing */

/* Its levels that are limited, as rows of a table: which, tokens now, tokens at most. */
uint32_t lk_allowance_rows(const struct lk_allowance *allowance, uint64_t *cursor,
			   struct lk_row *rows, uint32_t room);

static inline uint64_t
lk_allowance_time(const struct lk_allowance *a, uint64_t tsc)
{
	return (int64_t)(tsc - a->began) > 0 ? (tsc - a->began) << LK_TICK_BITS : 0;
}

static inline uint64_t
lk_allowance_units(const struct lk_allowance *a, const struct rte_mbuf *m)
{
	return a->counts_frames ? 1 : m->pkt_len + a->overhead;
}

/* A torn reading is told by lk_allowance_commit. */
static inline struct lk_bucket_times
lk_allowance_read(struct lk_allowance *a)
{
	struct lk_bucket_times seen;

	for (int i = 0; i < LK_BUCKET_LEVELS; i++)
		seen.full_at[i] = __atomic_load_n(&a->times.full_at[i], __ATOMIC_RELAXED);
	return seen;
}

/* Whether they were as seen, and are `after` now. */
static inline int
lk_allowance_commit(struct lk_allowance *a, const struct lk_bucket_times *seen,
		    const struct lk_bucket_times *after)
{
	rte_int128_t expected = {.val = {seen->full_at[0], seen->full_at[1]}};
	rte_int128_t wanted = {.val = {after->full_at[0], after->full_at[1]}};

	return rte_atomic128_cmp_exchange(&a->both, &expected, &wanted, 0, __ATOMIC_ACQ_REL,
					  __ATOMIC_RELAXED);
}

#endif
