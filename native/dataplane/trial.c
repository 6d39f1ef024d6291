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

int lk_mark_offset, lk_due_offset;
int lk_payloads_change;

/*
 * Who sends a stream, by its number. Other workers look at the graph alone: the trial may be freed
 * while they drop what is left of its frames.
 */
static struct {
	_Atomic(const struct rte_graph *) graph;
	struct lk_sender *sender;
	uint32_t index;
} senders[MAX_STREAM_ID + 1];

int
lk_trials_start(void)
{
	static const struct rte_mbuf_dynfield mark = {
		.name = "lk_mark", .size = sizeof(uint64_t), .align = sizeof(uint64_t)};
	static const struct rte_mbuf_dynfield due = {
		.name = "lk_due", .size = sizeof(uint64_t), .align = sizeof(uint64_t)};

	lk_mark_offset = rte_mbuf_dynfield_register(&mark);
	lk_due_offset = rte_mbuf_dynfield_register(&due);
	return lk_mark_offset < 0 || lk_due_offset < 0 ? -rte_errno : 0;
}

/*
 * Only generators allocate from these pools, and each lane has its own. What a buffer was filled
 * with is still there when it comes back, because nodes write headers and in front of them, and
 * never a payload (node.h). Those of further lanes are half as large, and where there is no memory
 * for one the first is shared.
 */
struct rte_mempool *
lk_trial_pool(uint32_t longest, uint32_t lane)
{
	int is_small = longest <= SMALL_ROOM;
	unsigned int buffers = (is_small ? SMALL_BUFFERS : LARGE_BUFFERS) >> (lane > 0);
	char name[2 * RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "lk_generate_%s%u", is_small ? "small" : "large", lane);
	pool = rte_mempool_lookup(name);
	if (pool == NULL)
		pool = rte_pktmbuf_pool_create(
			name, buffers, POOL_CACHE, 0,
			(uint16_t)((is_small ? SMALL_ROOM : LARGE_ROOM) + RTE_PKTMBUF_HEADROOM),
			SOCKET_ID_ANY);
	return pool != NULL || lane == 0 ? pool : lk_trial_pool(longest, 0);
}

/* Zeros that begin with a line of their own, and with a pair that is fetched together. */
static void *
new_lines(size_t bytes)
{
	size_t whole = RTE_ALIGN(bytes, (size_t)LK_LANE_LINES);
	void *memory = aligned_alloc((size_t)LK_LANE_LINES, whole);

	return memory == NULL ? NULL : memset(memory, 0, whole);
}

static int
make_sender(struct lk_trial *t, uint32_t lane)
{
	const struct lk_trial_config *config = &t->config;
	struct lk_sender *g = &t->senders[lane];

	g->trial = t;
	g->lane = lane;
	g->sending.ticks = new_lines(config->ticks * sizeof(struct lk_tick));
	g->streams = new_lines(config->streams * sizeof(*g->streams));
	g->ending = new_lines(config->streams * sizeof(*g->ending));
	g->pool = lk_trial_pool(config->longest, lane);
	return g->sending.ticks == NULL || g->streams == NULL || g->ending == NULL ||
	       g->pool == NULL ||
	       lk_heap_new(&g->paced, config->streams, g->streams, sizeof(*g->streams)) != 0 ||
	       lk_heap_new(&g->flat_out, config->streams, g->streams, sizeof(*g->streams)) != 0;
}

static int
make_receiver(struct lk_trial *t, struct lk_receiver *r)
{
	r->receiving.ticks = new_lines(t->config.ticks * sizeof(struct lk_tick));
	r->arrivals = calloc((size_t)t->config.lanes * t->config.streams, sizeof(r->arrivals[0]));
	return r->receiving.ticks == NULL || r->arrivals == NULL;
}

