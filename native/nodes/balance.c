/* SPDX-License-Identifier: BSD-3-Clause */

/*
 * Spreads frames over its outputs. A list of outputs, in which each stands as often as its weight
 * is, is entered at a place that the frame's flow tells.
 */
#include <errno.h>
#include <stdlib.h>

#include "node.h"
#include "spread.h"
#include "toeplitz.h"

enum { KEY };		   /* of config.values */
enum { OUTPUTS, RSS_KEY }; /* of config.data */

/* The order of KEYS in labkit/path/balance.py */
enum key { FIVE_TUPLE, THREE_TUPLE, SOURCE, TARGET, MACS, TOEPLITZ, ROUND_ROBIN };

#define RETA 128 /* places of a NIC's table of queues, in which these take turns */

struct lk_balance {
	uint8_t *outputs;
	uint32_t count;
	uint32_t turn; /* of round-robin: the next place */
	struct lk_toeplitz *toeplitz;
};

static int
open_balance(struct lk_node *self)
{
	const struct lk_node_data *outputs = &self->config.data[OUTPUTS];
	const struct lk_node_data *key = &self->config.data[RSS_KEY];
	struct lk_balance *b = self->state;

	if (outputs->length == 0 || outputs->length > UINT16_MAX || key->length != LK_TOEPLITZ_KEY)
		return -EINVAL;
	b->count = (uint32_t)outputs->length;
	b->outputs = malloc(b->count);
	b->toeplitz = malloc(sizeof(*b->toeplitz));
	if (b->outputs == NULL || b->toeplitz == NULL)
		return -ENOMEM;
	memcpy(b->outputs, outputs->bytes, b->count);
	lk_toeplitz_prepare(b->toeplitz, key->bytes);
	return 0;
}

static void
close_balance(struct lk_node *self)
{
	struct lk_balance *b = self->state;

	free(b->outputs);
	free(b->toeplitz);
}

/* Places get the same share of all hashes, whatever their number. */
static __rte_always_inline uint32_t
place_of(uint64_t hash, uint32_t count)
{
	return (uint32_t)((hash >> 32) * count >> 32);
}

static __rte_always_inline uint32_t
place(struct lk_balance *b, const struct lk_frame *f, enum key key)
{
	switch (key) {
	case FIVE_TUPLE:
		return place_of(lk_flow_of(f->data, f->length).hash, b->count);
	case THREE_TUPLE:
		return place_of(lk_hash_addresses(f->data, f->length, LK_BY_PROTOCOL), b->count);
	case SOURCE:
		return place_of(lk_hash_addresses(f->data, f->length, LK_BY_SOURCE), b->count);
	case TARGET:
		return place_of(lk_hash_addresses(f->data, f->length, LK_BY_TARGET), b->count);
	case MACS:
		return place_of(lk_hash_macs(f->data), b->count);
	case TOEPLITZ:
		return lk_toeplitz_hash(b->toeplitz, f->data, f->length) % RETA % b->count;
	default:
		b->turn = b->turn < b->count ? b->turn : 0;
		return b->turn++;
	}
}

static enum lk_verdict
handle(struct lk_frame *frame, struct lk_node *self)
{
	struct lk_balance *b = self->state;

	if (unlikely(frame->length < LK_ETHER_LENGTH))
		return LK_eth_truncated;
	return LK_OUTPUT(b->outputs[place(b, frame, (enum key)self->config.values[KEY].whole)]);
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	return lk_each_frame(graph, node, objs, count, handle);
}

LK_NODE(balance, process, .state_bytes = sizeof(struct lk_balance), .open = open_balance,
	.close = close_balance)
