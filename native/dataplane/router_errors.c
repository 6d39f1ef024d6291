/* SPDX-License-Identifier: BSD-3-Clause */

/* ICMP errors: about which packets, how many, from whom (RFC 1812 4.3.2, RFC 4443 2). */
#include "forward.h"
#include "router.h"

#define SHORTEST_ROOM 128 /* for a solicitation, and for the headers of an error */

/* A new frame; NULL: there is none with enough room. */
struct rte_mbuf *
lk_router_frame_of(struct lk_router *r, struct rte_mempool *pool)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	if (m == NULL)
		return NULL;
	if (rte_pktmbuf_tailroom(m) < SHORTEST_ROOM) {
		rte_pktmbuf_free(m);
		return NULL;
	}
	*lk_mark_of(m) = 0;
	r->made++;
	return m;
}

/* One from the same pool, as if it had come by the same port. */
struct rte_mbuf *
lk_router_frame(struct lk_router *r, const struct rte_mbuf *like)
{
	struct rte_mbuf *m = lk_router_frame_of(r, like->pool);

	if (m != NULL)
		m->port = like->port;
	return m;
}

static int
may_spend(struct lk_error_bucket *bucket, uint64_t now)
{
	double filled = bucket->tokens + (double)(now - bucket->filled_at) * bucket->per_cycle;

	bucket->tokens = filled < bucket->most ? filled : bucket->most;
	bucket->filled_at = now;
	if (bucket->tokens < 1)
		return 0;
	bucket->tokens -= 1;
	return 1;
}

/* An address of the port for this peer: of its network if there is one. */
static const uint8_t *
own_ipv4(const struct lk_endpoint *e, const uint8_t *peer)
{
	for (uint32_t i = 0; i < e->ipv4_count; i++)
		if (((lk_get32(e->ipv4[i]) ^ lk_get32(peer)) & ~e->ipv4_hosts[i]) == 0)
			return e->ipv4[i];
	return e->ipv4_count > 0 ? e->ipv4[0] : NULL;
}

/* The same; the last address is that of the link. */
static const uint8_t *
own_ipv6(const struct lk_endpoint *e, const uint8_t *peer)
{
	const uint8_t *found = NULL;

	if (e->ipv6_count == 0)
		return NULL;
	if (lk_is_ipv6_link_local(peer))
		return e->ipv6[e->ipv6_count - 1];
	for (uint32_t i = 0; i + 1 < e->ipv6_count; i++)
		if (found == NULL || lk_common_bits(e->ipv6[i], peer) > lk_common_bits(found, peer))
			found = e->ipv6[i];
	return found;
}

const uint8_t *
lk_router_address(const struct lk_router *r, unsigned int in, uint8_t version, const uint8_t *peer)
{
	const uint8_t *found = NULL;

	for (unsigned int i = 0; i <= r->port_count && found == NULL; i++) {
		const struct lk_endpoint *e = &r->ports[i == 0 ? in : i - 1].endpoint;

		found = version == 4 ? own_ipv4(e, peer) : own_ipv6(e, peer);
	}
	return found;
}

void
lk_router_tell(struct lk_router *r, const struct rte_mbuf *m, unsigned int in, uint8_t type,
	       uint8_t code, uint32_t rest)
{
	const struct lk_icmp_error error = {type, code, rest};
	const uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *), *ip = frame + LK_ETHER_LENGTH;
	uint32_t length = RTE_MIN(lk_ip_length(ip), m->data_len - LK_ETHER_LENGTH), room;
	int is_v4 = ip[0] >> 4 == 4;
	const uint8_t *to = is_v4 ? ip + 16 : ip + 24, *source;
	struct rte_mbuf *answer;
	uint8_t *out;

	if (is_v4 ? !lk_may_tell_ipv4(frame, ip, length)
		  : !lk_may_tell_ipv6(frame, ip, length, type == LK_ICMPV6_TOO_BIG))
		return;
	source = lk_router_hop(r, ip)->kind == LK_HOP_LOCAL
			 ? to
			 : lk_router_address(r, in, is_v4 ? 4 : 6, is_v4 ? ip + 12 : ip + 8);
	if (source == NULL)
		return;
	answer = may_spend(&r->bucket, r->now) ? lk_router_frame(r, m) : NULL;
	if (answer == NULL) {
		r->errors_withheld++;
		return;
	}
	room = rte_pktmbuf_tailroom(answer) - LK_ETHER_LENGTH;
	out = rte_pktmbuf_mtod(answer, uint8_t *) + LK_ETHER_LENGTH;
	length = is_v4 ? lk_icmp_error_ipv4(out, room, ip, length, &error, source, r->next_id++)
		       : lk_icmp_error_ipv6(out, room, ip, length, &error, source);
	answer->data_len = (uint16_t)(LK_ETHER_LENGTH + length);
	answer->pkt_len = answer->data_len;
	r->errors++;
	lk_router_send(r, answer, in);
}
