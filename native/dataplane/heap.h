/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_HEAP_H
#define LK_HEAP_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

/*
 * Streams by the time of their next frame, the earliest on top; each node has four children, which
 * share a cache line. It holds the times itself: to compare them by way of the streams would touch
 * a line for each. Thousands of streams do not fit into a cache: those that come to be two steps
 * from the top are fetched, some twenty frames before it is their turn.
 */
struct lk_due {
	uint64_t at;
	uint32_t index; /* of the stream */
};
struct lk_heap {
	struct lk_due *entries;
	uint32_t length;
	const uint8_t *streams; /* to fetch from, */
	uint64_t stream_bytes;	/* so many from one to the next; the first two lines are needed */
	void *memory;
};

static inline int
lk_heap_new(struct lk_heap *heap, uint32_t most, const void *streams, uint64_t stream_bytes)
{
	/* Entry 1 begins a line, and no other worker's memory one that is fetched with it. */
	struct lk_due *memory =
		aligned_alloc(128, ((most + 3) * sizeof(*memory) + 127) / 128 * 128);

	*heap = (struct lk_heap){memory == NULL ? NULL : memory + 3, 0, streams, stream_bytes,
				 memory};
	return memory == NULL ? -ENOMEM : 0;
}

static inline void
lk_heap_free(struct lk_heap *heap)
{
	free(heap->memory);
}

/* The least of four, without a branch that could be foreseen in half of all cases only. */
static inline uint32_t
lk_least_of_4(const struct lk_due *e)
{
	uint32_t a = e[1].at < e[0].at, b = 2 + (e[3].at < e[2].at);
	uint32_t is_b = -(uint32_t)(e[b].at < e[a].at);

	return (a & ~is_b) | (b & is_b);
}

/* Restores the heap after the time of this entry has grown. */
static inline void
lk_sift_down(struct lk_heap *heap, uint32_t at)
{
	struct lk_due *entries = heap->entries, held = entries[at];
	uint32_t length = heap->length;

	for (;;) {
		uint32_t child = 4 * at + 1, least;

		if (child + 4 <= length) {
			least = child + lk_least_of_4(entries + child);
		} else {
			if (child >= length)
				break;
			for (least = child; ++child < length;)
				if (entries[child].at < entries[least].at)
					least = child;
		}
		if (held.at <= entries[least].at)
			break;
		entries[at] = entries[least];
		if (at - 5 < 16) { /* two steps from the top */
			const uint8_t *stream =
				heap->streams + heap->stream_bytes * entries[at].index;

			__builtin_prefetch(stream);
			__builtin_prefetch(stream + 64);
		}
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

/* There is room. */
static inline void
lk_heap_add(struct lk_heap *heap, struct lk_due one)
{
	uint32_t at = heap->length++;

	while (at > 0 && heap->entries[(at - 1) / 4].at > one.at) {
		heap->entries[at] = heap->entries[(at - 1) / 4];
		at = (at - 1) / 4;
	}
	heap->entries[at] = one;
}

/* Of entries in any order. */
static inline void
lk_heap_build(struct lk_heap *heap)
{
	for (uint32_t i = heap->length; i-- > 0;)
		lk_sift_down(heap, i);
}

#endif
