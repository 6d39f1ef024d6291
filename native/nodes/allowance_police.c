/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Lets frames pass that an allowance has tokens for; the others leave by `other`, or are dropped
 * where nothing is behind it.
 */
#include "allowance.h"
#include "due.h"

#define AT_ONCE 256

struct allowance_police {
	uint64_t passed, exceeded, passed_bytes;
	struct lk_allowance *allowance;
	uint64_t weight;
};

static int
open_police(struct lk_node *self)
{
	struct allowance_police *p = self->state;

	p->allowance = lk_allowance_get(self->config.values);
	p->weight = (uint64_t)self->config.values[LK_ALLOWANCE_WEIGHT].whole;
	return p->allowance == NULL ? -ENOMEM : 0;
}

static void
close_police(struct lk_node *self)
{
	struct allowance_police *p = self->state;

	lk_allowance_put(p->allowance);
}

/* Decides on a burst, and sorts it: those that pass come first. How many these are. */
static uint16_t
judge(const struct lk_node *self, uint64_t now, void **objs, uint16_t count, void **others)
{
	struct allowance_police *p = self->state;
	struct lk_allowance *a = p->allowance;
	struct lk_bucket_times seen, times;
	int passes[AT_ONCE];
	uint16_t kept = 0, refused = 0;

	do {
		seen = times = lk_allowance_read(a);
		for (uint16_t i = 0; i < count; i++) {
			uint64_t units = lk_allowance_units(a, objs[i]) * p->weight;
			uint64_t came = lk_allowance_time(a, lk_came(self, objs[i], now));

			passes[i] = lk_bucket_leaves(&a->bucket, &times, units, came) <= came;
			if (passes[i])
				lk_bucket_take(&a->bucket, &times, units, came);
		}
	} while (unlikely(!lk_allowance_commit(a, &seen, &times)));
	for (uint16_t i = 0; i < count; i++) {
		if (likely(passes[i])) {
			p->passed_bytes += ((struct rte_mbuf *)objs[i])->pkt_len;
			objs[kept++] = objs[i];
		} else {
			others[refused++] = objs[i];
		}
	}
	p->passed += kept;
	p->exceeded += refused;
	return kept;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_node *self = lk_node_of(node);
	enum lk_verdict otherwise = self->config.other < 0 ? LK_police_exceeded : LK_other;
	uint64_t now = rte_rdtsc();
	void *others[AT_ONCE];
	uint16_t kept;

	lk_enter(node, objs, count);
	for (uint16_t from = 0, n; from < count; from += n) {
		n = RTE_MIN(count - from, AT_ONCE);
		kept = judge(self, now, objs + from, n, others);
		if (likely(kept == count)) {
			lk_pass_all(graph, node, LK_next);
			return count;
		}
		if (kept > 0)
			lk_pass(graph, node, LK_next, objs + from, kept);
		if (kept < n)
			lk_pass(graph, node, otherwise, others, (uint16_t)(n - kept));
	}
	return count;
}

static uint32_t
rows_of(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	const struct allowance_police *s = self->state;

	return lk_allowance_rows(s->allowance, cursor, rows, room);
}

LK_NODE(allowance_police, process, .state_bytes = sizeof(struct allowance_police),
	.open = open_police, .close = close_police, .rows = rows_of)
