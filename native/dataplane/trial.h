/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TRIAL_H
#define LK_TRIAL_H

#include <stdatomic.h>

#include <rte_graph.h>
#include <rte_mbuf.h>

#include "api.h"
#include "histogram.h"
#include "mark.h"
#include "sequence.h"

#define LK_TRIAL_BURST 128

/*
 * Times of the schedule are TSC cycles after the start with some bits of fraction: the other 50
 * hold three days of 4 GHz.
 */
#define LK_CYCLE_FRACTION 14

struct lk_compiled {
	struct lk_template template;
	uint64_t mark;		/* of a buffer that holds this template */
	uint64_t descriptor[4]; /* from rearm_data on, of an mbuf that holds such a frame */
};

/* A stream on its way out; all of it belongs to the generator's worker. */
struct lk_stream {
	uint64_t due; /* of its next burst */
	uint64_t interval;
	uint64_t backlog;	/* how far behind its schedule it may catch up */
	uint64_t intended;	/* frames; UINT64_MAX: until the time is over */
	uint64_t made;		/* handed to what follows the generator */
	uint64_t skipped;	/* never made: too far behind the schedule */
	uint64_t refused;	/* made, and not taken by the port */
	uint64_t refused_bytes; /* with FCS, as made_bytes */
	uint64_t made_bytes;
	uint64_t last_due, last_made; /* TSC; for the jitter */
	uint32_t burst, burst_left;
	uint32_t order_length, order_at;
	uint32_t field_count, checksum_count;
	int has_signature;
	uint16_t id;
	uint16_t *order;
	uint64_t *gaps; /* beside order; NULL: the interval is always the same */
	struct lk_compiled *templates;
	uint32_t template_count;
	struct lk_field fields[LK_MAX_FIELDS];
};

/* A stream on its way in; belongs to the receiver's worker. */
struct lk_arrivals {
	struct lk_sequence sequence;
	uint64_t bytes; /* with FCS, of frames that came for the first time */
	struct lk_histogram latency;
};

/* Where a worker stands in the time series. */
struct lk_tick_cursor {
	uint64_t end; /* TSC */
	uint32_t at;
};

struct lk_trial {
	/* set when it is created or started */
	struct lk_trial_config config;
	uint64_t start, end; /* TSC */
	uint64_t start_realtime_ns;
	uint64_t deadline; /* paced frames that were due before the end have until then */
	uint64_t tick_cycles;
	uint64_t clock_slack; /* cycles by which the clocks of two CPUs may differ */
	double ns_per_cycle;
	struct lk_tick *ticks;
	atomic_int state;

	/* the generator's */
	struct lk_stream *streams;
	uint32_t *heap; /* of streams that go on, the next one due on top */
	uint32_t heap_length;
	uint64_t finished; /* TSC */
	struct lk_tick_cursor sending;
	struct rte_mempool *pool;
	struct rte_mbuf *spare[LK_TRIAL_BURST];
	uint32_t spares;
	const struct rte_graph *graph;
	struct lk_histogram jitter;

	/* the receiver's */
	struct lk_arrivals **arrivals __rte_cache_aligned;
	struct lk_tick_cursor receiving;
	uint64_t unsigned_frames, unsigned_bytes;
};

int lk_trials_start(void);
void lk_stream_free(struct lk_stream *s);
void lk_trial_sends_from(struct lk_trial *t, const struct rte_graph *graph);
void lk_trial_refused(const struct rte_graph *graph, struct rte_mbuf *m);

/*
 * The interval of the time series that `now` lies in. The last one but one ends with the trial,
 * whole or not; the last one holds all that comes after.
 */
static inline struct lk_tick *
lk_tick_now(const struct lk_trial *t, struct lk_tick_cursor *cursor, uint64_t now)
{
	while (unlikely(now >= cursor->end) && cursor->at + 1 < t->config.ticks) {
		cursor->at++;
		cursor->end = RTE_MIN(cursor->end + t->tick_cycles, t->end);
	}
	return &t->ticks[cursor->at];
}

#endif
