/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames wait here for the tokens of an allowance; shaper_release lets them go. */
#include "shaper.h"

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	const struct lk_node *self = lk_node_of(node);
	struct lk_shaper *s = self->state;
	uint64_t now = rte_rdtsc();
	void *full[LK_SHAPER_AT_ONCE];

	lk_enter(node, objs, count);
	for (uint16_t from = 0, n; from < count; from += n) {
		uint16_t kept, full_count;

		n = RTE_MIN(count - from, LK_SHAPER_AT_ONCE);
		kept = lk_shaper_put(s, self, now, objs + from, n, full, &full_count);
		if (likely(kept == count)) {
			lk_pass_all(graph, node, LK_next);
			return count;
		}
		if (kept > 0)
			lk_pass(graph, node, LK_next, objs + from, kept);
		if (full_count > 0)
			lk_pass(graph, node, LK_queue_full, full, full_count);
	}
	return count;
}

static uint32_t
rows_of(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	const struct lk_shaper *s = self->state;

	return lk_allowance_rows(s->allowance, cursor, rows, room);
}

LK_NODE(shaper, process, .state_bytes = sizeof(struct lk_shaper), .open = lk_shaper_open,
	.close = lk_shaper_close, .rows = rows_of)
