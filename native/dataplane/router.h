/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_ROUTER_H
#define LK_ROUTER_H

#include <rte_fib.h>
#include <rte_fib6.h>

#include "endpoint.h"
#include "icmp_error.h"
#include "neighbours.h"

/*
 * A router: what nodes/route.c does with frames. Everything that it knows of an address is in its
 * FIB, its own addresses and those that no router forwards to included: one lookup tells the hop,
 * and the hop what to do.
 *
 * It works on one burst after the other. Functions that are given a frame see to it: it is staged
 * for an output, dropped, held or freed when they return.
 */

#define LK_ROUTER_AT_ONCE 64	/* frames of a burst that are looked up together */
#define LK_ROUTER_OWN	  65535 /* m->port of what the neighbours node gives back */
#define LK_NO_PORT	  255
#define LK_ROUTER_FOUND	  1024 /* destinations, by 10 bits of a hash */
#define LK_DELAY_RETRIES  5    /* that a neighbour is used before it is asked (RFC 4861 10) */

/* What is behind a number in the FIB. */
enum lk_hop_kind {
	LK_HOP_NONE, /* the default: no route */
	LK_HOP_BLACKHOLE,
	LK_HOP_UNREACHABLE,
	LK_HOP_NOBODY,	   /* addresses that nobody has on a wire */
	LK_HOP_LINK_LOCAL, /* of this link */
	LK_HOP_GROUP,	   /* multicast */
	LK_HOP_BROADCAST,  /* of a network of the router */
	LK_HOP_LOCAL,	   /* the router itself */
	LK_HOP_CONNECTED,  /* the destination is a neighbour */
	LK_HOP_VIA,	   /* a neighbour */
	LK_HOP_SEVERAL,	   /* of these, by flow */
};

enum { LK_FIRST_CONNECTED = 8, LK_FIRST_HOP = LK_FIRST_CONNECTED + LK_MAX_OUTPUTS };

struct lk_hop {
	uint16_t kind;
	uint16_t output;    /* of what is connected */
	uint32_t count;	    /* of several, */
	uint32_t first;	    /* the first of their hops */
	uint32_t neighbour; /* via which */
};

/* As labkit/path/route_types.py packs them. */
struct lk_packed_port {
	uint8_t mac[6];
	uint8_t ipv4_count;
	uint8_t ipv6_count;
	uint32_t mtu; /* 0: that of the port */
	struct {
		uint8_t address[16];
		uint8_t length;
		uint8_t unused[3];
	} addresses[2 * LK_MAX_ADDRESSES]; /* those of IPv4 first */
};
struct lk_packed_routes {
	uint32_t groups;
	uint32_t members;
	uint32_t routes;
	uint32_t unused;
};
struct lk_packed_group {
	uint32_t first;
	uint32_t count;
};
struct lk_packed_member {
	uint8_t version; /* of the gateway; 0: the destination is on the link */
	uint8_t output;
	uint8_t unused[2];
	uint8_t address[16];
};
struct lk_packed_route {
	uint8_t version;
	uint8_t length;
	uint8_t unused[2];
	uint32_t hop;
	uint8_t address[16];
};

/* A destination that was looked up: routes do not change while a router runs. */
struct lk_found {
	uint32_t address;
	uint32_t hop;
};

struct lk_router_port {
	uint64_t mac; /* the first 8 bytes of a frame to it, without the last two */
	uint32_t mtu;
	uint16_t number;
	struct lk_endpoint endpoint;
	uint8_t ipv6_lengths[LK_MAX_ADDRESSES]; /* of the prefixes */
};

/* Tokens of errors: so many a second, and at most so many at once. */
struct lk_error_bucket {
	double tokens, most, per_cycle;
	uint64_t filled_at;
};

struct lk_router {
	/* counters, in the order of labkit/path/routing.py */
	uint64_t made, taken, held;
	uint64_t forwarded, fragmented, errors, errors_withheld, answered, asked;

	/* of the burst at work */
	struct rte_graph *graph;
	struct rte_node *node;
	uint64_t now;
	uint32_t staged_outputs; /* bits */
	uint16_t staged[LK_MAX_OUTPUTS];
	void *frames[LK_MAX_OUTPUTS][LK_ROUTER_AT_ONCE];

	struct lk_found *found; /* what was looked up last, where the FIB is a tree; else NULL */
	struct rte_fib *fib4;
	struct rte_fib6 *fib6;
	struct lk_hop *hops;
	uint32_t hop_count;
	int is_tree; /* fib4 */
	uint16_t port_count;
	uint16_t next_id; /* of IPv4 */
	struct lk_router_port ports[LK_MAX_OUTPUTS];
	struct lk_neighbours neighbours;
	struct lk_error_bucket bucket;
	uint64_t reachable, retry; /* cycles */
	uint64_t look_at;	   /* at neighbours, the next time, */
	uint32_t looked;	   /* and at how many of them in this round */
	struct rte_mempool *pool;  /* of a frame that came, for questions when none is at hand */
	uint32_t tries;
	struct lk_packed_route *routes; /* for the table */
	uint32_t route_count;
	uint8_t by_number[65536]; /* port by the number in m->port; LK_NO_PORT */
};

