/* SPDX-License-Identifier: BSD-3-Clause */

/* Lets go of the frames of a flow limit whose tokens are there. */
#include <rte_cycles.h>

#include "flow_limit.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_flow_limit *f = lk_node_of(node)->state;
	void *gone[LK_FLOW_LIMIT_AT_ONCE];
	uint16_t count;

	(void)objs;
	(void)unused;
	if (f->held == 0)
		return 0;
	RTE_PER_LCORE(lk_current_node) = node->id;
	RTE_PER_LCORE(lk_activity)++; /* the next one may leave soon: no rest */
	count = lk_flow_limit_take(f, rte_rdtsc(), gone);
	if (count > 0)
		lk_pass(graph, node, LK_next, gone, count);
	return count;
}

LK_NODE(flow_limit_release, process, .is_polled = 1)
