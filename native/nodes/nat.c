/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Translates addresses and ports of the connections that a conntrack in front has found. What a
 * connection becomes is decided with its first frame; others are written anew by its two keys.
 */
#include "nat.h"

/*
 * In the direction in which the frame goes: who began comes from what the key of the other side
 * answers to, and who answers from whom the first key calls.
 */
static struct lk_translation
translation_of(const struct lk_connection *c, unsigned int direction)
{
	const struct lk_flow_key *other = direction == 0 ? &c->back : &c->key;
	struct lk_translation t = {
		.from_port = other->to_port,
		.to_port = other->from_port,
		.identifier = direction == 0 ? other->to_port : other->from_port,
	};

	memcpy(t.from, other->to, sizeof(t.from));
	memcpy(t.to, other->from, sizeof(t.to));
	if (c->nat_what & LK_NAT_SOURCE)
		t.changes |= direction == 0 ? LK_CHANGES_FROM : LK_CHANGES_TO;
	if (c->nat_what & LK_NAT_TARGET)
		t.changes |= direction == 0 ? LK_CHANGES_TO : LK_CHANGES_FROM;
	return t;
}

static enum lk_verdict
translate(struct lk_node *self, struct lk_nat *nat, struct rte_mbuf *m, int is_from_outside)
{
	uint64_t flow = *lk_flow_field(m);
	struct lk_connection *c = lk_flow_connection(flow);
	struct lk_flow_frame frame;
	struct lk_translation t;
	enum lk_verdict verdict;

	if (unlikely(c == NULL))
		return lk_flow_relation(flow) == LK_UNTRACKED ? LK_next : LK_nat_untracked;
	if (unlikely(c->nat == 0)) {
		if (lk_flow_direction(flow) != 0)
			return LK_next; /* it did not begin here, and stays what it is */
		if (lk_flow_relation(flow) == LK_RELATED)
			return LK_nat_untracked;
		verdict = lk_nat_begin(nat, lk_flow_table(flow), c, is_from_outside);
		if (verdict != LK_next)
			return verdict;
	}
	if (c->nat_what == 0)
		return LK_next;
	verdict = lk_flow_read(rte_pktmbuf_mtod(m, uint8_t *), m->data_len, &frame);
	if (unlikely(verdict != LK_next))
		return verdict; /* a node between has spoilt it */
	t = translation_of(c, lk_flow_direction(flow));
	lk_translate(rte_pktmbuf_mtod(m, uint8_t *), &frame, &t);
	nat->translated++;
	if (unlikely(frame.what == LK_FLOW_ERROR))
		*lk_mark_of(m) = 0; /* what it quotes is its payload */
	if (unlikely(c->nat_what & LK_NAT_HAIRPIN)) {
		nat->hairpinned++;
		return self->config.other < 0 ? LK_nat_hairpin : LK_other;
	}
	return LK_next;
}

static __rte_always_inline uint16_t
process_side(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count,
	     int is_from_outside)
{
	struct lk_node *self = lk_node_of(node);
	struct lk_nat *nat = self->state;
	uint16_t kept = 0;

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < count; i++) {
		const struct lk_connection *c = lk_flow_connection(*lk_flow_field(objs[i]));

		rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i], void *));
		if (c != NULL)
			rte_prefetch0(&c->back);
	}
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];
		enum lk_verdict verdict = translate(self, nat, m, is_from_outside);

		if (likely(verdict == LK_next))
			objs[kept++] = m;
		else
			lk_pass_one(graph, node, verdict, m);
	}
	if (likely(kept == count))
		lk_pass_all(graph, node, LK_next);
	else if (kept > 0)
		lk_pass(graph, node, LK_next, objs, kept);
	return count;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	return process_side(graph, node, objs, count, 0);
}

static uint16_t
process_back(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	return process_side(graph, node, objs, count, 1);
}

LK_NODE(nat, process, .state_bytes = sizeof(struct lk_nat), .open = lk_nat_open,
	.close = lk_nat_close, .rows = lk_nat_rows)

/* From outside */
LK_NODE(nat_back, process_back)
