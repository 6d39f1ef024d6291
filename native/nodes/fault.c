/* SPDX-License-Identifier: BSD-3-Clause */

/* Where a path says that the NIC behind it is sick: the port that its frames go to is (sick.h). */
#include "node.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	lk_enter(node, objs, count);
	lk_pass_all(graph, node, LK_next);
	return count;
}

LK_NODE(fault, process)
