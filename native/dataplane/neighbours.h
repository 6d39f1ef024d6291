/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_NEIGHBOURS_H
#define LK_NEIGHBOURS_H

#include "node.h"

/*
 * Whom a router knows on its links: addresses and their MACs, and frames that wait for one (RFC
 * 1122 2.3.2, RFC 4861 7.3.2).
 */

#define LK_MOST_WAITING 16 /* frames for one neighbour */

enum lk_neighbour_state {
	LK_NEIGHBOUR_NEW, /* nobody has asked for it */
	LK_NEIGHBOUR_INCOMPLETE,
	LK_NEIGHBOUR_REACHABLE,
	LK_NEIGHBOUR_STALE,
	LK_NEIGHBOUR_DELAY, /* was used since it became stale */
	LK_NEIGHBOUR_PROBE, /* is asked itself */
	LK_NEIGHBOUR_FAILED,
};

struct lk_neighbour {
	/* what forwarding needs */
	uint8_t rewrite[16]; /* its MAC, that of our port, and the EtherType */
	uint32_t mtu;
	uint8_t output;
	uint8_t state;
	uint8_t version; /* 4 or 6; 0: the place is free */
	uint8_t tries;	 /* questions without an answer */
	uint64_t frames; /* sent to it */
	uint64_t deadline;
	uint8_t address[16];
	uint32_t next; /* 1 + the next one of its bucket, or that is free */
	uint8_t waiting;
	uint8_t is_kept; /* a route leads to it */
} __rte_cache_aligned;

struct lk_waiting {
	uint64_t confirmed; /* when it was last known to be there, TSC; 0: never */
	struct rte_mbuf *frames[LK_MOST_WAITING];
};

struct lk_neighbours {
	struct lk_neighbour *all;
	struct lk_waiting *waits; /* the same places */
	uint32_t *buckets;	  /* 1 + the first one */
	uint32_t room, used, mask, free, hand;
};

int lk_neighbours_open(struct lk_neighbours *table, uint32_t room);
void lk_neighbours_close(struct lk_neighbours *table);
struct lk_neighbour *lk_neighbour_find(const struct lk_neighbours *table, uint8_t output,
				       uint8_t version, const uint8_t *address);
/* A new one, in the place of one that is of no use if need be; NULL: there is no room. */
struct lk_neighbour *lk_neighbour_add(struct lk_neighbours *table, uint8_t output, uint8_t version,
				      const uint8_t *address);
void lk_neighbour_forget(struct lk_neighbours *table, struct lk_neighbour *n);

static inline struct lk_waiting *
lk_waiting_of(const struct lk_neighbours *table, const struct lk_neighbour *n)
{
	return &table->waits[n - table->all];
}

/* Its MAC is known. */
static inline int
lk_neighbour_is_known(const struct lk_neighbour *n)
{
	return n->state >= LK_NEIGHBOUR_REACHABLE && n->state <= LK_NEIGHBOUR_PROBE;
}

#endif
