/* SPDX-License-Identifier: BSD-3-Clause */

/* Fragments wait here for the others of their packet; all other frames pass. */
#include <rte_cycles.h>

#include "reassembly.h"

static void
drop_all(struct rte_graph *graph, struct rte_node *node, struct lk_reassembly *r,
	 struct lk_waiting_packet *p, enum lk_verdict verdict)
{
	for (uint32_t i = 0; i < p->count; i++)
		lk_pass_one(graph, node, verdict, p->parts[i].m);
	lk_reassembly_remove(r, p);
}

static void
join(struct rte_graph *graph, struct rte_node *node, struct lk_reassembly *r,
     struct lk_waiting_packet *p)
{
	struct rte_mbuf *whole = lk_reassembly_join(p);

	if (whole == NULL) {
		drop_all(graph, node, r, p, LK_reassemble_too_long);
		return;
	}
	for (uint32_t i = 0; i < p->count; i++)
		rte_pktmbuf_free(p->parts[i].m);
	r->reassembled++;
	r->made++;
	r->taken += p->count;
	lk_reassembly_remove(r, p);
	lk_pass_one(graph, node, LK_next, whole);
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_reassembly *r = lk_node_of(node)->state;
	uint64_t now = rte_rdtsc();
	uint16_t kept = 0;

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];
		struct lk_waiting_packet *p;
		struct lk_fragment f;
		enum lk_verdict verdict;

		if (likely(!lk_fragment_of(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len,
					   &f))) {
			objs[kept++] = m;
			continue;
		}
		if (kept > 0) /* in their order */
			lk_pass(graph, node, LK_next, objs, kept);
		kept = 0;
		while ((p = lk_reassembly_late(r, now)) != NULL)
			drop_all(graph, node, r, p, LK_reassemble_timeout);
		verdict = lk_reassembly_put(r, m, &f, now, &p);
		if (verdict != LK_next) {
			lk_pass_one(graph, node, verdict, m);
			if (p != NULL)
				drop_all(graph, node, r, p, verdict);
		} else if (lk_is_whole(p)) {
			join(graph, node, r, p);
		}
	}
	if (likely(kept == count))
		lk_pass_all(graph, node, LK_next);
	else if (kept > 0)
		lk_pass(graph, node, LK_next, objs, kept);
	return count;
}

LK_NODE(reassemble, process, .state_bytes = sizeof(struct lk_reassembly),
	.open = lk_reassembly_open, .close = lk_reassembly_close, .rows = lk_reassembly_rows)
