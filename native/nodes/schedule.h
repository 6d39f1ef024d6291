/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_SCHEDULE_H
#define LK_SCHEDULE_H

#include "trial.h"

/*
 * When a trial's streams are due. They stand in a heap by the time of their next frame, so that
 * their order does not depend on how fast the machine is. It is part of the generator's loop, and
 * inlined there.
 */

#define LK_RETRY_NS 10000.0 /* until a capture is asked again that the disk is behind with */

#define LK_FEW_STREAMS 64 /* which stay in the cache by themselves */

/*
 * A worker that was held up does not make up for all of it: a flood would be the generator's fault
 * and not the DUT's. What is too long overdue is not made at all, or, where every frame is to be
 * sent, later: a capture as much later as it is, a stream at twice its rate until it has caught up.
 */
static inline void
lk_skip_overdue(struct lk_stream *s, uint64_t now)
{
	uint64_t bursts, frames, late;

	if (likely(now <= s->due + s->pace.backlog))
		return;
	late = now - s->due;
	if (s->shape.is_replay || s->catches_up) {
		s->due = now;
		s->owed += !s->shape.is_replay ? late : 0;
		if (s->end != UINT64_MAX)
			s->end += late;
		return;
	}
	bursts = (late - s->pace.backlog) / s->pace.interval + 1;
	if (s->end != UINT64_MAX) { /* what would be due after that is none of its frames */
		uint64_t until = s->due < s->end ? s->end - s->due + s->pace.interval / 2 : 0;

		bursts = RTE_MIN(bursts, until / s->pace.interval);
		if (bursts == 0)
			return;
	}
	frames = RTE_MIN((bursts - 1) * s->pace.burst + s->burst_left,
			 s->intended - s->made - s->skipped);
	s->due += bursts * s->pace.interval;
	s->burst_left = s->pace.burst;
	s->skipped += frames;
}

static inline void
lk_note_jitter(struct lk_sender *g, struct lk_stream *s, uint64_t due, uint64_t tsc)
{
	if (s->last_made != 0) {
		int64_t early = (int64_t)((due - s->last_due) >> LK_CYCLE_FRACTION) -
				(int64_t)(tsc - s->last_made);

		lk_histogram_record(&g->jitter,
				    (uint64_t)((double)llabs(early) * g->trial->ns_per_cycle));
	}
	s->last_due = due;
	s->last_made = tsc;
}

/* Takes the next frame of the top stream from its schedule. */
static __rte_always_inline void
lk_take_due(struct lk_sender *g, struct lk_stream *s, uint64_t tsc)
{
	uint64_t step = s->pace.within;

	if (g->trial->config.paced)
		lk_note_jitter(g, s, s->due, tsc);
	if (--s->burst_left == 0) {
		s->burst_left = s->pace.burst;
		step = s->pace.interval - (s->pace.burst - 1) * s->pace.within;
	}
	if (unlikely(s->shape.is_replay)) {
		s->has_next = 0; /* what follows may not have been read yet */
		return;
	}
	if (unlikely(s->owed != 0)) {
		uint64_t sooner = RTE_MIN(s->owed, step / 2);

		s->owed -= sooner;
		step -= sooner;
		if (s->end != UINT64_MAX) /* no more frames for having been late */
			s->end -= sooner;
	}
	s->due += step;
}

/*
 * When the next frame of a capture is due is known as soon as it has been read: 0 until then. Where
 * none follows the stream has made what it was to make.
 */
static inline int
lk_find_next(const struct lk_trial *t, struct lk_stream *s, int is_paced)
{
	const struct lk_replay_frame *next = lk_replay_peek(s->frames->replay);
	enum lk_replay_state state = lk_replay_state(s->frames->replay);

	if (next == NULL && state == LK_REPLAY_WAITS)
		return 0;
	if (next == NULL || next->length > s->frames->longest) {
		s->has_failed = next != NULL || state == LK_REPLAY_FAILED;
		s->intended = s->made + s->skipped;
		return 1;
	}
	s->due += is_paced ? (uint64_t)((double)(next->due_ns - s->played_ns) / t->ns_per_cycle *
					(1 << LK_CYCLE_FRACTION))
			   : s->pace.interval;
	s->played_ns = next->due_ns;
	s->has_next = 1;
	return 1;
}

