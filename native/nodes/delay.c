/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames are on their way here until delay_release lets them go. */
#include <rte_cycles.h>

#include "delay.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_delay *d = lk_node_of(node)->state;
	uint64_t now = rte_rdtsc();
	uint16_t i;

	lk_enter(node, objs, count);
	for (i = 0; i < count && d->held < d->limit; i++)
		lk_delay_put(d, objs[i], now);
	if (unlikely(i < count))
		lk_pass(graph, node, LK_delay_full, objs + i, (uint16_t)(count - i));
	return count;
}

LK_NODE(delay, process, .state_bytes = sizeof(struct lk_delay), .open = lk_delay_open,
	.close = lk_delay_close)
