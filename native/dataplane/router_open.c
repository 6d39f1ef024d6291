/* SPDX-License-Identifier: BSD-3-Clause */

/* A router from its configuration: FIBs, and the neighbours that routes lead to. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <rte_errno.h>

#include "router.h"

enum { PORTS, NETWORK }; /* in config.data; the second has ports, then routes */

#define FEW_ROUTES  64	  /* for which a tree does, in place of a table of 32 MB */
#define OWN_ROUTES  16	  /* what nobody has, beside those of addresses */
#define MOST_NARROW 32767 /* next hops, and tables, that 2 bytes can tell */

struct prefix {
	uint8_t address[16];
	uint8_t length;
	uint8_t kind;
};

/* RFC 1812 5.3.7, RFC 3927 2.7, RFC 4291 2.4, 2.5.2, 2.5.3, 2.5.5.2 */
static const struct prefix special4[] = {
	{{0}, 8, LK_HOP_NOBODY},
	{{127}, 8, LK_HOP_NOBODY},
	{{169, 254}, 16, LK_HOP_LINK_LOCAL},
	{{224}, 4, LK_HOP_GROUP},
	{{240}, 4, LK_HOP_NOBODY},
	{{255, 255, 255, 255}, 32, LK_HOP_BROADCAST},
};
static const struct prefix special6[] = {
	{{0}, 128, LK_HOP_NOBODY},
	{{[15] = 1}, 128, LK_HOP_NOBODY},
	{{[10] = 0xff, 0xff}, 96, LK_HOP_NOBODY},
	{{0xfe, 0x80}, 10, LK_HOP_LINK_LOCAL},
	{{0xff}, 8, LK_HOP_GROUP},
};

static int
add(struct lk_router *r, int version, const uint8_t *address, uint8_t length, uint32_t hop)
{
	return version == 4 ? rte_fib_add(r->fib4, lk_get32(address), length, hop)
			    : rte_fib6_add(r->fib6, address, length, hop);
}

/* An address of the router, and those of its network's broadcasts (RFC 1812 5.3.5). */
static int
add_ipv4(struct lk_router *r, uint32_t address, uint32_t hosts)
{
	int rc = 0;

	if (hosts != 0) {
		rc = rte_fib_add(r->fib4, address & ~hosts, 32, LK_HOP_BROADCAST);
		if (rc == 0)
			rc = rte_fib_add(r->fib4, address | hosts, 32, LK_HOP_BROADCAST);
	}
	return rc == 0 ? rte_fib_add(r->fib4, address, 32, LK_HOP_LOCAL) : rc;
}

/* What the router knows besides its routes. */
static int
add_own(struct lk_router *r)
{
	int rc = 0;

	for (unsigned int i = 0; i < RTE_DIM(special4) && rc == 0; i++)
		rc = add(r, 4, special4[i].address, special4[i].length, special4[i].kind);
	for (unsigned int i = 0; i < RTE_DIM(special6) && rc == 0; i++)
		rc = add(r, 6, special6[i].address, special6[i].length, special6[i].kind);
	for (unsigned int i = 0; i < r->port_count && rc == 0; i++) {
		const struct lk_endpoint *e = &r->ports[i].endpoint;

		for (uint32_t k = 0; k < e->ipv4_count && rc == 0; k++)
			rc = add_ipv4(r, lk_get32(e->ipv4[k]), e->ipv4_hosts[k]);
		for (uint32_t k = 0; k + 1 < e->ipv6_count && rc == 0; k++)
			rc = add(r, 6, e->ipv6[k], 128, LK_HOP_LOCAL);
	}
	return rc;
}

