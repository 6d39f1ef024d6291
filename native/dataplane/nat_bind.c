/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * What a connection is translated to. A port stays what it is where it is free (RFC 5382, RFC
 * 5508), else one is drawn, even for even and odd for odd (RFC 4787 4.2.2); a host has one outside
 * address for all that it does (RFC 4787 4.1).
 */
#include "frame_program.h"
#include "nat.h"

static int
sort_of(const struct lk_flow_key *key)
{
	switch (key->protocol) {
	case LK_PROTO_TCP:
		return LK_NAT_TCP;
	case LK_PROTO_UDP:
		return LK_NAT_UDP;
	case LK_PROTO_SCTP:
		return LK_NAT_SCTP;
	default:
		return lk_flow_key_is_query(key) ? LK_NAT_QUERY : -1;
	}
}

/* Bindings */

static uint32_t *
ports_of(const struct lk_nat *nat, uint32_t address, int sort)
{
	return nat->by_port + ((size_t)address * LK_NAT_SORTS + (size_t)sort) * LK_NAT_PORTS;
}

static uint32_t *
taken_of(const struct lk_nat *nat, uint32_t address, int sort, uint16_t port)
{
	return &nat->taken[((size_t)address * LK_NAT_SORTS + (size_t)sort) * 2 + (port & 1)];
}

static uint64_t
hash_inside(const struct lk_nat *nat, const struct lk_flow_key *key, int sort)
{
	return lk_mix(lk_hash_address(key, key->from, key->from_port, nat->seed),
		      nat->seed + (uint64_t)sort);
}

static struct lk_binding *
find_binding(const struct lk_nat *nat, const struct lk_flow_key *key, int sort, uint64_t hash)
{
	const struct lk_bucket *bucket = lk_bucket_of(&nat->keys, hash);
	unsigned int slot = 0;
	uint32_t place;

	while ((place = lk_index_next(&nat->keys, &bucket, &slot, hash)) != LK_NO_PLACE) {
		struct lk_binding *b = &nat->places[place];

		if (b->inside_port == key->from_port && b->sort == sort &&
		    b->version == (key->kind & 15) && memcmp(b->inside, key->from, 16) == 0)
			return b;
		slot++;
	}
	return NULL;
}

/* The address of a host among those of its version; UINT32_MAX: there is none. */
static uint32_t
address_for(const struct lk_nat *nat, const struct lk_flow_key *key)
{
	uint8_t version = key->kind & 15;
	uint32_t fitting = 0, wanted;

	for (uint32_t i = 0; i < nat->pool_count; i++)
		fitting += nat->pool[i].version == version;
	if (fitting == 0)
		return UINT32_MAX;
	wanted = (uint32_t)(lk_hash_address(key, key->from, 0, nat->seed) % fitting);
	for (uint32_t i = 0;; i++)
		if (nat->pool[i].version == version && wanted-- == 0)
			return i;
}

/* A free port of one parity, from a random one on. -1: all are taken. */
static int32_t
draw_port(struct lk_nat *nat, uint32_t address, int sort, uint16_t parity)
{
	uint32_t first = nat->first_port + ((nat->first_port ^ parity) & 1u), count, start;
	const uint32_t *ports = ports_of(nat, address, sort);

	if (first > nat->last_port)
		return -1;
	count = (nat->last_port - first) / 2 + 1;
	if (*taken_of(nat, address, sort, parity) >= count)
		return -1;
	start = (uint32_t)(lk_random(nat->seed, nat->drawn++) % count);
	for (uint32_t i = 0; i < count; i++) {
		uint32_t port = first + (start + i) % count * 2;

		if (ports[port] == 0)
			return (int32_t)port;
	}
	return -1;
}

static int32_t
choose_port(struct lk_nat *nat, uint32_t address, int sort, uint16_t wanted)
{
	int32_t port;

	if ((sort == LK_NAT_QUERY || (wanted >= nat->first_port && wanted <= nat->last_port)) &&
	    ports_of(nat, address, sort)[wanted] == 0)
		return wanted;
	if (sort == LK_NAT_SCTP)
		return -1; /* its CRC is over the whole packet (RFC 9260 6.8) */
	port = draw_port(nat, address, sort, wanted);
	return port >= 0 ? port : draw_port(nat, address, sort, wanted ^ 1);
}

