/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The start of a port: configured, its queues set up, its address and MTU told to the driver. Every
 * port receives into buffers that hold its longest frame in one segment, so that nodes and
 * checksums see a frame as one piece.
 */
#include <errno.h>
#include <stdio.h>

#include "api.h"
#include "driver_call.h"
#include "drivers.h"
#include "headers.h"
#include "link.h"
#include "pool.h"
#include "port.h"

#define DESCRIPTORS 1024 /* of a queue when no number is asked for */

/* A speed that is asked for is not agreed on with the other end. */
static uint32_t
speeds_of(uint32_t mbps)
{
	if (mbps == 0)
		return RTE_ETH_LINK_SPEED_AUTONEG;
	return rte_eth_speed_bitflag(mbps, RTE_ETH_LINK_FULL_DUPLEX) | RTE_ETH_LINK_SPEED_FIXED;
}

/* Queues and MTU; the port knows afterwards how long its frames may be. */
static int
configure(uint16_t id, const struct lk_port_config *wanted, const struct rte_eth_dev_info *info)
{
	struct rte_eth_conf conf = {.rxmode = {.mtu = wanted->mtu, .offloads = wanted->rx_offloads},
				    .link_speeds = speeds_of(wanted->speed)};
	struct rte_eth_rss_conf *rss = &conf.rx_adv_conf.rss_conf;
	uint16_t mtu;
	int rc;

	if (lk_tells_too_little(info))
		conf.rxmode.mtu = RTE_MIN(wanted->mtu, (uint32_t)lk_driver_max_mtu(info));
	if (wanted->rx_queues > 1)
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_RSS;
	rss->rss_hf =
		(RTE_ETH_RSS_IP | RTE_ETH_RSS_UDP | RTE_ETH_RSS_TCP) & info->flow_type_rss_offloads;
	if (rss->rss_hf == 0)
		conf.rxmode.mq_mode = RTE_ETH_MQ_RX_NONE;
	conf.intr_conf.rmv = (*info->dev_flags & RTE_ETH_DEV_INTR_RMV) != 0;
	rc = LK_DRIVER_CALL(rte_eth_dev_configure, id, wanted->rx_queues, wanted->tx_queues, &conf);
	if (rc == 0)
		rc = rte_eth_dev_get_mtu(id, &mtu);
	if (rc == 0 && wanted->mtu > mtu && lk_tells_too_little(info)) {
		mtu = (uint16_t)wanted->mtu;
		if (lk_is_packet_socket(info))
			rc = lk_interface_set_mtu(info->if_index, mtu);
	}
	if (rc != 0)
		return rc;
	lk_ports[id].mtu = mtu;
	lk_ports[id].max_frame = mtu + LK_LINK_OVERHEAD;
	return 0;
}

static int
set_up_queues(uint16_t id, const struct lk_port_config *config, uint16_t rx, uint16_t tx)
{
	struct rte_mempool *pool = lk_ports[id].pool;
	unsigned int socket = (unsigned int)rte_eth_dev_socket_id(id);
	int rc = 0;

	for (uint16_t q = 0; rc == 0 && q < config->rx_queues; q++)
		rc = LK_DRIVER_CALL(rte_eth_rx_queue_setup, id, q, rx, socket, NULL, pool);
	for (uint16_t q = 0; rc == 0 && q < config->tx_queues; q++)
		rc = LK_DRIVER_CALL(rte_eth_tx_queue_setup, id, q, tx, socket, NULL);
	return rc;
}

/* The pool that the port receives into, on the NUMA node of its device. */
static int
make_pool(uint16_t id, const struct lk_port_config *config, const struct rte_eth_dev_info *info)
{
	struct lk_port *port = &lk_ports[id];
	int is_own = lk_is_xdp(info) || lk_keeps_buffers(info) || config->mbufs != 0;
	unsigned int queues = RTE_MAX(config->rx_queues, config->tx_queues);
	char own[8] = "";

	port->mbufs = config->mbufs != 0 ? config->mbufs : lk_pool_mbufs(port, queues, is_own);
	if (lk_is_xdp(info))
		return lk_xdp_make_pool(port);
	if (is_own)
		snprintf(own, sizeof(own), "_%u", id);
	port->pool = lk_pool_for(port->max_frame + lk_driver_slack(info), port->mbufs, own,
				 rte_eth_dev_socket_id(id));
	return port->pool == NULL ? lk_dpdk_error(-1) : 0;
}

static int
make_queues(uint16_t id, const struct lk_port_config *config, const struct rte_eth_dev_info *info)
{
	struct lk_port *port = &lk_ports[id];
	uint16_t rx = config->rx_descriptors == 0 ? DESCRIPTORS : config->rx_descriptors;
	uint16_t tx = config->tx_descriptors == 0 ? DESCRIPTORS : config->tx_descriptors;
	int rc = rte_eth_dev_adjust_nb_rx_tx_desc(id, &rx, &tx);

	if (rc != 0)
		return rc;
	if (!port->is_ring) {
		/* net_af_xdp has rings of its own size, whatever it is asked for */
		uint32_t least = lk_is_xdp(info) ? LK_XDP_RING : 0;

		port->rx_descriptors = RTE_MAX(rx, least) * config->rx_queues;
		port->tx_descriptors = RTE_MAX(tx, least) * config->tx_queues;
	}
	rc = make_pool(id, config, info);
	if (rc != 0)
		return rc;
	rc = set_up_queues(id, config, rx, tx);
	if (lk_is_xdp(info))
		lk_xdp_count_kept(port);
	return rc;
}

