/* SPDX-License-Identifier: BSD-3-Clause */

/* Messages about IP, and the packets that they quote. */
#include <stddef.h>

#include "walk.h"

#define MESSAGE_LENGTH	  4u /* type, code and checksum, as all have them */
#define ICMP_LENGTH	  8u
#define REDIRECT	  137
#define REDIRECT_LENGTH	  40u /* and then options */
#define OPTION_REDIRECTED 4

/* Behind the header of an error stands the packet that it is about (RFC 4884 4: so many words of
 * it, and then extensions). */
static void
quote(struct lk_walker *s, enum lk_layer_kind kind, uint32_t length)
{
	uint32_t end = s->end;

	if (length != 0 && length < end - s->at)
		lk_walk_ends_at(s, (uint64_t)s->at + length, LK_LAYER_data);
	lk_walk_last(s)->end = end; /* of the message */
	s->is_quoted = 1;
	s->next = (uint8_t)kind;
}

/* A header of `length` bytes; 0: the message has nothing but a header. */
static const uint8_t *
message(struct lk_walker *s, enum lk_layer_kind kind, uint32_t length)
{
	uint32_t room = s->end - s->at;

	if (length == 0)
		length = room < MESSAGE_LENGTH ? MESSAGE_LENGTH : room;
	return lk_walk_header(s, kind, length);
}

/* The checksum stands 2 bytes behind the start, and covers all of the packet. */
static int
has_checksum(struct lk_walker *s)
{
	if (s->at - lk_walk_last(s)->offset >= MESSAGE_LENGTH && lk_walk_is_whole(s))
		return 1;
	lk_walk_cannot_tell(s, 0);
	return 0;
}

void
lk_walk_icmp(struct lk_walker *s)
{
	uint8_t type = lk_walk_sees(s, 1) ? s->frame[s->at] : 0;
	int is_error = type == 3 || type == 4 || type == 5 || type == 11 || type == 12;
	int has_data = is_error || type == 0 || type == 8;
	const uint8_t *p = message(s, LK_LAYER_icmp, has_data ? ICMP_LENGTH : 0);

	if (has_checksum(s))
		lk_walk_judge(s, 2, s->end, 0);
	if (p != NULL && is_error && !s->is_quoted)
		quote(s, LK_LAYER_ip, type == 5 || type == 4 ? 0 : p[5] * 4u);
}

/* RFC 4861 4.5 and 4.6.3: a redirect has the packet in an option, whose first 8 bytes belong to the
 * message. Where the packet begins, or 0 where there is none. */
static uint32_t
find_redirected(const struct lk_walker *s)
{
	uint32_t at = REDIRECT_LENGTH, size;

	while (lk_walk_sees(s, at + 8)) {
		size = s->frame[s->at + at + 1] * 8u;
		if (s->frame[s->at + at] == OPTION_REDIRECTED && size > 8)
			return at + 8;
		if (size == 0)
			break;
		at += size;
	}
	return 0;
}

void
lk_walk_icmpv6(struct lk_walker *s)
{
	uint8_t type = lk_walk_sees(s, 1) ? s->frame[s->at] : 0;
	int is_error = type >= 1 && type <= 4, is_echo = type == 128 || type == 129;
	uint32_t redirected = type == REDIRECT ? find_redirected(s) : 0;
	const uint8_t *p =
		message(s, LK_LAYER_icmpv6, is_error || is_echo ? ICMP_LENGTH : redirected);

	if (has_checksum(s))
		lk_walk_judge_transport(s, 2, s->end, s->end - lk_walk_last(s)->offset);
	if (p == NULL || s->is_quoted)
		return;
	if (redirected != 0)
		quote(s, LK_LAYER_ipv6, p[redirected - 7] * 8u - 8);
	else if (is_error)
		quote(s, LK_LAYER_ipv6, type == 1 || type == 3 ? p[4] * 8u : 0);
}

void
lk_walk_igmp(struct lk_walker *s)
{
	message(s, LK_LAYER_igmp, 0);
	if (has_checksum(s))
		lk_walk_judge(s, 2, s->end, 0);
}
