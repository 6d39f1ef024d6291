/* SPDX-License-Identifier: BSD-3-Clause */
#include "node.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	(void)graph;
	lk_enter(node, objs, count);
	rte_pktmbuf_free_bulk((struct rte_mbuf **)objs, count);
	return count;
}

LK_NODE(sink, process)
