/* SPDX-License-Identifier: BSD-3-Clause */

/* The client of an echo experiment: keeps a window of probes under way. */
#include <rte_cycles.h>

#include "node.h"
#include "port.h"
#include "probe.h"
#include "signature.h"

#define BURST 64

static void
give_up_old(struct lk_probe *p, uint64_t now)
{
	while (p->oldest < p->next) {
		if (p->state[p->oldest] == LK_PROBE_UNDER_WAY) {
			if (now - p->sent[p->oldest] < p->timeout)
				break;
			p->state[p->oldest] = LK_PROBE_GIVEN_UP;
			p->counts.given_up++;
			p->under_way--;
		}
		p->oldest++;
	}
}

/* Writes probe number `sequence` behind the template's headers; the checksum is the last thing. */
static void
build(struct rte_mbuf *m, const struct lk_probe *p, uint32_t sequence)
{
	uint8_t *frame = rte_pktmbuf_mtod(m, uint8_t *);
	uint8_t *payload = frame + p->header_length, *udp = frame + p->headers.l4;
	uint32_t length = p->header_length + p->payload_length;
	uint16_t udp_length = (uint16_t)(LK_UDP_LENGTH + p->payload_length), checksum;
	struct lk_signature signature = {p->stream, sequence, rte_rdtsc()};

	memcpy(frame, p->frame, p->header_length);
	lk_probe_fill(payload, p->payload_length - LK_SIGNATURE_LENGTH, p->seed, sequence);
	lk_write_signature(payload + p->payload_length, &signature);
	lk_put16(udp + 6, 0);
	checksum = (uint16_t)~lk_fold(
		lk_sum(udp, udp_length,
		       lk_pseudo_sum(frame + p->headers.l3, p->headers.ip_version, LK_PROTO_UDP,
				     udp_length)));
	if (checksum == 0)
		checksum = 0xffff; /* RFC 768: zero means no checksum */
	memcpy(udp + 6, &checksum, 2);
	m->data_len = (uint16_t)length;
	m->pkt_len = length;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t unused)
{
	struct lk_node *self = lk_node_of(node);
	struct lk_probe *p = self->config.probe;
	struct rte_mempool *pool = lk_ports[self->config.port].pool;
	uint64_t now = rte_rdtsc();
	uint16_t count = 0;

	(void)objs;
	(void)unused;
	RTE_PER_LCORE(lk_current_node) = node->id;
	give_up_old(p, now);
	while (!p->stopped && count < BURST && p->next < p->count && p->under_way < p->window &&
	       (p->interval == 0 || p->next == 0 || now - p->last_sent >= p->interval)) {
		struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

		if (m == NULL)
			break; /* made when buffers come back */
		build(m, p, p->next);
		now = rte_rdtsc();
		p->sent[p->next] = now;
		p->last_sent = now;
		p->state[p->next] = LK_PROBE_UNDER_WAY;
		p->next++;
		p->under_way++;
		node->objs[count++] = m;
	}
	p->counts.made += count;
	if (p->under_way == 0 && (p->next == p->count || p->stopped))
		p->counts.done = 1;
	else
		RTE_PER_LCORE(lk_activity)++; /* an answer is waited for: no rest */
	return lk_source_done(graph, node, count, 0);
}

LK_NODE(probe_send, process, .is_polled = 1)
