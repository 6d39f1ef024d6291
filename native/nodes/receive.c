/* SPDX-License-Identifier: BSD-3-Clause */

/* The end of a trial: knows its frames by their signatures, and passes others on. */
#include <rte_cycles.h>

#include "node.h"
#include "signature.h"
#include "trial.h"

static __rte_always_inline void
note_latency(const struct lk_trial *t, struct lk_arrivals *a, struct lk_tick *tick, uint64_t sent,
	     uint64_t now)
{
	/* Clocks of two CPUs may differ by some cycles. */
	uint64_t ns = now > sent ? (uint64_t)((double)(now - sent) * t->ns_per_cycle) : 0;

	lk_histogram_record(&a->latency, ns);
	tick->latency_count++;
	tick->latency_sum_ns += ns;
	if (ns > tick->latency_max_ns)
		tick->latency_max_ns = ns;
}

/*
 * Whether the trial can have written these numbers. One that a line or a DUT spoiled would make all
 * later frames look too old, or be the longest latency.
 */
static __rte_always_inline int
is_ours(const struct lk_trial *t, uint32_t index, const struct lk_arrivals *a,
	const struct lk_signature *s, uint64_t now)
{
	const volatile struct lk_stream *from = &t->streams[index];
	uint32_t next = (uint32_t)a->sequence.next;

	if (unlikely(s->tsc - t->start > now + t->clock_slack - t->start))
		return 0;
	/* Only after a gap: the generator writes its count often, on another CPU. */
	return likely((int32_t)(s->sequence - next) <= 0) ||
	       (int32_t)(s->sequence - (uint32_t)from->made) < 0;
}

/* 1: the frame is one of the trial's and taken into account. */
static __rte_always_inline int
take(struct lk_trial *t, const struct rte_mbuf *m, struct lk_tick *tick, uint64_t now)
{
	struct lk_signature s;
	struct lk_arrivals *a;
	uint32_t index;
	int64_t missing;

	if (!lk_read_signature(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &s)) {
		t->unsigned_frames++;
		t->unsigned_bytes += m->pkt_len + 4;
		tick->unsigned_frames++;
		return t->config.takes_unsigned;
	}
	index = (uint32_t)s.stream - t->config.first_stream;
	if (index >= t->config.streams)
		return 0; /* of another run */
	a = t->arrivals[index];
	if (unlikely(!is_ours(t, index, a, &s, now)))
		return 0;
	switch (lk_sequence_take(&a->sequence, s.sequence, &missing)) {
	case LK_DUPLICATED:
		tick->duplicated++;
		return 1;
	case LK_TOO_OLD:
		tick->too_old++;
		return 1;
	case LK_REORDERED:
		tick->reordered++;
		break;
	case LK_ARRIVED:
		break;
	}
	tick->received++;
	tick->missing += missing;
	a->bytes += m->pkt_len + 4;
	if (t->config.latency)
		note_latency(t, a, tick, s.tsc, now);
	return 1;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_trial *t = lk_node_of(node)->config.trial;
	struct rte_mbuf *taken[count];
	uint64_t now = rte_rdtsc();
	uint16_t i, kept = 0, others = 0;
	struct lk_tick *tick;

	lk_enter(node, objs, count);
	/* What comes before the trial starts is not its own, and the clock of its ticks stands. */
	if (unlikely(atomic_load_explicit(&t->state, memory_order_acquire) == LK_TRIAL_READY)) {
		lk_pass_all(graph, node, LK_other);
		return count;
	}
	tick = lk_tick_now(t, &t->receiving, now);
	for (i = 0; i < count; i++) {
		const struct rte_mbuf *m = objs[i];

		rte_prefetch0(rte_pktmbuf_mtod_offset(m, const void *,
						      m->data_len - LK_SIGNATURE_LENGTH));
	}
	for (i = 0; i < count; i++) {
		if (likely(take(t, objs[i], tick, now)))
			taken[kept++] = objs[i];
		else
			objs[others++] = objs[i];
	}
	rte_pktmbuf_free_bulk(taken, kept);
	if (unlikely(others > 0))
		lk_pass(graph, node, LK_other, objs, others);
	return count;
}

LK_NODE(receive, process)
