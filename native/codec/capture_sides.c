/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Which frames of a capture clients have sent, and which servers: by networks of clients where they
 * are given, else by conversation. Who sent a SYN is a client, and so is who sends first. What
 * carries no ports, as fragments do, follows the first conversation of its two hosts; what is no IP
 * follows its MAC.
 */
#include <stdlib.h>

#include "api.h"
#include "capture_ethernet.h"
#include "headers.h"

#define SLOTS	  1024u
#define KEY_BYTES 40u
#define TCP_SYN	  0x02
#define TCP_ACK	  0x10

enum whose { NOBODY, FIRST_IS_CLIENT, SECOND_IS_CLIENT };

struct entry {
	uint8_t key[KEY_BYTES]; /* address and port of both ends, the lower one first; kind */
	uint8_t client;		/* enum whose */
};

struct table {
	struct entry *entries;
	uint64_t slots, used;
};

/* Both ends of a frame; where they change places a frame of the other direction has the same key.
 */
struct ends {
	uint8_t source[18], destination[18]; /* 16 bytes of address, port */
	uint8_t kind[4];
};

static uint64_t
hash_of(const uint8_t *key)
{
	uint64_t hash = 0;

	for (uint32_t at = 0; at < KEY_BYTES; at += 8) {
		hash = (hash ^ lk_load64(key + at)) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	return hash;
}

static struct entry *
slot_of(const struct table *t, const uint8_t *key)
{
	uint64_t at = hash_of(key) & (t->slots - 1);

	while (t->entries[at].client != NOBODY && memcmp(t->entries[at].key, key, KEY_BYTES) != 0)
		at = (at + 1) & (t->slots - 1);
	return &t->entries[at];
}

/* For what one frame adds: its hosts, its conversation, its MAC. */
static int
has_room(struct table *t)
{
	struct table larger = {NULL, t->slots == 0 ? SLOTS : 2 * t->slots, t->used};

	if (t->slots > 2 * (t->used + 4))
		return 1;
	larger.entries = calloc(larger.slots, sizeof(*larger.entries));
	if (larger.entries == NULL)
		return 0;
	for (uint64_t i = 0; i < t->slots; i++)
		if (t->entries[i].client != NOBODY)
			*slot_of(&larger, t->entries[i].key) = t->entries[i];
	free(t->entries);
	*t = larger;
	return 1;
}

/* Whether the source is the client; `is_told`: `is_client` says so, else it is asked for and is
 * what becomes of a new entry. */
static int
ask(struct table *t, const struct ends *ends, int is_client, int is_told)
{
	uint8_t key[KEY_BYTES];
	int is_lower = memcmp(ends->source, ends->destination, sizeof(ends->source)) <= 0;
	struct entry *found;

	memcpy(key, is_lower ? ends->source : ends->destination, 18);
	memcpy(key + 18, is_lower ? ends->destination : ends->source, 18);
	memcpy(key + 36, ends->kind, 4);
	found = slot_of(t, key);
	if (found->client == NOBODY || is_told) {
		t->used += found->client == NOBODY;
		memcpy(found->key, key, KEY_BYTES);
		found->client = is_client == is_lower ? FIRST_IS_CLIENT : SECOND_IS_CLIENT;
	}
	return (found->client == FIRST_IS_CLIENT) == is_lower;
}

/* -1 where the MAC has sent nothing yet. */
static int
side_of_mac(const struct table *t, const uint8_t *mac)
{
	uint8_t key[KEY_BYTES] = {0};
	const struct entry *found;

	memcpy(key, mac, 6);
	key[36] = 1;
	found = slot_of(t, key);
	return found->client == NOBODY ? -1 : found->client == FIRST_IS_CLIENT;
}

static void
learn_mac(struct table *t, const uint8_t *mac, int is_client)
{
	uint8_t key[KEY_BYTES] = {0};
	struct entry *found;

	memcpy(key, mac, 6);
	key[36] = 1;
	found = slot_of(t, key);
	if (found->client != NOBODY)
		return;
	t->used++;
	memcpy(found->key, key, KEY_BYTES);
	found->client = is_client ? FIRST_IS_CLIENT : SECOND_IS_CLIENT;
}

static int
is_among(const struct lk_rewrite *clients, uint32_t version, const uint8_t *address)
{
	for (uint32_t i = 0; clients != NULL && i < clients->net_count; i++)
		if (clients->nets[i].version == version &&
		    lk_is_in_net(address, clients->nets[i].from, clients->nets[i].bits))
			return 1;
	return 0;
}

static int
by_conversation(struct table *t, struct ends *ends, const uint8_t *l4, uint8_t protocol)
{
	uint8_t flags = protocol == LK_PROTO_TCP ? l4[13] : 0;
	int is_syn = (flags & TCP_SYN) != 0, is_client = !is_syn || !(flags & TCP_ACK);

	ask(t, ends, is_client, 0); /* of the two hosts */
	ends->kind[1] = protocol;
	memcpy(ends->source + 16, l4, 2);
	memcpy(ends->destination + 16, l4 + 2, 2);
	return ask(t, ends, is_client, is_syn);
}

/* 1: a client sent it. `is_ip` is told whether it is IP, which shows whose a MAC is. */
static int
find_side(struct table *t, const struct lk_rewrite *clients, const uint8_t *frame, uint32_t length,
	  int *is_ip)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(frame, length, &h);
	uint32_t version = h.ip_version, bytes = version == 6 ? 16 : 4;
	const uint8_t *source, *destination;
	struct ends ends = {{0}, {0}, {0}};
	int from, to, known;

	*is_ip = version != 0;
	if (version == 0 && h.ether_type == LK_TYPE_ARP && length >= h.l3 + 28u) {
		source = frame + h.l3 + 14;
		destination = frame + h.l3 + 24;
	} else if (version != 0) {
		source = frame + h.l3 + (version == 4 ? 12 : 8);
		destination = source + bytes;
	} else {
		known = side_of_mac(t, frame + 6);
		return known >= 0 ? known : side_of_mac(t, frame) != 1;
	}
	from = is_among(clients, version == 6 ? 6 : 4, source);
	to = is_among(clients, version == 6 ? 6 : 4, destination);
	if (from != to)
		return from;
	known = side_of_mac(t, frame + 6);
	if (version == 0 && known >= 0)
		return known;
	memcpy(ends.source, source, bytes);
	memcpy(ends.destination, destination, bytes);
	ends.kind[0] = (uint8_t)(version == 6 ? 6 : 4);
	if ((verdict == LK_next || verdict == LK_ipv4_bad_checksum) &&
	    !(version == 4 && lk_is_ipv4_fragment(frame + h.l3)) &&
	    ((h.protocol == LK_PROTO_TCP && h.l4_length >= 14) ||
	     ((h.protocol == LK_PROTO_UDP || h.protocol == LK_PROTO_SCTP) && h.l4_length >= 4)))
		return by_conversation(t, &ends, frame + h.l4, h.protocol);
	return ask(t, &ends, 1, 0);
}

