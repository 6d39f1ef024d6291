/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "due.h"
#include "flow_limit.h"

#define PLACES (1u << 16) /* more than a port has buffers */

int
lk_flow_limit_open(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct lk_flow_limit *f = self->state;
	double rate = values[LK_FLOW_LIMIT_RATE].real, ticks;

	f->counts_frames = (int)values[LK_FLOW_LIMIT_RATE].whole;
	f->has_ports = values[LK_FLOW_LIMIT_KEY].whole == 0;
	f->overhead = (uint32_t)values[LK_FLOW_LIMIT_OVERHEAD].whole;
	f->ns_per_tick = 1e9 / lk_clock_tsc_hz() / (1 << LK_TICK_BITS);
	f->began = rte_rdtsc();
	f->tells_due = self->config.tells_due;
	f->place_count = PLACES;
	if (rate > 0) {
		ticks = ldexp(lk_clock_tsc_hz(), LK_TICK_BITS) / rate;
		f->bucket.levels[0] = (struct lk_bucket_level){
			.per_unit = (uint64_t)llround(ldexp(ticks, LK_PER_UNIT_BITS)),
			.depth = (uint64_t)llround(values[LK_FLOW_LIMIT_BURST].real * ticks),
		};
		f->longest_wait = (uint64_t)llround(values[LK_FLOW_LIMIT_QUEUE].real * ticks);
	}
	f->places = calloc(PLACES, sizeof(*f->places));
	f->free_places = calloc(PLACES, sizeof(*f->free_places));
	if (f->places == NULL || f->free_places == NULL ||
	    lk_heap_new(&f->waiting, PLACES, f->places, sizeof(*f->places)) != 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < PLACES; i++)
		f->free_places[i] = PLACES - 1 - i;
	return lk_flow_table_new(&f->flows, (uint64_t)values[LK_FLOW_LIMIT_FLOWS].whole);
}

void
lk_flow_limit_close(struct lk_node *self)
{
	struct lk_flow_limit *f = self->state;

	for (uint32_t i = 0; i < f->waiting.length; i++)
		rte_pktmbuf_free(f->places[f->waiting.entries[i].index]);
	lk_heap_free(&f->waiting);
	free(f->places);
	free(f->free_places);
	free(f->flows.flows);
}

static uint64_t
time_of(const struct lk_flow_limit *f, uint64_t tsc)
{
	return (tsc - f->began) << LK_TICK_BITS;
}

static void
hold(struct lk_flow_limit *f, struct rte_mbuf *m, uint64_t leaves, uint64_t came)
{
	uint32_t place = f->free_places[f->place_count - 1 - f->waiting.length];
	uint64_t wait_ns = (uint64_t)((double)(leaves - came) * f->ns_per_tick);

	f->places[place] = m;
	lk_heap_add(&f->waiting, (struct lk_due){leaves, place});
	f->held++;
	f->held_bytes += m->pkt_len;
	f->most_held = RTE_MAX(f->most_held, f->held);
	f->delayed++;
	f->exceeded++;
	f->wait_ns += wait_ns;
	f->longest_wait_ns = RTE_MAX(f->longest_wait_ns, wait_ns);
}

enum lk_verdict
lk_flow_limit_put(struct lk_flow_limit *f, struct rte_mbuf *m, uint64_t tsc)
{
	uint64_t key = lk_flow_key(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, f->has_ports);
	uint64_t units = f->counts_frames ? 1 : m->pkt_len + f->overhead;
	uint64_t came = time_of(f, tsc), leaves;
	struct lk_timed_flow *flow = lk_flow_place(&f->flows, key);
	struct lk_bucket_times times = {{0, 0}};

	if (flow->key != key) {
		f->evicted += flow->time > came;
		*flow = (struct lk_timed_flow){key, 0};
	}
	times.full_at[0] = flow->time;
	leaves = lk_bucket_leaves(&f->bucket, &times, units, came);
	if (leaves > came &&
	    (leaves - came > f->longest_wait || f->waiting.length == f->place_count)) {
		f->dropped++;
		f->exceeded++;
		return LK_queue_full;
	}
	lk_bucket_take(&f->bucket, &times, units, leaves);
	flow->time = times.full_at[0];
	if (leaves > came) {
		hold(f, m, leaves, came);
		return LK_other;
	}
	f->passed++;
	if (f->tells_due)
		*lk_due_of(m) = tsc;
	return LK_next;
}

uint16_t
lk_flow_limit_take(struct lk_flow_limit *f, uint64_t tsc, void **objs)
{
	uint64_t now = time_of(f, tsc);
	uint16_t count = 0;

	while (count < LK_FLOW_LIMIT_AT_ONCE && f->waiting.length > 0 &&
	       f->waiting.entries[0].at <= now) {
		uint32_t place = f->waiting.entries[0].index;
		struct rte_mbuf *m = f->places[place];

		if (f->tells_due)
			*lk_due_of(m) = f->began + (f->waiting.entries[0].at >> LK_TICK_BITS);
		lk_remove_top(&f->waiting);
		f->free_places[f->place_count - 1 - f->waiting.length] = place;
		f->held--;
		f->held_bytes -= m->pkt_len;
		f->passed++;
		objs[count++] = m;
	}
	return count;
}
