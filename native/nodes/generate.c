/* SPDX-License-Identifier: BSD-3-Clause */

/* The source of a trial: makes the frames of its streams when they are due. */
#include <rte_cycles.h>

#include "node.h"
#include "port.h"
#include "schedule.h"
#include "trial.h"

#define WORTH_A_COPY 4	/* frames, of a stream's template and field */
#define RUNS	     32 /* found ahead; what their frames need fits into the first cache */

/* 32 bytes in one register where the CPU has such. */
typedef uint8_t bytes32 __attribute__((vector_size(32), aligned(1), may_alias));

static __rte_always_inline void
copy32(void *to, const void *from)
{
	*(bytes32 *)to = *(const bytes32 *)from;
}

/* What a frame is stamped with, beside its number: its burst's time, or its own. */
enum stamps { NO_STAMPS, ONE_STAMP, STAMPS_EACH };

/* Frames of one stream that are due in a row. */
struct run {
	struct lk_stream *stream;
	uint64_t first; /* number of the first one */
	uint16_t count;
};

/* Buffers hold whole lines of such frames; longer ones may end with their buffer. */
#define WHOLE_LINES 512

static __rte_always_inline void
copy_frame(uint8_t *to, const uint8_t *from, uint32_t length)
{
	if (unlikely(length > WHOLE_LINES)) {
		memcpy(to, from, length);
		return;
	}
	for (uint32_t at = 0; at < length; at += 32)
		copy32(to + at, from + at);
}

/*
 * Makes the frames of a run in raw buffers. `only` is the template when there is one size, else
 * NULL. It, the fields and their numbers are the caller's constants or local copies where that is
 * worth it: the loops disappear, and nothing is read again for every frame.
 */
static __rte_always_inline void
fill(const struct run *run, const struct lk_compiled *only, struct lk_field *fields,
     struct rte_mbuf **mbufs, uint64_t tsc, unsigned int field_count, unsigned int checksum_count,
     int stamps)
{
	struct lk_frames *f = run->stream->frames;
	struct lk_stamp stamp = {(uint32_t)run->first, tsc, lk_folded(tsc)};
	const int mark_offset = lk_mark_offset, trusts_marks = !lk_payloads_change;
	const uint16_t count = run->count;
	uint64_t bytes = 0;
	uint64_t described[4];
	bytes32 descriptor = {0}; /* in a register */

	if (only != NULL) {
		lk_describe(described, only->template.length);
		descriptor = *(const bytes32 *)described;
	}
	for (uint16_t i = 0; i < count; i++) {
		const struct lk_compiled *c = only;
		struct rte_mbuf *m = mbufs[i];
		uint64_t *mark = RTE_MBUF_DYNFIELD(m, mark_offset, uint64_t *);
		const struct lk_template *t;
		uint8_t *frame;

		if (only == NULL) {
			c = &f->templates[f->order[f->order_at]];
			f->order_at += f->order_stride;
			if (f->order_at >= f->order_length)
				f->order_at -= f->order_length;
			lk_describe(described, c->template.length);
			descriptor = *(const bytes32 *)described;
		}
		t = &c->template;
		*(bytes32 *)&m->rearm_data = descriptor;
		bytes += t->length + 4;
		frame = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
		if (likely(trusts_marks && *mark == c->mark)) {
			copy32(frame, t->bytes);
			copy32(frame + 32, t->bytes + 32);
			for (uint32_t from = 64; unlikely(from < t->head); from += 32)
				copy32(frame + from, t->bytes + from);
		} else {
			copy_frame(frame, t->bytes, t->length);
			*mark = c->mark;
		}
		if (stamps == STAMPS_EACH) {
			stamp.tsc = rte_rdtsc();
			stamp.folded_tsc = lk_folded(stamp.tsc);
		}
		lk_make_frame(frame, t, fields, field_count, checksum_count, only == NULL,
			      stamps != NO_STAMPS ? &stamp : NULL);
		stamp.sequence++;
	}
	run->stream->made_bytes += bytes;
}

