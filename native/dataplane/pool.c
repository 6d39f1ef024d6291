/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The buffers that ports receive into. Ports with buffers of one size share a pool, unless their
 * drivers keep buffers in their queues: those have one of their own. A pool outlives its ports: the
 * next port of that size finds it, and a port that needs the memory for another size takes it back.
 */
#include <stdio.h>
#include <unistd.h>

#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "api.h"
#include "pool.h"
#include "port.h"
#include "tunnel.h"
#include "worker.h"

#define POOL_CACHE   256
#define POOL_NAME    "lk_%ux%uB" /* buffers, bytes of each */
#define LEAST_SHARED 8191	 /* 2^13 - 1: what a mempool stores best */
#define ROUNDED_TO   1024
#define ELSEWHERE    2048 /* in queues of other ports, held back by nodes */
/* What a worker may have in hand: its cache (of which DPDK flushes at 1.5), frames in and out. */
#define PER_LCORE    (POOL_CACHE * 3 / 2 + 2 * LK_RX_BURST)
#define OTHER_LCORES 2 /* that work on frames of a port, beside one for each of its queues */

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

uint32_t
lk_pool_mbufs(const struct lk_port *port, unsigned int queues, int is_own)
{
	uint32_t lcores = RTE_MIN(rte_lcore_count(), queues + OTHER_LCORES);
	uint32_t needed = lcores * PER_LCORE + ELSEWHERE;

	if (is_own)
		needed += port->rx_descriptors + port->tx_descriptors;
	else
		needed = RTE_MAX(needed, (uint32_t)LEAST_SHARED);
	return RTE_ALIGN(needed + 1, (uint32_t)ROUNDED_TO) - 1;
}

static uint32_t
room_for(uint32_t max_frame)
{
	/* A tunnel's headers may be longer than the headroom; then the frame moves up for them. */
	uint32_t room = RTE_ALIGN(max_frame + LK_MAX_TUNNEL_HEADER, 64) + RTE_PKTMBUF_HEADROOM;

	return RTE_MAX(room, (uint32_t)RTE_MBUF_DEFAULT_BUF_SIZE);
}

/* NULL: without memory. */
struct rte_mempool *
lk_pool_for(uint32_t max_frame, uint32_t mbufs, const char *own, int socket)
{
	uint32_t room = room_for(max_frame);
	struct rte_mempool *pool;
	char name[RTE_MEMPOOL_NAMESIZE];

	snprintf(name, sizeof(name), POOL_NAME "%s", mbufs, room, own);
	pool = rte_mempool_lookup(name);
	for (int tries = 0; pool == NULL && tries < 3; tries++) {
		if (tries > 0)
			free_pools();
		if (tries > 1) /* memory of another socket is slower, and better than none */
			socket = SOCKET_ID_ANY;
		pool = rte_pktmbuf_pool_create(name, mbufs, POOL_CACHE, 0, (uint16_t)room, socket);
	}
	return pool;
}

/* What the pool of a port that did not start takes, and what there is. */
void
lk_port_memory(uint16_t id, struct lk_port_memory *out)
{
	const struct lk_port *port = &lk_ports[id];
	uint32_t room = room_for(port->max_frame);
	size_t page = (size_t)sysconf(_SC_PAGESIZE), object;
	struct rte_malloc_socket_stats heap;

	object = rte_mempool_calc_obj_size((uint32_t)sizeof(struct rte_mbuf) + room, 0, NULL);
	if (!rte_eal_has_hugepages()) /* no buffer lies across the end of a page */
		object = object < page ? page / (page / object) : RTE_ALIGN(object, page);
	*out = (struct lk_port_memory){.mbufs = port->mbufs, .room = room};
	out->needed = (uint64_t)port->mbufs * object;
	for (int socket = 0; socket < RTE_MAX_NUMA_NODES; socket++)
		if (rte_malloc_get_socket_stats(socket, &heap) == 0)
			out->free += heap.heap_freesz_bytes;
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
