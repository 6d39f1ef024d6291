/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ethdev.h>

#include "node.h"
#include "port.h"
#include "sick.h"
#include "tap.h"

/* Some drivers hand a long frame over in segments; nodes want it in one. */
static uint16_t
linearize(struct rte_graph *graph, struct rte_node *node, uint16_t count)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = node->objs[i];

		if (likely(m->nb_segs == 1) || rte_pktmbuf_linearize(m) == 0)
			node->objs[kept++] = m;
		else
			lk_pass_one(graph, node, LK_rx_segmented, m);
	}
	return kept;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	const struct lk_node_config *config = &lk_node_of(node)->config;
	struct lk_port *port = &lk_ports[config->port];
	uint16_t count;

	(void)objs;
	(void)unused;
	RTE_PER_LCORE(lk_current_node) = node->id;
	if (unlikely(!lk_sick_polls(port)))
		return 0;
	count = port->packet_socket_count != 0
			? lk_packet_rx_burst(config->port, config->queue,
					     (struct rte_mbuf **)node->objs)
			: rte_eth_rx_burst(config->port, config->queue,
					   (struct rte_mbuf **)node->objs, LK_RX_BURST);
	if (unlikely(port->sick != NULL))
		count = lk_sick_rx(port, node->objs, count);
	if (port->needs_bytes)
		port->bytes[config->queue].rx += lk_bytes_of(node->objs, count);
	if (!port->is_ring && count != 0) {
		uint16_t kept = linearize(graph, node, count);

		if (unlikely(port->taps != NULL))
			lk_tap_frames(port, node->objs, kept, LK_WAY_IN);
		lk_source_done(graph, node, kept, 0);
		return count;
	}
	if (unlikely(port->taps != NULL))
		lk_tap_frames(port, node->objs, count, LK_WAY_IN);
	return lk_source_done(graph, node, count, port->is_ring);
}

LK_NODE(rx, process, .is_polled = 1, .reads_port = 1)
