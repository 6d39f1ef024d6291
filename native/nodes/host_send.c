/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames that Python sends from a host of a topology, once it has a port for that. */
#include "inject.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	return lk_node_of(node)->config.ring == NULL ? 0 : lk_inject(graph, node, objs, unused);
}

static void
change(struct lk_node *self)
{
	memset(&self->reader, 0, sizeof(self->reader));
}

LK_NODE(host_send, process, .is_polled = 1, .change = change)
