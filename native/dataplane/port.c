/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Ports: any ethdev. Every port receives into buffers that hold its longest frame in one segment,
 * so that nodes and checksums see a frame as one piece; ports with buffers of one size share a
 * pool.
 */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_eth_ring.h>

#include "api.h"
#include "port.h"

#define POOL_CACHE 256
/* net_af_packet wants room for a whole frame of its ring: a step of 1024 bytes and headers. */
#define FRAME_RING_SLACK 1152
/* Ethernet header and two VLAN tags */
#define LINK_OVERHEAD (RTE_ETHER_HDR_LEN + 2 * RTE_VLAN_HLEN)

struct lk_port lk_ports[RTE_MAX_ETHPORTS];

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

int
lk_ports_left(void)
{
	return RTE_MAX_ETHPORTS - rte_eth_dev_count_total();
}

/* Two ports back to back; with a NULL b, one port that hears itself. ids[0..1] are the ports. */
int
lk_cable_create(const char *a, const char *b, unsigned int queues, unsigned int ring_size,
		uint16_t *ids)
{
	struct rte_ring *out[LK_MAX_RING_QUEUES], *back[LK_MAX_RING_QUEUES];
	int rc, id;

	if (queues == 0 || queues > LK_MAX_RING_QUEUES)
		return -EINVAL;
	rc = create_rings(queues, ring_size, out);
	if (rc == 0 && b != NULL)
		rc = create_rings(queues, ring_size, back);
	if (rc != 0)
		return rc;
	id = rte_eth_from_rings(a, b != NULL ? back : out, queues, out, queues,
				(unsigned int)SOCKET_ID_ANY);
	if (id < 0)
		return dpdk_error(-1);
	ids[0] = (uint16_t)id;
	lk_ports[id] = (struct lk_port){.tx_ring = out[0], .is_ring = 1};
	memcpy(lk_ports[id].tx_rings, out, queues * sizeof(out[0]));
	if (b == NULL)
		return 0;
	id = rte_eth_from_rings(b, out, queues, back, queues, (unsigned int)SOCKET_ID_ANY);
	if (id < 0)
		return dpdk_error(-1);
	ids[1] = (uint16_t)id;
	lk_ports[id] = (struct lk_port){.tx_ring = back[0], .is_ring = 1};
	memcpy(lk_ports[id].tx_rings, back, queues * sizeof(back[0]));
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

static struct rte_mempool *
pool_for(uint32_t max_frame, uint32_t mbufs)
{
	/* A tunnel's headers may be longer than the headroom; then the frame moves up for them. */
	uint32_t room = RTE_ALIGN(max_frame + LK_MAX_TUNNEL_HEADER, 64) + RTE_PKTMBUF_HEADROOM;
	struct rte_mempool *pool;
	char name[RTE_MEMPOOL_NAMESIZE];

	if (room < RTE_MBUF_DEFAULT_BUF_SIZE)
		room = RTE_MBUF_DEFAULT_BUF_SIZE;
	snprintf(name, sizeof(name), "lk_%u_%u", room, mbufs);
	pool = rte_mempool_lookup(name);
	if (pool == NULL)
		pool = rte_pktmbuf_pool_create(name, mbufs, POOL_CACHE, 0, (uint16_t)room,
					       SOCKET_ID_ANY);
	return pool;
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

/*
 * net_af_packet and net_memif tell ethdev of frames of 1514 bytes at most. What they take is what
 * their rings hold, and these are made for the port's MTU (labkit/devices.py).
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
	lk_ports[id].pool =
		pool_for(lk_ports[id].max_frame + (is_packet_socket(&info) ? FRAME_RING_SLACK : 0),
			 config.mbufs);
	if (lk_ports[id].pool == NULL)
		return dpdk_error(-1);
	rc = setup_queues(id, &config, lk_ports[id].pool);
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
	return up ? rte_eth_dev_set_link_up(id) : rte_eth_dev_set_link_down(id);
}

const char *
lk_port_pool(uint16_t id)
{
	return lk_ports[id].pool->name;
}

int
lk_port_stop(uint16_t id)
{
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(id, &info);

	if (rc == 0)
		rc = rte_eth_dev_stop(id);
	if (rc == 0)
		rc = rte_eth_dev_close(id);
	if (rc == 0 && info.device != NULL)
		rc = rte_dev_remove(info.device);
	memset(&lk_ports[id], 0, sizeof(lk_ports[id]));
	return rc;
}
