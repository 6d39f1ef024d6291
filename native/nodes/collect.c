/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames leave a path for the parent process: into a journal in shared memory. */
#include <rte_cycles.h>

#include "inject.h"
#include "port.h"

void
lk_show_python(const struct lk_node *self, void **objs, uint16_t count)
{
	struct lk_frame_ring *ring = self->config.ring;
	uint64_t listeners;
	uint64_t now = lk_clock_realtime_ns(rte_rdtsc());

	for (uint16_t i = 0; i < count; i++) {
		const struct rte_mbuf *m = objs[i];

		lk_ring_write(ring, rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, m->pkt_len,
			      now, 0);
	}
	listeners = lk_ring_listeners(ring);
	if (listeners != 0)
		lk_port_signal(&lk_ports[self->config.port], listeners);
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	(void)graph;
	lk_enter(node, objs, count);
	lk_show_python(lk_node_of(node), objs, count);
	rte_pktmbuf_free_bulk((struct rte_mbuf **)objs, count);
	return count;
}

LK_NODE(collect, process)
