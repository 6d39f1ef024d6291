/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_DELAY_H
#define LK_DELAY_H

#include "node.h"

/* A line that takes time: frames leave a while after they came. */

/* In the order of the node's parameters. */
enum {
	LK_DELAY_TIME,
	LK_DELAY_JITTER,
	LK_DELAY_DISTRIBUTION,
	LK_DELAY_REORDERS,
	LK_DELAY_LIMIT,
	LK_DELAY_SEED
};

enum lk_distribution { LK_UNIFORM, LK_NORMAL };

struct lk_delayed {
	uint64_t at; /* when it leaves */
	struct rte_mbuf *m;
};

struct lk_delay {
	/* counters: frames that left, of them those that one passed that came later; those on the
	 * way now, and the most that ever were */
	uint64_t passed, reordered, held, most_held;

	double time, jitter; /* cycles */
	enum lk_distribution distribution;
	int reorders;
	uint64_t limit, seed, drawn;
	uint64_t last; /* when the one that came last leaves: the next one not before */
	/* A ring from `first` on; a heap, the next one that leaves on top, where frames may pass
	 * each other. */
	struct lk_delayed *frames;
	uint64_t first;
};

int lk_delay_open(struct lk_node *self);
void lk_delay_close(struct lk_node *self);
/* There is room. */
void lk_delay_put(struct lk_delay *d, struct rte_mbuf *m, uint64_t now);
/* One that leaves until now; NULL: none. */
struct rte_mbuf *lk_delay_take(struct lk_delay *d, uint64_t now);

#endif
