/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * A libFuzzer target over what a switch, VLAN nodes and a balancer make of a frame. Input: a byte
 * of switches, the frame, which stands in an allocation of its own.
 */
#include <stdlib.h>

#include "bridge.h"
#include "spread.h"
#include "toeplitz.h"

#define HAS_HEADROOM 1
#define HAS_TAILROOM 2
#define IS_AWARE     4
#define IS_TAGGED    8 /* where the frame leaves */
#define ROOM	     4u

enum { PORT = 1, NATIVE = 10 };

static struct lk_vlan_ports vlans[LK_VLAN_IDS];
static uint16_t translations[LK_VLAN_IDS];
static struct lk_toeplitz toeplitz;

static void
require(int condition)
{
	if (!condition)
		abort();
}

static void
prepare(void)
{
	static const uint8_t key[LK_TOEPLITZ_KEY] = {1, 2, 3};

	for (uint32_t vid = 1; vid < LK_VLAN_IDS - 1; vid++) {
		vlans[vid].members = vid % 3 != 0 ? 1u << PORT : 1;
		translations[vid] = (uint16_t)(vid % 2 != 0 ? vid + 1 : LK_VLAN_IDS);
	}
	lk_toeplitz_prepare(&toeplitz, key);
}

/* A frame is as it was but for its first tag. */
static void
check_rest(const struct lk_frame *f, const uint8_t *before, uint32_t length)
{
	uint32_t from = f->length > length ? 16 : 12, of = f->length < length ? 16 : 12;

	require(memcmp(f->data, before, 12) == 0);
	if (f->length == length)
		from = of = 16;
	require(f->length - from == length - of);
	require(memcmp(f->data + from, before + of, f->length - from) == 0);
}

static enum lk_verdict
switched(struct lk_frame *f, uint8_t switches)
{
	struct lk_bridged b;
	int is_aware = switches & IS_AWARE;
	enum lk_verdict verdict =
		lk_bridge_look(f->data, f->length, is_aware ? vlans : NULL, PORT, NATIVE, &b);

	if (verdict != LK_next)
		return verdict;
	require(b.source != 0 && b.vlan < LK_VLAN_IDS && (b.vlan != 0) == is_aware / IS_AWARE);
	return is_aware ? lk_bridge_tag(f, &b, switches & IS_TAGGED) : LK_next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 1)
		return 0;
	if (translations[1] == 0)
		prepare();
	for (int what = 0; what < 4; what++) {
		uint32_t length = (uint32_t)size - 1;
		uint32_t headroom = data[0] & HAS_HEADROOM ? ROOM : 0;
		uint32_t tailroom = data[0] & HAS_TAILROOM ? ROOM : 0;
		uint8_t *buffer = calloc(1, headroom + length + tailroom);
		struct lk_frame f = {buffer + headroom, length, headroom, tailroom};
		enum lk_verdict verdict;

		require(buffer != NULL);
		memcpy(f.data, data + 1, length);
		if (what == 0)
			verdict = switched(&f, data[0]);
		else if (what == 1)
			verdict = lk_vlan_push(&f, LK_TYPE_QINQ, 7);
		else if (what == 2)
			verdict = lk_vlan_pop(&f);
		else
			verdict = lk_vlan_translate(&f, translations);
		require((unsigned int)verdict < LK_VERDICT_COUNT);
		require(f.data == buffer + f.headroom);
		require(f.headroom + f.length + f.tailroom == headroom + length + tailroom);
		if (verdict != LK_next)
			require(f.length == length && memcmp(f.data, data + 1, length) == 0);
		else if (f.length >= 16 && length >= 16)
			check_rest(&f, data + 1, length);
		if (f.length >= LK_ETHER_LENGTH) {
			lk_toeplitz_hash(&toeplitz, f.data, f.length);
			lk_hash_macs(f.data);
			for (int by = LK_BY_PROTOCOL; by <= LK_BY_TARGET; by++)
				lk_hash_addresses(f.data, f.length, (enum lk_spread_by)by);
		}
		free(buffer);
	}
	return 0;
}
