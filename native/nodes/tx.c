/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ethdev.h>

#include "node.h"
#include "port.h"

/* Frames over the port's limit leave for their drop node; the others close up. */
static uint16_t
keep_short(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count,
	   uint32_t max_frame)
{
	uint16_t kept = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (((struct rte_mbuf *)objs[i])->pkt_len <= max_frame)
			objs[kept++] = objs[i];
		else
			rte_node_enqueue_x1(graph, node, LK_tx_too_long, objs[i]);
	}
	return kept;
}

/* A driver without a link takes nothing, and does not say why. */
static rte_edge_t
why_not_sent(uint16_t port, uint16_t sent)
{
	struct rte_eth_link link;

	if (sent == 0 && lk_ports[port].tells_link && rte_eth_link_get_nowait(port, &link) == 0 &&
	    link.link_status == RTE_ETH_LINK_DOWN)
		return LK_tx_link_down;
	return LK_tx_full;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	const struct lk_node_config *config = &lk_node_of(node)->config;
	const struct lk_port *port = &lk_ports[config->port];
	uint32_t max_frame = port->max_frame, longest = 0;
	uint16_t wanted = count, sent, i;

	lk_enter(node, objs, count);
	if (unlikely(port->is_unplugged || port->is_link_down)) {
		rte_node_next_stream_move(graph, node,
					  port->is_unplugged ? LK_tx_unplugged : LK_tx_link_down);
		return count;
	}
	for (i = 0; i < count; i++)
		longest = RTE_MAX(longest, ((struct rte_mbuf *)objs[i])->pkt_len);
	if (unlikely(longest > max_frame))
		wanted = keep_short(graph, node, objs, count, max_frame);
	sent = rte_eth_tx_burst(config->port, config->queue, (struct rte_mbuf **)objs, wanted);
	if (unlikely(sent < wanted))
		rte_node_enqueue(graph, node, why_not_sent(config->port, sent), objs + sent,
				 (uint16_t)(wanted - sent));
	return count;
}

LK_NODE(tx, process)
