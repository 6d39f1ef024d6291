/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames of the parent process enter a path: from a queue in shared memory into mbufs. */
#include "inject.h"
#include "port.h"

#define BURST 64

/*
 * A bulk send from Python is meant to arrive, so it does not run ahead of a full cable. Half of the
 * ring stays free for what else the port sends. Where nobody reads the other end there is nothing
 * to wait for: tx has what does not fit be missed there.
 */
static uint16_t
room_on_cable(struct lk_port *port)
{
	unsigned int capacity, used;

	if (port->tx_ring == NULL || port->is_unplugged || port->is_link_down ||
	    lk_port_is_unread(port, 0))
		return BURST;
	capacity = rte_ring_get_capacity(port->tx_ring) / 2;
	used = rte_ring_count(port->tx_ring);
	return used >= capacity ? 0 : (uint16_t)RTE_MIN(BURST, capacity - used);
}

uint16_t
lk_inject(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_node *self = lk_node_of(node);
	struct lk_port *port = &lk_ports[self->config.port];
	struct lk_frame_ring *ring = self->config.ring;
	struct lk_record record;
	uint16_t count = 0, room;

	(void)objs;
	(void)unused;
	RTE_PER_LCORE(lk_current_node) = node->id;
	if (self->reader.position == 0)
		self->reader.position = atomic_load(&ring->read);
	/* Told a walk later: who waited for it may look at counters, and the frames have left. */
	if (atomic_load_explicit(&ring->read, memory_order_relaxed) != self->reader.position)
		lk_ring_read_up_to(ring, self->reader.position);
	if (atomic_load_explicit(&ring->written, memory_order_relaxed) == self->reader.position)
		return 0;
	room = room_on_cable(port);
	while (count < room) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(port->pool);
		int64_t length;

		if (m == NULL)
			break; /* the frame stays in the queue until buffers come back */
		length = lk_ring_read(ring, &self->reader, &record, rte_pktmbuf_mtod(m, uint8_t *),
				      rte_pktmbuf_tailroom(m));
		if (length <= 0) {
			rte_pktmbuf_free(m);
			break;
		}
		m->data_len = (uint16_t)length;
		m->pkt_len = (uint32_t)length;
		m->ol_flags |= lk_of_python;
		node->objs[count++] = m;
	}
	RTE_PER_LCORE(lk_python_sends) = 1;
	return lk_source_done(graph, node, count, 0);
}

LK_NODE(inject, lk_inject, .is_polled = 1)
