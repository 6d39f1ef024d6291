/* SPDX-License-Identifier: BSD-3-Clause */

/* What each column tells of a frame. */
#include <stddef.h>

#include "column_values.h"

#define GRE_HAS_CHECKSUM 0xc000 /* or routing: four bytes more */
#define GRE_HAS_KEY	 0x2000
#define VNI_LENGTH	 8u

static int
has_ports(const struct lk_packet_parts *p)
{
	return p->l4 != NULL && (p->l4->kind == LK_LAYER_tcp || p->l4->kind == LK_LAYER_udp ||
				 p->l4->kind == LK_LAYER_udplite || p->l4->kind == LK_LAYER_sctp);
}

static int
offset(const struct lk_layer *layer, uint64_t *value)
{
	if (layer != NULL)
		*value = layer->offset;
	return layer != NULL;
}

/* Of the link below IP */
static int
link_number(const struct lk_look *look, const struct lk_packet_parts *p, enum lk_column column,
	    uint64_t *value)
{
	const struct lk_layer *l = column == LK_COL_mpls_label	  ? p->mpls
				   : column == LK_COL_vlan_second ? p->vlan_second
				   : column == LK_COL_eth_type	  ? p->eth
								  : p->vlan;

	if (!lk_layer_has(look->walk, l, 4))
		return 0;
	switch (column) {
	case LK_COL_vlan:
	case LK_COL_vlan_second:
		*value = lk_get16(look->frame + l->offset) & 0xfff;
		return 1;
	case LK_COL_vlan_priority:
		*value = look->frame[l->offset] >> 5;
		return 1;
	case LK_COL_mpls_label:
		*value = lk_get32(look->frame + l->offset) >> 12;
		return 1;
	default:
		break;
	}
	if (p->vlan_second != NULL || p->vlan != NULL) {
		l = p->vlan_second != NULL ? p->vlan_second : p->vlan;
		if (!lk_layer_has(look->walk, l, 4))
			return 0;
		*value = lk_get16(look->frame + l->offset + 2);
	} else {
		if (!lk_layer_has(look->walk, l, LK_ETHER_LENGTH))
			return 0;
		*value = lk_get16(look->frame + l->offset + 12);
	}
	return *value >= 1536; /* else it is a length */
}

static int
fragment_number(const struct lk_look *look, const struct lk_packet_parts *p, enum lk_column column,
		uint64_t *value)
{
	const uint8_t *h = look->frame + p->ip->offset;
	uint16_t bits;

	if (p->ip->kind == LK_LAYER_ip) {
		bits = lk_get16(h + 6) & 0x3fff;
		*value = column == LK_COL_ip_id ? lk_get16(h + 4) : (bits & 0x1fff) * 8u;
		return column == LK_COL_ip_id || bits != 0;
	}
	if (!lk_layer_has(look->walk, p->fragment, 8))
		return 0;
	h = look->frame + p->fragment->offset;
	bits = lk_get16(h + 2) & 0xfff9;
	*value = column == LK_COL_ip_id ? lk_get32(h + 4) : bits & 0xfff8;
	return column == LK_COL_ip_id || bits != 0;
}

static int
ip_number(const struct lk_look *look, const struct lk_packet_parts *p, enum lk_column column,
	  uint64_t *value)
{
	int is_v4 = p->ip != NULL && p->ip->kind == LK_LAYER_ip;
	const uint8_t *h;

	if (column == LK_COL_ip_offset)
		return offset(p->ip, value);
	if (p->ip == NULL)
		return 0;
	if (column == LK_COL_ip_version) {
		*value = is_v4 ? 4 : 6;
		return 1;
	}
	if (!lk_layer_has(look->walk, p->ip, is_v4 ? LK_IPV4_LENGTH : LK_IPV6_LENGTH))
		return 0;
	h = look->frame + p->ip->offset;
	switch (column) {
	case LK_COL_ip_proto:
		*value = (uint64_t)p->protocol;
		return p->protocol >= 0;
	case LK_COL_ttl:
		*value = h[is_v4 ? 8 : 7];
		return 1;
	case LK_COL_dscp:
		*value = (is_v4 ? h[1] : (uint8_t)(lk_get16(h) >> 4)) >> 2;
		return 1;
	case LK_COL_ecn:
		*value = (is_v4 ? h[1] : h[1] >> 4) & 3;
		return 1;
	case LK_COL_ip_length:
		*value = is_v4 ? lk_get16(h + 2) : LK_IPV6_LENGTH + lk_get16(h + 4);
		return 1;
	default:
		return fragment_number(look, p, column, value);
	}
}

