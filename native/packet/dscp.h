/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_DSCP_H
#define LK_DSCP_H

#include "ecn.h"

#define LK_DSCP_SHIFT 2u /* above the ECN field */

/* The frame's IP header, whole and of a packet that is; NULL: it has none. */
static inline uint8_t *
lk_ip_of(uint8_t *frame, uint32_t length)
{
	struct lk_headers h;

	if (lk_is_plain_ipv4(frame, length))
		return frame + LK_ETHER_LENGTH;
	lk_parse(frame, length, &h);
	return h.ip_version == 0 ? NULL : frame + h.l3;
}

static inline uint8_t
lk_dscp(const uint8_t *ip)
{
	return lk_traffic_class(ip) >> LK_DSCP_SHIFT;
}

/* Leaves the ECN field as it is (RFC 3168 5). */
static inline void
lk_set_dscp(uint8_t *ip, uint8_t dscp)
{
	uint8_t ecn = lk_traffic_class(ip) & LK_ECN;

	lk_set_traffic_class(ip, (uint8_t)(dscp << LK_DSCP_SHIFT | ecn));
}

/* RFC 2597 2: of AFxy, y is how soon it goes, 1 to 3; 0: of another code point. */
static inline uint32_t
lk_drop_precedence(uint8_t dscp)
{
	return dscp >> 3 >= 1 && dscp >> 3 <= 4 && (dscp & 1) == 0 ? (dscp >> 1) & 3 : 0;
}

#endif
