/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames go on, and copies of some leave by another output. */
#include "filter.h"
#include "node.h"

enum { SNAPLEN, ONE_IN }; /* of config.values */
#define AT_ONCE 64

struct lk_mirror {
	uint64_t matched, made, not_copied;
};

static struct rte_mbuf *
copy_of(struct lk_mirror *s, struct rte_mbuf *m, uint32_t most)
{
	struct rte_mbuf *copy = rte_pktmbuf_copy(m, m->pool, 0, most);

	if (unlikely(copy == NULL)) {
		s->not_copied++;
		return NULL;
	}
	*lk_mark_of(copy) = 0;
	s->made++;
	return copy;
}

static void
mirror(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_node *self = lk_node_of(node);
	const struct lk_node_value *values = self->config.values;
	uint32_t most = values[SNAPLEN].whole == 0 ? UINT32_MAX : (uint32_t)values[SNAPLEN].whole;
	struct lk_mirror *s = self->state;
	void *copies[AT_ONCE];
	uint16_t copied = 0;

	for (uint16_t i = 0; i < count; i++) {
		if (self->config.filter != NULL && !lk_filter_takes(self->config.filter, objs[i]))
			continue;
		if (s->matched++ % (uint64_t)values[ONE_IN].whole != 0)
			continue;
		copies[copied] = copy_of(s, objs[i], most);
		copied += copies[copied] != NULL;
	}
	if (copied > 0)
		lk_pass(graph, node, LK_OUTPUT(0), copies, copied);
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	lk_enter(node, objs, count);
	if (lk_node_of(node)->config.outputs[0] >= 0) /* else nobody would see them */
		for (uint16_t i = 0; i < count; i += AT_ONCE)
			mirror(graph, node, objs + i, RTE_MIN(AT_ONCE, count - i));
	lk_pass_all(graph, node, LK_next);
	return count;
}

LK_NODE(mirror, process, .state_bytes = sizeof(struct lk_mirror))