/* How many frames it still has to make, as far as that is known. */
static __rte_always_inline uint64_t
lk_frames_left(const struct lk_stream *s, uint64_t now, uint64_t tsc_now)
{
	uint64_t half = !s->shape.is_replay ? s->pace.interval / 2 : 0;
	uint64_t due = now == UINT64_MAX ? tsc_now : s->due + half;

	/* Half an interval: what is due as the time ends belongs to what would follow. */
	if (unlikely(due >= s->end))
		return 0;
	return s->intended - s->made - s->skipped;
}

/* The stream on top of the paced ones goes on as fast as the port takes frames. */
static inline void
lk_begin_flat_out(struct lk_sender *g)
{
	struct lk_heap *heap = &g->flat_out;
	uint32_t index = g->paced.entries[0].index;

	lk_remove_top(&g->paced);
	g->streams[index].due = heap->length > 0 ? heap->entries[0].at : 0;
	heap->entries[heap->length++] = (struct lk_due){g->streams[index].due, index};
	lk_heap_build(heap);
}

/* What most frames need (trial.h): the first line of a template and of a field, and 64 bytes. */
static __rte_always_inline void
lk_fetch_frames(const struct lk_heap *heap, const struct lk_stream *s)
{
	const struct lk_compiled *only = s->frames->templates;
	const uint8_t *fields = (const uint8_t *)(only + 1);

	if (heap->length < LK_FEW_STREAMS)
		return;
	rte_prefetch0(only);
	rte_prefetch0(fields);
	rte_prefetch0(fields + RTE_ALIGN(sizeof(struct lk_field), RTE_CACHE_LINE_SIZE));
}

/*
 * The stream whose frames are next, and how many of them in a row, at most `room`; NULL when none
 * is due. `now` is in cycles with a fraction, UINT64_MAX when nothing is paced; `clock` is it
 * always.
 */
static __rte_always_inline struct lk_stream *
lk_next_run(struct lk_sender *g, struct lk_heap *heap, uint64_t now, uint64_t clock, uint64_t tsc,
	    uint16_t room, uint16_t *run)
{
	const struct lk_trial *t = g->trial;

	while (heap->length > 0) {
		struct lk_stream *s = &g->streams[heap->entries[0].index];
		uint64_t left;

		if (heap->entries[0].at > now)
			return NULL;
		if (unlikely(now != UINT64_MAX && !s->pace.is_paced && t->config.live)) {
			lk_begin_flat_out(g); /* its delay is over */
			continue;
		}
		if (unlikely(s->shape.is_replay && !s->has_next &&
			     s->made + s->skipped < s->intended)) {
			int is_found = lk_find_next(t, s, now != UINT64_MAX);

			if (!is_found && now == UINT64_MAX)
				return NULL;
			if (!is_found || s->has_next) {
				heap->entries[0].at =
					is_found ? s->due
						 : now + (uint64_t)(LK_RETRY_NS / t->ns_per_cycle *
								    (1 << LK_CYCLE_FRACTION));
				lk_sift_down(heap, 0);
				continue;
			}
		}
		if (now != UINT64_MAX)
			lk_skip_overdue(s, now);
		left = lk_frames_left(s, now, clock);
		if (unlikely(left == 0)) {
			g->ending[g->endings++] = heap->entries[0].index;
			lk_remove_top(heap);
			continue;
		}
		if (unlikely(s->due > now)) {
			heap->entries[0].at = s->due;
			lk_sift_down(heap, 0);
			continue;
		}
		if (heap->length == 1 && now == UINT64_MAX) {
			*run = (uint16_t)RTE_MIN(left, room); /* no schedule to keep */
			if (s->shape.is_replay) {
				*run = 1;
				s->has_next = 0;
			}
			return s;
		}
		lk_take_due(g, s, tsc);
		for (*run = 1;
		     *run < RTE_MIN(left, room) && !s->shape.is_replay &&
		     (heap->length == 1 ? s->due <= now && s->due + s->pace.interval / 2 < s->end
					: s->pace.within == 0 && s->burst_left < s->pace.burst);
		     ++*run)
			lk_take_due(g, s, tsc);
		heap->entries[0].at = s->due;
		lk_sift_down(heap, 0);
		lk_fetch_frames(heap, s);
		return s;
	}
	return NULL;
}

#endif
