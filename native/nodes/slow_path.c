/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames that need the full evaluation leave by `other`: the first of a flow, those of flows that
 * were idle, fragments and ICMP. The rest is fast.
 */
#include <rte_cycles.h>

#include "flow_table.h"
#include "node.h"
#include "traffic_class.h"

enum { IDLE, FLOWS };

struct slow_path {
	uint64_t fast, first, woken, exceptions; /* counters */
	uint64_t idle;				 /* cycles */
	struct lk_flow_table flows;		 /* when each was seen last */
};

static int
open_path(struct lk_node *self)
{
	struct slow_path *s = self->state;

	s->idle = (uint64_t)(self->config.values[IDLE].real * lk_clock_tsc_hz());
	return lk_flow_table_new(&s->flows, (uint64_t)self->config.values[FLOWS].whole);
}

static void
close_path(struct lk_node *self)
{
	struct slow_path *s = self->state;

	free(s->flows.flows);
}

static int
is_slow(struct slow_path *s, const uint8_t *frame, uint32_t length, uint64_t now)
{
	uint32_t exceptions = 1u << LK_CLASS_FRAGMENT | 1u << LK_CLASS_ICMP;
	struct lk_timed_flow *flow;
	uint64_t key;
	int is_first, was_idle;

	if (lk_classes_of(frame, length, 0) & exceptions) {
		s->exceptions++;
		return 1;
	}
	key = lk_flow_key(frame, length, 1);
	flow = lk_flow_place(&s->flows, key);
	is_first = flow->key != key || flow->time == 0;
	was_idle = !is_first && now - flow->time > s->idle;
	*flow = (struct lk_timed_flow){key, now};
	s->first += (uint64_t)is_first;
	s->woken += (uint64_t)was_idle;
	s->fast += !is_first && !was_idle;
	return is_first || was_idle;
}

static enum lk_verdict
handle(struct lk_frame *frame, struct lk_node *self)
{
	/* Of one burst, but for the few cycles in between. */
	return is_slow(self->state, frame->data, frame->length, rte_rdtsc()) ? LK_other : LK_next;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	return lk_each_frame(graph, node, objs, count, handle);
}

LK_NODE(slow_path, process, .state_bytes = sizeof(struct slow_path), .open = open_path,
	.close = close_path)
