/* SPDX-License-Identifier: BSD-3-Clause */

/* Sends each frame out of the output of the first class that it is of; others go on. */
#include "node.h"
#include "traffic_class.h"

#define CLASS_BITS 4 /* of a class in the parameter that has them in their order, from 1 on */

enum { ORDER, RESOLVER };

static enum lk_verdict
handle(struct lk_frame *frame, struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	uint32_t classes =
		lk_classes_of(frame->data, frame->length, (uint32_t)values[RESOLVER].whole);
	unsigned int number = 0;

	for (uint64_t order = (uint64_t)values[ORDER].whole; order != 0; order >>= CLASS_BITS) {
		if (classes >> ((order & ((1u << CLASS_BITS) - 1)) - 1) & 1)
			return LK_OUTPUT(number);
		number++;
	}
	return LK_next;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	return lk_each_frame(graph, node, objs, count, handle);
}

LK_NODE(classify, process)
