/* SPDX-License-Identifier: BSD-3-Clause */
#include <math.h>
#include <stdlib.h>

#include "allowance.h"

#define DEEPEST (UINT64_MAX / 2) /* ticks, which a time is added to: 26 days of 4 GHz */

static struct lk_allowance *allowances; /* written by the command thread alone */

static int
is_it(const struct lk_allowance *a, const struct lk_node_value *values)
{
	for (int i = 0; i < LK_ALLOWANCE_VALUES; i++)
		if (a->values[i].whole != values[i].whole || a->values[i].real != values[i].real)
			return 0;
	return 1;
}

/* rate: bytes or frames a second; 0: unlimited */
static struct lk_bucket_level
level_of(double rate, double depth)
{
	struct lk_bucket_level level = {0, 0};
	unsigned __int128 deep;
	double ticks;

	if (rate > 0) {
		ticks = ldexp(lk_clock_tsc_hz(), LK_TICK_BITS) / rate;
		level.per_unit = (uint64_t)llround(ldexp(ticks, LK_PER_UNIT_BITS));
		/* As tokens are taken: of a depth of 50 frames, 50 pass at once, and not 49. */
		deep = (unsigned __int128)llround(depth) * level.per_unit >> LK_PER_UNIT_BITS;
		level.depth = deep < DEEPEST ? (uint64_t)deep : DEEPEST;
	}
	return level;
}

struct lk_allowance *
lk_allowance_get(const struct lk_node_value *values)
{
	struct lk_allowance *a = allowances;

	while (a != NULL && !is_it(a, values))
		a = a->next;
	if (a == NULL) {
		a = aligned_alloc(__alignof__(*a), sizeof(*a));
		if (a == NULL)
			return NULL;
		memset(a, 0, sizeof(*a));
		memcpy(a->values, values, sizeof(a->values));
		a->bucket.levels[0] =
			level_of(values[LK_ALLOWANCE_RATE].real, values[LK_ALLOWANCE_BURST].real);
		a->bucket.levels[1] = level_of(values[LK_ALLOWANCE_BASELINE].real,
					       values[LK_ALLOWANCE_CREDITS].real);
		a->counts_frames = (int)values[LK_ALLOWANCE_RATE].whole;
		a->overhead = (uint32_t)values[LK_ALLOWANCE_OVERHEAD].whole;
		a->began = rte_rdtsc();
		a->next = allowances;
		allowances = a;
	}
	a->users++;
	return a;
}

void
lk_allowance_put(struct lk_allowance *allowance)
{
	struct lk_allowance **at = &allowances;

	if (allowance == NULL || --allowance->users > 0)
		return;
	while (*at != allowance)
		at = &(*at)->next;
	*at = allowance->next;
	free(allowance);
}

static uint64_t
units_in(const struct lk_bucket_level *level, uint64_t ticks)
{
	return (uint64_t)llround(ldexp((double)ticks, LK_PER_UNIT_BITS) / (double)level->per_unit);
}

uint32_t
lk_allowance_rows(const struct lk_allowance *allowance, uint64_t *cursor, struct lk_row *rows,
		  uint32_t room)
{
	uint64_t now = lk_allowance_time(allowance, rte_rdtsc());
	uint32_t count = 0;

	for (; *cursor < LK_BUCKET_LEVELS && count < room; (*cursor)++) {
		const struct lk_bucket_level *level = &allowance->bucket.levels[*cursor];
		uint64_t full_at = allowance->times.full_at[*cursor];

		if (level->per_unit == 0)
			continue;
		rows[count].cells[0] = *cursor;
		rows[count].cells[1] = units_in(level, lk_bucket_tokens(level, full_at, now));
		rows[count++].cells[2] = units_in(level, level->depth);
	}
	return count;
}
