/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_AQM_H
#define LK_AQM_H

#include <math.h>
#include <stdint.h>

#include "frame_program.h"

/*
 * Queue management: whether a frame is to go, or to be marked, before the queue is full. Times are
 * cycles of the TSC at which the link would take the frame, not those of the loop that asks.
 */

/* Random early detection, gentle, by the mean number of bytes (Floyd, Jacobson 1993; RFC 7567). */
struct lk_red {
	double lowest, highest; /* bytes in the mean; above twice the highest all are dropped */
	double most;		/* probability at the highest */
	double weight;		/* of a frame in the mean */
	double frame_cycles;	/* in which the link would have taken a typical frame */
	double mean;
	int64_t since; /* frames since the last drop; -1: the mean was below the lowest */
	uint64_t idle_since;
	uint64_t seed, drawn;
};

static inline double
lk_drawn(uint64_t seed, uint64_t *drawn)
{
	return ldexp((double)(lk_random(seed, (*drawn)++) >> 11), -53);
}

/* Whether a frame that comes now, to so many bytes, is dropped. */
static inline int
lk_red_drops(struct lk_red *red, uint64_t bytes, uint64_t now)
{
	double p;

	if (bytes > 0)
		red->mean += red->weight * ((double)bytes - red->mean);
	else if (now > red->idle_since)
		red->mean *=
			pow(1 - red->weight, (double)(now - red->idle_since) / red->frame_cycles);
	if (red->mean < red->lowest) {
		red->since = -1;
		return 0;
	}
	red->since++;
	if (red->mean >= 2 * red->highest)
		p = 1;
	else if (red->mean >= red->highest)
		p = red->most + (1 - red->most) * (red->mean / red->highest - 1);
	else
		p = red->most * (red->mean - red->lowest) / (red->highest - red->lowest);
	/* Spread evenly rather than at random: uniform between two drops. */
	if (red->mean < red->highest)
		p = red->since * p < 1 ? p / (1 - (double)red->since * p) : 1;
	if (lk_drawn(red->seed, &red->drawn) >= p)
		return 0;
	red->since = 0;
	return 1;
}

/* Controlled delay: RFC 8289 5. */
struct lk_codel {
	uint64_t
		first_above; /* when the delay will have been above for an interval; 0: it is not */
	uint64_t drop_next;
	uint32_t count, last_count;
	int is_dropping;
};
struct lk_codel_config {
	uint64_t target, interval; /* cycles */
};

static inline uint64_t
lk_codel_next(const struct lk_codel_config *config, const struct lk_codel *c, uint64_t from)
{
	return from + (uint64_t)((double)config->interval / sqrt(c->count));
}

/* Whether the delay has been too long for an interval; `bytes` are those left behind the frame. */
static inline int
lk_codel_is_late(const struct lk_codel_config *config, struct lk_codel *c, uint64_t delay,
		 uint64_t bytes, uint32_t longest, uint64_t now)
{
	if (delay < config->target || bytes <= longest) {
		c->first_above = 0;
		return 0;
	}
	if (c->first_above == 0) {
		c->first_above = now + config->interval;
		return 0;
	}
	return now >= c->first_above;
}

/*
 * Whether the frame at the head goes, and the next one is asked about at the same time. It keeps
 * state between those: RFC 8289's loop, one frame at a time.
 */
static inline int
lk_codel_drops(const struct lk_codel_config *config, struct lk_codel *c, int is_late, uint64_t now)
{
	if (c->is_dropping) {
		if (!is_late) {
			c->is_dropping = 0;
			return 0;
		}
		if (now < c->drop_next)
			return 0;
		c->count++;
		c->drop_next = lk_codel_next(config, c, c->drop_next);
		return 1;
	}
	if (!is_late)
		return 0;
	c->is_dropping = 1;
	/* Soon after the last time it goes on where that ended. */
	if (now - c->drop_next < 16 * config->interval && c->count - c->last_count > 1)
		c->count -= c->last_count;
	else
		c->count = 1;
	c->last_count = c->count;
	c->drop_next = lk_codel_next(config, c, now);
	return 1;
}

/* Proportional integral controller enhanced: RFC 8033 4 and 5, without its de-randomisation. */
struct lk_pie {
	uint64_t target, update, burst; /* cycles */
	double hz;
	double probability;
	uint64_t allowance; /* cycles in which nothing is dropped */
	uint64_t delay, delay_before;
	uint64_t updated;
	uint64_t seed, drawn;
};

static inline double
lk_pie_scale(double p)
{
	static const double limits[][2] = {{1e-6, 2048}, {1e-5, 512}, {1e-4, 128},
					   {1e-3, 32},	 {1e-2, 8},   {1e-1, 2}};

	for (unsigned int i = 0; i < 6; i++)
		if (p < limits[i][0])
			return limits[i][1];
	return 1;
}

/* The probability follows the delay of the frame that left last; `bytes`: what is still queued. */
static inline void
lk_pie_update(struct lk_pie *pie, uint64_t bytes, uint64_t now)
{
	while (now - pie->updated >= pie->update) {
		uint64_t delay = bytes > 0 ? pie->delay : 0;
		double error = ((double)delay - (double)pie->target) / pie->hz;
		double trend = ((double)delay - (double)pie->delay_before) / pie->hz;
		double step = (0.125 * error + 1.25 * trend) / lk_pie_scale(pie->probability);

		if (pie->probability >= 0.1 && step > 0.02)
			step = 0.02;
		pie->probability += step;
		if (delay == 0 && pie->delay_before == 0)
			pie->probability *= 0.98;
		pie->probability = fmin(1, fmax(0, pie->probability));
		pie->allowance -= pie->allowance < pie->update ? pie->allowance : pie->update;
		if (pie->probability == 0 && delay < pie->target / 2 &&
		    pie->delay_before < pie->target / 2)
			pie->allowance = pie->burst;
		pie->delay_before = delay;
		pie->updated += pie->update;
		if (now - pie->updated > 1000 * pie->update)
			pie->updated = now; /* nothing came for long: the rest changes nothing */
	}
}

static inline int
lk_pie_drops(struct lk_pie *pie, uint64_t bytes, uint32_t longest, uint64_t now)
{
	lk_pie_update(pie, bytes, now);
	if (pie->allowance > 0 || bytes <= 2 * longest ||
	    (pie->delay_before < pie->target / 2 && pie->probability < 0.2))
		return 0;
	return lk_drawn(pie->seed, &pie->drawn) < pie->probability;
}

#endif
