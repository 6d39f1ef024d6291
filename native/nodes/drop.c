/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The drop nodes: one for every reason in verdict.h, all of one process function. How many of the
 * dropped frames were measured ones is counted in the node's context: the ledger of a trial must
 * not mix them with other traffic.
 */
#include "node.h"
#include "signature.h"
#include "trial.h"

static const char *const names[LK_VERDICT_COUNT] = {
#define LK_DROP_NAME(name, sentence, source) "drop_" #name,
	LK_VERDICTS(LK_DROP_NAME)
#undef LK_DROP_NAME
};

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	int verdict = -1 - lk_node_by_id[node->id]->index;
	int is_refusal = verdict >= LK_tx_too_long && verdict <= LK_tx_unplugged;
	struct lk_signature signature;
	uint64_t measured;

	lk_enter(node, objs, count);
	memcpy(&measured, node->ctx, sizeof(measured));
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];

		if (is_refusal)
			lk_trial_refused(graph, m);
		measured += (uint64_t)lk_signature_of(rte_pktmbuf_mtod(m, const uint8_t *),
						      m->data_len, &signature);
	}
	memcpy(node->ctx, &measured, sizeof(measured));
	rte_pktmbuf_free_bulk((struct rte_mbuf **)objs, count);
	return count;
}

static int
clear(const struct rte_graph *graph, struct rte_node *node)
{
	(void)graph;
	memset(node->ctx, 0, sizeof(node->ctx));
	return 0;
}

RTE_INIT(lk_register_drop_nodes)
{
	for (unsigned int v = LK_FIRST_DROP; v < LK_VERDICT_COUNT; v++)
		lk_drop_node_add((enum lk_verdict)v, names[v], process, clear);
}
