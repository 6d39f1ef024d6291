/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A learning switch (IEEE 802.1Q): a frame goes to the port on which its destination was seen, or
 * to all others of its VLAN. Its outputs are its ports, in their order.
 *
 * A burst is looked at twice: first for the headers, so that the lines of the table that they lead
 * to are on their way when the second look learns and forwards, frame by frame.
 */
#include <errno.h>
#include <stdlib.h>

#include <rte_cycles.h>

#include "bridge.h"
#include "node.h"

enum { AGE, LIMIT };			    /* of config.values */
enum { PORTS, VLANS };			    /* of config.data */
enum { NATIVE_BYTES = LK_MAX_OUTPUTS * 2 }; /* of the packed VLANs, before the ports of each */
#define AT_ONCE	      64
#define SWEEPS_A_TURN 1024u /* ms with frames in which a sweep gets around */
#define LEAST_SWEPT   64u   /* buckets that a full table is searched for room */
#define MOST_LOOKS    8192u /* buckets that are read at once where some have entries */
#define NO_PORT	      0xff

struct lk_switch {
	uint64_t learned, moved, aged, flooded, table_full, made, not_copied;
	struct lk_mac_table table;
	uint64_t cycles_a_ms;
	uint64_t last;			  /* ms at the last burst */
	struct lk_vlan_ports *vlans;	  /* by VLAN; NULL: tags are not looked at */
	struct lk_vlan_ports all;	  /* of a switch that does not look */
	uint16_t native[LK_MAX_OUTPUTS];  /* by port */
	uint8_t port_of[LK_PORT_NUMBERS]; /* by the number in m->port */
};

/* What one walk of frames has in hand: those of a run leave by one edge. */
struct walk {
	struct rte_graph *graph;
	struct rte_node *node;
	struct lk_switch *s;
	uint32_t now;
};

static int
open_ports(struct lk_switch *s, const struct lk_node_data *ports)
{
	uint32_t count = (uint32_t)(ports->length / sizeof(uint16_t));

	memset(s->port_of, NO_PORT, sizeof(s->port_of));
	if (count == 0 || count > LK_MAX_OUTPUTS)
		return -EINVAL;
	for (uint32_t i = 0; i < count; i++) {
		uint16_t port;

		memcpy(&port, ports->bytes + i * sizeof(port), sizeof(port));
		if (port >= LK_PORT_NUMBERS)
			return -EINVAL;
		s->port_of[port] = (uint8_t)i;
	}
	s->all.members = (uint32_t)((UINT64_C(1) << count) - 1);
	return 0;
}

static int
open_vlans(struct lk_switch *s, const struct lk_node_data *vlans)
{
	if (vlans->length == 0)
		return 0;
	if (vlans->length != NATIVE_BYTES + LK_VLAN_IDS * sizeof(*s->vlans))
		return -EINVAL;
	s->vlans = malloc(LK_VLAN_IDS * sizeof(*s->vlans));
	if (s->vlans == NULL)
		return -ENOMEM;
	memcpy(s->native, vlans->bytes, NATIVE_BYTES);
	memcpy(s->vlans, vlans->bytes + NATIVE_BYTES, LK_VLAN_IDS * sizeof(*s->vlans));
	return 0;
}

static int
open_switch(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct lk_switch *s = self->state;
	struct lk_mac_table *t = &s->table;
	size_t bytes;
	int rc;

	s->cycles_a_ms = (uint64_t)(lk_clock_tsc_hz() / 1000);
	t->age = (uint32_t)(values[AGE].real * 1000);
	t->limit = (uint32_t)values[LIMIT].whole;
	t->mask = lk_mac_buckets(t->limit) - 1;
	bytes = (t->mask + 1ul) * sizeof(*t->buckets);
	t->buckets = aligned_alloc(sizeof(*t->buckets), bytes);
	if (t->buckets == NULL)
		return -ENOMEM;
	lk_mac_clear(t);
	rc = open_ports(s, &self->config.data[PORTS]);
	return rc != 0 ? rc : open_vlans(s, &self->config.data[VLANS]);
}

static void
close_switch(struct lk_node *self)
{
	struct lk_switch *s = self->state;

	free(s->table.buckets);
	free(s->vlans);
}

