/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames wait here for a link, which queue_release is. */
#include <rte_cycles.h>

#include "due.h"
#include "queue.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	const struct lk_node *self = lk_node_of(node);
	struct lk_queue *q = self->state;
	uint64_t now = rte_rdtsc(), before = 0;

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < count; i++) {
		uint64_t came = lk_came(self, objs[i], now);
		enum lk_verdict verdict;
		struct rte_mbuf *gone;

		/* Frames of one time are there together before the link turns to any. */
		while ((i == 0 || came != before) &&
		       (gone = lk_queue_leave(q, came, &verdict)) != NULL)
			lk_pass_one(graph, node, verdict, gone);
		before = came;
		while ((gone = lk_queue_make_room(q, objs[i])) != NULL)
			lk_pass_one(graph, node, LK_queue_full, gone);
		verdict = lk_queue_put(q, objs[i], came);
		if (verdict != LK_next)
			lk_pass_one(graph, node, verdict, objs[i]);
	}
	return count;
}

LK_NODE(queue, process, .state_bytes = sizeof(struct lk_queue), .open = lk_queue_open,
	.close = lk_queue_close, .rows = lk_queue_rows)
