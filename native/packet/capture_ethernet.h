/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_CAPTURE_ETHERNET_H
#define LK_CAPTURE_ETHERNET_H

#include "capture_reader.h"
#include "link_type.h"

/* A buffer of a reader with room behind the window, where a frame becomes one of Ethernet. */
#define LK_CAPTURE_BUFFER (LK_CAPTURE_WINDOW + LK_CAPTURE_MOST_KEPT + LK_ETHER_LENGTH)

/* Makes a record one of Ethernet without FCS, as it is sent. What cannot be one stays as it is. */
static inline enum lk_to_ethernet
lk_capture_to_ethernet(struct lk_capture_reader *r, struct lk_capture_record *record)
{
	uint8_t *to = r->buffer + LK_CAPTURE_WINDOW;
	uint32_t length = record->length - record->fcs;
	uint32_t kept = record->kept < length ? record->kept : length;
	enum lk_to_ethernet made = LK_ETHERNET_MADE;

	if (record->link_type != LK_LINK_ETHERNET) {
		made = lk_to_ethernet(record->link_type, record->bytes, &kept, &length, to);
		if (made != LK_ETHERNET_MADE)
			return made;
		record->bytes = to;
		record->link_type = LK_LINK_ETHERNET;
	}
	record->kept = kept;
	record->length = length;
	record->fcs = 0;
	return made;
}

#endif
