/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_WALK_H
#define LK_WALK_H

#include "headers.h"
#include "layers.h"

#define LK_MOST_TAILS 16u

/* What a walk over a frame knows where it stands. Captures come from anywhere: every header is
 * taken by lk_walk_header(), which looks whether it is there. */
struct lk_walker {
	const uint8_t *frame;
	struct lk_walk *walk;
	uint32_t kept;
	uint32_t at;	  /* of the next layer */
	uint32_t end;	  /* of what is around it */
	uint32_t minimum; /* where the shortest Ethernet frame ends, directly behind whose header it
			   * stands; 0 elsewhere */
	uint8_t next;	  /* enum lk_layer_kind; data: it ends here */
	uint8_t problem;  /* of the data that is left */
	uint8_t has_sums; /* checksums are wanted */
	uint8_t is_quoted;
	uint8_t is_open; /* a fragment, or a packet that is quoted in part: lengths lead beyond it
			  */
	/* Of the IP packet around: what its pseudo-header is made of */
	uint8_t ip_version;
	uint8_t is_fragment;
	uint8_t is_partial;  /* not all of it is in the frame */
	uint8_t is_underway; /* to or from an address that is not told */
	uint8_t protocol;
	uint32_t ip_at;
	uint64_t source_sum;
	uint64_t destination_sum;
	/* What stands behind packets that end before what is around them, from the outside in */
	uint32_t tail_count;
	struct lk_walk_tail {
		uint32_t from, minimum, to;
		uint8_t kind;
	} tails[LK_MOST_TAILS];
};

/* The layer that was found last. */
static inline struct lk_layer *
lk_walk_last(struct lk_walker *s)
{
	return &s->walk->layers[s->walk->count - 1];
}

/* What follows is data; problem: why it is no more than that. */
static inline void
lk_walk_stops(struct lk_walker *s, enum lk_problem problem)
{
	s->next = LK_LAYER_data;
	s->problem = (uint8_t)problem;
}

/*
 * A layer whose header of `length` bytes stands where the walk is. NULL where it is not whole: the
 * layer tells so, and the walk ends.
 */
static inline const uint8_t *
lk_walk_header(struct lk_walker *s, enum lk_layer_kind kind, uint32_t length)
{
	const uint8_t *p = s->frame + s->at;
	uint32_t room = s->end - s->at, at = s->at;
	enum lk_problem problem = LK_PROBLEM_NONE;

	if (length > room) {
		problem = LK_PROBLEM_SHORT;
		length = room;
	} else if (at > s->kept || length > s->kept - at) {
		problem = LK_PROBLEM_CUT;
	}
	s->at = at + length;
	s->walk->layers[s->walk->count++] = (struct lk_layer){
		.offset = at,
		.length = length,
		.end = s->end,
		.kind = (uint8_t)kind,
		.problem = (uint8_t)problem,
		.is_quoted = s->is_quoted,
	};
	s->next = LK_LAYER_data;
	return problem == LK_PROBLEM_NONE ? p : NULL;
}

/* The header of the last layer has `length` bytes; 0 where they are not there. */
static inline int
lk_walk_lengthen(struct lk_walker *s, uint32_t length)
{
	struct lk_layer *layer = lk_walk_last(s);
	uint8_t problem = layer->problem;
	int is_there;

	s->walk->count--;
	s->at = layer->offset;
	is_there = lk_walk_header(s, (enum lk_layer_kind)layer->kind, length) != NULL;
	if (is_there)
		layer->problem = problem;
	return is_there;
}

/* `n` bytes of the next header may be looked at. */
static inline int
lk_walk_sees(const struct lk_walker *s, uint32_t n)
{
	uint32_t end = s->end < s->kept ? s->end : s->kept;

	return s->at <= end && n <= end - s->at;
}

/* A checksum over a packet of which a part is elsewhere, or its destination, tells nothing. */
static inline int
lk_walk_is_whole(const struct lk_walker *s)
{
	return !s->is_fragment && !s->is_partial && !s->is_quoted && !s->is_underway;
}

/* Nothing is to be said of the last layer's checksum; `field`: where it stands in the header, or 0
 * where even that is not there. */
static inline void
lk_walk_cannot_tell(struct lk_walker *s, uint32_t field)
{
	struct lk_layer *layer = lk_walk_last(s);

	layer->sum = LK_SUM_UNKNOWN;
	if (field != 0)
		layer->checksum = lk_get16(s->frame + layer->offset + field);
}

void lk_walk_ends_at(struct lk_walker *s, uint64_t end, enum lk_layer_kind tail);
void lk_walk_judge(struct lk_walker *s, uint32_t field, uint32_t to, uint64_t pseudo);
void lk_walk_judge_transport(struct lk_walker *s, uint32_t field, uint32_t to, uint64_t length);
uint64_t lk_walk_pseudo(const struct lk_walker *s, uint64_t length);

enum lk_layer_kind lk_walk_type(uint16_t ether_type);
enum lk_layer_kind lk_walk_protocol(uint8_t protocol);
enum lk_layer_kind lk_walk_version(const struct lk_walker *s);
enum lk_layer_kind lk_walk_link(const struct lk_walker *s, uint32_t link_type);

/* walk_link.c, walk_ip.c, walk_transport.c, walk_tunnel.c: a layer of the kind of the name */
#define LK_WALK_STEPS(X)                                                                           \
	X(eth)                                                                                     \
	X(llc)                                                                                     \
	X(snap)                                                                                    \
	X(sll)                                                                                     \
	X(sll2)                                                                                    \
	X(loop)                                                                                    \
	X(vlan)                                                                                    \
	X(itag)                                                                                    \
	X(mpls)                                                                                    \
	X(pw)                                                                                      \
	X(pppoed)                                                                                  \
	X(pppoe)                                                                                   \
	X(ppp)                                                                                     \
	X(nsh)                                                                                     \
	X(arp)                                                                                     \
	X(ip)                                                                                      \
	X(ipv6)                                                                                    \
	X(hop_by_hop)                                                                              \
	X(routing)                                                                                 \
	X(fragment)                                                                                \
	X(destination)                                                                             \
	X(ah)                                                                                      \
	X(mobility)                                                                                \
	X(hip)                                                                                     \
	X(shim6)                                                                                   \
	X(esp)                                                                                     \
	X(icmp)                                                                                    \
	X(icmpv6)                                                                                  \
	X(igmp)                                                                                    \
	X(tcp)                                                                                     \
	X(udp)                                                                                     \
	X(udplite)                                                                                 \
	X(sctp)                                                                                    \
	X(gre)                                                                                     \
	X(erspan)                                                                                  \
	X(etherip)                                                                                 \
	X(vxlan)                                                                                   \
	X(vxlan_gpe)                                                                               \
	X(geneve)                                                                                  \
	X(gue)                                                                                     \
	X(gtp)                                                                                     \
	X(teredo)                                                                                  \
	X(l2tp)                                                                                    \
	X(l2tpv3)

#define LK_WALK_STEP(name) void lk_walk_##name(struct lk_walker *s);
LK_WALK_STEPS(LK_WALK_STEP)
#undef LK_WALK_STEP

/* The layers of a frame; see lk_codec_walk(). Checksums cost a look at all of its bytes. */
void lk_walk_frame(const uint8_t *frame, uint32_t kept, uint32_t length, uint32_t link_type,
		   uint32_t fcs, int has_sums, struct lk_walk *walk);

#endif
