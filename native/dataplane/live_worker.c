/* SPDX-License-Identifier: BSD-3-Clause */

/* Live streams between two bursts: their workers start, change, end and clear them. */
#include <rte_cycles.h>

#include "trial.h"
#include "worker.h"

static void
set_state(struct lk_sender *g, struct lk_stream *s, int state, uint64_t tsc)
{
	int is_running = state == LK_FLOW_STARTED;
	int was_running = s->state == LK_FLOW_STARTED;

	if (was_running && !is_running) {
		s->stopped = tsc;
		if (--g->running == 0)
			lk_workers_keep_awake(-1);
	} else if (is_running && !was_running && g->running++ == 0) {
		lk_workers_keep_awake(1);
	}
	atomic_store_explicit(&s->state, state, memory_order_release);
}

/* Other frames from now on: what varies goes on where it is. */
static void
take_frames(struct lk_sender *g, struct lk_stream *s, struct lk_planned *p, int anew)
{
	const struct lk_trial *t = g->trial;
	uint32_t place = lk_share_place(t, g->lane, p->index);
	struct lk_frames *old = s->frames, *f = p->frames;

	if (old != NULL && !anew && s->share.of == p->share.of) {
		for (uint32_t i = 0; i < RTE_MIN(s->shape.field_count, p->shape.field_count); i++)
			if (old->fields[i].count == f->fields[i].count) {
				f->fields[i].at = old->fields[i].at;
				f->fields[i].held = old->fields[i].held;
			}
		f->order_at = old->order_at % f->order_length;
	}
	s->frames = f;
	s->shape = p->shape;
	p->frames = old;		 /* freed with the change */
	s->has_next = s->has_failed = 0; /* a capture begins anew */
	s->played_ns = 0;
	s->stamps_each = p->stamps_each != 0;
	for (uint32_t i = 0; i < t->config.receivers; i++)
		t->receivers[i].arrivals[place]->is_timed = p->stamps_each;
	if (anew || p->has_flows)
		lk_flows_begin(t, place, p->flows, s->made);
	s->share = p->share;
	s->catches_up = p->catches_up != 0;
}

static void
start(struct lk_sender *g, struct lk_stream *s, struct lk_planned *p, uint64_t now, uint64_t tsc)
{
	for (uint32_t i = 0; i < g->endings; i++)
		if (g->ending[i] == p->index) /* it waits for the port to take its last frame */
			g->ending[i--] = g->ending[--g->endings];
	take_frames(g, s, p, 1);
	s->pace = p->pace;
	s->burst_left = s->pace.burst;
	s->owed = 0;
	s->due = now + p->first;
	s->end = p->duration == 0 ? UINT64_MAX : s->due + p->duration;
	/* Counters go on. */
	s->intended = p->intended == UINT64_MAX ? UINT64_MAX : s->made + s->skipped + p->intended;
	set_state(g, s, LK_FLOW_STARTED, tsc);
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
clear(const struct lk_sender *g, struct lk_stream *s, uint32_t index)
{
	const struct lk_trial *t = g->trial;

	s->made_before = s->made - s->refused;
	s->bytes_before = s->made_bytes - s->refused_bytes;
	s->skipped_before = s->skipped + s->refused;
	s->refused_before = s->refused;
	for (uint32_t i = 0; i < t->config.receivers; i++) {
		struct lk_arrivals *a = t->receivers[i].arrivals[lk_share_place(t, g->lane, index)];

		if (a == NULL)
			continue;
		a->asked_first = s->made;
		atomic_fetch_add_explicit(&a->clears_asked, 1, memory_order_release);
		atomic_store_explicit(&a->is_watched, 1, memory_order_release);
	}
}

static void
pause_or_resume(struct lk_sender *g, struct lk_stream *s, int state, uint64_t now, uint64_t tsc)
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
	set_state(g, s, state, tsc);
}

/* What the port has not taken of a stream that stops is not sent any more. */
static void
drop_held(struct lk_sender *g, struct lk_stream *s)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < g->held; i++) {
		struct rte_mbuf *m = g->waiting[i];

		if ((uint16_t)*lk_mark_of(m) != s->id) {
			g->waiting[kept++] = m;
			continue;
		}
		s->refused++;
		s->refused_bytes += m->pkt_len + 4;
		rte_pktmbuf_free(m);
	}
	g->held = kept;
	s->held = 0;
	s->held_bytes = 0;
	s->told_sent = s->told_bytes = 0;
}

