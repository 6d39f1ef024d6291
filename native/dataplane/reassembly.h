/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_REASSEMBLY_H
#define LK_REASSEMBLY_H

#include "fragment.h"
#include "node.h"

/*
 * Packets that wait for their fragments. rte_ip_frag takes eight of a packet, knows none of an IPv4
 * packet by its protocol, gives the whole packet up for a fragment that comes twice, and leaves
 * chains of buffers; here frames are of one piece.
 */

#define LK_MOST_PARTS 64

/* In the order of the node's parameters. */
enum { LK_REASSEMBLE_TIMEOUT, LK_REASSEMBLE_ENTRIES, LK_REASSEMBLE_FRAGMENTS };

struct lk_part_of_packet {
	struct rte_mbuf *m;
	uint16_t data; /* where it begins in its frame */
	uint16_t offset, length;
};

struct lk_packet_key { /* RFC 791 3.2: with the protocol; RFC 8200 4.5: without */
	uint64_t addresses[4];
	uint32_t id;
	uint16_t protocol;
	uint16_t version;
};

struct lk_waiting_packet {
	struct lk_packet_key key;
	uint64_t since; /* its first fragment came */
	uint32_t next;	/* 1 + the next one in its bucket, or that is free; 0: none */
	uint32_t newer, older;
	uint32_t count;
	uint32_t bytes, total;	  /* of data that came, and that there is; 0: not known yet */
	struct lk_fragment first; /* as far as it came: version is 0 before */
	struct lk_part_of_packet parts[LK_MOST_PARTS]; /* by their offsets */
};

struct lk_reassembly {
	/* counters: packets put together; frames that they were made of, that wait, that ever did
	 * at most, and that came out */
	uint64_t reassembled, taken, held, most_held, made;

	uint64_t timeout; /* cycles */
	uint64_t most;	  /* frames that may wait */
	double ns_per_cycle;
	uint32_t entries, mask;
	uint32_t *buckets; /* 1 + entry */
	struct lk_waiting_packet *packets;
	uint32_t free, oldest, newest; /* 1 + entry */
};

int lk_reassembly_open(struct lk_node *self);
void lk_reassembly_close(struct lk_node *self);
uint32_t lk_reassembly_rows(struct lk_node *self, uint64_t *cursor, struct lk_row *rows,
			    uint32_t room);

/*
 * Takes a fragment into the packet that it belongs to (LK_next), or says why not; *packet is the
 * one that is lost by it, if any.
 */
enum lk_verdict lk_reassembly_put(struct lk_reassembly *r, struct rte_mbuf *m,
				  const struct lk_fragment *f, uint64_t now,
				  struct lk_waiting_packet **packet);
static inline int
lk_is_whole(const struct lk_waiting_packet *p)
{
	return p->total != 0 && p->bytes == p->total;
}
/* One frame of all fragments; NULL: it fits no buffer, or there is none. */
struct rte_mbuf *lk_reassembly_join(const struct lk_waiting_packet *p);
/* Forgets a packet, whose fragments are no longer held. */
void lk_reassembly_remove(struct lk_reassembly *r, struct lk_waiting_packet *p);
/* The oldest packet, if it has waited too long; NULL. */
struct lk_waiting_packet *lk_reassembly_late(const struct lk_reassembly *r, uint64_t now);

#endif
