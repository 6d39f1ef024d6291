/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames into columns: each frame is walked once, for all columns that are wanted. */
#include <errno.h>
#include <stddef.h>

#include "api.h"
#include "capture_walker.h"
#include "column_values.h"
#include "decap.h"
#include "link_type.h"

static const struct {
	const char *name, *text;
	uint8_t type;
} columns[LK_COL_COUNT] = {
#define LK_COLUMN_TEXT(name, type, text) {#name, text, LK_COLUMN_##type},
	LK_FRAME_COLUMNS(LK_COLUMN_TEXT) LK_PACKET_COLUMNS(LK_COLUMN_TEXT)
#undef LK_COLUMN_TEXT
};

const char *
lk_column_name(unsigned int column)
{
	return column < LK_COL_COUNT ? columns[column].name : NULL;
}

const char *
lk_column_text(unsigned int column)
{
	return column < LK_COL_COUNT ? columns[column].text : NULL;
}

int
lk_column_type(unsigned int column)
{
	return column < LK_COL_COUNT ? columns[column].type : -1;
}

int
lk_column_is_packets(unsigned int column)
{
	return column >= LK_FIRST_PACKET_COLUMN && column < LK_COL_COUNT;
}

#define HEADROOM 64u

struct lk_columns {
	struct lk_intern macs, ips, kinds;
	int is_out_of_memory;
	uint8_t scratch[HEADROOM + LK_CAPTURE_MOST_KEPT]; /* for tunnels, which work in place */
};

struct lk_columns *
lk_codec_columns_open(void)
{
	struct lk_columns *c = calloc(1, sizeof(*c));

	if (c != NULL) {
		c->macs.stride = 8;
		c->ips.stride = 16;
		c->kinds.stride = LK_LONGEST_KEY;
	}
	return c;
}

void
lk_codec_columns_close(struct lk_columns *c)
{
	if (c == NULL)
		return;
	lk_intern_free(&c->macs);
	lk_intern_free(&c->ips);
	lk_intern_free(&c->kinds);
	free(c);
}

uint32_t
lk_codec_columns_keys(const struct lk_columns *c, int type, const uint8_t **keys,
		      const uint8_t **lengths, uint32_t *stride)
{
	const struct lk_intern *t = type == LK_COLUMN_MAC  ? &c->macs
				    : type == LK_COLUMN_IP ? &c->ips
							   : &c->kinds;

	*keys = t->keys;
	*lengths = t->lengths;
	*stride = t->stride;
	return t->count;
}

static int32_t
numbered(struct lk_columns *c, struct lk_intern *t, const uint8_t *key, uint32_t length)
{
	int32_t number = lk_intern(t, key, length);

	if (number < 0)
		c->is_out_of_memory = 1;
	return number;
}

static int32_t
mac(struct lk_columns *c, const struct lk_look *look, const struct lk_packet_parts *p,
    enum lk_column column)
{
	if (!lk_layer_has(look->walk, p->eth, LK_ETHER_LENGTH))
		return -1;
	return numbered(c, &c->macs,
			look->frame + p->eth->offset + (column == LK_COL_eth_src ? 6 : 0), 6);
}

static int32_t
ip(struct lk_columns *c, const struct lk_look *look, const struct lk_packet_parts *p,
   enum lk_column column)
{
	int is_source = column == LK_COL_ip_src;

	if (p->ip == NULL)
		return -1;
	if (p->ip->kind == LK_LAYER_ip)
		return lk_layer_has(look->walk, p->ip, LK_IPV4_LENGTH)
			       ? numbered(c, &c->ips,
					  look->frame + p->ip->offset + (is_source ? 12 : 16), 4)
			       : -1;
	return lk_layer_has(look->walk, p->ip, LK_IPV6_LENGTH)
		       ? numbered(c, &c->ips, look->frame + p->ip->offset + (is_source ? 8 : 24),
				  16)
		       : -1;
}

static int32_t
kinds(struct lk_columns *c, const struct lk_walk *walk)
{
	uint8_t key[LK_LONGEST_KEY];
	uint32_t count = walk->count < LK_LONGEST_KEY ? walk->count : LK_LONGEST_KEY;

	for (uint32_t i = 0; i < count; i++)
		key[i] = walk->layers[i].kind;
	return numbered(c, &c->kinds, key, count);
}

