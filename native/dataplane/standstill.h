/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_STANDSTILL_H
#define LK_STANDSTILL_H

#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>

#include <rte_graph.h>

/* The signal by which a thread is asked where it is, which means nothing to others (fault.c). */
#define LK_ASKS_WHERE SIGURG

/* Has this thread, a worker, watched until it ends: how often it has walked, and the node that it
 * is in. */
void lk_standstill_watch(unsigned int lcore, const _Atomic uint64_t *walks, const rte_node_t *node);
void lk_standstill_end(unsigned int lcore);

/* Called some times a second: tells of those that do not come to the end of a walk (status.h). */
void lk_standstill_look(void);

#endif
