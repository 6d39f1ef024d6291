/* SPDX-License-Identifier: BSD-3-Clause */

/* The flows of a capture: one row for each direction of a conversation. */
#include <errno.h>
#include <stddef.h>

#include "api.h"
#include "column_values.h"

#define FLAG_FIN 0x01
#define FLAG_SYN 0x02
#define FLAG_RST 0x04

struct lk_flows {
	struct lk_intern keys;
	struct lk_flow_row *rows;
	uint32_t room;
};

struct lk_flows *
lk_codec_flows_open(void)
{
	struct lk_flows *f = calloc(1, sizeof(*f));

	if (f != NULL)
		f->keys.stride = sizeof(struct lk_flow_key);
	return f;
}

void
lk_codec_flows_close(struct lk_flows *f)
{
	if (f == NULL)
		return;
	lk_intern_free(&f->keys);
	free(f->rows);
	free(f);
}

/* The key of a frame; 0 where it carries no IP. */
static int
key_of(const struct lk_look *look, const struct lk_packet_parts *p, struct lk_flow_key *key)
{
	uint64_t value;
	const uint8_t *h;
	int is_v4;

	if (p->ip == NULL || p->protocol < 0)
		return 0;
	is_v4 = p->ip->kind == LK_LAYER_ip;
	*key = (struct lk_flow_key){
		.version = is_v4 ? 4 : 6,
		.protocol = (uint8_t)p->protocol,
		.tunnel = look->parts->depth != 0 ? look->parts->tunnel_kind : 0,
	};
	h = look->frame + p->ip->offset; /* whose protocol is known, so its header is there */
	memcpy(key->source, h + (is_v4 ? 12 : 8), is_v4 ? 4 : 16);
	memcpy(key->destination, h + (is_v4 ? 16 : 24), is_v4 ? 4 : 16);
	if (lk_column_number(look, p, LK_COL_vni, &value)) {
		key->vni = (uint32_t)value;
		key->has_vni = 1;
	}
	if (lk_column_number(look, p, LK_COL_vlan, &value)) {
		key->vlan = (uint16_t)value;
		key->has_vlan = 1;
	}
	if (lk_column_number(look, p, LK_COL_src_port, &value)) {
		key->source_port = (uint16_t)value;
		key->has_ports = 1;
		lk_column_number(look, p, LK_COL_dst_port, &value);
		key->destination_port = (uint16_t)value;
	}
	return 1;
}

static void
keep_hole(struct lk_flow_row *row, uint32_t from, uint32_t to)
{
	if (from == to || row->hole_count == LK_FLOW_HOLES) /* without room it stays missing */
		return;
	row->holes_from[row->hole_count] = from;
	row->holes_to[row->hole_count++] = to;
}

static void
open_hole(struct lk_flow_row *row, uint32_t from, uint32_t to)
{
	row->gaps++;
	row->missing += to - from;
	if (row->hole_count == LK_FLOW_HOLES) { /* the oldest is given up: it stays missing */
		memmove(row->holes_from, row->holes_from + 1, (LK_FLOW_HOLES - 1) * 4);
		memmove(row->holes_to, row->holes_to + 1, (LK_FLOW_HOLES - 1) * 4);
		row->hole_count--;
	}
	keep_hole(row, from, to);
}

/* Bytes that were missing and came now; of a hole both ends may be left. */
static uint32_t
fill_holes(struct lk_flow_row *row, uint32_t from, uint32_t to)
{
	uint32_t begins[LK_FLOW_HOLES], ends[LK_FLOW_HOLES];
	uint32_t filled = 0, count = row->hole_count;

	memcpy(begins, row->holes_from, sizeof(begins));
	memcpy(ends, row->holes_to, sizeof(ends));
	row->hole_count = 0;
	for (uint32_t i = 0; i < count; i++) {
		uint32_t first = (int32_t)(from - begins[i]) > 0 ? from : begins[i];
		uint32_t last = (int32_t)(to - ends[i]) < 0 ? to : ends[i];

		if ((int32_t)(last - first) <= 0) {
			keep_hole(row, begins[i], ends[i]);
			continue;
		}
		filled += last - first;
		keep_hole(row, begins[i], first);
		keep_hole(row, last, ends[i]);
	}
	row->missing -= filled;
	return filled;
}

