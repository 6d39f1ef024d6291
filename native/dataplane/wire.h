/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_WIRE_H
#define LK_WIRE_H

#include "node.h"

/*
 * One direction of a link inside a path: a queue of so many frames, the rate at which they leave
 * it, losses, and the time to the other end, where they appear in the next walk at the earliest. So
 * what is joined by wires may be joined in a ring.
 */

/* In the order of the node's parameters. */
enum {
	LK_WIRE_RATE,
	LK_WIRE_DELAY,
	LK_WIRE_JITTER,
	LK_WIRE_LOSS,
	LK_WIRE_LIMIT,
	LK_WIRE_UP,
	LK_WIRE_OVERHEAD,
	LK_WIRE_SEED
};

#define LK_WIRE_HOLDS 4096u /* frames, those on the way included; a power of two */

/* Times are in parts of a cycle since the wire was laid. */
#define LK_WIRE_FRACTION 8

struct lk_on_wire {
	uint64_t sent; /* when it has left the queue */
	uint64_t at;   /* when it appears at the other end */
	struct rte_mbuf *m;
};

struct lk_wire {
	/* counters: what came out at the other end; frames that are on it, the most there were */
	uint64_t passed, passed_bytes, held, most_held;

	double per_byte, per_frame; /* parts of a cycle; both 0: no limit */
	double delay, jitter;
	double loss;
	uint64_t limit, overhead, seed, drawn;
	int is_up;
	uint64_t laid;	 /* TSC */
	uint64_t busy;	 /* until then the queue sends what came before */
	uint64_t last;	 /* when the one that came last appears: the next one not before */
	uint64_t queued; /* of those held, the newest, that the queue has not sent yet */
	uint64_t first;
	struct lk_on_wire *frames;
};

int lk_wire_open(struct lk_node *self);
void lk_wire_close(struct lk_node *self);
void lk_wire_change(struct lk_node *self);
/* LK_next: it is on the wire. Else the reason why not. */
enum lk_verdict lk_wire_put(struct lk_wire *w, struct rte_mbuf *m, uint64_t tsc);
/* One that has come to the other end; NULL: none. Of a wire that is down, one that is lost. */
struct rte_mbuf *lk_wire_take(struct lk_wire *w, uint64_t tsc);

#endif
