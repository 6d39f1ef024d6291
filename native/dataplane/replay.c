/* SPDX-License-Identifier: BSD-3-Clause */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "capture_clock.h"
#include "capture_ethernet.h"
#include "replay_ahead.h"

#define RING_BYTES     (8u << 20)
#define NAP_NS	       200000 /* in which no worker empties the ring */
#define LONGEST_NAP_NS 3200000

struct lk_replay {
	struct lk_replay_config config;
	struct lk_rewrite rewrite;
	struct lk_side side;
	uint8_t *side_bits;
	struct lk_capture_reader reader;
	pthread_t thread;
	uint8_t *ring, *buffer;
	uint64_t frames, bits; /* before the next frame; the thread's */
	uint64_t latest_due;
	_Alignas(64) _Atomic uint64_t written;
	_Atomic int ended; /* enum lk_replay_state */
	_Atomic int stops;
	_Alignas(64) _Atomic uint64_t read;
	enum lk_replay_state state;
};

/* What a frame takes in the ring. A length of 0 sends the consumer back to the ring's begin. */
static uint64_t
room_of(uint32_t length)
{
	return (sizeof(struct lk_replay_frame) + length + 7) & ~(uint64_t)7;
}

static int
waits_for_room(struct lk_replay *r, uint64_t until)
{
	struct timespec nap = {0, NAP_NS};

	while (until - atomic_load_explicit(&r->read, memory_order_acquire) > RING_BYTES) {
		if (atomic_load(&r->stops))
			return 0;
		nanosleep(&nap, NULL);
		if (nap.tv_nsec < LONGEST_NAP_NS)
			nap.tv_nsec *= 2; /* a stream that is paused costs little */
	}
	return !atomic_load(&r->stops);
}

static uint64_t
due(struct lk_replay *r, uint64_t own_ns, uint32_t length)
{
	long double ns = own_ns / (long double)r->config.speed;

	if (r->config.bits_rate > 0)
		ns = r->bits * 1e9L / r->config.bits_rate;
	else if (r->config.frames_rate > 0)
		ns = r->frames * 1e9L / r->config.frames_rate;
	r->bits += 8 * ((uint64_t)length + r->config.overhead);
	r->frames++;
	if ((uint64_t)ns > r->latest_due)
		r->latest_due = (uint64_t)ns;
	return r->latest_due;
}

static int
put(struct lk_replay *r, const struct lk_capture_record *record, uint64_t own_ns)
{
	uint64_t at = atomic_load_explicit(&r->written, memory_order_relaxed);
	uint32_t length = lk_rewrite_length(r->config.rewrite, record->bytes, record->kept);
	uint64_t left = RING_BYTES - at % RING_BYTES, size = room_of(length);
	uint64_t start = size > left ? at + left : at;
	struct lk_replay_frame *frame;

	if (!waits_for_room(r, start + size))
		return 0;
	if (start != at && left >= sizeof(*frame))
		((struct lk_replay_frame *)(r->ring + at % RING_BYTES))->length = 0;
	frame = (struct lk_replay_frame *)(r->ring + start % RING_BYTES);
	*frame = (struct lk_replay_frame){(const uint8_t *)(frame + 1), due(r, own_ns, length),
					  length};
	lk_rewrite_frame(r->config.rewrite, record->bytes, record->kept, (uint8_t *)(frame + 1));
	atomic_store_explicit(&r->written, start + size, memory_order_release);
	return 1;
}

/* One round; the times are those of a running maximum. */
static enum lk_replay_state
play(struct lk_replay *r, uint64_t begins_ns)
{
	struct lk_capture_clock clock = {0, 0, 0};
	struct lk_capture_record record;
	uint64_t due_ns, frames = 0; /* of both sides */

	lk_capture_reader_begin(&r->reader, r->config.fd, r->buffer);
	while (lk_capture_reader_next(&r->reader, &record) == LK_CAPTURE_RECORD) {
		due_ns = begins_ns + lk_capture_due(&clock, &record);
		if (lk_is_played(r->config.side, frames++) &&
		    lk_capture_to_ethernet(&r->reader, &record) == LK_ETHERNET_MADE &&
		    record.kept > 0 && !put(r, &record, due_ns))
			return LK_REPLAY_ENDED;
		if (frames == r->config.frames)
			return LK_REPLAY_RUNS;
	}
	return r->reader.file.status == LK_CAPTURE_END && frames > 0 && r->config.frames == 0
		       ? LK_REPLAY_RUNS
		       : LK_REPLAY_FAILED;
}

