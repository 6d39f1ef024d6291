/* SPDX-License-Identifier: BSD-3-Clause */

/* IPv4 packets that do not fit the next link, in pieces (RFC 791 3.2, RFC 1812 4.2.2.7). */
#include "forward.h"
#include "router.h"

#define COPIED 0x80 /* of an option: it stands in every fragment */

/* The header of fragments after the first: options that are copied, the others as no operation. */
static void
without_first_only(uint8_t *ip, uint32_t header)
{
	uint32_t at = LK_IPV4_LENGTH, size;

	while (at < header && ip[at] != 0) {
		size = ip[at] == 1 ? 1 : ip[at + 1];
		if ((ip[at] & COPIED) == 0)
			memset(ip + at, 1, size);
		at += size;
	}
}

static struct rte_mbuf *
piece(struct lk_router *r, const struct rte_mbuf *m, uint32_t header, uint32_t from, uint32_t size,
      int is_last)
{
	const uint8_t *whole = rte_pktmbuf_mtod(m, uint8_t *);
	struct rte_mbuf *part = lk_router_frame(r, m);
	uint16_t old = lk_get16(whole + LK_ETHER_LENGTH + 6);
	uint8_t *frame, *ip;

	if (part == NULL)
		return NULL;
	part->data_len = (uint16_t)(LK_ETHER_LENGTH + header + size);
	part->pkt_len = part->data_len;
	frame = rte_pktmbuf_mtod(part, uint8_t *);
	if (part->data_len > part->buf_len - part->data_off) {
		r->made--;
		rte_pktmbuf_free(part);
		return NULL;
	}
	memcpy(frame, whole, LK_ETHER_LENGTH + header);
	memcpy(frame + LK_ETHER_LENGTH + header, whole + LK_ETHER_LENGTH + header + from, size);
	ip = frame + LK_ETHER_LENGTH;
	if (from != 0)
		without_first_only(ip, header);
	lk_put16(ip + 2, (uint16_t)(header + size));
	lk_put16(ip + 6, (uint16_t)(((old & 0xe000) | (is_last ? 0 : LK_MORE_FRAGMENTS)) |
				    ((old & 0x1fff) + from / 8)));
	lk_put16(ip + 10, 0);
	lk_store_checksum(ip + 10, lk_sum(ip, header, 0));
	return part;
}

void
lk_router_fragment(struct lk_router *r, struct rte_mbuf *m, struct lk_neighbour *n)
{
	const uint8_t *ip = rte_pktmbuf_mtod(m, uint8_t *) + LK_ETHER_LENGTH;
	uint32_t header = (ip[0] & 15u) * 4, length = lk_ip_length(ip) - header;
	uint32_t most = n->mtu < header + 8 ? 0 : (n->mtu - header) & ~7u;

	for (uint32_t from = 0; from < length && most > 0; from += most) {
		uint32_t size = RTE_MIN(most, length - from);
		struct rte_mbuf *part = piece(r, m, header, from, size, from + size == length);

		if (part == NULL) {
			lk_router_drop(r, m, LK_no_room);
			return;
		}
		lk_router_out(r, part, n);
	}
	r->fragmented++;
	r->taken++;
	rte_pktmbuf_free(m);
}
