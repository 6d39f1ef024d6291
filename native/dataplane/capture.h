/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_H
#define LK_CAPTURE_H

#include "frame_ring.h"

struct lk_capture {
	struct lk_capture *next;
	struct lk_frame_ring *ring;
	struct lk_frame_reader reader;
	uint32_t snaplen;
	int fd;
	_Atomic uint64_t written;
	_Atomic uint64_t missed;
	_Atomic int32_t error;
};

/* Moves what the captures hold to their files; returns how many frames. */
unsigned int lk_capture_drain_all(void);

#endif