static void *
read_ahead(void *replay)
{
	struct lk_replay *r = replay;
	enum lk_replay_state state = LK_REPLAY_RUNS;

	for (uint64_t round = 0; state == LK_REPLAY_RUNS; round++) {
		if (round == r->config.rounds)
			state = LK_REPLAY_ENDED;
		else
			state = play(r, round * (r->config.duration_ns + r->config.pause_ns));
	}
	atomic_store_explicit(&r->ended, (int)state, memory_order_release);
	return NULL;
}

struct lk_replay *
lk_replay_open(const struct lk_replay_config *config)
{
	struct lk_replay *r = aligned_alloc(64, sizeof(*r));

	if (r == NULL)
		return NULL;
	memset(r, 0, sizeof(*r));
	r->config = *config;
	if (config->rewrite != NULL) {
		r->rewrite = *config->rewrite;
		r->config.rewrite = &r->rewrite;
	}
	if (config->side != NULL) {
		uint64_t bytes = (config->side->frames + 7) / 8;

		r->side_bits = malloc(bytes + 1);
		if (r->side_bits == NULL) {
			free(r);
			return NULL;
		}
		memcpy(r->side_bits, config->side->bits, bytes);
		r->side = *config->side;
		r->side.bits = r->side_bits;
		r->config.side = &r->side;
	}
	r->ring = malloc(RING_BYTES);
	r->buffer = malloc(LK_CAPTURE_BUFFER);
	if (r->ring != NULL && r->buffer != NULL) {
		memset(r->ring, 0, RING_BYTES); /* so that no page is missing when it is read */
		if (pthread_create(&r->thread, NULL, read_ahead, r) == 0)
			return r;
	}
	free(r->ring);
	free(r->buffer);
	free(r->side_bits);
	free(r);
	return NULL;
}

const struct lk_replay_frame *
lk_replay_peek(struct lk_replay *r)
{
	uint64_t at = atomic_load_explicit(&r->read, memory_order_relaxed);
	int ended = atomic_load_explicit(&r->ended, memory_order_acquire);
	uint64_t left = RING_BYTES - at % RING_BYTES;
	const struct lk_replay_frame *frame;

	if (atomic_load_explicit(&r->written, memory_order_acquire) == at) {
		r->state = ended == LK_REPLAY_RUNS ? LK_REPLAY_WAITS : (enum lk_replay_state)ended;
		return NULL;
	}
	r->state = LK_REPLAY_RUNS;
	frame = (const struct lk_replay_frame *)(r->ring + at % RING_BYTES);
	if (left < sizeof(*frame) || frame->length == 0) {
		atomic_store_explicit(&r->read, at + left, memory_order_release);
		frame = (const struct lk_replay_frame *)r->ring;
	}
	return frame;
}

/* The frame that was peeked at last is done with. */
void
lk_replay_advance(struct lk_replay *r)
{
	uint64_t at = atomic_load_explicit(&r->read, memory_order_relaxed);
	const struct lk_replay_frame *frame =
		(const struct lk_replay_frame *)(r->ring + at % RING_BYTES);

	atomic_store_explicit(&r->read, at + room_of(frame->length), memory_order_release);
}

enum lk_replay_state
lk_replay_state(const struct lk_replay *r)
{
	return r->state;
}

void
lk_replay_close(struct lk_replay *r)
{
	atomic_store(&r->stops, 1);
	pthread_join(r->thread, NULL);
	free(r->ring);
	free(r->buffer);
	free(r->side_bits);
	free(r);
}
