/* SPDX-License-Identifier: BSD-3-Clause */

/* What a port is and what it may be, for Python. */
#include <stdio.h>

#include "api.h"
#include "driver_call.h"
#include "drivers.h"
#include "link.h"
#include "port.h"

/* DPDK's name of an offload; NULL: there is none of this number. */
const char *
lk_offload_name(int is_tx, unsigned int bit)
{
	const char *name = is_tx ? rte_eth_dev_tx_offload_name(UINT64_C(1) << bit)
				 : rte_eth_dev_rx_offload_name(UINT64_C(1) << bit);

	return strcmp(name, "UNKNOWN") == 0 ? NULL : name;
}

uint32_t
lk_speed_bit(uint32_t mbps)
{
	return rte_eth_speed_bitflag(mbps, RTE_ETH_LINK_FULL_DUPLEX);
}

int
lk_port_limits(uint16_t id, struct lk_port_info *out)
{
	struct rte_eth_dev_info info;
	int rc = LK_DRIVER_CALL(rte_eth_dev_info_get, id, &info);

	if (rc != 0)
		return rc;
	memset(out, 0, sizeof(*out));
	out->id = id;
	out->min_mtu = info.min_mtu;
	out->max_mtu = lk_tells_too_little(&info) ? UINT16_MAX : lk_driver_max_mtu(&info);
	out->max_rx_queues = info.max_rx_queues;
	out->max_tx_queues = info.max_tx_queues;
	out->min_rx_descriptors = info.rx_desc_lim.nb_min;
	out->max_rx_descriptors = info.rx_desc_lim.nb_max;
	out->min_tx_descriptors = info.tx_desc_lim.nb_min;
	out->max_tx_descriptors = info.tx_desc_lim.nb_max;
	out->rx_offloads_known = info.rx_offload_capa;
	out->tx_offloads_known = info.tx_offload_capa;
	out->speeds_known = info.speed_capa;
	out->is_virtual = lk_is_virtual(&info);
	out->socket = rte_eth_dev_socket_id(id);
	snprintf(out->driver, sizeof(out->driver), "%s", info.driver_name);
	return 0;
}

static int
pause_mode(uint16_t id)
{
	struct rte_eth_fc_conf pause = {0};

	return LK_DRIVER_CALL(rte_eth_dev_flow_ctrl_get, id, &pause) == 0 ? (int)pause.mode : -1;
}

int
lk_port_info(uint16_t id, struct lk_port_info *out)
{
	const struct lk_port *port = &lk_ports[id];
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
	if (rc != 0)
		return rc;
	lk_link_look(id); /* what is told here has happened */
	lk_links_hold();  /* drivers read a link on one thread at a time */
	out->link = lk_link_read(id, &link);
	lk_links_release();
	out->mtu = port->mtu;
	memcpy(out->mac, mac.addr_bytes, sizeof(out->mac));
	out->rx_queues = info.nb_rx_queues;
	out->tx_queues = info.nb_tx_queues;
	out->rx_descriptors = (uint16_t)(port->rx_descriptors / RTE_MAX(1, info.nb_rx_queues));
	out->tx_descriptors = (uint16_t)(port->tx_descriptors / RTE_MAX(1, info.nb_tx_queues));
	out->rx_offloads = port->rx_offloads;
	out->link_speed = link.link_speed;
	out->full_duplex = link.link_duplex == RTE_ETH_LINK_FULL_DUPLEX;
	out->autoneg = link.link_autoneg == RTE_ETH_LINK_AUTONEG;
	out->pause = out->is_virtual || out->link == LK_LINK_GONE ? -1 : pause_mode(id);
	out->promiscuous = rte_eth_promiscuous_get(id);
	if (port->pool != NULL) {
		out->mbufs = port->pool->size;
		out->mbuf_room = rte_pktmbuf_data_room_size(port->pool);
		out->pool_socket = port->pool->socket_id;
	}
	return 0;
}
