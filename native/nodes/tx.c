/* SPDX-License-Identifier: BSD-3-Clause */
#include <rte_ethdev.h>

#include "node.h"
#include "port.h"
#include "sick.h"
#include "tap.h"

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
			lk_pass_one(graph, node, LK_tx_too_long, objs[i]);
	}
	return kept;
}

/* A driver without a link takes nothing, and does not say why. */
static enum lk_verdict
why_not_sent(uint16_t port, uint16_t sent)
{
	struct rte_eth_link link;

	if (sent == 0 && lk_ports[port].tells_link && rte_eth_link_get_nowait(port, &link) == 0 &&
	    link.link_status == RTE_ETH_LINK_DOWN)
		return LK_tx_link_down;
	return LK_tx_full;
}

/*
 * Frames that Python sent are on the wire here. Where nobody reads the other end of a cable, those
 * that find it full are lost there, as a NIC misses them; it is not for their path to drop them.
 */
static uint16_t
onto_wire(struct lk_port *port, uint16_t queue, void **objs, uint16_t count)
{
	int is_unread = port->is_ring && lk_port_is_unread(port, queue);
	unsigned int room = is_unread ? rte_ring_free_count(port->tx_rings[queue]) : UINT16_MAX;
	uint16_t kept = 0, missed = 0;

	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];

		if ((m->ol_flags & lk_of_python) != 0 && kept >= room) {
			rte_pktmbuf_free(m);
			missed++;
			continue;
		}
		m->ol_flags &= ~lk_of_python;
		objs[kept++] = m;
	}
	if (missed != 0) {
		atomic_fetch_add(&port->unread[queue], missed);
		atomic_fetch_add(&lk_port_far_end(port)->missed, missed);
	}
	return kept;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	const struct lk_node_config *config = &lk_node_of(node)->config;
	struct lk_port *port = &lk_ports[config->port];
	uint32_t max_frame = port->max_frame, longest = 0;
	uint64_t bytes = 0;
	uint16_t wanted = count, sent, i;

	lk_enter(node, objs, count);
	if (unlikely(port->is_unplugged || port->is_link_down)) {
		lk_pass_all(graph, node, port->is_unplugged ? LK_tx_unplugged : LK_tx_link_down);
		return count;
	}
	for (i = 0; i < count; i++) { /* what was sent is no longer ours to look at */
		uint32_t length = ((struct rte_mbuf *)objs[i])->pkt_len;

		longest = RTE_MAX(longest, length);
		bytes += length;
	}
	if (unlikely(longest > max_frame)) {
		wanted = keep_short(graph, node, objs, count, max_frame);
		bytes = lk_bytes_of(objs, wanted);
	}
	if (unlikely(port->taps != NULL))
		lk_tap_frames(port, objs, wanted, LK_WAY_OUT);
	if (unlikely(RTE_PER_LCORE(lk_python_sends)))
		wanted = onto_wire(port, config->queue, objs, wanted);
	if (unlikely(port->sick != NULL)) {
		wanted = lk_sick_tx(graph, node, port, config->queue, objs, wanted);
		bytes = lk_bytes_of(objs, wanted);
	}
	sent = rte_eth_tx_burst(config->port, config->queue, (struct rte_mbuf **)objs, wanted);
	if (port->needs_bytes)
		port->bytes[config->queue].tx += bytes - lk_bytes_of(objs + sent, wanted - sent);
	if (unlikely(sent < wanted && port->taps != NULL))
		lk_tap_unsent(port, objs + sent, (uint16_t)(wanted - sent));
	if (unlikely(sent < wanted))
		lk_pass(graph, node, why_not_sent(config->port, sent), objs + sent,
			(uint16_t)(wanted - sent));
	if (port->is_ring && sent != 0)
		lk_port_wake_reader(port, config->queue);
	return count;
}

LK_NODE(tx, process)
