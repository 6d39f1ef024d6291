/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Counters of a lane, and of a path as sums over its lanes: each is written by one worker, and
 * added up by who reads.
 */
#include <errno.h>

#include "graph.h"
#include "node.h"
#include "worker.h"

/* The lanes of a path, in their order: each is told the next one before it is walked. */
int
lk_graph_set_next(int graph, int next)
{
	if (lk_graph_get(graph) == NULL || lk_graph_get(next) == NULL)
		return -ENOENT;
	lk_graphs[graph]->next_lane = lk_graphs[next];
	return 0;
}

static void
add_counters(const struct lk_graph *g, struct lk_node_counters *nodes,
	     struct lk_drop_counters *drops)
{
	for (unsigned int i = 0; i < g->count; i++) {
		struct lk_node_counters *c = &nodes[g->nodes[i]->index];

		c->calls += g->counters[i]->total_calls;
		c->objects += g->counters[i]->total_objs;
		c->cycles += g->counters[i]->total_cycles;
	}
	for (int v = LK_FIRST_DROP; v < LK_DROP_COUNT; v++) {
		uint64_t measured;

		if (g->drops[v] == NULL)
			continue;
		memcpy(&measured, g->drops[v]->ctx, sizeof(measured));
		drops[v].frames += g->drops[v]->total_objs;
		drops[v].measured += measured;
	}
}

/* By declared node, of this lane alone. */
int
lk_graph_counters(int graph, struct lk_node_counters *nodes, struct lk_drop_counters *drops)
{
	if (lk_graph_get(graph) == NULL)
		return -ENOENT;
	memset(nodes, 0, lk_graphs[graph]->places * sizeof(*nodes));
	memset(drops, 0, LK_DROP_COUNT * sizeof(*drops));
	add_counters(lk_graphs[graph], nodes, drops);
	return 0;
}

/* The same of this lane and all that follow it. */
int
lk_path_counters(int graph, struct lk_node_counters *nodes, struct lk_drop_counters *drops)
{
	int rc = lk_graph_counters(graph, nodes, drops);

	if (rc != 0)
		return rc;
	for (const struct lk_graph *g = lk_graphs[graph]->next_lane; g != NULL; g = g->next_lane)
		add_counters(g, nodes, drops);
	return 0;
}

static void
add_left(const struct lk_graph *g, unsigned int place, uint64_t *left)
{
	for (unsigned int i = 0; i < g->count; i++)
		for (int v = 0; g->nodes[i]->index == (int)place && v < LK_EDGE_COUNT; v++)
			left[v] += g->nodes[i]->left[v];
}

/* Frames that left a declared node, by edge; -ENOENT: there is no such node. */
int
lk_graph_left(int graph, unsigned int place, uint64_t *left)
{
	if (lk_graph_get(graph) == NULL || place >= lk_graphs[graph]->places)
		return -ENOENT;
	memset(left, 0, LK_EDGE_COUNT * sizeof(*left));
	add_left(lk_graphs[graph], place, left);
	return 0;
}

/* The same of this lane and all that follow it. */
int
lk_path_left(int graph, unsigned int place, uint64_t *left)
{
	int rc = lk_graph_left(graph, place, left);

	if (rc != 0)
		return rc;
	for (const struct lk_graph *g = lk_graphs[graph]->next_lane; g != NULL; g = g->next_lane)
		add_left(g, place, left);
	return 0;
}

/* What nodes that read a port have taken off one of its queues, in this lane. */
uint64_t
lk_graph_received(int graph, uint16_t port, uint16_t queue)
{
	const struct lk_graph *g = lk_graph_get(graph) == NULL ? NULL : lk_graphs[graph];
	uint64_t frames = 0;

	for (unsigned int i = 0; g != NULL && i < g->count; i++) {
		const struct lk_node_config *c = &g->nodes[i]->config;

		if (c->port == port && c->queue == queue && lk_node_kind_find(c->kind)->reads_port)
			frames += g->counters[i]->total_objs;
	}
	return frames;
}

