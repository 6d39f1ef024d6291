/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames of a flow wait here for its tokens; flow_limit_release lets them go. */
#include <rte_cycles.h>

#include "due.h"
#include "flow_limit.h"

/* What has its tokens by now goes before what comes now, which may be of the same flow. */
static void
let_go(struct rte_graph *graph, struct rte_node *node, struct lk_flow_limit *f, uint64_t now)
{
	void *gone[LK_FLOW_LIMIT_AT_ONCE];
	uint16_t count;

	while (f->waiting.length > 0 && (count = lk_flow_limit_take(f, now, gone)) > 0)
		lk_pass(graph, node, LK_next, gone, count);
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	const struct lk_node *self = lk_node_of(node);
	struct lk_flow_limit *f = self->state;
	uint64_t now = rte_rdtsc();
	uint16_t kept = 0;

	lk_enter(node, objs, count);
	let_go(graph, node, f, now);
	for (uint16_t i = 0; i < 4 && i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i], void *));
	for (uint16_t i = 0; i < count; i++) {
		enum lk_verdict verdict;

		if (likely(i + 4 < count))
			rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i + 4], void *));
		verdict = lk_flow_limit_put(f, objs[i], lk_came(self, objs[i], now));
		if (verdict == LK_next)
			objs[kept++] = objs[i];
		else if (verdict != LK_other)
			lk_pass_one(graph, node, verdict, objs[i]);
	}
	if (likely(kept == count))
		lk_pass_all(graph, node, LK_next);
	else if (kept > 0)
		lk_pass(graph, node, LK_next, objs, kept);
	return count;
}

LK_NODE(flow_limit, process, .state_bytes = sizeof(struct lk_flow_limit),
	.open = lk_flow_limit_open, .close = lk_flow_limit_close)