/* In the order of the node's numbers. */
enum {
	LK_ROUTE_REACHABLE,
	LK_ROUTE_RETRY,
	LK_ROUTE_TRIES,
	LK_ROUTE_RATE,
	LK_ROUTE_BURST,
	LK_ROUTE_ROOM
};

/* router_ports.c */
int lk_router_open_ports(struct lk_router *r, const struct lk_node_data *port_numbers,
			 const struct lk_node_data *network);

/* router_open.c */
int lk_router_open(struct lk_node *self);
void lk_router_close(struct lk_node *self);

/* router.c: what is not forwarded by the short way */
void lk_router_take(struct lk_router *r, struct rte_mbuf *m);
void lk_router_flush(struct lk_router *r);
/* A packet of the router's own to its destination; `in`: the port that it answers on. */
void lk_router_send(struct lk_router *r, struct rte_mbuf *m, unsigned int in);

/* router_forward.c */
void lk_router_forward(struct lk_router *r, struct rte_mbuf *m, unsigned int in,
		       const struct lk_hop *hop);
const struct lk_hop *lk_router_hop(const struct lk_router *r, const uint8_t *ip);
/* The neighbour that a hop leads to; NULL: none, and why. */
struct lk_neighbour *lk_router_next(struct lk_router *r, const struct rte_mbuf *m,
				    const struct lk_hop *hop, enum lk_verdict *verdict);
void lk_router_out(struct lk_router *r, struct rte_mbuf *m, struct lk_neighbour *n);

/* router_fragment.c */
void lk_router_fragment(struct lk_router *r, struct rte_mbuf *m, struct lk_neighbour *n);

/* router_errors.c */
struct rte_mbuf *lk_router_frame_of(struct lk_router *r, struct rte_mempool *pool);
struct rte_mbuf *lk_router_frame(struct lk_router *r, const struct rte_mbuf *like);
const uint8_t *lk_router_address(const struct lk_router *r, unsigned int in, uint8_t version,
				 const uint8_t *peer);
void lk_router_tell(struct lk_router *r, const struct rte_mbuf *m, unsigned int in, uint8_t type,
		    uint8_t code, uint32_t rest);

/* router_resolve.c */
enum lk_learned {
	LK_LEARNED_ANSWER, /* it told us */
	LK_LEARNED_ASKING, /* it asked us */
	LK_LEARNED_HEARD,  /* of one that is known already */
};

/* Makes m the question for a neighbour; -1: there is nobody to ask as. */
int lk_router_question(const struct lk_router *r, struct rte_mbuf *m, const struct lk_neighbour *n);
void lk_router_wait(struct lk_router *r, struct rte_mbuf *m, struct lk_neighbour *n);
void lk_router_learn(struct lk_router *r, unsigned int in, uint8_t version, const uint8_t *address,
		     const uint8_t *mac, enum lk_learned how);

/* router_local.c */
void lk_router_arp(struct lk_router *r, struct rte_mbuf *m, unsigned int in);
void lk_router_local(struct lk_router *r, struct rte_mbuf *m, unsigned int in);

static inline void
lk_router_drop(struct lk_router *r, struct rte_mbuf *m, enum lk_verdict verdict)
{
	lk_pass_one(r->graph, r->node, verdict, m);
}

static inline void
lk_router_stage(struct lk_router *r, struct rte_mbuf *m, unsigned int output)
{
	if (unlikely(r->staged[output] == LK_ROUTER_AT_ONCE))
		lk_router_flush(r);
	r->frames[output][r->staged[output]++] = m;
	r->staged_outputs |= 1u << output;
}

static inline struct lk_neighbour *
lk_router_via(const struct lk_router *r, const struct lk_hop *hop)
{
	return &r->neighbours.all[hop->neighbour];
}

/* Writes the MACs that it goes by. */
static inline void
lk_router_rewrite(struct lk_router *r, struct rte_mbuf *m, struct lk_neighbour *n)
{
	memcpy(rte_pktmbuf_mtod(m, uint8_t *), n->rewrite, LK_ETHER_LENGTH);
	n->frames++;
	lk_router_stage(r, m, n->output);
}

/* Three cells of a table; version 0: no address. */
static inline uint64_t *
lk_put_address(uint64_t *cells, uint8_t version, const uint8_t *address)
{
	cells[0] = version;
	cells[1] = version == 6 ? lk_get64(address) : 0;
	cells[2] = version == 6 ? lk_get64(address + 8) : version == 4 ? lk_get32(address) : 0;
	return cells + 3;
}

static inline uint32_t
lk_ip_length(const uint8_t *ip)
{
	return ip[0] >> 4 == 4 ? lk_get16(ip + 2) : LK_IPV6_LENGTH + lk_get16(ip + 4);
}

#endif
