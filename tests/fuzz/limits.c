/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A libFuzzer target over what classify, header_limit, flow_limit and too_big do with bytes. Input:
 * whether there is room in front of the frame, then the frame.
 */
#include <stdlib.h>

#include "flow_table.h"
#include "header_length.h"
#include "too_big.h"
#include "traffic_class.h"
#include "udp.h"

#define ROOM 64
#define MTU  1280

static void
require(int condition)
{
	if (!condition)
		abort();
}

/* The answer is an ICMP error whose checksums are right, and quotes what came. */
static void
check_answer(const struct lk_frame *f, const uint8_t *before, uint32_t length)
{
	struct lk_headers h, sent;
	enum lk_verdict verdict;
	uint32_t quoted;

	require(lk_parse(f->data, f->length, &h) == LK_next);
	verdict = lk_parse(before, length, &sent);
	require((verdict == LK_next || verdict == LK_ipv6_fragment) &&
		sent.ip_version == h.ip_version);
	require(lk_is_icmp(&h) && lk_icmp_is_good(f->data, &h) && lk_is_icmp_error(f->data, &h));
	quoted = h.l4_length - LK_ERROR_LENGTH;
	require(quoted <= length - sent.l3);
	require(memcmp(f->data + h.l4 + LK_ERROR_LENGTH, before + sent.l3, quoted) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct lk_endpoint endpoint = {
		.ipv4_count = 1,
		.ipv4 = {{10, 0, 0, 1}},
		.ipv6_count = 1,
		.ipv6 = {{0xfd, 0, [15] = 1}},
	};
	uint32_t headroom, length;
	uint8_t *buffer, *before;
	enum lk_verdict verdict;
	struct lk_frame f;

	if (size < 1)
		return 0;
	length = (uint32_t)size - 1;
	headroom = data[0] & 1 ? ROOM : 0;
	buffer = malloc(headroom + length + 1);
	before = malloc(length + 1);
	require(buffer != NULL && before != NULL);
	memcpy(buffer + headroom, data + 1, length);
	memcpy(before, data + 1, length);

	f = (struct lk_frame){buffer + headroom, length, headroom, 0};
	require(lk_header_length(f.data, length) <= length);
	require(lk_classes_of(f.data, length, 0x0a000002) < 1u << LK_CLASS_COUNT);
	lk_flow_key(f.data, length, 1);
	lk_flow_key(f.data, length, 0);
	require(memcmp(f.data, before, length) == 0);
	verdict = lk_too_big(&f, &endpoint, MTU);
	require((unsigned int)verdict < LK_VERDICT_COUNT && f.data == buffer + f.headroom);
	if (verdict == LK_next)
		check_answer(&f, before, length);
	else
		require(f.length == length && memcmp(f.data, before, length) == 0);
	free(before);
	free(buffer);
	return 0;
}
