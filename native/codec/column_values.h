/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef LK_COLUMN_VALUES_H
#define LK_COLUMN_VALUES_H

#include "api.h"
#include "intern.h"
#include "parts.h"

/* A frame as it is looked at for all of its columns. */
struct lk_look {
	const uint8_t *frame;
	const struct lk_captured *record;
	const struct lk_walk *walk;
	const struct lk_parts *parts;
	uint64_t number;
};

/* Bytes of a frame on the wire without its FCS, which may be left out of what was kept. */
static inline uint32_t
lk_without_fcs(const struct lk_captured *record)
{
	return record->fcs <= record->length ? record->length - record->fcs : record->length;
}

/* Whether a frame is wanted: by libpcap's bpf_filter(), whose address `filter` is, 0: all are. */
static inline int
lk_is_taken(uint64_t filter, const uint8_t *program, const struct lk_look *look)
{
	unsigned int (*bpf_filter)(const void *, const uint8_t *, unsigned int, unsigned int) =
		(unsigned int (*)(const void *, const uint8_t *, unsigned int, unsigned int))(
			uintptr_t)filter;

	return filter == 0 ||
	       bpf_filter(program, look->frame, look->record->length, look->record->kept) != 0;
}

/* The number in a column; 0: there is none. */
int lk_column_number(const struct lk_look *look, const struct lk_packet_parts *p,
		     enum lk_column column, uint64_t *value);
/* The number of a text that is always the same; -1: there is none. */
int32_t lk_column_code(const struct lk_look *look, const struct lk_packet_parts *p,
		       enum lk_column column);

#endif
