/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_NAT_H
#define LK_NAT_H

#include "conntrack.h"
#include "translate.h"

/*
 * Addresses and ports that a node translates to. A binding holds the outside port of an inside
 * address and port, whoever is talked to (RFC 4787 4.1), as long as a connection uses it.
 */

/* In the order of the node's parameters that are numbers */
enum { LK_NAT_FIRST_PORT, LK_NAT_LAST_PORT, LK_NAT_FILTERING };
/* and of those that are data: struct lk_nat_address, struct lk_nat_rule, as Python packs them */
enum { LK_NAT_POOL, LK_NAT_RULES };

/* In the order of the words of the parameter */
enum { LK_NAT_DEPENDENT, LK_NAT_INDEPENDENT };

struct lk_nat_address {
	uint8_t version;
	uint8_t address[16];
};
struct lk_nat_rule {
	uint8_t version;
	uint8_t protocol; /* 0: any */
	uint16_t port;	  /* 0: any, which stays */
	uint16_t to_port;
	uint8_t address[16], to[16];
} __attribute__((packed));

/* Protocols with ports or identifiers, each with numbers of its own */
enum lk_nat_sort { LK_NAT_TCP, LK_NAT_UDP, LK_NAT_QUERY, LK_NAT_SCTP, LK_NAT_SORTS };

#define LK_NAT_PORTS 65536u
#define LK_NAT_MOST  (1u << 22) /* bindings */

struct lk_binding {
	uint64_t hash;
	uint8_t inside[16];
	uint16_t inside_port, port;
	uint16_t address; /* of the pool */
	uint8_t version, sort;
	uint32_t uses; /* connections; 0: it is free, and */
	uint32_t next; /* 1 + the next free one */
};

struct lk_nat {
	/* Counters, in their order in Python */
	uint64_t translated, hairpinned, bindings, new_bindings, most_bindings, exhausted;

	struct lk_nat_address *pool;
	struct lk_nat_rule *rules;
	uint32_t pool_count, rule_count;
	uint16_t first_port, last_port;
	int is_independent;

	struct lk_binding *places;
	uint32_t place_count, used, free; /* places never used begin at; 1 + the first free one */
	struct lk_index_table keys;	  /* by inside address and port */
	uint32_t *by_port;		  /* 1 + place: [address][sort][port] */
	uint32_t *taken;		  /* ports of [address][sort][parity] */
	uint64_t drawn;			  /* random numbers so far */
	uint64_t seed;

	struct lk_conntrack *table; /* that the last frame came from, */
	uint8_t number;		    /* and 1 + the node's number there */
};

/* What a connection's nat_what says */
#define LK_NAT_SOURCE  1
#define LK_NAT_TARGET  2
#define LK_NAT_HAIRPIN 4

int lk_nat_open(struct lk_node *self);
void lk_nat_close(struct lk_node *self);
uint32_t lk_nat_rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room);
/*
 * Decides what becomes of a connection whose first frame is here, from inside or from outside.
 * LK_next, or why it cannot be.
 */
enum lk_verdict lk_nat_begin(struct lk_nat *nat, struct lk_conntrack *table,
			     struct lk_connection *connection, int is_from_outside);
/* The node's number in a table of connections; 0: that has no room for it. */
uint8_t lk_nat_number(struct lk_nat *nat, struct lk_conntrack *table);

#endif
