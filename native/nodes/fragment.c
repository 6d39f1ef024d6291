/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Packets that are longer than the MTU leave as fragments; those that must not be fragmented leave
 * by `other`, or are dropped where nothing is behind it. What is no IP packet passes.
 */
#include "fragment.h"
#include "node.h"

enum { MTU };
#define AT_ONCE 64

struct fragmenting {
	uint64_t fragmented, made, taken; /* packets; fragments; the packets' frames */
	uint32_t id;			  /* of IPv6 packets */
};

/* The headers that each fragment has again, and the data behind them. */
struct cut {
	struct lk_fragment whole; /* of the packet, which may be a fragment itself */
	uint32_t headers;	  /* of each fragment's IP packet, its own included */
	uint32_t chunk;		  /* data of each but the last */
	uint32_t count;
};

/* Behind hop-by-hop options and a routing header (RFC 8200 4.5); *field names what follows. */
static uint32_t
end_of_unfragmentable(const uint8_t *frame, uint32_t l3, uint16_t *field)
{
	uint32_t at = l3 + LK_IPV6_LENGTH, end = at, protocol = frame[l3 + 6];

	*field = (uint16_t)(l3 + 6);
	while (protocol == LK_PROTO_HOP_BY_HOP || protocol == LK_PROTO_ROUTING ||
	       protocol == LK_PROTO_DESTINATION) {
		uint32_t begin = at;
		int stays = protocol != LK_PROTO_DESTINATION;

		protocol = frame[begin];
		at += (frame[begin + 1] + 1u) * 8;
		if (stays) {
			end = at;
			*field = (uint16_t)begin;
		}
	}
	return end;
}

/* Whether a frame of so many bytes is to be cut, and how; LK_other: it must not be. */
static enum lk_verdict
plan(const uint8_t *frame, uint32_t length, uint32_t mtu, struct cut *cut)
{
	struct lk_fragment *w = &cut->whole;
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(frame, length, &h);
	uint32_t end;

	*cut = (struct cut){.count = 0};
	if (verdict == LK_ipv6_fragment) /* only a source fragments, and once */
		return lk_get16(frame + h.l3 + 4) + LK_IPV6_LENGTH > mtu ? LK_other : LK_next;
	if (h.ip_version == 0 || (verdict != LK_next && verdict != LK_ipv4_fragment))
		return LK_next;
	end = (uint32_t)h.l4 + h.l4_length;
	if (end - h.l3 <= mtu)
		return LK_next;
	w->l3 = h.l3;
	w->version = h.ip_version;
	if (h.ip_version == 4) {
		uint16_t field = lk_get16(frame + h.l3 + 6);

		if (field & LK_IP_DONT_FRAGMENT)
			return LK_other;
		w->headers = w->data = h.l4;
		w->offset = (uint16_t)((field & LK_IP_OFFSET) * LK_FRAGMENT_UNIT);
		w->more = (field & LK_IP_MORE_FRAGMENTS) != 0;
		cut->headers = h.l4 - h.l3;
	} else {
		w->headers = w->data = (uint16_t)end_of_unfragmentable(frame, h.l3, &w->next_at);
		w->protocol = frame[w->next_at];
		cut->headers = w->headers - h.l3 + LK_FRAGMENT_HEADER;
	}
	w->length = (uint16_t)(end - w->data);
	if (cut->headers + LK_FRAGMENT_UNIT > mtu)
		return LK_other;
	cut->chunk = (mtu - cut->headers) / LK_FRAGMENT_UNIT * LK_FRAGMENT_UNIT;
	cut->count = (w->length + cut->chunk - 1) / cut->chunk;
	return LK_next;
}

static void
write_ipv4(uint8_t *ip, const struct cut *cut, uint32_t at, uint32_t length, int more)
{
	uint32_t offset = cut->whole.offset + at;

	lk_put16(ip + 2, (uint16_t)(cut->headers + length));
	lk_put16(ip + 6, (uint16_t)(offset / LK_FRAGMENT_UNIT |
				    (more || cut->whole.more ? LK_IP_MORE_FRAGMENTS : 0)));
	/* RFC 791 3.1: options without the copied flag are the first one's alone. */
	for (uint32_t o = LK_IPV4_LENGTH; at > 0 && o < cut->headers && ip[o] != 0;) {
		uint32_t size = ip[o] == 1 || o + 1 == cut->headers ? 1 : ip[o + 1];

		size = RTE_MIN(RTE_MAX(size, 1u), cut->headers - o);
		if ((ip[o] & 0x80) == 0)
			memset(ip + o, 1, size);
		o += size;
	}
	lk_put16(ip + 10, 0);
	lk_store_checksum(ip + 10, lk_sum(ip, cut->headers, 0));
}