/* The next frame of a capture, which lk_next_run() has found to be there and to fit. */
static void
fill_replayed(struct lk_stream *s, struct rte_mbuf *m)
{
	const struct lk_replay_frame *next = lk_replay_peek(s->frames->replay);
	uint64_t descriptor[4];

	lk_describe(descriptor, next->length);
	copy32(&m->rearm_data, descriptor);
	*lk_mark_of(m) = s->frames->replay_mark;
	memcpy((uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM, next->bytes, next->length);
	s->made_bytes += next->length + 4;
	lk_replay_advance(s->frames->replay);
}

/*
 * Many frames of one size with one field. What is known of it is written into a copy, for the
 * compiler to know it too: most count on in 16 bits, as a port does.
 */
static __rte_always_inline void
fill_varied(const struct run *run, const struct lk_compiled *only, struct lk_field *from,
	    struct rte_mbuf **mbufs, uint64_t tsc, int stamps)
{
	struct lk_field field = *from;

	if (field.width == 2 && field.mask == UINT16_MAX && field.shift == 0 && field.is_counter) {
		field.width = 2;
		field.mask = UINT16_MAX;
		field.shift = 0;
		field.is_counter = 1;
		if (stamps == NO_STAMPS)
			fill(run, only, &field, mbufs, tsc, 1, 1, NO_STAMPS);
		else if (stamps == ONE_STAMP)
			fill(run, only, &field, mbufs, tsc, 1, 1, ONE_STAMP);
		else
			fill(run, only, &field, mbufs, tsc, 1, 1, STAMPS_EACH);
	} else {
		fill(run, only, &field, mbufs, tsc, 1, 1, stamps);
	}
	from->at = field.at;
	from->held = field.held;
}

/* Most streams are plain: one size, one field that varies at most, and one checksum that follows.
 */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
__attribute__((target_clones("avx2", "default")))
#endif
static void
fill_run(const struct run *run, struct rte_mbuf **mbufs, uint64_t tsc)
{
	const struct lk_shape shape = run->stream->shape;
	struct lk_compiled *templates = run->stream->frames->templates;
	struct lk_field *field = (struct lk_field *)(templates + 1);
	int stamps = !shape.has_signature	? NO_STAMPS
		     : run->stream->stamps_each ? STAMPS_EACH
						: ONE_STAMP;

	if (!shape.is_plain) {
		fill(run, NULL, run->stream->frames->fields, mbufs, tsc, shape.field_count,
		     shape.checksum_count, stamps);
	} else if (run->count < WORTH_A_COPY) {
		if (stamps != NO_STAMPS)
			fill(run, templates, field, mbufs, tsc, shape.field_count, 1, stamps);
		else
			fill(run, templates, field, mbufs, tsc, shape.field_count, 1, NO_STAMPS);
	} else {
		const struct lk_compiled only = templates[0];

		if (shape.field_count == 0)
			fill(run, &only, NULL, mbufs, tsc, 0, 1, stamps);
		else
			fill_varied(run, &only, field, mbufs, tsc, stamps);
	}
}

/* Buffers straight from the pool: what is freed has one segment and one reference. */
static uint16_t
have_spares(struct lk_sender *g, uint16_t wanted)
{
	if (g->spares == 0 && rte_mempool_get_bulk(g->pool, (void **)g->spare, LK_TRIAL_BURST) == 0)
		g->spares = LK_TRIAL_BURST;
	return (uint16_t)RTE_MIN(wanted, g->spares);
}

/*
 * A generator that is to lose no frame, or to send as fast as they are taken, does not run ahead of
 * a full cable: all it would measure is itself.
 */
static uint16_t
room_for(const struct lk_trial *t, const struct rte_ring *ring)
{
	if ((t->config.paced && !t->config.live) || ring == NULL)
		return LK_TRIAL_BURST;
	return (uint16_t)RTE_MIN(LK_TRIAL_BURST, rte_ring_free_count(ring));
}

/*
 * Runs that are due are found before their frames are made, so that what these need has been
 * fetched by then.
 */
static __rte_always_inline uint16_t
make_due(struct lk_sender *g, struct lk_heap *heap, void **objs, uint16_t room, uint64_t now,
	 uint64_t clock, uint64_t tsc)
{
	struct run runs[RUNS];
	uint16_t count = 0, found, spares;

	do {
		uint16_t from = count, n = 0;

		spares = have_spares(g, room - count);
		for (found = 0; found < RUNS && n < spares; found++) {
			struct run *run = &runs[found];
			struct lk_stream *s =
				lk_next_run(g, heap, now, clock, tsc, spares - n, &run->count);

			if (s == NULL)
				break;
			run->stream = s;
			run->first = s->made;
			s->made += run->count;
			s->last_made = tsc;
			n += run->count;
			if (unlikely(s->shape.is_replay)) {
				found++;
				break; /* what follows is known when this one has been made */
			}
		}
		g->spares -= n;
		count += n;
		memcpy(objs + from, g->spare + g->spares, n * sizeof(objs[0]));
		for (uint16_t i = 0; i < found; from += runs[i++].count) {
			if (unlikely(runs[i].stream->shape.is_replay))
				fill_replayed(runs[i].stream, objs[from]);
			else
				fill_run(&runs[i], (struct rte_mbuf **)objs + from, tsc);
		}
	} while (found > 0 && count < room);
	return count;
}

static uint16_t
make_frames(struct lk_sender *g, void **objs, uint16_t room, uint64_t tsc)
{
	uint64_t clock = (tsc - g->epoch) << LK_CYCLE_FRACTION;
	uint16_t count = make_due(g, &g->paced, objs, room, clock, clock, tsc);

	count += make_due(g, &g->flat_out, objs + count, room - count, UINT64_MAX, clock, tsc);
	lk_tick_now(g->trial, &g->sending, tsc)->made += count;
	return count;
}

/* A schedule ends with the trial, or with a frame that was late: not when nothing more was due. */
static void
finish(struct lk_trial *t, struct lk_sender *g, uint64_t now)
{
	uint64_t finished = t->config.paced ? RTE_MIN(t->end, now) : now;

	for (uint32_t i = 0; i < t->config.streams; i++) {
		struct lk_stream *s = &g->streams[i];

		if (s->intended != UINT64_MAX)
			s->skipped = s->intended - s->made;
		finished = RTE_MAX(finished, s->last_made);
	}
	g->finished = finished;
	if (atomic_fetch_sub(&t->unfinished, 1) == 1)
		atomic_store_explicit(&t->state, LK_TRIAL_DONE, memory_order_release);
}

/* What the port did not take last time, before anything new. */
static uint16_t
send_again(struct lk_sender *g, void **objs)
{
	uint16_t count = (uint16_t)g->held;

	for (uint16_t i = 0; i < count; i++) {
		struct lk_stream *s = lk_sent_by(g->trial, (uint16_t)*lk_mark_of(g->waiting[i]));

		s->held--;
		s->held_bytes -= g->waiting[i]->pkt_len + 4;
		objs[i] = g->waiting[i];
	}
	g->held = 0;
	return count;
}

static uint16_t
make_live(struct lk_sender *g, void **objs, const struct rte_ring *ring, uint64_t tsc)
{
	uint64_t version = atomic_load_explicit(&g->version, memory_order_relaxed);
	uint16_t count;

	atomic_store_explicit(&g->version, version + 1, memory_order_release);
	atomic_thread_fence(memory_order_release);
	if (unlikely((tsc - g->epoch) >> LK_REBASE_BITS > 1))
		lk_live_rebase(g, tsc);
	if (unlikely(atomic_load_explicit(&g->wanted, memory_order_acquire) !=
		     atomic_load_explicit(&g->made, memory_order_relaxed)))
		lk_live_take_changes(g, tsc);
	if (unlikely(g->endings > 0))
		lk_live_end_streams(g, tsc);
	if (unlikely(g->held > 0)) {
		count = send_again(g, objs);
	} else {
		uint16_t room = g->running > 0 ? room_for(g->trial, ring) : 0;

		count = room > 0 ? make_frames(g, objs, room, tsc) : 0;
	}
	atomic_store_explicit(&g->version, version + 2, memory_order_release);
	return count;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_node *self = lk_node_of(node);
	const struct lk_node_config *config = &self->config;
	struct lk_trial *t = config->trial;
	struct lk_sender *g = &t->senders[config->lane];
	const struct lk_port *port = &lk_ports[config->port];
	const struct rte_ring *ring = port->is_ring ? port->tx_rings[config->queue] : NULL;
	int state = atomic_load_explicit(&t->state, memory_order_acquire);
	uint64_t now;

	(void)objs;
	(void)unused;
	RTE_PER_LCORE(lk_current_node) = node->id;
	if (state == LK_TRIAL_READY || state == LK_TRIAL_DONE || g->finished != 0)
		return 0;
	now = rte_rdtsc();
	if (unlikely(g->graph != graph))
		lk_sends_from(g, graph);
	if (t->config.live) {
		if (g->running > 0 || g->held > 0)
			RTE_PER_LCORE(lk_activity)++;
		return lk_source_done(graph, node, make_live(g, node->objs, ring, now), 0);
	}
	RTE_PER_LCORE(lk_activity)++; /* the next frame may be due soon: no rest */
	if (now < t->start)
		return 0;
	if (state == LK_TRIAL_STOPS || g->paced.length + g->flat_out.length == 0 ||
	    now >= t->deadline) {
		finish(t, g, now);
		return 0;
	}
	g->endings = 0;
	return lk_source_done(graph, node, make_frames(g, node->objs, room_for(t, ring), now), 0);
}

LK_NODE(generate, process, .is_polled = 1)
