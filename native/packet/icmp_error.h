/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_ICMP_ERROR_H
#define LK_ICMP_ERROR_H

#include "icmp.h"

/* ICMP errors: whom they may go to, and how they are made (RFC 792, RFC 1812 4.3.2, RFC 4443 2). */

#define LK_ICMP_UNREACHABLE	3
#define LK_ICMP_TIME_EXCEEDED	11
#define LK_ICMP_PARAMETER	12
#define LK_ICMPV6_UNREACHABLE	1
#define LK_ICMPV6_TOO_BIG	2
#define LK_ICMPV6_TIME_EXCEEDED 3
#define LK_ICMPV6_PARAMETER	4
#define LK_ICMPV6_FIRST_QUERY	128
#define LK_NET_UNREACHABLE	0 /* codes of ICMP */
#define LK_HOST_UNREACHABLE	1
#define LK_PROTOCOL_UNREACHABLE 2
#define LK_PORT_UNREACHABLE	3
#define LK_FRAGMENTATION_NEEDED 4
#define LK_NO_ROUTE		0 /* codes of ICMPv6 */
#define LK_BEYOND_SCOPE		2
#define LK_ADDRESS_UNREACHABLE	3
#define LK_V6_PORT_UNREACHABLE	4
#define LK_UNKNOWN_NEXT_HEADER	1
#define LK_ICMP_ERROR_HEADER	8u
#define LK_ICMP_LONGEST_ERROR	576u  /* RFC 1812 4.3.2.3 */
#define LK_ICMPV6_LONGEST_ERROR 1280u /* RFC 4443 2.4c */
#define LK_INTERNETWORK_CONTROL 0xc0  /* precedence (RFC 1812 4.3.2.5) */

struct lk_icmp_error {
	uint8_t type;
	uint8_t code;
	uint32_t rest; /* of its header: MTU, pointer */
};

/* ICMP messages that are no errors: RFC 792, 950, 1256 and the extended echo of RFC 8335 */
static inline int
lk_is_icmp_query(uint8_t type)
{
	return type == 0 || (type >= 8 && type <= 10) || (type >= 13 && type <= 18) || type == 42 ||
	       type == 43;
}

/*
 * Whether an error may be told of a packet that came in this frame, of which `length` bytes from ip
 * on are there: not of errors, of what went to a group, of fragments other than the first, and not
 * to those that are no single host (RFC 1122 3.2.2, RFC 1812 4.3.2.7).
 */
static inline int
lk_may_tell_ipv4(const uint8_t *frame, const uint8_t *ip, uint32_t length)
{
	uint32_t header = (ip[0] & 15u) * 4;

	if (lk_is_group_mac(frame) || !lk_is_ipv4_source(ip + 12) || ip[16] >= 224 || ip[16] == 0 ||
	    (lk_get16(ip + 6) & 0x1fff) != 0)
		return 0;
	return ip[9] != LK_PROTO_ICMP || (header < length && lk_is_icmp_query(ip[header]));
}

/* Where the header behind the extension headers stands; 0: it is not there. */
static inline uint32_t
lk_ipv6_upper(const uint8_t *ip, uint32_t length, uint8_t *protocol)
{
	uint32_t at = LK_IPV6_LENGTH, size;

	*protocol = ip[6];
	while (*protocol == LK_PROTO_HOP_BY_HOP || *protocol == LK_PROTO_ROUTING ||
	       *protocol == LK_PROTO_FRAGMENT || *protocol == LK_PROTO_DESTINATION) {
		if (at + 8 > length ||
		    (*protocol == LK_PROTO_FRAGMENT && (lk_get16(ip + at + 2) & 0xfff8) != 0))
			return 0;
		size = *protocol == LK_PROTO_FRAGMENT ? 8 : (ip[at + 1] + 1u) * 8;
		*protocol = ip[at];
		at += size;
	}
	return at < length ? at : 0;
}

