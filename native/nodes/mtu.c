/* SPDX-License-Identifier: BSD-3-Clause */

/* Packets that are longer than an MTU leave by `other`, or are dropped where nothing is behind it.
 */
#include "headers.h"
#include "node.h"

struct mtu {
	uint64_t passed, exceeded; /* counters */
};

/* Bytes behind the Ethernet header and its VLAN tags. */
static uint32_t
packet_length(const uint8_t *frame, uint32_t length)
{
	uint32_t at = LK_ETHER_LENGTH - 2;

	for (int tags = 0; tags < LK_MAX_VLAN_TAGS && at + 6 <= length; tags++) {
		uint16_t type = lk_get16(frame + at);

		if (type != LK_TYPE_VLAN && type != LK_TYPE_QINQ)
			break;
		at += 4;
	}
	return length > at + 2 ? length - at - 2 : 0;
}

static enum lk_verdict
handle(struct lk_frame *frame, struct lk_node *self)
{
	struct mtu *m = self->state;

	if (likely(packet_length(frame->data, frame->length) <=
		   (uint64_t)self->config.values[0].whole)) {
		m->passed++;
		return LK_next;
	}
	m->exceeded++;
	return self->config.other < 0 ? LK_over_mtu : LK_other;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	return lk_each_frame(graph, node, objs, count, handle);
}

LK_NODE(mtu, process, .state_bytes = sizeof(struct mtu))
