/* SPDX-License-Identifier: BSD-3-Clause */

/* Layers below IP. */
#include "link_type.h"
#include "walk.h"

#define MINIMUM		  60u	/* bytes of the shortest Ethernet frame, without FCS */
#define LONGEST_LENGTH	  1500u /* an EtherType is 1536 or more */
#define FIRST_TYPE	  1536u
#define VLAN_LENGTH	  4u
#define SLL_LENGTH	  16u
#define SLL2_LENGTH	  20u
#define PPPOE_LENGTH	  6u
#define ARP_FIXED	  8u
#define NSH_FIXED	  8u
#define LLC_UNNUMBERED	  3u
#define LLC_NUMBERED	  4u
#define SAP_SNAP	  0xaa
#define SAP_IP		  0x06
#define SNAP_LENGTH	  5u
#define OUI_BRIDGE_TUNNEL 0x0000f8u
#define MPLS_LENGTH	  4u
#define MPLS_BOTTOM	  0x100u
#define LINK_PPP_ETHER	  51u /* LINKTYPE_..., which becomes no Ethernet */
#define HDLC_ADDRESS	  0xff03

/* Cisco's framing has a frame's address and a zero where PPP has FF 03 or its protocol. */
static int
is_cisco_hdlc(const struct lk_walker *s)
{
	return lk_walk_sees(s, 2) && (lk_get16(s->frame + s->at) & 0x7fff) == 0x0f00;
}

enum lk_layer_kind
lk_walk_link(const struct lk_walker *s, uint32_t link_type)
{
	switch (link_type) {
	case LK_LINK_ETHERNET:
		return LK_LAYER_eth;
	case LK_LINK_NULL:
	case LK_LINK_LOOP:
		return LK_LAYER_loop;
	case LK_LINK_PPP:
	case LK_LINK_PPP_HDLC:
		return is_cisco_hdlc(s) ? LK_LAYER_data : LK_LAYER_ppp;
	case LINK_PPP_ETHER:
		return LK_LAYER_pppoe;
	case LK_LINK_RAW_BSD:
	case LK_LINK_RAW_BSDI:
	case LK_LINK_RAW:
		return lk_walk_version(s);
	case LK_LINK_IPV4:
		return LK_LAYER_ip;
	case LK_LINK_IPV6:
		return LK_LAYER_ipv6;
	case LK_LINK_SLL:
		return LK_LAYER_sll;
	case LK_LINK_SLL2:
		return LK_LAYER_sll2;
	default:
		return LK_LAYER_data;
	}
}

/* What an EtherType announces (IANA's ieee-802-numbers). */
enum lk_layer_kind
lk_walk_type(uint16_t type)
{
	switch (type) {
	case LK_TYPE_IPV4:
		return LK_LAYER_ip;
	case LK_TYPE_IPV6:
		return LK_LAYER_ipv6;
	case LK_TYPE_ARP:
	case 0x8035: /* RARP, of the same format */
		return LK_LAYER_arp;
	case LK_TYPE_VLAN:
	case LK_TYPE_QINQ:
	case 0x9100: /* before 802.1ad */
	case 0x9200:
		return LK_LAYER_vlan;
	case 0x88e7:
		return LK_LAYER_itag;
	case 0x8847:
	case 0x8848:
		return LK_LAYER_mpls;
	case 0x8863:
		return LK_LAYER_pppoed;
	case 0x8864:
		return LK_LAYER_pppoe;
	case 0x894f:
		return LK_LAYER_nsh;
	case 0x6558: /* transparent Ethernet bridging */
		return LK_LAYER_eth;
	default:
		return LK_LAYER_data;
	}
}

/* IP, by the version that it begins with. */
enum lk_layer_kind
lk_walk_version(const struct lk_walker *s)
{
	if (!lk_walk_sees(s, 1))
		return LK_LAYER_data;
	if (s->frame[s->at] >> 4 == 4)
		return LK_LAYER_ip;
	return s->frame[s->at] >> 4 == 6 ? LK_LAYER_ipv6 : LK_LAYER_data;
}

/* An EtherType, or the length of an 802.3 frame (IEEE 802.3 3.2.6). */
static void
type_or_length(struct lk_walker *s, uint16_t value)
{
	if (value >= FIRST_TYPE) {
		s->next = (uint8_t)lk_walk_type(value);
		return;
	}
	if (value > LONGEST_LENGTH) {
		lk_walk_stops(s, LK_PROBLEM_LENGTH);
		return;
	}
	lk_walk_ends_at(s, (uint64_t)s->at + value, LK_LAYER_trailer);
	/* Novell's raw 802.3 has IPX where others have LLC, whose checksum of ones is no SAP. */
	if (value != 0 && !(lk_walk_sees(s, 2) && lk_get16(s->frame + s->at) == 0xffff))
		s->next = LK_LAYER_llc;
}

