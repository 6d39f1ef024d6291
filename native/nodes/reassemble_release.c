/* SPDX-License-Identifier: BSD-3-Clause */

/* Gives up packets whose fragments do not come. */
#include <rte_cycles.h>

#include "reassembly.h"

#define AT_ONCE 64 /* packets */

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_reassembly *r = lk_node_of(node)->state;
	struct lk_waiting_packet *p;
	uint64_t now;
	uint16_t gone = 0;

	(void)objs;
	(void)unused;
	if (r->held == 0)
		return 0;
	RTE_PER_LCORE(lk_current_node) = node->id;
	now = rte_rdtsc();
	for (int i = 0; i < AT_ONCE && (p = lk_reassembly_late(r, now)) != NULL; i++) {
		for (uint32_t n = 0; n < p->count; n++)
			lk_pass_one(graph, node, LK_reassemble_timeout, p->parts[n].m);
		gone += (uint16_t)p->count;
		lk_reassembly_remove(r, p);
	}
	return gone;
}

LK_NODE(reassemble_release, process, .is_polled = 1)
