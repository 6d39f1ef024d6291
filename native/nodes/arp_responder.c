/* SPDX-License-Identifier: BSD-3-Clause */
#include "arp.h"
#include "node.h"

LK_FRAME_NODE(arp_responder, lk_arp_responder(frame, &self->config.endpoint))
