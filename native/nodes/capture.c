/* SPDX-License-Identifier: BSD-3-Clause */

/* A copy of every frame that matches goes to the capture's journal; the frame itself goes on. */
#include "capture.h"

#include <rte_cycles.h>

#include "node.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_capture *capture = lk_node_of(node)->config.capture;

	lk_enter(node, objs, count);
	rte_spinlock_lock(&capture->writing); /* of all lanes: the file is one */
	lk_capture_take(capture, objs, count, lk_clock_realtime_ns(rte_rdtsc()), 0);
	rte_spinlock_unlock(&capture->writing);
	lk_pass_all(graph, node, LK_next);
	return count;
}

LK_NODE(capture, process)
