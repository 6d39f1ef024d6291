/* SPDX-License-Identifier: BSD-3-Clause */

/* Lets go of the frames of a shaper whose tokens are there. */
#include "shaper.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_shaper *s = lk_node_of(node)->state;
	void *gone[LK_SHAPER_AT_ONCE];
	uint16_t count, all = 0;
	uint64_t now;

	(void)objs;
	(void)unused;
	if (s->held == 0)
		return 0;
	RTE_PER_LCORE(lk_current_node) = node->id;
	RTE_PER_LCORE(lk_activity)++; /* the next one may leave soon: no rest */
	now = rte_rdtsc();
	do {
		count = lk_shaper_take(s, now, gone);
		if (count > 0)
			lk_pass(graph, node, LK_next, gone, count);
		all = (uint16_t)(all + count);
	} while (count == LK_SHAPER_AT_ONCE && all < UINT16_MAX / 2);
	return all;
}

LK_NODE(shaper_release, process, .is_polled = 1)
