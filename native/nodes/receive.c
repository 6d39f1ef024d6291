/* SPDX-License-Identifier: BSD-3-Clause */

/* The end of a trial: knows its frames by their signatures, and passes others on. */
#include <rte_cycles.h>

#include "node.h"
#include "signature.h"
#include "trial.h"

/* When a frame was made, by our clock. */
static __rte_always_inline uint64_t
made_at(const struct lk_trial *t, uint64_t tsc)
{
	const struct lk_trial_config *c = &t->config;

	if (likely(!c->elsewhere))
		return tsc;
	return c->clock_here +
	       (uint64_t)(int64_t)((double)(int64_t)(tsc - c->clock_there) * c->clock_ratio);
}

static __rte_always_inline void
note_latency(const struct lk_trial *t, struct lk_arrivals *a, struct lk_tick *tick, uint64_t sent,
	     uint64_t now)
{
	/* Clocks of two CPUs may differ by some cycles. */
	uint64_t ns = now > sent ? (uint64_t)((double)(now - sent) * t->ns_per_cycle) : 0;

	lk_histogram_record(&a->latency->histogram, ns);
	tick->latency_count++;
	tick->latency_sum_ns += ns;
	if (ns > tick->latency_max_ns)
		tick->latency_max_ns = ns;
}

/* Looks up how many frames of a share were made: its generator writes that often, on another CPU.
 */
static __rte_noinline int
is_sent(const struct lk_trial *t, uint32_t place, struct lk_arrivals *a, uint32_t number)
{
	uint32_t lane = place / t->config.streams, index = place % t->config.streams;
	const volatile struct lk_stream *from = &t->senders[lane].streams[index];

	a->sent = (uint32_t)from->made;
	return (int32_t)(number - a->sent) < 0;
}

/*
 * Whether the trial can have written these numbers. One that a line or a DUT spoiled would make all
 * later frames look too old, or be the longest latency.
 */
static __rte_always_inline int
is_ours(const struct lk_trial *t, uint32_t place, struct lk_arrivals *a,
	const struct lk_signature *s, uint64_t sent, uint64_t now)
{
	uint32_t next = (uint32_t)a->sequence.next;
	uint64_t first = t->start - (t->config.elsewhere ? t->clock_slack : 0);

	if (unlikely(sent - first > now + t->clock_slack - first))
		return 0;
	if (t->config.elsewhere)
		return 1; /* how many were made is known there */
	/* Only after a gap, of which a lane that gets a part of the frames sees many. */
	return likely((int32_t)(s->sequence - next) <= 0) ||
	       ((int32_t)(s->sequence - a->sent) < 0 && (int32_t)(next - a->sent) < 0) ||
	       is_sent(t, place, a, s->sequence);
}

/* What follows the first frames after a clearing, and what arrives on several ports. */
static __rte_noinline void
note_watched(struct lk_arrivals *a, enum lk_arrival arrival, uint64_t number, uint32_t bytes,
	     uint32_t place, uint64_t now)
{
	int is_first = arrival <= LK_REORDERED;

	if (number < a->first) {
		struct lk_arrival_counts *before = &a->before;

		before->received += (uint64_t)is_first;
		before->bytes += is_first ? bytes : 0;
		before->by_place[place] += (uint64_t)is_first;
		before->reordered += arrival == LK_REORDERED;
		before->duplicated += arrival == LK_DUPLICATED;
		before->too_old += arrival == LK_TOO_OLD;
	} else if (a->first_tsc == 0) {
		a->first_tsc = now;
	}
	a->by_place[place] += (uint64_t)is_first;
	if (a->places == 1 && (a->first == 0 || a->sequence.next > a->first + LK_SEQUENCE_WINDOW))
		atomic_store(&a->is_watched, 0); /* before what follows is read */
	/* A clearing that was asked for meanwhile is seen by its number. */
	if (atomic_load_explicit(&a->clears_asked, memory_order_acquire) != a->cleared)
		atomic_store_explicit(&a->is_watched, 1, memory_order_relaxed);
}

/*
 * 1: the frame is one of the trial's and taken into account. `last` is the stream that the burst's
 * frame before was of.
 */
static __rte_always_inline int
take(const struct lk_trial *t, struct lk_receiver *r, const struct rte_mbuf *m,
     struct lk_tick *tick, uint64_t now, int live, uint32_t port, struct lk_arrivals **last)
{
	struct lk_signature s;
	struct lk_arrivals *a;
	enum lk_arrival arrival;
	uint32_t place;
	uint64_t number, sent;
	int64_t missing;
	int is_watched;

