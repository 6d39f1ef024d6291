/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames that wait in a queue which no worker reads. */
#include <rte_ethdev.h>

#include "api.h"
#include "port.h"

/* -ENOTSUP where the driver does not tell. Only for a queue that nobody reads meanwhile. */
int
lk_port_unread(uint16_t id, uint16_t queue)
{
	const struct lk_port *port = &lk_ports[id];

	if (port->is_ring && queue < port->ring_count)
		return (int)rte_ring_count(port->rx_rings[queue]);
	if (queue < port->packet_socket_count)
		return lk_packet_socket_waiting(port, queue);
	return rte_eth_rx_queue_count(id, queue);
}
