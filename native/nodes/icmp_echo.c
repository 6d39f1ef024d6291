/* SPDX-License-Identifier: BSD-3-Clause */
#include "icmp.h"
#include "node.h"

LK_FRAME_NODE(icmp_echo, lk_icmp_echo(frame, &self->config.endpoint))
