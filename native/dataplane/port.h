/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_PORT_H
#define LK_PORT_H

#include <rte_ethdev.h>
#include <rte_ring.h>

#include <stdatomic.h>

#include "engine_limits.h"
#include "frame_ring.h"
#include "worker.h"

#define LK_MAX_PACKET_QUEUES 16

struct lk_sick;
struct lk_tap;

#define LK_RX_BURST 128

/* Of a queue of net_af_packet, which owns the descriptor. Each is written by one worker. */
struct lk_packet_socket {
	int descriptor;
	unsigned int next;   /* frame of the ring that the driver takes next */
	const uint8_t *ring; /* its frames received */
} __rte_cache_aligned;

/* Of a queue whose driver counts frames alone. Each is written by one worker. */
struct lk_queue_bytes {
	uint64_t rx;
	uint64_t tx;
	uint64_t rx_place; /* of the queue's bytes among the port's xstats */
	uint64_t tx_place;
} __rte_cache_aligned;

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
	struct lk_sick *sick;			       /* NULL: its NIC is sound */
	struct lk_tap *taps;			       /* captures of the port; NULL: none */
	struct lk_port *peer;			       /* the other end of the cable */
	struct rte_ring *rx_rings[LK_MAX_RING_QUEUES]; /* the peer's tx_rings */
	unsigned int ring_count;		       /* in each direction */
	struct lk_packet_socket packet_sockets[LK_MAX_PACKET_QUEUES];
	unsigned int packet_socket_count;
	uint32_t packet_frame_size; /* bytes of a frame in the rings of these sockets */
	uint32_t packet_frame_count;
	_Atomic uint64_t kernel_drops; /* frames that found the rings of these sockets full */
	_Atomic uint32_t rx_nodes[LK_MAX_RING_QUEUES];	 /* that read a queue; 0: nobody does */
	_Atomic uint32_t rx_walkers[LK_MAX_RING_QUEUES]; /* 1 + the lcore that reads a queue */
	_Atomic uint64_t missed; /* frames of a cable that nobody read, and that found it full */
	_Atomic uint64_t unread[LK_MAX_RING_QUEUES]; /* the same at the end that sent them */
	_Atomic int listeners[LK_RING_LISTENERS]; /* eventfds of the notebook's readers, 0: none */
	/* net_ring and net_null count frames alone: rx and tx add their bytes. */
	int needs_bytes;
	uint64_t rx_bytes_place; /* among the xstats */
	uint64_t tx_bytes_place;
	struct lk_queue_bytes bytes[LK_MAX_RING_QUEUES];
};

extern struct lk_port lk_ports[RTE_MAX_ETHPORTS];

/* The end of a cable that hears what this one sends: the other one, or itself. */
static inline struct lk_port *
lk_port_far_end(struct lk_port *port)
{
	return port->peer != NULL ? port->peer : port;
}

/* Whether what a ring port sends now waits for nobody: a wire does not wait. */
static inline int
lk_port_is_unread(struct lk_port *port, uint16_t queue)
{
	return atomic_load_explicit(&lk_port_far_end(port)->rx_nodes[queue],
				    memory_order_relaxed) == 0;
}

/*
 * Wakes the worker that reads what was just sent. Without a fence, which each burst would pay for:
 * a worker that misses the bell finds the frames when its rest is over.
 */
static inline void
lk_port_wake_reader(struct lk_port *port, uint16_t queue)
{
	uint32_t walker = atomic_load_explicit(&lk_port_far_end(port)->rx_walkers[queue],
					       memory_order_relaxed);

	if (walker != 0)
		lk_bell_ring(lk_bell_of(lk_status, walker - 1));
}

static inline uint64_t
lk_bytes_of(void *const *mbufs, int count)
{
	uint64_t bytes = 0;

	for (int i = 0; i < count; i++)
		bytes += ((const struct rte_mbuf *)mbufs[i])->pkt_len;
	return bytes;
}

int lk_dpdk_error(int rc);
void lk_cable_unplug(struct lk_port *port);
int lk_cable_set_link(struct lk_port *port, int up);
void lk_port_signal(const struct lk_port *port, uint64_t listeners);
void lk_port_silence(struct lk_port *port);
void lk_bytes_find(struct lk_port *port, unsigned int rx_queues, unsigned int tx_queues);

int lk_packet_sockets_open(struct lk_port *port, const struct rte_eth_dev_info *info);
void lk_packet_sockets_close(struct lk_port *port);
uint64_t lk_packet_sockets_dropped(struct lk_port *port);
uint16_t lk_packet_rx_burst(uint16_t id, uint16_t queue, struct rte_mbuf **frames);

/* All xstats of a port in the order of its names, at most `room`; how many it has, or -errno. */
int lk_port_xstat_values(uint16_t id, uint64_t *values, unsigned int room);

#endif
