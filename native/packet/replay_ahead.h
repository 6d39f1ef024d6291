/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_REPLAY_AHEAD_H
#define LK_REPLAY_AHEAD_H

#include <stdint.h>

#include "rewrite.h"

/*
 * The frames of a capture for a polling worker: a thread of its own reads ahead into a bounded
 * ring, so that peek and advance touch no file, take no lock and make no system call.
 */
enum lk_replay_state {
	LK_REPLAY_RUNS,
	LK_REPLAY_WAITS, /* no frame yet: the disk is behind */
	LK_REPLAY_ENDED,
	LK_REPLAY_FAILED, /* the file cannot be read on */
};

struct lk_replay_frame {
	const uint8_t *bytes;
	uint64_t due_ns; /* since the first frame; never less than before */
	uint32_t length;
};

/* Which frames of a capture are played. */
struct lk_side {
	const uint8_t *bits; /* bit n is 1: a client sent frame n; see lk_codec_capture_sides */
	uint64_t frames;     /* of both sides */
	uint32_t is_client;  /* 1 or 0 */
};

static inline int
lk_is_played(const struct lk_side *side, uint64_t n)
{
	return side == NULL ||
	       (n < side->frames && (side->bits[n / 8] >> n % 8 & 1u) == side->is_client);
}

struct lk_replay_config {
	int fd;		      /* stays the caller's; open until lk_replay_close */
	uint64_t rounds;      /* UINT64_MAX: for ever */
	uint64_t duration_ns; /* of a round's own times, as lk_codec_capture_scan tells it */
	uint64_t pause_ns;    /* between rounds: the mean gap */
	double speed;	      /* of the own times; 2: twice as fast */
	double frames_rate;   /* frames/s; 0: not so */
	double bits_rate;     /* bit/s; 0: not so */
	uint32_t overhead;    /* bytes that a frame counts beside its own: 4 (layer 2), 24 (1) */
	const struct lk_rewrite *rewrite; /* copied; NULL: frames stay as they are */
	const struct lk_side *side;	  /* copied; NULL: all frames */
	uint64_t frames; /* of a round and of both sides; 0: those of a file that ends as it should
			  */
};

struct lk_replay;
struct lk_replay *lk_replay_open(const struct lk_replay_config *config);
/* NULL: none; lk_replay_state says why. Valid until lk_replay_advance. */
const struct lk_replay_frame *lk_replay_peek(struct lk_replay *replay);
void lk_replay_advance(struct lk_replay *replay);
enum lk_replay_state lk_replay_state(const struct lk_replay *replay);
void lk_replay_close(struct lk_replay *replay);

#endif
