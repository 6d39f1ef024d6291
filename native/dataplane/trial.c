/* SPDX-License-Identifier: BSD-3-Clause */

/* A trial's memory: made before it runs, filled by the nodes generate and receive, read after. */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_errno.h>

#include "trial.h"

#define MAX_STREAM_ID UINT16_MAX
#define SMALL_ROOM    2048u
#define LARGE_ROOM    10240u /* the largest MTU of a lab, and headers */
#define POOL_CACHE    256
#define SMALL_BUFFERS 8191
#define LARGE_BUFFERS 4095
#define SLACK_SECONDS 0.001

int lk_mark_offset;

/*
 * Who sends a stream, by its number. Other workers look at the graph alone: the trial may be freed
 * while they drop what is left of its frames.
 */
static struct {
	_Atomic(const struct rte_graph *) graph;
	struct lk_trial *trial;
	uint32_t index;
} senders[MAX_STREAM_ID + 1];

int
lk_trials_start(void)
{
	static const struct rte_mbuf_dynfield mark = {
		.name = "lk_mark", .size = sizeof(uint64_t), .align = sizeof(uint64_t)};

	lk_mark_offset = rte_mbuf_dynfield_register(&mark);
	return lk_mark_offset < 0 ? -rte_errno : 0;
}

/*
 * Only generators allocate from these pools. What a buffer was filled with is still there when it
 * comes back, because nodes write headers and in front of them, and never a payload (node.h).
 */
struct rte_mempool *
lk_trial_pool(uint32_t longest)
{
	int is_small = longest <= SMALL_ROOM;
	const char *name = is_small ? "lk_generate_small" : "lk_generate_large";
	struct rte_mempool *pool = rte_mempool_lookup(name);

	if (pool == NULL)
		pool = rte_pktmbuf_pool_create(
			name, is_small ? SMALL_BUFFERS : LARGE_BUFFERS, POOL_CACHE, 0,
			(uint16_t)((is_small ? SMALL_ROOM : LARGE_ROOM) + RTE_PKTMBUF_HEADROOM),
			SOCKET_ID_ANY);
	return pool;
}

struct lk_trial *
lk_trial_create(const struct lk_trial_config *config)
{
	struct lk_trial *t = aligned_alloc(RTE_CACHE_LINE_SIZE, sizeof(*t));

	if (t == NULL)
		return NULL;
	memset(t, 0, sizeof(*t));
	t->config = *config;
	t->ticks = calloc(config->ticks, sizeof(*t->ticks));
	t->streams =
		aligned_alloc(_Alignof(struct lk_stream), config->streams * sizeof(*t->streams));
	if (t->streams != NULL)
		memset(t->streams, 0, config->streams * sizeof(*t->streams));
	t->ending = calloc(config->streams, sizeof(*t->ending));
	t->arrivals = calloc(config->streams, sizeof(struct lk_arrivals *));
	if (config->live)
		t->index_of = calloc(MAX_STREAM_ID + 1, sizeof(*t->index_of));
	t->pool = lk_trial_pool(config->longest);
	if (t->ticks == NULL || t->streams == NULL || t->ending == NULL || t->arrivals == NULL ||
	    (config->live && t->index_of == NULL) || t->pool == NULL ||
	    lk_heap_new(&t->paced, config->streams, t->streams, sizeof(*t->streams)) != 0 ||
	    lk_heap_new(&t->flat_out, config->streams, t->streams, sizeof(*t->streams)) != 0) {
		lk_trial_free(t);
		return NULL;
	}
	return t;
}

/* The nodes generate and receive are in their graphs and wait. */
void
lk_trial_start(struct lk_trial *t)
{
	double hz = lk_clock_tsc_hz();

	lk_heap_build(&t->paced);
	lk_heap_build(&t->flat_out);
	t->ns_per_cycle = 1e9 / hz;
	t->tick_cycles = (uint64_t)((double)t->config.tick_ns * hz / 1e9);
	t->clock_slack = (uint64_t)(hz * (SLACK_SECONDS + (double)t->config.clock_error_ns / 1e9));
	/* A moment ahead, so that both workers know of it when it comes. */
	t->start = rte_rdtsc() + (uint64_t)(hz / 1e4);
	t->epoch = t->start;
	t->start_realtime_ns = lk_clock_realtime_ns(t->start); /* once: the calibration moves */
	t->end = t->start + (uint64_t)((double)t->config.duration_ns * hz / 1e9);
	t->deadline = t->end + (t->config.paced ? (uint64_t)(hz / 1e9 * LK_TRIAL_GRACE) : 0);
	t->sending.end = t->receiving.end =
		t->config.live ? UINT64_MAX : RTE_MIN(t->start + t->tick_cycles, t->end);
	atomic_store_explicit(&t->state, LK_TRIAL_RUNS, memory_order_release);
}

/* No more frames are made; what was not made of the intended ones counts as skipped. */
void
lk_trial_stop(struct lk_trial *t)
{
	int runs = LK_TRIAL_RUNS;

	atomic_compare_exchange_strong(&t->state, &runs, LK_TRIAL_STOPS);
}