/* Of who began the connection. NULL: no port is left. */
static struct lk_binding *
bind(struct lk_nat *nat, const struct lk_flow_key *key, int sort, uint32_t address)
{
	uint64_t hash = hash_inside(nat, key, sort);
	struct lk_binding *b = find_binding(nat, key, sort, hash);
	uint32_t place;
	int32_t port;

	if (b != NULL) {
		b->uses++;
		return b;
	}
	port = choose_port(nat, address, sort, key->from_port);
	if (port < 0 || (nat->free == 0 && nat->used == nat->place_count))
		return NULL;
	if (nat->free != 0) {
		place = nat->free - 1;
		nat->free = nat->places[place].next;
	} else {
		place = nat->used++;
	}
	b = &nat->places[place];
	*b = (struct lk_binding){
		.hash = hash,
		.inside_port = key->from_port,
		.port = (uint16_t)port,
		.address = (uint16_t)address,
		.version = key->kind & 15,
		.sort = (uint8_t)sort,
		.uses = 1,
	};
	memcpy(b->inside, key->from, sizeof(b->inside));
	lk_index_add(&nat->keys, hash, place);
	ports_of(nat, address, sort)[port] = place + 1;
	*taken_of(nat, address, sort, (uint16_t)port) +=
		port >= nat->first_port && port <= nat->last_port;
	nat->bindings++;
	nat->new_bindings++;
	nat->most_bindings = RTE_MAX(nat->most_bindings, nat->bindings);
	return b;
}

static void
let_go(struct lk_nat *nat, uint32_t place)
{
	struct lk_binding *b = &nat->places[place];

	if (--b->uses != 0)
		return;
	lk_index_remove(&nat->keys, b->hash, place);
	ports_of(nat, b->address, b->sort)[b->port] = 0;
	*taken_of(nat, b->address, b->sort, b->port) -=
		b->port >= nat->first_port && b->port <= nat->last_port;
	b->next = nat->free;
	nat->free = place + 1;
	nat->bindings--;
}

/* A connection of a table is over. */
static void
forget(void *of, struct lk_connection *c)
{
	struct lk_nat *nat = of;

	for (unsigned int i = 0; i < RTE_DIM(c->nat_bindings); i++) {
		if (c->nat_bindings[i] != 0)
			let_go(nat, c->nat_bindings[i] - 1);
		c->nat_bindings[i] = 0;
	}
}

uint8_t
lk_nat_number(struct lk_nat *nat, struct lk_conntrack *table)
{
	if (likely(nat->table == table))
		return nat->number;
	nat->table = table;
	for (unsigned int i = 0; i < table->nat_count; i++)
		if (table->nats[i] == nat)
			return nat->number = (uint8_t)(i + 1);
	if (table->nat_count == LK_MAX_NATS)
		return nat->number = 0;
	table->nats[table->nat_count] = nat;
	table->forget[table->nat_count] = forget;
	return nat->number = (uint8_t)++table->nat_count;
}

/* Connections */

static const struct lk_nat_rule *
rule_for(const struct lk_nat *nat, const struct lk_flow_key *key)
{
	for (uint32_t i = 0; i < nat->rule_count; i++) {
		const struct lk_nat_rule *rule = &nat->rules[i];

		if (rule->version == (key->kind & 15) &&
		    (rule->protocol == 0 || rule->protocol == key->protocol) &&
		    (rule->port == 0 ||
		     (lk_has_ports(key->protocol) && rule->port == key->to_port)) &&
		    memcmp(rule->address, key->to, 16) == 0)
			return rule;
	}
	return NULL;
}

/* The pool's address that the connection is to; UINT32_MAX: it is to none. */
static uint32_t
own_address(const struct lk_nat *nat, const struct lk_flow_key *key)
{
	for (uint32_t i = 0; i < nat->pool_count; i++)
		if (nat->pool[i].version == (key->kind & 15) &&
		    memcmp(nat->pool[i].address, key->to, 16) == 0)
			return i;
	return UINT32_MAX;
}