/* A driver without an operation is none that refuses: net_ring and net_null filter no addresses. */
static int
unless_unsupported(int rc)
{
	return rc == -ENOTSUP ? 0 : rc;
}

/*
 * A receiver that cannot keep up would have the other end wait (IEEE 802.3, annex 31B) where a
 * measurement wants to see what is lost. What was on before is on again when the port is closed.
 */
static void
switch_pause_off(uint16_t id)
{
	struct rte_eth_fc_conf pause = {0};
	enum rte_eth_fc_mode before;

	if (LK_DRIVER_CALL(rte_eth_dev_flow_ctrl_get, id, &pause) != 0 ||
	    pause.mode == RTE_ETH_FC_NONE)
		return;
	before = pause.mode;
	pause.mode = RTE_ETH_FC_NONE;
	if (LK_DRIVER_CALL(rte_eth_dev_flow_ctrl_set, id, &pause) == 0)
		lk_ports[id].pause_mode = (int)before;
}

void
lk_pause_restore(uint16_t id)
{
	struct rte_eth_fc_conf pause = {0};

	if (lk_ports[id].pause_mode == RTE_ETH_FC_NONE ||
	    LK_DRIVER_CALL(rte_eth_dev_flow_ctrl_get, id, &pause) != 0)
		return;
	pause.mode = (enum rte_eth_fc_mode)lk_ports[id].pause_mode;
	LK_DRIVER_CALL(rte_eth_dev_flow_ctrl_set, id, &pause);
}

static int
set_mac(uint16_t id, const uint8_t *mac)
{
	struct rte_ether_addr address;

	memcpy(address.addr_bytes, mac, RTE_ETHER_ADDR_LEN);
	return unless_unsupported(LK_DRIVER_CALL(rte_eth_dev_default_mac_addr_set, id, &address));
}

/* Whether a NIC would keep frames to this address away, having neither taken it nor everything. */
static int
filters(uint16_t id, const uint8_t *mac)
{
	struct rte_ether_addr own;

	return mac != NULL && rte_eth_promiscuous_get(id) != 1 &&
	       rte_eth_macaddr_get(id, &own) == 0 &&
	       memcmp(own.addr_bytes, mac, RTE_ETHER_ADDR_LEN) != 0;
}

int
lk_port_start(uint16_t id, const struct lk_port_config *wanted, const uint8_t *mac)
{
	struct rte_eth_dev_info info;
	int rc;

	rc = rte_eth_dev_info_get(id, &info);
	if (rc == 0)
		rc = configure(id, wanted, &info);
	if (rc == 0)
		rc = make_queues(id, wanted, &info);
	if (rc == 0 && mac != NULL)
		rc = set_mac(id, mac);
	if (rc == 0 && wanted->mtu != 0 && !lk_ports[id].is_ring &&
	    wanted->mtu <= lk_driver_max_mtu(&info))
		rc = unless_unsupported(
			LK_DRIVER_CALL(rte_eth_dev_set_mtu, id, (uint16_t)wanted->mtu));
	if (rc != 0)
		return rc;
	lk_ports[id].tells_link = !lk_ports[id].is_ring && lk_is_virtual(&info);
	lk_ports[id].rx_offloads = wanted->rx_offloads;
	lk_ports[id].pause_mode = RTE_ETH_FC_NONE;
	if (lk_counts_no_bytes(&info))
		lk_bytes_find(&lk_ports[id], wanted->rx_queues, wanted->tx_queues);
	if (lk_is_packet_socket(&info))
		rc = lk_packet_sockets_open(&lk_ports[id], &info);
	if (rc == 0)
		rc = LK_DRIVER_CALL(rte_eth_dev_start, id);
	if (rc == 0 && lk_ports[id].is_unplugged)
		rc = LK_DRIVER_CALL(rte_eth_dev_set_link_down, id);
	if (rc == 0) /* some drivers begin with it, net_ring for one */
		rc = unless_unsupported(wanted->promiscuous
						? LK_DRIVER_CALL(rte_eth_promiscuous_enable, id)
						: LK_DRIVER_CALL(rte_eth_promiscuous_disable, id));
	if (rc == 0 && !lk_is_virtual(&info) && filters(id, mac))
		return -EADDRNOTAVAIL;
	if (rc == 0 && !lk_is_virtual(&info) && !wanted->pause_frames)
		switch_pause_off(id);
	if (rc == 0)
		lk_link_follow(id, &info);
	return rc;
}