/* What a receiver by the RFC says; of a frame that is not whole nobody can tell. */
static int32_t
verdict(struct lk_columns *c, const struct lk_columns_wanted *wanted, const struct lk_look *look)
{
	const struct lk_parts *parts = look->parts;
	struct lk_tunnel *tunnel = NULL;
	const struct lk_layer *udp = parts->outer.l4;
	struct lk_decapsulated found;
	struct lk_frame frame;

	if (parts->tunnel_kind == LK_LAYER_vxlan)
		tunnel = wanted->vxlan;
	else if (parts->tunnel_kind == LK_LAYER_geneve)
		tunnel = wanted->geneve;
	else if (parts->tunnel_kind == LK_LAYER_gue)
		tunnel = wanted->gue;
	if (tunnel == NULL || look->record->link_type != LK_LINK_ETHERNET ||
	    look->record->kept < lk_without_fcs(look->record) || udp == NULL ||
	    udp->kind != LK_LAYER_udp || !lk_layer_has(look->walk, udp, LK_UDP_LENGTH))
		return -1;
	tunnel->udp_port = lk_get16(look->frame + udp->offset + 2);
	frame = (struct lk_frame){
		.data = c->scratch + HEADROOM,
		.length = lk_without_fcs(look->record),
		.headroom = HEADROOM,
	};
	memcpy(frame.data, look->frame, frame.length);
	return (int32_t)lk_decap(&frame, tunnel, &found);
}

static int32_t
text(struct lk_columns *c, const struct lk_columns_wanted *wanted, const struct lk_column_out *out,
     const struct lk_look *look)
{
	const struct lk_packet_parts *p = out->is_inner ? &look->parts->inner : &look->parts->outer;
	enum lk_column column = (enum lk_column)out->column;

	switch (columns[column].type) {
	case LK_COLUMN_MAC:
		return mac(c, look, p, column);
	case LK_COLUMN_IP:
		return ip(c, look, p, column);
	case LK_COLUMN_KINDS:
		return kinds(c, look->walk);
	case LK_COLUMN_VERDICT:
		return verdict(c, wanted, look);
	default:
		return lk_column_code(look, p, column);
	}
}

static void
offsets(uint32_t *to, const struct lk_walk *walk)
{
	for (uint32_t i = 0; i < LK_MOST_OFFSETS; i++)
		to[i] = i < walk->count ? walk->layers[i].offset : UINT32_MAX;
}

static void
fill(struct lk_columns *c, const struct lk_columns_wanted *wanted, const struct lk_column_out *out,
     const struct lk_look *look, uint64_t row)
{
	uint64_t value = 0;
	uint8_t type = columns[out->column].type;
	int is_there;

	if (type == LK_COLUMN_OFFSETS) {
		offsets((uint32_t *)out->values + row * LK_MOST_OFFSETS, look->walk);
		return;
	}
	if (type > LK_COLUMN_I64) {
		((int32_t *)out->values)[row] = text(c, wanted, out, look);
		return;
	}
	is_there = lk_column_number(look, out->is_inner ? &look->parts->inner : &look->parts->outer,
				    (enum lk_column)out->column, &value);
	out->missing[row] = !is_there;
	switch (type) {
	case LK_COLUMN_U8:
		((uint8_t *)out->values)[row] = (uint8_t)value;
		break;
	case LK_COLUMN_U16:
		((uint16_t *)out->values)[row] = (uint16_t)value;
		break;
	case LK_COLUMN_U32:
		((uint32_t *)out->values)[row] = (uint32_t)value;
		break;
	default:
		((int64_t *)out->values)[row] = (int64_t)value;
	}
}

int64_t
lk_codec_columns(struct lk_columns *c, const struct lk_columns_wanted *wanted,
		 const uint8_t *buffer, const struct lk_captured *records, uint64_t count,
		 uint64_t first)
{
	struct lk_walk walk;
	struct lk_parts parts;
	struct lk_look look = {.walk = &walk, .parts = &parts};
	int has_sums = 0;
	uint64_t rows = 0;

	for (uint32_t i = 0; i < wanted->count; i++)
		has_sums |= columns[wanted->out[i].column].type == LK_COLUMN_SUM;
	for (uint64_t i = 0; i < count && !c->is_out_of_memory; i++) {
		const struct lk_captured *record = &records[i];

		look.record = record;
		look.frame = buffer + record->offset;
		look.number = first + i;
		if (!lk_is_taken(wanted->filter, wanted->program, &look))
			continue;
		lk_walk_frame(look.frame, record->kept, record->length, record->link_type,
			      record->fcs, has_sums, &walk);
		lk_parts_of(look.frame, &walk, &parts);
		for (uint32_t j = 0; j < wanted->count; j++)
			fill(c, wanted, &wanted->out[j], &look, rows);
		rows++;
	}
	return c->is_out_of_memory ? -ENOMEM : (int64_t)rows;
}
