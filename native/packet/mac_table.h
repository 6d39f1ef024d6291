/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_MAC_TABLE_H
#define LK_MAC_TABLE_H

#include "bytes.h"
#include "flow.h"

/*
 * Where MAC addresses are: by address and VLAN the port, when it was last seen there, and how often
 * it has moved. A bucket is a cache line of four entries. One that finds its bucket full stands in
 * the first behind it that has room, so that a search ends at the first bucket with a gap; there
 * are twice as many places as entries, and nearly every search reads one line.
 *
 * Times are milliseconds in 32 bits, of which differences count. An entry that is older than the
 * table's age is none to whoever asks, and its place is free from the next sweep on.
 */
#define LK_MAC_SLOTS 4u
#define LK_MAC_MOVES 0xffffffu /* no more are counted */

struct lk_mac_entry {
	uint64_t key; /* 0: free */
	uint32_t seen;
	uint32_t where; /* port in the low 8 bits, moves above */
};
struct lk_mac_bucket {
	struct lk_mac_entry slots[LK_MAC_SLOTS];
} __attribute__((aligned(64)));
struct lk_mac_table {
	struct lk_mac_bucket *buckets; /* mask + 1, zeroed */
	uint32_t mask;
	uint32_t limit; /* entries at most */
	uint32_t count;
	uint32_t age;	/* ms for which an entry is good, below 2^31 */
	uint32_t swept; /* bucket that the next sweep begins with */
};

enum lk_mac_learnt { LK_MAC_KNOWN, LK_MAC_LEARNED, LK_MAC_MOVED, LK_MAC_FULL };

/* Buckets for so many entries: a power of two. */
static inline uint32_t
lk_mac_buckets(uint32_t limit)
{
	uint32_t buckets = 2;

	while (buckets * LK_MAC_SLOTS < limit * 2)
		buckets *= 2;
	return buckets;
}

/* Not 0, which no address is. */
static inline uint64_t
lk_mac_key(uint64_t mac, uint32_t vlan)
{
	return mac << 12 | vlan;
}

static inline uint32_t
lk_mac_home(const struct lk_mac_table *t, uint64_t key)
{
	return (uint32_t)(lk_mix(key, 0) >> 32) & t->mask;
}

static inline int
lk_mac_is_old(const struct lk_mac_table *t, const struct lk_mac_entry *e, uint32_t now)
{
	return now - e->seen > t->age;
}

/* The entry of a key, or a free place for it; NULL: neither, for the table was filled beyond its
 * places, which its limit rules out. */
static inline struct lk_mac_entry *
lk_mac_place(const struct lk_mac_table *t, uint64_t key)
{
	for (uint32_t at = lk_mac_home(t, key), left = t->mask + 1; left-- > 0;
	     at = (at + 1) & t->mask) {
		struct lk_mac_entry *free = NULL;

		for (uint32_t i = 0; i < LK_MAC_SLOTS; i++) {
			struct lk_mac_entry *e = &t->buckets[at].slots[i];

			if (e->key == key)
				return e;
			if (e->key == 0)
				free = e;
		}
		if (free != NULL)
			return free;
	}
	return NULL;
}

static inline int
lk_mac_is_full(const struct lk_mac_bucket *b)
{
	for (uint32_t i = 0; i < LK_MAC_SLOTS; i++)
		if (b->slots[i].key == 0)
			return 0;
	return 1;
}

/* Frees a place, and lets those that stand too far behind because of it come nearer. */
static inline void
lk_mac_remove(struct lk_mac_table *t, uint32_t bucket, uint32_t slot)
{
	struct lk_mac_entry *hole = &t->buckets[bucket].slots[slot];
	int was_full = lk_mac_is_full(&t->buckets[bucket]);

	t->count--;
	hole->key = 0;
	for (uint32_t at = (bucket + 1) & t->mask; was_full && at != bucket;
	     at = (at + 1) & t->mask) {
		was_full = lk_mac_is_full(&t->buckets[at]);
		for (uint32_t i = 0; i < LK_MAC_SLOTS; i++) {
			struct lk_mac_entry *e = &t->buckets[at].slots[i];
			uint32_t home = lk_mac_home(t, e->key);

			if (e->key == 0 || ((at - home) & t->mask) < ((at - bucket) & t->mask))
				continue;
			*hole = *e;
			hole = e;
			hole->key = 0;
			bucket = at;
			break;
		}
	}
}

/* Removes what is too old from so many buckets; how many entries. */
static inline uint32_t
lk_mac_sweep(struct lk_mac_table *t, uint32_t now, uint32_t buckets)
{
	uint32_t before = t->count;

	for (; buckets > 0 && t->count > 0; buckets--, t->swept = (t->swept + 1) & t->mask) {
		for (uint32_t i = 0; i < LK_MAC_SLOTS;) {
			const struct lk_mac_entry *e = &t->buckets[t->swept].slots[i];

			if (e->key != 0 && lk_mac_is_old(t, e, now))
				lk_mac_remove(t, t->swept, i); /* another may stand there now */
			else
				i++;
		}
	}
	return before - t->count;
}

/* The address was seen on a port. A full table learns no more; nobody's entry goes for it. */
static inline enum lk_mac_learnt
lk_mac_learn(struct lk_mac_table *t, uint64_t key, uint8_t port, uint32_t now)
{
	struct lk_mac_entry *e = lk_mac_place(t, key);
	int is_new;

	if (e != NULL && e->key == key && e->seen == now && (uint8_t)e->where == port)
		return LK_MAC_KNOWN; /* nothing to write */
	is_new = e == NULL || e->key != key;
	if (is_new && (e == NULL || t->count >= t->limit))
		return LK_MAC_FULL;
	if (is_new || lk_mac_is_old(t, e, now)) {
		t->count += (uint32_t)is_new;
		*e = (struct lk_mac_entry){.key = key, .seen = now, .where = port};
		return LK_MAC_LEARNED;
	}
	e->seen = now;
	if ((uint8_t)e->where == port)
		return LK_MAC_KNOWN;
	if (e->where >> 8 < LK_MAC_MOVES)
		e->where += 1u << 8;
	e->where = (e->where & ~0xffu) | port;
	return LK_MAC_MOVED;
}

/* The port of an address; -1: it is not known. */
static inline int
lk_mac_port(const struct lk_mac_table *t, uint64_t key, uint32_t now)
{
	const struct lk_mac_entry *e = lk_mac_place(t, key);

	return e == NULL || e->key != key || lk_mac_is_old(t, e, now) ? -1 : (uint8_t)e->where;
}

static inline void
lk_mac_clear(struct lk_mac_table *t)
{
	memset(t->buckets, 0, (t->mask + 1ul) * sizeof(*t->buckets));
	t->count = 0;
}

#endif
