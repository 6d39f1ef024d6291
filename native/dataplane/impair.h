/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_IMPAIR_H
#define LK_IMPAIR_H

#include "node.h"

#define LK_IMPAIR_HELD 64

/* A bad line: loses, doubles and holds back frames at random. */
struct lk_impair {
	struct lk_impair_config config;
	uint64_t frames;    /* so far: the seed decides what happens to which of them */
	uint64_t limits[3]; /* of a 64-bit random number: loss, duplicate, reorder */
	uint64_t copied, reordered;
	uint64_t longest_hold; /* cycles */
	/* Held back, the oldest first. */
	struct {
		struct rte_mbuf *m;
		uint64_t since;
		uint32_t passed;
	} held[LK_IMPAIR_HELD];
	uint32_t held_count;
} __rte_cache_aligned;

static inline void
lk_impair_send(struct rte_graph *graph, struct rte_node *node, struct rte_mbuf *m)
{
	lk_pass_one(graph, node, LK_next, m);
}

/* The oldest held frames leave: those that enough frames have passed, and those held too long. */
static inline void
lk_impair_release(struct rte_graph *graph, struct rte_node *node, struct lk_impair *impair,
		  uint64_t now)
{
	uint32_t gone = 0;

	while (gone < impair->held_count &&
	       (impair->held[gone].passed >= impair->config.displacement ||
		now - impair->held[gone].since >= impair->longest_hold)) {
		impair->reordered += impair->held[gone].passed > 0;
		lk_impair_send(graph, node, impair->held[gone++].m);
	}
	impair->held_count -= gone;
	if (gone > 0)
		memmove(impair->held, impair->held + gone,
			impair->held_count * sizeof(impair->held[0]));
}

#endif
