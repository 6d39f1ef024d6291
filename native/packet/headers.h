/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_HEADERS_H
#define LK_HEADERS_H

#include "checksum.h"
#include "verdict.h"

#define LK_ETHER_LENGTH	  14u
#define LK_IPV4_LENGTH	  20u
#define LK_IPV6_LENGTH	  40u
#define LK_UDP_LENGTH	  8u
#define LK_MAX_VLAN_TAGS  2
#define LK_MAX_EXTENSIONS 8
/* Bytes of the longest frame of a port over its MTU */
#define LK_LINK_OVERHEAD (LK_ETHER_LENGTH + LK_MAX_VLAN_TAGS * 4u)

#define LK_TYPE_IPV4 0x0800
#define LK_TYPE_ARP  0x0806
#define LK_TYPE_IPV6 0x86dd
#define LK_TYPE_VLAN 0x8100
#define LK_TYPE_QINQ 0x88a8

#define LK_PROTO_HOP_BY_HOP  0
#define LK_PROTO_ICMP	     1
#define LK_PROTO_TCP	     6
#define LK_PROTO_UDP	     17
#define LK_PROTO_ROUTING     43
#define LK_PROTO_FRAGMENT    44
#define LK_PROTO_ICMPV6	     58
#define LK_PROTO_DESTINATION 60
#define LK_PROTO_SCTP	     132

/* Where the headers of a frame stand: offsets from its first byte. */
struct lk_headers {
	uint16_t ether_type; /* after the VLAN tags */
	uint16_t l3;
	uint16_t l4;	    /* after IPv4 options or IPv6 extension headers */
	uint16_t l4_length; /* bytes from l4 to the end of the IP packet */
	uint16_t at;	    /* of the field that a verdict refuses */
	uint8_t ip_version; /* 4, 6, or 0 when the frame carries no IP */
	uint8_t protocol;
};

/* A verdict, and where in the frame its reason stands. */
static inline enum lk_verdict
lk_refused_at(struct lk_headers *h, uint32_t at, enum lk_verdict verdict)
{
	h->at = (uint16_t)at;
	return verdict;
}

/* The reserved bit and DF say nothing of a fragment; MF and the offset do. */
static inline int
lk_is_ipv4_fragment(const uint8_t *ip)
{
	return (lk_get16(ip + 6) & 0x3fff) != 0;
}

/* RFC 791 3.1: end of list, no operation, or type and length. */
static inline enum lk_verdict
lk_check_ipv4_options(const uint8_t *ip, uint32_t header, struct lk_headers *h)
{
	uint32_t at = LK_IPV4_LENGTH;

	while (at < header && ip[at] != 0) {
		if (ip[at] == 1) {
			at++;
			continue;
		}
		if (at + 1 == header || ip[at + 1] < 2 || ip[at + 1] > header - at)
			return lk_refused_at(h, h->l3 + at, LK_ipv4_bad_option);
		at += ip[at + 1];
	}
	return LK_next;
}

static inline enum lk_verdict
lk_parse_ipv4(const uint8_t *frame, uint32_t length, struct lk_headers *h)
{
	const uint8_t *ip = frame + h->l3;
	uint32_t room = length - h->l3;
	uint32_t header, total;
	uint64_t sum;

	if (room < LK_IPV4_LENGTH)
		return lk_refused_at(h, length, LK_ipv4_truncated);
	if (ip[0] >> 4 != 4)
		return lk_refused_at(h, h->l3, LK_ipv4_bad_version);
	header = (ip[0] & 15u) * 4;
	if (header < LK_IPV4_LENGTH)
		return lk_refused_at(h, h->l3, LK_ipv4_bad_header_length);
	if (header > room)
		return lk_refused_at(h, length, LK_ipv4_truncated);
	total = lk_get16(ip + 2);
	if (total < header || total > room)
		return lk_refused_at(h, h->l3 + 2u, LK_ipv4_bad_length);
	h->ip_version = 4;
	h->protocol = ip[9];
	h->l4 = (uint16_t)(h->l3 + header);
	h->l4_length = (uint16_t)(total - header);
	/* Without options, which is the rule, the sum is one of a fixed length. */
	sum = header == LK_IPV4_LENGTH ? lk_sum(ip, LK_IPV4_LENGTH, 0) : lk_sum(ip, header, 0);
	if (!lk_sum_is_good(sum))
		return lk_refused_at(h, h->l3 + 10u, LK_ipv4_bad_checksum);
	if (lk_is_ipv4_fragment(ip))
		return lk_refused_at(h, h->l3 + 6u, LK_ipv4_fragment);
	return header == LK_IPV4_LENGTH ? LK_next : lk_check_ipv4_options(ip, header, h);
}

/* RFC 8200 4.2: the two highest bits of an option that is not known say whether it may be skipped.
 */
static inline enum lk_verdict
lk_check_ipv6_options(const uint8_t *ip, uint32_t at, uint32_t end, struct lk_headers *h)
{
	while (at < end) {
		if (ip[at] == 0) { /* Pad1 */
			at++;
			continue;
		}
		if (at + 1 == end || ip[at + 1] > end - at - 2)
			return lk_refused_at(h, h->l3 + at, LK_ipv6_bad_option);
		if (ip[at] >> 6 != 0)
			return lk_refused_at(h, h->l3 + at, LK_ipv6_unknown_option);
		at += 2u + ip[at + 1];
	}
	return LK_next;
}

