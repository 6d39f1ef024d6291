/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FLOW_STATE_H
#define LK_FLOW_STATE_H

/* Whether a live stream sends. */
enum lk_flow_state {
	LK_FLOW_STOPPED,
	LK_FLOW_STARTED,
	LK_FLOW_PAUSED,
	LK_FLOW_DONE,	/* by itself, after its frames or its time */
	LK_FLOW_FAILED, /* the rest of its capture could not be read */
};

enum lk_change_kind {
	LK_FLOW_START, /* from the beginning of its schedule; counters and numbers go on */
	LK_FLOW_STOP,
	LK_FLOW_PAUSE,
	LK_FLOW_RESUME, /* where it was */
	LK_FLOW_SET,	/* other frames, or another rate, without a gap */
	LK_FLOW_CLEAR,	/* counts begin at 0 with the next frame that it makes */
};

#endif
