/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A lane of a path becomes one rte_graph: clones of the node kinds, wired by verdict, and all drop
 * nodes. Lanes share nothing that a worker writes; whoever reads counters of a path adds them up.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_errno.h>

#include "graph.h"
#include "node.h"
#include "port.h"
#include "sick.h"

struct lk_graph *lk_graphs[LK_MAX_GRAPHS];

/* How many nodes read a queue of a cable. */
static void
count_reader(const struct lk_node_config *config, uint32_t change)
{
	if (config->queue < LK_MAX_RING_QUEUES)
		atomic_fetch_add(&lk_ports[config->port].rx_nodes[config->queue], change);
}

static void
free_state(struct lk_node *node)
{
	const struct lk_node_kind *kind = lk_node_kind_find(node->config.kind);

	if (node->state != NULL && node->config.state_of < 0) {
		lk_told_leave(node->state, kind->state_bytes);
		if (kind->close != NULL)
			kind->close(node);
		free(node->state);
	}
	node->state = NULL;
}

static void
release(struct lk_graph *g)
{
	for (unsigned int i = 0; i < g->count; i++) {
		const struct lk_node_config *config = &g->nodes[i]->config;

		free_state(g->nodes[i]);

		if (lk_node_kind_find(config->kind)->reads_port)
			count_reader(config, UINT32_MAX); /* one less */
		lk_node_give_back(g->nodes[i]);
	}
	free(g);
}

static const char *
edge_name(const struct lk_graph *g, int target)
{
	return rte_node_id_to_name(target < 0 ? lk_drop_id(LK_unhandled) : g->nodes[target]->id);
}

/* Edge n of every node is where verdict n leads. */
static int
wire(const struct lk_graph *g, const struct lk_node *node)
{
	const char *edges[LK_EDGE_COUNT];
	const struct lk_node_kind *kind = lk_node_kind_find(node->config.kind);
	rte_edge_t count = LK_FIRST_OWN_DROP, made;

	edges[LK_next] = edge_name(g, node->config.next);
	edges[LK_other] = edge_name(g, node->config.other);
	for (int v = LK_FIRST_DROP; v < LK_VERDICT_COUNT; v++)
		edges[v] = rte_node_id_to_name(lk_drop_id((enum lk_verdict)v));
	for (int i = 0; i < LK_MAX_OUTPUTS; i++)
		edges[LK_OUTPUT(i)] = edge_name(g, node->config.outputs[i]);
	for (unsigned int i = 0; i < kind->own_drop_count; i++)
		edges[count++] = rte_node_id_to_name(lk_drop_id(kind->own_drops[i]));
	/* A clone that was used before already has as many edges, and they are overwritten. */
	made = rte_node_edge_update(node->id, 0, edges, count);
	return made == count ? 0 : -EINVAL;
}

static int
take_nodes(struct lk_graph *g, const struct lk_node_config *configs, unsigned int count, int index)
{
	for (unsigned int i = 0; i < count; i++) {
		struct lk_node_kind *kind = lk_node_kind_find(configs[i].kind);
		struct lk_node *node = kind == NULL ? NULL : lk_node_take(kind);

		if (node == NULL)
			return kind == NULL ? -ENOENT : -rte_errno;
		node->config = configs[i];
		memset(node->left, 0, sizeof(node->left));
		node->state = NULL;
		node->config.kind = kind->name;
		snprintf(node->name, sizeof(node->name), "%s", configs[i].name);
		node->config.name = node->name;
		node->graph = index;
		node->index = configs[i].place;
		g->nodes[g->count++] = node;
		if (kind->reads_port)
			count_reader(&node->config, 1);
	}
	for (unsigned int i = 0; i < count; i++) {
		int rc = wire(g, g->nodes[i]);

		if (rc != 0)
			return rc;
	}
	return 0;
}

