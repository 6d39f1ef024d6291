/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "due.h"
#include "shaper.h"

#define SHORTEST    60
#define MOST_PLACES (1u << 22)
#define LATE	    4096 /* frames whose time has come, and whose worker has not */
#define REFUSED	    UINT64_MAX

int
lk_shaper_open(struct lk_node *self)
{
	const struct lk_node_value *limit = &self->config.values[LK_SHAPER_LIMIT];
	struct lk_shaper *s = self->state;
	double places;

	s->allowance = lk_allowance_get(self->config.values);
	s->weight = (uint64_t)self->config.values[LK_ALLOWANCE_WEIGHT].whole;
	s->limit = (uint64_t)limit->real;
	s->limits_frames = (int)limit->whole;
	s->tells_due = self->config.tells_due;
	places = (s->limits_frames ? limit->real : limit->real / SHORTEST) + LATE;
	s->place_count = places < MOST_PLACES ? (uint32_t)places : MOST_PLACES;
	s->places = calloc(s->place_count, sizeof(*s->places));
	s->ns_per_tick = 1e9 / lk_clock_tsc_hz() / (1 << LK_TICK_BITS);
	return s->allowance == NULL || s->places == NULL ? -ENOMEM : 0;
}

void
lk_shaper_close(struct lk_node *self)
{
	struct lk_shaper *s = self->state;

	for (uint64_t i = 0; i < s->held; i++)
		rte_pktmbuf_free(s->places[(s->first + i) % s->place_count].m);
	free(s->places);
	lk_allowance_put(s->allowance);
}

static uint64_t
tsc_of(const struct lk_shaper *s, uint64_t ticks)
{
	return s->allowance->began + (ticks >> LK_TICK_BITS);
}

/* Those whose time has come by then wait no more. */
static void
count_due(struct lk_shaper *s, uint64_t now)
{
	while (s->due < s->held) {
		const struct lk_shaped *one = &s->places[(s->first + s->due) % s->place_count];

		if (one->leaves > now)
			break;
		s->due++;
		s->due_bytes += one->m->pkt_len;
	}
}

/* Frames and bytes that wait, of a burst under way. */
struct waiting {
	uint64_t frames, bytes, here; /* here: with those that do not wait any more */
};

/* When a frame leaves, or that it finds no room; takes room and tokens. */
static uint64_t
decide_one(const struct lk_shaper *s, struct lk_bucket_times *times, struct waiting *w,
	   const struct rte_mbuf *m, uint64_t came)
{
	const struct lk_bucket *bucket = &s->allowance->bucket;
	uint64_t units = lk_allowance_units(s->allowance, m) * s->weight;
	uint64_t leaves = lk_bucket_leaves(bucket, times, units, came);

	if (leaves > came) {
		if (s->limits_frames ? w->frames >= s->limit : w->bytes + m->pkt_len > s->limit)
			return REFUSED;
		w->frames++;
		w->bytes += m->pkt_len;
	}
	if (leaves > came || w->here > 0) { /* never past one that is here */
		if (w->here >= s->place_count)
			return REFUSED;
		w->here++;
	}
	lk_bucket_take(bucket, times, units, leaves);
	return leaves;
}

static void
decide(struct lk_shaper *s, const uint64_t *came, void **objs, uint16_t count, uint64_t *leaves)
{
	struct lk_bucket_times seen, times;

	do {
		struct waiting w = {s->held - s->due, s->held_bytes - s->due_bytes, s->held};

		seen = times = lk_allowance_read(s->allowance);
		for (uint16_t i = 0; i < count; i++)
			leaves[i] = decide_one(s, &times, &w, objs[i], came[i]);
	} while (unlikely(!lk_allowance_commit(s->allowance, &seen, &times)));
}

static void
hold(struct lk_shaper *s, struct rte_mbuf *m, uint64_t leaves, uint64_t came)
{
	uint64_t wait_ns = (uint64_t)((double)(leaves - came) * s->ns_per_tick);

	s->places[(s->first + s->held) % s->place_count] = (struct lk_shaped){leaves, m};
	s->held++;
	s->held_bytes += m->pkt_len;
	s->most_held = RTE_MAX(s->most_held, s->held);
	s->delayed += leaves > came;
	s->exceeded += leaves > came;
	s->wait_ns += wait_ns;
	s->longest_wait_ns = RTE_MAX(s->longest_wait_ns, wait_ns);
}

uint16_t
lk_shaper_put(struct lk_shaper *s, const struct lk_node *self, uint64_t tsc, void **objs,
	      uint16_t count, void **full, uint16_t *full_count)
{
	uint64_t came[LK_SHAPER_AT_ONCE], leaves[LK_SHAPER_AT_ONCE];
	uint16_t kept = 0, refused = 0;

	for (uint16_t i = 0; i < count; i++)
		came[i] = lk_allowance_time(s->allowance, lk_came(self, objs[i], tsc));
	count_due(s, came[0]);
	decide(s, came, objs, count, leaves);
	for (uint16_t i = 0; i < count; i++) {
		if (unlikely(leaves[i] == REFUSED)) {
			full[refused++] = objs[i];
		} else if (leaves[i] > came[i] || s->held > 0) {
			hold(s, objs[i], leaves[i], came[i]);
		} else {
			if (s->tells_due)
				*lk_due_of(objs[i]) = tsc_of(s, leaves[i]);
			objs[kept++] = objs[i];
		}
	}
	s->passed += kept;
	s->dropped += refused;
	s->exceeded += refused;
	*full_count = refused;
	return kept;
}

uint16_t
lk_shaper_take(struct lk_shaper *s, uint64_t tsc, void **objs)
{
	uint64_t now = lk_allowance_time(s->allowance, tsc);
	uint16_t count = 0;

	count_due(s, now);
	while (count < LK_SHAPER_AT_ONCE && s->due > 0) {
		struct rte_mbuf *m = s->places[s->first].m;

		if (s->tells_due)
			*lk_due_of(m) = tsc_of(s, s->places[s->first].leaves);
		objs[count++] = m;
		s->first = s->first + 1 == s->place_count ? 0 : s->first + 1;
		s->held--;
		s->due--;
		s->held_bytes -= m->pkt_len;
		s->due_bytes -= m->pkt_len;
		s->passed++;
	}
	return count;
}
