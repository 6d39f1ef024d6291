/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_QUEUE_FLOWS_H
#define LK_QUEUE_FLOWS_H

#include <rte_common.h>

#include "queue.h"

/* The flows of a queue, or its classes: what each has waiting, and whose turn it is. */

static inline uint32_t
lk_queue_bytes(const struct lk_queue *q, const struct rte_mbuf *m)
{
	return m->pkt_len + q->overhead;
}

static inline void
lk_flow_list_add(struct lk_queue *q, struct lk_flow_list *list, uint32_t flow)
{
	q->flows[flow].next = 0;
	q->flows[flow].is_listed = 1;
	if (list->tail != 0)
		q->flows[list->tail - 1].next = flow + 1;
	else
		list->head = flow + 1;
	list->tail = flow + 1;
}

static inline uint32_t
lk_flow_list_remove(struct lk_queue *q, struct lk_flow_list *list)
{
	uint32_t flow = list->head - 1;

	list->head = q->flows[flow].next;
	if (list->head == 0)
		list->tail = 0;
	q->flows[flow].is_listed = 0;
	return flow;
}

/* It has frames: it waits for its turn. */
static inline void
lk_queue_line_up(struct lk_queue *q, uint32_t flow)
{
	struct lk_queue_flow *f = &q->flows[flow];

	if (f->quantum == 0)
		q->strict |= 1ull << flow;
	else if (q->flow_count > 1 && !f->is_listed) {
		f->deficit = f->quantum;
		lk_flow_list_add(q, q->class_count > 0 ? &q->old_flows : &q->new_flows, flow);
	}
}

static inline void
lk_queue_push(struct lk_queue *q, uint32_t flow, struct rte_mbuf *m, uint64_t now)
{
	struct lk_queue_flow *f = &q->flows[flow];
	uint32_t place = q->free_place;
	struct lk_queued *queued = &q->places[place - 1];
	uint32_t bytes = lk_queue_bytes(q, m);

	q->free_place = queued->next;
	*queued = (struct lk_queued){m, now, 0, flow};
	if (f->tail != 0)
		q->places[f->tail - 1].next = place;
	else
		f->head = place;
	f->tail = place;
	f->bytes += bytes;
	f->held++;
	f->held_bytes += bytes;
	q->held++;
	q->held_bytes += bytes;
	q->most_held = RTE_MAX(q->most_held, q->held - q->gone_count);
	lk_queue_line_up(q, flow);
}

/* From the head of a flow that has frames; still held. */
static inline struct lk_queued
lk_queue_pop(struct lk_queue *q, uint32_t flow)
{
	struct lk_queue_flow *f = &q->flows[flow];
	uint32_t place = f->head;
	struct lk_queued queued = q->places[place - 1];

	f->head = queued.next;
	if (f->head == 0) {
		f->tail = 0;
		if (f->quantum == 0)
			q->strict &= ~(1ull << flow);
	}
	q->places[place - 1].next = q->free_place;
	q->free_place = place;
	f->bytes -= lk_queue_bytes(q, queued.m);
	return queued;
}

static inline struct rte_mbuf *
lk_queue_let_go(struct lk_queue *q, const struct lk_queued *queued)
{
	struct lk_queue_flow *f = &q->flows[queued->flow];
	uint32_t bytes = lk_queue_bytes(q, queued->m);

	q->held--;
	q->held_bytes -= bytes;
	f->held--;
	f->held_bytes -= bytes;
	return queued->m;
}

/* The flow whose turn it is (RFC 8290 4.2), strict classes first; -1: none has frames. */
static inline int64_t
lk_queue_flow_in_turn(struct lk_queue *q)
{
	if (q->flow_count == 1)
		return q->flows[0].head != 0 ? 0 : -1;
	if (q->strict != 0)
		return rte_bsf64(q->strict);
	for (;;) {
		struct lk_flow_list *list = q->new_flows.head != 0 ? &q->new_flows : &q->old_flows;
		struct lk_queue_flow *f;

		if (list->head == 0)
			return -1;
		f = &q->flows[list->head - 1];
		if (f->head == 0) {
			int is_new = list == &q->new_flows && q->old_flows.head != 0;
			uint32_t flow = lk_flow_list_remove(q, list);

			if (is_new)
				lk_flow_list_add(q, &q->old_flows, flow);
		} else if (f->deficit <= 0) {
			f->deficit += f->quantum;
			lk_flow_list_add(q, &q->old_flows, lk_flow_list_remove(q, list));
		} else {
			return list->head - 1;
		}
	}
}

#endif
