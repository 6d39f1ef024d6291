/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A libFuzzer target over what a router does to headers: whether a packet may go on, its age, and
 * the ICMP errors about it. Input: a byte of switches, the frame. The frame and the room for the
 * error stand in allocations of their own, so that AddressSanitizer sees a byte too far.
 */
#include <stdlib.h>

#include "forward.h"
#include "icmp_error.h"

#define IS_MENDED 1
#define IS_TIGHT  2 /* there is little room for the error */
#define LEAST	  64u

static const uint8_t source[16] = {10, 0, 0, 1, [15] = 1};

static void
require(int condition)
{
	if (!condition)
		abort();
}

/* What the error's receiver finds in it. */
static void
check_error(const uint8_t *error, uint32_t length, const uint8_t *ip, uint32_t most)
{
	uint8_t *frame = calloc(1, LK_ETHER_LENGTH + length);
	struct lk_headers h;

	require(frame != NULL && length <= most);
	lk_put16(frame + 12, ip[0] >> 4 == 4 ? LK_TYPE_IPV4 : LK_TYPE_IPV6);
	memcpy(frame + LK_ETHER_LENGTH, error, length);
	require(lk_parse(frame, LK_ETHER_LENGTH + length, &h) == LK_next);
	require(h.l4 + h.l4_length == LK_ETHER_LENGTH + length);
	require(lk_icmp_is_good(frame, &h));
	require(memcmp(frame + h.l4 + 8, ip, h.l4_length - 8u) == 0);
	require(!(h.ip_version == 4 ? lk_may_tell_ipv4(frame, frame + LK_ETHER_LENGTH, length)
				    : lk_may_tell_ipv6(frame, frame + LK_ETHER_LENGTH, length, 0)));
	free(frame);
}

static void
tell(const uint8_t *frame, const uint8_t *ip, uint32_t length, uint32_t room)
{
	const struct lk_icmp_error error = {LK_ICMP_UNREACHABLE, 1, 0};
	const struct lk_icmp_error error6 = {LK_ICMPV6_UNREACHABLE, 0, 0};
	uint8_t *out = malloc(room);

	require(out != NULL);
	if (ip[0] >> 4 == 4 && lk_may_tell_ipv4(frame, ip, length))
		check_error(out, lk_icmp_error_ipv4(out, room, ip, length, &error, source, 1), ip,
			    LK_ICMP_LONGEST_ERROR);
	if (ip[0] >> 4 == 6 && lk_may_tell_ipv6(frame, ip, length, 0))
		check_error(out, lk_icmp_error_ipv6(out, room, ip, length, &error6, source), ip,
			    LK_ICMPV6_LONGEST_ERROR);
	free(out);
}

static void
route(uint8_t *frame, uint32_t length, int switches)
{
	uint8_t *ip = frame + LK_ETHER_LENGTH;
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse_to_forward(frame, length, &h);

	if (verdict == LK_ipv4_bad_checksum && (switches & IS_MENDED)) {
		lk_put16(ip + 10, 0);
		lk_store_checksum(ip + 10, lk_sum(ip, (ip[0] & 15u) * 4, 0));
		verdict = lk_parse_to_forward(frame, length, &h);
	}
	require((unsigned int)verdict < LK_VERDICT_COUNT);
	if (verdict != LK_next)
		return;
	tell(frame, ip, length - LK_ETHER_LENGTH,
	     switches & IS_TIGHT ? LEAST : LK_ICMPV6_LONGEST_ERROR);
	if (lk_may_forward(frame, ip) != LK_next || ip[h.ip_version == 4 ? 8 : 7] < 2)
		return;
	if (h.ip_version == 4) {
		lk_age_ipv4(ip);
		require(lk_parse_to_forward(frame, length, &h) == LK_next);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *frame;

	if (size < 1 + LK_ETHER_LENGTH)
		return 0;
	frame = malloc(size - 1);
	require(frame != NULL);
	memcpy(frame, data + 1, size - 1);
	route(frame, (uint32_t)size - 1, data[0]);
	free(frame);
	return 0;
}
