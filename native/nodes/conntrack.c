/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Finds the connection of each frame, and drops what belongs to none. Memory is asked for in three
 * steps, each for a run of frames at once: their headers, the buckets of their keys, and the
 * connections that these name.
 */
#include <rte_cycles.h>

#include "conntrack.h"

#define AT_ONCE 32
#define EXPIRE_EACH                                                                                \
	4 /* connections looked at for each frame, so that work keeps up with new ones */

static void
fetch(const struct lk_conntrack *t, struct lk_flow_frame *frames, uint16_t count)
{
	for (uint16_t i = 0; i < count; i++) {
		const struct lk_bucket *bucket = lk_bucket_of(&t->keys, frames[i].hash);
		unsigned int slot = 0;
		uint32_t place = lk_index_next(&t->keys, &bucket, &slot, frames[i].hash);

		if (place != LK_NO_PLACE) {
			rte_prefetch0(&t->connections[place]);
			rte_prefetch0(&t->connections[place].packets);
		}
	}
}

static void
read_headers(const struct lk_conntrack *t, void **objs, uint16_t count,
	     struct lk_flow_frame *frames, enum lk_verdict *verdicts)
{
	const struct lk_filter *untracked = t->untracked_filter;

	for (uint16_t i = 0; i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i], void *));
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];

		verdicts[i] = lk_flow_read(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, &frames[i]);
		if (unlikely(untracked != NULL) && lk_filter_takes(untracked, m))
			frames[i].what = LK_FLOW_NONE;
		lk_flow_hash(&frames[i], t->seed);
		rte_prefetch0(lk_bucket_of(&t->keys, frames[i].hash));
	}
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_conntrack *t = lk_node_of(node)->state;
	struct lk_flow_frame frames[AT_ONCE];
	enum lk_verdict verdicts[AT_ONCE];
	uint64_t now = rte_rdtsc();
	uint16_t kept = 0;

	lk_enter(node, objs, count);
	lk_conntrack_expire(t, now, EXPIRE_EACH * (uint32_t)count);
	for (uint16_t from = 0, run; from < count; from = (uint16_t)(from + run)) {
		run = RTE_MIN((uint16_t)(count - from), (uint16_t)AT_ONCE);
		read_headers(t, objs + from, run, frames, verdicts);
		fetch(t, frames, run);
		for (uint16_t i = 0; i < run; i++) {
			struct rte_mbuf *m = objs[from + i];

			if (likely(verdicts[i] == LK_next))
				verdicts[i] = lk_conntrack_take(t, &frames[i], m->pkt_len, now,
								lk_flow_field(m));
			if (likely(verdicts[i] == LK_next))
				objs[kept++] = m;
			else
				lk_pass_one(graph, node, verdicts[i], m);
		}
	}
	if (likely(kept == count))
		lk_pass_all(graph, node, LK_next);
	else if (kept > 0)
		lk_pass(graph, node, LK_next, objs, kept);
	return count;
}

LK_NODE(conntrack, process, .state_bytes = sizeof(struct lk_conntrack), .open = lk_conntrack_open,
	.close = lk_conntrack_close, .refresh = lk_conntrack_refresh, .rows = lk_conntrack_rows)

/* The way back through the same table */
LK_NODE(conntrack_back, process)
