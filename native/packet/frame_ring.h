/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FRAME_RING_H
#define LK_FRAME_RING_H

#include <stdatomic.h>

#include "bell.h"
#include "bytes.h"

/*
 * Frames between two processes through shared memory: one writer, no lock, and a system call
 * only to wake who waits.
 *
 * Records lie one after the other in a power-of-two ring of bytes; positions count bytes since the
 * beginning and never wrap. Two ways of use:
 *   journal  the writer never waits and overwrites the oldest frames; any number of readers, each
 *            with a position of its own, notices by `reserved` that it was overtaken
 *   queue    the writer stops at the one reader's position, and may wait until it has moved on
 *
 * A reader of a journal that is about to wait on a descriptor says how far it has read; the writer
 * signals the descriptor when there is more (lk_ring_listen). So a descriptor that is readable
 * stands for a frame, not for one that was read long ago.
 */
#define LK_RING_MARKS	  8u
#define LK_RING_HEADER	  832u
#define LK_RING_LISTENERS 64u
#define LK_RECORD_HEADER  24u

struct lk_frame_ring {
	uint64_t size;				/* bytes of data[], a power of two */
	uint32_t max_frame;			/* longest frame a queue takes */
	_Alignas(64) _Atomic uint64_t reserved; /* the writer may have touched bytes below this */
	_Atomic uint64_t written;		/* records below this are whole */
	uint64_t next_sequence;			/* frames written; the writer's own */
	/* Where the first record of each eighth of the ring begins: a way back in for a reader. */
	_Alignas(64) _Atomic uint64_t marks[LK_RING_MARKS];
	_Alignas(64) _Atomic uint64_t read; /* queue: everything below has been read */
	_Atomic uint64_t wanted;   /* the writer waits until `read` is here; 0: it does not */
	_Atomic uint32_t progress; /* what it waits on */
	_Atomic uint32_t walker;   /* 1 + the lcore that reads the queue; 0: none yet */
	_Alignas(64) _Atomic uint64_t listening;   /* a bit for each descriptor that is waited on */
	_Atomic uint64_t heard[LK_RING_LISTENERS]; /* how far its reader has read */
	_Alignas(64) uint8_t data[];
};

struct lk_record {
	uint32_t length;       /* bytes that follow */
	uint32_t frame_length; /* before a capture cut it */
	uint64_t sequence;
	uint64_t time_ns; /* CLOCK_REALTIME */
};

struct lk_frame_reader {
	uint64_t position;
	uint64_t sequence; /* of the next frame expected */
	uint64_t lost;	   /* frames overwritten before they were read */
};

_Static_assert(sizeof(struct lk_record) == LK_RECORD_HEADER, "record header");
_Static_assert(sizeof(struct lk_frame_ring) == LK_RING_HEADER, "ring header");

static inline uint64_t
lk_record_size(uint32_t length)
{
	return (LK_RECORD_HEADER + (uint64_t)length + 7) & ~(uint64_t)7;
}

static inline void
lk_ring_copy_in(struct lk_frame_ring *r, uint64_t position, const void *from, uint64_t n)
{
	uint64_t at = position & (r->size - 1);
	uint64_t first = n < r->size - at ? n : r->size - at;

	memcpy(r->data + at, from, first);
	memcpy(r->data, (const uint8_t *)from + first, n - first);
}

static inline void
lk_ring_copy_out(const struct lk_frame_ring *r, uint64_t position, void *to, uint64_t n)
{
	uint64_t at = position & (r->size - 1);
	uint64_t first = n < r->size - at ? n : r->size - at;

	memcpy(to, r->data + at, first);
	memcpy((uint8_t *)to + first, r->data, n - first);
}

/*
 * Appends `length` bytes of a frame. A queue that has no room returns 0, a journal always 1. A
 * frame has at least one byte: length 0 is how a reader learns that there is none.
 */
