/* SPDX-License-Identifier: BSD-3-Clause */

/* xstats of ports. What the kernel dropped of packet sockets is part of rx_missed_errors. */
#include <stdio.h>

#include "api.h"
#include "port.h"

int
lk_port_xstat_values(uint16_t id, uint64_t *values, unsigned int room)
{
	struct lk_port *port = &lk_ports[id];
	int count = rte_eth_xstats_get_by_id(id, NULL, values, room);
	uint64_t missed;

	if (count <= 0 || (unsigned int)count > room || port->packet_socket_count == 0)
		return count;
	if (rte_eth_xstats_get_id_by_name(id, "rx_missed_errors", &missed) == 0)
		values[missed] += lk_packet_sockets_dropped(port);
	return count;
}

/* Fills at most `room` entries; returns how many the port has, or -errno. */
int
lk_port_xstats(uint16_t id, struct lk_xstat *out, unsigned int room)
{
	struct rte_eth_xstat_name names[room + 1]; /* an array has at least one element */
	uint64_t values[room + 1];
	int count = rte_eth_xstats_get_names(id, names, room);

	if (count < 0 || (unsigned int)count > room)
		return count;
	count = lk_port_xstat_values(id, values, room);
	for (int i = 0; i < count && (unsigned int)count <= room; i++) {
		snprintf(out[i].name, sizeof(out[i].name), "%s", names[i].name);
		out[i].value = values[i];
	}
	return count;
}
