/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_DECAP_H
#define LK_DECAP_H

#include "ecn.h"
#include "geneve.h"
#include "gue.h"
#include "udp.h"
#include "vxlan.h"

/* Whether the IP packet, of which at least the addresses are there, is for this end. */
static inline int
lk_is_tunnel_end(const uint8_t *frame, const struct lk_headers *h, const struct lk_tunnel *t)
{
	const uint8_t *ip = frame + h->l3;

	if (!t->has_local)
		return 1;
	if (h->ip_version != t->ip_version ||
	    (!lk_is_group_mac(frame) && memcmp(frame, t->local_mac, 6) != 0))
		return 0;
	return t->ip_version == 4 ? memcmp(ip + 16, t->local, 4) == 0
				  : memcmp(ip + 24, t->local, 16) == 0;
}

/* Whether the IP packet claims to come from this end itself. */
static inline int
lk_is_from_tunnel_end(const uint8_t *frame, const struct lk_headers *h, const struct lk_tunnel *t)
{
	const uint8_t *ip = frame + h->l3;

	if (!t->has_local || h->ip_version != t->ip_version)
		return 0;
	return t->ip_version == 4 ? memcmp(ip + 12, t->local, 4) == 0
				  : memcmp(ip + 8, t->local, 16) == 0;
}

/*
 * Outer headers in their plainest form, with every check but that of who sent them: UDP directly in
 * IPv4 without a UDP checksum, or in IPv6 with one. 0 says no more than to look closer.
 */
static inline int
lk_is_plain_outer(const uint8_t *frame, uint32_t length, const struct lk_tunnel *t,
		  struct lk_headers *h)
{
	uint64_t udp; /* ports, length, checksum */
	uint32_t room;

	h->l3 = LK_ETHER_LENGTH;
	if (t->ip_version == 4) {
		if (!lk_is_plain_ipv4(frame, length) || frame[23] != LK_PROTO_UDP ||
		    !lk_sum_is_good(lk_sum(frame + LK_ETHER_LENGTH, LK_IPV4_LENGTH, 0)))
			return 0;
		h->l4 = LK_ETHER_LENGTH + LK_IPV4_LENGTH;
		room = lk_get16(frame + 16) - LK_IPV4_LENGTH;
	} else {
		if (length < LK_ETHER_LENGTH + LK_IPV6_LENGTH + LK_UDP_LENGTH ||
		    lk_get16(frame + 12) != LK_TYPE_IPV6 || frame[14] >> 4 != 6 ||
		    frame[20] != LK_PROTO_UDP)
			return 0;
		h->l4 = LK_ETHER_LENGTH + LK_IPV6_LENGTH;
		room = lk_get16(frame + 18);
		if (room > length - h->l4)
			return 0;
	}
	udp = lk_get64(frame + h->l4);
	h->ip_version = t->ip_version;
	h->l4_length = (uint16_t)(udp >> 16);
	if ((uint16_t)(udp >> 32) != t->udp_port || h->l4_length < LK_UDP_LENGTH ||
	    h->l4_length > room || ((uint16_t)udp == 0) != (t->ip_version == 4))
		return 0;
	return t->ip_version == 4 || lk_udp_is_good(frame, h);
}

/* What is wrong with a frame for somebody else is no business here. */
static enum lk_verdict __attribute__((noinline))
lk_look_closer(const uint8_t *frame, uint32_t length, const struct lk_tunnel *t,
	       struct lk_headers *h)
{
	enum lk_verdict verdict = lk_parse(frame, length, h);

	if (h->ip_version == 0)
		return verdict == LK_next ? LK_other : lk_outer(verdict);
	if (!lk_is_tunnel_end(frame, h, t))
		return LK_other;
	if (verdict != LK_next)
		return lk_outer(verdict);
	if (h->protocol != LK_PROTO_UDP)
		return LK_other;
	if (h->l4_length >= 4 && lk_get16(frame + h->l4 + 2) != t->udp_port)
		return LK_other;
	if (t->strictness == LK_OVS &&
	    (uint32_t)(h->l4 - h->l3) != (h->ip_version == 4 ? LK_IPV4_LENGTH : LK_IPV6_LENGTH))
		return lk_refused_at(h, h->l3, LK_tunnel_ip_options);
	verdict = lk_check_udp(frame, h);
	return verdict == LK_next || (verdict == LK_udp_zero_checksum && t->takes_zero_checksum)
		       ? LK_next
		       : lk_outer(verdict);
}

/* The outer headers, up to UDP. */
static inline enum lk_verdict
lk_check_outer(const uint8_t *frame, uint32_t length, const struct lk_tunnel *t,
	       struct lk_decapsulated *d)
{
	struct lk_headers *h = &d->outer;

	if (!lk_is_plain_outer(frame, length, t, h)) {
		struct lk_headers found; /* of its own, so that *h can stay in registers */
		enum lk_verdict verdict = lk_look_closer(frame, length, t, &found);

		*h = found;
		if (verdict != LK_next)
			return verdict;
	} else if (!lk_is_tunnel_end(frame, h, t)) {
		return LK_other;
	}
	if (!t->takes_any_source &&
	    (lk_check_source(frame, h) != LK_next || lk_is_from_tunnel_end(frame, h, t)))
		return lk_refused_at(h, h->l3 + (h->ip_version == 4 ? 12u : 8u),
				     LK_tunnel_bad_source);
	return LK_next;
}

/* Where the IP header inside an Ethernet frame stands: 0 where there is none that is whole, which
 * has no field to carry a mark in. Linux refuses to look for one past the end. */
