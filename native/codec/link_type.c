/* SPDX-License-Identifier: BSD-3-Clause */

/* Frames of other links as frames of Ethernet, many a call. */
#include "api.h"

uint64_t
lk_codec_to_ethernet(struct lk_captured *records, uint64_t count, const uint8_t *buffer,
		     uint8_t *to, uint8_t *whys)
{
	uint64_t used = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct lk_captured *r = &records[i];
		uint32_t length = r->length - r->fcs;
		uint32_t kept = r->kept < length ? r->kept : length;

		whys[i] = (uint8_t)lk_to_ethernet(r->link_type, buffer + r->offset, &kept, &length,
						  to + used);
		r->offset = used;
		r->kept = 0;
		if (whys[i] != LK_ETHERNET_MADE)
			continue;
		r->kept = kept;
		r->length = length;
		r->link_type = LK_LINK_ETHERNET;
		r->fcs = 0;
		used += kept;
	}
	return used;
}
