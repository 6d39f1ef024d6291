/* SPDX-License-Identifier: BSD-3-Clause */

/* Headers go with the descriptor in a NIC's low-latency queue: those that do not fit are dropped.
 */
#include "header_length.h"
#include "node.h"

struct header_limit {
	uint64_t passed, dropped, notified, longest; /* counters */
};

static enum lk_verdict
judge(struct header_limit *l, const uint8_t *frame, uint32_t length, int64_t limit)
{
	uint32_t headers = lk_header_length(frame, length);

	l->longest = RTE_MAX(l->longest, headers);
	if (likely(headers <= (uint64_t)limit)) {
		l->passed++;
		return LK_next;
	}
	l->dropped++;
	l->notified = 1; /* a device says so once, when it sees the first one */
	return LK_header_too_long;
}

static enum lk_verdict
handle(struct lk_frame *frame, struct lk_node *self)
{
	return judge(self->state, frame->data, frame->length, self->config.values[0].whole);
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	return lk_each_frame(graph, node, objs, count, handle);
}

LK_NODE(header_limit, process, .state_bytes = sizeof(struct header_limit))
