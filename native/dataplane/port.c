/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports: any ethdev. Every port receives into buffers that hold its longest frame in one segment,
 * so that nodes and checksums see a frame as one piece.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_cycles.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>

#include "api.h"
#include "pool.h"
#include "port.h"
#include "worker.h"

#define XDP_RELEASE_SECONDS 0.3
/* net_af_packet wants room for a whole frame of its ring: a step of 1024 bytes and headers. */
#define FRAME_RING_SLACK 1152
/* Ethernet header and two VLAN tags */
#define LINK_OVERHEAD (RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN)

struct lk_port lk_ports[RTE_MAX_ETHPORTS];
static uint64_t xdp_closed; /* TSC when a port of net_af_xdp was last closed */

static int
dpdk_error(int rc)
{
	if (rc < 0 && rc != -1)
		return rc;
	return rte_errno > 0 ? -rte_errno : -EIO;
}

static int
create_rings(unsigned int queues, unsigned int size, struct rte_ring **rings)
{
	static unsigned int made;

	for (unsigned int q = 0; q < queues; q++) {
		char name[RTE_RING_NAMESIZE];

		snprintf(name, sizeof(name), "lk_%u", made++);
		rings[q] =
			rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
		if (rings[q] == NULL)
			return dpdk_error(-1);
	}
	return 0;
}

static void
free_rings(unsigned int queues, struct rte_ring **rings)
{
	for (unsigned int q = 0; q < queues; q++)
		rte_ring_free(rings[q]);
}

int
lk_ports_left(void)
{
	return RTE_MAX_ETHPORTS - rte_eth_dev_count_total();
}

static int
create_end(const char *name, unsigned int queues, struct rte_ring **rx, struct rte_ring **tx)
{
	int id = rte_eth_from_rings(name, rx, queues, tx, queues, (unsigned int)SOCKET_ID_ANY);

	if (id < 0)
		return dpdk_error(-1);
	lk_ports[id] = (struct lk_port){.tx_ring = tx[0], .is_ring = 1, .ring_count = queues};
	memcpy(lk_ports[id].rx_rings, rx, queues * sizeof(rx[0]));
	memcpy(lk_ports[id].tx_rings, tx, queues * sizeof(tx[0]));
	return id;
}

/* Two ports back to back; with a NULL b, one port that hears itself. ids[0..1] are the ports. */
int
lk_cable_create(const char *a, const char *b, unsigned int queues, unsigned int ring_size,
		uint16_t *ids)
{
	struct rte_ring *out[LK_MAX_RING_QUEUES] = {NULL}, *back[LK_MAX_RING_QUEUES] = {NULL};
	int first = -1, second = -1, rc;

	if (queues == 0 || queues > LK_MAX_RING_QUEUES)
		return -EINVAL;
	rc = create_rings(queues, ring_size, out);
	if (rc == 0 && b != NULL)
		rc = create_rings(queues, ring_size, back);
	if (rc == 0)
		rc = first = create_end(a, queues, b != NULL ? back : out, out);
	if (rc >= 0 && b != NULL)
		rc = second = create_end(b, queues, out, back);
	if (rc < 0) {
		if (first >= 0) {
			lk_port_close((uint16_t)first); /* and frees the rings */
		} else {
			free_rings(queues, out);
			free_rings(queues, back);
		}
		return rc;
	}
	ids[0] = (uint16_t)first;
	if (b == NULL)
		return 0;
	ids[1] = (uint16_t)second;
	lk_ports[first].peer = &lk_ports[second];
	lk_ports[second].peer = &lk_ports[first];
	return 0;
}

int
lk_port_probe(const char *bus, const char *device, const char *arguments)
{
	int rc = rte_eal_hotplug_add(bus, device, arguments);

	return rc == 0 ? 0 : dpdk_error(rc);
}

/* The port id of a device, -ENODEV when its driver did not make a port. */
int
lk_port_find(const char *device)
{
	uint16_t id;

	return rte_eth_dev_get_port_by_name(device, &id) == 0 ? id : -ENODEV;
}

static int
setup_queues(uint16_t id, struct lk_port_config *config, struct rte_mempool *pool)
{
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(id, &config->rx_descriptors,
						  &config->tx_descriptors);

	for (uint16_t q = 0; rc == 0 && q < config->rx_queues; q++)
		rc = rte_eth_rx_queue_setup(id, q, config->rx_descriptors,
					    (unsigned int)SOCKET_ID_ANY, NULL, pool);
	for (uint16_t q = 0; rc == 0 && q < config->tx_queues; q++)
		rc = rte_eth_tx_queue_setup(id, q, config->tx_descriptors,
					    (unsigned int)SOCKET_ID_ANY, NULL);
	return rc;
}

