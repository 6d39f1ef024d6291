/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_INTERN_H
#define LK_INTERN_H

#include <stdlib.h>

#include "flow.h"

#define LK_LONGEST_KEY 80u /* bytes; a multiple of 8 */

/* Keys of bytes by number, in the order in which they came; equal ones have one number. */
struct lk_intern {
	uint64_t *hashes;
	uint8_t *keys; /* `stride` bytes each, zeros behind them */
	uint8_t *lengths;
	int32_t *slots; /* numbers + 1, 0: free */
	uint32_t stride;
	uint32_t count, room; /* `room` slots, a power of two, twice as many as keys */
};

static inline uint64_t
lk_intern_hash(const uint8_t *key, uint32_t length)
{
	uint64_t hash = length, word;
	uint32_t i;

	for (i = 0; i + 8 <= length; i += 8)
		hash = lk_mix(hash, lk_load64(key + i));
	word = 0;
	memcpy(&word, key + i, length - i);
	return lk_mix(hash, word);
}

/* Twice the room; 0 without memory, and all is as it was. */
static inline int
lk_intern_grow(struct lk_intern *t)
{
	uint32_t room = t->room == 0 ? 1024 : t->room * 2;
	int32_t *slots = calloc(room, sizeof(*slots));
	uint64_t *hashes = realloc(t->hashes, room / 2 * sizeof(*hashes));
	uint8_t *keys, *lengths;

	if (hashes != NULL)
		t->hashes = hashes;
	keys = realloc(t->keys, (size_t)room / 2 * t->stride);
	if (keys != NULL)
		t->keys = keys;
	lengths = realloc(t->lengths, room / 2);
	if (lengths != NULL)
		t->lengths = lengths;
	if (slots == NULL || hashes == NULL || keys == NULL || lengths == NULL) {
		free(slots);
		return 0;
	}
	for (uint32_t i = 0; i < t->count; i++) {
		uint32_t at = (uint32_t)t->hashes[i] & (room - 1);

		while (slots[at] != 0)
			at = (at + 1) & (room - 1);
		slots[at] = (int32_t)i + 1;
	}
	free(t->slots);
	t->slots = slots;
	t->room = room;
	return 1;
}

/* Where a key stands, or would stand; there is room. */
static inline uint32_t
lk_intern_place(const struct lk_intern *t, const uint8_t *key, uint32_t length, uint64_t hash)
{
	uint32_t at = (uint32_t)hash & (t->room - 1);

	while (t->slots[at] != 0) {
		uint32_t i = (uint32_t)t->slots[at] - 1;

		if (t->hashes[i] == hash && t->lengths[i] == length &&
		    memcmp(t->keys + (size_t)i * t->stride, key, length) == 0)
			break;
		at = (at + 1) & (t->room - 1);
	}
	return at;
}

/* The number of a key; -1: it is not there. */
static inline int32_t
lk_intern_find(const struct lk_intern *t, const uint8_t *key, uint32_t length)
{
	if (t->room == 0)
		return -1;
	return t->slots[lk_intern_place(t, key, length, lk_intern_hash(key, length))] - 1;
}

/* The number of a key of at most `stride` bytes, a new one if need be; -1 without memory. */
static inline int32_t
lk_intern(struct lk_intern *t, const uint8_t *key, uint32_t length)
{
	uint64_t hash = lk_intern_hash(key, length);
	uint32_t at;

	if (t->count * 2 >= t->room && !lk_intern_grow(t))
		return -1;
	at = lk_intern_place(t, key, length, hash);
	if (t->slots[at] == 0) {
		uint8_t *to = t->keys + (size_t)t->count * t->stride;

		t->hashes[t->count] = hash;
		t->lengths[t->count] = (uint8_t)length;
		memset(to, 0, t->stride);
		memcpy(to, key, length);
		t->slots[at] = (int32_t)++t->count;
	}
	return t->slots[at] - 1;
}

static inline void
lk_intern_free(struct lk_intern *t)
{
	free(t->hashes);
	free(t->keys);
	free(t->lengths);
	free(t->slots);
}

#endif