static int
open_member(struct lk_router *r, struct lk_hop *hop, const struct lk_packed_member *member)
{
	struct lk_neighbour *n;

	if (member->output >= r->port_count)
		return -EINVAL;
	if (member->version == 0) {
		*hop = (struct lk_hop){.kind = LK_HOP_CONNECTED, .output = member->output};
		return 0;
	}
	n = lk_neighbour_find(&r->neighbours, member->output, member->version, member->address);
	if (n == NULL)
		n = lk_neighbour_add(&r->neighbours, member->output, member->version,
				     member->address);
	if (n == NULL)
		return -ENOSPC;
	n->is_kept = 1;
	n->mtu = r->ports[member->output].mtu;
	*hop = (struct lk_hop){.kind = LK_HOP_VIA, .neighbour = (uint32_t)(n - r->neighbours.all)};
	return 0;
}

static int
open_hops(struct lk_router *r, const struct lk_packed_group *groups, uint32_t group_count,
	  const struct lk_packed_member *members, uint32_t member_count)
{
	uint32_t several = LK_FIRST_HOP + group_count;
	int rc = 0;

	r->hop_count = several + member_count;
	r->hops = calloc(r->hop_count, sizeof(*r->hops));
	if (r->hops == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < LK_FIRST_CONNECTED; i++)
		r->hops[i].kind = (uint16_t)i;
	for (uint32_t i = 0; i < r->port_count; i++)
		r->hops[LK_FIRST_CONNECTED + i] =
			(struct lk_hop){.kind = LK_HOP_CONNECTED, .output = (uint16_t)i};
	for (uint32_t i = 0; i < member_count && rc == 0; i++)
		rc = open_member(r, &r->hops[several + i], &members[i]);
	for (uint32_t i = 0; i < group_count && rc == 0; i++) {
		const struct lk_packed_group *g = &groups[i];

		if (g->count == 0 || g->first > member_count || g->count > member_count - g->first)
			return -EINVAL;
		r->hops[LK_FIRST_HOP + i] = g->count == 1
						    ? r->hops[several + g->first]
						    : (struct lk_hop){.kind = LK_HOP_SEVERAL,
								      .count = g->count,
								      .first = several + g->first};
	}
	return rc;
}

/* Tables of 8 bits behind the first one's 24 that a prefix needs at most. */
static uint32_t
parts_of(int is_v6, uint8_t length)
{
	return length > 24 ? (is_v6 ? (length - 17u) / 8 : 1) : 0;
}

/* Tables of 24 bits and of 8 behind them where there are many routes, otherwise a tree. */
static int
create_fibs(struct lk_router *r, const struct lk_packed_route *routes, uint32_t count)
{
	static unsigned int number;
	struct rte_fib_conf conf4 = {.type = RTE_FIB_DUMMY, .default_nh = LK_HOP_NONE};
	struct rte_fib6_conf conf6 = {.type = RTE_FIB6_DUMMY, .default_nh = LK_HOP_NONE};
	/* An address has three prefixes: its own, its network's and that one's broadcast. */
	const uint32_t own = 3 * LK_MAX_ADDRESSES * r->port_count + OWN_ROUTES;
	uint32_t counts[2] = {0}, parts[2] = {own, own * parts_of(1, 128)};
	int is_wide = r->hop_count > MOST_NARROW;
	char name[32];

	for (uint32_t i = 0; i < count; i++) {
		int is_v6 = routes[i].version == 6;

		counts[is_v6]++;
		parts[is_v6] += parts_of(is_v6, routes[i].length);
	}
	r->is_tree = counts[0] <= FEW_ROUTES;
	if (!r->is_tree) {
		conf4.type = RTE_FIB_DIR24_8;
		conf4.dir24_8.nh_sz =
			is_wide || parts[0] > MOST_NARROW ? RTE_FIB_DIR24_8_4B : RTE_FIB_DIR24_8_2B;
		conf4.dir24_8.num_tbl8 = parts[0];
	}
	if (counts[1] > FEW_ROUTES) {
		conf6.type = RTE_FIB6_TRIE;
		conf6.trie.nh_sz =
			is_wide || parts[1] > MOST_NARROW ? RTE_FIB6_TRIE_4B : RTE_FIB6_TRIE_2B;
		conf6.trie.num_tbl8 = parts[1];
	}
	conf4.max_routes = (int)(counts[0] + own);
	conf6.max_routes = (int)(counts[1] + own);
	/* Their pools need names of their own, too. */
	snprintf(name, sizeof(name), "lk_v4_%u", number);
	r->fib4 = rte_fib_create(name, SOCKET_ID_ANY, &conf4);
	snprintf(name, sizeof(name), "lk_v6_%u", number++);
	r->fib6 = rte_fib6_create(name, SOCKET_ID_ANY, &conf6);
	return r->fib4 != NULL && r->fib6 != NULL ? 0 : -RTE_MAX(rte_errno, 1);
}