/*
 * net_af_xdp of DPDK 22.11 gives the buffers of its queues to nobody when it is closed, so each of
 * its ports has a pool of its own. The kernel lets go of a queue a moment after its socket was
 * closed, and a device that found it busy cannot be set up again.
 */
static int
setup_xdp_queues(uint16_t id, struct lk_port_config *config)
{
	static int opened;
	const struct timespec moment = {0, 10000000};
	struct lk_port *port = &lk_ports[id];
	int rc;

	while (xdp_closed != 0 &&
	       (double)(rte_rdtsc() - xdp_closed) < XDP_RELEASE_SECONDS * lk_clock_tsc_hz())
		nanosleep(&moment, NULL);
	port->pool = lk_pool_for(port->max_frame, config->mbufs, opened++);
	if (port->pool == NULL)
		return dpdk_error(-1);
	rc = setup_queues(id, config, port->pool);
	port->kept = rte_mempool_in_use_count(port->pool);
	return rc;
}

/* A driver limits the MTU, the frame, or both (rte_eth_dev_configure checks both). */
static uint16_t
max_mtu(const struct rte_eth_dev_info *info)
{
	uint32_t overhead = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN;

	if (info->max_mtu != UINT16_MAX && info->max_rx_pktlen > info->max_mtu)
		overhead = info->max_rx_pktlen - info->max_mtu;
	return (uint16_t)RTE_MIN(info->max_mtu, info->max_rx_pktlen - overhead);
}

static int
is_packet_socket(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_af_packet") == 0;
}

static int
is_xdp(const struct rte_eth_dev_info *info)
{
	return strcmp(info->driver_name, "net_af_xdp") == 0;
}

/*
 * net_af_packet and net_memif tell ethdev of frames of 1514 bytes at most. What they take is what
 * their rings hold, and these are made for the port's MTU (labkit/lab/device.py).
 */
static int
tells_too_little(const struct rte_eth_dev_info *info)
{
	return is_packet_socket(info) || strcmp(info->driver_name, "net_memif") == 0;
}

static int
set_interface_mtu(unsigned int index, uint32_t mtu)
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

int
lk_port_start(uint16_t id, const struct lk_port_config *wanted, const uint8_t *mac)
{
	struct rte_eth_conf conf = {.rxmode = {.mtu = wanted->mtu}};
	struct lk_port_config config = *wanted;
	struct rte_eth_dev_info info;
	struct rte_ether_addr address;
	uint16_t mtu;
	int rc;

	rc = rte_eth_dev_info_get(id, &info);
	if (rc != 0)
		return rc;
	if (tells_too_little(&info))
		conf.rxmode.mtu = RTE_MIN(wanted->mtu, (uint32_t)max_mtu(&info));
	if (config.rx_queues > 1)
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	conf.rx_adv_conf.rss_conf.rss_hf =
		(RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP) & info.flow_type_rss_offloads;
	if (conf.rx_adv_conf.rss_conf.rss_hf == 0)
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	rc = rte_eth_dev_configure(id, config.rx_queues, config.tx_queues, &conf);
	if (rc == 0)
		rc = rte_eth_dev_get_mtu(id, &mtu);
	if (rc == 0 && wanted->mtu > mtu && tells_too_little(&info)) {
		mtu = (uint16_t)wanted->mtu;
		if (is_packet_socket(&info))
			rc = set_interface_mtu(info.if_index, mtu);
	}
	if (rc != 0)
		return rc;
	lk_ports[id].mtu = mtu;
	if (config.rx_descriptors == 0)
		config.rx_descriptors = 1024;
	if (config.tx_descriptors == 0)
		config.tx_descriptors = 1024;
	lk_ports[id].max_frame = mtu + LINK_OVERHEAD;
	if (is_xdp(&info)) {
		rc = setup_xdp_queues(id, &config);
	} else {
		uint32_t slack = is_packet_socket(&info) ? FRAME_RING_SLACK : 0;

		lk_ports[id].pool = lk_pool_for(lk_ports[id].max_frame + slack, config.mbufs, -1);
		if (lk_ports[id].pool == NULL)
			return dpdk_error(-1);
		rc = setup_queues(id, &config, lk_ports[id].pool);
	}
	if (rc != 0)
		return rc;
	if (mac != NULL) {
		memcpy(address.addr_bytes, mac, RTE_ETHER_ADDR_LEN);
		rc = rte_eth_dev_default_mac_addr_set(id, &address);
		/* A driver without the operation (net_ring, net_null) filters no addresses. */
		if (rc != 0 && rc != -ENOTSUP)
			return rc;
	}
	if (wanted->mtu != 0 && !lk_ports[id].is_ring && wanted->mtu <= max_mtu(&info)) {
		rc = rte_eth_dev_set_mtu(id, (uint16_t)wanted->mtu);
		if (rc != 0 && rc != -ENOTSUP)
			return rc;
	}
	if (is_packet_socket(&info))
		lk_packet_sockets_find(&lk_ports[id], info.if_index);
	rc = rte_eth_dev_start(id);
	if (rc == 0 && lk_ports[id].is_unplugged)
		rc = rte_eth_dev_set_link_down(id);
	if (rc == 0 && config.promiscuous) {
		rc = rte_eth_promiscuous_enable(id);
		if (rc == -ENOTSUP)
			rc = 0;
	}
	return rc;
}

