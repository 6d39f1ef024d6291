/* SPDX-License-Identifier: BSD-3-Clause */

/* From a lookup to the next hop (RFC 1812 5.2.1, 5.3). */
#include "flow.h"
#include "forward.h"
#include "router.h"

const struct lk_hop *
lk_router_hop(const struct lk_router *r, const uint8_t *ip)
{
	uint8_t address6[1][16];
	uint32_t address4;
	uint64_t hop;

	if (ip[0] >> 4 == 4) {
		address4 = lk_get32(ip + 16);
		rte_fib_lookup_bulk(r->fib4, &address4, &hop, 1);
	} else {
		memcpy(address6[0], ip + 24, 16);
		rte_fib6_lookup_bulk(r->fib6, address6, &hop, 1);
	}
	return &r->hops[hop];
}

static enum lk_verdict
why_none(const struct lk_hop *hop)
{
	switch (hop->kind) {
	case LK_HOP_NONE:
		return LK_route_none;
	case LK_HOP_UNREACHABLE:
		return LK_route_unreachable;
	case LK_HOP_BLACKHOLE:
		return LK_route_blackhole;
	default:
		return LK_route_not_forwarded;
	}
}

struct lk_neighbour *
lk_router_next(struct lk_router *r, const struct rte_mbuf *m, const struct lk_hop *hop,
	       enum lk_verdict *verdict)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + LK_ETHER_LENGTH;
	uint8_t version = ip[0] >> 4, address[16] = {0};
	struct lk_neighbour *n;

	if (hop->kind == LK_HOP_SEVERAL) {
		uint64_t hash = lk_flow_of(frame, m->data_len).hash >> 32;

		hop = &r->hops[hop->first + (hash * hop->count >> 32)];
	}
	if (hop->kind == LK_HOP_VIA)
		return lk_router_via(r, hop);
	if (hop->kind != LK_HOP_CONNECTED) {
		*verdict = why_none(hop);
		return NULL;
	}
	memcpy(address, version == 4 ? ip + 16 : ip + 24, version == 4 ? 4 : 16);
	n = lk_neighbour_find(&r->neighbours, (uint8_t)hop->output, version, address);
	if (n == NULL) {
		n = lk_neighbour_add(&r->neighbours, (uint8_t)hop->output, version, address);
		if (n != NULL)
			n->mtu = r->ports[hop->output].mtu;
	}
	*verdict = LK_neighbour_no_room;
	return n;
}

void
lk_router_out(struct lk_router *r, struct rte_mbuf *m, struct lk_neighbour *n)
{
	if (!lk_neighbour_is_known(n)) {
		lk_router_wait(r, m, n);
		return;
	}
	if (n->state == LK_NEIGHBOUR_STALE) {
		n->state = LK_NEIGHBOUR_DELAY;
		n->deadline = r->now + LK_DELAY_RETRIES * r->retry;
	}
	lk_router_rewrite(r, m, n);
}

/* What is told of a packet that has no next hop. */
static void
tell_no_hop(struct lk_router *r, const struct rte_mbuf *m, unsigned int in, int is_v4,
	    enum lk_verdict verdict)
{
	if (verdict != LK_route_none && verdict != LK_route_unreachable)
		return;
	if (is_v4)
		lk_router_tell(r, m, in, LK_ICMP_UNREACHABLE,
			       verdict == LK_route_none ? LK_NET_UNREACHABLE : LK_HOST_UNREACHABLE,
			       0);
	else
		lk_router_tell(r, m, in, LK_ICMPV6_UNREACHABLE, LK_NO_ROUTE, 0);
}

void
lk_router_forward(struct lk_router *r, struct rte_mbuf *m, unsigned int in,
		  const struct lk_hop *hop)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + LK_ETHER_LENGTH;
	int is_v4 = ip[0] >> 4 == 4;
	enum lk_verdict verdict = lk_may_forward(frame, ip);
	struct lk_neighbour *n = NULL;

	if (verdict == LK_next)
		n = lk_router_next(r, m, hop, &verdict);
	else if (!is_v4 && lk_is_ipv6_link_local(ip + 8) && hop->kind >= LK_HOP_CONNECTED)
		lk_router_tell(r, m, in, LK_ICMPV6_UNREACHABLE, LK_BEYOND_SCOPE, 0);
	if (n == NULL) {
		tell_no_hop(r, m, in, is_v4, verdict);
		lk_router_drop(r, m, verdict);
		return;
	}
	if (ip[is_v4 ? 8 : 7] <= 1) {
		lk_router_tell(r, m, in, is_v4 ? LK_ICMP_TIME_EXCEEDED : LK_ICMPV6_TIME_EXCEEDED, 0,
			       0);
		lk_router_drop(r, m, LK_route_ttl_exceeded);
		return;
	}
	if (lk_ip_length(ip) > n->mtu && (!is_v4 || (ip[6] & LK_DONT_FRAGMENT) != 0)) {
		if (is_v4)
			lk_router_tell(r, m, in, LK_ICMP_UNREACHABLE, LK_FRAGMENTATION_NEEDED,
				       n->mtu);
		else
			lk_router_tell(r, m, in, LK_ICMPV6_TOO_BIG, 0, n->mtu);
		lk_router_drop(r, m, LK_route_too_big);
		return;
	}
	if (is_v4)
		lk_age_ipv4(ip);
	else
		ip[7]--;
	r->forwarded++;
	if (lk_ip_length(ip) > n->mtu)
		lk_router_fragment(r, m, n);
	else
		lk_router_out(r, m, n);
}
