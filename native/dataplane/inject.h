/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_INJECT_H
#define LK_INJECT_H

#include "node.h"

/* Frames that Python sends on the port of a source. */
uint16_t lk_inject(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused);
/* Copies frames for Python as received by the port of a node. */
void lk_show_python(const struct lk_node *self, void **objs, uint16_t count);

#endif
