/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_PORT_H
#define LK_PORT_H

#include <rte_ethdev.h>
#include <rte_ring.h>

#define LK_MAX_RING_QUEUES 16

/* What nodes need to know of a port. */
struct lk_port {
	struct rte_mempool *pool;
	struct rte_ring *tx_ring; /* ring ports: where tx puts frames; else NULL */
	struct rte_ring *tx_rings[LK_MAX_RING_QUEUES]; /* tx_ring and those of further queues */
	uint32_t max_frame;			       /* bytes without FCS */
	uint16_t mtu;				       /* what the port takes and tells */
	int is_ring;				       /* mbufs pass through unchanged */
};

extern struct lk_port lk_ports[RTE_MAX_ETHPORTS];

#endif
