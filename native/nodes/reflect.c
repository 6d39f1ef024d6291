/* SPDX-License-Identifier: BSD-3-Clause */
#include "node.h"
#include "reflect.h"

LK_FRAME_NODE(reflect, lk_reflect(frame))
