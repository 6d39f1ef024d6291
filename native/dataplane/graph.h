/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_GRAPH_H
#define LK_GRAPH_H

#include <rte_graph.h>

#include "node.h"

#define LK_MAX_GRAPHS	  256
#define LK_MAX_PATH_NODES 1024

/* A lane of a path. */
struct lk_graph {
	struct rte_graph *graph;
	rte_graph_t id;
	unsigned int count;
	unsigned int places;	    /* nodes that the path declares */
	struct lk_graph *next_lane; /* of the same path */
	struct lk_node *nodes[LK_MAX_PATH_NODES];
	struct rte_node *counters[LK_MAX_PATH_NODES];
	struct rte_node *drops[LK_DROP_COUNT]; /* NULL: none of a kind's own that leads there */
};

extern struct lk_graph *lk_graphs[LK_MAX_GRAPHS]; /* NULL: the number is free */

struct rte_graph *lk_graph_get(int graph);
void lk_graph_is_walked_by(int graph, unsigned int lcore);

#endif
