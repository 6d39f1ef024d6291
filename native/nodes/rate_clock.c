/* SPDX-License-Identifier: BSD-3-Clause */

/* Ends the windows of a gauge while nothing passes it. */
#include "rate.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	(void)graph;
	(void)objs;
	(void)count;
	lk_rate_look(lk_node_of(node)->state, rte_rdtsc());
	return 0;
}

LK_NODE(rate_clock, process, .is_polled = 1)
