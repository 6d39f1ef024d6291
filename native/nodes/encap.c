/* SPDX-License-Identifier: BSD-3-Clause */
#include "encap.h"
#include "node.h"

LK_FRAME_NODE(encap, lk_encap(frame, &self->config.tunnel))
