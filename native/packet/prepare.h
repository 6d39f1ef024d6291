/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_PREPARE_H
#define LK_PREPARE_H

#include "tunnel.h"

/*
 * What all frames of a tunnel begin with, and sums over it. Fields that a frame decides are 0 here:
 * traffic class, flow label, lengths, IPv4 identification, UDP source port, checksums, and the type
 * of what an IP tunnel carries.
 */

static inline uint8_t *
lk_write_outer_ip(uint8_t *p, const struct lk_tunnel *t)
{
	if (t->ip_version == 4) {
		p[0] = 0x45;
		lk_put16(p + 6, t->is_df_set ? 0x4000 : 0);
		p[8] = t->ttl;
		p[9] = LK_PROTO_UDP;
		memcpy(p + 12, t->local, 4);
		memcpy(p + 16, t->remote, 4);
		return p + LK_IPV4_LENGTH;
	}
	p[0] = 0x60;
	p[6] = LK_PROTO_UDP;
	p[7] = t->ttl;
	memcpy(p + 8, t->local, 16);
	memcpy(p + 24, t->remote, 16);
	return p + LK_IPV6_LENGTH;
}

/* One critical option makes the whole packet critical: RFC 8926 3.4. */
static inline int
lk_has_critical_option(const struct lk_tunnel *t)
{
	for (uint32_t at = 0; at + 4 <= t->options_length; at += 4 + (t->options[at + 3] & 31u) * 4)
		if (t->options[at + 2] & 0x80)
			return 1;
	return 0;
}

static inline uint8_t *
lk_write_tunnel_header(uint8_t *p, const struct lk_tunnel *t)
{
	switch ((enum lk_tunnel_protocol)t->protocol) {
	case LK_VXLAN:
		p[0] = 0x08;
		lk_put32(p + 4, t->vni << 8);
		return p + 8;
	case LK_GENEVE:
		p[0] = (uint8_t)(t->options_length / 4);
		p[1] = lk_has_critical_option(t) ? 0x40 : 0;
		lk_put16(p + 2, t->payload == LK_IP ? 0 : LK_TYPE_TEB);
		lk_put32(p + 4, t->vni << 8);
		memcpy(p + 8, t->options, t->options_length);
		return p + 8 + t->options_length;
	case LK_GUE:
		break;
	}
	if (t->gue_variant == 1)
		return p;
	if (t->payload == LK_GRE) {
		p[1] = LK_PROTO_GRE;
		lk_put16(p + 6, LK_TYPE_TEB);
		return p + 8;
	}
	if (t->payload == LK_ETHERIP) {
		p[1] = LK_PROTO_ETHERIP;
		p[4] = 0x30;
		return p + 6;
	}
	return p + 4;
}

/* Fills the second part of the struct; the first is the caller's, who has checked it. */
static inline void
lk_tunnel_prepare(struct lk_tunnel *t)
{
	uint8_t *p = t->header, *udp;

	memset(p, 0, sizeof(t->header));
	memcpy(p, t->remote_mac, 6);
	memcpy(p + 6, t->local_mac, 6);
	lk_put16(p + 12, t->ip_version == 4 ? LK_TYPE_IPV4 : LK_TYPE_IPV6);
	udp = lk_write_outer_ip(p + LK_ETHER_LENGTH, t);
	lk_put16(udp + 2, t->udp_port);
	p = lk_write_tunnel_header(udp + LK_UDP_LENGTH, t);
	t->udp_at = (uint16_t)(udp - t->header);
	t->header_length = (uint16_t)(p - t->header);
	if (t->mtu == 0)
		t->mtu = UINT16_MAX;
	t->is_plain = t->payload != LK_IP && !t->is_uniform && t->source_port == 0 &&
		      (t->ip_version == 4 ? t->is_df_set && !t->sends_checksum : t->sends_checksum);
	t->ip_sum = lk_fold(lk_sum(t->header + LK_ETHER_LENGTH, LK_IPV4_LENGTH, 0));
	t->udp_sum =
		lk_sum(udp, (size_t)(p - udp),
		       lk_pseudo_sum(t->header + LK_ETHER_LENGTH, t->ip_version, LK_PROTO_UDP, 0));
}

#endif
