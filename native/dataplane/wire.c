/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "frame_program.h"
#include "wire.h"

static const double FRACTION = 1 << LK_WIRE_FRACTION;

/* What may be another while frames are on it: they keep the times that they have. */
void
lk_wire_change(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct lk_wire *w = self->state;
	double second = lk_clock_tsc_hz() * FRACTION;
	double rate = values[LK_WIRE_RATE].real;
	int of_frames = values[LK_WIRE_RATE].whole != 0;

	w->per_byte = rate > 0 && !of_frames ? second / rate : 0;
	w->per_frame = rate > 0 && of_frames ? second / rate : 0;
	w->delay = values[LK_WIRE_DELAY].real * second;
	w->jitter = values[LK_WIRE_JITTER].real * second;
	w->loss = values[LK_WIRE_LOSS].real;
	w->limit = (uint64_t)values[LK_WIRE_LIMIT].whole;
	w->is_up = (int)values[LK_WIRE_UP].whole;
	w->overhead = (uint64_t)values[LK_WIRE_OVERHEAD].whole;
	w->seed = (uint64_t)values[LK_WIRE_SEED].whole;
	if (!w->is_up) /* nothing that is on it will come out */
		w->busy = w->last = w->queued = 0;
}

int
lk_wire_open(struct lk_node *self)
{
	struct lk_wire *w = self->state;

	w->laid = rte_rdtsc();
	w->frames = calloc(LK_WIRE_HOLDS, sizeof(*w->frames));
	if (w->frames == NULL)
		return -ENOMEM;
	lk_wire_change(self);
	return 0;
}

void
lk_wire_close(struct lk_node *self)
{
	struct lk_wire *w = self->state;

	for (uint64_t i = 0; w->frames != NULL && i < w->held; i++)
		rte_pktmbuf_free(w->frames[(w->first + i) % LK_WIRE_HOLDS].m);
	free(w->frames);
}

static double
drawn(struct lk_wire *w)
{
	return ldexp((double)(lk_random(w->seed, w->drawn++) >> 11), -53);
}

enum lk_verdict
lk_wire_put(struct lk_wire *w, struct rte_mbuf *m, uint64_t tsc)
{
	uint64_t now = (tsc - w->laid) << LK_WIRE_FRACTION;
	double takes = w->per_byte * (double)(m->pkt_len + w->overhead) + w->per_frame;
	uint64_t sent = RTE_MAX(now, w->busy) + (uint64_t)takes, at;
	double under_way = w->delay;

	if (unlikely(!w->is_up))
		return LK_wire_down;
	while (w->queued > 0 &&
	       w->frames[(w->first + w->held - w->queued) % LK_WIRE_HOLDS].sent <= now)
		w->queued--;
	if (w->queued >= w->limit)
		return LK_queue_full;
	if (w->held == LK_WIRE_HOLDS)
		return LK_delay_full;
	w->busy = sent; /* one that is lost on the way was sent all the same */
	if (w->loss > 0 && drawn(w) < w->loss)
		return LK_impair_loss;
	if (w->jitter > 0)
		under_way += w->jitter * (2 * drawn(w) - 1);
	at = sent + (under_way > 0 ? (uint64_t)under_way : 0);
	at = RTE_MAX(at, w->last);
	w->last = at;
	w->frames[(w->first + w->held++) % LK_WIRE_HOLDS] = (struct lk_on_wire){sent, at, m};
	w->queued += takes > 0;
	w->most_held = RTE_MAX(w->most_held, w->held);
	return LK_next;
}

struct rte_mbuf *
lk_wire_take(struct lk_wire *w, uint64_t tsc)
{
	const struct lk_on_wire *next = &w->frames[w->first];

	if (w->held == 0 || (w->is_up && next->at > (tsc - w->laid) << LK_WIRE_FRACTION))
		return NULL;
	w->first = (w->first + 1) % LK_WIRE_HOLDS;
	w->queued = RTE_MIN(w->queued, --w->held);
	if (w->is_up) {
		w->passed++;
		w->passed_bytes += next->m->pkt_len;
	}
	return next->m;
}
