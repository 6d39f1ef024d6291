/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_VLAN_H
#define LK_VLAN_H

#include "headers.h"

/* VLAN tags of a frame: type 802.1Q or 802.1ad, then priority, DEI and VLAN ID (IEEE 802.1Q 9.6).
 */
#define LK_TAG_LENGTH 4u
#define LK_VLAN_IDS   4096u
#define LK_VID_MASK   0x0fffu

static inline int
lk_is_tagged(const uint8_t *frame, uint32_t length)
{
	return length >= LK_ETHER_LENGTH &&
	       (lk_get16(frame + 12) == LK_TYPE_VLAN || lk_get16(frame + 12) == LK_TYPE_QINQ);
}

/* Another tag in front of all others. */
static inline enum lk_verdict
lk_vlan_push(struct lk_frame *f, uint16_t type, uint16_t tci)
{
	if (f->length < LK_ETHER_LENGTH)
		return LK_eth_truncated;
	if (f->headroom >= LK_TAG_LENGTH) {
		memmove(f->data - LK_TAG_LENGTH, f->data, 12);
		f->data -= LK_TAG_LENGTH;
		f->headroom -= LK_TAG_LENGTH;
	} else if (f->tailroom >= LK_TAG_LENGTH) {
		memmove(f->data + 12 + LK_TAG_LENGTH, f->data + 12, f->length - 12);
		f->tailroom -= LK_TAG_LENGTH;
	} else {
		return LK_no_room;
	}
	f->length += LK_TAG_LENGTH;
	lk_put16(f->data + 12, type);
	lk_put16(f->data + 14, tci);
	return LK_next;
}

/* The outermost tag goes. */
static inline enum lk_verdict
lk_vlan_pop(struct lk_frame *f)
{
	if (f->length < LK_ETHER_LENGTH)
		return LK_eth_truncated;
	if (!lk_is_tagged(f->data, f->length))
		return LK_vlan_untagged;
	if (f->length < LK_ETHER_LENGTH + LK_TAG_LENGTH)
		return LK_vlan_truncated;
	memmove(f->data + LK_TAG_LENGTH, f->data, 12);
	f->data += LK_TAG_LENGTH;
	f->headroom += LK_TAG_LENGTH;
	f->length -= LK_TAG_LENGTH;
	return LK_next;
}

/* Another VLAN ID in the outermost tag, whose priority stays; `to` has one for each, or
 * LK_VLAN_IDS where there is none. */
static inline enum lk_verdict
lk_vlan_translate(struct lk_frame *f, const uint16_t *to)
{
	uint16_t tci, vid;

	if (f->length < LK_ETHER_LENGTH)
		return LK_eth_truncated;
	if (!lk_is_tagged(f->data, f->length))
		return LK_vlan_untagged;
	if (f->length < LK_ETHER_LENGTH + LK_TAG_LENGTH)
		return LK_vlan_truncated;
	tci = lk_get16(f->data + 14);
	vid = to[tci & LK_VID_MASK];
	if (vid >= LK_VLAN_IDS)
		return LK_vlan_unknown;
	lk_put16(f->data + 14, (uint16_t)((tci & ~LK_VID_MASK) | vid));
	return LK_next;
}

#endif
