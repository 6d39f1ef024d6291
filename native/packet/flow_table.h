/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FLOW_TABLE_H
#define LK_FLOW_TABLE_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>

#include "flow.h"

/*
 * A time for each flow, in sets of four that share a cache line. Where a set is full, the flow with
 * the earliest time goes: of times at which something is over it is the one that needs no place
 * any more.
 */
#define LK_FLOW_WAYS 4u

struct lk_timed_flow {
	uint64_t key;
	uint64_t time; /* 0: free */
};

struct lk_flow_table {
	struct lk_timed_flow *flows;
	uint64_t mask; /* of sets */
};

/* For at least so many flows. */
static inline int
lk_flow_table_new(struct lk_flow_table *table, uint64_t flows)
{
	uint64_t sets = 1;

	while (sets * LK_FLOW_WAYS < flows)
		sets *= 2;
	table->mask = sets - 1;
	table->flows = aligned_alloc(64, sets * LK_FLOW_WAYS * sizeof(*table->flows));
	if (table->flows == NULL)
		return -ENOMEM;
	memset(table->flows, 0, sets * LK_FLOW_WAYS * sizeof(*table->flows));
	return 0;
}

static inline struct lk_timed_flow *
lk_flow_set(const struct lk_flow_table *table, uint64_t key)
{
	return &table->flows[(key >> 8 & table->mask) * LK_FLOW_WAYS];
}

/* The flow's place, or the one that it gets: the key there tells which. */
static inline struct lk_timed_flow *
lk_flow_place(const struct lk_flow_table *table, uint64_t key)
{
	struct lk_timed_flow *set = lk_flow_set(table, key), *earliest = set;

	for (unsigned int i = 0; i < LK_FLOW_WAYS; i++) {
		if (set[i].key == key && set[i].time != 0)
			return &set[i];
		if (set[i].time < earliest->time)
			earliest = &set[i];
	}
	return earliest;
}

/* The key of a frame's flow: addresses and protocol, with ports where it has some and they count.
 */
static inline uint64_t
lk_flow_key(const uint8_t *frame, uint32_t length, int has_ports)
{
	struct lk_flow flow = lk_flow_of(frame, length);
	const uint8_t *ip = frame + flow.l3;

	if (has_ports || flow.version == 0)
		return flow.hash;
	return flow.version == 4 ? lk_hash_ipv4(ip, ip[9], 0) : lk_hash_ipv6(ip, ip[6], 0);
}

#endif
