/* SPDX-License-Identifier: BSD-3-Clause */
#include "node.h"
#include "udp.h"

LK_FRAME_NODE(udp_echo, lk_udp_echo(frame, &self->config.endpoint))
