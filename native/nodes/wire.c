/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames enter one direction of a link here and come out of its wire_end. */
#include <rte_cycles.h>

#include "wire.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_wire *w = lk_node_of(node)->state;
	uint64_t now = rte_rdtsc();

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < count; i++) {
		enum lk_verdict verdict = lk_wire_put(w, objs[i], now);

		if (unlikely(verdict != LK_next))
			lk_pass_one(graph, node, verdict, objs[i]);
	}
	return count;
}

LK_NODE(wire, process, .state_bytes = sizeof(struct lk_wire), .open = lk_wire_open,
	.close = lk_wire_close, .change = lk_wire_change)