int
lk_port_limits(uint16_t id, struct lk_port_info *out)
{
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(id, &info);

	if (rc != 0)
		return rc;
	memset(out, 0, sizeof(*out));
	out->id = id;
	out->min_mtu = info.min_mtu;
	out->max_mtu = tells_too_little(&info) ? UINT16_MAX : max_mtu(&info);
	out->max_rx_queues = info.max_rx_queues;
	out->max_tx_queues = info.max_tx_queues;
	snprintf(out->driver, sizeof(out->driver), "%s", info.driver_name);
	return 0;
}

int
lk_port_info(uint16_t id, struct lk_port_info *out)
{
	struct rte_ether_addr mac;
	struct rte_eth_link link;
	struct rte_eth_dev_info info;
	int rc = lk_port_limits(id, out);

	if (rc == 0)
		rc = rte_eth_dev_info_get(id, &info);
	if (rc == 0)
		rc = rte_eth_macaddr_get(id, &mac);
	if (rc == 0)
		rc = rte_eth_dev_get_name_by_port(id, out->device);
	if (rc == 0)
		rc = rte_eth_link_get_nowait(id, &link);
	if (rc != 0)
		return rc;
	out->mtu = lk_ports[id].mtu;
	memcpy(out->mac, mac.addr_bytes, sizeof(out->mac));
	out->rx_queues = info.nb_rx_queues;
	out->tx_queues = info.nb_tx_queues;
	out->link_up = link.link_status == RTE_ETH_LINK_UP;
	out->link_speed = link.link_speed;
	out->promiscuous = rte_eth_promiscuous_get(id);
	return 0;
}

int
lk_port_set_promiscuous(uint16_t id, int on)
{
	return on ? rte_eth_promiscuous_enable(id) : rte_eth_promiscuous_disable(id);
}

int
lk_port_set_link(uint16_t id, int up)
{
	if (up && lk_ports[id].is_unplugged)
		return -ENOTCONN;
	return up ? rte_eth_dev_set_link_up(id) : rte_eth_dev_set_link_down(id);
}

const char *
lk_port_pool(uint16_t id)
{
	return lk_ports[id].pool->name;
}

/*
 * Takes a closed port off its cable. The rings belong to both ends, and the last one frees them.
 * The other end drops from now on what it sends, and may still receive what was sent to it.
 */
static void
unplug(struct lk_port *port)
{
	struct lk_port *peer = port->peer;
	void *m;

	lk_workers_pause(); /* none is in the middle of sending on the other end */
	for (unsigned int q = 0; q < port->ring_count; q++)
		while (rte_ring_dequeue(port->rx_rings[q], &m) == 0)
			rte_pktmbuf_free(m);
	if (peer != NULL) {
		peer->is_unplugged = 1;
		peer->peer = NULL;
		rte_eth_dev_set_link_down((uint16_t)(peer - lk_ports));
	} else {
		if (port->rx_rings[0] != port->tx_rings[0])
			free_rings(port->ring_count, port->rx_rings);
		free_rings(port->ring_count, port->tx_rings);
	}
	lk_workers_resume();
}

/* No path and no recorder has the port any more. Its number is free afterwards. */
int
lk_port_close(uint16_t id)
{
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(id, &info);

	if (rc != 0)
		return rc;
	if (is_xdp(&info)) /* it takes buffers that were sent out of its queues */
		for (uint16_t q = 0; q < info.nb_tx_queues; q++)
			rte_eth_tx_burst(id, q, NULL, 0);
	rc = rte_eth_dev_stop(id);
	if (rc == 0)
		rc = rte_eth_dev_close(id);
	if (rc != 0)
		return rc;
	if (is_xdp(&info)) {
		lk_pool_free_own(lk_ports[id].pool, lk_ports[id].kept);
		xdp_closed = rte_rdtsc();
	}
	if (lk_ports[id].is_ring)
		unplug(&lk_ports[id]);
	memset(&lk_ports[id], 0, sizeof(lk_ports[id]));
	return info.device != NULL ? rte_dev_remove(info.device) : 0;
}
