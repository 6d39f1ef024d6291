/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A libFuzzer target over what conntrack, firewall and nat do with bytes. Input: what is tried,
 * then a frame, segments of a TCP connection, or keys that come and go.
 */
#include <stdlib.h>

#include "index_table.h"
#include "tcp_track.h"
#include "translate.h"
#include "udp.h"

static void
require(int condition)
{
	if (!condition)
		abort();
}

static int
is_of_connection(const struct lk_flow_frame *h)
{
	return h->what != LK_FLOW_NONE && h->what != LK_FLOW_INVALID;
}

static int
has_good_sum(const uint8_t *frame, const struct lk_flow_frame *h)
{
	struct lk_headers headers;

	if (h->what == LK_FLOW_LATER || lk_parse(frame, h->end, &headers) != LK_next)
		return 0;
	if (headers.protocol == LK_PROTO_UDP)
		return lk_check_udp(frame, &headers) == LK_next;
	return lk_is_icmp(&headers) && lk_icmp_is_good(frame, &headers);
}

/* The key that a frame has after its translation: an error's is that of what it quotes, turned. */
static struct lk_flow_key
translated_key(const struct lk_flow_frame *h, const struct lk_translation *t)
{
	struct lk_flow_key key = h->key;
	uint32_t bytes = (key.kind & 15) == 4 ? 4 : 16;

	if (t->changes & LK_CHANGES_FROM)
		memcpy(key.from, t->from, bytes);
	if (t->changes & LK_CHANGES_TO)
		memcpy(key.to, t->to, bytes);
	if (h->what == LK_FLOW_LATER)
		return key;
	if (lk_has_ports(key.protocol)) {
		if (t->changes & LK_CHANGES_FROM)
			key.from_port = t->from_port;
		if (t->changes & LK_CHANGES_TO)
			key.to_port = t->to_port;
	} else if (lk_flow_key_is_query(&key)) {
		int asks = h->is_request;

		key.from_port = asks ? t->identifier : (uint16_t)~t->identifier;
		key.to_port = (uint16_t)~key.from_port;
	}
	return key;
}

static void
try_frame(const uint8_t *data, size_t size)
{
	static const struct lk_translation all = {
		.from = {203, 0, 113, 77, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12},
		.to = {198, 51, 100, 99, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1},
		.from_port = 0x1234,
		.to_port = 0xabcd,
		.identifier = 0x5a5a,
	};
	struct lk_translation t = all;
	struct lk_flow_frame h, after;
	struct lk_flow_key wanted;
	uint8_t *frame;
	int was_good;

	if (size < 1)
		return;
	t.changes = data[0] & 3;
	size--;
	frame = malloc(size);
	require(frame != NULL || size == 0);
	if (size > 0)
		memcpy(frame, data + 1, size);
	if (lk_flow_read(frame, (uint32_t)size, &h) != LK_next || !is_of_connection(&h))
		goto end;
	require(h.end <= size && h.l3 < h.end && h.l4 + h.l4_length <= h.end);
	lk_flow_hash(&h, 42);
	was_good = has_good_sum(frame, &h);
	wanted = translated_key(&h, &t);
	lk_translate(frame, &h, &t);
	require(lk_flow_read(frame, (uint32_t)size, &after) == LK_next);
	require(after.what == h.what && after.end == h.end);
	if (h.what != LK_FLOW_ERROR)
		require(t.changes == 0 || lk_flow_key_is(&after.key, &wanted));
	else if (t.changes != 0)
		require(memcmp(after.key.to, wanted.to, 16) == 0 &&
			memcmp(after.key.from, wanted.from, 16) == 0);
	if (was_good)
		require(has_good_sum(frame, &after));
end:
	free(frame);
}

static void
try_segments(const uint8_t *data, size_t size)
{
	struct lk_tcp_track t = {.state = LK_TCP_SYN_SENT, .syns = 1};

	for (size_t i = 0; i < size; i++) {
		uint8_t flags = data[i] & 0x1f, before = t.state;

		if (!lk_tcp_flags_are_good(flags))
			continue;
		if (!lk_tcp_track(&t, data[i] >> 7, flags))
			require(t.state == before);
		require(t.state <= LK_TCP_CLOSED && t.fins <= 3 && t.syns <= 3);
		require(t.state != LK_TCP_LAST_ACK || t.fins == 3);
	}
}

#define KEYS 200

/* Hashes of few values: buckets that overflow, signatures that are the same. */
static uint64_t
hash_of(uint8_t key)
{
	return (uint64_t)(key % 7) << 48 | key % 3;
}

static int
finds(const struct lk_index_table *t, uint8_t key)
{
	const struct lk_bucket *bucket = lk_bucket_of(t, hash_of(key));
	unsigned int slot = 0;
	uint32_t place;

	while ((place = lk_index_next(t, &bucket, &slot, hash_of(key))) != LK_NO_PLACE) {
		if (place == key)
			return 1;
		slot++;
	}
	return 0;
}

static void
try_keys(const uint8_t *data, size_t size)
{
	struct lk_index_table t;
	uint8_t is_there[KEYS] = {0};

	require(lk_index_table_new(&t, KEYS) == 0);
	for (size_t i = 0; i < size; i++) {
		uint8_t key = data[i] % KEYS;

		require(finds(&t, key) == is_there[key]);
		if (is_there[key])
			lk_index_remove(&t, hash_of(key), key);
		else
			lk_index_add(&t, hash_of(key), key);
		is_there[key] = !is_there[key];
		require(t.spare_used <= KEYS / LK_BUCKET_SLOTS + 1);
	}
	for (unsigned int key = 0; key < KEYS; key++)
		require(finds(&t, (uint8_t)key) == is_there[key]);
	lk_index_table_free(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (data[0] < 16)
		try_keys(data + 1, size - 1);
	else if (data[0] < 32)
		try_segments(data + 1, size - 1);
	else
		try_frame(data + 1, size - 1);
	return 0;
}
