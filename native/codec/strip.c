/* SPDX-License-Identifier: BSD-3-Clause */

/* Takes the tunnels off the frames of a capture, in place: what is inside is never longer. */
#include <errno.h>
#include <stddef.h>

#include "api.h"
#include "capture_walker.h"
#include "column_values.h"
#include "decap.h"
#include "link_type.h"

#define HEADROOM 64u
#define DEEPEST	 16

struct scratch {
	struct lk_walk walk;
	struct lk_parts parts;
	uint8_t bytes[HEADROOM + LK_CAPTURE_MOST_KEPT];
};

static void
keep(struct lk_captured *record, uint8_t *to, const uint8_t *bytes, uint32_t kept, uint32_t length)
{
	memmove(to, bytes, kept);
	record->kept = kept;
	record->length = length;
	record->link_type = LK_LINK_ETHERNET;
	record->fcs = 0;
}

/* The innermost packet that the walk finds. One without Ethernet gets the outer addresses, or those
 * that are made up where there are none. */
static void
by_walk(struct scratch *s, uint8_t *frame, struct lk_captured *record, struct lk_stripped *out)
{
	const struct lk_layer *inner, *eth;
	struct lk_look look = {frame, record, &s->walk, &s->parts, 0};
	uint8_t *to = s->bytes + HEADROOM;
	uint32_t kept, length;
	uint64_t vni = 0;

	lk_walk_frame(frame, record->kept, record->length, record->link_type, record->fcs, 0,
		      &s->walk);
	lk_parts_of(frame, &s->walk, &s->parts);
	inner = s->parts.innermost;
	out->depth = s->parts.depth;
	out->has_vni = (uint8_t)lk_column_number(&look, &s->parts.outer, LK_COL_vni, &vni);
	out->vni = (uint32_t)vni;
	if (inner == NULL) {
		out->verdict = LK_other;
		return;
	}
	length = inner->end - inner->offset;
	kept = inner->offset >= record->kept	       ? 0
	       : record->kept - inner->offset < length ? record->kept - inner->offset
						       : length;
	if (inner->kind == LK_LAYER_eth || inner->kind == LK_LAYER_dot3) {
		keep(record, frame, frame + inner->offset, kept, length);
		return;
	}
	eth = s->parts.outer.eth;
	if (kept == 0 ||
	    lk_to_ethernet(inner->kind == LK_LAYER_ip ? LK_LINK_IPV4 : LK_LINK_IPV6,
			   frame + inner->offset, &kept, &length, to) != LK_ETHERNET_MADE) {
		out->is_cut = 1;
		out->depth = 0;
		return;
	}
	if (lk_layer_has(&s->walk, eth, LK_ETHER_LENGTH))
		memcpy(to, frame + eth->offset, 12);
	keep(record, frame, to, kept, length);
}

/* To each end, until one takes it; else what the first one says that does not take it for others'.
 */
static enum lk_verdict
offer(struct lk_frame *frame, const struct lk_tunnel *const *tunnels, uint32_t count,
      const struct lk_tunnel **taker, struct lk_decapsulated *found)
{
	enum lk_verdict first = LK_other;

	for (uint32_t i = 0; i < count; i++) {
		enum lk_verdict verdict = lk_decap(frame, tunnels[i], found);

		if (verdict == LK_next) {
			*taker = tunnels[i];
			return LK_next;
		}
		if (first == LK_other)
			first = verdict;
	}
	return first;
}

/* As the ends of these tunnels take it, one tunnel after the other. */
static void
by_tunnels(struct scratch *s, const struct lk_tunnel *const *tunnels, uint32_t count, int is_nested,
	   uint8_t *bytes, struct lk_captured *record, struct lk_stripped *out)
{
	uint32_t kept = lk_without_fcs(record), length = kept;
	struct lk_frame frame = {.data = s->bytes + HEADROOM, .headroom = HEADROOM};
	struct lk_decapsulated found;
	enum lk_verdict verdict = LK_other;

	out->verdict = LK_other;
	if (record->kept < kept) {
		out->is_cut = 1;
		return;
	}
	if (record->link_type == LK_LINK_ETHERNET)
		memcpy(frame.data, bytes, kept);
	else if (lk_to_ethernet(record->link_type, bytes, &kept, &length, frame.data) !=
		 LK_ETHERNET_MADE)
		return;
	frame.length = kept;
	do {
		const struct lk_tunnel *taker = tunnels[0];

		verdict = offer(&frame, tunnels, count, &taker, &found);
		if (verdict == LK_next && out->depth++ == 0) {
			out->vni = found.vni;
			out->has_vni = taker->protocol != LK_GUE;
		}
	} while (verdict == LK_next && is_nested && out->depth < DEEPEST);
	if (verdict == LK_tunnel_unknown_vni && out->depth != 0)
		verdict = LK_other; /* what a tunnel carries may be for others */
	if (verdict != LK_next && verdict != LK_other) {
		out->verdict = (uint16_t)verdict;
	} else if (out->depth != 0) {
		out->verdict = LK_next;
		keep(record, bytes, frame.data, frame.length, frame.length);
	}
}

int
lk_codec_strip(const struct lk_tunnel *const *tunnels, uint32_t tunnel_count, int is_nested,
	       uint8_t *buffer, struct lk_captured *records, uint64_t count,
	       struct lk_stripped *out)
{
	struct scratch *s = malloc(sizeof(*s));

	if (s == NULL)
		return -ENOMEM;
	for (uint64_t i = 0; i < count; i++) {
		uint8_t *frame = buffer + records[i].offset;

		out[i] = (struct lk_stripped){.verdict = LK_next};
		if (tunnel_count == 0)
			by_walk(s, frame, &records[i], &out[i]);
		else
			by_tunnels(s, tunnels, tunnel_count, is_nested, frame, &records[i],
				   &out[i]);
	}
	free(s);
	return 0;
}

void
lk_codec_scatter(const uint8_t *from, const struct lk_captured *records, uint64_t count,
		 uint8_t *to, const uint64_t *offsets)
{
	for (uint64_t i = 0; i < count; i++)
		memcpy(to + offsets[i], from + records[i].offset, records[i].kept);
}