static inline enum lk_verdict
lk_parse_ipv6(const uint8_t *frame, uint32_t length, struct lk_headers *h)
{
	const uint8_t *ip = frame + h->l3;
	uint32_t room = length - h->l3;
	uint32_t at = LK_IPV6_LENGTH, end, size;
	unsigned int seen;

	if (room < LK_IPV6_LENGTH)
		return lk_refused_at(h, length, LK_ipv6_truncated);
	if (ip[0] >> 4 != 6)
		return lk_refused_at(h, h->l3, LK_ipv6_bad_version);
	end = LK_IPV6_LENGTH + lk_get16(ip + 4);
	if (end > room)
		return lk_refused_at(h, h->l3 + 4u, LK_ipv6_bad_length);
	h->ip_version = 6;
	h->protocol = ip[6];
	for (seen = 0;; seen++) {
		if (h->protocol != LK_PROTO_HOP_BY_HOP && h->protocol != LK_PROTO_ROUTING &&
		    h->protocol != LK_PROTO_FRAGMENT && h->protocol != LK_PROTO_DESTINATION)
			break;
		if (seen == LK_MAX_EXTENSIONS)
			return lk_refused_at(h, h->l3 + at, LK_ipv6_extension_limit);
		if (h->protocol == LK_PROTO_HOP_BY_HOP && seen != 0)
			return lk_refused_at(h, h->l3 + at, LK_ipv6_extension_order);
		if (at + 8 > end)
			return lk_refused_at(h, h->l3 + end, LK_ipv6_extension_truncated);
		/* A fragment header has no length field: it is always 8 bytes. */
		size = h->protocol == LK_PROTO_FRAGMENT ? 8 : (ip[at + 1] + 1u) * 8;
		if (at + size > end)
			return lk_refused_at(h, h->l3 + at + 1, LK_ipv6_extension_truncated);
		if (h->protocol == LK_PROTO_HOP_BY_HOP || h->protocol == LK_PROTO_DESTINATION) {
			enum lk_verdict verdict = lk_check_ipv6_options(ip, at + 2, at + size, h);

			if (verdict != LK_next)
				return verdict;
		}
		if (h->protocol == LK_PROTO_ROUTING && ip[at + 3] != 0)
			return lk_refused_at(h, h->l3 + at + 3, LK_ipv6_routing_segments);
		/* An atomic fragment (RFC 6946) is a whole packet and is walked over. */
		if (h->protocol == LK_PROTO_FRAGMENT && (lk_get16(ip + at + 2) & 0xfff9) != 0)
			return lk_refused_at(h, h->l3 + at, LK_ipv6_fragment);
		h->protocol = ip[at];
		at += size;
	}
	h->l4 = (uint16_t)(h->l3 + at);
	h->l4_length = (uint16_t)(end - at);
	return LK_next;
}

/*
 * A whole UDP or TCP packet over IPv4 without VLAN tags and options, which is what most frames are:
 * three loads tell.
 */
static inline int
lk_is_plain_ipv4(const uint8_t *frame, uint32_t length)
{
	uint64_t start; /* EtherType, version, header length, TOS, total length, identification */
	uint32_t rest;	/* fragment, TTL, protocol */

	if (length < LK_ETHER_LENGTH + LK_IPV4_LENGTH + LK_UDP_LENGTH)
		return 0;
	start = lk_get64(frame + 12);
	rest = lk_get32(frame + 20);
	return start >> 40 == ((uint64_t)LK_TYPE_IPV4 << 8 | 0x45) && (rest & 0x3fff0000) == 0 &&
	       ((uint8_t)rest == LK_PROTO_UDP || (uint8_t)rest == LK_PROTO_TCP) &&
	       (uint16_t)(start >> 16) - (LK_IPV4_LENGTH + 4u) <=
		       length - (LK_ETHER_LENGTH + LK_IPV4_LENGTH + 4u);
}

/*
 * Finds the headers of a frame; every length is checked against the bytes that are there.
 * LK_next means that what was found is sound; frames that are not IP come back with ip_version 0.
 * The headers of a fragment and of a packet with a wrong header checksum are found as well, but for
 * l4 of an IPv6 fragment.
 */
static inline enum lk_verdict
lk_parse(const uint8_t *frame, uint32_t length, struct lk_headers *h)
{
	unsigned int tags = 0;

	*h = (struct lk_headers){.l3 = LK_ETHER_LENGTH};
	if (length < LK_ETHER_LENGTH)
		return lk_refused_at(h, length, LK_eth_truncated);
	h->ether_type = lk_get16(frame + 12);
	while (h->ether_type == LK_TYPE_VLAN || h->ether_type == LK_TYPE_QINQ) {
		if (tags++ == LK_MAX_VLAN_TAGS)
			return lk_refused_at(h, h->l3 - 2u, LK_vlan_too_many);
		if (length < h->l3 + 4u)
			return lk_refused_at(h, length, LK_vlan_truncated);
		h->ether_type = lk_get16(frame + h->l3 + 2);
		h->l3 += 4;
	}
	if (h->ether_type == LK_TYPE_IPV4)
		return lk_parse_ipv4(frame, length, h);
	if (h->ether_type == LK_TYPE_IPV6)
		return lk_parse_ipv6(frame, length, h);
	return LK_next;
}

#endif
