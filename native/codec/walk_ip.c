/* SPDX-License-Identifier: BSD-3-Clause */

/* IP with its options and extension headers, which may change what the pseudo-header is made of. */
#include <stddef.h>

#include "tunnel.h"
#include "walk.h"

#define OPTION_LOOSE_ROUTE  131
#define OPTION_STRICT_ROUTE 137
#define OPTION_JUMBO	    0xc2
#define OPTION_HOME	    0xc9
#define MOST_PAYLOAD	    65535u
#define AH_LENGTH	    12u

#define PROTO_IGMP     2
#define PROTO_ESP      50
#define PROTO_AH       51
#define PROTO_MOBILITY 135
#define PROTO_UDPLITE  136
#define PROTO_MPLS     137
#define PROTO_L2TP     115
#define PROTO_HIP      139
#define PROTO_SHIM6    140
#define PROTO_ETHERNET 143

/* What a protocol number announces (IANA's protocol-numbers). */
enum lk_layer_kind
lk_walk_protocol(uint8_t protocol)
{
	static const uint8_t kinds[256] = {
		[LK_PROTO_ICMP] = LK_LAYER_icmp,
		[PROTO_IGMP] = LK_LAYER_igmp,
		[LK_PROTO_IPV4] = LK_LAYER_ip,
		[LK_PROTO_TCP] = LK_LAYER_tcp,
		[LK_PROTO_UDP] = LK_LAYER_udp,
		[LK_PROTO_IPV6] = LK_LAYER_ipv6,
		[LK_PROTO_GRE] = LK_LAYER_gre,
		[PROTO_ESP] = LK_LAYER_esp,
		[PROTO_AH] = LK_LAYER_ah,
		[LK_PROTO_ICMPV6] = LK_LAYER_icmpv6,
		[LK_PROTO_ETHERIP] = LK_LAYER_etherip,
		[PROTO_L2TP] = LK_LAYER_l2tpv3,
		[LK_PROTO_SCTP] = LK_LAYER_sctp,
		[PROTO_UDPLITE] = LK_LAYER_udplite,
		[PROTO_MPLS] = LK_LAYER_mpls,
		[PROTO_ETHERNET] = LK_LAYER_eth, /* RFC 8986 4.9 */
	};

	return (enum lk_layer_kind)kinds[protocol];
}

static void
goes_on(struct lk_walker *s, uint8_t protocol)
{
	s->protocol = protocol;
	s->next = (uint8_t)lk_walk_protocol(protocol);
}

/* A packet inside of another one begins anew. */
static void
begin(struct lk_walker *s, uint8_t version)
{
	s->is_open |= s->is_fragment | s->is_partial | s->is_quoted;
	s->ip_version = version;
	s->ip_at = lk_walk_last(s)->offset;
	s->is_fragment = s->is_partial = s->is_underway = 0;
}

static int
has_version(struct lk_walker *s, uint8_t version)
{
	if (!lk_walk_sees(s, 1) || s->frame[s->at] >> 4 == version)
		return 1;
	lk_walk_stops(s, LK_PROBLEM_VERSION);
	return 0;
}

/* RFC 791 3.1: while there are hops left, the last one is the destination. */
static void
follow_route(struct lk_walker *s, const uint8_t *ip, uint32_t header)
{
	uint32_t at = LK_IPV4_LENGTH;

	while (at + 1 < header && ip[at] != 0) {
		uint32_t size = ip[at] == 1 ? 1 : ip[at + 1];

		if (size == 0 || size > header - at)
			return;
		if ((ip[at] == OPTION_LOOSE_ROUTE || ip[at] == OPTION_STRICT_ROUTE) && size >= 7 &&
		    ip[at + 2] <= size)
			s->destination_sum = lk_sum(ip + at + size - 4, 4, 0);
		at += size;
	}
}

