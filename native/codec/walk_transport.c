/* SPDX-License-Identifier: BSD-3-Clause */

/* Layers upon IP. */
#include <stddef.h>

#include "crc32c.h"
#include "tunnel.h"
#include "walk.h"

#define TCP_LENGTH  20u
#define SCTP_LENGTH 12u
#define ICMP_LENGTH 8u
#define VXLAN_OLD   8472 /* Linux' before it had a number */
#define VXLAN_GPE   4790
#define GTP_U	    2152
#define TEREDO	    3544
#define L2TP	    1701
#define MPLS_IN_UDP 6635
#define GRE_IN_UDP  4754

/* A checksum over a packet of which a part is elsewhere tells nothing. */
static int
is_whole(const struct lk_walker *s)
{
	return !s->is_fragment && !s->is_partial && !s->is_quoted;
}

static void
cannot_be_told(struct lk_walker *s, uint32_t field)
{
	struct lk_layer *layer = lk_walk_last(s);

	layer->sum = LK_SUM_UNKNOWN;
	if (field != 0)
		layer->checksum = lk_get16(s->frame + layer->offset + field);
}

void
lk_walk_tcp(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_tcp, TCP_LENGTH);
	uint32_t header, at;

	if (p == NULL) {
		cannot_be_told(s, 0);
		return;
	}
	header = (p[12] >> 4) * 4u;
	at = lk_walk_last(s)->offset;
	if (header < TCP_LENGTH)
		lk_walk_last(s)->problem = LK_PROBLEM_LENGTH;
	else if (header > TCP_LENGTH)
		lk_walk_lengthen(s, header);
	if (is_whole(s))
		lk_walk_judge_transport(s, 16, s->end, s->end - at);
	else
		cannot_be_told(s, 16);
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
	if (s->is_fragment || s->is_quoted || layer->problem != LK_PROBLEM_NONE) {
		cannot_be_told(s, 6);
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
		cannot_be_told(s, 0);
		return;
	}
	at = lk_walk_last(s)->offset;
	room = s->end - at;
	length = lk_get16(p + 4);
	if (length == 0 && room > 0xffff) /* a jumbogram's (RFC 2675 4) */
		length = room;
	if (length < LK_UDP_LENGTH) {
		lk_walk_last(s)->problem = LK_PROBLEM_LENGTH;
		cannot_be_told(s, 6);
		return;
	}
	s->is_open |= s->is_fragment | s->is_partial;
	lk_walk_ends_at(s, (uint64_t)at + length, LK_LAYER_trailer);
	if (length > room)
		cannot_be_told(s, 6);
	else
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
		cannot_be_told(s, 0);
		return;
	}
	length = s->end - lk_walk_last(s)->offset;
	covered = lk_get16(p + 4);
	if (covered == 0)
		covered = length;
	if (!is_whole(s)) {
		cannot_be_told(s, 6);
	} else if (covered < LK_UDP_LENGTH || covered > length) {
		lk_walk_last(s)->problem = LK_PROBLEM_LENGTH;
		cannot_be_told(s, 6);
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
	if (!is_whole(s) || s->end > s->kept || !s->has_sums)
		return;
	layer->right = lk_sctp_checksum(p, s->end - layer->offset);
	if (layer->checksum == layer->right)
		layer->sum = LK_SUM_GOOD;
	else
		layer->sum = layer->checksum == 0 ? LK_SUM_UNFINISHED : LK_SUM_WRONG;
}

/* Behind the header of an error stands the packet that it is about (RFC 4884 4: so many words of
 * it, and then extensions). */
static void
quote(struct lk_walker *s, enum lk_layer_kind kind, uint32_t length)
{
	if (length != 0 && length < s->end - s->at)
		lk_walk_ends_at(s, (uint64_t)s->at + length, LK_LAYER_data);
	s->is_quoted = 1;
	s->next = (uint8_t)kind;
}

/* Messages without a packet inside belong to their header as a whole, but for echoes. */
static const uint8_t *
message(struct lk_walker *s, enum lk_layer_kind kind, int has_payload)
{
	uint32_t room = s->end - s->at;
	uint32_t length = has_payload ? ICMP_LENGTH : room;

	return lk_walk_header(s, kind, length < 4 ? 4 : room < length && room >= 4 ? room : length);
}

void
lk_walk_icmp(struct lk_walker *s)
{
	uint8_t type = lk_walk_sees(s, 1) ? s->frame[s->at] : 0;
	int is_error = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	const uint8_t *p = message(s, LK_LAYER_icmp, is_error || type == 0 || type == 8);

	if (s->at - lk_walk_last(s)->offset < 4 || !is_whole(s))
		cannot_be_told(s, 0);
	else
		lk_walk_judge(s, 2, s->end, 0);
	if (p != NULL && is_error && !s->is_quoted)
		quote(s, LK_LAYER_ip, type == 5 || type == 4 ? 0 : p[5] * 4u);
}

void
lk_walk_icmpv6(struct lk_walker *s)
{
	uint8_t type = lk_walk_sees(s, 1) ? s->frame[s->at] : 0;
	int is_error = type >= 1 && type <= 4;
	const uint8_t *p = message(s, LK_LAYER_icmpv6, is_error || type == 128 || type == 129);
	uint32_t at = lk_walk_last(s)->offset;

	if (s->at - at < 4 || !is_whole(s))
		cannot_be_told(s, 0);
	else
		lk_walk_judge_transport(s, 2, s->end, s->end - at);
	if (p != NULL && is_error && !s->is_quoted)
		quote(s, LK_LAYER_ipv6, type == 1 || type == 3 ? p[4] * 8u : 0);
}

void
lk_walk_igmp(struct lk_walker *s)
{
	message(s, LK_LAYER_igmp, 0);
	if (s->at - lk_walk_last(s)->offset < 4 || !is_whole(s))
		cannot_be_told(s, 0);
	else
		lk_walk_judge(s, 2, s->end, 0);
}