struct lk_trial *
lk_trial_create(const struct lk_trial_config *config)
{
	struct lk_trial *t = new_lines(sizeof(*t));
	int failed;

	if (t == NULL)
		return NULL;
	t->config = *config;
	t->senders = new_lines(config->lanes * sizeof(*t->senders));
	t->receivers = new_lines(config->receivers * sizeof(*t->receivers));
	failed = t->senders == NULL || t->receivers == NULL;
	if (config->live) {
		t->index_of = calloc(MAX_STREAM_ID + 1, sizeof(*t->index_of));
		failed |= t->index_of == NULL;
	}
	for (uint32_t i = 0; i < config->lanes && !failed; i++)
		failed = make_sender(t, i);
	for (uint32_t i = 0; i < config->receivers && !failed; i++)
		failed = make_receiver(t, &t->receivers[i]);
	if (failed) {
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
	uint64_t tick;

	t->ns_per_cycle = 1e9 / hz;
	t->tick_cycles = (uint64_t)((double)t->config.tick_ns * hz / 1e9);
	t->clock_slack = (uint64_t)(hz * (SLACK_SECONDS + (double)t->config.clock_error_ns / 1e9));
	/* A moment ahead, so that all workers know of it when it comes. */
	t->start = rte_rdtsc() + (uint64_t)(hz / 1e4);
	t->start_realtime_ns = lk_clock_realtime_ns(t->start); /* once: the calibration moves */
	t->end = t->start + (uint64_t)((double)t->config.duration_ns * hz / 1e9);
	t->deadline = t->end + (t->config.paced ? (uint64_t)(hz / 1e9 * LK_TRIAL_GRACE) : 0);
	t->unfinished = t->config.lanes;
	tick = t->config.live ? UINT64_MAX : RTE_MIN(t->start + t->tick_cycles, t->end);
	for (uint32_t i = 0; i < t->config.lanes; i++) {
		struct lk_sender *g = &t->senders[i];

		lk_heap_build(&g->paced);
		lk_heap_build(&g->flat_out);
		g->epoch = t->start;
		g->sending.end = tick;
	}
	for (uint32_t i = 0; i < t->config.receivers; i++)
		t->receivers[i].receiving.end = tick;
	atomic_store_explicit(&t->state, LK_TRIAL_RUNS, memory_order_release);
}

/* No more frames are made; what was not made of the intended ones counts as skipped. */
void
lk_trial_stop(struct lk_trial *t)
{
	int runs = LK_TRIAL_RUNS;

	atomic_compare_exchange_strong(&t->state, &runs, LK_TRIAL_STOPS);
}

/* A lane's graph, from its own worker: what its tx drops is "unsent". */
void
lk_sends_from(struct lk_sender *g, const struct rte_graph *graph)
{
	g->graph = graph;
	for (uint32_t i = 0; i < g->trial->used; i++) {
		uint16_t id = g->streams[i].id;

		if (g->streams[i].share.of == 0)
			continue;
		senders[id].sender = g;
		senders[id].index = i;
		senders[id].graph = graph;
	}
}

/* Live streams lose no frame to a full port: it is sent again, before others are made. */
static void
hold(struct lk_sender *g, struct lk_stream *s, struct rte_mbuf *m)
{
	rte_pktmbuf_refcnt_update(m, 1); /* the drop node frees it */
	g->waiting[g->held++] = m;
	g->refusals++;
	s->held++;
	s->held_bytes += m->pkt_len + 4;
}

/* A frame that the generator's own tx did not take: not sent, and so not lost. */
void
lk_trial_refused(const struct rte_graph *graph, struct rte_mbuf *m)
{
	uint16_t id = (uint16_t)*lk_mark_of(m);
	struct lk_sender *g;
	struct lk_stream *s;

	if (atomic_load_explicit(&senders[id].graph, memory_order_relaxed) != graph)
		return;
	g = senders[id].sender;
	s = &g->streams[senders[id].index];
	if (g->trial->config.live) {
		hold(g, s, m);
		return;
	}
	s->refused++;
	s->refused_bytes += m->pkt_len + 4;
	g->sending.ticks[g->sending.at].refused++;
}

static void
free_sender(struct lk_sender *g)
{
	for (uint32_t id = 0; id <= MAX_STREAM_ID; id++)
		if (senders[id].sender == g)
			senders[id].graph = NULL;
	if (g->trial != NULL && g->trial->config.live)
		lk_live_free(g);
	for (uint32_t i = 0; g->streams != NULL && i < g->trial->config.streams; i++)
		lk_frames_free(g->streams[i].frames);
	if (g->spares > 0)
		rte_mempool_put_bulk(g->pool, (void **)g->spare, g->spares);
	free(g->ending);
	lk_heap_free(&g->paced);
	lk_heap_free(&g->flat_out);
	free(g->streams);
	free(g->sending.ticks);
}

/* Its paths are no longer walked. */
void
lk_trial_free(struct lk_trial *t)
{
	for (uint32_t i = 0; t->senders != NULL && i < t->config.lanes; i++)
		free_sender(&t->senders[i]);
	for (uint32_t i = 0; t->receivers != NULL && i < t->config.receivers; i++) {
		struct lk_receiver *r = &t->receivers[i];

		for (uint32_t n = 0; r->arrivals != NULL && n < t->config.lanes * t->config.streams;
		     n++)
			lk_arrivals_free(r->arrivals[n]);
		free(r->arrivals);
		free(r->receiving.ticks);
	}
	while (t->flows != NULL) {
		struct lk_flow_fields *next = t->flows->link;

		free(t->flows);
		t->flows = next;
	}
	free(t->index_of);
	free(t->senders);
	free(t->receivers);
	free(t);
}
