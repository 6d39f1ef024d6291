/* SPDX-License-Identifier: BSD-3-Clause */

/* A bad line between two nodes, whose every act is counted. Loss is a drop node of its own. */
#include <rte_cycles.h>

#include "frame_program.h"
#include "impair.h"
#include "node.h"

enum act { LOSE, COPY, HOLD, ACTS };

/* Whatever else happened, and when: the same seed does the same to frames in the same order. */
static int
happens(const struct lk_impair *impair, uint64_t frame, enum act act)
{
	return impair->limits[act] != 0 &&
	       lk_random(impair->config.seed, frame * ACTS + act) <= impair->limits[act];
}

static void
pass(struct rte_graph *graph, struct rte_node *node, struct lk_impair *impair, struct rte_mbuf *m,
     uint64_t now)
{
	for (uint32_t i = 0; i < impair->held_count; i++)
		impair->held[i].passed++;
	lk_impair_send(graph, node, m);
	lk_impair_release(graph, node, impair, now);
}

static struct rte_mbuf *
copy_of(struct rte_mbuf *m)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);

	if (copy != NULL)
		*lk_mark_of(copy) = 0; /* its bytes may stand elsewhere in the buffer */
	return copy;
}

static void
handle(struct rte_graph *graph, struct rte_node *node, struct lk_impair *impair, struct rte_mbuf *m,
       uint64_t now)
{
	uint64_t frame = impair->frames++;
	struct rte_mbuf *copy = NULL;
	int is_doubled;

	if (happens(impair, frame, LOSE)) {
		lk_pass_one(graph, node, LK_impair_loss, m);
		return;
	}
	is_doubled = happens(impair, frame, COPY);
	if (is_doubled)
		copy = copy_of(m);
	/* Not held back: its copy would arrive as the first, and nothing as reordered. */
	if (!is_doubled && impair->held_count < LK_IMPAIR_HELD && happens(impair, frame, HOLD)) {
		impair->held[impair->held_count].m = m;
		impair->held[impair->held_count].since = now;
		impair->held[impair->held_count++].passed = 0;
	} else {
		pass(graph, node, impair, m, now);
	}
	if (copy != NULL) {
		impair->copied++;
		lk_impair_send(graph, node, copy);
	}
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_impair *impair = lk_node_of(node)->config.impair;
	uint64_t now = rte_rdtsc();

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < count; i++)
		handle(graph, node, impair, objs[i], now);
	return count;
}

LK_NODE(impair, process)
