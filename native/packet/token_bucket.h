/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TOKEN_BUCKET_H
#define LK_TOKEN_BUCKET_H

#include <stdint.h>

/*
 * Token buckets by the times of frames: a level is known by the time at which it is full again, so
 * that nothing has to be filled. A frame leaves when every level has its tokens. One level has the
 * rate and what may pass at once, a second one the rate that is there for ever and the credits
 * above it.
 *
 * Times are in ticks since the bucket was made: cycles with LK_TICK_BITS binary places.
 */
#define LK_TICK_BITS	 10
#define LK_PER_UNIT_BITS 20 /* a byte a second is 2^32 cycles of TSC, and fits */
#define LK_BUCKET_LEVELS 2

struct lk_bucket_level {
	uint64_t per_unit; /* ticks for a byte or frame, LK_PER_UNIT_BITS places; 0: unlimited */
	uint64_t depth;	   /* ticks in which it fills */
};

struct lk_bucket {
	struct lk_bucket_level levels[LK_BUCKET_LEVELS];
};

/* When each level is full again: all of a bucket that changes. */
struct lk_bucket_times {
	uint64_t full_at[LK_BUCKET_LEVELS];
};

static inline uint64_t
lk_bucket_ticks(const struct lk_bucket_level *level, uint64_t units)
{
	return (uint64_t)((unsigned __int128)units * level->per_unit >> LK_PER_UNIT_BITS);
}

/*
 * When a frame of so many units leaves that came at this time: then, or as soon as its tokens are
 * there. What is larger than a level takes the whole of it.
 */
static inline uint64_t
lk_bucket_leaves(const struct lk_bucket *bucket, const struct lk_bucket_times *times,
		 uint64_t units, uint64_t came)
{
	uint64_t leaves = came;

	for (int i = 0; i < LK_BUCKET_LEVELS; i++) {
		const struct lk_bucket_level *level = &bucket->levels[i];
		uint64_t cost = lk_bucket_ticks(level, units);
		uint64_t depth = cost > level->depth ? cost : level->depth;

		if (times->full_at[i] + cost > leaves + depth)
			leaves = times->full_at[i] + cost - depth;
	}
	return leaves;
}

/* Takes its tokens then. */
static inline void
lk_bucket_take(const struct lk_bucket *bucket, struct lk_bucket_times *times, uint64_t units,
	       uint64_t leaves)
{
	for (int i = 0; i < LK_BUCKET_LEVELS; i++) {
		uint64_t from = times->full_at[i] > leaves ? times->full_at[i] : leaves;

		times->full_at[i] = from + lk_bucket_ticks(&bucket->levels[i], units);
	}
}

/* Ticks of tokens that a level has. */
static inline uint64_t
lk_bucket_tokens(const struct lk_bucket_level *level, uint64_t full_at, uint64_t now)
{
	uint64_t missing = full_at > now ? full_at - now : 0;

	return missing < level->depth ? level->depth - missing : 0;
}

#endif
