/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A libFuzzer target over every handler of a single frame. Input: the number of the kind, a byte of
 * switches, the frame. The frame stands in an allocation of its own, so that AddressSanitizer sees
 * a read or write of one byte too far.
 */
#include <stdlib.h>

#include "reflect.h"
#include "refuse.h"

#define HAS_HEADROOM 1
#define HAS_TAILROOM 2
#define IS_MENDED    4
#define ROOM	     32u

/* tests/frames.py has the same endpoint, which does not know its broadcast address. */
static const struct lk_endpoint endpoint = {
	.mac = {2, 0, 0, 0, 0, 2},
	.udp_port = 9000,
	.ipv4_count = 1,
	.ipv6_count = 1,
	.ipv4 = {{10, 0, 0, 2}},
	.ipv4_hosts = {255},
	.ipv6 = {{0xfd, [15] = 2}},
};

static enum lk_verdict
reflect(struct lk_frame *frame, const struct lk_endpoint *e)
{
	(void)e;
	return lk_reflect(frame);
}

/* The order of KINDS in tests/fuzz/target.py */
static enum lk_verdict (*const handlers[])(struct lk_frame *, const struct lk_endpoint *) = {
	lk_arp_responder, lk_nd_responder, lk_icmp_echo, lk_udp_echo, lk_refuse, reflect,
};

static void
require(int condition)
{
	if (!condition)
		abort();
}

/* Puts the right checksums in, which random bytes never have. */
static void
mend(uint8_t *frame, uint32_t length)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(frame, length, &h);
	uint8_t *ip = frame + h.l3;
	uint32_t field;

	if (verdict == LK_ipv4_bad_checksum) {
		lk_put16(ip + 10, 0);
		lk_store_checksum(ip + 10, lk_sum(ip, (ip[0] & 15u) * 4, 0));
		verdict = lk_parse(frame, length, &h);
	}
	field = h.protocol == LK_PROTO_UDP ? 6 : 2;
	if (verdict != LK_next || h.ip_version == 0 || h.l4_length < field + 2 ||
	    (h.protocol != LK_PROTO_UDP && h.protocol != LK_PROTO_ICMP &&
	     h.protocol != LK_PROTO_ICMPV6))
		return;
	lk_put16(frame + h.l4 + field, 0);
	lk_store_checksum(
		frame + h.l4 + field,
		lk_sum(frame + h.l4, h.l4_length,
		       h.protocol == LK_PROTO_ICMP
			       ? 0
			       : lk_pseudo_sum(ip, h.ip_version, h.protocol, h.l4_length)));
}

/* What another host would find in an answer. */
static void
check_answer(const struct lk_frame *f)
{
	struct lk_headers h;

	require(lk_parse(f->data, f->length, &h) == LK_next);
	require(memcmp(f->data + 6, endpoint.mac, 6) == 0);
	if (h.ip_version == 0)
		return;
	require(h.ip_version == 4 ? lk_has_ipv4(&endpoint, f->data + h.l3 + 12)
				  : lk_has_ipv6(&endpoint, f->data + h.l3 + 8));
	require(!lk_is_destination(&endpoint, f->data, &h));
	require(h.l4 + h.l4_length == f->length);
	if (h.protocol == LK_PROTO_UDP)
		require(lk_check_udp(f->data, &h) == LK_next);
	else
		require(lk_icmp_is_good(f->data, &h));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t kind, room, length;
	uint32_t headroom, tailroom;
	uint8_t *buffer, *before;
	enum lk_verdict verdict;
	struct lk_frame f;

	if (size < 2)
		return 0;
	length = size - 2;
	kind = data[0] % (sizeof(handlers) / sizeof(handlers[0]));
	headroom = data[1] & HAS_HEADROOM ? ROOM : 0;
	tailroom = data[1] & HAS_TAILROOM ? ROOM : 0;
	room = headroom + length + tailroom;
	buffer = calloc(1, room);
	before = malloc(room);
	require(buffer != NULL && before != NULL);
	memcpy(buffer + headroom, data + 2, length);
	if (data[1] & IS_MENDED)
		mend(buffer + headroom, (uint32_t)length);
	memcpy(before, buffer, room);

	f = (struct lk_frame){buffer + headroom, (uint32_t)length, headroom, tailroom};
	verdict = handlers[kind](&f, &endpoint);

	require((unsigned int)verdict < LK_VERDICT_COUNT);
	require(f.data == buffer + f.headroom);
	require((size_t)f.headroom + f.length + f.tailroom == room);
	if (verdict != LK_next)
		require(f.length == length && memcmp(before, buffer, room) == 0);
	else if (handlers[kind] == reflect)
		require(f.length == length && f.headroom == headroom);
	else
		check_answer(&f);
	free(before);
	free(buffer);
	return 0;
}
