/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_PORT_H
#define LK_PORT_H

#include <rte_ethdev.h>
#include <rte_ring.h>

#include <stdatomic.h>

#include "engine_limits.h"

#define LK_MAX_PACKET_QUEUES 16

#define LK_RX_BURST 128

/* Of a queue of net_af_packet, which owns the descriptor. */
struct lk_packet_socket {
	int descriptor;
	unsigned int next;   /* frame of the ring that the driver takes next */
	const uint8_t *ring; /* its frames received */
};

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
	int is_set_down;			       /* ring ports: this end of the cable, */
	int is_link_down;			       /* and therefore both */
	int tells_link;				       /* cheaply, to a worker */
	struct lk_port *peer;			       /* the other end of the cable */
	struct rte_ring *rx_rings[LK_MAX_RING_QUEUES]; /* the peer's tx_rings */
	unsigned int ring_count;		       /* in each direction */
	struct lk_packet_socket packet_sockets[LK_MAX_PACKET_QUEUES];
	unsigned int packet_socket_count;
	uint32_t packet_frame_size; /* bytes of a frame in the rings of these sockets */
	uint32_t packet_frame_count;
	_Atomic uint64_t kernel_drops; /* frames that found the rings of these sockets full */
};

extern struct lk_port lk_ports[RTE_MAX_ETHPORTS];

int lk_dpdk_error(int rc);
void lk_cable_unplug(struct lk_port *port);
int lk_cable_set_link(struct lk_port *port, int up);

int lk_packet_sockets_open(struct lk_port *port, const struct rte_eth_dev_info *info);
void lk_packet_sockets_close(struct lk_port *port);
uint64_t lk_packet_sockets_dropped(struct lk_port *port);
uint16_t lk_packet_rx_burst(uint16_t id, uint16_t queue, struct rte_mbuf **frames);

/* All xstats of a port in the order of its names, at most `room`; how many it has, or -errno. */
int lk_port_xstat_values(uint16_t id, uint64_t *values, unsigned int room);

#endif
