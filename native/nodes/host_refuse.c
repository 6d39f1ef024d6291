/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * The last node of a host of a topology: drops what nobody answers under its reason, as refuse
 * does. Answers to what Python asked are taken, for Python has heard them.
 */
#include "node.h"
#include "refuse.h"

struct host_refuse {
	uint64_t taken; /* counter */
};

static int
is_answer(enum lk_verdict verdict)
{
	return verdict == LK_arp_not_request || verdict == LK_icmp_not_echo ||
	       verdict == LK_udp_no_listener;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_node *self = lk_node_of(node);
	struct host_refuse *state = self->state;

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];
		struct lk_frame frame = {.data = rte_pktmbuf_mtod(m, uint8_t *),
					 .length = m->data_len};
		enum lk_verdict verdict = lk_refuse(&frame, &self->config.endpoint);

		if (self->config.ring != NULL && is_answer(verdict)) {
			rte_pktmbuf_free(m);
			state->taken++;
		} else {
			lk_pass_one(graph, node, verdict, m);
		}
	}
	return count;
}

static void
change(struct lk_node *self)
{
	(void)self;
}

LK_NODE(host_refuse, process, .state_bytes = sizeof(struct host_refuse), .change = change)
