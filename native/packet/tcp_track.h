/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_TCP_TRACK_H
#define LK_TCP_TRACK_H

#include <stdint.h>

/*
 * A TCP connection as one in the middle sees it (RFC 9293 3.3.2): the states are those of the end
 * that is ahead, as in Linux's nf_conntrack. Directions: 0 of who began, 1 of who answers.
 */
enum lk_connection_state {
	LK_TCP_SYN_SENT,
	LK_TCP_SYN_RECEIVED,
	LK_TCP_ESTABLISHED,
	LK_TCP_FIN_WAIT,   /* one end has sent its FIN, */
	LK_TCP_CLOSE_WAIT, /* which the other one has acknowledged, */
	LK_TCP_LAST_ACK,   /* and has sent its own */
	LK_TCP_TIME_WAIT,
	LK_TCP_CLOSED,	/* by a RST */
	LK_UDP_ONE_WAY, /* nothing came back, or one answer */
	LK_UDP_STREAM,	/* more followed an answer */
	LK_ICMP_ASKED,
	LK_OTHER_STATE, /* any other protocol */
	LK_CONNECTION_STATES,
};

#define LK_TCP_FIN 0x01
#define LK_TCP_SYN 0x02
#define LK_TCP_RST 0x04
#define LK_TCP_ACK 0x10

struct lk_tcp_track {
	uint8_t state;
	uint8_t syns;	  /* a bit for each direction that has sent one; */
	uint8_t fins;	  /* the same */
	uint8_t last_fin; /* direction of the first FIN of the end that closed later */
};

/* Flags that no TCP sends: none of SYN, ACK, FIN and RST, or SYN or RST with FIN, or both. */
static inline int
lk_tcp_flags_are_good(uint8_t flags)
{
	switch (flags & (LK_TCP_SYN | LK_TCP_FIN | LK_TCP_RST | LK_TCP_ACK)) {
	case LK_TCP_SYN:
	case LK_TCP_SYN | LK_TCP_ACK:
	case LK_TCP_RST:
	case LK_TCP_RST | LK_TCP_ACK:
	case LK_TCP_FIN | LK_TCP_ACK:
	case LK_TCP_ACK:
		return 1;
	default:
		return 0;
	}
}

static inline int
lk_tcp_is_closed(uint8_t state)
{
	return state == LK_TCP_TIME_WAIT || state == LK_TCP_CLOSED;
}

/* A segment of a connection that is known. 0: it does not fit what came before. */
static inline int
lk_tcp_track(struct lk_tcp_track *t, unsigned int direction, uint8_t flags)
{
	uint8_t fin_of_other = t->fins & (1u << !direction);

	if (flags & LK_TCP_RST) {
		if (t->state == LK_TCP_SYN_SENT && direction == 1 && !(flags & LK_TCP_ACK))
			return 0; /* RFC 9293 3.10.7.3: to a SYN only an acknowledging one counts */
		t->state = LK_TCP_CLOSED;
		return 1;
	}
	if ((flags & (LK_TCP_SYN | LK_TCP_ACK)) == LK_TCP_SYN) {
		/* Sent again, sent by both at once (RFC 9293 3.5), or by who has forgotten the
		 * connection, to be told so (RFC 9293 3.5.1) */
		if (direction == 1 && t->state > LK_TCP_SYN_RECEIVED)
			return 0;
		t->syns |= (uint8_t)(1u << direction);
		return 1;
	}
	if (flags & LK_TCP_SYN) {
		if (!(t->syns & (1u << !direction)))
			return 0;
		if (t->state == LK_TCP_SYN_SENT)
			t->state = LK_TCP_SYN_RECEIVED;
		else if (t->state == LK_TCP_SYN_RECEIVED && direction == 0)
			t->state = LK_TCP_ESTABLISHED; /* both have opened */
		t->syns |= (uint8_t)(1u << direction);
		return t->state <= LK_TCP_ESTABLISHED;
	}
	if (t->state == LK_TCP_SYN_SENT) /* nothing to acknowledge, but by who is half-open */
		return direction == 1 && !(flags & LK_TCP_FIN);
	if (flags & LK_TCP_FIN) {
		if (!(t->fins & (1u << direction)))
			t->last_fin = (uint8_t)direction;
		t->fins |= (uint8_t)(1u << direction);
		if (!lk_tcp_is_closed(t->state))
			t->state = t->fins == 3 ? LK_TCP_LAST_ACK : LK_TCP_FIN_WAIT;
		return 1;
	}
	if (t->state == LK_TCP_SYN_RECEIVED && direction == 0)
		t->state = LK_TCP_ESTABLISHED;
	else if (t->state == LK_TCP_FIN_WAIT && fin_of_other)
		t->state = LK_TCP_CLOSE_WAIT;
	else if (t->state == LK_TCP_LAST_ACK && direction != t->last_fin)
		t->state = LK_TCP_TIME_WAIT;
	return 1;
}

#endif
