/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_VXLAN_H
#define LK_VXLAN_H

#include "tunnel.h"

#define LK_VXLAN_LENGTH	      8u
#define LK_VXLAN_I_FLAG	      0x08
#define LK_VXLAN_GPE_ETHERNET 0x0c000003u /* the I and P flags; next protocol 3 */

/*
 * What the RFC tells receivers to ignore, Linux and Open vSwitch refuse; the latter but for
 * VXLAN-GPE with Ethernet inside.
 */
static inline int
lk_has_reserved_bits(const uint8_t *p, const struct lk_tunnel *t)
{
	uint32_t flags = lk_get32(p);

	if (p[7] != 0)
		return 1;
	return flags != (uint32_t)LK_VXLAN_I_FLAG << 24 &&
	       !(t->strictness == LK_OVS && flags == LK_VXLAN_GPE_ETHERNET);
}

/* RFC 7348 5, from `at` to `end`. */
static inline enum lk_verdict
lk_open_vxlan(const uint8_t *frame, uint32_t at, uint32_t end, const struct lk_tunnel *t,
	      struct lk_decapsulated *d)
{
	const uint8_t *p = frame + at;

	if (end - at < LK_VXLAN_LENGTH)
		return lk_tunnel_refused(d, end, LK_vxlan_truncated);
	d->vni = lk_get32(p + 4) >> 8;
	if ((p[0] & LK_VXLAN_I_FLAG) == 0)
		return lk_tunnel_refused(d, at, LK_vxlan_no_vni_flag);
	if (t->strictness != LK_RFC && lk_has_reserved_bits(p, t))
		return lk_tunnel_refused(d, at + (p[7] != 0 ? 7 : 0), LK_vxlan_reserved_bits);
	d->payload = LK_ETHERNET;
	d->inner = (uint16_t)(at + LK_VXLAN_LENGTH);
	return LK_next;
}

#endif
