/* SPDX-License-Identifier: BSD-3-Clause */

/* What carries frames and packets inside of others. */
#include <stddef.h>

#include "geneve.h"
#include "gue.h"
#include "vxlan.h"
#include "walk.h"

#define GRE_FIXED	  4u
#define GRE_CHECKSUM	  0x8000
#define GRE_ROUTING	  0x4000
#define GRE_KEY		  0x2000
#define GRE_SEQUENCE	  0x1000
#define GRE_ACK		  0x0080
#define GRE_VERSION	  7
#define TYPE_ERSPAN	  0x88be
#define TYPE_ERSPAN_III	  0x22eb
#define TYPE_PPP	  0x880b
#define TYPE_WCCP	  0x883e
#define ERSPAN_II_LENGTH  8u
#define ERSPAN_III_LENGTH 12u
#define GPE_NEXT_FLAG	  0x04
#define GTP_FIXED	  8u
#define GTP_PDU		  255
#define L2TP_CONTROL	  0x8000
#define L2TP_LENGTH	  0x4000
#define L2TP_SEQUENCE	  0x0800
#define L2TP_OFFSET	  0x0200

/* RFC 1701: entries of the routing field, up to an empty one. */
static int
lengthen_by_routes(struct lk_walker *s, uint32_t length)
{
	for (;;) {
		const uint8_t *p = s->frame + lk_walk_last(s)->offset;
		uint8_t size;

		if (!lk_walk_lengthen(s, length + 4))
			return 0;
		size = p[length + 3];
		length += 4u + size;
		if (size == 0)
			return 1;
	}
}

/* WCCP's second version has a redirect header of 4 bytes between GRE and IP
 * (draft-mclaggan-wccp-v2rev1 3.7). */
static void
skip_redirect(struct lk_walker *s)
{
	struct lk_layer *layer = lk_walk_last(s);

	if (lk_walk_sees(s, 5) && s->frame[s->at] >> 4 != 4) {
		layer->length += 4;
		s->at += 4;
	}
	s->next = (uint8_t)lk_walk_version(s);
}

void
lk_walk_gre(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_gre, GRE_FIXED);
	uint32_t length = GRE_FIXED;
	uint16_t flags, type;

	s->minimum = 0;
	if (p == NULL)
		return;
	flags = lk_get16(p);
	type = lk_get16(p + 2);
	if ((flags & GRE_VERSION) > 1) {
		lk_walk_last(s)->problem = LK_PROBLEM_VERSION;
		return;
	}
	if ((flags & GRE_VERSION) == 1)
		flags &= (uint16_t) ~(GRE_CHECKSUM | GRE_ROUTING);
	length += flags & (GRE_CHECKSUM | GRE_ROUTING) ? 4 : 0;
	length += flags & GRE_KEY ? 4 : 0;
	length += flags & GRE_SEQUENCE ? 4 : 0;
	length += (flags & GRE_VERSION) == 1 && (flags & GRE_ACK) ? 4 : 0;
	if (length > GRE_FIXED && !lk_walk_lengthen(s, length))
		return;
	if ((flags & GRE_ROUTING) && !lengthen_by_routes(s, length))
		return;
	if (flags & GRE_CHECKSUM) {
		if (s->is_fragment || s->is_partial || s->is_quoted)
			lk_walk_last(s)->sum = LK_SUM_UNKNOWN;
		else
			lk_walk_judge(s, 4, s->end, 0);
	}
	if ((flags & GRE_VERSION) == 1 && !(flags & GRE_SEQUENCE))
		return; /* what has no number acknowledges alone (RFC 2637 4.1) */
	if (type == TYPE_PPP)
		s->next = LK_LAYER_ppp;
	else if (type == TYPE_WCCP)
		skip_redirect(s);
	else if (type == TYPE_ERSPAN && !(flags & GRE_SEQUENCE)) /* type I has no header */
		s->next = LK_LAYER_eth;
	else if (type == TYPE_ERSPAN || type == TYPE_ERSPAN_III)
		s->next = LK_LAYER_erspan;
	else
		s->next = (uint8_t)lk_walk_type(type);
}

/* Type II has version 1, type III version 2 and perhaps a subheader of its platform. */
void
lk_walk_erspan(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_erspan, ERSPAN_II_LENGTH);

	if (p == NULL)
		return;
	if (p[0] >> 4 == 2) {
		if (!lk_walk_lengthen(s, ERSPAN_III_LENGTH) ||
		    ((p[11] & 1) && !lk_walk_lengthen(s, ERSPAN_III_LENGTH + 8)))
			return;
		if ((p[10] >> 2 & 31) != 0) { /* no Ethernet, but IP or what is not told */
			if ((p[10] >> 2 & 31) == 2)
				s->next = (uint8_t)lk_walk_version(s);
			return;
		}
	} else if (p[0] >> 4 != 1) {
		lk_walk_last(s)->problem = LK_PROBLEM_VERSION;
		return;
	}
	s->next = LK_LAYER_eth;
}

void
lk_walk_etherip(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_etherip, 2);

	if (p == NULL)
		return;
	if (p[0] >> 4 == 3)
		s->next = LK_LAYER_eth;
	else
		lk_walk_last(s)->problem = LK_PROBLEM_VERSION;
}

void
lk_walk_vxlan(struct lk_walker *s)
{
	if (lk_walk_header(s, LK_LAYER_vxlan, LK_VXLAN_LENGTH) != NULL)
		s->next = LK_LAYER_eth;
}

