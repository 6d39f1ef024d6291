/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TRACE_H
#define LK_TRACE_H

#include <stdint.h>

#include <rte_graph.h>

#include "export.h"

LK_EXPORT extern volatile int lk_trace_is_on;

int lk_trace_register(void);
/* Frames that entered a path: `keeps_trace` when an mbuf comes straight from another path of this
 * engine and a trace goes on. */
LK_EXPORT void lk_trace_source(rte_node_t node, void **objs, uint16_t count, int keeps_trace);
LK_EXPORT void lk_trace_enter(rte_node_t node, void **objs, uint16_t count);

#endif
