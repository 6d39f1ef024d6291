/* SPDX-License-Identifier: BSD-3-Clause */

/* A bad line between two nodes, whose every act is counted. Loss is a drop node of its own. */
#include <rte_cycles.h>

#include "damage.h"
#include "frame_program.h"
#include "impair.h"
#include "node.h"

static uint64_t
drawn(const struct lk_impair *impair, uint64_t frame, enum lk_act act)
{
	return lk_random(impair->config.seed, frame * LK_ACTS + act);
}

/* Whatever else happened, and when: the same seed does the same to frames in the same order. */
static int
is_within(const struct lk_impair *impair, uint64_t frame, enum lk_act act, uint64_t limit)
{
	return limit != 0 && drawn(impair, frame, act) <= limit;
}

static int
happens(const struct lk_impair *impair, uint64_t frame, enum lk_act act)
{
	return is_within(impair, frame, act, impair->limits[act]);
}

/* Gilbert, Elliott: the frame is lost by the state that it finds, which may turn behind it. */
static int
is_lost(struct lk_impair *impair, uint64_t frame)
{
	int in_burst = impair->is_burst;
	uint64_t loss = in_burst ? impair->burst_loss : impair->limits[LK_LOSE];
	uint64_t turn = in_burst ? impair->burst_end : impair->limits[LK_TURN];
	int lost = is_within(impair, frame, LK_LOSE, loss);

	if (is_within(impair, frame, LK_TURN, turn)) {
		impair->is_burst = !in_burst;
		impair->counts.bursts += !in_burst;
	}
	impair->counts.lost += (uint64_t)lost;
	impair->counts.lost_in_bursts += (uint64_t)(lost && in_burst);
	return lost;
}

static struct rte_mbuf *
copy_of(struct rte_mbuf *m)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);

	if (copy != NULL)
		*lk_mark_of(copy) = 0; /* its bytes may stand elsewhere in the buffer */
	return copy;
}

/* The buffer is no longer what its generator believes. */
static void
damage(struct lk_impair *impair, struct rte_mbuf *m, uint64_t frame)
{
	uint8_t *data = rte_pktmbuf_mtod(m, uint8_t *);

	if (happens(impair, frame, LK_CORRUPT) &&
	    lk_flip_bit(data, m->data_len, (enum lk_part)impair->config.corrupt_part,
			drawn(impair, frame, LK_BIT))) {
		*lk_mark_of(m) = 0;
		impair->counts.corrupted++;
	}
	if (happens(impair, frame, LK_TRUNCATE) && m->data_len > LK_SHORTEST_CUT) {
		m->data_len =
			(uint16_t)(LK_SHORTEST_CUT + lk_one_of(drawn(impair, frame, LK_SHORT),
							       m->data_len - LK_SHORTEST_CUT));
		m->pkt_len = m->data_len;
		*lk_mark_of(m) = 0;
		impair->counts.truncated++;
	}
}

static void
handle(struct lk_impair *impair, struct rte_mbuf *m, uint64_t frame, uint64_t now,
       struct lk_out *out)
{
	int is_doubled = happens(impair, frame, LK_COPY);
	struct rte_mbuf *copy = is_doubled ? copy_of(m) : NULL;
	uint64_t held = impair->counts.held;

	damage(impair, m, frame);
	/* Not held back: its copy would arrive as the first, and nothing as reordered. */
	if (!is_doubled && held < LK_IMPAIR_HELD && happens(impair, frame, LK_HOLD)) {
		impair->held[held].m = m;
		impair->held[held].since = now;
		impair->held[held].passed = 0;
		impair->counts.held++;
	} else {
		for (uint64_t i = 0; i < held; i++)
			impair->held[i].passed++;
		lk_out_add(out, m);
		lk_impair_release(impair, now, out);
	}
	if (copy != NULL) {
		impair->counts.copied++;
		lk_out_add(out, copy);
	}
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_impair *impair = lk_node_of(node)->config.impair;
	struct lk_out out;
	uint64_t now = rte_rdtsc();
	uint16_t lost = 0;

	lk_enter(node, objs, count);
	out.graph = graph;
	out.node = node;
	out.count = 0;
	for (uint16_t i = 0; i < count; i++) {
		uint64_t frame = impair->frames++;
		void *m = objs[i];

		if (unlikely(is_lost(impair, frame)))
			objs[lost++] = m;
		else
			handle(impair, m, frame, now, &out);
	}
	lk_out_send(&out);
	if (lost > 0)
		lk_pass(graph, node, LK_impair_loss, objs, lost);
	return count;
}

LK_NODE(impair, process)
