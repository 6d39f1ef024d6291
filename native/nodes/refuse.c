/* SPDX-License-Identifier: BSD-3-Clause */
#include "node.h"
#include "refuse.h"

LK_FRAME_NODE(refuse, lk_refuse(frame, &self->config.endpoint))
