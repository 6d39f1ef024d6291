/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_LINK_TYPE_H
#define LK_LINK_TYPE_H

#include "capture_walker.h"
#include "headers.h"

/* Link types of captures (https://www.tcpdump.org/linktypes.html) that become Ethernet here. */
#define LK_LINK_NULL	 0u
#define LK_LINK_PPP	 9u
#define LK_LINK_RAW_BSD	 12u
#define LK_LINK_RAW_BSDI 14u
#define LK_LINK_RAW	 101u
#define LK_LINK_LOOP	 108u
#define LK_LINK_SLL	 113u
#define LK_LINK_IPV4	 228u
#define LK_LINK_IPV6	 229u
#define LK_LINK_SLL2	 276u

#define LK_SLL_HEADER	     16u
#define LK_SLL2_HEADER	     20u
#define LK_SLL_BROADCAST     1u /* types of packets */
#define LK_SLL_MULTICAST     2u
#define LK_SLL_802_3	     1u /* protocols, beside those of Ethernet */
#define LK_SLL_802_2	     4u
#define LK_LONGEST_802_3     1500u
#define LK_ARPHRD_FIRST_WLAN 801u /* 802.11 with and without headers of its own before it */
#define LK_ARPHRD_LAST_WLAN  803u
#define LK_ARPHRD_NETLINK    824u
#define LK_PPP_IPV4	     0x0021u
#define LK_PPP_IPV6	     0x0057u

enum lk_to_ethernet {
	LK_ETHERNET_MADE,
	LK_ETHERNET_NO_LINK,  /* nothing of this link type becomes Ethernet */
	LK_ETHERNET_NO_FRAME, /* what the frame carries has no type of Ethernet */
	LK_ETHERNET_SHORT,    /* of its header too little was kept */
};

/* What stands in front of a payload, and what is known of who sent it. */
struct lk_link_head {
	uint32_t length;
	uint32_t type;	       /* of Ethernet; LK_SLL_802_2 and LK_SLL_802_3: a length is */
	uint32_t packet;       /* type of a cooked packet; 0: to a host, or not told */
	const uint8_t *source; /* MAC; NULL: not told */
};

/* The type of an IP packet by its version; 0: it is none. */
static inline uint32_t
lk_type_of_ip(const uint8_t *packet)
{
	return packet[0] >> 4 == 4 ? LK_TYPE_IPV4 : packet[0] >> 4 == 6 ? LK_TYPE_IPV6 : 0;
}

/* BSD loopback: the address family of the host that captured, in its byte order. */
static inline int
lk_is_family_of_ip(const uint8_t *p)
{
	uint32_t family = lk_get32(p);

	if (family > 0xffff)
		family = __builtin_bswap32(family);
	/* AF_INET; AF_INET6 of Linux, NetBSD and OpenBSD, FreeBSD, macOS */
	return family == 2 || family == 10 || family == 24 || family == 28 || family == 30;
}

static inline enum lk_to_ethernet
lk_cooked_head(uint32_t link_type, const uint8_t *p, uint32_t kept, struct lk_link_head *head)
{
	int is_second = link_type == LK_LINK_SLL2;
	uint32_t hardware, address_length;
	const uint8_t *address = p + (is_second ? 12 : 6);

	head->length = is_second ? LK_SLL2_HEADER : LK_SLL_HEADER;
	if (kept < head->length)
		return LK_ETHERNET_SHORT;
	hardware = lk_get16(p + (is_second ? 8 : 2));
	address_length = is_second ? p[11] : lk_get16(p + 4);
	head->packet = is_second ? p[10] : lk_get16(p);
	head->type = lk_get16(p + (is_second ? 0 : 14));
	if (address_length == 6 && !(address[0] & 1) && (lk_get32(address) | lk_get16(address + 4)))
		head->source = address;
	if ((hardware >= LK_ARPHRD_FIRST_WLAN && hardware <= LK_ARPHRD_LAST_WLAN) ||
	    hardware == LK_ARPHRD_NETLINK)
		return LK_ETHERNET_NO_FRAME;
	return head->type > LK_LONGEST_802_3 || head->type == LK_SLL_802_2 ||
			       head->type == LK_SLL_802_3
		       ? LK_ETHERNET_MADE
		       : LK_ETHERNET_NO_FRAME;
}

static inline enum lk_to_ethernet
lk_ppp_head(const uint8_t *p, uint32_t kept, struct lk_link_head *head)
{
	uint32_t protocol;

	if (kept >= 2 && p[0] == 0xff && p[1] == 0x03) /* RFC 1662 3.1, which may be left out */
		head->length = 2;
	if (kept < head->length + 2)
		return LK_ETHERNET_SHORT;
	protocol = p[head->length];
	head->length++;
	if (!(protocol & 1)) /* else its first byte was left out, RFC 1661 6.5 */
		protocol = protocol << 8 | p[head->length++];
	head->type = protocol == LK_PPP_IPV4   ? LK_TYPE_IPV4
		     : protocol == LK_PPP_IPV6 ? LK_TYPE_IPV6
					       : 0;
	return head->type != 0 ? LK_ETHERNET_MADE : LK_ETHERNET_NO_FRAME;
}

