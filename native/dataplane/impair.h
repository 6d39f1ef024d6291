/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_IMPAIR_H
#define LK_IMPAIR_H

#include "node.h"

#define LK_IMPAIR_HELD 64
#define LK_OUT_AT_ONCE 256

/* What happens to a frame, each by a random number of its own. */
enum lk_act {
	LK_LOSE,
	LK_COPY,
	LK_HOLD,
	LK_CORRUPT,
	LK_TRUNCATE,
	LK_TURN,  /* a burst of loss begins or ends behind it */
	LK_BIT,	  /* which one is flipped */
	LK_SHORT, /* how long it still is */
	LK_ACTS
};

/* A bad line: loses, doubles, damages and holds back frames at random. */
struct lk_impair {
	struct lk_impair_config config;
	uint64_t frames; /* so far: the seed decides what happens to which of them */
	/* of a 64-bit random number, and within a burst */
	uint64_t limits[LK_ACTS], burst_loss, burst_end;
	int is_burst;
	struct lk_impair_counts counts;
	uint64_t longest_hold; /* cycles */
	/* Held back, the oldest first. */
	struct {
		struct rte_mbuf *m;
		uint64_t since;
		uint32_t passed;
	} held[LK_IMPAIR_HELD];
} __rte_cache_aligned;
LK_APART(struct lk_impair);

/* Frames on their way out of a node by `next`. */
struct lk_out {
	struct rte_graph *graph;
	struct rte_node *node;
	uint16_t count;
	void *frames[LK_OUT_AT_ONCE];
};

static inline void
lk_out_send(struct lk_out *out)
{
	if (out->count > 0)
		lk_pass(out->graph, out->node, LK_next, out->frames, out->count);
	out->count = 0;
}

static inline void
lk_out_add(struct lk_out *out, struct rte_mbuf *m)
{
	if (unlikely(out->count == LK_OUT_AT_ONCE))
		lk_out_send(out);
	out->frames[out->count++] = m;
}

/* The oldest held frames leave: those that enough frames have passed, and those held too long. */
static inline void
lk_impair_release(struct lk_impair *impair, uint64_t now, struct lk_out *out)
{
	uint64_t held = impair->counts.held, gone = 0;

	while (gone < held && (impair->held[gone].passed >= impair->config.displacement ||
			       now - impair->held[gone].since >= impair->longest_hold)) {
		impair->counts.reordered += impair->held[gone].passed > 0;
		lk_out_add(out, impair->held[gone++].m);
	}
	if (gone == 0)
		return;
	impair->counts.held -= gone;
	memmove(impair->held, impair->held + gone, (held - gone) * sizeof(impair->held[0]));
}

#endif
