/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "delay.h"
#include "frame_program.h"

int
lk_delay_open(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct lk_delay *d = self->state;
	double hz = lk_clock_tsc_hz();

	d->time = values[LK_DELAY_TIME].real * hz;
	d->jitter = values[LK_DELAY_JITTER].real * hz;
	d->distribution = (enum lk_distribution)values[LK_DELAY_DISTRIBUTION].whole;
	d->reorders = (int)values[LK_DELAY_REORDERS].whole;
	d->limit = (uint64_t)values[LK_DELAY_LIMIT].whole;
	d->seed = (uint64_t)values[LK_DELAY_SEED].whole;
	d->frames = calloc(d->limit, sizeof(*d->frames));
	return d->frames == NULL ? -ENOMEM : 0;
}

void
lk_delay_close(struct lk_node *self)
{
	struct lk_delay *d = self->state;

	for (uint64_t i = 0; i < d->held; i++)
		rte_pktmbuf_free(d->frames[(d->first + i) % d->limit].m);
	free(d->frames);
}

static double
drawn(struct lk_delay *d)
{
	return ldexp((double)((lk_random(d->seed, d->drawn++) >> 11) + 1), -53);
}

/* Cycles that a frame takes, never less than none. */
static uint64_t
time_of_one(struct lk_delay *d)
{
	double time = d->time;

	if (d->jitter > 0 && d->distribution == LK_NORMAL)
		time += d->jitter * sqrt(-2 * log(drawn(d))) * cos(2 * M_PI * drawn(d));
	else if (d->jitter > 0)
		time += d->jitter * (2 * drawn(d) - 1);
	return time > 0 ? (uint64_t)time : 0;
}

static void
heap_add(struct lk_delayed *heap, uint64_t at, struct lk_delayed one)
{
	while (at > 0 && heap[(at - 1) / 2].at > one.at) {
		heap[at] = heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	heap[at] = one;
}

static void
heap_remove_top(struct lk_delayed *heap, uint64_t count)
{
	struct lk_delayed last = heap[count - 1];
	uint64_t at = 0, child;

	for (; (child = 2 * at + 1) < count - 1; at = child) {
		child += child + 1 < count - 1 && heap[child + 1].at < heap[child].at;
		if (last.at <= heap[child].at)
			break;
		heap[at] = heap[child];
	}
	heap[at] = last;
}

void
lk_delay_put(struct lk_delay *d, struct rte_mbuf *m, uint64_t now)
{
	struct lk_delayed one = {now + time_of_one(d), m};

	if (d->held > 0 && (int64_t)(one.at - d->last) < 0) {
		if (d->reorders)
			d->reordered++;
		else
			one.at = d->last;
	} else {
		d->last = one.at;
	}
	if (d->reorders)
		heap_add(d->frames, d->held, one);
	else
		d->frames[(d->first + d->held) % d->limit] = one;
	d->held++;
	d->most_held = RTE_MAX(d->most_held, d->held);
}

struct rte_mbuf *
lk_delay_take(struct lk_delay *d, uint64_t now)
{
	struct lk_delayed *next = &d->frames[d->first];
	struct rte_mbuf *m = next->m;

	if (d->held == 0 || (int64_t)(now - next->at) < 0)
		return NULL;
	if (d->reorders)
		heap_remove_top(d->frames, d->held);
	else if (++d->first == d->limit)
		d->first = 0;
	d->held--;
	d->passed++;
	return m;
}
