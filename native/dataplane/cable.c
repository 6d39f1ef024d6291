/* SPDX-License-Identifier: BSD-3-Clause */

/* Cables: two ports back to back over rings, and the end of one of them. */
#include <errno.h>
#include <stdio.h>

#include <rte_eth_ring.h>

#include "api.h"
#include "port.h"
#include "sick.h"
#include "worker.h"

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
			return lk_dpdk_error(-1);
	}
	return 0;
}

static void
free_rings(unsigned int queues, struct rte_ring **rings)
{
	for (unsigned int q = 0; q < queues; q++)
		rte_ring_free(rings[q]);
}

static int
create_end(const char *name, unsigned int queues, struct rte_ring **rx, struct rte_ring **tx)
{
	int id = rte_eth_from_rings(name, rx, queues, tx, queues, (unsigned int)SOCKET_ID_ANY);

	if (id < 0)
		return lk_dpdk_error(-1);
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

/* Frames on the wire to this end that no path has taken off it yet, those that a sick port at the
 * other end has not sent among them; 0 where there is no cable. */
unsigned int
lk_port_waiting(uint16_t id)
{
	unsigned int frames = 0;

	for (unsigned int q = 0; q < lk_ports[id].ring_count; q++)
		frames += rte_ring_count(lk_ports[id].rx_rings[q]);
	if (lk_ports[id].is_ring)
		frames += lk_sick_held(lk_port_far_end(&lk_ports[id]));
	return frames;
}

/*
 * Takes a closed port off its cable. The rings belong to both ends, and the last one frees them.
 * The other end drops from now on what it sends, and may still receive what was sent to it.
 */
void
lk_cable_unplug(struct lk_port *port)
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

static int
tell_link(struct lk_port *port, int up)
{
	uint16_t id = (uint16_t)(port - lk_ports);

	port->is_link_down = !up;
	return up ? rte_eth_dev_set_link_up(id) : rte_eth_dev_set_link_down(id);
}

/* A link is up while both ends are. What was sent before may still be received. */
int
lk_cable_set_link(struct lk_port *port, int up)
{
	struct lk_port *peer = port->peer;
	int rc;

	lk_workers_pause();
	port->is_set_down = !up;
	if (peer != NULL && peer->is_set_down)
		up = 0;
	rc = tell_link(port, up);
	if (rc == 0 && peer != NULL)
		rc = tell_link(peer, up);
	lk_workers_resume();
	return rc;
}
