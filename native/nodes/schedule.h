/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_SCHEDULE_H
#define LK_SCHEDULE_H

#include "trial.h"

/*
 * When a trial's streams are due. They stand in a heap by the time of their next burst, so that
 * their order does not depend on how fast the machine is. It is part of the generator's loop, and
 * inlined there.
 */

/* Restores the heap after the due time of its top has grown. */
static inline void
lk_sift_down(const struct lk_trial *t)
{
	uint32_t at = 0, top = t->heap[0];

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= t->heap_length)
			break;
		if (child + 1 < t->heap_length &&
		    t->streams[t->heap[child + 1]].due < t->streams[t->heap[child]].due)
			child++;
		if (t->streams[top].due <= t->streams[t->heap[child]].due)
			break;
		t->heap[at] = t->heap[child];
		at = child;
	}
	t->heap[at] = top;
}

static inline void
lk_remove_top(struct lk_trial *t)
{
	t->heap[0] = t->heap[--t->heap_length];
	if (t->heap_length > 1)
		lk_sift_down(t);
}

/*
 * A worker that was held up does not make up for all of it: a flood would be the generator's fault
 * and not the DUT's. What is too long overdue is not made at all.
 */
static inline void
lk_skip_overdue(struct lk_stream *s, uint64_t now)
{
	uint64_t bursts, frames;

	if (likely(now <= s->due + s->backlog))
		return;
	if (s->gaps != NULL) {
		s->due = now; /* a capture keeps all of its frames, and the rest comes later */
		return;
	}
	bursts = (now - s->due - s->backlog) / s->interval + 1;
	frames = RTE_MIN((bursts - 1) * s->burst + s->burst_left,
			 s->intended - s->made - s->skipped);
	s->due += bursts * s->interval;
	s->burst_left = s->burst;
	s->skipped += frames;
}

static inline void
lk_note_jitter(struct lk_trial *t, struct lk_stream *s, uint64_t due, uint64_t tsc)
{
	if (s->last_made != 0) {
		int64_t early = (int64_t)((due - s->last_due) >> LK_CYCLE_FRACTION) -
				(int64_t)(tsc - s->last_made);

		lk_histogram_record(&t->jitter, (uint64_t)((double)llabs(early) * t->ns_per_cycle));
	}
	s->last_due = due;
	s->last_made = tsc;
}

/* Takes the next frame of the top stream from its schedule. */
static __rte_always_inline void
lk_take_due(struct lk_trial *t, struct lk_stream *s, uint64_t tsc)
{
	if (t->config.paced)
		lk_note_jitter(t, s, s->due, tsc);
	if (--s->burst_left == 0) {
		s->burst_left = s->burst;
		s->due += s->gaps == NULL ? s->interval : s->gaps[s->order_at];
	}
}

/*
 * The stream whose frames are next, and how many of them in a row, at most `room`; NULL when none
 * is due. `now` is in cycles with a fraction, UINT64_MAX when nothing is paced.
 */
static __rte_always_inline struct lk_stream *
lk_next_run(struct lk_trial *t, uint64_t now, uint64_t tsc, uint16_t room, uint16_t *run)
{
	while (t->heap_length > 0) {
		struct lk_stream *s = &t->streams[t->heap[0]];
		uint64_t left;

		if (s->due > now)
			return NULL;
		if (now != UINT64_MAX)
			lk_skip_overdue(s, now);
		left = s->intended - s->made - s->skipped;
		if (unlikely(left == 0)) {
			lk_remove_top(t);
			continue;
		}
		if (unlikely(s->due > now)) {
			lk_sift_down(t);
			continue;
		}
		if (t->heap_length == 1 && now == UINT64_MAX) {
			*run = (uint16_t)RTE_MIN(left, room); /* no schedule to keep */
			return s;
		}
		lk_take_due(t, s, tsc);
		for (*run = 1; *run < RTE_MIN(left, room) && s->gaps == NULL &&
			       (t->heap_length == 1 ? s->due <= now : s->burst_left < s->burst);
		     ++*run)
			lk_take_due(t, s, tsc);
		lk_sift_down(t);
		return s;
	}
	return NULL;
}

#endif
