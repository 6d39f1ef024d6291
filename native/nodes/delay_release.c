/* SPDX-License-Identifier: BSD-3-Clause */

/* Lets go of the frames of a delay line when their time has come. */
#include <rte_cycles.h>

#include "delay.h"

#define AT_ONCE 256

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_delay *d = lk_node_of(node)->state;
	void *sent[AT_ONCE];
	uint16_t count;

	(void)objs;
	(void)unused;
	if (d->held == 0)
		return 0;
	RTE_PER_LCORE(lk_current_node) = node->id;
	RTE_PER_LCORE(lk_holds_frames) = 1;
	count = lk_delay_take(d, sent, AT_ONCE, rte_rdtsc());
	if (count > 0)
		lk_pass(graph, node, LK_next, sent, count);
	RTE_PER_LCORE(lk_activity) += count;
	return count;
}

LK_NODE(delay_release, process, .is_polled = 1)
