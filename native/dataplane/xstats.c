/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * xstats of ports. net_af_packet of DPDK 22.11 does not tell how many frames the kernel dropped
 * because the ring of a socket was full; the kernel does (PACKET_STATISTICS in packet(7)), and they
 * become part of rx_missed_errors. Reading sets the kernel's count to 0: where a later driver reads
 * it too, each frame is still counted once. Frames that a cable lost are added too.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "api.h"
#include "port.h"

static int
belongs_to_a_port(int socket)
{
	for (unsigned int p = 0; p < RTE_MAX_ETHPORTS; p++)
		for (unsigned int i = 0; i < lk_ports[p].packet_socket_count; i++)
			if (lk_ports[p].packet_sockets[i] == socket)
				return 1;
	return 0;
}

static int
is_packet_socket_on(int descriptor, unsigned int interface)
{
	struct sockaddr_ll address = {0};
	socklen_t length = sizeof(address);

	return getsockname(descriptor, (struct sockaddr *)&address, &length) == 0 &&
	       address.sll_family == AF_PACKET && address.sll_ifindex == (int)interface;
}

/* The driver keeps its sockets to itself: those on the interface that no other port has. */
void
lk_packet_sockets_find(struct lk_port *port, unsigned int interface)
{
	DIR *open_files = opendir("/proc/self/fd");
	struct dirent *entry;

	while (open_files != NULL && (entry = readdir(open_files)) != NULL) {
		int descriptor = atoi(entry->d_name);

		if (port->packet_socket_count < LK_MAX_PACKET_QUEUES &&
		    is_packet_socket_on(descriptor, interface) && !belongs_to_a_port(descriptor))
			port->packet_sockets[port->packet_socket_count++] = descriptor;
	}
	if (open_files != NULL)
		closedir(open_files);
}

static uint64_t
kernel_drops(struct lk_port *port)
{
	for (unsigned int i = 0; i < port->packet_socket_count; i++) {
		struct tpacket_stats stats;
		socklen_t length = sizeof(stats);

		if (getsockopt(port->packet_sockets[i], SOL_PACKET, PACKET_STATISTICS, &stats,
			       &length) == 0)
			atomic_fetch_add(&port->kernel_drops, stats.tp_drops);
	}
	return atomic_load(&port->kernel_drops);
}

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

int
lk_port_xstat_values(uint16_t id, uint64_t *values, unsigned int room)
{
	struct lk_port *port = &lk_ports[id];
	int count = rte_eth_xstats_get_by_id(id, NULL, values, room);

	if (count <= 0 || (unsigned int)count > room)
		return count;
	if (port->packet_socket_count != 0)
		add_to(id, "rx_missed_errors", values, kernel_drops(port));
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
