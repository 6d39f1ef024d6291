/* SPDX-License-Identifier: BSD-3-Clause */

/* Live streams read while they run, each at one moment: no worker is amid a burst then. */
#include <sched.h>

#include <rte_cycles.h>

#include "trial.h"

#define READING_SECONDS 0.1 /* at most: a worker may be held up amid a burst */

static void
add_latencies(struct lk_flow_counts *c, const struct lk_histogram *h)
{
	if (h->count == 0)
		return;
	c->latency_min_ns = c->latency_count == 0 ? h->min : RTE_MIN(c->latency_min_ns, h->min);
	c->latency_max_ns = RTE_MAX(c->latency_max_ns, h->max);
	c->latency_count += h->count;
	c->latency_sum_ns += h->sum;
}

/* What came of a share on one lane since it was cleared; returns how many frames for the first
 * time. */
static uint64_t
add_arrivals(struct lk_flow_counts *c, const struct lk_arrivals *from)
{
	const struct lk_arrival_counts *base = &from->base, *before = &from->before;
	uint64_t received = from->sequence.received - base->received - before->received;

	c->received += received;
	c->received_bytes += from->bytes - base->bytes - before->bytes;
	c->reordered += from->sequence.reordered - base->reordered - before->reordered;
	c->duplicated += from->sequence.duplicated - base->duplicated - before->duplicated;
	c->late += from->sequence.too_old - base->too_old - before->too_old;
	for (uint32_t i = 0; i < LK_MOST_PLACES; i++)
		c->by_place[i] += from->places == 1 ? (i == 0 ? received : 0)
						    : from->by_place[i] - base->by_place[i] -
							      before->by_place[i];
	if (from->first_tsc != 0)
		c->first_ns =
			c->first_ns == 0 ? from->first_tsc : RTE_MIN(c->first_ns, from->first_tsc);
	c->last_ns = RTE_MAX(c->last_ns, from->last_tsc);
	add_latencies(c, &from->latency->histogram);
	return received;
}

/* Of a share, on all lanes that frames arrive on. */
static void
read_arrivals(const struct lk_trial *t, uint32_t place, struct lk_flow_counts *c)
{
	uint64_t next = 0, received = 0;

	for (uint32_t i = 0; i < t->config.receivers; i++) {
		const struct lk_arrivals *from = t->receivers[i].arrivals[place];

		c->total_received += from->sequence.received;
		c->total_reordered += from->sequence.reordered;
		c->total_duplicated += from->sequence.duplicated;
		c->total_late += from->sequence.too_old;
		if (from->cleared !=
		    atomic_load_explicit(&from->clears_asked, memory_order_acquire))
			continue; /* nothing has come since */
		received += add_arrivals(c, from);
		next = RTE_MAX(next,
			       from->sequence.next - RTE_MIN(from->first, from->sequence.next));
	}
	c->passed_over += next - RTE_MIN(received, next);
}

/* The state of a flow, of which some shares may be done earlier than others. */
static void
add_state(struct lk_flow_counts *c, const struct lk_stream *s)
{
	static const uint8_t rank[] = {
		[LK_FLOW_DONE] = 0,    [LK_FLOW_STOPPED] = 1, [LK_FLOW_PAUSED] = 2,
		[LK_FLOW_STARTED] = 3, [LK_FLOW_FAILED] = 4,
	};
	int state = s->state;

	if (s->share.of != 0 && rank[state] >= rank[c->state])
		c->state = (uint64_t)state;
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
	add_state(c, s);
	c->total_sent += sent;
	c->total_unsent += unsent;
	c->sent += sent - RTE_MIN(sent, s->made_before);
	c->sent_bytes += bytes - RTE_MIN(bytes, s->bytes_before);
	c->unsent += unsent - s->skipped_before;
	c->passed_over -= RTE_MIN(c->passed_over, gaps);
	c->behind += s->held;
	if (s->pace.interval > 0 && s->state == LK_FLOW_STARTED && s->pace.is_paced)
		c->behind += RTE_MIN((s->owed + overdue) / s->pace.interval * s->pace.burst,
				     s->intended - s->made - s->skipped);
}

/* Versions of the workers that count, while a flow is read. */
struct reading {
	const struct lk_trial *trial; /* of lanes on which this share came, or */
	uint32_t place;
	const struct lk_sender *sender;
	uint64_t *seen;
	uint64_t end; /* TSC; what is read afterwards may be of two moments */
};

static uint32_t
workers_of(const struct reading *r)
{
	return r->sender != NULL ? 1 : r->trial->config.receivers * LK_MOST_PLACES;
}

static uint64_t
version_of(const struct reading *r, uint32_t i)
{
	const struct lk_receiver *lane;

	if (r->sender != NULL)
		return atomic_load_explicit(&r->sender->version, memory_order_acquire);
	lane = &r->trial->receivers[i / LK_MOST_PLACES];
	if (lane->arrivals[r->place]->sequence.next == 0)
		return 0;
	return atomic_load_explicit(&lane->versions[i % LK_MOST_PLACES].count,
				    memory_order_acquire);
}

