/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_FLOW_KEY_H
#define LK_FLOW_KEY_H

#include "flow.h"
#include "icmp.h"

/*
 * Which connection a frame belongs to: of TCP, UDP and SCTP the 5-tuple, of ICMP queries addresses
 * and identifier, of other protocols addresses alone, and of an ICMP error the packet that it
 * quotes. Both directions of a connection have the same hash.
 */
struct lk_flow_key {
	uint8_t from[16], to[16];    /* IPv4 addresses have 4 bytes, and zeros behind */
	uint16_t from_port, to_port; /* host order; of a query its identifier, and ~identifier
					where it goes to */
	uint8_t protocol;
	uint8_t kind; /* IP version; of ICMP also which query, in the upper half */
	uint16_t zero;
};
_Static_assert(sizeof(struct lk_flow_key) == 40, "compared as five words");

static inline uint64_t
lk_hash_address(const struct lk_flow_key *key, const uint8_t *address, uint16_t port, uint64_t seed)
{
	if ((key->kind & 15) == 4)
		return lk_mix(lk_load32(address) | (uint64_t)port << 32, seed);
	return lk_mix(lk_load64(address) ^ seed,
		      lk_load64(address + 8) + ((uint64_t)port << 48 | port));
}

/* The same for both directions. */
static inline uint64_t
lk_flow_key_hash(const struct lk_flow_key *key, uint64_t seed)
{
	return lk_mix(lk_hash_address(key, key->from, key->from_port, seed) +
			      lk_hash_address(key, key->to, key->to_port, seed),
		      seed + ((uint64_t)key->protocol << 8 | key->kind));
}

/* ICMP of its IP version, of which queries have an identifier where others have ports. */
static inline int
lk_is_query(uint8_t version, uint8_t protocol)
{
	return protocol == (version == 4 ? LK_PROTO_ICMP : LK_PROTO_ICMPV6);
}

static inline int
lk_flow_key_is_query(const struct lk_flow_key *key)
{
	return lk_is_query(key->kind & 15, key->protocol);
}

static inline int
lk_flow_key_is(const struct lk_flow_key *a, const struct lk_flow_key *b)
{
	return memcmp(a, b, sizeof(*a)) == 0;
}

static inline struct lk_flow_key
lk_flow_key_turned(const struct lk_flow_key *key)
{
	struct lk_flow_key turned = *key;

	memcpy(turned.from, key->to, 16);
	memcpy(turned.to, key->from, 16);
	turned.from_port = key->to_port;
	turned.to_port = key->from_port;
	return turned;
}

static inline void
lk_flow_addresses(struct lk_flow_key *key, const uint8_t *ip, uint8_t version)
{
	if (version == 4) {
		memcpy(key->from, ip + 12, 4);
		memcpy(key->to, ip + 16, 4);
	} else {
		memcpy(key->from, ip + 8, 16);
		memcpy(key->to, ip + 24, 16);
	}
	key->kind = version;
}

#endif