/* The same of IPv6 (RFC 4443 2.4e); too_big: Packet Too Big alone may be told of groups. */
static inline int
lk_may_tell_ipv6(const uint8_t *frame, const uint8_t *ip, uint32_t length, int too_big)
{
	uint8_t protocol;
	uint32_t at = lk_ipv6_upper(ip, length, &protocol);

	if (at == 0 || !lk_is_ipv6_source(ip + 8) ||
	    (!too_big && (lk_is_group_mac(frame) || ip[24] == 0xff)))
		return 0;
	return protocol != LK_PROTO_ICMPV6 || ip[at] >= LK_ICMPV6_FIRST_QUERY;
}

/*
 * Writes the error about the IPv4 packet at ip, `length` bytes long, to out, where there is
 * room for its headers at least; returns its length. The answer's TOS is the question's with the
 * precedence of internetwork control.
 */
static inline uint32_t
lk_icmp_error_ipv4(uint8_t *out, uint32_t room, const uint8_t *ip, uint32_t length,
		   const struct lk_icmp_error *error, const uint8_t *source, uint16_t id)
{
	const uint32_t headers = LK_IPV4_LENGTH + LK_ICMP_ERROR_HEADER;
	uint8_t *icmp = out + LK_IPV4_LENGTH;
	uint32_t most = (room < LK_ICMP_LONGEST_ERROR ? room : LK_ICMP_LONGEST_ERROR) - headers;
	uint32_t quoted = length < most ? length : most;

	out[0] = 0x45;
	out[1] = (ip[1] & 0x1e) | LK_INTERNETWORK_CONTROL;
	lk_put16(out + 2, (uint16_t)(headers + quoted));
	lk_put16(out + 4, id);
	lk_put16(out + 6, 0);
	out[8] = LK_FRESH_TTL;
	out[9] = LK_PROTO_ICMP;
	lk_put16(out + 10, 0);
	memcpy(out + 12, source, 4);
	memcpy(out + 16, ip + 12, 4);
	lk_store_checksum(out + 10, lk_sum(out, LK_IPV4_LENGTH, 0));
	icmp[0] = error->type;
	icmp[1] = error->code;
	lk_put16(icmp + 2, 0);
	lk_put32(icmp + 4, error->rest);
	memcpy(icmp + LK_ICMP_ERROR_HEADER, ip, quoted);
	lk_store_checksum(icmp + 2, lk_sum(icmp, LK_ICMP_ERROR_HEADER + quoted, 0));
	return headers + quoted;
}

static inline uint32_t
lk_icmp_error_ipv6(uint8_t *out, uint32_t room, const uint8_t *ip, uint32_t length,
		   const struct lk_icmp_error *error, const uint8_t *source)
{
	const uint32_t headers = LK_IPV6_LENGTH + LK_ICMP_ERROR_HEADER;
	uint8_t *icmp = out + LK_IPV6_LENGTH;
	uint32_t most = (room < LK_ICMPV6_LONGEST_ERROR ? room : LK_ICMPV6_LONGEST_ERROR) - headers;
	uint32_t quoted = length < most ? length : most;
	uint16_t size = (uint16_t)(LK_ICMP_ERROR_HEADER + quoted);

	lk_put32(out, 0x60000000);
	lk_put16(out + 4, size);
	out[6] = LK_PROTO_ICMPV6;
	out[7] = LK_FRESH_TTL;
	memcpy(out + 8, source, 16);
	memcpy(out + 24, ip + 8, 16);
	icmp[0] = error->type;
	icmp[1] = error->code;
	lk_put16(icmp + 2, 0);
	lk_put32(icmp + 4, error->rest);
	memcpy(icmp + LK_ICMP_ERROR_HEADER, ip, quoted);
	lk_store_checksum(icmp + 2,
			  lk_sum(icmp, size, lk_pseudo_sum(out, 6, LK_PROTO_ICMPV6, size)));
	return LK_IPV6_LENGTH + size;
}

#endif
