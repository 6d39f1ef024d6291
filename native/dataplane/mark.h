/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_MARK_H
#define LK_MARK_H

#include <stdint.h>

#include <rte_mbuf.h>
#include <rte_mbuf_dyn.h>

#include "export.h"

LK_EXPORT extern int lk_mark_offset;

/* There has been a node of a user's own, which may write any byte: marks say nothing any more. */
extern int lk_payloads_change;

/*
 * What a buffer of the generators' pool holds: a number of the template and, in its low 16 bits,
 * the stream. Buffers of other pools have 0.
 */
static inline uint64_t *
lk_mark_of(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, lk_mark_offset, uint64_t *);
}

#endif
