/* SPDX-License-Identifier: BSD-3-Clause */

/* A router's ports from its configuration: who it is on each of them. */
#include <errno.h>

#include <rte_ethdev.h>

#include "router.h"

#define DEFAULT_MTU 1500 /* of what is no port */

/* fe80:: and the EUI-64 of its MAC (RFC 4291 2.5.1, 2.5.6) */
static void
link_local_of(const uint8_t *mac, uint8_t *address)
{
	memset(address, 0, 16);
	address[0] = 0xfe;
	address[1] = 0x80;
	memcpy(address + 8, mac, 3);
	address[8] ^= 2;
	address[11] = 0xff;
	address[12] = 0xfe;
	memcpy(address + 13, mac + 3, 3);
}

static void
open_port(struct lk_router *r, unsigned int index, uint16_t number,
	  const struct lk_packed_port *packed)
{
	struct lk_router_port *port = &r->ports[index];
	struct lk_endpoint *e = &port->endpoint;
	uint8_t destination[8] = {0};
	uint16_t mtu;

	port->number = number;
	r->by_number[number] = (uint8_t)index;
	memcpy(e->mac, packed->mac, 6);
	memcpy(destination, packed->mac, 6);
	port->mac = lk_load64(destination);
	port->mtu = packed->mtu;
	if (port->mtu == 0)
		port->mtu =
			rte_eth_dev_is_valid_port(number) && rte_eth_dev_get_mtu(number, &mtu) == 0
				? mtu
				: DEFAULT_MTU;
	e->ipv4_count = packed->ipv4_count;
	e->ipv6_count = packed->ipv6_count;
	for (uint32_t i = 0; i < e->ipv4_count; i++) {
		uint8_t length = packed->addresses[i].length;

		memcpy(e->ipv4[i], packed->addresses[i].address, 4);
		e->ipv4_hosts[i] = length < 31 ? UINT32_MAX >> length : 0;
	}
	for (uint32_t i = 0; i < e->ipv6_count; i++) {
		memcpy(e->ipv6[i], packed->addresses[e->ipv4_count + i].address, 16);
		port->ipv6_lengths[i] = packed->addresses[e->ipv4_count + i].length;
	}
	if (e->ipv6_count > 0) {
		link_local_of(e->mac, e->ipv6[e->ipv6_count]);
		port->ipv6_lengths[e->ipv6_count++] = 64;
	}
}

int
lk_router_open_ports(struct lk_router *r, const struct lk_node_data *port_numbers,
		     const struct lk_node_data *network)
{
	const struct lk_packed_port *packed = (const void *)network->bytes;
	const uint8_t *numbers = port_numbers->bytes;

	r->port_count = (uint16_t)(port_numbers->length / 2);
	if (r->port_count == 0 || r->port_count > LK_MAX_OUTPUTS ||
	    network->length < r->port_count * sizeof(*packed))
		return -EINVAL;
	memset(r->by_number, LK_NO_PORT, sizeof(r->by_number));
	for (unsigned int i = 0; i < r->port_count; i++) {
		uint16_t number;

		memcpy(&number, numbers + 2 * i, 2);
		if (packed[i].ipv4_count > LK_MAX_ADDRESSES ||
		    packed[i].ipv6_count >= LK_MAX_ADDRESSES)
			return -EINVAL;
		open_port(r, i, number, &packed[i]);
	}
	return 0;
}