/* Milliseconds, of which the table keeps 32 bits: what has not been asked for long is not asked
 * again, lest it look young when they come around. */
static uint32_t
time_of(struct lk_switch *s)
{
	uint64_t now = rte_rdtsc() / s->cycles_a_ms;

	if (unlikely(now - s->last > INT32_MAX)) {
		s->aged += s->table.count;
		lk_mac_clear(&s->table);
	} else if (now != s->last) {
		s->aged +=
			lk_mac_sweep(&s->table, (uint32_t)now, s->table.mask / SWEEPS_A_TURN + 1);
	}
	s->last = now;
	return (uint32_t)now;
}

static void
learn(struct lk_switch *s, uint64_t key, uint8_t port, uint32_t now)
{
	enum lk_mac_learnt learnt = lk_mac_learn(&s->table, key, port, now);

	if (likely(learnt == LK_MAC_KNOWN))
		return;
	if (learnt == LK_MAC_FULL) {
		s->aged += lk_mac_sweep(&s->table, now, LEAST_SWEPT);
		learnt = lk_mac_learn(&s->table, key, port, now);
	}
	s->learned += learnt == LK_MAC_LEARNED;
	s->moved += learnt == LK_MAC_MOVED;
	s->table_full += learnt == LK_MAC_FULL;
}

/* Tags in front of a frame: its payload stays where it is, but where there is no room for them. */
static enum lk_verdict
tag(struct rte_mbuf *m, const struct lk_bridged *b, uint32_t tagged, uint32_t port)
{
	struct lk_frame frame = {
		.data = rte_pktmbuf_mtod(m, uint8_t *),
		.length = m->data_len,
		.headroom = m->data_off,
		.tailroom = (uint32_t)(m->buf_len - m->data_off - m->data_len),
	};
	const uint8_t *end = frame.data + frame.length;
	enum lk_verdict verdict = lk_bridge_tag(&frame, b, tagged >> port & 1);

	if (unlikely(verdict != LK_next))
		return verdict;
	if (unlikely(frame.data + frame.length != end))
		*lk_mark_of(m) = 0;
	m->data_off = (uint16_t)(frame.data - (uint8_t *)m->buf_addr);
	m->data_len = (uint16_t)frame.length;
	m->pkt_len = frame.length;
	return LK_OUTPUT(port);
}

/* To all ports of a set, which is not empty: a copy to each but the last. */
static void
flood(const struct walk *w, struct rte_mbuf *m, const struct lk_bridged *b, uint32_t tagged,
      uint32_t ports)
{
	enum lk_verdict verdict;

	w->s->flooded++;
	for (; (ports & (ports - 1)) != 0; ports &= ports - 1) {
		uint32_t port = (uint32_t)__builtin_ctz(ports);
		struct rte_mbuf *copy = rte_pktmbuf_copy(m, m->pool, 0, UINT32_MAX);

		if (unlikely(copy == NULL)) {
			w->s->not_copied++;
			continue;
		}
		*lk_mark_of(copy) = 0;
		w->s->made++;
		verdict = b->vlan == 0 ? LK_OUTPUT(port) : tag(copy, b, tagged, port);
		lk_pass_one(w->graph, w->node, verdict, copy);
	}
	verdict = (enum lk_verdict)__builtin_ctz(ports);
	verdict = b->vlan == 0 ? LK_OUTPUT(verdict) : tag(m, b, tagged, verdict);
	lk_pass_one(w->graph, w->node, verdict, m);
}

/* Where one frame goes alone; LK_VERDICT_COUNT + LK_MAX_OUTPUTS: to all of *ports. */
#define TO_ALL ((enum lk_verdict)LK_EDGE_COUNT)
static __rte_always_inline enum lk_verdict
forward(const struct walk *w, struct rte_mbuf *m, const struct lk_bridged *b, uint8_t from,
	uint32_t *ports)
{
	const struct lk_vlan_ports *vlan = b->vlan == 0 ? &w->s->all : &w->s->vlans[b->vlan];
	int to;

	learn(w->s, b->source, from, w->now);
	if (unlikely(b->is_reserved))
		return LK_switch_reserved;
	to = b->target == 0 ? -1 : lk_mac_port(&w->s->table, b->target, w->now);
	if (likely(to >= 0)) {
		if (unlikely(to == from))
			return LK_switch_same_port;
		return b->vlan == 0 ? LK_OUTPUT(to) : tag(m, b, vlan->tagged, (uint32_t)to);
	}
	*ports = vlan->members & ~(1u << from);
	return *ports == 0 ? LK_switch_no_port : TO_ALL;
}

