/* SPDX-License-Identifier: BSD-3-Clause */

/* Measures the rate of what passes. */
#include "rate.h"

static int
open_rate(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct lk_rate *r = self->state;

	r->window = (uint64_t)(values[LK_RATE_WINDOW].real * lk_clock_tsc_hz());
	r->per_second = 1 / values[LK_RATE_WINDOW].real;
	r->overhead = (uint32_t)values[LK_RATE_OVERHEAD].whole;
	r->end = rte_rdtsc() + r->window;
	return 0;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_rate *r = lk_node_of(node)->state;
	uint64_t bytes = (uint64_t)count * r->overhead;

	lk_enter(node, objs, count);
	lk_rate_look(r, rte_rdtsc());
	for (uint16_t i = 0; i < count; i++)
		bytes += ((struct rte_mbuf *)objs[i])->pkt_len;
	r->frames += count;
	r->bytes += bytes;
	lk_pass_all(graph, node, LK_next);
	return count;
}

LK_NODE(rate, process, .state_bytes = sizeof(struct lk_rate), .open = open_rate)
