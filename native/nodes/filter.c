/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames that match go on, others leave by `other`, or are dropped where nothing is behind it. */
#include "filter.h"

#include "node.h"

#define AT_ONCE 256

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	const struct lk_node_config *config = &lk_node_of(node)->config;
	enum lk_verdict otherwise = config->other < 0 ? LK_filter_rejected : LK_other;
	void *taken[AT_ONCE], *others[AT_ONCE];

	lk_enter(node, objs, count);
	for (uint16_t from = 0, i = 0; from < count; from = i) {
		uint16_t taken_count = 0, other_count = 0;

		for (; i < count && i - from < AT_ONCE; i++) {
			if (likely(i + 4 < count))
				rte_prefetch0(
					rte_pktmbuf_mtod((struct rte_mbuf *)objs[i + 4], void *));
			/* Both are written, and one counts: which is nothing that a CPU foresees.
			 */
			taken[taken_count] = others[other_count] = objs[i];
			if (lk_filter_takes(config->filter, objs[i]))
				taken_count++;
			else
				other_count++;
		}
		if (count <= AT_ONCE && taken_count == count) {
			lk_pass_all(graph, node, LK_next);
			return count;
		}
		if (count <= AT_ONCE && other_count == count) {
			lk_pass_all(graph, node, otherwise);
			return count;
		}
		if (taken_count > 0)
			lk_pass(graph, node, LK_next, taken, taken_count);
		if (other_count > 0)
			lk_pass(graph, node, otherwise, others, other_count);
	}
	return count;
}

LK_NODE(filter, process)
