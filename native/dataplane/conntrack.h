/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CONNTRACK_H
#define LK_CONNTRACK_H

#include "flow_read.h"
#include "filter.h"
#include "index_table.h"
#include "node.h"
#include "tcp_track.h"

/*
 * Connections that frames belong to: who began, in which state they are, until when they are kept.
 * A connection that is translated is found by two keys, as its two sides see it.
 */

/* In the order of the node's parameters. */
enum {
	LK_CONNTRACK_ENTRIES,
	LK_CONNTRACK_NEW_PER_SECOND,
	LK_CONNTRACK_WHEN_FULL,
	LK_CONNTRACK_WHEN_INVALID,
	LK_CONNTRACK_PICKS_UP,
	LK_CONNTRACK_TIMEOUTS, /* and those that follow: enum lk_timeout */
};

enum lk_timeout {
	LK_TIMEOUT_TCP_ESTABLISHED,
	LK_TIMEOUT_TCP_OPENING,
	LK_TIMEOUT_TCP_CLOSING,
	LK_TIMEOUT_UDP,
	LK_TIMEOUT_UDP_STREAM,
	LK_TIMEOUT_ICMP,
	LK_TIMEOUT_OTHER,
	LK_TIMEOUTS,
};

/* In the order of the words of the parameter `invalid` and of `full`. */
enum lk_otherwise { LK_OTHERWISE_DROP, LK_OTHERWISE_PASS };

/* What a frame is to its connection. */
enum lk_relation { LK_UNTRACKED, LK_NEW, LK_ESTABLISHED, LK_RELATED, LK_INVALID };

#define LK_HAS_ANSWER	1 /* something came back */
#define LK_HAS_STREAM	2
#define LK_IS_NATTED	4  /* `back` is its second key */
#define LK_IS_TAKEN	8  /* the place has a connection */
#define LK_IS_PERMITTED 16 /* a firewall has let some of it through */

struct lk_connection {
	struct lk_flow_key key; /* from who began */
	uint64_t deadline;	/* in cycles */
	uint64_t created;
	uint8_t flags;
	struct lk_tcp_track tcp; /* its state is that of any connection */
	uint16_t generation;	 /* of its place: another number each time that it is taken */

	uint64_t packets[2], bytes[2]; /* of who began, and of who answers */
	uint64_t hash, back_hash;
	uint32_t next, before; /* 1 + place of its neighbours in a slot of the wheel; 0: none */
	uint16_t slot;

	uint8_t nat;		  /* 1 + its number among those of the table; 0: none yet */
	uint8_t nat_what;	  /* of the nat, which knows what is translated */
	uint32_t nat_bindings[2]; /* 1 + place there; 0: none */
	struct lk_flow_key back;  /* as who answers sees it: from who answers */
} __rte_cache_aligned;

#define LK_TICK_SHIFT	 22 /* cycles: 1 to 2 ms, and half a minute all round */
#define LK_WHEEL_SLOTS	 16384u
#define LK_FRAGMENT_SETS 1024u
#define LK_FRAGMENT_WAYS 4u
#define LK_MAX_NATS	 8u

struct lk_fragment {
	uint64_t packet; /* hash of addresses, protocol and identification */
	uint64_t until;
	uint64_t flow; /* as the first fragment was handed on */
};

struct lk_conntrack {
	/* Counters, in their order in Python */
	uint64_t new_connections, expired, active, available, most_active, exceeded, too_many;
	uint64_t invalid, related, untracked;

	struct lk_connection *connections;
	struct lk_index_table keys;
	uint32_t count;	     /* of connections that there may be */
	uint32_t used, free; /* places never used begin at; 1 + the first one given back */
	uint64_t seed;
	double hz; /* of the clock, as it was when the table was made */
	uint64_t timeouts[LK_TIMEOUTS];
	enum lk_otherwise when_full, when_invalid;
	int picks_up;
	const struct lk_filter *untracked_filter; /* NULL: all are tracked */
	uint8_t number;				  /* of the table, for those who come behind */

	uint64_t new_every, new_at; /* cycles from one new connection to the next; 0: any number */
	uint64_t new_burst;
	uint64_t tick; /* of the wheel, which has not been worked off yet */
	struct lk_fragment *fragments;

