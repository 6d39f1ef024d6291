/* SPDX-License-Identifier: BSD-3-Clause */

/* The table of a switch for Python to ask: tests/packet/test_mac_table.py. */
#include <stdlib.h>

#include "mac_table.h"

struct lk_mac_table *
table_new(uint32_t limit, uint32_t age)
{
	struct lk_mac_table *t = calloc(1, sizeof(*t));

	*t = (struct lk_mac_table){.mask = lk_mac_buckets(limit) - 1, .limit = limit, .age = age};
	t->buckets = aligned_alloc(64, (t->mask + 1ul) * sizeof(*t->buckets));
	lk_mac_clear(t);
	return t;
}

void
table_free(struct lk_mac_table *t)
{
	free(t->buckets);
	free(t);
}

int
table_learn(struct lk_mac_table *t, uint64_t key, uint8_t port, uint32_t now)
{
	return lk_mac_learn(t, key, port, now);
}

int
table_port(const struct lk_mac_table *t, uint64_t key, uint32_t now)
{
	return lk_mac_port(t, key, now);
}

/* -1: it is not there, however old. */
int64_t
table_moves(const struct lk_mac_table *t, uint64_t key)
{
	const struct lk_mac_entry *e = lk_mac_place(t, key);

	return e == NULL || e->key != key ? -1 : (int64_t)(e->where >> 8);
}

uint32_t
table_sweep(struct lk_mac_table *t, uint32_t now)
{
	return lk_mac_sweep(t, now, t->mask + 1);
}

uint32_t
table_count(const struct lk_mac_table *t)
{
	return t->count;
}

/* Every entry can be found, and none stands twice. */
int
table_is_whole(const struct lk_mac_table *t)
{
	uint32_t count = 0;

	for (uint32_t at = 0; at <= t->mask; at++) {
		for (uint32_t i = 0; i < LK_MAC_SLOTS; i++) {
			const struct lk_mac_entry *e = &t->buckets[at].slots[i];

			if (e->key == 0)
				continue;
			count++;
			if (lk_mac_place(t, e->key) != e)
				return 0;
		}
	}
	return count == t->count;
}