/* What a segment's sequence numbers tell, seen from where it was captured (RFC 9293 3.4). */
static void
take_segment(struct lk_flow_row *row, uint32_t sequence, uint16_t flags, uint32_t payload)
{
	uint32_t length = payload + ((flags & FLAG_SYN) != 0) + ((flags & FLAG_FIN) != 0);
	uint32_t end = sequence + length;
	int32_t ahead;

	row->has_tcp = 1;
	row->flags |= flags;
	if (flags & FLAG_RST)
		return;
	if (!row->has_sequence || (flags & FLAG_SYN && row->next != end)) {
		row->has_sequence = 1; /* a new connection of the same ports begins anew */
		row->next = end;
		row->hole_count = 0;
		return;
	}
	if (length == 0)
		return;
	ahead = (int32_t)(sequence - row->next);
	/* A keep-alive repeats the last byte, or none. */
	if (ahead == -1 && payload <= 1 && (flags & (FLAG_SYN | FLAG_FIN)) == 0)
		return;
	if (ahead > 0)
		open_hole(row, row->next, sequence);
	else if (ahead < 0 && fill_holes(row, sequence, end) != 0)
		row->out_of_order++;
	else if (ahead < 0)
		row->retransmissions++;
	if ((int32_t)(end - row->next) > 0)
		row->next = end;
}

static void
take(struct lk_flow_row *row, const struct lk_look *look, const struct lk_packet_parts *p)
{
	uint64_t sequence, payload = 0;
	int64_t now = look->record->time_ns;

	if (row->frames++ == 0)
		row->first_frame = look->number;
	row->bytes += look->record->length;
	if (lk_column_number(look, p, LK_COL_payload_length, &payload))
		row->payload += payload;
	if (look->record->has_time && !row->has_time) {
		row->has_time = 1;
		row->first_ns = row->last_ns = now;
	} else if (look->record->has_time) {
		int64_t pause = (int64_t)((uint64_t)now - (uint64_t)row->last_ns);

		if (pause > row->longest_pause_ns)
			row->longest_pause_ns = pause;
		row->first_ns = now < row->first_ns ? now : row->first_ns;
		row->last_ns = now > row->last_ns ? now : row->last_ns;
	}
	if (lk_column_number(look, p, LK_COL_tcp_seq, &sequence))
		take_segment(row, (uint32_t)sequence,
			     (uint16_t)lk_column_code(look, p, LK_COL_tcp_flags),
			     (uint32_t)payload);
}

static struct lk_flow_row *
row_of(struct lk_flows *f, const struct lk_flow_key *key)
{
	int32_t number = lk_intern(&f->keys, (const uint8_t *)key, sizeof(*key));

	if (number < 0)
		return NULL;
	if ((uint32_t)number >= f->room) {
		uint32_t room = f->room == 0 ? 1024 : 2 * f->room;
		struct lk_flow_row *rows = realloc(f->rows, room * sizeof(*rows));

		if (rows == NULL)
			return NULL;
		memset(rows + f->room, 0, (room - f->room) * sizeof(*rows));
		f->rows = rows;
		f->room = room;
	}
	f->rows[number].key = *key;
	return &f->rows[number];
}

int64_t
lk_codec_flows(struct lk_flows *f, uint64_t filter, const uint8_t *program, const uint8_t *buffer,
	       const struct lk_captured *records, uint64_t count, uint64_t first)
{
	struct lk_walk walk;
	struct lk_parts parts;
	struct lk_look look = {.walk = &walk, .parts = &parts};
	struct lk_flow_key key;
	int64_t taken = 0;

	for (uint64_t i = 0; i < count; i++) {
		const struct lk_packet_parts *p;
		struct lk_flow_row *row;

		look.record = &records[i];
		look.frame = buffer + records[i].offset;
		look.number = first + i;
		if (!lk_is_taken(filter, program, &look))
			continue;
		lk_walk_frame(look.frame, records[i].kept, records[i].length, records[i].link_type,
			      records[i].fcs, 0, &walk);
		lk_parts_of(look.frame, &walk, &parts);
		p = parts.depth != 0 && parts.inner.ip != NULL ? &parts.inner : &parts.outer;
		if (!key_of(&look, p, &key))
			continue;
		row = row_of(f, &key);
		if (row == NULL)
			return -ENOMEM;
		take(row, &look, p);
		taken++;
	}
	return taken;
}

/* All of them, in the order of their first frames. */
const struct lk_flow_row *
lk_codec_flows_rows(struct lk_flows *f, uint32_t *count)
{
	for (uint32_t i = 0; i < f->keys.count; i++) {
		struct lk_flow_key key = f->rows[i].key;

		memcpy(key.source, f->rows[i].key.destination, 16);
		memcpy(key.destination, f->rows[i].key.source, 16);
		key.source_port = f->rows[i].key.destination_port;
		key.destination_port = f->rows[i].key.source_port;
		f->rows[i].reverse = lk_intern_find(&f->keys, (const uint8_t *)&key, sizeof(key));
	}
	*count = f->keys.count;
	return f->rows;
}
