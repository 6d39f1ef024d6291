/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_REWRITE_H
#define LK_REWRITE_H

#include "headers.h"

/*
 * Other addresses in a captured frame: those of Ethernet, ARP, and the outermost IP header.
 * Checksums are mended, not made anew (RFC 1624): one that was wrong before is wrong after.
 */
#define LK_REWRITE_MOST	   256
#define LK_REWRITE_AS_IS   (-1)
#define LK_REWRITE_NO_VLAN (-2) /* tags are taken off */

struct lk_mac_pair {
	uint8_t from[6];
	uint8_t to[6];
};
struct lk_net_pair {
	uint8_t from[16]; /* an IPv4 network has 4 bytes of them */
	uint8_t to[16];
	uint32_t version;
	uint32_t bits; /* of the prefix; the rest of an address stays */
};
struct lk_rewrite {
	uint32_t mac_count;
	uint32_t net_count; /* the first one that an address is in counts */
	int32_t vlan;	    /* of the outermost tag, which is added where there is none */
	struct lk_mac_pair macs[LK_REWRITE_MOST];
	struct lk_net_pair nets[LK_REWRITE_MOST];
};

static inline int
lk_is_tag(const uint8_t *type)
{
	return lk_get16(type) == LK_TYPE_VLAN || lk_get16(type) == LK_TYPE_QINQ;
}

/* Bytes of the tags of a frame. */
static inline uint32_t
lk_tag_bytes(const uint8_t *frame, uint32_t length)
{
	uint32_t bytes = 0;

	while (bytes + LK_ETHER_LENGTH + 4 <= length && lk_is_tag(frame + 12 + bytes))
		bytes += 4;
	return bytes;
}

/* How long a frame will be. */
static inline uint32_t
lk_rewrite_length(const struct lk_rewrite *w, const uint8_t *frame, uint32_t length)
{
	if (w == NULL || w->vlan == LK_REWRITE_AS_IS || length < LK_ETHER_LENGTH)
		return length;
	if (w->vlan == LK_REWRITE_NO_VLAN)
		return length - lk_tag_bytes(frame, length);
	return lk_tag_bytes(frame, length) > 0 ? length : length + 4;
}

static inline void
lk_rewrite_mac(const struct lk_rewrite *w, uint8_t *mac)
{
	for (uint32_t i = 0; i < w->mac_count; i++) {
		if (memcmp(w->macs[i].from, mac, 6) == 0) {
			memcpy(mac, w->macs[i].to, 6);
			return;
		}
	}
}

static inline int
lk_is_in_net(const uint8_t *address, const uint8_t *net, uint32_t bits)
{
	uint8_t rest = (uint8_t)(0xff00 >> bits % 8);

	return memcmp(address, net, bits / 8) == 0 &&
	       (bits % 8 == 0 || ((address[bits / 8] ^ net[bits / 8]) & rest) == 0);
}

/* An address, and the checksums that it is part of; a NULL one is none. */
static inline void
lk_rewrite_ip(const struct lk_rewrite *w, uint8_t *address, uint32_t version, uint8_t *header_sum,
	      uint8_t *l4_sum)
{
	uint32_t length = version == 4 ? 4 : 16;

	for (uint32_t i = 0; i < w->net_count; i++) {
		const struct lk_net_pair *net = &w->nets[i];
		uint8_t old[16], rest = (uint8_t)(0xff00 >> net->bits % 8);

		if (net->version != version || !lk_is_in_net(address, net->from, net->bits))
			continue;
		memcpy(old, address, length);
		memcpy(address, net->to, net->bits / 8);
		if (net->bits % 8 != 0) {
			uint8_t *edge = address + net->bits / 8;

			*edge = (uint8_t)((*edge & ~rest) | (net->to[net->bits / 8] & rest));
		}
		for (uint32_t at = 0; at < length; at += 2) {
			if (header_sum != NULL)
				lk_mend_checksum(header_sum, lk_get16(old + at),
						 lk_get16(address + at));
			if (l4_sum != NULL)
				lk_mend_checksum(l4_sum, lk_get16(old + at),
						 lk_get16(address + at));
		}
		return;
	}
}

/* The checksum of a header that counts the addresses too. */
static inline uint8_t *
lk_pseudo_checksum(uint8_t *l4, uint32_t room, uint8_t protocol)
{
	uint32_t at;

	switch (protocol) {
	case LK_PROTO_TCP:
		at = 16;
		break;
	case LK_PROTO_UDP:
		at = 6;
		break;
	case LK_PROTO_ICMPV6:
		at = 2;
		break;
	default:
		return NULL;
	}
	if (room < at + 2 || (protocol == LK_PROTO_UDP && lk_get16(l4 + at) == 0))
		return NULL;
	return l4 + at;
}

