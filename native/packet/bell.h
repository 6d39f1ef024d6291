/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_BELL_H
#define LK_BELL_H

#include "futex.h"
#include "status.h"

/*
 * How a worker that rests is told that there is something for it, by the notebook or by another
 * worker. Each lcore has a bell, a cache line, behind the status in the memory of the notebook.
 */
struct lk_bell {
	_Alignas(64) _Atomic uint32_t rests; /* 1: it sleeps, or looks a last time before it does */
};

_Static_assert(sizeof(struct lk_status) <= LK_STATUS_ROOM, "room in front of the bells");
_Static_assert(LK_STATUS_BYTES == LK_STATUS_ROOM + LK_BELLS * sizeof(struct lk_bell), "bells");

static inline struct lk_bell *
lk_bell_of(struct lk_status *status, uint32_t lcore)
{
	return (struct lk_bell *)((uint8_t *)status + LK_STATUS_ROOM) + lcore;
}

/*
 * For who has put something where the lcore looks. A full fence between the two makes sure that it
 * either sees that or hears the bell; without one it may come upon it only when its rest is over.
 */
static inline void
lk_bell_ring(struct lk_bell *bell)
{
	if (atomic_load_explicit(&bell->rests, memory_order_relaxed) != 0 &&
	    atomic_exchange(&bell->rests, 0) != 0)
		lk_futex_wake(&bell->rests);
}

#endif