void
lk_walk_vxlan_gpe(struct lk_walker *s)
{
	static const uint8_t next[] = {LK_LAYER_data, LK_LAYER_ip,  LK_LAYER_ipv6,
				       LK_LAYER_eth,  LK_LAYER_nsh, LK_LAYER_mpls};
	const uint8_t *p = lk_walk_header(s, LK_LAYER_vxlan_gpe, LK_VXLAN_LENGTH);

	if (p == NULL)
		return;
	if ((p[0] & GPE_NEXT_FLAG) == 0)
		s->next = LK_LAYER_eth;
	else if (p[3] < sizeof(next))
		s->next = next[p[3]];
}

void
lk_walk_geneve(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_geneve, LK_GENEVE_LENGTH);

	if (p == NULL)
		return;
	if (p[0] >> 6 != 0)
		lk_walk_last(s)->problem = LK_PROBLEM_VERSION;
	else if (lk_walk_lengthen(s, LK_GENEVE_LENGTH + (p[0] & 63u) * 4))
		s->next = (uint8_t)lk_walk_type(lk_get16(p + 2));
}

/* Variant 1 has no header: it is IP (draft-ietf-intarea-gue-09 4). */
void
lk_walk_gue(struct lk_walker *s)
{
	const uint8_t *p;

	if (lk_walk_sees(s, 1) && s->frame[s->at] >> 6 == 1) {
		s->next = (uint8_t)lk_walk_version(s);
		return;
	}
	p = lk_walk_header(s, LK_LAYER_gue, LK_GUE_LENGTH);
	if (p == NULL)
		return;
	if (p[0] >> 6 != 0)
		lk_walk_last(s)->problem = LK_PROBLEM_VERSION;
	else if (lk_walk_lengthen(s, LK_GUE_LENGTH + (p[0] & 31u) * 4) &&
		 !(p[0] & LK_GUE_CONTROL)) {
		s->protocol = p[1];
		s->next = (uint8_t)lk_walk_protocol(p[1]);
	}
}

/* 3GPP TS 29.281 5.1 and 5.2: four bytes more where one of three flags is set, and then extension
 * headers of so many words. */
void
lk_walk_gtp(struct lk_walker *s)
{
	const uint8_t *p = s->frame + s->at;
	uint32_t length = GTP_FIXED;

	if (lk_walk_sees(s, 1) && (p[0] >> 5 != 1 || (p[0] & 0x10) == 0)) {
		s->next = LK_LAYER_data; /* GTP', or what is no GTP at all */
		return;
	}
	if (lk_walk_header(s, LK_LAYER_gtp, length) == NULL)
		return;
	lk_walk_ends_at(s, (uint64_t)s->at + lk_get16(p + 2), LK_LAYER_trailer);
	if (p[0] & 7) {
		length += 4;
		if (!lk_walk_lengthen(s, length))
			return;
	}
	while ((p[0] & 4) && p[length - 1] != 0) {
		uint32_t size;

		if (!lk_walk_lengthen(s, length + 1))
			return;
		size = p[length] * 4u;
		if (size == 0) {
			lk_walk_last(s)->problem = LK_PROBLEM_LENGTH;
			return;
		}
		length += size;
		if (!lk_walk_lengthen(s, length))
			return;
	}
	if (p[1] == GTP_PDU)
		s->next = (uint8_t)lk_walk_version(s);
}

/* RFC 4380 5.1.1: authentication and origin may stand in front of IPv6. */
void
lk_walk_teredo(struct lk_walker *s)
{
	const uint8_t *p = s->frame + s->at;
	uint32_t length = 0;

	if (lk_walk_sees(s, 4) && lk_get16(p) == 1)
		length = 4u + p[2] + p[3] + 9;
	if (lk_walk_sees(s, length + 8) && lk_get16(p + length) == 0)
		length += 8;
	if (length == 0 || lk_walk_header(s, LK_LAYER_teredo, length) != NULL)
		s->next = lk_walk_version(s) == LK_LAYER_ipv6 ? LK_LAYER_ipv6 : LK_LAYER_data;
}

void
lk_walk_l2tp(struct lk_walker *s)
{
	const uint8_t *p = s->frame + s->at;
	uint32_t length = 6, offset_at;
	uint16_t flags;

	if (lk_walk_sees(s, 2) && (lk_get16(p) & 15) != 2) {
		s->next = LK_LAYER_data; /* version 3, whose cookies only the ends know */
		return;
	}
	if (lk_walk_header(s, LK_LAYER_l2tp, length) == NULL)
		return;
	flags = lk_get16(p);
	length += (flags & L2TP_LENGTH ? 2 : 0) + (flags & L2TP_SEQUENCE ? 4 : 0);
	offset_at = length;
	length += flags & L2TP_OFFSET ? 2 : 0;
	if (!lk_walk_lengthen(s, length))
		return;
	if ((flags & L2TP_OFFSET) && !lk_walk_lengthen(s, length + lk_get16(p + offset_at)))
		return;
	if ((flags & L2TP_LENGTH) && lk_get16(p + 2) < s->at - lk_walk_last(s)->offset) {
		lk_walk_last(s)->problem = LK_PROBLEM_LENGTH;
		return;
	}
	if (flags & L2TP_LENGTH)
		lk_walk_ends_at(s, (uint64_t)lk_walk_last(s)->offset + lk_get16(p + 2),
				LK_LAYER_trailer);
	if (!(flags & L2TP_CONTROL))
		s->next = LK_LAYER_ppp;
}

/* Directly over IP. What stands behind the session is told between its ends. */
void
lk_walk_l2tpv3(struct lk_walker *s)
{
	lk_walk_header(s, LK_LAYER_l2tpv3, 4);
}
