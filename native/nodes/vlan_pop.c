/* SPDX-License-Identifier: BSD-3-Clause */
#include "node.h"
#include "vlan.h"

/* What has no tag leaves by `other`, where something is behind it. */
static enum lk_verdict
pop(struct lk_frame *frame, const struct lk_node_config *config)
{
	enum lk_verdict verdict = lk_vlan_pop(frame);

	return verdict == LK_vlan_untagged && config->other >= 0 ? LK_other : verdict;
}

LK_FRAME_NODE(vlan_pop, pop(frame, &self->config))
