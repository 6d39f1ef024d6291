/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FLOW_ORDER_H
#define LK_FLOW_ORDER_H

#include <stdatomic.h>

#include "frame_program.h"

/*
 * The order of frames within the flows of a stream. Queues of a NIC or a DUT deal with flows at
 * different times, so that of two flows either may be ahead; a frame is reordered only when a later
 * one of its own flow came before it (RFC 4737 is about a flow). No header is looked at: which flow
 * a frame is of follows from its number, because fields vary by it. And nothing is to be done for
 * frames that come in order: only when one is late, those that came above its number are gone
 * through, each once. There are 4,096 places, one for each flow when the values of all fields make
 * no more combinations. Else some flows share one, and a frame that the other flow's overtook
 * counts as reordered. A swap within a flow always counts.
 */
#define LK_SEQUENCE_WINDOW 65536u /* numbers of which it is known whether they came */
#define LK_FLOW_PLACES	   4096u

/* What tells the flows of a stream, or of a share of it, apart. */
struct lk_flow_fields {
	uint64_t lane; /* number n is frame lane + n * of of the stream */
	uint64_t of;
	uint32_t count;
	struct lk_flow_fields *link; /* those before, which are freed with it */
	struct lk_field fields[];
};

struct lk_flow_order {
	_Atomic(const struct lk_flow_fields *) flows; /* NULL: it is one flow */
	_Atomic uint64_t first;			      /* number with which the fields began */
	uint64_t low, high;		  /* numbers in between have been gone through */
	uint64_t highest[LK_FLOW_PLACES]; /* and the highest one of each flow, plus 1 */
};

/* Which of a field's values frame n has; of a list in which some are the same, the value. */
static inline uint64_t
lk_field_flow(const struct lk_field *f, uint64_t n)
{
	uint64_t i =
		f->is_random ? lk_field_drawn(f, n) : (f->hold > 1 ? n / f->hold : n) % f->count;

	return f->flow == LK_FLOW_BY_VALUE ? f->values[i] : i;
}

/* The place of the flow that a number of the stream is of: its own as far as there are as many. */
static inline uint32_t
lk_flow_place(const struct lk_flow_order *o, const struct lk_flow_fields *flows, uint64_t number)
{
	uint64_t first = atomic_load_explicit(&o->first, memory_order_relaxed);
	uint64_t n = flows->lane + (number - first) * flows->of;
	uint64_t flow = 0, combinations = 1;

	for (uint32_t i = 0; i < flows->count; i++) {
		const struct lk_field *f = &flows->fields[i];

		flow += lk_field_flow(f, n) * combinations;
		if (combinations <= LK_FLOW_PLACES && f->flow == LK_FLOW_BY_PLACE &&
		    f->count <= LK_FLOW_PLACES) {
			combinations *= f->count;
		} else {
			flow *= 0x9e3779b97f4a7c15u;
			combinations = (uint64_t)LK_FLOW_PLACES + 1;
		}
	}
	return (uint32_t)(combinations <= LK_FLOW_PLACES ? flow : lk_random(0, flow)) %
	       LK_FLOW_PLACES;
}

/* Takes those of the numbers from..to that came into account. */
static inline void
lk_note_flows(struct lk_flow_order *o, const struct lk_flow_fields *flows, const uint64_t *seen,
	      uint64_t from, uint64_t to)
{
	for (; from < to; from++) {
		uint64_t *highest;

		if (!(seen[from % LK_SEQUENCE_WINDOW / 64] >> from % 64 & 1))
			continue;
		highest = &o->highest[lk_flow_place(o, flows, from)];
		if (*highest <= from)
			*highest = from + 1;
	}
}

/* Whether a later frame of its flow came before this one, whose number is below `next`. */
static __attribute__((noinline, unused)) int
lk_is_overtaken(struct lk_flow_order *o, const uint64_t *seen, uint64_t number, uint64_t next)
{
	const struct lk_flow_fields *flows = atomic_load_explicit(&o->flows, memory_order_acquire);
	uint64_t *highest;

	if (flows == NULL)
		return 1;
	if (o->high <= number) /* nothing above it was gone through so far */
		o->low = o->high = number + 1;
	lk_note_flows(o, flows, seen, o->high, next);
	o->high = next;
	if (number < o->low) {
		lk_note_flows(o, flows, seen, number + 1, o->low);
		o->low = number;
	}
	highest = &o->highest[lk_flow_place(o, flows, number)];
	if (*highest > number + 1)
		return 1;
	*highest = number + 1;
	return 0;
}

#endif
