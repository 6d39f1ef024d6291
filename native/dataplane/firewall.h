/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FIREWALL_H
#define LK_FIREWALL_H

#include "conntrack.h"

struct rte_acl_ctx;

/* As labkit/path/firewall_rules.py packs it. */
struct lk_firewall_rule {
	uint8_t permits;
	uint8_t version; /* of IP; 0: either */
	uint8_t states;	 /* bits of enum lk_firewall_state; 0: any */
	uint8_t names_ports;
	uint16_t protocol; /* 0: any; LK_ICMP_OF_VERSION */
	uint8_t bits[2];   /* of the prefixes, of sender and receiver */
	uint8_t prefixes[2][16];
	uint16_t ports[2][2]; /* first and last, of sender and receiver */
};
_Static_assert(sizeof(struct lk_firewall_rule) == 48, "as it is packed in Python");

#define LK_ICMP_OF_VERSION 256

/* In the order of STATES in firewall_rules.py */
enum lk_firewall_state {
	LK_FIREWALL_NEW = 1,
	LK_FIREWALL_ESTABLISHED = 2,
	LK_FIREWALL_RELATED = 4,
	LK_FIREWALL_INVALID = 8,
	LK_FIREWALL_UNTRACKED = 16,
	LK_FIREWALL_HAS_PORTS = 32,
};

/* What is compared with the rules, in network order; the first field has one byte. */
struct lk_firewall_key4 {
	uint8_t protocol, zero[3];
	uint8_t addresses[2][4];
	uint16_t ports[2];
	uint32_t states;
};
struct lk_firewall_key6 {
	uint8_t protocol, zero[3];
	uint8_t addresses[2][16];
	uint16_t ports[2];
	uint32_t states;
};

struct lk_firewall_hits {
	uint64_t packets, bytes;
};

struct lk_firewall {
	/* Counters, in their order in Python */
	uint64_t permitted, denied, unfiltered;

	struct rte_acl_ctx *rules4, *rules6; /* NULL: none of the version */
	uint32_t count;			     /* of rules */
	uint8_t *permits;		     /* by rule; that of the default is the last */
	struct lk_firewall_hits *hits;
};

int lk_firewall_open(struct lk_node *self);
void lk_firewall_close(struct lk_node *self);
uint32_t lk_firewall_rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows,
			  uint32_t room);

#endif
