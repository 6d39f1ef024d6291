/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A libFuzzer target over the walk through a frame's layers. What was kept of the frame stands in
 * an allocation of its own, so that AddressSanitizer sees a read of one byte too far.
 */
#include <stdlib.h>

#include "walk.h"

/* Both link types that are known and ones that are not. */
static const uint16_t link_types[] = {1, 0, 9, 12, 50, 51, 101, 108, 113, 228, 229, 276, 147};

static void
check(const struct lk_walk *walk, uint32_t kept, uint32_t length)
{
	const uint32_t room = sizeof(walk->layers) / sizeof(walk->layers[0]);
	uint32_t at = 0;

	if (walk->count > room || walk->kept != kept || walk->length != length)
		abort();
	for (uint32_t i = 0; i < walk->count; i++) {
		const struct lk_layer *layer = &walk->layers[i];

		if (layer->offset != at || layer->kind >= LK_LAYER_COUNT ||
		    layer->sum > LK_SUM_UNKNOWN || layer->problem > LK_PROBLEM_DEEP)
			abort();
		at += layer->length;
		if (layer->end < at || layer->end > length)
			abort();
		if (layer->sum == LK_SUM_GOOD && layer->right != layer->checksum)
			abort();
	}
	if (at != length)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of what is given the first bytes are the link type, what else was on the wire, and its FCS. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lk_walk walk;
	uint32_t kept, length, link_type, fcs;
	uint8_t *frame;

	if (size < 3)
		return 0;
	link_type = link_types[data[0] % (sizeof(link_types) / sizeof(link_types[0]))];
	kept = (uint32_t)size - 3;
	length = kept + (data[1] < 128 ? 0 : data[1] < 255 ? data[1] - 128u : 70000u);
	fcs = data[2] % 8;
	frame = malloc(kept + (kept == 0));
	if (frame == NULL)
		abort();
	memcpy(frame, data + 3, kept);
	for (int has_sums = 0; has_sums < 2; has_sums++) {
		memset(&walk, 0xff, sizeof(walk));
		lk_walk_frame(frame, kept, length, link_type, fcs, has_sums, &walk);
		check(&walk, kept, length);
	}
	free(frame);
	return 0;
}