static void
make(struct lk_sender *g, struct lk_planned *p, uint64_t now, uint64_t tsc)
{
	struct lk_stream *s = &g->streams[p->index];

	switch (p->kind) {
	case LK_FLOW_START:
		if (p->share.of == 0) { /* another lane sends all of it */
			s->share = p->share;
			s->state = LK_FLOW_DONE;
			break;
		}
		start(g, s, p, now, tsc);
		break;
	case LK_FLOW_STOP:
		if (s->state == LK_FLOW_STARTED || s->state == LK_FLOW_PAUSED)
			set_state(g, s, LK_FLOW_STOPPED, tsc);
		drop_held(g, s);
		break;
	case LK_FLOW_PAUSE:
		pause_or_resume(g, s, LK_FLOW_PAUSED, now, tsc);
		break;
	case LK_FLOW_RESUME:
		pause_or_resume(g, s, LK_FLOW_STARTED, now, tsc);
		break;
	case LK_FLOW_SET:
		if (p->share.of == 0)
			break;
		take_frames(g, s, p, 0);
		set_pace(s, p, now);
		break;
	case LK_FLOW_CLEAR:
		clear(g, s, p->index);
		break;
	}
}

/*
 * Both heaps anew, of what runs now. Those that send as fast as it goes take turns from here on:
 * their times tell nothing else, and one that came later would wait for those that are ahead.
 */
static void
line_up(struct lk_sender *g, uint64_t now)
{
	g->paced.length = g->flat_out.length = 0;
	for (uint32_t i = 0; i < g->trial->used; i++) {
		struct lk_stream *s = &g->streams[i];
		int waits = s->pace.is_paced || s->due > now;
		struct lk_heap *heap = waits ? &g->paced : &g->flat_out;

		if (s->state != LK_FLOW_STARTED)
			continue;
		s->due = waits ? s->due : 0;
		heap->entries[heap->length++] = (struct lk_due){s->due, i};
	}
	lk_heap_build(&g->paced);
	lk_heap_build(&g->flat_out);
}

/*
 * The schedule holds days; a stream may run for a year, or wait for one. It goes back further than
 * a worker may be held up.
 */
void
lk_live_rebase(struct lk_sender *g, uint64_t tsc)
{
	uint64_t passed = (((tsc - g->epoch) >> LK_REBASE_BITS) - 1) << LK_REBASE_BITS;

	g->epoch += passed;
	for (uint32_t i = 0; i < g->trial->used; i++) {
		struct lk_stream *s = &g->streams[i];
		uint64_t cycles = passed << LK_CYCLE_FRACTION;

		if (s->state != LK_FLOW_STARTED)
			continue;
		s->due = s->due > cycles ? s->due - cycles : 0;
		if (s->end != UINT64_MAX)
			s->end = s->end > cycles ? s->end - cycles : 0;
	}
	line_up(g, (tsc - g->epoch) << LK_CYCLE_FRACTION);
}

void
lk_live_take_changes(struct lk_sender *g, uint64_t tsc)
{
	struct lk_changes *all = atomic_load_explicit(&g->wanted, memory_order_acquire);
	uint64_t now;

	if (tsc < all->at)
		return;
	lk_live_end_streams(g, tsc);
	now = (tsc - g->epoch) << LK_CYCLE_FRACTION;
	if (all->longest > 0 && all->pool != g->pool &&
	    rte_pktmbuf_data_room_size(all->pool) > rte_pktmbuf_data_room_size(g->pool)) {
		if (g->spares > 0)
			rte_mempool_put_bulk(g->pool, (void **)g->spare, g->spares);
		g->spares = 0;
		g->pool = all->pool;
	}
	for (uint32_t i = 0; i < all->count; i++)
		make(g, &all->planned[i], now, tsc);
	line_up(g, now);
	lk_sends_from(g, g->graph);
	atomic_store_explicit(&g->made, all, memory_order_release);
}

/* Streams that made their last frame have ended when the port has taken it. */
void
lk_live_end_streams(struct lk_sender *g, uint64_t tsc)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < g->endings; i++) {
		struct lk_stream *s = &g->streams[g->ending[i]];

		if (s->held > 0)
			g->ending[kept++] = g->ending[i];
		else if (s->state == LK_FLOW_STARTED)
			set_state(g, s, s->has_failed ? LK_FLOW_FAILED : LK_FLOW_DONE, tsc);
	}
	g->endings = kept;
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
	} else if (old->histogram.count > 0) {
		/* Cleared twice before a frame came, and the second is seen now. */
		memset(old, 0, sizeof(*old));
	}
	a->first = a->asked_first;
	a->first_tsc = a->last_tsc = 0;
	a->cleared = asked;
}
