/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "delay.h"
#include "due.h"
#include "frame_program.h"

/* A number before them tells what they are multiples of: 0: the jitter, 1: a second. */
static int
take_quantiles(struct lk_delay *d, const struct lk_node_data *data, double hz)
{
	uint64_t count = data->length / sizeof(double);
	double unit;

	if (count < 3)
		return -EINVAL;
	memcpy(&unit, data->bytes, sizeof(unit));
	d->jitter = unit == 0 ? d->jitter : hz;
	if (d->jitter == 0)
		return 0;
	d->steps = count - 2;
	d->quantiles = malloc((count - 1) * sizeof(double));
	if (d->quantiles == NULL)
		return -ENOMEM;
	memcpy(d->quantiles, data->bytes + sizeof(unit), (count - 1) * sizeof(double));
	return 0;
}

int
lk_delay_open(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct lk_delay *d = self->state;
	double hz = lk_clock_tsc_hz();
	int rc;

	d->tells_due = self->config.tells_due;
	d->time = values[LK_DELAY_TIME].real * hz;
	d->jitter = values[LK_DELAY_JITTER].real * hz;
	d->fixed = (uint64_t)d->time;
	d->limit = (uint64_t)values[LK_DELAY_LIMIT].whole;
	d->seed = (uint64_t)values[LK_DELAY_SEED].whole;
	d->frames = calloc(d->limit, sizeof(*d->frames));
	if (d->frames == NULL)
		return -ENOMEM;
	rc = take_quantiles(d, &self->config.data[0], hz);
	d->reorders = (int)values[LK_DELAY_REORDERS].whole && d->quantiles != NULL;
	return rc;
}

void
lk_delay_close(struct lk_node *self)
{
	struct lk_delay *d = self->state;

	for (uint64_t i = 0; i < d->held; i++)
		rte_pktmbuf_free(d->frames[(d->first + i) % d->limit].m);
	free(d->frames);
	free(d->quantiles);
}

/* Cycles that a frame takes, never less than none: the quantile of a random number. */
static uint64_t
time_of_one(struct lk_delay *d)
{
	unsigned __int128 product = (unsigned __int128)lk_random(d->seed, d->drawn++) * d->steps;
	double behind = ldexp((double)(uint64_t)product, -64);
	const double *q = &d->quantiles[(uint64_t)(product >> 64)];
	double time = d->time + d->jitter * (q[0] + behind * (q[1] - q[0]));

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

static void
put_one(struct lk_delay *d, struct rte_mbuf *m, uint64_t now)
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
	if (d->reorders) {
		heap_add(d->frames, d->held, one);
	} else {
		uint64_t place = d->first + d->held;

		d->frames[place < d->limit ? place : place - d->limit] = one;
	}
	d->held++;
}

uint16_t
lk_delay_put(struct lk_delay *d, const struct lk_node *self, void **frames, uint16_t count,
	     uint64_t now)
{
	count = (uint16_t)RTE_MIN((uint64_t)count, d->limit - d->held);
	if (d->quantiles == NULL) {
		uint64_t place = d->first + d->held;

		for (uint16_t i = 0; i < count; i++, place++) {
			place -= place >= d->limit ? d->limit : 0;
			d->frames[place] = (struct lk_delayed){
				lk_came(self, frames[i], now) + d->fixed, frames[i]};
		}
		d->held += count;
	} else {
		for (uint16_t i = 0; i < count; i++)
			put_one(d, frames[i], lk_came(self, frames[i], now));
	}
	d->most_held = RTE_MAX(d->most_held, d->held);
	return count;
}

uint16_t
lk_delay_take(struct lk_delay *d, void **frames, uint16_t most, uint64_t now)
{
	uint64_t first = d->first, held = d->held;
	uint16_t count = 0;

	for (; count < most && held > 0 && (int64_t)(now - d->frames[first].at) >= 0; count++) {
		frames[count] = d->frames[first].m;
		if (d->tells_due)
			*lk_due_of(frames[count]) = d->frames[first].at;
		if (d->reorders)
			heap_remove_top(d->frames, held);
		else if (++first == d->limit)
			first = 0;
		held--;
	}
	d->first = first;
	d->held = held;
	d->passed += count;
	return count;
}
