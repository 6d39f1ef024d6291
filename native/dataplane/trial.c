/* SPDX-License-Identifier: BSD-3-Clause */

/* A trial's memory: made before it runs, filled by the nodes generate and receive, read after. */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_errno.h>

#include "trial.h"

#define MAX_STREAM_ID	  UINT16_MAX
#define SMALL_ROOM	  2048u
#define POOL_CACHE	  256
#define SMALL_BUFFERS	  8191
#define LARGE_BUFFERS	  4095
#define BACKLOG_FRAMES	  512
#define BACKLOGS_A_SECOND 1000
#define GRACE_SECONDS	  0.1

int lk_mark_offset;

/*
 * Who sends a stream, by its number. Other workers look at the graph alone: the trial may be freed
 * while they drop what is left of its frames.
 */
static struct {
	_Atomic(const struct rte_graph *) graph;
	struct lk_trial *trial;
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
static struct rte_mempool *
pool_for(uint32_t longest)
{
	uint32_t data = RTE_ALIGN(RTE_MAX(longest, SMALL_ROOM), 1024u);
	char name[RTE_MEMPOOL_NAMESIZE];
	struct rte_mempool *pool;

	snprintf(name, sizeof(name), "lk_generate_%u", data);
	pool = rte_mempool_lookup(name);
	if (pool == NULL)
		pool = rte_pktmbuf_pool_create(
			name, data == SMALL_ROOM ? SMALL_BUFFERS : LARGE_BUFFERS, POOL_CACHE, 0,
			(uint16_t)(data + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY);
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
	t->streams = calloc(config->streams, sizeof(*t->streams));
	t->heap = calloc(config->streams, sizeof(*t->heap));
	t->arrivals = calloc(config->streams, sizeof(struct lk_arrivals *));
	t->pool = pool_for(config->longest);
	if (t->ticks == NULL || t->streams == NULL || t->heap == NULL || t->arrivals == NULL ||
	    t->pool == NULL) {
		lk_trial_free(t);
		return NULL;
	}
	return t;
}

static uint64_t
cycles(double ns)
{
	return (uint64_t)(ns * lk_clock_tsc_hz() / 1e9 * (1 << LK_CYCLE_FRACTION));
}

/* Python compiled the template as that of stream 0. */
static void
sign(struct lk_template *t, uint8_t *bytes, uint32_t checksums, uint16_t stream)
{
	const struct lk_signature signature = {.stream = stream};

	lk_write_signature(bytes + t->length, &signature);
	for (uint32_t i = 0; i < checksums; i++) {
		struct lk_checksum *c = &t->checksums[i];

		c->base = lk_fold(c->base + (uint64_t)stream * c->signature_factor);
	}
}

/* Deep copies: what Python hands over is its own. */
static int
copy_templates(struct lk_stream *s, const struct lk_stream_config *config)
{
	static uint64_t made;

	s->templates = calloc(config->template_count, sizeof(*s->templates));
	if (s->templates == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < config->template_count; i++) {
		struct lk_compiled *c = &s->templates[i];
		uint8_t *bytes;

		c->template = config->templates[i];
		bytes = calloc(1, RTE_ALIGN(c->template.length, 64u));
		if (bytes == NULL)
			return -ENOMEM;
		memcpy(bytes, c->template.bytes, c->template.length);
		if (config->has_signature)
			sign(&c->template, bytes, config->checksum_count, s->id);
		c->template.bytes = bytes;
		c->mark = ++made << 16 | s->id;
		s->template_count++;
	}
	return 0;
}

static int
copy_fields(struct lk_stream *s, const struct lk_stream_config *config)
{
	for (uint32_t i = 0; i < config->field_count; i++) {
		struct lk_field *f = &s->fields[i];
		uint64_t *values;

		*f = config->fields[i];
		f->at = 0;
		if (f->values == NULL)
			continue;
		values = malloc(f->count * sizeof(*values));
		if (values != NULL)
			memcpy(values, config->fields[i].values, f->count * sizeof(*values));
		f->values = values;
		s->field_count = i + 1;
		if (values == NULL)
			return -ENOMEM;
	}
	s->field_count = config->field_count;
	return 0;
}

int
lk_trial_add_stream(struct lk_trial *t, uint32_t index, const struct lk_stream_config *config)
{
	struct lk_stream *s = &t->streams[index];
	uint64_t least;
	int rc;

	if (index >= t->config.streams || config->field_count > LK_MAX_FIELDS ||
	    config->checksum_count > LK_MAX_CHECKSUMS)
		return -EINVAL;
	s->id = (uint16_t)(t->config.first_stream + index);
	s->interval = cycles(config->interval_ns);
	s->due = cycles(config->first_ns);
	s->burst = s->burst_left = config->burst;
	s->intended = config->intended;
	s->has_signature = config->has_signature;
	s->checksum_count = config->checksum_count;
	least = s->interval / config->burst * BACKLOG_FRAMES;
	s->backlog = RTE_MAX(s->interval, RTE_MIN(least, cycles(1e9 / BACKLOGS_A_SECOND)));
	s->order = malloc(config->order_length * sizeof(*s->order));
	t->arrivals[index] = calloc(1, sizeof(*t->arrivals[index]));
	if (s->order == NULL || t->arrivals[index] == NULL)
		return -ENOMEM;
	memcpy(s->order, config->order, config->order_length * sizeof(*s->order));
	s->order_length = config->order_length;
	if (config->gaps_ns != NULL) {
		s->gaps = malloc(config->order_length * sizeof(*s->gaps));
		if (s->gaps == NULL)
			return -ENOMEM;
		for (uint32_t i = 0; i < config->order_length; i++)
			s->gaps[i] = cycles(config->gaps_ns[i]);
	}
	rc = copy_templates(s, config);
	if (rc == 0)
		rc = copy_fields(s, config);
	if (rc == 0 && s->intended > 0)
		t->heap[t->heap_length++] = index;
	return rc;
}

/* The nodes generate and receive are in their graphs and wait. */
int
lk_trial_start(struct lk_trial *t)
{
	double hz = lk_clock_tsc_hz();

	/* streams[i].due are not in order yet: a sorted array is a heap */
	for (uint32_t i = 1; i < t->heap_length; i++)
		for (uint32_t j = i;
		     j > 0 && t->streams[t->heap[j]].due < t->streams[t->heap[j - 1]].due; j--) {
			uint32_t held = t->heap[j];

			t->heap[j] = t->heap[j - 1];
			t->heap[j - 1] = held;
		}
	t->ns_per_cycle = 1e9 / hz;
	t->tick_cycles = (uint64_t)((double)t->config.tick_ns * hz / 1e9);
	/* A moment ahead, so that both workers know of it when it comes. */
	t->start = rte_rdtsc() + (uint64_t)(hz / 1e4);
	t->end = t->start + (uint64_t)((double)t->config.duration_ns * hz / 1e9);
	t->deadline = t->end + (t->config.paced ? (uint64_t)(hz * GRACE_SECONDS) : 0);
	t->sending.end = t->receiving.end = t->start + t->tick_cycles;
	atomic_store_explicit(&t->state, LK_TRIAL_RUNS, memory_order_release);
	return 0;
}

/* No more frames are made; what was not made of the intended ones counts as skipped. */
void
lk_trial_stop(struct lk_trial *t)
{
	int runs = LK_TRIAL_RUNS;

	atomic_compare_exchange_strong(&t->state, &runs, LK_TRIAL_STOPS);
}

/* The generator's graph, from its own worker: whose drop_tx_full is "unsent". */
void
lk_trial_sends_from(struct lk_trial *t, const struct rte_graph *graph)
{
	t->graph = graph;
	for (uint32_t i = 0; i < t->config.streams; i++) {
		senders[t->streams[i].id].trial = t;
		senders[t->streams[i].id].graph = graph;
	}
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
	s = &t->streams[id - t->config.first_stream];
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
	counts->start_realtime_ns = lk_clock_realtime_ns(t->start);
	until = counts->state == LK_TRIAL_DONE ? t->finished : rte_rdtsc();
	if (until > t->start)
		counts->elapsed_ns = (uint64_t)((double)(until - t->start) * t->ns_per_cycle);
}

int
lk_trial_stream_counts(const struct lk_trial *t, uint32_t index, struct lk_stream_counts *out)
{
	const volatile struct lk_stream *s = &t->streams[index];
	const volatile struct lk_arrivals *a = t->arrivals[index];

	if (index >= t->config.streams)
		return -EINVAL;
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
	*out = index < 0 ? t->jitter : t->arrivals[index]->latency;
	return 0;
}

/* Its paths are no longer walked. */
void
lk_trial_free(struct lk_trial *t)
{
	for (uint32_t i = 0; t->streams != NULL && i < t->config.streams; i++) {
		struct lk_stream *s = &t->streams[i];

		if (senders[s->id].trial == t)
			senders[s->id].graph = NULL;
		for (uint32_t j = 0; j < s->template_count; j++)
			free((void *)(uintptr_t)s->templates[j].template.bytes);
		for (uint32_t j = 0; j < s->field_count; j++)
			free((void *)(uintptr_t)s->fields[j].values);
		free(s->templates);
		free(s->order);
		free(s->gaps);
		if (t->arrivals != NULL)
			free(t->arrivals[i]);
	}
	rte_mempool_put_bulk(t->pool, (void **)t->spare, t->spares);
	free(t->arrivals);
	free(t->heap);
	free(t->streams);
	free(t->ticks);
	free(t);
}
