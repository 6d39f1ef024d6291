/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Live streams: a trial without an end, whose streams are started, changed and stopped while they
 * run. The command thread makes ready what is to become of them, and the generator's worker takes
 * it over between two bursts: what it works on has one owner, and nobody waits for a lock.
 */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <time.h>

#include <rte_cycles.h>

#include "bell.h"
#include "trial.h"
#include "worker.h"

#define READING_SECONDS 0.1 /* at most: a worker may be held up amid a burst */

/* The command thread's side */

static void
free_changes(struct lk_changes *c)
{
	for (uint32_t i = 0; c != NULL && i < c->count; i++)
		lk_frames_free(&c->planned[i].frames);
	free(c);
}

static int
plan(struct lk_trial *t, struct lk_planned *p, const struct lk_change *change,
     struct lk_changes *all)
{
	const struct lk_stream_config *config = change->stream;
	struct lk_stream *s = &t->streams[change->index];
	struct lk_arrivals *a = t->arrivals[change->index];
	int rc;

	p->kind = change->kind;
	p->index = change->index;
	if (change->kind == LK_FLOW_CLEAR && a != NULL) {
		struct lk_latencies *fresh = calloc(1, sizeof(*fresh));

		if (fresh == NULL)
			return -ENOMEM;
		lk_latencies_free(atomic_exchange(&a->retired, NULL));
		lk_latencies_free(atomic_exchange(&a->spare, fresh));
		return 0;
	}
	if (config == NULL)
		return 0;
	rc = lk_frames_copy(&p->frames, config, config->id);
	if (rc != 0)
		return rc;
	all->longest = RTE_MAX(all->longest, p->frames.longest);
	lk_pace_of(&p->pace, config);
	p->first = lk_schedule_cycles(config->first_ns);
	p->intended = config->intended;
	p->duration = lk_schedule_cycles((double)config->duration_ns);
	p->catches_up = config->catches_up;
	p->stamps_each = config->latency;
	if (a == NULL) {
		a = lk_arrivals_new(config->places);
		if (a == NULL)
			return -ENOMEM;
		s->id = config->id;
		t->arrivals[change->index] = a;
		t->index_of[config->id] = (uint16_t)(change->index + 1);
		t->used = RTE_MAX(t->used, change->index + 1);
	} else if (change->kind == LK_FLOW_START && a->places < config->places) {
		if (a->places == 1) { /* what came so far came there */
			a->by_place[0] = a->sequence.received;
			a->base.by_place[0] = a->base.received;
			a->before.by_place[0] = a->before.received;
		}
		a->places = config->places;
		atomic_store(&a->is_watched, 1);
	}
	return 0;
}

int
lk_live_change(struct lk_trial *t, const struct lk_change *changes, uint32_t count, uint64_t at)
{
	struct lk_changes *all, *before = atomic_load(&t->wanted);
	int rc = 0;

	if (before != atomic_load(&t->made))
		return -EBUSY;
	all = calloc(1, sizeof(*all) + count * sizeof(all->planned[0]));
	if (all == NULL)
		return -ENOMEM;
	all->at = at;
	all->count = count;
	for (uint32_t i = 0; i < count && rc == 0; i++)
		rc = changes[i].index < t->config.streams
			     ? plan(t, &all->planned[i], &changes[i], all)
			     : -EINVAL;
	all->pool = rc == 0 ? lk_trial_pool(all->longest) : NULL;
	if (rc == 0 && all->pool == NULL)
		rc = -ENOMEM;
	if (rc != 0) {
		free_changes(all);
		return rc;
	}
	atomic_store(&t->wanted, all);
	free_changes(before); /* done, and only its address is compared until the new ones are */
	return 0;
}

int
lk_live_wait(struct lk_trial *t, uint64_t timeout_ns)
{
	const struct timespec moment = {0, 20000};
	uint64_t end = rte_rdtsc() + (uint64_t)((double)timeout_ns * lk_clock_tsc_hz() / 1e9);

	while (atomic_load_explicit(&t->made, memory_order_acquire) != atomic_load(&t->wanted)) {
		if (rte_rdtsc() > end)
			return -ETIMEDOUT;
		lk_workers_wake();
		nanosleep(&moment, NULL);
	}
	return 0;
}

void
lk_live_free(struct lk_trial *t)
{
	for (uint32_t i = 0; i < t->held; i++)
		rte_pktmbuf_free(t->waiting[i]);
	t->held = 0;
	if (t->running > 0)
		lk_workers_keep_awake(-1);
	free_changes(atomic_load(&t->wanted));
}

/* The generator's worker's side */

static void
set_state(struct lk_trial *t, struct lk_stream *s, int state, uint64_t tsc)
{
	int is_running = state == LK_FLOW_STARTED;
	int was_running = s->state == LK_FLOW_STARTED;

	if (was_running && !is_running) {
		s->stopped = tsc;
		if (--t->running == 0)
			lk_workers_keep_awake(-1);
	} else if (is_running && !was_running && t->running++ == 0) {
		lk_workers_keep_awake(1);
	}
	atomic_store_explicit(&s->state, state, memory_order_release);
}

