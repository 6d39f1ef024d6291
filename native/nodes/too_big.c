/* SPDX-License-Identifier: BSD-3-Clause */
#include "node.h"
#include "too_big.h"

LK_FRAME_NODE(too_big,
	      lk_too_big(frame, &self->config.endpoint, (uint32_t)self->config.values[0].whole))
