/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Frames that a rule permits go on, others leave by `other`, or are dropped where nothing is behind
 * it. Frames of one version of IP are looked up together.
 */
#include <rte_acl.h>

#include "firewall.h"

#define AT_ONCE 64

/* A run of frames of one version under way: which they are, and what their rules say. */
struct lookups {
	const uint8_t *keys[AT_ONCE];
	uint16_t frames[AT_ONCE];
	uint32_t rules[AT_ONCE];
	uint16_t count;
};

struct run {
	struct lk_firewall_key4 keys4[AT_ONCE];
	struct lk_firewall_key6 keys6[AT_ONCE];
	struct lookups lookups4, lookups6;
	uint32_t rules[AT_ONCE]; /* that decide, by frame; UNFILTERED */
	enum lk_verdict verdicts[AT_ONCE];
};

#define UNFILTERED UINT32_MAX

static const uint8_t state_of[] = {
	[LK_UNTRACKED] = LK_FIREWALL_UNTRACKED,	    [LK_NEW] = LK_FIREWALL_NEW,
	[LK_ESTABLISHED] = LK_FIREWALL_ESTABLISHED, [LK_RELATED] = LK_FIREWALL_RELATED,
	[LK_INVALID] = LK_FIREWALL_INVALID,
};

/* Ports of a later fragment are those of its connection. */
static void
set_ports(const struct lk_flow_frame *frame, uint64_t flow, uint16_t *ports, uint32_t *states)
{
	const struct lk_flow_key *key = &frame->key;
	const struct lk_connection *c;

	if (!lk_has_ports(key->protocol))
		return;
	if (likely(frame->what == LK_FLOW_PACKET || frame->what == LK_FLOW_FIRST)) {
		ports[0] = key->from_port;
		ports[1] = key->to_port;
	} else if (flow & LK_FLOW_LATER_FRAGMENT && (c = lk_flow_connection(flow)) != NULL) {
		unsigned int way = lk_flow_direction(flow);

		ports[way] = c->key.from_port;
		ports[!way] = c->key.to_port;
	} else {
		return;
	}
	ports[0] = LK_NETWORK(16, ports[0]);
	ports[1] = LK_NETWORK(16, ports[1]);
	*states |= LK_FIREWALL_HAS_PORTS;
}

static void
prepare(const struct lk_node *self, struct run *run, uint16_t i, struct rte_mbuf *m)
{
	const struct lk_firewall *f = self->state;
	const uint8_t *data = rte_pktmbuf_mtod(m, const uint8_t *);
	int knows = self->config.knows_connections;
	uint64_t flow = knows ? *lk_flow_field(m) : 0;
	uint32_t states = knows ? state_of[lk_flow_relation(flow)] : 0;
	struct lk_flow_frame frame;
	struct lookups *lookups;
	uint16_t ports[2] = {0};

	run->verdicts[i] = lk_flow_read(data, m->data_len, &frame);
	run->rules[i] = UNFILTERED;
	if (run->verdicts[i] != LK_next || frame.what == LK_FLOW_NONE)
		return;
	run->rules[i] = f->count;
	set_ports(&frame, flow, ports, &states);
	if (data[frame.l3] >> 4 == 4) {
		struct lk_firewall_key4 *key = &run->keys4[i];

		key->protocol = data[frame.l3 + 9];
		memcpy(key->addresses, data + frame.l3 + 12, sizeof(key->addresses));
		memcpy(key->ports, ports, sizeof(ports));
		key->states = LK_NETWORK(32, states);
		lookups = &run->lookups4;
		lookups->keys[lookups->count] = &key->protocol;
	} else {
		struct lk_firewall_key6 *key = &run->keys6[i];

		key->protocol = frame.what == LK_FLOW_ERROR ? LK_PROTO_ICMPV6 : frame.key.protocol;
		memcpy(key->addresses, data + frame.l3 + 8, sizeof(key->addresses));
		memcpy(key->ports, ports, sizeof(ports));
		key->states = LK_NETWORK(32, states);
		lookups = &run->lookups6;
		lookups->keys[lookups->count] = &key->protocol;
	}
	lookups->frames[lookups->count++] = i;
}

static void
look_up(const struct rte_acl_ctx *rules, struct lookups *lookups, uint32_t *found)
{
	if (rules == NULL || lookups->count == 0)
		return;
	rte_acl_classify(rules, lookups->keys, lookups->rules, lookups->count, 1);
	for (uint16_t i = 0; i < lookups->count; i++)
		if (lookups->rules[i] != 0)
			found[lookups->frames[i]] = lookups->rules[i] - 1;
}

/* Counts the frame on its rule. */
static enum lk_verdict
decide(struct lk_firewall *f, uint32_t rule, uint32_t bytes, enum lk_verdict otherwise)
{
	if (unlikely(rule == UNFILTERED)) {
		f->unfiltered++;
		return LK_next;
	}
	f->hits[rule].packets++;
	f->hits[rule].bytes += bytes;
	if (f->permits[rule]) {
		f->permitted++;
		return LK_next;
	}
	f->denied++;
	return otherwise;
}

/*
 * A connection of which nothing has been permitted has not begun: its answers would pass, and those
 * that are denied would fill the table.
 */
static void
tell_tracker(uint64_t flow, int is_permitted)
{
	struct lk_connection *c = lk_flow_connection(flow);
	struct lk_conntrack *t;

	if (c == NULL || c->flags & LK_IS_PERMITTED)
		return;
	if (is_permitted) {
		c->flags |= LK_IS_PERMITTED;
	} else if (lk_flow_relation(flow) == LK_NEW) {
		t = lk_flow_table(flow);
		lk_conntrack_forget(t, (uint32_t)(c - t->connections));
	}
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_node *self = lk_node_of(node);
	enum lk_verdict otherwise = self->config.other < 0 ? LK_firewall_denied : LK_other;
	struct lk_firewall *f = self->state;
	uint16_t kept = 0;
	struct run run;

	lk_enter(node, objs, count);
	for (uint16_t from = 0, some; from < count; from = (uint16_t)(from + some)) {
		some = RTE_MIN((uint16_t)(count - from), (uint16_t)AT_ONCE);
		run.lookups4.count = run.lookups6.count = 0;
		for (uint16_t i = 0; i < some; i++)
			rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[from + i], void *));
		for (uint16_t i = 0; i < some; i++)
			prepare(self, &run, i, objs[from + i]);
		look_up(f->rules4, &run.lookups4, run.rules);
		look_up(f->rules6, &run.lookups6, run.rules);
		for (uint16_t i = 0; i < some; i++) {
			struct rte_mbuf *m = objs[from + i];
			enum lk_verdict verdict = run.verdicts[i];

			if (likely(verdict == LK_next))
				verdict = decide(f, run.rules[i], m->pkt_len, otherwise);
			if (self->config.knows_connections)
				tell_tracker(*lk_flow_field(m), verdict == LK_next);
			if (likely(verdict == LK_next)) {
				objs[kept++] = m;
				continue;
			}
			lk_pass_one(graph, node, verdict, m);
		}
	}
	if (likely(kept == count))
		lk_pass_all(graph, node, LK_next);
	else if (kept > 0)
		lk_pass(graph, node, LK_next, objs, kept);
	return count;
}

LK_NODE(firewall, process, .state_bytes = sizeof(struct lk_firewall), .open = lk_firewall_open,
	.close = lk_firewall_close, .rows = lk_firewall_rows)

/* The way back through the same rules */
LK_NODE(firewall_back, process)