static __rte_always_inline enum lk_verdict
look(const struct lk_switch *s, const struct rte_mbuf *m, struct lk_bridged *b, uint8_t *from)
{
	enum lk_verdict verdict;

	*from = m->port < LK_PORT_NUMBERS ? s->port_of[m->port] : NO_PORT;
	if (unlikely(*from == NO_PORT))
		return LK_switch_unknown_port;
	verdict = lk_bridge_look(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, s->vlans, *from,
				 s->native[*from], b);
	if (unlikely(verdict != LK_next))
		return verdict;
	rte_prefetch0(&s->table.buckets[lk_mac_home(&s->table, b->source)]);
	rte_prefetch0(&s->table.buckets[lk_mac_home(&s->table, b->target)]);
	return LK_next;
}

static void
walk(const struct walk *w, void **objs, uint16_t count)
{
	struct lk_bridged seen[AT_ONCE];
	enum lk_verdict verdicts[AT_ONCE], run = LK_next;
	uint8_t from[AT_ONCE];
	uint16_t begin = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (likely(i + 4 < count))
			rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i + 4], void *));
		verdicts[i] = look(w->s, objs[i], &seen[i], &from[i]);
	}
	for (uint16_t i = 0; i < count; i++) {
		enum lk_verdict verdict = verdicts[i];
		uint32_t ports = 0;

		if (likely(verdict == LK_next))
			verdict = forward(w, objs[i], &seen[i], from[i], &ports);
		if (verdict == run)
			continue;
		if (i > begin)
			lk_pass(w->graph, w->node, run, objs + begin, (uint16_t)(i - begin));
		begin = i;
		run = verdict;
		if (verdict == TO_ALL) {
			const struct lk_bridged *b = &seen[i];

			flood(w, objs[i], b, b->vlan == 0 ? 0 : w->s->vlans[b->vlan].tagged, ports);
			begin++;
			run = LK_next; /* which no frame has */
		}
	}
	if (count > begin)
		lk_pass(w->graph, w->node, run, objs + begin, (uint16_t)(count - begin));
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_switch *s = lk_node_of(node)->state;
	struct walk w = {graph, node, s, time_of(s)};

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < 4 && i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i], void *));
	for (uint16_t i = 0; i < count; i += AT_ONCE)
		walk(&w, objs + i, RTE_MIN(AT_ONCE, count - i));
	return count;
}

/* MAC address, VLAN, port, age, moves */
static uint32_t
rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	struct lk_switch *s = self->state;
	struct lk_mac_table *t = &s->table;
	uint32_t count = 0, looks = MOST_LOOKS, now = time_of(s);

	for (; *cursor <= t->mask && t->count > 0 && count + LK_MAC_SLOTS <= room; ++*cursor) {
		if (looks > 0)
			looks--;
		else if (count > 0)
			break;
		t->swept = (uint32_t)*cursor;
		s->aged += lk_mac_sweep(t, now, 1);
		for (uint32_t i = 0; i < LK_MAC_SLOTS; i++) {
			const struct lk_mac_entry *e = &t->buckets[*cursor].slots[i];
			uint64_t vlan = e->key & LK_VID_MASK;
			uint64_t cells[] = {e->key >> 12, vlan == 0 ? UINT64_MAX : vlan,
					    (uint8_t)e->where, (now - e->seen) * UINT64_C(1000000),
					    e->where >> 8};

			if (e->key != 0)
				memcpy(rows[count++].cells, cells, sizeof(cells));
		}
	}
	return count;
}

static void
clear(struct lk_node *self)
{
	struct lk_switch *s = self->state;

	lk_mac_clear(&s->table);
}

LK_NODE(switch, process, .state_bytes = sizeof(struct lk_switch), .open = open_switch,
	.close = close_switch, .rows = rows, .clear = clear)
