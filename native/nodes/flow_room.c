/* SPDX-License-Identifier: BSD-3-Clause */

/* Room for so many flows at once: frames of those that find none leave by `other`. */
#include <rte_cycles.h>

#include "flow_table.h"
#include "node.h"
#include "worker.h"

#define SPARE	    4u	/* times as many places as flows: a set is full by chance hardly ever */
#define SWEPT	    16u /* places looked at with every burst, for flows that have rested */
#define STALE_NS    1e7 /* since the last sweep, and the counter must not tell older news */
#define MOST_SHARES 100u

enum { FLOWS, IDLE };

struct flow_room {
	uint64_t passed, exceeded, flows, used_percent; /* counters */
	uint64_t most, idle, stale;			/* flows; cycles */
	uint64_t hand, swept;				/* place, and when last */
	struct lk_flow_table table;			/* when each was seen last */
};

static int
open_room(struct lk_node *self)
{
	struct flow_room *r = self->state;

	r->most = (uint64_t)self->config.values[FLOWS].whole;
	r->idle = (uint64_t)(self->config.values[IDLE].real * lk_clock_tsc_hz());
	r->stale = (uint64_t)(STALE_NS * lk_clock_tsc_hz() / 1e9);
	return lk_flow_table_new(&r->table, r->most * SPARE);
}

static void
close_room(struct lk_node *self)
{
	struct flow_room *r = self->state;

	free(r->table.flows);
}

static void
count_flows(struct flow_room *r, uint64_t flows)
{
	r->flows = flows;
	r->used_percent = flows * MOST_SHARES / r->most;
}

/* Forgets those of the next places that have rested. */
static void
sweep(struct flow_room *r, uint64_t now, uint64_t places)
{
	uint64_t all = (r->table.mask + 1) * LK_FLOW_WAYS, gone = 0;

	for (uint64_t i = 0; i < places; i++) {
		struct lk_timed_flow *flow = &r->table.flows[r->hand];

		r->hand = r->hand + 1 < all ? r->hand + 1 : 0;
		if (flow->time != 0 && (int64_t)(now - flow->time - r->idle) > 0) {
			flow->time = 0;
			gone++;
		}
	}
	r->swept = now;
	if (gone > 0)
		count_flows(r, r->flows - gone);
}

static int
has_room(struct flow_room *r, const uint8_t *frame, uint32_t length, uint64_t now)
{
	uint64_t key = lk_flow_key(frame, length, 1);
	struct lk_timed_flow *flow = lk_flow_place(&r->table, key);
	int is_free = flow->time == 0, is_known = !is_free && flow->key == key;

	if (!is_known && !is_free && (int64_t)(now - flow->time - r->idle) <= 0)
		return 0;
	if (!is_known && is_free && r->flows >= r->most)
		return 0;
	*flow = (struct lk_timed_flow){key, now};
	if (is_free)
		count_flows(r, r->flows + 1);
	return 1;
}

static enum lk_verdict
handle(struct lk_frame *frame, struct lk_node *self)
{
	struct flow_room *r = self->state;
	int may = has_room(r, frame->data, frame->length, rte_rdtsc());

	r->passed += (uint64_t)may;
	r->exceeded += (uint64_t)!may;
	return may ? LK_next : LK_other;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	sweep(lk_node_of(node)->state, rte_rdtsc(), SWEPT);
	return lk_each_frame(graph, node, objs, count, handle);
}

static void
refresh(struct lk_node *self)
{
	struct flow_room *r = self->state;
	uint64_t now = rte_rdtsc();

	if (__atomic_load_n(&r->flows, __ATOMIC_RELAXED) == 0 ||
	    now - __atomic_load_n(&r->swept, __ATOMIC_RELAXED) < r->stale)
		return;
	lk_workers_pause();
	sweep(r, rte_rdtsc(), (r->table.mask + 1) * LK_FLOW_WAYS);
	lk_workers_resume();
}

LK_NODE(flow_room, process, .state_bytes = sizeof(struct flow_room), .open = open_room,
	.close = close_room, .refresh = refresh)
