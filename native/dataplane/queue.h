/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_QUEUE_H
#define LK_QUEUE_H

#include "aqm.h"
#include "node.h"

/*
 * A queue in front of a link: frames wait until the link, which takes so many bytes or frames a
 * second, is free. It is free by the times at which frames came and by their size alone, whenever
 * the worker looks: the rate is exact, and a late look moves a frame, not those behind it.
 */

#define LK_QUEUE_FLOWS	  1024 /* RFC 8290 5.2.2 */
#define LK_QUEUE_QUANTUM  1514
#define LK_QUEUE_FRACTION 32 /* bits behind the point of per_unit */

enum lk_aqm { LK_AQM_FIFO, LK_AQM_RED, LK_AQM_CODEL, LK_AQM_FQ_CODEL, LK_AQM_PIE };

/* In the order of the node's parameters; data: its classes, struct lk_queue_class. */
enum {
	LK_QUEUE_RATE,
	LK_QUEUE_LIMIT,
	LK_QUEUE_AQM,
	LK_QUEUE_BURST,
	LK_QUEUE_TARGET,
	LK_QUEUE_INTERVAL,
	LK_QUEUE_ECN,
	LK_QUEUE_OVERHEAD,
	LK_QUEUE_SEED
};

struct lk_queued {
	struct rte_mbuf *m;
	uint64_t at;   /* when it came */
	uint32_t next; /* 1 + the place of the next one in its flow; 0: none */
	uint32_t flow;
};

struct lk_queue_flow {
	uint32_t head, tail; /* 1 + place; 0: empty */
	uint32_t next;	     /* 1 + the next flow of its list */
	int is_listed;
	uint64_t bytes;	 /* that wait */
	int64_t deficit; /* bytes or frames that it may still send in this round */
	int64_t quantum; /* that it gets for one; 0: it has no rounds, and goes before the others */
	struct lk_codel codel;
	/* of classes: its own limit, and what its table tells */
	uint64_t limit;
	int limits_frames;
	uint64_t held, held_bytes; /* with what the link sends */
	uint64_t passed, passed_bytes, dropped, wait_ns, longest_wait_ns;
};

struct lk_flow_list {
	uint32_t head, tail; /* 1 + flow; 0: empty */
};

#define LK_QUEUE_GONE 256

struct lk_queue {
	/* counters: frames that left, of them those that waited, those marked, ns that they waited
	 * in sum and at most; frames and bytes that wait now, and the most that ever did */
	uint64_t passed, delayed, marked, wait_ns, longest_wait_ns;
	uint64_t held, held_bytes, most_held;

	uint64_t per_unit; /* cycles for a byte or a frame, 32 bits behind the point */
	uint64_t free_at;  /* when the link has sent all that it was given, in cycles, */
	uint32_t free_fraction;
	uint64_t burst; /* cycles that it may be ahead; 0: a frame takes its time to be sent */
	double ns_per_cycle;
	uint64_t limit;
	uint32_t overhead;
	uint32_t longest; /* frame that came so far */
	int counts_frames, limits_frames, has_ecn, tells_due;
	enum lk_aqm aqm;
	/* Those that left while a burst was looked at, by the times of its frames; they are held
	 * until queue_release passes them on, and wait no more. */
	struct rte_mbuf *gone[LK_QUEUE_GONE];
	uint32_t gone_count, gone_bytes;
	struct lk_queued sending; /* the frame that the link takes; m is NULL: none */
	uint64_t leaves;	  /* when it has taken it */

	struct lk_queued *places;
	uint32_t place_count, free_place; /* 1 + the first free one */
	struct lk_queue_flow *flows;	  /* one, those of RFC 8290, or the classes */
	uint32_t flow_count, class_count;
	struct lk_queue_class *classes;
	uint64_t strict; /* a bit for each class that has frames and no rounds */
	struct lk_flow_list new_flows, old_flows; /* RFC 8290 4.2 */

	struct lk_codel_config codel;
	struct lk_red red;
	struct lk_pie pie;
};

int lk_queue_open(struct lk_node *self);
void lk_queue_close(struct lk_node *self);

/* Before a frame is put: one that has to go for it; NULL: none, or none more. */
struct rte_mbuf *lk_queue_make_room(struct lk_queue *q, const struct rte_mbuf *m);
/* Takes a frame (LK_next), or says why not. */
enum lk_verdict lk_queue_put(struct lk_queue *q, struct rte_mbuf *m, uint64_t now);
/* The next frame that leaves until now, or goes before (*verdict); NULL: none. */
struct rte_mbuf *lk_queue_take(struct lk_queue *q, uint64_t now, enum lk_verdict *verdict);
struct rte_mbuf *lk_queue_leave(struct lk_queue *q, uint64_t came, enum lk_verdict *verdict);
/* Hands those over; `frames` has room for LK_QUEUE_GONE. */
uint16_t lk_queue_gone(struct lk_queue *q, struct rte_mbuf **frames);
/* Its table: a row for each class, or flow that has had frames. */
uint32_t lk_queue_rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room);

#endif