/* Waits until none of them is amid a burst. */
static void
begin_reading(struct reading *r)
{
	for (uint32_t i = 0; i < workers_of(r); i++)
		while ((r->seen[i] = version_of(r, i)) % 2 != 0 && rte_rdtsc() < r->end)
			sched_yield();
	atomic_thread_fence(memory_order_seq_cst);
}

/* Whether none of them has counted meanwhile, or has for too long to wait for it. */
static int
ends_whole(const struct reading *r)
{
	atomic_thread_fence(memory_order_seq_cst);
	for (uint32_t i = 0; i < workers_of(r); i++)
		if (version_of(r, i) != r->seen[i])
			return rte_rdtsc() >= r->end;
	return 1;
}

/* One share's counters are of one moment. */
static void
read_shares_that_came(const struct lk_trial *t, uint32_t index, struct lk_flow_counts *out,
		      struct reading *arriving)
{
	for (uint32_t lane = 0; lane < t->config.lanes; lane++) {
		uint32_t place = lk_share_place(t, lane, index);
		struct lk_flow_counts before = *out;

		if (t->receivers[0].arrivals[place] == NULL)
			continue;
		arriving->place = place;
		do {
			begin_reading(arriving);
			*out = before;
			read_arrivals(t, place, out);
		} while (!ends_whole(arriving));
	}
}

static void
read_shares_that_left(const struct lk_trial *t, uint32_t index, struct lk_flow_counts *out,
		      uint64_t tsc, uint64_t end)
{
	uint64_t seen;
	int ever = 0;

	out->state = LK_FLOW_DONE;
	for (uint32_t lane = 0; lane < t->config.lanes; lane++) {
		struct lk_sender *g = &t->senders[lane];
		struct lk_stream *s = &g->streams[index];
		struct reading leaving = {t, 0, g, &seen, end};
		struct lk_flow_counts before = *out;
		uint64_t clock = (tsc - g->epoch) << LK_CYCLE_FRACTION;

		ever |= s->share.of != 0;
		do {
			begin_reading(&leaving);
			*out = before;
			read_sent(s, out, clock);
		} while (!ends_whole(&leaving));
	}
	if (!ever) /* it never was started */
		out->state = LK_FLOW_STOPPED;
}

/* When a frame of the flow left or came last; TSC, 0: none did. */
static uint64_t
last_of(const struct lk_trial *t, uint32_t index, const struct lk_flow_counts *c)
{
	uint64_t last = c->last_ns;

	for (uint32_t lane = 0; lane < t->config.lanes; lane++) {
		const struct lk_stream *s = &t->senders[lane].streams[index];

		last = RTE_MAX(last, RTE_MAX(s->last_made, s->stopped));
	}
	return last;
}

uint32_t
lk_live_counts(const struct lk_trial *t, uint32_t first, struct lk_flow_counts *out, uint32_t room,
	       struct lk_live_totals *totals)
{
	uint32_t count = RTE_MIN(room, t->used - RTE_MIN(first, t->used));
	uint64_t seen[t->config.receivers * LK_MOST_PLACES];
	uint64_t now = rte_rdtsc();
	uint64_t end = now + (uint64_t)(READING_SECONDS * lk_clock_tsc_hz());
	struct reading arriving = {t, 0, NULL, seen, end};

	memset(out, 0, count * sizeof(*out));
	/* What was received first, so that it never is more than what was sent. */
	for (uint32_t i = 0; i < count; i++)
		read_shares_that_came(t, first + i, &out[i], &arriving);
	now = rte_rdtsc();
	for (uint32_t i = 0; i < count; i++)
		read_shares_that_left(t, first + i, &out[i], now, end);
	now = rte_rdtsc();
	for (uint32_t i = 0; i < count; i++) {
		uint64_t last = last_of(t, first + i, &out[i]);

		out[i].still_ns = last == 0 || last > now
					  ? 0
					  : (uint64_t)((double)(now - last) * t->ns_per_cycle);
		out[i].first_ns = out[i].first_ns ? lk_clock_realtime_ns(out[i].first_ns) : 0;
		out[i].last_ns = out[i].last_ns ? lk_clock_realtime_ns(out[i].last_ns) : 0;
	}
	*totals = (struct lk_live_totals){0};
	for (uint32_t i = 0; i < t->config.lanes; i++)
		totals->refusals += t->senders[i].refusals;
	for (uint32_t i = 0; i < t->config.receivers; i++) {
		totals->unsigned_frames += t->receivers[i].unsigned_frames;
		totals->unsigned_bytes += t->receivers[i].unsigned_bytes;
	}
	return count;
}
