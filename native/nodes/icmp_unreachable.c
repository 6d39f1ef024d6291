/* SPDX-License-Identifier: BSD-3-Clause */

/* Tells senders that a host has no such port or protocol, so many a second. */
#include <rte_cycles.h>

#include "node.h"
#include "unreachable.h"

/* In the order of the node's parameters. */
enum { RATE, FROM };

struct unreachable {
	uint64_t port, protocol, limited; /* counters: answers of each kind, and those not given */
	uint64_t allowance;		  /* answers times cycles of a second */
	uint64_t then;
};

/* A bucket of a second's answers (RFC 1812 4.3.2.8, RFC 4443 2.4 f). */
static int
may_answer(struct unreachable *u, uint64_t rate)
{
	uint64_t now = rte_rdtsc(), second = (uint64_t)lk_clock_tsc_hz();
	uint64_t passed = RTE_MIN(now - u->then, second);

	u->then = now;
	u->allowance = RTE_MIN(u->allowance + passed * rate, second * rate);
	if (u->allowance < second)
		return 0;
	u->allowance -= second;
	return 1;
}

static enum lk_verdict
answer(struct lk_frame *f, struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct unreachable *u = self->state;
	struct lk_headers h;
	enum lk_verdict why = lk_why_unreachable(f, &self->config.endpoint, &h), verdict;

	if (why != LK_udp_no_listener && why != LK_ip_unknown_protocol)
		return LK_other;
	if (why == LK_udp_no_listener && values[FROM].whole != 0 &&
	    lk_get16(f->data + h.l4 + 2) >= values[FROM].whole)
		return LK_other;
	if (!may_answer(u, (uint64_t)values[RATE].whole)) {
		u->limited++;
		return LK_other;
	}
	verdict = lk_answer_unreachable(f, &h, why);
	u->port += verdict == LK_next && why == LK_udp_no_listener;
	u->protocol += verdict == LK_next && why == LK_ip_unknown_protocol;
	return verdict;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	return lk_each_frame(graph, node, objs, count, answer);
}

LK_NODE(icmp_unreachable, process, .state_bytes = sizeof(struct unreachable))
