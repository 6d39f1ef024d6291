/* SPDX-License-Identifier: BSD-3-Clause */

/* The source of a trial: makes the frames of its streams when they are due. */
#include <rte_cycles.h>

#include "nodes.h"
#include "port.h"
#include "trial.h"

/* Restores the heap after the due time of its top has grown. */
static void
sift_down(const struct lk_trial *t)
{
	uint32_t at = 0, top = t->heap[0];

	for (;;) {
		uint32_t child = 2 * at + 1;

		if (child >= t->heap_length)
			break;
		if (child + 1 < t->heap_length &&
		    t->streams[t->heap[child + 1]].due < t->streams[t->heap[child]].due)
			child++;
		if (t->streams[top].due <= t->streams[t->heap[child]].due)
			break;
		t->heap[at] = t->heap[child];
		at = child;
	}
	t->heap[at] = top;
}

static void
remove_top(struct lk_trial *t)
{
	t->heap[0] = t->heap[--t->heap_length];
	if (t->heap_length > 1)
		sift_down(t);
}

/*
 * A worker that was held up does not make up for all of it: a flood would be the generator's fault
 * and not the DUT's. What is too long overdue is not made at all.
 */
static void
skip_overdue(struct lk_stream *s, uint64_t now)
{
	uint64_t bursts, frames;

	if (likely(now <= s->due + s->backlog))
		return;
	if (s->gaps != NULL) {
		s->due = now; /* a capture keeps all of its frames, and the rest comes later */
		return;
	}
	bursts = (now - s->due - s->backlog) / s->interval + 1;
	frames = RTE_MIN((bursts - 1) * s->burst + s->burst_left,
			 s->intended - s->made - s->skipped);
	s->due += bursts * s->interval;
	s->burst_left = s->burst;
	s->skipped += frames;
}

/*
 * The stream whose frame is next and due, NULL when there is none; *due is its due time. `now` is
 * in cycles with a fraction, UINT64_MAX when nothing is paced.
 */
static __rte_always_inline struct lk_stream *
next_due(struct lk_trial *t, uint64_t now, uint64_t *due)
{
	while (t->heap_length > 0) {
		struct lk_stream *s = &t->streams[t->heap[0]];

		if (s->due > now)
			return NULL;
		if (now != UINT64_MAX)
			skip_overdue(s, now);
		if (unlikely(s->made + s->skipped >= s->intended)) {
			remove_top(t);
			continue;
		}
		if (unlikely(s->due > now)) {
			sift_down(t);
			continue;
		}
		*due = s->due;
		if (--s->burst_left == 0) {
			s->burst_left = s->burst;
			s->due += s->gaps == NULL ? s->interval : s->gaps[s->order_at];
			sift_down(t);
		}
		return s;
	}
	return NULL;
}

static void
note_jitter(struct lk_trial *t, struct lk_stream *s, uint64_t due, uint64_t now)
{
	if (s->made != 0) {
		int64_t early = (int64_t)((due - s->last_due) >> LK_CYCLE_FRACTION) -
				(int64_t)(now - s->last_made);

		lk_histogram_record(&t->jitter, (uint64_t)((double)llabs(early) * t->ns_per_cycle));
	}
	s->last_due = due;
	s->last_made = now;
}

static __rte_always_inline void
fill(struct rte_mbuf *m, struct lk_stream *s, uint64_t tsc)
{
	const struct lk_compiled *c = &s->templates[s->order[s->order_at]];
	const struct lk_template *t = &c->template;
	struct lk_signature signature = {s->id, (uint32_t)s->made, tsc};
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);

	if (++s->order_at == s->order_length)
		s->order_at = 0;
	if (likely(*lk_mark_of(m) == c->mark)) {
		for (uint32_t at = 0; at < t->head; at += 64)
			memcpy(frame + at, t->bytes + at, 64);
	} else {
		memcpy(frame, t->bytes, t->length);
		*lk_mark_of(m) = c->mark;
	}
	lk_make_frame(frame, t, s->fields, s->field_count, s->checksum_count,
		      s->has_signature ? &signature : NULL);
	m->data_len = (uint16_t)t->length;
	m->pkt_len = t->length;
	s->made++;
	s->made_bytes += t->length + 4;
}

static int
has_spare(struct lk_trial *t)
{
	if (likely(t->spares > 0))
		return 1;
	if (rte_pktmbuf_alloc_bulk(t->pool, t->spare, LK_TRIAL_BURST) != 0)
		return 0;
	t->spares = LK_TRIAL_BURST;
	return 1;
}

/* An unpaced generator does not run ahead of a full cable: all it would measure is itself. */
static uint16_t
room_for(const struct lk_trial *t, const struct lk_port *port)
{
	if (t->config.paced || port->tx_ring == NULL)
		return LK_TRIAL_BURST;
	return (uint16_t)RTE_MIN(LK_TRIAL_BURST, rte_ring_free_count(port->tx_ring));
}

static uint16_t
make_frames(struct lk_trial *t, void **objs, uint16_t room, uint64_t tsc)
{
	uint64_t now = t->config.paced ? (tsc - t->start) << LK_CYCLE_FRACTION : UINT64_MAX;
	uint16_t count = 0;

	while (count < room && has_spare(t)) {
		uint64_t due = 0;
		struct lk_stream *s = next_due(t, now, &due);

		if (s == NULL)
			break;
		if (t->config.latency)
			tsc = rte_rdtsc();
		if (t->config.paced)
			note_jitter(t, s, due, tsc);
		objs[count] = t->spare[--t->spares];
		fill(objs[count++], s, tsc);
	}
	lk_tick_now(t, &t->sending, tsc)->made += count;
	return count;
}

static void
finish(struct lk_trial *t, uint64_t now)
{
	for (uint32_t i = 0; i < t->config.streams; i++) {
		struct lk_stream *s = &t->streams[i];

		if (s->intended != UINT64_MAX)
			s->skipped = s->intended - s->made;
	}
	t->finished = now;
	atomic_store_explicit(&t->state, LK_TRIAL_DONE, memory_order_release);
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_node *self = lk_node_of(node);
	struct lk_trial *t = self->config.trial;
	int state = atomic_load_explicit(&t->state, memory_order_acquire);
	uint64_t now;

	(void)objs;
	(void)unused;
	RTE_PER_LCORE(lk_current_node) = node->id;
	if (state == LK_TRIAL_READY || state == LK_TRIAL_DONE)
		return 0;
	RTE_PER_LCORE(lk_activity)++; /* the next frame may be due soon: no rest */
	now = rte_rdtsc();
	if (now < t->start)
		return 0;
	t->graph = graph;
	if (state == LK_TRIAL_STOPS || t->heap_length == 0 || now >= t->deadline) {
		finish(t, now);
		return 0;
	}
	return lk_source_done(
		graph, node,
		make_frames(t, node->objs, room_for(t, &lk_ports[self->config.port]), now), 0);
}

struct lk_node_kind lk_generate = {.name = "generate", .is_polled = 1, .process = process};
