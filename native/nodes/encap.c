/* SPDX-License-Identifier: BSD-3-Clause */
#include "encap.h"
#include "nodes.h"

static enum lk_verdict
handle(struct lk_frame *frame, struct lk_node *self)
{
	return lk_encap(frame, &self->config.tunnel);
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	return lk_each_frame(graph, node, objs, count, handle);
}

struct lk_node_kind lk_encap_node = {.name = "encap", .process = process};