static int
side_of(struct table *t, const struct lk_rewrite *clients, const uint8_t *frame, uint32_t length)
{
	int is_ip, is_client = find_side(t, clients, frame, length, &is_ip);

	if (is_ip)
		learn_mac(t, frame + 6, is_client);
	return is_client;
}

int
lk_codec_capture_sides(int fd, const struct lk_rewrite *clients, uint8_t *bits, uint64_t frames)
{
	struct lk_capture_reader *reader = malloc(sizeof(*reader));
	uint8_t *buffer = malloc(LK_CAPTURE_BUFFER);
	struct lk_capture_record record;
	struct table table = {NULL, 0, 0};
	int rc = reader == NULL || buffer == NULL ? -ENOMEM : 0;

	if (rc == 0)
		lk_capture_reader_begin(reader, fd, buffer);
	for (uint64_t n = 0; rc == 0 && n < frames; n++) {
		int is_client;

		if (lk_capture_reader_next(reader, &record) != LK_CAPTURE_RECORD ||
		    lk_capture_to_ethernet(reader, &record) != LK_ETHERNET_MADE ||
		    record.kept < LK_ETHER_LENGTH) {
			rc = -EIO;
		} else if (!has_room(&table)) {
			rc = -ENOMEM;
		} else {
			is_client = side_of(&table, clients, record.bytes, record.kept);
			bits[n / 8] |= (uint8_t)(is_client << n % 8);
		}
	}
	free(table.entries);
	free(buffer);
	free(reader);
	return rc;
}
