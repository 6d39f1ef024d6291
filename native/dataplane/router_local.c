/* SPDX-License-Identifier: BSD-3-Clause */

/* What is for the router itself: ARP, neighbour discovery, ping (RFC 1812 3.3.2, 4.3.3). */
#include "arp.h"
#include "forward.h"
#include "nd.h"
#include "refuse.h"
#include "router.h"

typedef enum lk_verdict (*answerer)(struct lk_frame *frame, const struct lk_endpoint *e);

static enum lk_verdict
asked(struct rte_mbuf *m, const struct lk_endpoint *e, answerer answer)
{
	struct lk_frame frame = lk_frame_of(m);
	enum lk_verdict verdict = answer(&frame, e);

	lk_frame_put(m, &frame);
	return verdict;
}

static void
heard(struct lk_router *r, struct rte_mbuf *m)
{
	r->taken++;
	rte_pktmbuf_free(m);
}

/* An answer that has its MACs already. */
static void
answer(struct lk_router *r, struct rte_mbuf *m, unsigned int in)
{
	r->answered++;
	lk_router_stage(r, m, in);
}

void
lk_router_arp(struct lk_router *r, struct rte_mbuf *m, unsigned int in)
{
	const struct lk_endpoint *e = &r->ports[in].endpoint;
	enum lk_verdict verdict = asked(m, e, lk_arp_responder);
	const uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *arp = frame + LK_ETHER_LENGTH;
	int is_answer;

	if (verdict == LK_next) { /* to whom it goes now is who asked */
		if (lk_is_ipv4_source(arp + 24))
			lk_router_learn(r, in, 4, arp + 24, arp + 18, LK_LEARNED_ASKING);
		answer(r, m, in);
		return;
	}
	if (verdict != LK_other) {
		lk_router_drop(r, m, verdict);
		return;
	}
	/* A reply, or a question for another (RFC 826: of a sender that is known, learn) */
	is_answer = lk_get16(arp + 6) == LK_ARP_REPLY;
	if (lk_is_group_mac(arp + 8)) {
		lk_router_drop(r, m, LK_eth_bad_source);
	} else if (!lk_is_ipv4_source(arp + 14) || lk_has_ipv4(e, arp + 14)) {
		lk_router_drop(r, m, LK_arp_bad_sender);
	} else {
		lk_router_learn(r, in, 4, arp + 14, arp + 8,
				is_answer && !lk_is_group_mac(frame) ? LK_LEARNED_ANSWER
								     : LK_LEARNED_HEARD);
		if (is_answer || memcmp(arp + 14, arp + 24, 4) == 0)
			heard(r, m);
		else
			lk_router_drop(r, m, LK_arp_no_such_address);
	}
}

/* A neighbour advertisement (RFC 4861 7.1.2, 7.2.5) */
static enum lk_verdict
take_advertisement(struct lk_router *r, struct rte_mbuf *m, unsigned int in,
		   const struct lk_headers *h)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + h->l3;
	const uint8_t *icmp = frame + h->l4, *link, *known;
	const struct lk_neighbour *n;
	int is_solicited, overrides;
	enum lk_verdict verdict;

	if (h->l4_length < LK_ND_LENGTH)
		return LK_icmp_truncated;
	if (ip[7] != 255)
		return LK_nd_bad_hop_limit;
	if (icmp[1] != 0)
		return LK_nd_bad_code;
	if (!lk_icmp_is_good(frame, h))
		return LK_icmp_bad_checksum;
	is_solicited = (icmp[4] & LK_ND_SOLICITED) != 0;
	overrides = (icmp[4] & LK_ND_OVERRIDE) != 0;
	if (icmp[8] == 0xff || (is_solicited && ip[24] == 0xff))
		return LK_nd_bad_target;
	verdict = lk_nd_options(icmp, h->l4_length, LK_ND_TARGET_LINK, &link);
	if (verdict != LK_next)
		return verdict;
	n = lk_neighbour_find(&r->neighbours, (uint8_t)in, 6, icmp + 8);
	if (n == NULL)
		return LK_next;
	known = lk_neighbour_is_known(n) ? n->rewrite : NULL;
	if (link == NULL && known == NULL)
		return LK_next;
	if (link != NULL && lk_is_group_mac(link))
		return LK_eth_bad_source;
	if (known == NULL || link == NULL || overrides || memcmp(known, link, 6) == 0)
		lk_router_learn(r, in, 6, icmp + 8, link != NULL ? link : known,
				is_solicited ? LK_LEARNED_ANSWER : LK_LEARNED_HEARD);
	return LK_next;
}

