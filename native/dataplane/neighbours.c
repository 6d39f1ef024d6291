/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include "flow.h"
#include "neighbours.h"

#define LOOKS_FOR_ROOM 8 /* at places, when all are taken */

int
lk_neighbours_open(struct lk_neighbours *table, uint32_t room)
{
	uint32_t buckets = rte_align32pow2(2 * room);

	table->all = aligned_alloc(RTE_CACHE_LINE_SIZE, room * sizeof(*table->all));
	table->waits = calloc(room, sizeof(*table->waits));
	table->buckets = calloc(buckets, sizeof(*table->buckets));
	if (table->all == NULL || table->waits == NULL || table->buckets == NULL)
		return -ENOMEM;
	memset(table->all, 0, room * sizeof(*table->all));
	table->room = room;
	table->mask = buckets - 1;
	return 0;
}

void
lk_neighbours_close(struct lk_neighbours *table)
{
	for (uint32_t i = 0; i < table->used; i++)
		rte_pktmbuf_free_bulk(table->waits[i].frames, table->all[i].waiting);
	free(table->all);
	free(table->waits);
	free(table->buckets);
}

static uint32_t *
bucket_of(const struct lk_neighbours *table, uint8_t output, uint8_t version,
	  const uint8_t *address)
{
	uint64_t hash = lk_mix(lk_load64(address),
			       lk_load64(address + 8) ^ ((uint64_t)output << 8 | version));

	return &table->buckets[hash & table->mask];
}

struct lk_neighbour *
lk_neighbour_find(const struct lk_neighbours *table, uint8_t output, uint8_t version,
		  const uint8_t *address)
{
	uint32_t at = *bucket_of(table, output, version, address);

	while (at != 0) {
		struct lk_neighbour *n = &table->all[at - 1];

		if (n->output == output && n->version == version &&
		    memcmp(n->address, address, 16) == 0)
			return n;
		at = n->next;
	}
	return NULL;
}

void
lk_neighbour_forget(struct lk_neighbours *table, struct lk_neighbour *n)
{
	uint32_t number = (uint32_t)(n - table->all) + 1;
	uint32_t *link = bucket_of(table, n->output, n->version, n->address);

	while (*link != number)
		link = &table->all[*link - 1].next;
	*link = n->next;
	memset(n, 0, sizeof(*n));
	lk_waiting_of(table, n)->confirmed = 0;
	n->next = table->free;
	table->free = number;
}

/* One that nobody needs, among a few. */
static void
make_room(struct lk_neighbours *table)
{
	for (unsigned int i = 0; i < LOOKS_FOR_ROOM; i++) {
		struct lk_neighbour *n = &table->all[table->hand];

		table->hand = (table->hand + 1) % table->room;
		if (!n->is_kept && n->waiting == 0 &&
		    (n->state == LK_NEIGHBOUR_STALE || n->state == LK_NEIGHBOUR_FAILED)) {
			lk_neighbour_forget(table, n);
			return;
		}
	}
}

struct lk_neighbour *
lk_neighbour_add(struct lk_neighbours *table, uint8_t output, uint8_t version,
		 const uint8_t *address)
{
	struct lk_neighbour *n;
	uint32_t *bucket;

	if (table->free == 0 && table->used == table->room)
		make_room(table);
	if (table->free != 0) {
		n = &table->all[table->free - 1];
		table->free = n->next;
	} else if (table->used < table->room) {
		n = &table->all[table->used++];
	} else {
		return NULL;
	}
	n->output = output;
	n->version = version;
	memcpy(n->address, address, 16);
	bucket = bucket_of(table, output, version, address);
	n->next = *bucket;
	*bucket = (uint32_t)(n - table->all) + 1;
	return n;
}
