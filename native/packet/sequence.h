/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_SEQUENCE_H
#define LK_SEQUENCE_H

#include "flow_order.h"

/*
 * Which sequence numbers of a stream have come. A frame is reordered when a later one of its flow
 * came before it (RFC 4737 3.4), duplicated when it came before. Numbers up to 65,536 behind the
 * highest one are remembered; of an older frame nobody can tell whether it came before: it is
 * counted as too old.
 */

struct lk_sequence {
	uint64_t next; /* one more than the highest that came */
	uint64_t received;
	uint64_t reordered;
	uint64_t duplicated;
	uint64_t too_old;
	uint64_t seen[LK_SEQUENCE_WINDOW / 64];
};

/* LK_LATE: another number came before it, but none of its own flow. */
enum lk_arrival { LK_ARRIVED, LK_LATE, LK_REORDERED, LK_DUPLICATED, LK_TOO_OLD };

static inline void
lk_sequence_forget(struct lk_sequence *s, uint64_t from, uint64_t to)
{
	for (; from < to; from++) {
		if (from % 64 == 0 && to - from >= 64) {
			s->seen[from % LK_SEQUENCE_WINDOW / 64] = 0;
			from += 63;
		} else {
			s->seen[from % LK_SEQUENCE_WINDOW / 64] &= ~(UINT64_C(1) << from % 64);
		}
	}
}

/*
 * Takes the low 32 bits of a sequence number into account. `missing` becomes how many numbers were
 * passed over by this frame: below 0 when it is one of those. `order` is NULL where all frames are
 * of one flow.
 */
static inline enum lk_arrival
lk_sequence_take(struct lk_sequence *s, struct lk_flow_order *order, uint32_t low, int64_t *missing)
{
	int64_t ahead = (int32_t)(low - (uint32_t)s->next);
	uint64_t number = s->next + (uint64_t)ahead, bit = UINT64_C(1) << number % 64;
	uint64_t *word = &s->seen[number % LK_SEQUENCE_WINDOW / 64];

	*missing = 0;
	if (__builtin_expect(ahead >= 0, 1)) {
		/* The place of this number held that of one window ago, as do those passed over. */
		if (ahead > 0)
			lk_sequence_forget(s,
					   (uint64_t)ahead > LK_SEQUENCE_WINDOW
						   ? number - LK_SEQUENCE_WINDOW
						   : s->next,
					   number);
		*missing = ahead;
		*word |= bit;
		s->next = number + 1;
		s->received++;
		return LK_ARRIVED;
	}
	if (number > s->next || (uint64_t)-ahead > LK_SEQUENCE_WINDOW) {
		s->too_old++;
		return LK_TOO_OLD;
	}
	if (*word & bit) {
		s->duplicated++;
		return LK_DUPLICATED;
	}
	*word |= bit;
	*missing = -1;
	s->received++;
	if (order != NULL && !lk_is_overtaken(order, s->seen, number, s->next))
		return LK_LATE;
	s->reordered++;
	return LK_REORDERED;
}

#endif
