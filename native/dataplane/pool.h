/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_POOL_H
#define LK_POOL_H

#include <stdint.h>

struct lk_port;
struct rte_mempool;

/* Buffers that a port with so many queues needs, in a pool of its own or a shared one. */
uint32_t lk_pool_mbufs(const struct lk_port *port, unsigned int queues, int is_own);
/* own: the end of its name, "" for a pool that ports share; socket: -1 for any. */
struct rte_mempool *lk_pool_for(uint32_t max_frame, uint32_t mbufs, const char *own, int socket);
void lk_pool_free_own(struct rte_mempool *pool, unsigned int kept);

#endif