/* Other frames from now on: what varies goes on where it is. */
static void
take_frames(struct lk_stream *s, struct lk_arrivals *a, struct lk_planned *p, int anew)
{
	struct lk_frames old = s->frames;

	s->frames = p->frames;
	p->frames = old; /* freed with the change */
	for (uint32_t i = 0; !anew && i < RTE_MIN(old.field_count, s->frames.field_count); i++)
		if (old.fields[i].count == s->frames.fields[i].count)
			s->frames.fields[i].at = old.fields[i].at,
			s->frames.fields[i].held = old.fields[i].held;
	s->order_at %= s->frames.order_length;
	s->has_next = s->has_failed = 0; /* a capture begins anew */
	s->played_ns = 0;
	s->stamps_each = p->stamps_each;
	a->is_timed = p->stamps_each;
	s->catches_up = p->catches_up;
}

static void
start(struct lk_trial *t, struct lk_stream *s, struct lk_planned *p, uint64_t now, uint64_t tsc)
{
	for (uint32_t i = 0; i < t->endings; i++)
		if (t->ending[i] == p->index) /* it waits for the port to take its last frame */
			t->ending[i--] = t->ending[--t->endings];
	take_frames(s, t->arrivals[p->index], p, 1);
	s->pace = p->pace;
	s->order_at = 0;
	s->burst_left = s->pace.burst;
	s->owed = 0;
	s->due = now + p->first;
	s->end = p->duration == 0 ? UINT64_MAX : s->due + p->duration;
	/* Counters go on. */
	s->intended = p->intended == UINT64_MAX ? UINT64_MAX : s->made + s->skipped + p->intended;
	set_state(t, s, LK_FLOW_STARTED, tsc);
}

/* Another rate from now on: what is left until the next frame shrinks or grows with it. */
static void
set_pace(struct lk_stream *s, const struct lk_planned *p, uint64_t now)
{
	uint64_t base = s->state == LK_FLOW_PAUSED ? 0 : now;
	uint64_t left = s->due > base ? s->due - base : 0;

	if (left <= s->pace.interval) /* more is the delay that it begins with */
		left = RTE_MIN((uint64_t)((double)left * (double)p->pace.interval /
					  (double)s->pace.interval),
			       p->pace.interval);
	s->due = base + left;
	s->pace = p->pace;
	s->burst_left = RTE_MIN(s->burst_left, s->pace.burst);
	s->owed = 0;
}

static void
clear(struct lk_stream *s, struct lk_arrivals *a)
{
	s->made_before = s->made - s->refused;
	s->bytes_before = s->made_bytes - s->refused_bytes;
	s->skipped_before = s->skipped + s->refused;
	s->refused_before = s->refused;
	if (a == NULL)
		return;
	a->asked_first = s->made;
	atomic_fetch_add_explicit(&a->clears_asked, 1, memory_order_release);
	atomic_store_explicit(&a->is_watched, 1, memory_order_release);
}

static void
pause_or_resume(struct lk_trial *t, struct lk_stream *s, int state, uint64_t now, uint64_t tsc)
{
	int64_t shift = state == LK_FLOW_PAUSED ? -(int64_t)now : (int64_t)now;

	if (s->state == state || (state == LK_FLOW_PAUSED && s->state != LK_FLOW_STARTED) ||
	    (state == LK_FLOW_STARTED && s->state != LK_FLOW_PAUSED))
		return;
	if (state == LK_FLOW_PAUSED && s->due < now)
		s->due = now;
	s->due += (uint64_t)shift;
	if (s->end != UINT64_MAX)
		s->end += (uint64_t)shift;
	set_state(t, s, state, tsc);
}

/* What the port has not taken of a stream that stops is not sent any more. */
static void
drop_held(struct lk_trial *t, struct lk_stream *s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < t->held; i++) {
		struct rte_mbuf *m = t->waiting[i];

		if ((uint16_t)*lk_mark_of(m) != s->id) {
			t->waiting[kept++] = m;
			continue;
		}
		s->refused++;
		s->refused_bytes += m->pkt_len + 4;
		rte_pktmbuf_free(m);
	}
	t->held = kept;
	s->held = 0;
	s->held_bytes = 0;
	s->told_sent = s->told_bytes = 0;
}

static void
make(struct lk_trial *t, struct lk_planned *p, uint64_t now, uint64_t tsc)
{
	struct lk_stream *s = &t->streams[p->index];

	switch (p->kind) {
	case LK_FLOW_START:
		start(t, s, p, now, tsc);
		break;
	case LK_FLOW_STOP:
		if (s->state == LK_FLOW_STARTED || s->state == LK_FLOW_PAUSED)
			set_state(t, s, LK_FLOW_STOPPED, tsc);
		drop_held(t, s);
		break;
	case LK_FLOW_PAUSE:
		pause_or_resume(t, s, LK_FLOW_PAUSED, now, tsc);
		break;
	case LK_FLOW_RESUME:
		pause_or_resume(t, s, LK_FLOW_STARTED, now, tsc);
		break;
	case LK_FLOW_SET:
		take_frames(s, t->arrivals[p->index], p, 0);
		set_pace(s, p, now);
		break;
	case LK_FLOW_CLEAR:
		clear(s, t->arrivals[p->index]);
		break;
	}
}

