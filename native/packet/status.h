/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_STATUS_H
#define LK_STATUS_H

#include <stdint.h>

#define LK_BELLS	64u  /* lcores that can be woken (bell.h) */
#define LK_STATUS_ROOM	512u /* bytes in front of the bells */
#define LK_STATUS_BYTES 4608u

/* Memory of the notebook in which the engine leaves what it was doing when it dies; bells follow.
 */
struct lk_status {
	int32_t fault_signal;
	int32_t fault_lcore; /* -1: not a worker */
	char fault_node[64];
	char command[128]; /* what the command thread is doing */
};

#endif
