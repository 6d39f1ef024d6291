/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_GUE_H
#define LK_GUE_H

#include "tunnel.h"

#define LK_GUE_LENGTH	     4u
#define LK_GUE_CONTROL	     0x20
#define LK_GUE_PRIVATE_FLAGS 0x0001 /* a word of further flags follows: GUE extensions, Linux */

/* RFC 2784 and 2890: Ethernet or IP behind optional checksum, key and sequence number. */
static inline enum lk_verdict
lk_open_gre(const uint8_t *frame, uint32_t at, uint32_t end, struct lk_decapsulated *d)
{
	const uint8_t *p = frame + at;
	uint32_t header = 4;
	uint16_t flags, type;

	if (end - at < header)
		return lk_tunnel_refused(d, end, LK_gre_truncated);
	flags = lk_get16(p);
	if (flags & 0x4c07) /* routing, strict route, recursion; version */
		return lk_tunnel_refused(d, at, LK_gre_bad_flags);
	header += (flags & 0x8000 ? 4 : 0) + (flags & 0x2000 ? 4 : 0) + (flags & 0x1000 ? 4 : 0);
	if (end - at < header)
		return lk_tunnel_refused(d, end, LK_gre_truncated);
	if ((flags & 0x8000) && !lk_sum_is_good(lk_sum_long(p, end - at, 0)))
		return lk_tunnel_refused(d, at + 4, LK_gre_bad_checksum);
	type = lk_get16(p + 2);
	if (type != LK_TYPE_TEB && type != LK_TYPE_IPV4 && type != LK_TYPE_IPV6)
		return lk_tunnel_refused(d, at + 2, LK_gre_unknown_protocol);
	d->payload = type == LK_TYPE_TEB ? LK_GRE : LK_IP;
	d->inner_version = type == LK_TYPE_IPV4 ? 4 : 6;
	d->inner = (uint16_t)(at + header);
	return LK_next;
}

static inline enum lk_verdict
lk_open_etherip(const uint8_t *frame, uint32_t at, uint32_t end, struct lk_decapsulated *d)
{
	if (end - at < 2)
		return lk_tunnel_refused(d, end, LK_etherip_truncated);
	if (lk_get16(frame + at) != 0x3000)
		return lk_tunnel_refused(d, at, LK_etherip_bad_version);
	d->payload = LK_ETHERIP;
	d->inner = (uint16_t)(at + 2);
	return LK_next;
}

/* What an IP protocol number says of the packet at `at`. */
static inline enum lk_verdict
lk_open_protocol(const uint8_t *frame, uint32_t at, uint32_t end, uint8_t protocol,
		 struct lk_decapsulated *d)
{
	if (protocol == LK_PROTO_GRE)
		return lk_open_gre(frame, at, end, d);
	if (protocol == LK_PROTO_ETHERIP)
		return lk_open_etherip(frame, at, end, d);
	if (protocol != LK_PROTO_IPV4 && protocol != LK_PROTO_IPV6)
		return lk_tunnel_refused(d, d->tunnel + 1u, LK_gue_unknown_protocol);
	d->payload = LK_IP;
	d->inner_version = protocol == LK_PROTO_IPV4 ? 4 : 6;
	d->inner = (uint16_t)at;
	return LK_next;
}

/* draft-ietf-intarea-gue-09 3, from `at` to `end`. */
static inline enum lk_verdict
lk_open_gue(const uint8_t *frame, uint32_t at, uint32_t end, struct lk_decapsulated *d)
{
	const uint8_t *p = frame + at;
	uint32_t header;
	uint16_t flags;

	if (end == at)
		return lk_tunnel_refused(d, end, LK_gue_truncated);
	if (p[0] >> 6 > 1)
		return lk_tunnel_refused(d, at, LK_gue_bad_variant);
	if (p[0] >> 6 == 1) { /* no header: the first bits of an IP version */
		d->payload = LK_IP;
		d->inner_version = p[0] >> 4;
		d->inner = (uint16_t)at;
		return d->inner_version == 4 || d->inner_version == 6
			       ? LK_next
			       : lk_tunnel_refused(d, at, LK_inner_ip_bad_version);
	}
	if (end - at < LK_GUE_LENGTH)
		return lk_tunnel_refused(d, end, LK_gue_truncated);
	header = LK_GUE_LENGTH + (p[0] & 31u) * 4;
	if (end - at < header)
		return lk_tunnel_refused(d, at, LK_gue_bad_header_length);
	if (p[0] & LK_GUE_CONTROL)
		return lk_tunnel_refused(d, at, LK_gue_control);
	flags = lk_get16(p + 2);
	if (flags & ~LK_GUE_PRIVATE_FLAGS)
		return lk_tunnel_refused(d, at + 2, LK_gue_unknown_flags);
	if (flags != 0 && header < LK_GUE_LENGTH + 4)
		return lk_tunnel_refused(d, at + 2, LK_gue_bad_flag_fields);
	if (flags != 0 && lk_get32(p + LK_GUE_LENGTH) != 0)
		return lk_tunnel_refused(d, at + LK_GUE_LENGTH, LK_gue_unknown_flags);
	return lk_open_protocol(frame, at + header, end, p[1], d);
}

#endif
