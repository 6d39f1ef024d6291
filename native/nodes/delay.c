/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames are on their way here until delay_release lets them go. */
#include <rte_cycles.h>

#include "delay.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	const struct lk_node *self = lk_node_of(node);
	struct lk_delay *d = self->state;
	uint16_t taken;

	lk_enter(node, objs, count);
	taken = lk_delay_put(d, self, objs, count, rte_rdtsc());
	if (unlikely(taken < count))
		lk_pass(graph, node, LK_delay_full, objs + taken, (uint16_t)(count - taken));
	return count;
}

LK_NODE(delay, process, .state_bytes = sizeof(struct lk_delay), .open = lk_delay_open,
	.close = lk_delay_close)
