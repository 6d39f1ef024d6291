/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The clock of a router's neighbours: asks those again that did not answer, lets them age, and
 * gives up. What it makes, and the frames that waited in vain, go to the router to be sent or
 * refused.
 */
#include <rte_cycles.h>

#include "router.h"

#define AT_ONCE	      64 /* frames of a walk */
#define LOOKS	      50 /* in the time after which a question is repeated */
#define KEPT_FAILURES 60 /* of these times, until a failure is forgotten */
#define IN_VAIN	      UINT32_MAX

struct batch {
	void *frames[AT_ONCE + LK_MOST_WAITING];
	uint16_t count;
};

static void
give(struct batch *batch, struct rte_mbuf *m, uint32_t what)
{
	m->hash.fdir.lo = what;
	m->hash.fdir.hi = m->port;
	m->port = LK_ROUTER_OWN;
	batch->frames[batch->count++] = m;
}

static void
ask(struct lk_router *r, struct lk_neighbour *n, struct batch *batch)
{
	struct rte_mempool *pool = r->pool;
	struct rte_mbuf *m = pool == NULL ? NULL : lk_router_frame_of(r, pool);

	n->tries++;
	n->deadline = r->now + r->retry;
	if (m == NULL)
		return;
	m->port = r->ports[n->output].number;
	if (lk_router_question(r, m, n) != 0) {
		r->made--;
		rte_pktmbuf_free(m);
		return;
	}
	r->asked++;
	give(batch, m, n->output);
}

static void
fail(struct lk_router *r, struct lk_neighbour *n, struct batch *batch)
{
	struct lk_waiting *w = lk_waiting_of(&r->neighbours, n);

	for (unsigned int i = 0; i < n->waiting; i++)
		give(batch, w->frames[i], IN_VAIN);
	n->waiting = 0;
	n->state = LK_NEIGHBOUR_FAILED;
	n->deadline = r->now + KEPT_FAILURES * r->retry;
}

static void
look(struct lk_router *r, struct lk_neighbour *n, struct batch *batch)
{
	switch (n->state) {
	case LK_NEIGHBOUR_REACHABLE:
		n->state = LK_NEIGHBOUR_STALE;
		break;
	case LK_NEIGHBOUR_DELAY:
		n->state = LK_NEIGHBOUR_PROBE;
		n->tries = 0;
		ask(r, n, batch);
		break;
	case LK_NEIGHBOUR_INCOMPLETE:
	case LK_NEIGHBOUR_PROBE:
		if (n->tries < r->tries)
			ask(r, n, batch);
		else
			fail(r, n, batch);
		break;
	case LK_NEIGHBOUR_FAILED:
		if (!n->is_kept)
			lk_neighbour_forget(&r->neighbours, n);
		break;
	default: /* has no time */
		break;
	}
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_router *r = lk_node_of(node)->state;
	struct lk_neighbours *table = &r->neighbours;
	struct batch batch = {.count = 0};
	uint64_t now = rte_rdtsc();

	(void)objs;
	(void)unused;
	if (now < r->look_at)
		return 0;
	RTE_PER_LCORE(lk_current_node) = node->id;
	r->now = now;
	for (; r->looked < table->used && batch.count < AT_ONCE; r->looked++) {
		struct lk_neighbour *n = &table->all[r->looked];

		if (n->version != 0 && n->deadline <= now)
			look(r, n, &batch);
	}
	if (r->looked == table->used) {
		r->looked = 0;
		r->look_at = now + r->retry / LOOKS;
	}
	if (batch.count > 0)
		lk_pass(graph, node, LK_next, batch.frames, batch.count);
	return batch.count;
}

static uint32_t
rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	const struct lk_router *r = self->state;
	uint64_t now = rte_rdtsc();
	uint32_t count = 0;

	for (; count < room && *cursor < r->neighbours.used; ++*cursor) {
		const struct lk_neighbour *n = &r->neighbours.all[*cursor];
		const struct lk_waiting *w = lk_waiting_of(&r->neighbours, n);
		uint64_t *cells = rows[count].cells;

		if (n->version == 0)
			continue;
		cells = lk_put_address(cells, n->version, n->address);
		*cells++ = n->output;
		*cells++ = lk_neighbour_is_known(n) ? lk_get64(n->rewrite) >> 16 : UINT64_MAX;
		*cells++ = n->state;
		*cells++ = w->confirmed == 0 ? UINT64_MAX
					     : (uint64_t)((double)(now - w->confirmed) * 1e9 /
							  lk_clock_tsc_hz());
		*cells++ = n->frames;
		*cells = n->waiting;
		count++;
	}
	return count;
}

LK_NODE(neighbours, process, .is_polled = 1, .rows = rows)
