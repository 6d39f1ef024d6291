/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_ECN_H
#define LK_ECN_H

#include "headers.h"

#define LK_NOT_ECT 0u
#define LK_ECT_1   1u
#define LK_ECT_0   2u
#define LK_CE	   3u
#define LK_ECN	   3u /* of the traffic class; the other six bits are the DSCP */

#define LK_ECN_DROP 4u

/* RFC 6040 4.2: the ECN field that leaves a tunnel, or LK_ECN_DROP. */
static inline unsigned int
lk_decap_ecn(unsigned int outer, unsigned int inner)
{
	if (outer == LK_CE)
		return inner == LK_NOT_ECT ? LK_ECN_DROP : LK_CE;
	return outer == LK_ECT_1 && inner == LK_ECT_0 ? LK_ECT_1 : inner;
}

static inline uint8_t
lk_traffic_class(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? ip[1] : (uint8_t)(lk_get16(ip) >> 4);
}

/* Mends the IPv4 header checksum. */
static inline void
lk_set_traffic_class(uint8_t *ip, uint8_t value)
{
	uint16_t before = lk_get16(ip), after;

	if (ip[0] >> 4 == 4) {
		after = (uint16_t)((before & 0xff00) | value);
		lk_mend_checksum(ip + 10, before, after);
	} else {
		after = (uint16_t)((before & 0xf00f) | value << 4);
	}
	lk_put16(ip, after);
}

#endif