void
lk_walk_ip(struct lk_walker *s)
{
	uint32_t header, total, fragment;
	const uint8_t *p;

	if (!has_version(s, 4))
		return;
	p = lk_walk_header(s, LK_LAYER_ip, LK_IPV4_LENGTH);
	if (p == NULL)
		return;
	header = (p[0] & 15u) * 4;
	if (header < LK_IPV4_LENGTH) {
		lk_walk_last(s)->problem = LK_PROBLEM_LENGTH;
		return;
	}
	if (header > LK_IPV4_LENGTH && !lk_walk_lengthen(s, header))
		return;
	begin(s, 4);
	total = lk_get16(p + 2);
	if (total != 0 && total < header) {
		lk_walk_last(s)->problem = LK_PROBLEM_LENGTH;
		return;
	}
	if (total != 0) /* else it is as long as the frame: its NIC cuts it into segments */
		lk_walk_ends_at(s, (uint64_t)s->ip_at + total, LK_LAYER_trailer);
	s->minimum = 0;
	s->source_sum = lk_sum(p + 12, 4, 0);
	s->destination_sum = lk_sum(p + 16, 4, 0);
	lk_walk_judge(s, 10, s->at, 0);
	if (header > LK_IPV4_LENGTH)
		follow_route(s, p, header);
	fragment = lk_get16(p + 6) & 0x3fff;
	s->is_fragment = fragment != 0;
	s->protocol = p[9];
	if ((fragment & 0x1fff) == 0)
		goes_on(s, p[9]);
}

static void
extension(struct lk_walker *s, uint8_t protocol)
{
	switch (protocol) {
	case LK_PROTO_HOP_BY_HOP:
		s->next = LK_LAYER_hop_by_hop;
		break;
	case LK_PROTO_ROUTING:
		s->next = LK_LAYER_routing;
		break;
	case LK_PROTO_FRAGMENT:
		s->next = LK_LAYER_fragment;
		break;
	case LK_PROTO_DESTINATION:
		s->next = LK_LAYER_destination;
		break;
	case PROTO_MOBILITY:
		s->next = LK_LAYER_mobility;
		break;
	case PROTO_HIP:
		s->next = LK_LAYER_hip;
		break;
	case PROTO_SHIM6:
		s->next = LK_LAYER_shim6;
		break;
	default:
		goes_on(s, protocol);
		return;
	}
	s->protocol = protocol;
}

/* An IPv6 packet's payload of 0 bytes: of a jumbogram the length stands behind; what cannot be as
 * short, or is longer than the field could tell, is the NIC's to cut into segments. */
static int
has_other_length(const struct lk_walker *s, uint8_t protocol)
{
	uint32_t room = s->end - s->at;

	if (protocol == LK_PROTO_TCP || protocol == LK_PROTO_UDP)
		return room >= LK_UDP_LENGTH;
	return protocol == LK_PROTO_HOP_BY_HOP || room > MOST_PAYLOAD;
}

void
lk_walk_ipv6(struct lk_walker *s)
{
	const uint8_t *p;
	uint32_t payload;

	if (!has_version(s, 6))
		return;
	p = lk_walk_header(s, LK_LAYER_ipv6, LK_IPV6_LENGTH);
	if (p == NULL)
		return;
	begin(s, 6);
	payload = lk_get16(p + 4);
	if (payload != 0 || !has_other_length(s, p[6]))
		lk_walk_ends_at(s, (uint64_t)s->at + payload, LK_LAYER_trailer);
	s->minimum = 0;
	s->source_sum = lk_sum(p + 8, 16, 0);
	s->destination_sum = lk_sum(p + 24, 16, 0);
	extension(s, p[6]);
}

/* An extension header of 8 bytes and its length field's units of 8. */
static const uint8_t *
extension_header(struct lk_walker *s, enum lk_layer_kind kind)
{
	const uint8_t *p = lk_walk_header(s, kind, 8);

	if (p == NULL || (p[1] != 0 && !lk_walk_lengthen(s, (p[1] + 1u) * 8)))
		return NULL;
	return p;
}

/* RFC 2675 2, RFC 6275 6.3 and 11.3.1 */
static void
options(struct lk_walker *s, const uint8_t *p, uint32_t length)
{
	uint32_t at = 2;

	while (at + 1 < length) {
		uint32_t size = p[at] == 0 ? 1 : p[at + 1] + 2u;

		if (size > length - at)
			return;
		if (p[at] == OPTION_HOME && size == 18)
			s->source_sum = lk_sum(p + at + 2, 16, 0);
		else if (p[at] == OPTION_HOME)
			s->is_underway = 1;
		if (p[at] == OPTION_JUMBO && size == 6 && lk_get16(s->frame + s->ip_at + 4) == 0)
			lk_walk_ends_at(s,
					(uint64_t)s->ip_at + LK_IPV6_LENGTH + lk_get32(p + at + 2),
					LK_LAYER_trailer);
		at += size;
	}
}

