/* SPDX-License-Identifier: BSD-3-Clause */

/* Lets go of the frames of a queue when the link has sent them. */
#include <rte_cycles.h>

#include "queue.h"

#define AT_ONCE 256

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_queue *q = lk_node_of(node)->state;
	uint64_t now;
	void *sent[AT_ONCE];
	uint16_t count = 0, gone = 0;

	(void)objs;
	(void)unused;
	if (q->held == 0)
		return 0;
	RTE_PER_LCORE(lk_current_node) = node->id;
	RTE_PER_LCORE(lk_holds_frames) = 1;
	if (q->gone_count > 0) {
		void *left[LK_QUEUE_GONE];
		uint16_t left_count = lk_queue_gone(q, (struct rte_mbuf **)left);

		lk_pass(graph, node, LK_next, left, left_count);
		RTE_PER_LCORE(lk_activity) += left_count;
	}
	now = rte_rdtsc();
	while (count < AT_ONCE && gone < AT_ONCE) {
		enum lk_verdict verdict;
		struct rte_mbuf *m = lk_queue_take(q, now, &verdict);

		if (m == NULL)
			break;
		if (verdict == LK_next) {
			sent[count++] = m;
		} else {
			lk_pass_one(graph, node, verdict, m);
			gone++;
		}
	}
	if (count > 0)
		lk_pass(graph, node, LK_next, sent, count);
	RTE_PER_LCORE(lk_activity) += (uint64_t)count + gone;
	return (uint16_t)(count + gone);
}

LK_NODE(queue_release, process, .is_polled = 1)