static inline enum lk_verdict
lk_find_inner_ip(const uint8_t *frame, uint32_t end, const struct lk_tunnel *t,
		 struct lk_decapsulated *d, uint32_t *at)
{
	uint16_t type = lk_get16(frame + d->inner + 12);
	uint32_t l3 = d->inner + LK_ETHER_LENGTH;

	*at = 0;
	for (; type == LK_TYPE_VLAN || type == LK_TYPE_QINQ; l3 += 4) {
		if (t->strictness == LK_LINUX || end - l3 < 4)
			return LK_next; /* Linux does not look behind tags */
		type = lk_get16(frame + l3 + 2);
	}
	if (type != LK_TYPE_IPV4 && type != LK_TYPE_IPV6)
		return LK_next;
	if (end - l3 < (type == LK_TYPE_IPV4 ? LK_IPV4_LENGTH : LK_IPV6_LENGTH))
		return t->strictness == LK_LINUX ? lk_tunnel_refused(d, end, LK_inner_ip_truncated)
						 : LK_next;
	if (frame[l3] >> 4 == (type == LK_TYPE_IPV4 ? 4 : 6))
		*at = l3;
	return LK_next;
}

/* IP without Ethernet has to be what the tunnel header says. */
static inline enum lk_verdict
lk_check_inner_ip(const uint8_t *frame, uint32_t end, struct lk_decapsulated *d, uint32_t *at)
{
	*at = d->inner;
	if (end - d->inner < (d->inner_version == 4 ? LK_IPV4_LENGTH : LK_IPV6_LENGTH))
		return lk_tunnel_refused(d, end, LK_inner_ip_truncated);
	if (frame[d->inner] >> 4 != d->inner_version)
		return lk_tunnel_refused(d, d->inner, LK_inner_ip_bad_version);
	return LK_next;
}

/*
 * ECN (RFC 6040 4.2) and, in uniform mode, DSCP go from the outer to the inner header. Frames that
 * nothing has to be done to, which is the rule, are not looked into.
 */
static inline enum lk_verdict
lk_carry_traffic_class(uint8_t *frame, uint32_t end, const struct lk_tunnel *t,
		       struct lk_decapsulated *d)
{
	uint8_t outer = lk_traffic_class(frame + d->outer.l3), inner;
	/* Not-ECT and ECT(0) leave the inner field alone. */
	int changes = t->is_uniform || (outer & 1);
	enum lk_verdict verdict;
	unsigned int ecn;
	uint32_t l3;

	/* Linux wants the IP header inside to be there for the same reason, whether it changes or
	 * not. */
	if (!changes && d->payload != LK_IP && t->strictness != LK_LINUX)
		return LK_next;
	verdict = d->payload == LK_IP ? lk_check_inner_ip(frame, end, d, &l3)
				      : lk_find_inner_ip(frame, end, t, d, &l3);
	if (verdict != LK_next || l3 == 0 || !changes)
		return verdict;
	inner = lk_traffic_class(frame + l3);
	ecn = lk_decap_ecn(outer & LK_ECN, inner & LK_ECN);
	if (ecn == LK_ECN_DROP)
		return lk_tunnel_refused(d, d->outer.l3 + (d->outer.ip_version == 4),
					 LK_tunnel_ecn_lost);
	ecn |= (t->is_uniform ? outer : inner) & ~LK_ECN;
	if (ecn != inner)
		lk_set_traffic_class(frame + l3, (uint8_t)ecn);
	return LK_next;
}

/*
 * Takes a frame out of a tunnel. LK_other: not addressed to this tunnel. Every other verdict but
 * LK_next refuses the frame, which stays as it is; d->outer.at tells where the reason stands.
 *
 * IP that came without an Ethernet header gets one, as if it came over a wire from the other end.
 */
static inline enum lk_verdict
lk_decap(struct lk_frame *f, const struct lk_tunnel *t, struct lk_decapsulated *d)
{
	enum lk_verdict verdict;
	uint32_t end, inner;

	*d = (struct lk_decapsulated){0};
	verdict = lk_check_outer(f->data, f->length, t, d);
	if (verdict != LK_next)
		return verdict;
	d->tunnel = (uint16_t)(d->outer.l4 + LK_UDP_LENGTH);
	end = d->outer.l4 + d->outer.l4_length;
	if (t->protocol == LK_VXLAN)
		verdict = lk_open_vxlan(f->data, d->tunnel, end, t, d);
	else if (t->protocol == LK_GENEVE)
		verdict = lk_open_geneve(f->data, d->tunnel, end, t, d);
	else
		verdict = lk_open_gue(f->data, d->tunnel, end, d);
	if (verdict != LK_next)
		return verdict;
	if (t->protocol != LK_GUE && d->vni != t->vni && !t->takes_any_vni)
		return t->passes_unknown_vni
			       ? LK_other
			       : lk_tunnel_refused(d, d->tunnel + 4u, LK_tunnel_unknown_vni);
	if (d->payload != LK_IP && end - d->inner < LK_ETHER_LENGTH)
		return lk_tunnel_refused(d, end, LK_inner_eth_truncated);
	verdict = lk_carry_traffic_class(f->data, end, t, d);
	if (verdict != LK_next)
		return verdict;

	inner = d->inner;
	if (d->payload == LK_IP) {
		inner -= LK_ETHER_LENGTH;
		memcpy(f->data + inner, t->inner_mac, 6);
		memcpy(f->data + inner + 6, t->remote_mac, 6);
		lk_put16(f->data + inner + 12, d->inner_version == 4 ? LK_TYPE_IPV4 : LK_TYPE_IPV6);
	}
	f->tailroom += f->length - end;
	f->data += inner;
	f->headroom += inner;
	f->length = end - inner;
	return LK_next;
}

#endif
