/* SPDX-License-Identifier: BSD-3-Clause */

/* What a port is and what it may be, for Python. */
#include <stdio.h>

#include "api.h"
#include "driver_call.h"
#include "drivers.h"
#include "port.h"

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
		rc = LK_DRIVER_CALL(rte_eth_link_get_nowait, id, &link);
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
