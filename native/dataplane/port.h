/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_PORT_H
#define LK_PORT_H

#include <rte_ethdev.h>
#include <rte_ring.h>

#include <stdatomic.h>

#include "engine_limits.h"

#define LK_MAX_PACKET_QUEUES 16

/* What nodes need to know of a port. */
struct lk_port {
	struct rte_mempool *pool;
	unsigned int kept; /* buffers that net_af_xdp has of its pool, and never gives back */
	struct rte_ring *tx_ring; /* ring ports: where tx puts frames; else NULL */
	struct rte_ring *tx_rings[LK_MAX_RING_QUEUES]; /* tx_ring and those of further queues */
	uint32_t max_frame;			       /* bytes without FCS */
	uint16_t mtu;				       /* what the port takes and tells */
	int is_ring;				       /* mbufs pass through unchanged */
	int is_unplugged;			       /* the other end of the cable was closed */
	struct lk_port *peer;			       /* the other end of the cable */
	struct rte_ring *rx_rings[LK_MAX_RING_QUEUES]; /* the peer's tx_rings */
	unsigned int ring_count;		       /* in each direction */
	int packet_sockets[LK_MAX_PACKET_QUEUES];      /* of net_af_packet, which owns them */
	unsigned int packet_socket_count;
	_Atomic uint64_t kernel_drops; /* frames that found the rings of these sockets full */
};

extern struct lk_port lk_ports[RTE_MAX_ETHPORTS];

int lk_dpdk_error(int rc);
void lk_cable_unplug(struct lk_port *port);
void lk_packet_sockets_find(struct lk_port *port, unsigned int interface);

/* All xstats of a port in the order of its names, at most `room`; how many it has, or -errno. */
int lk_port_xstat_values(uint16_t id, uint64_t *values, unsigned int room);

#endif