/*
 * Both heaps anew, of what runs now. Those that send as fast as it goes take turns from here on:
 * their times tell nothing else, and one that came later would wait for those that are ahead.
 */
static void
line_up(struct lk_trial *t, uint64_t now)
{
	t->paced.length = t->flat_out.length = 0;
	for (uint32_t i = 0; i < t->used; i++) {
		struct lk_stream *s = &t->streams[i];
		int waits = s->pace.is_paced || s->due > now;
		struct lk_heap *heap = waits ? &t->paced : &t->flat_out;

		if (s->state != LK_FLOW_STARTED)
			continue;
		s->due = waits ? s->due : 0;
		heap->entries[heap->length++] = (struct lk_due){s->due, i};
	}
	lk_heap_build(&t->paced);
	lk_heap_build(&t->flat_out);
}

/*
 * The schedule holds days; a stream may run for a year, or wait for one. It goes back further than
 * a worker may be held up.
 */
void
lk_live_rebase(struct lk_trial *t, uint64_t tsc)
{
	uint64_t passed = (((tsc - t->epoch) >> LK_REBASE_BITS) - 1) << LK_REBASE_BITS;

	t->epoch += passed;
	for (uint32_t i = 0; i < t->used; i++) {
		struct lk_stream *s = &t->streams[i];
		uint64_t cycles = passed << LK_CYCLE_FRACTION;

		if (s->state != LK_FLOW_STARTED)
			continue;
		s->due = s->due > cycles ? s->due - cycles : 0;
		if (s->end != UINT64_MAX)
			s->end = s->end > cycles ? s->end - cycles : 0;
	}
	line_up(t, (tsc - t->epoch) << LK_CYCLE_FRACTION);
}

void
lk_live_take_changes(struct lk_trial *t, uint64_t tsc)
{
	struct lk_changes *all = atomic_load_explicit(&t->wanted, memory_order_acquire);
	uint64_t now;

	if (tsc < all->at)
		return;
	lk_live_end_streams(t, tsc);
	now = (tsc - t->epoch) << LK_CYCLE_FRACTION;
	if (all->longest > 0 && all->pool != t->pool &&
	    rte_pktmbuf_data_room_size(all->pool) > rte_pktmbuf_data_room_size(t->pool)) {
		if (t->spares > 0)
			rte_mempool_put_bulk(t->pool, (void **)t->spare, t->spares);
		t->spares = 0;
		t->pool = all->pool;
	}
	for (uint32_t i = 0; i < all->count; i++)
		make(t, &all->planned[i], now, tsc);
	line_up(t, now);
	lk_trial_sends_from(t, t->graph);
	atomic_store_explicit(&t->made, all, memory_order_release);
}

/* Streams that made their last frame have ended when the port has taken it. */
void
lk_live_end_streams(struct lk_trial *t, uint64_t tsc)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < t->endings; i++) {
		struct lk_stream *s = &t->streams[t->ending[i]];

		if (s->held > 0)
			t->ending[kept++] = t->ending[i];
		else if (s->state == LK_FLOW_STARTED)
			set_state(t, s, s->has_failed ? LK_FLOW_FAILED : LK_FLOW_DONE, tsc);
	}
	t->endings = kept;
}

/* The receiver's worker's side: counts begin anew with the next number. */
void
lk_live_clear_arrivals(struct lk_arrivals *a)
{
	/* Before what it asks for is read: one that is asked for meanwhile is seen by its number.
	 */
	uint32_t asked = atomic_load_explicit(&a->clears_asked, memory_order_acquire);
	struct lk_latencies *fresh = atomic_exchange(&a->spare, NULL), *old = a->latency;

	a->base = (struct lk_arrival_counts){a->sequence.received,  a->bytes,
					     a->sequence.reordered, a->sequence.duplicated,
					     a->sequence.too_old,   {0}};
	memcpy(a->base.by_place, a->by_place, sizeof(a->by_place));
	memset(&a->before, 0, sizeof(a->before));
	if (fresh != NULL) {
		old->link = atomic_exchange(&a->retired, NULL);
		a->latency = fresh;
		atomic_store(&a->retired, old);
	} else { /* cleared twice before a frame came, and the second is seen now */
		memset(old, 0, sizeof(*old));
	}
	a->first = a->asked_first;
	a->first_tsc = a->last_tsc = 0;
	a->cleared = asked;
}

/* Reading */

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

void
lk_live_share(struct lk_trial *t)
{
	if (t->shares)
		return;
	lk_workers_pause(); /* who takes a frame without the lock has done so then */
	t->shares = 1;
	lk_workers_resume();
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
