/* SPDX-License-Identifier: BSD-3-Clause */
#include "decap.h"
#include "node.h"

static inline enum lk_verdict
decap(struct lk_frame *frame, const struct lk_tunnel *tunnel)
{
	struct lk_decapsulated found;

	return lk_decap(frame, tunnel, &found);
}

LK_FRAME_NODE(decap, decap(frame, &self->config.tunnel))
