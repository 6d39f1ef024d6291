/* SPDX-License-Identifier: BSD-3-Clause */

/* The source of a trial: makes the frames of its streams when they are due. */
#include <rte_cycles.h>

#include "node.h"
#include "port.h"
#include "schedule.h"
#include "trial.h"

#define WORTH_A_COPY 4 /* frames, of a stream's template and field */

/* 32 bytes in one register where the CPU has such. */
typedef uint8_t bytes32 __attribute__((vector_size(32), aligned(1), may_alias));

static __rte_always_inline void
copy32(void *to, const void *from)
{
	*(bytes32 *)to = *(const bytes32 *)from;
}

/*
 * Makes the next `count` frames of a stream in raw buffers. `only` is the template when there is
 * one size, else NULL. It, the fields and their numbers are the caller's constants or local copies
 * where that is worth it: the loops disappear, and nothing is read again for every frame.
 */
static __rte_always_inline void
fill(struct lk_stream *s, const struct lk_compiled *only, struct lk_field *fields,
     struct rte_mbuf **mbufs, uint16_t count, uint64_t tsc, int stamps_each,
     unsigned int field_count, unsigned int checksum_count, int has_signature)
{
	struct lk_stamp stamp = {(uint32_t)s->made, tsc, lk_folded(tsc)};
	const int mark_offset = lk_mark_offset;
	uint64_t bytes = 0;

	for (uint16_t i = 0; i < count; i++) {
		const struct lk_compiled *c = only;
		struct rte_mbuf *m = mbufs[i];
		uint64_t *mark = RTE_MBUF_DYNFIELD(m, mark_offset, uint64_t *);
		const struct lk_template *t;
		uint8_t *frame;

		if (only == NULL) {
			c = &s->frames.templates[s->frames.order[s->order_at]];
			if (++s->order_at == s->frames.order_length)
				s->order_at = 0;
		}
		t = &c->template;
		copy32(&m->rearm_data, c->descriptor);
		bytes += t->length + 4;
		frame = (uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM;
		if (likely(*mark == c->mark)) {
			copy32(frame, t->bytes);
			copy32(frame + 32, t->bytes + 32);
			for (uint32_t from = 64; unlikely(from < t->head); from += 32)
				copy32(frame + from, t->bytes + from);
		} else {
			memcpy(frame, t->bytes, t->length);
			*mark = c->mark;
		}
		if (has_signature && stamps_each) {
			stamp.tsc = rte_rdtsc();
			stamp.folded_tsc = lk_folded(stamp.tsc);
		}
		lk_make_frame(frame, t, fields, field_count, checksum_count,
			      has_signature ? &stamp : NULL);
		stamp.sequence++;
	}
	s->made += count;
	s->made_bytes += bytes;
}

/* The next frame of a capture, which lk_next_run() has found to be there and to fit. */
static void
fill_replayed(struct lk_stream *s, struct rte_mbuf *m)
{
	const struct lk_replay_frame *next = lk_replay_peek(s->frames.replay);
	uint64_t descriptor[4];

	lk_describe(descriptor, next->length);
	copy32(&m->rearm_data, descriptor);
	*lk_mark_of(m) = s->frames.replay_mark;
	memcpy((uint8_t *)m->buf_addr + RTE_PKTMBUF_HEADROOM, next->bytes, next->length);
	s->made++;
	s->made_bytes += next->length + 4;
	lk_replay_advance(s->frames.replay);
}

/* A port or another number of 16 bits that counts on: what most streams vary. */
static __rte_always_inline int
is_counter_16(const struct lk_field *f)
{
	return f->width == 2 && f->mask == UINT16_MAX && f->shift == 0 && !f->is_random &&
	       f->values == NULL && f->hold <= 1;
}

/*
 * Most streams have one size, one field that varies at most, and one checksum that follows. What is
 * known of the field is written into a copy, for the compiler to know it too.
 */
#if defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
__attribute__((target_clones("avx2", "default")))
#endif
static void
fill_run(struct lk_stream *s, struct rte_mbuf **mbufs, uint16_t count, uint64_t tsc, int each)
{
	const struct lk_frames *f = &s->frames;

	if (count >= WORTH_A_COPY && f->template_count == 1 && f->field_count <= 1 &&
	    f->checksum_count == 1) {
		const struct lk_compiled only = f->templates[0];
		struct lk_field field = f->fields[0];

		if (f->field_count == 0) {
			fill(s, &only, &field, mbufs, count, tsc, each, 0, 1, f->has_signature);
		} else if (is_counter_16(&field)) {
			field.width = 2;
			field.mask = UINT16_MAX;
			field.shift = 0;
			field.is_random = 0;
			field.values = NULL;
			field.hold = 1;
			if (f->has_signature)
				fill(s, &only, &field, mbufs, count, tsc, each, 1, 1, 1);
			else
				fill(s, &only, &field, mbufs, count, tsc, each, 1, 1, 0);
		} else {
			fill(s, &only, &field, mbufs, count, tsc, each, 1, 1, f->has_signature);
		}
		f->fields[0].at = field.at;
		f->fields[0].held = field.held;
	} else {
		fill(s, NULL, f->fields, mbufs, count, tsc, each, f->field_count, f->checksum_count,
		     f->has_signature);
	}
}

/* Buffers straight from the pool: what is freed has one segment and one reference. */
static uint16_t
have_spares(struct lk_trial *t, uint16_t wanted)
{
	if (t->spares == 0 && rte_mempool_get_bulk(t->pool, (void **)t->spare, LK_TRIAL_BURST) == 0)
		t->spares = LK_TRIAL_BURST;
	return (uint16_t)RTE_MIN(wanted, t->spares);
}

/*
 * A generator that is to lose no frame, or to send as fast as they are taken, does not run ahead of
 * a full cable: all it would measure is itself.
 */
static uint16_t
room_for(const struct lk_trial *t, const struct lk_port *port)
{
	if ((t->config.paced && !t->config.live) || port->tx_ring == NULL)
		return LK_TRIAL_BURST;
	return (uint16_t)RTE_MIN(LK_TRIAL_BURST, rte_ring_free_count(port->tx_ring));
}

static __rte_always_inline uint16_t
make_due(struct lk_trial *t, struct lk_heap *heap, void **objs, uint16_t room, uint64_t now,
	 uint64_t clock, uint64_t tsc)
{
	uint16_t count = 0, run, spares;

	while (count < room && (spares = have_spares(t, room - count)) > 0) {
		struct lk_stream *s = lk_next_run(t, heap, now, clock, tsc, spares, &run);

		if (s == NULL)
			break;
		t->spares -= run;
		memcpy(objs + count, t->spare + t->spares, run * sizeof(objs[0]));
		if (unlikely(s->frames.replay != NULL))
			fill_replayed(s, objs[count]);
		else
			fill_run(s, (struct rte_mbuf **)objs + count, run, tsc, s->stamps_each);
		s->last_made = tsc;
		count += run;
	}
	return count;
}

static uint16_t
make_frames(struct lk_trial *t, void **objs, uint16_t room, uint64_t tsc)
{
	uint64_t clock = (tsc - t->epoch) << LK_CYCLE_FRACTION;
	uint16_t count = make_due(t, &t->paced, objs, room, clock, clock, tsc);

	count += make_due(t, &t->flat_out, objs + count, room - count, UINT64_MAX, clock, tsc);
	lk_tick_now(t, &t->sending, tsc)->made += count;
	return count;
}

/* A schedule ends with the trial, or with a frame that was late: not when nothing more was due. */
static void
finish(struct lk_trial *t, uint64_t now)
{
	t->finished = t->config.paced ? RTE_MIN(t->end, now) : now;
	for (uint32_t i = 0; i < t->config.streams; i++) {
		struct lk_stream *s = &t->streams[i];

		if (s->intended != UINT64_MAX)
			s->skipped = s->intended - s->made;
		t->finished = RTE_MAX(t->finished, s->last_made);
	}
	atomic_store_explicit(&t->state, LK_TRIAL_DONE, memory_order_release);
}

/* What the port did not take last time, before anything new. */
static uint16_t
send_again(struct lk_trial *t, void **objs)
{
	uint16_t count = (uint16_t)t->held;

	for (uint16_t i = 0; i < count; i++) {
		struct lk_stream *s =
			&t->streams[t->index_of[(uint16_t)*lk_mark_of(t->waiting[i])] - 1];

		s->held--;
		s->held_bytes -= t->waiting[i]->pkt_len + 4;
		objs[i] = t->waiting[i];
	}
	t->held = 0;
	return count;
}

static uint16_t
make_live(struct lk_trial *t, void **objs, const struct lk_port *port, uint64_t tsc)
{
	uint64_t version = atomic_load_explicit(&t->sending_version, memory_order_relaxed);
	uint16_t count;

	atomic_store_explicit(&t->sending_version, version + 1, memory_order_release);
	atomic_thread_fence(memory_order_release);
	if (unlikely((tsc - t->epoch) >> LK_REBASE_BITS > 1))
		lk_live_rebase(t, tsc);
	if (unlikely(atomic_load_explicit(&t->wanted, memory_order_acquire) !=
		     atomic_load_explicit(&t->made, memory_order_relaxed)))
		lk_live_take_changes(t, tsc);
	if (unlikely(t->endings > 0))
		lk_live_end_streams(t, tsc);
	if (unlikely(t->held > 0)) {
		count = send_again(t, objs);
	} else {
		uint16_t room = t->running > 0 ? room_for(t, port) : 0;

		count = room > 0 ? make_frames(t, objs, room, tsc) : 0;
	}
	atomic_store_explicit(&t->sending_version, version + 2, memory_order_release);
	return count;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_node *self = lk_node_of(node);
	struct lk_trial *t = self->config.trial;
	const struct lk_port *port = &lk_ports[self->config.port];
	int state = atomic_load_explicit(&t->state, memory_order_acquire);
	uint64_t now;

	(void)objs;
	(void)unused;
	RTE_PER_LCORE(lk_current_node) = node->id;
	if (state == LK_TRIAL_READY || state == LK_TRIAL_DONE)
		return 0;
	now = rte_rdtsc();
	if (unlikely(t->graph != graph))
		lk_trial_sends_from(t, graph);
	if (t->config.live) {
		if (t->running > 0 || t->held > 0)
			RTE_PER_LCORE(lk_activity)++;
		return lk_source_done(graph, node, make_live(t, node->objs, port, now), 0);
	}
	RTE_PER_LCORE(lk_activity)++; /* the next frame may be due soon: no rest */
	if (now < t->start)
		return 0;
	if (state == LK_TRIAL_STOPS || t->paced.length + t->flat_out.length == 0 ||
	    now >= t->deadline) {
		finish(t, now);
		return 0;
	}
	t->endings = 0;
	return lk_source_done(graph, node, make_frames(t, node->objs, room_for(t, port), now), 0);
}

LK_NODE(generate, process, .is_polled = 1)
