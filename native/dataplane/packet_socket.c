/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What net_af_packet does not tell of its packet sockets (packet(7)), and the kernel does: how many
 * frames it dropped because a socket's ring was full, and which kind of VLAN tag it took out of a
 * frame. The driver puts each tag back as one of 802.1Q, whatever it was.
 */
#include <dirent.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include <rte_devargs.h>
#include <rte_kvargs.h>

#include "headers.h"
#include "port.h"

static int
belongs_to_a_port(int socket)
{
	for (unsigned int p = 0; p < RTE_MAX_ETHPORTS; p++)
		for (unsigned int i = 0; i < lk_ports[p].packet_socket_count; i++)
			if (lk_ports[p].packet_sockets[i].descriptor == socket)
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
static void
find_sockets(struct lk_port *port, unsigned int interface)
{
	DIR *open_files = opendir("/proc/self/fd");
	struct dirent *entry;

	while (open_files != NULL && (entry = readdir(open_files)) != NULL) {
		int descriptor = atoi(entry->d_name);

		if (port->packet_socket_count < LK_MAX_PACKET_QUEUES &&
		    is_packet_socket_on(descriptor, interface) && !belongs_to_a_port(descriptor))
			port->packet_sockets[port->packet_socket_count++] =
				(struct lk_packet_socket){.descriptor = descriptor};
	}
	if (open_files != NULL)
		closedir(open_files);
}

static uint32_t
driver_argument(const struct rte_kvargs *arguments, const char *key)
{
	const char *value = arguments == NULL ? NULL : rte_kvargs_get(arguments, key);

	return value == NULL ? 0 : (uint32_t)strtoul(value, NULL, 10);
}

/* Bytes that a socket shares: a ring of what it received, and one as long of what it sends. */
static size_t
shared_bytes(const struct lk_port *port)
{
	return (size_t)2 * port->packet_frame_size * port->packet_frame_count;
}

/* The sockets of a port that is about to start, and their rings once more in this memory. */
int
lk_packet_sockets_open(struct lk_port *port, const struct rte_eth_dev_info *info)
{
	const struct rte_devargs *given = rte_dev_devargs(info->device);
	struct rte_kvargs *arguments = given == NULL ? NULL : rte_kvargs_parse(given->args, NULL);

	port->packet_frame_size = driver_argument(arguments, "framesz");
	port->packet_frame_count = driver_argument(arguments, "framecnt");
	rte_kvargs_free(arguments);
	find_sockets(port, info->if_index);
	for (unsigned int i = 0; i < port->packet_socket_count; i++) {
		struct lk_packet_socket *s = &port->packet_sockets[i];
		void *ring =
			mmap(NULL, shared_bytes(port), PROT_READ, MAP_SHARED, s->descriptor, 0);

		if (ring == MAP_FAILED)
			return -errno;
		s->ring = ring;
	}
	return 0;
}

/* A mapped ring would keep its socket open. */
void
lk_packet_sockets_close(struct lk_port *port)
{
	for (unsigned int i = 0; i < port->packet_socket_count; i++)
		if (port->packet_sockets[i].ring != NULL)
			munmap((void *)(uintptr_t)port->packet_sockets[i].ring, shared_bytes(port));
	port->packet_socket_count = 0;
}

/* Reading sets the kernel's count to 0: where a later driver reads it too, each frame is still
 * counted once. */
uint64_t
lk_packet_sockets_dropped(struct lk_port *port)
{
	for (unsigned int i = 0; i < port->packet_socket_count; i++) {
		struct tpacket_stats stats;
		socklen_t length = sizeof(stats);

		if (getsockopt(port->packet_sockets[i].descriptor, SOL_PACKET, PACKET_STATISTICS,
			       &stats, &length) == 0)
			atomic_fetch_add(&port->kernel_drops, stats.tp_drops);
	}
	return atomic_load(&port->kernel_drops);
}

static const struct tpacket2_hdr *
frame_header(const struct lk_port *port, const struct lk_packet_socket *s, unsigned int ahead)
{
	unsigned int frame = (s->next + ahead) % port->packet_frame_count;

	return (const void *)(s->ring + (size_t)frame * port->packet_frame_size);
}

/* How many frames wait, `most` at most; types[] are those of tags that the kernel took out. */
static uint16_t
look_ahead(const struct lk_port *port, const struct lk_packet_socket *s, uint16_t *types,
	   uint16_t most)
{
	uint16_t i;

	for (i = 0; i < most && i < port->packet_frame_count; i++) {
		const struct tpacket2_hdr *header = frame_header(port, s, i);
		uint32_t status = __atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE);

		if ((status & TP_STATUS_USER) == 0)
			break;
		types[i] = (status & TP_STATUS_VLAN_VALID) && (status & TP_STATUS_VLAN_TPID_VALID)
				   ? header->tp_vlan_tpid
				   : LK_TYPE_VLAN;
	}
	return i;
}

/* Frames of the ring that nobody has read. */
int
lk_packet_socket_waiting(const struct lk_port *port, uint16_t queue)
{
	const struct lk_packet_socket *s = &port->packet_sockets[queue];
	int frames = 0;

	for (unsigned int i = 0; i < port->packet_frame_count; i++) {
		const struct tpacket2_hdr *header = frame_header(port, s, i);

		frames += (__atomic_load_n(&header->tp_status, __ATOMIC_ACQUIRE) &
			   TP_STATUS_USER) != 0;
	}
	return frames;
}

/*
 * rte_eth_rx_burst of a packet socket. The driver walks its ring from the first frame on, one
 * buffer a frame, and gives each frame back to the kernel, so what it says is read before.
 */
uint16_t
lk_packet_rx_burst(uint16_t id, uint16_t queue, struct rte_mbuf **frames)
{
	struct lk_port *port = &lk_ports[id];
	struct lk_packet_socket *s = &port->packet_sockets[queue];
	uint16_t types[LK_RX_BURST], count, i;

	count = look_ahead(port, s, types, LK_RX_BURST);
	if (count == 0)
		return 0;
	count = rte_eth_rx_burst(id, queue, frames, count);
	for (i = 0; i < count; i++)
		if (types[i] != LK_TYPE_VLAN)
			lk_put16(rte_pktmbuf_mtod_offset(frames[i], uint8_t *, 12), types[i]);
	s->next = (s->next + count) % port->packet_frame_count;
	return count;
}
