/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_STATUS_H
#define LK_STATUS_H

#include <stdint.h>

/* Memory of the notebook in which the engine leaves what it was doing when it dies. */
struct lk_status {
	int32_t fault_signal;
	int32_t fault_lcore; /* -1: not a worker */
	char fault_node[64];
	char command[128]; /* what the command thread is doing */
};

#endif
