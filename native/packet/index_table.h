/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_INDEX_TABLE_H
#define LK_INDEX_TABLE_H

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <sys/mman.h>

/*
 * From a hash to the places of things in an array of the owner's, which holds the keys and compares
 * them. A bucket is a cache line of ten signatures and places; a full one goes on in a spare one.
 * Of n keys fewer than n/10 need a spare bucket, so that adding never fails and never moves what is
 * there, however full the table is.
 */
#define LK_BUCKET_SLOTS 10

struct lk_bucket {
	uint16_t signatures[LK_BUCKET_SLOTS];
	uint32_t places[LK_BUCKET_SLOTS]; /* 1 + place, those in use in front; 0: none */
	uint32_t next;			  /* 1 + its number among the spare ones; 0: none */
};
_Static_assert(sizeof(struct lk_bucket) == 64, "a bucket is a cache line");

struct lk_index_table {
	struct lk_bucket *buckets, *spare;
	uint64_t mask;
	uint32_t spare_free; /* 1 + the first of those given back, which are linked by next */
	uint32_t spare_used; /* those behind were never used */
	size_t bytes;
};

/* Memory that is zero, and takes room only where it is written; in large pages, if there are. */
static inline void *
lk_pages_new(size_t bytes)
{
	void *memory =
		mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (memory == MAP_FAILED)
		return NULL;
	madvise(memory, bytes, MADV_HUGEPAGE);
	return memory;
}

static inline int
lk_index_table_new(struct lk_index_table *t, uint64_t keys)
{
	uint64_t count = 1, spare = keys / LK_BUCKET_SLOTS + 1;

	while (count < keys / 6 + 1) /* five keys or so in a bucket */
		count *= 2;
	t->bytes = (count + spare) * sizeof(struct lk_bucket);
	t->buckets = lk_pages_new(t->bytes);
	if (t->buckets == NULL)
		return -ENOMEM;
	t->spare = t->buckets + count;
	t->mask = count - 1;
	t->spare_free = t->spare_used = 0;
	return 0;
}

static inline void
lk_index_table_free(struct lk_index_table *t)
{
	if (t->buckets != NULL)
		munmap(t->buckets, t->bytes);
	t->buckets = NULL;
}

static inline struct lk_bucket *
lk_bucket_of(const struct lk_index_table *t, uint64_t hash)
{
	return &t->buckets[hash & t->mask];
}

static inline uint16_t
lk_signature(uint64_t hash)
{
	return (uint16_t)(hash >> 48);
}

/*
 * The next place that may be of this hash, from *slot of *bucket on; LK_NO_PLACE: none more. The
 * caller compares, and goes on with *slot + 1 where it is another one.
 */
#define LK_NO_PLACE UINT32_MAX

static inline uint32_t
lk_index_next(const struct lk_index_table *t, const struct lk_bucket **bucket, unsigned int *slot,
	      uint64_t hash)
{
	uint16_t signature = lk_signature(hash);

	for (;;) {
		const struct lk_bucket *b = *bucket;

		for (; *slot < LK_BUCKET_SLOTS; (*slot)++)
			if (b->signatures[*slot] == signature && b->places[*slot] != 0)
				return b->places[*slot] - 1;
		if (b->next == 0)
			return LK_NO_PLACE;
		*bucket = &t->spare[b->next - 1];
		*slot = 0;
	}
}

static inline void
lk_index_add(struct lk_index_table *t, uint64_t hash, uint32_t place)
{
	struct lk_bucket *b = lk_bucket_of(t, hash);

	for (;;) {
		for (unsigned int i = 0; i < LK_BUCKET_SLOTS; i++) {
			if (b->places[i] == 0) {
				b->signatures[i] = lk_signature(hash);
				b->places[i] = place + 1;
				return;
			}
		}
		if (b->next == 0) {
			uint32_t spare = t->spare_free != 0 ? t->spare_free : ++t->spare_used;

			if (t->spare_free != 0)
				t->spare_free = t->spare[spare - 1].next;
			memset(&t->spare[spare - 1], 0, sizeof(*b));
			b->next = spare;
		}
		b = &t->spare[b->next - 1];
	}
}

/* Takes one out that is there; the last one of its buckets comes in its place. */
static inline void
lk_index_remove(struct lk_index_table *t, uint64_t hash, uint32_t place)
{
	struct lk_bucket *b = lk_bucket_of(t, hash), *found = NULL, *before = NULL;
	unsigned int at = 0, last = 0;

	for (;;) {
		for (unsigned int i = 0; i < LK_BUCKET_SLOTS && b->places[i] != 0; i++) {
			last = i;
			if (found == NULL && b->places[i] == place + 1) {
				found = b;
				at = i;
			}
		}
		if (b->next == 0)
			break;
		before = b;
		b = &t->spare[b->next - 1];
	}
	if (found == NULL)
		return;
	found->signatures[at] = b->signatures[last];
	found->places[at] = b->places[last];
	b->places[last] = 0;
	if (last == 0 && before != NULL) {
		b->next = t->spare_free;
		t->spare_free = before->next;
		before->next = 0;
	}
}

#endif
