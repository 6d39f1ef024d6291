/* SPDX-License-Identifier: BSD-3-Clause */

/* What has no tag, or one without translation, leaves by `other` where something is behind it. */
#include <errno.h>

#include "node.h"
#include "vlan.h"

#define STATE_BYTES (LK_VLAN_IDS * sizeof(uint16_t))

static int
open_map(struct lk_node *self)
{
	const struct lk_node_data *map = &self->config.data[0];

	if (map->length != STATE_BYTES)
		return -EINVAL;
	memcpy(self->state, map->bytes, STATE_BYTES);
	return 0;
}

static enum lk_verdict
handle(struct lk_frame *frame, struct lk_node *self)
{
	enum lk_verdict verdict = lk_vlan_translate(frame, self->state);

	if ((verdict == LK_vlan_untagged || verdict == LK_vlan_unknown) && self->config.other >= 0)
		return LK_other;
	return verdict;
}

static uint16_t
process(struct rte_graph *graph, struct rte_node *node, void **objs, uint16_t count)
{
	return lk_each_frame(graph, node, objs, count, handle);
}

LK_NODE(vlan_translate, process, .state_bytes = STATE_BYTES, .open = open_map)
