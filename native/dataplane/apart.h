/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_APART_H
#define LK_APART_H

#include <rte_common.h>

/*
 * What one worker writes for each burst begins a cache line of its own, and ends one: lanes on
 * other CPUs would pay for every write of it otherwise, the more of them the more.
 */
#define LK_APART(type)                                                                             \
	_Static_assert(__alignof__(type) % RTE_CACHE_LINE_SIZE == 0 &&                             \
			       sizeof(type) % RTE_CACHE_LINE_SIZE == 0,                            \
		       "workers would share a cache line")

#endif