static inline void
lk_rewrite_ipv4(const struct lk_rewrite *w, uint8_t *ip, uint32_t room)
{
	uint32_t header, total;
	uint8_t *sum = NULL;

	if (room < LK_IPV4_LENGTH || ip[0] >> 4 != 4)
		return;
	header = (ip[0] & 15u) * 4;
	total = lk_get16(ip + 2);
	if (total >= header && total < room)
		room = total; /* what follows pads the frame */
	/* ICMP counts no addresses; a fragment that is not the first one has no checksum. */
	if (header >= LK_IPV4_LENGTH && header <= room && (lk_get16(ip + 6) & 0x1fff) == 0 &&
	    ip[9] != LK_PROTO_ICMPV6)
		sum = lk_pseudo_checksum(ip + header, room - header, ip[9]);
	lk_rewrite_ip(w, ip + 12, 4, ip + 10, sum);
	lk_rewrite_ip(w, ip + 16, 4, ip + 10, sum);
	if (sum != NULL && ip[9] == LK_PROTO_UDP && lk_get16(sum) == 0)
		lk_put16(sum, 0xffff);
}

static inline void
lk_rewrite_ipv6(const struct lk_rewrite *w, uint8_t *ip, uint32_t room)
{
	uint32_t at = LK_IPV6_LENGTH, total;
	uint8_t protocol, *sum = NULL;
	int is_first = 1;

	if (room < LK_IPV6_LENGTH || ip[0] >> 4 != 6)
		return;
	total = LK_IPV6_LENGTH + lk_get16(ip + 4);
	if (total > LK_IPV6_LENGTH && total < room)
		room = total;
	protocol = ip[6];
	while ((protocol == LK_PROTO_HOP_BY_HOP || protocol == LK_PROTO_ROUTING ||
		protocol == LK_PROTO_FRAGMENT || protocol == LK_PROTO_DESTINATION) &&
	       at + 8 <= room) {
		uint32_t size = protocol == LK_PROTO_FRAGMENT ? 8 : (ip[at + 1] + 1u) * 8;

		if (protocol == LK_PROTO_FRAGMENT && (lk_get16(ip + at + 2) & 0xfff8) != 0)
			is_first = 0;
		protocol = ip[at];
		at += size;
	}
	if (is_first && at <= room)
		sum = lk_pseudo_checksum(ip + at, room - at, protocol);
	lk_rewrite_ip(w, ip + 8, 6, NULL, sum);
	lk_rewrite_ip(w, ip + 24, 6, NULL, sum);
	if (sum != NULL && protocol == LK_PROTO_UDP && lk_get16(sum) == 0)
		lk_put16(sum, 0xffff);
}

/* Ethernet and IPv4, as nearly all of it is (RFC 826). */
static inline void
lk_rewrite_arp(const struct lk_rewrite *w, uint8_t *arp, uint32_t room)
{
	static const uint8_t format[6] = {0, 1, 8, 0, 6, 4};

	if (room < 28 || memcmp(arp, format, sizeof(format)) != 0)
		return;
	for (uint32_t at = 8; at < 28; at += 10) {
		lk_rewrite_mac(w, arp + at);
		lk_rewrite_ip(w, arp + at + 6, 4, NULL, NULL);
	}
}

/* Writes the frame as it is to be sent, lk_rewrite_length() bytes. */
static inline void
lk_rewrite_frame(const struct lk_rewrite *w, const uint8_t *from, uint32_t length, uint8_t *to)
{
	uint32_t tags, skipped = 0, added = 0, l3;

	if (w == NULL || length < LK_ETHER_LENGTH) {
		memcpy(to, from, length);
		return;
	}
	tags = lk_tag_bytes(from, length);
	if (w->vlan == LK_REWRITE_NO_VLAN)
		skipped = tags;
	else if (w->vlan != LK_REWRITE_AS_IS && tags == 0)
		added = 4;
	memcpy(to, from, 12);
	memcpy(to + 12 + added, from + 12 + skipped, length - 12 - skipped);
	if (added > 0) {
		lk_put16(to + 12, LK_TYPE_VLAN);
		lk_put16(to + 14, 0);
	}
	if (w->vlan >= 0) /* priority and DEI stay */
		lk_put16(to + 14, (uint16_t)((lk_get16(to + 14) & 0xf000) | (uint16_t)w->vlan));
	length += added - skipped;
	lk_rewrite_mac(w, to);
	lk_rewrite_mac(w, to + 6);
	l3 = LK_ETHER_LENGTH + lk_tag_bytes(to, length);
	switch (lk_get16(to + l3 - 2)) {
	case LK_TYPE_IPV4:
		lk_rewrite_ipv4(w, to + l3, length - l3);
		break;
	case LK_TYPE_IPV6:
		lk_rewrite_ipv6(w, to + l3, length - l3);
		break;
	case LK_TYPE_ARP:
		lk_rewrite_arp(w, to + l3, length - l3);
		break;
	default:
		break;
	}
}

#endif
