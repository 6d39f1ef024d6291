/* SPDX-License-Identifier: BSD-3-Clause */
#include "node.h"
#include "vlan.h"

enum { VID, PCP, DEI, IS_SERVICE };

static uint16_t
tci(const struct lk_node_value *values)
{
	return (uint16_t)(values[PCP].whole << 13 | values[DEI].whole << 12 | values[VID].whole);
}

LK_FRAME_NODE(vlan_push,
	      lk_vlan_push(frame,
			   self->config.values[IS_SERVICE].whole ? LK_TYPE_QINQ : LK_TYPE_VLAN,
			   tci(self->config.values)))
