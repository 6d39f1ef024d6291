/* SPDX-License-Identifier: BSD-3-Clause */

/* Layers upon IP but for its messages (walk_icmp.c). */
#include <stddef.h>

#include "crc32c.h"
#include "tunnel.h"
#include "walk.h"

#define TCP_LENGTH  20u
#define SCTP_LENGTH 12u
#define VXLAN_OLD   8472 /* Linux' before it had a number */
#define VXLAN_GPE   4790
#define GTP_U	    2152
#define TEREDO	    3544
#define L2TP	    1701
#define MPLS_IN_UDP 6635
#define GRE_IN_UDP  4754

void
lk_walk_tcp(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_tcp, TCP_LENGTH);
	uint32_t header, at;

	if (p == NULL) {
		lk_walk_cannot_tell(s, 0);
		return;
	}
	header = (p[12] >> 4) * 4u;
	at = lk_walk_last(s)->offset;
	if (header < TCP_LENGTH)
		lk_walk_last(s)->problem = LK_PROBLEM_LENGTH;
	else if (header > TCP_LENGTH)
		lk_walk_lengthen(s, header);
	if (lk_walk_is_whole(s))
		lk_walk_judge_transport(s, 16, s->end, s->end - at);
	else
		lk_walk_cannot_tell(s, 16);
}

/* By the port that tells of it; a client's may be any. */
static enum lk_layer_kind
carried(uint16_t source, uint16_t destination)
{
	switch (destination) {
	case LK_VXLAN_PORT:
	case VXLAN_OLD:
		return LK_LAYER_vxlan;
	case VXLAN_GPE:
		return LK_LAYER_vxlan_gpe;
	case LK_GENEVE_PORT:
		return LK_LAYER_geneve;
	case LK_GUE_PORT:
		return LK_LAYER_gue;
	case MPLS_IN_UDP:
		return LK_LAYER_mpls;
	case GRE_IN_UDP:
		return LK_LAYER_gre;
	default:
		break;
	}
	if (destination == GTP_U || source == GTP_U)
		return LK_LAYER_gtp;
	if (destination == TEREDO || source == TEREDO)
		return LK_LAYER_teredo;
	return destination == L2TP || source == L2TP ? LK_LAYER_l2tp : LK_LAYER_data;
}

static void
judge_udp(struct lk_walker *s, const uint8_t *p, uint32_t length)
{
	struct lk_layer *layer = lk_walk_last(s);

	if (lk_get16(p + 6) == 0) {
		layer->sum = s->ip_version == 4 ? LK_SUM_NOT_THERE : LK_SUM_FORBIDDEN;
		return;
	}
	if (length > s->end - layer->offset || s->is_fragment || s->is_quoted || s->is_underway ||
	    layer->problem != LK_PROBLEM_NONE) {
		lk_walk_cannot_tell(s, 6);
		return;
	}
	lk_walk_judge_transport(s, 6, layer->offset + length, length);
	if (layer->sum != LK_SUM_GOOD && layer->right == 0) /* 0 says that there is none */
		layer->right = 0xffff;
}

void
lk_walk_udp(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_udp, LK_UDP_LENGTH);
	uint32_t length, at, room;

	if (p == NULL) {
		lk_walk_cannot_tell(s, 0);
		return;
	}
	at = lk_walk_last(s)->offset;
	room = s->end - at;
	length = lk_get16(p + 4);
	if (length == 0 && room > 0xffff) /* a jumbogram's (RFC 2675 4) */
		length = room;
	if (length < LK_UDP_LENGTH) {
		lk_walk_last(s)->problem = LK_PROBLEM_LENGTH;
		judge_udp(s, p, length);
		return;
	}
	s->is_open |= s->is_fragment | s->is_partial;
	lk_walk_ends_at(s, (uint64_t)at + length, LK_LAYER_trailer);
	judge_udp(s, p, length);
	s->next = (uint8_t)carried(lk_get16(p), lk_get16(p + 2));
}

/* RFC 3828 3.1: the length field tells how much the checksum covers. */
void
lk_walk_udplite(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_udplite, LK_UDP_LENGTH);
	uint32_t length, covered;

	if (p == NULL) {
		lk_walk_cannot_tell(s, 0);
		return;
	}
	length = s->end - lk_walk_last(s)->offset;
	covered = lk_get16(p + 4);
	if (covered == 0)
		covered = length;
	if (!lk_walk_is_whole(s)) {
		lk_walk_cannot_tell(s, 6);
	} else if (covered < LK_UDP_LENGTH || covered > length) {
		lk_walk_last(s)->problem = LK_PROBLEM_LENGTH;
		lk_walk_cannot_tell(s, 6);
	} else if (lk_get16(p + 6) == 0) {
		lk_walk_last(s)->sum = LK_SUM_FORBIDDEN;
	} else {
		lk_walk_judge_transport(s, 6, lk_walk_last(s)->offset + covered, length);
	}
}

/* RFC 9260 6.8; 0 is what a sender leaves to its NIC (or both ends do without, RFC 9653). */
void
lk_walk_sctp(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_sctp, SCTP_LENGTH);
	struct lk_layer *layer = lk_walk_last(s);

	layer->sum = LK_SUM_UNKNOWN;
	if (p == NULL)
		return;
	layer->checksum = lk_get32(p + LK_SCTP_CHECKSUM);
	if (!lk_walk_is_whole(s) || s->end > s->kept || !s->has_sums)
		return;
	layer->right = lk_sctp_checksum(p, s->end - layer->offset);
	if (layer->checksum == layer->right)
		layer->sum = LK_SUM_GOOD;
	else
		layer->sum = layer->checksum == 0 ? LK_SUM_UNFINISHED : LK_SUM_WRONG;
}
