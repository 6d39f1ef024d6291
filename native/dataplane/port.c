/* SPDX-License-Identifier: BSD-3-Clause */

/* Ports, any ethdev: the table of them, devices attached and closed, and what may be set. */
#include <errno.h>

#include <rte_bus_vdev.h>
#include <rte_dev.h>
#include <rte_errno.h>

#include "api.h"
#include "driver_call.h"
#include "drivers.h"
#include "link.h"
#include "port.h"
#include "sick.h"

struct lk_port lk_ports[RTE_MAX_ETHPORTS];

/* DPDK returns -errno in some places; in others -1 or NULL (pass -1), and rte_errno says why. */
int
lk_dpdk_error(int rc)
{
	if (rc < 0 && rc != -1)
		return rc;
	return rte_errno > 0 ? -rte_errno : -EIO;
}

int
lk_ports_left(void)
{
	return RTE_MAX_ETHPORTS - rte_eth_dev_count_total();
}

/*
 * EAL takes NICs when it starts. One that is to be opened with other arguments is given back, for
 * its driver to take it again; one that is open as a port is not.
 */
static int
give_back(const char *device, const char *arguments)
{
	const struct rte_devargs *taken_with;
	struct rte_eth_dev_info info;
	uint16_t id;

	if (rte_eth_dev_get_port_by_name(device, &id) != 0)
		return 0;
	if (lk_ports[id].pool != NULL)
		return -EBUSY;
	if (rte_eth_dev_info_get(id, &info) != 0)
		return 0;
	taken_with = rte_dev_devargs(info.device);
	if (strcmp(taken_with == NULL || taken_with->args == NULL ? "" : taken_with->args,
		   arguments) == 0)
		return 0;
	lk_driver_call_begin("rte_dev_remove", -1, device);
	return lk_driver_call_end(rte_dev_remove(info.device));
}

int
lk_port_attach(const char *bus, const char *device, const char *arguments)
{
	int rc = give_back(device, arguments);

	if (rc != 0)
		return rc;
	lk_driver_call_begin("rte_eal_hotplug_add", -1, device);
	rc = lk_driver_call_end(rte_eal_hotplug_add(bus, device, arguments));
	return rc == 0 ? 0 : lk_dpdk_error(rc);
}

/* The port id of a device, -ENODEV when its driver did not make a port. */
int
lk_port_find(const char *device)
{
	uint16_t id;

	return rte_eth_dev_get_port_by_name(device, &id) == 0 ? id : -ENODEV;
}

int
lk_port_set_promiscuous(uint16_t id, int on)
{
	return on ? LK_DRIVER_CALL(rte_eth_promiscuous_enable, id)
		  : LK_DRIVER_CALL(rte_eth_promiscuous_disable, id);
}

int
lk_port_set_link(uint16_t id, int up)
{
	int rc;

	if (up && lk_ports[id].is_unplugged)
		return -ENOTCONN;
	lk_links_hold();
	if (lk_ports[id].is_ring)
		rc = lk_cable_set_link(&lk_ports[id], up);
	else
		rc = up ? LK_DRIVER_CALL(rte_eth_dev_set_link_up, id)
			: LK_DRIVER_CALL(rte_eth_dev_set_link_down, id);
	lk_links_release();
	lk_links_look(); /* at both ends of a cable */
	return rc;
}

const char *
lk_port_pool(uint16_t id)
{
	return lk_ports[id].pool->name;
}

/* No path and no recorder has the port any more. Its number is free afterwards. */
int
lk_port_close(uint16_t id)
{
	struct rte_eth_dev_info info;
	int rc = rte_eth_dev_info_get(id, &info);

	if (rc != 0)
		return rc;
	lk_link_leave(id);
	lk_pause_restore(id);
	if (lk_is_xdp(&info))
		lk_xdp_reap_sent(id, &info);
	lk_packet_sockets_close(&lk_ports[id]);
	rc = LK_DRIVER_CALL(rte_eth_dev_stop, id);
	if (rc == 0)
		rc = LK_DRIVER_CALL(rte_eth_dev_close, id);
	if (rc != 0)
		return rc;
	if (lk_is_xdp(&info))
		lk_xdp_closed(&lk_ports[id]);
	if (lk_ports[id].is_ring)
		lk_cable_unplug(&lk_ports[id]);
	lk_sick_free(&lk_ports[id]);
	lk_port_silence(&lk_ports[id]);
	memset(&lk_ports[id], 0, sizeof(lk_ports[id]));
	if (info.device == NULL)
		return 0;
	lk_driver_call_begin("rte_dev_remove", id, "");
	return lk_driver_call_end(rte_dev_remove(info.device));
}
