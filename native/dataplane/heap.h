/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_HEAP_H
#define LK_HEAP_H

#include <stdint.h>

/*
 * Streams by the time of their next frame, the earliest on top; each node has four children, which
 * share a cache line. It holds the times itself: to compare them by way of the streams would touch
 * a line for each.
 */
struct lk_due {
	uint64_t at;
	uint32_t index; /* of the stream */
};
struct lk_heap {
	struct lk_due *entries;
	uint32_t length;
};

/* Restores the heap after the time of this entry has grown. */
static inline void
lk_sift_down(struct lk_heap *heap, uint32_t at)
{
	struct lk_due *entries = heap->entries, held = entries[at];
	uint32_t length = heap->length;

	for (;;) {
		uint32_t child = 4 * at + 1, least = child;
		uint32_t last = child + 4 < length ? child + 4 : length;

		if (child >= length)
			break;
		while (++child < last)
			if (entries[child].at < entries[least].at)
				least = child;
		if (held.at <= entries[least].at)
			break;
		entries[at] = entries[least];
		at = least;
	}
	entries[at] = held;
}

static inline void
lk_remove_top(struct lk_heap *heap)
{
	heap->entries[0] = heap->entries[--heap->length];
	if (heap->length > 1)
		lk_sift_down(heap, 0);
}

/* Of entries in any order. */
static inline void
lk_heap_build(struct lk_heap *heap)
{
	for (uint32_t i = heap->length; i-- > 0;)
		lk_sift_down(heap, i);
}

#endif