static inline enum lk_to_ethernet
lk_link_head_of(uint32_t link_type, const uint8_t *p, uint32_t kept, struct lk_link_head *head)
{
	*head = (struct lk_link_head){0, 0, 0, NULL};
	switch (link_type) {
	case LK_LINK_SLL:
	case LK_LINK_SLL2:
		return lk_cooked_head(link_type, p, kept, head);
	case LK_LINK_PPP:
		return lk_ppp_head(p, kept, head);
	case LK_LINK_NULL:
	case LK_LINK_LOOP:
		head->length = 4;
		if (kept >= 4 && !lk_is_family_of_ip(p))
			return LK_ETHERNET_NO_FRAME;
		break;
	case LK_LINK_RAW_BSD:
	case LK_LINK_RAW_BSDI:
	case LK_LINK_RAW:
	case LK_LINK_IPV4:
	case LK_LINK_IPV6:
		break;
	default:
		return LK_ETHERNET_NO_LINK;
	}
	if (kept <= head->length)
		return LK_ETHERNET_SHORT;
	head->type = lk_type_of_ip(p + head->length);
	return head->type != 0 ? LK_ETHERNET_MADE : LK_ETHERNET_NO_FRAME;
}

/* A MAC of an IP address: of a group the one that RFC 1112 6.4 and RFC 2464 7 say, else a locally
 * administered one: 02:04 and an IPv4 address, 02:06 and an IPv6 address folded to 32 bits. */
static inline void
lk_mac_of_ip(const uint8_t *address, uint32_t type, uint8_t *mac)
{
	if (type == LK_TYPE_IPV6) {
		uint32_t folded = lk_load32(address) ^ lk_load32(address + 4) ^
				  lk_load32(address + 8) ^ lk_load32(address + 12);
		int is_group = address[0] == 0xff;

		mac[0] = is_group ? 0x33 : 0x02;
		mac[1] = is_group ? 0x33 : 0x06;
		if (is_group)
			folded = lk_load32(address + 12);
		memcpy(mac + 2, &folded, 4);
	} else if (lk_get32(address) == UINT32_MAX) {
		memset(mac, 0xff, 6);
	} else if (address[0] >> 4 == 14) {
		lk_put32(mac, 0x01005e00u | (address[1] & 0x7fu));
		memcpy(mac + 4, address + 2, 2);
	} else {
		lk_put16(mac, 0x0204);
		memcpy(mac + 2, address, 4);
	}
}

/* Both MACs of a frame, as far as the payload tells; else 02:00:00:00:00:01 sends to :02. */
static inline void
lk_link_macs(const struct lk_link_head *head, const uint8_t *payload, uint32_t kept, uint8_t *to)
{
	static const uint8_t made[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};

	memcpy(to, made, sizeof(made));
	if (head->type == LK_TYPE_IPV4 && kept >= 20) {
		lk_mac_of_ip(payload + 16, head->type, to);
		lk_mac_of_ip(payload + 12, head->type, to + 6);
	} else if (head->type == LK_TYPE_IPV6 && kept >= 40) {
		lk_mac_of_ip(payload + 24, head->type, to);
		lk_mac_of_ip(payload + 8, head->type, to + 6);
	} else if (head->packet == LK_SLL_MULTICAST) {
		memset(to, 0xff, 6);
	}
	if (head->packet == LK_SLL_BROADCAST)
		memset(to, 0xff, 6);
	to[6] &= 0xfe; /* no group sends */
	if (head->source != NULL)
		memcpy(to + 6, head->source, 6);
}

/*
 * A frame of any of these link types as one of Ethernet, at `to`, which has room for 14 bytes more.
 * Its MACs are made up, but for the source of a cooked frame that tells it. kept and length: of the
 * frame without FCS, then of what it has become.
 */
static inline enum lk_to_ethernet
lk_to_ethernet(uint32_t link_type, const uint8_t *bytes, uint32_t *kept, uint32_t *length,
	       uint8_t *to)
{
	struct lk_link_head head;
	enum lk_to_ethernet made;
	uint32_t type;

	if (link_type == LK_LINK_ETHERNET) {
		memcpy(to, bytes, *kept);
		return LK_ETHERNET_MADE;
	}
	made = lk_link_head_of(link_type, bytes, *kept, &head);
	if (made != LK_ETHERNET_MADE)
		return made;
	*kept -= head.length;
	*length -= head.length;
	type = head.type > LK_LONGEST_802_3 ? head.type : *length;
	if (head.type <= LK_LONGEST_802_3 && *length > LK_LONGEST_802_3)
		return LK_ETHERNET_NO_FRAME;
	lk_link_macs(&head, bytes + head.length, *kept, to);
	lk_put16(to + 12, (uint16_t)type);
	memcpy(to + LK_ETHER_LENGTH, bytes + head.length, *kept);
	*kept += LK_ETHER_LENGTH;
	*length = *length > UINT32_MAX - LK_ETHER_LENGTH ? UINT32_MAX : *length + LK_ETHER_LENGTH;
	return LK_ETHERNET_MADE;
}

#endif
