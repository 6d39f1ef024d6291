/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lets go of frames that a function in Python has answered for. Each such function is a kind of its
 * own, because its drop nodes are (lk_python_kind).
 */
#include <errno.h>
#include <stdlib.h>

#include "python.h"

#define AT_ONCE 64

/* What Python made of the frame in its place. */
static int
put(struct rte_mbuf *m, const uint8_t *bytes, uint32_t length)
{
	if (length == 0 || length > (uint32_t)m->buf_len - RTE_PKTMBUF_HEADROOM)
		return 0;
	m->data_off = RTE_PKTMBUF_HEADROOM;
	m->data_len = (uint16_t)length;
	m->pkt_len = length;
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), bytes, length);
	*lk_mark_of(m) = 0;
	return 1;
}

static struct rte_mbuf *
take(struct lk_python *p)
{
	p->held--;
	p->passed++;
	return p->frames[p->first++ % LK_MOST_IN_PYTHON];
}

static uint16_t
answered(struct rte_graph *graph, struct rte_node *node, struct lk_python *p, uint32_t length)
{
	struct lk_answer answer;
	struct rte_mbuf *m;
	uint16_t gone = 0;
	uint32_t late;

	if (length < sizeof(answer))
		return 0;
	memcpy(&answer, p->record, sizeof(answer));
	late = (uint32_t)answer.token - (uint32_t)p->first;
	/* Of another life, or answered before. */
	if (answer.token >> 32 != p->life >> 32 || late >= p->held)
		return 0;
	for (; late > 0; late--, gone++) /* an answer was left out */
		lk_pass_one(graph, node, LK_python_error, take(p));
	m = take(p);
	if (answer.has_frame && !put(m, p->record + sizeof(answer), length - sizeof(answer)))
		answer.verdict = LK_no_room;
	lk_pass_one(graph, node, (enum lk_verdict)answer.verdict, m);
	return gone + 1;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_node *self = lk_node_of(node);
	struct lk_python *p = self->state;
	struct lk_frame_ring *ring = self->config.ring;
	struct lk_record record;
	uint16_t gone = 0;

	(void)objs;
	(void)unused;
	RTE_PER_LCORE(lk_current_node) = node->id;
	if (self->reader.position == 0)
		self->reader.position = atomic_load(&ring->read);
	if (atomic_load_explicit(&ring->written, memory_order_relaxed) == self->reader.position)
		return 0;
	while (gone < AT_ONCE) {
		int64_t length =
			lk_ring_read(ring, &self->reader, &record, p->record, sizeof(p->record));

		if (length <= 0)
			break;
		gone += answered(graph, node, p, (uint32_t)length);
	}
	RTE_PER_LCORE(lk_activity) += gone;
	lk_ring_read_up_to(ring, self->reader.position);
	return gone;
}

/* A kind of this name, once. */
int
lk_python_kind(const char *name)
{
	struct lk_node_kind *kind;

	if (lk_node_kind_find(name) != NULL)
		return 0;
	kind = calloc(1, sizeof(*kind));
	if (kind == NULL)
		return -ENOMEM;
	kind->name = strdup(name);
	kind->process = process;
	kind->is_polled = 1;
	lk_node_kind_add(kind);
	return lk_node_kind_find(name) == kind ? 0 : -ENOMEM;
}
