/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_errno.h>

#include "node.h"
#include "nodes.h"
#include "signature.h"
#include "trial.h"

RTE_DEFINE_PER_LCORE(rte_node_t, lk_current_node) = RTE_NODE_ID_INVALID;
RTE_DEFINE_PER_LCORE(uint64_t, lk_activity);

struct lk_node *lk_node_by_id[LK_MAX_NODES];

/* A node added to labkit is a file in nodes/, a line in nodes/nodes.h and a line here. */
struct lk_node_kind *const lk_node_kinds[] = {
	&lk_rx,
	&lk_tx,
	&lk_inject,
	&lk_collect,
	&lk_capture_node,
	&lk_arp_node,
	&lk_nd_node,
	&lk_icmp_node,
	&lk_udp_echo_node,
	&lk_refuse_node,
	&lk_reflect_node,
	&lk_encap_node,
	&lk_decap_node,
	&lk_sink,
	&lk_probe_send,
	&lk_probe_receive,
	&lk_generate,
	&lk_receive,
	&lk_impair_node,
	&lk_impair_release_node,
};

static rte_node_t drop_ids[LK_VERDICT_COUNT];
static struct lk_node drop_nodes[LK_VERDICT_COUNT];

static const char *const drop_names[LK_VERDICT_COUNT] = {
#define LK_DROP_NAME(name, sentence, source) "drop_" #name,
	LK_VERDICTS(LK_DROP_NAME)
#undef LK_DROP_NAME
};

/*
 * One process function for all drop nodes. How many of the dropped frames were measured ones is
 * counted in the node's context: the ledger of a trial must not mix them with other traffic.
 */
static uint16_t
drop_process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_signature signature;
	int is_refusal = node->id == drop_ids[LK_tx_full] || node->id == drop_ids[LK_tx_too_long] ||
			 node->id == drop_ids[LK_tx_unplugged];
	uint64_t measured;

	lk_enter(node, objs, count);
	memcpy(&measured, node->ctx, sizeof(measured));
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];

		if (is_refusal)
			lk_trial_refused(graph, m);
		measured += (uint64_t)lk_read_signature(rte_pktmbuf_mtod(m, const uint8_t *),
							m->data_len, &signature);
	}
	memcpy(node->ctx, &measured, sizeof(measured));
	rte_pktmbuf_free_bulk((struct rte_mbuf **)objs, count);
	return count;
}

static int
clear_drop(const struct rte_graph *graph, struct rte_node *node)
{
	(void)graph;
	memset(node->ctx, 0, sizeof(node->ctx));
	return 0;
}

static int
link_node(const struct rte_graph *graph, struct rte_node *node)
{
	struct lk_node *self = lk_node_by_id[node->id];

	(void)graph;
	memcpy(node->ctx, &self, sizeof(self));
	return 0;
}

static rte_node_t
register_node(const char *name, rte_node_process_t process, uint64_t flags, rte_node_init_t init)
{
	/* rte_node_register copies the name and the edges. */
	struct rte_node_register *node = calloc(1, sizeof(*node));
	rte_node_t id;

	if (node == NULL)
		return RTE_NODE_ID_INVALID;
	snprintf(node->name, sizeof(node->name), "%s", name);
	node->process = process;
	node->flags = flags;
	node->init = init;
	node->parent_id = RTE_NODE_ID_INVALID;
	id = __rte_node_register(node);
	free(node);
	return id;
}

int
lk_nodes_register(void)
{
	unsigned int i;

	for (i = LK_FIRST_DROP; i < LK_VERDICT_COUNT; i++) {
		struct lk_node *self = &drop_nodes[i];

		drop_ids[i] = register_node(drop_names[i], drop_process, 0, clear_drop);
		if (drop_ids[i] >= LK_MAX_NODES)
			return -ENOMEM;
		snprintf(self->name, sizeof(self->name), "%s", drop_names[i]);
		self->id = drop_ids[i];
		self->graph = -1;
		self->index = -1 - (int)i;
		lk_node_by_id[self->id] = self;
	}
	for (i = 0; i < RTE_DIM(lk_node_kinds); i++) {
		struct lk_node_kind *kind = lk_node_kinds[i];
		char name[RTE_NODE_NAMESIZE];

		snprintf(name, sizeof(name), "lk_%s", kind->name);
		kind->id = register_node(name, kind->process,
					 kind->is_polled ? RTE_NODE_SOURCE_F : 0, link_node);
		if (kind->id == RTE_NODE_ID_INVALID)
			return -ENOMEM;
	}
	return 0;
}

const char *
lk_node_kind(unsigned int index)
{
	return index < RTE_DIM(lk_node_kinds) ? lk_node_kinds[index]->name : NULL;
}

struct lk_node_kind *
lk_node_kind_find(const char *name)
{
	for (unsigned int i = 0; i < RTE_DIM(lk_node_kinds); i++)
		if (strcmp(lk_node_kinds[i]->name, name) == 0)
			return lk_node_kinds[i];
	return NULL;
}

rte_node_t
lk_drop_id(enum lk_verdict verdict)
{
	return drop_ids[verdict];
}

/* A clone of the kind that no path uses. NULL: rte_errno tells why. */
struct lk_node *
lk_node_take(struct lk_node_kind *kind)
{
	struct lk_node *node = kind->free;
	char name[16];

	if (node != NULL) {
		kind->free = node->next_free;
		return node;
	}
	snprintf(name, sizeof(name), "%u", kind->clones);
	node = calloc(1, sizeof(*node));
	if (node == NULL) {
		rte_errno = ENOMEM;
		return NULL;
	}
	node->id = rte_node_clone(kind->id, name);
	if (node->id >= LK_MAX_NODES) {
		free(node);
		rte_errno = ENOSPC;
		return NULL;
	}
	kind->clones++;
	lk_node_by_id[node->id] = node;
	return node;
}

void
lk_node_give_back(struct lk_node *node)
{
	struct lk_node_kind *kind = lk_node_kind_find(node->config.kind);

	memset(&node->reader, 0, sizeof(node->reader));
	node->next_free = kind->free;
	kind->free = node;
}

/* Called from a signal handler: reads memory only. */
const char *
lk_node_at_work(void)
{
	rte_node_t id = RTE_PER_LCORE(lk_current_node);

	return id < LK_MAX_NODES && lk_node_by_id[id] != NULL ? lk_node_by_id[id]->name : NULL;
}
