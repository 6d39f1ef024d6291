/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The drop nodes: one for every reason in verdict.h, and for every one that nodes of users' own
 * bring along, all of one process function. How many of the dropped frames were measured ones is
 * counted in the node's context: the ledger of a trial must not mix them with other traffic.
 */
#include <errno.h>
#include <stdio.h>

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

static char own_names[LK_OWN_DROP_NODES][64];
static unsigned int own_count;

/* A reason of a kind's own, the number'th; kinds with the same name for it share the drop node.
 * Returns the number of the node among these. */
int
lk_own_drop(const char *kind, unsigned int number, const char *name)
{
	struct lk_node_kind *found = lk_node_kind_find(kind);
	unsigned int slot = 0;
	int rc = 0;

	while (slot < own_count && strcmp(own_names[slot], name) != 0)
		slot++;
	if (found == NULL || number >= LK_MAX_OWN_DROPS)
		return -EINVAL;
	if (slot == LK_OWN_DROP_NODES)
		return -ENOSPC;
	if (slot == own_count) {
		rc = lk_drop_node_add(LK_VERDICT_COUNT + slot, name, process, clear);
		snprintf(own_names[slot], sizeof(own_names[slot]), "%s", name);
		own_count += rc == 0;
	}
	found->own_drops[number] = (uint16_t)(LK_VERDICT_COUNT + slot);
	found->own_drop_count = RTE_MAX(found->own_drop_count, number + 1);
	return rc == 0 ? (int)slot : rc;
}

RTE_INIT(lk_register_drop_nodes)
{
	for (unsigned int v = LK_FIRST_DROP; v < LK_VERDICT_COUNT; v++)
		lk_drop_node_add(v, names[v], process, clear);
}
