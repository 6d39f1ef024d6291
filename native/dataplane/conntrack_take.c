/* SPDX-License-Identifier: BSD-3-Clause */

/* What becomes of a frame: its connection, a new one, or none. */
#include "conntrack.h"

#define FRAGMENT_TIME 30 /* s, that the others may take (RFC 791 3.2 says 15, Linux 30) */

/* Whether a connection may begin with this frame. */
static int
may_begin(const struct lk_conntrack *t, const struct lk_flow_frame *frame)
{
	if (frame->key.protocol == LK_PROTO_TCP)
		return frame->tcp_flags == LK_TCP_SYN || (frame->tcp_flags & 0x17) == LK_TCP_SYN ||
		       (t->picks_up && (frame->tcp_flags & 0x17) == LK_TCP_ACK);
	if (lk_flow_key_is_query(&frame->key))
		return frame->is_request;
	return 1;
}

/* A connection that is over, by its time or because it was closed and begins anew. */
static int
is_over(const struct lk_connection *c, const struct lk_flow_frame *frame, uint64_t now)
{
	return c->deadline <= now ||
	       (frame->key.protocol == LK_PROTO_TCP && lk_tcp_is_closed(c->tcp.state) &&
		(frame->tcp_flags & (LK_TCP_SYN | LK_TCP_ACK)) == LK_TCP_SYN);
}

static enum lk_verdict
invalid(struct lk_conntrack *t, enum lk_verdict verdict, uint64_t *flow)
{
	t->invalid++;
	*flow = lk_flow_told(0, t->number, 0, 0, LK_INVALID);
	return t->when_invalid == LK_OTHERWISE_DROP ? verdict : LK_next;
}

/* What the frame does to its connection. 0: nothing that fits it. */
static int
advance(struct lk_connection *c, const struct lk_flow_frame *frame, unsigned int direction)
{
	if (frame->key.protocol == LK_PROTO_TCP) {
		if (!lk_tcp_flags_are_good(frame->tcp_flags) ||
		    !lk_tcp_track(&c->tcp, direction, frame->tcp_flags))
			return 0;
	} else if (frame->key.protocol == LK_PROTO_UDP) {
		if (direction == 0 && c->flags & LK_HAS_ANSWER)
			c->tcp.state = LK_UDP_STREAM;
	}
	if (direction == 1)
		c->flags |= LK_HAS_ANSWER;
	return 1;
}

static struct lk_fragment *
fragment_set(const struct lk_conntrack *t, uint64_t packet)
{
	return &t->fragments[packet % LK_FRAGMENT_SETS * LK_FRAGMENT_WAYS];
}

/* In the place of one whose time is over, or will be first. */
static void
remember_fragment(struct lk_conntrack *t, uint64_t packet, uint64_t flow, uint64_t now)
{
	struct lk_fragment *set = fragment_set(t, packet), *oldest = set;

	for (unsigned int i = 0; i < LK_FRAGMENT_WAYS; i++) {
		if (set[i].packet == packet) {
			oldest = &set[i];
			break;
		}
		if (set[i].until < oldest->until)
			oldest = &set[i];
	}
	*oldest = (struct lk_fragment){packet, now + (uint64_t)(FRAGMENT_TIME * t->hz), flow};
}

static enum lk_verdict
take_fragment(struct lk_conntrack *t, const struct lk_flow_frame *frame, uint32_t bytes,
	      uint64_t now, uint64_t *flow)
{
	struct lk_fragment *set = fragment_set(t, frame->packet);

	for (unsigned int i = 0; i < LK_FRAGMENT_WAYS; i++) {
		struct lk_connection *c;

		if (set[i].packet != frame->packet || set[i].until <= now)
			continue;
		c = lk_flow_connection(set[i].flow);
		if (c == NULL || c->deadline <= now)
			break;
		c->packets[lk_flow_direction(set[i].flow)]++;
		c->bytes[lk_flow_direction(set[i].flow)] += bytes;
		*flow = set[i].flow | LK_FLOW_LATER_FRAGMENT;
		return LK_next;
	}
	return invalid(t, LK_conntrack_fragment, flow);
}

static enum lk_verdict
take_error(struct lk_conntrack *t, const struct lk_flow_frame *frame, uint64_t now, uint64_t *flow)
{
	unsigned int direction;
	uint32_t place = lk_conntrack_find(t, &frame->key, frame->hash, &direction);
	const struct lk_connection *c = &t->connections[place];

	if (place == LK_NO_PLACE || c->deadline <= now)
		return invalid(t, LK_conntrack_invalid, flow);
	t->related++;
	*flow = lk_flow_told(place, t->number, c->generation, direction, LK_RELATED);
	return LK_next;
}

static enum lk_verdict
take_packet(struct lk_conntrack *t, const struct lk_flow_frame *frame, uint32_t bytes, uint64_t now,
	    uint64_t *flow)
{
	unsigned int direction;
	uint32_t place = lk_conntrack_find(t, &frame->key, frame->hash, &direction);
	struct lk_connection *c = &t->connections[place];
	int is_first = 0, had_answer;

	if (unlikely(place == LK_NO_PLACE || is_over(c, frame, now))) {
		enum lk_verdict verdict;

		if (!may_begin(t, frame))
			return invalid(t, LK_conntrack_invalid, flow);
		if (place != LK_NO_PLACE && direction == 0) {
			verdict = lk_conntrack_restart(t, c, frame, now);
		} else {
			if (place != LK_NO_PLACE) {
				t->expired += c->deadline <= now;
				lk_conntrack_forget(t, place);
			}
			verdict = lk_conntrack_add(t, frame, now, &place);
		}
		if (verdict != LK_next) {
			if (t->when_full == LK_OTHERWISE_DROP)
				return verdict;
			t->untracked++;
			*flow = 0;
			return LK_next;
		}
		c = &t->connections[place];
		direction = 0;
		is_first = 1;
	}
	had_answer = c->flags & LK_HAS_ANSWER;
	if (!is_first && unlikely(!advance(c, frame, direction)))
		return invalid(t, LK_conntrack_invalid, flow);
	c->packets[direction]++;
	c->bytes[direction] += bytes;
	/* One that was refused, or given up before an answer, is over with this frame. */
	if (unlikely(!had_answer && c->tcp.state == LK_TCP_CLOSED))
		lk_conntrack_end(t, c, now);
	else
		lk_conntrack_set_time(t, c, now);
	*flow = lk_flow_told(place, t->number, c->generation, direction,
			     c->flags & LK_HAS_ANSWER ? LK_ESTABLISHED : LK_NEW);
	if (unlikely(frame->what == LK_FLOW_FIRST))
		remember_fragment(t, frame->packet, *flow, now);
	return LK_next;
}

enum lk_verdict
lk_conntrack_take(struct lk_conntrack *t, struct lk_flow_frame *frame, uint32_t bytes, uint64_t now,
		  uint64_t *flow)
{
	switch (frame->what) {
	case LK_FLOW_PACKET:
	case LK_FLOW_FIRST:
		return take_packet(t, frame, bytes, now, flow);
	case LK_FLOW_ERROR:
		return take_error(t, frame, now, flow);
	case LK_FLOW_LATER:
		if (!lk_has_ports(frame->key.protocol) && !lk_flow_key_is_query(&frame->key))
			return take_packet(t, frame, bytes, now, flow);
		return take_fragment(t, frame, bytes, now, flow);
	case LK_FLOW_INVALID:
		return invalid(t, LK_conntrack_invalid, flow);
	default:
		t->untracked++;
		*flow = 0;
		return LK_next;
	}
}
