/* SPDX-License-Identifier: BSD-3-Clause */
#include "nd.h"
#include "node.h"

LK_FRAME_NODE(nd_responder, lk_nd_responder(frame, &self->config.endpoint))