/* A tree takes its time; what it said of the latest destinations is kept. */
static int
open_found(struct lk_router *r)
{
	r->found = calloc(LK_ROUTER_FOUND, sizeof(*r->found));
	if (r->found == NULL)
		return -ENOMEM;
	r->found[0].hop = LK_HOP_NOBODY; /* that of 0.0.0.0 */
	return 0;
}

static int
open_routes(struct lk_router *r, const uint8_t *bytes, uint64_t length)
{
	const struct lk_packed_routes *head = (const void *)bytes;
	const struct lk_packed_group *groups;
	const struct lk_packed_member *members;
	const struct lk_packed_route *routes;
	int rc;

	if (length < sizeof(*head))
		return -EINVAL;
	groups = (const void *)(head + 1);
	members = (const void *)(groups + head->groups);
	routes = (const void *)(members + head->members);
	if ((const uint8_t *)(routes + head->routes) != bytes + length)
		return -EINVAL;
	rc = open_hops(r, groups, head->groups, members, head->members);
	if (rc == 0)
		rc = create_fibs(r, routes, head->routes);
	for (uint32_t i = 0; i < head->routes && rc == 0; i++)
		rc = routes[i].hop < r->hop_count ? add(r, routes[i].version, routes[i].address,
							routes[i].length, routes[i].hop)
						  : -EINVAL;
	if (rc != 0)
		return rc;
	r->route_count = head->routes;
	r->routes = malloc(RTE_MAX(head->routes, 1u) * sizeof(*routes));
	if (r->routes == NULL)
		return -ENOMEM;
	memcpy(r->routes, routes, head->routes * sizeof(*routes));
	rc = add_own(r);
	return rc == 0 && r->is_tree ? open_found(r) : rc;
}

static void
open_bucket(struct lk_error_bucket *bucket, double rate, double most)
{
	bucket->tokens = bucket->most = most;
	bucket->per_cycle = rate / lk_clock_tsc_hz();
	bucket->filled_at = lk_clock_tsc();
}

int
lk_router_open(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct lk_router *r = self->state;
	const struct lk_node_data *network = &self->config.data[NETWORK];
	double hz = lk_clock_tsc_hz();
	uint64_t ports;
	int rc;

	r->reachable = (uint64_t)(values[LK_ROUTE_REACHABLE].real * hz);
	r->retry = (uint64_t)(values[LK_ROUTE_RETRY].real * hz);
	r->tries = (uint32_t)values[LK_ROUTE_TRIES].whole;
	open_bucket(&r->bucket, values[LK_ROUTE_RATE].real, (double)values[LK_ROUTE_BURST].whole);
	rc = lk_neighbours_open(&r->neighbours, (uint32_t)values[LK_ROUTE_ROOM].whole);
	if (rc == 0)
		rc = lk_router_open_ports(r, &self->config.data[PORTS], network);
	if (rc != 0)
		return rc;
	ports = r->port_count * sizeof(struct lk_packed_port);
	return open_routes(r, network->bytes + ports, network->length - ports);
}

void
lk_router_close(struct lk_node *self)
{
	struct lk_router *r = self->state;

	if (r->neighbours.all != NULL)
		lk_neighbours_close(&r->neighbours);
	if (r->fib4 != NULL)
		rte_fib_free(r->fib4);
	if (r->fib6 != NULL)
		rte_fib6_free(r->fib6);
	free(r->found);
	free(r->hops);
	free(r->routes);
}