/* The host behind the outside port that the connection is to; NULL: nobody. */
static struct lk_binding *
bound_to(const struct lk_nat *nat, const struct lk_flow_key *key)
{
	uint32_t address = own_address(nat, key), place;
	int sort = sort_of(key);

	if (address == UINT32_MAX || sort < 0 || sort == LK_NAT_QUERY)
		return NULL; /* a query to an identifier asks the NAT itself */
	place = ports_of(nat, address, sort)[key->to_port];
	return place == 0 ? NULL : &nat->places[place - 1];
}

/* Where it goes in the place of whom it was to. 0: there is nobody. */
static int
set_target(struct lk_nat *nat, struct lk_connection *c, struct lk_flow_key *back, int lets_bound_in)
{
	const struct lk_nat_rule *rule = rule_for(nat, &c->key);
	struct lk_binding *b;

	if (rule != NULL) {
		memcpy(back->from, rule->to, sizeof(back->from));
		if (rule->port != 0)
			back->from_port = rule->to_port;
	} else {
		b = lets_bound_in ? bound_to(nat, &c->key) : NULL;
		if (b == NULL)
			return 0;
		b->uses++;
		c->nat_bindings[1] = (uint32_t)(b - nat->places) + 1;
		memcpy(back->from, b->inside, sizeof(back->from));
		back->from_port = b->inside_port;
	}
	c->nat_what |= LK_NAT_TARGET;
	return 1;
}

/* From which address and port it comes outside. */
static enum lk_verdict
set_source(struct lk_nat *nat, struct lk_connection *c, struct lk_flow_key *back)
{
	int sort = sort_of(&c->key);
	uint32_t address = address_for(nat, &c->key);
	struct lk_binding *b;

	if (address == UINT32_MAX)
		return LK_next;
	c->nat_what |= LK_NAT_SOURCE;
	memcpy(back->to, nat->pool[address].address, sizeof(back->to));
	if (sort < 0)
		return LK_next;
	b = bind(nat, &c->key, sort, address);
	if (b == NULL) {
		nat->exhausted++;
		return LK_nat_no_port;
	}
	c->nat_bindings[0] = (uint32_t)(b - nat->places) + 1;
	back->to_port = b->port;
	if (sort == LK_NAT_QUERY)
		back->from_port = (uint16_t)~b->port;
	return LK_next;
}

static enum lk_verdict
decide(struct lk_nat *nat, struct lk_connection *c, struct lk_flow_key *back, int is_from_outside)
{
	if (set_target(nat, c, back, !is_from_outside || nat->is_independent)) {
		if (is_from_outside)
			return LK_next;
		c->nat_what |= LK_NAT_HAIRPIN;
	} else if (own_address(nat, &c->key) != UINT32_MAX) {
		return LK_nat_no_binding;
	}
	return is_from_outside ? LK_next : set_source(nat, c, back);
}

enum lk_verdict
lk_nat_begin(struct lk_nat *nat, struct lk_conntrack *table, struct lk_connection *c,
	     int is_from_outside)
{
	struct lk_flow_key turned = lk_flow_key_turned(&c->key), back = turned;
	enum lk_verdict verdict;

	c->nat = lk_nat_number(nat, table);
	if (c->nat == 0)
		return LK_nat_untracked;
	c->nat_what = 0;
	memset(c->nat_bindings, 0, sizeof(c->nat_bindings));
	verdict = decide(nat, c, &back, is_from_outside);
	if (verdict == LK_next && !lk_flow_key_is(&back, &turned) &&
	    lk_conntrack_translate(table, c, &back) != 0)
		verdict = LK_nat_no_port;
	if (verdict == LK_next) {
		c->back = back; /* of one that stays as it is, too */
		return LK_next;
	}
	/* Nothing of it stays, nor does the connection, which its next frame may begin again. */
	lk_conntrack_forget(table, (uint32_t)(c - table->connections));
	return verdict;
}