	if (!lk_signature_of(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, &s)) {
		r->unsigned_frames++;
		r->unsigned_bytes += m->pkt_len + 4;
		tick->unsigned_frames++;
		return t->config.takes_unsigned;
	}
	place = live ? t->index_of[s.stream] - 1 : (uint32_t)s.stream - t->config.first_stream;
	if (place >= t->config.streams * t->config.lanes)
		return 0; /* of another run */
	a = r->arrivals[place];
	sent = made_at(t, s.tsc);
	if (unlikely(!is_ours(t, place, a, &s, sent, now)))
		return 0;
	is_watched = live && unlikely(atomic_load_explicit(&a->is_watched, memory_order_acquire));
	if (is_watched &&
	    atomic_load_explicit(&a->clears_asked, memory_order_acquire) != a->cleared)
		lk_live_clear_arrivals(a);
	number = a->sequence.next +
		 (uint64_t)(int64_t)(int32_t)(s.sequence - (uint32_t)a->sequence.next);
	arrival = lk_sequence_take(&a->sequence,
				   atomic_load_explicit(&a->order, memory_order_relaxed),
				   s.sequence, &missing);
	if (is_watched)
		note_watched(a, arrival, number, m->pkt_len + 4, port, now);
	if (live && a != *last) {
		a->last_tsc = now;
		*last = a;
	}
	switch (arrival) {
	case LK_DUPLICATED:
		tick->duplicated++;
		return 1;
	case LK_TOO_OLD:
		tick->too_old++;
		return 1;
	case LK_REORDERED:
		tick->reordered++;
		break;
	case LK_LATE:
	case LK_ARRIVED:
		break;
	}
	tick->received++;
	tick->missing += missing;
	a->bytes += m->pkt_len + 4;
	if (live ? atomic_load_explicit(&a->is_timed, memory_order_relaxed) && number >= a->first
		 : t->config.latency)
		note_latency(t, a, tick, sent, now);
	return 1;
}

/* What a burst adds to an interval: counted in registers. */
static __rte_always_inline void
add_to(struct lk_tick *tick, const struct lk_tick *burst)
{
	tick->received += burst->received;
	tick->missing += burst->missing;
	tick->reordered += burst->reordered;
	tick->duplicated += burst->duplicated;
	tick->too_old += burst->too_old;
	tick->unsigned_frames += burst->unsigned_frames;
	tick->latency_count += burst->latency_count;
	tick->latency_sum_ns += burst->latency_sum_ns;
	tick->latency_max_ns = RTE_MAX(tick->latency_max_ns, burst->latency_max_ns);
}

static __rte_always_inline uint16_t
take_all(const struct lk_trial *t, struct lk_receiver *r, void **objs, uint16_t count,
	 struct rte_mbuf **taken, uint64_t now, int live, uint32_t port)
{
	struct lk_tick *tick = lk_tick_now(t, &r->receiving, now), burst = {0};
	int shared = live && atomic_load_explicit(&t->is_shared, memory_order_relaxed) != 0;
	struct lk_arrivals *last = NULL;
	uint16_t kept = 0, others = 0;

	for (uint16_t i = 0; i < count; i++) {
		const struct rte_mbuf *m = objs[i];

		rte_prefetch0(rte_pktmbuf_mtod_offset(m, const void *,
						      m->data_len - LK_SIGNATURE_LENGTH));
	}
	/* Workers that share a stream take turns: they are few. */
	while (unlikely(shared) &&
	       atomic_flag_test_and_set_explicit(&r->lock, memory_order_acquire))
		rte_pause();
	for (uint16_t i = 0; i < count; i++) {
		if (likely(take(t, r, objs[i], &burst, now, live, port, &last)))
			taken[kept++] = objs[i];
		else
			objs[others++] = objs[i];
	}
	add_to(tick, &burst);
	if (unlikely(shared))
		atomic_flag_clear_explicit(&r->lock, memory_order_release);
	return kept;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	const struct lk_node *self = lk_node_of(node);
	const struct lk_trial *t = self->config.trial;
	struct lk_receiver *r = &t->receivers[self->config.lane];
	struct rte_mbuf *taken[count];
	uint64_t now = rte_rdtsc();
	uint16_t kept;

	lk_enter(node, objs, count);
	/* What comes before the trial starts is not its own, and the clock of its ticks stands. */
	if (unlikely(atomic_load_explicit(&t->state, memory_order_acquire) == LK_TRIAL_READY)) {
		lk_pass_all(graph, node, LK_other);
		return count;
	}
	if (t->config.live) {
		uint32_t port = (uint32_t)self->config.values[0].whole;
		_Atomic uint64_t *version = &r->versions[port].count;
		uint64_t before = atomic_load_explicit(version, memory_order_relaxed);

		atomic_store_explicit(version, before + 1, memory_order_release);
		atomic_thread_fence(memory_order_release);
		kept = take_all(t, r, objs, count, taken, now, 1, port);
		atomic_store_explicit(version, before + 2, memory_order_release);
	} else {
		kept = take_all(t, r, objs, count, taken, now, 0, 0);
	}
	rte_pktmbuf_free_bulk(taken, kept);
	if (unlikely(kept < count))
		lk_pass(graph, node, LK_other, objs, (uint16_t)(count - kept));
	return count;
}

LK_NODE(receive, process)
