/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_VXLAN_H
#define LK_VXLAN_H

#include "tunnel.h"

#define LK_VXLAN_LENGTH 8u
#define LK_VXLAN_I_FLAG 0x08

/* RFC 7348 5, from `at` to `end`. Linux and Open vSwitch refuse the reserved bits that the RFC
 * ignores. */
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
	if (t->strictness != LK_RFC &&
	    (lk_get32(p) != (uint32_t)LK_VXLAN_I_FLAG << 24 || p[7] != 0))
		return lk_tunnel_refused(d, at + (p[7] != 0 ? 7 : 0), LK_vxlan_reserved_bits);
	d->payload = LK_ETHERNET;
	d->inner = (uint16_t)(at + LK_VXLAN_LENGTH);
	return LK_next;
}

#endif