static int
tcp_number(const struct lk_look *look, const struct lk_packet_parts *p, enum lk_column column,
	   uint64_t *value)
{
	const uint8_t *h;

	if (p->l4 == NULL || p->l4->kind != LK_LAYER_tcp || !lk_layer_has(look->walk, p->l4, 20))
		return 0;
	h = look->frame + p->l4->offset;
	switch (column) {
	case LK_COL_tcp_seq:
		*value = lk_get32(h + 4);
		return 1;
	case LK_COL_tcp_ack:
		*value = lk_get32(h + 8);
		return (h[13] & 0x10) != 0;
	default:
		*value = lk_get16(h + 14);
		return 1;
	}
}

static int
l4_number(const struct lk_look *look, const struct lk_packet_parts *p, enum lk_column column,
	  uint64_t *value)
{
	const struct lk_layer *l = p->l4;

	if (l == NULL)
		return 0;
	switch (column) {
	case LK_COL_src_port:
	case LK_COL_dst_port:
		if (!has_ports(p) || !lk_layer_has(look->walk, l, 4))
			return 0;
		*value = lk_get16(look->frame + l->offset + (column == LK_COL_dst_port ? 2 : 0));
		return 1;
	case LK_COL_icmp_type:
	case LK_COL_icmp_code:
		if ((l->kind != LK_LAYER_icmp && l->kind != LK_LAYER_icmpv6) ||
		    !lk_layer_has(look->walk, l, 2))
			return 0;
		*value = look->frame[l->offset + (column == LK_COL_icmp_code)];
		return 1;
	case LK_COL_payload_offset:
		*value = l->offset + l->length;
		return 1;
	case LK_COL_payload_length:
		*value = l->end - (l->offset + l->length);
		return 1;
	default:
		return offset(l, value);
	}
}

/* The number of the outermost tunnel, as its protocol has one. */
static int
tunnel_number(const struct lk_look *look, enum lk_column column, uint64_t *value)
{
	const struct lk_layer *l = look->parts->tunnel;
	const uint8_t *h;

	if (column == LK_COL_tunnel_offset)
		return offset(l, value);
	if (!lk_layer_has(look->walk, l, 4))
		return 0;
	h = look->frame + l->offset;
	switch (l->kind) {
	case LK_LAYER_vxlan:
	case LK_LAYER_vxlan_gpe:
	case LK_LAYER_geneve:
		if (column != LK_COL_vni || !lk_layer_has(look->walk, l, VNI_LENGTH))
			return 0;
		*value = lk_get32(h + 4) >> 8;
		return 1;
	case LK_LAYER_gre: {
		uint32_t at = lk_get16(h) & GRE_HAS_CHECKSUM && (h[1] & 7) == 0 ? 8 : 4;
		int is_virtual = lk_get16(h + 2) == LK_TYPE_TEB; /* NVGRE (RFC 7637 3.2) */

		if (!(lk_get16(h) & GRE_HAS_KEY) || !lk_layer_has(look->walk, l, at + 4) ||
		    (column == LK_COL_vni && !is_virtual))
			return 0;
		*value = column == LK_COL_vni ? lk_get32(h + at) >> 8 : lk_get32(h + at);
		return 1;
	}
	default:
		break;
	}
	if (column == LK_COL_vni)
		return 0;
	if (l->kind == LK_LAYER_gtp && lk_layer_has(look->walk, l, 8)) {
		*value = lk_get32(h + 4);
		return 1;
	}
	if (l->kind == LK_LAYER_erspan) {
		*value = lk_get16(h + 2) & 0x3ff;
		return 1;
	}
	if (l->kind == LK_LAYER_l2tpv3) {
		*value = lk_get32(h);
		return 1;
	}
	if (l->kind == LK_LAYER_l2tp && lk_layer_has(look->walk, l, 6)) {
		*value = lk_get16(h + (h[0] & 0x40 ? 6 : 4));
		return !(h[0] & 0x40) || lk_layer_has(look->walk, l, 8);
	}
	return 0;
}

/* Eight bytes at a time, with what is left at the end. */
static uint64_t
digested(uint64_t digest, const uint8_t *p, uint32_t length)
{
	uint64_t word = 0;

	for (; length >= 8; p += 8, length -= 8)
		digest = lk_mix(digest, lk_load64(p));
	memcpy(&word, p, length);
	return lk_mix(digest + length, word);
}

