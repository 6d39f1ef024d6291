/* SPDX-License-Identifier: BSD-3-Clause */

/* A copy of every frame that matches goes to the capture's journal; the frame itself goes on. */
#include "capture.h"

#include <rte_cycles.h>

#include "filter.h"
#include "node.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_capture *capture = lk_node_of(node)->config.capture;
	const struct lk_filter *filter = lk_node_of(node)->config.filter;
	uint64_t now = lk_clock_realtime_ns(rte_rdtsc());

	lk_enter(node, objs, count);
	if (filter == NULL)
		lk_capture_take(capture, objs, count, now, 0);
	for (uint16_t i = 0; filter != NULL && i < count; i++)
		if (lk_filter_takes(filter, objs[i]))
			lk_capture_take(capture, &objs[i], 1, now, 0);
	lk_pass_all(graph, node, LK_next);
	return count;
}

LK_NODE(capture, process)