static inline int
lk_ring_write(struct lk_frame_ring *r, const uint8_t *frame, uint32_t length, uint32_t frame_length,
	      uint64_t time_ns, int is_queue)
{
	uint64_t position = atomic_load_explicit(&r->written, memory_order_relaxed);
	uint64_t size = lk_record_size(length), eighth = r->size / LK_RING_MARKS;
	struct lk_record record = {length, frame_length, r->next_sequence, time_ns};

	if (size > r->size ||
	    (is_queue &&
	     position + size - atomic_load_explicit(&r->read, memory_order_acquire) > r->size))
		return 0;
	/* Before a byte is overwritten every reader must be able to see that it will be. */
	atomic_store_explicit(&r->reserved, position + size, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	lk_ring_copy_in(r, position, &record, LK_RECORD_HEADER);
	lk_ring_copy_in(r, position + LK_RECORD_HEADER, frame, length);
	r->next_sequence++;
	if (position / eighth != (position + size) / eighth)
		atomic_store_explicit(&r->marks[(position + size) / eighth % LK_RING_MARKS],
				      position + size, memory_order_release);
	atomic_store_explicit(&r->written, position + size, memory_order_release);
	return 1;
}

/* True when bytes at `position` may have been overwritten since. */
static inline int
lk_ring_overtaken(struct lk_frame_ring *r, uint64_t position)
{
	atomic_thread_fence(memory_order_acquire);
	return atomic_load_explicit(&r->reserved, memory_order_relaxed) > position + r->size;
}

/*
 * Where a reader that was overtaken goes on: the oldest mark that leaves it an eighth of the ring
 * before the writer, or the writer's position.
 */
static inline uint64_t
lk_ring_way_back(struct lk_frame_ring *r)
{
	uint64_t written = atomic_load_explicit(&r->written, memory_order_acquire);
	uint64_t best = written;

	for (unsigned int i = 0; i < LK_RING_MARKS; i++) {
		uint64_t mark = atomic_load_explicit(&r->marks[i], memory_order_acquire);

		if (mark < best && mark + r->size > written + r->size / LK_RING_MARKS)
			best = mark;
	}
	return best;
}

/*
 * Copies the next frame to `to`. Returns its length; 0 when there is none; -1 when it is longer
 * than `room`, with record->length telling how long. A journal reader that was overtaken goes on
 * with the oldest frames that are safe; reader->lost counts what it missed.
 */
static inline int64_t
lk_ring_read(struct lk_frame_ring *r, struct lk_frame_reader *reader, struct lk_record *record,
	     uint8_t *to, uint32_t room)
{
	uint64_t written = atomic_load_explicit(&r->written, memory_order_acquire);

	while (reader->position < written) {
		lk_ring_copy_out(r, reader->position, record, LK_RECORD_HEADER);
		if (!lk_ring_overtaken(r, reader->position)) {
			if (record->length > room)
				return -1;
			lk_ring_copy_out(r, reader->position + LK_RECORD_HEADER, to,
					 record->length);
			if (!lk_ring_overtaken(r, reader->position)) {
				reader->lost += record->sequence - reader->sequence;
				reader->sequence = record->sequence + 1;
				reader->position += lk_record_size(record->length);
				return record->length;
			}
		}
		reader->position = lk_ring_way_back(r);
		written = atomic_load_explicit(&r->written, memory_order_acquire);
	}
	return 0;
}

/* A journal reader that begins with the next frame written. */
static inline void
lk_ring_read_from_now(struct lk_frame_ring *r, struct lk_frame_reader *reader)
{
	uint64_t before;

	reader->lost = 0;
	do {
		before = atomic_load_explicit(&r->written, memory_order_acquire);
		reader->position = before;
		/* next_sequence belongs to the writer; it is stable when nothing was written. */
		reader->sequence = *(volatile uint64_t *)&r->next_sequence;
		atomic_thread_fence(memory_order_acquire);
	} while (atomic_load_explicit(&r->reserved, memory_order_relaxed) != before);
}

/*
 * A reader of a journal is about to wait for descriptor `slot`. 0: it need not, there is a frame;
 * then it does not listen. The writer looks at `listening` after it has written.
 */
static inline int
lk_ring_listen(struct lk_frame_ring *r, const struct lk_frame_reader *reader, uint32_t slot)
{
	uint64_t bit = (uint64_t)1 << slot;

	atomic_store(&r->heard[slot], reader->position);
	atomic_fetch_or(&r->listening, bit);
	if (atomic_load(&r->written) == reader->position)
		return 1;
	atomic_fetch_and(&r->listening, ~bit);
	return 0;
}

/* Which descriptors are to be signalled after a write; each is signalled once. */
static inline uint64_t
lk_ring_listeners(struct lk_frame_ring *r)
{
	uint64_t written, found = 0, bits;

	atomic_thread_fence(memory_order_seq_cst);
	bits = atomic_load_explicit(&r->listening, memory_order_relaxed);
	if (bits == 0)
		return 0;
	written = atomic_load(&r->written);
	for (uint32_t slot = 0; slot < LK_RING_LISTENERS; slot++)
		if ((bits >> slot & 1) != 0 && atomic_load(&r->heard[slot]) < written)
			found |= (uint64_t)1 << slot;
	return atomic_fetch_and(&r->listening, ~found) & found;
}

/* The reader of a queue has read up to `position`. */
static inline void
lk_ring_read_up_to(struct lk_frame_ring *r, uint64_t position)
{
	uint64_t wanted;

	atomic_store(&r->read, position);
	wanted = atomic_load(&r->wanted);
	if (wanted != 0 && position >= wanted &&
	    atomic_compare_exchange_strong(&r->wanted, &wanted, 0)) {
		atomic_fetch_add(&r->progress, 1);
		lk_futex_wake(&r->progress);
	}
}

/* The writer of a queue waits until it has been read up to `position`; 0 when `ns` passed first. */
static inline int
lk_ring_wait(struct lk_frame_ring *r, uint64_t position, uint64_t ns)
{
	uint32_t seen = atomic_load(&r->progress);

	atomic_store(&r->wanted, position);
	if (atomic_load(&r->read) < position)
		lk_futex_wait(&r->progress, seen, ns);
	atomic_store(&r->wanted, 0);
	return atomic_load(&r->read) >= position;
}

#endif
