/* SPDX-License-Identifier: BSD-3-Clause */

/* The far end of a wire: frames that have come over it, with its number in m->port. */
#include <rte_cycles.h>

#include "wire.h"

#define AT_ONCE 128

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_wire *w = lk_node_of(node)->state;
	uint16_t count = 0;
	uint64_t now;

	(void)objs;
	(void)unused;
	if (w->held == 0)
		return 0;
	RTE_PER_LCORE(lk_current_node) = node->id;
	RTE_PER_LCORE(lk_activity)++; /* the next one may come soon: no rest */
	now = rte_rdtsc();
	while (count < AT_ONCE && (node->objs[count] = lk_wire_take(w, now)) != NULL)
		count++;
	if (likely(w->is_up))
		return lk_source_done(graph, node, count, 1);
	lk_pass(graph, node, LK_wire_down, node->objs, count);
	return count;
}

LK_NODE(wire_end, process, .is_polled = 1)
