/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames go to a function in Python; from_python lets go of them when it has answered. */
#include <rte_cycles.h>

#include "python.h"

static int
open_python(struct lk_node *self)
{
	static uint32_t lives;

	((struct lk_python *)self->state)->life = (uint64_t)++lives << 32;
	return 0;
}

static void
close_python(struct lk_node *self)
{
	struct lk_python *p = self->state;

	while (p->held > 0) {
		rte_pktmbuf_free(p->frames[p->first++ % LK_MOST_IN_PYTHON]);
		p->held--;
	}
}

static enum lk_verdict
ask(struct lk_python *p, struct lk_frame_ring *ring, struct rte_mbuf *m, uint64_t time_ns)
{
	uint64_t number = p->first + p->held;
	struct lk_question question = {p->life | (uint32_t)number};
	uint32_t length = (uint32_t)sizeof(question) + m->data_len;

	if (p->held == LK_MOST_IN_PYTHON)
		return LK_python_full;
	if (length + sizeof(struct lk_answer) > LK_LONGEST_RECORD)
		return LK_no_room;
	memcpy(p->record, &question, sizeof(question));
	memcpy(p->record + sizeof(question), rte_pktmbuf_mtod(m, const uint8_t *), m->data_len);
	lk_ring_write(ring, p->record, length, length, time_ns, 0);
	p->frames[number % LK_MOST_IN_PYTHON] = m;
	p->held++;
	p->most_held = RTE_MAX(p->most_held, p->held);
	return LK_next;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_node *self = lk_node_of(node);
	uint64_t now = lk_clock_realtime_ns(rte_rdtsc());

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < count; i++) {
		enum lk_verdict verdict = ask(self->state, self->config.ring, objs[i], now);

		if (verdict != LK_next)
			lk_pass_one(graph, node, verdict, objs[i]);
	}
	return count;
}

LK_NODE(to_python, process, .state_bytes = sizeof(struct lk_python), .open = open_python,
	.close = close_python)