void
lk_walk_eth(struct lk_walker *s)
{
	int is_length = lk_walk_sees(s, LK_ETHER_LENGTH) &&
			lk_get16(s->frame + s->at + 12) <= LONGEST_LENGTH;
	const uint8_t *p =
		lk_walk_header(s, is_length ? LK_LAYER_dot3 : LK_LAYER_eth, LK_ETHER_LENGTH);

	if (p == NULL)
		return;
	s->minimum = lk_walk_last(s)->offset + MINIMUM;
	type_or_length(s, lk_get16(p + 12));
}

void
lk_walk_vlan(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_vlan, VLAN_LENGTH);

	if (p == NULL)
		return;
	if (s->minimum != 0) /* a frame may have been padded before it was tagged */
		s->minimum += VLAN_LENGTH;
	type_or_length(s, lk_get16(p + 2));
}

/* 802.1ah: service instance, and the customer's Ethernet header. */
void
lk_walk_itag(struct lk_walker *s)
{
	if (lk_walk_header(s, LK_LAYER_itag, VLAN_LENGTH) != NULL)
		s->next = LK_LAYER_eth;
}

void
lk_walk_llc(struct lk_walker *s)
{
	int is_unnumbered = lk_walk_sees(s, LLC_UNNUMBERED) && (s->frame[s->at + 2] & 3) == 3;
	const uint8_t *p = lk_walk_header(
		s, LK_LAYER_llc,
		is_unnumbered || !lk_walk_sees(s, LLC_UNNUMBERED) ? LLC_UNNUMBERED : LLC_NUMBERED);

	s->minimum = 0;
	if (p == NULL || !is_unnumbered)
		return;
	if (p[0] == SAP_SNAP && p[1] == SAP_SNAP)
		s->next = LK_LAYER_snap;
	else if (p[0] == SAP_IP && p[1] == SAP_IP)
		s->next = LK_LAYER_ip;
}

void
lk_walk_snap(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_snap, SNAP_LENGTH);
	uint32_t oui;

	if (p == NULL)
		return;
	oui = lk_get32(p) >> 8;
	if (oui == 0 || oui == OUI_BRIDGE_TUNNEL)
		s->next = (uint8_t)lk_walk_type(lk_get16(p + 3));
}

static void
cooked(struct lk_walker *s, uint16_t arphrd, uint16_t protocol)
{
	/* Of netlink and 802.11 with radiotap the protocol is none of Ethernet's. */
	if (arphrd == 824 || arphrd == 803 || arphrd == 802 || arphrd == 801)
		return;
	if (protocol == 4)
		s->next = LK_LAYER_llc;
	else if (protocol >= FIRST_TYPE)
		s->next = (uint8_t)lk_walk_type(protocol);
}

void
lk_walk_sll(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_sll, SLL_LENGTH);

	if (p != NULL)
		cooked(s, lk_get16(p + 2), lk_get16(p + 14));
}

void
lk_walk_sll2(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_sll2, SLL2_LENGTH);

	if (p != NULL)
		cooked(s, lk_get16(p + 8), lk_get16(p));
}

/* The address family of whatever system captured, in its byte order; AIX has an EtherType there. */
void
lk_walk_loop(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_loop, 4);
	uint32_t family;

	if (p == NULL)
		return;
	family = lk_get32(p);
	if (family > 0xffff)
		family = __builtin_bswap32(family);
	if (family == 2)
		s->next = LK_LAYER_ip;
	else if (family == 10 || family == 24 || family == 28 || family == 30)
		s->next = LK_LAYER_ipv6;
	else
		s->next = (uint8_t)lk_walk_type(lk_get16(p + 2));
}

/* An Ethernet header may stand `skipped` bytes on: what it announces is known. */
static int
may_be_ethernet(const struct lk_walker *s, uint32_t skipped)
{
	uint16_t type;

	if (!lk_walk_sees(s, skipped + LK_ETHER_LENGTH))
		return 0;
	type = lk_get16(s->frame + s->at + skipped + 12);
	return type <= LONGEST_LENGTH ? type >= LLC_UNNUMBERED && type <= s->end - s->at
				      : lk_walk_type(type) != LK_LAYER_data;
}

