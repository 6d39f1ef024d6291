/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Traces follow single packets. A traced mbuf carries a number in a dynamic field; every node that
 * it enters adds a step with the bytes as they are then, so the bytes after a node are those of the
 * next step. Costs one predicted branch a node call while no trace is on.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_errno.h>
#include <rte_mbuf_dyn.h>

#include "node.h"

/* A mark is generation * LK_MAX_TRACED + packet + 1; in a freed mbuf it means nothing later. */
#define MAX_STEPS 65536u

volatile int lk_trace_is_on;

static int offset;
static uint32_t generation, packets, snaplen, step_room;
static atomic_uint seen, steps_made;
static uint8_t *slots;

static size_t
slot_size(void)
{
	return sizeof(struct lk_trace_step) + ((snaplen + 7) & ~7u);
}

static uint32_t *
mark_of(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, offset, uint32_t *);
}

static int
is_traced(struct rte_mbuf *m)
{
	uint32_t mark = *mark_of(m);

	return mark != 0 && (mark - 1) / LK_MAX_TRACED == generation;
}

static void
add_step(rte_node_t node, struct rte_mbuf *m)
{
	uint32_t at = atomic_fetch_add(&steps_made, 1);
	struct lk_trace_step *step;

	if (at >= step_room)
		return;
	step = (struct lk_trace_step *)(void *)(slots + at * slot_size());
	step->packet = (*mark_of(m) - 1) % LK_MAX_TRACED;
	step->graph = lk_node_by_id[node]->graph;
	step->node = lk_node_by_id[node]->index;
	step->length = m->pkt_len;
	step->kept = m->data_len < snaplen ? m->data_len : snaplen;
	memcpy(step + 1, rte_pktmbuf_mtod(m, void *), step->kept);
	atomic_thread_fence(memory_order_release);
	step->tsc = rte_rdtsc(); /* not 0: the step is whole */
}

void
lk_trace_source(rte_node_t node, void **objs, uint16_t count, int keeps_trace)
{
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];
		uint32_t number;

		if (!keeps_trace || !is_traced(m)) {
			*mark_of(m) = 0;
			if (atomic_load(&seen) >= packets)
				continue;
			number = atomic_fetch_add(&seen, 1);
			if (number >= packets)
				continue;
			*mark_of(m) = generation * LK_MAX_TRACED + number + 1;
		}
		add_step(node, m);
	}
}

void
lk_trace_enter(rte_node_t node, void **objs, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++)
		if (is_traced(objs[i]))
			add_step(node, objs[i]);
}

int
lk_trace_register(void)
{
	static const struct rte_mbuf_dynfield field = {
		.name = "labkit_trace",
		.size = sizeof(uint32_t),
		.align = __alignof__(uint32_t),
	};

	offset = rte_mbuf_dynfield_register(&field);
	return offset < 0 ? -rte_errno : 0;
}

int
lk_trace_start(uint32_t packet_count, uint32_t step_count, uint32_t keep)
{
	if (lk_trace_is_on)
		return -EBUSY;
	if (packet_count == 0 || packet_count > LK_MAX_TRACED || step_count > MAX_STEPS)
		return -EINVAL;
	free(slots);
	snaplen = keep;
	slots = calloc(step_count, slot_size());
	if (slots == NULL)
		return -ENOMEM;
	generation = (generation + 1) % (UINT32_MAX / LK_MAX_TRACED);
	packets = packet_count;
	step_room = step_count;
	seen = 0;
	steps_made = 0;
	lk_trace_is_on = 1;
	return 0;
}

uint32_t
lk_trace_packets(void)
{
	uint32_t n = seen;

	return n < packets ? n : packets;
}

/* Step number `step`; returns 1 when there is one. `bytes` has room for the snap length. */
uint32_t
lk_trace_read(uint32_t step, struct lk_trace_step *out, uint8_t *bytes)
{
	const struct lk_trace_step *from;

	if (slots == NULL || step >= step_room || step >= steps_made)
		return 0;
	from = (const struct lk_trace_step *)(const void *)(slots + step * slot_size());
	if (((const volatile struct lk_trace_step *)from)->tsc == 0)
		return 0;
	atomic_thread_fence(memory_order_acquire);
	*out = *from;
	memcpy(bytes, from + 1, out->kept);
	return 1;
}

/* The steps stay readable until the next start; no worker may be inside a walk that began before.
 */
void
lk_trace_stop(void)
{
	lk_trace_is_on = 0;
}
