/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A libFuzzer target over one tunnel's way out and in, built once for each protocol. Input: a byte
 * of switches, the outer frame. The frame stands in an allocation of its own, so that
 * AddressSanitizer sees a read or write of one byte too far.
 */
#include <stdlib.h>

#include "decap.h"
#include "encap.h"
#include "prepare.h"

#define IS_MENDED  1
#define IS_UNIFORM 2
#define TAKES_ZERO 4
#define HAS_LOCAL  8
#define STRICTNESS 0x30
#define PAYLOAD	   0xc0
#define ROOM	   400u

static void
require(int condition)
{
	if (!condition)
		abort();
}

/* tests/tunnels.py has the same ends. */
static struct lk_tunnel
tunnel_of(uint8_t switches, uint8_t ip_version)
{
	struct lk_tunnel t = {
		.protocol = PROTOCOL,
		.strictness = (switches & STRICTNESS) >> 4,
		.ip_version = ip_version,
		.local_mac = {2, 0, 0, 0, 0, 0x0b},
		.remote_mac = {2, 0, 0, 0, 0, 0x0a},
		.has_local = (switches & HAS_LOCAL) != 0,
		.ttl = 64,
		.is_uniform = (switches & IS_UNIFORM) != 0,
		.sends_checksum = 1,
		.takes_zero_checksum = (switches & TAKES_ZERO) != 0,
		.takes_any_vni = 1,
		.vni = 42,
		.known_count = 1,
		.known = {0x010282},
	};

	if (ip_version == 4) {
		memcpy(t.local, "\xc0\0\2\2", 4);
		memcpy(t.remote, "\xc0\0\2\1", 4);
	} else {
		memcpy(t.local, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\2", 16);
		memcpy(t.remote, "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 16);
	}
	if (t.strictness > LK_OVS)
		t.strictness = LK_RFC;
	switch ((enum lk_tunnel_protocol)PROTOCOL) {
	case LK_VXLAN:
		t.udp_port = LK_VXLAN_PORT;
		break;
	case LK_GENEVE:
		t.udp_port = LK_GENEVE_PORT;
		t.payload = switches & 0x80 ? LK_IP : LK_ETHERNET;
		break;
	case LK_GUE:
		t.udp_port = LK_GUE_PORT;
		t.payload = (uint8_t[]){LK_IP, LK_IP, LK_GRE, LK_ETHERIP}[switches >> 6];
		t.gue_variant = switches >> 6 == 1;
		break;
	}
	lk_tunnel_prepare(&t);
	return t;
}

/* Puts the right outer checksums in, which random bytes never have. */
static void
mend(uint8_t *frame, uint32_t length)
{
	struct lk_headers h;
	enum lk_verdict verdict = lk_parse(frame, length, &h);
	uint8_t *ip = frame + h.l3;

	if (verdict == LK_ipv4_bad_checksum) {
		lk_put16(ip + 10, 0);
		lk_store_checksum(ip + 10, lk_sum(ip, (ip[0] & 15u) * 4, 0));
		verdict = lk_parse(frame, length, &h);
	}
	if (verdict != LK_next || h.ip_version == 0 || h.protocol != LK_PROTO_UDP ||
	    lk_check_udp(frame, &h) != LK_udp_bad_checksum)
		return;
	lk_put16(frame + h.l4 + 6, 0);
	lk_put16(frame + h.l4 + 6,
		 lk_udp_checksum(
			 lk_sum(frame + h.l4, h.l4_length,
				lk_pseudo_sum(ip, h.ip_version, LK_PROTO_UDP, h.l4_length))));
}

/* What came out goes in again, and comes out the same. */
static void
check_round_trip(const struct lk_frame *out, const struct lk_tunnel *t)
{
	uint8_t *buffer = malloc(out->length + ROOM);
	struct lk_frame f = {buffer, out->length, 0, ROOM};
	struct lk_tunnel back = *t;
	struct lk_decapsulated found;
	uint32_t start = t->payload == LK_IP ? LK_ETHER_LENGTH : 0;
	enum lk_verdict verdict;

	require(buffer != NULL);
	memcpy(buffer, out->data, out->length);
	verdict = lk_encap(&f, t);
	if (verdict == LK_next) {
		back.has_local = 0;
		back.strictness = LK_RFC; /* Open vSwitch does not take what it can send: IP */
		back.takes_any_vni = 0;
		/* In pipe mode nothing inside changes: the outer ECN field is a copy of the inner.
		 */
		back.is_uniform = 0;
		verdict = lk_decap(&f, &back, &found);
		require(verdict == LK_next);
		require(f.length == out->length);
		require(memcmp(f.data + start, out->data + start, f.length - start) == 0);
	} else {
		require(verdict == LK_tunnel_unhandled_payload || verdict == LK_tunnel_too_long);
	}
	free(buffer);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *buffer, *before, switches;
	struct lk_decapsulated found;
	enum lk_verdict verdict;
	struct lk_tunnel t;
	struct lk_frame f;
	uint32_t length;

	if (size < 1)
		return 0;
	switches = data[0];
	length = (uint32_t)size - 1;
	buffer = malloc(length + 1);
	before = malloc(length + 1);
	require(buffer != NULL && before != NULL);
	memcpy(buffer, data + 1, length);
	if (switches & IS_MENDED)
		mend(buffer, length);
	memcpy(before, buffer, length);
	t = tunnel_of(switches, length > 12 && buffer[12] == 0x86 ? 6 : 4);

	f = (struct lk_frame){buffer, length, 0, 0};
	verdict = lk_decap(&f, &t, &found);
	require((unsigned int)verdict < LK_VERDICT_COUNT);
	require(f.data == buffer + f.headroom);
	require(f.headroom + f.length + f.tailroom == length);
	if (verdict != LK_next) {
		require(f.length == length && memcmp(before, buffer, length) == 0);
		require(found.outer.at <= length);
	} else {
		require(f.length >= LK_ETHER_LENGTH);
		require(found.inner <= length && found.options + found.options_length <= length);
		check_round_trip(&f, &t);
	}
	free(before);
	free(buffer);
	return 0;
}
