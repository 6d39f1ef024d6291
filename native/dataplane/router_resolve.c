/* SPDX-License-Identifier: BSD-3-Clause */

/* Asking for neighbours, and learning of them (RFC 826, RFC 1122 2.3.2, RFC 4861 7.2, 7.3). */
#include "arp.h"
#include "forward.h"
#include "nd.h"
#include "router.h"

static const uint8_t everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};

static uint32_t
write_arp_request(uint8_t *frame, const uint8_t *target_mac, const uint8_t *mac,
		  const uint8_t *source, const uint8_t *target)
{
	uint8_t *arp = frame + LK_ETHER_LENGTH;

	memcpy(frame, target_mac, 6);
	memcpy(frame + 6, mac, 6);
	lk_put16(frame + 12, LK_TYPE_ARP);
	memcpy(arp, lk_arp_format, 6);
	lk_put16(arp + 6, LK_ARP_REQUEST);
	memcpy(arp + 8, mac, 6);
	memcpy(arp + 14, source, 4);
	memset(arp + 18, 0, 6);
	memcpy(arp + 24, target, 4);
	return LK_ETHER_LENGTH + LK_ARP_LENGTH;
}

/* To the target's MAC, or where it is not known to its solicited-node group (RFC 4861 4.3). */
static uint32_t
write_solicitation(uint8_t *frame, const uint8_t *target_mac, const uint8_t *mac,
		   const uint8_t *source, const uint8_t *target)
{
	static const uint8_t group[13] = {0xff, 0x02, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0xff};
	const uint16_t length = LK_ND_LENGTH + LK_ND_LINK_OPTION_LENGTH;
	uint8_t *ip = frame + LK_ETHER_LENGTH, *icmp = ip + LK_IPV6_LENGTH;

	memcpy(ip + 24, target, 16);
	if (target_mac == NULL) {
		memcpy(ip + 24, group, 13);
		lk_put16(frame, 0x3333);
		memcpy(frame + 2, ip + 36, 4);
	} else {
		memcpy(frame, target_mac, 6);
	}
	memcpy(frame + 6, mac, 6);
	lk_put16(frame + 12, LK_TYPE_IPV6);
	lk_put32(ip, 0x60000000);
	lk_put16(ip + 4, length);
	ip[6] = LK_PROTO_ICMPV6;
	ip[7] = 255;
	memcpy(ip + 8, source, 16);
	memset(icmp, 0, 8);
	icmp[0] = LK_ND_SOLICITATION;
	memcpy(icmp + 8, target, 16);
	icmp[24] = LK_ND_SOURCE_LINK;
	icmp[25] = 1;
	memcpy(icmp + 26, mac, 6);
	lk_store_checksum(icmp + 2,
			  lk_sum(icmp, length, lk_pseudo_sum(ip, 6, LK_PROTO_ICMPV6, length)));
	return LK_ETHER_LENGTH + LK_IPV6_LENGTH + length;
}

int
lk_router_question(const struct lk_router *r, struct rte_mbuf *m, const struct lk_neighbour *n)
{
	const struct lk_endpoint *e = &r->ports[n->output].endpoint;
	const uint8_t *mac = n->state == LK_NEIGHBOUR_PROBE ? n->rewrite : NULL, *source;
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint32_t length;

	if (n->version == 4) {
		source = lk_router_address(r, n->output, 4, n->address);
		if (source == NULL)
			return -1;
		length = write_arp_request(frame, mac != NULL ? mac : everybody, e->mac, source,
					   n->address);
	} else {
		if (e->ipv6_count == 0)
			return -1;
		length = write_solicitation(frame, mac, e->mac, e->ipv6[e->ipv6_count - 1],
					    n->address);
	}
	m->data_len = (uint16_t)length;
	m->pkt_len = length;
	return 0;
}

void
lk_router_wait(struct lk_router *r, struct rte_mbuf *m, struct lk_neighbour *n)
{
	struct lk_waiting *w = lk_waiting_of(&r->neighbours, n);

	if (n->state != LK_NEIGHBOUR_INCOMPLETE) {
		struct rte_mbuf *question = lk_router_frame(r, m);

		n->state = LK_NEIGHBOUR_INCOMPLETE;
		n->tries = 1;
		n->deadline = r->now + r->retry;
		if (question != NULL && lk_router_question(r, question, n) == 0) {
			r->asked++;
			lk_router_stage(r, question, n->output);
		} else if (question != NULL) {
			lk_router_drop(r, question, LK_neighbour_failed);
		}
	}
	if (n->waiting == LK_MOST_WAITING) { /* the latest is wanted most (RFC 1122 2.3.2.2) */
		lk_router_drop(r, w->frames[0], LK_neighbour_queue_full);
		memmove(w->frames, w->frames + 1, (LK_MOST_WAITING - 1) * sizeof(*w->frames));
		n->waiting--;
		r->held--;
	}
	w->frames[n->waiting++] = m;
	r->held++;
}

static void
let_go(struct lk_router *r, struct lk_neighbour *n)
{
	struct lk_waiting *w = lk_waiting_of(&r->neighbours, n);

	for (unsigned int i = 0; i < n->waiting; i++)
		lk_router_out(r, w->frames[i], n);
	r->held -= n->waiting;
	n->waiting = 0;
}

/* Whether the address may belong to a neighbour on this port that nobody has asked for. */
static int
is_on_link(const struct lk_router_port *port, uint8_t version, const uint8_t *address)
{
	const struct lk_endpoint *e = &port->endpoint;

	if (version == 4) {
		for (uint32_t i = 0; i < e->ipv4_count; i++)
			if (((lk_get32(e->ipv4[i]) ^ lk_get32(address)) & ~e->ipv4_hosts[i]) == 0)
				return 1;
		return 0;
	}
	for (uint32_t i = 0; i < e->ipv6_count; i++)
		if (lk_common_bits(e->ipv6[i], address) >= port->ipv6_lengths[i])
			return 1;
	return 0;
}

void
lk_router_learn(struct lk_router *r, unsigned int in, uint8_t version, const uint8_t *address,
		const uint8_t *mac, enum lk_learned how)
{
	const struct lk_router_port *port = &r->ports[in];
	uint8_t key[16] = {0};
	struct lk_neighbour *n;
	int is_same;

	memcpy(key, address, version == 4 ? 4 : 16);
	n = lk_neighbour_find(&r->neighbours, (uint8_t)in, version, key);
	if (n == NULL && how == LK_LEARNED_ASKING && is_on_link(port, version, key)) {
		n = lk_neighbour_add(&r->neighbours, (uint8_t)in, version, key);
		if (n != NULL)
			n->mtu = port->mtu;
	}
	if (n == NULL)
		return;
	is_same = lk_neighbour_is_known(n) && memcmp(n->rewrite, mac, 6) == 0;
	memcpy(n->rewrite, mac, 6);
	memcpy(n->rewrite + 6, port->endpoint.mac, 6);
	lk_put16(n->rewrite + 12, version == 4 ? LK_TYPE_IPV4 : LK_TYPE_IPV6);
	if (how == LK_LEARNED_ANSWER) {
		n->state = LK_NEIGHBOUR_REACHABLE;
		n->deadline = r->now + r->reachable;
	} else if (!is_same) {
		n->state = LK_NEIGHBOUR_STALE;
	}
	lk_waiting_of(&r->neighbours, n)->confirmed = r->now;
	let_go(r, n);
}