/* What hops leave as it is, of the innermost packet; a frame without IP as a whole. */
static uint64_t
digest(const struct lk_look *look)
{
	const struct lk_packet_parts *p =
		look->parts->inner.ip != NULL ? &look->parts->inner : &look->parts->outer;
	const uint8_t *h = look->frame;
	uint32_t end =
		look->walk->length < look->walk->kept ? look->walk->length : look->walk->kept;
	uint8_t header[LK_IPV6_LENGTH];
	uint32_t length;

	if (p->ip == NULL)
		return digested(0, h, end);
	length = p->ip->kind == LK_LAYER_ip ? LK_IPV4_LENGTH : LK_IPV6_LENGTH;
	if (!lk_layer_has(look->walk, p->ip, length))
		return digested(0, h, end);
	memcpy(header, h + p->ip->offset, length);
	if (p->ip->kind == LK_LAYER_ip) {
		header[1] = header[8] = header[10] = header[11] = 0;
	} else {
		memset(header, 0, 4);
		header[7] = 0;
	}
	if (p->ip->end < end)
		end = p->ip->end;
	return digested(digested(length, header, length), h + p->ip->offset + length,
			end - p->ip->offset - length);
}

int
lk_column_number(const struct lk_look *look, const struct lk_packet_parts *p, enum lk_column column,
		 uint64_t *value)
{
	switch (column) {
	case LK_COL_frame:
		*value = look->number;
		return 1;
	case LK_COL_time_ns:
		*value = (uint64_t)look->record->time_ns;
		return look->record->has_time;
	case LK_COL_length:
		*value = look->record->length;
		return 1;
	case LK_COL_captured:
		*value = look->record->kept;
		return 1;
	case LK_COL_interface:
		*value = look->record->interface;
		return 1;
	case LK_COL_digest:
		*value = digest(look);
		return 1;
	case LK_COL_tunnel_depth:
		*value = look->parts->depth;
		return 1;
	case LK_COL_tunnel_offset:
	case LK_COL_vni:
	case LK_COL_tunnel_id:
		return tunnel_number(look, column, value);
	case LK_COL_eth_type:
	case LK_COL_vlan:
	case LK_COL_vlan_priority:
	case LK_COL_vlan_second:
	case LK_COL_mpls_label:
		return link_number(look, p, column, value);
	case LK_COL_tcp_seq:
	case LK_COL_tcp_ack:
	case LK_COL_tcp_window:
		return tcp_number(look, p, column, value);
	case LK_COL_src_port:
	case LK_COL_dst_port:
	case LK_COL_l4_offset:
	case LK_COL_icmp_type:
	case LK_COL_icmp_code:
	case LK_COL_payload_offset:
	case LK_COL_payload_length:
		return l4_number(look, p, column, value);
	default:
		return ip_number(look, p, column, value);
	}
}

/* The name of what IP carries, also where it stands in another fragment. */
static int32_t
protocol(const struct lk_packet_parts *p)
{
	enum lk_layer_kind kind;

	if (p->l4 != NULL)
		return p->l4->kind;
	if (p->ip == NULL)
		return p->last == NULL ? -1 : p->last->kind;
	if (p->protocol < 0)
		return -1;
	kind = lk_walk_protocol((uint8_t)p->protocol);
	return kind != LK_LAYER_data ? (int32_t)kind : LK_LAYER_COUNT + p->protocol;
}

int32_t
lk_column_code(const struct lk_look *look, const struct lk_packet_parts *p, enum lk_column column)
{
	switch (column) {
	case LK_COL_problem:
		return look->parts->problem == LK_PROBLEM_NONE ? -1 : look->parts->problem;
	case LK_COL_tunnel:
		return look->parts->depth == 0 ? -1 : look->parts->tunnel_kind;
	case LK_COL_proto:
		return protocol(p);
	case LK_COL_ip_checksum:
		return p->ip == NULL || p->ip->sum == LK_SUM_NO_FIELD ? -1 : p->ip->sum;
	case LK_COL_l4_checksum:
		return p->l4 == NULL || p->l4->sum == LK_SUM_NO_FIELD ? -1 : p->l4->sum;
	case LK_COL_tcp_flags:
		if (p->l4 == NULL || p->l4->kind != LK_LAYER_tcp ||
		    !lk_layer_has(look->walk, p->l4, 14))
			return -1;
		return lk_get16(look->frame + p->l4->offset + 12) & 0x1ff;
	default:
		return -1;
	}
}
