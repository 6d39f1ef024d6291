/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdlib.h>

#include <rte_common.h>

#include "flow.h"
#include "reassembly.h"

int
lk_reassembly_open(struct lk_node *self)
{
	const struct lk_node_value *values = self->config.values;
	struct lk_reassembly *r = self->state;
	double hz = lk_clock_tsc_hz();

	r->timeout = (uint64_t)(values[LK_REASSEMBLE_TIMEOUT].real * hz);
	r->most = (uint64_t)values[LK_REASSEMBLE_FRAGMENTS].whole;
	r->ns_per_cycle = 1e9 / hz;
	r->entries = (uint32_t)values[LK_REASSEMBLE_ENTRIES].whole;
	r->mask = rte_align32pow2(r->entries) - 1;
	r->buckets = calloc(r->mask + 1, sizeof(*r->buckets));
	r->packets = calloc(r->entries, sizeof(*r->packets));
	if (r->buckets == NULL || r->packets == NULL)
		return -ENOMEM;
	for (uint32_t i = 0; i < r->entries; i++)
		r->packets[i].next = i + 1 < r->entries ? i + 2 : 0;
	r->free = 1;
	return 0;
}

void
lk_reassembly_close(struct lk_node *self)
{
	struct lk_reassembly *r = self->state;

	for (uint32_t i = r->oldest; r->packets != NULL && i != 0; i = r->packets[i - 1].newer)
		for (uint32_t n = 0; n < r->packets[i - 1].count; n++)
			rte_pktmbuf_free(r->packets[i - 1].parts[n].m);
	free(r->buckets);
	free(r->packets);
}

static struct lk_packet_key
key_of(const uint8_t *frame, const struct lk_fragment *f)
{
	const uint8_t *ip = frame + f->l3;
	struct lk_packet_key key = {.id = f->id, .version = f->version};

	if (f->version == 4) {
		key.addresses[0] = lk_load64(ip + 12);
		key.protocol = f->protocol;
		return key;
	}
	for (int i = 0; i < 4; i++)
		key.addresses[i] = lk_load64(ip + 8 + 8 * i);
	return key;
}

static uint32_t *
bucket_of(const struct lk_reassembly *r, const struct lk_packet_key *key)
{
	uint64_t hash = lk_mix(key->addresses[0] ^ key->addresses[3],
			       key->addresses[1] ^ key->addresses[2]);

	hash = lk_mix(hash, (uint64_t)key->id << 32 | key->protocol << 8 | key->version);
	return &r->buckets[hash & r->mask];
}

/* A new one, the newest; NULL: there is no room. */
static struct lk_waiting_packet *
add(struct lk_reassembly *r, const struct lk_packet_key *key, uint32_t *bucket, uint64_t now)
{
	uint32_t place = r->free;
	struct lk_waiting_packet *p;

	if (place == 0)
		return NULL;
	p = &r->packets[place - 1];
	r->free = p->next;
	p->key = *key;
	p->since = now;
	p->next = *bucket;
	*bucket = place;
	p->older = r->newest;
	p->newer = 0;
	if (r->newest != 0)
		r->packets[r->newest - 1].newer = place;
	else
		r->oldest = place;
	r->newest = place;
	p->count = p->bytes = p->total = 0;
	p->first.version = 0;
	return p;
}

void
lk_reassembly_remove(struct lk_reassembly *r, struct lk_waiting_packet *p)
{
	uint32_t place = (uint32_t)(p - r->packets) + 1, *at = bucket_of(r, &p->key);

	while (*at != place)
		at = &r->packets[*at - 1].next;
	*at = p->next;
	*(p->older != 0 ? &r->packets[p->older - 1].newer : &r->oldest) = p->newer;
	*(p->newer != 0 ? &r->packets[p->newer - 1].older : &r->newest) = p->older;
	r->held -= p->count;
	p->next = r->free;
	r->free = place;
}

static struct lk_waiting_packet *
find(struct lk_reassembly *r, const struct lk_packet_key *key, uint64_t now)
{
	uint32_t *bucket = bucket_of(r, key);

	for (uint32_t at = *bucket; at != 0; at = r->packets[at - 1].next)
		if (memcmp(&r->packets[at - 1].key, key, sizeof(*key)) == 0)
			return &r->packets[at - 1];
	return add(r, key, bucket, now);
}

static const uint8_t *
bytes_of(const struct lk_part_of_packet *part)
{
	return rte_pktmbuf_mtod_offset(part->m, const uint8_t *, part->data);
}

/* Where it stands among those that came, or why it cannot; RFC 8200 4.5 has an exact copy ignored.
 */
