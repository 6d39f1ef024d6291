/* SPDX-License-Identifier: BSD-3-Clause */

/* Live streams read while they run, each at one moment: no worker is amid a burst then. */
#include <sched.h>

#include <rte_cycles.h>

#include "trial.h"

#define READING_SECONDS 0.1 /* at most: a worker may be held up amid a burst */

static void
read_arrivals(const struct lk_arrivals *from, struct lk_flow_counts *c)
{
	struct lk_arrivals copy; /* all but the window of numbers, which is large */
	const struct lk_histogram *h = &from->latency->histogram;
	uint64_t next = from->sequence.next;

	c->total_received = from->sequence.received;
	c->total_reordered = from->sequence.reordered;
	c->total_duplicated = from->sequence.duplicated;
	c->total_late = from->sequence.too_old;
	if (from->cleared != atomic_load_explicit(&from->clears_asked, memory_order_acquire))
		return; /* nothing has come since */
	copy.base = from->base;
	copy.before = from->before;
	c->received = c->total_received - copy.base.received - copy.before.received;
	c->received_bytes = from->bytes - copy.base.bytes - copy.before.bytes;
	c->reordered = c->total_reordered - copy.base.reordered - copy.before.reordered;
	c->duplicated = c->total_duplicated - copy.base.duplicated - copy.before.duplicated;
	c->late = c->total_late - copy.base.too_old - copy.before.too_old;
	c->passed_over = next > from->first ? next - from->first - c->received : 0;
	for (uint32_t i = 0; i < LK_MOST_PLACES; i++)
		c->by_place[i] = from->places == 1 ? (i == 0 ? c->received : 0)
						   : from->by_place[i] - copy.base.by_place[i] -
							     copy.before.by_place[i];
	c->first_ns = from->first_tsc;
	c->last_ns = from->last_tsc;
	c->latency_sum_ns = h->sum;
	c->latency_min_ns = h->min;
	c->latency_max_ns = h->max;
	c->latency_count = h->count;
}

static void
read_sent(struct lk_stream *s, struct lk_flow_counts *c, uint64_t now)
{
	uint64_t due = s->due, overdue = now > due + s->pace.backlog ? now - due : 0;
	uint64_t sent = s->made - s->held - s->refused;
	uint64_t bytes = s->made_bytes - s->held_bytes - s->refused_bytes;
	uint64_t unsent = s->skipped + s->refused, gaps = s->refused - s->refused_before;

	/* What was just made may still be refused, and is told as sent only once. */
	sent = RTE_MAX(sent, s->told_sent);
	bytes = RTE_MAX(bytes, s->told_bytes);
	s->told_sent = sent;
	s->told_bytes = bytes;
	c->state = (uint64_t)s->state;
	c->total_sent = sent;
	c->total_unsent = unsent;
	c->sent = sent - RTE_MIN(sent, s->made_before);
	c->sent_bytes = bytes - RTE_MIN(bytes, s->bytes_before);
	c->unsent = unsent - s->skipped_before;
	c->passed_over -= RTE_MIN(c->passed_over, gaps);
	c->behind = s->held;
	if (s->pace.interval > 0 && s->state == LK_FLOW_STARTED && s->pace.is_paced)
		c->behind += RTE_MIN((s->owed + overdue) / s->pace.interval * s->pace.burst,
				     s->intended - s->made - s->skipped);
}

/* Versions of the workers that count, while a flow is read. */
struct reading {
	const _Atomic uint64_t *versions;
	int count;
	uint64_t seen[LK_MOST_PLACES];
	uint64_t end; /* TSC; what is read afterwards may be of two moments */
};

/* Waits until none of them is amid a burst. */
static void
begin_reading(struct reading *r)
{
	for (int i = 0; i < r->count; i++) {
		while ((r->seen[i] = atomic_load_explicit(&r->versions[i], memory_order_acquire)) %
				       2 !=
			       0 &&
		       rte_rdtsc() < r->end)
			sched_yield();
	}
	atomic_thread_fence(memory_order_seq_cst);
}

/* Whether none of them has counted meanwhile, or has for too long to wait for it. */
static int
ends_whole(const struct reading *r)
{
	atomic_thread_fence(memory_order_seq_cst);
	for (int i = 0; i < r->count; i++)
		if (atomic_load_explicit(&r->versions[i], memory_order_acquire) != r->seen[i])
			return rte_rdtsc() >= r->end;
	return 1;
}

uint32_t
lk_live_counts(const struct lk_trial *trial, uint32_t first, struct lk_flow_counts *out,
	       uint32_t room, struct lk_live_totals *totals)
{
	struct lk_trial *t = (struct lk_trial *)(uintptr_t)trial;
	uint32_t count = RTE_MIN(room, t->used - RTE_MIN(first, t->used));
	uint64_t clock, now = rte_rdtsc();
	uint64_t end = now + (uint64_t)(READING_SECONDS * lk_clock_tsc_hz());
	struct reading arriving = {t->receiving_version, LK_MOST_PLACES, {0}, end};
	struct reading leaving = {&t->sending_version, 1, {0}, end};

	memset(out, 0, count * sizeof(*out));
	/* What was received first, so that it never is more than what was sent. */
	for (uint32_t i = 0; i < count; i++) {
		const struct lk_arrivals *a = t->arrivals[first + i];

		if (a == NULL)
			continue;
		do {
			begin_reading(&arriving);
			out[i] = (struct lk_flow_counts){0};
			read_arrivals(a, &out[i]);
		} while (!ends_whole(&arriving));
	}
	clock = (rte_rdtsc() - t->epoch) << LK_CYCLE_FRACTION;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t passed_over = out[i].passed_over;

		do {
			begin_reading(&leaving);
			out[i].passed_over = passed_over;
			read_sent(&t->streams[first + i], &out[i], clock);
		} while (!ends_whole(&leaving));
	}
	now = rte_rdtsc();
	for (uint32_t i = 0; i < count; i++) {
		const struct lk_stream *s = &t->streams[first + i];
		uint64_t last = RTE_MAX(RTE_MAX(s->last_made, s->stopped), out[i].last_ns);

		out[i].still_ns = last == 0 || last > now
					  ? 0
					  : (uint64_t)((double)(now - last) * t->ns_per_cycle);
		out[i].first_ns = out[i].first_ns ? lk_clock_realtime_ns(out[i].first_ns) : 0;
		out[i].last_ns = out[i].last_ns ? lk_clock_realtime_ns(out[i].last_ns) : 0;
	}
	*totals = (struct lk_live_totals){t->refusals, t->unsigned_frames, t->unsigned_bytes};
	return count;
}
