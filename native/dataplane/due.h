/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_DUE_H
#define LK_DUE_H

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include "node.h"

/*
 * When a frame left the node that held it last, in cycles: when it was due, not when its worker got
 * round to it. For nodes behind it that reckon with time it came then, so that a worker that is
 * held up makes no burst of a stream. Only frames have it that come by such a node alone
 * (config.knows_due), and only where one is behind it (config.tells_due).
 */
LK_EXPORT extern int lk_due_offset;

static inline uint64_t *
lk_due_of(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, lk_due_offset, uint64_t *);
}

static inline uint64_t
lk_came(const struct lk_node *self, struct rte_mbuf *m, uint64_t now)
{
	uint64_t due;

	if (likely(!self->config.knows_due))
		return now;
	due = *lk_due_of(m);
	return (int64_t)(now - due) > 0 ? due : now;
}

#endif
