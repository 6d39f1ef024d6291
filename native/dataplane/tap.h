/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Captures of a port: a copy of what a driver hands over and of what it is handed, whatever path
 * does that. They come and go while no worker walks.
 */
#ifndef LK_TAP_H
#define LK_TAP_H

#include <stdint.h>

#include "capture_record.h"

struct lk_port;

struct lk_tap {
	struct lk_capture *capture;
	struct lk_tap *next;
};

/* way: LK_WAY_IN or LK_WAY_OUT */
void lk_tap_frames(const struct lk_port *port, void *const *objs, uint16_t count, uint32_t way);
/* Of the frames that were copied last the driver did not take these. */
void lk_tap_unsent(const struct lk_port *port, void *const *objs, uint16_t count);

#endif
