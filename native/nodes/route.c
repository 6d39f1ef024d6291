/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A router (RFC 1812, RFC 8200). IPv4 packets without options, which come to the port's MAC and can
 * go on, are looked up together and rewritten here; all others go the long way (router.c).
 */
#include <rte_cycles.h>

#include "forward.h"
#include "router.h"

#define MAC_MASK LK_NETWORK(64, 0xffffffffffff0000u)

/* What is common to IPv4 packets that need nothing but a next hop. */
static __rte_always_inline int
is_plain(const struct lk_router *r, const struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + LK_ETHER_LENGTH;
	unsigned int in = r->by_number[m->port];
	uint32_t length, total;

	if (unlikely(in == LK_NO_PORT || m->data_len < LK_ETHER_LENGTH + LK_IPV4_LENGTH))
		return 0;
	total = lk_get16(ip + 2);
	length = m->data_len - LK_ETHER_LENGTH;
	return (lk_load64(frame) & MAC_MASK) == r->ports[in].mac && (frame[6] & 1) == 0 &&
	       lk_get32(frame + 11) << 8 >> 8 == (LK_TYPE_IPV4 << 8 | 0x45) &&
	       total >= LK_IPV4_LENGTH && total <= length &&
	       length <= RTE_MAX(total, 60 - LK_ETHER_LENGTH) && ip[8] > 1 &&
	       lk_sum_is_good(lk_sum(ip, LK_IPV4_LENGTH, 0)) && lk_is_ipv4_source(ip + 12) &&
	       (ip[12] != 169 || ip[13] != 254);
}

static __rte_always_inline void
forward_plain(struct lk_router *r, struct rte_mbuf *m, const struct lk_hop *hop)
{
	uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *) + LK_ETHER_LENGTH;
	struct lk_neighbour *n;

	if (likely(hop->kind == LK_HOP_VIA)) {
		n = lk_router_via(r, hop);
		if (likely(n->state == LK_NEIGHBOUR_REACHABLE && lk_get16(ip + 2) <= n->mtu)) {
			lk_age_ipv4(ip);
			r->forwarded++;
			lk_router_rewrite(r, m, n);
			return;
		}
	}
	if (hop->kind == LK_HOP_LOCAL)
		lk_router_local(r, m, r->by_number[m->port]);
	else
		lk_router_forward(r, m, r->by_number[m->port], hop);
}

/* By the tree, for what is not among the latest. */
static void
find_in_tree(struct lk_router *r, uint32_t *addresses, uint64_t *hops, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++) {
		struct lk_found *f = &r->found[addresses[i] * 2654435761u >> 22];

		if (unlikely(f->address != addresses[i])) {
			rte_fib_lookup_bulk(r->fib4, &addresses[i], &hops[i], 1);
			*f = (struct lk_found){addresses[i], (uint32_t)hops[i]};
		}
		hops[i] = f->hop;
	}
}

static __rte_always_inline void
route_some(struct lk_router *r, void **objs, uint16_t count)
{
	uint32_t addresses[LK_ROUTER_AT_ONCE];
	uint64_t hops[LK_ROUTER_AT_ONCE], plain = 0;
	unsigned int found = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (i + 4 < count)
			rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i + 4], void *));
		if (likely(is_plain(r, objs[i]))) {
			plain |= 1ull << i;
			addresses[found++] = lk_get32(rte_pktmbuf_mtod_offset(
				(struct rte_mbuf *)objs[i], uint8_t *, LK_ETHER_LENGTH + 16));
		}
	}
	if (r->found != NULL)
		find_in_tree(r, addresses, hops, found);
	else if (likely(found > 0))
		rte_fib_lookup_bulk(r->fib4, addresses, hops, (int)found);
	found = 0;
	for (uint16_t i = 0; i < count; i++) {
		if (likely((plain >> i & 1) != 0))
			forward_plain(r, objs[i], &r->hops[hops[found++]]);
		else
			lk_router_take(r, objs[i]);
	}
	lk_router_flush(r);
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_router *r = lk_node_of(node)->state;

	lk_enter(node, objs, count);
	r->graph = graph;
	r->node = node;
	r->now = rte_rdtsc();
	if (unlikely(r->pool == NULL))
		r->pool = ((struct rte_mbuf *)objs[0])->pool;
	for (uint16_t i = 0; i < 4 && i < count; i++)
		rte_prefetch0(rte_pktmbuf_mtod((struct rte_mbuf *)objs[i], void *));
	for (uint16_t i = 0; i < count; i = (uint16_t)(i + LK_ROUTER_AT_ONCE))
		route_some(r, objs + i, (uint16_t)RTE_MIN(LK_ROUTER_AT_ONCE, count - i));
	return count;
}

/* The prefix, how it is reached, and by whom: a row for each of several next hops. */
static void
fill(const struct lk_router *r, const struct lk_packed_route *route, const struct lk_hop *hop,
     uint64_t *cells)
{
	cells = lk_put_address(cells, route->version, route->address);
	*cells++ = route->length;
	*cells++ = hop->kind;
	if (hop->kind == LK_HOP_VIA) {
		const struct lk_neighbour *n = lk_router_via(r, hop);

		cells = lk_put_address(cells, n->version, n->address);
		*cells = n->output;
	} else {
		cells = lk_put_address(cells, 0, NULL);
		*cells = hop->kind == LK_HOP_CONNECTED ? hop->output : UINT64_MAX;
	}
}

static uint32_t
rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	const struct lk_router *r = self->state;
	uint32_t route = (uint32_t)(*cursor >> 32), member = (uint32_t)*cursor, count;

	for (count = 0; count < room && route < r->route_count; count++) {
		const struct lk_hop *hop = &r->hops[r->routes[route].hop];
		int is_several = hop->kind == LK_HOP_SEVERAL;

		fill(r, &r->routes[route], is_several ? &r->hops[hop->first + member] : hop,
		     rows[count].cells);
		if (!is_several || ++member == hop->count) {
			member = 0;
			route++;
		}
	}
	*cursor = (uint64_t)route << 32 | member;
	return count;
}

LK_NODE(route, process, .state_bytes = sizeof(struct lk_router), .open = lk_router_open,
	.close = lk_router_close, .rows = rows)
