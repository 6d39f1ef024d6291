/* SPDX-License-Identifier: BSD-3-Clause */

/* Lets go of frames that impair holds back when nothing comes that could pass them. */
#include <rte_cycles.h>

#include "impair.h"
#include "node.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_impair *impair = lk_node_of(node)->config.impair;
	uint64_t held = impair->counts.held;
	struct lk_out out;

	(void)objs;
	(void)unused;
	if (held == 0)
		return 0;
	RTE_PER_LCORE(lk_current_node) = node->id;
	RTE_PER_LCORE(lk_holds_frames) = 1;
	out.graph = graph;
	out.node = node;
	out.count = 0;
	lk_impair_release(impair, rte_rdtsc(), &out);
	lk_out_send(&out);
	return (uint16_t)(held - impair->counts.held);
}

LK_NODE(impair_release, process, .is_polled = 1)
