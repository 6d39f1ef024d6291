/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_PARTS_H
#define LK_PARTS_H

#include "tunnel.h"
#include "walk.h"

/* What of a walk's layers a packet is made of; NULL: it has none of these. */
struct lk_packet_parts {
	const struct lk_layer *eth, *vlan, *vlan_second, *mpls, *ip, *fragment, *l4;
	const struct lk_layer *last; /* that is known */
	int16_t protocol;	     /* of IP behind extension headers; -1: not known */
};

/* A frame's outer packet, and where tunnels carry one its innermost. */
struct lk_parts {
	struct lk_packet_parts outer, inner;
	const struct lk_layer *tunnel; /* the outermost, whose header tells of it; NULL: IP in IP */
	const struct lk_layer *innermost; /* with which the innermost packet of tunnels begins */
	uint8_t tunnel_kind;		  /* enum lk_layer_kind */
	uint8_t depth;
	uint8_t problem; /* of the first layer that has one */
};

/* `n` bytes of a layer's header are there. */
static inline int
lk_layer_has(const struct lk_walk *w, const struct lk_layer *layer, uint32_t n)
{
	return layer != NULL && layer->length >= n && layer->offset + n <= w->kept;
}

void lk_parts_of(const uint8_t *frame, const struct lk_walk *walk, struct lk_parts *parts);

#endif
