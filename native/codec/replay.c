/* SPDX-License-Identifier: BSD-3-Clause */

/* The replay of the dataplane for tests: one frame a call. */
#include <string.h>

#include "api.h"
#include "replay_ahead.h"

struct lk_replay *
lk_codec_replay_open(int fd, uint64_t rounds, uint64_t duration_ns, uint64_t pause_ns, double speed,
		     double frames_rate, double bits_rate, uint32_t overhead)
{
	const struct lk_replay_config config = {
		.fd = fd,
		.rounds = rounds,
		.duration_ns = duration_ns,
		.pause_ns = pause_ns,
		.speed = speed,
		.frames_rate = frames_rate,
		.bits_rate = bits_rate,
		.overhead = overhead,
	};

	return lk_replay_open(&config);
}

/* Waits for the next frame; 0 (LK_REPLAY_RUNS) with it, else the state that ends the replay. */
int
lk_codec_replay_next(struct lk_replay *replay, uint8_t *to, uint32_t room, uint32_t *length,
		     uint64_t *due_ns)
{
	const struct lk_replay_frame *frame;

	do {
		frame = lk_replay_peek(replay);
	} while (frame == NULL && lk_replay_state(replay) == LK_REPLAY_WAITS);
	if (frame == NULL)
		return (int)lk_replay_state(replay);
	*length = frame->length;
	*due_ns = frame->due_ns;
	memcpy(to, frame->bytes, frame->length < room ? frame->length : room);
	lk_replay_advance(replay);
	return 0;
}

void
lk_codec_replay_close(struct lk_replay *replay)
{
	lk_replay_close(replay);
}
