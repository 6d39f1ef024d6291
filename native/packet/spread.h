/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_SPREAD_H
#define LK_SPREAD_H

#include "flow.h"

/* What frames have in common that go the same way. */

static inline uint64_t
lk_hash_macs(const uint8_t *frame)
{
	return lk_mix(lk_load64(frame), lk_load32(frame + 8));
}

enum lk_spread_by { LK_BY_PROTOCOL, LK_BY_SOURCE, LK_BY_TARGET };

/* By the addresses and the protocol, or one of the addresses; of what is no IP by the MACs. The
 * frame has an Ethernet header. */
static inline uint64_t
lk_hash_addresses(const uint8_t *frame, uint32_t length, enum lk_spread_by by)
{
	struct lk_headers h;
	const uint8_t *ip;

	lk_parse(frame, length, &h); /* its verdict is for others: what it found is there */
	ip = frame + h.l3;
	if (h.ip_version == 0)
		return lk_hash_macs(frame);
	if (by == LK_BY_PROTOCOL)
		return h.ip_version == 4 ? lk_hash_ipv4(ip, h.protocol, 0)
					 : lk_hash_ipv6(ip, h.protocol, 0);
	if (h.ip_version == 4)
		return lk_mix(lk_load32(ip + (by == LK_BY_SOURCE ? 12 : 16)), 0);
	ip += by == LK_BY_SOURCE ? 8 : 24;
	return lk_mix(lk_load64(ip), lk_load64(ip + 8));
}

#endif
