/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_POOL_H
#define LK_POOL_H

#include <stdint.h>

struct rte_mempool;

struct rte_mempool *lk_pool_for(uint32_t max_frame, uint32_t mbufs, int own);
void lk_pool_free_own(struct rte_mempool *pool, unsigned int kept);

#endif
