/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "queue.h"

#define SHORTEST      60
#define MOST_PLACES   (1u << 22)
#define TYPICAL	      1000 /* bytes of a frame, by which RED forgets while nothing comes */
#define RED_WEIGHT    0.002
#define RED_MOST      0.1
#define PIE_UPDATE_NS 15e6
#define PIE_BURST_NS  150e6

static void
red_open(struct lk_queue *q, double per_byte)
{
	double limit = (double)q->limit;

	q->red = (struct lk_red){
		.lowest = limit / 6,
		.highest = limit / 2,
		.most = RED_MOST,
		.weight = RED_WEIGHT,
		.frame_cycles = q->counts_frames ? per_byte : per_byte * TYPICAL,
		.since = -1,
	};
}

/* Weighted ones take turns by their weights, in frames or bytes as the link counts. */
static int
classes_open(struct lk_queue *q, const struct lk_node_data *data)
{
	q->classes = malloc(data->length);
	if (q->classes == NULL)
		return -ENOMEM;
	memcpy(q->classes, data->bytes, data->length);
	for (uint32_t i = 0; i < q->class_count; i++) {
		q->flows[i].limit = q->classes[i].limit;
		q->flows[i].limits_frames = q->classes[i].limits_frames;
		q->flows[i].quantum =
			(int64_t)q->classes[i].weight * (q->counts_frames ? 1 : LK_QUEUE_QUANTUM);
	}
	return 0;
}

static uint64_t
places_for(const struct lk_queue *q)
{
	uint64_t places = 0;

	if (q->class_count == 0)
		return q->limits_frames ? q->limit + 1 : q->limit / SHORTEST + 2;
	for (uint32_t i = 0; i < q->class_count; i++)
		places += q->flows[i].limits_frames ? q->flows[i].limit + 1
						    : q->flows[i].limit / SHORTEST + 2;
	return places;
}

int
lk_queue_open(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct lk_queue *q = self->state;
	double hz = lk_clock_tsc_hz(), per_unit = hz / values[LK_QUEUE_RATE].real;

	q->tells_due = self->config.tells_due;
	q->counts_frames = (int)values[LK_QUEUE_RATE].whole;
	q->per_unit = (uint64_t)ldexp(per_unit, LK_QUEUE_FRACTION);
	q->limits_frames = (int)values[LK_QUEUE_LIMIT].whole;
	q->limit = (uint64_t)values[LK_QUEUE_LIMIT].real;
	q->aqm = (enum lk_aqm)values[LK_QUEUE_AQM].whole;
	q->burst = (uint64_t)(values[LK_QUEUE_BURST].real * per_unit);
	q->has_ecn = (int)values[LK_QUEUE_ECN].whole;
	q->overhead = (uint32_t)values[LK_QUEUE_OVERHEAD].whole;
	q->ns_per_cycle = 1e9 / hz;
	q->codel.target = (uint64_t)(values[LK_QUEUE_TARGET].real * hz);
	q->codel.interval = (uint64_t)(values[LK_QUEUE_INTERVAL].real * hz);
	q->free_at = rte_rdtsc();
	q->pie = (struct lk_pie){
		.target = q->codel.target,
		.update = (uint64_t)(PIE_UPDATE_NS * hz / 1e9),
		.burst = (uint64_t)(PIE_BURST_NS * hz / 1e9),
		.allowance = (uint64_t)(PIE_BURST_NS * hz / 1e9),
		.hz = hz,
		.updated = q->free_at,
		.seed = (uint64_t)values[LK_QUEUE_SEED].whole,
	};
	red_open(q, per_unit);
	q->red.seed = q->pie.seed;
	q->class_count = (uint32_t)(self->config.data[0].length / sizeof(*q->classes));
	q->flow_count = q->aqm == LK_AQM_FQ_CODEL ? LK_QUEUE_FLOWS : RTE_MAX(1u, q->class_count);
	q->flows = calloc(q->flow_count, sizeof(*q->flows));
	if (q->flows == NULL)
		return -ENOMEM;
	if (q->class_count > 0 && classes_open(q, &self->config.data[0]) != 0)
		return -ENOMEM;
	for (uint32_t i = 0; i < q->flow_count && q->class_count == 0; i++)
		q->flows[i].quantum = LK_QUEUE_QUANTUM;
	q->place_count = (uint32_t)RTE_MIN((uint64_t)MOST_PLACES, places_for(q));
	q->places = calloc(q->place_count, sizeof(*q->places));
	if (q->places == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < q->place_count; i++)
		q->places[i].next = i + 1 < q->place_count ? i + 2 : 0;
	q->free_place = 1;
	return 0;
}

void
lk_queue_close(struct lk_node *self)
{
	struct lk_queue *q = self->state;

	for (uint32_t i = 0; q->flows != NULL && i < q->flow_count; i++)
		for (uint32_t at = q->flows[i].head; at != 0; at = q->places[at - 1].next)
			rte_pktmbuf_free(q->places[at - 1].m);
	for (uint32_t i = 0; i < q->gone_count; i++)
		rte_pktmbuf_free(q->gone[i]);
	rte_pktmbuf_free(q->sending.m);
	free(q->classes);
	free(q->flows);
	free(q->places);
}
