/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FLOW_LIMIT_H
#define LK_FLOW_LIMIT_H

#include "flow_table.h"
#include "heap.h"
#include "node.h"
#include "token_bucket.h"

/*
 * A token bucket with a queue for every flow. When a frame leaves is known when it comes, so the
 * frames of all flows wait in one heap. A flow whose bucket is full is as one that was never seen:
 * its place is free for another.
 */

/* In the order of the node's parameters. */
enum {
	LK_FLOW_LIMIT_RATE,
	LK_FLOW_LIMIT_BURST,
	LK_FLOW_LIMIT_QUEUE,
	LK_FLOW_LIMIT_FLOWS,
	LK_FLOW_LIMIT_KEY,
	LK_FLOW_LIMIT_OVERHEAD
};

struct lk_flow_limit {
	/* counters: as a shaper's; flows that lost their place while they were limited */
	uint64_t passed, delayed, dropped, exceeded, wait_ns, longest_wait_ns;
	uint64_t held, held_bytes, most_held, evicted;

	struct lk_bucket bucket;
	uint64_t longest_wait; /* ticks, in which a queue that is full empties */
	uint64_t began;	       /* TSC */
	uint32_t overhead;
	int counts_frames, has_ports, tells_due;
	double ns_per_tick;
	struct lk_flow_table flows;
	struct lk_heap waiting;
	struct rte_mbuf **places;
	uint32_t *free_places;
	uint32_t place_count;
};

#define LK_FLOW_LIMIT_AT_ONCE 256

int lk_flow_limit_open(struct lk_node *self);
void lk_flow_limit_close(struct lk_node *self);
/* Whether a frame that came at this TSC passes at once (LK_next) or finds no room; else it waits
 * (LK_other). Before that, all must have been taken that left by then. */
enum lk_verdict lk_flow_limit_put(struct lk_flow_limit *f, struct rte_mbuf *m, uint64_t tsc);
/* Those that leave until then, at most LK_FLOW_LIMIT_AT_ONCE. */
uint16_t lk_flow_limit_take(struct lk_flow_limit *f, uint64_t tsc, void **objs);

#endif
