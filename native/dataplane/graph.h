/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_GRAPH_H
#define LK_GRAPH_H

#define LK_MAX_GRAPHS 256

struct rte_graph;

struct rte_graph *lk_graph_get(int graph);
void lk_graph_is_walked_by(int graph, unsigned int lcore);

#endif
