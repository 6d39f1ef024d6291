/* SPDX-License-Identifier: BSD-3-Clause */

/* The replay of the dataplane for tests: one frame a call. */
#include <string.h>

#include "api.h"
#include "replay_ahead.h"

uint32_t
lk_codec_rewrite(const struct lk_rewrite *rewrite, const uint8_t *frame, uint32_t length,
		 uint8_t *to)
{
	lk_rewrite_frame(rewrite, frame, length, to);
	return lk_rewrite_length(rewrite, frame, length);
}

struct lk_replay *
lk_codec_replay_open(const struct lk_replay_config *config)
{
	return lk_replay_open(config);
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