/* Neighbour discovery: 1 when it was that. */
static int
take_discovery(struct lk_router *r, struct rte_mbuf *m, unsigned int in, const struct lk_headers *h)
{
	const uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip;
	uint8_t type = h->protocol == LK_PROTO_ICMPV6 && h->l4_length >= 4 ? frame[h->l4] : 0;
	enum lk_verdict verdict;

	if (type == LK_ND_ADVERTISEMENT) {
		verdict = take_advertisement(r, m, in, h);
		if (verdict == LK_next)
			heard(r, m);
		else
			lk_router_drop(r, m, verdict);
		return 1;
	}
	if (type != LK_ND_SOLICITATION)
		return 0;
	verdict = asked(m, &r->ports[in].endpoint, lk_nd_responder);
	if (verdict != LK_next) {
		lk_router_drop(r, m, verdict == LK_other ? LK_nd_no_such_address : verdict);
		return 1;
	}
	frame = rte_pktmbuf_mtod(m, uint8_t *);
	ip = frame + LK_ETHER_LENGTH;
	if (ip[24] != 0xff)
		lk_router_learn(r, in, 6, ip + 24, frame, LK_LEARNED_ASKING);
	answer(r, m, in);
	return 1;
}

/* The router as the host that a packet to one of its addresses is for. */
static void
host_of(struct lk_endpoint *one, const struct lk_endpoint *e, const uint8_t *ip)
{
	*one = (struct lk_endpoint){0};
	memcpy(one->mac, e->mac, 6);
	if (ip[0] >> 4 == 4) {
		memcpy(one->ipv4[one->ipv4_count++], ip + 16, 4);
	} else if (ip[24] != 0xff) {
		memcpy(one->ipv6[one->ipv6_count++], ip + 24, 16);
	} else {
		one->ipv6_count = e->ipv6_count;
		memcpy(one->ipv6, e->ipv6, sizeof(one->ipv6));
	}
}

/* Whether a packet of IPv6 that its hop alone does not tell of is for the router. */
static int
is_for_port(const struct lk_endpoint *e, const uint8_t *ip)
{
	if (e->ipv6_count == 0)
		return 0;
	return ip[24] == 0xff ? lk_ipv6_in_group(e, ip + 24, ip + 8) != NULL
			      : memcmp(ip + 24, e->ipv6[e->ipv6_count - 1], 16) == 0;
}

static void
refuse(struct lk_router *r, struct rte_mbuf *m, unsigned int in, const struct lk_endpoint *one,
       const struct lk_headers *h)
{
	enum lk_verdict verdict = asked(m, one, lk_refuse);
	int is_v4 = h->ip_version == 4;

	if (verdict == LK_udp_no_listener)
		lk_router_tell(r, m, in, is_v4 ? LK_ICMP_UNREACHABLE : LK_ICMPV6_UNREACHABLE,
			       is_v4 ? LK_PORT_UNREACHABLE : LK_V6_PORT_UNREACHABLE, 0);
	else if (verdict == LK_ip_unknown_protocol && is_v4)
		lk_router_tell(r, m, in, LK_ICMP_UNREACHABLE, LK_PROTOCOL_UNREACHABLE, 0);
	lk_router_drop(r, m, verdict);
}

void
lk_router_local(struct lk_router *r, struct rte_mbuf *m, unsigned int in)
{
	const struct lk_endpoint *e = &r->ports[in].endpoint;
	const uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + LK_ETHER_LENGTH;
	const struct lk_hop *hop = lk_router_hop(r, ip);
	struct lk_endpoint one;
	struct lk_headers h;
	enum lk_verdict verdict;

	if (hop->kind != LK_HOP_LOCAL && !is_for_port(e, ip)) {
		lk_router_forward(r, m, in, hop); /* which tells why not */
		return;
	}
	verdict = lk_parse(frame, m->data_len, &h);
	if (verdict != LK_next) {
		lk_router_drop(r, m, verdict);
		return;
	}
	if (h.ip_version == 6 && take_discovery(r, m, in, &h))
		return;
	host_of(&one, e, ip);
	verdict = asked(m, &one, lk_icmp_echo);
	if (verdict == LK_next) {
		r->answered++;
		lk_router_send(r, m, in);
	} else if (verdict == LK_other) {
		refuse(r, m, in, &one, &h);
	} else {
		lk_router_drop(r, m, verdict);
	}
}