static void
write_ipv6(uint8_t *frame, const struct cut *cut, uint32_t at, uint32_t length, int more,
	   uint32_t id)
{
	const struct lk_fragment *w = &cut->whole;
	uint8_t *header = frame + w->headers;

	frame[w->next_at] = LK_PROTO_FRAGMENT;
	header[0] = w->protocol;
	header[1] = 0;
	lk_put16(header + 2, (uint16_t)(at | (uint32_t)more));
	lk_put32(header + 4, id);
	lk_put16(frame + w->l3 + 4, (uint16_t)(cut->headers - LK_IPV6_LENGTH + length));
}

static void
fill(struct rte_mbuf *to, struct rte_mbuf *from, const struct cut *cut, uint32_t number,
     uint32_t id)
{
	const struct lk_fragment *w = &cut->whole;
	uint8_t *frame = rte_pktmbuf_mtod(from, uint8_t *), *made;
	uint32_t at = number * cut->chunk, length = RTE_MIN(cut->chunk, w->length - at);
	uint32_t headers = w->l3 + cut->headers;
	int more = number + 1 < cut->count;

	to->port = from->port;
	to->data_len = (uint16_t)(headers + length);
	to->pkt_len = to->data_len;
	*lk_mark_of(to) = 0;
	made = rte_pktmbuf_mtod(to, uint8_t *);
	memcpy(made, frame, w->headers);
	memcpy(made + headers, frame + w->data + at, length);
	if (w->version == 4)
		write_ipv4(made + w->l3, cut, at, length, more);
	else
		write_ipv6(made, cut, at, length, more, id);
}

static enum lk_verdict
fragment(struct rte_graph *graph, struct rte_node *node, struct fragmenting *state,
	 struct rte_mbuf *m, const struct cut *cut)
{
	struct rte_mbuf *made[AT_ONCE];
	uint32_t id = state->id++, longest = cut->whole.l3 + cut->headers + cut->chunk;

	/* The frame may have grown into the room in front of it, which a new buffer leaves free. */
	if (longest + RTE_PKTMBUF_HEADROOM > rte_pktmbuf_data_room_size(m->pool))
		return LK_fragment_no_buffer;
	for (uint32_t done = 0; done < cut->count;) {
		uint32_t count = RTE_MIN(cut->count - done, (uint32_t)AT_ONCE);

		if (rte_pktmbuf_alloc_bulk(m->pool, made, count) != 0)
			return LK_fragment_no_buffer;
		for (uint32_t i = 0; i < count; i++)
			fill(made[i], m, cut, done + i, id);
		lk_pass(graph, node, LK_next, (void **)made, (uint16_t)count);
		state->made += count;
		done += count;
	}
	rte_pktmbuf_free(m);
	state->fragmented++;
	state->taken++;
	return LK_next;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	struct lk_node *self = lk_node_of(node);
	enum lk_verdict otherwise = self->config.other < 0 ? LK_fragment_forbidden : LK_other;
	struct fragmenting *state = self->state;
	uint32_t mtu = (uint32_t)self->config.values[MTU].whole;
	uint16_t kept = 0;

	lk_enter(node, objs, count);
	for (uint16_t i = 0; i < count; i++) {
		struct rte_mbuf *m = objs[i];
		struct cut cut = {.count = 0};
		enum lk_verdict verdict = LK_next;

		if (m->data_len > mtu + LK_ETHER_LENGTH)
			verdict =
				plan(rte_pktmbuf_mtod(m, const uint8_t *), m->data_len, mtu, &cut);
		if (likely(verdict == LK_next && cut.count == 0)) {
			objs[kept++] = m;
			continue;
		}
		if (kept > 0) /* in their order */
			lk_pass(graph, node, LK_next, objs, kept);
		kept = 0;
		if (cut.count > 0)
			verdict = fragment(graph, node, state, m, &cut);
		if (verdict != LK_next)
			lk_pass_one(graph, node, verdict == LK_other ? otherwise : verdict, m);
	}
	if (likely(kept == count))
		lk_pass_all(graph, node, LK_next);
	else if (kept > 0)
		lk_pass(graph, node, LK_next, objs, kept);
	return count;
}

LK_NODE(fragment, process, .state_bytes = sizeof(struct fragmenting))
