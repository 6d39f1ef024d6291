/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_errno.h>
#include <rte_mbuf_dyn.h>

#include "node.h"

RTE_DEFINE_PER_LCORE(rte_node_t, lk_current_node) = RTE_NODE_ID_INVALID;
RTE_DEFINE_PER_LCORE(uint64_t, lk_activity);
RTE_DEFINE_PER_LCORE(int, lk_holds_frames);

struct lk_node *lk_node_by_id[LK_MAX_NODES];
uint64_t lk_of_python;
RTE_DEFINE_PER_LCORE(int, lk_python_sends);

static struct lk_node_kind *kinds;
static struct lk_node drop_nodes[LK_DROP_COUNT];
static int failure; /* why a node could not be registered */

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

/* Both are called when the module is loaded, where nobody could hear of a failure. */
void
lk_node_kind_add(struct lk_node_kind *kind)
{
	char name[RTE_NODE_NAMESIZE];

	if (lk_node_kind_find(kind->name) != NULL) {
		failure = -EEXIST;
		return;
	}
	snprintf(name, sizeof(name), "lk_%s", kind->name);
	kind->id = register_node(name, kind->process, kind->is_polled ? RTE_NODE_SOURCE_F : 0,
				 link_node);
	if (kind->id == RTE_NODE_ID_INVALID) {
		failure = -ENOMEM;
		return;
	}
	kind->next = kinds;
	kinds = kind;
}

int
lk_drop_node_add(unsigned int verdict, const char *name, rte_node_process_t process,
		 rte_node_init_t init)
{
	struct lk_node *self = &drop_nodes[verdict];

	self->id = register_node(name, process, 0, init);
	if (self->id >= LK_MAX_NODES) {
		failure = -ENOMEM;
		return -ENOMEM;
	}
	snprintf(self->name, sizeof(self->name), "%s", name);
	self->graph = -1;
	self->index = -1 - (int)verdict;
	lk_node_by_id[self->id] = self;
	return 0;
}

/* Once EAL has started. 0, or why a node is missing. */
int
lk_nodes_start(void)
{
	static const struct rte_mbuf_dynflag of_python = {.name = "labkit_of_python"};
	int bit = rte_mbuf_dynflag_register(&of_python);

	if (bit < 0)
		return -rte_errno;
	lk_of_python = RTE_BIT64(bit);
	return failure;
}

const char *
lk_node_kind(unsigned int index)
{
	const struct lk_node_kind *kind = kinds;

	while (kind != NULL && index-- > 0)
		kind = kind->next;
	return kind == NULL ? NULL : kind->name;
}

struct lk_node_kind *
lk_node_kind_find(const char *name)
{
	struct lk_node_kind *kind = kinds;

	while (kind != NULL && strcmp(kind->name, name) != 0)
		kind = kind->next;
	return kind;
}

rte_node_t
lk_drop_id(unsigned int verdict)
{
	return drop_nodes[verdict].id;
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
	node = aligned_alloc(__alignof__(*node), sizeof(*node));
	if (node == NULL) {
		rte_errno = ENOMEM;
		return NULL;
	}
	memset(node, 0, sizeof(*node));
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

	if (node->reader.position != 0) /* or the next inject would send its last frames again */
		lk_ring_read_up_to(node->config.ring, node->reader.position);
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