/* The generator's graph, from its own worker: what its tx drops is "unsent". */
void
lk_trial_sends_from(struct lk_trial *t, const struct rte_graph *graph)
{
	t->graph = graph;
	for (uint32_t i = 0; i < t->used; i++) {
		uint16_t id = t->streams[i].id;

		senders[id].trial = t;
		senders[id].index = i;
		senders[id].graph = graph;
	}
}

/* Live streams lose no frame to a full port: it is sent again, before others are made. */
static void
hold(struct lk_trial *t, struct lk_stream *s, struct rte_mbuf *m)
{
	rte_pktmbuf_refcnt_update(m, 1); /* the drop node frees it */
	t->waiting[t->held++] = m;
	t->refusals++;
	s->held++;
	s->held_bytes += m->pkt_len + 4;
}

/* A frame that the generator's own tx did not take: not sent, and so not lost. */
void
lk_trial_refused(const struct rte_graph *graph, struct rte_mbuf *m)
{
	uint16_t id = (uint16_t)*lk_mark_of(m);
	struct lk_trial *t;
	struct lk_stream *s;

	if (atomic_load_explicit(&senders[id].graph, memory_order_relaxed) != graph)
		return;
	t = senders[id].trial;
	s = &t->streams[senders[id].index];
	if (t->config.live) {
		hold(t, s, m);
		return;
	}
	s->refused++;
	s->refused_bytes += m->pkt_len + 4;
	t->ticks[t->sending.at].refused++;
}

void
lk_trial_counts(const struct lk_trial *t, struct lk_trial_counts *counts)
{
	uint64_t until;

	memset(counts, 0, sizeof(*counts));
	counts->state = t->state;
	for (uint32_t i = 0; i < t->config.streams; i++) {
		struct lk_stream_counts s;

		lk_trial_stream_counts(t, i, &s);
		counts->made += s.made;
		counts->skipped += s.skipped;
		counts->refused += s.refused;
		counts->received += s.received;
		counts->duplicated += s.duplicated;
		counts->reordered += s.reordered;
		counts->too_old += s.too_old;
	}
	counts->unsigned_frames = *(const volatile uint64_t *)&t->unsigned_frames;
	counts->unsigned_bytes = *(const volatile uint64_t *)&t->unsigned_bytes;
	if (t->start == 0)
		return;
	counts->start_realtime_ns = t->start_realtime_ns;
	until = counts->state == LK_TRIAL_DONE ? t->finished : rte_rdtsc();
	if (until > t->start)
		counts->elapsed_ns = (uint64_t)((double)(until - t->start) * t->ns_per_cycle);
}

int
lk_trial_stream_counts(const struct lk_trial *t, uint32_t index, struct lk_stream_counts *out)
{
	const volatile struct lk_stream *s;
	const volatile struct lk_arrivals *a;

	if (index >= t->config.streams)
		return -EINVAL;
	s = &t->streams[index];
	a = t->arrivals[index];
	*out = (struct lk_stream_counts){
		.made = s->made,
		.skipped = s->skipped,
		.refused = s->refused,
		.sent_bytes = s->made_bytes - s->refused_bytes,
		.received = a->sequence.received,
		.received_bytes = a->bytes,
		.reordered = a->sequence.reordered,
		.duplicated = a->sequence.duplicated,
		.too_old = a->sequence.too_old,
		.failed = s->has_failed,
	};
	return 0;
}

uint32_t
lk_trial_ticks(const struct lk_trial *t, struct lk_tick *out, uint32_t room)
{
	uint32_t count = RTE_MIN(room, t->config.ticks);

	memcpy(out, t->ticks, count * sizeof(*out));
	return count;
}

/* Latency of a stream in ns; of index -1, the jitter between departures. */
int
lk_trial_histogram(const struct lk_trial *t, int32_t index, struct lk_histogram *out)
{
	if (index >= (int32_t)t->config.streams)
		return -EINVAL;
	if (index >= 0 && t->arrivals[index] == NULL)
		return -ENOENT; /* of a live stream that never was started */
	*out = index < 0 ? t->jitter : t->arrivals[index]->latency->histogram;
	return 0;
}

/* Its paths are no longer walked. */
void
lk_trial_free(struct lk_trial *t)
{
	for (uint32_t id = 0; id <= MAX_STREAM_ID; id++)
		if (senders[id].trial == t)
			senders[id].graph = NULL;
	if (t->config.live)
		lk_live_free(t);
	for (uint32_t i = 0; t->streams != NULL && i < t->config.streams; i++) {
		lk_frames_free(t->streams[i].frames);
		if (t->arrivals != NULL)
			lk_arrivals_free(t->arrivals[i]);
	}
	if (t->spares > 0)
		rte_mempool_put_bulk(t->pool, (void **)t->spare, t->spares);
	free(t->arrivals);
	free(t->ending);
	free(t->index_of);
	lk_heap_free(&t->paced);
	lk_heap_free(&t->flat_out);
	free(t->streams);
	free(t->ticks);
	free(t);
}
