/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_HEADER_LENGTH_H
#define LK_HEADER_LENGTH_H

#include "headers.h"
#include "tunnel.h"

#define LK_TUNNEL_HEADER 8u /* of VXLAN, and of GENEVE without options */
#define LK_GUE_HEADER	 4u
#define LK_TCP_LENGTH	 20u

/* What stands behind a tunnel's header: Ethernet, an IP header, or no headers. */
enum lk_carried { LK_CARRIES_DATA, LK_CARRIES_ETHERNET, LK_CARRIES_IP };

/* Where the tunnel's header ends that begins behind UDP; 0: there is none that is whole. */
static inline uint32_t
lk_tunnel_end(const uint8_t *frame, uint32_t end, const struct lk_headers *h,
	      enum lk_carried *carried)
{
	uint32_t at = h->l4 + LK_UDP_LENGTH, port = lk_get16(frame + h->l4 + 2), length = 0;
	const uint8_t *tunnel = frame + at;

	*carried = LK_CARRIES_DATA;
	if (end < at + LK_TUNNEL_HEADER)
		return 0;
	if (port == LK_VXLAN_PORT) {
		length = LK_TUNNEL_HEADER;
		*carried = LK_CARRIES_ETHERNET;
	} else if (port == LK_GENEVE_PORT && tunnel[0] >> 6 == 0) {
		length = LK_TUNNEL_HEADER + (tunnel[0] & 63u) * 4;
		*carried =
			lk_get16(tunnel + 2) == LK_TYPE_TEB ? LK_CARRIES_ETHERNET : LK_CARRIES_IP;
	} else if (port == LK_GUE_PORT && tunnel[0] >> 6 == 0) {
		length = LK_GUE_HEADER + (tunnel[0] & 31u) * 4;
		if (tunnel[1] == LK_PROTO_IPV4 || tunnel[1] == LK_PROTO_IPV6)
			*carried = LK_CARRIES_IP;
	}
	return length != 0 && at + length <= end ? at + length : 0;
}

/* Behind UDP's or TCP's header, where that is whole; else where it begins. */
static inline uint32_t
lk_l4_end(const uint8_t *frame, const struct lk_headers *h)
{
	uint32_t length = 0;

	if (h->protocol == LK_PROTO_UDP && h->l4_length >= LK_UDP_LENGTH)
		length = LK_UDP_LENGTH;
	else if (h->protocol == LK_PROTO_TCP && h->l4_length >= LK_TCP_LENGTH)
		length = (frame[h->l4 + 12] >> 4) * 4u;
	return h->l4 + (length < h->l4_length ? length : h->l4_length);
}

/* The headers at an offset, which are Ethernet's or begin with IP's: what lk_parse says. */
static inline enum lk_verdict
lk_parse_carried(const uint8_t *frame, uint32_t length, uint32_t at, enum lk_carried carried,
		 struct lk_headers *h)
{
	enum lk_verdict verdict;

	if (carried == LK_CARRIES_ETHERNET) {
		verdict = lk_parse(frame + at, length - at, h);
		h->l3 = (uint16_t)(h->l3 + at);
		h->l4 = (uint16_t)(h->l4 + (h->l4 != 0 ? at : 0));
		return verdict;
	}
	*h = (struct lk_headers){.l3 = (uint16_t)at};
	if (at >= length)
		return LK_inner_ip_truncated;
	return frame[at] >> 4 == 4 ? lk_parse_ipv4(frame, length, h)
				   : lk_parse_ipv6(frame, length, h);
}

/*
 * Bytes of a frame's headers, from the first one to the end of UDP or TCP; of a tunnel that a NIC
 * knows (VXLAN, GENEVE, GUE at their ports) those inside too.
 */
static inline uint32_t
lk_header_length(const uint8_t *frame, uint32_t length)
{
	struct lk_headers h, inner;
	enum lk_carried carried;
	uint32_t end, tunnel;

	if (lk_parse(frame, length, &h) != LK_next || h.ip_version == 0)
		return h.l4 > h.l3 ? h.l4 : (h.l3 < length ? h.l3 : length);
	end = lk_l4_end(frame, &h);
	if (h.protocol != LK_PROTO_UDP || end == h.l4)
		return end;
	tunnel = lk_tunnel_end(frame, h.l4 + (uint32_t)h.l4_length, &h, &carried);
	if (tunnel == 0)
		return end;
	if (carried == LK_CARRIES_DATA)
		return tunnel;
	if (lk_parse_carried(frame, length, tunnel, carried, &inner) != LK_next ||
	    inner.ip_version == 0)
		return inner.l4 > tunnel ? inner.l4 : (inner.l3 < length ? inner.l3 : length);
	return lk_l4_end(frame, &inner);
}

#endif
