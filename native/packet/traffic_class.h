/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TRAFFIC_CLASS_H
#define LK_TRAFFIC_CLASS_H

#include "headers.h"

/* Classes of traffic by their headers; labkit/path/classify.py has their words in this order. */
enum lk_class {
	LK_CLASS_LINK_LOCAL, /* to a service of EC2 beside the instance */
	LK_CLASS_FRAGMENT,
	LK_CLASS_ICMP,
	LK_CLASS_TCP,
	LK_CLASS_UDP,
	LK_CLASS_IPV4,
	LK_CLASS_IPV6,
	LK_CLASS_COUNT
};

/* 169.254.169.0/24 and fd00:ec2::/32: DNS, instance metadata, time, by either version of IP; and a
 * resolver of IPv4, 0: none. */
static inline int
lk_is_link_local_service(const uint8_t *ip, int version, uint32_t resolver)
{
	uint32_t to = lk_get32(ip + (version == 4 ? 16 : 24));

	if (version == 6)
		return to == 0xfd000ec2u;
	return to >> 8 == 0xa9fea9u || (resolver != 0 && to == resolver);
}

/* All classes that a frame is of, as bits. */
static inline uint32_t
lk_classes_of(const uint8_t *frame, uint32_t length, uint32_t resolver)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(frame, length, &h);
	uint32_t classes = 0;

	if (h.ip_version == 0)
		return 0;
	classes |= h.ip_version == 4 ? 1u << LK_CLASS_IPV4 : 1u << LK_CLASS_IPV6;
	if (lk_is_link_local_service(frame + h.l3, h.ip_version, resolver))
		classes |= 1u << LK_CLASS_LINK_LOCAL;
	if (verdict == LK_ipv4_fragment || verdict == LK_ipv6_fragment)
		classes |= 1u << LK_CLASS_FRAGMENT;
	if (h.protocol == LK_PROTO_ICMP || h.protocol == LK_PROTO_ICMPV6)
		classes |= 1u << LK_CLASS_ICMP;
	else if (h.protocol == LK_PROTO_TCP)
		classes |= 1u << LK_CLASS_TCP;
	else if (h.protocol == LK_PROTO_UDP)
		classes |= 1u << LK_CLASS_UDP;
	return classes;
}

#endif