/* Of a lane: frames that its sources brought in, frames dropped, cycles of all its nodes. */
int
lk_graph_lane(int graph, struct lk_recorded_lane *lane)
{
	const struct lk_graph *g = lk_graph_get(graph) == NULL ? NULL : lk_graphs[graph];

	memset(lane, 0, sizeof(*lane));
	if (g == NULL)
		return -ENOENT;
	for (unsigned int i = 0; i < g->count; i++) {
		const struct lk_node_config *c = &g->nodes[i]->config;

		/* What impair has let go came in by another source. */
		if (lk_node_kind_find(c->kind)->is_polled && c->impair == NULL)
			lane->frames += g->counters[i]->total_objs;
		lane->cycles += g->counters[i]->total_cycles;
	}
	for (int v = LK_FIRST_DROP; v < LK_DROP_COUNT; v++)
		lane->drops += g->drops[v] == NULL ? 0 : g->drops[v]->total_objs;
	return 0;
}

static struct lk_node *
node_with_state(int graph, unsigned int place)
{
	const struct lk_graph *g = lk_graph_get(graph) == NULL ? NULL : lk_graphs[graph];

	for (unsigned int i = 0; g != NULL && i < g->count; i++)
		if (g->nodes[i]->index == (int)place && g->nodes[i]->config.state_of < 0)
			return g->nodes[i];
	return NULL;
}

/* The counters of a declared node with state; NULL: it has none of its own here. */
const uint64_t *
lk_graph_state(int graph, unsigned int place)
{
	const struct lk_node *node = node_with_state(graph, place);

	return node == NULL ? NULL : node->state;
}

/*
 * What has to be done before these are read and nobody else does, where no frames come. By the
 * command thread alone: a recorder, which must not let workers stand still, reads what there is.
 */
void
lk_graph_refresh(int graph, unsigned int place)
{
	struct lk_node *node = node_with_state(graph, place);
	const struct lk_node_kind *kind =
		node == NULL ? NULL : lk_node_kind_find(node->config.kind);

	if (kind != NULL && kind->refresh != NULL)
		kind->refresh(node);
}

/* Rows of the table that a declared node keeps; see struct lk_node_kind. -ENOENT: it keeps none. */
int
lk_graph_rows(int graph, unsigned int place, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	const struct lk_graph *g = lk_graph_get(graph) == NULL ? NULL : lk_graphs[graph];

	for (unsigned int i = 0; g != NULL && i < g->count; i++) {
		const struct lk_node_kind *kind = lk_node_kind_find(g->nodes[i]->config.kind);
		uint32_t count;

		if (g->nodes[i]->index != (int)place || kind->rows == NULL)
			continue;
		lk_workers_pause();
		count = kind->rows(g->nodes[i], cursor, rows, room);
		lk_workers_resume();
		return (int)count;
	}
	return -ENOENT;
}

/* Empties that table. -ENOENT: the node keeps none, or one that is not to be emptied. */
int
lk_graph_clear(int graph, unsigned int place)
{
	const struct lk_graph *g = lk_graph_get(graph) == NULL ? NULL : lk_graphs[graph];

	for (unsigned int i = 0; g != NULL && i < g->count; i++) {
		const struct lk_node_kind *kind = lk_node_kind_find(g->nodes[i]->config.kind);

		if (g->nodes[i]->index != (int)place || kind->clear == NULL)
			continue;
		lk_workers_pause();
		kind->clear(g->nodes[i]);
		lk_workers_resume();
		return 0;
	}
	return -ENOENT;
}

/*
 * Gives a declared node the values, port and ring of another configuration; lcore: its worker's.
 * -EOPNOTSUPP: its kind cannot be changed.
 */
int
lk_graph_change(int graph, unsigned int place, const struct lk_node_config *config,
		unsigned int lcore)
{
	const struct lk_graph *g = lk_graph_get(graph) == NULL ? NULL : lk_graphs[graph];

	for (unsigned int i = 0; g != NULL && i < g->count; i++) {
		struct lk_node *node = g->nodes[i];
		const struct lk_node_kind *kind = lk_node_kind_find(node->config.kind);

		if (node->index != (int)place)
			continue;
		if (kind->change == NULL)
			return -EOPNOTSUPP;
		lk_workers_pause();
		memcpy(node->config.values, config->values, sizeof(config->values));
		node->config.port = config->port;
		node->config.ring = config->ring;
		kind->change(node);
		lk_graph_is_walked_by(graph, lcore);
		lk_workers_resume();
		return 0;
	}
	return -ENOENT;
}
