/* SPDX-License-Identifier: BSD-3-Clause */
#include "forward.h"
#include "router.h"

void
lk_router_flush(struct lk_router *r)
{
	while (r->staged_outputs != 0) {
		unsigned int output = (unsigned int)__builtin_ctz(r->staged_outputs);

		lk_pass(r->graph, r->node, LK_OUTPUT(output), r->frames[output], r->staged[output]);
		r->staged[output] = 0;
		r->staged_outputs &= r->staged_outputs - 1;
	}
}

/* The frame ends with its packet, but for the padding of a short one. */
static void
trim(struct rte_mbuf *m, uint32_t length)
{
	length = RTE_MAX(length, 60u);
	if (m->data_len > length) {
		*lk_mark_of(m) = 0;
		rte_pktmbuf_trim(m, (uint16_t)(m->data_len - length));
	}
}

static void
take_ip(struct lk_router *r, struct rte_mbuf *m, unsigned int in)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + LK_ETHER_LENGTH;
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse_to_forward(frame, m->data_len, &h);
	const struct lk_hop *hop;

	if (verdict == LK_ipv4_bad_option)
		lk_router_tell(r, m, in, LK_ICMP_PARAMETER, 0, (uint32_t)(h.at - h.l3) << 24);
	if (verdict != LK_next) {
		lk_router_drop(r, m, verdict);
		return;
	}
	trim(m, LK_ETHER_LENGTH + lk_ip_length(ip));
	hop = lk_router_hop(r, ip);
	if (hop->kind == LK_HOP_LOCAL ||
	    (h.ip_version == 6 && (hop->kind == LK_HOP_LINK_LOCAL || hop->kind == LK_HOP_GROUP)))
		lk_router_local(r, m, in);
	else
		lk_router_forward(r, m, in, hop);
}

/* What the neighbours node gives back: a question to be sent, or a frame that waited in vain. */
static void
take_back(struct lk_router *r, struct rte_mbuf *m)
{
	unsigned int output = m->hash.fdir.lo;
	unsigned int in;

	m->port = (uint16_t)m->hash.fdir.hi;
	if (output < r->port_count) {
		lk_router_stage(r, m, output);
		return;
	}
	r->held--;
	in = r->by_number[m->port];
	if (in != LK_NO_PORT) {
		int is_v4 = rte_pktmbuf_mtod(m, uint8_t *)[LK_ETHER_LENGTH] >> 4 == 4;

		lk_router_tell(r, m, in, is_v4 ? LK_ICMP_UNREACHABLE : LK_ICMPV6_UNREACHABLE,
			       is_v4 ? LK_HOST_UNREACHABLE : LK_ADDRESS_UNREACHABLE, 0);
	}
	lk_router_drop(r, m, LK_neighbour_failed);
}

void
lk_router_take(struct lk_router *r, struct rte_mbuf *m)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	unsigned int in = r->by_number[m->port];

	if (m->port == LK_ROUTER_OWN)
		take_back(r, m);
	else if (in == LK_NO_PORT)
		lk_router_drop(r, m, LK_unhandled);
	else if (m->data_len < LK_ETHER_LENGTH)
		lk_router_drop(r, m, LK_eth_truncated);
	else if (lk_is_group_mac(frame + 6))
		lk_router_drop(r, m, LK_eth_bad_source);
	else if (!lk_is_group_mac(frame) && memcmp(frame, r->ports[in].endpoint.mac, 6) != 0)
		lk_router_drop(r, m, LK_eth_not_for_us);
	else if (lk_get16(frame + 12) == LK_TYPE_ARP)
		lk_router_arp(r, m, in);
	else
		take_ip(r, m, in);
}

void
lk_router_send(struct lk_router *r, struct rte_mbuf *m, unsigned int in)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *) + LK_ETHER_LENGTH;
	const struct lk_hop *hop = lk_router_hop(r, ip);
	struct lk_hop on_link = {.kind = LK_HOP_CONNECTED, .output = (uint16_t)in};
	struct lk_neighbour *n;
	enum lk_verdict verdict;

	if (hop->kind == LK_HOP_LINK_LOCAL)
		hop = &on_link;
	n = lk_router_next(r, m, hop, &verdict);
	if (n == NULL)
		lk_router_drop(r, m, verdict);
	else
		lk_router_out(r, m, n);
}