	void (*forget[LK_MAX_NATS])(void *nat, struct lk_connection *connection);
	void *nats[LK_MAX_NATS];
	unsigned int nat_count;
	uint32_t slots[LK_WHEEL_SLOTS]; /* 1 + place of the first one of each */
};

extern struct lk_conntrack *lk_conntracks[256]; /* by number */

int lk_conntrack_open(struct lk_node *self);
void lk_conntrack_close(struct lk_node *self);
/* Brings the counters up to date where no frame has done so of late. */
void lk_conntrack_refresh(struct lk_node *self);
uint32_t lk_conntrack_rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows,
			   uint32_t room);
/* Three cells of a table. */
void lk_put_address_cells(uint64_t *cells, const uint8_t *address, uint8_t version);
/* Forgets connections whose time is over, with as much work as `budget`. */
void lk_conntrack_expire(struct lk_conntrack *t, uint64_t now, uint32_t budget);
/* Which connection the key is of, and in which direction it goes; LK_NO_PLACE: of none. */
uint32_t lk_conntrack_find(const struct lk_conntrack *t, const struct lk_flow_key *key,
			   uint64_t hash, unsigned int *direction);
/* A new one (LK_next), or why there is none. */
enum lk_verdict lk_conntrack_add(struct lk_conntrack *t, const struct lk_flow_frame *frame,
				 uint64_t now, uint32_t *place);
/*
 * The same from the same end, at its old place and with its old translation: frames of the one
 * before are still under way to the nodes behind.
 */
enum lk_verdict lk_conntrack_restart(struct lk_conntrack *t, struct lk_connection *c,
				     const struct lk_flow_frame *frame, uint64_t now);
void lk_conntrack_forget(struct lk_conntrack *t, uint32_t place);
/* It is kept from now on as long as its state says. */
void lk_conntrack_set_time(struct lk_conntrack *t, struct lk_connection *c, uint64_t now);
/* It is not kept longer: who holds a frame of it still finds it in this burst. */
void lk_conntrack_end(struct lk_conntrack *t, struct lk_connection *c, uint64_t now);
/* What becomes of a frame, and what it is to which connection in *flow. */
enum lk_verdict lk_conntrack_take(struct lk_conntrack *t, struct lk_flow_frame *frame,
				  uint32_t bytes, uint64_t now, uint64_t *flow);
/* The translated side of a connection, by which its answers are found from now on. 0, or -EEXIST
 * where another one has that key. */
int lk_conntrack_translate(struct lk_conntrack *t, struct lk_connection *connection,
			   const struct lk_flow_key *back);

/*
 * What a frame is to its connection, for the nodes behind: place, table, generation, direction and
 * relation. A conntrack writes it into every frame, and who reads it has one in front on every way.
 */
extern int lk_flow_offset;

static inline uint64_t *
lk_flow_field(struct rte_mbuf *m)
{
	return RTE_MBUF_DYNFIELD(m, lk_flow_offset, uint64_t *);
}

#define LK_FLOW_LATER_FRAGMENT (UINT64_C(1) << 57)

static inline uint64_t
lk_flow_told(uint32_t place, uint8_t table, uint16_t generation, unsigned int direction,
	     enum lk_relation relation)
{
	return place | (uint64_t)table << 24 | (uint64_t)generation << 32 |
	       (uint64_t)direction << 48 | (uint64_t)relation << 52;
}

static inline enum lk_relation
lk_flow_relation(uint64_t flow)
{
	return (enum lk_relation)(flow >> 52 & 7);
}

static inline unsigned int
lk_flow_direction(uint64_t flow)
{
	return flow >> 48 & 1;
}

static inline struct lk_conntrack *
lk_flow_table(uint64_t flow)
{
	return lk_conntracks[flow >> 24 & 255];
}

/* NULL: it has none, or its connection is gone meanwhile. */
static inline struct lk_connection *
lk_flow_connection(uint64_t flow)
{
	enum lk_relation relation = lk_flow_relation(flow);
	struct lk_connection *connection;

	if (relation == LK_UNTRACKED || relation == LK_INVALID)
		return NULL;
	connection = &lk_flow_table(flow)->connections[flow & 0xffffff];
	return connection->generation == (uint16_t)(flow >> 32) ? connection : NULL;
}

#endif
