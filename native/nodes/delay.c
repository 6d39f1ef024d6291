/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames are on their way here until delay_release lets them go. */
#include <rte_cycles.h>

#include "delay.h"
#include "due.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	const struct lk_node *self = lk_node_of(node);
	struct lk_delay *d = self->state;
	uint64_t now = rte_rdtsc();
	uint16_t taken = 0;

	lk_enter(node, objs, count);
	if (likely(!self->config.knows_due))
		taken = lk_delay_put(d, objs, count, now);
	else
		while (taken < count &&
		       lk_delay_put(d, objs + taken, 1, lk_came(self, objs[taken], now)) == 1)
			taken++;
	if (unlikely(taken < count))
		lk_pass(graph, node, LK_delay_full, objs + taken, (uint16_t)(count - taken));
	return count;
}

LK_NODE(delay, process, .state_bytes = sizeof(struct lk_delay), .open = lk_delay_open,
	.close = lk_delay_close)