static void
with_options(struct lk_walker *s, enum lk_layer_kind kind)
{
	const uint8_t *p = extension_header(s, kind);

	if (p == NULL)
		return;
	options(s, p, lk_walk_last(s)->length);
	extension(s, p[0]);
}

void
lk_walk_hop_by_hop(struct lk_walker *s)
{
	with_options(s, LK_LAYER_hop_by_hop);
}

void
lk_walk_destination(struct lk_walker *s)
{
	with_options(s, LK_LAYER_destination);
}

/* RFC 6554 3: of the last address only the bytes are told in which it differs. */
static int
compressed_route(struct lk_walker *s, const uint8_t *p, uint32_t length)
{
	uint32_t same = p[4] & 15u, padding = p[5] >> 4;
	uint8_t address[16];

	if (length < 8 + padding + 16 - same)
		return 0;
	memcpy(address, s->frame + s->ip_at + 24, 16);
	memcpy(address + same, p + length - padding - (16 - same), 16 - same);
	s->destination_sum = lk_sum(address, 16, 0);
	return 1;
}

/* While there are segments left, the last one is the destination (RFC 8200 8.1). 0 where it is not
 * told. */
static int
go_to_last_segment(struct lk_walker *s, const uint8_t *p, uint32_t length)
{
	if (p[2] == 3)
		return compressed_route(s, p, length);
	if (length < 24)
		return 0;
	switch (p[2]) {
	case 0: /* RFC 5095 */
		s->destination_sum = lk_sum(p + 8 + (length - 24) / 16 * 16, 16, 0);
		return 1;
	case 2: /* RFC 6275 6.4 */
	case 4: /* RFC 8754 2: the last one comes first */
		s->destination_sum = lk_sum(p + 8, 16, 0);
		return 1;
	default:
		return 0;
	}
}

void
lk_walk_routing(struct lk_walker *s)
{
	const uint8_t *p = extension_header(s, LK_LAYER_routing);

	if (p == NULL)
		return;
	if (p[3] != 0 && !go_to_last_segment(s, p, lk_walk_last(s)->length))
		s->is_underway = 1;
	extension(s, p[0]);
}

void
lk_walk_fragment(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_fragment, 8);
	uint32_t fragment;

	if (p == NULL)
		return;
	fragment = lk_get16(p + 2) & 0xfff9;
	s->is_fragment |= fragment != 0; /* else an atomic one (RFC 6946), a whole packet */
	s->protocol = p[0];
	if ((fragment & 0xfff8) == 0)
		extension(s, p[0]);
}

void
lk_walk_ah(struct lk_walker *s)
{
	const uint8_t *p = lk_walk_header(s, LK_LAYER_ah, AH_LENGTH);

	if (p == NULL || !lk_walk_lengthen(s, (p[1] + 2u) * 4))
		return;
	if (lk_walk_last(s)->length < AH_LENGTH)
		lk_walk_last(s)->problem = LK_PROBLEM_LENGTH;
	if (s->ip_version == 6)
		extension(s, p[0]);
	else
		goes_on(s, p[0]);
}

void
lk_walk_mobility(struct lk_walker *s)
{
	const uint8_t *p = extension_header(s, LK_LAYER_mobility);

	if (p == NULL)
		return;
	if (lk_walk_is_whole(s))
		lk_walk_judge_transport(s, 4, s->at, lk_walk_last(s)->length);
	else
		lk_walk_cannot_tell(s, 4);
	extension(s, p[0]);
}

static void
unlooked(struct lk_walker *s, enum lk_layer_kind kind)
{
	const uint8_t *p = extension_header(s, kind);

	if (p != NULL)
		extension(s, p[0]);
}

void
lk_walk_hip(struct lk_walker *s)
{
	unlooked(s, LK_LAYER_hip);
}

void
lk_walk_shim6(struct lk_walker *s)
{
	unlooked(s, LK_LAYER_shim6);
}

/* What is behind is encrypted. */
void
lk_walk_esp(struct lk_walker *s)
{
	lk_walk_header(s, LK_LAYER_esp, 8);
}