/* What is carried is told by nothing but its first four bits (RFC 4928 3): 0 is a control word,
 * whose next twelve are 0 too (RFC 4448 4.6), 1 its control channel (RFC 5586 2.1). A pseudowire
 * without one begins with any destination. */
static enum lk_layer_kind
under_labels(const struct lk_walker *s)
{
	uint8_t bits;

	if (!lk_walk_sees(s, 2))
		return LK_LAYER_data;
	bits = s->frame[s->at] >> 4;
	if (bits == 1 || bits == 4 || bits == 6)
		return lk_walk_version(s);
	if (may_be_ethernet(s, 0) && (lk_get16(s->frame + s->at) != 0 || !may_be_ethernet(s, 4)))
		return LK_LAYER_eth;
	return bits == 0 ? LK_LAYER_pw : LK_LAYER_data;
}

/* RFC 3032 2.1 */
void
lk_walk_mpls(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_mpls, MPLS_LENGTH);

	s->minimum = 0;
	if (p == NULL)
		return;
	s->next = (uint8_t)(lk_get32(p) & MPLS_BOTTOM ? under_labels(s) : LK_LAYER_mpls);
}

void
lk_walk_pw(struct lk_walker *s)
{
	if (lk_walk_header(s, LK_LAYER_pw, 4) != NULL)
		s->next = LK_LAYER_eth;
}

static const uint8_t *
pppoe(struct lk_walker *s, enum lk_layer_kind kind)
{
	const uint8_t *p = lk_walk_header(s, kind, PPPOE_LENGTH);

	if (p == NULL)
		return NULL;
	if (p[0] != 0x11) {
		lk_walk_last(s)->problem = LK_PROBLEM_VERSION;
		return NULL;
	}
	lk_walk_ends_at(s, (uint64_t)s->at + lk_get16(p + 4), LK_LAYER_trailer);
	s->minimum = 0;
	return p;
}

void
lk_walk_pppoed(struct lk_walker *s)
{
	pppoe(s, LK_LAYER_pppoed);
}

void
lk_walk_pppoe(struct lk_walker *s)
{
	if (pppoe(s, LK_LAYER_pppoe) != NULL)
		s->next = LK_LAYER_ppp;
}

/* RFC 1661 2, RFC 1662 3.1: address and control may be there, and the protocol may be one byte. */
void
lk_walk_ppp(struct lk_walker *s)
{
	uint32_t skipped = lk_walk_sees(s, 2) && lk_get16(s->frame + s->at) == HDLC_ADDRESS ? 2 : 0;
	int is_short = lk_walk_sees(s, skipped + 1) && (s->frame[s->at + skipped] & 1);
	const uint8_t *p = lk_walk_header(s, LK_LAYER_ppp, skipped + (is_short ? 1 : 2));

	if (p == NULL)
		return;
	switch (is_short ? p[skipped] : lk_get16(p + skipped)) {
	case 0x0021:
		s->next = LK_LAYER_ip;
		break;
	case 0x0057:
		s->next = LK_LAYER_ipv6;
		break;
	case 0x0281:
	case 0x0283:
		s->next = LK_LAYER_mpls;
		break;
	default:
		break;
	}
}

void
lk_walk_nsh(struct lk_walker *s)
{
	static const uint8_t next[] = {LK_LAYER_data, LK_LAYER_ip,  LK_LAYER_ipv6,
				       LK_LAYER_eth,  LK_LAYER_nsh, LK_LAYER_mpls};
	const uint8_t *p = lk_walk_header(s, LK_LAYER_nsh, NSH_FIXED);
	uint32_t length;

	s->minimum = 0;
	if (p == NULL)
		return;
	length = (lk_get16(p) & 63u) * 4;
	if (p[0] >> 6 != 0 || length < NSH_FIXED)
		lk_walk_last(s)->problem = p[0] >> 6 != 0 ? LK_PROBLEM_VERSION : LK_PROBLEM_LENGTH;
	else if (lk_walk_lengthen(s, length) && p[3] < sizeof(next))
		s->next = next[p[3]];
}

void
lk_walk_arp(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_arp, ARP_FIXED);

	if (p != NULL && lk_walk_lengthen(s, ARP_FIXED + 2u * p[4] + 2u * p[5]))
		lk_walk_ends_at(s, s->at, LK_LAYER_trailer);
	s->minimum = 0;
}
