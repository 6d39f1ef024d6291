/* SPDX-License-Identifier: BSD-3-Clause */

/* Where a path says what the driver of a port's NIC tells of its nodes (told.c). */
#include "node.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	lk_enter(node, objs, count);
	lk_pass_all(graph, node, LK_next);
	return count;
}

LK_NODE(driver, process)
