/* SPDX-License-Identifier: BSD-3-Clause */

/* The layers of a frame, from the outside in: one walk for tables, explanations and traces. */
#include <stddef.h>

#include "api.h"
#include "walk.h"

static const struct {
	const char *name, *title, *reference;
} kinds[LK_LAYER_COUNT] = {
#define LK_LAYER_TEXT(name, title, reference) {#name, title, reference},
	LK_LAYERS(LK_LAYER_TEXT)
#undef LK_LAYER_TEXT
};

const char *
lk_layer_name(unsigned int kind)
{
	return kind < LK_LAYER_COUNT ? kinds[kind].name : NULL;
}

const char *
lk_layer_title(unsigned int kind)
{
	return kind < LK_LAYER_COUNT ? kinds[kind].title : NULL;
}

const char *
lk_layer_reference(unsigned int kind)
{
	return kind < LK_LAYER_COUNT ? kinds[kind].reference : NULL;
}

int
lk_layer_of_protocol(unsigned int protocol)
{
	return protocol < 256 ? (int)lk_walk_protocol((uint8_t)protocol) : LK_LAYER_data;
}

static void (*const steps[LK_LAYER_COUNT])(struct lk_walker *) = {
#define LK_WALK_STEP(name) [LK_LAYER_##name] = lk_walk_##name,
	LK_WALK_STEPS(LK_WALK_STEP)
#undef LK_WALK_STEP
};

/*
 * The packet of the last layer ends at `end`; behind it stands `tail`. One that would be longer
 * than what is around it is told so, where that is not as it should be, and so is one that would
 * end within its header.
 */
void
lk_walk_ends_at(struct lk_walker *s, uint64_t end, enum lk_layer_kind tail)
{
	struct lk_layer *layer = lk_walk_last(s);

	if (end < s->at) {
		layer->problem = LK_PROBLEM_LENGTH;
		return;
	}
	if (end > s->end) {
		s->is_partial = 1;
		if (!s->is_open && layer->problem == LK_PROBLEM_NONE)
			layer->problem = LK_PROBLEM_LONG;
	} else if (end < s->end && s->tail_count < LK_MOST_TAILS) {
		s->tails[s->tail_count++] = (struct lk_walk_tail){
			.from = (uint32_t)end,
			.minimum = s->minimum,
			.to = s->end,
			.kind = (uint8_t)tail,
		};
		s->end = (uint32_t)end;
	}
	layer->end = s->end;
}

/* RFC 768, RFC 8200 8.1; addresses are those of the last destination, and of home. */
uint64_t
lk_walk_pseudo(const struct lk_walker *s, uint64_t length)
{
	uint8_t tail[8] = {(uint8_t)(length >> 24),
			   (uint8_t)(length >> 16),
			   (uint8_t)(length >> 8),
			   (uint8_t)length,
			   0,
			   0,
			   0,
			   s->protocol};

	return s->source_sum + s->destination_sum + lk_sum(tail, sizeof(tail), 0);
}

/*
 * The checksum of the last layer, which stands `field` bytes behind its start and covers the bytes
 * from there to `to`, and a pseudo-header. What a sender leaves to its NIC is the sum of the
 * pseudo-header alone, whose length is 0 where the NIC cuts it into segments.
 */
void
lk_walk_judge(struct lk_walker *s, uint32_t field, uint32_t to, uint64_t pseudo)
{
	struct lk_layer *layer = lk_walk_last(s);
	const uint8_t *p = s->frame + layer->offset;
	uint8_t right[2];
	uint64_t sum;

	if (to < layer->offset + field + 2 || layer->offset + field + 2 > s->kept) {
		layer->sum = LK_SUM_UNKNOWN;
		return;
	}
	layer->checksum = lk_get16(p + field);
	if (to > s->kept) {
		layer->sum = LK_SUM_UNKNOWN;
		return;
	}
	if (!s->has_sums)
		return;
	sum = lk_sum_long(p, to - layer->offset, pseudo);
	if (lk_sum_is_good(sum)) {
		layer->sum = LK_SUM_GOOD;
		layer->right = layer->checksum;
		return;
	}
	sum = lk_sum(p, field, pseudo);
	lk_store_checksum(right, lk_sum(p + field + 2, to - layer->offset - field - 2, sum));
	layer->right = lk_get16(right);
	layer->sum = LK_SUM_WRONG;
}

