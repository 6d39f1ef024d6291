/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The buffers that ports receive into. Ports with buffers of one size share a pool, which outlives
 * them: the next port of that size finds it, and a port that needs the memory for another size
 * takes it back.
 */
#include <stdio.h>

#include <rte_mbuf.h>

#include "pool.h"
#include "port.h"
#include "tunnel.h"
#include "worker.h"

#define POOL_CACHE 256
#define POOL_NAME  "lk_%ux%uB" /* buffers, bytes of each */

static int
is_used(const struct rte_mempool *pool)
{
	for (unsigned int p = 0; p < RTE_MAX_ETHPORTS; p++)
		if (lk_ports[p].pool == pool)
			return 1;
	return 0;
}

/* The pool of ports that are gone, whose frames are too. */
static void
find_free(struct rte_mempool *pool, void *found)
{
	unsigned int room, mbufs;

	if (sscanf(pool->name, POOL_NAME, &mbufs, &room) == 2 && !is_used(pool) &&
	    rte_mempool_full(pool))
		*(struct rte_mempool **)found = pool;
}

/* While no worker moves buffers between a pool and its caches, what is counted is what is there. */
static void
free_pools(void)
{
	struct rte_mempool *pool;

	lk_workers_pause();
	do {
		pool = NULL;
		rte_mempool_walk(find_free, &pool);
		rte_mempool_free(pool);
	} while (pool != NULL);
	lk_workers_resume();
}

/* The pool for frames of this length, NULL without memory; `own` (-1: none): a pool of its own. */
struct rte_mempool *
lk_pool_for(uint32_t max_frame, uint32_t mbufs, int own)
{
	/* A tunnel's headers may be longer than the headroom; then the frame moves up for them. */
	uint32_t room = RTE_ALIGN(max_frame + LK_MAX_TUNNEL_HEADER, 64) + RTE_PKTMBUF_HEADROOM;
	struct rte_mempool *pool;
	char name[RTE_MEMPOOL_NAMESIZE];

	if (room < RTE_MBUF_DEFAULT_BUF_SIZE)
		room = RTE_MBUF_DEFAULT_BUF_SIZE;
	if (own < 0)
		snprintf(name, sizeof(name), POOL_NAME, mbufs, room);
	else
		snprintf(name, sizeof(name), "lk_af_xdp%d", own);
	pool = rte_mempool_lookup(name);
	for (int tries = 0; pool == NULL && tries < 2; tries++) {
		if (tries > 0)
			free_pools();
		pool = rte_pktmbuf_pool_create(name, mbufs, POOL_CACHE, 0, (uint16_t)room,
					       SOCKET_ID_ANY);
	}
	return pool;
}

/* Frees the pool of a port that is gone, whose driver kept so many buffers or none. */
void
lk_pool_free_own(struct rte_mempool *pool, unsigned int kept)
{
	unsigned int used;

	if (pool == NULL)
		return;
	lk_workers_pause();
	used = rte_mempool_in_use_count(pool);
	if (used == kept || used == 0) /* else frames of it are under way somewhere */
		rte_mempool_free(pool);
	lk_workers_resume();
}