static int
make_states(struct lk_graph *g)
{
	for (unsigned int i = 0; i < g->count; i++) {
		struct lk_node *node = g->nodes[i];
		const struct lk_node_kind *kind = lk_node_kind_find(node->config.kind);
		size_t lines = RTE_ALIGN_CEIL(kind->state_bytes, RTE_CACHE_LINE_SIZE);
		int rc;

		if (kind->state_bytes == 0)
			continue;
		node->state = aligned_alloc(RTE_CACHE_LINE_SIZE, lines);
		if (node->state == NULL)
			return -ENOMEM;
		memset(node->state, 0, lines);
		rc = kind->open == NULL ? 0 : kind->open(node);
		if (rc != 0)
			return rc;
	}
	for (unsigned int i = 0; i < g->count; i++)
		if (g->nodes[i]->config.state_of >= 0)
			g->nodes[i]->state = g->nodes[g->nodes[i]->config.state_of]->state;
	return 0;
}

static int
create(struct lk_graph *g, const char *name)
{
	const char *patterns[LK_MAX_PATH_NODES];
	struct rte_graph_param param = {.socket_id = SOCKET_ID_ANY, .node_patterns = patterns};

	for (unsigned int i = 0; i < g->count; i++)
		patterns[i] = rte_node_id_to_name(g->nodes[i]->id);
	param.nb_node_patterns = (uint16_t)g->count;
	g->id = rte_graph_create(name, &param);
	if (g->id == RTE_GRAPH_ID_INVALID)
		return rte_errno > 0 ? -rte_errno : -EINVAL;
	g->graph = rte_graph_lookup(name);
	for (unsigned int i = 0; i < g->count; i++)
		g->counters[i] = rte_graph_node_get(g->id, g->nodes[i]->id);
	for (unsigned int v = LK_FIRST_DROP; v < LK_VERDICT_COUNT; v++)
		g->drops[v] = rte_graph_node_get(g->id, lk_drop_id(v));
	for (unsigned int i = 0; i < g->count; i++) {
		const struct lk_node_kind *kind = lk_node_kind_find(g->nodes[i]->config.kind);

		for (unsigned int k = 0; k < kind->own_drop_count; k++)
			g->drops[kind->own_drops[k]] =
				rte_graph_node_get(g->id, lk_drop_id(kind->own_drops[k]));
	}
	return 0;
}

int
lk_graph_create(const char *name, const struct lk_node_config *nodes, unsigned int count,
		unsigned int places)
{
	struct lk_graph *g;
	int index = 0, rc;

	while (index < LK_MAX_GRAPHS && lk_graphs[index] != NULL)
		index++;
	if (index == LK_MAX_GRAPHS || count > LK_MAX_PATH_NODES)
		return -ENOSPC;
	g = calloc(1, sizeof(*g));
	if (g == NULL)
		return -ENOMEM;
	g->places = places;
	rc = take_nodes(g, nodes, count, index);
	if (rc == 0)
		rc = make_states(g);
	if (rc == 0)
		rc = create(g, name);
	if (rc != 0) {
		release(g);
		return rc;
	}
	lk_graphs[index] = g;
	return index;
}

/* Whose bell to ring for what the graph reads. */
void
lk_graph_is_walked_by(int graph, unsigned int lcore)
{
	const struct lk_graph *g = lk_graphs[graph];

	for (unsigned int i = 0; i < g->count; i++) {
		const struct lk_node_config *config = &g->nodes[i]->config;
		const struct lk_node_kind *kind = lk_node_kind_find(config->kind);

		if (kind->reads_port && config->queue < LK_MAX_RING_QUEUES)
			atomic_store(&lk_ports[config->port].rx_walkers[config->queue], lcore + 1);
		if (kind->is_polled && config->ring != NULL)
			atomic_store(&config->ring->walker, lcore + 1);
	}
}

struct rte_graph *
lk_graph_get(int graph)
{
	return graph >= 0 && graph < LK_MAX_GRAPHS && lk_graphs[graph] != NULL
		       ? lk_graphs[graph]->graph
		       : NULL;
}

/* The graph must not be on a worker any more. */
int
lk_graph_destroy(int graph)
{
	int rc;

	if (lk_graph_get(graph) == NULL)
		return -ENOENT;
	rc = rte_graph_destroy(lk_graphs[graph]->id);
	if (rc != 0)
		return rte_errno > 0 ? -rte_errno : -EINVAL;
	release(lk_graphs[graph]);
	lk_graphs[graph] = NULL;
	return 0;
}
