/* SPDX-License-Identifier: BSD-3-Clause */

/* What comes to a host of a topology is copied for Python, once it has a port for that. */
#include "inject.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	const struct lk_node *self = lk_node_of(node);

	lk_enter(node, objs, count);
	if (self->config.ring != NULL)
		lk_show_python(self, objs, count);
	lk_pass_all(graph, node, LK_next);
	return count;
}

static void
change(struct lk_node *self)
{
	(void)self;
}

LK_NODE(host_hear, process, .change = change)
