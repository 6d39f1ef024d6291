/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * xstats of ports. What the kernel dropped of packet sockets is part of rx_missed_errors, and so
 * are frames that a cable lost. net_ring and net_null count frames and no bytes; rx and tx do
 * (lk_queue_bytes).
 */
#include <stdio.h>

#include "api.h"
#include "driver_call.h"
#include "port.h"

static void
add_to(uint16_t id, const char *name, uint64_t *values, uint64_t frames)
{
	uint64_t at;

	if (frames != 0 && rte_eth_xstats_get_id_by_name(id, name, &at) == 0)
		values[at] += frames;
}

/* net_ring knows of no frame that found the other end of the cable full while nobody read it. */
static void
add_unread(uint16_t id, struct lk_port *port, uint64_t *values)
{
	uint64_t sent = 0;

	for (unsigned int q = 0; q < port->ring_count; q++) {
		uint64_t frames = atomic_load(&port->unread[q]);
		char name[RTE_ETH_XSTATS_NAME_SIZE];

		snprintf(name, sizeof(name), "tx_q%u_packets", q);
		add_to(id, name, values, frames);
		sent += frames;
	}
	add_to(id, "tx_good_packets", values, sent);
	add_to(id, "rx_missed_errors", values, atomic_load(&port->missed));
}

static void
add_bytes(const struct lk_port *port, uint64_t *values)
{
	for (unsigned int q = 0; q < LK_MAX_RING_QUEUES; q++) {
		const struct lk_queue_bytes *bytes = &port->bytes[q];

		if (bytes->rx != 0) {
			values[port->rx_bytes_place] += bytes->rx;
			values[bytes->rx_place] += bytes->rx;
		}
		if (bytes->tx != 0) {
			values[port->tx_bytes_place] += bytes->tx;
			values[bytes->tx_place] += bytes->tx;
		}
	}
}

static int
find_queues(uint16_t id, struct lk_port *port, unsigned int rx_queues, unsigned int tx_queues)
{
	char name[RTE_ETH_XSTATS_NAME_SIZE];
	int rc = 0;

	for (unsigned int q = 0; rc == 0 && q < rx_queues; q++) {
		snprintf(name, sizeof(name), "rx_q%u_bytes", q);
		rc = rte_eth_xstats_get_id_by_name(id, name, &port->bytes[q].rx_place);
	}
	for (unsigned int q = 0; rc == 0 && q < tx_queues; q++) {
		snprintf(name, sizeof(name), "tx_q%u_bytes", q);
		rc = rte_eth_xstats_get_id_by_name(id, name, &port->bytes[q].tx_place);
	}
	return rc;
}

/* Has rx and tx count the bytes of a port whose driver does not. */
void
lk_bytes_find(struct lk_port *port, unsigned int rx_queues, unsigned int tx_queues)
{
	uint16_t id = (uint16_t)(port - lk_ports);

	port->needs_bytes =
		RTE_MAX(rx_queues, tx_queues) <= LK_MAX_RING_QUEUES &&
		rte_eth_xstats_get_id_by_name(id, "rx_good_bytes", &port->rx_bytes_place) == 0 &&
		rte_eth_xstats_get_id_by_name(id, "tx_good_bytes", &port->tx_bytes_place) == 0 &&
		find_queues(id, port, rx_queues, tx_queues) == 0;
}

int
lk_port_xstat_values(uint16_t id, uint64_t *values, unsigned int room)
{
	struct lk_port *port = &lk_ports[id];
	int count = LK_DRIVER_CALL(rte_eth_xstats_get_by_id, id, NULL, values, room);

	if (count <= 0 || (unsigned int)count > room)
		return count;
	if (port->needs_bytes)
		add_bytes(port, values);
	if (port->packet_socket_count != 0)
		add_to(id, "rx_missed_errors", values, lk_packet_sockets_dropped(port));
	if (port->is_ring)
		add_unread(id, port, values);
	return count;
}

/* Fills at most `room` entries; returns how many the port has, or -errno. */
int
lk_port_xstats(uint16_t id, struct lk_xstat *out, unsigned int room)
{
	struct rte_eth_xstat_name names[room + 1]; /* an array has at least one element */
	uint64_t values[room + 1];
	int count = LK_DRIVER_CALL(rte_eth_xstats_get_names, id, names, room);

	if (count < 0 || (unsigned int)count > room)
		return count;
	count = lk_port_xstat_values(id, values, room);
	for (int i = 0; i < count && (unsigned int)count <= room; i++) {
		snprintf(out[i].name, sizeof(out[i].name), "%s", names[i].name);
		out[i].value = values[i];
	}
	return count;
}