/* The same with a pseudo-header of the packet's length. What a sender leaves to its NIC is the sum
 * of that alone, with length 0 where the NIC makes many segments of it. */
void
lk_walk_judge_transport(struct lk_walker *s, uint32_t field, uint32_t to, uint64_t length)
{
	struct lk_layer *layer = lk_walk_last(s);
	uint8_t whole[2], without[2];

	lk_walk_judge(s, field, to, lk_walk_pseudo(s, length));
	if (layer->sum != LK_SUM_WRONG)
		return;
	lk_store_checksum(whole, lk_walk_pseudo(s, length));
	lk_store_checksum(without, lk_walk_pseudo(s, 0));
	if (layer->checksum == (uint16_t)~lk_get16(whole) ||
	    layer->checksum == (uint16_t)~lk_get16(without))
		layer->sum = LK_SUM_UNFINISHED;
}

static void
add(struct lk_walk *walk, enum lk_layer_kind kind, uint32_t from, uint32_t to)
{
	if (from < to)
		walk->layers[walk->count++] = (struct lk_layer){
			.offset = from,
			.length = to - from,
			.end = to,
			.kind = (uint8_t)kind,
		};
}

/* Data that no layer claims, and what stands behind packets, from the inside out. */
static void
finish(struct lk_walker *s, uint32_t fcs)
{
	struct lk_walk *walk = s->walk;

	add(walk, LK_LAYER_data, s->at, s->end);
	if (s->at < s->end) {
		lk_walk_last(s)->problem = s->problem;
		lk_walk_last(s)->is_quoted = s->is_quoted;
	}
	while (s->tail_count-- != 0) {
		const struct lk_walk_tail *tail = &s->tails[s->tail_count];
		uint32_t padded = tail->minimum < tail->to ? tail->minimum : tail->to;

		if (tail->kind == LK_LAYER_trailer && tail->from < padded) {
			add(walk, LK_LAYER_padding, tail->from, padded);
			add(walk, LK_LAYER_trailer, padded, tail->to);
		} else {
			add(walk, (enum lk_layer_kind)tail->kind, tail->from, tail->to);
		}
	}
	add(walk, LK_LAYER_fcs, walk->length - fcs, walk->length);
}

void
lk_walk_frame(const uint8_t *frame, uint32_t kept, uint32_t length, uint32_t link_type,
	      uint32_t fcs, int has_sums, struct lk_walk *walk)
{
	struct lk_walker s;

	if (length < kept)
		length = kept;
	if (fcs > length)
		fcs = 0;
	walk->count = 0;
	walk->kept = kept;
	walk->length = length;
	s = (struct lk_walker){
		.frame = frame,
		.walk = walk,
		.kept = kept,
		.end = length - fcs,
		.has_sums = (uint8_t)has_sums,
	};
	s.next = (uint8_t)lk_walk_link(&s, link_type);
	while (steps[s.next] != NULL) {
		if (walk->count == LK_MAX_LAYERS) {
			lk_walk_stops(&s, LK_PROBLEM_DEEP);
			break;
		}
		steps[s.next](&s);
	}
	finish(&s, fcs);
}

void
lk_codec_walk(const uint8_t *frame, uint32_t kept, uint32_t length, uint32_t link_type,
	      uint32_t fcs, struct lk_walk *walk)
{
	lk_walk_frame(frame, kept, length, link_type, fcs, 1, walk);
}
