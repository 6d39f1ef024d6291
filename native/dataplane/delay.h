/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_DELAY_H
#define LK_DELAY_H

#include "node.h"

/* A line that takes time: frames leave a while after they came. */

/* In the order of the node's parameters. */
enum { LK_DELAY_TIME, LK_DELAY_JITTER, LK_DELAY_REORDERS, LK_DELAY_LIMIT, LK_DELAY_SEED };
/* Data: the distribution, doubles. */

struct lk_delayed {
	uint64_t at; /* when it leaves */
	struct rte_mbuf *m;
};

struct lk_delay {
	/* counters: frames that left, of them those that one passed that came later; those on the
	 * way now, and the most that ever were */
	uint64_t passed, reordered, held, most_held;

	double time, jitter; /* cycles; the jitter is what quantiles are multiples of */
	uint64_t fixed;	     /* of every frame, where there is no jitter */
	/* The distribution as its quantiles, evenly spaced, `steps` + 1 of them: what is drawn lies
	 * between two. NULL: there is no jitter. */
	double *quantiles;
	uint64_t steps;
	int reorders, tells_due;
	uint64_t limit, seed, drawn;
	uint64_t last; /* when the one that came last leaves: the next one not before */
	/* A ring from `first` on; a heap, the next one that leaves on top, where frames may pass
	 * each other. */
	struct lk_delayed *frames;
	uint64_t first;
};

int lk_delay_open(struct lk_node *self);
void lk_delay_close(struct lk_node *self);
/* Takes the first frames that came now, as many as there is room for; returns how many. */
uint16_t lk_delay_put(struct lk_delay *d, const struct lk_node *self, void **frames, uint16_t count,
		      uint64_t now);
/* Those that leave until now, at most so many. */
uint16_t lk_delay_take(struct lk_delay *d, void **frames, uint16_t most, uint64_t now);

#endif
