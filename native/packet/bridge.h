/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_BRIDGE_H
#define LK_BRIDGE_H

#include "mac_table.h"
#include "vlan.h"

/*
 * What a switch sees of a frame, and the tag with which it lets it out (IEEE 802.1Q 6.9, 8.6).
 * Ports are bits of a word.
 */
struct lk_vlan_ports {
	uint32_t members;
	uint32_t tagged; /* of these, those whose frames leave with a tag */
};

enum lk_tag { LK_TAG_NONE, LK_TAG_PRIORITY, LK_TAG_VLAN };

struct lk_bridged {
	uint64_t source; /* keys of the table */
	uint64_t target; /* 0: a group, which all are sent */
	uint16_t vlan;	 /* 0: the switch does not look at tags */
	uint8_t tag;	 /* enum lk_tag */
	uint8_t is_reserved;
};

#define LK_MAC_CONTROL 0x0180c2000001 /* PAUSE (IEEE 802.3 31) */

/* 01:80:C2:00:00:0x: for the switch itself, whatever it makes of them (IEEE 802.1Q 8.6.3) */
static inline int
lk_is_reserved_mac(uint64_t mac)
{
	return (mac & ~(uint64_t)0xf) == 0x0180c2000000;
}

/*
 * The VLAN of a frame that came by a port, 0: it has none. Of tags those of 802.1Q count: a frame
 * with another is one without.
 */
static inline enum lk_verdict
lk_bridge_vlan(const uint8_t *frame, uint32_t length, uint16_t native, struct lk_bridged *b)
{
	b->vlan = native;
	b->tag = LK_TAG_NONE;
	if (lk_get16(frame + 12) != LK_TYPE_VLAN)
		return LK_next;
	if (length < LK_ETHER_LENGTH + LK_TAG_LENGTH)
		return LK_vlan_truncated;
	b->tag = LK_TAG_PRIORITY;
	if ((lk_get16(frame + 14) & LK_VID_MASK) != 0) {
		b->vlan = lk_get16(frame + 14) & LK_VID_MASK;
		b->tag = LK_TAG_VLAN;
	}
	return LK_next;
}

/*
 * vlans: ports of each VLAN; NULL: the switch does not look at tags
 * native: VLAN of frames without one that come by the port, 0: it takes none
 * LK_next: the switch learns from the frame, and forwards it unless it is reserved
 */
static inline enum lk_verdict
lk_bridge_look(const uint8_t *frame, uint32_t length, const struct lk_vlan_ports *vlans,
	       uint32_t port, uint16_t native, struct lk_bridged *b)
{
	uint64_t target, source;

	if (length < LK_ETHER_LENGTH)
		return LK_eth_truncated;
	target = lk_get64(frame) >> 16;
	source = lk_get64(frame + 6) >> 16;
	if (source == 0 || (source >> 40 & 1) != 0)
		return LK_switch_bad_source;
	if (target == LK_MAC_CONTROL)
		return LK_switch_reserved; /* ends at the port: the switch does not even learn */
	b->vlan = 0;
	b->tag = LK_TAG_NONE;
	if (vlans != NULL) {
		enum lk_verdict verdict = lk_bridge_vlan(frame, length, native, b);

		if (verdict != LK_next)
			return verdict;
		if (b->vlan == 0)
			return LK_switch_untagged;
		if ((vlans[b->vlan].members >> port & 1) == 0)
			return LK_switch_not_member;
	}
	b->is_reserved = (uint8_t)lk_is_reserved_mac(target);
	b->source = lk_mac_key(source, b->vlan);
	b->target = (target >> 40 & 1) != 0 ? 0 : lk_mac_key(target, b->vlan);
	return LK_next;
}

/* Puts the tag on or takes it off as the port that the frame leaves by has it. */
static inline enum lk_verdict
lk_bridge_tag(struct lk_frame *f, const struct lk_bridged *b, int is_tagged)
{
	if (!is_tagged)
		return b->tag == LK_TAG_NONE ? LK_next : lk_vlan_pop(f);
	if (b->tag == LK_TAG_NONE)
		return lk_vlan_push(f, LK_TYPE_VLAN, b->vlan);
	/* The priority of a tag without VLAN stays. */
	lk_put16(f->data + 14, (uint16_t)((lk_get16(f->data + 14) & ~LK_VID_MASK) | b->vlan));
	return LK_next;
}

#endif
