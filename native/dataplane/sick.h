/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A port whose NIC is sick: what its device does with frames, and what its driver would count. A
 * sound port has none of this. A queue is written by the worker that sends on it, or by the command
 * thread while no worker walks.
 */
#ifndef LK_SICK_H
#define LK_SICK_H

#include <pthread.h>
#include <stdatomic.h>

#include "api.h"
#include "node.h"
#include "port.h"

/* Frames that the device has not sent: the first `ring` of them in its ring, the others in the
 * queue in front of it. */
struct lk_sick_queue {
	struct rte_mbuf *held[LK_SICK_MOST_HELD];
	uint32_t first, count;
	uint64_t ring_bytes, backlog_bytes;
	uint64_t refused;    /* that found both full */
	uint32_t unreturned; /* descriptors of frames that were sent */
};

/* A counter of a node that is part of one that the driver tells; of a level the least. */
struct lk_told_part {
	const uint64_t *counter;
	uint32_t told;
	int is_level;
};

struct lk_sick {
	struct lk_sick_config config;
	_Atomic int tx, rx;	 /* enum lk_sick_tx, lk_sick_rx: what is so now */
	_Atomic uint64_t began;	 /* TSC; 0: not yet */
	_Atomic uint64_t passed; /* bytes sent since it was told */
	_Atomic uint64_t lost;	 /* frames that the device took and lost */
	_Atomic int read_error;
	struct lk_sick_queue *queues[LK_MAX_RING_QUEUES];
	struct lk_told told[LK_SICK_MOST_TOLD];
	_Atomic uint32_t told_count;
	/* Recorders read what nodes count, and these go with their paths. */
	pthread_mutex_t parts_lock;
	struct lk_told_part parts[LK_SICK_MOST_PARTS];
	uint32_t part_count;
};

/* Of frames to be sent: how many go on, which then stand in front. */
uint16_t lk_sick_tx(struct rte_graph *graph, struct rte_node *node, struct lk_port *port,
		    uint16_t queue, void **objs, uint16_t count);
/* Of frames that arrived: how many are received. */
uint16_t lk_sick_rx(struct lk_port *port, void **objs, uint16_t count);
int lk_sick_told(uint16_t id, uint64_t *values, uint32_t room);
/* A node's counters end here: what drivers tell keeps what they were. */
void lk_told_leave(const void *counters, size_t bytes);
void lk_sick_free(struct lk_port *port);

/* Frames that a port's device holds. */
unsigned int lk_sick_held(const struct lk_port *port);

static inline int
lk_sick_polls(const struct lk_port *port)
{
	return port->sick == NULL ||
	       atomic_load_explicit(&port->sick->rx, memory_order_relaxed) != LK_SICK_RX_UNPOLLED;
}

#endif
