/* SPDX-License-Identifier: BSD-3-Clause */

/* What net_af_packet, net_af_xdp and net_memif of DPDK 22.11 need that other drivers do not. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <rte_bus.h>
#include <rte_cycles.h>
#include <rte_devargs.h>

#include "drivers.h"
#include "pool.h"
#include "port.h"

#define XDP_RELEASE_SECONDS 0.3
/* net_af_packet wants room for a whole frame of its ring: a step of 1024 bytes and headers. */
#define FRAME_RING_SLACK 1152

static uint64_t xdp_closed; /* TSC when a port of net_af_xdp was last closed */

int
lk_is_packet_socket(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_af_packet") == 0;
}

int
lk_counts_no_bytes(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_ring") == 0 ||
	       strcmp(info->driver_name, "net_null") == 0;
}

/* No registers need to be read to learn of its link. */
int
lk_is_virtual(const struct rte_eth_dev_info *info)
{
	return strcmp(rte_bus_name(rte_dev_bus(info->device)), "vdev") == 0;
}

int
lk_is_tap(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_tap") == 0;
}

/* Its queues are filled with buffers, which nobody else has meanwhile. */
int
lk_keeps_buffers(const struct rte_eth_dev_info *info)
{
	const struct rte_devargs *given = rte_dev_devargs(info->device);

	if (!lk_is_virtual(info) || lk_is_tap(info))
		return 1;
	return strcmp(info->driver_name, "net_memif") == 0 && given != NULL &&
	       given->args != NULL && strstr(given->args, "zero-copy=yes") != NULL;
}

int
lk_is_xdp(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_af_xdp") == 0;
}

/*
 * net_af_packet and net_memif tell ethdev of frames of 1514 bytes at most. What they take is what
 * their rings hold, and these are made for the port's MTU (labkit/lab/device.py).
 */
int
lk_tells_too_little(const struct rte_eth_dev_info *info)
{
	return lk_is_packet_socket(info) || strcmp(info->driver_name, "net_memif") == 0;
}

/* A driver limits the MTU, the frame, or both (rte_eth_dev_configure checks both). */
uint16_t
lk_driver_max_mtu(const struct rte_eth_dev_info *info)
{
	uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		overhead = info->max_rx_pktlen - info->max_mtu;
	return (uint16_t)RTE_MIN(info->max_mtu, info->max_rx_pktlen - overhead);
}

/* Bytes that a buffer needs beyond the longest frame. */
uint32_t
lk_driver_slack(const struct rte_eth_dev_info *info)
{
	return lk_is_packet_socket(info) ? FRAME_RING_SLACK : 0;
}

int
lk_interface_set_mtu(unsigned int index, uint32_t mtu)
{
	struct ifreq request = {.ifr_mtu = (int)mtu};
	int s, rc;

	if (if_indextoname(index, request.ifr_name) == NULL)
		return -errno;
	s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (s < 0)
		return -errno;
	rc = ioctl(s, SIOCSIFMTU, &request) == 0 ? 0 : -errno;
	close(s);
	return rc;
}

/*
 * net_af_xdp gives the buffers of its queues to nobody when it is closed, so each of its ports has
 * a pool of its own. The kernel lets go of a queue a moment after its socket was closed, and a
 * device that found it busy cannot be set up again.
 */
int
lk_xdp_make_pool(struct lk_port *port)
{
	static unsigned int opened;
	char own[16];
	const struct timespec moment = {0, 10000000};

	while (xdp_closed != 0 &&
	       (double)(rte_rdtsc() - xdp_closed) < XDP_RELEASE_SECONDS * lk_clock_tsc_hz())
		nanosleep(&moment, NULL);
	snprintf(own, sizeof(own), "_xdp%u", opened++);
	port->pool = lk_pool_for(port->max_frame, port->mbufs, own, SOCKET_ID_ANY);
	return port->pool == NULL ? lk_dpdk_error(-1) : 0;
}

/* Its queues are set up: what they took of the pool they never give back. */
void
lk_xdp_count_kept(struct lk_port *port)
{
	port->kept = rte_mempool_in_use_count(port->pool);
}

/* The driver takes buffers that were sent out of its queues when it is asked to send. */
void
lk_xdp_reap_sent(uint16_t id, const struct rte_eth_dev_info *info)
{
	for (uint16_t q = 0; q < info->nb_tx_queues; q++)
		rte_eth_tx_burst(id, q, NULL, 0);
}

void
lk_xdp_closed(struct lk_port *port)
{
	lk_pool_free_own(port->pool, port->kept);
	xdp_closed = rte_rdtsc();
}