static enum lk_verdict
place_of(const struct lk_waiting_packet *p, const struct lk_part_of_packet *part, uint32_t *place)
{
	uint32_t at = p->count;

	/* They mostly come in their order. */
	while (at > 0 && p->parts[at - 1].offset > part->offset)
		at--;
	*place = at;
	if (at > 0) {
		const struct lk_part_of_packet *before = &p->parts[at - 1];

		if (before->offset == part->offset && before->length == part->length &&
		    memcmp(bytes_of(before), bytes_of(part), part->length) == 0)
			return LK_reassemble_duplicate;
		if (before->offset + before->length > part->offset)
			return LK_reassemble_overlap;
	}
	if (at < p->count && part->offset + part->length > p->parts[at].offset)
		return LK_reassemble_overlap;
	return p->count == LK_MOST_PARTS ? LK_reassemble_too_many : LK_next;
}

enum lk_verdict
lk_reassembly_put(struct lk_reassembly *r, struct rte_mbuf *m, const struct lk_fragment *f,
		  uint64_t now, struct lk_waiting_packet **packet)
{
	struct lk_packet_key key = key_of(rte_pktmbuf_mtod(m, const uint8_t *), f);
	struct lk_part_of_packet part = {m, f->data, f->offset, f->length};
	uint32_t end = (uint32_t)f->offset + f->length, last, at;
	struct lk_waiting_packet *p;
	enum lk_verdict verdict;

	*packet = NULL;
	if (!lk_fragment_is_good(f))
		return LK_reassemble_bad;
	if (r->held >= r->most)
		return LK_reassemble_full;
	p = find(r, &key, now);
	if (p == NULL)
		return LK_reassemble_full;
	verdict = place_of(p, &part, &at);
	if (verdict == LK_reassemble_duplicate)
		return verdict;
	*packet = p;
	if (verdict != LK_next)
		return verdict;
	/* One end, and nothing behind it. */
	last = p->count == 0
		       ? 0
		       : (uint32_t)p->parts[p->count - 1].offset + p->parts[p->count - 1].length;
	if (f->more ? p->total != 0 && end >= p->total : p->total != 0 || end < last)
		return LK_reassemble_bad;
	if (!f->more)
		p->total = end;
	if (f->offset == 0)
		p->first = *f;
	memmove(&p->parts[at + 1], &p->parts[at], (p->count - at) * sizeof(part));
	p->parts[at] = part;
	p->count++;
	p->bytes += f->length;
	r->held++;
	r->most_held = RTE_MAX(r->most_held, r->held);
	return LK_next;
}

struct rte_mbuf *
lk_reassembly_join(const struct lk_waiting_packet *p)
{
	struct rte_mbuf *first = p->parts[0].m, *whole = rte_pktmbuf_alloc(first->pool);
	uint32_t length = p->first.headers + p->total;
	uint8_t *to;

	if (whole == NULL || length > rte_pktmbuf_tailroom(whole) ||
	    p->first.headers - p->first.l3 + p->total > LK_LONGEST_PACKET) {
		rte_pktmbuf_free(whole);
		return NULL;
	}
	*lk_mark_of(whole) = 0;
	whole->port = first->port;
	whole->data_len = (uint16_t)length;
	whole->pkt_len = length;
	to = rte_pktmbuf_mtod(whole, uint8_t *);
	memcpy(to, rte_pktmbuf_mtod(first, uint8_t *), p->first.headers);
	for (uint32_t i = 0; i < p->count; i++)
		memcpy(to + p->first.headers + p->parts[i].offset, bytes_of(&p->parts[i]),
		       p->parts[i].length);
	lk_make_whole(to, &p->first, p->total);
	return whole;
}

struct lk_waiting_packet *
lk_reassembly_late(const struct lk_reassembly *r, uint64_t now)
{
	struct lk_waiting_packet *p = r->oldest == 0 ? NULL : &r->packets[r->oldest - 1];

	return p != NULL && now - p->since >= r->timeout ? p : NULL;
}

uint32_t
lk_reassembly_rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows, uint32_t room)
{
	const struct lk_reassembly *r = self->state;
	uint32_t count = 0, at = *cursor == 0 ? r->oldest : (uint32_t)*cursor - 1;
	uint64_t now = rte_rdtsc();

	for (; at != 0 && count < room; at = r->packets[at - 1].newer) {
		const struct lk_waiting_packet *p = &r->packets[at - 1];
		uint64_t *cells = rows[count++].cells;
		uint64_t a[4];

		for (int i = 0; i < 4; i++)
			a[i] = lk_get64((const uint8_t *)&p->key.addresses[i]);
		cells[0] = cells[3] = p->key.version;
		cells[1] = p->key.version == 4 ? 0 : a[0];
		cells[2] = p->key.version == 4 ? a[0] >> 32 : a[1];
		cells[4] = p->key.version == 4 ? 0 : a[2];
		cells[5] = p->key.version == 4 ? (uint32_t)a[0] : a[3];
		cells[6] = p->key.id;
		cells[7] = p->count;
		cells[8] = p->bytes;
		cells[9] = p->total == 0 ? UINT64_MAX : p->total;
		cells[10] = (uint64_t)((double)(now - p->since) * r->ns_per_cycle);
	}
	*cursor = at + 1; /* 1: the end */
	return count;
}
